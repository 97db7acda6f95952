#include "search/exact/least_latency.hpp"

#include <algorithm>
#include <array>
#include <cmath>
#include <limits>

#include "model/core/directions.hpp"
#include "model/core/index.hpp"
#include "search/exact/cut_elements.hpp"
#include "search/exact/innermost_loop.hpp"

namespace ridgeline::search {

using model::kRdHigh;
using model::kRdLow;
using model::kWrHigh;
using model::kWrLow;
using model::Problem;
using model::ProblemOperand;

namespace {

constexpr double kInfinity = std::numeric_limits<double>::infinity();
constexpr double kLastBits = 1e-9;
constexpr int kNoCut = -1;

// What one direction of one memory level does to its port. Cycles.
struct Move {
  int port = -1;
  int cut = kNoCut;      // place among the cuts; of the array's own: none
  bool back = false;     // partial sums that come back: they load nothing, and need not be
  bool many = false;     // it moves more than once for certain
  bool once = false;     // it may move once
  double total = 0;      // of all transfers together
  double rate = 0;       // of them, bits an iteration, rounded down
  double first = 0;      // of one transfer of many
  double longest = 0;    // the same, at most
  double all_least = 0;  // where it moves once: of that transfer
  double all_most = 0;
  double floor_least = 0;  // down to which loading is levelled
  double floor_most = 0;
};

// Transfers between two memory levels. They take as long as the longer of their two sides.
struct Crossing {
  int operand = 0;
  int role = 0;  // of inputs: ports that both share (0, 2), or 1 where it is the last such
  bool counts = true;
  double least = 0;  // cycles of loading, whatever is taken away
};

// With one of the loops innermost.
class LatencyFloor {
 public:
  LatencyFloor(const Problem& problem, const InnermostLoops& loops, int innermost)
      : p_(problem), loops_(loops), innermost_(innermost) {
    all_.fill(1);
    none_.fill(1);
    for (int d = 0; d < p_.dims; ++d) {
      all_[z(d)] = static_cast<double>(p_.temporal_size[z(d)]);
      iterations_ *= all_[z(d)];
      if (p_.operand[0].irrelevant >> d & 1u) reduced_ *= all_[z(d)];
    }
    list_crossings();
    for (int q = 0; q < p_.ports; ++q) {
      for (int i = p_.port[z(q)].begin; i < p_.port[z(q)].end; ++i) list_move(q, p_.link[z(i)]);
    }
    bound_loading();
  }

  double run() const {
    const double beta = p_.cycles_per_operation;
    const double computing = iterations_ * beta;
    double least = -kInfinity;
    // What counts of the inputs: those of one of them, or what both load together with the lesser
    // of the rest.
    const int inputs = p_.operands - 1;
    for (int input = 1; input <= inputs; ++input) {
      const double debt = inputs > 1 ? std::min(0.0, together(3 - input)) : 0;
      const auto counted = [&](const Crossing& one) {
        return one.counts && (one.operand == 0 || one.operand == input);
      };
      least = std::max(least, debt + best(computing, counted));
    }
    if (inputs > 1) {
      const auto counted = [&](const Crossing& one) {
        return one.counts && (one.operand == 0 || one.role == 2);
      };
      const double rest = std::min(apart(1), apart(2));
      least = std::max(least, rest + best(computing, counted));
    }
    least += p_.drain;
    return least - kLatencyTie * std::abs(least);
  }

 private:
  static bool is_low(int direction) { return direction == kRdLow || direction == kWrLow; }
  const model::OperandSpatial& spatial_of(const ProblemOperand& operand) const {
    return p_.whole ? operand.real : operand.integer;
  }

  void list_crossings() {
    for (int o = 0; o < p_.operands; ++o) {
      const ProblemOperand& operand = p_.operand[z(o)];
      for (int a = 1; a < operand.levels; ++a) {
        place_[z(o)][z(a)] = crossings_;
        Crossing& one = crossing_[z(crossings_++)];
        one.operand = o;
        if (o == 0) continue;
        one.role = operand.shared_ports[z(a - 1)];
        for (int b = a; one.role == 1 && b < operand.levels - 1; ++b) {
          if (operand.shared_ports[z(b)] == 1) one.counts = false;  // the last one does
        }
      }
    }
  }

