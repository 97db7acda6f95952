// What no schedule of a compiled problem can beat, whatever runs where (docs/schedule-bounds.md).
//
// Latency: the longest chain of dependent nodes on the cores that suit them best, with the moments
// at which the scheduler waits for all cores in it; between two such moments, and over all, the
// work of cores and links shared out as evenly as fractions could (a linear program, bounded by its
// dual, so that any multipliers give a valid bound). Energy: each slice where it costs least, with
// what must be fetched and written back at least once. Their product: where parts of the schedule
// follow each other, what they take adds up, and the least product of sums is at a corner of the
// convex hull.
//
// Compiled once; a bound with some cores decided then takes time in proportion to what they touch.
#pragma once

#include <algorithm>
#include <cstdint>
#include <map>
#include <span>
#include <utility>
#include <vector>

#include "model/system/schedule_problem.hpp"

namespace ridgeline::search {

struct ScheduleBound {
  double latency = 0;  // cycles
  double energy = 0;   // pJ
  double edp = 0;      // pJ x cycles; 0: nothing is known beside the product of the two

  double product() const { return std::max(edp, latency * energy); }
};

// What holds whichever of two cases it is.
inline ScheduleBound least_of(const ScheduleBound& a, const ScheduleBound& b) {
  return {std::min(a.latency, b.latency), std::min(a.energy, b.energy),
          std::min(a.product(), b.product())};
}

class ScheduleBounds {
 public:
  // `choices`: the cores on which each slot may run, not empty; `whole_cycles` as in
  // model::Allocation. `problem` outlives it.
  ScheduleBounds(const model::ScheduleProblem& problem, std::vector<std::vector<int>> choices,
                 std::vector<bool> whole_cycles);

  // Over all choices.
  const ScheduleBound& bound() const { return bound_; }
  // The same where slots are decided: `core` of each slot, -1 where it is open. Not below bound().
  ScheduleBound bound(std::span<const int> core);

  // Parts of bound().latency, for those who want to know what limits a design.
  double critical_path() const { return critical_path_; }
  double resources() { return resources_of_whole(); }
  // The core of each slot where bound().edp is attained by what is counted; empty: unknown.
  const std::vector<int>& least_product() const { return least_product_; }

  // Cycles of a slot's nodes on a core, which is one of its choices.
  double work(int slot, int core) const;
  // Least energy that a slot's nodes cause on a core, which is one of its choices.
  double energy(int slot, int core) const;
  const std::vector<std::vector<int>>& choices() const { return choices_; }

 private:
  struct Use {
    int resource = 0;
    double amount = 0;  // cycles of the resource
  };
  // What a slot takes of each resource on one of its cores; `uses[0]` is the core itself.
  struct Option {
    int core = 0;
    std::vector<Use> uses;
  };
  struct Item {
    int slot = 0;
    std::vector<Option> options;
  };
  // One way to place a segment's items.
  struct Way {
    double time = 0;
    double energy = 0;
    std::vector<int> core;  // of each item
  };
  // Nodes between two moments at which all cores are waited for.
  struct Segment {
    int number = 0;
    std::vector<std::int32_t> nodes;
    std::vector<Item> items;
    std::vector<Way> ways;                     // all of them, where they are few; else empty
    bool solved = false;                       // the next two are known
    std::vector<double> price;                 // multipliers of the resources
    double resources = 0;                      // least time by its resources
    std::map<std::vector<int>, double> known;  // least time by the decided cores of its items
  };

  double runtime(const model::ScheduleProblem::Node& node, int core) const;
  bool certainly_streams(const model::ScheduleProblem::Node& node,
                         const model::NodeCost& cost) const;
  double duration(std::span<const int> route, double share, std::int64_t bits) const;
  void add_streams(const model::ScheduleProblem::Node& node, int core,
                   std::vector<double>& amounts) const;
  void add_loads();
  void build_segments();
  void list_ways();
  template <class Look>
  void try_ways(Segment& segment, std::span<const int> decided, Look look);
  double fastest_load(std::span<const int> core) const;
  double resources_of_whole();
  double least_edp(std::span<const int> core, std::vector<int>* chosen);
  double priced(Segment& segment, std::span<const int> core) const;
  void solve(Segment& segment) const;
  double path(const Segment& segment, std::span<const int> core);
  double segment_time(Segment& segment, std::span<const int> core);
  std::size_t option_of(int slot, int core) const;

  const model::ScheduleProblem& problem_;
  std::vector<std::vector<int>> choices_;
  std::vector<bool> whole_cycles_;
  bool simple_ = false;  // links serve one transfer after the other: only nodes are counted
  int resource_count_ = 0;
  std::vector<std::vector<std::int32_t>> nodes_of_slot_;
  std::vector<std::vector<double>> work_;                  // by slot and choice
  std::vector<std::vector<double>> energy_;                // by slot and choice
  std::vector<std::vector<std::vector<double>>> traffic_;  // by slot, choice and resource
  std::vector<Segment> segments_;
  Segment whole_;
  ScheduleBound bound_;
  double critical_path_ = 0;
  std::vector<int> least_product_;
  std::vector<int> segment_of_;            // by node
  std::vector<std::vector<double>> time_;  // cycles by node and choice of its slot
  // While a path is followed: ends of nodes, of slots' and of decided cores' latest nodes.
  std::vector<double> end_;
  std::vector<double> slot_end_;
  std::vector<double> core_end_;
};

}  // namespace ridgeline::search
