#include "engine/run/memory_limit.hpp"

#include <sys/resource.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <cctype>
#include <charconv>
#include <cstdlib>
#include <fstream>

#include "engine/commands/exit_code.hpp"

namespace ridgeline::engine {

namespace {

std::atomic<std::int64_t> limit_in_force{0};  // 0: not set
std::atomic<int> announced{1};

// Ranks on this machine, as the usual launchers tell before MPI starts.
std::int64_t local_ranks() {
  for (const char* name : {"OMPI_COMM_WORLD_LOCAL_SIZE", "MPI_LOCALNRANKS", "PMI_LOCAL_SIZE",
                           "SLURM_NTASKS_PER_NODE"}) {
    const char* text = std::getenv(name);
    if (text == nullptr) continue;
    const std::int64_t ranks = std::atoll(text);
    if (ranks > 0) return ranks;
  }
  return 1;
}

}  // namespace

std::int64_t default_memory_limit() {
  const std::int64_t pages = ::sysconf(_SC_PHYS_PAGES);
  const std::int64_t page = ::sysconf(_SC_PAGE_SIZE);
  std::int64_t bytes = pages > 0 && page > 0 ? pages * page : std::int64_t{4} << 30;
  for (const char* path :
       {"/sys/fs/cgroup/memory.max", "/sys/fs/cgroup/memory/memory.limit_in_bytes"}) {
    std::int64_t group = 0;
    if (std::ifstream(path) >> group && group > 0) bytes = std::min(bytes, group);
  }
  rlimit limit{};
  if (::getrlimit(RLIMIT_AS, &limit) == 0 && limit.rlim_cur != RLIM_INFINITY) {
    bytes = static_cast<std::int64_t>(std::min<rlim_t>(static_cast<rlim_t>(bytes), limit.rlim_cur));
  }
  return std::max<std::int64_t>(bytes / 2 / local_ranks(), std::int64_t{16} << 20);
}

std::int64_t parse_memory_size(const std::string& option, const std::string& text) {
  const auto fail = [&] {
    return UsageError(option + " takes a size such as 2G, 512M or 1.5GiB, not '" + text + "'");
  };
  double number = 0;
  const auto [end, status] = std::from_chars(text.data(), text.data() + text.size(), number);
  if (status != std::errc() || !(number > 0)) throw fail();
  std::string unit;
  for (const char* c = end; c != text.data() + text.size(); ++c) {
    if (*c != ' ') unit += static_cast<char>(std::toupper(static_cast<unsigned char>(*c)));
  }
  if (unit.size() > 1 && unit.ends_with("IB")) unit.resize(unit.size() - 2);
  if (unit.size() > 1 && unit.ends_with("B")) unit.resize(unit.size() - 1);
  double factor = 1;
  if (!unit.empty() && unit != "B") {
    const std::size_t power = std::string("KMGT").find(unit);
    if (unit.size() != 1 || power == std::string::npos) throw fail();
    for (std::size_t i = 0; i <= power; ++i) factor *= 1024;
  }
  const double bytes = number * factor;
  if (bytes < 16.0 * 1024 * 1024) {
    throw UsageError(option + ": " + text + " is too little for any search; at least 16M");
  }
  return static_cast<std::int64_t>(std::min(bytes, 9e18));
}

void set_memory_limit(std::int64_t bytes) {
  limit_in_force = bytes;
}

std::int64_t memory_limit() {
  const std::int64_t set = limit_in_force;
  return set > 0 ? set : default_memory_limit();
}

std::int64_t memory_of_one_search(int searches) {
  // More threads than processors take turns: they must not change what a search may hold.
  const int processors = std::max(1, static_cast<int>(::sysconf(_SC_NPROCESSORS_ONLN)));
  return memory_limit() / std::clamp(searches > 0 ? searches : announced.load(), 1, processors);
}

void searches_at_a_time(int searches) {
  announced = searches;
}

}  // namespace ridgeline::engine
