// Schedules of several workloads together: which of them count, given the front of each workload.
#pragma once

#include <algorithm>
#include <cstddef>
#include <limits>
#include <utility>
#include <vector>

namespace ridgeline::engine {

// Latency and energy of a schedule.
using LatencyAndEnergy = std::pair<double, double>;

// Of each workload the place of a schedule in its front.
using FrontPlaces = std::vector<std::size_t>;

// Items that no other is better than in latency and in energy, by rising latency; of more than
// `most` those that are spread evenly. `figures_of` gives a LatencyAndEnergy.
template <class Item, class Figures>
void keep_front(std::vector<Item>& items, std::size_t most, const Figures& figures_of) {
  std::stable_sort(items.begin(), items.end(),
                   [&](const Item& a, const Item& b) { return figures_of(a) < figures_of(b); });
  std::vector<Item> front;
  double least = std::numeric_limits<double>::infinity();
  for (Item& item : items) {
    const double energy = figures_of(item).second;
    if (!(energy < least)) continue;
    least = energy;
    front.push_back(std::move(item));
  }
  items.clear();
  const std::size_t count = std::min(front.size(), most);
  for (std::size_t k = 0; k < count; ++k) {
    const std::size_t place = count < 2 ? 0 : k * (front.size() - 1) / (count - 1);
    items.push_back(std::move(front[place]));
  }
}

// Of all choices of one schedule for each workload those whose weighted sums no other's beat.
// `fronts`, of each workload.
inline std::vector<FrontPlaces> combined_fronts(
    const std::vector<std::vector<LatencyAndEnergy>>& fronts, const std::vector<double>& weights,
    std::size_t most) {
  struct Sum {
    double latency = 0;
    double energy = 0;
    FrontPlaces places;
  };
  std::vector<Sum> sums(1);
  for (std::size_t w = 0; w < fronts.size(); ++w) {
    std::vector<Sum> longer;
    for (const Sum& sum : sums)
      for (std::size_t k = 0; k < fronts[w].size(); ++k) {
        Sum& next = longer.emplace_back(sum);
        next.latency += weights[w] * fronts[w][k].first;
        next.energy += weights[w] * fronts[w][k].second;
        next.places.push_back(k);
      }
    keep_front(longer, most,
               [](const Sum& sum) { return LatencyAndEnergy(sum.latency, sum.energy); });
    sums = std::move(longer);
  }
  std::vector<FrontPlaces> places;
  for (Sum& sum : sums) places.push_back(std::move(sum.places));
  return places;
}

}  // namespace ridgeline::engine
