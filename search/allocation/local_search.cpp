#include "search/allocation/local_search.hpp"

#include <algorithm>
#include <utility>

namespace ridgeline::search {
namespace {

constexpr int kKicked = 16;         // genomes that a kick tries
constexpr std::size_t kOptima = 8;  // that are remembered
// After a kick only genes next to what changed are tried, but where that led no further above the
// best genome than this share of it: then all are.
constexpr double kNear = 0.002;
constexpr int kLookedAt = 20'000;               // proposals of one call of ask()
constexpr int kKicksInVain = 16;                // of one call, to places that are all known
constexpr std::uint32_t kIslands = 0x4c000000;  // of its random streams

}  // namespace

bool LocalSearch::better(const Point& a, const Point& b) {
  return a.value != b.value ? a.value < b.value : a.genome < b.genome;
}

LocalSearch::LocalSearch(const AllocationVariation& variation, std::uint64_t seed,
                         std::uint32_t number)
    : variation_(variation), seed_(seed), number_(number) {}

void LocalSearch::tell(const Genome& genome, const Value& value) {
  if (best_.genome.empty() || value < best_.value) {
    best_ = {genome, value};
    optimum_ = false;
    improved_ = true;
  }
  const bool wanted = kicking_ ? std::find(kicked_.begin(), kicked_.end(), genome) != kicked_.end()
                               : !base_.genome.empty() && value < base_.value;
  if (wanted) found_.push_back({genome, value});
}

void LocalSearch::settle() {
  if (best_.genome.empty()) return;
  if (base_.genome.empty()) return climb(best_);
  if (std::exchange(improved_, false) && kicking_) return climb(best_);
  if (!kicking_ && !found_.empty()) climb_better();
}

void LocalSearch::climb(Point from) {
  const Genome before = base_.genome;
  base_ = std::move(from);
  kicking_ = false;
  found_.clear();
  proposals_.clear();
  later_.clear();
  RandomStream random(seed_, kIslands + number_, step_++, 0);
  near_.resize(base_.genome.size(), before.empty());
  const std::vector<bool> near =
      variation_.near(before.empty() ? base_.genome : before, base_.genome);
  for (std::size_t g = 0; g < near.size(); ++g) near_[g] = near_[g] || near[g];
  for (Genome& genome : variation_.neighbours(base_.genome, random)) {
    bool first = false;
    for (std::size_t g = 0; g < genome.size(); ++g)
      first = first || (near_[g] && genome[g] != base_.genome[g]);
    (first ? proposals_ : later_).push_back(std::move(genome));
  }
}

// Goes on from the best neighbour found; all improving changes at once are tried first, and the
// better half of them.
void LocalSearch::climb_better() {
  std::sort(found_.begin(), found_.end(), better);
  std::vector<Genome> together;
  for (const std::size_t parts : {std::size_t{1}, std::size_t{2}}) {
    Genome sum = base_.genome;
    std::vector<bool> changed(sum.size(), false);
    for (std::size_t i = 0; i < found_.size() / parts; ++i) {
      std::vector<std::size_t> changes;
      for (std::size_t g = 0; g < sum.size(); ++g)
        if (found_[i].genome[g] != base_.genome[g]) changes.push_back(g);
      if (changes.size() != 1 || changed[changes[0]]) continue;
      changed[changes[0]] = true;
      sum[changes[0]] = found_[i].genome[changes[0]];
    }
    if (std::count(changed.begin(), changed.end(), true) > 1) together.push_back(std::move(sum));
  }
  Point next = std::move(found_.front());
  climb(std::move(next));
  for (Genome& genome : together) proposals_.push_front(variation_.canonical(genome));
}

void LocalSearch::remember() {
  for (const Point& p : optima_)
    if (p.value == base_.value) return;
  optima_.push_back(base_);
  std::sort(optima_.begin(), optima_.end(), better);
  if (optima_.size() > kOptima) optima_.pop_back();
}

void LocalSearch::kick() {
  remember();
  kicking_ = true;
  near_.clear();
  found_.clear();
  proposals_.clear();
  RandomStream random(seed_, kIslands + number_, step_++, 1);
  const int turn = static_cast<int>(kicks_++ % 20);
  // From the best, and in turn from where it got since, which leads further away.
  if (turn % 4 < 2) base_ = best_;
  const Genome& from = base_.genome;
  kicked_.clear();
  for (int i = 0; i < kKicked; ++i) {
    if (turn % 5 == 4 && optima_.size() > 1) {
      const auto a = static_cast<std::size_t>(random.below(optima_.size()));
      auto b = static_cast<std::size_t>(random.below(optima_.size() - 1));
      if (b >= a) ++b;
      kicked_.push_back(variation_.crossed(optima_[a].genome, optima_[b].genome, random));
    } else {
      kicked_.push_back(turn % 2 == 0   ? variation_.exchange(from, 1 + i % 2, random)
                        : turn % 4 == 1 ? variation_.shake(from, random)
                                        : variation_.kick(from, 2 + turn / 4, random));
    }
  }
  proposals_.assign(kicked_.begin(), kicked_.end());
}

std::vector<Genome> LocalSearch::ask(std::size_t count, const Lookup& lookup) {
  std::vector<Genome> asked;
  int kicks = 0;
  for (int looked = 0; asked.size() < count && looked < kLookedAt; ++looked) {
    if (proposals_.empty()) {
      if (!asked.empty() || best_.genome.empty()) break;
      if (base_.genome.empty()) {
        climb(best_);
      } else if (!found_.empty()) {
        if (kicking_) {
          climb(*std::min_element(found_.begin(), found_.end(), better));
        } else {
          climb_better();
        }
      } else if (!kicking_ && !later_.empty() && base_.value[0] <= best_.value[0] * (1 + kNear)) {
        proposals_ = std::move(later_);
        later_.clear();
      } else {
        if (base_.genome == best_.genome) optimum_ = true;
        if (++kicks > kKicksInVain) break;
        kick();
      }
      continue;
    }
    Genome genome = std::move(proposals_.front());
    proposals_.pop_front();
    if (std::find(asked.begin(), asked.end(), genome) != asked.end()) continue;
    if (const Value* value = lookup(genome)) {
      tell(genome, *value);
    } else {
      asked.push_back(std::move(genome));
    }
  }
  return asked;
}

}  // namespace ridgeline::search
