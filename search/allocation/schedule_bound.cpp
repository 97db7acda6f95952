#include "search/allocation/schedule_bound.hpp"

#include <algorithm>
#include <cmath>
#include <limits>

#include "model/core/index.hpp"

namespace ridgeline::search {
namespace {

constexpr double kInfinity = std::numeric_limits<double>::infinity();
// Sums of the bound and of the scheduler may differ in their last bits.
constexpr double kSlack = 1 - 1e-9;
// Ways to place the items of a segment that are tried one by one.
constexpr std::size_t kTried = 256;
// Items up to which what is known of a segment is remembered.
constexpr std::size_t kRemembered = 4;
constexpr int kPriceSteps = 120;

}  // namespace

// All ways to place the items of segments that hold all nodes of their slots.
void ScheduleBounds::list_ways() {
  for (Segment& segment : segments_) {
    std::size_t ways = 1;
    bool whole = segment.items.size() <= kRemembered;
    for (const Item& item : segment.items) {
      ways = std::min(kTried + 1, ways * item.options.size());
      whole = whole &&
              std::all_of(nodes_of_slot_[z(item.slot)].begin(), nodes_of_slot_[z(item.slot)].end(),
                          [&](int n) { return segment_of_[z(n)] == segment.number; });
    }
    if (!whole || ways > kTried) continue;
    const std::vector<int> open(segment.items.size(), -1);
    try_ways(segment, open, [&](std::span<const int> tried, double busiest) {
      Way way;
      way.time = std::max(busiest, path(segment, tried));
      for (const Item& item : segment.items) {
        way.core.push_back(tried[z(item.slot)]);
        way.energy += energy_[z(item.slot)][option_of(item.slot, way.core.back())];
      }
      segment.ways.push_back(std::move(way));
    });
  }
}

// The least product of latency and energy: of segments that follow each other both add up, so the
// sums of their ways are corners and insides of a convex hull, along whose edges the product is
// smallest at an end. What cannot be listed counts with the least of each. `chosen`: the core of
// each slot at that corner.
double ScheduleBounds::least_edp(std::span<const int> core, std::vector<int>* chosen) {
  struct Edge {
    double time = 0;    // more
    double energy = 0;  // less
    std::size_t segment = 0;
    const Way* to = nullptr;
  };
  double time = 0;
  double energy = 0;
  std::vector<bool> counted(z(problem_.slots), false);
  std::vector<const Way*> at(segments_.size(), nullptr);
  std::vector<Edge> edges;
  std::vector<const Way*> ways;
  for (std::size_t i = 0; i < segments_.size(); ++i) {
    Segment& segment = segments_[i];
    if (segment.ways.empty()) {
      time += segment_time(segment, core);
      continue;
    }
    ways.clear();
    for (const Way& way : segment.ways) {
      bool allowed = true;
      for (std::size_t k = 0; k < way.core.size(); ++k) {
        const int decided = core[z(segment.items[k].slot)];
        allowed = allowed && (decided < 0 || decided == way.core[k]);
      }
      if (allowed) ways.push_back(&way);
    }
    for (const Item& item : segment.items) counted[z(item.slot)] = true;
    std::stable_sort(ways.begin(), ways.end(), [](const Way* a, const Way* b) {
      return a->time != b->time ? a->time < b->time : a->energy < b->energy;
    });
    const Way* corner = ways.front();
    at[i] = corner;
    time += corner->time;
    energy += corner->energy;
    // Corners from the fastest to the thriftiest: always the steepest way down.
    for (std::size_t k = 1; k < ways.size();) {
      const Way* next = nullptr;
      std::size_t place = k;
      for (std::size_t j = k; j < ways.size(); ++j) {
        if (ways[j]->energy >= corner->energy || ways[j]->time <= corner->time) continue;
        if (next != nullptr && (corner->energy - ways[j]->energy) * (next->time - corner->time) <=
                                   (corner->energy - next->energy) * (ways[j]->time - corner->time))
          continue;
        next = ways[j];
        place = j;
      }
      if (next == nullptr) break;
      edges.push_back({next->time - corner->time, corner->energy - next->energy, i, next});
      corner = next;
      k = place + 1;
    }
  }
  if (std::all_of(at.begin(), at.end(), [](const Way* way) { return way == nullptr; })) return 0;
  for (std::size_t s = 0; s < z(problem_.slots); ++s) {
    if (counted[s] || nodes_of_slot_[s].empty()) continue;
    double least = kInfinity;
    for (std::size_t k = 0; k < choices_[s].size(); ++k)
      if (core[s] < 0 || choices_[s][k] == core[s]) least = std::min(least, energy_[s][k]);
    energy += least;
  }
  std::stable_sort(edges.begin(), edges.end(), [](const Edge& a, const Edge& b) {
    return a.energy * b.time > b.energy * a.time;
  });
  double best = time * energy;
  std::size_t steps = 0;
  for (std::size_t e = 0; e < edges.size(); ++e) {
    time += edges[e].time;
    energy -= edges[e].energy;
    if (time * energy >= best) continue;
    best = time * energy;
    steps = e + 1;
  }
  if (chosen != nullptr) {
    for (std::size_t e = 0; e < steps; ++e) at[edges[e].segment] = edges[e].to;
    chosen->assign(z(problem_.slots), -1);
    for (std::size_t i = 0; i < segments_.size(); ++i)
      for (std::size_t k = 0; at[i] != nullptr && k < segments_[i].items.size(); ++k)
        (*chosen)[z(segments_[i].items[k].slot)] = at[i]->core[k];
  }
  return best * kSlack * kSlack * kSlack;
}

// The dual of sharing out the items as fractions: what they cost at least at the segment's prices,
// which add up to one.
double ScheduleBounds::priced(Segment& segment, std::span<const int> core) const {
  solve(segment);
  double sum = 0;
  for (const Item& item : segment.items) {
    const int decided = core.empty() ? -1 : core[z(item.slot)];
    double least = kInfinity;
    for (const Option& option : item.options) {
      if (decided >= 0 && option.core != decided) continue;
      double cost = 0;
      for (const Use& use : option.uses) cost += segment.price[z(use.resource)] * use.amount;
      least = std::min(least, cost);
    }
    sum += least;
  }
  return sum * kSlack;
}

// Prices that make the dual large, by multiplicative steps; the best of them are kept. An item by
// itself takes as long as its longest use.
void ScheduleBounds::solve(Segment& segment) const {
  if (segment.solved) return;
  segment.solved = true;
  const std::size_t n = z(resource_count_);
  std::vector<bool> used(n, false);
  double longest = 0;
  for (const Item& item : segment.items) {
    double least = kInfinity;
    for (const Option& option : item.options) {
      double most = 0;
      for (const Use& use : option.uses) {
        used[z(use.resource)] = true;
        most = std::max(most, use.amount);
      }
      least = std::min(least, most);
    }
    longest = std::max(longest, least);
  }
  const auto count = static_cast<double>(std::count(used.begin(), used.end(), true));
  std::vector<double> weight(n, 0);
  for (std::size_t r = 0; r < n; ++r)
    if (used[r]) weight[r] = 1;
  std::vector<double> best_price(n, 0);
  double best = 0;
  segment.price.assign(n, 0);
  segment.resources = longest * kSlack;
  if (count == 0) return;
  for (int step = 0; step < kPriceSteps; ++step) {
    double all = 0;
    for (const double w : weight) all += w;
    for (std::size_t r = 0; r < n; ++r) segment.price[r] = weight[r] / all;
    std::vector<double> load(n, 0);
    double value = 0;
    for (const Item& item : segment.items) {
      const Option* chosen = nullptr;
      double least = kInfinity;
      for (const Option& option : item.options) {
        double cost = 0;
        for (const Use& use : option.uses) cost += segment.price[z(use.resource)] * use.amount;
        if (cost < least) {
          least = cost;
          chosen = &option;
        }
      }
      value += least;
      for (const Use& use : chosen->uses) load[z(use.resource)] += use.amount;
    }
    if (value > best) {
      best = value;
      best_price = segment.price;
    }
    const double most = *std::max_element(load.begin(), load.end());
    if (!(most > 0) || value >= most * kSlack) break;
    const double rate = 2.0 / std::sqrt(1.0 + step);
    for (std::size_t r = 0; r < n; ++r)
      if (used[r]) weight[r] = std::max(weight[r] * std::exp(rate * (load[r] / most - 1)), 1e-30);
  }
  segment.price = best_price;
  segment.resources = std::max(best, longest) * kSlack;
}

double ScheduleBounds::resources_of_whole() {
  solve(whole_);
  return whole_.resources;
}

// What the busiest resource takes where each slot takes the core that keeps its own longest use
// short: no prices make the bound by all resources larger.
double ScheduleBounds::fastest_load(std::span<const int> core) const {
  std::vector<double> load(z(resource_count_), 0);
  for (const Item& item : whole_.items) {
    const Option* fastest = nullptr;
    double least = kInfinity;
    for (const Option& option : item.options) {
      if (core[z(item.slot)] >= 0 && option.core != core[z(item.slot)]) continue;
      double most = 0;
      for (const Use& use : option.uses) most = std::max(most, use.amount);
      if (most < least) {
        least = most;
        fastest = &option;
      }
    }
    if (fastest == nullptr) return kInfinity;
    for (const Use& use : fastest->uses) load[z(use.resource)] += use.amount;
  }
  return load.empty() ? 0 : *std::max_element(load.begin(), load.end());
}

// The longest chain of the segment's nodes, each on the best of its slot's cores. Slots follow
// their own nodes, and decided cores what they run, in the order of the schedule where it is fixed.
double ScheduleBounds::path(const Segment& segment, std::span<const int> core) {
  const model::CnGraph& graph = *problem_.graph;
  for (const Item& item : segment.items) slot_end_[z(item.slot)] = 0;
  std::fill(core_end_.begin(), core_end_.end(), 0.0);
  const bool fixed = !problem_.order.empty();
  double last = 0;
  for (const std::int32_t n : segment.nodes) {
    const model::ScheduleProblem::Node& node = problem_.nodes[z(n)];
    const std::size_t s = z(node.slot);
    const int decided = core.empty() ? -1 : core[s];
    double start = slot_end_[s];
    if (fixed && decided >= 0) start = std::max(start, core_end_[z(decided)]);
    // What other segments hold has ended before, or comes later.
    for (const model::CnEdge& e : graph.predecessors_of(n))
      if (segment_of_[z(e.node)] == segment.number) start = std::max(start, end_[z(e.node)]);
    double time = kInfinity;
    for (std::size_t k = 0; k < choices_[s].size(); ++k)
      if (decided < 0 || choices_[s][k] == decided) time = std::min(time, time_[z(n)][k]);
    end_[z(n)] = start + time;
    slot_end_[s] = end_[z(n)];
    if (decided >= 0) core_end_[z(decided)] = end_[z(n)];
    last = std::max(last, end_[z(n)]);
  }
  return last;
}

// All ways to place a segment's items, those decided (by item) as they are: tells the core of each
// slot, and what the busiest resource takes.
template <class Look>
void ScheduleBounds::try_ways(Segment& segment, std::span<const int> decided, Look look) {
  std::vector<int> tried(z(problem_.slots), -1);
  std::vector<std::size_t> at(segment.items.size(), 0);
  std::vector<double> load(z(resource_count_));
  for (bool more = true; more;) {
    std::fill(load.begin(), load.end(), 0.0);
    for (std::size_t i = 0; i < at.size(); ++i) {
      const Item& item = segment.items[i];
      const std::size_t o = decided[i] < 0 ? at[i] : option_of(item.slot, decided[i]);
      tried[z(item.slot)] = item.options[o].core;
      for (const auto& taken : item.options[o].uses) load[z(taken.resource)] += taken.amount;
    }
    look(tried, *std::max_element(load.begin(), load.end()) * kSlack);
    more = false;
    for (std::size_t i = at.size(); i-- > 0 && !more;) {
      if (decided[i] >= 0) continue;
      if (++at[i] < segment.items[i].options.size()) {
        more = true;
      } else {
        at[i] = 0;
      }
    }
  }
}

// Least time of a segment with some cores decided.
double ScheduleBounds::segment_time(Segment& segment, std::span<const int> core) {
  std::vector<int> key;
  std::size_t ways = 1;
  for (const Item& item : segment.items) {
    key.push_back(core.empty() ? -1 : core[z(item.slot)]);
    if (key.back() < 0) ways = std::min(kTried + 1, ways * item.options.size());
  }
  const bool remember = segment.items.size() <= kRemembered;
  if (remember) {
    const auto known = segment.known.find(key);
    if (known != segment.known.end()) return known->second;
  }
  double least = 0;
  if (remember && ways <= kTried) {
    least = kInfinity;
    try_ways(segment, key, [&](std::span<const int> tried, double busiest) {
      if (busiest < least) least = std::min(least, std::max(busiest, path(segment, tried)));
    });
  } else {
    least = std::max(priced(segment, core), path(segment, core));
    if (core.empty()) least = std::max(least, segment.resources);
  }
  if (remember) segment.known.emplace(std::move(key), least);
  return least;
}

ScheduleBound ScheduleBounds::bound(std::span<const int> core) {
  ScheduleBound result;
  bool fractional = false;
  for (Segment& segment : segments_) result.latency += segment_time(segment, core);
  for (std::size_t s = 0; s < z(problem_.slots); ++s) {
    if (nodes_of_slot_[s].empty()) continue;
    fractional = fractional || !whole_cycles_[s];
    double least = kInfinity;
    for (std::size_t k = 0; k < choices_[s].size(); ++k)
      if (core.empty() || core[s] < 0 || choices_[s][k] == core[s])
        least = std::min(least, energy_[s][k]);
    result.energy += least;
  }
  if (fractional) result.latency *= kSlack;
  if (fastest_load(core) * kSlack > result.latency)
    result.latency = std::max({result.latency, resources_of_whole(), priced(whole_, core)});
  result.energy *= kSlack;
  result.edp = least_edp(core, nullptr);
  return result;
}

}  // namespace ridgeline::search
