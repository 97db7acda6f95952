#include "search/depth_first/fusion_search.hpp"

#include <algorithm>
#include <limits>
#include <map>

#include "model/core/index.hpp"

namespace ridgeline::search {

namespace {

constexpr double kInfinity = std::numeric_limits<double>::infinity();
// Ways of tiling that are bounded at most, over all stacks; longer stacks are left out beyond it.
constexpr std::size_t kMostWays = 400'000;
// Ways that are mapped together, and that are bounded closely together.
constexpr std::size_t kBatch = 8;
constexpr std::size_t kBounded = 16;
// Points of the front of a stack, and of a whole network, that are kept for the objective edp.
constexpr std::size_t kMostFront = 64;

struct Way {
  Tile tile;
  Overlap overlap = Overlap::recompute;
  double bound = 0;
  bool close = false;     // the bound is the close one
  std::size_t place = 0;  // among the block's ways: of equals the first one
};

// The way of the least bound on top of a heap.
bool later(const Way& a, const Way& b) {
  return a.bound != b.bound ? a.bound > b.bound : a.place > b.place;
}

struct Block {  // layers first .. last as one stack
  int first = 0;
  int last = 0;
  std::unique_ptr<model::Stack> stack;
  AxisPlans plans;
  std::vector<Way> ways;     // a heap of those that are not mapped
  double value = kInfinity;  // of the best way that is mapped
  double least = kInfinity;  // bound of those that are mapped
  bool exact = true;         // every layer of those that are mapped is proven
  std::optional<Way> best;
  std::vector<std::pair<model::Cost, Way>> front;  // for edp
  std::string fault;                               // why no way is feasible, as far as known

  bool closed() const { return ways.empty() || ways.front().bound >= value; }
  // What a further look can find, and what is certain.
  double promise() const { return ways.empty() ? value : std::min(value, ways.front().bound); }
  double bound() const {
    const double rest = ways.empty() ? kInfinity : ways.front().bound;
    return std::min(exact ? value : least, rest);
  }
  Way take() {
    std::pop_heap(ways.begin(), ways.end(), later);
    const Way way = ways.back();
    ways.pop_back();
    return way;
  }
  void put(const Way& way) {
    ways.push_back(way);
    std::push_heap(ways.begin(), ways.end(), later);
  }
};

void add_to_front(std::vector<std::pair<model::Cost, Way>>& front, const model::Cost& cost,
                  const Way& way) {
  for (const auto& [other, _] : front) {
    if (other.energy <= cost.energy && other.latency <= cost.latency) return;
  }
  const auto gone = std::remove_if(front.begin(), front.end(), [&](const auto& one) {
    return cost.energy <= one.first.energy && cost.latency <= one.first.latency;
  });
  front.erase(gone, front.end());
  front.emplace_back(cost, way);
}

class Search {
 public:
  Search(FusionResult& fusion, const FusionOptions& options, const FusionSearchOptions& search)
      : fusion_(fusion),
        options_(options),
        search_(search),
        objective_(options.mapper.objective),
        quick_(*fusion.core, options.rules, options.mapper, options.for_each,
               TileSolver::Depth::quick_bound),
        close_(*fusion.core, options.rules, options.mapper, options.for_each,
               TileSolver::Depth::bound) {}

  void run() {
    for (std::size_t n = 0; n < fusion_.network.nodes.size(); ++n) {
      if (fusion_.network.nodes[n].layer) layers_.push_back(static_cast<int>(n));
    }
    make_blocks();
    while (!stopped()) {
      const std::vector<int> path = best_path(Worth::promise);
      bool open = false;
      for (const int b : path) {
        Block& block = blocks_[z(b)];
        if (block.closed() || (search_.quick && block.best)) continue;
        open = true;
        map_some(block);
        if (stopped()) break;
      }
      if (!open) break;
    }
    if (objective_ == Objective::edp) {
      for (Block& block : blocks_) {
        while (!stopped() && !block.closed()) map_some(block);
      }
    }
  }

