// Good prices: the tables of bounds that they lead to, and the chains that are found on the way.
#include <algorithm>
#include <cmath>
#include <optional>

#include "model/core/index.hpp"
#include "search/exact/dual_bounds.hpp"
#include "search/exact/matrix_game.hpp"

namespace ridgeline::search {

namespace {

// Tables that are held at a time if there is memory.
constexpr int kRoomForAll = 4;

}  // namespace

DualBoundSearch::DualBoundSearch(const CutLattice& space, ExactBounds& bounds, Watch& watch)
    : space_(space), bounds_(bounds), watch_(watch) {
  build_roots();
}

void DualBoundSearch::build_roots() {
  const int operands = space_.problem().operands;
  for (int number = 0; number < bounds_.numbers(); ++number) {
    Root root;
    root.paid.assign(z(paid_width(space_)), 0.0);
    for (const int m : space_.shared_memories()) {
      root.paid[z(paid_bits_place(space_, m))] = space_.fixed_bits(m);
    }
    root.paid[kPaidEnergy] = space_.constant_energy();
    root.paid[kPaidOffload] = space_.problem().drain;
    for (int i = 0; i < space_.tracked(); ++i) {
      double* port = &root.paid[z(kPaidPorts + kPaidPortWidth * i)];
      const PortShare& share = space_.constant_share(i);
      port[0] = share.busy;
      port[1] = share.excess;
      port[2] = share.demand;
      port[3] = share.cycles;
    }
    bool feasible = true;
    root.at_top = bounds_.at_top(number);
    root.state = bounds_.all_left();
    for (int o = 0; o < operands; ++o) {
      const int cuts = space_.cuts_of(o);
      for (int i = 0; i < root.at_top[z(o)] && root.state >= 0; ++i) {
        root.state = bounds_.placed(root.state, o, space_.full());
      }
      for (int i = cuts - root.at_top[z(o)]; i < cuts; ++i) {
        const Cut& cut = space_.cut(o, i);
        const double energy = cut.energy[cut.at(space_.full())];
        if (energy >= CutLattice::kInfeasible || bounds_.surely_too_large(cut, space_.full())) {
          feasible = false;
        }
        root.paid[kPaidEnergy] += energy;
        const int place = cut.stationary ? -1 : paid_bits_place(space_, cut.memory);
        if (place >= 0) root.paid[z(place)] += bounds_.least_bits(cut, space_.full());
      }
    }
    if (!feasible || root.state < 0 ||
        bounds_.energy_left(space_.full(), root.state) >= CutLattice::kInfeasible) {
      continue;
    }
    root.type = bounds_.type_index(root.at_top);
    roots_.push_back(std::move(root));
  }
}

double DualBoundSearch::value(const DualBoundTable& table, const Root& root) const {
  return table.paid(root.paid.data()) + table.constant(root.type) +
         table.left(space_.full(), root.state);
}

DualBoundSearch::Found DualBoundSearch::figures(const Root& root,
                                                const DualBoundTable::Marks& marks) const {
  const int tracked = space_.tracked();
  std::vector<double> sums = root.paid;
  for (int o = 0; o < space_.problem().operands; ++o) {
    for (int c = 0; c < space_.cuts_of(o) - root.at_top[z(o)]; ++c) {
      const Cut& cut = space_.cut(o, c);
      const std::int64_t x = marks[z(o)][z(c)];
      sums[kPaidEnergy] += cut.energy[cut.at(x)];
      for (std::size_t i = 0; i < cut.own_ports.size(); ++i) {
        const PortShare& share = cut.shares_at(x)[i];
        double* port = &sums[z(kPaidPorts + kPaidPortWidth * cut.own_ports[i])];
        port[0] += share.busy;
        port[1] += share.excess;
        port[2] += share.demand;
        port[3] += share.cycles;
      }
      const int place = cut.stationary ? -1 : paid_bits_place(space_, cut.memory);
      if (place >= 0) sums[z(place)] += bounds_.least_bits(cut, x);
      if (cut.role == LoadingRole::offload) {
        sums[kPaidOffload] += cut.loading[cut.at(x)];
      } else if (cut.role != LoadingRole::none) {
        sums[z(kPaidSeparate + o)] += cut.loading[cut.at(x)];
      }
    }
  }
  const LoadingType& type = bounds_.type(root.type);
  Found result;
  for (int way = 0; way < 1 + 3 * tracked; ++way) {
    double own = 0;
    if (way != kNoStall) {
      const int i = (way - 1) / 3;
      const double* port = &sums[z(kPaidPorts + kPaidPortWidth * i)];
      if (way == busy_way(i)) own = port[0];
      if (way == excess_way(i)) own = port[1];
      if (way == spare_way(i)) own = demand_factor(space_, i) * port[2] - port[3];
    }
    for (int input = 1; input <= 2; ++input) {
      const int o = std::min(input, space_.problem().operands - 1);
      result.ways.push_back(own + way_constant(space_, type, way, o) + sums[z(kPaidSeparate + o)] +
                            sums[kPaidOffload]);
    }
  }
  result.energy = sums[kPaidEnergy];
  for (const int m : space_.shared_memories()) {
    result.excess.push_back(
        sums[z(paid_bits_place(space_, m))] / space_.problem().memory[z(m)].size - 1);
  }
  return result;
}

// The strategy of the prices in the game against the chains found so far.
Prices DualBoundSearch::best_prices(const PriceGoal& goal, const Root& root,
                                    const model::Cost& target, double& value) const {
  const std::size_t ways = z(2 * (1 + 3 * space_.tracked()));
  const bool one_input = space_.problem().operands == 2;
  // Columns: a way and an input; with a free price also none of them.
  std::vector<std::vector<double>> payoff;
  std::vector<std::size_t> columns;
  for (std::size_t w = 0; w < ways; ++w) {
    if (one_input && w % 2 == 1) continue;
    // A way that no chain found so far makes longer than no stall has no use.
    bool useful = w < 2;
    for (const Found& chain : root.chains) {
      useful = useful || (goal.latency != 0 && chain.ways[w] > chain.ways[w % 2] + 1e-9);
    }
    if (useful) columns.push_back(w);
  }
  const std::size_t count = columns.size() + (goal.free_latency ? 1 : 0);
  double scale = CutLattice::kInfeasible;  // what the cheapest chain costs
  for (const Found& chain : root.chains) {
    std::vector<double> row;
    double most = 0;
    for (const std::size_t w : columns) {
      const double latency = goal.free_latency ? chain.ways[w] - target.latency : chain.ways[w];
      row.push_back(goal.energy * chain.energy + goal.latency * latency);
      most = std::max(most, row.back());
    }
    if (goal.free_latency) row.push_back(goal.energy * chain.energy);
    scale = std::min(scale, std::max(most, goal.energy * chain.energy));
    payoff.push_back(std::move(row));
  }
  // Memories that some chain does not fit, with the charge for exceeding one by its own size.
  std::vector<std::size_t> charged;
  for (std::size_t s = 0; s < space_.shared_memories().size(); ++s) {
    for (const Found& chain : root.chains) {
      if (chain.excess[s] > 0 && (charged.empty() || charged.back() != s)) charged.push_back(s);
    }
  }
  const double charge = 2 * scale;
  std::vector<double> strategy(count, 0.0);
  std::vector<double> charges(charged.size(), 0.0);
  if (payoff.empty()) {
    if (goal.free_latency) {
      strategy.back() = 1;
    } else {
      for (std::size_t c = 0; c < count; ++c) strategy[c] = 1.0 / static_cast<double>(count);
    }
  } else {
    std::vector<std::vector<double>> excess;
    for (const Found& chain : root.chains) {
      excess.emplace_back();
      for (const std::size_t m : charged) excess.back().push_back(chain.excess[m]);
    }
    GamePrices best = play_matrix_game(payoff, excess, charge);
    strategy = std::move(best.strategy);
    charges = std::move(best.charges);
  }
  value = CutLattice::kInfeasible;
  for (std::size_t r = 0; r < payoff.size(); ++r) {
    double sum = 0;
    for (std::size_t c = 0; c < count; ++c) sum += strategy[c] * payoff[r][c];
    for (std::size_t s = 0; s < charged.size(); ++s) {
      sum += charges[s] * charge * root.chains[r].excess[charged[s]];
    }
    value = std::min(value, sum);
  }
  Prices prices;
  prices.energy = goal.energy;
  for (std::size_t c = 0; c < columns.size(); ++c) {
    prices.way[columns[c] / 2][columns[c] % 2] = strategy[c] * goal.latency;
  }
  for (std::size_t s = 0; s < charged.size(); ++s) {
    const int m = space_.shared_memories()[charged[s]];
    prices.memory[z(m)] = charges[s] * charge / space_.problem().memory[z(m)].size;
  }
  return prices;
}

double DualBoundSearch::least() const {
  double least = CutLattice::kInfeasible;
  for (const Root& root : roots_) least = std::min(least, root.bound);
  return least;
}

std::vector<int> DualBoundSearch::best_tables(const std::vector<DualBoundTable>& tables,
                                              std::size_t like) const {
  std::vector<int> best;
  std::vector<double> bounds;
  for (const Root& root : roots_) {
    if (z(root.type) >= best.size()) {
      best.resize(z(root.type) + 1, static_cast<int>(like));
      bounds.resize(z(root.type) + 1, -CutLattice::kInfeasible);
    }
    for (std::size_t k = 0; k < tables.size(); ++k) {
      if (tables[k].energy_price() != tables[like].energy_price() ||
          std::abs(tables[k].latency_price() - tables[like].latency_price()) >
              1e-9 * tables[like].latency_price()) {
        continue;
      }
      const double bound = value(tables[k], root);
      if (bound <= bounds[z(root.type)]) continue;
      bounds[z(root.type)] = bound;
      best[z(root.type)] = static_cast<int>(k);
    }
  }
  return best;
}

double DualBoundSearch::least_latency() const {
  double least = CutLattice::kInfeasible;
  for (const Root& root : roots_) {
    const double ideal = space_.iterations() * space_.problem().cycles_per_operation;
    double bound = ideal + loading_total(space_.problem().operands, bounds_.type(root.type).least) +
                   space_.problem().drain;
    if (latency_goal_) bound = std::max(bound, root.bound * (1 - kPriceTie));
    least = std::min(least, bound);
  }
  return least;
}

bool DualBoundSearch::run(const PriceGoal& goal, int steps, int most, bool narrow,
                          const Try& attempt, model::Cost target,
                          std::vector<DualBoundTable>& tables) {
  const auto aim = [&] {
    return goal.free_latency ? goal.energy * target.energy
                             : goal.energy * target.energy + goal.latency * target.latency;
  };
  const auto open = [&](const Root& root) { return root.bound < aim() * (1 - kPriceTie); };
  latency_goal_ = goal.energy == 0 && goal.latency == 1;
  for (Root& root : roots_) {
    root.bound = -CutLattice::kInfeasible;
    root.table = -1;
    root.settled = false;
  }
  // By number; those that are no longer the best for a root that is open are given up.
  std::vector<std::optional<DualBoundTable>> found;
  const auto give_up_others = [&] {
    int held = 0;
    for (std::size_t i = 0; i < found.size(); ++i) {
      if (!found[i]) continue;
      const bool used = std::any_of(roots_.begin(), roots_.end(), [&](const Root& root) {
        return open(root) && root.table == static_cast<int>(i);
      });
      if (used) {
        ++held;
      } else {
        found[i].reset();
      }
    }
    return held;
  };
  // Where there is room for hardly any, better prices take the place of the first ones: the table
  // goes that holds for roots which need it least.
  const auto give_up_one = [&] {
    std::size_t least = 0;
    double strongest = -CutLattice::kInfeasible;
    for (std::size_t k = 0; k < found.size(); ++k) {
      if (!found[k]) continue;
      double weakest = CutLattice::kInfeasible;
      for (const Root& root : roots_) {
        if (open(root) && root.table == static_cast<int>(k)) {
          weakest = std::min(weakest, root.bound);
        }
      }
      if (weakest < strongest) continue;
      least = k;
      strongest = weakest;
    }
    found[least].reset();
    for (Root& root : roots_) {
      if (root.table == static_cast<int>(least)) root.table = -1;
    }
  };
  for (int i = 0; i < steps; ++i) {
    const int held = give_up_others();
    if (held >= most && most >= kRoomForAll) break;
    if (held > most) give_up_one();
    Root* weakest = nullptr;
    for (Root& root : roots_) {
      if (!open(root) || root.settled) continue;
      if (!weakest || root.bound < weakest->bound) weakest = &root;
    }
    if (!weakest) break;
    const auto trace = [&](const DualBoundTable& table) {
      // Some roots lead nowhere with all cuts left below the top.
      if (table.left(space_.full(), weakest->state) >= CutLattice::kInfeasible) {
        weakest->settled = true;
        return;
      }
      DualBoundTable::Marks marks{};
      for (int o = 0; o < space_.problem().operands; ++o) {
        for (int c = space_.cuts_of(o) - weakest->at_top[z(o)]; c < space_.cuts_of(o); ++c) {
          marks[z(o)][z(c)] = space_.full();
        }
      }
      table.trace(weakest->state, marks);
      weakest->chains.push_back(figures(*weakest, marks));
      target = attempt(marks);
    };
    if (weakest->chains.empty() && weakest->table >= 0) {
      trace(*found[z(weakest->table)]);
      if (!open(*weakest) || weakest->settled) continue;
    }
    double expected = 0;
    found.emplace_back();
    found.back().emplace(space_, bounds_, best_prices(goal, *weakest, target, expected), watch_);
    ++built_;
    if (!found.back()->complete()) {
      found.pop_back();
      break;
    }
    const DualBoundTable& table = *found.back();
    const double offset = goal.free_latency ? table.latency_price() * target.latency : 0;
    for (Root& root : roots_) {
      const double bound = value(table, root) - offset;
      if (bound > root.bound) {
        root.bound = bound;
        root.table = static_cast<int>(found.size()) - 1;
      }
    }
    trace(table);
    const double missing = std::min(std::abs(aim() - expected), std::abs(expected));
    if (value(table, *weakest) - offset > expected - 1e-4 * missing) weakest->settled = true;
  }
  // Only tables that are best for a root that is still open are worth their memory.
  if (give_up_others() > most) give_up_one();
  for (std::optional<DualBoundTable>& table : found) {
    if (!table) continue;
    table->end_tracing(narrow);
    tables.push_back(std::move(*table));
  }
  return std::none_of(roots_.begin(), roots_.end(), open);
}

}  // namespace ridgeline::search
