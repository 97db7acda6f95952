#include "engine/explore/study_status.hpp"

#include <unistd.h>

#include <chrono>
#include <cmath>
#include <fstream>
#include <iostream>
#include <nlohmann/json.hpp>
#include <sstream>
#include <thread>
#include <utility>

#include "engine/explore/progress.hpp"
#include "engine/explore/study_lock.hpp"
#include "io/document/printable.hpp"
#include "io/document/text_output.hpp"

namespace ridgeline::engine {
namespace {

using nlohmann::ordered_json;

// Members of the front that are listed.
constexpr std::size_t kShownPoints = 1000;

ordered_json number(double value) {
  return std::isfinite(value) ? ordered_json(value) : ordered_json(nullptr);
}

std::string line_of(const ordered_json& status) {
  const auto text = [&](const char* key, int decimals) {
    const auto& value = status.at(key);
    return value.is_number() ? io::fixed(value.get<double>(), decimals, decimals > 0)
                             : std::string("-");
  };
  const auto& gap = status.at("gap");
  std::string line = status.at("study").get<std::string>() + ": " + text("known", 0) + " of " +
                     text("expected", 0) + " candidates, " + text("rate", 1) + " a second, front " +
                     text("front", 0) + ", hypervolume " + text("hypervolume", 6) + ", gap " +
                     (gap.is_number() ? io::fixed(100 * gap.get<double>(), 2, true) + " %" : "-") +
                     ", " + text("seconds", 0) + " s so far";
  if (status.at("left").is_number()) line += ", " + text("left", 0) + " s left";
  line += "\n ";
  for (const auto& rank : status.at("ranks")) {
    line += " rank " + rank.at("rank").dump() + ": ";
    line += rank.at("alive").get<bool>() ? rank.at("holds").dump() + " in hand" : "lost";
  }
  return line;
}

}  // namespace

std::filesystem::path status_file(const std::filesystem::path& output) {
  return std::filesystem::path(output.string() + ".d") / "status.json";
}

StatusWriter::StatusWriter(std::filesystem::path output, const io::StudySpec& study, int threads)
    : path_(status_file(output)), study_(study), threads_(threads) {}

void StatusWriter::show(const Ledger& ledger, int ranks, double seconds) {
  if (seconds < next_) return;
  next_ = seconds + 1;
  const std::uint64_t known = ledger.done();
  const std::uint64_t expected = std::max(ledger.expected(), known);
  const double rate = before_ > 0 && seconds > before_
                          ? static_cast<double>(known - known_before_) / (seconds - before_)
                          : 0;
  ordered_json status{{"study", study_.name},
                      {"process", ::getpid()},
                      {"threads", threads_},
                      {"seconds", seconds},
                      {"known", known},
                      {"expected", expected},
                      {"pruned", ledger.known().count(CandidateStatus::pruned)},
                      {"rate", number(rate)},
                      {"front", ledger.front().size()},
                      {"hypervolume", number(hypervolume_of(ledger))},
                      {"gap", number(gap_of(ledger))},
                      {"left", rate > 0 ? number(static_cast<double>(expected - known) / rate)
                                        : ordered_json(nullptr)},
                      {"objectives", ordered_json::array()},
                      {"points", ordered_json::array()},
                      {"ranks", ordered_json::array()}};
  for (const io::Metric objective : study_.objectives)
    status["objectives"].push_back(model::to_string(objective));
  std::vector<std::vector<double>> points = ledger.front().vectors();
  if (points.size() > kShownPoints) points.resize(kShownPoints);
  for (std::vector<double>& point : points) {
    for (std::size_t o = 0; o < point.size(); ++o)
      if (model::maximised(study_.objectives[o])) point[o] = -point[o];
    status["points"].push_back(point);
  }
  for (int rank = 0; rank < ranks; ++rank)
    status["ranks"].push_back(
        {{"rank", rank}, {"alive", ledger.alive(rank)}, {"holds", ledger.outstanding(rank)}});
  before_ = seconds;
  known_before_ = known;
  // Renamed, so that a reader never sees half of it; that it survives a crash is not needed.
  const std::filesystem::path aside = path_.string() + ".part";
  std::ofstream(aside) << status.dump(1) << '\n';
  std::error_code ignored;
  std::filesystem::rename(aside, path_, ignored);
}

void follow_study(const std::filesystem::path& output, std::ostream& out) {
  std::error_code ignored;
  const std::filesystem::path path = status_file(output);
  if (!std::filesystem::exists(path, ignored)) {
    if (std::filesystem::exists(output, ignored)) return;
    throw io::InputError({output.string(), ""}, "no study is there, and none runs",
                         "give the file that `ridgeline explore --output` names");
  }
  std::string last;
  while (std::filesystem::exists(path, ignored)) {
    std::ostringstream text;
    text << std::ifstream(path).rdbuf();
    const auto status = ordered_json::parse(text.str(), nullptr, false);
    if (status.is_object() && text.str() != last) {
      out << io::printable_lines(line_of(status)) << std::endl;
      last = text.str();
    }
    // Who runs a study holds its lock.
    try {
      if (FileLock::take(path.parent_path() / "lock", FileLock::Kind::shared,
                         std::chrono::milliseconds(0))) {
        out << "no run is at work on it; `ridgeline explore --resume` continues it" << std::endl;
        break;
      }
    } catch (const io::FileError&) {
      break;  // its folder has just gone: it is complete
    }
    std::this_thread::sleep_for(std::chrono::seconds(1));
  }
}

}  // namespace ridgeline::engine
