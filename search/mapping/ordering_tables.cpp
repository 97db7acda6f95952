#include "search/mapping/ordering_tables.hpp"

#include <algorithm>
#include <bit>
#include <limits>

#include "model/core/index.hpp"

namespace ridgeline::search {

using model::kMaxLevels;
using model::kMaxOperands;
using model::kMaxRelations;
using model::Problem;
using model::ProblemOperand;

namespace {

constexpr int kMaxTableLoops = 12;  // 4,096 subsets
constexpr double kUnknown = std::numeric_limits<double>::infinity();

// Bits times iterations of all operands together, at most.
double heaviest(const Problem& problem, const std::vector<model::TemporalLoop>& loops) {
  double iterations = 1;
  for (const model::TemporalLoop& loop : loops) iterations *= static_cast<double>(loop.size);
  double largest = 0;
  for (int o = 0; o < problem.operands; ++o) {
    largest = std::max(largest, problem.operand[z(o)].elements * problem.operand[z(o)].precision);
  }
  return iterations * largest * problem.operands;
}

}  // namespace

bool OrderingTables::fit(const Problem& problem, const std::vector<model::TemporalLoop>& loops) {
  return !loops.empty() && loops.size() <= kMaxTableLoops && model::has_lanes(problem) &&
         !model::has_split_lanes(problem) &&
         std::all_of(problem.operand.begin(), problem.operand.begin() + problem.operands,
                     [](const ProblemOperand& operand) { return operand.real.whole; }) &&
         heaviest(problem, loops) < 1e14;
}

OrderingTables::OrderingTables(const Problem& problem,
                               const std::vector<model::TemporalLoop>& loops)
    : problem_(problem), count_(static_cast<int>(loops.size())) {
  const std::uint32_t subsets = 1u << count_;
  product_.assign(subsets, 1);
  // Products over the loops of each subset that `counts` names.
  const auto products = [&](const auto& counts, std::vector<double>& result) {
    result.assign(subsets, 1);
    for (std::uint32_t s = 1; s < subsets; ++s) {
      const auto last = static_cast<std::size_t>(std::countr_zero(s));
      result[s] = result[s & (s - 1)];
      if (counts(loops[last].dim)) result[s] *= static_cast<double>(loops[last].size);
    }
  };
  products([](int) { return true; }, product_);
  std::array<std::vector<double>, 2 * kMaxRelations> extent;
  for (int slot = 0; slot < 2 * problem.relations; ++slot) {
    products([&](int dim) { return problem.relation_slot[z(dim)] == slot; }, extent[z(slot)]);
  }
  for (int o = 0; o < problem.operands; ++o) {
    const ProblemOperand& operand = problem.operand[z(o)];
    Operand& table = operand_[z(o)];
    for (int i = 0; i < count_; ++i) {
      const int dim = loops[z(i)].dim;
      if (operand.relevant >> dim & 1u) table.relevant |= 1u << i;
      if (operand.irrelevant >> dim & 1u) table.irrelevant |= 1u << i;
    }
    std::vector<double> relevant;
    products([&](int dim) { return (operand.relevant >> dim & 1u) != 0; }, relevant);
    for (int m = 0; m < operand.levels; ++m) {
      std::vector<double>& elements = table.elements[z(m)];
      elements.resize(subsets);
      const auto& unrolled = operand.real.extent[z(m)];
      for (std::uint32_t s = 0; s < subsets; ++s) {
        double size = relevant[s] * operand.real.relevant_product[z(m)];
        if (operand.partial) {
          for (std::size_t r = 0; r < z(problem.relations); ++r) {
            const model::ProblemRelation& relation = problem.relation[r];
            const double first = extent[2 * r][s] * unrolled[2 * r];
            const double second = extent[2 * r + 1][s] * unrolled[2 * r + 1];
            const double joint = first * second - std::max(0.0, second - relation.reduced[0]) *
                                                      (first - relation.reduced[1]);
            size *= std::min(relation.size, joint);
          }
        }
        elements[s] = size;
      }
    }
    // As in allocate.cpp: where tiles may grow by more than the loop that is added, nothing is
    // known, so that weights may grow with them.
    table.largest = std::max(operand.precision, operand.final_precision) * relevant[subsets - 1] *
                    operand.real.relevant_product[z(operand.levels)];
    if (operand.partial) {
      for (int r = 0; r < problem.relations; ++r) {
        const model::ProblemRelation& relation = problem.relation[z(r)];
        table.largest *= relation.size;
        if (relation.reduced[1] != 1 || relation.size < 1) table.largest = kUnknown;
      }
    }
  }
  for (int i = 0; i < count_; ++i) {
    if ((operand_[0].irrelevant >> i & 1u) && loops[z(i)].size > 1) reducing_ |= 1u << i;
  }
  for (int a = 0; a <= problem.operand[0].levels; ++a) {
    if (problem.operand[0].real.reduced_from[z(a)]) operand_[0].reduced |= 1u << a;
  }
  plan_memories();
}

void OrderingTables::plan_memories() {
  for (int place = 0; place < problem_.memories; ++place) {
    const model::ProblemMemory& from = problem_.memory[problem_.topological_order[z(place)]];
    if (from.count == 0) continue;
    Memory memory;
    memory.size = from.size;
    memory.count = from.count;
    memory.steady = true;
    double total = 0;
    for (int i = 0; i < from.count; ++i) {
      const int o = from.residents[z(i)].operand;
      const int level = from.residents[z(i)].level;
      const ProblemOperand& operand = problem_.operand[z(o)];
      const Operand& table = operand_[z(o)];
      const bool top = level + 1 == operand.levels;
      const bool completes = operand.output && !operand.real.irrelevant_from[z(level + 1)];
      memory.residents[z(i)] = {o,
                                level,
                                top,
                                operand.precision,
                                completes ? operand.final_precision : operand.precision,
                                table.elements[z(level)].data()};
      memory.steady = memory.steady && (top || table.largest < kUnknown);
      total += table.largest;
    }
    memory.holds_all = total <= memory.size;
    memories_.push_back(memory);
  }
}

// One ordering on its way through the memories.
class OrderingTables::Cutter {
 public:
  Cutter(const OrderingTables& tables, LoopOrder order)
      : tables_(tables), problem_(tables.problem_), order_(order), count_(tables.count_) {
    const std::uint32_t every = (1u << count_) - 1;
    below_[0] = 0;
    for (int i = 0; i < count_; ++i) below_[i + 1] = below_[i] | 1u << order[i];
    for (int i = 0; i <= count_; ++i) remaining_[i] = tables.product_[every & ~below_[i]];
  }