  // The best fusion of what is mapped; its blocks in order.
  std::vector<FusedStack> result() {
    std::vector<FusedStack> stacks;
    const std::vector<std::pair<int, Way>> chosen =
        objective_ == Objective::edp ? best_product() : best_of_path();
    for (const auto& [b, way] : chosen) {
      Block& block = blocks_[z(b)];
      FusedStack one;
      one.stack = std::make_unique<model::Stack>(*block.stack);
      one.job.stack = one.stack.get();
      if (block.best) {
        one.job.plan = plan(block, way);
        fusion_.solver->run(one.job);
        one.lower_bound = block.bound();
      } else {
        one.job.cost.infeasible = block.fault;
      }
      stacks.push_back(std::move(one));
    }
    return stacks;
  }

  // 0: nothing is known.
  double lower_bound() {
    if (objective_ == Objective::edp || !complete_) return 0;
    double bound = 0;
    for (const int b : best_path(Worth::bound)) bound += finite(blocks_[z(b)].bound());
    return bound;
  }
  bool complete() const { return complete_; }
  bool proven() {
    if (objective_ == Objective::edp || !complete_) return false;
    for (const int b : best_path(Worth::promise)) {
      if (!blocks_[z(b)].closed()) return false;
    }
    return std::all_of(blocks_.begin(), blocks_.end(), [](const Block& one) { return one.exact; });
  }
  std::size_t ways() const { return ways_; }
  std::size_t mapped() const { return mapped_; }

 private:
  enum class Worth { promise, bound, value };

  bool stopped() const { return options_.mapper.budget.stopped(); }
  static double finite(double value) { return value < kInfinity ? value : 0; }

  double value_of(const StackCost& cost) const {
    return objective_value(objective_, {cost.energy, cost.latency});
  }

  std::vector<Way> ways_of(const model::Stack& stack) const {
    const auto& map = stack.network.nodes[z(stack.last)].map;
    std::vector<Tile> tiles;
    for (const Tile& tile : options_.tiles) {
      tiles.push_back({std::min(tile.x, map[0]), std::min(tile.y, map[1])});
    }
    if (options_.tiles.empty()) {
      for (const std::int64_t y : tile_extents(map[1], search_.all_tiles)) {
        for (const std::int64_t x : tile_extents(map[0], search_.all_tiles))
          tiles.push_back({x, y});
      }
    }
    std::vector<Way> ways;
    for (const Tile& tile : tiles) {
      for (const Overlap overlap : options_.overlaps) {
        // Without neighbours there is nothing to keep for them.
        const bool columns = tile.x < map[0];
        const bool rows = tile.y < map[1];
        if (!options_.overlaps.empty() && overlap != options_.overlaps.front()) {
          if (overlap == Overlap::h_cached && !columns) continue;
          if (overlap == Overlap::cached && !rows &&
              std::find(options_.overlaps.begin(), options_.overlaps.end(), Overlap::h_cached) !=
                  options_.overlaps.end()) {
            continue;
          }
        }
        ways.push_back({tile, overlap, 0});
      }
    }
    return ways;
  }

  StackPlan plan(Block& block, const Way& way) const {
    return plan_stack(*fusion_.core, *block.stack, way.tile.x, way.tile.y, way.overlap, {},
                      options_.rules, &block.plans);
  }

  void add_block(int first, int last, std::unique_ptr<model::Stack> stack, bool fall_back) {
    Block block;
    block.first = first;
    block.last = last;
    block.stack = std::move(stack);
    block.fault = block.stack->fault;
    if (block.fault.empty()) {
      list_ways(block);
      // Something to fall back on, before anything is proven.
      if (fall_back) map_some(block);
    }
    blocks_.push_back(std::move(block));
  }

