#include "search/exact/chains.hpp"

#include <algorithm>
#include <cmath>

#include "model/core/index.hpp"

namespace ridgeline::search {

namespace {

// Ports that a cut at a node uses.
std::uint32_t ports_of(const Cut& cut, std::int64_t node) {
  const bool back = !cut.stationary && cut.comes_back[cut.at(node)] != 0;
  return cut.ports | (back ? cut.partial_ports : 0u);
}
// Adds the ports of a transfer to those used and, where they were, to those shared.
void use(std::uint32_t ports, std::uint32_t& used, std::uint32_t& shared) {
  shared |= used & ports;
  used |= ports;
}

}  // namespace

Chains::Chains(const CutLattice& space, ExactBounds& bounds, const ChainOrderings& leaf,
               const std::vector<LoopConstraint>& constraints, const PrefixNodes& prefix, bool even)
    : space_(space),
      bounds_(bounds),
      leaf_(leaf),
      constraints_(constraints),
      prefix_(prefix),
      even_(even),
      tracked_(space.tracked()) {
  const model::Problem& p = space_.problem();
  width_ = paid_width(space_);
  pending_ = kPaidPorts + kPaidPortWidth * tracked_;
  for (int m = 0; m < p.memories; ++m) shared_place_.push_back(paid_bits_place(space_, m));
  paid_.restart(width_);
  for (int o = 1; o < p.operands; ++o) always_wide_ |= space_.cut(o, 0).ports;
  // The array writes an output each cycle, and where partial sums come back reads one.
  for (const auto direction : {model::Direction::wr_in_by_low, model::Direction::rd_out_to_low}) {
    const int i = space_.tracked_place(space_.port_of(0, 0, static_cast<int>(direction)));
    if (i >= 0 && space_.constant_share(i).busy > 0) always_wide_ |= 1u << i;
  }
}

void Chains::restart() {
  const model::Problem& p = space_.problem();
  chains_.restart(1);
  paid_.restart(width_);
  paid_next_ = paid_.tail();
  Chain& root = *chains_.tail();
  root = {};
  // The array's own transfers of the output share their ports with others.
  for (const auto direction : {model::Direction::wr_in_by_low, model::Direction::rd_out_to_low}) {
    const int i = space_.tracked_place(space_.port_of(0, 0, static_cast<int>(direction)));
    if (i >= 0) use(1u << i, root.used_ports, root.shared_ports);
  }
  root.mark = root.upper_mark = root.zone_start = static_cast<std::int32_t>(space_.full());
  root.zone = static_cast<std::int16_t>(constraints_.size());
  for (int o = 0; o < p.operands; ++o) {
    root.left[z(o)] = static_cast<std::uint8_t>(space_.cuts_of(o));
  }
  root.state = bounds_.all_left();
  root.type = static_cast<std::int16_t>(bounds_.type_index(root.at_top));
  std::fill(paid_next_, paid_next_ + width_, 0.0);
  paid_next_[kPaidEnergy] = space_.constant_energy();
  paid_next_[kPaidOffload] = p.drain;
  for (int i = 0; i < tracked_; ++i) {
    double* port = &paid_next_[z(kPaidPorts + kPaidPortWidth * i)];
    port[0] = space_.constant_share(i).busy;
    port[1] = space_.constant_share(i).excess;
    port[2] = space_.constant_share(i).demand;
    port[3] = space_.constant_share(i).cycles;
  }
  for (int o = 0; o < p.operands; ++o) {
    const int m = p.operand[z(o)].memory[z(p.operand[z(o)].levels - 1)];
    if (shared_place_[z(m)] >= 0) {
      paid_next_[z(shared_place_[z(m)])] += leaf_.top_bits(o, space_.full());
    }
  }
}

std::int32_t Chains::commit() {
  chains_.commit();
  paid_.commit();
  return static_cast<std::int32_t>(chains_.size()) - 1;
}

void Chains::drop_last() {
  shrink(chains_.size() - 1);
}

void Chains::keep(std::int32_t first, const std::vector<std::int32_t>& place) {
  for (std::size_t i = 0; i < place.size(); ++i) {
    if (place[i] < 0) continue;
    const std::size_t from = z(first) + i;
    const std::size_t to = z(place[i]);
    chains_.copy(from, to);
    Chain& moved = *chains_[to];
    if (moved.above >= first) moved.above = place[z(moved.above - first)];
    paid_.copy(from, to);
  }
}

void Chains::shrink(std::size_t count) {
  chains_.shrink(count);
  paid_.shrink(count);
}

bool Chains::may_take(const Chain& chain, std::int64_t node, int type) const {
  const std::int64_t next = node - space_.type(type).stride;
  if (!chain.in_zone) return prefix_.outside(next);
  return space_.type(type).dim == constraints_[z(chain.zone - 1)].dim && prefix_.inside(next);
}

std::int32_t Chains::zone_key(const Chain& chain, std::int64_t node) const {
  if (!chain.in_zone) return 0;
  if (chain.zone == 0 || constraints_[z(chain.zone - 1)].size) return chain.zone_start;
  return chain.zone_start == node ? 0 : 1;
}

std::uint8_t Chains::operands_of(std::uint32_t cuts) const {
  std::uint8_t mask = 0;
  for (int o = 0; o < space_.problem().operands; ++o) {
    const std::uint32_t own = ((1u << space_.cuts_of(o)) - 1) << space_.first_cut(o);
    if (cuts & own) mask |= static_cast<std::uint8_t>(1u << o);
  }
  return mask;
}

bool Chains::has_other_loop(std::int64_t outer, std::int64_t inner, std::uint8_t operands) const {
  for (int t = 0; t < space_.type_count(); ++t) {
    if ((space_.type(t).irrelevant_to & operands) == 0 &&
        space_.count_in(outer, t) > space_.count_in(inner, t)) {
      return true;
    }
  }
  return false;
}

// Whether the loops between two nodes can begin (from the outside) with one that is irrelevant
// to none of `top` and end with one that is irrelevant to none of `bottom`.
bool Chains::can_hold(std::int64_t outer, std::int64_t inner, std::uint8_t top,
                      std::uint8_t bottom) const {
  int loops = 0;
  int tops = 0;
  int bottoms = 0;
  int both = 0;
  for (int t = 0; t < space_.type_count(); ++t) {
    const int count = space_.count_in(outer, t) - space_.count_in(inner, t);
    const bool is_top = (space_.type(t).irrelevant_to & top) == 0;
    const bool is_bottom = (space_.type(t).irrelevant_to & bottom) == 0;
    loops += count;
    tops += is_top ? count : 0;
    bottoms += is_bottom ? count : 0;
    both += is_top && is_bottom ? count : 0;
  }
  if (tops == 0 || bottoms == 0) return false;
  return top == 0 || loops == 1 || tops > both || bottoms > both || both > 1;
}

// Those of the anchored cuts at a chain's mark.
std::uint32_t Chains::anchored_ports(const Chain& chain, std::uint32_t cuts) const {
  std::uint32_t ports = 0;
  for (int c = 0; c < space_.cut_count(); ++c) {
    if (cuts & chain.anchored & (1u << c)) ports |= ports_of(space_.cut(c), chain.mark);
  }
  return ports;
}

std::uint32_t Chains::doubtful_ports(const Chain& chain, std::int64_t node) const {
  std::uint32_t wide = chain.wide_ports | always_wide_;
  if (chain.anchored != 0 &&
      has_other_loop(chain.mark, node, operands_of(chain.tight | chain.anchored))) {
    wide |= anchored_ports(chain, ~0u);
  } else if (chain.tight != 0 && has_other_loop(chain.mark, node, operands_of(chain.tight))) {
    wide |= anchored_ports(chain, chain.tight);
  }
  std::uint32_t used = chain.used_ports;
  std::uint32_t shared = chain.shared_ports;
  for (int o = 0; o < space_.problem().operands; ++o) {
    for (int i = 0; i < chain.left[z(o)]; ++i) {
      use(space_.cut(o, i).ports, used, shared);
      use(space_.cut(o, i).partial_ports, used, shared);
    }
  }
  return shared & ~wide;
}

// Constraints on the innermost loops: each is a run of factors of one dimension.

bool Chains::zones_met(const Chain& chain, std::int64_t node) const {
  if (chain.in_zone) return node == 0 && chain.zone == 0;
  return chain.zone == 0;
}

// Whether the constraint in hand may begin above `node`.
bool Chains::zone_complete(const Chain& chain, std::int64_t node) const {
  if (!chain.in_zone) return true;
  if (chain.zone == 0) return false;
  const LoopConstraint& constraint = constraints_[z(chain.zone - 1)];
  const double product = space_.cycles(chain.zone_start) / space_.cycles(node);
  if (product == 1) return false;
  return !constraint.size || static_cast<double>(*constraint.size) == product;
}

bool Chains::end_zone(std::int32_t id, std::int64_t node) {
  const Chain& chain = (*this)[id];
  if (constraints_.empty() || !zone_complete(chain, node)) return false;
  if (!chain.in_zone && !prefix_.may_end(node)) return false;
  Chain& next = *chains_.tail();
  paid_next_ = paid_.tail();
  next = chain;
  next.above = id;
  next.operand = -1;
  if (chain.in_zone) --next.zone;
  if (next.zone == 0 && node != 0) return false;
  next.in_zone = true;
  next.zone_start = static_cast<std::int32_t>(node);
  std::copy_n(paid(id), width_, paid_next_);
  if (node != chain.mark) pass_mark(chain, node, next);
  next.mark = static_cast<std::int32_t>(node);
  return true;
}

// Accounts for the loops between a chain's mark and the next one. A tight cut below which only
// irrelevant loops have come so far stays open: its windows are shorter by their product.
// Others need a loop that ends their levels and is irrelevant to none of them.
void Chains::pass_mark(const Chain& chain, std::int64_t node, Chain& next) {
  next.tight = 0;
  next.anchored = 0;
  next.upper_mark = chain.mark;
  next.upper_top = 0;
  next.anchors = 0;
  // Cuts above all loops are anchored without being tight: their windows only matter to
  // others on their ports.
  if (chain.anchored != 0 &&
      has_other_loop(chain.mark, node, operands_of(chain.tight | chain.anchored))) {
    next.upper_top = operands_of(chain.tight | chain.anchored);
    next.wide_ports |= anchored_ports(chain, ~0u);
    return;
  }
  if (chain.tight == 0) return;
  std::uint32_t ended = 0;
  for (int place = 0; place < space_.cut_count(); ++place) {
    const std::uint32_t bit = 1u << place;
    if (!(chain.tight & bit)) continue;
    const Cut& cut = space_.cut(place);
    const auto own = static_cast<std::uint8_t>(1u << cut.operand);
    if (has_other_loop(chain.mark, node, own)) {
      ended |= bit;
      continue;
    }
    const std::int64_t mark = mark_of(chain, cut.operand, place - space_.first_cut(cut.operand));
    if (cut.single_buffer[cut.at(mark)] == 0 || space_.problem().cycles_per_operation != 1) {
      next.dirty |= bit;
      continue;
    }
    next.tight |= bit;
    if (!only_sums_) shorten_windows(cut, mark, space_.cycles(chain.mark), space_.cycles(node));
  }
  if (ended == 0) return;
  if (!has_other_loop(chain.mark, node, operands_of(ended))) {
    next.dirty |= ended;
    return;
  }
  next.upper_top = operands_of(ended);
  next.wide_ports |= anchored_ports(chain, ended);
}

// Adds to the excess of a cut's ports what follows from windows of `after` cycles instead of
// `before`.
void Chains::shorten_windows(const Cut& cut, std::int64_t mark, double before, double after) {
  const double count = std::floor(space_.iterations() / space_.cycles(mark));
  if (!cut.longest_window.empty()) {
    const double most = cut.longest_window[cut.at(mark)];
    before = std::min(before, most);
    after = std::min(after, most);
  }
  space_.for_transfers(cut, mark, [&](int place, double cycles) {
    paid_next_[z(kPaidPorts + kPaidPortWidth * place + 1)] +=
        (std::max(0.0, cycles - after) - std::max(0.0, cycles - before)) * (count - 1);
  });
}

bool Chains::place_cut(std::int32_t id, int o, std::int64_t node) {
  const Chain& chain = (*this)[id];
  if (chain.left[z(o)] == 0) return false;
  const int index = chain.left[z(o)] - 1;
  const int place = space_.first_cut(o) + index;
  const Cut& cut = space_.cut(place);
  const double energy = cut.energy[cut.at(node)];
  if (energy >= CutLattice::kInfeasible || bounds_.surely_too_large(cut, node)) return false;

  Chain& next = *chains_.tail();
  paid_next_ = paid_.tail();
  next = chain;
  next.above = id;
  next.operand = static_cast<std::int8_t>(o);
  next.left[z(o)]--;
  next.state = bounds_.placed(chain.state, o, node);
  if (next.state < 0) return false;
  if (cut.uncertain[cut.at(node)]) next.uncertain = true;
  const bool at_top = node == space_.full();
  if (at_top) {
    next.at_top[z(o)]++;
    next.type = static_cast<std::int16_t>(bounds_.type_index(next.at_top));
  }
  std::copy_n(paid(id), width_, paid_next_);
  if (node != chain.mark) pass_mark(chain, node, next);
  next.mark = static_cast<std::int32_t>(node);
  paid_next_[kPaidEnergy] += energy;
  const PortShare* share = cut.shares_at(node);
  for (const int i : cut.own_ports) {
    double* port = &paid_next_[z(kPaidPorts + kPaidPortWidth * i)];
    port[0] += share->busy;
    port[1] += share->excess;
    port[2] += share->demand;
    port[3] += share->cycles;
    ++share;
  }
  if (!at_top) {
    if (cut.role == LoadingRole::separate) {
      paid_next_[z(kPaidSeparate + o)] += cut.loading[cut.at(node)];
    } else if (cut.role == LoadingRole::together) {
      paid_next_[z(kPaidTogether + o)] += cut.loading[cut.at(node)];
    } else if (cut.role == LoadingRole::offload) {
      paid_next_[kPaidOffload] += cut.loading[cut.at(node)];
    }
  }
  if (o == 0 && !settle_output(chain, next, node)) return false;
  use(cut.ports, next.used_ports, next.shared_ports);
  use(ports_of(cut, node) & cut.partial_ports, next.used_ports, next.shared_ports);
  if (cut.stationary) {
    next.wide_ports |= cut.ports;
  } else {
    if (!store(cut, place, node, next)) return false;
    if (cut.level == 1) {
      next.floor_class[z(o)] = bounds_.floor_class(o, node);
    }
    // A level without loops ends with no irrelevant one; one with irrelevant loops only is
    // accounted for.
    if (index + 1 < space_.cuts_of(o)) next.tight &= ~(1u << (place + 1));
    if (index + 1 < space_.cuts_of(o)) next.anchored &= ~(1u << (place + 1));
  }
  if (even_) {
    next.even_key = (next.even_key + static_cast<std::uint64_t>(node) + 1) * 0x9E3779B97F4A7C15ull ^
                    static_cast<std::uint64_t>(place);
  }
  return true;
}

// The tile above the output's last cut is sized with partial sums if irrelevant loops lie
// outside of where its level begins, which is known now.
bool Chains::settle_output(const Chain& chain, Chain& next, std::int64_t node) {
  const int above = chain.left[0];  // index of the last cut
  if (above == space_.cuts_of(0)) {
    const int m = space_.problem().operand[0].memory[z(above)];
    const double more = leaf_.top_bits(0, node) - leaf_.top_bits(0, space_.full());
    const double size = space_.problem().memory[z(m)].size;
    if (shared_place_[z(m)] < 0) {
      if (leaf_.top_bits(0, node) > size) return false;
    } else if ((paid_next_[z(shared_place_[z(m)])] += more) > size) {
      return false;
    }
  } else {
    const Cut& cut = space_.cut(0, above);
    const std::int64_t mark = chain.output_mark;
    const bool partial =
        space_.problem().operand[0].real.irrelevant_from[z(cut.level)] || !space_.reduced(node);
    const double bits = (partial ? cut.bits_partial : cut.bits_final)[cut.at(mark)];
    const double size = space_.problem().memory[z(cut.memory)].size;
    if (bits > size) return false;
    const int place = shared_place_[z(cut.memory)];
    if (place >= 0) {
      double& used = paid_next_[z(place)];
      used += bits - bounds_.least_bits(cut, mark);
      if (used > size) return false;
    }
  }
  paid_next_[z(pending_)] = 0;
  next.output_mark = static_cast<std::int32_t>(node);
  return true;
}

// Puts the tile below a cut into its memory, and notes whether there is room for a second one.
bool Chains::store(const Cut& cut, int place, std::int64_t node, Chain& next) {
  const model::ProblemMemory& memory = space_.problem().memory[z(cut.memory)];
  const std::uint32_t bit = 1u << place;
  const double bits = bounds_.least_bits(cut, node);
  if (cut.operand == 0) {
    const bool may_grow = cut.level > 1 && cut.bits_partial[cut.at(node)] > bits;
    paid_next_[z(pending_)] = may_grow ? cut.bits_partial[cut.at(node)] : bits;
  }
  bool roomy = false;
  if (memory.count == 1) {
    roomy = cut.bits_most[cut.at(node)] <= 0.5 * memory.size;
  } else {
    double& used = paid_next_[z(shared_place_[z(cut.memory)])];
    used += bits;
    if (used > memory.size) return false;
    double most = 0;
    if (fullest(cut.memory, next, most) && most <= 0.5 * memory.size) {
      roomy = true;
      for (int i = 0; i < memory.count; ++i) {
        const model::MemoryResident& resident = memory.residents[z(i)];
        if (resident.level + 1 == space_.problem().operand[resident.operand].levels) continue;
        const int other = space_.first_cut(resident.operand) +
                          (resident.operand == 0 ? resident.level : resident.level + 1);
        next.dirty &= ~(1u << other);
        next.tight &= ~(1u << other);
        next.anchored &= ~(1u << other);
        const Cut& mate = space_.cut(other);
        const int index = other - space_.first_cut(mate.operand);
        next.wide_ports |= ports_of(mate, mark_of(next, mate.operand, index));
      }
    }
  }
  if (roomy) {
    next.wide_ports |= ports_of(cut, node);
    return true;
  }
  // What moves once waits for no window.
  if (cut.short_window[cut.at(node)]) return true;
  if (node == space_.full()) {
    next.anchored |= bit;
    return true;
  }
  next.tight |= bit;
  const auto anchors = static_cast<std::uint8_t>(next.anchors | 1u << cut.operand);
  if (can_hold(next.upper_mark, node, next.upper_top, anchors)) {
    next.anchors = anchors;
    next.anchored |= bit;
  }
  return true;
}

// Bits in a shared memory at most; false while some of its residents' cuts are not placed.
bool Chains::fullest(int m, const Chain& chain, double& bits) const {
  const model::ProblemMemory& memory = space_.problem().memory[z(m)];
  bits = 0;
  for (int i = 0; i < memory.count; ++i) {
    const int o = memory.residents[z(i)].operand;
    const int level = memory.residents[z(i)].level;
    if (level + 1 == space_.problem().operand[z(o)].levels) {
      bits += leaf_.most_top_bits(o);
      continue;
    }
    const int index = o == 0 ? level : level + 1;
    if (chain.left[z(o)] > index) return false;
    const Cut& cut = space_.cut(o, index);
    bits += cut.bits_most[cut.at(mark_of(chain, o, index))];
  }
  return true;
}

// Node of a placed cut.
std::int64_t Chains::mark_of(const Chain& chain, int o, int index) const {
  const Chain* c = &chain;
  while (!(c->operand == o && c->left[z(o)] == index)) c = &(*this)[c->above];
  return c->mark;
}

}  // namespace ridgeline::search
