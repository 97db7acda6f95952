#include "search/fronts/nsga2.hpp"

#include <algorithm>
#include <set>
#include <stdexcept>
#include <utility>

namespace ridgeline::search {
namespace {

// Draws to find a child that is allowed and new; the second half of them by chance alone, since
// what crossing the members does not renew, chance does.
constexpr int kTries = 32;

}  // namespace

bool fitter(const Individual& a, const Individual& b) {
  if (a.rank != b.rank) return a.rank < b.rank;
  if (a.crowding != b.crowding) return a.crowding > b.crowding;
  return a.genome < b.genome;
}

bool Variation::allowed(const Genome&) const {
  return true;
}

Nsga2::Nsga2(const Variation& variation, Nsga2Options options, std::vector<Genome> starts)
    : variation_(variation), options_(options), starts_(std::move(starts)) {
  if (options_.population < 1) throw std::invalid_argument("population must be at least 1");
}

const std::vector<Genome>& Nsga2::ask() {
  if (asked_) return children_;
  asked_ = true;
  children_.clear();
  std::set<Genome> taken;
  for (const Individual& member : members_) taken.insert(member.genome);
  const auto take = [&](Genome genome) {
    if (taken.contains(genome) || !variation_.allowed(genome)) return false;
    taken.insert(genome);
    children_.push_back(std::move(genome));
    return true;
  };
  const auto population = static_cast<std::size_t>(options_.population);
  if (generation_ == 0) {
    for (const Genome& start : starts_)
      if (children_.size() < population) take(start);
  }
  const std::size_t given = children_.size();
  for (std::size_t i = given; i < population; ++i) {
    RandomStream random(options_.seed, options_.island, static_cast<std::uint32_t>(generation_),
                        static_cast<std::uint32_t>(i));
    for (int attempt = 0; attempt < kTries; ++attempt) {
      const bool bred = !members_.empty() && attempt < kTries / 2;
      if (take(bred ? variation_.child(members_, random) : variation_.random(random))) break;
    }
  }
  return children_;
}

void Nsga2::tell(std::span<const Fitness> fitness) {
  if (!asked_ || fitness.size() != children_.size()) {
    throw std::logic_error("tell() without the fitness of what ask() gave");
  }
  std::vector<Individual> pool = std::move(members_);
  for (std::size_t i = 0; i < children_.size(); ++i) {
    pool.push_back({children_[i], fitness[i]});
  }
  asked_ = false;
  ++generation_;
  const int survivors = options_.survivors > 0 ? options_.survivors : options_.population;
  survive(std::move(pool), static_cast<std::size_t>(survivors));
}

// Copies of a genome are left out: they add no choice.
void Nsga2::survive(std::vector<Individual> pool, std::size_t count) {
  std::stable_sort(pool.begin(), pool.end(),
                   [](const Individual& a, const Individual& b) { return a.genome < b.genome; });
  pool.erase(
      std::unique(pool.begin(), pool.end(),
                  [](const Individual& a, const Individual& b) { return a.genome == b.genome; }),
      pool.end());
  std::vector<Fitness> points;
  for (Individual& individual : pool) points.push_back(std::move(individual.fitness));
  members_.clear();
  for (const Ranked& ranked : select_survivors(points, count)) {
    const auto place = static_cast<std::size_t>(ranked.place);
    members_.push_back(
        {std::move(pool[place].genome), std::move(points[place]), ranked.rank, ranked.crowding});
  }
}

void Nsga2::migrate(std::span<const Individual> guests) {
  const std::size_t count = members_.size();
  std::vector<Individual> pool = std::move(members_);
  pool.insert(pool.end(), guests.begin(), guests.end());
  survive(std::move(pool), count);
  asked_ = false;
}

void Nsga2::restore(int generation, std::vector<Individual> members) {
  generation_ = generation;
  members_ = std::move(members);
  asked_ = false;
}

void migrate_on_ring(std::span<Nsga2> islands, std::size_t migrants) {
  if (islands.size() < 2) return;
  std::vector<std::vector<Individual>> leaving;
  for (const Nsga2& island : islands) {
    const auto& members = island.members();
    const std::size_t count = std::min(std::max<std::size_t>(migrants, 1), members.size());
    leaving.emplace_back(members.begin(), members.begin() + static_cast<std::ptrdiff_t>(count));
  }
  for (std::size_t i = 0; i < islands.size(); ++i)
    islands[(i + 1) % islands.size()].migrate(leaving[i]);
}

}  // namespace ridgeline::search
