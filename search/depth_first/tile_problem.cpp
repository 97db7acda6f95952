#include "search/depth_first/tile_problem.hpp"

#include <algorithm>
#include <bit>
#include <cmath>
#include <map>
#include <optional>

#include "model/core/index.hpp"
#include "search/depth_first/loma_2022.hpp"
#include "search/mapping/content_key.hpp"

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

void complete(TileProblem& problem, const FusionCore& core, const FusionRules& rules) {
  const model::FusedNode& node = *problem.node;
  const model::AxisTile& x = problem.kind->x->tile;
  const model::AxisTile& y = problem.kind->y->tile;
  const std::size_t n = problem.place;
  for (std::size_t o = 0; o < node.layer->operands.size(); ++o) {
    model::OperandPlaces one{MemoryOperand::I1, core.inputs};
    if (o == 0) {
      one = {MemoryOperand::O, core.outputs};
    } else if (node.weights == static_cast<int>(o)) {
      one = {MemoryOperand::I2, core.weights};
    }
    const auto end = std::find(one.memories.begin(), one.memories.end(), problem.top[o]);
    if (end != one.memories.end()) one.memories.erase(std::next(end), one.memories.end());
    problem.places.push_back(std::move(one));
  }
  problem.layer = *node.layer;
  for (std::size_t a = 0; a < model::kAxes; ++a) {
    if (node.loop[a] < 0) continue;
    problem.layer.dims[z(node.loop[a])].size = (a == 0 ? x : y).size[n];
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
      relation.given_size = (a == 0 ? x : y).edges[n][e].data;
      relation.padding_begin = relation.padding_end = 0;
    }
  }
}

void free_key_of(const TileProblem& problem, TileKey& key) {
  const model::FusedNode& node = *problem.node;
  const std::size_t n = problem.place;
  key.clear();
  key.push_back(node.content);
  for (const TileAxis* axis : {problem.kind->x, problem.kind->y}) {
    key.push_back(axis->tile.size[n]);
    for (std::size_t e = 0; e < node.inputs.size(); ++e) {
      key.push_back(axis->tile.edges[n][e].data);
    }
  }
  for (std::size_t o = 0; o < node.layer->operands.size(); ++o) key.push_back(problem.top[o]);
}

void key_of(const TileProblem& problem, TileKey& key) {
  free_key_of(problem, key);
  for (std::size_t m = 0; m < problem.reserved.size(); ++m) {
    if (problem.reserved[m] == 0) continue;
    key.push_back(static_cast<std::int64_t>(m));
    key.push_back(std::bit_cast<std::int64_t>(problem.reserved[m]));
  }
}

void number_contents(model::FusedNetwork& network, const FusionCore& core) {
  std::map<std::string, int> contents;
  for (model::FusedNode& node : network.nodes) {
    if (!node.layer) continue;
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
    const int fresh = static_cast<int>(contents.size());
    node.content = contents.emplace(key.take(), fresh).first->second;
  }
}

