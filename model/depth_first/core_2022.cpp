#include "model/depth_first/core_2022.hpp"

#include <algorithm>
#include <cmath>
#include <numeric>

namespace ridgeline::model {

namespace {

constexpr auto kTl = static_cast<std::size_t>(Direction::rd_out_to_low);
constexpr auto kFl = static_cast<std::size_t>(Direction::wr_in_by_low);
constexpr auto kTh = static_cast<std::size_t>(Direction::rd_out_to_high);
constexpr auto kFh = static_cast<std::size_t>(Direction::wr_in_by_high);

std::size_t z(int i) {
  return static_cast<std::size_t>(i);
}

// Extent of a relation's data for perhaps fractional loops, truncated.
double relation_extent(const DimRelation& relation, double a, double b) {
  const std::int64_t g = std::gcd(relation.coefficient[0], relation.coefficient[1]);
  const double sa = static_cast<double>(relation.coefficient[0] / g);
  const double sb = static_cast<double>(relation.coefficient[1] / g);
  return std::trunc(a * b - std::max(0.0, b - sa) * (a - sb));
}

// What loops of one operand mean, walked from the innermost.
class Decoupler2022 {
 public:
  Decoupler2022(const Layer& layer, const Operand2022& operand) : layer_(layer), operand_(operand) {
    extent_.fill(1);
    relevant_.fill(1);
    repeated_.fill(1);
  }

  struct Parts {
    double relevant = 1;
    double irrelevant = 1;
  };

  Parts next(int dim, double size) {
    Parts parts;
    if (operand_.partial && (operand_.related >> dim & 1u)) {
      extent_[z(dim)] *= size;
      for (const int place : operand_.relations) {
        const DimRelation& relation = layer_.relations[z(place)];
        if (relation.dim[0] != dim && relation.dim[1] != dim) continue;
        const double a = extent_[z(relation.dim[0])];
        const double b = extent_[z(relation.dim[1])];
        const double relevant = relation_extent(relation, a, b);
        const double repeated = (a * b) / relevant;
        parts.relevant *= relevant / relevant_[z(place)];
        parts.irrelevant *= repeated / repeated_[z(place)];
        relevant_[z(place)] = relevant;
        repeated_[z(place)] = repeated;
      }
    } else if (operand_.relevant >> dim & 1u) {
      parts.relevant = size;
    } else if (operand_.irrelevant >> dim & 1u) {
      parts.irrelevant = size;
    }
    return parts;
  }

 private:
  const Layer& layer_;
  const Operand2022& operand_;
  std::array<double, kMaxDims> extent_;
  std::array<double, kMaxRelations> relevant_;
  std::array<double, kMaxRelations> repeated_;
};

struct PortOfMemory {
  int port = -1;  // place in Memory::ports
  double bandwidth = 0;
  double granule = 0;
};

PortOfMemory port_for(const Memory& memory, MemoryOperand operand, std::size_t direction) {
  for (std::size_t p = 0; p < memory.ports.size(); ++p) {
    for (const auto& [who, what] : memory.ports[p].allocation) {
      if (who == operand && static_cast<std::size_t>(what) == direction) {
        return {static_cast<int>(p), static_cast<double>(memory.ports[p].bandwidth_max),
                static_cast<double>(memory.ports[p].bandwidth_min)};
      }
    }
  }
  return {};
}

bool serves(const Memory& memory, int array_dim) {
  return std::find(memory.served_dims.begin(), memory.served_dims.end(), array_dim) !=
         memory.served_dims.end();
}

class Compiler2022 {
 public:
  Compiler2022(const Layer& layer, const std::vector<Relevance>& classes,
               const Accelerator& accelerator, const std::vector<OperandPlaces>& places)
      : layer_(layer), classes_(classes), accelerator_(accelerator), places_(places) {}

