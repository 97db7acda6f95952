#include "tests/support/cycle_simulator.hpp"

#include <algorithm>
#include <compare>
#include <deque>
#include <limits>

#include "model/core/index.hpp"

namespace ridgeline::testing {
namespace {

using model::Direction;

// Who goes first at a port: what the sooner operation waits for; of what the same one waits for,
// inputs in the equation's order, then outputs, what is further out first. A tile of outputs leaves
// before the next one takes its buffer, in the order of time, inner levels first.
constexpr std::size_t kLast = 99;  // operand: outputs
struct Turn {
  std::int64_t operation = 0;
  std::size_t operand = 0;
  std::int64_t outer = 0;  // less the level at which something waits
  bool comes = false;
  std::int64_t last = 0;  // operation that added to it
  std::size_t level = 0;

  auto operator<=>(const Turn&) const = default;
};

// Something on its way between two memories, or between a memory and the array.
struct Transfer {
  bool active = false;
  Turn turn;
  std::int64_t up = 0;  // words left
  std::int64_t down = 0;
  std::int64_t post = 0;  // cycles left in the unit that finishes outputs
  int up_port = -1;
  int down_port = -1;
  bool up_moved = false;  // in this cycle
  bool down_moved = false;
  bool post_moved = false;
  std::int64_t wait = 0;            // cycles that the data takes once its words have gone
  std::deque<std::int64_t> flying;  // cycles left of those whose words have gone

  bool words_left() const { return up > 0 || down > 0 || post > 0; }
  // Of those on their way, how many have left their buffer by the end of this cycle.
  std::size_t leaving() const {
    std::size_t count = 0;
    while (count < flying.size() && flying[count] <= 1) ++count;
    if (count == flying.size() && active && !words_left() && wait == 0) ++count;
    return count;
  }
};

// One interface of one operand.
struct Link {
  const std::vector<Exchange>* exchanges = nullptr;
  std::size_t buffers = 1;
  std::size_t done = 0;    // inputs: loaded; outputs: drained
  std::size_t opened = 0;  // outputs: tiles ready to be added to
  Transfer load;           // of inputs, and of partial sums that come back
  Transfer drain;
};

class Simulator {
 public:
  Simulator(const Execution& execution, const Machine& machine) : e_(execution), m_(machine) {
    for (std::size_t o = 0; o < e_.exchanges.size(); ++o) {
      links_.emplace_back();
      for (std::size_t a = 0; a < e_.exchanges[o].size(); ++a) {
        Link link;
        link.exchanges = &e_.exchanges[o][a];
        // The array's own pipeline takes in operands, and gives out results, as fast as they move.
        link.buffers =
            a == 0 ? (o == 0 ? 4 + z(m_.skew) : 2) + z(2 * m_.wait[o][0]) : z(m_.buffers[o][a]);
        links_.back().push_back(link);
      }
    }
    served_.resize(z(m_.ports));
  }

  std::int64_t run() {
    std::int64_t now = 0;
    std::int64_t idle = 0;
    while (!finished()) {
      while (begin_transfers()) {
      }
      bool moved = move_words();
      begin_operation();
      moved = land() || moved;
      moved = compute() || moved;
      idle = moved ? 0 : idle + 1;
      if (idle > 2 + m_.skew) return -1;
      ++now;
    }
    return now;
  }

 private:
  bool finished() const {
    const auto& outermost = links_[0].back();
    return outermost.done == outermost.exchanges->size();
  }

  // Exchanges of a link that begin before operation `t`.
  static std::size_t before(const Link& link, std::int64_t t) {
    const auto& list = *link.exchanges;
    return z(std::partition_point(list.begin(), list.end(),
                                  [&](const Exchange& x) { return x.first < t; }) -
             list.begin());
  }
  // The exchange that operation `t` belongs to.
  static std::size_t containing(const Link& link, std::int64_t t) {
    return before(link, t + 1) - 1;
  }

  void start(Transfer& transfer, std::size_t o, std::size_t a, std::int64_t up, std::int64_t down,
             Direction above, Direction below, const Turn& turn, std::int64_t post = 0) {
    transfer.active = true;
    transfer.turn = turn;
    transfer.up = up;
    transfer.down = a == 0 ? 0 : down;
    transfer.post = post;
    transfer.up_port = m_.up_port[o][a][z(static_cast<int>(above))];
    transfer.down_port = m_.down_port[o][a][z(static_cast<int>(below))];
    transfer.wait = transfer.words_left() ? m_.wait[o][a] : 0;
  }

