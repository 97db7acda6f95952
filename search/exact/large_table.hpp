// Tables of many megabytes: filled at once, and in large pages where the system has them on
// request. With small ones a good part of a search's time is the system's, handing out pages one by
// one.
#pragma once

#include <cstdint>
#include <vector>

#if defined(__linux__)
#include <sys/mman.h>
#endif

namespace ridgeline::search {

// Gives a table `count` entries of `value`.
template <typename T>
void fill_large(std::vector<T>& table, std::size_t count, const T& value) {
  table.clear();
  table.reserve(count);
#if defined(__linux__) && defined(MADV_HUGEPAGE)
  constexpr std::size_t kPage = std::size_t{1} << 21;
  // Whole pages within the table alone; refusal is no harm.
  auto* const bytes = reinterpret_cast<char*>(table.data());     // NOLINT(*-reinterpret-cast)
  const auto address = reinterpret_cast<std::uintptr_t>(bytes);  // NOLINT(*-reinterpret-cast)
  const std::size_t before = (kPage - address % kPage) % kPage;
  const std::size_t size = count * sizeof(T);
  if (size >= before + kPage) {
    (void)madvise(bytes + before, (size - before) / kPage * kPage, MADV_HUGEPAGE);
  }
#endif
  table.assign(count, value);
}

}  // namespace ridgeline::search