  void make_blocks() {
    const int count = static_cast<int>(layers_.size());
    if (!options_.search_stacks || options_.rules.defines) {
      int place = 0;
      for (auto& stack : stacks_of(fusion_.network, fusion_.cuts, options_.rules)) {
        add_block(place, place, std::move(stack), true);
        ++place;
      }
      length_ = place;
      return;
    }
    length_ = count;
    // The automatic stacks first: the result is never worse than theirs.
    std::vector<std::pair<int, int>> automatic;
    int first_layer = 0;
    for (int l = 0; l < count; ++l) {
      const int id = fusion_.network.nodes[z(layers_[z(l)])].id;
      const bool cut =
          std::find(fusion_.cuts.begin(), fusion_.cuts.end(), id) != fusion_.cuts.end();
      if (!cut && l + 1 < count) continue;
      automatic.emplace_back(first_layer, l);
      add_block(first_layer, l, stack_of(first_layer, l), true);
      first_layer = l + 1;
    }
    for (int long_by = 0; long_by < count; ++long_by) {
      for (int first = 0; first + long_by < count; ++first) {
        const int last = first + long_by;
        if (std::find(automatic.begin(), automatic.end(), std::pair(first, last)) !=
            automatic.end()) {
          continue;
        }
        auto stack = stack_of(first, last);
        if (!stack->fault.empty() && long_by > 0) continue;
        if (long_by > 0 && (ways_ > kMostWays || stopped())) {
          complete_ = false;
          return;
        }
        add_block(first, last, std::move(stack), false);
      }
    }
  }

  std::unique_ptr<model::Stack> stack_of(int first, int last) const {
    return std::make_unique<model::Stack>(
        model::layers_as_stack(fusion_.network, layers_[z(first)], layers_[z(last)]));
  }

  // Gives ways their bounds by one of the solvers; those that cannot be are left out.
  void bound_ways(Block& block, std::vector<Way> ways, TileSolver& solver) {
    std::vector<StackJob> jobs(ways.size());
    std::vector<StackJob*> list;
    for (std::size_t w = 0; w < ways.size(); ++w) {
      jobs[w].stack = block.stack.get();
      jobs[w].plan = plan(block, ways[w]);
      list.push_back(&jobs[w]);
    }
    solver.run(list);
    for (std::size_t w = 0; w < ways.size(); ++w) {
      const StackCost& cost = jobs[w].cost;
      if (!cost.infeasible.empty()) {
        if (block.fault.empty()) block.fault = cost.infeasible;
        continue;
      }
      ways[w].bound = std::max(ways[w].bound, value_of(cost));
      ways[w].close = &solver == &close_;
      block.put(ways[w]);
    }
  }

  void list_ways(Block& block) {
    std::vector<Way> all = ways_of(*block.stack);
    for (std::size_t w = 0; w < all.size(); ++w) all[w].place = w;
    ways_ += all.size();
    if (options_.rules.defines || objective_ == Objective::edp) {
      for (Way& way : all) {
        way.close = true;  // there is nothing to know before
        block.put(way);
      }
      return;
    }
    constexpr std::size_t kTogether = 256;
    for (std::size_t begin = 0; begin < all.size(); begin += kTogether) {
      const std::size_t end = std::min(all.size(), begin + kTogether);
      std::vector<Way> some(all.begin() + static_cast<std::ptrdiff_t>(begin),
                            all.begin() + static_cast<std::ptrdiff_t>(end));
      bound_ways(block, std::move(some), quick_);
    }
  }