  void list_move(int port, const model::PortLink& link) {
    const ProblemOperand& operand = p_.operand[link.operand];
    const model::OperandSpatial& spatial = spatial_of(operand);
    const int m = link.level;
    const int direction = link.direction;
    const bool low = is_low(direction);
    const int a = low ? m : m + 1;
    const double max = operand.bandwidth_max[z(m)][z(direction)];
    if (max == 0 || a >= operand.levels)
      return;  // nothing crosses the outermost memory's upper end
    Move& move = move_[z(moves_++)];
    move.port = port;
    move.back = operand.output && (direction == kRdLow || direction == kWrHigh);
    if (a > 0) move.cut = place_[link.operand][z(a)];
    const double boost = low ? spatial.boost[z(m)] : 1;
    const double most_bits = std::max(operand.precision, operand.final_precision);
    // Of outputs that come and go in every iteration all are partial sums, and all come back.
    const bool passes = a <= 1 && iterations_ > 1 &&
                        (a == 0 ? operand.output : loops_.passes(innermost_, link.operand));
    const bool partial = operand.output && passes && reduced_ > 1;
    if (move.back && !partial) return;
    const double bits =
        partial ? operand.precision : std::min(operand.precision, operand.final_precision);
    const auto rounded = [&](int level, const std::array<double, model::kMaxDims>& loops) {
      return rounded_elements(p_, operand, spatial, level, loops);
    };
    // Of the output with all temporal loops below.
    const auto width_of_all = [&](int level) {
      return operand.output && !spatial.reduced_from[z(level + 1)] ? operand.final_precision
                                                                   : operand.precision;
    };
    const auto cycles = [&](double elements, double width) {
      return std::ceil(elements * boost * width / max);
    };
    const Elements least = rounded(a, none_);
    const Elements whole = rounded(a, all_);
    move.first = cycles(least.least, bits);
    if (move.back) {
      move.many = true;
      move.total = move.first * iterations_;
      move.longest = move.first;
      return;
    }
    double moved = 0;  // bits
    if (a == 0) {
      const double times =
          loops_.changes(innermost_, link.operand) ? iterations_ : least_changes(p_, operand, all_);
      moved = boost * bits * times;
      move.total = move.first * times;
      move.many = times > 1;
      move.once = operand.output ? iterations_ == 1 : times == 1;
      move.longest = cycles(1, most_bits);
    } else if (passes) {
      moved = least.least * boost * bits * iterations_;
      move.total = move.first * iterations_;
      move.many = true;
      move.longest = cycles(least.most, most_bits);
    } else {
      moved = distinct_elements(p_, operand, spatial, a, all_) * boost * bits;
      move.total = moved / max;
      // What moves once lies below as a whole.
      const double size = p_.memory[z(operand.memory[z(a - 1)])].size;
      const double held = elements_below(p_, operand, operand.real, a, all_, -kLastBits) * bits;
      move.once = held <= size * (1 + kLastBits);
      move.many = !move.once;
      // Tiles are sized by the real mapping, and what they move by the whole-numbered one.
      move.longest = p_.whole && bits > 0
                         ? cycles(std::floor(size * (1 + kLastBits) / bits) + 1, most_bits)
                         : kInfinity;
    }
    move.rate = std::floor(moved / iterations_ * (1 - kLastBits));
    move.all_least = cycles(whole.least, width_of_all(a));
    move.all_most = cycles(whole.most, width_of_all(a));
    // The innermost memory's tile is everything too where its own crossing is the one.
    const Elements inner = rounded(1, a <= 1 ? all_ : none_);
    move.floor_least = std::ceil(inner.least * (a <= 1 ? width_of_all(1) : bits) / max);
    double floor_bits = inner.most * width_of_all(1);
    if (a > 1) {
      floor_bits = rounded(1, all_).most * most_bits;
      // It fits there, at the width that it has there.
      const double room = p_.memory[z(operand.memory[0])].size * (1 + kLastBits);
      if (p_.whole && bits > 0) {
        floor_bits = std::min(floor_bits, (std::floor(room / bits) + 1) * most_bits);
      }
    }
    move.floor_most = std::ceil(floor_bits / max);
  }

  // Loading of each crossing at least, however many cycles there are to spare: what moves once is
  // lowered to its floor, and by what shorter transfers of its port are lowered.
  void bound_loading() {
    std::array<double, kMaxCrossings> many;
    std::array<double, kMaxCrossings> once;
    std::array<bool, kMaxCrossings> may_be_once{};
    many.fill(-kInfinity);
    once.fill(-kInfinity);
    for (int i = 0; i < moves_; ++i) {
      const Move& move = move_[z(i)];
      if (move.cut == kNoCut || move.back) continue;
      const auto c = z(move.cut);
      many[c] = std::max(many[c], move.first);
      may_be_once[c] = may_be_once[c] || move.once;
      double value = std::min(move.all_least, move.floor_least);
      for (int j = 0; j < moves_; ++j) {
        const Move& other = move_[z(j)];
        if (j == i || other.port != move.port || other.back || !other.once) continue;
        if (other.all_least > move.all_most) continue;  // lowered before this one is
        value -= std::max(0.0, other.all_most - other.floor_least);
      }
      once[c] = std::max(once[c], value);
    }
    for (int c = 0; c < crossings_; ++c) {
      Crossing& one = crossing_[z(c)];
      one.least = std::max(many[z(c)], 0.0);  // a side that no port serves takes no time
      if (may_be_once[z(c)]) one.least = std::min(one.least, once[z(c)]);
    }
  }

