#include "search/depth_first/fusion_search.hpp"

#include <algorithm>
#include <limits>

#include "model/core/index.hpp"
#include "search/depth_first/fusion_blocks.hpp"
#include "search/fronts/cost_front.hpp"

namespace ridgeline::search {

namespace {

constexpr double kInfinity = std::numeric_limits<double>::infinity();
// Ways of tiling that are bounded at most, over all stacks; longer stacks are left out beyond it.
constexpr std::size_t kMostWays = 400'000;
// Ways of a stack that are bounded closely together.
constexpr std::size_t kBounded = 4;
// A way's first bound is not followed beyond this many times what its layers promise in parts.
constexpr double kEnough = 1;
// Ways of a stack of which one is mapped before all of them are listed.
constexpr std::size_t kFirstWays = 16;
constexpr std::size_t kAllWays = std::numeric_limits<std::size_t>::max();
// Layers of networks whose stacks are all looked at before any is searched further.
constexpr int kShort = 8;
class Search {
 public:
  Search(FusionResult& fusion, const FusionOptions& options, const FusionSearchOptions& search)
      : fusion_(fusion),
        options_(options),
        search_(search),
        objective_(options.mapper.objective),
        quick_(*fusion.core, options.rules, options.mapper, options.for_each,
               TileSolver::Depth::free_bound),
        close_(*fusion.core, options.rules, options.mapper, options.for_each,
               TileSolver::Depth::bound) {}

  void run() {
    for (std::size_t n = 0; n < fusion_.network.nodes.size(); ++n) {
      if (fusion_.network.nodes[n].layer) layers_.push_back(static_cast<int>(n));
    }
    make_blocks();
    if (objective_ != Objective::edp) {
      close();
      return;
    }
    // Each round finds the best weighted sum; its product may be better, and gives new weights.
    double best = kInfinity;
    while (!stopped()) {
      const model::Cost total = cost_of(blocks_, best_product(blocks_, length_, stopped()));
      const double product = total.energy * total.latency;
      if (product >= best) break;
      best = product;
      weigh(total);
      close();
    }
  }

  // The best fusion of what is mapped; its blocks in order.
  std::vector<FusedStack> result() {
    std::vector<FusedStack> stacks;
    const std::vector<std::pair<int, FusionWay>> chosen =
        objective_ == Objective::edp ? best_product(blocks_, length_, stopped()) : best_of_path();
    for (const auto& [b, way] : chosen) {
      FusionBlock& block = blocks_[z(b)];
      FusedStack one;
      one.stack = std::make_unique<model::Stack>(*block.stack);
      one.job.stack = one.stack.get();
      if (block.best) {
        one.job.plan = plan_stack(*fusion_.core, *one.stack, way.tile.x, way.tile.y, way.overlap,
                                  {}, options_.rules);
        fusion_.solver->run(one.job);
        one.lower_bound = block.bound();
      } else {
        one.job.cost.infeasible =
            block.fault.empty() ? "the search ended before a mapping was found" : block.fault;
      }
      stacks.push_back(std::move(one));
    }
    return stacks;
  }

  // 0: nothing is known.
  double lower_bound() {
    if (objective_ == Objective::edp || !complete_) return 0;
    double bound = 0;
    for (const int b : best_path(blocks_, length_, BlockWorth::bound))
      bound += finite(blocks_[z(b)].bound());
    return bound;
  }
  bool complete() const { return complete_; }
  bool proven() {
    if (objective_ == Objective::edp || !complete_) return false;
    for (const int b : best_path(blocks_, length_, BlockWorth::promise)) {
      if (!blocks_[z(b)].closed()) return false;
    }
    double value = 0;
    for (const int b : best_path(blocks_, length_, BlockWorth::value))
      value += finite(blocks_[z(b)].value);
    return lower_bound() >= value * (1 - 1e-12);
  }
  std::size_t ways() const { return ways_; }
  std::size_t mapped() const { return mapped_; }

 private:
  bool stopped() const { return options_.mapper.budget.stopped(); }
  static double finite(double value) { return value < kInfinity ? value : 0; }

