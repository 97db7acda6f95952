// The body of lanes.hpp for processors with AVX2. Only this file's own functions use its
// instructions: whatever else it needs is included before the compiler is switched.
#include "model/core/directions.hpp"
#include "model/core/lanes.hpp"
#include "model/core/port_time.hpp"

namespace ridgeline::model {

using EvaluateLanes = void (*)(const Problem&, const LaneTiling&, LaneCosts&);
EvaluateLanes avx2_lanes();

}  // namespace ridgeline::model

#if defined(__x86_64__) && (defined(__GNUC__) || defined(__clang__))

#include <immintrin.h>

#ifdef __clang__
#pragma clang attribute push(__attribute__((target("avx2"))), apply_to = function)
#else
#pragma GCC push_options
#pragma GCC target("avx2")
#endif

#define RIDGELINE_LANE_WIDTH 4

namespace ridgeline::model {

namespace {

typedef double Quad __attribute__((vector_size(32)));
typedef long long QuadMask __attribute__((vector_size(32)));

inline Quad truncated_lanes(Quad x) {
  return reinterpret_cast<Quad>(_mm256_floor_pd(reinterpret_cast<__m256d>(x)));
}
inline Quad rounded_up_lanes(Quad x) {
  return reinterpret_cast<Quad>(_mm256_ceil_pd(reinterpret_cast<__m256d>(x)));
}
inline bool any(QuadMask mask) {
  return _mm256_movemask_pd(reinterpret_cast<__m256d>(mask)) != 0;
}
inline bool every(QuadMask mask) {
  return _mm256_movemask_pd(reinterpret_cast<__m256d>(mask)) == 15;
}

}  // namespace

}  // namespace ridgeline::model

#include "model/core/lane_evaluator.hpp"

#ifdef __clang__
#pragma clang attribute pop
#else
#pragma GCC pop_options
#endif

namespace ridgeline::model {

EvaluateLanes avx2_lanes() {
  return __builtin_cpu_supports("avx2") ? &evaluate_registers : nullptr;
}

}  // namespace ridgeline::model

#else

namespace ridgeline::model {

EvaluateLanes avx2_lanes() {
  return nullptr;
}

}  // namespace ridgeline::model

#endif
