#include "io/results/design_compare.hpp"

#include <algorithm>
#include <array>
#include <charconv>
#include <cmath>
#include <map>
#include <utility>
#include <vector>

#include "io/document/printable.hpp"
#include "io/document/text_table.hpp"

namespace ridgeline::io {
namespace {

using nlohmann::ordered_json;

std::string figure(double value) {
  if (!std::isfinite(value)) return "-";
  std::array<char, 32> buffer{};
  const auto end =
      std::to_chars(buffer.begin(), buffer.end(), value, std::chars_format::general, 6);
  return std::string(buffer.data(), end.ptr);
}

double number(const ordered_json& value) {
  return value.is_number() ? value.get<double>() : 0;
}

// "-12.3 %": of a against b.
std::string change(double a, double b) {
  if (a == b) return "same";
  if (b == 0) return "new";
  const double percent = 100 * (a / b - 1);
  std::array<char, 32> buffer{};
  const auto end =
      std::to_chars(buffer.begin(), buffer.end(), percent, std::chars_format::fixed, 1);
  return (percent > 0 ? "+" : "") + std::string(buffer.data(), end.ptr) + " %";
}

// Things with one name in both designs and their figures; those of only one stand against zeros.
struct Pairing {
  std::vector<std::string> names;  // in the order in which they are met
  std::map<std::string, std::pair<ordered_json, ordered_json>> of;

  void add(const std::string& name, bool first, ordered_json figures) {
    const auto [place, fresh] = of.try_emplace(name);
    if (fresh) names.push_back(name);
    ordered_json& side = first ? place->second.first : place->second.second;
    if (side.is_null()) {
      side = std::move(figures);
      return;
    }
    for (auto& [key, value] : figures.items())
      if (value.is_number()) side[key] = number(side[key]) + number(value);
  }

