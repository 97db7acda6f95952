#include "model/core/strict_latency.hpp"

#include <algorithm>
#include <cmath>
#include <limits>
#include <utility>

#include "model/core/index.hpp"

namespace ridgeline::model {
namespace {

auto links_of(const StrictTransfers& transfers) {
  return [&](int o, int a) { return &transfers.link[z(o)][z(a)]; };
}

// Until the first operands are there, and from the last operation until its results have left.
struct Edges {
  double first;
  double last;
};
// `link_of(o, a)`: null where it is not known.
template <class LinkOf>
Edges edges(const Problem& problem, const LinkOf& link_of) {
  std::array<double, kMaxPorts> busy;
  for (int p = 0; p < problem.ports; ++p) busy[z(p)] = 0;
  double first = 0;
  double last = problem.strict->skew;
  for (int o = 0; o < problem.operands; ++o) {
    double chain = 0;
    for (int a = 0; a < problem.operand[z(o)].levels; ++a) {
      const StrictInterface* known = link_of(o, a);
      if (known == nullptr) continue;
      const StrictInterface& link = *known;
      const double words = std::max(link.edge_up, link.edge_down);
      if (words > 0) chain += words + link.latency;
      if (o == 0) continue;
      for (const auto& [port, amount] :
           {std::pair{link.up_port, link.edge_up}, std::pair{link.down_port, link.edge_down}}) {
        if (port >= 0) first = std::max(first, busy[z(port)] += amount);
      }
    }
    if (o == 0) {
      last += chain;
    } else {
      first = std::max(first, chain);
    }
  }
  return {first, last};
}

// What of all transfers of a link at one port is before or after some operation.
struct Moves {
  int port;
  bool output;
  double total;  // cycles
  double most;   // of one transfer
  double period;
  double count;
  double buffers;
  double ahead;  // operations on what lies further in, at most

  // Of so many transfers.
  double least(double transfers) const {
    if (transfers <= 0) return 0;
    return std::max(0.0, total - std::max(0.0, count - transfers) * most);
  }
};

struct AllMoves {
  std::array<Moves, 2 * kMaxOperands * kMaxLevels> list;
  int count = 0;
  std::array<double, kMaxOperands * kMaxLevels + 1> period;  // each once, rising
  int periods = 0;
};

// `buffers_of(o, a)`: infinitely many where that is not known.
template <class LinkOf, class BuffersOf>
void gather(const Problem& problem, double iterations, const LinkOf& link_of,
            const BuffersOf& buffers_of, AllMoves& all) {
  for (int o = 0; o < problem.operands; ++o) {
    double ahead = 0;
    for (int a = 0; a < problem.operand[z(o)].levels; ++a) {
      const StrictInterface* known = link_of(o, a);
      if (known == nullptr) continue;
      const StrictInterface& link = *known;
      const double buffers = buffers_of(o, a);
      const auto add = [&](int port, double mean, double most) {
        if (port < 0 || mean <= 0) return;
        all.list[z(all.count++)] = {port,        o == 0,     mean * link.count, most,
                                    link.period, link.count, buffers,           ahead};
      };
      add(link.up_port, link.up * link.up_share, link.most_up);
      add(link.down_port, link.down * link.down_share, link.most_down);
      ahead += buffers * link.period;
      all.period[z(all.periods++)] = link.period;
    }
  }
  all.period[z(all.periods++)] = iterations;
  std::sort(all.period.begin(), all.period.begin() + all.periods);
  all.periods = static_cast<int>(std::unique(all.period.begin(), all.period.begin() + all.periods) -
                                 all.period.begin());
}

// Before an operation begins, the tiles that it and all before it work on have come, and of outputs
// those have left whose buffers are needed: the rest is done after it. And after an operation comes
// what had no buffer before.
double around_operations(const Problem& problem, double operations, const AllMoves& all,
                         const Edges& edge) {
  const double each = problem.cycles_per_operation;
  std::array<double, kMaxPorts> before;
  std::array<double, kMaxPorts> after;
  double most = 0;
  const auto look = [&](double k) {  // so many operations before, or after
    for (int p = 0; p < problem.ports; ++p) before[z(p)] = after[z(p)] = 0;
    for (int i = 0; i < all.count; ++i) {
      const Moves& moves = all.list[z(i)];
      double come = 0;
      double left = 0;
      if (moves.output) {
        come = std::floor(std::max(0.0, k - moves.ahead) / moves.period) + 1 - moves.buffers;
        left = moves.count - std::floor((operations - k - 1) / moves.period);
      } else {
        come = std::floor(k / moves.period) + 1;
        left =
            moves.count - moves.buffers - std::floor((operations - k + moves.ahead) / moves.period);
      }
      before[z(moves.port)] += moves.least(std::min(come, moves.count));
      after[z(moves.port)] += moves.least(std::min(left, moves.count));
    }
    double longest_before = 0;
    double longest_after = 0;
    for (int p = 0; p < problem.ports; ++p) {
      longest_before = std::max(longest_before, before[z(p)]);
      longest_after = std::max(longest_after, after[z(p)]);
    }
    const double rest = (operations - k) * each;
    most = std::max({most, longest_before + rest + edge.last, edge.first + rest + longest_after});
  };
  look(0);
  for (int i = 0; i + 1 < all.periods; ++i) {
    look(all.period[z(i)]);
    if (all.period[z(i + 1)] > 2 * all.period[z(i)]) look(all.period[z(i + 1)] - all.period[z(i)]);
  }
  return most;
}

// A tile with one buffer is exchanged: the array works on what lies further in or goes to there
// until the next one has come and its first parts have gone inwards.
struct Exchange {
  double period;
  double count;
  double ahead;  // operations before or after an exchange that do not wait for it
  double slack;  // cycles of an exchange for which the array does not wait
  double total;  // cycles of all exchanges
  double most;   // of one
  double back;   // exchanges in which sums come back, and what these take longer
  double longer;

