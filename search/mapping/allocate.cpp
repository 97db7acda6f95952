#include "search/mapping/allocate.hpp"

#include <algorithm>
#include <limits>

#include "model/core/assert.hpp"
#include "model/core/decouple.hpp"
#include "model/core/index.hpp"
#include "model/core/strict_evaluate.hpp"
#include "model/core/strict_problem.hpp"
#include "search/mapping/strict_costs.hpp"

namespace ridgeline::search {

using model::kMaxDims;
using model::kMaxLoops;
using model::kMaxOperands;
using model::kMaxRelations;
using model::Ordering;
using model::Problem;
using model::ProblemOperand;

namespace {

// Extents of loops: of the relevant dimensions together (whole factors only), and of both loops
// of each relation.
struct Extents {
  double relevant = 1;
  std::array<double, 2 * kMaxRelations> term;
};

// Weights are bits times iterations. As doubles they are exact up to 2^53, as long doubles up
// to 2^64; ties must be seen as ties.
template <class Weight>
class Allocator {
 public:
  // `exact`: bits times iterations stay far below what Weight holds exactly.
  Allocator(const Problem& problem, const Ordering& ordering, bool even, bool exact,
            bool second_buffers, StrictCosts* costs)
      : problem_(problem),
        ordering_(ordering),
        even_(even),
        exact_(exact),
        strict_(problem.strict != nullptr),
        second_buffers_(second_buffers),
        costs_(costs) {
    remaining_[z(ordering.count)] = 1;
    for (int i = ordering.count; i-- > 0;) {
      remaining_[z(i)] = remaining_[z(i + 1)] * static_cast<Weight>(ordering.size[z(i)]);
    }
    last_irrelevant_ = -1;
    for (int i = 0; i < ordering.count; ++i) {
      if (problem.operand[0].irrelevant >> ordering.dim[z(i)] & 1u) last_irrelevant_ = i;
    }
    for (int o = 0; o < problem.operands; ++o) {
      extents_[z(o)].relevant = 1;
      for (int slot = 0; slot < 2 * problem.relations; ++slot) extents_[z(o)].term[z(slot)] = 1;
      if (!whole(o)) range_[z(o)].fill(1);
      unroll(o, 0);
      done_[z(o)] = 0;
      largest_[z(o)] = largest(o);
    }
  }

  bool run(model::Cuts& cuts, AllocationFailure* failure) {
    for (int place = 0; place < problem_.memories; ++place) {
      const int m = problem_.topological_order[z(place)];
      const model::ProblemMemory& memory = problem_.memory[z(m)];
      if (memory.count == 0) continue;
      if (holds_all(memory)) {
        for (int i = 0; i < memory.count; ++i) {
          best_[z(i)] = ordering_.count - done_[memory.residents[z(i)].operand];
        }
      } else if (!choose(m, memory, failure)) {
        return false;
      }
      for (int i = 0; i < memory.count; ++i) {
        const model::MemoryResident resident = memory.residents[z(i)];
        const int o = resident.operand;
        const bool top = resident.level + 1 == problem_.operand[z(o)].levels;
        const int before = done_[z(o)];
        done_[z(o)] += best_[z(i)];
        RIDGELINE_ASSERT(best_[z(i)] >= 0 && done_[z(o)] <= ordering_.count);
        cuts.end[z(o)][resident.level] = static_cast<std::uint8_t>(done_[z(o)]);
        if (!top) {
          for (int j = before; j < done_[z(o)]; ++j) include(o, j);
          unroll(o, resident.level + 1);
        } else if (done_[z(o)] < ordering_.count) {
          if (failure) *failure = {m, o, 0, true};
          return false;
        }
      }
    }
    return true;
  }

 private:
  static constexpr int kMaxSizes = kMaxLoops + 2;
  static constexpr double kUnknown = std::numeric_limits<double>::infinity();

  // Whether sizes follow from products over all dimensions instead of from each one's loops.
  bool whole(int o) const { return !strict_ && problem_.operand[z(o)].real.whole; }

  void multiply(int o, int dim, double size, Extents& extents,
                std::array<double, kMaxDims>& range) const {
    if (whole(o)) {
      if (problem_.operand[z(o)].relevant >> dim & 1u) extents.relevant *= size;
    } else {
      range[z(dim)] *= size;
      return;
    }
    if (const int slot = problem_.relation_slot[z(dim)]; slot >= 0) extents.term[z(slot)] *= size;
  }
  void include(int o, int loop) {
    multiply(o, ordering_.dim[z(loop)], ordering_.size[z(loop)], extents_[z(o)], range_[z(o)]);
  }
  // Adds the spatial loops of one architecture level.
  void unroll(int o, int level) {
    if (strict_) return;  // it knows them
    const model::OperandSpatial& spatial = problem_.operand[z(o)].real;
    for (int i = spatial.begin[z(level)]; i < spatial.begin[z(level + 1)]; ++i) {
      multiply(o, spatial.loops[z(i)].dim, spatial.loops[z(i)].factor, extents_[z(o)],
               range_[z(o)]);
    }
  }

