#include "search/mapping/replay.hpp"

#include <algorithm>
#include <utility>

#include "model/core/decouple.hpp"
#include "model/core/index.hpp"
#include "model/core/strict_evaluate.hpp"

namespace ridgeline::search {

namespace {

using Products = std::array<double, model::kMaxDims>;

Products ones() {
  Products products;
  products.fill(1);
  return products;
}

std::string in_words(const std::vector<model::TemporalPosition>& loops) {
  std::string text;
  for (const model::TemporalPosition& loop : loops) {
    text += (text.empty() ? "" : ", ") + loop.dim + " " + std::to_string(loop.size.value_or(1));
  }
  return text.empty() ? "no loops" : text;
}

// Cuts between two looks at the budget: each may be walked through tile by tile.
constexpr std::int64_t kPoll = 32;

class CutVisitor {
 public:
  CutVisitor(const model::Problem& problem, const model::Ordering& ordering, const GivenCuts& given,
             std::int64_t most, const std::function<bool()>& stopped,
             const std::function<void(const model::Cuts&)>& visit)
      : problem_(problem),
        ordering_(ordering),
        given_(given),
        most_(most),
        stopped_(stopped),
        visit_(visit) {}

  bool run() {
    used_.assign(z(problem_.memories), 0.0);
    cut(0, 0, 0);
    return !over_;
  }

 private:
  // Whether an end at a place is another mapping than a later one: the next loop changes the tile.
  bool differs(int o, int place) const {
    return place == ordering_.count ||
           !(problem_.operand[z(o)].irrelevant >> ordering_.dim[z(place)] & 1u);
  }

  void cut(int o, int level, int begin) {
    if (over_) return;
    if (o == problem_.operands) {
      if (++visits_ > most_ || (visits_ % kPoll == 0 && stopped_ && stopped_())) {
        over_ = true;
        return;
      }
      visit_(cuts_);
      return;
    }
    const model::ProblemOperand& operand = problem_.operand[z(o)];
    const bool top = level + 1 == operand.levels;
    const int given = top ? ordering_.count : given_.end[z(o)][z(level)];
    const auto memory = static_cast<std::size_t>(operand.memory[z(level)]);
    const int from = given >= 0 ? given : begin;
    const int to = given >= 0 ? given : ordering_.count;
    for (int end = from; end <= to && !over_; ++end) {
      if (end < begin || (given < 0 && !differs(o, end))) continue;
      const double bits = tile_bits(problem_, ordering_, o, level, begin, end);
      const double before = used_[memory];
      if (before + bits <= problem_.memory[memory].size) {
        used_[memory] = before + bits;
        cuts_.end[z(o)][z(level)] = static_cast<std::uint8_t>(end);
        if (top) {
          cut(o + 1, 0, 0);
        } else {
          cut(o, level + 1, end);
        }
        used_[memory] = before;
      }
    }
  }