  double together(int input) const {
    double sum = 0;
    for (int c = 0; c < crossings_; ++c) {
      const Crossing& one = crossing_[z(c)];
      if (one.operand == input && one.role == 2) sum += one.least;
    }
    return sum;
  }
  double apart(int input) const {
    double sum = 0;
    for (int c = 0; c < crossings_; ++c) {
      const Crossing& one = crossing_[z(c)];
      if (one.operand == input && one.role != 2 && one.counts) sum += one.least;
    }
    return sum;
  }

  // The longest that computing, or a port, makes of it with the crossings that count.
  template <class Counted>
  double best(double computing, const Counted& counted) const {
    double loading = 0;
    for (int c = 0; c < crossings_; ++c) {
      if (counted(crossing_[z(c)])) loading += crossing_[z(c)].least;
    }
    double least = computing + loading;
    for (int q = 0; q < p_.ports; ++q) least = std::max(least, loading + of_port(q, counted));
    return least;
  }

  // Cycles for which a port is in use or waits for the array, beyond the least loading of the
  // crossings that it serves. With cycles to spare these shorten loading: then what the port
  // demands meanwhile is what is left of them; else stalls make up for what it takes too long. They
  // make up for all transfers but the first ones whatever is to spare.
  template <class Counted>
  double of_port(int q, const Counted& counted) const {
    const double beta = p_.cycles_per_operation;
    const double max = p_.port[z(q)].bandwidth_max;
    const double of_rate = iterations_ / max;
    double busy = iterations_ * (beta - std::ceil(beta));
    double surely = busy;
    double alone = 0;    // of one transfer by itself
    bool levels = true;  // only those whose floors do not lift others
    double spare = -(std::ceil(iterations_ * beta) - iterations_ * beta);
    double demand = 0;
    for (int i = 0; i < moves_; ++i) {
      const Move& move = move_[z(i)];
      if (move.port != q) continue;
      if (move.many && !move.back) alone = std::max(alone, rest(move));
      if (move.back) {
        busy += move.total - move.first;
        surely += move.total - move.first;
        continue;
      }
      if (move.cut != kNoCut && counted(crossing_[z(move.cut)])) {
        levels = levels && (!move.once || move.floor_most <= move.all_least);
        if (move.many) surely += rest(move);
        const double own = crossing_[z(move.cut)].least;
        const double once = move.once ? move.all_least : kInfinity;
        busy += std::min(once, std::max(move.total, 2 * move.first)) - own;
        spare += std::min(once, move.first + move.rate * of_rate) - own;
        if (move.many) demand += std::ceil(move.rate / beta);
        continue;
      }
      levels = levels && (!move.once || move.floor_most <= move.all_least);
      if (!move.many) continue;
      busy += rest(move);
      surely += rest(move);
      spare += move.rate * of_rate;
      demand += std::ceil(move.rate / beta);
    }
    // Its stalls are of all its windows but one, and that one is no shorter than an operation.
    if (alone > 0) {
      surely = std::max(surely, iterations_ * (beta - std::ceil(beta)) + alone + std::ceil(beta));
    }
    // With a demand as large as the port there is nothing to spare.
    if (!levels) return surely;
    return std::max(surely, demand >= max ? busy : std::min(busy, spare));
  }
  // Cycles of all transfers of many but the first one.
  static double rest(const Move& move) {
    return std::max(0.0, move.total - std::min(move.total / 2, move.longest));
  }

  static constexpr int kMaxCrossings = model::kMaxOperands * model::kMaxLevels;
  const Problem& p_;
  const InnermostLoops& loops_;
  int innermost_;
  double reduced_ = 1;  // iterations into the same outputs
  std::array<double, model::kMaxDims> all_;
  std::array<double, model::kMaxDims> none_;
  double iterations_ = 1;
  std::array<Crossing, kMaxCrossings> crossing_{};
  int crossings_ = 0;
  std::array<std::array<int, model::kMaxLevels + 1>, model::kMaxOperands> place_{};
  std::array<Move, model::kMaxLinks> move_{};
  int moves_ = 0;
};

}  // namespace

double least_latency(const Problem& problem) {
  const InnermostLoops loops = innermost_loops(problem);
  double least = kInfinity;
  for (int i = 0; i < loops.count; ++i) {
    least = std::min(least, LatencyFloor(problem, loops, i).run());
  }
  return least;
}

}  // namespace ridgeline::search
