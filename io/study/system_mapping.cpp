// Which cores take which layers, by the operators of their kinds.
#include <algorithm>

#include "io/document/nearest.hpp"
#include "io/study/system_parts.hpp"

namespace ridgeline::io {
namespace {

using nlohmann::ordered_json;

// Operators that no kind names.
constexpr std::string_view kRest = "default";

struct Kind {
  std::string name;
  std::int64_t count = 0;
  bool all = true;
  std::set<std::string> operators;
};

std::vector<Kind> kinds_of(const Document& system) {
  std::vector<Kind> kinds;
  for (const auto& [name, value] : system.root().at("kinds").entries()) {
    Kind& kind = kinds.emplace_back();
    kind.name = name;
    kind.count = value.at("count").as_integer(0);
    if (const auto operators = value.find("operators")) {
      kind.all = false;
      for (const Value& item : operators->items()) kind.operators.insert(item.as_string());
    }
  }
  return kinds;
}

class Expansion {
 public:
  Expansion(const Document& system, const std::map<std::string, std::set<std::string>>& nodes,
            ExpandedSystem& result)
      : kinds_(kinds_of(system)), nodes_(nodes), result_(result) {
    for (const Kind& kind : kinds_) named_.insert(kind.operators.begin(), kind.operators.end());
  }

  void run(const Document& mapping) {
    ordered_json entries = ordered_json::array();
    std::set<std::string> present;
    ordered_json fallback{{"name", "default"}};
    const ordered_json given = mapping.to_json();
    for (std::size_t i = 0; i < given.size(); ++i) {
      ordered_json entry = given[i];
      const Value value = mapping.root()[i];
      const std::string name = value.at("name").as_string();
      present.insert(name);
      if (name == kRest) fallback = entry;
      serve(name, entry, value.find_non_null("core_allocation"));
      entries.push_back(std::move(entry));
    }
    // What the mapping says of all operators holds for those that kinds name, on other cores.
    for (const std::string& name : named_) {
      if (present.contains(name) || name == kRest) continue;
      ordered_json entry = fallback;
      entry["name"] = name;
      entry.erase("core_allocation");
      serve(name, entry, std::nullopt);
      entries.push_back(std::move(entry));
    }
    if (!present.contains(std::string(kRest))) {
      serve(std::string(kRest), fallback, std::nullopt);
      entries.push_back(std::move(fallback));
    }
    result_.mapping = document_from_json(entries, mapping.name());
  }

 private:
  bool takes(const Kind& kind, const std::string& type) const {
    if (kind.all || kind.operators.contains(type)) return true;
    return !named_.contains(type) && kind.operators.contains(std::string(kRest));
  }

  // Whether a kind takes the layers that an entry is for: an operator type's, or those of one name.
  bool takes_entry(const Kind& kind, const std::string& name) const {
    const auto node = nodes_.find(name);
    if (named_.contains(name) || node == nodes_.end()) return takes(kind, name);
    return std::all_of(node->second.begin(), node->second.end(),
                       [&](const std::string& type) { return takes(kind, type); });
  }

  // Kinds that the entry itself lists; ids mean nothing where the number of cores varies.
  std::optional<std::set<std::string>> listed(const std::optional<Value>& allocation) const {
    if (!allocation) return std::nullopt;
    std::set<std::string> names;
    for (const Value& item : allocation->items()) {
      if (!item.is_string()) return std::nullopt;
      std::vector<std::string> known;
      for (const Kind& kind : kinds_) known.push_back(kind.name);
      if (std::find(known.begin(), known.end(), item.as_string()) == known.end()) {
        throw item.error("there is no kind '" + item.text() + "'", suggestion(item.text(), known));
      }
      names.insert(item.as_string());
    }
    return names;
  }

  void serve(const std::string& name, ordered_json& entry, const std::optional<Value>& allocation) {
    const auto chosen = listed(allocation);
    std::vector<int> cores;
    std::string able;
    for (const Kind& kind : kinds_) {
      if (!(chosen ? chosen->contains(kind.name) : takes_entry(kind, name))) continue;
      able += (able.empty() ? "'" : ", '") + kind.name + "'";
      for (std::size_t core = 0; core < result_.kind_of.size(); ++core)
        if (result_.kind_of[core] == kind.name) cores.push_back(static_cast<int>(core));
    }
    std::sort(cores.begin(), cores.end());
    if (cores.empty()) {
      result_.unserved[name] = able.empty()
                                   ? "no kind of core takes it"
                                   : "there is no core of a kind that takes it (" + able + ")";
      // A place that can compute nothing: whoever looks there is told why before.
      cores.push_back(static_cast<int>(result_.kind_of.size()));
    }
    entry["core_allocation"] = cores;
  }

  std::vector<Kind> kinds_;
  std::set<std::string> named_;  // operators that some kind names
  const std::map<std::string, std::set<std::string>>& nodes_;
  ExpandedSystem& result_;
};

}  // namespace

void expand_mapping(const Document& system, const Document& mapping,
                    const std::map<std::string, std::set<std::string>>& operators_of,
                    ExpandedSystem& result) {
  Expansion(system, operators_of, result).run(mapping);
}

}  // namespace ridgeline::io