  // Products of stacks do not add up. Of edp, a weighted sum that touches it at the best so far.
  double value_of(const model::Cost& cost) const {
    if (objective_ == Objective::edp) {
      return weight_.energy * cost.energy + weight_.latency * cost.latency;
    }
    return objective_value(objective_, cost);
  }
  double value_of(const StackCost& cost) const {
    return value_of(model::Cost{cost.energy, cost.latency});
  }

  // Of edp: takes the weights of a sequence, and values all blocks by them.
  void weigh(const model::Cost& total) {
    weight_ = {1 / std::max(total.energy, 1e-9), 1 / std::max(total.latency, 1e-9)};
    for (FusionBlock& block : blocks_) {
      block.value = block.least = kInfinity;
      for (const auto& [cost, way] : block.front) {
        block.least = std::min(block.least, value_of(way.least));
        if (value_of(cost) >= block.value) continue;
        block.value = value_of(cost);
        block.best = way;
      }
      for (FusionWay& way : block.ways) way.bound = value_of(way.least);
      block.put_in_order();
    }
  }

  // Maps what may be part of the best sequence.
  void close() {
    while (!stopped()) {
      std::vector<FusionBlock*> open;
      bool moved = false;  // bounds have: another sequence may be the most promising one
      for (const int b : best_path(blocks_, length_, BlockWorth::promise)) {
        FusionBlock& block = blocks_[z(b)];
        if (block.closed() || (search_.quick && block.best)) continue;
        const double before = block.promise();
        if (look_at_next(block)) open.push_back(&block);
        moved = moved || block.promise() != before;
      }
      if (moved) continue;
      if (open.empty()) break;
      map_next(open);
    }
  }

  std::vector<FusionWay> ways_of(const model::Stack& stack) const {
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
    std::vector<FusionWay> ways;
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
        FusionWay& way = ways.emplace_back();
        way.tile = tile;
        way.overlap = overlap;
      }
    }
    return ways;
  }

  // Of use as long as the block is.
  StackPlan plan(FusionBlock& block, const FusionWay& way) const {
    return plan_stack(*fusion_.core, *block.stack, way.tile.x, way.tile.y, way.overlap, {},
                      options_.rules, &block.plans);
  }

  void add_block(int first, int last, std::unique_ptr<model::Stack> stack, bool fall_back) {
    FusionBlock block;
    block.first = first;
    block.last = last;
    block.stack = std::move(stack);
    block.fault = block.stack->fault;
    if (block.fault.empty()) {
      // Something to fall back on, before anything else is looked at.
      list_ways(block, 0, fall_back ? kFirstWays : kAllWays);
      if (fall_back) map_first(block, 1);
    }
    blocks_.push_back(std::move(block));
  }