  // Maps the next ways of a block that may be better than its best.
  void map_some(Block& block) {
    std::vector<Way> ways;
    while (ways.empty() && !block.closed()) {
      if (stopped() && block.best) return;
      if (block.ways.front().close) {
        while (ways.size() < kBatch && !block.closed() && block.ways.front().close) {
          ways.push_back(block.take());
        }
        break;
      }
      std::vector<Way> loose;
      while (loose.size() < kBounded && !block.closed() && !block.ways.front().close) {
        loose.push_back(block.take());
      }
      bound_ways(block, std::move(loose), close_);
    }
    std::vector<StackJob> jobs(ways.size());
    std::vector<StackJob*> list;
    for (std::size_t w = 0; w < ways.size(); ++w) {
      jobs[w].stack = block.stack.get();
      jobs[w].plan = plan(block, ways[w]);
      list.push_back(&jobs[w]);
    }
    fusion_.solver->run(list);
    mapped_ += jobs.size();
    for (std::size_t w = 0; w < jobs.size(); ++w) {
      const StackCost& cost = jobs[w].cost;
      block.least = std::min(block.least, ways[w].bound);
      if (!cost.infeasible.empty()) {
        if (block.fault.empty()) block.fault = cost.infeasible;
        continue;
      }
      block.exact = block.exact && (options_.rules.defines || cost.optimal);
      const double value = value_of(cost);
      if (objective_ == Objective::edp) {
        add_to_front(block.front, {cost.energy, cost.latency}, ways[w]);
      }
      if (block.best &&
          (value > block.value || (value == block.value && ways[w].place > block.best->place))) {
        continue;
      }
      block.value = value;
      block.best = ways[w];
    }
  }

  // Least sum over blocks that follow each other, by what each is worth. Where a layer has no way
  // at all, it costs nothing: the rest of the network is still reported.
  std::vector<int> best_path(Worth worth) const {
    std::vector<double> least(z(length_) + 1, kInfinity);
    std::vector<int> from(z(length_) + 1, -1);
    std::vector<std::size_t> missing(z(length_) + 1, 0);
    least[0] = 0;
    std::vector<std::vector<int>> ending(z(length_) + 1);
    for (std::size_t b = 0; b < blocks_.size(); ++b) {
      ending[z(blocks_[b].last) + 1].push_back(static_cast<int>(b));
    }
    for (std::size_t end = 1; end <= z(length_); ++end) {
      for (const int b : ending[end]) {
        const Block& block = blocks_[z(b)];
        const std::size_t begin = z(block.first);
        if (least[begin] == kInfinity) continue;
        double value = worth == Worth::promise ? block.promise()
                       : worth == Worth::bound ? block.bound()
                                               : block.value;
        std::size_t without = missing[begin];
        if (value == kInfinity) {
          if (block.first != block.last) continue;
          value = 0;
          ++without;
        }
        const double sum = least[begin] + value;
        const bool take = from[end] < 0 || without < missing[end] ||
                          (without == missing[end] && sum < least[end]);
        if (!take) continue;
        least[end] = sum;
        missing[end] = without;
        from[end] = b;
      }
    }
    std::vector<int> path;
    for (std::size_t end = z(length_); end > 0 && from[end] >= 0;) {
      path.push_back(from[end]);
      end = z(blocks_[z(from[end])].first);
    }
    std::reverse(path.begin(), path.end());
    return path;
  }

  std::vector<std::pair<int, Way>> best_of_path() const {
    std::vector<std::pair<int, Way>> chosen;
    for (const int b : best_path(Worth::value)) {
      chosen.emplace_back(b, blocks_[z(b)].best.value_or(Way{}));
    }
    return chosen;
  }

