#include "search/depth_first/fusion_search.hpp"

#include <algorithm>
#include <array>
#include <limits>
#include <map>

#include "model/core/index.hpp"
#include "search/depth_first/fusion_bounds.hpp"
#include "search/depth_first/fusion_mapping.hpp"
#include "search/depth_first/layer_floors.hpp"
#include "search/exact/least_cost.hpp"
#include "search/exact/least_product.hpp"
#include "search/fronts/cost_front.hpp"

namespace ridgeline::search {

namespace {

constexpr double kInfinity = std::numeric_limits<double>::infinity();
// Ways of tiling that are bounded at most, over all stacks; longer stacks are left out beyond it.
constexpr std::size_t kMostWays = 2'000'000;
// Ways of a stack that are bounded together.
constexpr std::size_t kBounded = 8;
// Ways of a stack of which one is mapped before all of them are listed.
constexpr std::size_t kFirstWays = 16;
constexpr std::size_t kAllWays = std::numeric_limits<std::size_t>::max();
// Layers of networks whose stacks are all looked at before any is searched further.
constexpr int kShort = 8;
// Weights of energy and latency that are tried for a product.
constexpr std::size_t kMostWeights = 24;

class Search {
 public:
  Search(FusionResult& fusion, const FusionOptions& options, const FusionSearchOptions& search)
      : fusion_(fusion),
        options_(options),
        search_(search),
        objective_(options.mapper.objective),
        bounds_(*fusion.core, options),
        mapper_(fusion, options, bounds_) {
    const std::vector<model::Cost> floors =
        layer_floors(fusion.network, *fusion.core, options.rules);
    for (std::size_t n = 0; n < floors.size(); ++n) {
      floors_.emplace(fusion.network.nodes[n].id, floors[n]);
    }
    // What is found for a product says nothing of energy and latency each on its own.
    if (objective_ != Objective::edp && !options.rules.defines) bounds_.learn_from(*fusion.solver);
  }

  void run() {
    for (std::size_t n = 0; n < fusion_.network.nodes.size(); ++n) {
      if (fusion_.network.nodes[n].layer) layers_.push_back(static_cast<int>(n));
    }
    make_blocks();
    if (objective_ == Objective::edp) {
      search_product();
    } else {
      // What is hard to prove to the last cycle waits until all else is within a small gap.
      if (mapper_.stepwise()) close(TileSolver::Effort::fine);
      close(TileSolver::Effort::full);
    }
  }

  // The best fusion of what is mapped; its blocks in order.
  std::vector<FusedStack> result() {
    std::vector<FusedStack> stacks;
    for (const auto& [b, way] : chosen()) {
      FusionBlock& block = blocks_[z(b)];
      FusedStack one;
      one.stack = std::make_unique<model::Stack>(*block.stack);
      one.job.stack = one.stack.get();
      if (block.best) {
        one.job.plan = plan_stack(*fusion_.core, *one.stack, way.tile.x, way.tile.y, way.overlap,
                                  {}, options_.rules);
        // What was good enough to end with is not proven any further.
        fusion_.solver->map_with(search_.gap > 0 ? TileSolver::Effort::rough
                                                 : TileSolver::Effort::full);
        fusion_.solver->run(one.job);
        if (objective_ != Objective::edp) one.lower_bound = block.bound();
      } else {
        one.job.cost.infeasible =
            block.fault.empty() ? "the search ended before a mapping was found" : block.fault;
      }
      stacks.push_back(std::move(one));
    }
    return stacks;
  }

  // Energies and latencies of the sequences that were found, of which none is nowhere worse.
  std::vector<model::Cost> front() const {
    std::vector<model::Cost> costs;
    if (objective_ != Objective::edp) return costs;
    for (const FusionSequence& one : best_sequences(blocks_, length_, stopped()))
      costs.push_back(one.cost);
    return costs;
  }

