#include "search/allocation/core_symmetry.hpp"

#include <algorithm>
#include <map>
#include <numeric>

#include "model/core/index.hpp"

namespace ridgeline::search {
namespace {

constexpr std::uint64_t kMost = ~std::uint64_t{0};

std::uint64_t add(std::uint64_t a, std::uint64_t b, std::uint64_t most) {
  return a > most - std::min(b, most) ? most : a + b;
}

std::uint64_t multiply(std::uint64_t a, std::uint64_t b, std::uint64_t most) {
  return b != 0 && a > most / b ? most : a * b;
}

bool same_cost(const model::NodeCost& a, const model::NodeCost& b) {
  if (a.known != b.known) return false;
  if (!a.known) return true;
  if (a.runtime != b.runtime || a.mac_energy != b.mac_energy ||
      a.onchip_energy != b.onchip_energy || a.offchip_energy != b.offchip_energy ||
      a.streamed_count != b.streamed_count)
    return false;
  for (int s = 0; s < a.streamed_count; ++s)
    if (a.streamed[z(s)].operand != b.streamed[z(s)].operand ||
        a.streamed[z(s)].bandwidth != b.streamed[z(s)].bandwidth)
      return false;
  return true;
}

// Whether a system looks the same when two of its cores are exchanged.
class Exchange {
 public:
  Exchange(const model::ScheduleProblem& problem, int i, int j) : problem_(problem), i_(i), j_(j) {}

  bool harmless() { return costs() && memories() && routes(); }

 private:
  int image(int core) const { return core == i_ ? j_ : core == j_ ? i_ : core; }

  // Extends a one-to-one map by from -> to; false where it contradicts what is there.
  static bool extend(std::vector<int>& map, std::vector<int>& inverse, int from, int to) {
    if (map[z(from)] == -1 && inverse[z(to)] == -1) {
      map[z(from)] = to;
      inverse[z(to)] = from;
    }
    return map[z(from)] == to && inverse[z(to)] == from;
  }

  bool costs() const {
    const std::size_t rows = problem_.costs.costs.size() / z(std::max(problem_.costs.cores, 1));
    for (std::size_t u = 0; u < rows; ++u)
      if (!same_cost(problem_.costs.at(static_cast<int>(u), i_),
                     problem_.costs.at(static_cast<int>(u), j_)))
        return false;
    return true;
  }

  bool memories() const {
    const auto& instances = problem_.memories.instances;
    std::vector<int> map(instances.size(), -1);
    std::vector<int> inverse = map;
    for (int core = 0; core < problem_.cores; ++core) {
      for (std::size_t o = 0; o < model::kMemoryOperands; ++o) {
        const int from = problem_.memories.of_core[z(core)][o];
        const int to = problem_.memories.of_core[z(image(core))][o];
        if ((from == -1) != (to == -1)) return false;
        if (from != -1 && !extend(map, inverse, from, to)) return false;
      }
    }
    for (std::size_t m = 0; m < instances.size(); ++m) {
      if (map[m] == -1) continue;
      const model::TopMemory& a = instances[m];
      const model::TopMemory& b = instances[z(map[m])];
      if (a.size != b.size || a.r_cost != b.r_cost || a.w_cost != b.w_cost ||
          a.bandwidth_min != b.bandwidth_min || a.bandwidth_max != b.bandwidth_max)
        return false;
      // Transfers leave from the first core of a memory.
      if (image(a.cores.front()) != b.cores.front()) return false;
    }
    return true;
  }

  bool routes() const {
    const model::Interconnect& net = problem_.interconnect;
    std::vector<int> map(net.links.size(), -1);
    std::vector<int> inverse = map;
    for (int a = 0; a < problem_.cores; ++a) {
      for (int b = 0; b < problem_.cores; ++b) {
        const auto from = net.route(a, b);
        const auto to = net.route(image(a), image(b));
        if (from.size() != to.size()) return false;
        for (std::size_t h = 0; h < from.size(); ++h)
          if (!extend(map, inverse, from[h], to[h])) return false;
      }
    }
    for (std::size_t l = 0; l < net.links.size(); ++l) {
      if (map[l] == -1) continue;
      const model::Link& a = net.links[l];
      const model::Link& b = net.links[z(map[l])];
      if (a.bandwidth != b.bandwidth || a.unit_energy != b.unit_energy ||
          a.unit_energy_per_bit != b.unit_energy_per_bit)
        return false;
    }
    return true;
  }

