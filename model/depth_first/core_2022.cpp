#include "model/depth_first/core_2022.hpp"

#include <algorithm>
#include <cmath>

#include "model/depth_first/core_2022_latency.hpp"
#include "model/depth_first/core_2022_moves.hpp"

namespace ridgeline::model {

namespace {

Levels2022 levels_of(const Core2022& core, const Operand2022& operand, std::size_t version,
                     const Ordering& ordering, const std::array<std::uint8_t, kMaxLevels>& ends) {
  Levels2022 result;
  const OperandSpatial2022& spatial = operand.spatial[version];
  std::array<int, kMaxLevels> end;
  for (int l = 0; l < operand.levels; ++l) {
    end[z(l)] = ends[z(l)];
    if (l + 1 == operand.levels) continue;
    while (end[z(l)] < ordering.count && (operand.irrelevant >> ordering.dim[z(end[z(l)])] & 1u)) {
      ++end[z(l)];
    }
  }
  for (int l = 1; l < operand.levels; ++l) end[z(l)] = std::max(end[z(l)], end[z(l - 1)]);
  std::array<double, kMaxDims> size;
  size.fill(1);
  result.elements[0] = 1;
  result.period[0] = 1;
  result.top_relevant[0] = result.top_irrelevant[0] = 1;
  double product = 1;
  int begin = 0;
  for (int l = 0; l < operand.levels; ++l) {
    for (int i = begin; i < end[z(l)]; ++i) {
      size[ordering.dim[z(i)]] *= ordering.size[z(i)];
      product *= ordering.size[z(i)];
    }
    for (const SpatialPart2022& loop : spatial.loops[z(l)]) size[z(loop.dim)] *= loop.factor;
    double elements = 1;
    for (std::size_t d = 0; d < core.layer->dims.size(); ++d) {
      if (operand.relevant >> d & 1u) elements *= size[d];
    }
    for (const int r : operand.relations) {
      const DimRelation& relation = core.layer->relations[z(r)];
      elements *= relation_extent(relation, size[z(relation.dim[0])], size[z(relation.dim[1])]);
    }
    result.elements[z(l + 1)] = std::nearbyint(elements);
    result.period[z(l + 1)] = product;
    double relevant = 1;
    double irrelevant = 1;
    int i = end[z(l)] - 1;
    for (; i >= begin && (operand.relevant >> ordering.dim[z(i)] & 1u); --i) {
      relevant *= ordering.size[z(i)];
    }
    for (i = end[z(l)] - 1; i >= begin && (operand.irrelevant >> ordering.dim[z(i)] & 1u); --i) {
      irrelevant *= ordering.size[z(i)];
    }
    result.top_relevant[z(l + 1)] = relevant;
    result.top_irrelevant[z(l + 1)] = irrelevant;
    begin = end[z(l)];
  }
  result.iterations = product;
  if (operand.output) {
    // Nest A: architecture level a holds the temporal loops of memory a - 1, then its spatial ones.
    bool above = false;
    result.partial[z(operand.levels)] = false;
    for (int a = operand.levels; a >= 1; --a) {
      const int from = a >= 2 ? end[z(a - 2)] : 0;
      for (int i = from; i < end[z(a - 1)]; ++i) {
        above =
            above || ((operand.irrelevant >> ordering.dim[z(i)] & 1u) && ordering.size[z(i)] > 1);
      }
      for (const SpatialPart2022& loop : spatial.loops[z(a)]) {
        above = above || ((operand.irrelevant >> loop.dim & 1u) && loop.factor > 1);
      }
      result.partial[z(a - 1)] = above;
    }
  }
  return result;
}

Moves2022 moves_of(const Operand2022& operand, std::size_t version, const Levels2022& levels) {
  Moves2022 moves{};
  const OperandSpatial2022& spatial = operand.spatial[version];
  for (int l = 0; l < operand.levels; ++l) {
    const bool top = l + 1 == operand.levels;
    const double low_period = levels.period[z(l)];
    const double high_period = levels.period[z(l + 1)];
    const double low_amount = levels.elements[z(l)] * spatial.boost[z(l)];
    const double high_amount = levels.elements[z(l + 1)];
    const auto low = [&](double precision) {
      return Move2022{low_amount, precision, low_period, std::floor(levels.iterations / low_period),
                      std::floor(low_period / levels.top_irrelevant[z(l)])};
    };
    const auto high = [&](double precision) {
      return Move2022{high_amount, precision, high_period,
                      std::floor(levels.iterations / high_period),
                      std::floor(high_period / levels.top_irrelevant[z(l + 1)])};
    };
    if (!operand.output) {
      moves[z(l)][z(kRdLow)] = low(operand.precision);
      if (!top) moves[z(l)][z(kWrHigh)] = high(operand.precision);
      continue;
    }
    const bool low_partial = levels.partial[z(l)];
    moves[z(l)][z(kWrLow)] = low(low_partial ? operand.precision : operand.final_precision);
    if (low_partial) moves[z(l)][z(kRdLow)] = low(operand.precision);
    if (top) continue;
    const bool high_partial = levels.partial[z(l + 1)];
    moves[z(l)][z(kRdHigh)] = high(high_partial ? operand.precision : operand.final_precision);
    if (high_partial) moves[z(l)][z(kWrHigh)] = high(operand.precision);
  }
  return moves;
}

// Words of full bandwidth, over all instances.
double words(const Operand2022& operand, int l, std::size_t d, const Move2022& move) {
  if (move.amount == 0 || move.precision == 0 || move.count == 0) return 0;
  const OperandSpatial2022& spatial = operand.spatial[0];
  const double granule = operand.granule[z(l)][d];
  const double bandwidth = operand.bandwidth[z(l)][d];
  const double instances = spatial.count[z(l + 1)];
  const double part = granule / bandwidth;
  if (l == 0 || d == kRdHigh || d == kWrHigh) {
    return std::ceil(move.amount * move.precision / granule) * part * move.count * instances;
  }
  const double below = operand.bandwidth[z(l - 1)][z(d == kWrLow ? kRdHigh : kWrHigh)];
  const double chunk =
      std::min({below * spatial.unique[z(l)] / spatial.unique[z(l + 1)] / move.precision,
                bandwidth / move.precision, move.amount});
  const double chunks = std::ceil(move.amount / chunk);
  return std::ceil(chunk * move.precision / granule) * part * move.count * chunks * instances;
}

double level_energy(const Operand2022& operand, int l, const Moves2022& moves,
                    LevelFigures* figures = nullptr) {
  std::array<double, kDirections> energy;
  for (const std::size_t d : {z(kRdLow), z(kWrLow), z(kRdHigh), z(kWrHigh)}) {
    const double accesses = words(operand, l, d, moves[z(l)][d]);
    energy[d] = accesses * (d == kRdLow || d == kRdHigh ? operand.read[z(l)] : operand.write[z(l)]);
    if (figures != nullptr) {
      figures->accesses[d] = accesses;
      figures->energy[d] = energy[d];
    }
  }
  return (energy[z(kRdHigh)] + energy[z(kRdLow)]) + (energy[z(kWrHigh)] + energy[z(kWrLow)]);
}

bool overfull(const Core2022& core, const std::array<Levels2022, kMaxOperands>& levels) {
  for (const Memory2022& memory : core.memory) {
    double all = 0;
    bool innermost = false;
    for (const MemoryResident& resident : memory.residents) {
      const Operand2022& operand = core.operand[resident.operand];
      const double bits = held_bits(operand, levels[resident.operand], resident.level + 1);
      if (bits / memory.size > 1) return true;
      all += bits / memory.size;
      innermost = innermost || resident.level == 0;
    }
    if (!innermost && all > 1) return true;
  }
  return false;
}

}  // namespace

double energy_2022(const Core2022& core, const Ordering& ordering, const Cuts& cuts) {
  std::array<Levels2022, kMaxOperands> levels;
  double memory = 0;
  for (std::size_t o = 0; o < core.operand.size(); ++o) {
    levels[o] = levels_of(core, core.operand[o], 0, ordering, cuts.end[o]);
    const Moves2022 moves = moves_of(core.operand[o], 0, levels[o]);
    for (int l = 0; l < core.operand[o].levels; ++l) {
      memory += level_energy(core.operand[o], l, moves);
    }
  }
  if (overfull(core, levels)) return -1;
  return memory + core.mac_energy * core.macs;
}

Evaluation explain_2022(const Core2022& core, const Ordering& ordering, const Cuts& cuts) {
  Evaluation result;
  result.macs = core.macs;
  result.mac_energy = core.mac_energy * core.macs;
  std::array<Levels2022, kMaxOperands> real;
  std::array<Moves2022, kMaxOperands> whole_moves;
  for (std::size_t o = 0; o < core.operand.size(); ++o) {
    const Operand2022& operand = core.operand[o];
    real[o] = levels_of(core, operand, 0, ordering, cuts.end[o]);
    const Moves2022 moves = moves_of(operand, 0, real[o]);
    const Levels2022 whole = levels_of(core, operand, 1, ordering, cuts.end[o]);
    whole_moves[o] = moves_of(operand, 1, whole);
    OperandFigures figures;
    figures.operand = static_cast<int>(o);
    for (int l = 0; l < operand.levels; ++l) {
      LevelFigures level;
      const Memory2022& memory = core.memory[z(operand.memory[z(l)])];
      level.memory = memory.source;
      level.energy_total = level_energy(operand, l, moves, &level);
      level.utilization = held_bits(operand, real[o], l + 1) / memory.size;
      result.memory_energy += level.energy_total;
      figures.levels.push_back(level);
    }
    result.operands.push_back(std::move(figures));
  }
  result.cost.energy = result.memory_energy + result.mac_energy;
  const LatencyFigures& latency = result.latency = latency_2022(core, real, whole_moves);
  result.cost.latency = latency.total2;
  result.spatial_utilization = latency.ideal / latency.ideal_temporal;
  result.utilization = latency.ideal / latency.total2;
  return result;
}

}  // namespace ridgeline::model
