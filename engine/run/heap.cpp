#include "engine/run/heap.hpp"

#include <cstddef>
#include <cstdint>
#include <cstdlib>  // defines __GLIBC__

#if defined(__GLIBC__)
#include <malloc.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <unistd.h>
#endif

namespace ridgeline::engine {

#if defined(__GLIBC__)
namespace {

constexpr std::size_t kMegabyte = std::size_t{1} << 20;

// Puts the end of the heap where a large page begins, and asks for large pages from there on: the
// system hands out two megabytes in the time of some ten small pages, of which a layer's search
// touches hundreds.
void begin_large_pages() {
#if defined(MADV_HUGEPAGE)
  constexpr std::size_t kPage = 2 * kMegabyte;
  constexpr std::size_t kLarge = 4 * kPage;
  constexpr std::size_t kHeader = 32;                       // of a block, at most
  [[maybe_unused]] static void* volatile filler = nullptr;  // never used, never freed
  const auto place = [](const void* at) {
    return reinterpret_cast<std::uintptr_t>(at);  // NOLINT(*-reinterpret-cast)
  };
  void* const block = std::malloc(kLarge + kPage);
  // NOLINTNEXTLINE(concurrency-mt-unsafe): before there are threads
  const std::uintptr_t end = place(sbrk(0));
  const std::uintptr_t start = (place(block) + kPage - 1) / kPage * kPage;
  // Another allocator, or a heap without a common end.
  const bool apart = place(block) > end || end - place(block) < kLarge + kPage;
  const std::size_t before = start - place(block);
  if (block != nullptr && !apart) {
    (void)madvise(static_cast<char*>(block) + before, kLarge, MADV_HUGEPAGE);
  }
  std::free(block);
  if (block != nullptr && !apart && before > 2 * kHeader) filler = std::malloc(before - kHeader);
#endif
}

}  // namespace
#endif

void keep_freed_memory() {
#if defined(__GLIBC__)
  constexpr int kMegabytes = static_cast<int>(kMegabyte);
  // NOLINTBEGIN(concurrency-mt-unsafe): before there are threads
  mallopt(M_MMAP_THRESHOLD, 32 * kMegabytes);  // the most that it takes
  mallopt(M_TRIM_THRESHOLD, 256 * kMegabytes);
  mallopt(M_TOP_PAD, 2 * kMegabytes);
  // A thread's own heap reserves 64 MiB of addresses. Where these are limited (ulimit -v) there is
  // soon none for it, and each of its small blocks becomes a mapping of its own, twenty times as
  // slow: then all threads share one heap.
  rlimit addresses{};
  if (getrlimit(RLIMIT_AS, &addresses) == 0 && addresses.rlim_cur != RLIM_INFINITY) {
    mallopt(M_ARENA_MAX, 1);
    return;
  }
  begin_large_pages();
  // NOLINTEND(concurrency-mt-unsafe)
#endif
}

}  // namespace ridgeline::engine