  const model::ScheduleProblem& problem_;
  int i_;
  int j_;
};

}  // namespace

GenomeSymmetry::GenomeSymmetry(const GenomeSpace& space) : GenomeSymmetry(space, 0, {}) {}

GenomeSymmetry::GenomeSymmetry(const GenomeSpace& space, std::size_t first,
                               const std::vector<std::vector<int>>& classes)
    : space_(space), first_(first), classes_(classes) {
  for (std::size_t c = 0; c < classes_.size(); ++c) {
    std::sort(classes_[c].begin(), classes_[c].end());
    for (std::size_t r = 0; r < classes_[c].size(); ++r) {
      const std::size_t value = z(classes_[c][r]);
      if (class_of_.size() <= value) {
        class_of_.resize(value + 1, -1);
        rank_.resize(value + 1, 0);
      }
      class_of_[value] = static_cast<int>(c);
      rank_[value] = static_cast<int>(r);
    }
  }
}

int GenomeSymmetry::class_of(std::size_t gene, int value) const {
  if (gene < first_ || value < 0 || z(value) >= class_of_.size()) return -1;
  return class_of_[z(value)];
}

Genome GenomeSymmetry::canonical(const Genome& genome) const {
  if (classes_.empty()) return genome;
  Genome result = genome;
  std::vector<std::size_t> used(classes_.size(), 0);
  std::vector<int> renamed(class_of_.size(), -1);
  for (std::size_t g = first_; g < genome.size(); ++g) {
    const int c = class_of(g, genome[g]);
    if (c < 0) continue;
    int& name = renamed[z(genome[g])];
    if (name < 0) name = classes_[z(c)][used[z(c)]++];
    result[g] = name;
  }
  return result;
}

Genome GenomeSymmetry::aligned(const Genome& genome, const Genome& other) const {
  Genome made = genome;
  for (std::size_t c = 0; c < classes_.size(); ++c) {
    const std::size_t n = classes_[c].size();
    // In how many genes `genome` has the one value where `other` has the other.
    std::vector<int> meet(n * n, 0);
    for (std::size_t g = first_; g < genome.size(); ++g)
      if (class_of(g, genome[g]) == static_cast<int>(c) &&
          class_of(g, other[g]) == static_cast<int>(c))
        ++meet[z(rank_[z(genome[g])]) * n + z(rank_[z(other[g])])];
    std::vector<int> to(n, -1);
    std::vector<bool> taken(n, false);
    for (std::size_t pair = 0; pair < n; ++pair) {
      std::size_t one = n;
      std::size_t two = n;
      for (std::size_t a = 0; a < n; ++a)
        for (std::size_t b = 0; b < n; ++b)
          if (to[a] == -1 && !taken[b] && (one == n || meet[a * n + b] > meet[one * n + two])) {
            one = a;
            two = b;
          }
      to[one] = classes_[c][two];
      taken[two] = true;
    }
    for (std::size_t g = first_; g < genome.size(); ++g)
      if (class_of(g, genome[g]) == static_cast<int>(c)) made[g] = to[z(rank_[z(genome[g])])];
  }
  return made;
}

std::uint64_t GenomeSymmetry::equals(const Genome& genome) const {
  std::vector<bool> met(class_of_.size(), false);
  std::vector<std::uint64_t> left(classes_.size());
  for (std::size_t c = 0; c < classes_.size(); ++c) left[c] = classes_[c].size();
  std::uint64_t number = 1;
  for (std::size_t g = first_; g < genome.size(); ++g) {
    const int c = class_of(g, genome[g]);
    if (c < 0 || met[z(genome[g])]) continue;
    met[z(genome[g])] = true;
    number = multiply(number, left[z(c)]--, kMost);
  }
  return number;
}

std::uint64_t GenomeSymmetry::size(std::uint64_t limit) const {
  const std::uint64_t most = limit == kMost ? kMost : limit + 1;
  // Numbers of prefixes by how many of each class they use.
  std::map<std::vector<std::uint16_t>, std::uint64_t> prefixes{
      {std::vector<std::uint16_t>(classes_.size(), 0), 1}};
  for (std::size_t g = 0; g < space_.values.size(); ++g) {
    std::uint64_t others = 0;
    std::vector<bool> offered(classes_.size(), false);
    for (const int value : space_.values[g]) {
      const int c = class_of(g, value);
      if (c < 0) {
        ++others;
      } else {
        offered[z(c)] = true;
      }
    }
    std::map<std::vector<std::uint16_t>, std::uint64_t> longer;
    for (const auto& [used, count] : prefixes) {
      std::uint64_t same = others;
      for (std::size_t c = 0; c < classes_.size(); ++c)
        if (offered[c]) same += used[c];
      if (same > 0) {
        std::uint64_t& number = longer[used];
        number = add(number, multiply(count, same, most), most);
      }
      for (std::size_t c = 0; c < classes_.size(); ++c) {
        if (!offered[c] || used[c] == classes_[c].size()) continue;
        std::vector<std::uint16_t> more = used;
        ++more[c];
        std::uint64_t& number = longer[more];
        number = add(number, count, most);
      }
    }
    prefixes = std::move(longer);
  }
  std::uint64_t all = 0;
  for (const auto& [used, count] : prefixes) all = add(all, count, most);
  return all;
}

Genome GenomeSymmetry::first() const {
  Genome genome;
  for (const std::vector<int>& values : space_.values) genome.push_back(values.front());
  return canonical(genome);
}

bool GenomeSymmetry::next(Genome& genome) const {
  const std::size_t n = genome.size();
  // Of each class the members used before each gene.
  std::vector<std::vector<int>> used(n + 1, std::vector<int>(classes_.size(), 0));
  const auto count = [&](std::size_t g) {
    used[g + 1] = used[g];
    const int c = class_of(g, genome[g]);
    if (c >= 0) used[g + 1][z(c)] = std::max(used[g + 1][z(c)], rank_[z(genome[g])] + 1);
  };
  const auto open = [&](std::size_t g, int value) {
    const int c = class_of(g, value);
    return c < 0 || rank_[z(value)] <= used[g][z(c)];
  };
  for (std::size_t g = 0; g < n; ++g) count(g);
  for (std::size_t g = n; g-- > 0;) {
    const std::vector<int>& values = space_.values[g];
    auto value = std::upper_bound(values.begin(), values.end(), genome[g]);
    while (value != values.end() && !open(g, *value)) ++value;
    if (value == values.end()) continue;
    genome[g] = *value;
    count(g);
    for (std::size_t h = g + 1; h < n; ++h) {
      genome[h] = *std::find_if(space_.values[h].begin(), space_.values[h].end(),
                                [&](int v) { return open(h, v); });
      count(h);
    }
    return true;
  }
  return false;
}

std::vector<std::vector<int>> interchangeable_cores(const model::ScheduleProblem& problem,
                                                    const GenomeSpace& space, std::size_t first,
                                                    const std::vector<int>& fixed) {
  // Data come from the first core that has them: cores are told apart by their numbers.
  if (problem.semantics.first_holder) return {};
  std::vector<std::vector<bool>> in_gene(z(problem.cores));
  for (std::size_t g = first; g < space.values.size(); ++g)
    for (const int core : space.values[g]) {
      in_gene[z(core)].resize(g + 1);
      in_gene[z(core)][g] = true;
    }
  std::vector<std::vector<int>> classes;
  for (int core = 0; core < problem.cores; ++core) {
    if (in_gene[z(core)].empty() || core == problem.offchip_core) continue;
    if (std::find(fixed.begin(), fixed.end(), core) != fixed.end()) continue;
    const auto place =
        std::find_if(classes.begin(), classes.end(), [&](const std::vector<int>& members) {
          return in_gene[z(members.front())] == in_gene[z(core)] &&
                 Exchange(problem, members.front(), core).harmless();
        });
    if (place == classes.end()) {
      classes.push_back({core});
    } else {
      place->push_back(core);
    }
  }
  std::erase_if(classes, [](const std::vector<int>& members) { return members.size() < 2; });
  return classes;
}

}  // namespace ridgeline::search
