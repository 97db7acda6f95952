#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <random>
#include <set>

#include "engine/explore/ledger.hpp"
#include "engine/explore/progress.hpp"
#include "search/fronts/hypervolume.hpp"

namespace ridgeline::engine {
namespace {

using search::DesignSpace;
using search::DesignStrategy;

const std::vector<io::Metric> kObjectives{io::Metric::latency, io::Metric::energy};

// A space of three parameters; one id in 11 does not exist.
DesignSpace some_space(std::vector<int> sizes) {
  DesignSpace space;
  space.sizes = std::move(sizes);
  space.grid = 1;
  for (const int size : space.sizes) space.grid *= static_cast<std::uint64_t>(size);
  space.exists = [](std::uint64_t id) { return id % 11 != 3; };
  return space;
}

// What an evaluator would say: two objectives that conflict, some designs without figures.
Candidate evaluate(const DesignSpace& space, std::uint64_t id, std::uint32_t blocks,
                   const Front& front, bool prune) {
  const auto values = space.values_of(id);
  double speed = 1;
  double cost = 1;
  for (std::size_t i = 0; i < values.size(); ++i) {
    speed += values[i] * (1.0 + static_cast<double>(i));
    cost += std::pow(values[i], 1.5) / (1.0 + static_cast<double>(i));
  }
  Candidate candidate;
  candidate.id = id;
  if (id % 17 == 5) {
    candidate.status = CandidateStatus::infeasible;
    candidate.message = "does not fit";
    return candidate;
  }
  candidate.metrics[0] = 1000 / speed + static_cast<double>(id % 7);
  candidate.metrics[1] = cost + static_cast<double>(id % 5);
  const std::vector<double> bound{1000 / speed, cost};
  candidate.hopeless = front.dominates(bound, blocks) ? Bound::ideal : Bound::none;
  if (candidate.hopeless != Bound::none && prune) {
    candidate.status = CandidateStatus::pruned;
    candidate.metrics = {};
  }
  return candidate;
}

struct Play {
  int workers = 1;
  int threads = 1;
  unsigned seed = 1;
  bool prune = true;
  double loss = 0;                 // chance that a worker is lost at a step
  std::uint64_t stop_after = 0;    // results; 0: never
  std::uint64_t killer = ~0ull;    // an id that takes its worker with it
  const Ledger* resume = nullptr;  // results of an interrupted run
};

// Plays a run in a random order of events, as a cluster might.
std::unique_ptr<Ledger> play(const DesignSpace& space, std::unique_ptr<DesignStrategy> source,
                             const Play& how) {
  auto ledger = std::make_unique<Ledger>(std::move(source), kObjectives, LedgerOptions{});
  if (how.resume != nullptr)
    for (const std::uint64_t id : how.resume->known().columns(kObjectives).id)
      ledger->restore(*how.resume->known().find(id));
  ledger->start();
  struct Held {
    std::deque<std::pair<std::uint64_t, std::uint32_t>> items;
    bool designs = false;
  };
  std::vector<Held> held(static_cast<std::size_t>(how.workers));
  for (int w = 0; w < how.workers; ++w) ledger->add_worker(how.threads);
  std::mt19937 random(how.seed);
  double now = 0;
  std::uint64_t results = 0;
  for (int step = 0; !ledger->complete(); ++step) {
    if (step > 2'000'000) {
      ADD_FAILURE() << "the study does not end";
      break;
    }
    now += 0.001;
    const int w = static_cast<int>(random() % static_cast<unsigned>(how.workers));
    Held& mine = held[static_cast<std::size_t>(w)];
    if (!ledger->alive(w)) continue;
    if (random() % 2 == 0) {
      const Chunk chunk = ledger->take(w, ledger->appetite(w), now);
      for (const std::uint64_t id : chunk.ids) mine.items.emplace_back(id, chunk.front);
      mine.designs = mine.designs || (chunk.designs && !chunk.ids.empty());
      continue;
    }
    if (mine.items.empty()) continue;
    const std::size_t at =
        random() % std::min<std::size_t>(mine.items.size(), static_cast<unsigned>(how.threads));
    const auto [id, front] = mine.items[at];
    const bool lost =
        w != 0 && (id == how.killer || static_cast<double>(random() % 100000) < how.loss * 100000);
    if (lost) {
      mine.items.clear();
      std::vector<Candidate> quarantined;
      ledger->lose(w, quarantined);
      for (const Candidate& candidate : quarantined) ledger->record(0, candidate, now);
      continue;
    }
    EXPECT_FALSE(w == 0 && id == how.killer) << "the master was given what kills";
    mine.items.erase(mine.items.begin() + static_cast<std::ptrdiff_t>(at));
    if (ledger->evaluated_all()) {
      ledger->record(w, DesignRecord{id, {{"accelerator", "{}"}}}, now);
    } else {
      ledger->record(w, evaluate(space, id, front, ledger->front(), how.prune), now);
      if (++results == how.stop_after) break;
    }
  }
  return ledger;
}

void expect_same(const Ledger& x, const Ledger& y) {
  const auto a = x.known().columns(kObjectives);
  const auto b = y.known().columns(kObjectives);
  EXPECT_EQ(a.id, b.id);
  EXPECT_EQ(a.status, b.status);
  EXPECT_EQ(a.message, b.message);
  for (std::size_t o = 0; o < kObjectives.size(); ++o)
    for (std::size_t i = 0; i < a.size() && i < b.size(); ++i)
      EXPECT_TRUE(a.objectives[o][i] == b.objectives[o][i] ||
                  (std::isnan(a.objectives[o][i]) && std::isnan(b.objectives[o][i])));
  EXPECT_EQ(x.reference(), y.reference());
  const auto front_x = x.front().members();
  const auto front_y = y.front().members();
  ASSERT_EQ(front_x.size(), front_y.size());
  for (std::size_t i = 0; i < front_x.size(); ++i) EXPECT_EQ(front_x[i].id, front_y[i].id);
}

using MakeSource = std::function<std::unique_ptr<DesignStrategy>(const DesignSpace&)>;

struct Strategy {
  std::string name;
  MakeSource make;
};

class EveryStrategy : public testing::TestWithParam<int> {
 protected:
  DesignSpace space = some_space({12, 9, 14});
  std::unique_ptr<DesignStrategy> source() const {
    switch (GetParam()) {
      case 0:
        return search::exhaustive_strategy(space, 1400);
      case 1:
        return search::random_strategy(space, 400, 5);
      default: {
        search::IslandOptions strategy;
        strategy.islands = 3;
        strategy.population = 12;
        strategy.generations = 9;
        strategy.migrate_every = 2;
        return search::nsga2_strategy(space, strategy, 77);
      }
    }
  }
};
INSTANTIATE_TEST_SUITE_P(Ledger, EveryStrategy, testing::Values(0, 1, 2));

TEST_P(EveryStrategy, GivesTheSameCandidatesForAnyWorkersThreadsAndOrderOfEvents) {
  const auto alone = play(space, source(), {});
  EXPECT_GT(alone->known().count(CandidateStatus::pruned), 0u);
  EXPECT_GT(alone->known().count(CandidateStatus::infeasible), 0u);
  EXPECT_GT(alone->front().size(), 3u);
  for (const int workers : {1, 2, 3, 7})
    for (const int threads : {1, 2})
      for (const unsigned seed : {2u, 3u}) {
        Play how;
        how.workers = workers;
        how.threads = threads;
        how.seed = seed;
        expect_same(*alone, *play(space, source(), how));
      }
}

TEST_P(EveryStrategy, FindsTheSameFrontWithoutPruning) {
  const auto pruned = play(space, source(), {});
  Play how;
  how.prune = false;
  const auto all = play(space, source(), how);
  EXPECT_EQ(all->known().count(CandidateStatus::pruned), 0u);
  EXPECT_EQ(all->known().size(), pruned->known().size());
  const auto x = pruned->front().members();
  const auto y = all->front().members();
  ASSERT_EQ(x.size(), y.size());
  for (std::size_t i = 0; i < x.size(); ++i) EXPECT_EQ(x[i].id, y[i].id);
}

TEST_P(EveryStrategy, ContinuesFromAnyInterruptionToTheSameColumns) {
  const auto straight = play(space, source(), {});
  for (std::uint64_t stop = 1; stop < straight->known().size(); stop += 37) {
    Play first;
    first.workers = 3;
    first.seed = static_cast<unsigned>(stop);
    first.stop_after = stop;
    const auto part = play(space, source(), first);
    Play second;
    second.workers = 2;
    second.seed = 99;
    second.resume = part.get();
    expect_same(*straight, *play(space, source(), second));
  }
}

TEST_P(EveryStrategy, SurvivesTheLossOfWorkers) {
  const auto alone = play(space, source(), {});
  for (unsigned seed = 1; seed <= 10; ++seed) {
    Play how;
    how.workers = 6;
    how.threads = 2;
    how.seed = seed;
    how.loss = 0.004;
    expect_same(*alone, *play(space, source(), how));
  }
}

TEST(Ledger, KnowsHowMuchOfTheFrontMayBeMissing) {
  const DesignSpace space = some_space({6, 5, 4});
  const Front nothing;
  std::vector<std::vector<double>> attained;
  for (std::uint64_t id = 0; id < space.grid; ++id) {
    if (!space.exists(id)) continue;
    const Candidate candidate = evaluate(space, id, 0, nothing, false);
    if (candidate.status == CandidateStatus::ok)
      attained.push_back({candidate.metrics[0], candidate.metrics[1]});
  }
  const auto bounds = [&](const std::vector<std::uint64_t>& ids) {
    std::vector<std::vector<double>> all;
    for (const std::uint64_t id : ids) {
      const Candidate candidate = evaluate(space, id, 0, nothing, false);
      all.push_back({candidate.metrics[0] - static_cast<double>(id % 7),
                     candidate.metrics[1] - static_cast<double>(id % 5)});
      if (candidate.status != CandidateStatus::ok) all.back() = {1e4, 1e4};
    }
    return all;
  };
  for (const bool proven : {true, false}) {
    Ledger ledger(search::ordered_strategy(space, 109, bounds), kObjectives, {});
    ledger.start();
    while (ledger.looking()) ledger.look();
    ledger.add_worker(1);
    EXPECT_TRUE(std::isnan(gap_of(ledger))) << "there is no volume yet";
    double before = 1;
    for (Chunk chunk = ledger.take(0, 5, 0); !chunk.ids.empty(); chunk = ledger.take(0, 5, 0)) {
      for (const std::uint64_t id : chunk.ids) {
        Candidate candidate = evaluate(space, id, chunk.front, ledger.front(), true);
        candidate.proven = proven;
        ledger.record(0, candidate, 0);
      }
      const double gap = gap_of(ledger);
      if (std::isnan(gap)) continue;
      EXPECT_LE(gap, before + 1e-12) << "a gap never grows";
      before = gap;
      const double most = search::hypervolume(attained, ledger.reference());
      EXPECT_GE(gap, (most - hypervolume_of(ledger)) / most - 1e-12) << "nor hides anything";
      if (ledger.evaluated_all()) break;
    }
    if (proven) {
      EXPECT_EQ(gap_of(ledger), 0);
    } else {
      EXPECT_GT(gap_of(ledger), 0) << "bounds of designs that are not proven stay";
    }
  }
  Ledger unbounded(search::exhaustive_strategy(space, 109), kObjectives, {});
  unbounded.start();
  EXPECT_TRUE(std::isnan(gap_of(unbounded)));
}

TEST(Ledger, QuarantinesWhatKillsSeveralWorkersAndKeepsTheMasterFromIt) {
  const DesignSpace space = some_space({10, 10, 5});
  Play how;
  how.workers = 6;
  how.threads = 2;
  how.killer = 252;  // exists, and is feasible
  how.seed = 2;      // with which a worker meets it first, not the master
  const auto ledger = play(space, search::exhaustive_strategy(space, 450), how);
  EXPECT_EQ(ledger->known().count(CandidateStatus::error), 1u);
  const auto victim = ledger->known().find(252);
  ASSERT_TRUE(victim);
  EXPECT_NE(victim->message.find("3 processes"), std::string::npos);
  int alive = 0;
  for (int w = 0; w < how.workers; ++w) alive += ledger->alive(w) ? 1 : 0;
  EXPECT_EQ(alive, 3) << "three workers were lost, not one more";
}

// Begins a study one of whose designs crashed earlier runs so many times.
void start_after_crashes(Ledger& ledger, std::uint64_t id, int crashes) {
  for (int i = 0; i < crashes; ++i) ledger.restore_kill(id, false);
  ledger.start();
}

TEST(Ledger, GivesWhatCrashedAnEarlierRunToAWorkerAlone) {
  const DesignSpace space = some_space({4, 4});
  Ledger ledger(search::exhaustive_strategy(space, 15), kObjectives, {});
  start_after_crashes(ledger, 6, 2);
  ledger.add_worker(1);
  ledger.add_worker(1);
  const Chunk alone = ledger.take(1, 8, 0);
  EXPECT_EQ(alone.ids, std::vector<std::uint64_t>{6});
  const Chunk others = ledger.take(0, 100, 0);
  EXPECT_EQ(std::count(others.ids.begin(), others.ids.end(), 6u), 0);
  std::vector<Candidate> left_out;
  ledger.lose(1, left_out);
  ASSERT_EQ(left_out.size(), 1u) << "the third process";
  EXPECT_EQ(left_out[0].message, "3 processes were lost while they evaluated it");
}

TEST(Ledger, GivesWhatCrashedAnEarlierRunToALoneProcessLast) {
  const DesignSpace space = some_space({4, 4});
  Ledger ledger(search::exhaustive_strategy(space, 15), kObjectives, {});
  start_after_crashes(ledger, 6, 1);
  ledger.add_worker(1);
  std::vector<std::uint64_t> order;
  for (Chunk chunk = ledger.take(0, 1, 0); !chunk.ids.empty(); chunk = ledger.take(0, 1, 0)) {
    order.push_back(chunk.ids[0]);
    ledger.record(0, evaluate(space, chunk.ids[0], chunk.front, ledger.front(), false), 0);
    if (ledger.evaluated_all()) break;
  }
  ASSERT_EQ(order.size(), 14u);
  EXPECT_EQ(order.back(), 6u);
}

TEST(Ledger, LeavesOutWhatCrashedThreeRuns) {
  const DesignSpace space = some_space({4, 4});
  Ledger ledger(search::exhaustive_strategy(space, 15), kObjectives, {});
  start_after_crashes(ledger, 6, 3);
  ASSERT_TRUE(ledger.known().find(6));
  EXPECT_EQ(ledger.known().find(6)->status, CandidateStatus::error);
  EXPECT_EQ(ledger.known().find(6)->message, "3 processes were lost while they evaluated it");
  ledger.add_worker(1);
  const Chunk chunk = ledger.take(0, 100, 0);
  EXPECT_EQ(std::count(chunk.ids.begin(), chunk.ids.end(), 6u), 0);
}

// A worker that is killed from outside, say for want of memory, leaves no note.
TEST(Ledger, DoesNotBlameADesignForWorkersThatLeftNoNote) {
  const DesignSpace space = some_space({4, 4});
  Ledger ledger(search::exhaustive_strategy(space, 15), kObjectives, {});
  ledger.start();
  for (int w = 0; w < 5; ++w) ledger.add_worker(1);
  const auto no_note = [](std::uint64_t, bool) { return false; };
  std::vector<Candidate> left_out;
  std::uint64_t first = 0;
  for (int w = 1; w < 5; ++w) {
    const Chunk chunk = ledger.take(w, 1, w);
    ASSERT_EQ(chunk.ids.size(), 1u);
    if (w == 1) first = chunk.ids[0];
    EXPECT_EQ(chunk.ids[0], first) << "the suspect, alone";
    ledger.lose(w, left_out, no_note);
    EXPECT_EQ(ledger.deadly().has_value(), w >= 3);
  }
  EXPECT_TRUE(left_out.empty());
  EXPECT_FALSE(ledger.known().find(first));
  EXPECT_EQ(ledger.deadly(), first);
  // Those that were only suspended come back.
  ledger.revive(1);
  ledger.revive(2);
  EXPECT_FALSE(ledger.deadly());
}

TEST(Ledger, LeavesWhatComesAfterABlockForLaterWhereItIsAskedTo) {
  const DesignSpace space = some_space({4, 4});
  LedgerOptions options;
  options.deferred = true;
  Ledger ledger(search::exhaustive_strategy(space, 15), kObjectives, options);
  ledger.start();
  ledger.add_worker(1);
  bool due = false;
  for (Chunk chunk = ledger.take(0, 1, 0); !chunk.ids.empty(); chunk = ledger.take(0, 1, 0)) {
    ledger.record(0, evaluate(space, chunk.ids[0], chunk.front, ledger.front(), false), 0);
    due = ledger.due();
    if (due) break;
  }
  EXPECT_TRUE(due);
  EXPECT_EQ(ledger.completed_blocks(), 0u);
  EXPECT_FALSE(ledger.evaluated_all());
  ledger.look();
  EXPECT_TRUE(ledger.evaluated_all());
  EXPECT_GT(ledger.front().size(), 0u);
}

TEST(Ledger, BelievesAResultMoreThanACrash) {
  const DesignSpace space = some_space({4, 4});
  Ledger ledger(search::exhaustive_strategy(space, 15), kObjectives, {});
  const Candidate result = evaluate(space, 6, 0, ledger.front(), false);
  ledger.restore(result);
  for (int i = 0; i < 3; ++i) ledger.restore_kill(6, false);
  EXPECT_EQ(ledger.known().find(6)->status, result.status);
}

TEST(Ledger, HandsAnOverdueItemToASecondWorkerAndTakesTheFirstResult) {
  const DesignSpace space = some_space({4, 4});
  LedgerOptions options;
  options.patience = 10;
  Ledger ledger(search::exhaustive_strategy(space, 15), kObjectives, options);
  ledger.start();
  ledger.add_worker(1);
  ledger.add_worker(1);
  const Chunk slow = ledger.take(1, 1, 0);
  ASSERT_EQ(slow.ids.size(), 1u);
  for (;;) {
    const Chunk chunk = ledger.take(0, 1, 1);
    if (chunk.ids.empty()) break;
    ledger.record(0, evaluate(space, chunk.ids[0], chunk.front, ledger.front(), true), 1);
  }
  EXPECT_TRUE(ledger.take(0, 1, 9).ids.empty());
  const Chunk again = ledger.take(0, 1, 11);
  EXPECT_EQ(again.ids, slow.ids);
  EXPECT_EQ(ledger.reissued(), 1u);
  const Candidate result = evaluate(space, again.ids[0], again.front, ledger.front(), true);
  EXPECT_TRUE(ledger.record(0, result, 12));
  EXPECT_FALSE(ledger.record(1, result, 13));
  EXPECT_TRUE(ledger.evaluated_all());
}

TEST(Ledger, KeepsNoLongItemWaitingBehindAnotherNearTheEnd) {
  const DesignSpace space = some_space({5, 8});
  for (const double seconds : {1.0, 0.005}) {
    Ledger ledger(search::exhaustive_strategy(space, 36), kObjectives, {});
    ledger.start();
    ledger.add_worker(1);
    ledger.add_worker(1);
    EXPECT_EQ(ledger.appetite(1), 2u) << "one to work on and one to go on with";
    double now = 0;
    for (int done = 0; done < 26; ++done) {
      const Chunk chunk = ledger.take(0, 1, now);
      now += seconds;
      ASSERT_EQ(chunk.ids.size(), 1u);
      ledger.record(0, evaluate(space, chunk.ids[0], chunk.front, ledger.front(), true), now);
    }
    // Ten are left for two.
    if (seconds == 1.0)
      EXPECT_EQ(ledger.appetite(0), 1u);
    else
      EXPECT_GT(ledger.appetite(0), 1u) << "asking takes longer than working";
  }
}

TEST(Ledger, EvaluatesNoMoreThanItMay) {
  const DesignSpace space = some_space({10, 10});
  LedgerOptions options;
  options.max_evaluations = 25;
  Ledger ledger(search::exhaustive_strategy(space, 91), kObjectives, options);
  ledger.start();
  ledger.add_worker(2);
  ledger.add_worker(2);
  int evaluations = 0;
  while (!ledger.budget_spent()) {
    const int w = evaluations % 2;
    const Chunk chunk = ledger.take(w, 7, 0);
    for (const std::uint64_t id : chunk.ids) {
      const Candidate result = evaluate(space, id, chunk.front, ledger.front(), true);
      evaluations += result.status != CandidateStatus::pruned ? 1 : 0;
      ledger.record(w, result, 0);
    }
  }
  EXPECT_EQ(evaluations, 25);
}

TEST(Exhaustive, VisitsEveryExistingIdOnceWhateverTheGrid) {
  for (const std::uint64_t grid : {1u, 2u, 3u, 16u, 97u, 1000u, 6765u, 10946u}) {
    DesignSpace space = some_space({static_cast<int>(grid)});
    const search::KnownFitness none = [](std::uint64_t) { return search::Fitness{}; };
    auto source = search::exhaustive_strategy(space, grid);
    std::set<std::uint64_t> seen;
    while (const auto block = source->next(none))
      for (const std::uint64_t id : *block) EXPECT_TRUE(seen.insert(id).second);
    std::set<std::uint64_t> expected;
    for (std::uint64_t id = 0; id < grid; ++id)
      if (id % 11 != 3) expected.insert(id);
    EXPECT_EQ(seen, expected);
  }
}

// Hidden ids are looked at a little at a time, and the blocks are as if at once.
TEST(BlockSources, ComeBackToTheCallerWhileNothingIsFound) {
  DesignSpace space = some_space({10'000, 1'000});
  std::uint64_t asked = 0;
  space.exists = [&](std::uint64_t id) {
    ++asked;
    return id % 2'000'000 == 77;
  };
  const search::KnownFitness none = [](std::uint64_t) { return search::Fitness{}; };
  for (const auto& make :
       {+[](DesignSpace s) { return search::exhaustive_strategy(std::move(s), 5); },
        +[](DesignSpace s) { return search::random_strategy(std::move(s), 5, 1); }}) {
    auto source = make(space);
    std::vector<std::vector<std::uint64_t>> blocks;
    int empty = 0;
    for (;;) {
      asked = 0;
      const auto block = source->next(none);
      EXPECT_LE(asked, 500'000u);
      if (!block) break;
      if (block->empty())
        ++empty;
      else
        blocks.push_back(*block);
    }
    EXPECT_GE(empty, 10);
    ASSERT_EQ(blocks.size(), 1u);
    EXPECT_EQ(std::set<std::uint64_t>(blocks[0].begin(), blocks[0].end()),
              (std::set<std::uint64_t>{77, 2'000'077, 4'000'077, 6'000'077, 8'000'077}));
  }
  Ledger ledger(search::exhaustive_strategy(space, 5), kObjectives, {});
  ledger.add_worker(1, true);
  ledger.start();
  EXPECT_TRUE(ledger.looking());
  EXPECT_FALSE(ledger.complete());
  while (ledger.looking()) ledger.look();
  EXPECT_EQ(ledger.take(0, 100, 0).ids.size(), 5u);
}

TEST(Random, GivesAsManyDifferentSamplesAsAskedForOrAllThereAre) {
  for (const std::uint64_t samples : {1u, 10u, 200u, 1000u}) {
    const DesignSpace space = some_space({7, 11, 5});
    std::uint64_t there = 0;
    for (std::uint64_t id = 0; id < space.grid; ++id) there += space.exists(id) ? 1 : 0;
    const search::KnownFitness none = [](std::uint64_t) { return search::Fitness{}; };
    auto source = search::random_strategy(space, samples, 1);
    std::set<std::uint64_t> seen;
    while (const auto block = source->next(none))
      for (const std::uint64_t id : *block) {
        EXPECT_TRUE(space.exists(id));
        EXPECT_TRUE(seen.insert(id).second);
      }
    EXPECT_EQ(seen.size(), std::min(samples, there));
  }
}

TEST(Random, SpreadsItsSamplesMoreEvenlyThanChanceWould) {
  DesignSpace space = some_space({1 << 20, 1 << 20});
  space.exists = [](std::uint64_t) { return true; };
  const search::KnownFitness none = [](std::uint64_t) { return search::Fitness{}; };
  auto source = search::random_strategy(space, 1024, 42);
  std::vector<int> cell(64);  // 8 x 8 cells, 16 samples each on average
  while (const auto block = source->next(none))
    for (const std::uint64_t id : *block) {
      const auto values = space.values_of(id);
      ++cell[static_cast<std::size_t>((values[0] >> 17) * 8 + (values[1] >> 17))];
    }
  double chi = 0;
  for (const int count : cell) chi += (count - 16.0) * (count - 16.0) / 16.0;
  EXPECT_EQ(chi, 0) << "chance alone gives 63 on average";
}

TEST(Nsga2, EndsWhenItsSpaceIsExhausted) {
  const DesignSpace space = some_space({3, 4});
  search::IslandOptions strategy;
  strategy.population = 4;
  strategy.generations = 1'000'000'000;
  const auto ledger = play(space, search::nsga2_strategy(space, strategy, 1), Play{});
  EXPECT_EQ(ledger->known().size(), 11u) << "of 12 ids one does not exist";
}

TEST(Nsga2, FindsTheFrontOfASmallSpaceWithFarFewerEvaluations) {
  DesignSpace space = some_space({60, 60, 20});
  space.exists = [](std::uint64_t) { return true; };
  search::IslandOptions strategy;
  strategy.islands = 2;
  strategy.population = 40;
  strategy.generations = 40;
  strategy.migrate_every = 5;
  Play how;
  how.prune = false;
  const auto sample = [&](std::unique_ptr<DesignStrategy> source) {
    return play(space, std::move(source), how);
  };
  const auto evolved = sample(search::nsga2_strategy(space, strategy, 3));
  const auto all = sample(search::exhaustive_strategy(space, space.grid));
  const auto chance = sample(search::random_strategy(space, evolved->known().size(), 3));
  EXPECT_LT(evolved->known().size() * 10, all->known().size());
  const auto volume = [&](const Ledger& ledger) {
    std::vector<std::vector<double>> points;
    for (const FrontPoint& point : ledger.front().members()) points.push_back(point.objectives);
    return search::hypervolume(points, all->reference());
  };
  EXPECT_GT(volume(*evolved), 0.97 * volume(*all));
  EXPECT_GT(volume(*evolved), volume(*chance));
  EXPECT_LE(volume(*evolved), volume(*all));
}

}  // namespace
}  // namespace ridgeline::engine
