#include "io/inputs/memory_2024.hpp"

#include <algorithm>
#include <string>

#include "io/document/nearest.hpp"
#include "model/core/limits.hpp"

namespace ridgeline::io {

namespace {

using model::Port;
using model::PortType;

struct Bandwidths {
  std::int64_t max = 1;
  std::int64_t min = 1;
};

Bandwidths read_bandwidths(const Value& value, const char* key, const char* granularity) {
  Bandwidths result;
  result.max = result.min = value.at(key).as_size(1);
  if (const auto min = value.find_non_null(granularity)) {
    result.min = min->as_size(1);
    if (result.min > result.max) {
      throw min->error("more than " + std::string(key) + " (" + std::to_string(result.max) + ")");
    }
  }
  return result;
}

void add_ports(const Value& value, const char* key, const std::string& prefix, PortType type,
               const Bandwidths& bandwidths, std::vector<Port>& ports) {
  const std::int64_t count = value.at(key).as_integer(0, model::kMaxPorts);
  for (std::int64_t i = 1; i <= count; ++i) {
    Port port;
    port.name = prefix + std::to_string(i);
    port.type = type;
    port.bandwidth_min = bandwidths.min;
    port.bandwidth_max = bandwidths.max;
    ports.push_back(std::move(port));
  }
}

}  // namespace

bool is_memory_of_2024(const Value& memory) {
  return memory.is_map() && (memory.find("r_bw") || memory.find("w_bw") || memory.find("rw_port"));
}

void allow_memory_of_2024(const Value& memory) {
  memory.allow_only({"size",
                     "r_bw",
                     "w_bw",
                     "r_cost",
                     "w_cost",
                     "area",
                     "r_port",
                     "w_port",
                     "rw_port",
                     "latency",
                     "min_r_granularity",
                     "min_w_granularity",
                     "mem_type",
                     "auto_cost_extraction",
                     "double_buffering_support",
                     "force_double_buffering",
                     "shared_memory_group_id",
                     "operands",
                     "ports",
                     "served_dimensions"});
}

std::vector<Port> read_ports_of_2024(const Value& value, const model::Memory& memory) {
  const Bandwidths read = read_bandwidths(value, "r_bw", "min_r_granularity");
  const Bandwidths write = read_bandwidths(value, "w_bw", "min_w_granularity");
  std::vector<Port> ports;
  add_ports(value, "r_port", "r_port_", PortType::read, read, ports);
  add_ports(value, "w_port", "w_port_", PortType::write, write, ports);
  const bool one_bandwidth = read.max == write.max && read.min == write.min;
  if (!one_bandwidth && value.at("rw_port").as_integer(0, model::kMaxPorts) > 0) {
    throw value.at("rw_port").error(
        "a port that reads and writes has one bandwidth, and r_bw and w_bw (or the granularities) "
        "differ",
        "give both the same value, or use r_port and w_port");
  }
  add_ports(value, "rw_port", "rw_port_", PortType::read_write, read, ports);
  const Value list = value.at("ports");
  const std::vector<Value> served = list.items();
  if (served.size() != memory.operands.size()) {
    throw list.error("the memory stores " + std::to_string(memory.operands.size()) +
                         " operands, and ports are given for " + std::to_string(served.size()),
                     "one map for each of `operands`, as in {fh: w_port_1, tl: r_port_1}");
  }
  std::vector<std::string> names;
  for (const Port& port : ports) names.push_back(port.name);
  for (std::size_t i = 0; i < served.size(); ++i) {
    served[i].allow_only({"fh", "tl", "fl", "th"});
    for (const auto& [key, name] : served[i].entries()) {
      if (name.is_null()) continue;
      const auto port = std::find_if(ports.begin(), ports.end(),
                                     [&](const Port& p) { return p.name == name.as_string(); });
      if (port == ports.end()) {
        throw name.error("the memory has no port '" + name.text() + "'",
                         suggestion(name.text(), names));
      }
      const bool writes = key == "fh" || key == "fl";
      if ((writes && port->type == PortType::read) || (!writes && port->type == PortType::write)) {
        throw name.error("'" + port->name + "' cannot serve " + key,
                         "fh and fl write the memory, tl and th read it");
      }
      port->allocation.emplace_back(memory.operands[i], *model::direction_from_short(key));
    }
  }
  std::erase_if(ports, [](const Port& port) { return port.allocation.empty(); });
  return ports;
}

}  // namespace ridgeline::io
