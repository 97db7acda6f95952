// Walks through the tiles of a mapping in the order of time and says when each transfer and each
// block of operations begins and ends (docs/strict-model.md, 2). Loops that repeat what they did
// before are not walked to their end. Neither allocates, throws nor locks.
#pragma once

#include <array>
#include <cstdint>

#include "model/core/loop_tiling.hpp"
#include "model/core/port_time.hpp"
#include "model/core/strict_problem.hpp"

namespace ridgeline::model {

// What a tile's size is multiplied by in each round of the loops outside it: a sliding window's
// elements, or those of a loop that its unrolling does not divide.
struct RoundSizes {
  std::int8_t dim[2] = {-1, -1};     // the second: of a sliding window
  const double* by_round = nullptr;  // [first round][second round]; null: whole, but for the last
  // Of instances of this operand, each with tiles of its own in by_round; null: rounds alone.
  const std::array<Instances, 2>* instances = nullptr;
  int operand = 0;
  double rounds = 1;  // of the second dimension; or all of the first
  double whole = 1;
  double last = 1;
};

// What moves in one direction.
struct WalkPort {
  Divisor word{};  // bits; value 0: nothing to wait for
  std::int8_t port = -1;
  const StrictRequests* requests = nullptr;
  double row = 1;                  // elements of a row but for what varies
  std::uint32_t varying_rows = 0;  // places in WalkSide::vary that are along it
};

// One side of an interface: the busiest instance at a time.
struct WalkSide {
  double base = 1;  // elements of a tile but for what varies
  int varying = 0;
  std::array<RoundSizes, kMaxRagged + kMaxRelations> vary;
  WalkPort to;           // inputs to the array, outputs from it
  WalkPort back;         // partial sums that come back
  double last_bits = 0;  // an element in the last visit
  double bits = 0;
  bool finishes = false;  // in the last visit all operations are in
};

// Between an operand's memory level and the one below (or the array).
struct WalkLink {
  int position = 0;  // loops inside a tile
  int buffers = 1;
  double latency = 0;
  double post_processing = 0;  // finished outputs a cycle; 0: any
  WalkSide up;
  WalkSide down;  // word 0 next to the array
};

// What a block of operations takes that is not walked through.
struct WalkPace {
  double cycles = 1;  // of the array, with what it waits for within
  // Of an input: its last tile has come to the loops of a block so long before the block's end.
  std::array<double, kMaxOperands> early{};
  std::array<double, kMaxPorts> busy{};  // cycles of each port
};

// Whether sums have been there before, and whether more is added to them afterwards.
enum class Visit : std::uint8_t { only, first, middle, last };
inline constexpr int kVisits = 4;

// Loops [0, base) are one block, of those to `top` all is walked.
struct WalkBlock {
  int base = 0;
  int top = 0;
  bool repeats = false;  // loops that repeat themselves are not walked to their end
  std::array<WalkPace, kVisits> pace;
  std::array<double, kMaxOperands> chain{};  // until a new tile has reached the array, or left it
};

struct WalkTimes {
  double begin = 0;  // of the first operation
  double end = 0;    // of the last
  double arrived = 0;
};

class StrictWalk {
 public:
  // As many links of an operand as it has levels; those below block.base are not looked at, nor
  // are those from block.top on, unless all loops are walked.
  static constexpr int kRing = 16;  // tiles of an interface that are remembered
  using Links = std::array<std::array<WalkLink, kMaxLevels>, kMaxOperands>;

  StrictWalk(const Problem& problem, const Ordering& ordering, const Links& links,
             const WalkBlock& block, double skew);

  WalkTimes run();
  // What one iteration of loops [base, top) takes when it follows others. False: none is such a
  // visit.
  bool pace(Visit visit, WalkPace& pace);

 private:
  static constexpr int kGaps = 180;

  // Time that a port has to spare between two moments, evenly spread.
  struct Gap {
    double begin;
    double end;
    double idle;
  };
  struct PortState {
    std::array<Gap, kGaps> gap;
    int first = 0;    // of those that are remembered
    int gaps = 0;     // where they end
    double free = 0;  // from here on
    double used = 0;
  };
  // Cycles that a transfer takes of ports and of the unit that finishes outputs.
  struct Cycles {
    double up;
    double down;
    double post = 0;
    bool any() const { return up > 0 || down > 0 || post > 0; }
  };
  struct LinkState {
    std::int64_t opened = 0;
    std::int64_t closed = 0;
    std::int64_t drained = 0;
    double load_free = 0;  // the link's next transfer can begin
    double drain_free = 0;
    double ready = 0;                       // the last tile is there
    double gone = 0;                        // inputs: and has left the buffer above for another
    std::array<double, kRing> done;         // inputs: no longer needed; outputs: has arrived
    std::array<double, kRing> left;         // outputs: another can take the buffer
    std::array<double, kRing> above;        // outputs: the tile above has a buffer
    std::array<double, kRing> complete;     // outputs: nothing more is added
    std::array<std::int64_t, kRing> inner;  // outputs: tiles of the level below until then
    std::array<Cycles, kRing> leaving;
  };

  using Pending = std::array<std::array<std::array<double, 2>, kMaxLevels>, kMaxOperands>;
  struct Moment {
    Pending link;                                 // what comes, what goes
    std::array<std::int64_t, kMaxLevels> behind;  // tiles of outputs that have not been placed yet
    std::array<double, kMaxPorts> free;
    std::array<double, kMaxPorts> used;
  };

  void loop(int l);
  Moment moment(int l) const;
  bool keeps_up(int l, const Moment& last) const;
  void block();
  void skip(int l, double step, double times, const Moment& earlier, const Moment& last);
  static void move_on(PortState& port, double from, double by, double idle);
  static void insert(PortState& port, int at, const Gap& gap);
  int first_link(int o) const { return first_[z(o)]; }
  int end_link(int o) const { return end_[z(o)]; }
  // Elements of a tile, and in `row` of one row in the direction.
  double elements(const WalkSide& side, const WalkPort& port, int position, double& row) const;
  double cycles(const WalkSide& side, const WalkPort& port, int position, double bits) const;
  double round_size(const RoundSizes& vary, int position) const;
  double fullest(const RoundSizes& vary, int position) const;
  bool revisits(int position, bool last) const;
  Visit visit(int position) const;
  bool go_to(Visit visit);
  Cycles coming(const WalkLink& link) const;
  Cycles coming_back(const WalkLink& link) const;
  Cycles leaving(const WalkLink& link) const;
  double move(const Cycles& cycles, int up_port, int down_port, double ready);
  static double take(PortState& port, double ready, double amount);
  static void make_room(PortState& port);
  void open_input(int o, int a);
  void close_input(int o, int a);
  void open_output(int a);
  void close_output(int a);
  void drain(int a, std::int64_t until);

  static std::size_t z(std::int64_t i) { return static_cast<std::size_t>(i); }

  const Problem& problem_;
  const Ordering& ordering_;
  const Links& links_;
  const WalkBlock& block_;
  double skew_;
  std::array<int, kMaxOperands> first_{};  // links from here on are walked
  std::array<int, kMaxOperands> end_{};    // up to here
  std::array<int, kMaxLoops> index_{};
  int stepped_;
  bool begun_ = false;
  WalkTimes times_;
  const std::array<double, kMaxOperands>* early_ = nullptr;  // of the last block
  std::array<std::array<LinkState, kMaxLevels>, kMaxOperands> state_;
  std::array<PortState, kMaxPorts> port_;
};

}  // namespace ridgeline::model
