#include <algorithm>
#include <cmath>

#include "model/core/assert.hpp"
#include "model/core/decouple.hpp"
#include "model/core/loop_tiling.hpp"

namespace ridgeline::model {

namespace {

// Figures of a version whose factors are all whole: products may be taken in any order, so
// that each level needs only its end.
void tile_whole(const Problem& problem, const ProblemOperand& operand,
                const OperandSpatial& spatial, const Ordering& ordering,
                const std::array<std::uint8_t, kMaxArchLevels>& end, int last_irrelevant,
                TilingVersion& version) {
  const int levels = operand.levels;
  double relevant = 1;
  std::array<double, 2 * kMaxRelations> extent;
  extent.fill(1);
  version.elements[0] = 1;
  int position = 0;
  for (int a = 1; a <= levels; ++a) {
    const auto ai = static_cast<std::size_t>(a);
    for (; position < end[ai]; ++position) {
      const auto i = static_cast<std::size_t>(position);
      const int dim = ordering.dim[i];
      if (operand.relevant >> dim & 1u) relevant *= ordering.size[i];
      const int slot = problem.relation_slot[static_cast<std::size_t>(dim)];
      if (slot >= 0) extent[static_cast<std::size_t>(slot)] *= ordering.size[i];
    }
    double elements = relevant * spatial.relevant_product[ai - 1];
    if (operand.partial) {
      const auto& unrolled = spatial.extent[ai - 1];
      for (std::size_t r = 0; r < static_cast<std::size_t>(problem.relations); ++r) {
        elements *= whole_extent(problem.relation[r], extent[2 * r] * unrolled[2 * r],
                                 extent[2 * r + 1] * unrolled[2 * r + 1]);
      }
    }
    version.elements[ai] = elements;
  }
  if (!operand.output) return;
  version.partial_sums = 0;
  for (int a = 0; a < levels; ++a) {
    if (last_irrelevant >= end[static_cast<std::size_t>(a)] ||
        spatial.reduced_from[static_cast<std::size_t>(a) + 1]) {
      version.partial_sums |= 1u << a;
    }
  }
  version.partial_low = version.partial_sums;
  version.partial_high = version.partial_sums >> 1;
}

// Figures of a version with fractional factors, or of an output that is indexed through a
// relation: products in the reference's order, to the last bit.
void tile_literal(const Problem& problem, const ProblemOperand& operand,
                  const OperandSpatial& spatial, const Ordering& ordering,
                  const std::array<std::uint8_t, kMaxArchLevels>& end, TilingVersion& version) {
  const auto levels = static_cast<std::size_t>(operand.levels);
  version.elements[0] = 1;
  {
    Decoupler decoupler(problem, operand);
    double product = 1;
    for (std::size_t a = 1; a <= levels; ++a) {
      double level = 1;
      for (std::size_t i = end[a - 1]; i < end[a]; ++i) {
        level *= decoupler.next(ordering.dim[i], ordering.size[i]).relevant;
      }
      for (std::size_t i = spatial.begin[a - 1]; i < spatial.begin[a]; ++i) {
        level *= decoupler.next(spatial.loops[i].dim, spatial.loops[i].factor).relevant;
      }
      product *= level;
      version.elements[a] = std::nearbyint(product);
    }
  }
  if (!operand.output) return;
  std::array<double, kMaxArchLevels + 2> irrelevant;
  irrelevant.fill(1);
  std::array<bool, kMaxArchLevels> has{};
  Decoupler decoupler(problem, operand);
  for (std::size_t a = 0; a <= levels; ++a) {
    const auto take = [&](const DecoupledLoop& parts) {
      irrelevant[a] *= parts.irrelevant;
      if (parts.irrelevant > 1) has[a] = true;
    };
    if (a > 0) {
      for (std::size_t i = end[a - 1]; i < end[a]; ++i) {
        take(decoupler.next(ordering.dim[i], ordering.size[i]));
      }
    }
    for (std::size_t i = spatial.begin[a]; i < spatial.begin[a + 1]; ++i) {
      take(decoupler.next(spatial.loops[i].dim, spatial.loops[i].factor));
    }
  }
  version.partial_sums = version.partial_low = version.partial_high = 0;
  const auto partial_moves = [&](std::size_t from) {
    double outer = 1;
    for (std::size_t b = from; b <= levels; ++b) outer *= irrelevant[b];
    return std::trunc(operand.elements * (outer - 1)) != 0;
  };
  for (std::size_t a = 0; a < levels; ++a) {
    if (std::find(has.begin() + static_cast<std::ptrdiff_t>(a) + 1,
                  has.begin() + static_cast<std::ptrdiff_t>(levels) + 1,
                  true) != has.begin() + static_cast<std::ptrdiff_t>(levels) + 1) {
      version.partial_sums |= 1u << a;
    }
    if (partial_moves(a + 1)) version.partial_low |= 1u << a;
    if (partial_moves(a + 2)) version.partial_high |= 1u << a;
  }
}

}  // namespace

void tile(const Problem& problem, const Ordering& ordering, const Cuts& cuts, LoopTiling& tiling) {
  const int count = ordering.count;
  // Products of the loops before each position, and of the others.
  std::array<double, kMaxLoops + 1> product;
  std::array<double, kMaxLoops + 1> remaining;
  product[0] = 1;
  for (std::size_t i = 0; i < static_cast<std::size_t>(count); ++i) {
    product[i + 1] = product[i] * ordering.size[i];
  }
  remaining[static_cast<std::size_t>(count)] = 1;
  for (auto i = static_cast<std::size_t>(count); i-- > 0;) {
    remaining[i] = remaining[i + 1] * ordering.size[i];
  }
  tiling.iterations = product[static_cast<std::size_t>(count)];
  for (std::size_t o = 0; o < static_cast<std::size_t>(problem.operands); ++o) {
    const ProblemOperand& operand = problem.operand[o];
    OperandTiling& result = tiling.operand[o];
    const auto levels = static_cast<std::size_t>(operand.levels);
    const auto is_irrelevant = [&](int i) {
      return (operand.irrelevant >> ordering.dim[static_cast<std::size_t>(i)] & 1u) != 0;
    };
    // end[a]: loops in architecture levels 0..a, after irrelevant ones have sunk (4.2). A
    // boundary moves outwards past all irrelevant loops that follow it.
    std::array<std::uint8_t, kMaxArchLevels> end;
    end[0] = 0;
    for (std::size_t m = 0; m + 1 < levels; ++m) {
      int boundary = cuts.end[o][m];
      while (boundary < count && is_irrelevant(boundary)) ++boundary;
      end[m + 1] = static_cast<std::uint8_t>(boundary);
    }
    end[levels] = static_cast<std::uint8_t>(count);
    RIDGELINE_ASSERT(
        std::is_sorted(end.begin(), end.begin() + static_cast<std::ptrdiff_t>(levels)));
    std::size_t stationary = 0;  // innermost loops that an input waits for in the array
    if (!operand.output && problem.repeats_are_free) {
      while (stationary < end[1] && is_irrelevant(static_cast<int>(stationary))) ++stationary;
    }
    result.period[0] = product[stationary];
    result.count[0] = remaining[stationary];
    result.top_relevant[0] = result.top_irrelevant[0] = 1;
    for (std::size_t a = 1; a <= levels; ++a) {
      result.boundary[a - 1] = end[a];
      result.period[a] = product[end[a]];
      result.count[a] = remaining[end[a]];
      double relevant_run = 1;
      double irrelevant_run = 1;
      int i = end[a] - 1;
      const auto bit = [&](std::uint32_t mask) {
        return i >= end[a - 1] && (mask >> ordering.dim[static_cast<std::size_t>(i)] & 1u) != 0;
      };
      if (bit(operand.relevant)) {
        for (; bit(operand.relevant); --i)
          relevant_run *= ordering.size[static_cast<std::size_t>(i)];
      } else {
        for (; bit(operand.irrelevant); --i) {
          irrelevant_run *= ordering.size[static_cast<std::size_t>(i)];
        }
      }
      result.top_relevant[a] = relevant_run;
      result.top_irrelevant[a] = irrelevant_run;
    }
    int last_irrelevant = -1;
    if (operand.output) {
      for (int i = 0; i < count; ++i) {
        if (is_irrelevant(i) && ordering.size[static_cast<std::size_t>(i)] > 1) last_irrelevant = i;
      }
    }
    const int versions = problem.whole ? 1 : 2;
    for (int v = 0; v < versions; ++v) {
      const OperandSpatial& spatial = v == 0 ? operand.real : operand.integer;
      TilingVersion& version = result.version[static_cast<std::size_t>(v)];
      if (spatial.whole && !(operand.output && operand.partial)) {
        tile_whole(problem, operand, spatial, ordering, end, last_irrelevant, version);
      } else {
        tile_literal(problem, operand, spatial, ordering, end, version);
      }
    }
  }
}

}  // namespace ridgeline::model
