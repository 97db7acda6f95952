#include "search/depth_first/tile_problem.hpp"

#include <algorithm>
#include <cmath>

#include "model/core/index.hpp"
#include "search/depth_first/loma_2022.hpp"
#include "search/mapping/content_key.hpp"
#include "search/mapping/layer_bound.hpp"

namespace ridgeline::search {

namespace {

using model::MemoryOperand;

// The spatial mapping that the document gives, as far as it is for loops of the layer.
std::vector<model::Unrolling> unrolls_of(const TileProblem& problem, const FusionCore& core) {
  std::vector<model::Unrolling> list;
  for (const model::ArrayDimUnroll& dim : core.entry(*problem.node).spatial_mapping) {
    const int array_dim = core.accelerator.array.dim_index(dim.array_dim);
    if (array_dim < 0) continue;
    for (const model::Unroll& unroll : dim.unrolls) {
      const int loop = problem.layer.dim_index(unroll.dim);
      if (loop >= 0 && unroll.factor > 1) list.push_back({array_dim, loop, unroll.factor});
    }
  }
  return list;
}

// The core on which a layer's two inputs may both be maps: what stores I1 stores the second input
// as well, through the same ports, and weights have no place.
model::Accelerator with_two_maps(const model::Accelerator& accelerator) {
  model::Accelerator core = accelerator;
  for (model::Memory& memory : core.memories) {
    const auto drop =
        std::remove(memory.operands.begin(), memory.operands.end(), MemoryOperand::I2);
    memory.operands.erase(drop, memory.operands.end());
    const bool maps = std::find(memory.operands.begin(), memory.operands.end(),
                                MemoryOperand::I1) != memory.operands.end();
    if (maps) memory.operands.push_back(MemoryOperand::I2);
    for (model::Port& port : memory.ports) {
      const auto gone =
          std::remove_if(port.allocation.begin(), port.allocation.end(),
                         [](const auto& one) { return one.first == MemoryOperand::I2; });
      port.allocation.erase(gone, port.allocation.end());
      const std::size_t count = port.allocation.size();
      for (std::size_t i = 0; i < count; ++i) {
        if (port.allocation[i].first != MemoryOperand::I1) continue;
        port.allocation.emplace_back(MemoryOperand::I2, port.allocation[i].second);
      }
    }
  }
  return core;
}

}  // namespace

TileProblem tile_problem(const FusionCore& core, const model::FusedNode& node, const TileKind& kind,
                         std::size_t n) {
  TileProblem problem;
  problem.node = &node;
  problem.kind = &kind;
  problem.place = n;
  const std::size_t operands = node.layer->operands.size();
  problem.places.reserve(operands);
  for (std::size_t o = 0; o < operands; ++o) {
    if (o == 0) {
      problem.places.push_back({MemoryOperand::O, core.outputs});
    } else if (node.weights == static_cast<int>(o)) {
      problem.places.push_back({MemoryOperand::I2, core.weights});
    } else {
      problem.places.push_back({MemoryOperand::I1, core.inputs});
    }
  }
  return problem;
}

void complete(TileProblem& problem, const FusionRules& rules) {
  const model::FusedNode& node = *problem.node;
  const TileKind& kind = *problem.kind;
  const std::size_t n = problem.place;
  problem.layer = *node.layer;
  for (std::size_t a = 0; a < model::kAxes; ++a) {
    if (node.loop[a] < 0) continue;
    problem.layer.dims[z(node.loop[a])].size = (a == 0 ? kind.x : kind.y).size[n];
  }
  for (model::DimRelation& relation : problem.layer.relations) {
    if (!rules.defines) continue;
    relation.given_size.reset();
    relation.padding_begin = relation.padding_end = 0;
  }
  for (std::size_t e = 0; !rules.defines && e < node.inputs.size(); ++e) {
    for (std::size_t a = 0; a < model::kAxes; ++a) {
      const int r = node.inputs[e].axis[a].relation;
      if (r < 0) continue;
      model::DimRelation& relation = problem.layer.relations[z(r)];
      relation.given_size = (a == 0 ? kind.x : kind.y).edges[n][e].data;
      relation.padding_begin = relation.padding_end = 0;
    }
  }
}

std::string key_of(const TileProblem& problem, const FusionCore& core) {
  ContentKey key;
  const model::FusedNode& node = *problem.node;
  key.number(node.content);
  if (node.content < 0) key.text(content_of(node, core));
  const std::size_t n = problem.place;
  for (const model::AxisTile* axis : {&problem.kind->x, &problem.kind->y}) {
    key.number(axis->size[n]);
    for (const model::EdgeTile& edge : axis->edges[n]) key.number(edge.data);
  }
  for (const model::OperandPlaces& one : problem.places) {
    key.number(one.memories.empty() ? -1 : one.memories.back());
  }
  for (std::size_t m = 0; m < problem.reserved.size(); ++m) {
    if (problem.reserved[m] == 0) continue;
    key.number(static_cast<std::int64_t>(m));
    key.real(problem.reserved[m]);
  }
  return key.take();
}

std::string content_of(const model::FusedNode& node, const FusionCore& core) {
  ContentKey key;
  key.layer(*node.layer);
  key.list(node.classes, [&](const model::Relevance& one) {
    key.number(one.relevant);
    key.number(one.irrelevant);
  });
  key.number(node.weights.value_or(-1));
  key.mapping(core.entry(node));
  // What reads which operand decides which sizes are those of tiles.
  key.list(node.inputs, [&](const model::FusedInput& one) { key.number(one.operand); });
  return key.take();
}

namespace {

// A layer-tile as our model sees it.
struct Prepared {
  std::string infeasible;
  model::Accelerator accelerator;
  model::Hierarchy hierarchy;
  model::MappingEntry entry;
};

Prepared prepare(const TileProblem& problem, const FusionCore& core) {
  Prepared made;
  const auto maps =
      std::count_if(problem.places.begin(), problem.places.end(),
                    [](const model::OperandPlaces& one) { return one.link == MemoryOperand::I1; });
  made.accelerator = maps > 1 ? with_two_maps(core.accelerator) : core.accelerator;
  model::Accelerator& left = made.accelerator;
  for (std::size_t m = 0; m < problem.reserved.size(); ++m) {
    left.memories[m].size -= static_cast<std::int64_t>(problem.reserved[m]);
    if (left.memories[m].size <= 0) {
      made.infeasible = "memory " + left.memories[m].name + " is full of what other layers keep";
      return made;
    }
  }
  made.entry = core.entry(*problem.node);
  made.entry.links.clear();
  bool first_map = true;
  std::vector<MemoryOperand> link;
  for (std::size_t o = 0; o < problem.places.size(); ++o) {
    MemoryOperand one = problem.places[o].link;
    if (one == MemoryOperand::I1) {
      if (!first_map) one = MemoryOperand::I2;
      first_map = false;
    }
    link.push_back(one);
    made.entry.links.push_back({problem.layer.operands[o].name, one});
  }
  // Memories keep their own order of operands.
  std::vector<std::vector<MemoryOperand>> kept(left.memories.size());
  for (std::size_t m = 0; m < left.memories.size(); ++m) {
    for (const MemoryOperand operand : left.memories[m].operands) {
      for (std::size_t o = 0; o < link.size(); ++o) {
        const auto& list = problem.places[o].memories;
        if (link[o] == operand &&
            std::find(list.begin(), list.end(), static_cast<int>(m)) != list.end()) {
          kept[m].push_back(operand);
        }
      }
    }
  }
  made.hierarchy = model::build_hierarchy(left, kept);
  return made;
}

LayerResult refused(const std::string& why) {
  LayerResult none;
  none.infeasible = why;
  return none;
}

}  // namespace

LayerResult map_tile(const TileProblem& problem, const FusionCore& core, const FusionRules& rules,
                     const MapperOptions& options) {
  if (rules.defines) {
    return map_layer_2022(problem.layer, problem.node->classes, core.accelerator, problem.places,
                          unrolls_of(problem, core), options);
  }
  const Prepared made = prepare(problem, core);
  if (!made.infeasible.empty()) return refused(made.infeasible);
  return map_layer(problem.layer, made.accelerator, made.hierarchy, made.entry, options);
}

LayerResult bound_tile(const TileProblem& problem, const FusionCore& core,
                       const MapperOptions& options, bool quick) {
  const Prepared made = prepare(problem, core);
  if (!made.infeasible.empty()) return refused(made.infeasible);
  LayerResult result;
  const model::Cost least = bound_layer(problem.layer, made.accelerator, made.hierarchy, made.entry,
                                        options, nullptr, quick);
  if (!std::isfinite(least.energy) || !std::isfinite(least.latency)) {
    return refused("no mapping fits the memories");
  }
  result.evaluation.cost = least;
  result.evaluation.latency.total2 = least.latency;
  return result;
}

}  // namespace ridgeline::search
