#include "engine/explore/ledger.hpp"

#include <algorithm>

#include "engine/explore/reporting.hpp"

namespace ridgeline::engine {

namespace {
constexpr std::size_t kLargestChunk = 4096;
constexpr double kLongItems = 50;  // a second and thread: not more

Candidate quarantined(std::uint64_t id, const std::string& reason) {
  Candidate candidate;
  candidate.id = id;
  candidate.status = CandidateStatus::error;
  candidate.message = reason;
  return candidate;
}
}  // namespace

Ledger::Ledger(std::unique_ptr<search::DesignStrategy> strategy, std::vector<io::Metric> objectives,
               LedgerOptions options)
    : strategy_(std::move(strategy)), objectives_(std::move(objectives)), options_(options) {}

void Ledger::restore(const Candidate& candidate) {
  know(candidate);
}

bool Ledger::know(const Candidate& candidate) {
  if (!known_.insert(candidate)) return false;
  if (candidate.id % strategy_->schedules() == 0) ++done_;
  for (const Candidate& further : further_of(candidate)) known_.insert(further);
  return true;
}

void Ledger::restore(const DesignRecord& design) {
  if (have_design_.insert(design.id).second) designs_.push_back(design);
}

void Ledger::restore_kill(std::uint64_t id, bool design) {
  if (design ? have_design_.contains(id) : known_.contains(id)) return;
  if (++kills_[id] < options_.kills_to_quarantine) return;
  kills_.erase(id);
  if (design) {
    restore(DesignRecord{id, {{"error", quarantine_reason()}}});
  } else {
    restore(quarantined(id, quarantine_reason()));
  }
}

std::string Ledger::quarantine_reason() const {
  return std::to_string(options_.kills_to_quarantine) +
         " processes were lost while they evaluated it";
}

void Ledger::start() {
  advance();
}

int Ledger::add_worker(int threads, bool present) {
  workers_.emplace_back();
  workers_.back().threads = threads;
  workers_.back().alive = present;
  if (present) alive_threads_ += threads;
  return static_cast<int>(workers_.size()) - 1;
}

std::uint32_t Ledger::front_of(std::uint32_t block) const {
  return block + 1 >= strategy_->lag() ? block + 1 - strategy_->lag() : 0;
}

search::Fitness Ledger::fitness_of(std::uint64_t id) const {
  const auto candidate = known_.find(id);
  const bool ok = candidate && candidate->status == CandidateStatus::ok;
  if (candidate && candidate->hopeless != Bound::none) return {{}, 1};
  if (!ok) return {{}, 2};
  return {objective_vector(objectives_, candidate->metrics), 0};
}

std::optional<std::vector<std::vector<double>>> Ledger::at_best() const {
  std::vector<std::vector<double>> points;
  const bool known =
      strategy_->see_bounds([&](std::optional<std::uint64_t> id, const std::vector<double>& bound) {
        const auto candidate = id ? known_.find(*id) : std::nullopt;
        if (!candidate) return points.push_back(bound);
        if (candidate->status != CandidateStatus::ok) return;
        for (std::uint64_t k = 0; k < strategy_->schedules(); ++k) {
          const Metrics* figures = known_.figures(*id + k);
          if (figures == nullptr) break;
          points.push_back(objective_vector(objectives_, *figures));
        }
        if (candidate->scheduled) {
          points.push_back(objective_vector(objectives_, candidate->lower_bounds));
        } else if (!candidate->proven) {
          points.push_back(bound);
        }
      });
  if (!known) return std::nullopt;
  return points;
}

void Ledger::advance() {
  for (;;) {
    while (!blocks_.empty() && blocks_.front().missing == 0) {
      Block& block = blocks_.front();
      std::sort(block.ids.begin(), block.ids.end());
      const bool first = completed_ == 0;
      std::vector<FrontPoint> points;
      for (const std::uint64_t id : block.ids) {
        if (strategy_->lag() == 1 && !counted_.insert(id).second) continue;
        for (std::uint64_t k = 0; k < strategy_->schedules(); ++k) {
          const Metrics* figures = known_.figures(id + k);
          if (figures == nullptr) break;
          const auto vector = objective_vector(objectives_, *figures);
          if (first) {
            if (reference_.empty()) reference_ = vector;
            for (std::size_t o = 0; o < vector.size(); ++o)
              reference_[o] = std::max(reference_[o], vector[o]);
          }
          points.push_back({id + k, vector, completed_ + 1});
        }
      }
      front_.add(std::move(points));
      blocks_.pop_front();
      ++completed_;
      front_.forget(oldest_front());
    }
    if (exhausted_ || blocks_.size() >= strategy_->lag()) break;
    auto ids = strategy_->next([this](std::uint64_t id) { return fitness_of(id); });
    looking_ = ids && ids->empty();
    if (looking_) break;
    if (!ids) {
      exhausted_ = true;
      break;
    }
    const auto number = completed_ + static_cast<std::uint32_t>(blocks_.size());
    Block block;
    for (const std::uint64_t id : *ids) {
      if (known_.contains(id)) continue;
      ++block.missing;
      open(id, number);
    }
    block.ids = std::move(*ids);
    blocks_.push_back(std::move(block));
  }
  if (evaluated_all() && !designs_begun_) begin_designs();
}

void Ledger::begin_designs() {
  designs_begun_ = true;
  for (const FrontPoint& point : front_.members()) {
    if (have_design_.contains(point.id)) continue;
    ++missing_designs_;
    open(point.id, kDesigns);
  }
}

void Ledger::open(std::uint64_t id, std::uint32_t block) {
  open_[id].block = block;
  // One that crashed an earlier run goes out alone.
  (kills_.contains(id) ? suspects_ : pending_).push_back({id, block});
}

bool Ledger::budget_spent() const {
  return options_.max_evaluations != 0 && evaluated_now_ >= options_.max_evaluations;
}

std::size_t Ledger::appetite(int worker) const {
  const Worker& w = workers_[size(worker)];
  if (!w.alive) return 0;
  const auto threads = static_cast<std::size_t>(w.threads);
  // Twice the threads, so that none waits for a message; where items are short, work for a
  // while; but never more than a fair share of what there is, lest others stand idle at the end.
  std::size_t want = std::max(
      2 * threads, threads + static_cast<std::size_t>(w.rate * lead_seconds(workers_.size())));
  const std::size_t left = pending_.size() + suspects_.size();
  const auto all = static_cast<std::size_t>(std::max(1, alive_threads_));
  want = std::min(want, threads + (left * threads + 2 * all - 1) / (2 * all));
  // Near the end a long item should not wait behind another while someone stands idle: asking for
  // it takes milliseconds.
  const bool long_items = w.rate <= kLongItems * static_cast<double>(threads);
  if (left < all || (long_items && left < 8 * all)) want = threads;
  want = std::min(want, kLargestChunk);
  const std::size_t have = w.held;
  return have > want / 2 ? 0 : want - have;
}

void Ledger::hand_out(int worker, const Item& item, Chunk& chunk, double now) {
  Open& open = open_.at(item.id);
  if (open.holder == kNobody) {
    open.holder = worker;
    open.since = now;
    ++handed_;
    if (item.block != kDesigns) ++handed_evaluations_;
  } else {
    open.second = worker;
    ++reissued_;
  }
  ++workers_[size(worker)].held;
  chunk.designs = item.block == kDesigns;
  chunk.front = chunk.designs ? 0 : front_of(item.block);
  chunk.ids.push_back(item.id);
  if (search::Genome genome = strategy_->genome(item.id); !genome.empty())
    chunk.genomes.push_back(std::move(genome));
}

bool Ledger::holds_suspect(int worker) const {
  return std::any_of(kills_.begin(), kills_.end(), [&](const auto& entry) {
    const auto open = open_.find(entry.first);
    return open != open_.end() && open->second.held_by(worker);
  });
}

bool Ledger::take_suspect(int worker, Chunk& chunk, double now) {
  if (kills_.empty()) return true;
  if (isolated_ >= 0) {
    const Worker& w = workers_[size(isolated_)];
    if (!w.alive || (suspects_.empty() && !holds_suspect(isolated_))) isolated_ = -1;
  }
  if (isolated_ < 0 && !suspects_.empty()) {
    for (std::size_t i = 1; i < workers_.size(); ++i)
      if (workers_[i].alive && (isolated_ < 0 || workers_[i].held < workers_[size(isolated_)].held))
        isolated_ = static_cast<int>(i);
    // Nobody but the master is left: it takes the risk when everything else is done.
    if (isolated_ < 0 && worker == 0 && pending_.empty()) isolated_ = 0;
  }
  if (worker != isolated_) return true;
  if (workers_[size(worker)].held > 0) return false;
  while (!suspects_.empty() && chunk.ids.empty()) {
    const Item item = suspects_.front();
    suspects_.pop_front();
    if (!open_.contains(item.id)) continue;
    hand_out(worker, item, chunk, now);
    ++reissued_;
  }
  return false;
}

void Ledger::take_overdue(int worker, Chunk& chunk, double now) {
  if (now < next_overdue_look_) return;
  next_overdue_look_ = now + 1;
  const double patience = std::max(options_.patience, 10 * longest_);
  // The one that is out longest, and has only one holder.
  const std::pair<const std::uint64_t, Open>* oldest = nullptr;
  for (const auto& entry : open_) {
    const Open& open = entry.second;
    if (open.holder == kNobody || open.second != kNobody || open.holder == worker) continue;
    if (now - open.since <= patience || kills_.contains(entry.first)) continue;
    if (oldest == nullptr || open.since < oldest->second.since ||
        (open.since == oldest->second.since && entry.first < oldest->first))
      oldest = &entry;
  }
  if (oldest != nullptr) hand_out(worker, {oldest->first, oldest->second.block}, chunk, now);
}

Chunk Ledger::take(int worker, std::size_t limit, double now) {
  Chunk chunk;
  if (!workers_[size(worker)].alive || limit == 0) return chunk;
  if (options_.max_evaluations != 0 && !evaluated_all()) {
    const std::uint64_t spoken_for = evaluated_now_ + handed_evaluations_;
    if (spoken_for >= options_.max_evaluations) return chunk;
    limit = std::min<std::size_t>(limit, options_.max_evaluations - spoken_for);
  }
  if (!take_suspect(worker, chunk, now)) return chunk;
  std::uint32_t block = 0;
  while (!pending_.empty() && chunk.ids.size() < limit) {
    const Item item = pending_.front();
    if (open_.contains(item.id)) {
      if (!chunk.ids.empty() && item.block != block) break;
      block = item.block;
      hand_out(worker, item, chunk, now);
    }
    pending_.pop_front();
  }
  if (chunk.ids.empty() && pending_.empty() && handed_ > 0) take_overdue(worker, chunk, now);
  return chunk;
}

void Ledger::count_rate(Worker& w, double began, double now) {
  if (w.counted == 0 && w.rate == 0) w.counted_since = began;
  // Results come many at a time: what is counted are whole messages.
  const double counted_for = w.counted_until - w.counted_since;
  if (now > w.counted_until && (counted_for > 0.5 || (counted_for > 0.05 && w.counted >= 8))) {
    const double rate = static_cast<double>(w.counted) / counted_for;
    w.rate = w.rate == 0 ? rate : (w.rate + rate) / 2;
    w.counted_since = w.counted_until;
    w.counted = 0;
  }
  w.counted_until = now;
  ++w.counted;
}

std::optional<Ledger::Open> Ledger::settle(int worker, std::uint64_t id, bool design, double now) {
  Worker& w = workers_[size(worker)];
  const auto place = open_.find(id);
  if (place == open_.end() || (place->second.block == kDesigns) != design) {
    count_rate(w, now, now);
    const auto [first, last] = late_.equal_range(id);
    const auto late = std::find_if(first, last, [&](const auto& e) { return e.second == worker; });
    if (late != last) {
      --w.held;
      late_.erase(late);
    }
    return std::nullopt;
  }
  const Open open = place->second;
  open_.erase(place);
  count_rate(w, open.holder != kNobody ? open.since : now, now);
  if (open.held_by(worker)) --w.held;
  for (const int other : {open.holder, open.second})
    if (other != kNobody && other != worker) late_.emplace(id, other);
  if (open.holder != kNobody) {
    longest_ = std::max(longest_, now - open.since);
    --handed_;
    if (!design) --handed_evaluations_;
  }
  if (!kills_.empty()) kills_.erase(id);
  return open;
}

bool Ledger::record(int worker, const Candidate& candidate, double now) {
  const auto open = settle(worker, candidate.id, false, now);
  if (!open || !know(candidate)) return false;
  if (candidate.status != CandidateStatus::pruned) ++evaluated_now_;
  --blocks_[open->block - completed_].missing;
  if (blocks_.front().missing == 0 && !options_.deferred) advance();
  return true;
}

bool Ledger::record(int worker, const DesignRecord& design, double now) {
  if (!settle(worker, design.id, true, now) || !have_design_.insert(design.id).second) return false;
  designs_.push_back(design);
  if (missing_designs_ > 0) --missing_designs_;
  return true;
}

void Ledger::lose(int worker, std::vector<Candidate>& left_out, const Crashed& crashed) {
  Worker& w = workers_[size(worker)];
  if (!w.alive) return;
  w.alive = false;
  w.held = 0;
  alive_threads_ -= w.threads;
  if (isolated_ == worker) isolated_ = -1;
  std::erase_if(late_, [&](const auto& entry) { return entry.second == worker; });
  std::vector<std::uint64_t> items;
  for (const auto& [id, open] : open_)
    if (open.held_by(worker)) items.push_back(id);
  std::sort(items.begin(), items.end());
  for (const std::uint64_t id : items) {
    Open& open = open_.at(id);
    int& kills = kills_[id];  // a suspect from now on
    if (crashed(id, open.block == kDesigns)) {
      ++kills;
    } else {
      lost_with_[id].push_back(worker);
    }
    if (open.holder == worker) open.holder = open.second;
    open.second = kNobody;
    if (open.holder != kNobody) continue;
    --handed_;
    if (open.block != kDesigns) --handed_evaluations_;
    const Item item{id, open.block};
    if (kills < options_.kills_to_quarantine) {
      suspects_.push_back(item);
      continue;
    }
    if (item.block == kDesigns) {
      record(0, DesignRecord{id, {{"error", quarantine_reason()}}}, 0);
    } else {
      left_out.push_back(quarantined(id, quarantine_reason()));
    }
  }
}

void Ledger::revive(int worker) {
  Worker& w = workers_[size(worker)];
  if (w.alive) return;
  w.alive = true;
  alive_threads_ += w.threads;
  for (auto& [id, workers] : lost_with_) std::erase(workers, worker);
}

std::optional<std::uint64_t> Ledger::deadly() const {
  const auto many = static_cast<std::size_t>(options_.kills_to_quarantine);
  std::optional<std::uint64_t> first;
  for (const auto& [id, workers] : lost_with_)
    if (workers.size() >= many && open_.contains(id) && (!first || id < *first)) first = id;
  return first;
}

}  // namespace ridgeline::engine
