// Lower bounds of the loading of what moves everything at once (docs/exact-mapping.md,
// "Loading"; the rule that is bounded is docs/model.md, 6.6 to 6.8).
#pragma once

#include <array>
#include <cstdint>
#include <vector>

#include "search/exact/cut_lattice.hpp"

namespace ridgeline::search {

using OperandCounts = std::array<std::uint8_t, model::kMaxOperands>;

// Cycles of loading, by the part that they play in the latency.
struct LoadingShare {
  std::array<double, model::kMaxOperands> separate{};
  std::array<double, model::kMaxOperands> together{};
  double offload = 0;

  // Of one input and of the output: no more than all of it together takes, if what the other
  // input loads together is not negative.
  double of_input(int operand) const {
    return separate[static_cast<std::size_t>(operand)] +
           together[static_cast<std::size_t>(operand)] + offload;
  }
};

// On- and offloading of a layer with `operands` operands.
double loading_total(int operands, const LoadingShare& share);

// What a cut's innermost tile may hold, which is the floor of the levelling rule.
struct InnerBits {
  double most = 0;    // below the top of the lattice
  double at_top = 0;  // with all loops below the innermost cut
};

// The transfers that cross cuts above all loops, of which `at_top` tells how many each operand
// has.
struct LoadingType {
  OperandCounts at_top{};

  // Whatever the rule takes away.
  LoadingShare least;
  // Of the other input, as far as it is negative.
  std::array<double, model::kMaxOperands> debt{};
  double least_of_input(int input) const {
    return least.of_input(input) + debt[static_cast<std::size_t>(input)];
  }

  // Of one port: its transfers in full. The rule takes away no more than the cycles in which the
  // array computes, less what other transfers of the port demand.
  struct Spare {
    int port = -1;
    int tracked = -1;  // its place among the tracked ones; -1: no demand is known of it
    double bandwidth = 1;
    LoadingShare full;
  };
  std::vector<Spare> spare;

  // Of the port that takes longest: the rule itself, longest transfers first, as far as floors
  // are known.
  struct Entry {
    double cycles = 0;
    double least_cut = 0;  // down to its floor
    double most_cut = 0;
    int operand = 0;
    bool counts = false;  // in on- or offloading
  };
  int level_tracked = -1;
  double level_bandwidth = 1;
  std::vector<Entry> entries;
  LoadingShare beside;  // cuts that do not use that port
  // Least loading of an input and the output when the port has `surplus` cycles to spare.
  double levelled(int input, double surplus) const;

  // The latency may not grow with the stall, or fall with spare cycles, in the simple way that
  // comparing chains needs.
  bool opaque = false;
  bool stall_matters = false;      // chains compare only at equal stalls
  std::uint32_t demand_ports = 0;  // tracked ports whose demand matters
  // Of these: spare cycles with which the rule takes away all that it may.
  std::array<double, kMaxTrackedPorts> settled{};
  std::array<bool, model::kMaxOperands> floor_matters{};
};

// `most_demand`: of all transfers of a tracked port, at most.
LoadingType loading_type(const CutLattice& space, const OperandCounts& at_top,
                         const std::array<InnerBits, model::kMaxOperands>& inner,
                         const std::vector<double>& most_demand);

}  // namespace ridgeline::search