  // Of the best fusion there is, whatever was not looked at; 0: nothing is known.
  double lower_bound() const {
    if (objective_ == Objective::edp) {
      const model::Cost least = least_of_sequences(blocks_, length_, unseen());
      return least.energy > 0 && least.latency > 0
                 ? least_product(least.energy, least.latency, lines_)
                 : 0;
    }
    return certain_sum();
  }
  bool complete() const { return complete_; }
  // Of a fusion of that value.
  bool proven(double value) const {
    if (!complete_) return false;
    if (objective_ != Objective::edp) {
      for (const int b : best_path(blocks_, length_, BlockWorth::promise)) {
        if (!blocks_[z(b)].closed()) return false;
      }
      value = this->value();
    }
    return lower_bound() >= value * (1 - 1e-12);
  }
  std::size_t ways() const { return ways_; }
  std::size_t mapped() const { return mapper_.mapped(); }

 private:
  bool stopped() const { return options_.mapper.budget.stopped(); }

  // Of the best sequence that is mapped.
  double value() const {
    double sum = 0;
    for (const int b : best_path(blocks_, length_, BlockWorth::value)) {
      if (blocks_[z(b)].value < kInfinity) sum += blocks_[z(b)].value;
    }
    return sum;
  }

  // What every sequence costs for certain.
  double certain_sum() const {
    std::vector<double> values;
    for (const model::Cost& cost : unseen()) values.push_back(bounds_.value_of(cost));
    return least_bound(blocks_, length_, values);
  }

  // By place: what stacks and ways that were not looked at cost there at least.
  std::vector<model::Cost> unseen() const {
    std::vector<model::Cost> costs;
    if (complete_) return costs;
    if (options_.search_stacks && !options_.rules.defines) {
      for (const int n : layers_) costs.push_back(floors_.at(fusion_.network.nodes[z(n)].id));
    } else {
      for (const FusionBlock& block : blocks_) costs.push_back(floor_of(*block.stack));
    }
    return costs;
  }

  model::Cost floor_of(const model::Stack& stack) const {
    model::Cost sum;
    for (const model::FusedNode& node : stack.network.nodes) {
      if (!node.layer) continue;
      const model::Cost& one = floors_.at(node.id);
      sum = {sum.energy + one.energy, sum.latency + one.latency};
    }
    return sum;
  }

  // Whether nothing can be better by more than the gap that is asked for.
  bool good_enough() const {
    if (search_.gap <= 0 || objective_ == Objective::edp) return false;
    const double found = value();
    return found > 0 && certain_sum() >= found * (1 - search_.gap);
  }

  // Maps what is most promising by now, a few rounds: something good to compare with, without a
  // proof. The better that is, the fewer ways are bounded closely later.
  void seek() {
    constexpr int kRounds = 6;
    const TileSolver::Effort effort =
        mapper_.stepwise() ? TileSolver::Effort::rough : TileSolver::Effort::full;
    for (int round = 0; round < kRounds && !stopped(); ++round) {
      std::vector<FusionBlock*> open;
      for (const int b : best_path(blocks_, length_, BlockWorth::promise)) {
        FusionBlock& block = blocks_[z(b)];
        if (block.closed() || (search_.quick && block.best)) continue;
        if (mapper_.next(block.ways.front()) <= effort) open.push_back(&block);
      }
      if (open.empty()) return;
      mapper_.map_next(open);
    }
  }

  // Maps what may be part of the best sequence, with so much effort at most.
  void close(TileSolver::Effort effort) {
    while (!stopped() && !good_enough()) {
      std::vector<FusionBlock*> open;
      std::array<std::vector<BlockWay>, 4> loose;  // by the tier that comes next
      bool moved = false;
      const std::vector<int> path = best_path(blocks_, length_, BlockWorth::promise);
      const double slack = slack_of(path);
      for (const int b : path) {
        FusionBlock& block = blocks_[z(b)];
        if (block.closed() || (search_.quick && block.best)) continue;
        if (take_loose(block, slack, loose)) {
          moved = true;
        } else if (block.closed()) {
          moved = true;
        } else if (mapper_.next(block.ways.front()) <= effort) {
          open.push_back(&block);
        }
      }
      // Closer bounds may make another sequence the most promising one.
      for (std::size_t t = 0; t < loose.size(); ++t) {
        if (!loose[t].empty()) bounds_.bound(std::move(loose[t]), static_cast<BoundTier>(t));
      }
      if (moved) continue;
      if (open.empty()) break;
      // Of what takes long the part first that leaves the largest gap.
      if (mapper_.stepwise() && effort == TileSolver::Effort::full) {
        const auto gap = [](const FusionBlock* one) { return one->value - one->promise(); };
        open = {*std::max_element(open.begin(), open.end(),
                                  [&](const auto* a, const auto* b) { return gap(a) < gap(b); })};
      }
      mapper_.map_next(open);
    }
  }

