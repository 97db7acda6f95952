#include "search/exact/dominance.hpp"

#include <cmath>

#include "model/core/index.hpp"

namespace ridgeline::search {

namespace {

// Sums of energies in another order differ in the last bits; energies that are equal up to this
// count as equal. A chain is compared a few times at most.
constexpr double kDominanceTie = 1e-14;

}  // namespace

std::size_t ChainKeyHash::operator()(const ChainKey& key) const {
  std::uint64_t h = key.even_key;
  const auto mix = [&](std::uint64_t v) {
    h = (h ^ v) * 0x9E3779B97F4A7C15ull;
    h ^= h >> 29;
  };
  mix(static_cast<std::uint64_t>(key.state) << 32 | static_cast<std::uint32_t>(key.type));
  mix(static_cast<std::uint64_t>(key.zone) << 32 | static_cast<std::uint32_t>(key.zone_start));
  mix(static_cast<std::uint64_t>(key.floor_class[0]) << 32 | key.floor_class[1]);
  mix(key.floor_class[2]);
  return static_cast<std::size_t>(h);
}

Dominance::Dominance(const CutLattice& space, const ExactBounds& bounds, const Chains& chains,
                     bool prune)
    : space_(space),
      bounds_(bounds),
      chains_(chains),
      tracked_(space.tracked()),
      prune_(prune),
      shadows_(space.problem().operands == 3) {
  // Only inputs that never wait for each other load in each other's shadow.
  for (int c = 0; c < space.cut_count(); ++c) {
    if (space.cut(c).role == LoadingRole::together) shadows_ = false;
  }
  const double cycles = space.problem().cycles_per_operation;
  comparable_ = prune && space.all_tracked() && cycles == std::floor(cycles);
}

ChainKey Dominance::key_of(const Chain& c, std::int64_t node, Focus focus) const {
  ChainKey key{c.state, c.type, c.in_zone ? c.zone : -1, chains_.zone_key(c, node), {}, 0};
  key.even_key = c.even_key;
  if (focus == Focus::energy || focus == Focus::line) {
    key.type = -1;
    return key;
  }
  const LoadingType& type = bounds_.type(c.type);
  for (int o = 0; o < space_.problem().operands; ++o) {
    if (type.floor_matters[z(o)]) key.floor_class[z(o)] = c.floor_class[z(o)];
  }
  return key;
}

bool Dominance::may_stand_for_others(const Chain& chain, std::int64_t node, Focus focus) const {
  if (focus == Focus::line) return prune_;
  if (focus == Focus::energy) return prune_ && !chain.uncertain;
  return comparable_ && !bounds_.type(chain.type).opaque && chains_.exact_so_far(chain, node);
}

bool Dominance::dominates(std::int32_t a, std::int32_t b, std::int64_t node, Focus focus,
                          std::uint32_t doubtful_of_a, double stall_of_b) const {
  const double* x = chains_.paid(a);
  const double* y = chains_.paid(b);
  // What they pay at a line's prices is the caller's to compare.
  if (focus != Focus::latency && focus != Focus::line &&
      x[kPaidEnergy] > y[kPaidEnergy] * (1 + kDominanceTie)) {
    return false;
  }
  for (int i = chains_.first_bits(); i < chains_.width(); ++i) {
    if (x[i] > y[i]) return false;
  }
  if (focus == Focus::energy || focus == Focus::line) return true;
  const Chain& chain = chains_[a];
  const LoadingType& type = bounds_.type(chain.type);
  for (int i = 1; i < kPaidPorts; ++i) {
    if (x[i] > y[i] && !loads_in_shadow(chain, x, y, i, node)) return false;
  }
  // What only the cuts left will use is used alike by both.
  const std::uint32_t doubtful = doubtful_of_a & (chain.used_ports | chains_[b].used_ports);
  const double ideal = space_.iterations() * space_.problem().cycles_per_operation;
  for (int i = 0; i < tracked_; ++i) {
    const double* p = x + kPaidPorts + kPaidPortWidth * i;
    const double* q = y + kPaidPorts + kPaidPortWidth * i;
    const bool demands = (type.demand_ports >> i & 1u) != 0 && p[2] > q[2];
    if (type.stall_matters && (p[0] != q[0] || p[1] != q[1])) return false;
    const bool doubt = (doubtful >> i & 1u) != 0;
    if (p[0] <= q[0] && p[1] <= q[1] && !demands && !doubt) continue;
    // More is as good where it cannot bind.
    const PortShare most = bounds_.most_left(node, chain.left, i);
    if (p[0] > q[0] && p[0] + most.busy - ideal > stall_of_b) return false;
    if (doubt && p[0] + most.busy > stall_of_b) return false;
    if (p[1] > q[1] && p[1] + most.excess > stall_of_b) return false;
    if (demands) {
      const double bandwidth = space_.problem().port[z(space_.tracked_port(i))].bandwidth_max;
      const double spare = (1 - (p[2] + most.demand) / bandwidth) * ideal;
      if (spare < type.settled[z(i)]) return false;
    }
  }
  return true;
}

// Whether an input's separate loading, though longer in x than in y, surely takes no longer
// than the other input's, beside which it happens.
bool Dominance::loads_in_shadow(const Chain& chain, const double* x, const double* y, int figure,
                                std::int64_t node) const {
  const int o = figure - kPaidSeparate;
  if (!shadows_ || o < 1 || o > 2 || node == space_.full()) return false;
  const LoadingType& type = bounds_.type(chain.type);
  if (type.at_top[z(o)] > 0) return false;
  const double own = x[figure] + bounds_.most_loading(node, chain.left, o);
  const double other = y[kPaidSeparate + 3 - o] + type.least.separate[z(3 - o)] +
                       bounds_.least_loading(node, chain.left, 3 - o);
  return own <= other;
}

}  // namespace ridgeline::search
