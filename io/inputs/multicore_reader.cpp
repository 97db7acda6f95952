#include "io/inputs/multicore_reader.hpp"

#include <algorithm>
#include <limits>
#include <nlohmann/json.hpp>
#include <optional>
#include <set>

#include "io/document/given.hpp"
#include "io/document/nearest.hpp"
#include "io/inputs/accelerator_reader.hpp"
#include "io/inputs/cost_figure.hpp"

namespace ridgeline::io {

namespace {

using model::Connection;
using model::ConnectionKind;
using model::Core;
using model::Memory;
using model::MultiCore;

constexpr std::size_t kMaxCores = 4096;

std::optional<int> core_number(const std::string& text) {
  if (text.empty() || text.size() > 6) return std::nullopt;
  if (text.find_first_not_of("0123456789") != std::string::npos) return std::nullopt;
  return std::stoi(text);
}

std::string id_range(std::size_t cores) {
  return cores == 1 ? "the only core is 0" : "cores are 0 to " + std::to_string(cores - 1);
}

std::filesystem::path core_file(const Value& name, const std::filesystem::path& folder) {
  const std::filesystem::path given(name.as_string());
  std::vector<std::filesystem::path> places{folder / given, folder / "cores" / given};
  // As in Stream: a path that does not start from the document is one from where the program runs.
  if (name.text().find('/') != std::string::npos && name.text().find("./") == std::string::npos) {
    places.push_back(given);
  }
  // The file's last folders below the document's own: paths that start elsewhere, at the root of
  // the repository that the documents come from.
  for (auto part = given.begin(); part != given.end(); ++part) {
    std::filesystem::path rest;
    for (auto p = part; p != given.end(); ++p) rest /= *p;
    places.push_back(folder / rest);
    if (std::next(part) == given.end()) places.push_back(folder / "cores" / rest);
  }
  std::error_code ignored;
  std::string looked_for;
  std::set<std::filesystem::path> seen;
  for (const auto& place : places) {
    if (!seen.insert(place.lexically_normal()).second) continue;
    if (std::filesystem::is_regular_file(place, ignored)) return place;
    looked_for += (looked_for.empty() ? "" : ", ") + place.lexically_normal().string();
  }
  throw name.error("there is no core file '" + name.text() + "'", "looked for " + looked_for);
}

Core read_core(const Value& document) {
  Core core;
  core.kind = read_core_kind(document.at("type"));
  core.accelerator = read_accelerator(document, {.core = true});
  if (const auto types = document.find_non_null("operator_types")) {
    for (const Value& item : types->items()) core.operator_types.push_back(item.as_string());
    if (core.operator_types.empty()) {
      throw types->error("no operator may run here", "leave the list out for any");
    }
  }
  return core;
}

// Of Stream 2024: the off-chip memory is no core of the list. It is reached from every core, by one
// channel for reading and one for writing, as wide as its ports.
void add_offchip_core(const Value& name, const std::filesystem::path& folder, double energy,
                      double energy_per_bit, MultiCore& system) {
  const Document document = load_document(core_file(name, folder));
  Core core;
  core.kind = model::CoreKind::memory;
  core.accelerator = read_accelerator(document.root(), {.core = true});
  system.offchip_core = static_cast<int>(system.cores.size());
  core.memory_group = system.offchip_core;
  double read = 0;
  double write = 0;
  for (const Memory& memory : core.accelerator.memories) {
    for (const model::Port& port : memory.ports) {
      const auto bandwidth = static_cast<double>(port.bandwidth_max);
      if (port.type != model::PortType::write) read = std::max(read, bandwidth);
      if (port.type != model::PortType::read) write = std::max(write, bandwidth);
    }
  }
  std::vector<int> others;
  for (int c = 0; c < system.offchip_core; ++c) others.push_back(c);
  const auto channel = [&](std::vector<int> from, std::vector<int> to, double bandwidth) {
    Connection connection;
    connection.kind = ConnectionKind::channel;
    connection.cores = std::move(from);
    connection.to = std::move(to);
    connection.bandwidth = bandwidth;
    connection.unit_energy = energy;
    connection.unit_energy_per_bit = energy_per_bit;
    system.connections.push_back(std::move(connection));
  };
  if (read <= 0 || write <= 0) {
    throw name.error("the off-chip memory has no port that reads, or none that writes");
  }
  channel({system.offchip_core}, others, read);
  channel(others, {system.offchip_core}, write);
  system.cores.push_back(std::move(core));
}

std::vector<Core> read_cores(const Value& map, const std::filesystem::path& folder) {
  const auto entries = map.entries();
  if (entries.empty()) throw map.error("the system has no cores", "0: core.yaml");
  if (entries.size() > kMaxCores) {
    throw map.error("more than " + std::to_string(kMaxCores) + " cores");
  }
  std::vector<std::optional<Core>> cores(entries.size());
  for (const auto& [key, value] : entries) {
    const std::optional<int> id = core_number(key);
    if (!id || static_cast<std::size_t>(*id) >= cores.size()) {
      throw value.error("core id '" + key + "' in a system of " + std::to_string(cores.size()),
                        "ids count from 0 without gaps: " + id_range(cores.size()));
    }
    auto& core = cores[static_cast<std::size_t>(*id)];
    if (core) throw value.error("core " + key + " is described twice");
    if (value.is_map()) {
      core = read_core(value);
    } else {
      const Document document = load_document(core_file(value, folder));
      core = read_core(document.root());
    }
    core->memory_group = *id;
  }
  std::vector<Core> result;
  for (auto& core : cores) result.push_back(std::move(*core));
  return result;
}

int read_core_id(const Value& value, std::size_t cores) {
  const std::int64_t id = value.as_integer();
  if (id < 0 || static_cast<std::size_t>(id) >= cores) {
    throw value.error("there is no core " + value.text(), id_range(cores));
  }
  return static_cast<int>(id);
}

std::vector<int> read_core_ids(const Value& list, std::size_t cores) {
  std::vector<int> ids;
  for (const Value& item : list.items()) {
    const int id = read_core_id(item, cores);
    if (std::find(ids.begin(), ids.end(), id) != ids.end()) {
      throw item.error("core " + item.text() + " is listed twice");
    }
    ids.push_back(id);
  }
  return ids;
}

double read_bandwidth(const Value& entry) {
  const Value value = entry.at("bandwidth");
  const std::string& text = value.text();
  if (text == "inf" || text == ".inf" || text == "infinite") {
    return std::numeric_limits<double>::infinity();
  }
  const double bandwidth =
      value.is_beyond_exact() ? static_cast<double>(value.as_size(1)) : value.as_real();
  if (!(bandwidth > 0)) {
    throw value.error("expected a number above 0, found '" + text + "'", "bits a cycle");
  }
  return bandwidth;
}

double read_energy(const Value& entry, const char* key, double otherwise) {
  const auto value = entry.find_non_null(key);
  return value ? cost_figure(*value) : otherwise;
}

// Links between neighbours, those of the rows first: routes then follow a row before a column.
void add_mesh(const Value& entry, Connection base, std::vector<Connection>& connections) {
  const std::int64_t rows = entry.at("rows").as_integer(1, 4096);
  const std::int64_t cols = entry.at("cols").as_integer(1, 4096);
  if (rows * cols != static_cast<std::int64_t>(base.cores.size())) {
    throw entry.at("cores").error("a mesh of " + std::to_string(rows) + " x " +
                                      std::to_string(cols) + " with " +
                                      std::to_string(base.cores.size()) + " cores",
                                  "list the cores row by row, one for each place");
  }
  const auto core = [&](std::int64_t row, std::int64_t col) {
    return base.cores[static_cast<std::size_t>(row * cols + col)];
  };
  const auto link = [&](int a, int b) {
    Connection connection = base;
    connection.kind = ConnectionKind::link;
    connection.cores = {a, b};
    connections.push_back(std::move(connection));
  };
  for (std::int64_t r = 0; r < rows; ++r) {
    for (std::int64_t c = 0; c + 1 < cols; ++c) link(core(r, c), core(r, c + 1));
  }
  for (std::int64_t r = 0; r + 1 < rows; ++r) {
    for (std::int64_t c = 0; c < cols; ++c) link(core(r, c), core(r + 1, c));
  }
}

void add_connection(const Value& entry, std::size_t cores, double energy, double energy_per_bit,
                    std::vector<Connection>& connections) {
  std::string type = "link";
  if (const auto given = entry.find_non_null("type")) type = given->as_string();
  Connection connection;
  connection.bandwidth = read_bandwidth(entry);
  connection.unit_energy = read_energy(entry, "unit_energy_cost", energy);
  connection.unit_energy_per_bit = read_energy(entry, "unit_energy_per_bit", energy_per_bit);
  if (type == "channel") {
    entry.allow_only(
        {"type", "from", "to", "bandwidth", "unit_energy_cost", "unit_energy_per_bit"});
    connection.kind = ConnectionKind::channel;
    connection.cores = read_core_ids(entry.at("from"), cores);
    connection.to = read_core_ids(entry.at("to"), cores);
    for (const char* key : {"from", "to"}) {
      if (entry.at(key).size() == 0) throw entry.at(key).error("a channel needs both ends");
    }
    for (int core : connection.to) {
      if (std::find(connection.cores.begin(), connection.cores.end(), core) !=
          connection.cores.end()) {
        throw entry.at("to").error("core " + std::to_string(core) + " is at both ends");
      }
    }
    connections.push_back(std::move(connection));
    return;
  }
  connection.cores = read_core_ids(entry.at("cores"), cores);
  if (type == "mesh") {
    entry.allow_only(
        {"type", "rows", "cols", "cores", "bandwidth", "unit_energy_cost", "unit_energy_per_bit"});
    add_mesh(entry, std::move(connection), connections);
    return;
  }
  entry.allow_only({"type", "cores", "bandwidth", "unit_energy_cost", "unit_energy_per_bit"});
  if (type == "link") {
    if (connection.cores.size() != 2) {
      throw entry.at("cores").error(
          "a link connects two cores, this one " + std::to_string(connection.cores.size()),
          "use type: bus for more");
    }
  } else if (type == "bus") {
    connection.kind = ConnectionKind::bus;
    if (connection.cores.size() < 2) {
      throw entry.at("cores").error("a bus connects at least two cores");
    }
  } else {
    throw entry.at("type").error("'" + type + "' is no kind of connection",
                                 "link, bus, channel or mesh");
  }
  connections.push_back(std::move(connection));
}

// "0, 1": cores that are connected, or whose top memories are one.
std::vector<int> sharing_cores(const Value& value, std::size_t cores) {
  std::vector<int> ids;
  const std::string& text = value.as_string();
  std::size_t at = 0;
  while (at <= text.size()) {
    const std::size_t end = std::min(text.find(',', at), text.size());
    std::string part = text.substr(at, end - at);
    part.erase(0, part.find_first_not_of(' '));
    part.erase(part.find_last_not_of(' ') + 1);
    const std::optional<int> id = core_number(part);
    if (!id) throw value.error("'" + part + "' is no core id", "e.g. \"0, 1\"");
    if (static_cast<std::size_t>(*id) >= cores) {
      throw value.error("there is no core " + part, id_range(cores));
    }
    if (std::find(ids.begin(), ids.end(), *id) != ids.end()) {
      throw value.error("core " + part + " is listed twice");
    }
    ids.push_back(*id);
    at = end + 1;
  }
  return ids;
}

// Of Stream 2024: "0, 1" is a link between two cores, with the document's bandwidth.
void add_plain_link(const Value& entry, const Value& document, std::size_t cores, double energy,
                    double energy_per_bit, std::vector<Connection>& connections) {
  Connection connection;
  connection.cores = sharing_cores(entry, cores);
  if (connection.cores.size() != 2) {
    throw entry.error("a link connects two cores", "as in \"0, 1\"");
  }
  connection.bandwidth = read_bandwidth(document);
  connection.unit_energy = energy;
  connection.unit_energy_per_bit = energy_per_bit;
  connections.push_back(std::move(connection));
}

void read_coordinates(const Value& map, MultiCore& system) {
  for (const auto& [key, value] : map.entries()) {
    const std::optional<int> id = core_number(key);
    if (!id || static_cast<std::size_t>(*id) >= system.cores.size()) {
      throw value.error("there is no core " + key, id_range(system.cores.size()));
    }
    if (!value.is_list() || value.size() != 2) throw value.error("expected [column, row]");
    for (const Value& item : value.items()) {
      system.cores[static_cast<std::size_t>(*id)].coordinates.push_back(item.as_integer());
    }
  }
}

bool identical(const Memory& a, const Memory& b) {
  const auto same_port = [](const model::Port& p, const model::Port& q) {
    return p.name == q.name && p.type == q.type && p.bandwidth_min == q.bandwidth_min &&
           p.bandwidth_max == q.bandwidth_max && p.allocation == q.allocation;
  };
  return a.name == b.name && a.size == b.size && a.r_cost == b.r_cost && a.w_cost == b.w_cost &&
         a.area == b.area && a.latency == b.latency && a.operands == b.operands &&
         a.served_dims == b.served_dims &&
         std::equal(a.ports.begin(), a.ports.end(), b.ports.begin(), b.ports.end(), same_port);
}

std::vector<const Memory*> tops(const Core& core) {
  std::vector<const Memory*> result;
  for (int m : model::top_memories(core.accelerator)) {
    result.push_back(&core.accelerator.memories[static_cast<std::size_t>(m)]);
  }
  return result;
}

void check_identical_tops(const Value& place, const MultiCore& system,
                          const std::vector<int>& ids) {
  const auto first = tops(system.cores[static_cast<std::size_t>(ids[0])]);
  for (int id : ids) {
    const auto own = tops(system.cores[static_cast<std::size_t>(id)]);
    const bool same =
        std::equal(first.begin(), first.end(), own.begin(), own.end(),
                   [](const Memory* a, const Memory* b) { return identical(*a, *b); });
    if (same) continue;
    throw place.error("cores " + std::to_string(ids[0]) + " and " + std::to_string(id) +
                          " share their top memories, which are not identical",
                      "give them the same names, sizes, costs and ports, or share some of them: "
                      "{cores: [...], memories: [...]}");
  }
}

// The named memories of these cores; operands and port allocation may differ.
std::vector<std::string> read_shared_memories(const Value& list, const MultiCore& system,
                                              const std::vector<int>& ids) {
  std::vector<std::string> names;
  for (const Value& item : list.items()) {
    const Memory* first = nullptr;
    for (int id : ids) {
      const auto own = tops(system.cores[static_cast<std::size_t>(id)]);
      const auto found = std::find_if(own.begin(), own.end(), [&](const Memory* memory) {
        return memory->name == item.as_string();
      });
      if (found == own.end()) {
        std::vector<std::string> candidates;
        for (const Memory* memory : own) candidates.push_back(memory->name);
        throw item.error("core " + std::to_string(id) + " has no top memory '" + item.text() + "'",
                         suggestion(item.text(), candidates));
      }
      if (first == nullptr) first = *found;
      if ((*found)->size != first->size || (*found)->r_cost != first->r_cost ||
          (*found)->w_cost != first->w_cost || (*found)->ports.size() != first->ports.size()) {
        throw item.error("memory '" + item.text() + "' of core " + std::to_string(id) +
                             " differs from that of core " + std::to_string(ids[0]),
                         "one memory has one size, cost and number of ports");
      }
    }
    names.push_back(item.text());
  }
  return names;
}

void read_sharing(const Value& list, MultiCore& system) {
  std::set<int> taken;
  for (const Value& item : list.items()) {
    std::vector<int> ids;
    std::vector<std::string> names;
    if (item.is_map()) {
      item.allow_only({"cores", "memories"});
      ids = read_core_ids(item.at("cores"), system.cores.size());
    } else {
      ids = sharing_cores(item, system.cores.size());
    }
    if (ids.size() < 2) throw item.error("sharing takes at least two cores");
    if (item.is_map()) {
      names = read_shared_memories(item.at("memories"), system, ids);
    } else {
      check_identical_tops(item, system, ids);
    }
    for (int id : ids) {
      if (!taken.insert(id).second) {
        throw item.error("core " + std::to_string(id) + " is in two sharing groups");
      }
      Core& core = system.cores[static_cast<std::size_t>(id)];
      core.memory_group = ids[0];
      core.shared_memories = names;
    }
  }
}

void check_offchip(const Value& place, const MultiCore& system) {
  const auto& memories =
      system.cores[static_cast<std::size_t>(system.offchip_core)].accelerator.memories;
  if (memories.size() == 1 && memories[0].operands.size() == 3) return;
  throw place.error(
      "the off-chip core " + std::to_string(system.offchip_core) + " has " +
          std::to_string(memories.size()) +
          (memories.size() == 1 ? " memory, which does not hold I1, I2 and O" : " memories"),
      "one memory that holds I1, I2 and O");
}

void check_connected(const Value& place, const MultiCore& system) {
  const model::Interconnect interconnect = model::build_interconnect(system);
  const int cores = static_cast<int>(system.cores.size());
  for (int from = 0; from < cores; ++from) {
    for (int to = 0; to < cores; ++to) {
      if (interconnect.connected(from, to)) continue;
      throw place.error(
          "there is no way from core " + std::to_string(from) + " to core " + std::to_string(to),
          "connect every core with every other, at least through a third one; "
          "off-chip memory is a core like the others and needs a connection too");
    }
  }
  // Cores that share memory pass data in it, never over a connection.
  for (int a = 0; a < cores; ++a) {
    for (int b = 0; b < cores; ++b) {
      const Core& first = system.cores[static_cast<std::size_t>(a)];
      const Core& second = system.cores[static_cast<std::size_t>(b)];
      if (a == b || first.memory_group != second.memory_group) continue;
      if (first.shared_memories.empty() && interconnect.route(a, b).size() == 1) {
        throw place.error("cores " + std::to_string(a) + " and " + std::to_string(b) +
                              " share their memories and are connected as well",
                          "remove one of the two");
      }
    }
  }
}

}  // namespace

model::CoreKind read_core_kind(const Value& type) {
  std::string kind = type.as_string();
  const std::size_t dot = kind.find('.');
  if (dot != std::string::npos) {
    const std::string space = kind.substr(0, dot);
    if (space.starts_with("aie")) {
      throw type.error(
          "'" + kind + "' is a core of AMD's AI engines, which Stream generates code " +
              "for: it has neither an array nor a memory hierarchy, so nothing can be " +
              "said about its costs",
          "describe it as an accelerator of type compute");
    }
    if (space != "zigzag") {
      throw type.error("'" + space + "' is no kind of cores that is known",
                       "zigzag, or leave it out");
    }
    kind = kind.substr(dot + 1);
  }
  if (kind == "compute") return model::CoreKind::compute;
  if (kind == "memory" || kind == "offchip" || kind == "shim") return model::CoreKind::memory;
  throw type.error("'" + type.text() + "' is no kind of core",
                   "compute or memory (of Stream 1.13 also offchip and shim)");
}

bool is_multicore_document(const Value& document) {
  return document.is_map() && document.find("cores").has_value();
}

MultiCore read_multicore(const Value& document, const std::filesystem::path& folder) {
  document.allow_only({"name", "cores", "offchip_core_id", "unit_energy_cost",
                       "unit_energy_per_bit", "core_connectivity", "core_memory_sharing",
                       "core_coordinates", "offchip_core", "bandwidth"});
  MultiCore system;
  system.name = document.at("name").as_string();
  system.cores = read_cores(document.at("cores"), folder);
  const double energy = read_energy(document, "unit_energy_cost", 0);
  const double energy_per_bit = read_energy(document, "unit_energy_per_bit", 0);
  const std::size_t listed = system.cores.size();
  const auto offchip = document.find_non_null("offchip_core_id");
  const auto offchip_file = document.find_non_null("offchip_core");
  if (!offchip && !offchip_file) {
    throw document.error("the system has no off-chip core",
                         "offchip_core_id: N, the core whose memory holds all data at first");
  }
  if (offchip && offchip_file) {
    throw offchip_file->error("the off-chip core is given by its id as well",
                              "remove one: `offchip_core` is the way of Stream 2024");
  }
  if (offchip) {
    system.offchip_core = read_core_id(*offchip, system.cores.size());
  } else {
    add_offchip_core(*offchip_file, folder, energy, energy_per_bit, system);
  }
  check_offchip(offchip ? *offchip : *offchip_file, system);
  const Value connectivity = document.at("core_connectivity");
  for (const Value& entry : connectivity.items()) {
    if (entry.is_string()) {
      add_plain_link(entry, document, listed, energy, energy_per_bit, system.connections);
      continue;
    }
    add_connection(entry, system.cores.size(), energy, energy_per_bit, system.connections);
  }
  if (const auto sharing = document.find_non_null("core_memory_sharing")) {
    read_sharing(*sharing, system);
  }
  if (const auto places = document.find_non_null("core_coordinates")) {
    read_coordinates(*places, system);
  }
  check_connected(connectivity, system);
  return system;
}

MultiCore load_multicore(const std::filesystem::path& path) {
  const Document document = load_document(path);
  return read_multicore(document.root(), folder_of(path));
}

Document load_multicore_document(const std::filesystem::path& path) {
  Document document = load_document(path);
  std::vector<std::pair<std::string, nlohmann::ordered_json>> contents;
  for (const auto& [key, value] : document.root().at("cores").entries()) {
    if (value.is_map()) continue;
    contents.emplace_back(value.pointer(),
                          load_document(core_file(value, folder_of(path))).to_json());
  }
  for (const auto& [pointer, content] : contents) document.set(pointer, content);
  return document;
}

}  // namespace ridgeline::io
