#include "search/fronts/nsga2.hpp"

#include <algorithm>
#include <stdexcept>

namespace ridgeline::search {
namespace {

bool allowed(const std::vector<int>& values, int value) {
  return std::binary_search(values.begin(), values.end(), value);
}

// A value of the gene other than `current`; `current` where it has no choice.
int redraw(const std::vector<int>& values, int current, RandomStream& random) {
  if (values.size() < 2) return current;
  const auto place = static_cast<std::size_t>(
      std::lower_bound(values.begin(), values.end(), current) - values.begin());
  const auto draw = static_cast<std::size_t>(random.below(values.size() - 1));
  return values[draw < place ? draw : draw + 1];
}

}  // namespace

std::uint64_t GenomeSpace::size(std::uint64_t limit) const {
  std::uint64_t product = 1;
  for (const std::vector<int>& v : values) {
    if (product > limit / v.size()) return limit + 1;
    product *= v.size();
  }
  return product;
}

bool GenomeSpace::contains(const Genome& genome) const {
  if (genome.size() != values.size()) return false;
  for (std::size_t i = 0; i < genome.size(); ++i) {
    if (!allowed(values[i], genome[i])) return false;
  }
  return true;
}

Genome GenomeSpace::at(std::uint64_t index) const {
  Genome genome(values.size());
  for (std::size_t i = values.size(); i-- > 0;) {
    genome[i] = values[i][static_cast<std::size_t>(index % values[i].size())];
    index /= values[i].size();
  }
  return genome;
}

Genome random_genome(const GenomeSpace& space, RandomStream& random) {
  Genome genome;
  genome.reserve(space.values.size());
  for (const std::vector<int>& v : space.values) {
    genome.push_back(v[static_cast<std::size_t>(random.below(v.size()))]);
  }
  return genome;
}

Genome cross(const Genome& a, const Genome& b, RandomStream& random) {
  Genome child = a;
  const std::size_t n = a.size();
  if (n < 2) return child;
  auto first = static_cast<std::size_t>(random.below(n + 1));
  auto second = static_cast<std::size_t>(random.below(n));
  if (second >= first) ++second;
  if (first > second) std::swap(first, second);
  for (std::size_t i = first; i < second; ++i) child[i] = b[i];
  return child;
}

Genome mutate(const GenomeSpace& space, const Genome& parent, const Nsga2Options& options,
              RandomStream& random) {
  Genome child = parent;
  const std::size_t n = parent.size();
  if (n == 0) return child;
  if (options.swap && n > 1 && random.uniform() >= options.gene_mutation) {
    const auto a = static_cast<std::size_t>(random.below(n));
    auto b = static_cast<std::size_t>(random.below(n - 1));
    if (b >= a) ++b;
    if (child[a] != child[b] && allowed(space.values[a], child[b]) &&
        allowed(space.values[b], child[a])) {
      std::swap(child[a], child[b]);
      return child;
    }
  }
  const double rate = 1.0 / static_cast<double>(n);
  for (std::size_t i = 0; i < n; ++i) {
    if (random.uniform() < rate) child[i] = redraw(space.values[i], child[i], random);
  }
  if (child == parent) {
    std::vector<std::size_t> free;
    for (std::size_t i = 0; i < n; ++i) {
      if (space.values[i].size() > 1) free.push_back(i);
    }
    if (!free.empty()) {
      const std::size_t i = free[static_cast<std::size_t>(random.below(free.size()))];
      child[i] = redraw(space.values[i], child[i], random);
    }
  }
  return child;
}

Nsga2::Nsga2(GenomeSpace space, Nsga2Options options)
    : space_(std::move(space)), options_(options) {
  if (options_.population < 1) throw std::invalid_argument("population must be at least 1");
  for (const std::vector<int>& v : space_.values) {
    if (v.empty()) throw std::invalid_argument("a gene without values");
  }
}

const std::vector<Genome>& Nsga2::ask() {
  if (asked_) return children_;
  asked_ = true;
  children_.clear();
  for (int i = 0; i < options_.population; ++i) {
    RandomStream random(options_.seed, options_.island, static_cast<std::uint32_t>(generation_),
                        static_cast<std::uint32_t>(i));
    if (members_.empty()) {
      children_.push_back(random_genome(space_, random));
      continue;
    }
    const auto draw = [&](std::size_t n) { return static_cast<std::size_t>(random.below(n)); };
    if (members_.size() > 1 && random.uniform() < options_.crossover) {
      const std::size_t a = draw(members_.size());
      std::size_t b = draw(members_.size() - 1);
      if (b >= a) ++b;
      children_.push_back(cross(members_[a].genome, members_[b].genome, random));
    } else {
      children_.push_back(mutate(space_, members_[draw(members_.size())].genome, options_, random));
    }
  }
  return children_;
}

void Nsga2::tell(std::span<const Fitness> fitness) {
  if (!asked_ || fitness.size() != children_.size()) {
    throw std::logic_error("tell() without the fitness of what ask() gave");
  }
  const bool first = members_.empty();
  std::vector<Individual> pool = std::move(members_);
  for (std::size_t i = 0; i < children_.size(); ++i) {
    pool.push_back({children_[i], fitness[i]});
  }
  asked_ = false;
  ++generation_;
  const auto population = static_cast<std::size_t>(options_.population);
  survive(std::move(pool), first ? population : std::max<std::size_t>(population / 2, 1));
}

// Copies of a genome are looked at only when there is nothing else: they add no choice.
void Nsga2::survive(std::vector<Individual> pool, std::size_t count) {
  std::vector<std::size_t> order(pool.size());
  for (std::size_t i = 0; i < order.size(); ++i) order[i] = i;
  std::stable_sort(order.begin(), order.end(),
                   [&](std::size_t a, std::size_t b) { return pool[a].genome < pool[b].genome; });
  std::vector<bool> copy(pool.size(), false);
  for (std::size_t i = 1; i < order.size(); ++i) {
    copy[order[i]] = pool[order[i]].genome == pool[order[i - 1]].genome;
  }
  std::vector<Individual> kept;
  std::vector<Fitness> points;
  for (std::size_t i = 0; i < pool.size(); ++i) {
    if (copy[i]) continue;
    points.push_back(pool[i].fitness);
    kept.push_back(std::move(pool[i]));
  }
  members_.clear();
  for (const int i : select_survivors(points, static_cast<int>(count))) {
    members_.push_back(std::move(kept[static_cast<std::size_t>(i)]));
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

}  // namespace ridgeline::search