  // Largest difference in `key` first.
  ordered_json json(const std::vector<std::string>& keys) const {
    std::vector<std::string> order = names;
    const auto difference = [&](const std::string& name) {
      const auto& [a, b] = of.at(name);
      return std::abs((a.is_null() ? 0 : number(a.value(keys[0], ordered_json(0)))) -
                      (b.is_null() ? 0 : number(b.value(keys[0], ordered_json(0)))));
    };
    std::stable_sort(order.begin(), order.end(), [&](const std::string& x, const std::string& y) {
      return difference(x) > difference(y);
    });
    ordered_json list = ordered_json::array();
    for (const std::string& name : order) {
      const auto& [a, b] = of.at(name);
      ordered_json entry{{"name", name}};
      for (const std::string& key : keys) {
        entry[key] = {{"a", a.is_null() ? ordered_json(nullptr) : a.value(key, ordered_json(0))},
                      {"b", b.is_null() ? ordered_json(nullptr) : b.value(key, ordered_json(0))}};
      }
      for (const auto& [side, of_side] : {std::pair("a", &a), std::pair("b", &b)})
        if (!of_side->is_null() && of_side->contains("cores"))
          entry["cores"][side] = (*of_side)["cores"];
      list.push_back(std::move(entry));
    }
    return list;
  }
};

ordered_json parse(const StudyDesign& design, const char* name) {
  const auto text = design.documents.find(name);
  ordered_json json;
  if (text != design.documents.end()) json = ordered_json::parse(text->second, nullptr, false);
  if (json.is_array()) return json;
  throw InputError({"design " + std::to_string(design.id), ""},
                   "it has no readable document '" + std::string(name) + "'");
}

void add_workload(const ordered_json& schedule, bool first, Pairing& layers, Pairing& memories,
                  Pairing& links) {
  if (!schedule.contains("allocation")) {  // of a single core
    for (const auto& layer : schedule["layers"]) {
      layers.add(layer.at("name"), first,
                 {{"latency", layer.at("latency")}, {"energy", layer.at("energy")}});
      if (!layer.contains("memories")) continue;
      for (const auto& [memory, energy] : layer["memories"].items())
        memories.add(memory, first, {{"energy", energy}});
    }
    return;
  }
  ordered_json summed = schedule;
  if (!summed.contains("by_layer")) add_schedule_sums(summed);
  for (const auto& layer : summed["by_layer"]) {
    layers.add(layer.at("layer"), first,
               {{"latency", layer.at("busy")},
                {"energy", layer.at("energy")},
                {"cores", layer.at("cores")}});
  }
  for (const auto& memory : summed.at("memory")) {
    memories.add("core " + memory.at("core").dump() + " " + memory.at("memory").get<std::string>(),
                 first, {{"peak", memory.at("peak")}, {"capacity", memory.at("capacity")}});
  }
  for (const auto& link : summed["by_link"]) {
    links.add(link.at("from").dump() + " to " + link.at("to").dump(), first,
              {{"bits", link.at("bits")}, {"energy", link.at("energy")}});
  }
}

ordered_json totals_of(const ordered_json& schedule) {
  ordered_json totals = ordered_json::object();
  const ordered_json& from = schedule.contains("total") ? schedule["total"] : schedule;
  totals["latency"] = from.value("latency", ordered_json(nullptr));
  if (!from.contains("energy")) return totals;
  if (!from["energy"].is_object()) {
    totals["energy"] = from["energy"];
    return totals;
  }
  for (const auto& [part, value] : from["energy"].items())
    totals[part == "total" ? "energy" : "energy of " + part] = value;
  return totals;
}

std::string table(const ordered_json& list, const std::vector<std::string>& keys,
                  const std::string& title, std::uint64_t top) {
  if (list.empty()) return "";
  std::vector<std::vector<std::string>> rows{{title}};
  for (const std::string& key : keys) {
    rows[0].push_back(key + " A");
    rows[0].push_back("B");
    rows[0].push_back("A / B");
  }
  std::size_t left = 0;
  for (const auto& entry : list) {
    if (top != 0 && rows.size() > top) {
      ++left;
      continue;
    }
    std::string name = entry["name"];
    if (entry.contains("cores")) {
      name += " on " + entry["cores"].value("a", ordered_json(nullptr)).dump() + " / " +
              entry["cores"].value("b", ordered_json(nullptr)).dump();
    }
    rows.push_back({name});
    for (const std::string& key : keys) {
      const ordered_json& a = entry[key]["a"];
      const ordered_json& b = entry[key]["b"];
      rows.back().push_back(a.is_number() ? figure(number(a)) : "-");
      rows.back().push_back(b.is_number() ? figure(number(b)) : "-");
      rows.back().push_back(change(number(a), number(b)));
    }
  }
  std::string text = text_table(rows);
  if (left > 0) text += "  ... and " + std::to_string(left) + " that differ less (--top 0)\n";
  return text;
}

}  // namespace

void add_schedule_sums(ordered_json& schedule) {
  if (!schedule.contains("nodes") || !schedule.contains("transfers")) return;
  struct Layer {
    std::string name;
    double busy = 0;
    double energy = 0;
    std::vector<int> cores;
  };
  std::map<int, Layer> layers;
  for (const auto& node : schedule["nodes"]) {
    Layer& layer = layers[node.at("id").get<int>()];
    layer.name = node.at("layer");
    layer.busy += number(node.at("end")) - number(node.at("start"));
    layer.energy +=
        number(node.at("energy")) + number(node.value("offchip_energy", ordered_json(0)));
    const int core = node.at("core").get<int>();
    if (std::find(layer.cores.begin(), layer.cores.end(), core) == layer.cores.end())
      layer.cores.push_back(core);
  }
  ordered_json by_layer = ordered_json::array();
  for (auto& [id, layer] : layers) {
    std::sort(layer.cores.begin(), layer.cores.end());
    by_layer.push_back({{"layer", layer.name},
                        {"id", id},
                        {"cores", layer.cores},
                        {"busy", layer.busy},
                        {"energy", layer.energy}});
  }
  struct Link {
    double bits = 0;
    double energy = 0;
    int transfers = 0;
  };
  std::map<std::pair<int, int>, Link> links;
  for (const auto& transfer : schedule["transfers"]) {
    Link& link = links[{transfer.at("from").get<int>(), transfer.at("to").get<int>()}];
    link.bits += number(transfer.at("bits"));
    link.energy += number(transfer.at("energy"));
    ++link.transfers;
  }
  ordered_json by_link = ordered_json::array();
  for (const auto& [ends, link] : links) {
    by_link.push_back({{"from", ends.first},
                       {"to", ends.second},
                       {"bits", link.bits},
                       {"energy", link.energy},
                       {"transfers", link.transfers}});
  }
  schedule["by_layer"] = std::move(by_layer);
  schedule["by_link"] = std::move(by_link);
}

ordered_json compare_designs(const StudyFile& file, std::uint64_t a, std::uint64_t b,
                             const StudyDesign& of_a, const StudyDesign& of_b) {
  ordered_json result{{"schema", "ridgeline.comparison/1"}, {"a", of_a.id}, {"b", of_b.id}};
  auto& parameters = result["parameters"] = ordered_json::object();
  const auto values_a = parameter_values(file, a);
  const auto values_b = parameter_values(file, b);
  for (std::size_t p = 0; p < values_a.size(); ++p) {
    if (values_a[p] == values_b[p]) continue;
    parameters[file.parameters[p].name] = {{"a", file.parameters[p].labels[values_a[p]]},
                                           {"b", file.parameters[p].labels[values_b[p]]}};
  }
  auto& objectives = result["objectives"] = ordered_json::object();
  for (std::size_t o = 0; o < file.objectives.size(); ++o) {
    objectives[file.objectives[o].name] = {{"a", file.candidates.objectives[o][a]},
                                           {"b", file.candidates.objectives[o][b]}};
  }
  const ordered_json first = parse(of_a, "schedule");
  const ordered_json second = parse(of_b, "schedule");
  auto& workloads = result["workloads"] = ordered_json::array();
  for (std::size_t w = 0; w < std::min(first.size(), second.size()); ++w) {
    Pairing layers;
    Pairing memories;
    Pairing links;
    add_workload(first[w], true, layers, memories, links);
    add_workload(second[w], false, layers, memories, links);
    ordered_json totals = ordered_json::object();
    const ordered_json total_a = totals_of(first[w]);
    const ordered_json total_b = totals_of(second[w]);
    for (const auto& [key, value] : total_a.items())
      totals[key] = {{"a", value}, {"b", total_b.value(key, ordered_json(nullptr))}};
    ordered_json entry{{"workload", first[w].value("workload", "workload " + std::to_string(w))},
                       {"total", std::move(totals)}};
    for (const char* key : {"mode"})
      if (first[w].contains(key)) entry[key] = {{"a", first[w][key]}, {"b", second[w][key]}};
    entry["layers"] = layers.json({"latency", "energy"});
    const bool single = first[w].contains("layers");
    entry["memories"] = single ? memories.json({"energy"}) : memories.json({"peak", "capacity"});
    entry["links"] = links.json({"bits", "energy"});
    workloads.push_back(std::move(entry));
  }
  return result;
}

std::string comparison_text(const ordered_json& comparison, std::uint64_t top) {
  std::string text =
      "A: design " + comparison["a"].dump() + ", B: design " + comparison["b"].dump() + "\n";
  for (const auto& [name, sides] : comparison["parameters"].items()) {
    text += "  " + name + ": " + sides["a"].get<std::string>() + " / " +
            sides["b"].get<std::string>() + '\n';
  }
  if (comparison["parameters"].empty()) text += "  all parameters are the same\n";
  std::vector<std::vector<std::string>> objectives{{"", "A", "B", "A / B"}};
  for (const auto& [name, sides] : comparison["objectives"].items()) {
    objectives.push_back({name, figure(number(sides["a"])), figure(number(sides["b"])),
                          change(number(sides["a"]), number(sides["b"]))});
  }
  text += '\n' + text_table(objectives);
  for (const auto& workload : comparison["workloads"]) {
    text += '\n' + workload["workload"].get<std::string>();
    if (workload.contains("mode")) {
      text += ", " + workload["mode"]["a"].get<std::string>() + " / " +
              workload["mode"]["b"].get<std::string>();
    }
    text += '\n';
    std::vector<std::vector<std::string>> totals{{"total", "A", "B", "A / B"}};
    for (const auto& [name, sides] : workload["total"].items()) {
      totals.push_back({name, figure(number(sides["a"])), figure(number(sides["b"])),
                        change(number(sides["a"]), number(sides["b"]))});
    }
    text += text_table(totals);
    text += table(workload["layers"], {"latency", "energy"}, "layer", top);
    const bool energies =
        !workload["memories"].empty() && workload["memories"][0].contains("energy");
    text += table(workload["memories"],
                  energies ? std::vector<std::string>{"energy"}
                           : std::vector<std::string>{"peak", "capacity"},
                  "memory", top);
    text += table(workload["links"], {"bits", "energy"}, "link between cores", top);
  }
  return printable_lines(text);
}

}  // namespace ridgeline::io
