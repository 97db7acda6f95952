// How many ranks can one master feed? Plays studies on 16 to 16,384 ranks with the real ledger:
// what the master spends on bookkeeping is measured while it happens, a message costs what the
// command line says, and evaluations take random times of a given mean. Workers report by the
// engine's rule, and an idle master looks for messages as rarely as the engine's does.
//
// The end of a study, when some ranks find nothing more to do, weighs less in longer ones: say how
// many candidates there are for each rank.
//
// With GENOMES it plays the search of a single design instead: genetic, on islands of 64 genomes,
// so many islands that each rank has so many genomes of a generation, and every generation waits
// for the one before. Schedules of one design take similar times, from 0.8 to 1.2 of the mean.
//
// Usage: simulate_ranks [CANDIDATES_A_RANK [MOST_RANKS [MICROSECONDS_A_MESSAGE
//                       [MICROSECONDS_ON_THE_WAY [GENOMES]]]]]
#include <algorithm>
#include <cmath>
#include <cstdio>
#include <cstdlib>
#include <ctime>
#include <queue>
#include <vector>

#include "engine/explore/ledger.hpp"
#include "engine/explore/reporting.hpp"

namespace {

using namespace ridgeline::engine;
namespace search = ridgeline::search;
double processor_time() {
  timespec time{};
  clock_gettime(CLOCK_THREAD_CPUTIME_ID, &time);
  return static_cast<double>(time.tv_sec) + 1e-9 * static_cast<double>(time.tv_nsec);
}

// An idle master sleeps for up to so long between two looks at its messages.
constexpr double kIdleLook = 0.01;

struct Event {
  double at;
  int worker;
  bool operator>(const Event& other) const {
    return at != other.at ? at > other.at : worker > other.worker;
  }
};

struct Outcome {
  double efficiency = 0;
  double master_busy = 0;  // share of the time
};

struct Costs {
  double message = 0;  // of the master's time, seconds
  double way = 0;      // between two ranks
  int genomes = 0;     // of a generation, for each rank; 0: all designs of a grid
};

constexpr int kPopulation = 64;

double random_share(std::uint64_t id) {
  std::uint64_t x = (id + 1) * 0x9e3779b97f4a7c15u;
  x = (x ^ (x >> 30)) * 0xbf58476d1ce4e5b9u;
  x = (x ^ (x >> 27)) * 0x94d049bb133111ebu;
  return static_cast<double>((x ^ (x >> 31)) >> 11) * 0x1p-53;
}

// Times of designs vary by a factor of up to 10 both ways around the mean, those of one design's
// schedules by a fifth.
double duration(std::uint64_t id, double mean, bool one_design) {
  if (one_design) return mean * (0.8 + 0.4 * random_share(id));
  // 10^(2u-1) has the mean (10 - 0.1) / (2 ln 10).
  return mean * std::pow(10, 2 * random_share(id) - 1) / (9.9 / (2 * std::log(10.0)));
}

class Simulation {
 public:
  Simulation(int ranks, std::uint64_t items, double mean, const Costs& costs)
      : ranks_(ranks), mean_(mean), costs_(costs), workers_(static_cast<std::size_t>(ranks)) {
    search::DesignSpace space;
    space.exists = [](std::uint64_t) { return true; };
    if (costs.genomes > 0) {
      space.sizes.assign(36, 3);  // slots with a core each
      space.grid = 1;
      for (const int size : space.sizes) space.grid *= static_cast<std::uint64_t>(size);
    } else {
      space.grid = items;
      space.sizes = {static_cast<int>(items)};
    }
    search::IslandOptions islands;
    islands.population = kPopulation;
    islands.islands = std::max(1, costs.genomes * ranks / kPopulation);
    islands.generations =
        static_cast<int>(items / static_cast<std::uint64_t>(islands.islands * islands.population));
    ledger_ = std::make_unique<Ledger>(
        costs.genomes > 0 ? search::nsga2_strategy(space, islands, 1)
                          : search::exhaustive_strategy(space, items),
        std::vector{ridgeline::io::Metric::latency, ridgeline::io::Metric::energy},
        LedgerOptions{});
    ledger_->start();
    for (int w = 0; w < ranks; ++w) {
      ledger_->add_worker(1);
      hungry_.push_back(w);
    }
  }

  Outcome run() {
    feed_hungry(0);
    while (!events_.empty()) {
      const Event event = events_.top();
      events_.pop();
      end_ = std::max(end_, event.at);
      finish_item(event.worker, event.at);
    }
    const double all = std::max(end_, master_free_);
    return {work_ / (ranks_ * all), master_busy_ / all};
  }

 private:
  struct Worker {
    std::queue<std::uint64_t> queue;
    std::vector<std::uint64_t> finished;
    double unreported_since = 0;
    std::uint64_t running = 0;
    std::size_t held = 0;  // when it was last given some
    bool busy = false;
    bool hungry = false;
  };
  Worker& worker(int w) { return workers_[static_cast<std::size_t>(w)]; }

