#include "model/core/in_memory_array.hpp"

#include <algorithm>
#include <cmath>
#include <numeric>

#include "model/core/name_order.hpp"

namespace ridgeline::model {
namespace {

// 28 nm; docs/in-memory.md, section 1. Written as the source has them, so that sums are the same to
// the last bit.
constexpr double kSupply = 0.9;                      // V
constexpr double kNand = 0.7 / 1e3;                  // pF
constexpr double kWordLine = (0.7 / 2) / 1e3;        // pF a cell
constexpr double kBitLine = (0.7 / 2) / 1e3;         // pF a cell
constexpr double kXor = (0.7 * 1.5) / 1e3;           // pF
constexpr double kFlipFlop = (0.7 * 3) / 1e3;        // pF
constexpr double kNandArea = 0.614 / 1e6;            // mm2
constexpr double kXorArea = (0.614 * 2.4) / 1e6;     // mm2
constexpr double kFlipFlopArea = (0.614 * 6) / 1e6;  // mm2
constexpr double kNandDelay = 0.0478;                // ns
constexpr double kXorDelay = 0.0478 * 2.4;           // ns
constexpr double kSquare = kSupply * kSupply;

// Full adders.
const double kAdderEnergy = (3 * kNand + 2 * kXor) * kSquare;
const double kQuietAdderEnergy = (2 * kXor) * kSquare;  // one input does not change
constexpr double kAdderArea = 3 * kNandArea + 2 * kXorArea;
constexpr double kSumDelay = 2 * kXorDelay;
constexpr double kToCarryDelay = kXorDelay + 2 * kNandDelay;
constexpr double kCarryDelay = 2 * kNandDelay;
const double kMultiplierEnergy = (0.5 * kNand) * kSquare;
const double kRegisterEnergy = kFlipFlop * kSquare;

// The array's dimensions as word lines, bit lines and banks, and the structures that follow.
struct Geometry {
  const InMemoryCompute& imc;
  int word_dim = -1;  // place in OperationalArray::dims
  int bit_dim = -1;
  double columns = 1;  // N_wl
  double rows = 1;     // N_bl
  double banks = 1;
  double passes = 1;
  double input_bits;  // of a pass
  double weight_bits;
  double resolution;  // of a converter; 0: digital
  double tree_depth = 0;
  double tree_width = 0;   // bits that leave a regular tree
  double tree_adders = 0;  // full adders of one
  double place_inputs = 1;
  double place_input_width = 0;
  double place_adders = 0;
  double place_width = 0;
  double accumulator_width = 0;  // 0: none is needed

  explicit Geometry(const Accelerator& accelerator) : imc(*accelerator.array.imc) {
    const auto& dims = accelerator.array.dims;
    std::vector<int> sorted(dims.size());
    std::iota(sorted.begin(), sorted.end(), 0);
    const auto place = [](int i) { return static_cast<std::size_t>(i); };
    std::stable_sort(sorted.begin(), sorted.end(),
                     [&](int a, int b) { return dims[place(a)].name < dims[place(b)].name; });
    for (std::size_t i = 0; i < sorted.size(); ++i) {
      const auto size = static_cast<double>(dims[place(sorted[i])].size);
      if (i == 0) {
        word_dim = sorted[i];
        columns = size;
      } else if (i == 1) {
        bit_dim = sorted[i];
        rows = size;
      } else {
        banks *= size;
      }
    }
    passes = serial_passes(imc);
    input_bits = imc.bit_serial_precision;
    weight_bits = static_cast<double>(imc.weight_precision);
    resolution = imc.analog ? imc.adc_resolution : 0;
    const auto activation_bits = static_cast<double>(imc.activation_precision);
    if (!imc.analog) {
      tree_depth = std::log2(rows);
      tree_width = weight_bits + tree_depth;
      tree_adders = rows * (weight_bits + 1) - (weight_bits + tree_depth + 1);
    }
    place_inputs = imc.analog ? weight_bits : input_bits;
    place_input_width = imc.analog ? resolution : tree_width;
    if (place_inputs != 1) {
      place_adders =
          place_input_width * (place_inputs - 1) + place_inputs * (std::log2(place_inputs) - 0.5);
    }
    place_width = place_inputs == 1 ? place_input_width : place_inputs + place_input_width;
    if (input_bits != activation_bits) {
      accumulator_width = imc.analog ? activation_bits + resolution + weight_bits
                                     : activation_bits + tree_depth + weight_bits;
    }
  }

