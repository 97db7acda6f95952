#include "search/exact/loading.hpp"

#include <algorithm>
#include <cmath>

#include "model/core/directions.hpp"
#include "model/core/index.hpp"

namespace ridgeline::search {

using model::kRdHigh;
using model::kRdLow;
using model::kWrHigh;
using model::kWrLow;

namespace {

// A transfer of everything at once.
struct Link {
  int port = -1;
  int place = 0;  // among the port's links
  int cut = -1;
  int operand = 0;
  double cycles = 0;
  double least_floor = 0;
  double most_floor = 0;
  double least = 0;  // cycles, whatever the rule takes away
};

class TypeBuilder {
 public:
  TypeBuilder(const CutLattice& space, const OperandCounts& at_top,
              const std::array<InnerBits, model::kMaxOperands>& inner,
              const std::vector<double>& most_demand)
      : space_(space), inner_(inner), most_demand_(most_demand) {
    type_.at_top = at_top;
  }

  LoadingType run() {
    find_links();
    type_.least = share([](const Link& link) { return link.least; });
    for (int o = 1; o < space_.problem().operands; ++o) {
      type_.debt[z(o)] =
          space_.problem().operands == 2 ? 0 : std::min(0.0, type_.least.together[z(3 - o)]);
    }
    int unsettled = 0;
    int longest = -1;
    double most_cycles = 0;
    for (const int port : ports()) {
      const int tracked = tracked_place(port);
      const double bandwidth = space_.problem().port[z(port)].bandwidth_max;
      std::vector<double> cycles;
      for (const Link& link : links_) {
        if (link.port == port) cycles.push_back(link.cycles);
      }
      std::sort(cycles.rbegin(), cycles.rend());
      double needed = 0;
      double sum = 0;
      for (std::size_t i = 0; i < cycles.size(); ++i) {
        needed += static_cast<double>(i + 1) * cycles[i];
        sum += cycles[i];
      }
      if (tracked >= 0) {
        type_.demand_ports |= 1u << tracked;
        type_.settled[z(tracked)] = needed;
      }
      const double demand = tracked >= 0 ? most_demand_[z(tracked)] : 0;
      const double surplus = std::max(0.0, 1 - demand / bandwidth) * compute();
      // With cycles enough to level everything, more of them change nothing.
      if (needed > surplus) ++unsettled;
      if (type_.opaque) continue;
      type_.spare.push_back({port, tracked, bandwidth, share([&](const Link& link) {
                               return link.port == port ? link.cycles : link.least;
                             })});
      if (sum > most_cycles) {
        most_cycles = sum;
        longest = port;
      }
    }
    type_.stall_matters = unsettled > 1;
    if (longest >= 0) find_entries(longest);
    return std::move(type_);
  }

 private:
  double compute() const { return space_.iterations() * space_.problem().cycles_per_operation; }
  int tracked_place(int port) const {
    for (int i = 0; i < space_.tracked(); ++i) {
      if (space_.tracked_port(i) == port) return i;
    }
    return -1;
  }

  void find_links() {
    for (int o = 0; o < space_.problem().operands; ++o) {
      for (int i = space_.cuts_of(o) - type_.at_top[z(o)]; i < space_.cuts_of(o); ++i) {
        const Cut& cut = space_.cut(o, i);
        const int place = space_.first_cut(o) + i;
        if (cut.stationary) {
          add(place, o, 0, kRdLow);
        } else {
          add(place, o, cut.level - 1, o == 0 ? kRdHigh : kWrHigh);
          add(place, o, cut.level, o == 0 ? kWrLow : kRdLow);
        }
      }
    }
    if (space_.iterations() == 1) add(-1, 0, 0, kWrLow);
    for (Link& link : links_) {
      link.least = std::min(link.cycles, link.least_floor);
      for (const Link& mate : links_) {
        const bool later =
            mate.cycles != link.cycles ? mate.cycles < link.cycles : mate.place > link.place;
        if (mate.port == link.port && later) {
          link.least -= std::max(0.0, mate.cycles - mate.least_floor);
        }
      }
    }
  }

  void add(int cut, int o, int m, int direction) {
    const int port = space_.port_of(o, m, direction);
    if (port < 0) return;
    const model::ProblemPort& compiled = space_.problem().port[z(port)];
    const CutLattice::Once once = space_.once(o, m, direction);
    Link link;
    link.port = port;
    for (int i = compiled.begin; i < compiled.end; ++i) {
      const model::PortLink& other = space_.problem().link[z(i)];
      if (other.operand == o && other.level == m && other.direction == direction) link.place = i;
    }
    link.cut = cut;
    link.operand = o;
    link.cycles = once.cycles;
    const bool inner_at_top = type_.at_top[z(o)] >= space_.cuts_of(o) - (o == 0 ? 0 : 1);
    if (inner_at_top) {
      link.most_floor = std::ceil(inner_[z(o)].at_top / compiled.bandwidth_max);
      link.least_floor = link.most_floor;
    } else {
      link.most_floor = std::ceil(inner_[z(o)].most / compiled.bandwidth_max);
      link.least_floor = once.floor_cycles;
    }
    if (link.most_floor > link.cycles) type_.opaque = true;
    type_.floor_matters[z(o)] = true;
    links_.push_back(link);
  }

