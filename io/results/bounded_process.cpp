#include "io/results/bounded_process.hpp"

#include <poll.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <chrono>
#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <cstring>

#include "io/document/error.hpp"

namespace ridgeline::io {
namespace {

constexpr std::uint64_t kBytes = std::uint64_t{4} << 30;  // of memory
constexpr std::uint64_t kExpansion = 100;                 // of what is compressed
constexpr int kWallFactor = 20;                           // a machine that is busy with others

#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
constexpr bool kSanitized = true;  // their shadow memory is beyond every limit
#else
constexpr bool kSanitized = false;
#endif

constexpr std::uint64_t kSlowness = kSanitized ? 10 : 1;
constexpr std::uint64_t kSeconds = 3 * kSlowness;  // of processor time
constexpr std::uint64_t kBytesASecond = (std::uint64_t{20} << 20) / kSlowness;

void limit(int resource, std::uint64_t most) {
  const rlimit value{most, most};
  ::setrlimit(static_cast<__rlimit_resource_t>(resource), &value);
}

std::uint64_t address_space() {
  std::uint64_t pages = 0;
  if (FILE* file = std::fopen("/proc/self/statm", "r")) {
    unsigned long long first = 0;
    if (std::fscanf(file, "%llu", &first) == 1) pages = first;
    std::fclose(file);
  }
  return pages * static_cast<std::uint64_t>(::sysconf(_SC_PAGESIZE));
}

bool write_all(int fd, const std::string& bytes) {
  std::size_t at = 0;
  while (at < bytes.size()) {
    const ssize_t written = ::write(fd, bytes.data() + at, bytes.size() - at);
    if (written < 0 && errno == EINTR) continue;
    if (written <= 0) return false;
    at += static_cast<std::size_t>(written);
  }
  return true;
}

[[noreturn]] void be_the_child(int out, std::uint64_t file_bytes,
                               const std::function<std::string()>& job) {
  ::prctl(PR_SET_PDEATHSIG, SIGKILL);
  for (const int signal : {SIGSEGV, SIGBUS, SIGILL, SIGFPE, SIGABRT, SIGTERM, SIGINT, SIGPIPE})
    std::signal(signal, SIG_DFL);
  limit(RLIMIT_CORE, 0);
  // SIGXCPU, which tells why, and SIGKILL a second later where that does not end it.
  const rlim_t seconds = kSeconds + file_bytes / kBytesASecond;
  const rlimit processor{seconds, seconds + 1};
  ::setrlimit(RLIMIT_CPU, &processor);
  if (!kSanitized) limit(RLIMIT_AS, address_space() + kBytes + kExpansion * file_bytes);
  bool done = false;
  try {
    done = write_all(out, job());
  } catch (...) {
    // It ends without an answer.
  }
  ::_exit(done ? 0 : 1);
}

std::string how_it_ended(int status, bool too_long) {
  if (too_long || (WIFSIGNALED(status) && (WTERMSIG(status) == SIGXCPU)))
    return "reading it takes without end";
  if (WIFSIGNALED(status))
    return std::string("the library that reads it crashes (") + ::strsignal(WTERMSIG(status)) + ")";
  if (WEXITSTATUS(status) != 0) return "the process that reads it gave up";
  return "";
}

}  // namespace

BoundedAnswer run_bounded(const std::filesystem::path& path, std::uint64_t file_bytes,
                          const std::function<std::string()>& job) {
  const auto no_process = [&](const char* what) {
    return FileError(path.string() + ": cannot be opened: " + what + ": " + std::strerror(errno));
  };
  std::array<int, 2> ends{};
  if (::pipe(ends.data()) != 0) throw no_process("there is no pipe for it");
  const pid_t child = ::fork();
  if (child < 0) {
    const int error = errno;
    ::close(ends[0]);
    ::close(ends[1]);
    errno = error;
    throw no_process("there is no process to read it in");
  }
  if (child == 0) {
    ::close(ends[0]);
    be_the_child(ends[1], file_bytes, job);
  }
  ::close(ends[1]);
  BoundedAnswer answer;
  using Clock = std::chrono::steady_clock;
  const auto until =
      Clock::now() + std::chrono::seconds(kWallFactor * (kSeconds + file_bytes / kBytesASecond));
  bool too_long = false;
  std::array<char, 1 << 16> buffer{};
  for (;;) {
    pollfd waiting{ends[0], POLLIN, 0};
    const int ready = ::poll(&waiting, 1, 200);
    if (ready > 0) {
      const ssize_t got = ::read(ends[0], buffer.data(), buffer.size());
      if (got < 0 && errno == EINTR) continue;
      if (got <= 0) break;
      try {
        answer.bytes.append(buffer.data(), static_cast<std::size_t>(got));
      } catch (...) {
        ::kill(child, SIGKILL);
        ::close(ends[0]);
        ::waitpid(child, nullptr, 0);
        throw;
      }
      continue;
    }
    if (Clock::now() > until) {
      too_long = true;
      ::kill(child, SIGKILL);
      break;
    }
  }
  ::close(ends[0]);
  int status = 0;
  while (::waitpid(child, &status, 0) < 0 && errno == EINTR) {
  }
  answer.trouble = how_it_ended(status, too_long);
  return answer;
}

}  // namespace ridgeline::io