  // Bits that no tile of an operand exceeds; infinite where tiles may grow by more than the loop
  // that is added, so that weights may grow with them: fractional factors, and dilation.
  double largest(int o) const {
    const ProblemOperand& operand = problem_.operand[z(o)];
    if (!operand.real.whole || !exact_) return kUnknown;
    if (strict_) {
      if (costs_ != nullptr) {
        return 2 * std::max(operand.precision, operand.final_precision) *
               costs_->largest(o, operand.levels - 1, ordering_.count);
      }
      std::array<double, kMaxDims> all;
      for (int d = 0; d < problem_.dims; ++d) {
        all[z(d)] = static_cast<double>(problem_.temporal_size[z(d)]);
      }
      return 2 * std::max(operand.precision, operand.final_precision) *
             model::largest_tile(problem_, o, operand.levels - 1, all);
    }
    double size = std::max(operand.precision, operand.final_precision);
    for (int i = 0; i < ordering_.count; ++i) {
      if (operand.relevant >> ordering_.dim[z(i)] & 1u) size *= ordering_.size[z(i)];
    }
    size *= operand.real.relevant_product[z(operand.levels)];
    if (operand.partial) {
      for (int r = 0; r < problem_.relations; ++r) {
        const model::ProblemRelation& relation = problem_.relation[z(r)];
        if (relation.reduced[1] != 1 || relation.size < 1) return kUnknown;
        size *= relation.size;
      }
    }
    return size;
  }

  // Whether weights never grow with the loops taken, so that more is never worse.
  bool steady(int o) const { return largest_[z(o)] < kUnknown; }

  // Whether the rest of every resident fits for sure, and is the choice.
  bool holds_all(const model::ProblemMemory& memory) const {
    if (even_) return false;
    double total = 0;
    for (int i = 0; i < memory.count; ++i) total += largest_[memory.residents[z(i)].operand];
    return total <= memory.size;
  }

  double elements(int o, int level, const Extents& extents,
                  const std::array<double, kMaxDims>& range, int position) const {
    if (costs_ != nullptr) return costs_->largest(o, level, position);
    if (strict_) return model::largest_tile(problem_, o, level, range);
    const ProblemOperand& operand = problem_.operand[z(o)];
    if (!operand.real.whole) return model::tile_elements(problem_, operand, range);
    double size = extents.relevant;
    if (operand.partial) {
      for (int r = 0; r < problem_.relations; ++r) {
        size *= model::whole_extent(problem_.relation[z(r)], extents.term[z(2 * r)],
                                    extents.term[z(2 * r + 1)]);
      }
    }
    return size;
  }

  // Sizes in bits for 0, 1, ... more loops, up to the first that does not fit.
  int list_sizes(int o, int level, double capacity, double* bits) const {
    const ProblemOperand& operand = problem_.operand[z(o)];
    double precision = operand.precision;
    if (operand.output && last_irrelevant_ < done_[z(o)] &&
        !operand.real.irrelevant_from[z(level + 1)]) {
      precision = operand.final_precision;
    }
    Extents extents = extents_[z(o)];
    std::array<double, kMaxDims> range;
    if (!whole(o)) range = range_[z(o)];
    // A second buffer that is built in, or wanted.
    if (strict_ && level + 1 < operand.levels &&
        (model::has_forced_buffers(problem_, operand.memory[z(level)]) ||
         (second_buffers_ &&
          2 * precision * elements(o, level, extents, range, done_[z(o)]) <= capacity))) {
      precision *= 2;
    }
    int count = 0;
    for (int j = done_[z(o)];; ++j) {
      bits[count] = precision * elements(o, level, extents, range, j);
      if (bits[count] > capacity) return count;
      ++count;
      if (j == ordering_.count) return count;
      // Loops that are irrelevant to the operand leave the size as it is.
      while (operand.irrelevant >> ordering_.dim[z(j)] & 1u) {
        bits[count] = bits[count - 1];
        ++count;
        if (++j == ordering_.count) return count;
      }
      multiply(o, ordering_.dim[z(j)], ordering_.size[z(j)], extents, range);
    }
  }

