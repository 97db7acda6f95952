#include "search/mapping/problem_key.hpp"

#include <algorithm>
#include <vector>

#include "model/core/index.hpp"
#include "search/mapping/content_key.hpp"

namespace ridgeline::search {
namespace {

// `literal`: figures are products in the order of the loops, to the last digit. Otherwise it is no
// matter in how many parts a loop is unrolled between two memories.
void add_spatial(const model::OperandSpatial& spatial, int levels, int relations, bool literal,
                 ContentKey& key) {
  key.number(spatial.whole);
  literal = literal || !spatial.whole;
  for (int a = 0; a <= levels; ++a) {
    std::vector<model::UnrolledLoop> loops;
    for (int i = spatial.begin[z(a)]; i < spatial.begin[z(a + 1)]; ++i) {
      const model::UnrolledLoop& loop = spatial.loops[z(i)];
      const auto same = std::find_if(loops.begin(), loops.end(),
                                     [&](const auto& other) { return other.dim == loop.dim; });
      if (!literal && loop.factor == 1) continue;
      if (!literal && same != loops.end()) {
        same->factor *= loop.factor;
      } else {
        loops.push_back(loop);
      }
    }
    if (!literal) {
      std::sort(loops.begin(), loops.end(),
                [](const auto& x, const auto& y) { return x.dim < y.dim; });
    }
    key.list(loops, [&](const model::UnrolledLoop& loop) {
      key.number(loop.dim);
      key.real(loop.factor);
    });
    key.real(spatial.units[z(a)]);
    key.real(spatial.unique_units[z(a)]);
    key.real(spatial.boost[z(a)]);
    key.real(spatial.relevant_product[z(a)]);
    for (int r = 0; r < 2 * relations; ++r) key.real(spatial.extent[z(a)][z(r)]);
    key.number(spatial.irrelevant_from[z(a)]);
    key.number(spatial.reduced_from[z(a)]);
  }
}

void add_structure(const model::Problem& p, ContentKey& key) {
  key.number(p.dims);
  for (int d = 0; d < p.dims; ++d) key.number(p.temporal_size[z(d)]);
  key.number(p.relations);
  for (int r = 0; r < p.relations; ++r) {
    const model::ProblemRelation& relation = p.relation[z(r)];
    for (std::size_t t = 0; t < 2; ++t) {
      key.number(relation.dim[t]);
      key.real(relation.reduced[t]);
    }
    key.real(relation.size);
  }
  key.number(p.whole);
  key.number(p.repeats_are_free);
  key.number(p.rules_of_2023);
  key.real(p.cycles_per_operation);
  key.number(p.operands);
  for (int o = 0; o < p.operands; ++o) {
    const model::ProblemOperand& operand = p.operand[z(o)];
    key.number(operand.levels);
    key.number(operand.output);
    key.number(operand.partial);
    key.number(operand.relevant);
    key.number(operand.irrelevant);
    key.real(operand.precision);
    key.real(operand.final_precision);
    key.real(operand.elements);
    for (int m = 0; m < operand.levels; ++m) {
      key.number(operand.memory[z(m)]);
      key.number(operand.shared_ports[z(m)]);
      for (int d = 0; d < model::kDirections; ++d) {
        key.real(operand.bandwidth_min[z(m)][z(d)]);
        key.number(operand.bandwidth_max[z(m)][z(d)] > 0);
      }
    }
    const bool literal = operand.output && operand.partial;
    add_spatial(operand.real, operand.levels, p.relations, literal, key);
    add_spatial(operand.integer, operand.levels, p.relations, literal, key);
  }
  key.number(p.memories);
  for (int m = 0; m < p.memories; ++m) {
    key.number(p.memory[z(m)].count);
    for (int i = 0; i < p.memory[z(m)].count; ++i) {
      key.number(p.memory[z(m)].residents[z(i)].operand);
      key.number(p.memory[z(m)].residents[z(i)].level);
    }
  }
}

// What differs where structures are equal: sizes, costs, bandwidths.
void add_figures(const model::Problem& p, ContentKey& key) {
  key.real(p.macs);
  key.real(p.ideal_cycles);
  key.real(p.mac_energy);
  key.real(p.drain);
  for (int r = 0; r < p.relations; ++r) {
    for (const double coefficient : p.relation[z(r)].coefficient) key.real(coefficient);
  }
  for (int d = 0; d < p.dims; ++d) key.number(p.relation_slot[z(d)]);
  for (int o = 0; o < p.operands; ++o) {
    const model::ProblemOperand& operand = p.operand[z(o)];
    key.number(operand.relevant_count);
    for (int i = 0; i < operand.relevant_count; ++i) key.number(operand.relevant_dims[z(i)]);
    for (int m = 0; m < operand.levels; ++m) {
      key.real(operand.read_cost[z(m)]);
      key.real(operand.write_cost[z(m)]);
      for (int d = 0; d < model::kDirections; ++d) {
        key.real(operand.bandwidth_max[z(m)][z(d)]);
        key.number(operand.transfer[z(m)][z(d)].link);
      }
    }
  }
  for (int m = 0; m < p.memories; ++m) {
    key.real(p.memory[z(m)].size);
    key.number(p.topological_order[z(m)]);
  }
  key.number(p.ports);
  for (int i = 0; i < p.ports; ++i) {
    const model::ProblemPort& port = p.port[z(i)];
    key.real(port.bandwidth_max);
    key.number(port.memory);
    key.number(port.begin);
    key.number(port.end);
  }
  key.number(p.links);
  for (int l = 0; l < p.links; ++l) {
    const model::PortLink& link = p.link[z(l)];
    key.number(link.operand);
    key.number(link.level);
    key.number(link.direction);
  }
}

}  // namespace

std::string structure_key(const model::Problem& problem) {
  ContentKey key;
  add_structure(problem, key);
  return key.take();
}

std::string problem_key(const model::Problem& problem) {
  ContentKey key;
  add_structure(problem, key);
  add_figures(problem, key);
  return key.take();
}

}  // namespace ridgeline::search