  // By how much the most promising sequence is below what was found: a way that costs so much more
  // than its block promises is in no better one.
  double slack_of(const std::vector<int>& promising) const {
    double promise = 0;
    for (const int b : promising) promise += blocks_[z(b)].promise();
    double found = 0;
    for (const int b : best_path(blocks_, length_, BlockWorth::value)) found += blocks_[z(b)].value;
    if (!(promise < kInfinity && found < kInfinity)) return kInfinity;
    return std::max(0.0, found - promise) + kSurely * found;
  }

  // The most promising ways of a block that can be bounded more closely, by the tier that comes
  // next; false: the first one is known as well as may be.
  bool take_loose(FusionBlock& block, double slack, std::array<std::vector<BlockWay>, 4>& loose) {
    std::size_t taken = 0;
    const double enough = block.promise() + slack;
    while (taken < kBounded && !block.closed()) {
      // What is known of the block may be as good as both of a way's bounds.
      if (covers(block.front, block.ways.front().least, cost_of_way)) {
        block.take();
        continue;
      }
      const BoundTier tier = bounds_.next(block.ways.front());
      if (tier == BoundTier::none) break;
      loose[z(static_cast<int>(tier))].push_back({&block, block.take(), enough});
      ++taken;
    }
    return taken > 0;
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
      if (fall_back) mapper_.map_first(block, 1);
    }
    blocks_.push_back(std::move(block));
  }

