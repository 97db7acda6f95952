#include "search/designs/design_niches.hpp"

#include <algorithm>
#include <limits>
#include <utility>

namespace ridgeline::search {
namespace {

constexpr std::size_t kNiches = 256;
constexpr std::size_t kMembers = 8;  // of a design
constexpr std::size_t kFront = 256;  // points that distances are taken to
// A design that is so far from the front is looked at half as often as one that is on it.
constexpr double kNear = 0.005;

bool weakly_dominates(const std::vector<double>& a, const std::vector<double>& b) {
  for (std::size_t o = 0; o < a.size(); ++o)
    if (!(a[o] <= b[o])) return false;
  return true;
}

}  // namespace

void DesignNiches::offer_to_front(const std::vector<double>& objectives) {
  for (const auto& point : front_)
    if (weakly_dominates(point, objectives)) return;
  std::erase_if(front_, [&](const auto& point) { return weakly_dominates(objectives, point); });
  front_.push_back(objectives);
  if (front_.size() > kFront) front_.erase(front_.begin());
}

void DesignNiches::add(std::uint64_t design, const Genome& genome, const Fitness& fitness) {
  Niche& niche = niches_[design];
  ++niche.looks;
  if (fitness.violation != 0) return;
  offer_to_front(fitness.objectives);
  for (const Member& member : niche.members)
    if (weakly_dominates(member.objectives, fitness.objectives)) return;
  std::erase_if(niche.members, [&](const Member& member) {
    return weakly_dominates(fitness.objectives, member.objectives);
  });
  niche.members.push_back({genome, fitness.objectives});
  if (niche.members.size() > kMembers) niche.members.erase(niche.members.begin());
}

// By what share all figures of its best schedule would have to fall for the front to take it.
double DesignNiches::distance(const Niche& niche) const {
  double least = std::numeric_limits<double>::infinity();
  for (const Member& member : niche.members) {
    double worst = 0;
    for (const auto& point : front_) {
      double ratio = std::numeric_limits<double>::infinity();
      for (std::size_t o = 0; o < point.size(); ++o) {
        const double there = point[o];
        const double here = member.objectives[o];
        const double one = there > 0 && here > 0   ? here / there - 1
                           : there < 0 && here < 0 ? there / here - 1
                                                   : (here > there ? 1.0 : 0.0);
        ratio = std::min(ratio, one);
      }
      worst = std::max(worst, ratio);
    }
    least = std::min(least, worst);
  }
  return least;
}

void DesignNiches::settle() {
  order_.clear();
  for (auto place = niches_.begin(); place != niches_.end(); ++place) {
    Niche& niche = place->second;
    niche.worth = (distance(niche) + kNear) * static_cast<double>(niche.looks + 1);
    if (!niche.members.empty()) order_.push_back(place);
  }
  std::stable_sort(order_.begin(), order_.end(),
                   [](const auto& a, const auto& b) { return a->second.worth < b->second.worth; });
  if (niches_.size() <= 2 * kNiches) return;
  std::map<std::uint64_t, Niche> kept;
  order_.resize(std::min(order_.size(), kNiches));
  for (const auto& place : order_) kept.emplace(place->first, place->second);
  niches_ = std::move(kept);
  order_.clear();
  settle();
}

const Genome& DesignNiches::draw(RandomStream& random, int draws) const {
  std::size_t best = random.below(order_.size());
  for (int i = 1; i < draws; ++i) best = std::min<std::size_t>(best, random.below(order_.size()));
  const std::vector<Member>& members = order_[best]->second.members;
  return members[random.below(members.size())].genome;
}

}  // namespace ridgeline::search