namespace {

TileFrame make_frame(const TileProblem& problem, const FusionCore& core) {
  TileFrame made;
  const auto maps =
      std::count_if(problem.places.begin(), problem.places.end(),
                    [](const model::OperandPlaces& one) { return one.link == MemoryOperand::I1; });
  made.accelerator = &core.accelerator;
  if (maps > 1) {
    made.own = std::make_shared<model::Accelerator>(with_two_maps(core.accelerator));
    made.accelerator = made.own.get();
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
  std::vector<std::vector<MemoryOperand>> kept(made.accelerator->memories.size());
  for (std::size_t m = 0; m < made.accelerator->memories.size(); ++m) {
    for (const MemoryOperand operand : made.accelerator->memories[m].operands) {
      for (std::size_t o = 0; o < link.size(); ++o) {
        const auto& list = problem.places[o].memories;
        if (link[o] == operand &&
            std::find(list.begin(), list.end(), static_cast<int>(m)) != list.end()) {
          kept[m].push_back(operand);
        }
      }
    }
  }
  made.hierarchy = model::build_hierarchy(*made.accelerator, kept);
  return made;
}

// A layer-tile as our model sees it.
class Prepared {
 public:
  Prepared(const TileProblem& problem, const FusionCore& core) : frame_(problem.frame) {
    if (frame_ == nullptr) {
      made_ = make_frame(problem, core);
      frame_ = &made_;
    }
    for (std::size_t m = 0; m < problem.reserved.size(); ++m) {
      if (problem.reserved[m] == 0) continue;
      if (!left_) left_ = *frame_->accelerator;
      left_->memories[m].size -= static_cast<std::int64_t>(problem.reserved[m]);
      if (left_->memories[m].size > 0) continue;
      infeasible = "memory " + left_->memories[m].name + " is full of what other layers keep";
      return;
    }
  }
  Prepared(const Prepared&) = delete;
  Prepared& operator=(const Prepared&) = delete;

  std::string infeasible;
  const model::Accelerator& accelerator() const { return left_ ? *left_ : *frame_->accelerator; }
  const model::Hierarchy& hierarchy() const { return frame_->hierarchy; }
  const model::MappingEntry& entry() const { return frame_->entry; }

 private:
  const TileFrame* frame_;
  TileFrame made_;
  std::optional<model::Accelerator> left_;  // with what others leave
};

LayerResult refused(const std::string& why) {
  LayerResult none;
  none.infeasible = why;
  return none;
}

LayerResult mapped_by(const TileProblem& problem, const Prepared& made,
                      const MapperOptions& options) {
  return map_layer(problem.layer, made.accelerator(), made.hierarchy(), made.entry(), options);
}

LayerBound bounded_by(const TileProblem& problem, const Prepared& made,
                      const MapperOptions& options, const BoundOptions& how) {
  return bound_layer(problem.layer, made.accelerator(), made.hierarchy(), made.entry(), options,
                     how);
}

// Whether anything fits where that is not clear at once: by the simple engine, by the table of
// energies, then by the cheapest search that can tell, of so many nodes at most.
struct Fit {
  bool known = false;
  std::string fault;  // why nothing fits
};
Fit find_fit(const TileProblem& problem, const Prepared& made, const MapperOptions& options,
             std::int64_t nodes) {
  MapperOptions simple = options;
  simple.engine = Engine::loma;
  const LayerResult first = mapped_by(problem, made, simple);
  if (first.infeasible.empty()) return {true, ""};
  if (options.no_quirks || options.engine != Engine::exact)
    return {!first.cut_off, first.infeasible};
  if (!bounded_by(problem, made, options, {}).possible()) return {true, first.infeasible};
  MapperOptions any = options;
  any.objective = Objective::energy;
  any.first_term = true;
  any.gap = 1;
  any.node_limit = nodes;
  const LayerResult found = mapped_by(problem, made, any);
  return {found.infeasible.empty() || !found.cut_off, found.infeasible};
}

}  // namespace

LayerResult map_tile(const TileProblem& problem, const FusionCore& core, const FusionRules& rules,
                     const MapperOptions& options) {
  if (rules.defines) {
    return map_layer_2022(problem.layer, problem.node->classes, core.accelerator, problem.places,
                          unrolls_of(problem, core), options);
  }
  const Prepared made(problem, core);
  if (!made.infeasible.empty()) return refused(made.infeasible);
  if (options.budget.stopped()) {
    // What is left is to end with something: of very many spatial mappings the first, by the simple
    // engine.
    MapperOptions simple = options;
    simple.engine = Engine::loma;
    simple.spatial_candidates = 1;
    LayerResult found = mapped_by(problem, made, simple);
    if (found.infeasible.empty()) return found;
  }
  if (options.engine == Engine::exact && !options.no_quirks) {
    const LayerBound bound = bounded_by(problem, made, options, {.quick = true});
    // That nothing fits is seen sooner where only energies count; the simple engine says why.
    const bool hard = options.objective != Objective::energy && !bound.fits;
    if (hard || !bound.possible()) {
      const Fit fit = find_fit(problem, made, options, options.node_limit);
      if (!fit.fault.empty()) {
        LayerResult none = refused(fit.fault);
        none.cut_off = !fit.known;
        return none;
      }
    }
  }
  return mapped_by(problem, made, options);
}

namespace {

constexpr TileBound kNoMapping{{0, 0}, false, false};

}  // namespace

FreeBound bound_free_tile(const TileProblem& problem, const FusionCore& core,
                          const MapperOptions& options, const BoundOptions& how) {
  const Prepared made(problem, core);
  const LayerBound bound =
      bound_layer(problem.layer, made.accelerator(), made.hierarchy(), made.entry(), options, how);
  if (!bound.possible()) return {kNoMapping, {}};
  return {{bound.least, bound.fits}, {bound.room.begin(), bound.room.end()}};
}

bool FreeBound::certain(const TileProblem& problem, const FusionCore& core) const {
  if (room.empty()) return false;
  for (std::size_t m = 0; m < problem.reserved.size(); ++m) {
    if (problem.reserved[m] > 0 && core.size(static_cast<int>(m)) - problem.reserved[m] < room[m]) {
      return false;
    }
  }
  return true;
}

TileBound bound_tile(const TileProblem& problem, const FusionCore& core,
                     const MapperOptions& options, const BoundOptions& how) {
  const Prepared made(problem, core);
  if (!made.infeasible.empty()) return kNoMapping;
  const LayerBound bound =
      bound_layer(problem.layer, made.accelerator(), made.hierarchy(), made.entry(), options, how);
  if (!bound.possible()) return kNoMapping;
  TileBound result{bound.least, bound.fits};
  if (bound.fits || options.budget.stopped()) return result;
  // Whether anything fits decides which memories come next, and so what the way costs: the bound
  // is none unless that is known.
  constexpr std::int64_t kNodes = 100'000;
  const Fit fit = find_fit(problem, made, options, kNodes);
  if (fit.known && !fit.fault.empty()) return kNoMapping;
  result.fits = fit.known;
  return result;
}

const TileFrame* TileFrames::of(const TileProblem& problem) {
  const std::lock_guard lock(*mutex_);
  TileKey key{problem.node->content};
  for (std::size_t o = 0; o < problem.node->layer->operands.size(); ++o) {
    key.push_back(problem.top[o]);
  }
  const auto [it, fresh] = known_.try_emplace(std::move(key));
  if (fresh) {
    TileProblem one = problem;
    complete(one, core_, {});
    it->second = make_frame(one, core_);
  }
  return &it->second;
}

}  // namespace ridgeline::search
