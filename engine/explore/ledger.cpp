#include "engine/explore/ledger.hpp"

#include <algorithm>

namespace ridgeline::engine {

namespace {
// A worker holds work for about so long, so that messages are few where items are short.
constexpr double kLeadSeconds = 0.2;
constexpr std::size_t kLargestChunk = 4096;
}  // namespace

Ledger::Ledger(std::unique_ptr<BlockSource> source, std::vector<io::Metric> objectives,
               LedgerOptions options)
    : source_(std::move(source)), objectives_(std::move(objectives)), options_(options) {}

void Ledger::restore(const Candidate& candidate) {
  known_.insert(candidate);
}

void Ledger::restore(const DesignRecord& design) {
  if (have_design_.insert(design.id).second) designs_.push_back(design);
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
  return block + 1 >= source_->lag() ? block + 1 - source_->lag() : 0;
}

void Ledger::advance() {
  for (;;) {
    while (!blocks_.empty() && blocks_.front().missing == 0) {
      Block& block = blocks_.front();
      std::sort(block.ids.begin(), block.ids.end());
      const bool first = completed_ == 0;
      for (const std::uint64_t id : block.ids) {
        if (source_->lag() == 1 && !counted_.insert(id).second) continue;
        const auto candidate = known_.find(id);
        if (!candidate || candidate->status != CandidateStatus::ok) continue;
        const auto vector = objective_vector(objectives_, candidate->metrics);
        if (first) {
          if (reference_.empty()) reference_ = vector;
          for (std::size_t o = 0; o < vector.size(); ++o)
            reference_[o] = std::max(reference_[o], vector[o]);
        }
        front_.add({id, vector, completed_ + 1});
      }
      blocks_.pop_front();
      ++completed_;
      front_.forget(oldest_front());
    }
    if (exhausted_ || blocks_.size() >= source_->lag()) break;
    auto ids = source_->next(known_);
    if (!ids) {
      exhausted_ = true;
      break;
    }
    const auto number = completed_ + static_cast<std::uint32_t>(blocks_.size());
    Block block;
    for (const std::uint64_t id : *ids) {
      if (known_.contains(id)) continue;
      ++block.missing;
      block_of_[id] = number;
      pending_.push_back({id, number});
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
    pending_.push_back({point.id, kDesigns});
  }
}

bool Ledger::is_known(const Item& item) const {
  return item.block == kDesigns ? have_design_.contains(item.id) : known_.contains(item.id);
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
  std::size_t want =
      std::max(2 * threads, threads + static_cast<std::size_t>(w.rate * kLeadSeconds));
  const std::size_t left = pending_.size() + suspects_.size();
  const auto all = static_cast<std::size_t>(std::max(1, alive_threads_));
  want = std::min(want, threads + (left * threads + 2 * all - 1) / (2 * all));
  if (left < all) want = threads;
  want = std::min(want, kLargestChunk);
  const std::size_t have = w.items.size();
  return have > want / 2 ? 0 : want - have;
}

void Ledger::hand_out(int worker, const Item& item, Chunk& chunk, double now) {
  Handed& handed = handed_[item.id];
  if (handed.holders == 0) {
    handed.since = now;
    if (item.block != kDesigns) ++handed_evaluations_;
  } else {
    ++reissued_;
  }
  handed.block = item.block;
  if (workers_[size(worker)].items.insert(item.id).second) ++handed.holders;
  chunk.designs = item.block == kDesigns;
  chunk.front = chunk.designs ? 0 : front_of(item.block);
  chunk.ids.push_back(item.id);
}

bool Ledger::holds_suspect(const Worker& worker) const {
  return std::any_of(worker.items.begin(), worker.items.end(),
                     [&](std::uint64_t id) { return kills_.contains(id); });
}

bool Ledger::take_suspect(int worker, Chunk& chunk, double now) {
  if (kills_.empty()) return true;
  if (isolated_ >= 0) {
    const Worker& w = workers_[size(isolated_)];
    if (!w.alive || (suspects_.empty() && !holds_suspect(w))) isolated_ = -1;
  }
  if (isolated_ < 0 && !suspects_.empty()) {
    for (std::size_t i = 1; i < workers_.size(); ++i)
      if (workers_[i].alive &&
          (isolated_ < 0 || workers_[i].items.size() < workers_[size(isolated_)].items.size()))
        isolated_ = static_cast<int>(i);
    // Nobody but the master is left: it takes the risk when everything else is done.
    if (isolated_ < 0 && worker == 0 && pending_.empty()) isolated_ = 0;
  }
  if (worker != isolated_) return true;
  if (!workers_[size(worker)].items.empty()) return false;
  while (!suspects_.empty() && chunk.ids.empty()) {
    const Item item = suspects_.front();
    suspects_.pop_front();
    if (is_known(item)) continue;
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
  const std::pair<const std::uint64_t, Handed>* oldest = nullptr;
  for (const auto& entry : handed_)
    if (entry.second.holders == 1 && now - entry.second.since > patience &&
        !workers_[size(worker)].items.contains(entry.first) && !kills_.contains(entry.first) &&
        (oldest == nullptr || entry.second.since < oldest->second.since ||
         (entry.second.since == oldest->second.since && entry.first < oldest->first)))
      oldest = &entry;
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
    if (!is_known(item)) {
      if (!chunk.ids.empty() && item.block != block) break;
      block = item.block;
      hand_out(worker, item, chunk, now);
    }
    pending_.pop_front();
  }
  if (chunk.ids.empty() && pending_.empty() && !handed_.empty()) take_overdue(worker, chunk, now);
  return chunk;
}

void Ledger::drop_handed(std::uint64_t id) {
  const auto handed = handed_.find(id);
  if (handed == handed_.end()) return;
  if (handed->second.block != kDesigns) --handed_evaluations_;
  handed_.erase(handed);
}

void Ledger::settle(int worker, std::uint64_t id, double now) {
  Worker& w = workers_[size(worker)];
  w.items.erase(id);
  const auto handed = handed_.find(id);
  if (w.counted == 0 && w.rate == 0)
    w.counted_since = handed != handed_.end() ? handed->second.since : now;
  ++w.counted;
  if (now - w.counted_since > 0.5) {
    const double rate = static_cast<double>(w.counted) / (now - w.counted_since);
    w.rate = w.rate == 0 ? rate : (w.rate + rate) / 2;
    w.counted_since = now;
    w.counted = 0;
  }
  if (handed != handed_.end()) {
    longest_ = std::max(longest_, now - handed->second.since);
    drop_handed(id);
  }
  if (!kills_.empty()) kills_.erase(id);
}

bool Ledger::record(int worker, const Candidate& candidate, double now) {
  settle(worker, candidate.id, now);
  const auto block = block_of_.find(candidate.id);
  if (block == block_of_.end() || !known_.insert(candidate)) return false;
  if (candidate.status != CandidateStatus::pruned) ++evaluated_now_;
  --blocks_[block->second - completed_].missing;
  block_of_.erase(block);
  if (blocks_.front().missing == 0) advance();
  return true;
}

bool Ledger::record(int worker, const DesignRecord& design, double now) {
  settle(worker, design.id, now);
  if (!designs_begun_ || !have_design_.insert(design.id).second) return false;
  designs_.push_back(design);
  if (missing_designs_ > 0) --missing_designs_;
  return true;
}

void Ledger::lose(int worker, std::vector<Candidate>& quarantined) {
  Worker& w = workers_[size(worker)];
  if (!w.alive) return;
  w.alive = false;
  alive_threads_ -= w.threads;
  if (isolated_ == worker) isolated_ = -1;
  std::vector<std::uint64_t> items(w.items.begin(), w.items.end());
  std::sort(items.begin(), items.end());
  w.items.clear();
  for (const std::uint64_t id : items) {
    const auto handed = handed_.find(id);
    if (handed == handed_.end()) continue;
    const Item item{id, handed->second.block};
    const int kills = ++kills_[id];
    if (--handed->second.holders > 0) continue;
    drop_handed(id);
    if (kills < options_.kills_to_quarantine) {
      suspects_.push_back(item);
      continue;
    }
    const std::string message =
        std::to_string(kills) + " processes were lost while they evaluated it";
    if (item.block == kDesigns) {
      record(0, DesignRecord{id, {{"error", message}}}, 0);
    } else {
      Candidate candidate;
      candidate.id = id;
      candidate.status = CandidateStatus::error;
      candidate.message = message;
      quarantined.push_back(candidate);
    }
  }
}

void Ledger::revive(int worker) {
  Worker& w = workers_[size(worker)];
  if (w.alive) return;
  w.alive = true;
  alive_threads_ += w.threads;
}

}  // namespace ridgeline::engine