  // Decides how many more loops each resident of a memory takes: least traffic to the level
  // above, as total bits; of equals the last, in lexicographic order.
  bool choose(int m, const model::ProblemMemory& memory, AllocationFailure* failure) {
    Choices c;
    const int n = memory.count;
    bool all_steady = !even_;
    double total = 0;
    for (int i = 0; i < n; ++i) {
      const model::MemoryResident resident = memory.residents[z(i)];
      const int o = resident.operand;
      Choice& choice = c[z(i)];
      choice.count = list_sizes(o, resident.level, memory.size, choice.bits.data());
      if (choice.count == 0 && problem_.rules_of_2023) {
        choice.count = 1;  // what is unrolled is not checked
        choice.bits[0] = 0;
      }
      if (choice.count == 0) {
        if (failure) *failure = {m, o, choice.bits[0], false};
        return false;
      }
      choice.top = resident.level + 1 == problem_.operand[z(o)].levels;
      choice.first = choice.top ? choice.count - 1 : 0;
      total += choice.bits[z(choice.first)];
      all_steady = all_steady && (choice.top || steady(o));
    }
    if (total > memory.size) {
      if (failure) *failure = {m, -1, total, false};
      return false;
    }
    if (n == 1 && all_steady) {
      best_[0] = c[0].count - 1;
      return true;
    }
    for (int i = 0; i < n; ++i) {
      Choice& choice = c[z(i)];
      const int done = done_[memory.residents[z(i)].operand];
      for (int k = choice.first; k < choice.count; ++k) {
        choice.weight[z(k)] =
            choice.top ? Weight{}
                       : static_cast<Weight>(choice.bits[z(k)]) * remaining_[z(done + k)];
      }
      best_[z(i)] = 0;
    }
    have_ = false;
    taken_ = {};
    try_all(memory, c, all_steady, 0, 0, Weight{});
    return true;
  }

  // How many more loops one resident may take, with what that means.
  struct Choice {
    int first;
    int count;
    bool top;
    std::array<double, kMaxSizes> bits;
    std::array<Weight, kMaxSizes> weight;
  };
  using Choices = std::array<Choice, kMaxOperands>;

  // All choices of residents i.. on top of what those before take. Where all are steady, the
  // last resident's best is the most that fits.
  void try_all(const model::ProblemMemory& memory, const Choices& c, bool all_steady, int i,
               double bits, Weight weight) {
    const Choice& choice = c[z(i)];
    const bool last = i + 1 == memory.count;
    const auto attempt = [&](int k) {
      const double total = bits + choice.bits[z(k)];
      if (total > memory.size) return false;
      taken_[z(i)] = k;
      const Weight sum = weight + choice.weight[z(k)];
      if (!last) {
        try_all(memory, c, all_steady, i + 1, total, sum);
      } else if ((!even_ || ends_evenly(memory)) && (!have_ || sum <= best_weight_)) {
        have_ = true;
        best_weight_ = sum;
        best_ = taken_;
      }
      return true;
    };
    if (last && all_steady) {
      for (int k = choice.count; k-- > choice.first;) {
        if (attempt(k)) return;
      }
    } else {
      for (int k = choice.first; k < choice.count; ++k) attempt(k);
    }
  }

  bool ends_evenly(const model::ProblemMemory& memory) const {
    for (int a = 0; a < memory.count; ++a) {
      if (taken_[z(a)] == 0) continue;
      const int end = done_[memory.residents[z(a)].operand] + taken_[z(a)];
      for (int b = 0; b < memory.count; ++b) {
        if (done_[memory.residents[z(b)].operand] + taken_[z(b)] < end) return false;
      }
    }
    return true;
  }

  const Problem& problem_;
  const Ordering& ordering_;
  bool even_;
  bool exact_;  // weights are exact
  bool strict_;
  bool second_buffers_;
  StrictCosts* costs_;
  int last_irrelevant_;
  std::array<Weight, kMaxLoops + 1> remaining_;  // product of the loops from a position on
  std::array<Extents, kMaxOperands> extents_;    // of the loops that lower levels hold
  std::array<std::array<double, kMaxDims>, kMaxOperands> range_;  // fractional factors only
  std::array<double, kMaxOperands> largest_;                      // by `largest`
  std::array<int, kMaxOperands> done_;
  std::array<int, kMaxOperands> taken_;
  std::array<int, kMaxOperands> best_{};
  Weight best_weight_{};
  bool have_ = false;
};

}  // namespace

bool allocate(const Problem& problem, const Ordering& ordering, bool even, model::Cuts& cuts,
              AllocationFailure* failure, bool second_buffers, StrictCosts* costs) {
  double iterations = 1;
  for (int i = 0; i < ordering.count; ++i) iterations *= ordering.size[z(i)];
  double largest = 0;
  for (int o = 0; o < problem.operands; ++o) {
    largest = std::max(largest, problem.operand[z(o)].elements * problem.operand[z(o)].precision);
  }
  const double heaviest = iterations * largest * problem.operands;
  if (problem.whole && heaviest >= 9.0e15) {
    return Allocator<long double>(problem, ordering, even, false, second_buffers, costs)
        .run(cuts, failure);
  }
  return Allocator<double>(problem, ordering, even, heaviest < 1e14, second_buffers, costs)
      .run(cuts, failure);
}

}  // namespace ridgeline::search