  std::variant<Core2022, std::string> run(const std::vector<Unrolling>& unrolls) {
    if (layer_.dims.size() > kMaxDims) return "more than 16 loop dimensions";
    if (layer_.relations.size() > kMaxRelations) return "more than 4 dimension relations";
    if (layer_.operands.size() > kMaxOperands) return "more than two inputs";
    core_.layer = &layer_;
    core_.mac_energy = accelerator_.array.unit_energy;
    core_.units = static_cast<double>(accelerator_.array.units());
    core_.macs = 1;
    for (const LoopDim& dim : layer_.dims) core_.macs *= static_cast<double>(dim.size);
    for (std::size_t o = 0; o < layer_.operands.size(); ++o) {
      if (places_[o].memories.empty()) return "no memory stores " + layer_.operands[o].name;
      if (places_[o].memories.size() > kMaxLevels) return "more than 8 memory levels";
      compile_operand(o);
    }
    compile_spatial(unrolls);
    if (!fault_.empty()) return fault_;
    compile_memories();
    if (!fault_.empty()) return fault_;
    return std::move(core_);
  }

 private:
  void compile_operand(std::size_t o) {
    const LayerOperand& source = layer_.operands[o];
    Operand2022 operand;
    operand.levels = static_cast<int>(places_[o].memories.size());
    operand.output = o == 0;
    operand.partial = classes_[o].partial;
    operand.relevant = classes_[o].relevant;
    operand.irrelevant = classes_[o].irrelevant;
    for (const OperandIndex& index : source.indices) {
      if (!index.is_relation) continue;
      operand.relations.push_back(index.index);
      for (const int dim : layer_.relations[z(index.index)].dim) operand.related |= 1u << dim;
    }
    operand.precision = static_cast<double>(source.precision);
    operand.final_precision =
        o == 0 ? static_cast<double>(layer_.output_final_precision) : operand.precision;
    core_.operand.push_back(std::move(operand));
  }

  void compile_spatial(const std::vector<Unrolling>& unrolls) {
    std::vector<double> remaining;
    for (const LoopDim& dim : layer_.dims) remaining.push_back(static_cast<double>(dim.size));
    struct Spread {
      int array_dim;
      int dim;
      double real;
    };
    std::vector<Spread> spread;
    for (const Unrolling& unroll : unrolls) {
      const double size = static_cast<double>(layer_.dims[z(unroll.dim)].size);
      const double lanes = static_cast<double>(accelerator_.array.dims[z(unroll.array_dim)].size);
      const double u = std::min({static_cast<double>(unroll.factor), lanes, size});
      const double rounds = std::ceil(size / u);
      spread.push_back({unroll.array_dim, unroll.dim, size / rounds});
      double& rest = remaining[z(unroll.dim)];
      rest = std::ceil(rest / spread.back().real);
    }
    for (const double rest : remaining) {
      core_.temporal_size.push_back(static_cast<std::int64_t>(rest));
    }
    for (std::size_t v = 0; v < 2; ++v) {
      for (std::size_t o = 0; o < core_.operand.size(); ++o) {
        Operand2022& operand = core_.operand[o];
        OperandSpatial2022& spatial = operand.spatial[v];
        for (const Spread& one : spread) {
          std::size_t level = 0;
          while (level < z(operand.levels) &&
                 !serves(accelerator_.memories[z(places_[o].memories[level])], one.array_dim)) {
            ++level;
          }
          spatial.loops[level].push_back({one.dim, v == 0 ? one.real : std::ceil(one.real)});
        }
      }
      if (!count_units(v)) return;
    }
  }

  bool count_units(std::size_t v) {
    std::vector<std::array<double, kMaxLevels + 2>> exact(core_.operand.size());
    for (std::size_t o = 0; o < core_.operand.size(); ++o) {
      Operand2022& operand = core_.operand[o];
      OperandSpatial2022& spatial = operand.spatial[v];
      const int top = operand.levels;
      std::array<double, kMaxLevels + 2> relevant;
      std::array<double, kMaxLevels + 2> all;
      Decoupler2022 walk(layer_, operand);
      for (int a = 0; a <= top; ++a) {
        relevant[z(a)] = all[z(a)] = 1;
        for (const SpatialPart2022& loop : spatial.loops[z(a)]) {
          const auto parts = walk.next(loop.dim, loop.factor);
          relevant[z(a)] *= parts.relevant;
          all[z(a)] *= parts.relevant;
          all[z(a)] *= parts.irrelevant;
        }
      }
      for (int a = 0; a <= top; ++a) {
        spatial.unique[z(a)] = 1;
        exact[o][z(a)] = 1;
        for (int b = a; b <= top; ++b) {
          spatial.unique[z(a)] *= relevant[z(b)];
          exact[o][z(a)] *= all[z(b)];
        }
      }
      for (int a = 0; a < top; ++a) {
        spatial.boost[z(a)] = std::trunc(spatial.unique[z(a)] / spatial.unique[z(a + 1)]);
      }
      spatial.boost[z(top)] = 1;
    }
    const auto nearest = [](double x) { return std::nearbyint(x); };
    const auto up = [](double x) { return std::ceil(x); };
    const auto down = [](double x) { return std::floor(x); };
    const auto agree = [&](auto rounding) {
      for (std::size_t o = 0; o < core_.operand.size(); ++o) {
        OperandSpatial2022& spatial = core_.operand[o].spatial[v];
        for (int a = 0; a <= core_.operand[o].levels; ++a) {
          spatial.count[z(a)] = rounding(exact[o][z(a)]);
        }
      }
      return std::all_of(core_.operand.begin(), core_.operand.end(), [&](const Operand2022& one) {
        return one.spatial[v].count[0] == core_.operand.front().spatial[v].count[0];
      });
    };
    if (agree(nearest) || agree(up) || agree(down)) return true;
    fault_ = "operands would use different numbers of array units";
    return false;
  }