  // The master does something that takes so long, not before `at`; returns when it is done.
  double pay(double at, double cost) {
    master_free_ = std::max(master_free_, at) + cost;
    master_busy_ += cost;
    return master_free_;
  }
  template <class Action>
  double timed(double at, Action&& action) {
    const double begun = processor_time();
    action();
    return pay(at, processor_time() - begun);
  }

  void begin_item(int w, double now) {
    Worker& one = worker(w);
    one.busy = true;
    one.running = one.queue.front();
    one.queue.pop();
    const double time = duration(one.running, mean_, costs_.genomes > 0);
    work_ += time;
    events_.push({now + time, w});
  }

  void finish_item(int w, double now) {
    Worker& one = worker(w);
    one.busy = false;
    if (one.finished.empty()) one.unreported_since = now;
    one.finished.push_back(one.running);
    const bool idle = one.queue.empty();
    if (!idle) begin_item(w, now);
    // Nothing is waiting to be begun, or there is enough to tell.
    if (one.queue.empty() ||
        time_to_report(one.finished.size(), now - one.unreported_since, one.held)) {
      std::vector<std::uint64_t> finished;
      finished.swap(one.finished);
      report(w, finished, now + costs_.way);
    }
  }

  void report(int w, const std::vector<std::uint64_t>& finished, double at) {
    // A master that has had nothing to do looks rarely.
    if (at - master_free_ > kIdleLook) at += kIdleLook * random_share(finished.front());
    pay(at, costs_.message);
    timed(at, [&] {
      Candidate candidate;
      for (const std::uint64_t id : finished) {
        candidate.id = id;
        candidate.metrics[0] = static_cast<double>(id % 9973);
        candidate.metrics[1] = 1e4 / (1 + candidate.metrics[0]) + static_cast<double>(id % 89);
        ledger_->record(w, candidate, at);
      }
    });
    feed(w, master_free_);
    if (!hungry_.empty()) feed_hungry(master_free_);
  }

  void feed(int w, double now) {
    Worker& one = worker(w);
    Chunk chunk;
    timed(now, [&] { chunk = ledger_->take(w, ledger_->appetite(w), now); });
    if (chunk.ids.empty()) {
      if (!one.hungry && !one.busy) {
        one.hungry = true;
        hungry_.push_back(w);
      }
      return;
    }
    one.hungry = false;
    const double there = pay(now, costs_.message) + costs_.way;
    for (const std::uint64_t id : chunk.ids) one.queue.push(id);
    one.held = one.queue.size() + (one.busy ? 1 : 0);
    if (!one.busy) begin_item(w, there);
  }

  void feed_hungry(double now) {
    std::vector<int> round;
    round.swap(hungry_);
    for (std::size_t i = 0; i < round.size(); ++i) {
      worker(round[i]).hungry = false;
      feed(round[i], std::max(now, master_free_));
      if (!worker(round[i]).hungry) continue;
      // Nothing there: nor for those behind it.
      hungry_.insert(hungry_.end(), round.begin() + static_cast<std::ptrdiff_t>(i) + 1,
                     round.end());
      break;
    }
  }

  int ranks_;
  double mean_;
  Costs costs_;
  std::unique_ptr<Ledger> ledger_;
  std::vector<Worker> workers_;
  std::vector<int> hungry_;
  std::priority_queue<Event, std::vector<Event>, std::greater<>> events_;
  double master_free_ = 0;
  double master_busy_ = 0;
  double work_ = 0;
  double end_ = 0;
};

}  // namespace

int main(int argc, char** argv) {
  const auto argument = [&](int i, double fallback) {
    return argc > i ? std::atof(argv[i]) : fallback;
  };
  const auto per_rank = static_cast<std::uint64_t>(argument(1, 100));
  const int most_ranks = static_cast<int>(argument(2, 16384));
  const Costs costs{argument(3, 2) * 1e-6, argument(4, 20) * 1e-6,
                    static_cast<int>(argument(5, 0))};
  std::printf(
      "efficiency (share of the master's time in use) with %llu candidates a rank; a message costs "
      "%.1f us and is %.1f us on its way\n%8s",
      static_cast<unsigned long long>(per_rank), costs.message * 1e6, costs.way * 1e6, "ranks");
  const double means[] = {0.001, 0.01, 0.1, 1, 10};
  for (const double mean : means) std::printf("  %8g s a task", mean);
  std::printf("\n");
  for (int ranks = 16; ranks <= most_ranks; ranks *= 4) {
    std::printf("%8d", ranks);
    for (const double mean : means) {
      Simulation simulation(ranks, per_rank * static_cast<std::uint64_t>(ranks), mean, costs);
      const Outcome outcome = simulation.run();
      std::printf("  %8.3f (%4.1f %%)", outcome.efficiency, 100 * outcome.master_busy);
      std::fflush(stdout);
    }
    std::printf("\n");
  }
}
