// What the transfers over a cut move and pay, at one node of the lattice.
// Inline: the lattice asks at each of its nodes.
#pragma once

#include <algorithm>
#include <array>
#include <cmath>

#include "model/core/directions.hpp"
#include "model/core/index.hpp"
#include "search/exact/cut_elements.hpp"
#include "search/exact/cut_lattice.hpp"

namespace ridgeline::search {

// Elements of a tile, as real unrollings count them and as integer ones do.
struct TileElements {
  double real = 0;
  double integer = 0;
};

// What one instance of a memory moves at a time.
struct Transfer {
  bool any = false;
  double granules = 0;  // of the least width of its port
  double accesses = 0;
  double cycles = 0;
};

// How often the transfers over a cut take place, and how long they may take.
struct TransferPeriod {
  double count = 1;
  double iterations = 1;  // from one to the next
  double window = 1;      // cycles that one may take at most
};

// The transfers over a cut in one direction of one memory level.
struct CutLink {
  int direction = 0;
  bool low = false;
  bool absent = false;  // no port
  double bandwidth_min = 0;
  double bandwidth_max = 0;
  double ratio = 0;
  double units = 0;
  double cost = 0;  // of an access
  TileElements boost{1, 1};
  int tracked = -1;  // place of its port among the tracked ones; -1: it is none

  CutLink(const CutLattice& space, int o, int level, int of_direction) : direction(of_direction) {
    const model::Problem& p = space.problem();
    const model::ProblemOperand& operand = p.operand[z(o)];
    const model::OperandSpatial& integer = p.whole ? operand.real : operand.integer;
    const bool read = direction == model::kRdLow || direction == model::kRdHigh;
    low = direction == model::kRdLow || direction == model::kWrLow;
    bandwidth_min = operand.bandwidth_min[z(level)][z(direction)];
    bandwidth_max = operand.bandwidth_max[z(level)][z(direction)];
    absent = bandwidth_max == 0;
    ratio = operand.bandwidth_ratio[z(level)][z(direction)];
    units = operand.real.units[z(level + 1)];
    cost = read ? operand.read_cost[z(level)] : operand.write_cost[z(level)];
    if (low) boost = {operand.real.boost[z(level)], integer.boost[z(level)]};
    tracked = space.tracked_place(space.port_of(o, level, direction));
  }

  // One of a tile, of so many bits an element.
  Transfer transfer(const TileElements& elements, double bits) const {
    Transfer one;
    const double amount = elements.real * boost.real * bits;
    one.any = amount > 0;
    if (absent) return one;
    if (one.any) {
      one.granules = std::ceil(amount / bandwidth_min);
      one.accesses = one.granules * ratio;
    }
    one.cycles = std::ceil(elements.integer * boost.integer * bits / bandwidth_max);
    return one;
  }
};

// What the transfers over a cut pay.
struct TransferCosts {
  double energy = 0;
  std::array<double, model::kDirections> granules{};  // as Cut::granules
  std::array<PortShare, kMaxTrackedPorts> shares{};   // by tracked port

  // `real`: what energies are charged for; `integer`: what keeps ports busy. `stored`: bits by
  // which the mean bandwidth counts what is moved; below 0: it counts nothing.
  void add(const CutLink& link, const Transfer& real, const Transfer& integer,
           const TransferPeriod& period, double stored, double beta) {
    if (link.absent) {
      if (real.any) energy = CutLattice::kInfeasible;
      return;
    }
    granules[z(link.direction)] = real.granules * period.count * link.units;
    energy += std::floor(real.accesses * period.count * link.units) * link.cost;
    if (link.tracked < 0) return;
    PortShare& share = shares[z(link.tracked)];
    share.busy += integer.cycles * (period.count - 1);
    share.excess += std::max(0.0, integer.cycles - period.window) * (period.count - 1);
    if (period.count <= 1 || stored < 0) return;
    const double rate = stored / period.iterations;
    share.demand += std::ceil(std::floor(link.low ? rate * link.boost.integer : rate) / beta);
    share.cycles += integer.cycles;
  }
};

// Whether partial sums cross architecture level `a` of the output at a node: as amounts see it, and
// as precisions do.
struct PartialSums {
  bool amounts = false;
  bool precisions = false;

  PartialSums(const CutLattice& space, const model::OperandSpatial& spatial, int a, std::int64_t x)
      : amounts(!space.reduced(x) || spatial.reduced_from[z(a + 1)]), precisions(amounts) {
    if (spatial.whole) return;
    const model::ProblemOperand& output = space.problem().operand[0];
    double outer = irrelevant_spatial(output, spatial, a + 1);
    for (int t = 0; t < space.type_count(); ++t) {
      if (!(space.type(t).irrelevant_to & 1u)) continue;
      for (int i = space.count_in(x, t); i < space.type(t).count; ++i) {
        outer *= static_cast<double>(space.type(t).prime);
      }
    }
    precisions = std::trunc(output.elements * (outer - 1)) != 0;
  }

  bool come_back() const { return amounts && precisions; }
};

// The same as real unrollings have it and as integer ones do.
struct OutputPartial {
  PartialSums real;
  PartialSums integer;

  OutputPartial(const CutLattice& space, int a, std::int64_t x)
      : real(space, space.problem().operand[0].real, a, x),
        integer(space,
                space.problem().whole ? space.problem().operand[0].real
                                      : space.problem().operand[0].integer,
                a, x) {}
};

// The output's transfers on one side of a cut: on their way out, and back as partial sums.
class OutputSide {
 public:
  // `low`: of the memory above the cut.
  OutputSide(const CutLattice& space, int level, bool low)
      : out_(space, 0, level, low ? model::kWrLow : model::kRdHigh),
        back_(space, 0, level, low ? model::kRdLow : model::kWrHigh),
        bits_{space.problem().operand[0].final_precision, space.problem().operand[0].precision} {}

  void set_tile(const TileElements& elements) {
    elements_ = elements;
    of_out_ = {out_.transfer(elements, bits_[0]), out_.transfer(elements, bits_[1])};
    of_back_ = back_.transfer(elements, bits_[1]);
  }

  // Returns the cycles of one transfer on the way out.
  double add(const OutputPartial& partial, const TransferPeriod& period, double beta,
             TransferCosts& costs) const {
    const Transfer& out = of_out_[partial.integer.precisions ? 1 : 0];
    costs.add(out_, of_out_[partial.real.precisions ? 1 : 0], out, period,
              elements_.integer * bits_[partial.integer.amounts ? 1 : 0], beta);
    costs.add(back_, partial.real.come_back() ? of_back_ : Transfer{},
              partial.integer.come_back() ? of_back_ : Transfer{}, period, -1, beta);
    return out.cycles;
  }

 private:
  CutLink out_;
  CutLink back_;
  std::array<double, 2> bits_;  // of an element that is final, and of a partial sum
  TileElements elements_;
  std::array<Transfer, 2> of_out_{};  // the same
  Transfer of_back_;
};

}  // namespace ridgeline::search