  std::vector<int> ports() const {
    std::vector<int> result;
    for (const Link& link : links_) {
      if (std::find(result.begin(), result.end(), link.port) == result.end()) {
        result.push_back(link.port);
      }
    }
    return result;
  }

  // A cut takes the longer of its two transfers.
  template <class Cycles>
  LoadingShare share(const Cycles& cycles) const {
    LoadingShare sum;
    for (int o = 0; o < space_.problem().operands; ++o) {
      for (int i = space_.cuts_of(o) - type_.at_top[z(o)]; i < space_.cuts_of(o); ++i) {
        const Cut& cut = space_.cut(o, i);
        if (cut.stationary) continue;
        double value = -CutLattice::kInfeasible;
        for (const Link& link : links_) {
          if (link.cut == space_.first_cut(o) + i) value = std::max(value, cycles(link));
        }
        if (cut.role == LoadingRole::separate) sum.separate[z(o)] += value;
        if (cut.role == LoadingRole::together) sum.together[z(o)] += value;
        if (cut.role == LoadingRole::offload) sum.offload += value;
      }
    }
    return sum;
  }

  void find_entries(int port) {
    std::vector<Link> on_port;
    std::vector<int> cuts;
    for (const Link& link : links_) {
      if (link.port != port) continue;
      on_port.push_back(link);
      cuts.push_back(link.cut);
    }
    std::sort(on_port.begin(), on_port.end(), [](const Link& a, const Link& b) {
      return a.cycles != b.cycles ? a.cycles > b.cycles : a.place < b.place;
    });
    for (const Link& link : on_port) {
      const bool counts = link.cut >= 0 && space_.cut(link.cut).role != LoadingRole::none;
      type_.entries.push_back({link.cycles, link.cycles - link.most_floor,
                               link.cycles - link.least_floor, link.operand, counts});
    }
    type_.level_tracked = tracked_place(port);
    type_.level_bandwidth = space_.problem().port[z(port)].bandwidth_max;
    type_.beside = share([&](const Link& link) {
      return std::find(cuts.begin(), cuts.end(), link.cut) != cuts.end() ? 0 : link.least;
    });
  }

  const CutLattice& space_;
  const std::array<InnerBits, model::kMaxOperands>& inner_;
  const std::vector<double>& most_demand_;
  LoadingType type_;
  std::vector<Link> links_;
};

}  // namespace

double loading_total(int operands, const LoadingShare& s) {
  if (operands == 2) return s.separate[1] + s.offload;
  const double first = s.together[1] + std::max(s.together[2] + s.separate[2], s.separate[1]);
  const double second = s.together[2] + std::max(s.together[1] + s.separate[1], s.separate[2]);
  return std::min(first, second) + s.offload;
}

// The rule takes the longest transfer down to its floor, then the two longest by as much as
// takes the second one there, and so on while the surplus lasts; a step costs as many cycles as
// it takes away. Floors being known within limits, the number of whole steps is, too.
double LoadingType::levelled(int input, double surplus) const {
  const double other = beside.of_input(input) + debt[z(input)];
  double full = 0;
  for (const Entry& entry : entries) {
    if (entry.counts && (entry.operand == 0 || entry.operand == input)) full += entry.cycles;
  }
  double low = full;
  double taken = 0;       // at most, by whole steps
  double least_cost = 0;  // of these
  double most_cost = 0;
  double touched = 0;  // entries that count, of those that a step takes from
  bool any = false;
  for (std::size_t k = 0; k <= entries.size(); ++k) {
    if (least_cost > surplus) break;
    const double step = static_cast<double>(k + 1);
    if (k == entries.size()) {
      low = any ? std::min(low, full - taken) : full - taken;
      break;
    }
    const Entry& next = entries[k];
    const bool counts = next.counts && (next.operand == 0 || next.operand == input);
    const double now = touched + (counts ? 1 : 0);
    if (surplus < most_cost + step * next.most_cut) {  // may stop within this step
      const double part = now / step * std::min(surplus - least_cost, step * next.most_cut);
      low = any ? std::min(low, full - taken - part) : full - taken - part;
      any = true;
    }
    touched = now;
    taken += touched * next.most_cut;
    least_cost += step * next.least_cut;
    most_cost += step * next.most_cut;
  }
  return low + other;
}

LoadingType loading_type(const CutLattice& space, const OperandCounts& at_top,
                         const std::array<InnerBits, model::kMaxOperands>& inner,
                         const std::vector<double>& most_demand) {
  return TypeBuilder(space, at_top, inner, most_demand).run();
}

}  // namespace ridgeline::search