  // Cycles that the array waits in all of them but `but`.
  double wait(double but) const {
    return std::max(0.0, total - (1 + but) * most - (count - 1 - but) * slack +
                             std::max(0.0, back - but) * longer);
  }
  void allow(double operations, double cycles) {
    if (operations >= period || (slack <= cycles && ahead < period)) return;
    ahead = operations;
    slack = cycles;
  }
};

// Cycles of each transfer of an input; 0 where they differ.
double alike(const StrictInterface& link) {
  const auto same = [](double mean, double most, double share) {
    return share == 1 && mean >= most * (1 - 1e-9) ? most : 0;
  };
  return std::max(same(link.up, link.most_up, link.up_share),
                  same(link.down, link.most_down, link.down_share));
}

// Until what a transfer of so many cycles brings can be used.
double there(double cycles, double latency) {
  return cycles > 0 ? cycles + latency : 0;
}
// Until its buffer can be used: what comes next may come in the last of its cycles.
double gone(double cycles, double latency) {
  return cycles > 0 ? cycles + latency - 1 : 0;
}

// Cycles that the array waits between the first operation and the last because a buffer cannot be
// filled while it is read or written. What lies between it and the array for `ahead` operations
// may move before, of inputs, or after.
template <class LinkOf>
double wait_for_buffer(const Problem& problem, const LinkOf& link_of, int a, double ahead) {
  const auto cycles = [&](const StrictInterface& link) {
    return link.count * std::max(link.up * link.up_share, link.down * link.down_share) -
           (std::ceil(ahead / link.period) + 1) * std::max(link.most_up, link.most_down);
  };
  const StrictInterface& link = link_of(a);
  const double back =
      link.count * std::max(link.back_up * link.up_share, link.back_down * link.down_share);
  return cycles(link) + back + cycles(link_of(a - 1)) - link.count -
         link.count * link.period * problem.cycles_per_operation;
}

// Of tiles between level a and the one below; the same is true of all levels below it.
// `ahead`: operations on what these hold.
template <class LinkOf>
Exchange exchange_of(const Problem& problem, const LinkOf& link_of, int o, int a, double ahead) {
  const StrictInterface& link = link_of(a);
  const double each = problem.cycles_per_operation;
  const double skew = problem.strict->skew;
  Exchange one{link.period, link.count, link.period, 0, 0, std::max(link.most_up, link.most_down),
               0,           0};
  one.total = std::max(link.up * link.up_share, link.down * link.down_share) * link.count;
  double in = 0;  // until the first parts are at the array
  if (o > 0) {
    for (int j = 0; j < a; ++j) in += there(alike(link_of(j)), link_of(j).latency);
    // The last part of a tile leaves while what came before is still being worked on.
    const StrictInterface& below = link_of(a - 1);
    if (alike(link) > 0) in += link.latency;
    one.allow(ahead, ahead * each - gone(alike(below), below.latency) - in);
    if (a == 1 && skew > 0) one.allow(0, -skew - in);
    return one;
  }
  one.total +=
      std::max(link.back_up * link.up_share, link.back_down * link.down_share) * link.count;
  one.most *= 2;
  const ProblemOperand& output = problem.operand[0];
  const auto least = [&](const StrictInterface& inner) {
    return output.final_precision <= output.precision ? std::max(inner.edge_up, inner.edge_down)
                                                      : 0;
  };
  double out = skew;  // until the last sums are in the tile
  double next = 0;    // until the next ones can follow them, from the tile to the array
  for (int j = 0; j < a; ++j) {
    const StrictInterface& inner = link_of(j);
    out += there(least(inner), inner.latency);
    next += gone(least(inner), inner.latency);
    in += there(inner.edge_back, inner.latency);
  }
  out += least(link) > 0 ? link.latency - 1 : -1;
  one.allow(ahead, ahead * each - out - next);
  // Sums that were there before are read from the next tile.
  const double again = link.irrelevant / link_of(a - 1).irrelevant;
  if (again > 1) one.allow(link.period / again, link.period / again * each - out - in);
  // Sums that come back from above are waited for by the first operation.
  double irrelevant = 1;
  for (int d = 0; d < problem.dims; ++d) {
    if (output.irrelevant >> d & 1u) irrelevant *= static_cast<double>(problem.temporal_size[z(d)]);
  }
  one.back = link.count - link.count * link.irrelevant / irrelevant;
  if (one.ahead < one.period) {
    one.longer = std::max(0.0, one.slack + out + in);
  }
  const double all = out + in + least(link) + link.edge_back;
  if (one.ahead >= one.period || one.back * all > one.wait(0)) {
    one.ahead = one.slack = one.total = one.most = 0;
    one.longer = std::max(0.0, all);
  }
  return one;
}

// Periods are multiples of each other. Where tiles of two kinds are exchanged at the same time, the
// array may wait for both at once; else one after the other.
double exchanges(const Problem& problem, const StrictTransfers& transfers) {
  constexpr double kLastBits = 1e-12;  // means times counts
  std::array<Exchange, kMaxOperands * kMaxLevels> list;
  int count = 0;
  double alone = 0;
  for (int o = 0; o < problem.operands; ++o) {
    double ahead = 0;
    const auto link_of = [&](int a) -> const StrictInterface& {
      return transfers.link[z(o)][z(a)];
    };
    for (int a = 0; a < problem.operand[z(o)].levels; ++a) {
      if (a > 0 && !transfers.twice(o, a) && link_of(a).count > 1) {
        alone = std::max(alone, wait_for_buffer(problem, link_of, a, ahead));
        const Exchange one = exchange_of(problem, link_of, o, a, ahead);
        if (one.ahead < one.period) list[z(count++)] = one;
      }
      ahead += transfers.buffers[z(o)][z(a)] * link_of(a).period;
    }
  }
  std::sort(list.begin(), list.begin() + count,
            [](const Exchange& a, const Exchange& b) { return a.period > b.period; });
  double sum = 0;
  double events = 0;  // of those with longer periods
  double ahead = 0;
  for (int i = 0; i < count; ++i) {
    const Exchange& one = list[z(i)];
    alone = std::max(alone, one.wait(0));
    // Operations between exchanges are more than what is done meanwhile.
    if (ahead + one.ahead >= one.period) continue;
    const double wait = one.wait(events);
    if (wait <= 0) continue;
    sum += wait;
    events = one.count - 1;
    ahead = std::max(ahead, one.ahead);
  }
  return std::max(alone, sum) * (1 - kLastBits);
}

// Cycles that no schedule falls below: all operations between the first tiles and the last results,
// and what each port moves, whose cycles go to `busy` [port].
double least_latency(const Problem& problem, const StrictTransfers& transfers, const Edges& edge,
                     std::array<double, kMaxPorts>& busy) {
  for (int p = 0; p < problem.ports; ++p) busy[z(p)] = 0;
  double most = 0;
  for (int o = 0; o < problem.operands; ++o) {
    for (int a = 0; a < problem.operand[z(o)].levels; ++a) {
      const StrictInterface& link = transfers.link[z(o)][z(a)];
      const auto use = [&](int port, double amount) {
        if (port < 0 || amount == 0) return;
        busy[z(port)] += amount * link.count;
        most = std::max(most, busy[z(port)]);
      };
      use(link.up_port, link.up * link.up_share);
      use(link.down_port, link.down * link.down_share);
      use(link.back_up_port, link.back_up * link.up_share);
      use(link.back_down_port, link.back_down * link.down_share);
    }
  }
  return std::max(most,
                  transfers.iterations * problem.cycles_per_operation + edge.first + edge.last);
}

}  // namespace

double close_latency(const Problem& problem, const StrictTransfers& transfers,
                     std::array<double, kMaxPorts>& busy) {
  const Edges edge = edges(problem, links_of(transfers));
  const double least = least_latency(problem, transfers, edge, busy);
  AllMoves all;
  gather(
      problem, transfers.iterations, links_of(transfers),
      [&](int o, int a) { return transfers.buffers[z(o)][z(a)]; }, all);
  return std::max({least, around_operations(problem, transfers.iterations, all, edge),
                   transfers.iterations * problem.cycles_per_operation + edge.first + edge.last +
                       exchanges(problem, transfers)});
}

double wait_for_exchanges(const Problem& problem, int o, const StrictInterface& inner,
                          const StrictInterface& link) {
  if (link.count <= 1) return 0;
  const auto link_of = [&](int a) -> const StrictInterface& { return a == 0 ? inner : link; };
  const double held = held_at_array(o, problem.strict->skew, inner.latency);
  const Exchange one = exchange_of(problem, link_of, o, 1, held * inner.period);
  const double wait = one.ahead < one.period ? one.wait(0) : 0;
  return std::max(wait, wait_for_buffer(problem, link_of, 1, held * inner.period));
}

double latency_of_some(const Problem& problem, double iterations, const SomeLinks& links) {
  const auto link_of = [&](int o, int a) { return links[z(o)][z(a)]; };
  const Edges edge = edges(problem, link_of);
  AllMoves all;
  gather(
      problem, iterations, link_of,
      [](int, int) { return std::numeric_limits<double>::infinity(); }, all);
  return std::max(iterations * problem.cycles_per_operation + edge.first + edge.last,
                  around_operations(problem, iterations, all, edge));
}

// Periods are taken from the shortest to the longest: one is a number of shorter ones, between
// which the array waits for what has a single buffer; and it is no shorter than what any port
// moves meanwhile.
double estimated_latency(const Problem& problem, const StrictTransfers& transfers, double limit) {
  std::array<double, kMaxPorts> moved;
  const Edges edge = edges(problem, links_of(transfers));
  const double least = rounded_up(least_latency(problem, transfers, edge, moved));
  if (least > limit) return least;
  std::array<int, kMaxOperands> next{};
  std::array<double, kMaxOperands> waits{};   // for single buffers, one after the other
  std::array<double, kMaxOperands> within{};  // cycles of the period before, of this operand
  std::array<double, kMaxOperands> refill{};  // of double buffers within
  std::array<double, kMaxPorts> single;       // cycles of a port that the array waits for
  std::array<double, kMaxPorts> busy;
  for (int p = 0; p < problem.ports; ++p) busy[z(p)] = single[z(p)] = 0;
  double busiest = 0;  // cycles an iteration
  double stall = 0;
  double before = 1;                             // period in hand
  double cycles = problem.cycles_per_operation;  // of one
  double pace = cycles;                          // and until the next can begin
  for (;;) {
    double period = transfers.iterations;
    for (int o = 0; o < problem.operands; ++o) {
      const int a = next[z(o)];
      if (a == problem.operand[z(o)].levels) continue;
      period = std::min(period, transfers.link[z(o)][z(a)].period);
    }
    if (period == transfers.iterations) break;
    cycles += (period / before - 1) * pace;
    double slowest = period / before * pace;
    before = period;
    for (int o = 0; o < problem.operands; ++o) {
      int& a = next[z(o)];
      for (; a < problem.operand[z(o)].levels && transfers.link[z(o)][z(a)].period == period; ++a) {
        const StrictInterface& link = transfers.link[z(o)][z(a)];
        // Meanwhile the array works on what has gone inwards.
        const double ahead = a == 0 ? 0 : within[z(o)] + 1;
        const auto use = [&](int port, double amount) {
          if (port < 0 || amount == 0) return;
          busy[z(port)] += amount / period;
          busiest = std::max(busiest, busy[z(port)]);
          if (transfers.twice(o, a)) return;
          single[z(port)] += std::max(0.0, amount - ahead);
          stall = std::max(stall, single[z(port)]);
        };
        use(link.up_port, link.up);
        use(link.down_port, link.down);
        use(link.back_up_port, link.back_up);
        use(link.back_down_port, link.back_down);
        const double there = std::max(link.up, link.down) + link.latency;
        const double back =
            std::max(link.back_up, link.back_down) + (link.back_up > 0 ? link.latency : 0);
        if (a == 0) {
          refill[z(o)] += there + back;
        } else if (transfers.twice(o, a)) {
          // An input's buffer is free once what is below has taken the last of it.
          const double used = o == 0 ? cycles : cycles - within[z(o)];
          slowest = std::max(slowest, (there + back + refill[z(o)] + used) / 2);
          refill[z(o)] += there + back;
        } else {
          waits[z(o)] += std::max(0.0, there + back + refill[z(o)] - ahead) +
                         (a == 1 ? problem.strict->skew : 0);
          refill[z(o)] = 0;
          stall = std::max(stall, waits[z(o)]);
        }
        within[z(o)] = cycles;
      }
    }
    pace = std::max({cycles + stall, busiest * period, slowest});
  }
  return std::max(least,
                  cycles + (transfers.iterations / before - 1) * pace + edge.first + edge.last);
}

}  // namespace ridgeline::model
