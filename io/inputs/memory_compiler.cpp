#include "io/inputs/memory_compiler.hpp"

#include <fcntl.h>
#include <poll.h>
#include <spawn.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <charconv>
#include <cmath>
#include <csignal>
#include <cstdlib>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <map>
#include <mutex>
#include <nlohmann/json.hpp>
#include <optional>
#include <sstream>

#include "io/document/error.hpp"
#include "io/document/text_output.hpp"

extern char** environ;  // NOLINT: POSIX has it so

namespace ridgeline::io {
namespace {

namespace fs = std::filesystem;
using nlohmann::json;

constexpr int kPatience = 120;                            // seconds of waiting
constexpr std::size_t kMostBytes = std::size_t{1} << 20;  // of an output that is read

struct Answer {
  double read = 0;     // pJ an access
  double write = 0;    // pJ an access
  double leakage = 0;  // mW
  double area = 0;     // mm2
};

std::string trimmed(std::string_view text) {
  const std::size_t first = text.find_first_not_of(" \t\r");
  if (first == std::string_view::npos) return "";
  return std::string(text.substr(first, text.find_last_not_of(" \t\r") + 1 - first));
}

std::string lines_of(const fs::path& path) {
  std::ifstream stream(path, std::ios::binary);
  std::string text(kMostBytes, '\0');
  stream.read(text.data(), static_cast<std::streamsize>(text.size()));
  text.resize(static_cast<std::size_t>(stream.gcount()));
  return text;
}

// A folder of its own, gone with this object.
class Scratch {
 public:
  Scratch() {
    std::string name = (fs::temp_directory_path() / "ridgeline-cacti-XXXXXX").string();
    if (::mkdtemp(name.data()) == nullptr) {
      throw FileError(name + ": cannot be made: " + std::strerror(errno));
    }
    folder_ = name;
  }
  ~Scratch() {
    std::error_code ignored;
    fs::remove_all(folder_, ignored);
  }
  Scratch(const Scratch&) = delete;
  Scratch& operator=(const Scratch&) = delete;
  const fs::path& folder() const { return folder_; }

