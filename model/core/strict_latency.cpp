#include "model/core/strict_latency.hpp"

#include <algorithm>
#include <utility>

#include "model/core/index.hpp"

namespace ridgeline::model {
namespace {

// Until the first operands are there, and from the last operation until its results have left.
double edges(const Problem& problem, const StrictTransfers& transfers) {
  std::array<double, kMaxPorts> busy;
  for (int p = 0; p < problem.ports; ++p) busy[z(p)] = 0;
  double first = 0;
  double last = problem.strict->skew;
  for (int o = 0; o < problem.operands; ++o) {
    double chain = 0;
    for (int a = 0; a < problem.operand[z(o)].levels; ++a) {
      const StrictInterface& link = transfers.link[z(o)][z(a)];
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
  return first + last;
}

// Cycles that the array waits for tiles to be exchanged, at least.
double exchanges(const Problem& problem, const StrictTransfers& transfers) {
  double most = 0;
  for (int o = 0; o < problem.operands; ++o) {
    double ahead = 0;
    for (int a = 0; a < problem.operand[z(o)].levels; ++a) {
      const StrictInterface& link = transfers.link[z(o)][z(a)];
      if (a > 0 && !transfers.twice(o, a)) {
        most = std::max(most, least_exchange(o, link, ahead, problem.cycles_per_operation));
      }
      ahead += transfers.buffers[z(o)][z(a)] * link.period;
    }
  }
  return most;
}

}  // namespace

double least_exchange(int o, const StrictInterface& link, double ahead, double per_operation) {
  if (ahead >= link.period) return 0;
  double cycles =
      std::max(link.up * link.up_share, link.down * link.down_share) * link.count - link.first;
  if (o == 0) {
    cycles += std::max(link.back_up * link.up_share, link.back_down * link.down_share) * link.count;
  }
  return std::max(0.0, cycles - (link.count - 1) * (ahead * per_operation + 1));
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
  return std::max(most, transfers.iterations * problem.cycles_per_operation +
                            edges(problem, transfers) + exchanges(problem, transfers));
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
  return cycles + (transfers.iterations / before - 1) * pace + edges(problem, transfers);
}

}  // namespace ridgeline::model