  // Fronts of energy and latency, stack after stack; the least product of the last one.
  std::vector<std::pair<int, Way>> best_product() const {
    struct State {
      model::Cost cost;
      int block = -1;
      Way way;
      std::size_t before = 0;
    };
    std::vector<std::vector<State>> fronts(z(length_) + 1);
    fronts[0].push_back({});
    for (std::size_t end = 1; end <= z(length_); ++end) {
      std::vector<State> states;
      for (std::size_t b = 0; b < blocks_.size(); ++b) {
        const Block& block = blocks_[b];
        if (z(block.last) + 1 != end) continue;
        const auto& before = fronts[z(block.first)];
        for (std::size_t s = 0; s < before.size(); ++s) {
          for (const auto& [cost, way] : block.front) {
            states.push_back(
                {{before[s].cost.energy + cost.energy, before[s].cost.latency + cost.latency},
                 static_cast<int>(b),
                 way,
                 s});
          }
          if (block.front.empty() && block.first == block.last) {
            states.push_back({before[s].cost, static_cast<int>(b), {}, s});
          }
        }
      }
      std::stable_sort(states.begin(), states.end(), [](const State& a, const State& b) {
        return a.cost.energy != b.cost.energy ? a.cost.energy < b.cost.energy
                                              : a.cost.latency < b.cost.latency;
      });
      double latency = kInfinity;
      for (const State& state : states) {
        if (state.cost.latency >= latency) continue;
        latency = state.cost.latency;
        fronts[end].push_back(state);
      }
      if (fronts[end].size() > kMostFront) {  // those of the least product
        std::stable_sort(fronts[end].begin(), fronts[end].end(),
                         [](const State& a, const State& b) {
                           return a.cost.energy * a.cost.latency < b.cost.energy * b.cost.latency;
                         });
        fronts[end].resize(kMostFront);
      }
    }
    std::vector<std::pair<int, Way>> chosen;
    std::size_t at = 0;
    for (std::size_t s = 1; s < fronts.back().size(); ++s) {
      const auto product = [&](std::size_t i) {
        return fronts.back()[i].cost.energy * fronts.back()[i].cost.latency;
      };
      if (product(s) < product(at)) at = s;
    }
    for (std::size_t end = z(length_); end > 0 && at < fronts[end].size();) {
      const State& state = fronts[end][at];
      chosen.emplace_back(state.block, state.way);
      at = state.before;
      end = z(blocks_[z(state.block)].first);
    }
    std::reverse(chosen.begin(), chosen.end());
    return chosen;
  }

  FusionResult& fusion_;
  const FusionOptions& options_;
  const FusionSearchOptions& search_;
  const Objective objective_;
  TileSolver quick_;
  TileSolver close_;
  std::vector<int> layers_;  // places in the network
  std::vector<Block> blocks_;
  int length_ = 0;  // layers, or stacks where the cuts are given
  bool complete_ = true;
  std::size_t ways_ = 0;
  std::size_t mapped_ = 0;
};

}  // namespace

std::vector<std::int64_t> tile_extents(std::int64_t map, bool all) {
  std::vector<std::int64_t> list;
  if (all) {
    for (std::int64_t extent = map; extent >= 1; --extent) list.push_back(extent);
    return list;
  }
  const auto add = [&](std::int64_t tiles) {
    const std::int64_t extent = (map + tiles - 1) / tiles;
    if (list.empty() || list.back() != extent) list.push_back(extent);
  };
  for (std::int64_t tiles = 1; tiles < map; tiles *= 2) {
    add(tiles);
    if (tiles >= 2 && tiles + tiles / 2 < map) add(tiles + tiles / 2);
  }
  if (list.empty() || list.back() != 1) list.push_back(1);
  return list;
}

FusionResult search_fusion(model::FusedNetwork network, const model::Accelerator& accelerator,
                           const model::MappingSpec& mapping, const FusionOptions& options,
                           const FusionSearchOptions& search) {
  FusionResult result = begin_fusion(std::move(network), accelerator, mapping, options);
  Search run(result, options, search);
  run.run();
  FusionPoint point;
  point.stacks = run.result();
  point.sum_up();
  const double value = objective_value(options.mapper.objective, point.cost());
  result.considered = run.ways();
  result.costed = run.mapped();
  result.proven = run.proven() && !result.solver->cut_off();
  result.lower_bound = result.proven ? value : std::min(value, run.lower_bound());
  if (!run.complete()) {
    result.notes.push_back("not all stacks were looked at: longer ones may be better");
  }
  result.cuts.clear();
  for (std::size_t s = 0; s + 1 < point.stacks.size(); ++s) {
    result.cuts.push_back(point.stacks[s].stack->network.nodes.back().id);
  }
  result.points.push_back(std::move(point));
  return result;
}

}  // namespace ridgeline::search