  bool allocate(model::Cuts& cuts) {
    int done[kMaxOperands] = {};
    const int last_irrelevant = last_of(tables_.operand_[0].irrelevant);
    for (const Memory& memory : tables_.memories_) {
      if (!memory.holds_all && !choose(memory, done, last_irrelevant)) return false;
      for (int i = 0; i < memory.count; ++i) {
        const Resident& resident = memory.residents[z(i)];
        const int o = resident.operand;
        done[o] = memory.holds_all ? count_ : done[o] + best_[i];
        cuts.end[z(o)][z(resident.level)] = static_cast<std::uint8_t>(done[o]);
        if (resident.top && done[o] < count_) return false;
      }
    }
    return true;
  }

  void tile(const model::Cuts& cuts, int at, model::LaneTiling& lanes) const {
    const auto lane = z(at);
    lanes.iterations[lane] = remaining_[0];
    const int last_irrelevant = last_of(tables_.reducing_);
    for (int o = 0; o < problem_.operands; ++o) {
      const ProblemOperand& operand = problem_.operand[z(o)];
      const Operand& table = tables_.operand_[z(o)];
      model::LaneOperand& result = lanes.operand[z(o)];
      const int levels = operand.levels;
      // Loops in architecture levels 0..a, after irrelevant ones have sunk (docs/model.md, 4.2).
      int end[kMaxLevels + 1];
      end[0] = 0;
      for (int m = 0; m + 1 < levels; ++m) {
        int boundary = cuts.end[z(o)][z(m)];
        while (boundary < count_ && has(table.irrelevant, boundary)) ++boundary;
        end[m + 1] = boundary;
      }
      end[levels] = count_;
      int stationary = 0;  // innermost loops that an input waits for in the array
      if (!operand.output && problem_.repeats_are_free) {
        while (stationary < end[1] && has(table.irrelevant, stationary)) ++stationary;
      }
      result.period[0][lane] = tables_.product_[below_[stationary]];
      result.count[0][lane] = remaining_[stationary];
      result.top_relevant[0][lane] = result.top_irrelevant[0][lane] = 1;
      result.version[0].elements[0][lane] = 1;
      for (int a = 1; a <= levels; ++a) {
        const std::uint32_t below = below_[end[a]];
        result.period[z(a)][lane] = tables_.product_[below];
        result.count[z(a)][lane] = remaining_[end[a]];
        double relevant = 1;
        double irrelevant = 1;
        const int low = end[a - 1];
        int i = end[a];
        if (i > low && has(table.relevant, i - 1)) {
          while (i > low && has(table.relevant, i - 1)) --i;
          relevant = tables_.product_[below & ~below_[i]];
        } else if (i > low && has(table.irrelevant, i - 1)) {
          while (i > low && has(table.irrelevant, i - 1)) --i;
          irrelevant = tables_.product_[below & ~below_[i]];
        }
        result.top_relevant[z(a)][lane] = relevant;
        result.top_irrelevant[z(a)][lane] = irrelevant;
        result.version[0].elements[z(a)][lane] = table.elements[z(a - 1)][below];
      }
      if (!operand.output) continue;
      for (int a = 0; a < levels; ++a) {
        const bool partial = last_irrelevant >= end[a] || (table.reduced >> (a + 1) & 1u) != 0;
        result.version[0].partial_sums[z(a)][lane] = -static_cast<std::int64_t>(partial);
      }
      result.version[0].partial_sums[z(levels)][lane] = 0;
    }
  }

