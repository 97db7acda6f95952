#include "search/depth_first/fusion_blocks.hpp"

#include "model/core/index.hpp"

namespace ridgeline::search {

namespace {

constexpr double kInfinity = std::numeric_limits<double>::infinity();
// Points of the front of a stack, and of a whole network, that are kept for the objective edp.
constexpr std::size_t kMostFront = 64;

// The way of the least bound on top of a heap.
bool later(const FusionWay& a, const FusionWay& b) {
  return a.bound != b.bound ? a.bound > b.bound : a.place > b.place;
}

}  // namespace

FusionWay FusionBlock::take() {
  std::pop_heap(ways.begin(), ways.end(), later);
  const FusionWay way = ways.back();
  ways.pop_back();
  return way;
}

void FusionBlock::put(const FusionWay& way) {
  ways.push_back(way);
  std::push_heap(ways.begin(), ways.end(), later);
}

void FusionBlock::put_in_order() {
  std::make_heap(ways.begin(), ways.end(), later);
}

namespace {

double worth_of(const FusionBlock& block, BlockWorth worth) {
  switch (worth) {
    case BlockWorth::promise:
      return block.promise();
    case BlockWorth::bound:
      return block.bound();
    case BlockWorth::value:
      break;
  }
  return block.value;
}

}  // namespace

namespace {

// Least sums over blocks that follow each other, up to each place; where a layer has no way at all,
// it costs nothing, and as few as may be are like that.
struct Sweep {
  std::vector<double> least;
  std::vector<int> from;  // block that ends there; -1: none
};

Sweep sweep(const std::vector<FusionBlock>& blocks, int length, BlockWorth worth,
            const std::vector<double>& unseen) {
  Sweep sums{std::vector<double>(z(length) + 1, kInfinity), std::vector<int>(z(length) + 1, -1)};
  auto& [least, from] = sums;
  std::vector<std::size_t> missing(z(length) + 1, 0);
  least[0] = 0;
  std::vector<std::vector<int>> ending(z(length) + 1);
  for (std::size_t b = 0; b < blocks.size(); ++b) {
    ending[z(blocks[b].last) + 1].push_back(static_cast<int>(b));
  }
  for (std::size_t end = 1; end <= z(length); ++end) {
    const auto take = [&](std::size_t begin, double value, std::size_t without, int block) {
      const double sum = least[begin] + value;
      const bool better = least[end] == kInfinity || without < missing[end] ||
                          (without == missing[end] && sum < least[end]);
      if (!better) return;
      least[end] = sum;
      missing[end] = without;
      from[end] = block;
    };
    for (const int b : ending[end]) {
      const FusionBlock& block = blocks[z(b)];
      const std::size_t begin = z(block.first);
      if (least[begin] == kInfinity) continue;
      const double value = worth_of(block, worth);
      if (value < kInfinity) {
        take(begin, value, missing[begin], b);
      } else if (block.first == block.last) {
        take(begin, 0, missing[begin] + 1, b);
      }
    }
    if (!unseen.empty() && least[end - 1] < kInfinity) {
      take(end - 1, unseen[end - 1], missing[end - 1], -1);
    }
  }
  return sums;
}

}  // namespace

std::vector<int> best_path(const std::vector<FusionBlock>& blocks, int length, BlockWorth worth) {
  const Sweep sums = sweep(blocks, length, worth, {});
  std::vector<int> path;
  for (std::size_t end = z(length); end > 0 && sums.from[end] >= 0;) {
    path.push_back(sums.from[end]);
    end = z(blocks[z(sums.from[end])].first);
  }
  std::reverse(path.begin(), path.end());
  return path;
}

double least_bound(const std::vector<FusionBlock>& blocks, int length,
                   const std::vector<double>& unseen) {
  const double sum = sweep(blocks, length, BlockWorth::bound, unseen).least.back();
  return sum < kInfinity ? sum : 0;
}

std::vector<FusionSequence> best_sequences(const std::vector<FusionBlock>& blocks, int length,
                                           bool ended) {
  struct State {
    model::Cost cost;
    int block = -1;
    FusionWay way;
    std::size_t before = 0;
  };
  std::vector<std::vector<State>> fronts(z(length) + 1);
  fronts[0].push_back({});
  for (std::size_t end = 1; end <= z(length); ++end) {
    std::vector<State> states;
    for (std::size_t b = 0; b < blocks.size(); ++b) {
      const FusionBlock& block = blocks[b];
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
      }
    }
    // Where a layer has no way at all, it costs nothing.
    for (std::size_t b = 0; b < blocks.size() && states.empty(); ++b) {
      const FusionBlock& block = blocks[b];
      if (z(block.last) + 1 != end || block.first != block.last) continue;
      if (!block.ways.empty() && !ended) continue;
      const auto& before = fronts[z(block.first)];
      for (std::size_t s = 0; s < before.size(); ++s) {
        states.push_back({before[s].cost, static_cast<int>(b), {}, s});
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
      std::stable_sort(fronts[end].begin(), fronts[end].end(), [](const State& a, const State& b) {
        return a.cost.energy * a.cost.latency < b.cost.energy * b.cost.latency;
      });
      fronts[end].resize(kMostFront);
    }
  }
  std::vector<FusionSequence> sequences;
  for (std::size_t s = 0; s < fronts.back().size(); ++s) {
    FusionSequence& one = sequences.emplace_back();
    one.cost = fronts.back()[s].cost;
    std::size_t at = s;
    for (std::size_t end = z(length); end > 0;) {
      const State& state = fronts[end][at];
      one.chosen.emplace_back(state.block, state.way);
      at = state.before;
      end = z(blocks[z(state.block)].first);
    }
    std::reverse(one.chosen.begin(), one.chosen.end());
  }
  std::stable_sort(sequences.begin(), sequences.end(),
                   [](const FusionSequence& a, const FusionSequence& b) {
                     return a.cost.energy < b.cost.energy;
                   });
  return sequences;
}

FusionSequence best_product(std::vector<FusionSequence> sequences) {
  FusionSequence best;
  for (FusionSequence& one : sequences) {
    if (best.chosen.empty() ||
        one.cost.energy * one.cost.latency < best.cost.energy * best.cost.latency) {
      best = std::move(one);
    }
  }
  return best;
}

model::Cost least_of_sequences(const std::vector<FusionBlock>& blocks, int length,
                               const std::vector<model::Cost>& unseen) {
  std::vector<model::Cost> least(z(length) + 1, {kInfinity, kInfinity});
  least[0] = {0, 0};
  for (int end = 0; end < length; ++end) {
    if (!unseen.empty()) {
      least[z(end) + 1] = {least[z(end)].energy + unseen[z(end)].energy,
                           least[z(end)].latency + unseen[z(end)].latency};
    }
    for (const FusionBlock& block : blocks) {
      if (block.last != end) continue;
      model::Cost own{kInfinity, kInfinity};
      const auto add = [&](const model::Cost& cost) {
        own = {std::min(own.energy, cost.energy), std::min(own.latency, cost.latency)};
      };
      for (const FusionWay& way : block.ways) add(way.least);
      for (const auto& [cost, way] : block.front) add(cost);
      for (const model::Cost& cost : block.unsure) add(cost);
      // Where a layer has no way at all, it costs nothing.
      if (own.energy == kInfinity && block.first == block.last) own = {0, 0};
      const model::Cost& before = least[z(block.first)];
      model::Cost& sum = least[z(end) + 1];
      sum = {std::min(sum.energy, before.energy + own.energy),
             std::min(sum.latency, before.latency + own.latency)};
    }
  }
  return least.back();
}

double worth_of_parts(const std::vector<FusionBlock>& blocks, int first, int last,
                      BlockWorth worth) {
  std::vector<double> least(z(last - first) + 2, kInfinity);
  least[0] = 0;
  for (int end = first; end <= last; ++end) {
    for (const FusionBlock& block : blocks) {
      if (block.last != end || block.first < first) continue;
      double& sum = least[z(end - first) + 1];
      sum = std::min(sum, least[z(block.first - first)] + worth_of(block, worth));
    }
  }
  return least.back();
}

}  // namespace ridgeline::search
