#include "search/mapping/layer_bound.hpp"

#include <algorithm>
#include <array>
#include <cmath>
#include <optional>
#include <variant>

#include "model/core/directions.hpp"
#include "model/core/evaluate.hpp"
#include "model/core/index.hpp"
#include "model/core/strict_evaluate.hpp"
#include "model/core/strict_problem.hpp"
#include "search/exact/cut_elements.hpp"
#include "search/exact/least_cost.hpp"
#include "search/exact/root_bound.hpp"
#include "search/exact/shared_root.hpp"
#include "search/mapping/allocate.hpp"
#include "search/mapping/spatial_candidates.hpp"

namespace ridgeline::search {

namespace {

// Whether the layer's loops, each whole, fit in one of two orders: a way to see that something fits
// without a search.
bool fits_for_certain(const model::Problem& problem, bool even) {
  std::array<bool, model::kMaxDims> of_output{};
  for (int d = 0; d < problem.dims; ++d) {
    of_output[z(d)] = problem.operand[0].relevant >> d & 1u;
  }
  for (int r = 0; problem.operand[0].partial && r < problem.relations; ++r) {
    for (const auto d : problem.relation[static_cast<std::size_t>(r)].dim) {
      of_output[z(d)] = true;
    }
  }
  for (const bool outputs_first : {false, true}) {
    model::Ordering ordering;
    for (const bool outputs : {outputs_first, !outputs_first}) {
      for (int d = 0; d < problem.dims; ++d) {
        const auto place = static_cast<std::size_t>(d);
        if (of_output[place] != outputs || problem.temporal_size[place] <= 1) continue;
        ordering.push(d, problem.temporal_size[place]);
      }
    }
    if (ordering.count == 0) ordering.push(0, 1);
    model::Cuts cuts;
    if (!allocate(problem, ordering, even, cuts)) continue;
    const model::Cost cost = problem.strict ? model::bound_strict(problem, ordering, cuts)
                                            : model::evaluate(problem, ordering, cuts);
    if (std::isfinite(cost.energy)) return true;
  }
  return false;
}

// Whether nothing fits for certain: a memory holds all of the operands of which it is the outermost
// one, and a tile without loops of each other one that passes it.
bool cannot_fit(const model::Problem& problem) {
  constexpr double kLastBits = 1e-9;
  if (problem.strict) return false;
  std::array<double, model::kMaxDims> all;
  std::array<double, model::kMaxDims> none;
  all.fill(1);
  none.fill(1);
  for (int d = 0; d < problem.dims; ++d) {
    all[z(d)] = static_cast<double>(problem.temporal_size[z(d)]);
  }
  for (int m = 0; m < problem.memories; ++m) {
    const model::ProblemMemory& memory = problem.memory[z(m)];
    double bits = 0;
    for (int i = 0; i < memory.count; ++i) {
      const int level = memory.residents[z(i)].level;
      const model::ProblemOperand& operand = problem.operand[z(memory.residents[z(i)].operand)];
      bits += std::min(operand.precision, operand.final_precision) *
              elements_below(problem, operand, operand.real, level + 1,
                             level + 1 == operand.levels ? all : none, -kLastBits);
    }
    if (bits > memory.size * (1 + kLastBits)) return true;
  }
  return false;
}

// Bits that leave room for the mapping of the layer's loops, those that reduce outputs innermost,
// whatever the allocator puts into the memories below; empty where that is not clear.
std::vector<double> room_for_certain(const model::Problem& problem,
                                     const model::Accelerator& accelerator) {
  constexpr double kLastBits = 1e-9;
  const model::ProblemOperand& output = problem.operand[0];
  for (int l = 0; l < output.levels; ++l) {  // partial sums may go anywhere
    if (l + 1 < output.levels && output.bandwidth_max[z(l)][z(model::kWrHigh)] == 0) return {};
    if (l > 0 && output.bandwidth_max[z(l)][z(model::kRdLow)] == 0) return {};
  }
  std::array<double, model::kMaxDims> all;
  std::array<double, model::kMaxDims> none;
  all.fill(1);
  none.fill(1);
  for (int d = 0; d < problem.dims; ++d)
    all[z(d)] = static_cast<double>(problem.temporal_size[z(d)]);
  // Loops that reduce outputs leave the output's tile as it is, so a memory that it has to itself
  // takes them all.
  const bool reduced_within =
      !problem.strict && output.levels > 1 && problem.memory[z(output.memory[0])].count == 1;
  const auto elements = [&](int o, int level, const auto& loops) {
    const model::ProblemOperand& operand = problem.operand[z(o)];
    return problem.strict
               ? model::largest_tile(problem, o, level, loops)
               : elements_below(problem, operand, operand.real, level + 1, loops, kLastBits);
  };
  std::vector<double> room(accelerator.memories.size(), 0);
  for (int m = 0; m < problem.memories; ++m) {
    const model::ProblemMemory& memory = problem.memory[z(m)];
    if (memory.count > 0 && problem.strict && model::has_forced_buffers(problem, m)) return {};
    double bits = 0;
    double lanes = 0;  // unrolled elements that a memory with nothing below is asked to hold
    for (int i = 0; i < memory.count; ++i) {
      const int level = memory.residents[z(i)].level;
      const int o = memory.residents[z(i)].operand;
      const model::ProblemOperand& operand = problem.operand[z(o)];
      const model::OperandSpatial& spatial = operand.real;
      const double most = std::max(operand.precision, operand.final_precision);
      const bool top = level + 1 == operand.levels;
      double whole = elements(o, level, all);
      if (top && o == 0 && level > 0 && reduced_within && !spatial.irrelevant_from[z(level + 1)]) {
        whole *= operand.final_precision;
      } else {
        whole *= most;
      }
      double own = whole;
      if (!top && level == 0) {
        own = most * elements(o, 0, none);
      } else if (!top) {
        double below = problem.memory[z(operand.memory[z(level - 1)])].size;
        for (int l = spatial.begin[z(level)]; l < spatial.begin[z(level + 1)]; ++l) {
          below *= std::max(1.0, spatial.loops[z(l)].factor);
        }
        own = std::min(own, below);
      }
      bits += own;
      if (level == 0) lanes = std::max(lanes, most);
    }
    for (const model::ArrayDim& dim : accelerator.array.dims) {
      lanes *= static_cast<double>(dim.size);
    }
    if (bits > memory.size) return {};
    room[z(memory.source)] = std::max(bits, lanes);
  }
  return room;
}

}  // namespace

LayerBound bound_layer(const model::Layer& layer, const model::Accelerator& accelerator,
                       const model::Hierarchy& hierarchy, const model::MappingEntry& mapping,
                       const MapperOptions& options, const BoundOptions& how) {
  const auto levels = model::operand_levels(layer, hierarchy, mapping);
  if (std::any_of(levels.begin(), levels.end(), [](const auto& l) { return l.empty(); })) return {};
  // A mapping that the user gives need not be among those that the tables know.
  if (!mapping.temporal_ordering.empty() || !mapping.memory_loops.empty()) {
    return {};
  }
  // Whoever has no time left has none to bound what is not looked for any more.
  if (options.budget.stopped()) return {};
  const SpatialCandidates candidates =
      spatial_candidates(layer, accelerator, hierarchy, mapping, spatial_options(options));
  LayerBound bound;
  std::optional<model::Cost> least;
  for (const model::SpatialMapping& spatial : candidates.mappings) {
    const auto compiled = model::compile(layer, accelerator, hierarchy, mapping, spatial,
                                         model::cost_model(options.no_quirks));
    const auto* flat = std::get_if<model::Problem>(&compiled);
    if (flat == nullptr) continue;
    const model::Cost one = cannot_fit(*flat) ? model::Cost{kNothingFits, kNothingFits}
                            : how.quick       ? least_cost(*flat)
                            : how.roots != nullptr && !flat->strict
                                ? how.roots->root(*flat)
                                : root_bound(*flat, how.price_steps, options.budget);
    if (!least) least = one;
    least->energy = std::min(least->energy, one.energy);
    least->latency = std::min(least->latency, one.latency);
    if (how.roots != nullptr || bound.fits || !fits_for_certain(*flat, options.even)) continue;
    bound.fits = true;
    if (!options.even) bound.room = room_for_certain(*flat, accelerator);
  }
  bound.least = least.value_or(model::Cost{});
  return bound;
}

}  // namespace ridgeline::search
