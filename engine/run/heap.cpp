#include "engine/run/heap.hpp"

#include <cstdlib>  // defines __GLIBC__

#if defined(__GLIBC__)
#include <malloc.h>
#include <sys/resource.h>
#endif

namespace ridgeline::engine {

void keep_freed_memory() {
#if defined(__GLIBC__)
  constexpr int kMegabyte = 1 << 20;
  // NOLINTBEGIN(concurrency-mt-unsafe): before there are threads
  mallopt(M_MMAP_THRESHOLD, 32 * kMegabyte);  // the most that it takes
  mallopt(M_TRIM_THRESHOLD, 256 * kMegabyte);
  mallopt(M_TOP_PAD, 2 * kMegabyte);
  // A thread's own heap reserves 64 MiB of addresses. Where these are limited (ulimit -v) there is
  // soon none for it, and each of its small blocks becomes a mapping of its own, twenty times as
  // slow: then all threads share one heap.
  rlimit addresses{};
  if (getrlimit(RLIMIT_AS, &addresses) == 0 && addresses.rlim_cur != RLIM_INFINITY) {
    mallopt(M_ARENA_MAX, 1);
  }
  // NOLINTEND(concurrency-mt-unsafe)
#endif
}

}  // namespace ridgeline::engine