  // Whether an input's tile that is in a buffer below interface `a` is no longer needed.
  bool used_up(std::size_t o, std::size_t a, std::size_t k) const {
    const Exchange& exchange = (*links_[o][a].exchanges)[k];
    if (a == 0) return computed_ > exchange.last;
    // A word may come in the cycle in which the last one goes, as a register takes it.
    const Link& below = links_[o][a - 1];
    if (below.done + below.load.leaving() < before(below, exchange.last + 1)) return false;
    // A register that the array works from is free when the last operation has passed.
    return a != 1 || m_.skew == 0 || links_[o][a].buffers > 1 || settled_ > exchange.last;
  }

  bool begin_transfers() {
    bool any = false;
    for (std::size_t o = 0; o < links_.size(); ++o) {
      for (std::size_t a = 0; a < links_[o].size(); ++a) {
        any = (o == 0 ? begin_output(a) : begin_input(o, a)) || any;
      }
    }
    return any;
  }

  bool begin_input(std::size_t o, std::size_t a) {
    Link& link = links_[o][a];
    const std::size_t k = link.done + link.load.flying.size();
    if (link.load.active || k == link.exchanges->size()) return false;
    const Exchange& exchange = (*link.exchanges)[k];
    if (a + 1 < links_[o].size() &&
        links_[o][a + 1].done <= containing(links_[o][a + 1], exchange.first)) {
      return false;
    }
    if (k >= link.buffers && !used_up(o, a, k - link.buffers)) return false;
    start(link.load, o, a, exchange.up, exchange.down, Direction::rd_out_to_low,
          Direction::wr_in_by_high, coming(o, a, exchange));
    return settle(link.load, link.done);
  }

  bool begin_output(std::size_t a) {
    Link& link = links_[0][a];
    bool any = false;
    const std::size_t k = link.opened + link.load.flying.size();
    const std::size_t left = link.done + (a > 0 ? link.drain.leaving() : 0);
    if (!link.load.active && k < link.exchanges->size() && k < left + link.buffers) {
      const Exchange& exchange = (*link.exchanges)[k];
      if (exchange.back_up + exchange.back_down == 0 || above_is_open(a, exchange)) {
        start(link.load, 0, a, exchange.back_up, exchange.back_down, Direction::rd_out_to_low,
              Direction::wr_in_by_high, coming(0, a, exchange));
        any = settle(link.load, link.opened);
      }
    }
    const std::size_t d = link.done + link.drain.flying.size();
    if (!link.drain.active && d < link.opened) {
      const Exchange& exchange = (*link.exchanges)[d];
      bool complete = (m_.skew == 0 ? computed_ : settled_) > exchange.last;
      if (a > 0) {
        const Link& below = links_[0][a - 1];
        complete = complete && below.done >= before(below, exchange.last + 1);
      }
      if (complete && above_is_open(a, exchange)) {
        start(link.drain, 0, a, exchange.up, exchange.down, Direction::wr_in_by_low,
              Direction::rd_out_to_high, leaving(a, d), exchange.post);
        any = settle(link.drain, link.done) || any;
      }
    }
    return any;
  }

  // Whether the tile above has a buffer, with what comes back in it.
  bool above_is_open(std::size_t a, const Exchange& exchange) const {
    return a + 1 == links_[0].size() ||
           links_[0][a + 1].opened > containing(links_[0][a + 1], exchange.first);
  }

  static Turn coming(std::size_t o, std::size_t a, const Exchange& exchange) {
    return {exchange.first, o == 0 ? kLast : o, -static_cast<std::int64_t>(a), true, 0, a};
  }

  // A tile of outputs is waited for by the first operation that needs its buffer, or that of a tile
  // above which it belongs to.
  Turn leaving(std::size_t a, std::size_t d) const {
    const std::int64_t last = (*links_[0][a].exchanges)[d].last;
    Turn turn{e_.cycles, kLast, -static_cast<std::int64_t>(links_[0].size()), false, last, a};
    for (std::size_t b = a; b < links_[0].size(); ++b) {
      const Link& link = links_[0][b];
      const std::size_t next = containing(link, last) + link.buffers;
      if (next < link.exchanges->size()) {
        turn = std::min(turn, {(*link.exchanges)[next].first, kLast, -static_cast<std::int64_t>(b),
                               false, last, a});
      }
    }
    return turn;
  }

