// Connections of a system of any number of cores.
#include <algorithm>
#include <array>
#include <cmath>

#include "io/document/nearest.hpp"
#include "io/study/system_parts.hpp"

namespace ridgeline::io {
namespace {

using nlohmann::ordered_json;

constexpr std::array<std::string_view, 5> kTypes{"bus", "ring", "mesh", "all-to-all", "clusters"};
constexpr std::array<std::string_view, 3> kPerLink{"bandwidth", "unit_energy_cost",
                                                   "unit_energy_per_bit"};

bool is_type(const std::string& text, bool clusters) {
  return std::find(kTypes.begin(), kTypes.end() - (clusters ? 0 : 1), text) !=
         kTypes.end() - (clusters ? 0 : 1);
}

InputError unknown_type(const Value& type) {
  return type.error("'" + type.text() + "' is no topology",
                    "known: bus, ring, mesh, all-to-all or clusters; or a parameter's name");
}

bool is_infinite(const Value& value) {
  return value.is_string() && (value.text() == "inf" || value.text() == "infinite");
}

// What the connections of a topology have in common.
ordered_json link_of(const Value& topology, const std::string& prefix) {
  ordered_json link = ordered_json::object();
  for (const std::string_view key : kPerLink) {
    auto value = topology.find(prefix + std::string(key));
    if (!value) value = topology.find(key);
    if (!value) continue;
    if (key == "bandwidth" && !is_infinite(*value)) {
      link["bandwidth"] = value->as_integer(1);
    } else if (key == "bandwidth") {
      link["bandwidth"] = "inf";
    } else {
      link[std::string(key)] = value->as_real_at_least(0);
    }
  }
  return link;
}

void add(ordered_json& list, std::string_view type, const std::vector<int>& cores,
         const ordered_json& common) {
  ordered_json connection{{"type", type}, {"cores", cores}};
  connection.update(common);
  list.push_back(std::move(connection));
}

int columns_of(const Value& topology, int cores) {
  const auto rows = topology.find("rows");
  const auto cols = topology.find("cols");
  int columns = static_cast<int>(std::ceil(std::sqrt(static_cast<double>(cores))));
  if (cols) {
    columns = static_cast<int>(cols->as_integer(1, 4096));
  } else if (rows) {
    const auto given = static_cast<int>(rows->as_integer(1, 4096));
    columns = (cores + given - 1) / given;
  }
  if (rows && cols && rows->as_integer(1, 4096) * columns < cores) {
    throw rows->error("a mesh of " + rows->text() + " x " + cols->text() + " has no room for " +
                          std::to_string(cores) + " cores",
                      "leave out `rows`, or exclude such designs with `where`");
  }
  return columns;
}

// Among `cores`, without off-chip memory. The last row of a mesh may be incomplete.
void connect(const Value& topology, const std::vector<int>& cores, ordered_json& list) {
  const std::string& type = topology.at("type").as_string();
  const ordered_json common = link_of(topology, "");
  const auto count = static_cast<int>(cores.size());
  const auto core = [&](int i) { return cores[static_cast<std::size_t>(i)]; };
  if (count < 2) return;
  if (type == "bus") {
    add(list, "bus", cores, common);
  } else if (type == "ring") {
    for (int i = 0; i + 1 < count; ++i) add(list, "link", {core(i), core(i + 1)}, common);
    if (count > 2) add(list, "link", {core(count - 1), core(0)}, common);
  } else if (type == "all-to-all") {
    for (int i = 0; i < count; ++i)
      for (int j = i + 1; j < count; ++j) add(list, "link", {core(i), core(j)}, common);
  } else if (type == "mesh") {
    // Links of the rows first: routes then follow a row before a column.
    const int columns = columns_of(topology, count);
    for (int i = 0; i + 1 < count; ++i)
      if ((i + 1) % columns != 0) add(list, "link", {core(i), core(i + 1)}, common);
    for (int i = 0; i + columns < count; ++i)
      add(list, "link", {core(i), core(i + columns)}, common);
  } else {
    throw unknown_type(topology.at("type"));
  }
}

void read_links(const Value& topology, const std::string& pointer, ordered_json& result,
                std::vector<SystemField>& fields) {
  for (const auto& [key, value] : topology.entries()) {
    if (key == "type") {
      if (is_type(value.as_string(), pointer == "/topology")) {
        result["type"] = value.as_string();
      } else {
        fields.push_back({pointer + "/type", value.pointer()});
        result["type"] = "bus";
      }
    } else if (!value.is_map()) {
      result[key] = is_infinite(value) ? ordered_json("inf")
                                       : number_or_expression(value, pointer + "/" + key, fields);
    }
  }
}

}  // namespace

ordered_json number_or_expression(const Value& value, const std::string& pointer,
                                  std::vector<SystemField>& fields) {
  if (value.is_string()) {
    fields.push_back({pointer, value.pointer()});
    return 1;
  }
  const double number = value.as_real_at_least(0);
  if (value.is_integer()) return value.as_integer(0);
  return number;
}

ordered_json read_topology(const Value& topology, std::vector<SystemField>& fields) {
  topology.allow_only({"type", "bandwidth", "unit_energy_cost", "unit_energy_per_bit", "rows",
                       "cols", "size", "inside", "between", "offchip_bandwidth",
                       "offchip_unit_energy_cost", "offchip_unit_energy_per_bit"});
  ordered_json result = ordered_json::object();
  const Value type = topology.at("type");
  read_links(topology, "/topology", result, fields);
  const bool clusters = type.as_string() == "clusters";
  for (const char* key : {"inside", "between"}) {
    const auto part = topology.find(key);
    if (!part) {
      if (clusters) topology.at(key);  // says that it is missing
      continue;
    }
    part->allow_only(
        {"type", "bandwidth", "unit_energy_cost", "unit_energy_per_bit", "rows", "cols"});
    part->at("type");
    part->at("bandwidth");
    result[key] = ordered_json::object();
    read_links(*part, std::string("/topology/") + key, result[key], fields);
  }
  if (clusters) {
    topology.at("size");
  } else {
    topology.at("bandwidth");
  }
  return result;
}

ordered_json system_connections(const Value& topology, int cores) {
  const Value type = topology.at("type");
  if (!is_type(type.as_string(), true)) throw unknown_type(type);
  ordered_json list = ordered_json::array();
  std::vector<int> all(static_cast<std::size_t>(cores));
  for (int i = 0; i < cores; ++i) all[static_cast<std::size_t>(i)] = i;
  const int offchip = cores;
  // Off-chip memory is one more station of a bus, unless its way has a bandwidth of its own.
  if (type.text() == "bus" && !topology.find("offchip_bandwidth")) {
    std::vector<int> stations = all;
    stations.push_back(offchip);
    add(list, "bus", stations, link_of(topology, ""));
    return list;
  }
  ordered_json common = link_of(topology, "offchip_");
  if (type.text() == "clusters") {
    for (const char* key : {"inside", "between", "size"}) {
      if (!topology.find(key)) {
        throw type.error("clusters need `" + std::string(key) + "`",
                         "{type: clusters, size: 4, inside: {...}, between: {...}}");
      }
    }
    const auto size = static_cast<int>(topology.at("size").as_integer(1, 4096));
    std::vector<int> gates;
    for (int first = 0; first < cores; first += size) {
      const auto begin = all.begin() + first;
      gates.push_back(first);
      connect(topology.at("inside"), {begin, begin + std::min(size, cores - first)}, list);
    }
    connect(topology.at("between"), gates, list);
    if (!common.contains("bandwidth")) common = link_of(topology.at("between"), "");
  } else {
    connect(topology, all, list);
  }
  // One port to all cores, and one from them, that they share.
  for (const bool out : {false, true}) {
    ordered_json channel{{"type", "channel"}};
    channel["from"] = out ? std::vector<int>{offchip} : all;
    channel["to"] = out ? all : std::vector<int>{offchip};
    channel.update(common);
    list.push_back(std::move(channel));
  }
  return list;
}

}  // namespace ridgeline::io
