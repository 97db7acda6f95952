#include "io/inputs/accelerator_reader.hpp"

#include <algorithm>
#include <charconv>
#include <cmath>

#include "io/document/nearest.hpp"
#include "io/document/quantity.hpp"
#include "io/document/text_output.hpp"
#include "io/inputs/cost_figure.hpp"
#include "io/inputs/memory_2024.hpp"
#include "io/inputs/port_requests.hpp"
#include "io/inputs/reader_support.hpp"
#include "io/inputs/technology.hpp"
#include "model/core/hierarchy.hpp"
#include "model/core/limits.hpp"

namespace ridgeline::io {

namespace {

using model::Accelerator;
using model::Direction;
using model::HierarchyMemory;
using model::Memory;
using model::MemoryOperand;
using model::OperationalArray;
using model::Port;
using model::PortType;

bool is_array_dim(std::string_view name) {
  return name.size() == 2 && name[0] == 'D' && name[1] >= '0' && name[1] <= '9';
}

bool is_power_of_two(double value) {
  int exponent = 0;
  return value >= 1 && std::frexp(value, &exponent) == 0.5;
}

std::vector<std::string> dim_names(const OperationalArray& array) {
  std::vector<std::string> names;
  for (const auto& dim : array.dims) names.push_back(dim.name);
  return names;
}

// r?w?_port_<digits>
bool is_port_name(std::string_view name) {
  if (name.starts_with('r')) name.remove_prefix(1);
  if (name.starts_with('w')) name.remove_prefix(1);
  if (!name.starts_with("_port_")) return false;
  name.remove_prefix(6);
  return !name.empty() && name.find_first_not_of("0123456789") == std::string_view::npos;
}

void read_dims(const Value& value, bool core, OperationalArray& array) {
  const Value dimensions = value.at("dimensions");
  const Value sizes = value.at("sizes");
  for (const Value& item : dimensions.items()) {
    const std::string& name = item.as_string();
    if (!is_array_dim(name)) {
      throw item.error("'" + name + "' is no array dimension's name", "one of D0 to D9");
    }
    if (array.dim_index(name) >= 0) throw item.error("'" + name + "' is listed twice");
    array.dims.push_back({name, 1});
  }
  if (array.dims.empty()) throw dimensions.error("the array has no dimensions", "e.g. [D1, D2]");
  if (sizes.size() != array.dims.size()) {
    throw sizes.error("there are " + std::to_string(array.dims.size()) + " dimensions and " +
                      std::to_string(sizes.size()) + " sizes");
  }
  double units = 1;
  for (std::size_t d = 0; d < array.dims.size(); ++d) {
    array.dims[d].size = sizes[d].as_integer(core ? 0 : 1);
    units *= static_cast<double>(array.dims[d].size);
  }
  if (units > static_cast<double>(model::kMaxExactInteger)) {
    throw sizes.error("the array has more than 2^53 units");
  }
}

model::InMemoryCompute read_in_memory_compute(const Value& value) {
  model::InMemoryCompute imc;
  const Value type = value.at("imc_type");
  const std::string& kind = type.as_string();
  if (kind != "analog" && kind != "digital") {
    throw type.error("'" + kind + "' is no kind of in-memory computing", "analog or digital");
  }
  imc.analog = kind == "analog";
  const Value precision = value.at("input_precision");
  if (precision.size() != 2) {
    throw precision.error("expected two integers: activation and weight bits");
  }
  imc.activation_precision = precision[0].as_integer(1);
  imc.weight_precision = precision[1].as_integer(1);
  for (std::size_t i = 0; i < 2; ++i) {
    if (!is_power_of_two(precision[i].as_real())) {
      throw precision[i].error("expected a power of two, found '" + precision[i].text() + "'");
    }
  }
  const Value serial = value.at("bit_serial_precision");
  imc.bit_serial_precision = serial.as_real();
  if (!is_power_of_two(imc.bit_serial_precision)) {
    throw serial.error("expected a power of two, found '" + serial.text() + "'");
  }
  if (imc.bit_serial_precision > static_cast<double>(imc.activation_precision)) {
    throw serial.error("more bits a cycle than the activations have");
  }
  if (const auto adc = value.find_non_null("adc_resolution")) {
    imc.adc_resolution = adc->as_real_at_least(0);
    if (!imc.analog && imc.adc_resolution != 0) {
      throw adc->error("a digital array has no converters", "0, or leave the key out");
    }
  }
  return imc;
}

// Of a unit, under either of its names: ZigZag 3.8.2 renamed multiplier_*.
double unit_figure(const Value& value, const char* name, const char* old_name) {
  const auto old = value.find(old_name);
  if (!old) return cost_figure(value.at(name));
  if (value.find(name)) {
    throw old->error(std::string("this is the former name of '") + name + "', which is given too",
                     "remove one of them");
  }
  return cost_figure(*old);
}

void read_systolic_dims(const Value& list, OperationalArray& array) {
  for (const Value& item : list.items()) {
    const int dim = array.dim_index(item.as_string());
    if (dim < 0) {
      throw item.error("the array has no dimension '" + item.text() + "'",
                       suggestion(item.text(), dim_names(array)));
    }
    auto& dims = array.systolic_dims;
    if (std::find(dims.begin(), dims.end(), dim) == dims.end()) dims.push_back(dim);
  }
}

OperationalArray read_array(const Value& value, bool core) {
  value.allow_only({"dimensions", "sizes", "is_imc", "input_precision", "unit_energy", "unit_area",
                    "multiplier_energy", "multiplier_area", "imc_type", "adc_resolution",
                    "bit_serial_precision", "systolic_dimensions", "post_processing"});
  OperationalArray array;
  read_dims(value, core, array);
  if (const auto systolic = value.find_non_null("systolic_dimensions")) {
    read_systolic_dims(*systolic, array);
  }
  if (const auto unit = value.find_non_null("post_processing")) {
    array.post_processing = unit->as_real_at_least(0);
  }
  const auto is_imc = value.find("is_imc");
  if (is_imc && is_imc->as_bool()) {
    array.imc = read_in_memory_compute(value);
    if (array.dims.size() < 2) {
      throw value.at("dimensions")
          .error("an in-memory-computing array has at least two dimensions");
    }
    return array;
  }
  array.unit_energy = unit_figure(value, "unit_energy", "multiplier_energy");
  array.unit_area = unit_figure(value, "unit_area", "multiplier_area");
  if (const auto precision = value.find("input_precision")) {
    if (precision->size() != 2) throw precision->error("expected two integers");
    for (const Value& bits : precision->items()) bits.as_integer();
  }
  const std::string remedy = "remove the key, or set is_imc: true";
  for (const char* key : {"imc_type", "bit_serial_precision"}) {
    if (const auto given = value.find_non_null(key)) {
      throw given->error("only an in-memory-computing array has this", remedy);
    }
  }
  if (const auto adc = value.find("adc_resolution"); adc && adc->as_real() != 0) {
    throw adc->error("only an in-memory-computing array has this", remedy);
  }
  return array;
}

PortType read_port_type(const Value& value) {
  const std::string& text = value.as_string();
  if (text == "read") return PortType::read;
  if (text == "write") return PortType::write;
  if (text == "read_write") return PortType::read_write;
  const std::vector<std::string> types{"read", "write", "read_write"};
  throw value.error("'" + text + "' is no type of port", suggestion(text, types));
}

std::pair<MemoryOperand, Direction> read_allocation(const Value& item, const Memory& memory,
                                                    PortType type) {
  const std::string& text = item.as_string();
  const std::string remedy =
      "write an operand (I1, I2, O) and a direction (fh, tl, fl, th), as in \"I1, tl\"";
  const std::size_t comma = text.find(", ");
  const auto operand = model::memory_operand(text.substr(0, std::min(comma, text.size())));
  const auto direction = comma == std::string::npos
                             ? std::nullopt
                             : model::direction_from_short(text.substr(comma + 2));
  if (!operand || !direction) {
    throw item.error("'" + text + "' is no operand and direction", remedy);
  }
  if (std::find(memory.operands.begin(), memory.operands.end(), *operand) ==
      memory.operands.end()) {
    throw item.error("the memory does not store " + std::string(model::to_string(*operand)),
                     "add it to `operands`, or remove this line");
  }
  const bool writes =
      *direction == Direction::wr_in_by_high || *direction == Direction::wr_in_by_low;
  if (type == PortType::read && writes) {
    throw item.error("fh and fl write the memory, and this port only reads",
                     "make it a write or read_write port");
  }
  if (type == PortType::write && !writes) {
    throw item.error("tl and th read the memory, and this port only writes",
                     "make it a read or read_write port");
  }
  return {*operand, *direction};
}

Port read_port(const Value& value, const Memory& memory) {
  value.allow_only({"name", "type", "bandwidth_min", "bandwidth_max", "allocation", "requests"});
  Port port;
  const Value name = value.at("name");
  port.name = name.as_string();
  if (!is_port_name(port.name)) {
    throw name.error("'" + port.name + "' is no port's name", "e.g. r_port_1, w_port_1, rw_port_1");
  }
  port.type = read_port_type(value.at("type"));
  port.bandwidth_min = value.at("bandwidth_min").as_size(1);
  const Value max = value.at("bandwidth_max");
  port.bandwidth_max = max.as_size(1);
  if (port.bandwidth_min > port.bandwidth_max) {
    throw max.error("bandwidth_max is less than bandwidth_min");
  }
  for (const Value& item : value.at("allocation").items()) {
    port.allocation.push_back(read_allocation(item, memory, port.type));
  }
  if (const auto requests = value.find_non_null("requests")) {
    port.requests = read_port_requests(*requests, memory);
  }
  return port;
}

// Typed in, or from a technology table, as the ports that were read before ask for it.
void read_costs(const Value& value, const std::string& technology, Memory& memory) {
  const auto flag = value.find("auto_cost_extraction");
  memory.auto_cost_extraction = flag && flag->as_bool();
  const auto request = value.find("cost");
  if (request || memory.auto_cost_extraction) {
    for (const char* key : {"r_cost", "w_cost", "area"}) {
      if (!request || !value.find(key)) continue;
      throw value.at(key).error("the memory takes its costs from a table",
                                "leave this out, or remove `cost`");
    }
    if (request) {
      extract_costs(*request, technology, memory);
    } else {
      extract_default_costs(*flag, memory);
    }
    if (const auto latency = value.find("latency")) memory.latency = latency->as_integer(0);
    return;
  }
  memory.r_cost = cost_figure(value.at("r_cost"));
  memory.w_cost = cost_figure(value.at("w_cost"));
  memory.area = cost_figure(value.at("area"));
}

void read_operands(const Value& list, Memory& memory) {
  for (const Value& item : list.items()) {
    const MemoryOperand operand = read_memory_operand(item);
    if (std::find(memory.operands.begin(), memory.operands.end(), operand) !=
        memory.operands.end()) {
      throw item.error("'" + item.text() + "' is listed twice");
    }
    memory.operands.push_back(operand);
  }
  if (memory.operands.empty()) {
    throw list.error("the memory '" + memory.name + "' stores nothing",
                     "list the operands it stores (I1, I2, O), or remove the memory");
  }
}

void read_served_dims(const Value& list, const OperationalArray& array, Memory& memory) {
  for (const Value& item : list.items()) {
    const int dim = array.dim_index(item.as_string());
    if (dim < 0) {
      throw item.error("the array has no dimension '" + item.text() + "'",
                       suggestion(item.text(), dim_names(array)));
    }
    if (std::find(memory.served_dims.begin(), memory.served_dims.end(), dim) ==
        memory.served_dims.end()) {
      memory.served_dims.push_back(dim);
    }
  }
}

Memory read_memory(const std::string& name, const Value& value, const OperationalArray& array,
                   const std::string& technology) {
  const bool old = is_memory_of_2024(value);
  if (old) {
    allow_memory_of_2024(value);
  } else {
    value.allow_only({"size", "r_cost", "w_cost", "area", "latency", "mem_type",
                      "auto_cost_extraction", "cost", "operands", "ports", "served_dimensions",
                      "force_double_buffering", "reload_tiles", "output_buffers"});
  }
  Memory memory;
  memory.name = name;
  memory.size = value.at("size").as_size(1);
  // Without effect on any figure; ZigZag asks for it.
  if (const auto latency = value.find("latency")) memory.latency = latency->as_integer(0);
  if (const auto type = value.find("mem_type")) memory.type = type->as_string();
  if (const auto flag = value.find("force_double_buffering")) {
    memory.force_double_buffering = flag->as_bool();
  }
  if (const auto flag = old ? std::nullopt : value.find("reload_tiles")) {
    memory.reloads_tiles = flag->as_bool();
  }
  if (const auto count = old ? std::nullopt : value.find("output_buffers")) {
    memory.output_buffers = static_cast<int>(count->as_integer(2));
    if (memory.output_buffers > 8) throw count->error("at most 8 tiles are held at a time");
  }
  read_operands(value.at("operands"), memory);
  read_served_dims(value.at("served_dimensions"), array, memory);
  if (old) {
    memory.ports = read_ports_of_2024(value, memory);
  } else {
    for (const Value& port : value.at("ports").items()) {
      memory.ports.push_back(read_port(port, memory));
    }
  }
  read_costs(value, technology, memory);
  return memory;
}

// The weights of an in-memory-computing array lie in a memory of a fixed name.
void check_cells(const Value& memories, const Accelerator& accelerator) {
  const auto cells = memories.find("cells");
  if (!cells) {
    throw memories.error("an in-memory-computing array needs a memory called 'cells'");
  }
  const auto it = std::find_if(accelerator.memories.begin(), accelerator.memories.end(),
                               [](const Memory& memory) { return memory.name == "cells"; });
  if (it->operands != std::vector{MemoryOperand::I2}) {
    throw cells->at("operands").error("'cells' stores weights", "operands: [I2]");
  }
  if (!it->served_dims.empty()) {
    throw cells->at("served_dimensions").error("every unit has its own 'cells'", "[]");
  }
  if (it->size % accelerator.array.imc->weight_precision != 0) {
    throw cells->at("size").error("not a multiple of the weights' precision");
  }
}

void read_dataflows(const Value& value, Accelerator& accelerator) {
  value.allow_only({"D1", "D2", "D3", "D4", "D5", "D6"});
  value.at("D1");
  for (const auto& [name, list] : value.entries()) {
    accelerator.dataflows.push_back({name, read_unrolls(list, false)});
    if (accelerator.array.dim_index(name) < 0) {
      throw list.error("the array has no dimension '" + name + "'",
                       suggestion(name, dim_names(accelerator.array)));
    }
  }
}

// {lanes, operations, energy}: operations a lane and cycle, or the operators that it knows.
model::VectorUnit read_vector_unit(const Value& value) {
  value.allow_only({"lanes", "operations", "energy"});
  model::VectorUnit unit;
  unit.lanes = value.at("lanes").as_integer(1);
  unit.energy = value.at("energy").as_real_at_least(0);
  const auto operations = value.find("operations");
  if (operations && operations->is_list()) {
    for (const Value& type : operations->items()) unit.operators.push_back(type.as_string());
    if (unit.operators.empty()) {
      throw operations->error("names no operator", "leave it out where the unit knows all");
    }
  } else if (operations) {
    unit.operations = operations->as_real();
    if (!(unit.operations > 0)) {
      throw operations->error("not above 0", "operations a lane and cycle, or a list of operators");
    }
  }
  return unit;
}

// "200 MHz" as the period in ns.
double read_clock(const Value& value) {
  const std::string text = value.as_string();
  const char* const end = text.data() + text.size();
  double number = 0;
  const auto [rest, error] = std::from_chars(text.data(), end, number);
  const std::string unit = error == std::errc() ? std::string(rest, end) : "";
  const std::size_t letters = unit.find_first_not_of(' ');
  for (const auto& [name, scale] :
       {std::pair{"GHz", 1.0}, std::pair{"MHz", 1e3}, std::pair{"kHz", 1e6}}) {
    if (letters == std::string::npos || unit.substr(letters) != name) continue;
    if (!(number > 0) || !std::isfinite(scale / number)) break;
    return scale / number;
  }
  throw value.error("'" + text + "' is not a clock", "write a frequency: 200 MHz, 1.2 GHz");
}

}  // namespace

Accelerator read_accelerator(const Value& document, const AcceleratorOptions& options) {
  if (options.core) {
    document.allow_only({"name", "memories", "operational_array", "dataflows", "vector_unit",
                         "clock", "technology", "area_unit", "type", "operator_types"});
  } else {
    if (const auto type = document.find("type")) {
      throw type->error("this describes a core of a multi-core system",
                        "`ridgeline schedule` takes a system that lists it among its `cores`; to "
                        "evaluate it alone, leave out `type` and `operator_types`");
    }
    document.allow_only({"name", "memories", "operational_array", "dataflows", "vector_unit",
                         "clock", "technology", "area_unit"});
  }
  Accelerator accelerator;
  accelerator.name = document.at("name").as_string();
  accelerator.array = read_array(document.at("operational_array"), options.core);
  if (const auto node = document.find("technology")) accelerator.technology = node->as_string();
  const Value memories = document.at("memories");
  for (const auto& [name, value] : memories.entries()) {
    accelerator.memories.push_back(
        read_memory(name, value, accelerator.array, accelerator.technology));
  }
  if (accelerator.memories.empty()) throw memories.error("the accelerator has no memories");
  for (MemoryOperand operand : {MemoryOperand::I1, MemoryOperand::I2, MemoryOperand::O}) {
    const bool stored = std::any_of(
        accelerator.memories.begin(), accelerator.memories.end(), [&](const Memory& memory) {
          return std::find(memory.operands.begin(), memory.operands.end(), operand) !=
                 memory.operands.end();
        });
    if (!stored && !options.core) {
      throw memories.error("no memory stores " + std::string(model::to_string(operand)),
                           "add it to the `operands` of one, usually the outermost");
    }
  }
  if (accelerator.array.imc) check_cells(memories, accelerator);
  if (const auto dataflows = document.find("dataflows")) read_dataflows(*dataflows, accelerator);
  if (const auto unit = document.find("vector_unit")) {
    accelerator.vector_unit = read_vector_unit(*unit);
  }
  if (const auto clock = document.find("clock")) accelerator.clock_ns = read_clock(*clock);
  if (const auto unit = document.find("area_unit")) accelerator.area_unit = unit->as_string();
  return accelerator;
}

Extraction extracted_costs(const Value& document, const Accelerator& accelerator) {
  Extraction extraction;
  for (const auto& [name, value] : document.at("memories").entries()) {
    for (std::size_t m = 0; m < accelerator.memories.size(); ++m) {
      if (accelerator.memories[m].name != name) continue;
      Memory copy = accelerator.memories[m];
      ExtractedCosts costs;
      if (const auto request = value.find("cost")) {
        costs = extract_costs(*request, accelerator.technology, copy);
      } else if (copy.auto_cost_extraction) {
        costs = extract_default_costs(value.at("auto_cost_extraction"), copy);
      } else {
        continue;
      }
      const auto instances = static_cast<double>(accelerator.instances(static_cast<int>(m)));
      extraction.leakage += costs.leakage * instances;
      extraction.notes.push_back(
          "memory " + name + ": " + fixed(copy.r_cost, 3, true) + " pJ a read, " +
          fixed(copy.w_cost, 3, true) + " pJ a write, " +
          (costs.leakage > 0 ? "leakage " + quantity(costs.leakage * 1e-3, "W") + ", " : "") +
          "area " + fixed(copy.area, 6, true) + ", from " + costs.source);
    }
  }
  return extraction;
}

Accelerator load_accelerator(const std::filesystem::path& path, const AcceleratorOptions& options) {
  return read_accelerator(load_document(path).root(), options);
}

void check_ports(const Value& document, const model::Accelerator& accelerator,
                 const std::vector<model::OperandLink>& links) {
  const model::Hierarchy hierarchy = model::build_hierarchy(accelerator);
  for (const model::OperandLink& link : links) {
    const auto& levels = hierarchy.levels[static_cast<std::size_t>(link.memory)];
    const bool output = link.operand == "O";
    for (std::size_t m = 0; m < levels.size(); ++m) {
      const HierarchyMemory& entry = hierarchy.memories[static_cast<std::size_t>(levels[m])];
      const auto require = [&](Direction direction, const char* what) {
        for (const model::HierarchyPort& port : entry.ports) {
          for (const model::PortFunction& function : port.functions) {
            if (function.operand == link.memory && function.direction == direction) return;
          }
        }
        const std::string pair = "\"" + std::string(model::to_string(link.memory)) + ", " +
                                 std::string(model::short_name(direction)) + "\"";
        const Memory& memory = accelerator.memories[static_cast<std::size_t>(entry.memory)];
        throw document.at("memories")
            .at(memory.name)
            .at("ports")
            .error("no port serves " + pair + ", by which operand " + link.operand + " is " + what,
                   "list it in the `allocation` of a port");
      };
      const bool outermost = m + 1 == levels.size();
      if (output) {
        require(Direction::wr_in_by_low, "written from below");
        if (!outermost) require(Direction::rd_out_to_high, "read by the memory above");
      } else {
        require(Direction::rd_out_to_low, "read towards the array");
        if (!outermost) require(Direction::wr_in_by_high, "written from the memory above");
      }
    }
  }
}

}  // namespace ridgeline::io