  const model::Problem& problem_;
  const model::Ordering& ordering_;
  const GivenCuts& given_;
  std::int64_t most_;
  const std::function<bool()>& stopped_;
  const std::function<void(const model::Cuts&)>& visit_;
  model::Cuts cuts_;
  std::vector<double> used_;  // bits, by memory
  std::int64_t visits_ = 0;
  bool over_ = false;
};

}  // namespace

double tile_bits(const model::Problem& problem, const model::Ordering& ordering, int operand,
                 int level, int begin, int end) {
  const model::ProblemOperand& o = problem.operand[z(operand)];
  Products range = ones();
  for (int i = 0; i < end; ++i) range[ordering.dim[z(i)]] *= ordering.size[z(i)];
  const Products temporal = range;
  for (int i = 0; i < o.real.begin[z(level + 1)]; ++i) {
    range[z(o.real.loops[z(i)].dim)] *= o.real.loops[z(i)].factor;
  }
  bool partial = o.real.irrelevant_from[z(level + 1)];
  for (int i = begin; i < ordering.count; ++i) {
    partial = partial || (o.irrelevant >> ordering.dim[z(i)] & 1u);
  }
  if (problem.strict) {
    return model::taken_bits(problem, operand, level,
                             model::largest_tile(problem, operand, level, temporal), partial);
  }
  return model::tile_elements(problem, o, range) *
         (o.output && !partial ? o.final_precision : o.precision);
}

GivenCuts given_cuts(const model::Layer& layer, const model::Accelerator& accelerator,
                     const model::Problem& problem, const model::MappingEntry& mapping,
                     const model::Ordering& ordering) {
  GivenCuts given;
  for (auto& ends : given.end) ends.fill(-1);
  for (int o = 0; o < problem.operands; ++o) {
    const std::string& name = layer.operands[z(o)].name;
    const model::ProblemOperand& operand = problem.operand[z(o)];
    std::vector<const model::LevelLoopsRequest*> asked(z(operand.levels), nullptr);
    int highest = -1;
    for (const model::LevelLoopsRequest& request : mapping.memory_loops) {
      if (request.operand != name) continue;
      int level = -1;
      for (int m = 0; m < operand.levels; ++m) {
        const int source = problem.memory[z(operand.memory[z(m)])].source;
        if (accelerator.memories[z(source)].name == request.memory) level = m;
      }
      if (level < 0) {
        given.fault = "memory_loops: memory " + request.memory + " does not hold operand " + name;
        return given;
      }
      asked[z(level)] = &request;
      highest = std::max(highest, level);
    }
    Products wanted = ones();
    Products seen = ones();
    int place = 0;
    for (int m = 0; m <= highest; ++m) {
      if (asked[z(m)] != nullptr) {
        for (const model::TemporalPosition& loop : asked[z(m)]->loops) {
          const int d = layer.dim_index(loop.dim);
          if (d < 0) {
            given.fault = "memory_loops: " + loop.dim + " is no loop of this layer";
            return given;
          }
          wanted[z(d)] *= static_cast<double>(loop.size.value_or(1));
        }
      }
      while (place < ordering.count && seen != wanted) {
        seen[ordering.dim[z(place)]] *= ordering.size[z(place)];
        ++place;
      }
      if (seen != wanted) {
        given.fault =
            "memory_loops: the loops that follow in temporal_ordering are not those that " +
            asked[z(m)]->memory + " is to hold of " + name + " (" + in_words(asked[z(m)]->loops) +
            ")";
        return given;
      }
      given.end[z(o)][z(m)] = place;
    }
    while (place < ordering.count && ordering.size[z(place)] == 1) ++place;
    if (highest + 1 == operand.levels && place != ordering.count) {
      given.fault = "memory_loops: memory " + asked[z(highest)]->memory + " is the outermost of " +
                    name + " and has to hold all loops that are left";
      return given;
    }
  }
  return given;
}

model::MappingEntry ordered_by_memory_loops(const model::Layer& layer,
                                            const model::Accelerator& accelerator,
                                            const model::Problem& problem,
                                            const model::MappingEntry& mapping) {
  model::MappingEntry entry = mapping;
  if (!mapping.temporal_ordering.empty() || mapping.memory_loops.empty()) return entry;
  for (int o = 0; o < problem.operands; ++o) {
    std::vector<model::TemporalPosition> ordering;
    std::vector<double> product(z(problem.dims), 1);
    const model::ProblemOperand& operand = problem.operand[z(o)];
    for (int m = 0; m < operand.levels; ++m) {
      const int source = problem.memory[z(operand.memory[z(m)])].source;
      for (const model::LevelLoopsRequest& request : mapping.memory_loops) {
        if (request.operand != layer.operands[z(o)].name ||
            request.memory != accelerator.memories[z(source)].name) {
          continue;
        }
        for (const model::TemporalPosition& loop : request.loops) {
          const int d = layer.dim_index(loop.dim);
          if (d >= 0) product[z(d)] *= static_cast<double>(loop.size.value_or(1));
          ordering.push_back(loop);
        }
      }
    }
    bool all = !ordering.empty();
    for (int d = 0; d < problem.dims; ++d) {
      all = all && product[z(d)] == static_cast<double>(problem.temporal_size[z(d)]);
    }
    if (!all) continue;
    entry.temporal_ordering = std::move(ordering);
    break;
  }
  return entry;
}

model::MappingEntry replayable(const model::Layer& layer, const model::Accelerator& accelerator,
                               const model::Hierarchy& hierarchy,
                               const model::MappingEntry& mapping, const LayerResult& found) {
  model::MappingEntry entry;
  entry.name = layer.name;
  entry.links = mapping.links;
  for (std::size_t d = 0; d < accelerator.array.dims.size(); ++d) {
    model::ArrayDimUnroll unroll{accelerator.array.dims[d].name, {}};
    for (const model::SpatialDim& dim : found.spatial) {
      if (dim.array_dim != static_cast<int>(d)) continue;
      for (const model::SpatialLoop& loop : dim.loops) {
        unroll.unrolls.push_back({layer.dims[z(loop.dim)].name, loop.factor});
      }
    }
    // A dimension that is not mentioned would be filled.
    if (unroll.unrolls.empty() && !layer.dims.empty()) {
      unroll.unrolls.push_back({layer.dims.front().name, 1});
    }
    entry.spatial_mapping.push_back(std::move(unroll));
  }
  const auto position = [&](const model::TemporalLoop& loop) {
    return model::TemporalPosition{layer.dims[z(loop.dim)].name, loop.size};
  };
  for (const model::TemporalLoop& loop : found.temporal) {
    entry.temporal_ordering.push_back(position(loop));
  }
  const auto levels = model::operand_levels(layer, hierarchy, mapping);
  for (std::size_t o = 0; o < layer.operands.size(); ++o) {
    for (std::size_t m = 0; m < levels[o].size(); ++m) {
      const int memory = hierarchy.memories[z(levels[o][m])].memory;
      model::LevelLoopsRequest request{
          layer.operands[o].name, accelerator.memories[z(memory)].name, {}};
      for (const model::TemporalLoop& loop : found.allocation[o][m]) {
        request.loops.push_back(position(loop));
      }
      entry.memory_loops.push_back(std::move(request));
    }
  }
  return entry;
}

bool visit_cuts(const model::Problem& problem, const model::Ordering& ordering,
                const GivenCuts& given, std::int64_t most, const std::function<bool()>& stopped,
                const std::function<void(const model::Cuts&)>& visit) {
  return CutVisitor(problem, ordering, given, most, stopped, visit).run();
}

}  // namespace ridgeline::search