  // Nothing to move: it is there at once, but not before others.
  static bool settle(Transfer& transfer, std::size_t& count) {
    if (transfer.words_left()) return true;
    transfer.active = false;
    if (transfer.flying.empty()) {
      ++count;
    } else {
      transfer.flying.push_back(0);
    }
    return true;
  }

  void begin_operation() {
    if (working_ > 0 || computed_ == e_.cycles) return;
    for (std::size_t o = 0; o < links_.size(); ++o) {
      const Link& link = links_[o][0];
      const std::size_t there = o == 0 ? link.opened : link.done;
      if (there <= containing(link, computed_)) return;
    }
    working_ = m_.cycles_per_operation;
  }

  bool compute() {
    bool moved = false;
    while (!passing_.empty() && passing_.front() == 0) {
      passing_.pop_front();
      ++settled_;
      moved = true;
    }
    for (std::int64_t& left : passing_) --left;
    moved = moved || !passing_.empty();
    if (working_ > 0) {
      moved = true;
      if (--working_ == 0) {
        ++computed_;
        passing_.push_back(m_.skew > 0 ? m_.skew - 1 : 0);
        if (m_.skew == 0) {
          passing_.clear();
          settled_ = computed_;
        }
      }
    }
    return moved;
  }

  template <class Visit>
  void over_transfers(const Visit& visit) {
    for (auto& operand : links_) {
      for (Link& link : operand) {
        visit(link.load);
        visit(link.drain);
      }
    }
  }

  // Each port moves a word of the transfer that is waited for first, and so may those that take the
  // place of what leaves in this cycle.
  bool move_words() {
    std::fill(served_.begin(), served_.end(), false);
    over_transfers([](Transfer& transfer) {
      transfer.up_moved = transfer.down_moved = transfer.post_moved = false;
    });
    bool moved = false;
    for (;;) {
      Transfer* next = nullptr;
      over_transfers([&](Transfer& transfer) {
        if (!transfer.active || (next != nullptr && next->turn < transfer.turn)) return;
        if (can_move(transfer.up_port, transfer.up, transfer.up_moved) ||
            can_move(transfer.down_port, transfer.down, transfer.down_moved) ||
            can_move(-1, transfer.post, transfer.post_moved)) {
          next = &transfer;
        }
      });
      if (next == nullptr) return moved;
      moved = true;
      move(next->up_port, next->up, next->up_moved);
      move(next->down_port, next->down, next->down_moved);
      move(-1, next->post, next->post_moved);
      if (!next->words_left()) {
        while (begin_transfers()) {
        }
      }
    }
  }

  bool can_move(int port, std::int64_t words, bool moved) const {
    return words > 0 && !moved && (port < 0 || !served_[z(port)]);
  }
  void move(int port, std::int64_t& words, bool& moved) {
    if (!can_move(port, words, moved)) return;
    --words;
    moved = true;
    if (port >= 0) served_[z(port)] = true;
  }

  bool land() {
    bool moved = false;
    for (auto& operand : links_) {
      for (Link& link : operand) {
        const bool output = &operand == &links_.front();
        moved = finish(link.load, output ? link.opened : link.done) || moved;
        moved = finish(link.drain, link.done) || moved;
      }
    }
    return moved;
  }

  static bool finish(Transfer& transfer, std::size_t& count) {
    bool moved = !transfer.flying.empty();
    for (std::int64_t& left : transfer.flying) --left;
    if (transfer.active && !transfer.words_left()) {
      transfer.active = false;
      transfer.flying.push_back(transfer.wait);
      moved = true;
    }
    while (!transfer.flying.empty() && transfer.flying.front() <= 0) {
      transfer.flying.pop_front();
      ++count;
    }
    return moved;
  }

  const Execution& e_;
  const Machine& m_;
  std::vector<std::vector<Link>> links_;
  std::vector<bool> served_;   // ports, in this cycle
  std::int64_t computed_ = 0;  // operations
  std::int64_t settled_ = 0;   // of these, those that have passed through the array
  std::int64_t working_ = 0;   // cycles left of the operation in hand
  std::deque<std::int64_t> passing_;
};

}  // namespace

std::int64_t simulate(const Execution& execution, const Machine& machine) {
  return Simulator(execution, machine).run();
}

}  // namespace ridgeline::testing