  double multipliers() const {  // of one bit
    return imc.analog ? weight_bits * columns * rows * banks
                      : input_bits * weight_bits * columns * rows * banks;
  }
  double converter_area() const {  // of one ADC
    if (resolution == 0 || resolution == 1) return 0;
    return std::pow(10, -0.0369 * resolution + 1.206) * std::pow(2, resolution) * 1e-6;
  }
  double converter_delay() const {
    return resolution == 0 ? 0 : resolution * (0.00653 * rows + 0.640);
  }
  double converter_energy() const {
    if (resolution == 0) return 0;
    return ((100 * resolution + 0.001 * std::pow(4, resolution)) * kSquare) / 1000;
  }
  double driver_energy() const {  // of one DAC
    return imc.analog && input_bits != 1 ? (0.05 * input_bits) * kSquare : 0;
  }
};

const Memory* cells_of(const Accelerator& accelerator) {
  for (const Memory& memory : accelerator.memories) {
    if (memory.name == kCellMemory) return &memory;
  }
  return nullptr;
}

// Full adders of a whole tree with `leaves` inputs of `bits` bits.
double whole_tree(double leaves, double bits) {
  return leaves * (bits + 1) - (bits + std::log2(leaves) + 1);
}

// Relations of the activation operand as pairs of a kernel loop and an output loop.
struct SlidingPair {
  int kernel = -1;
  int output = -1;
};
std::vector<SlidingPair> sliding_pairs(const Layer& layer, std::uint32_t irrelevant_to_weights) {
  std::vector<SlidingPair> pairs;
  for (const DimRelation& relation : layer.relations) {
    const bool first_is_output = (irrelevant_to_weights >> relation.dim[0]) & 1U;
    pairs.push_back(first_is_output ? SlidingPair{relation.dim[1], relation.dim[0]}
                                    : SlidingPair{relation.dim[0], relation.dim[1]});
  }
  return pairs;
}

}  // namespace

double serial_passes(const InMemoryCompute& imc) {
  return static_cast<double>(imc.activation_precision) / imc.bit_serial_precision;
}

double adder_tree_energy(double active, double inputs, double bits) {
  if (active < 1) return 0;
  if (active >= inputs) return whole_tree(inputs, bits) * kAdderEnergy;
  double full = 0;
  double half = 0;
  double n = inputs;
  double k = active;
  for (;;) {
    const double h = n / 2;
    const double depth = std::log2(h);
    if (h == 1) {
      half += bits;
      break;
    }
    if (k > h) {
      full += whole_tree(h, bits) + (bits + depth);
      k -= h;
    } else if (k < h) {
      half += bits + depth;
    } else {
      full += whole_tree(h, bits);
      half += bits + depth;
      break;
    }
    n = h;
  }
  return full * kAdderEnergy + half * kQuietAdderEnergy;
}

ArrayUse array_use(const Accelerator& accelerator, const Layer& layer,
                   const SpatialMapping& spatial) {
  const Geometry g(accelerator);
  const std::vector<SpatialLoop>* word = nullptr;
  const std::vector<SpatialLoop>* bit = nullptr;
  for (const SpatialDim& dim : spatial) {
    if (dim.array_dim == g.word_dim) word = &dim.loops;
    if (dim.array_dim == g.bit_dim) bit = &dim.loops;
  }
  const auto product = [](const std::vector<SpatialLoop>* loops) {
    double all = 1;
    if (loops != nullptr) {
      for (const SpatialLoop& loop : *loops) all *= static_cast<double>(loop.factor);
    }
    return all;
  };
  ArrayUse use;
  use.columns = product(word);
  const double straight = product(bit);
  use.rows = std::ceil(straight);
  use.activations = static_cast<double>(layer.mac_count()) / (use.columns * straight);

  // Columns of different output positions need inputs that are shifted against each other, so
  // they lie on further rows.
  const OperandRoles roles = operand_roles(layer);
  if (roles.weight < 0 || word == nullptr || bit == nullptr || straight == 1) return use;
  const std::uint32_t irrelevant = relevance(layer, roles.weight).irrelevant;
  const bool diagonal = std::any_of(word->begin(), word->end(), [&](const SpatialLoop& loop) {
    return loop.factor > 1 && ((irrelevant >> loop.dim) & 1U);
  });
  if (!diagonal) return use;
  const auto pairs = sliding_pairs(layer, irrelevant);
  const auto shift = [&](int kernel) {
    double columns = 1;
    for (const SlidingPair& pair : pairs) {
      if (pair.kernel != kernel) continue;
      columns = 1;
      for (const SpatialLoop& loop : *word) {
        if (loop.dim == pair.output) columns = static_cast<double>(loop.factor);
      }
    }
    return columns;
  };
  // The reference pairs the factors in mapping order with the names in set order; with a single
  // name both orders are one.
  std::vector<std::string> names;
  for (const SpatialLoop& loop : *bit) {
    names.push_back(layer.dims[static_cast<std::size_t>(loop.dim)].name);
  }
  const std::vector<int> order = set_order(NameKind::layer_dim, names);
  double rows = 1;
  for (std::size_t j = 0; j < bit->size(); ++j) {
    const int named = (*bit)[static_cast<std::size_t>(order[j])].dim;
    rows *= static_cast<double>((*bit)[j].factor) + shift(named) - 1;
  }
  // Inputs that no kernel loop slides over (another image of the batch) share no row at all. The
  // reference has no figures for these.
  for (const SpatialLoop& loop : *word) {
    const bool paired = std::any_of(pairs.begin(), pairs.end(), [&](const SlidingPair& pair) {
      return pair.output == loop.dim;
    });
    if (((irrelevant >> loop.dim) & 1U) && !paired) rows *= static_cast<double>(loop.factor);
  }
  use.rows = std::ceil(rows);
  return use;
}

std::variant<Parts, std::string> in_memory_energy(const Accelerator& accelerator,
                                                  const Layer& layer,
                                                  const SpatialMapping& spatial) {
  const Geometry g(accelerator);
  const ArrayUse use = array_use(accelerator, layer, spatial);
  const double passes = g.passes;
  const double n = use.activations;
  Parts energy;
  if (g.imc.analog) {
    energy.add("dacs", g.driver_energy() * use.rows * passes * n);
    energy.add("adcs", g.converter_energy() * g.weight_bits * use.columns * passes * n);
    energy.add("mults", kMultiplierEnergy * (g.weight_bits * g.columns * use.rows) * passes * n);
    energy.add("analog_bl_addition",
               ((kBitLine * kSquare) * g.weight_bits) * use.columns * g.rows * passes * n);
    energy.add("adders_regular", 0);
  } else {
    energy.add("dacs", 0);
    energy.add("adcs", 0);
    energy.add("mults", kMultiplierEnergy * (g.input_bits * g.weight_bits * g.columns * g.rows) *
                            passes * n);
    energy.add("analog_bl_addition", 0);
    energy.add("adders_regular", adder_tree_energy(use.rows, g.rows, g.weight_bits) *
                                     (g.input_bits * use.columns) * passes * n);
  }
  energy.add("adders_pv", kAdderEnergy * g.place_adders * use.columns * passes * n);
  energy.add("accumulators", g.accumulator_width == 0
                                 ? 0
                                 : (kAdderEnergy + kRegisterEnergy) * g.accumulator_width *
                                       use.columns * passes * n);
  return energy;
}

double in_memory_precharge(const Accelerator& accelerator, const Memory& memory) {
  if (memory.name != kCellMemory) return 0;
  const auto weight_bits = static_cast<double>(accelerator.array.imc->weight_precision);
  const double depth = static_cast<double>(memory.size) / weight_bits;
  if (depth <= 1) return 0;
  double word_bits = weight_bits;
  for (const Port& port : memory.ports) {
    for (const auto& [operand, direction] : port.allocation) {
      if (direction == Direction::rd_out_to_low) {
        word_bits = static_cast<double>(port.bandwidth_max);
      }
    }
  }
  const double element = ((kWordLine * kSquare) + (kBitLine * kSquare) * depth) * weight_bits;
  return element * (word_bits / weight_bits);
}

Parts in_memory_area(const Accelerator& accelerator) {
  const Geometry g(accelerator);
  const Memory* cells = cells_of(accelerator);
  Parts area;
  area.add("cells",
           static_cast<double>(accelerator.array.units()) * (cells == nullptr ? 0 : cells->area));
  area.add("dacs", 0);
  area.add("adcs", g.converter_area() * g.weight_bits * g.columns * g.banks);
  area.add("mults", kNandArea * g.multipliers());
  area.add("adders_regular",
           g.imc.analog ? 0 : kAdderArea * g.tree_adders * (g.input_bits * g.columns * g.banks));
  area.add("adders_pv", kAdderArea * g.place_adders * (g.columns * g.banks));
  area.add("accumulators", g.accumulator_width == 0
                               ? 0
                               : kAdderArea * g.accumulator_width * g.columns * g.banks +
                                     kFlipFlopArea * g.accumulator_width * g.columns * g.banks);
  return area;
}

ArrayCircuit in_memory_circuit(const Accelerator& accelerator) {
  const Geometry g(accelerator);
  ArrayCircuit circuit;
  Parts& clock = circuit.clock;
  clock.add("cells", 0);
  clock.add("dacs", 0);
  clock.add("adcs", g.converter_delay());
  clock.add("mults", kNandDelay);
  clock.add("adders_regular", g.imc.analog ? 0
                                           : (g.tree_depth - 1) * kSumDelay + kToCarryDelay +
                                                 (g.tree_width - 2) * kCarryDelay);
  clock.add("adders_pv", g.place_inputs == 1
                             ? 0
                             : (std::log2(g.place_inputs) - 1) * kSumDelay + kToCarryDelay +
                                   (g.place_width - g.place_input_width - 1) * kCarryDelay);
  clock.add("accumulators",
            g.accumulator_width == 0
                ? 0
                : kToCarryDelay + (g.accumulator_width - g.place_width - 1) * kCarryDelay);

  Parts& peak = circuit.peak_energy;
  peak.add("local_bl_precharging", 0);
  peak.add("dacs", g.driver_energy() * g.rows * g.banks);
  peak.add("adcs", g.converter_energy() * g.weight_bits * g.columns * g.banks);
  peak.add("mults", kMultiplierEnergy * g.multipliers());
  peak.add(
      "analog_bl_addition",
      g.imc.analog ? ((kBitLine * kSquare) * g.weight_bits) * g.columns * g.rows * g.banks : 0);
  peak.add("adders_regular",
           g.imc.analog ? 0 : kAdderEnergy * g.tree_adders * (g.input_bits * g.columns * g.banks));
  peak.add("adders_pv", kAdderEnergy * g.place_adders * (g.columns * g.banks));
  peak.add("accumulators", g.accumulator_width == 0
                               ? 0
                               : kAdderEnergy * g.accumulator_width * g.columns * g.banks +
                                     kRegisterEnergy * g.accumulator_width * g.columns * g.banks);

  const double operations = g.columns * g.rows / g.passes * g.banks;
  circuit.peak_tops = operations * 2 / clock.total() / 1000;
  circuit.peak_tops_per_watt = operations * 2 / peak.total();
  circuit.peak_tops_per_mm2 = circuit.peak_tops / array_area(accelerator).total();
  return circuit;
}

}  // namespace ridgeline::model
