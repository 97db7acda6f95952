#include "search/exact/strict_lattice.hpp"

#include <algorithm>
#include <bit>
#include <cmath>

#include "model/core/index.hpp"
#include "model/core/strict_problem.hpp"

namespace ridgeline::search {

using model::kMaxDims;
using model::Problem;
using model::StrictCut;
using model::StrictSums;

StrictLattice::StrictLattice(const Problem& problem, std::int64_t most_nodes,
                             std::int64_t most_bytes, Watch& watch)
    : problem_(problem) {
  build_types();
  for (int o = 0; o < problem.operands; ++o) {
    step_[z(o)] = combinations_;
    combinations_ *= cuts_of(o) + 1;
  }
  std::int64_t cuts = 0;
  for (int o = 0; o < problem.operands; ++o) cuts += cuts_of(o);
  const double bytes = static_cast<double>(nodes_) *
                       (static_cast<double>(cuts) * (sizeof(StrictCut) + 1) +
                        static_cast<double>(sizeof(double) * kMaxDims + types_.size()));
  if (nodes_ > most_nodes || bytes > static_cast<double>(most_bytes)) {
    too_large_ = true;
    return;
  }
  bytes_ = static_cast<std::int64_t>(bytes);
  count_nodes();
  build_cuts(watch);
}

void StrictLattice::build_types() {
  for (int d = 0; d < problem_.dims; ++d) {
    std::int64_t rest = problem_.temporal_size[z(d)];
    iterations_ *= static_cast<double>(rest);
    for (std::int64_t p = 2; rest > 1; ++p) {
      if (p * p > rest) p = rest;
      if (rest % p != 0) continue;
      FactorType type;
      type.dim = d;
      type.prime = p;
      type.stride = nodes_;
      for (; rest % p == 0; rest /= p) ++type.count;
      for (int o = 0; o < problem_.operands; ++o) {
        if (problem_.operand[z(o)].irrelevant >> d & 1u) {
          type.irrelevant_to = static_cast<std::uint8_t>(type.irrelevant_to | 1u << o);
        }
      }
      if (nodes_ < std::int64_t{1} << 40) nodes_ *= type.count + 1;
      types_.push_back(type);
    }
  }
  operations_ = iterations_ * problem_.cycles_per_operation;
}

bool StrictLattice::sinks(int o, int a) const {
  if (a == 0 && (o == 0 || !problem_.repeats_are_free)) return false;
  for (int m = std::max(0, a - 1); m < cuts_of(o); ++m) {
    if (problem_.strict->level[z(o)][z(m)].reloads) return false;
  }
  return true;
}

void StrictLattice::count_nodes() {
  counts_.reserve(z(nodes_) * types_.size());
  inside_.reserve(z(nodes_));
  for (std::int64_t node = 0; node < nodes_; ++node) {
    std::array<double, kMaxDims> inside;
    inside.fill(1);
    for (const FactorType& type : types_) {
      const auto count = static_cast<int>(node / type.stride % (type.count + 1));
      counts_.push_back(static_cast<std::uint8_t>(count));
      for (int i = 0; i < count; ++i) inside[z(type.dim)] *= static_cast<double>(type.prime);
    }
    inside_.push_back(inside);
  }
}

CutsLeft StrictLattice::all_cuts() const {
  CutsLeft left{};
  for (int o = 0; o < problem_.operands; ++o) left[z(o)] = static_cast<std::uint8_t>(cuts_of(o));
  return left;
}

// Of an element in memory level m, whose tiles are those of a node: sums to which something is to
// be added take their own.
double StrictLattice::least_bits(int o, int m, std::int64_t node) const {
  const model::ProblemOperand& operand = problem_.operand[z(o)];
  bool adds = o == 0 && problem_.strict->level[0][z(m)].reduced_outer > 1;
  for (const FactorType& type : types_) {
    const int inside = m == 0 ? 0 : count_in(node, type);
    adds = adds || (o == 0 && (type.irrelevant_to & 1u) != 0 && inside < type.count);
  }
  return adds || o > 0 ? operand.precision : std::min(operand.precision, operand.final_precision);
}

// Where the tiles alone fit, next to what other operands keep there at least.
void StrictLattice::allow(int o, int a) {
  const model::ProblemOperand& operand = problem_.operand[z(o)];
  std::vector<std::uint8_t>& allowed = allowed_[place(o, a)];
  allowed.assign(z(nodes_), 0);
  if (a == 0) {
    const bool waits = !operand.output && problem_.repeats_are_free;
    for (std::int64_t node = 0; node < nodes_; ++node) {
      bool fits = true;
      for (const FactorType& type : types_) {
        if (count_in(node, type) == 0) continue;
        fits = fits && waits && (type.irrelevant_to >> o & 1u) != 0;
      }
      allowed[z(node)] = fits ? 1 : 0;
    }
    return;
  }
  const int m = a - 1;
  const model::ProblemMemory& memory = problem_.memory[z(operand.memory[z(m)])];
  const std::array<double, kMaxDims>& all = inside(full());
  const std::array<double, kMaxDims>& none = inside(0);
  double room = memory.size;
  for (int i = 0; i < memory.count; ++i) {
    const model::MemoryResident& one = memory.residents[z(i)];
    if (one.operand == o) continue;
    const model::ProblemOperand& other = problem_.operand[z(one.operand)];
    const bool top = one.level + 1 == other.levels;
    room -= std::min(other.precision, other.final_precision) *
            model::largest_tile(problem_, one.operand, one.level, top ? all : none);
  }
  if (m == 0) innermost_room_[z(o)] = room;
  const int buffers = model::has_forced_buffers(problem_, operand.memory[z(m)]) ? 2 : 1;
  for (std::int64_t node = 0; node < nodes_; ++node) {
    const double tile = least_bits(o, m, node) * model::largest_tile(problem_, o, m, inside(node));
    allowed[z(node)] = buffers * tile <= room ? 1 : 0;
  }
}

void StrictLattice::set_fresh() {
  const auto with = [&](double fresh) {
    StrictSums sums = whole_;
    sums.fresh = fresh;
    return model::strict_cut(problem_, 0, 0, inside(0), sums);
  };
  const double some = whole_.fresh / 1024;
  const StrictCut none = with(0);
  const StrictCut few = with(some);
  const StrictCut all = with(1e300);
  const auto cycles = [](const StrictCut& cut) {
    return cut.link.back_up * cut.link.up_share * cut.link.count;
  };
  fresh_energy_ = {(none.energy - few.energy) / some, none.energy - all.energy};
  fresh_cycles_ = {(cycles(none) - cycles(few)) / some, cycles(none) - cycles(all)};
  fresh_port_ = none.link.back_up_port;
}

void StrictLattice::build_cuts(Watch& watch) {
  whole_ = model::whole_output(problem_);
  set_fresh();
  bool ragged = false;  // which sums are complete depends on the loops inside
  for (int k = 0; k < problem_.strict->ragged_count; ++k) {
    ragged = ragged || (problem_.operand[0].irrelevant >> problem_.strict->ragged[z(k)].dim & 1u);
  }
  for (int o = 0; o < problem_.operands; ++o) {
    for (int a = cuts_of(o) - 1; a >= 0; --a) {
      allow(o, a);
      std::vector<StrictCut>& cuts = cut_[place(o, a)];
      cuts.resize(z(nodes_));
      if (o == 0) assumed_[z(a)].assign(z(nodes_), whole_);
      bool any = false;
      for (std::int64_t node = 0; node < nodes_; ++node) {
        if (watch.stopped()) return;
        // Outputs: as if all levels further out had the same tiles, so that sums are new as often
        // as can be.
        StrictSums sums = whole_;
        const bool needed = o == 0 && a + 1 < cuts_of(0);
        if (needed) sums = cut_[place(0, a + 1)][z(node)].sums;
        if (o == 0) assumed_[z(a)][z(node)] = sums;
        if (!may_lie(o, a, node) && !(o == 0 && a > 0)) continue;
        cuts[z(node)] = model::strict_cut(problem_, o, a, inside(node), sums);
        if (o == 0 && ragged && sums.finishes == 1) {
          StrictSums others = sums;
          others.finishes = 0;
          const StrictCut other = model::strict_cut(problem_, o, a, inside(node), others);
          StrictCut& one = cuts[z(node)];
          one.energy = std::min(one.energy, other.energy);
          one.link.up = std::min(one.link.up, other.link.up);
          one.link.down = std::min(one.link.down, other.link.down);
          one.link.edge_up = std::min(one.link.edge_up, other.link.edge_up);
          one.link.edge_down = std::min(one.link.edge_down, other.link.edge_down);
          assumed_[z(a)][z(node)].finishes = -1;  // neither is exact
        }
        any = any || may_lie(o, a, node);
      }
      if (a == 0 && cuts_of(o) > 1) {
        for (std::int64_t node = 0; node < nodes_; ++node) {
          if (may_lie(o, 1, node)) add_wait(o, 1, cut_[place(o, 1)][z(node)]);
        }
      }
      nothing_fits_ = nothing_fits_ || !any;
    }
  }
}

void StrictLattice::add_loads(int o, int a, const StrictCut& cut,
                              std::array<double, kMaxResources>& loads) const {
  each_load(o, a, cut, [&](int resource, double cycles) { loads[z(resource)] += cycles; });
}

StrictCut StrictLattice::output_cut(int a, std::int64_t node, const StrictSums& sums) const {
  StrictCut cut = model::strict_cut(problem_, 0, a, inside(node), sums);
  add_wait(0, a, cut);
  return cut;
}

// Where the innermost memory has one buffer whatever other cuts there are.
void StrictLattice::add_wait(int o, int a, StrictCut& cut) const {
  const model::ProblemOperand& operand = problem_.operand[z(o)];
  if (a != 1 || model::has_forced_buffers(problem_, operand.memory[0])) return;
  const StrictCut inner =
      o == 0 ? model::strict_cut(problem_, 0, 0, inside(0), cut.sums) : this->cut(o, 0, 0);
  if (2 * least_bits(o, 0, 0) * cut.largest <= innermost_room_[z(o)]) return;
  model::StrictInterface first = inner.link;
  // An input waits at the array over as many loops as it does not depend on, at most.
  if (o > 0 && problem_.repeats_are_free) {
    first.period = cut.link.irrelevant;
    first.count /= first.period;
  }
  cut.wait = model::wait_for_exchanges(problem_, o, first, cut.link);
}

std::size_t StrictOutputCuts::Hash::operator()(const Key& key) const {
  std::uint64_t hash = static_cast<std::uint64_t>(key.place);
  for (const double one : {key.finishes, key.fresh}) {
    hash = (hash ^ std::bit_cast<std::uint64_t>(one)) * 0x9e3779b97f4a7c15u;
    hash ^= hash >> 29;
  }
  return static_cast<std::size_t>(hash);
}

const StrictCut& StrictOutputCuts::at(int a, std::int64_t node, const StrictSums& sums) {
  const StrictSums& assumed = lattice_.assumed(a, node);
  if (assumed.finishes == sums.finishes && assumed.fresh == sums.fresh) {
    return lattice_.cut(0, a, node);
  }
  const auto [at, added] =
      cuts_.try_emplace({node * model::kMaxLevels + a, sums.finishes, sums.fresh});
  if (added) at->second = lattice_.output_cut(a, node, sums);
  return at->second;
}

std::int64_t StrictOutputCuts::bytes() const {
  return static_cast<std::int64_t>(cuts_.size() * (sizeof(Key) + sizeof(StrictCut) + 32));
}

StrictBounds::StrictBounds(const StrictLattice& lattice, const StrictPrices& prices)
    : lattice_(&lattice), prices_(prices) {
  const std::int64_t nodes = lattice.nodes();
  const int operands = lattice.problem().operands;
  // Prices of all cuts first.
  std::array<std::array<std::vector<double>, model::kMaxLevels>, model::kMaxOperands> prices_of;
  for (int o = 0; o < operands; ++o) {
    for (int a = 0; a < lattice.cuts_of(o); ++a) {
      std::vector<double>& list = prices_of[z(o)][z(a)];
      list.assign(z(nodes), kNothing);
      for (std::int64_t node = 0; node < nodes; ++node) {
        if (!lattice.may_lie(o, a, node)) continue;
        const StrictCut& cut = lattice.cut(o, a, node);
        if (cut.served) list[z(node)] = price(o, a, cut);
      }
    }
  }
  least_.assign(z(lattice.combinations() * nodes), kNothing);
  const CutsLeft all = lattice.all_cuts();
  CutsLeft left{};
  for (std::int64_t c = 0; c < lattice.combinations(); ++c) {
    double* here = least_.data() + c * nodes;
    if (c == 0) {
      std::fill(here, here + nodes, 0.0);
    } else {
      for (int o = 0; o < operands; ++o) {
        if (left[z(o)] == 0) continue;
        const double* from = here - lattice.step(o) * nodes;
        const double* cost = prices_of[z(o)][z(left[z(o)] - 1)].data();
        for (std::int64_t n = 0; n < nodes; ++n) here[n] = std::min(here[n], from[n] + cost[n]);
      }
      for (const FactorType& type : lattice.types()) {
        const std::int64_t block = type.stride * (type.count + 1);
        for (std::int64_t begin = 0; begin < nodes; begin += block) {
          double* row = here + begin;
          for (std::int64_t n = type.stride; n < block; ++n) {
            row[n] = std::min(row[n], row[n - type.stride]);
          }
        }
      }
    }
    for (std::size_t o = 0; o < left.size(); ++o) {
      if (++left[o] <= all[o]) break;
      left[o] = 0;
    }
  }
}

double StrictBounds::price(int o, int a, const StrictCut& cut) const {
  double sum = prices_.energy * lattice_->energy_of(o, a, cut);
  lattice_->each_load(
      o, a, cut, [&](int resource, double cycles) { sum += prices_.cycles[z(resource)] * cycles; });
  return sum;
}

bool StrictBounds::cheapest(PlacedCuts& nodes) const {
  std::int64_t node = lattice_->full();
  CutsLeft left = lattice_->all_cuts();
  if (at(node, left) >= kNothing) return false;
  for (;;) {
    bool any = false;
    for (const auto count : left) any = any || count > 0;
    if (!any) return true;
    const double value = at(node, left);
    bool moved = false;
    for (const FactorType& type : lattice_->types()) {
      if (moved || lattice_->count_in(node, type) == 0) continue;
      if (at(node - type.stride, left) > value) continue;
      node -= type.stride;
      moved = true;
    }
    for (int o = 0; o < lattice_->problem().operands && !moved; ++o) {
      if (left[z(o)] == 0) continue;
      const int a = left[z(o)] - 1;
      if (!lattice_->may_lie(o, a, node) || !lattice_->cut(o, a, node).served) continue;
      CutsLeft less = left;
      --less[z(o)];
      if (price(o, a, lattice_->cut(o, a, node)) + at(node, less) > value) continue;
      nodes[z(o)][z(a)] = node;
      left = less;
      moved = true;
    }
    if (!moved) return false;
  }
}

}  // namespace ridgeline::search