  // The blocks that have something to fall back on: all their ways, and some promising ones of
  // them mapped before anything is proven.
  void complete_blocks() {
    for (FusionBlock& block : blocks_) {
      if (!block.stack->fault.empty()) continue;
      list_ways(block, kFirstWays, kAllWays);
      if (!stopped()) mapper_.map_first(block, 8);
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
    weigh_best();
    seek();
    for (int long_by = 0; long_by < count; ++long_by) {
      // In long networks what short stacks save is found first, should the budget end early.
      if (count > kShort && long_by > 1 && (long_by & (long_by - 1)) == 0) seek();
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

  // The block's ways from one place to another, bounded.
  void list_ways(FusionBlock& block, std::size_t from, std::size_t to) {
    std::vector<FusionWay> all = ways_of(*block.stack, options_, search_.all_tiles);
    to = std::min(to, all.size());
    if (from >= to) return;
    ways_ += to - from;
    const model::Cost floor = floor_of(*block.stack);
    for (std::size_t w = from; w < to; ++w) {
      all[w].least = floor;
      all[w].bound = bounds_.value_of(floor);
    }
    if (options_.rules.defines) {
      for (std::size_t w = from; w < to; ++w) block.put(all[w]);
      return;
    }
    constexpr std::size_t kTogether = 256;
    // No further than what shorter stacks promise for the same layers.
    const double enough = worth_of_parts(blocks_, block.first, block.last, BlockWorth::promise);
    std::size_t end = from;
    for (std::size_t begin = from; begin < to; begin = end) {
      // The first ones, of few tiles, are there even where the budget ends at once.
      if (begin > 0 && stopped()) {
        complete_ = false;
        return;
      }
      end = std::min(to, begin + (begin == 0 ? kFirstWays : kTogether));
      std::vector<BlockWay> some;
      for (std::size_t w = begin; w < end; ++w) some.push_back({&block, all[w], enough});
      bounds_.bound(std::move(some), BoundTier::quick);
    }
    block.plans = {};  // few ways are looked at again
  }

  // Products of stacks do not add up. Each round finds the best weighted sum, which draws a line
  // that no sequence is below; the product is least at a corner of what the lines leave, and the
  // next weights are those that touch the product there. Before that, where the best product is.
  void search_product() {
    double before = kInfinity;
    while (!stopped() && lines_.size() < kMostWeights) {
      const model::Cost best = best_product(best_sequences(blocks_, length_, stopped())).cost;
      const double product = best.energy * best.latency;
      if (!(product > 0)) return close(TileSolver::Effort::full);
      if (product < before) {
        before = product;
        if (!weigh(best)) continue;
      } else {
        if (search_.quick || !complete_) return;
        const model::Cost least = least_of_sequences(blocks_, length_, unseen());
        const model::Cost corner = least_corner(least.energy, least.latency, lines_);
        if (corner.energy * corner.latency >= product * (1 - std::max(search_.gap, 1e-12))) return;
        if (!weigh(corner)) return;
      }
      close(TileSolver::Effort::full);
      lines_.push_back({weight_.energy, weight_.latency, certain_sum()});
    }
  }

  void weigh_best() {
    if (objective_ != Objective::edp) return;
    const model::Cost best = best_product(best_sequences(blocks_, length_, stopped())).cost;
    if (best.energy * best.latency > 0) weigh(best);
  }

  // Takes the weights that touch the product at a cost, and values all blocks by them; false: they
  // were taken before.
  bool weigh(const model::Cost& total) {
    constexpr double kSame = 1e-6;
    const model::Cost weight{1, total.energy / total.latency};
    for (const CostLine& line : lines_) {
      if (std::abs(line.latency - weight.latency) <= kSame * weight.latency) return false;
    }
    weight_ = weight;
    bounds_.weigh(weight_);
    for (FusionBlock& block : blocks_) {
      block.value = block.least = kInfinity;
      for (const auto& [cost, way] : block.front) {
        const double value = bounds_.value_of(cost);
        block.least = std::min(block.least, value);
        if (value >= block.value) continue;
        block.value = value;
        block.best = way;
      }
      for (const model::Cost& cost : block.unsure) {
        block.least = std::min(block.least, bounds_.value_of(cost));
      }
      for (FusionWay& way : block.ways) way.bound = bounds_.value_of(way.least);
      block.put_in_order();
    }
    return true;
  }

  std::vector<std::pair<int, FusionWay>> chosen() const {
    if (objective_ == Objective::edp) {
      return best_product(best_sequences(blocks_, length_, stopped())).chosen;
    }
    std::vector<std::pair<int, FusionWay>> list;
    for (const int b : best_path(blocks_, length_, BlockWorth::value)) {
      list.emplace_back(b, blocks_[z(b)].best.value_or(FusionWay{}));
    }
    return list;
  }

  FusionResult& fusion_;
  const FusionOptions& options_;
  const FusionSearchOptions& search_;
  const Objective objective_;
  WayBounds bounds_;
  WayMapper mapper_;
  std::map<int, model::Cost> floors_;  // by id of a layer
  model::Cost weight_{1, 1};           // of edp
  std::vector<CostLine> lines_;        // of edp: below which no sequence lies
  std::vector<int> layers_;            // places in the network
  std::vector<FusionBlock> blocks_;
  int length_ = 0;  // layers, or stacks where the cuts are given
  bool complete_ = true;
  std::size_t ways_ = 0;
};

}  // namespace

FusionResult search_fusion(model::FusedNetwork network, const model::Accelerator& accelerator,
                           const model::MappingSpec& mapping, const FusionOptions& options,
                           const FusionSearchOptions& search) {
  FusionOptions own = options;
  own.mapper.first_term = true;
  // Half of the gap is left to layer-tiles, the other half to what is not mapped.
  own.mapper.gap = search.gap / 2;
  FusionResult result =
      begin_fusion(std::move(network), accelerator, mapping, own, TileSolver::Effort::rough);
  Search run(result, own, search);
  run.run();
  FusionPoint point;
  point.stacks = run.result();
  point.sum_up();
  const double value = objective_value(options.mapper.objective, point.cost());
  result.considered = run.ways();
  result.costed = run.mapped();
  result.proven = run.proven(value) && !result.solver->cut_off();
  result.lower_bound = result.proven ? value : std::min(value, run.lower_bound());
  result.front = run.front();
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