 private:
  fs::path folder_;
};

// Runs `program -infile input` in the program's own folder, where CACTI looks for its tables; what
// it says goes to `said`. Returns its exit code.
int run(const fs::path& program, const fs::path& input, const fs::path& said) {
  posix_spawn_file_actions_t actions;
  posix_spawnattr_t attributes;
  ::posix_spawn_file_actions_init(&actions);
  ::posix_spawnattr_init(&attributes);
  ::posix_spawn_file_actions_addopen(&actions, 0, "/dev/null", O_RDONLY, 0);
  ::posix_spawn_file_actions_addopen(&actions, 1, said.c_str(), O_WRONLY | O_CREAT, 0600);
  ::posix_spawn_file_actions_adddup2(&actions, 1, 2);
  ::posix_spawn_file_actions_addchdir_np(&actions, program.parent_path().c_str());
  // A group of its own, so that what it starts ends with it.
  ::posix_spawnattr_setflags(&attributes, POSIX_SPAWN_SETPGROUP);
  std::string name = program.string();
  std::string option = "-infile";
  std::string file = input.string();
  char* arguments[] = {name.data(), option.data(), file.data(), nullptr};
  pid_t child = -1;
  const int failed = ::posix_spawn(&child, name.c_str(), &actions, &attributes, arguments, environ);
  ::posix_spawnattr_destroy(&attributes);
  ::posix_spawn_file_actions_destroy(&actions);
  if (failed != 0) {
    throw FileError("RIDGELINE_CACTI=" + name + ": cannot be started: " + std::strerror(failed));
  }
  int status = 0;
  int waited = 0;
  for (int pause = 1;; pause = std::min(2 * pause, 50)) {
    const pid_t ended = ::waitpid(child, &status, WNOHANG);
    if (ended == child) break;
    if (ended < 0 && errno != EINTR) {
      throw FileError("RIDGELINE_CACTI=" + name + ": is lost: " + std::strerror(errno));
    }
    if (waited > 1000 * kPatience) {
      ::kill(-child, SIGKILL);
      ::waitpid(child, &status, 0);
      throw FileError("RIDGELINE_CACTI=" + name + ": took more than " + std::to_string(kPatience) +
                      " s");
    }
    ::poll(nullptr, 0, pause);
    waited += pause;
  }
  if (WIFSIGNALED(status)) {
    throw FileError("RIDGELINE_CACTI=" + name + ": was ended by signal " +
                    std::to_string(WTERMSIG(status)));
  }
  return WEXITSTATUS(status);
}

double figure_of(const Value& place, const std::string& output, std::string_view column) {
  const std::string text = compiler_figure(output, column);
  double number = 0;
  const auto [rest, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  if (error != std::errc() || rest != text.data() + text.size() || !(number >= 0) ||
      !std::isfinite(number)) {
    throw place.error("the memory compiler has no '" + std::string(column) + "' for it" +
                      (text.empty() ? "" : ", but '" + text + "'"));
  }
  return number;
}

Answer ask(const fs::path& program, const std::string& input, const Value& place) {
  const Scratch scratch;
  const fs::path file = scratch.folder() / "memory.cfg";
  const fs::path said = scratch.folder() / "said";
  std::ofstream(file, std::ios::binary) << input;
  const int code = run(program, file, said);
  const std::string output = lines_of(fs::path(file).concat(".out"));
  if (code != 0 || output.empty()) {
    std::string last = trimmed(lines_of(said));
    if (last.size() > 200) last = "..." + last.substr(last.size() - 200);
    throw place.error("the memory compiler has no answer for it (exit code " +
                          std::to_string(code) + ")" + (last.empty() ? "" : ": " + last),
                      "another size or node, or r_cost, w_cost and area instead");
  }
  return {.read = 1000 * figure_of(place, output, "Dynamic read energy (nJ)"),
          .write = 1000 * figure_of(place, output, "Dynamic write energy (nJ)"),
          .leakage = figure_of(place, output, "Standby leakage per bank(mW)"),
          .area = figure_of(place, output, "Area (mm2)")};
}

fs::path answers_file() {
  if (const char* named = std::getenv("RIDGELINE_CACTI_ANSWERS")) return named;
  if (const char* caches = std::getenv("XDG_CACHE_HOME"); caches && *caches != '\0') {
    return fs::path(caches) / "ridgeline/cacti_answers.jsonl";
  }
  if (const char* home = std::getenv("HOME"); home && *home != '\0') {
    return fs::path(home) / ".cache/ridgeline/cacti_answers.jsonl";
  }
  return {};
}

// Answers by question: of this process, and of the file where others left theirs, a line each.
class Memory {
 public:
  std::optional<Answer> find(const std::string& question) {
    if (const auto known = known_.find(question); known != known_.end()) return known->second;
    if (!read_) read();
    const auto known = known_.find(question);
    return known == known_.end() ? std::nullopt : std::optional(known->second);
  }

  void add(const std::string& question, const Answer& answer) {
    known_[question] = answer;
    const fs::path file = answers_file();
    if (file.empty()) return;
    std::error_code ignored;
    fs::create_directories(file.parent_path(), ignored);
    const std::string line = json{{"question", question},
                                  {"r_cost", answer.read},
                                  {"w_cost", answer.write},
                                  {"leakage", answer.leakage},
                                  {"area", answer.area}}
                                 .dump(-1, ' ', false, json::error_handler_t::replace) +
                             "\n";
    // One write of one line, so that those of several ranks do not mix. Where it fails, the
    // question is asked again another time.
    const int fd = ::open(file.c_str(), O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC, 0644);
    if (fd < 0) return;
    [[maybe_unused]] const ssize_t written = ::write(fd, line.data(), line.size());
    ::close(fd);
  }

 private:
  void read() {
    read_ = true;
    std::ifstream stream(answers_file(), std::ios::binary);
    std::string line;
    while (std::getline(stream, line)) {
      // A line that was cut off is none.
      const json entry = json::parse(line, nullptr, false);
      if (!entry.is_object() || !entry.contains("question")) continue;
      const auto number = [&](const char* key) {
        const auto found = entry.find(key);
        return found != entry.end() && found->is_number() ? found->get<double>() : -1.0;
      };
      const Answer answer{number("r_cost"), number("w_cost"), number("leakage"), number("area")};
      if (answer.read < 0 || answer.write < 0 || answer.leakage < 0 || answer.area < 0) continue;
      if (entry["question"].is_string()) known_.emplace(entry["question"], answer);
    }
  }

  bool read_ = false;
  std::map<std::string, Answer> known_;
};

// "22nm" in micrometres.
double micrometres(const Value& request, const std::string& node) {
  double number = 0;
  const char* const end = node.data() + node.size();
  const auto [rest, error] = std::from_chars(node.data(), end, number);
  const std::string unit =
      error == std::errc() ? trimmed({rest, static_cast<std::size_t>(end - rest)}) : "";
  if (!(number > 0) || (unit != "nm" && unit != "um")) {
    throw request.error("'" + node + "' is no technology node", "node: 22nm");
  }
  return unit == "nm" ? number / 1000 : number;
}

}  // namespace

std::string compiler_input(const model::Memory& memory, std::string_view kind, double node) {
  std::int64_t width = 1;
  int reads = 0;
  int writes = 0;
  int both = 0;
  for (const model::Port& port : memory.ports) {
    width = std::max<std::int64_t>(width, static_cast<std::int64_t>(port.bandwidth_max));
    reads += port.type == model::PortType::read;
    writes += port.type == model::PortType::write;
    both += port.type == model::PortType::read_write;
  }
  std::ostringstream text;
  text.imbue(std::locale::classic());
  text << "-size (bytes) " << (memory.size + 7) / 8 << "\n-Array Power Gating - \"false\"\n"
       << "-WL Power Gating - \"false\"\n-CL Power Gating - \"false\"\n"
       << "-Bitline floating - \"false\"\n-Interconnect Power Gating - \"false\"\n"
       << "-Power Gating Performance Loss 0.01\n"
       << "-block size (bytes) " << std::max<std::int64_t>(1, width / 8)
       << "\n-associativity 1\n-read-write port " << both << "\n-exclusive read port " << reads
       << "\n-exclusive write port " << writes
       << "\n-single ended read ports 0\n-UCA bank count 1\n-technology (u) " << node
       << "\n-page size (bits) 8192\n-burst length 8\n-internal prefetch width 8\n";
  for (const char* part :
       {"Data array cell", "Data array peripheral", "Tag array cell", "Tag array peripheral"}) {
    text << "-" << part << " type - \"itrs-hp\"\n";
  }
  text << "-output/input bus width " << width << "\n-operating temperature (K) 360\n"
       << "-cache type \"" << (kind == "dram" ? "main memory" : "ram") << "\"\n"
       << "-tag size (b) \"default\"\n-access mode (normal, sequential, fast) - \"normal\"\n"
       << "-design objective (weight delay, dynamic power, leakage power, cycle time, area) "
          "0:0:0:100:0\n"
       << "-deviate (delay, dynamic power, leakage power, cycle time, area) "
          "20:100000:100000:100000:100000\n"
       << "-NUCAdesign objective (weight delay, dynamic power, leakage power, cycle time, area) "
          "100:100:0:0:100\n"
       << "-NUCAdeviate (delay, dynamic power, leakage power, cycle time, area) "
          "10:10000:10000:10000:10000\n"
       << "-Optimize ED or ED^2 (ED, ED^2, NONE): \"ED^2\"\n-Cache model (NUCA, UCA)  - \"UCA\"\n"
       << "-NUCA bank count 0\n-Wire signaling (fullswing, lowswing, default) - \"Global_30\"\n"
       << "-Wire inside mat - \"semi-global\"\n-Wire outside mat - \"semi-global\"\n"
       << "-Interconnect projection - \"conservative\"\n-Core count 8\n"
       << "-Cache level (L2/L3) - \"L3\"\n-Add ECC - \"true\"\n"
       << "-Print level (DETAILED, CONCISE) - \"CONCISE\"\n-Print input parameters - \"false\"\n"
       << "-Force cache config - \"false\"\n";
  return text.str();
}

std::string compiler_figure(std::string_view output, std::string_view column) {
  // The program adds to a file that is there: the last line counts.
  std::vector<std::vector<std::string>> rows;
  std::size_t at = 0;
  while (at < output.size()) {
    const std::size_t end = std::min(output.find('\n', at), output.size());
    std::string_view line = output.substr(at, end - at);
    at = end + 1;
    if (trimmed(line).empty()) continue;
    std::vector<std::string>& cells = rows.emplace_back();
    for (std::size_t begin = 0; begin <= line.size();) {
      const std::size_t comma = std::min(line.find(',', begin), line.size());
      cells.push_back(trimmed(line.substr(begin, comma - begin)));
      begin = comma + 1;
    }
  }
  if (rows.size() < 2) return "";
  for (std::size_t c = 0; c < rows.front().size() && c < rows.back().size(); ++c) {
    if (rows.front()[c] == column) return rows.back()[c];
  }
  return "";
}

ExtractedCosts compile_memory(const Value& request, const std::string& node,
                              model::Memory& memory) {
  const char* named = std::getenv(kCompilerVariable);
  if (named == nullptr || *named == '\0') {
    throw request.error("asks a memory compiler, and none is named",
                        "set the environment variable RIDGELINE_CACTI to the program");
  }
  const fs::path program = fs::absolute(named);
  struct stat status {};
  if (::stat(program.c_str(), &status) != 0) {
    throw FileError("RIDGELINE_CACTI=" + program.string() + ": " + std::strerror(errno));
  }
  const std::string kind = request.at("kind").as_string();
  if (kind != "sram" && kind != "regfile" && kind != "dram") {
    throw request.at("kind").error("'" + kind + "' is no kind of memory", "sram, regfile or dram");
  }
  const std::string input = compiler_input(memory, kind, micrometres(request, node));
  // Another program gives other answers.
  const std::string question = program.string() + " " + std::to_string(status.st_size) + " " +
                               std::to_string(status.st_mtim.tv_sec) + "\n" + input;
  static std::mutex mutex;
  static Memory answers;
  const std::lock_guard lock(mutex);
  std::optional<Answer> answer = answers.find(question);
  if (!answer) {
    answer = ask(program, input, request);
    answers.add(question, *answer);
  }
  memory.r_cost = answer->read;
  memory.w_cost = answer->write;
  memory.area = answer->area;
  return {program.filename().string() + " (" + node + ")", answer->leakage};
}

}  // namespace ridgeline::io
