#include "search/exact/strict_chains.hpp"

#include <algorithm>
#include <array>

#include "model/core/index.hpp"

namespace ridgeline::search {

using model::StrictCut;

StrictChains::StrictChains(const StrictLattice& lattice, const StrictTables& tables)
    : lattice_(lattice),
      tables_(tables),
      problem_(lattice.problem()),
      resources_(lattice.resources()),
      stride_(z(lattice.resources() + problem_.memories)),
      outputs_(lattice) {}

void StrictChains::add_root() {
  StrictChain root;
  root.node = static_cast<std::int32_t>(lattice_.full());
  root.left = lattice_.all_cuts();
  root.sums = lattice_.whole();
  chains_.push_back(root);
  loads_.resize(stride_, 0);
  // What lies in memories whatever the cuts.
  const auto& all = lattice_.inside(lattice_.full());
  for (int o = 0; o < problem_.operands; ++o) {
    const model::ProblemOperand& operand = problem_.operand[z(o)];
    const int top = operand.levels - 1;
    loads_[z(resources_ + operand.memory[z(top)])] +=
        std::min(operand.precision, operand.final_precision) *
        model::largest_tile(problem_, o, top, all);
  }
  known_.push_back(known_of_last());
}

std::int32_t StrictChains::add(std::int32_t from, int o, std::int64_t node) {
  const StrictChain& before = (*this)[from];
  const int a = before.left[z(o)] - 1;
  if (!lattice_.may_lie(o, a, node)) return -1;
  const StrictCut* cut = o == 0 ? &outputs_.at(a, node, before.sums) : &lattice_.cut(o, a, node);
  if (!cut->served) return -1;
  StrictChain next = before;
  const double outer = o == 0 ? largest_of(from, a + 1) : 0;
  next.parent = from;
  next.operand = static_cast<std::int8_t>(o);
  next.level = static_cast<std::int8_t>(a);
  next.node = static_cast<std::int32_t>(node);
  --next.left[z(o)];
  next.energy += lattice_.energy_of(o, a, *cut);
  next.largest = cut->largest;
  next.close = false;
  next.cut = cut;
  if (o == 0) {
    next.sums = cut->sums;
    next.sums.stay = before.sums.stay | cut->sums.stay;
  }
  std::array<double, kMaxResources> more{};
  lattice_.add_loads(o, a, *cut, more);
  const std::size_t begin = loads_.size();
  loads_.resize(begin + stride_);
  double* loads = loads_.data() + begin;
  const double* loads_before = loads_.data() + z(from) * stride_;
  std::copy(loads_before, loads_before + stride_, loads);
  for (int r = 0; r < resources_; ++r) loads[r] += more[z(r)];
  const model::ProblemOperand& operand = problem_.operand[z(o)];
  bool fits = true;
  const auto hold = [&](int m, double bits) {
    const int memory = operand.memory[z(m)];
    if (m + 1 < operand.levels && model::has_forced_buffers(problem_, memory)) bits *= 2;
    double& sum = loads[resources_ + memory];
    sum += bits;
    fits = fits && sum <= problem_.memory[z(memory)].size;
  };
  if (a > 0) hold(a - 1, cut->largest * std::min(operand.precision, operand.final_precision));
  if (o == 0 && (next.sums.stay >> a & 1u) && operand.precision > operand.final_precision) {
    hold(a, outer * (operand.precision - operand.final_precision));
  }
  if (!fits) {
    loads_.resize(begin);
    return -1;
  }
  chains_.push_back(next);
  known_.push_back(known_of_last());
  return static_cast<std::int32_t>(chains_.size() - 1);
}

void StrictChains::forget() {
  chains_.pop_back();
  known_.pop_back();
  loads_.resize(loads_.size() - stride_);
}

StrictLeast StrictChains::least(std::int32_t chain, std::int64_t node) const {
  return tables_.least(known_[z(chain)], chains_[z(chain)].left, node);
}

void StrictChains::look_closer(std::int32_t place) {
  StrictChain& chain = chains_[z(place)];
  chain.close = true;
  model::SomeLinks links{};
  for (std::int32_t i = place; chains_[z(i)].parent >= 0; i = chains_[z(i)].parent) {
    links[z(chains_[z(i)].operand)][z(chains_[z(i)].level)] = &chains_[z(i)].cut->link;
  }
  chain.cycles = model::latency_of_some(problem_, lattice_.iterations(), links);
  known_[z(place)].latency = std::max(known_[z(place)].latency, chain.cycles);
}

PlacedCuts StrictChains::placed(std::int32_t chain) const {
  PlacedCuts nodes{};
  for (; chains_[z(chain)].parent >= 0; chain = chains_[z(chain)].parent) {
    const StrictChain& one = chains_[z(chain)];
    nodes[z(one.operand)][z(one.level)] = one.node;
  }
  return nodes;
}

std::int64_t StrictChains::bytes() const {
  return static_cast<std::int64_t>(loads_.size() * sizeof(double) +
                                   chains_.size() * (sizeof(StrictChain) + sizeof(StrictKnown))) +
         outputs_.bytes();
}

// Elements of the output's tile below level a.
double StrictChains::largest_of(std::int32_t chain, int a) const {
  if (a == lattice_.cuts_of(0)) {
    return model::largest_tile(problem_, 0, a - 1, lattice_.inside(lattice_.full()));
  }
  while (chains_[z(chain)].operand != 0 || chains_[z(chain)].level != a) {
    chain = chains_[z(chain)].parent;
  }
  return chains_[z(chain)].largest;
}

StrictKnown StrictChains::known_of_last() const {
  const double* loads = loads_.data() + loads_.size() - stride_;
  return tables_.known(chains_.back().energy, loads, chains_.back().cycles);
}

}  // namespace ridgeline::search
