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

// A tile with one buffer is exchanged: the next one comes, or the last one leaves, while no more is
// done than what lies further in.
struct Exchange {
  double period;
  double count;
  double ahead;
  double total;  // cycles of all exchanges
  double most;   // of one

  // Cycles that the array waits in all of them but `but`.
  double wait(double but, double each) const {
    const double cycles = total - (1 + but) * most;
    return std::max(0.0, cycles - (count - 1 - but) * (ahead * each + 1));
  }
};

// Periods are multiples of each other. Where tiles of two kinds are exchanged at the same time, the
// array may wait for both at once; else one after the other.
double exchanges(const Problem& problem, const StrictTransfers& transfers) {
  std::array<Exchange, kMaxOperands * kMaxLevels> list;
  int count = 0;
  for (int o = 0; o < problem.operands; ++o) {
    double ahead = 0;
    for (int a = 0; a < problem.operand[z(o)].levels; ++a) {
      const StrictInterface& link = transfers.link[z(o)][z(a)];
      if (a > 0 && !transfers.twice(o, a) && ahead < link.period && link.count > 1) {
        Exchange one{link.period, link.count, ahead, 0, std::max(link.most_up, link.most_down)};
        one.total = std::max(link.up * link.up_share, link.down * link.down_share) * link.count;
        if (o == 0) {
          one.total +=
              std::max(link.back_up * link.up_share, link.back_down * link.down_share) * link.count;
          one.most *= 2;
        }
        list[z(count++)] = one;
      }
      ahead += transfers.buffers[z(o)][z(a)] * link.period;
    }
  }
  std::sort(list.begin(), list.begin() + count,
            [](const Exchange& a, const Exchange& b) { return a.period > b.period; });
  const double each = problem.cycles_per_operation;
  double alone = 0;
  double sum = 0;
  double events = 0;  // of those with longer periods
  double ahead = 0;
  for (int i = 0; i < count; ++i) {
    const Exchange& one = list[z(i)];
    alone = std::max(alone, one.wait(0, each));
    // Operations between exchanges are more than what is done meanwhile.
    if (ahead + one.ahead >= one.period) continue;
    const double wait = one.wait(events, each);
    if (wait <= 0) continue;
    sum += wait;
    events = one.count - 1;
    ahead = std::max(ahead, one.ahead);
  }
  return std::max(alone, sum);
}

}  // namespace

double close_latency(const Problem& problem, const StrictTransfers& transfers,
                     std::array<double, kMaxPorts>& busy) {
  const double least = least_latency(problem, transfers, busy);
  const Edges edge = edges(problem, links_of(transfers));
  AllMoves all;
  gather(
      problem, transfers.iterations, links_of(transfers),
      [&](int o, int a) { return transfers.buffers[z(o)][z(a)]; }, all);
  return std::max({least, around_operations(problem, transfers.iterations, all, edge),
                   transfers.iterations * problem.cycles_per_operation + edge.first + edge.last +
                       exchanges(problem, transfers)});
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

double least_latency(const Problem& problem, const StrictTransfers& transfers,
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
  const Edges edge = edges(problem, links_of(transfers));
  return std::max(most,
                  transfers.iterations * problem.cycles_per_operation + edge.first + edge.last);
}

// Periods are taken from the shortest to the longest: one is a number of shorter ones, between
// which the array waits for what has a single buffer; and it is no shorter than what any port
// moves meanwhile.
double estimated_latency(const Problem& problem, const StrictTransfers& transfers) {
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
  const Edges edge = edges(problem, links_of(transfers));
  return cycles + (transfers.iterations / before - 1) * pace + edge.first + edge.last;
}

}  // namespace ridgeline::model