  // The blocks that have something to fall back on: all their ways, and some promising ones of
  // them mapped before anything is proven.
  void complete_blocks() {
    for (FusionBlock& block : blocks_) {
      if (!block.stack->fault.empty()) continue;
      list_ways(block, kFirstWays, kAllWays);
      if (!stopped()) map_first(block, 8);
    }
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
      complete_blocks();
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
    complete_blocks();
    close();
    for (int long_by = 0; long_by < count; ++long_by) {
      // In long networks what short stacks save is found first, should the budget end early.
      if (count > kShort && long_by > 1 && (long_by & (long_by - 1)) == 0) close();
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

  // The ways, planned, for a solver to cost.
  std::vector<StackJob> jobs_of(FusionBlock& block, const std::vector<FusionWay>& ways) {
    struct Fresh {
      std::size_t axis;
      std::int64_t tile;
      bool kept;
      AxisTiling* tiling;
    };
    std::vector<Fresh> fresh;
    const auto& map = block.stack->network.nodes[z(block.stack->last)].map;
    for (std::size_t w = 0; w < ways.size() && !options_.rules.defines; ++w) {
      for (std::size_t axis = 0; axis < model::kAxes; ++axis) {
        const bool kept = ways[w].overlap == Overlap::cached ||
                          (axis == 0 && ways[w].overlap != Overlap::recompute);
        const std::int64_t tile = std::min(axis == 0 ? ways[w].tile.x : ways[w].tile.y, map[axis]);
        AxisTiling* tiling = new_tiling(block.plans, axis, tile, kept);
        if (tiling != nullptr) fresh.push_back({axis, tile, kept, tiling});
      }
    }
    quick_.each(fresh.size(), [&](std::size_t i) {
      fill_tiling(*block.stack, fresh[i].axis, fresh[i].tile, fresh[i].kept, *fresh[i].tiling);
    });
    std::vector<StackJob> jobs(ways.size());
    quick_.each(ways.size(), [&](std::size_t w) {
      jobs[w].stack = block.stack.get();
      jobs[w].detail = false;
      jobs[w].plan = plan(block, ways[w]);
      // The sums of what costs no more than the limit grow fastest like this.
      std::stable_sort(jobs[w].plan.kinds.begin(), jobs[w].plan.kinds.end(),
                       [](const TileKind& a, const TileKind& b) { return a.count > b.count; });
    });
    return jobs;
  }

  static std::vector<StackJob*> pointers(std::vector<StackJob>& jobs) {
    std::vector<StackJob*> list;
    for (StackJob& job : jobs) list.push_back(&job);
    return list;
  }

  // Gives ways their bounds by one of the solvers; those that cannot be are left out. What passes
  // `enough` is not summed up to the end; 0: what passes twice of what is known of it.
  void bound_ways(FusionBlock& block, std::vector<FusionWay> ways, TileSolver& solver,
                  double enough = 0) {
    std::vector<StackJob> jobs = jobs_of(block, ways);
    for (std::size_t w = 0; w < ways.size(); ++w) {
      jobs[w].limit.weight = objective_ == Objective::edp      ? weight_
                             : objective_ == Objective::energy ? model::Cost{1, 0}
                                                               : model::Cost{0, 1};
      if (enough > 0) jobs[w].limit.value = enough;
      if (enough == 0 && ways[w].bound > 0) jobs[w].limit.value = 2 * ways[w].bound;
    }
    const std::size_t known = close_.knowledge();
    solver.run(pointers(jobs));
    for (std::size_t w = 0; w < ways.size(); ++w) {
      const StackCost& cost = jobs[w].cost;
      if (!cost.infeasible.empty()) {
        if (block.fault.empty()) block.fault = cost.infeasible;
        continue;
      }
      // Where it is not known whether a layer-tile fits, neither is what the way costs.
      if (cost.optimal) {
        ways[w].least = {std::max(ways[w].least.energy, cost.energy),
                         std::max(ways[w].least.latency, cost.latency)};
        ways[w].bound = std::max(ways[w].bound, value_of(ways[w].least));
      }
      ways[w].close = &solver == &close_ && !cost.beyond;
      ways[w].known = known;
      block.put(ways[w]);
    }
  }

  // The block's ways from one place to another, bounded.
  void list_ways(FusionBlock& block, std::size_t from, std::size_t to) {
    std::vector<FusionWay> all = ways_of(*block.stack);
    for (std::size_t w = 0; w < all.size(); ++w) all[w].place = w;
    to = std::min(to, all.size());
    if (from >= to) return;
    ways_ += to - from;
    if (options_.rules.defines) {
      for (std::size_t w = from; w < to; ++w) {
        all[w].close = true;  // there is nothing to know before
        block.put(all[w]);
      }
      return;
    }
    constexpr std::size_t kTogether = 256;
    const double enough = kEnough * worth_of_parts(blocks_, block.first, block.last);
    std::size_t end = from;
    for (std::size_t begin = from; begin < to; begin = end) {
      // The first ones, of few tiles, are there even where the budget ends at once.
      if (begin > 0 && stopped()) {
        complete_ = false;
        return;
      }
      end = std::min(to, begin + (begin == 0 ? kFirstWays : kTogether));
      std::vector<FusionWay> some(all.begin() + static_cast<std::ptrdiff_t>(begin),
                                  all.begin() + static_cast<std::ptrdiff_t>(end));
      bound_ways(block, std::move(some), quick_, enough);
    }
    block.plans = {};  // few ways are looked at again
  }

  // Whether there is a way to be mapped. Ways are bounded closely, by all that is known by then,
  // before they are mapped.
  bool look_at_next(FusionBlock& block) {
    // What is known of the block may be as good as both of a way's bounds.
    while (!block.ways.empty() && covers(block.front, block.ways.front().least, cost_of_way))
      block.take();
    const auto as_known = [&](const FusionWay& way) {
      return options_.rules.defines || (way.close && way.known == close_.knowledge());
    };
    while (!block.closed() && !as_known(block.ways.front())) {
      if (stopped()) return !block.best;
      std::vector<FusionWay> loose;
      while (loose.size() < kBounded && !block.closed() && !as_known(block.ways.front())) {
        loose.push_back(block.take());
      }
      bound_ways(block, std::move(loose), close_);
    }
    return !block.closed();
  }

  // Maps so many promising ways, simply; where none of them can be, as many more.
  void map_first(FusionBlock& block, std::size_t count) {
    fusion_.solver->map_simply(true);
    std::vector<FusionWay> ways;
    for (bool first = true; (first || !block.best) && !block.ways.empty(); first = false) {
      ways.clear();
      while (ways.size() < count && !block.ways.empty()) ways.push_back(block.take());
      std::vector<StackJob> jobs = jobs_of(block, ways);
      fusion_.solver->run(pointers(jobs));
      for (std::size_t w = 0; w < ways.size(); ++w) {
        const StackCost& cost = jobs[w].cost;
        if (!cost.infeasible.empty()) {
          if (block.fault.empty()) block.fault = cost.infeasible;
          continue;
        }
        if (objective_ == Objective::edp) {
          add_to_front(block.front, {{cost.energy, cost.latency}, ways[w]}, cost_of_way);
        }
        if (!block.best || value_of(cost) < block.value) {
          block.value = value_of(cost);
          block.best = ways[w];
        }
        block.put(ways[w]);  // to be mapped in full, if it may be part of the best
      }
      if (stopped()) break;
    }
    fusion_.solver->map_simply(false);
  }

  // Maps the most promising way of each block.
  void map_next(const std::vector<FusionBlock*>& blocks) {
    std::vector<FusionWay> ways;
    std::vector<StackJob> jobs;
    for (FusionBlock* block : blocks) {
      ways.push_back(block->take());
      jobs.push_back(std::move(jobs_of(*block, {ways.back()}).front()));
      jobs.back().needed = false;
    }
    fusion_.solver->run(pointers(jobs));
    for (std::size_t w = 0; w < jobs.size(); ++w) {
      FusionBlock& block = *blocks[w];
      const StackCost& cost = jobs[w].cost;
      if (!cost.known) {
        block.put(ways[w]);
        continue;
      }
      ++mapped_;
      if (!cost.infeasible.empty()) {
        if (block.fault.empty()) block.fault = cost.infeasible;
        continue;
      }
      const double value = value_of(cost);
      double certain = value;
      if (objective_ == Objective::edp) {
        add_to_front(block.front, {{cost.energy, cost.latency}, ways[w]}, cost_of_way);
        certain = ways[w].bound;
      } else if (!options_.rules.defines && !cost.optimal) {
        StackJob again;
        again.stack = jobs[w].stack;
        again.plan = std::move(jobs[w].plan);
        again.detail = false;
        close_.run(again);
        certain = std::max(ways[w].bound, again.cost.infeasible.empty() ? value_of(again.cost) : 0);
      }
      block.least = std::min(block.least, certain);
      if (block.best &&
          (value > block.value || (value == block.value && ways[w].place > block.best->place))) {
        continue;
      }
      block.value = value;
      block.best = ways[w];
    }
  }

  std::vector<std::pair<int, FusionWay>> best_of_path() const {
    std::vector<std::pair<int, FusionWay>> chosen;
    for (const int b : best_path(blocks_, length_, BlockWorth::value)) {
      chosen.emplace_back(b, blocks_[z(b)].best.value_or(FusionWay{}));
    }
    return chosen;
  }

  FusionResult& fusion_;
  const FusionOptions& options_;
  const FusionSearchOptions& search_;
  const Objective objective_;
  TileSolver quick_;
  TileSolver close_;
  model::Cost weight_{1, 1};  // of edp
  std::vector<int> layers_;   // places in the network
  std::vector<FusionBlock> blocks_;
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
  FusionOptions own = options;
  own.mapper.first_term = true;
  FusionResult result = begin_fusion(std::move(network), accelerator, mapping, own);
  Search run(result, own, search);
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
