#include "search/exact/strict_tables.hpp"

#include <algorithm>
#include <array>
#include <cmath>
#include <cstddef>
#include <limits>
#include <numeric>
#include <utility>

#include "model/core/index.hpp"
#include "search/exact/matrix_game.hpp"

namespace ridgeline::search {
namespace {

using model::Cost;

// Steps towards prices.
constexpr int kPriceSteps = 8;
// The same where latency is not all that counts, and for energy and latency together.
constexpr int kFewSteps = 2;
constexpr int kLineSteps = 5;
// Cells of a table that take as long as a node.
constexpr std::int64_t kCellsOfNode = 300;

void normalise(std::vector<double>& weight) {
  double sum = 0;
  for (const double w : weight) sum += w;
  for (double& w : weight) w /= sum;
}

// Weights for which the least of the chains is nearly the most; and what that least is.
double best_weights(const std::vector<std::vector<double>>& loads, std::vector<double>& weight) {
  weight = play_matrix_game(loads, std::vector<std::vector<double>>(loads.size()), 0).strategy;
  double least = std::numeric_limits<double>::infinity();
  for (const auto& chain : loads) {
    least = std::min(least, std::inner_product(chain.begin(), chain.end(), weight.begin(), 0.0));
  }
  return least;
}

}  // namespace

StrictBounds StrictTables::table(const StrictPrices& prices) {
  spent_ += lattice_.combinations() * lattice_.nodes() / kCellsOfNode;
  return StrictBounds(lattice_, prices);
}

// Costs the mapping that a table takes for the cheapest.
void StrictTables::try_cheapest(const StrictBounds& table, const Attempt& attempt) {
  PlacedCuts nodes{};
  if (table.cheapest(nodes)) best_ = attempt(nodes);
}

void StrictTables::build(const std::optional<Cost>& incumbent, const Attempt& attempt) {
  best_ = incumbent;
  const int resources = lattice_.resources();
  const bool energies = options_.objective != Objective::latency || !options_.first_term;
  if (energies) {
    StrictPrices prices;
    prices.energy = 1;
    energy_ = table(prices);
    try_cheapest(*energy_, attempt);
  }
  if (options_.objective == Objective::energy && options_.first_term) return;
  std::vector<std::vector<double>> loads;
  std::vector<double> weight(z(resources), 1);
  double last = -1;
  const int steps = options_.objective == Objective::latency ? kPriceSteps : kFewSteps;
  for (int step = 0; step < steps && !watch_.stopped_now(); ++step) {
    normalise(weight);
    StrictPrices prices;
    double fixed = 0;
    for (int r = 0; r < resources; ++r) {
      prices.cycles[z(r)] = weight[z(r)];
      fixed += weight[z(r)] * lattice_.fixed_load(r);
    }
    StrictBounds priced = table(prices);
    PlacedCuts nodes{};
    const bool any = priced.cheapest(nodes);
    const double root = fixed + priced.at(lattice_.full(), lattice_.all_cuts());
    keep(std::move(priced), fixed, root);
    if (!any) return;
    best_ = attempt(nodes);
    loads.push_back(loads_of(nodes));
    const double most = *std::max_element(loads.back().begin(), loads.back().end());
    if (most <= root * (1 + 1e-9)) break;  // these are as good as can be
    const double value = best_weights(loads, weight);
    if (step > 2 && value <= last * (1 + 1e-6) && value <= best_root_ * (1 + 1e-4)) break;
    last = value;
    if (best_ && options_.gap > 0 && options_.objective == Objective::latency &&
        best_root_ >= best_->latency * (1 - options_.gap)) {
      break;
    }
  }
  if (options_.objective == Objective::edp && best_) add_lines(attempt);
}

void StrictTables::keep(StrictBounds table, double fixed, double root) {
  best_root_ = std::max(best_root_, root);
  std::size_t at = 0;
  while (at < roots_.size() && roots_[at] >= root) ++at;
  if (at >= StrictKnown::kMostTables) return;
  roots_.insert(roots_.begin() + static_cast<std::ptrdiff_t>(at), root);
  fixed_.insert(fixed_.begin() + static_cast<std::ptrdiff_t>(at), fixed);
  latency_.insert(latency_.begin() + static_cast<std::ptrdiff_t>(at), std::move(table));
  if (roots_.size() > StrictKnown::kMostTables) {
    roots_.pop_back();
    fixed_.pop_back();
    latency_.pop_back();
  }
}

std::vector<double> StrictTables::loads_of(const PlacedCuts& nodes) const {
  std::array<double, kMaxResources> sum{};
  for (int o = 0; o < problem_.operands; ++o) {
    for (int a = 0; a < lattice_.cuts_of(o); ++a) {
      lattice_.add_loads(o, a, lattice_.cut(o, a, nodes[z(o)][z(a)]), sum);
    }
  }
  std::vector<double> result;
  for (int r = 0; r < lattice_.resources(); ++r)
    result.push_back(sum[z(r)] + lattice_.fixed_load(r));
  return result;
}

double StrictTables::energy_of(const PlacedCuts& nodes) const {
  double energy = problem_.mac_energy;
  for (int o = 0; o < problem_.operands; ++o) {
    for (int a = 0; a < lattice_.cuts_of(o); ++a) {
      energy += lattice_.energy_of(o, a, lattice_.cut(o, a, nodes[z(o)][z(a)]));
    }
  }
  return energy;
}

// Of energy and latency together, where their product is wanted: weights of the resources that are
// best for the chains found so far, then two other slopes with these.
void StrictTables::add_lines(const Attempt& attempt) {
  if (latency_.empty()) return;
  const double slope = best_->energy / best_->latency;
  std::vector<double> weight(z(lattice_.resources()));
  for (std::size_t r = 0; r < weight.size(); ++r) {
    weight[r] = latency_.front().prices().cycles[r];
  }
  const auto add = [&](double factor) {
    StrictPrices prices;
    prices.energy = 1;
    double fixed = 0;
    for (int r = 0; r < lattice_.resources(); ++r) {
      prices.cycles[z(r)] = weight[z(r)] * slope * factor;
      fixed += prices.cycles[z(r)] * lattice_.fixed_load(r);
    }
    lines_.push_back({1, slope * factor, fixed + problem_.mac_energy});
    line_.push_back(table(prices));
  };
  std::vector<std::vector<double>> costs;  // of chains, by resource, as energy
  double best_root = 0;
  std::vector<double> best_weight = weight;
  for (int step = 0; step < kLineSteps && !watch_.stopped_now(); ++step) {
    add(1);
    const double root = lines_.back().bound + line_.back().at(lattice_.full(), lattice_.all_cuts());
    const bool better = root > best_root;
    PlacedCuts nodes{};
    const bool any = line_.back().cheapest(nodes);
    if (step > 0) {  // one of them is enough
      const std::size_t worse = better ? 0 : 1;
      lines_.erase(lines_.begin() + static_cast<std::ptrdiff_t>(worse));
      line_.erase(line_.begin() + static_cast<std::ptrdiff_t>(worse));
    }
    if (better) {
      best_root = root;
      best_weight = weight;
    }
    if (!any) break;
    best_ = attempt(nodes);
    const double energy = energy_of(nodes);
    costs.push_back(loads_of(nodes));
    for (double& cost : costs.back()) cost = energy + slope * cost;
    if (best_weights(costs, weight) <= best_root * (1 + 1e-3)) break;
  }
  weight = best_weight;
  for (const double factor : {3.0, 1.0 / 3}) {
    if (watch_.stopped_now()) return;
    add(factor);
    try_cheapest(line_.back(), attempt);
  }
}

StrictKnown StrictTables::known(double energy, const double* loads, double cycles) const {
  const int resources = lattice_.resources();
  StrictKnown known;
  known.energy = energy + problem_.mac_energy;
  known.latency = std::max(lattice_.operations(), cycles);
  for (int r = 0; r < resources; ++r) {
    known.latency = std::max(known.latency, loads[z(r)] + lattice_.fixed_load(r));
  }
  const auto priced = [&](const StrictBounds& table) {
    const StrictPrices& prices = table.prices();
    double sum = prices.energy * energy;
    for (int r = 0; r < resources; ++r) sum += prices.cycles[z(r)] * loads[z(r)];
    return sum;
  };
  for (std::size_t t = 0; t < latency_.size(); ++t) {
    known.cycles[t] = fixed_[t] + priced(latency_[t]);
  }
  for (std::size_t t = 0; t < line_.size(); ++t) {
    known.line[t] = lines_[t].bound + priced(line_[t]);
  }
  return known;
}

StrictLeast StrictTables::least(const StrictKnown& known, const CutsLeft& left,
                                std::int64_t node) const {
  StrictLeast result;
  const std::int64_t at = lattice_.combination(left) * lattice_.nodes() + node;
  const double energy = energy_ ? std::max(0.0, known.energy + energy_->at(at)) : 0;
  double latency = known.latency;
  for (std::size_t t = 0; t < latency_.size(); ++t) {
    latency = std::max(latency, known.cycles[t] + latency_[t].at(at));
  }
  result.cost = {energy * kStrictSlack, std::ceil(latency * kStrictSlack)};
  if (options_.objective == Objective::edp) {
    std::array<CostLine, StrictKnown::kLines> lines;
    for (std::size_t t = 0; t < line_.size(); ++t) {
      lines[t] = lines_[t];
      lines[t].bound = (known.line[t] + line_[t].at(at)) * kStrictSlack;
    }
    result.value = result.cost.energy > 0 ? least_product(result.cost.energy, result.cost.latency,
                                                          {lines.data(), line_.size()}) *
                                                kStrictSlack
                                          : 0;
  } else {
    result.value = objective_value(options_.objective, result.cost);
  }
  if (energy >= StrictBounds::kNothing || latency >= StrictBounds::kNothing) {
    result.value = StrictBounds::kNothing;
  }
  return result;
}

}  // namespace ridgeline::search