  void compile_memories() {
    for (std::size_t m = 0; m < accelerator_.memories.size(); ++m) {
      const Memory& source = accelerator_.memories[m];
      Memory2022 memory;
      memory.source = static_cast<int>(m);
      memory.size = static_cast<double>(source.size);
      memory.latency = static_cast<double>(source.latency);
      const auto add = [&](std::size_t o) {
        const auto& list = places_[o].memories;
        const auto it = std::find(list.begin(), list.end(), static_cast<int>(m));
        if (it == list.end()) return;
        memory.residents.push_back(
            {static_cast<std::uint8_t>(o), static_cast<std::uint8_t>(it - list.begin())});
      };
      // Two inputs with the same link: the second one stands behind all others.
      std::vector<std::size_t> rest;
      for (const MemoryOperand name : source.operands) {
        bool first = true;
        for (std::size_t o = 0; o < places_.size(); ++o) {
          if (places_[o].link != name) continue;
          if (first) {
            add(o);
          } else {
            rest.push_back(o);
          }
          first = false;
        }
      }
      for (const std::size_t o : rest) add(o);
      if (memory.residents.empty()) continue;
      const int base = core_.ports;
      core_.ports += static_cast<int>(source.ports.size());
      for (const MemoryResident& resident : memory.residents) {
        Operand2022& operand = core_.operand[resident.operand];
        const std::size_t level = resident.level;
        operand.memory[level] = static_cast<int>(core_.memory.size());
        operand.read[level] = source.r_cost;
        operand.write[level] = source.w_cost;
        for (std::size_t d = 0; d < kDirections; ++d) {
          const PortOfMemory port = port_for(source, places_[resident.operand].link, d);
          operand.bandwidth[level][d] = port.bandwidth;
          operand.granule[level][d] = port.granule;
          operand.port[level][d] = port.port < 0 ? -1 : base + port.port;
        }
      }
      core_.memory.push_back(std::move(memory));
    }
    for (std::size_t o = 0; o < core_.operand.size(); ++o) {
      const Operand2022& operand = core_.operand[o];
      for (int l = 0; l < operand.levels; ++l) {
        const bool top = l + 1 == operand.levels;
        for (const std::size_t d : {kTl, kFl, kTh, kFh}) {
          const bool used =
              operand.output ? (d == kFl || d == kTl || !top) : (d == kTl || (d == kFh && !top));
          if (used && operand.port[z(l)][d] < 0) {
            fault_ = "no port of memory " +
                     accelerator_.memories[z(places_[o].memories[z(l)])].name + " serves " +
                     std::string(to_string(static_cast<Direction>(d))) + " of operand " +
                     layer_.operands[o].name;
            return;
          }
        }
      }
    }
  }

