#include "io/study/system_space.hpp"

#include <algorithm>
#include <utility>

#include "io/document/nearest.hpp"
#include "io/study/system_parts.hpp"

namespace ridgeline::io {
namespace {

using nlohmann::ordered_json;

constexpr std::size_t kMaxKinds = 64;
constexpr std::int64_t kMaxOfKind = 1024;  // a system has at most 4,096 cores

ordered_json read_operators(const Value& list) {
  ordered_json operators = ordered_json::array();
  for (const Value& item : list.items()) {
    if (item.as_string().empty()) throw item.error("an operator has a name", "e.g. Conv");
    if (std::find(operators.begin(), operators.end(), item.as_string()) != operators.end()) {
      throw item.error("operator '" + item.text() + "' is listed twice");
    }
    operators.push_back(item.as_string());
  }
  if (operators.empty()) {
    throw list.error("a kind that takes no operator is never used",
                     "leave `operators` out for all of them");
  }
  return operators;
}

ordered_json core_content(const Value& core,
                          const std::function<nlohmann::ordered_json(const Value&)>& read_core) {
  ordered_json content = read_core(core);
  if (content.is_object() && content.contains("cores")) {
    throw core.error("a kind of core is one core, and this is a system of cores");
  }
  return content;
}

ordered_json read_sharing(const Value& list, const ordered_json& kinds,
                          std::vector<SystemField>& fields) {
  ordered_json result = ordered_json::array();
  for (const Value& item : list.items()) {
    item.allow_only({"kinds", "memories", "cores"});
    ordered_json entry{{"kinds", ordered_json::array()}, {"memories", ordered_json::array()}};
    for (const Value& kind : item.at("kinds").items()) {
      if (!kinds.contains(kind.as_string())) {
        std::vector<std::string> known;
        for (const auto& [name, unused] : kinds.items()) known.push_back(name);
        throw kind.error("there is no kind '" + kind.text() + "'", suggestion(kind.text(), known));
      }
      for (const auto& other : result)
        if (std::find(other["kinds"].begin(), other["kinds"].end(), kind.text()) !=
            other["kinds"].end()) {
          throw kind.error("kind '" + kind.text() + "' shares memories in another entry already");
        }
      entry["kinds"].push_back(kind.as_string());
    }
    for (const Value& memory : item.at("memories").items()) {
      entry["memories"].push_back(memory.as_string());
    }
    if (entry["kinds"].empty() || entry["memories"].empty()) {
      throw item.error("sharing names kinds of cores and their memories",
                       "{kinds: [big], memories: [l2], cores: 4}");
    }
    if (const auto cores = item.find("cores")) {
      entry["cores"] = number_or_expression(
          *cores, "/sharing/" + std::to_string(result.size()) + "/cores", fields);
    }
    result.push_back(std::move(entry));
  }
  return result;
}

// Groups of cores of these kinds, in the order of their ids; a group of one shares nothing.
void add_sharing(const Value& entry, const std::vector<std::string>& kind_of,
                 ordered_json& groups) {
  std::vector<std::string> kinds;
  for (const Value& kind : entry.at("kinds").items()) kinds.push_back(kind.as_string());
  std::size_t most = kind_of.size();
  if (const auto cores = entry.find("cores")) {
    most = static_cast<std::size_t>(cores->as_integer(1, 4096));
  }
  std::vector<int> group;
  const auto close = [&] {
    if (group.size() > 1) {
      ordered_json memories = ordered_json::array();
      for (const Value& memory : entry.at("memories").items())
        memories.push_back(memory.as_string());
      groups.push_back({{"cores", group}, {"memories", memories}});
    }
    group.clear();
  };
  for (std::size_t core = 0; core < kind_of.size(); ++core) {
    if (std::find(kinds.begin(), kinds.end(), kind_of[core]) == kinds.end()) continue;
    group.push_back(static_cast<int>(core));
    if (group.size() == most) close();
  }
  close();
}

}  // namespace

std::string system_pointer(const std::string& pointer) {
  constexpr std::string_view kKinds = "/kinds/";
  if (!pointer.starts_with(kKinds)) return pointer;
  const std::size_t kind_end = pointer.find('/', kKinds.size());
  if (kind_end == std::string::npos) return pointer;
  const std::string rest = pointer.substr(kind_end + 1);
  const std::string key = rest.substr(0, rest.find('/'));
  if (key == "core" || key == "count" || key == "operators") return pointer;
  return pointer.substr(0, kind_end) + "/core/" + rest;
}

SystemTemplate read_system(const Value& system, const std::string& name,
                           const std::function<nlohmann::ordered_json(const Value&)>& read_core) {
  system.allow_only({"name", "kinds", "offchip", "topology", "sharing"});
  SystemTemplate result;
  ordered_json json{{"name", name}};
  if (const auto given = system.find("name")) json["name"] = given->as_string();
  json["kinds"] = ordered_json::object();
  const Value kinds = system.at("kinds");
  for (const auto& [kind, value] : kinds.entries()) {
    if (kind.empty() || kind.find_first_of("/~") != std::string::npos) {
      throw value.error("'" + kind + "' cannot be the name of a kind", "use letters and digits");
    }
    value.allow_only({"core", "count", "operators"});
    ordered_json entry{{"core", core_content(value.at("core"), read_core)}};
    const Value count = value.at("count");
    if (!count.is_string()) count.as_integer(0, kMaxOfKind);
    entry["count"] = number_or_expression(count, "/kinds/" + kind + "/count", result.fields);
    if (const auto operators = value.find("operators")) {
      entry["operators"] = read_operators(*operators);
    }
    json["kinds"][kind] = std::move(entry);
  }
  if (json["kinds"].empty()) throw kinds.error("no kind of core is listed");
  if (json["kinds"].size() > kMaxKinds) {
    throw kinds.error("more than " + std::to_string(kMaxKinds) + " kinds of cores");
  }
  json["offchip"] = core_content(system.at("offchip"), read_core);
  json["topology"] = read_topology(system.at("topology"), result.fields);
  if (const auto sharing = system.find("sharing")) {
    json["sharing"] = read_sharing(*sharing, json["kinds"], result.fields);
  }
  result.document = document_from_json(json, "the system of " + name);
  return result;
}

ExpandedSystem expand_system(const Document& system, const Document& mapping,
                             const std::map<std::string, std::set<std::string>>& operators_of) {
  ExpandedSystem result;
  const Value root = system.root();
  const ordered_json given = system.to_json();
  ordered_json cores = ordered_json::object();
  for (const auto& [kind, value] : root.at("kinds").entries()) {
    const std::int64_t count = value.at("count").as_integer(0, kMaxOfKind);
    if (count == 0) continue;
    const ordered_json& content = given["kinds"][kind]["core"];
    for (std::int64_t i = 0; i < count; ++i) {
      cores[std::to_string(result.kind_of.size())] = content;
      result.kind_of.push_back(kind);
    }
  }
  const std::size_t count = result.kind_of.size();
  if (count == 0) {
    result.infeasible = "the system has no cores: every kind has the count 0";
    return result;
  }
  ordered_json json{{"name", root.at("name").as_string()}};
  cores[std::to_string(count)] = given["offchip"];
  json["cores"] = std::move(cores);
  json["offchip_core_id"] = count;
  json["core_connectivity"] = system_connections(root.at("topology"), static_cast<int>(count));
  if (const auto sharing = root.find("sharing")) {
    ordered_json groups = ordered_json::array();
    for (const Value& entry : sharing->items()) add_sharing(entry, result.kind_of, groups);
    if (!groups.empty()) json["core_memory_sharing"] = std::move(groups);
  }
  result.accelerator = document_from_json(json, system.name());
  expand_mapping(system, mapping, operators_of, result);
  return result;
}

}  // namespace ridgeline::io
