// The core model of 2022: what of a layer on a core does not depend on the ordering of its loops.
#include <algorithm>
#include <cmath>

#include "model/depth_first/core_2022_moves.hpp"

namespace ridgeline::model {

namespace {

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
        for (const std::size_t d : {z(kRdLow), z(kWrLow), z(kRdHigh), z(kWrHigh)}) {
          const bool used = operand.output ? (d == kWrLow || d == kRdLow || !top)
                                           : (d == kRdLow || (d == kWrHigh && !top));
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

}  // namespace

std::variant<Core2022, std::string> compile_2022(const Layer& layer,
                                                 const std::vector<Relevance>& classes,
                                                 const Accelerator& accelerator,
                                                 const std::vector<OperandPlaces>& places,
                                                 const std::vector<Unrolling>& unrolls) {
  return Compiler2022(layer, classes, accelerator, places).run(unrolls);
}

}  // namespace ridgeline::model
