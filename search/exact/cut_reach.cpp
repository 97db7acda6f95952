// What of a large lattice is kept: figures of nodes at which a cut may lie, and of one of two nodes
// that are each other's mirror image.
#include <algorithm>
#include <type_traits>

#include "model/core/assert.hpp"
#include "model/core/index.hpp"
#include "search/exact/cut_lattice.hpp"
#include "search/exact/large_table.hpp"

namespace ridgeline::search {

namespace {

using model::Problem;

// Pairs of dimensions that are exchanged together.
using Exchange = std::vector<std::pair<int, int>>;

bool has_unrolled(const model::OperandSpatial& spatial, int levels, int dim) {
  for (int i = 0; i < spatial.begin[z(levels + 1)]; ++i) {
    if (spatial.loops[z(i)].dim == dim && spatial.loops[z(i)].factor != 1) return true;
  }
  return false;
}

// Whether nothing that mappings cost depends on which of two dimensions is which.
bool alike(const Problem& p, const Exchange& pairs) {
  for (const auto& [d, e] : pairs) {
    if (p.temporal_size[z(d)] != p.temporal_size[z(e)]) return false;
    for (int o = 0; o < p.operands; ++o) {
      const model::ProblemOperand& operand = p.operand[z(o)];
      if ((operand.relevant >> d & 1u) != (operand.relevant >> e & 1u)) return false;
      if ((operand.irrelevant >> d & 1u) != (operand.irrelevant >> e & 1u)) return false;
      for (const model::OperandSpatial* spatial : {&operand.real, &operand.integer}) {
        if (has_unrolled(*spatial, operand.levels, d)) return false;
        if (has_unrolled(*spatial, operand.levels, e)) return false;
      }
    }
  }
  return true;
}

bool alike_relations(const Problem& p, int r, int s) {
  const model::ProblemRelation& one = p.relation[z(r)];
  const model::ProblemRelation& other = p.relation[z(s)];
  if (one.coefficient != other.coefficient || one.reduced != other.reduced ||
      one.size != other.size) {
    return false;
  }
  for (int o = 0; o < p.operands; ++o) {
    const model::ProblemOperand& operand = p.operand[z(o)];
    for (const model::OperandSpatial* spatial : {&operand.real, &operand.integer}) {
      for (int a = 0; a <= operand.levels; ++a) {
        for (int term = 0; term < 2; ++term) {
          if (spatial->extent[z(a)][z(2 * r + term)] != spatial->extent[z(a)][z(2 * s + term)]) {
            return false;
          }
        }
      }
    }
  }
  return true;
}

Exchange exchange_of(const Problem& p) {
  if (!p.whole) return {};  // fractional sizes depend on the order of products
  for (int r = 0; r < p.relations; ++r) {
    for (int s = r + 1; s < p.relations; ++s) {
      const Exchange pairs{{p.relation[z(r)].dim[0], p.relation[z(s)].dim[0]},
                           {p.relation[z(r)].dim[1], p.relation[z(s)].dim[1]}};
      if (alike_relations(p, r, s) && alike(p, pairs)) return pairs;
    }
  }
  std::vector<std::uint8_t> related(z(p.dims), 0);
  for (int r = 0; r < p.relations; ++r) {
    for (const int d : p.relation[z(r)].dim) related[z(d)] = 1;
  }
  for (int d = 0; d < p.dims; ++d) {
    for (int e = d + 1; e < p.dims; ++e) {
      if (related[z(d)] != 0 || related[z(e)] != 0 || p.temporal_size[z(d)] == 1) continue;
      if (alike(p, {{d, e}})) return {{d, e}};
    }
  }
  return {};
}

}  // namespace

// Where exchanging two dimensions makes no difference (the width and height of a square image),
// each node has the figures of its mirror image.
void CutLattice::find_orbits() {
  const Exchange pairs = exchange_of(problem_);
  if (pairs.empty()) return;
  std::vector<std::int64_t> stride;  // by type: that of the type which it becomes
  for (const FactorType& type : types_) {
    int dim = type.dim;
    for (const auto& [d, e] : pairs) {
      if (type.dim == d) dim = e;
      if (type.dim == e) dim = d;
    }
    for (const FactorType& other : types_) {
      if (other.dim == dim && other.prime == type.prime) stride.push_back(other.stride);
    }
  }
  if (stride.size() != types_.size()) return;
  auto orbits = std::make_shared<NodeOrbits>();
  orbits->of_node.assign(z(nodes_), 0);
  for (std::int64_t x = 0; x < nodes_; ++x) {
    std::int64_t mirror = 0;
    for (int t = 0; t < type_count(); ++t) mirror += count_in(x, t) * stride[z(t)];
    if (mirror < x) {
      const std::int32_t orbit = orbits->of_node[z(mirror)];
      orbits->of_node[z(x)] = orbit;
      orbits->second[z(orbit)] = static_cast<std::int32_t>(x);
    } else {
      orbits->of_node[z(x)] = static_cast<std::int32_t>(orbits->first.size());
      orbits->first.push_back(static_cast<std::int32_t>(x));
      orbits->second.push_back(static_cast<std::int32_t>(x));
    }
  }
  orbits_ = std::move(orbits);
}

// Keeps the figures of the nodes at which a cut may lie, and of all below them.
void CutLattice::leave_out(Cut& cut) {
  std::vector<std::uint8_t> open(z(nodes_), 0);
  std::vector<std::uint8_t> marked(z(orbits()), 0);
  for (std::int64_t x = 0; x < nodes_; ++x) {
    open[z(x)] = cut.energy[z(x)] < kInfeasible && !surely_too_large(cut, x);
    RIDGELINE_ASSERT(!orbits_ || cut.energy[z(x)] == cut.energy[z(orbits_->first[z(orbit(x))])]);
  }
  for (const FactorType& type : types_) {
    const std::int64_t group = type.stride * (type.count + 1);
    for (std::int64_t base = 0; base < nodes_; base += group) {
      for (std::int64_t x = base + group - type.stride - 1; x >= base; --x) {
        open[z(x)] |= open[z(x + type.stride)];
      }
    }
  }
  for (std::int64_t x = 0; x < nodes_; ++x) {
    if (open[z(x)] != 0) marked[z(orbit(x))] = 1;
  }
  marked.front() = 1;
  marked[z(orbit(full()))] = 1;
  NodeBlocks blocks(marked, orbits_);
  std::vector<std::pair<std::int64_t, std::int64_t>> kept_nodes;  // and their places
  for (std::int64_t x = 0; x < nodes_; ++x) {
    if (blocks.has(x)) kept_nodes.emplace_back(x, blocks.at(x));
  }
  const auto keep = [&](auto& row, std::size_t width, auto absent) {
    if (row.empty()) return;
    std::remove_reference_t<decltype(row)> kept;
    fill_large(kept, z(blocks.size()) * width, absent);
    for (const auto& [x, place] : kept_nodes) {
      std::copy_n(row.begin() + x * static_cast<std::int64_t>(width), width,
                  kept.begin() + place * static_cast<std::int64_t>(width));
    }
    row.swap(kept);
  };
  keep(cut.energy, 1, kInfeasible);
  keep(cut.bits_partial, 1, kInfeasible);
  keep(cut.bits_final, 1, kInfeasible);
  keep(cut.bits_most, 1, kInfeasible);
  for (auto* row : {&cut.loading, &cut.below_cycles, &cut.above_cycles}) keep(*row, 1, 0.0);
  for (auto* row : {&cut.comes_back, &cut.single_buffer, &cut.short_window, &cut.uncertain}) {
    keep(*row, 1, std::uint8_t{0});
  }
  keep(cut.shares, cut.own_ports.size(), PortShare{});
  cut.blocks = std::move(blocks);
}

}  // namespace ridgeline::search
