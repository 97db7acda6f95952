#include "search/fronts/genome_space.hpp"

#include <algorithm>
#include <utility>

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

Genome redraw_genes(const GenomeSpace& space, const Genome& parent, RandomStream& random) {
  Genome child = parent;
  const std::size_t n = parent.size();
  if (n == 0) return child;
  const double rate = 1.0 / static_cast<double>(n);
  for (std::size_t i = 0; i < n; ++i) {
    if (random.uniform() < rate) child[i] = redraw(space.values[i], child[i], random);
  }
  if (child != parent) return child;
  std::vector<std::size_t> free;
  for (std::size_t i = 0; i < n; ++i) {
    if (space.values[i].size() > 1) free.push_back(i);
  }
  if (!free.empty()) {
    const std::size_t i = free[static_cast<std::size_t>(random.below(free.size()))];
    child[i] = redraw(space.values[i], child[i], random);
  }
  return child;
}

Genome swap_genes(const GenomeSpace& space, const Genome& parent, RandomStream& random) {
  Genome child = parent;
  if (child.size() < 2) return child;
  const auto a = static_cast<std::size_t>(random.below(child.size()));
  auto b = static_cast<std::size_t>(random.below(child.size() - 1));
  if (b >= a) ++b;
  if (allowed(space.values[a], child[b]) && allowed(space.values[b], child[a]))
    std::swap(child[a], child[b]);
  return child;
}

}  // namespace ridgeline::search
