// Walks through the tiles of a mapping in the order of time and says when each transfer and each
// block of operations begins and ends (docs/strict-model.md, 2). Loops that repeat what they did
// before are not walked to their end. Neither allocates, throws nor locks.
#pragma once

#include <array>
#include <cstdint>
#include <optional>

#include "model/core/loop_tiling.hpp"
#include "model/core/port_time.hpp"
#include "model/core/strict_latency.hpp"
#include "model/core/strict_problem.hpp"
#include "model/core/walk_memory.hpp"

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

struct WalkTimes {
  double begin = 0;  // of the first operation
  double end = 0;    // of the last
  double arrived = 0;
  std::int64_t blocks = 0;  // that were walked, and such as took as long
};

class StrictWalk {
 public:
  // As many links of an operand as it has levels.
  static constexpr int kRing = kMostHeld;
  using Links = std::array<std::array<WalkLink, kMaxLevels>, kMaxOperands>;

  // `repeats`: what loops do again in the same way is not walked again.
  StrictWalk(const Problem& problem, const Ordering& ordering, const Links& links, double skew,
             bool repeats);

  // Ends where it is known that the results arrive after `limit`; then that is all that is known.
  WalkTimes run(double limit);

 private:
  static constexpr int kGaps = 180;
  static constexpr int kGapsOfRepeats = 32;

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
  // What moves, where all tiles of a link are alike.
  struct Same {
    bool known = false;
    Cycles coming;
    Cycles coming_back;
    Cycles leaving;
    Cycles finished;
  };

  // Where what is recorded begins: counts of tiles by operand and level, and all that ports moved.
  struct Entry {
    double now = 0;
    std::array<std::array<std::array<std::int64_t, 3>, kMaxLevels>, kMaxOperands> count;
    std::array<double, kMaxPorts> used;
    std::array<double, kMaxPorts> horizon;  // nothing inside asks for a port before
  };
  // A link does not ask for its ports before.
  struct Next {
    double load;
    double leave;  // of outputs
  };
  class Hasher;
  class Recorder;
  class Player;

  // An iteration of a loop, and the state before it.
  struct Seen {
    int iteration = 0;  // 0: none
    WalkKey key;
    Entry entry;
  };
  using Waiting = std::array<double, kRing>;

  void rest(int l);
  void iterate(int l);
  double least_left_outside(int l) const;
  int skipped(int l, int i, int most, Seen& seen);
  bool skip(int l, const Entry& from, const Entry& since, double times);
  void set_aside(int l, Waiting& waiting);
  void bring_back(int l, const Waiting& waiting);
  Entry entry(int l) const;
  Next next(int o, int a) const;
  void forget();
  void set_horizon(int l, Entry& entry) const;
  WalkKey key(int l, const Entry& entry);
  std::uint64_t outer_rounds(int l) const;
  int outer_output(int l) const;
  template <class Archive>
  void pass(int l, const Entry& entry, Archive& archive);
  template <class Archive>
  void pass_input(int o, int a, const Entry& entry, Archive& archive);
  template <class Archive>
  void pass_output(int a, const Entry& entry, Archive& archive);
  const double* record(int l, const Entry& entry, double* begin, double* end);
  void play(int l, const Entry& entry, const double* from);
  void cut_port(PortState& port, double at);
  void set_repeats();
  void block();
  static void insert(PortState& port, int at, const Gap& gap);
  int end_link(int o) const { return problem_.operand[z(o)].levels; }
  // Whether a link is there whose tiles change with loops [0, l].
  bool within(int o, int a, int l) const {
    return a < end_link(o) && links_[z(o)][z(a)].position <= l;
  }
  // Elements of a tile, and in `row` of one row in the direction.
  double elements(const WalkSide& side, const WalkPort& port, int position, double& row) const;
  double cycles(const WalkSide& side, const WalkPort& port, int position, double bits) const;
  double round_size(const RoundSizes& vary, int position) const;
  double fullest(const RoundSizes& vary, int position) const;
  bool revisits(int position, bool last) const;
  void set_same(int o, int a);
  Cycles coming(int o, int a) const;
  Cycles coming_back(int a) const;
  Cycles leaving(int a) const;
  Cycles all_coming(const WalkLink& link) const;
  Cycles all_coming_back(const WalkLink& link) const;
  Cycles all_leaving(const WalkLink& link, bool again) const;
  double move(const Cycles& cycles, int up_port, int down_port, double ready);
  double take(PortState& port, double ready, double amount);
  void make_room(PortState& port) const;
  void open_input(int o, int a);
  void close_input(int o, int a);
  void open_output(int a);
  void close_output(int a);
  void drain(int a, std::int64_t until);

  static std::size_t z(std::int64_t i) { return static_cast<std::size_t>(i); }

  const Problem& problem_;
  const Ordering& ordering_;
  const Links& links_;
  double skew_;
  bool repeats_;
  int most_gaps_;  // of a port
  std::array<int, kMaxLoops> index_{};
  int stepped_;
  bool begun_ = false;
  std::int64_t blocks_ = 0;
  std::int64_t plays_ = 0;  // of what is remembered
  double limit_ = 0;
  bool beyond_ = false;                       // the limit
  std::array<double, kMaxLoops + 1> inside_;  // iterations of loops [0, l)
  WalkTimes times_;
  std::array<std::array<Same, kMaxLevels>, kMaxOperands> same_;
  std::array<std::array<LinkState, kMaxLevels>, kMaxOperands> state_;
  std::array<PortState, kMaxPorts> port_;
  // Where loops repeat themselves.
  std::uint64_t remembered_ = 0;                // bits: loops [0, l] that are remembered
  std::array<std::uint64_t, kMaxLoops> ports_;  // bits: ports of the links within loops [0, l]
  // The same for dimensions of which tiles in the first and last round differ, and of which those
  // in the last one do.
  std::array<std::array<std::uint64_t, kMaxLevels>, kMaxOperands> link_ports_;  // those of a link
  std::array<std::uint32_t, kMaxLoops> edges_;
  std::array<std::uint32_t, kMaxLoops> lasts_;
  std::optional<WalkMemory> memory_;
};

}  // namespace ridgeline::model
