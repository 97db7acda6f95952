#include "search/allocation/allocation_moves.hpp"

#include <algorithm>
#include <limits>
#include <utility>

#include "model/core/index.hpp"

namespace ridgeline::search {
namespace {

constexpr int kTries = 20;          // to exchange cores in a run that has one of them
constexpr std::size_t kShaken = 3;  // slots that are shaken together, at least
constexpr double kCrossover = 0.3;  // share of children made by crossing two members

}  // namespace

AllocationVariation::AllocationVariation(const GenomeSpace& space, const GenomeSymmetry& symmetry,
                                         const AllocationHints& hints)
    : space_(space), symmetry_(symmetry), hints_(hints) {}

Genome AllocationVariation::random(RandomStream& random) const {
  return symmetry_.canonical(random_genome(space_, random));
}

Genome AllocationVariation::child(std::span<const Individual> members, RandomStream& random) const {
  const auto draw = [&](std::size_t n) { return z(static_cast<std::int64_t>(random.below(n))); };
  const std::size_t a = draw(members.size());
  if (members.size() > 1 && random.uniform() < kCrossover) {
    std::size_t b = draw(members.size() - 1);
    if (b >= a) ++b;
    return crossed(members[a].genome, members[b].genome, random);
  }
  return move(members[a].genome, random);
}

Genome AllocationVariation::crossed(const Genome& one, const Genome& other,
                                    RandomStream& random) const {
  return symmetry_.canonical(cross(one, symmetry_.aligned(other, one), random));
}

std::vector<bool> AllocationVariation::near(const Genome& one, const Genome& other) const {
  std::vector<bool> near(one.size());
  for (std::size_t g = 0; g < one.size(); ++g) near[g] = one[g] != other[g];
  const std::vector<bool> changed = near;
  const std::size_t n = hints_.order.size();
  for (std::size_t i = 0; i < n; ++i) {
    const std::size_t g = hints_.first + z(hints_.order[i]);
    if (!changed[g]) continue;
    if (i > 0) near[hints_.first + z(hints_.order[i - 1])] = true;
    if (i + 1 < n) near[hints_.first + z(hints_.order[i + 1])] = true;
  }
  return near;
}

bool AllocationVariation::has(std::size_t gene, int value) const {
  return std::binary_search(space_.values[gene].begin(), space_.values[gene].end(), value);
}

Genome AllocationVariation::move(const Genome& genome, RandomStream& random) const {
  Genome moved = genome;
  const bool cores = genome.size() > cores_begin() + 1;
  switch (random.below(cores ? 10 : 4)) {
    case 0:
      moved = swap_genes(space_, genome, random);
      break;
    case 4:
    case 5:
      assign_run(moved, random);
      break;
    case 6:
      shift_cut(moved, random);
      break;
    case 7:
      relieve_busiest(moved, random);
      break;
    case 8:
    case 9:
      exchange_cores(moved, random);
      break;
    default:
      break;
  }
  if (moved == genome) moved = redraw_genes(space_, genome, random);
  return symmetry_.canonical(moved);
}

Genome AllocationVariation::kick(const Genome& genome, int strength, RandomStream& random) const {
  Genome moved = genome;
  for (int i = 0; i < strength; ++i) moved = move(moved, random);
  return moved;
}

Genome AllocationVariation::exchange(const Genome& genome, int times, RandomStream& random) const {
  if (hints_.order.empty()) return kick(genome, times, random);
  Genome moved = genome;
  for (int tries = 0; times > 0 && tries < kTries; ++tries) {
    const Genome before = moved;
    exchange_cores(moved, random);
    times -= moved != before;
  }
  return symmetry_.canonical(moved);
}

Genome AllocationVariation::shake(const Genome& genome, RandomStream& random) const {
  const std::size_t n = hints_.order.size();
  if (n < kShaken) return kick(genome, 2, random);
  Genome moved = genome;
  const std::size_t most = std::max(n / 3, kShaken);
  const std::size_t length = kShaken + static_cast<std::size_t>(random.below(most - kShaken + 1));
  const auto begin = static_cast<std::size_t>(random.below(n - length + 1));
  for (std::size_t i = begin; i < begin + length; ++i) {
    const std::size_t g = hints_.first + z(hints_.order[i]);
    const std::vector<int>& values = space_.values[g];
    if (random.below(2) == 0)
      moved[g] = values[static_cast<std::size_t>(random.below(values.size()))];
  }
  return symmetry_.canonical(moved);
}

std::vector<Genome> AllocationVariation::neighbours(const Genome& genome,
                                                    RandomStream& random) const {
  std::vector<Genome> all;
  for (std::size_t g = 0; g < genome.size(); ++g) {
    for (const int value : space_.values[g]) {
      if (value == genome[g]) continue;
      Genome neighbour = genome;
      neighbour[g] = value;
      all.push_back(symmetry_.canonical(neighbour));
    }
  }
  std::sort(all.begin(), all.end());
  all.erase(std::unique(all.begin(), all.end()), all.end());
  for (std::size_t i = all.size(); i > 1; --i)
    std::swap(all[i - 1], all[z(static_cast<std::int64_t>(random.below(i)))]);
  return all;
}

// A run of slots, in the order of the network, to the core of one of them or any other.
void AllocationVariation::assign_run(Genome& genome, RandomStream& random) const {
  const std::size_t n = hints_.order.size();
  const auto begin = static_cast<std::size_t>(random.below(n));
  const auto length = 2 + static_cast<std::size_t>(random.below(std::max<std::size_t>(n / 2, 1)));
  const std::size_t gene = hints_.first + z(hints_.order[begin]);
  const std::vector<int>& values = space_.values[gene];
  const int core = values[static_cast<std::size_t>(random.below(values.size()))];
  for (std::size_t i = begin; i < std::min(begin + length, n); ++i) {
    const std::size_t g = hints_.first + z(hints_.order[i]);
    if (has(g, core)) genome[g] = core;
  }
}

// In a run of slots two cores change places: what one core may do for another, and back, is often
// as good for the run itself and better or worse only where it begins and ends.
void AllocationVariation::exchange_cores(Genome& genome, RandomStream& random) const {
  const std::size_t n = hints_.order.size();
  const auto gene = [&](std::size_t i) { return hints_.first + z(hints_.order[i]); };
  const auto begin = static_cast<std::size_t>(random.below(n));
  const auto length = 1 + static_cast<std::size_t>(random.below(n));
  const std::size_t end = std::min(begin + length, n);
  const int one = genome[gene(begin)];
  const std::vector<int>& values = space_.values[gene(begin)];
  const int other = values[static_cast<std::size_t>(random.below(values.size()))];
  for (std::size_t i = begin; i < end; ++i) {
    const std::size_t g = gene(i);
    if (genome[g] == one && has(g, other)) {
      genome[g] = other;
    } else if (genome[g] == other && has(g, one)) {
      genome[g] = one;
    }
  }
}

// Where two neighbours in the order of the network lie on different cores, some slots on one side
// go to the other's core.
void AllocationVariation::shift_cut(Genome& genome, RandomStream& random) const {
  std::vector<std::size_t> cuts;
  const std::size_t n = hints_.order.size();
  const auto gene = [&](std::size_t i) { return hints_.first + z(hints_.order[i]); };
  for (std::size_t i = 1; i < n; ++i)
    if (genome[gene(i)] != genome[gene(i - 1)]) cuts.push_back(i);
  if (cuts.empty()) return;
  const std::size_t cut = cuts[static_cast<std::size_t>(random.below(cuts.size()))];
  const auto length = 1 + static_cast<std::size_t>(random.below(3));
  if (random.below(2) == 0) {
    const int core = genome[gene(cut - 1)];
    for (std::size_t i = cut; i < std::min(cut + length, n); ++i)
      if (has(gene(i), core)) genome[gene(i)] = core;
  } else {
    const int core = genome[gene(cut)];
    for (std::size_t i = cut; i > cut - std::min(length, cut); --i)
      if (has(gene(i - 1), core)) genome[gene(i - 1)] = core;
  }
}

void AllocationVariation::relieve_busiest(Genome& genome, RandomStream& random) const {
  std::vector<double> load = hints_.fixed_work;
  const auto work = [&](std::size_t g, int core) {
    const auto& values = space_.values[hints_.first + g];
    return hints_.work[g][z(std::lower_bound(values.begin(), values.end(), core) - values.begin())];
  };
  for (std::size_t g = 0; g < hints_.work.size(); ++g)
    load[z(genome[hints_.first + g])] += work(g, genome[hints_.first + g]);
  const int busiest = static_cast<int>(std::max_element(load.begin(), load.end()) - load.begin());
  std::vector<std::size_t> there;
  for (std::size_t g = 0; g < hints_.work.size(); ++g)
    if (genome[hints_.first + g] == busiest && space_.values[hints_.first + g].size() > 1)
      there.push_back(g);
  if (there.empty()) return;
  const std::size_t g = there[static_cast<std::size_t>(random.below(there.size()))];
  double soonest = std::numeric_limits<double>::infinity();
  for (const int core : space_.values[hints_.first + g]) {
    if (core == busiest) continue;
    const double end = load[z(core)] + work(g, core);
    if (end < soonest) {
      soonest = end;
      genome[hints_.first + g] = core;
    }
  }
}

}  // namespace ridgeline::search