 private:
  static constexpr int kMaxSizes = kMaxTableLoops + 1;

  bool has(std::uint32_t loops, int position) const { return loops >> order_[position] & 1u; }

  // Position of the outermost of some loops; -1 where there are none.
  int last_of(std::uint32_t loops) const {
    int i = count_;
    while (i > 0 && !has(loops, i - 1)) --i;
    return i - 1;
  }

  // How many more loops one resident of a memory may take, with what that means.
  struct Choice {
    int first;
    int count;
    double bits[kMaxSizes];
    double weight[kMaxSizes];
  };

  // As Allocator::choose in allocate.cpp.
  bool choose(const Memory& memory, const int* done, int last_irrelevant) {
    double total = 0;
    for (int i = 0; i < memory.count; ++i) {
      const Resident& resident = memory.residents[z(i)];
      const int from = done[resident.operand];
      const double* elements = resident.elements;
      const double precision =
          last_irrelevant < from ? resident.final_precision : resident.precision;
      Choice& choice = choice_[i];
      int count = 0;
      for (int j = from; j <= count_; ++j) {
        const double bits = precision * elements[below_[j]];
        if (bits > memory.size) break;
        choice.bits[count++] = bits;
      }
      if (count == 0) return false;
      choice.count = count;
      choice.first = resident.top ? count - 1 : 0;
      total += choice.bits[choice.first];
    }
    if (total > memory.size) return false;
    if (memory.count == 1 && memory.steady) {
      best_[0] = choice_[0].count - 1;
      return true;
    }
    for (int i = 0; i < memory.count; ++i) {
      const Resident& resident = memory.residents[z(i)];
      Choice& choice = choice_[i];
      const double* remaining = remaining_ + done[resident.operand];
      for (int k = choice.first; k < choice.count; ++k) {
        choice.weight[k] = resident.top ? 0 : choice.bits[k] * remaining[k];
      }
    }
    best_weight_ = kUnknown;
    attempt(memory, 0, 0, 0);
    return true;
  }

  // All choices of residents i.. on top of what those before take; of equals the last. Where all
  // are steady, the last resident's best is the most that fits.
  void attempt(const Memory& memory, int i, double bits, double weight) {
    const Choice& choice = choice_[i];
    if (i + 1 < memory.count) {
      for (int k = choice.first; k < choice.count; ++k) {
        const double total = bits + choice.bits[k];
        if (total > memory.size) continue;
        taken_[i] = k;
        attempt(memory, i + 1, total, weight + choice.weight[k]);
      }
      return;
    }
    const auto keep = [&](int k) {
      const double sum = weight + choice.weight[k];
      if (sum > best_weight_) return;
      best_weight_ = sum;
      taken_[i] = k;
      for (int j = 0; j <= i; ++j) best_[j] = taken_[j];
    };
    if (memory.steady) {
      int k = choice.count - 1;
      while (k >= choice.first && bits + choice.bits[k] > memory.size) --k;
      if (k >= choice.first) keep(k);
    } else {
      for (int k = choice.first; k < choice.count; ++k) {
        if (bits + choice.bits[k] <= memory.size) keep(k);
      }
    }
  }

  const OrderingTables& tables_;
  const Problem& problem_;
  LoopOrder order_;
  int count_;
  std::uint32_t below_[kMaxTableLoops + 1];  // loops below a position
  double remaining_[kMaxTableLoops + 1];     // product of the others
  Choice choice_[kMaxOperands];
  int taken_[kMaxOperands] = {};
  int best_[kMaxOperands] = {};
  double best_weight_ = kUnknown;
};

bool OrderingTables::cut(LoopOrder order, model::Cuts& cuts, int lane,
                         model::LaneTiling& lanes) const {
  Cutter cutter(*this, order);
  if (!cutter.allocate(cuts)) return false;
  cutter.tile(cuts, lane, lanes);
  return true;
}

}  // namespace ridgeline::search