  const Layer& layer_;
  const std::vector<Relevance>& classes_;
  const Accelerator& accelerator_;
  const std::vector<OperandPlaces>& places_;
  Core2022 core_;
  std::string fault_;
};

// Elements of an operand over loops of these sizes, each rounded up.
double tensor_elements(const Core2022& core, const Operand2022& operand,
                       const std::array<double, kMaxDims>& size) {
  double elements = 1;
  for (std::size_t d = 0; d < core.layer->dims.size(); ++d) {
    if (operand.relevant >> d & 1u) elements *= std::ceil(size[d]);
  }
  for (const int r : operand.relations) {
    const DimRelation& relation = core.layer->relations[z(r)];
    elements *= relation_extent(relation, std::ceil(size[z(relation.dim[0])]),
                                std::ceil(size[z(relation.dim[1])]));
  }
  return elements;
}

// Everything that depends on the ordering, of one operand and version.
struct Levels2022 {
  std::array<double, kMaxLevels + 1> elements{};  // in one instance of memory a - 1
  std::array<bool, kMaxLevels + 2> partial{};     // partial sums from architecture level i up
  std::array<double, kMaxLevels + 1> period{};    // cyc
  std::array<double, kMaxLevels + 1> top_relevant{};
  std::array<double, kMaxLevels + 1> top_irrelevant{};
  double iterations = 1;
};

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

// One direction of one level.
struct Move {
  double amount = 0;  // elements a period
  double precision = 0;
  double period = 0;
  double count = 0;   // periods
  double window = 0;  // cycles without double buffering
};

using Moves = std::array<std::array<Move, kDirections>, kMaxLevels>;

Moves moves_of(const Operand2022& operand, std::size_t version, const Levels2022& levels) {
  Moves moves{};
  const OperandSpatial2022& spatial = operand.spatial[version];
  for (int l = 0; l < operand.levels; ++l) {
    const bool top = l + 1 == operand.levels;
    const double low_period = levels.period[z(l)];
    const double high_period = levels.period[z(l + 1)];
    const double low_amount = levels.elements[z(l)] * spatial.boost[z(l)];
    const double high_amount = levels.elements[z(l + 1)];
    const auto low = [&](double precision) {
      return Move{low_amount, precision, low_period, std::floor(levels.iterations / low_period),
                  std::floor(low_period / levels.top_irrelevant[z(l)])};
    };
    const auto high = [&](double precision) {
      return Move{high_amount, precision, high_period, std::floor(levels.iterations / high_period),
                  std::floor(high_period / levels.top_irrelevant[z(l + 1)])};
    };
    if (!operand.output) {
      moves[z(l)][kTl] = low(operand.precision);
      if (!top) moves[z(l)][kFh] = high(operand.precision);
      continue;
    }
    const bool low_partial = levels.partial[z(l)];
    moves[z(l)][kFl] = low(low_partial ? operand.precision : operand.final_precision);
    if (low_partial) moves[z(l)][kTl] = low(operand.precision);
    if (top) continue;
    const bool high_partial = levels.partial[z(l + 1)];
    moves[z(l)][kTh] = high(high_partial ? operand.precision : operand.final_precision);
    if (high_partial) moves[z(l)][kFh] = high(operand.precision);
  }
  return moves;
}

// Words of full bandwidth, over all instances.
double words(const Operand2022& operand, int l, std::size_t d, const Move& move) {
  if (move.amount == 0 || move.precision == 0 || move.count == 0) return 0;
  const OperandSpatial2022& spatial = operand.spatial[0];
  const double granule = operand.granule[z(l)][d];
  const double bandwidth = operand.bandwidth[z(l)][d];
  const double instances = spatial.count[z(l + 1)];
  const double part = granule / bandwidth;
  if (l == 0 || d == kTh || d == kFh) {
    return std::ceil(move.amount * move.precision / granule) * part * move.count * instances;
  }
  const double below = operand.bandwidth[z(l - 1)][d == kFl ? kTh : kFh];
  const double chunk =
      std::min({below * spatial.unique[z(l)] / spatial.unique[z(l + 1)] / move.precision,
                bandwidth / move.precision, move.amount});
  const double chunks = std::ceil(move.amount / chunk);
  return std::ceil(chunk * move.precision / granule) * part * move.count * chunks * instances;
}

double level_energy(const Operand2022& operand, int l, const Moves& moves,
                    LevelFigures* figures = nullptr) {
  std::array<double, kDirections> energy;
  for (const std::size_t d : {kTl, kFl, kTh, kFh}) {
    const double accesses = words(operand, l, d, moves[z(l)][d]);
    energy[d] = accesses * (d == kTl || d == kTh ? operand.read[z(l)] : operand.write[z(l)]);
    if (figures != nullptr) {
      figures->accesses[d] = accesses;
      figures->energy[d] = energy[d];
    }
  }
  return (energy[kTh] + energy[kTl]) + (energy[kFh] + energy[kFl]);
}

// Bits that the levels of an operand hold.
double held_bits(const Operand2022& operand, const Levels2022& levels, int a) {
  const bool partial = operand.output && levels.partial[z(a)];
  return levels.elements[z(a)] * (partial ? operand.precision : operand.final_precision);
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

// Which levels are double buffered: by operand, index level + 1 (0: the array).
using Buffers = std::array<std::array<bool, kMaxLevels + 1>, kMaxOperands>;

Buffers double_buffers(const Core2022& core, const std::array<Levels2022, kMaxOperands>& levels) {
  std::vector<double> used(core.memory.size(), 0);
  const auto share = [&](std::size_t o, int l) {
    const Operand2022& operand = core.operand[o];
    const double live =
        std::floor(held_bits(operand, levels[o], l + 1) / levels[o].top_relevant[z(l + 1)]);
    return live / core.memory[z(operand.memory[z(l)])].size;
  };
  for (std::size_t o = 0; o < core.operand.size(); ++o) {
    for (int l = 0; l < core.operand[o].levels; ++l) {
      used[z(core.operand[o].memory[z(l)])] += share(o, l);
    }
  }
  Buffers buffers{};
  for (std::size_t o = 0; o < core.operand.size(); ++o) {
    for (int l = 0; l < core.operand[o].levels; ++l) {
      double& all = used[z(core.operand[o].memory[z(l)])];
      const double own = share(o, l);
      if (all <= 0.5) {
        buffers[o][z(l + 1)] = true;
      } else if (own <= 1 - all) {
        buffers[o][z(l + 1)] = true;
        all += own;
      }
    }
  }
  return buffers;
}

struct Activity {
  double period = 0;
  double count = 0;
  double allowed = 0;
  double real = 0;
};

// Cycles in which at least one activity may move data. Periods are nested.
double window_union(const std::vector<Activity>& activities) {
  for (const Activity& one : activities) {
    if (one.period == one.allowed) return one.period * one.count;
  }
  std::vector<Activity> sorted = activities;
  std::stable_sort(sorted.begin(), sorted.end(),
                   [](const Activity& a, const Activity& b) { return a.period < b.period; });
  // Of the first k activities: cycles covered in [0, x).
  const auto covered = [&](const auto& self, std::size_t k, double x) -> double {
    if (k == 0 || x <= 0) return 0;
    const Activity& outer = sorted[k - 1];
    const double rounds = std::floor(x / outer.period);
    const auto within = [&](double y) {  // of one period
      const double open = std::min(y, outer.allowed);
      return open + self(self, k - 1, y) - self(self, k - 1, open);
    };
    const double rest = x - rounds * outer.period;
    return (rounds > 0 ? rounds * within(outer.period) : 0) + (rest > 0 ? within(rest) : 0);
  };
  const Activity& longest = sorted.back();
  return covered(covered, sorted.size(), longest.period) * longest.count;
}

double largest_stall(const Core2022& core, const std::array<Moves, kMaxOperands>& moves,
                     const Buffers& buffers) {
  std::vector<std::vector<Activity>> ports(z(core.ports));
  for (std::size_t o = 0; o < core.operand.size(); ++o) {
    const Operand2022& operand = core.operand[o];
    for (int l = 0; l < operand.levels; ++l) {
      for (const std::size_t d : {kTl, kFl, kTh, kFh}) {
        const Move& move = moves[o][z(l)][d];
        if (move.count == 0 || operand.port[z(l)][d] < 0) continue;
        const bool high = d == kTh || d == kFh;
        const bool buffered = buffers[o][z(high ? l + 1 : l)];
        ports[z(operand.port[z(l)][d])].push_back(
            {move.period, move.count, buffered ? move.period : move.window,
             std::ceil(move.amount * move.precision / operand.bandwidth[z(l)][d])});
      }
    }
  }
  double stall = 0;
  for (const auto& list : ports) {
    if (list.empty()) continue;
    double positive = 0;
    double rest = 0;
    double windows = 0;
    for (const Activity& one : list) {
      const double slack = (one.real - one.allowed) * (one.count - 1);
      (slack > 0 ? positive : rest) += slack;
      windows += one.allowed * (one.count - 1);
    }
    const double port = list.size() == 1
                            ? positive + rest
                            : positive + std::max(0.0, rest + windows - window_union(list));
    stall = std::max(stall, port);
  }
  return stall;
}

double real_cycles(const Operand2022& operand, const Moves& moves, int l, std::size_t d) {
  const Move& move = moves[z(l)][d];
  if (move.count == 0) return 0;
  return std::ceil(move.amount * move.precision / operand.bandwidth[z(l)][d]);
}

double loading(const Core2022& core, const std::array<Moves, kMaxOperands>& moves) {
  struct Parts {
    double individual = 0;
    double half = 0;
    double shared = 0;
  };
  const auto uses = [&](std::size_t o, int port) {
    const Operand2022& operand = core.operand[o];
    for (int l = 0; l < operand.levels; ++l) {
      for (const std::size_t d : {kTl, kFl, kTh, kFh}) {
        if (operand.port[z(l)][d] == port) return true;
      }
    }
    return false;
  };
  const std::size_t inputs = core.operand.size() - 1;
  std::array<Parts, 2> parts;
  for (std::size_t i = 0; i < inputs; ++i) {
    const std::size_t o = i + 1;
    const Operand2022& operand = core.operand[o];
    for (int l = 0; l + 1 < operand.levels; ++l) {
      const double cycles = std::max(real_cycles(operand, moves[o], l, kFh),
                                     real_cycles(operand, moves[o], l + 1, kTl));
      int shared = 0;
      if (inputs == 2) {
        const std::size_t other = o == 1 ? 2 : 1;
        shared = (uses(other, operand.port[z(l)][kFh]) ? 1 : 0) +
                 (uses(other, operand.port[z(l + 1)][kTl]) ? 1 : 0);
      }
      if (shared == 0) {
        parts[i].individual += cycles;
      } else if (shared == 2) {
        parts[i].shared += cycles;
      } else {
        parts[i].half = cycles;
      }
    }
  }
  if (inputs == 1) return parts[0].individual;
  const auto order = [&](const Parts& a, const Parts& b) {
    return a.shared + std::max(b.shared + b.half + b.individual, a.half + a.individual);
  };
  return std::min(order(parts[0], parts[1]), order(parts[1], parts[0]));
}

double offloading(const Core2022& core, const Moves& moves) {
  const Operand2022& output = core.operand.front();
  double cycles = 0;
  for (int l = 0; l + 1 < output.levels; ++l) {
    if (l + 2 == output.levels) {
      cycles +=
          std::max(real_cycles(output, moves, l, kTh), real_cycles(output, moves, l + 1, kFl));
    } else {
      cycles += core.memory[z(output.memory[z(l + 1)])].latency;
    }
  }
  return cycles;
}

}  // namespace

std::variant<Core2022, std::string> compile_2022(const Layer& layer,
                                                 const std::vector<Relevance>& classes,
                                                 const Accelerator& accelerator,
                                                 const std::vector<OperandPlaces>& places,
                                                 const std::vector<Unrolling>& unrolls) {
  return Compiler2022(layer, classes, accelerator, places).run(unrolls);
}

bool allocate_2022(const Core2022& core, const Ordering& ordering, Cuts& cuts) {
  std::array<int, kMaxOperands> done{};  // loops that are allocated
  std::array<std::array<double, kMaxDims>, kMaxOperands> size;
  std::array<double, kMaxOperands> left;
  for (std::size_t o = 0; o < core.operand.size(); ++o) {
    size[o].fill(1);
    for (const SpatialPart2022& loop : core.operand[o].spatial[0].loops[0]) {
      size[o][z(loop.dim)] *= loop.factor;
    }
    left[o] = 1;
    for (int i = 0; i < ordering.count; ++i) left[o] *= ordering.size[z(i)];
  }
  struct Choice {
    int loops;
    double bits;
    double left;  // product of the loops beyond
  };
  for (const Memory2022& memory : core.memory) {
    std::array<std::vector<Choice>, kMaxOperands> choices;
    const std::size_t residents = memory.residents.size();
    for (std::size_t r = 0; r < residents; ++r) {
      const std::size_t o = memory.residents[r].operand;
      const Operand2022& operand = core.operand[o];
      double precision = operand.final_precision;
      if (operand.output) {
        for (int i = done[o]; i < ordering.count; ++i) {
          if (operand.irrelevant >> ordering.dim[z(i)] & 1u) precision = operand.precision;
        }
      }
      std::array<double, kMaxDims> reached = size[o];
      double rest = left[o];
      for (int i = done[o];; ++i) {
        const double bits = tensor_elements(core, operand, reached) * precision;
        if (bits > memory.size) break;
        choices[r].push_back({i - done[o], bits, rest});
        if (i == ordering.count) break;
        reached[ordering.dim[z(i)]] *= ordering.size[z(i)];
        rest /= ordering.size[z(i)];
      }
      if (choices[r].empty()) return false;
      if (memory.residents[r].level + 1 == operand.levels) {
        if (done[o] + choices[r].back().loops < ordering.count) return false;
        choices[r] = {{choices[r].back().loops, choices[r].back().bits, 0}};
      }
    }
    // The last resident's choice runs fastest; of equals the last one wins.
    std::array<std::size_t, kMaxOperands> place{};
    std::array<std::size_t, kMaxOperands> best{};
    double least = 0;
    bool any = false;
    for (bool more = true; more;) {
      double bits = 0;
      double cost = 0;
      for (std::size_t r = 0; r < residents; ++r) {
        const Choice& one = choices[r][place[r]];
        bits += one.bits;
        cost += one.left * one.bits;
      }
      if (bits <= memory.size && (!any || cost <= least)) {
        any = true;
        least = cost;
        best = place;
      }
      more = false;
      for (std::size_t r = residents; r-- > 0;) {
        if (++place[r] < choices[r].size()) {
          more = true;
          break;
        }
        place[r] = 0;
      }
    }
    for (std::size_t r = 0; r < residents; ++r) {
      const std::size_t o = memory.residents[r].operand;
      const std::size_t level = memory.residents[r].level;
      const Operand2022& operand = core.operand[o];
      const int taken = any ? choices[r][best[r]].loops : 0;
      if (level + 1 == z(operand.levels) && done[o] + taken < ordering.count) return false;
      for (int i = done[o]; i < done[o] + taken; ++i) {
        size[o][ordering.dim[z(i)]] *= ordering.size[z(i)];
        left[o] /= ordering.size[z(i)];
      }
      done[o] += taken;
      cuts.end[o][level] = static_cast<std::uint8_t>(done[o]);
      for (const SpatialPart2022& loop : operand.spatial[0].loops[level + 1]) {
        size[o][z(loop.dim)] *= loop.factor;
      }
    }
  }
  return true;
}

double energy_2022(const Core2022& core, const Ordering& ordering, const Cuts& cuts) {
  std::array<Levels2022, kMaxOperands> levels;
  double memory = 0;
  for (std::size_t o = 0; o < core.operand.size(); ++o) {
    levels[o] = levels_of(core, core.operand[o], 0, ordering, cuts.end[o]);
    const Moves moves = moves_of(core.operand[o], 0, levels[o]);
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
  std::array<Moves, kMaxOperands> whole_moves;
  for (std::size_t o = 0; o < core.operand.size(); ++o) {
    const Operand2022& operand = core.operand[o];
    real[o] = levels_of(core, operand, 0, ordering, cuts.end[o]);
    const Moves moves = moves_of(operand, 0, real[o]);
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
  const Buffers buffers = double_buffers(core, real);
  result.cost.energy = result.memory_energy + result.mac_energy;
  LatencyFigures& latency = result.latency;
  latency.ideal = std::ceil(core.macs / core.units);
  latency.ideal_temporal = real[0].iterations;
  latency.stall = largest_stall(core, whole_moves, buffers);
  latency.onload = loading(core, whole_moves);
  latency.offload = offloading(core, whole_moves[0]);
  latency.total0 = latency.ideal_temporal + latency.stall;
  latency.total1 = latency.total0 + latency.onload;
  latency.total2 = latency.total1 + latency.offload;
  result.cost.latency = latency.total2;
  result.spatial_utilization = latency.ideal / latency.ideal_temporal;
  result.utilization = latency.ideal / latency.total2;
  return result;
}

}  // namespace ridgeline::model
