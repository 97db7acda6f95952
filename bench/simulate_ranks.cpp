// How many ranks can one master feed? Plays studies on 16 to 16,384 ranks with the real ledger:
// what the master spends on bookkeeping is measured while it happens, a message costs what the
// command line says, and evaluations take random times of a given mean.
//
// Usage: simulate_ranks [MICROSECONDS_A_MESSAGE [MICROSECONDS_ON_THE_WAY [MOST_RANKS]]]
#include <chrono>
#include <cmath>
#include <cstdio>
#include <cstdlib>
#include <queue>
#include <vector>

#include "engine/explore/ledger.hpp"

namespace {

using namespace ridgeline::engine;
using Clock = std::chrono::steady_clock;

constexpr double kBatch = 0.001;  // a worker sends what it finished about so often
constexpr std::uint64_t kItemsPerRank = 100;

struct Event {
  double at;
  int worker;
  bool operator>(const Event& other) const { return at > other.at; }
};

struct Outcome {
  double efficiency = 0;
  double master_busy = 0;  // share of the time
};

// Times vary by a factor of up to 10 both ways around the mean, like those of designs do.
double duration(std::uint64_t id, double mean) {
  std::uint64_t x = (id + 1) * 0x9e3779b97f4a7c15u;
  x = (x ^ (x >> 30)) * 0xbf58476d1ce4e5b9u;
  x = (x ^ (x >> 27)) * 0x94d049bb133111ebu;
  const double u = static_cast<double>((x ^ (x >> 31)) >> 11) * 0x1p-53;
  // 10^(2u-1) has the mean (10 - 0.1) / (2 ln 10).
  return mean * std::pow(10, 2 * u - 1) / (9.9 / (2 * std::log(10.0)));
}

Outcome simulate(int ranks, double mean, double message, double way) {
  Space space;
  space.grid = kItemsPerRank * static_cast<std::uint64_t>(ranks);
  space.sizes = {static_cast<int>(space.grid)};
  space.exists = [](std::uint64_t) { return true; };
  space.objectives = {ridgeline::io::Metric::latency, ridgeline::io::Metric::energy};
  Ledger ledger(exhaustive_source(space, space.grid), space.objectives, {});
  ledger.start();
  for (int r = 0; r < ranks; ++r) ledger.add_worker(1);

  struct Worker {
    std::queue<std::uint64_t> queue;
    std::vector<std::uint64_t> finished;
    bool busy = false;
    bool hungry = true;
  };
  std::vector<Worker> workers(static_cast<std::size_t>(ranks));
  std::priority_queue<Event, std::vector<Event>, std::greater<>> events;
  double master_free = 0;
  double master_busy = 0;
  double work = 0;
  double end = 0;
  const auto timed = [&](double now, auto&& action) {
    const auto begun = Clock::now();
    action();
    const double cost = std::chrono::duration<double>(Clock::now() - begun).count();
    master_free = std::max(master_free, now) + cost;
    master_busy += cost;
  };
  const auto pay = [&](double now, double cost) {
    master_free = std::max(master_free, now) + cost;
    master_busy += cost;
  };
  // Works for a batch's time, at least one item, and then reports.
  const auto begin = [&](int w, double now) {
    Worker& worker = workers[static_cast<std::size_t>(w)];
    worker.busy = true;
    const double until = now + kBatch;
    do {
      const std::uint64_t id = worker.queue.front();
      worker.queue.pop();
      const double time = duration(id, mean);
      now += time;
      work += time;
      worker.finished.push_back(id);
    } while (now < until && !worker.queue.empty());
    events.push({now, w});
  };
  std::vector<int> hungry;
  const auto feed = [&](int w, double now) {
    Worker& worker = workers[static_cast<std::size_t>(w)];
    Chunk chunk;
    timed(now, [&] { chunk = ledger.take(w, ledger.appetite(w), now); });
    if (chunk.ids.empty()) {
      if (!worker.hungry && !worker.busy) {
        worker.hungry = true;
        hungry.push_back(w);
      }
      return;
    }
    worker.hungry = false;
    pay(now, message);
    const double there = master_free + way;
    for (const std::uint64_t id : chunk.ids) worker.queue.push(id);
    if (!worker.busy) begin(w, there);
  };
  for (int w = 0; w < ranks; ++w) hungry.push_back(w);
  const auto feed_hungry = [&](double now) {
    std::vector<int> round;
    round.swap(hungry);
    for (std::size_t i = 0; i < round.size(); ++i) {
      const auto w = static_cast<std::size_t>(round[i]);
      workers[w].hungry = false;
      feed(round[i], now);
      if (!workers[w].hungry) continue;
      // Nothing there: nor for those behind it.
      hungry.insert(hungry.end(), round.begin() + static_cast<std::ptrdiff_t>(i) + 1, round.end());
      break;
    }
  };
  feed_hungry(0);
  while (!events.empty()) {
    const Event event = events.top();
    events.pop();
    Worker& worker = workers[static_cast<std::size_t>(event.worker)];
    end = std::max(end, event.at);
    std::vector<std::uint64_t> finished;
    finished.swap(worker.finished);
    worker.busy = false;
    if (!worker.queue.empty()) begin(event.worker, event.at);
    const double arrived = event.at + way;
    pay(arrived, message);
    timed(arrived, [&] {
      Candidate candidate;
      for (const std::uint64_t id : finished) {
        candidate.id = id;
        candidate.metrics[0] = static_cast<double>(id % 9973);
        candidate.metrics[1] = 1e4 / (1 + candidate.metrics[0]) + static_cast<double>(id % 89);
        ledger.record(event.worker, candidate, arrived);
      }
    });
    feed(event.worker, master_free);
    if (!hungry.empty()) feed_hungry(master_free);
  }
  return {work / (ranks * std::max(end, master_free)), master_busy / std::max(end, master_free)};
}

}  // namespace

int main(int argc, char** argv) {
  const double message = (argc > 1 ? std::atof(argv[1]) : 2.0) * 1e-6;
  const double way = (argc > 2 ? std::atof(argv[2]) : 20.0) * 1e-6;
  std::printf(
      "efficiency (share of the master's time in use), a message costs %.1f us and is "
      "%.1f us on its way\n%8s",
      message * 1e6, way * 1e6, "ranks");
  const double means[] = {0.001, 0.01, 0.1, 1, 10};
  for (const double mean : means) std::printf("  %8g s a task", mean);
  std::printf("\n");
  for (int ranks = 16; ranks <= (argc > 3 ? std::atoi(argv[3]) : 16384); ranks *= 4) {
    std::printf("%8d", ranks);
    for (const double mean : means) {
      const Outcome outcome = simulate(ranks, mean, message, way);
      std::printf("  %8.3f (%4.1f %%)", outcome.efficiency, 100 * outcome.master_busy);
      std::fflush(stdout);
    }
    std::printf("\n");
  }
}
