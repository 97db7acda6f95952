#include "io/inputs/technology.hpp"

#include <algorithm>
#include <cmath>
#include <cstdlib>
#include <filesystem>
#include <nlohmann/json.hpp>
#include <set>

#include "io/document/given.hpp"
#include "io/inputs/memory_compiler.hpp"
#include "io/inputs/technology_data.hpp"

namespace ridgeline::io {
namespace {

double positive(const Value& value) {
  const double number = value.as_real_at_least(0);
  if (number == 0) throw value.error("is 0", "a positive number");
  return number;
}

// Along a straight line of the logarithms.
double between(double x, double x0, double x1, double y0, double y1) {
  if (x == x0) return y0;
  if (x == x1) return y1;
  if (y0 == y1) return y0;
  const double share = std::log(x / x0) / std::log(x1 / x0);
  return y0 * std::pow(y1 / y0, share);
}

struct Widths {
  double read = 0;  // bits of the widest port that reads; 0: none
  double write = 0;
  double all = 0;  // of all ports
};
Widths widths_of(const model::Memory& memory) {
  Widths widths;
  for (const model::Port& port : memory.ports) {
    const auto width = static_cast<double>(port.bandwidth_max);
    widths.all += width;
    if (port.type != model::PortType::write) widths.read = std::max(widths.read, width);
    if (port.type != model::PortType::read) widths.write = std::max(widths.write, width);
  }
  if (widths.read == 0) widths.read = widths.write;
  if (widths.write == 0) widths.write = widths.read;
  return widths;
}

ExtractedCosts fill_in(const TechnologyTable& table, const Value& place, model::Memory& memory) {
  const auto size = static_cast<double>(memory.size);
  const auto& points = table.points;
  if (size < points.front().size || size > points.back().size) {
    throw place.error(
        "the table " + table.name + " has no memory of " + std::to_string(memory.size) + " bits",
        "it covers " + std::to_string(static_cast<std::int64_t>(points.front().size)) + " to " +
            std::to_string(static_cast<std::int64_t>(points.back().size)) +
            " bits: give r_cost, w_cost and area instead");
  }
  std::size_t next = 1;
  while (next + 1 < points.size() && size > points[next].size) ++next;
  const TechnologyPoint& low = points[next - 1];
  const TechnologyPoint& high = points[next];
  const Widths widths = widths_of(memory);
  memory.r_cost = between(size, low.size, high.size, low.read, high.read) * widths.read;
  memory.w_cost = between(size, low.size, high.size, low.write, high.write) * widths.write;
  for (const TechnologyPoint& point : {low, high}) {
    // What the source tells is exact.
    if (size != point.size) continue;
    if (widths.read == point.width) memory.r_cost = point.read_access;
    if (widths.write == point.width) memory.w_cost = point.write_access;
  }
  memory.area = 0;
  if (table.area) {
    const TechnologyArea& a = *table.area;
    const auto ports = static_cast<double>(memory.ports.size());
    memory.area =
        a.overhead * a.cell * (1 + a.each_port * (ports - 1)) * (size + a.rows_a_port * widths.all);
  }
  memory.latency = table.latency;
  ExtractedCosts costs;
  if (low.leakage > 0)
    costs.leakage = between(size, low.size, high.size, low.leakage, high.leakage);
  costs.source = table.name + " (" +
                 (size == low.size    ? low.source
                  : size == high.size ? high.source
                                      : "between " + low.source + " and " + high.source) +
                 ")";
  return costs;
}

std::filesystem::path table_file(const Value& source) {
  const std::filesystem::path file = source.as_string();
  return file.is_absolute() ? file : folder_of(source.location().file) / file;
}

std::string known_tables() {
  std::string text;
  for (const TechnologyTable& table : shipped_tables()) {
    text += (text.empty() ? "" : ", ") + ("{node: " + table.node + ", kind: " + table.kind + "}");
  }
  return text;
}

}  // namespace

TechnologyTable read_technology(const Value& document) {
  document.allow_only({"name", "node", "kind", "latency", "energy", "area"});
  TechnologyTable table;
  table.name = document.at("name").as_string();
  table.node = document.at("node").as_string();
  table.kind = document.at("kind").as_string();
  if (table.kind != "sram" && table.kind != "regfile" && table.kind != "dram") {
    throw document.at("kind").error("'" + table.kind + "' is no kind of memory",
                                    "sram, regfile or dram");
  }
  if (const auto latency = document.find("latency")) table.latency = latency->as_integer(0);
  const Value list = document.at("energy");
  for (const Value& entry : list.items()) {
    entry.allow_only({"size", "width", "r_cost", "w_cost", "leakage", "source"});
    TechnologyPoint point;
    point.size = positive(entry.at("size"));
    point.width = positive(entry.at("width"));
    point.read_access = positive(entry.at("r_cost"));
    point.write_access = positive(entry.at("w_cost"));
    point.read = point.read_access / point.width;
    point.write = point.write_access / point.width;
    if (const auto leakage = entry.find("leakage")) point.leakage = positive(*leakage);
    point.source = entry.at("source").as_string();
    if (!table.points.empty()) {
      const TechnologyPoint& last = table.points.back();
      if (point.size <= last.size) throw entry.at("size").error("sizes have to rise");
      // Equal but for rounding: 208.08 / 1024 and 416.16 / 2048.
      if (point.read < last.read * (1 - 1e-9) || point.write < last.write * (1 - 1e-9)) {
        throw entry.error("a bit costs less than in the smaller memory before",
                          "leave one of the two out, or give them tables of their own");
      }
      if ((point.leakage > 0) != (last.leakage > 0)) {
        throw entry.error("leakage is told of some sizes only", "of all of them, or of none");
      }
      if (point.leakage < last.leakage) {
        throw entry.at("leakage").error("less than that of the smaller memory before");
      }
      point.read = std::max(point.read, last.read);
      point.write = std::max(point.write, last.write);
    }
    table.points.push_back(std::move(point));
  }
  if (table.points.size() < 2) {
    throw list.error("a table needs at least two sizes", "the smallest and the largest");
  }
  if (const auto area = document.find("area")) {
    area->allow_only({"cell", "overhead", "each_port", "rows_a_port", "source"});
    table.area = TechnologyArea{.cell = positive(area->at("cell")),
                                .overhead = positive(area->at("overhead")),
                                .each_port = area->at("each_port").as_real_at_least(0),
                                .rows_a_port = area->at("rows_a_port").as_real_at_least(0)};
    area->at("source").as_string();
  }
  return table;
}

const std::vector<TechnologyTable>& shipped_tables() {
  static const std::vector<TechnologyTable> tables = [] {
    std::vector<TechnologyTable> read;
    for (const auto& [name, text] : kTechnologyTexts) {
      const Document document = parse_document(text, std::string(name), Format::yaml);
      read.push_back(read_technology(document.root()));
    }
    return read;
  }();
  return tables;
}

void embed_tables(
    Document& document,
    const std::function<void(const std::string& name, const std::string& bytes)>& read) {
  const auto memories = document.root().is_map() ? document.root().find("memories") : std::nullopt;
  if (!memories || !memories->is_map()) return;
  std::vector<std::pair<std::string, std::filesystem::path>> files;
  bool compiler = false;
  for (const auto& [name, memory] : memories->entries()) {
    const auto cost = memory.is_map() ? memory.find("cost") : std::nullopt;
    const auto source = cost && cost->is_map() ? cost->find("source") : std::nullopt;
    if (!source || !source->is_string()) continue;
    if (source->as_string() == kMemoryCompiler) {
      compiler = true;
    } else {
      files.emplace_back(source->pointer(), table_file(*source));
    }
  }
  for (const auto& [pointer, file] : files) {
    std::string bytes;
    const Document table = load_document(file, &bytes);
    read(file.filename().string(), bytes);
    document.set(pointer, table.to_json());
  }
  // Another program gives other answers.
  const char* const program = compiler ? std::getenv(kCompilerVariable) : nullptr;
  if (program != nullptr) {
    constexpr std::size_t kMostBytes = std::size_t{1} << 30;
    read(std::string(kMemoryCompiler), read_input_file(program, kMostBytes));
  }
}

ExtractedCosts extract_costs(const Value& request, const std::string& technology,
                             model::Memory& memory) {
  request.allow_only({"node", "kind", "source"});
  const Value kind = request.at("kind");
  const auto given_node = request.find("node");
  const auto source = request.find("source");
  if (source && source->is_string() && source->as_string() == kMemoryCompiler) {
    return compile_memory(request, given_node ? given_node->as_string() : technology, memory);
  }
  if (source) {
    const auto fill = [&](const Value& root) {
      const TechnologyTable table = read_technology(root);
      if (table.kind != kind.as_string()) {
        throw kind.error("the table " + table.name + " is of kind " + table.kind);
      }
      if (given_node && given_node->as_string() != table.node) {
        throw given_node->error("the table " + table.name + " is of node " + table.node);
      }
      return fill_in(table, request, memory);
    };
    if (source->is_map()) return fill(*source);
    return fill(load_document(table_file(*source)).root());
  }
  const std::string node = given_node ? given_node->as_string() : technology;
  for (const TechnologyTable& table : shipped_tables()) {
    if (table.kind != kind.as_string()) continue;
    if (table.node == "any" || table.node == node) return fill_in(table, request, memory);
  }
  if (node.empty()) {
    throw request.error("of which node?", "node: 28nm here, or technology: 28nm in the document");
  }
  throw request.error("there is no table of node " + node + " and kind " + kind.as_string(),
                      "there are " + known_tables() + "; `source: FILE` names one of your own");
}

ExtractedCosts extract_default_costs(const Value& flag, model::Memory& memory) {
  // The reference asks CACTI, at a node of its own: its figures are others.
  for (const TechnologyTable& table : shipped_tables()) {
    if (table.kind == (memory.type == "dram" ? "dram" : "sram")) {
      return fill_in(table, flag, memory);
    }
  }
  throw flag.error("no table of memories was shipped");
}

}  // namespace ridgeline::io
