#include "search/exact/table_rows.hpp"

namespace ridgeline::search {

namespace {

inline __attribute__((always_inline)) void least_of(double* __restrict now,
                                                    const double* __restrict other,
                                                    std::int64_t count) {
  for (std::int64_t i = 0; i < count; ++i) now[i] = other[i] < now[i] ? other[i] : now[i];
}

inline __attribute__((always_inline)) void least_sums_of(double* __restrict here,
                                                         const double* __restrict from,
                                                         const double* __restrict price,
                                                         const double* __restrict mask,
                                                         std::int64_t count) {
  if (mask == nullptr) {
    for (std::int64_t i = 0; i < count; ++i) {
      const double sum = from[i] + price[i];
      here[i] = sum < here[i] ? sum : here[i];
    }
    return;
  }
  for (std::int64_t i = 0; i < count; ++i) {
    const double sum = from[i] + price[i] + mask[i];
    here[i] = sum < here[i] ? sum : here[i];
  }
}

void least(double* now, const double* other, std::int64_t count) {
  least_of(now, other, count);
}
void least_sums(double* here, const double* from, const double* price, const double* mask,
                std::int64_t count) {
  least_sums_of(here, from, price, mask, count);
}

#if defined(__x86_64__) && (defined(__GNUC__) || defined(__clang__))

__attribute__((target("avx2"))) void least_wide(double* now, const double* other,
                                                std::int64_t count) {
  least_of(now, other, count);
}
__attribute__((target("avx2"))) void least_sums_wide(double* here, const double* from,
                                                     const double* price, const double* mask,
                                                     std::int64_t count) {
  least_sums_of(here, from, price, mask, count);
}

TableRows best_rows() {
  if (__builtin_cpu_supports("avx2")) return {&least_wide, &least_sums_wide};
  return {&least, &least_sums};
}

#else

TableRows best_rows() {
  return {&least, &least_sums};
}

#endif

}  // namespace

const TableRows& table_rows() {
  static const TableRows rows = best_rows();
  return rows;
}

}  // namespace ridgeline::search
