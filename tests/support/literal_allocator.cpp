#include <limits>

#include "tests/support/literal_parts.hpp"

namespace ridgeline::testing::literal {

namespace {

double tensor_size(const model::Layer& layer, const Operand& operand, const Loops& loops) {
  std::vector<double> range(layer.dims.size(), 1);
  for (const Loop& loop : loops) range[z(loop.dim)] *= loop.size;
  double size = 1;
  for (const int d : operand.classes.r) size *= range[z(d)];
  for (const auto& relation : layer.relations) {
    if (!operand.classes.pr) break;
    size *= extent(layer, relation, range[z(relation.dim[0])], range[z(relation.dim[1])]);
  }
  return size;
}

}  // namespace

bool allocate(const model::Layer& layer, const model::Accelerator& accelerator,
              const std::vector<int>& order, std::vector<Operand>& operands, const Loops& temporal,
              bool even) {
  struct State {
    Loops done;
    Loops open;
    int level = 0;
    int taken = 0;
  };
  std::vector<State> states(operands.size());
  for (std::size_t o = 0; o < operands.size(); ++o) {
    states[o] = {operands[o].real.s[0], temporal, 0, 0};
    operands[o].allocated.resize(operands[o].memories.size());
  }
  for (const int node : order) {
    const double capacity = static_cast<double>(accelerator.memories[z(node)].size);
    struct Listed {
      std::size_t operand;
      std::vector<int> k;
      std::vector<double> bits;
      std::vector<double> weight;
    };
    std::vector<Listed> listed;
    for (const MemoryOperand x : accelerator.memories[z(node)].operands) {
      for (std::size_t o = 0; o < operands.size(); ++o) {
        if (operands[o].memory_operand != x) continue;
        const Operand& operand = operands[o];
        const State& state = states[o];
        double p = operand.precision;
        if (operand.output) {
          bool partial = false;
          for (const Loop& loop : state.open) {
            partial = partial || operand.classes.ir.count(loop.dim) > 0;
          }
          for (std::size_t a = z(state.level + 1); a < operand.real.s.size(); ++a) {
            for (const Loop& loop : operand.real.s[a]) {
              partial = partial || operand.classes.ir.count(loop.dim) > 0;
            }
          }
          if (!partial) p = operand.final_precision;
        }
        Listed list{o, {}, {}, {}};
        for (int k = 0; k <= static_cast<int>(state.open.size()); ++k) {
          Loops loops = state.done;
          loops.insert(loops.end(), state.open.begin(), state.open.begin() + k);
          const double bits = p * tensor_size(layer, operand, loops);
          if (bits > capacity) break;
          double beyond = 1;
          for (std::size_t i = z(k); i < state.open.size(); ++i) beyond *= state.open[i].size;
          list.k.push_back(k);
          list.bits.push_back(bits);
          list.weight.push_back(bits * beyond);
        }
        if (list.k.empty()) return false;
        if (state.level + 1 == static_cast<int>(operand.memories.size())) {
          list.k = {list.k.back()};
          list.bits = {list.bits.back()};
          list.weight = {0};
        }
        listed.push_back(list);
      }
    }
    if (listed.empty()) continue;
    std::vector<std::size_t> at(listed.size(), 0);
    std::vector<int> choice(listed.size(), 0);
    double best = std::numeric_limits<double>::infinity();
    for (bool first = true, more = true; more; first = false) {
      double bits = 0;
      double weight = 0;
      for (std::size_t i = 0; i < listed.size(); ++i) {
        bits += listed[i].bits[at[i]];
        weight += listed[i].weight[at[i]];
      }
      bool allowed = bits <= capacity;
      if (!allowed && first) return false;
      for (std::size_t a = 0; a < listed.size() && even; ++a) {
        for (std::size_t b = 0; b < listed.size(); ++b) {
          const int end_a = states[listed[a].operand].taken + listed[a].k[at[a]];
          const int end_b = states[listed[b].operand].taken + listed[b].k[at[b]];
          if (listed[a].k[at[a]] > 0 && end_b < end_a) allowed = false;
        }
      }
      if (allowed && weight <= best) {
        best = weight;
        for (std::size_t i = 0; i < listed.size(); ++i) choice[i] = listed[i].k[at[i]];
      }
      std::size_t i = listed.size();
      while (i > 0 && ++at[i - 1] == listed[i - 1].k.size()) at[--i] = 0;
      more = i > 0;
    }
    for (std::size_t i = 0; i < listed.size(); ++i) {
      Operand& operand = operands[listed[i].operand];
      State& state = states[listed[i].operand];
      const auto end = state.open.begin() + choice[i];
      operand.allocated[z(state.level)] = Loops(state.open.begin(), end);
      state.done.insert(state.done.end(), state.open.begin(), end);
      state.open.erase(state.open.begin(), end);
      state.taken += choice[i];
      const Loops& next = operand.real.s[z(state.level + 1)];
      state.done.insert(state.done.end(), next.begin(), next.end());
      ++state.level;
      if (state.level == static_cast<int>(operand.memories.size()) && !state.open.empty()) {
        return false;
      }
    }
  }
  return true;
}

}  // namespace ridgeline::testing::literal
