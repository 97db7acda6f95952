#include "tests/support/golden.hpp"

#include <algorithm>
#include <fstream>
#include <stdexcept>

namespace ridgeline::testing {

namespace fs = std::filesystem;

namespace {

// "O[b][g][k]" at `position` of an equation, moved behind it.
std::pair<std::string, std::vector<std::string>> next_term(const std::string& text,
                                                           std::size_t& position) {
  const std::string separators = " =*+";
  while (position < text.size() && separators.find(text[position]) != std::string::npos) {
    ++position;
  }
  std::pair<std::string, std::vector<std::string>> term;
  while (position < text.size() && text[position] != '[') term.first += text[position++];
  while (position < text.size() && text[position] == '[') {
    const std::size_t end = text.find(']', position);
    std::string index = text.substr(position + 1, end - position - 1);
    std::transform(index.begin(), index.end(), index.begin(), ::toupper);
    if (!index.empty()) term.second.push_back(index);
    position = end + 1;
  }
  return term;
}

Json read(const fs::path& path) {
  std::ifstream stream(path);
  if (!stream) throw std::runtime_error("cannot read " + path.string());
  return Json::parse(stream);
}

}  // namespace

// Records of one file of a folder; none where it is absent.
static Json golden_file(const std::string& folder, const std::string& file) {
  const fs::path path = golden_folder(folder) / (file + ".json");
  return fs::exists(path) ? read(path) : Json::array();
}

// All records where the references' folder is at hand, else the few that belong to the project.
fs::path golden_folder(const std::string& folder) {
  std::vector<fs::path> roots;
  if (const fs::path reference = RIDGELINE_REFERENCE_DIR; !reference.empty()) {
    roots.push_back(reference / "golden");
  }
  roots.push_back(fs::path(RIDGELINE_SOURCE_DIR) / "tests" / "golden");
  for (const fs::path& root : roots) {
    if (fs::is_directory(root / folder)) return root / folder;
  }
  return {};
}

std::vector<Json> golden_records(const std::string& folder) {
  std::vector<fs::path> files;
  if (const fs::path path = golden_folder(folder); !path.empty()) {
    for (const auto& entry : fs::directory_iterator(path)) {
      if (entry.path().extension() == ".json") files.push_back(entry.path());
    }
  }
  std::sort(files.begin(), files.end());
  std::vector<Json> records;
  for (const fs::path& file : files) {
    const Json document = read(file);
    records.insert(records.end(), document.begin(), document.end());
  }
  return records;
}

model::Accelerator golden_accelerator(const std::string& file) {
  const fs::path path = golden_folder("accelerator") / fs::path(file).replace_extension(".json");
  const Json record = read(path).at(0);
  model::Accelerator accelerator;
  accelerator.name = record.at("name");
  const Json& array = record.at("operational_array");
  for (const Json& dim : array.at("dimensions")) {
    accelerator.array.dims.push_back({dim.at(0), dim.at(1)});
  }
  accelerator.array.unit_energy = array.value("unit_energy", 0.0);
  accelerator.array.unit_area = array.value("unit_area", 0.0);
  if (array.value("is_imc", false)) {
    accelerator.array.imc = {.analog = array.at("is_analog"),
                             .activation_precision = array.at("activation_precision"),
                             .weight_precision = array.at("weight_precision"),
                             .adc_resolution = array.at("adc_resolution"),
                             .bit_serial_precision = array.at("bit_serial_precision")};
  }
  for (const Json& entry : record.at("memories")) {
    model::Memory memory;
    memory.name = entry.at("name");
    memory.size = entry.at("size_bits");
    memory.r_cost = entry.at("r_cost");
    memory.w_cost = entry.at("w_cost");
    memory.area = entry.at("area");
    memory.latency = entry.at("latency");
    for (const std::string operand : entry.at("operands")) {
      memory.operands.push_back(*model::memory_operand(operand));
    }
    for (const std::string dim : entry.at("served_dimensions")) {
      memory.served_dims.push_back(accelerator.array.dim_index(dim));
    }
    for (const Json& port_entry : entry.at("ports")) {
      model::Port port;
      port.name = port_entry.at("name");
      port.bandwidth_min = port_entry.at("bw_min");
      port.bandwidth_max = port_entry.at("bw_max");
      for (const Json& function : port_entry.at("serves")) {
        const std::string direction = function.at(2);
        for (int d = 0; d < model::kDirections; ++d) {
          if (model::to_string(static_cast<model::Direction>(d)) != direction) continue;
          port.allocation.emplace_back(*model::memory_operand(std::string(function.at(0))),
                                       static_cast<model::Direction>(d));
        }
      }
      memory.ports.push_back(std::move(port));
    }
    accelerator.memories.push_back(std::move(memory));
  }
  return accelerator;
}

model::Layer golden_layer(const Json& record) {
  model::Layer layer;
  layer.id = record.at("id");
  layer.name = record.at("name");
  layer.operator_type = record.at("operator_type");
  layer.equation = record.at("equation");
  for (const Json& dim : record.at("loop_dims")) layer.dims.push_back({dim.at(0), dim.at(1)});
  for (const Json& entry : record.at("dimension_relations")) {
    model::DimRelation relation;
    relation.name = entry.at("dim");
    for (std::size_t t = 0; t < 2; ++t) {
      relation.dim[t] = layer.dim_index(std::string(entry.at("terms").at(t).at(0)));
      relation.coefficient[t] = entry.at("terms").at(t).at(1);
    }
    relation.given_size = record.at("pr_dim_sizes").at(relation.name).get<std::int64_t>();
    layer.relations.push_back(relation);
  }
  layer.constant_operands = record.value("constant_operands", std::vector<std::string>{});
  const Json& precision = record.at("operand_precision");
  std::size_t position = 0;
  while (position < layer.equation.size()) {
    const auto [name, indices] = next_term(layer.equation, position);
    if (name.empty()) break;
    model::LayerOperand operand;
    operand.name = name;
    operand.precision = precision.at(name);
    operand.constant = std::find(layer.constant_operands.begin(), layer.constant_operands.end(),
                                 name) != layer.constant_operands.end();
    for (const std::string& index : indices) {
      const int dim = layer.dim_index(index);
      if (dim >= 0) {
        operand.indices.push_back({false, dim});
        continue;
      }
      for (std::size_t r = 0; r < layer.relations.size(); ++r) {
        if (layer.relations[r].name == index) {
          operand.indices.push_back({true, static_cast<int>(r)});
        }
      }
    }
    layer.operands.push_back(std::move(operand));
  }
  layer.output_final_precision = precision.at("O_final");
  return layer;
}

model::Workload golden_workload(const std::string& file) {
  model::Workload workload;
  workload.name = file;
  for (const Json& record : golden_file("workload_import", file)) {
    model::WorkloadNode node;
    node.id = record.at("id");
    node.name = record.at("name");
    node.operator_type = record.at("operator_type");
    node.predecessors = record.at("predecessors").get<std::vector<int>>();
    if (record.at("kind") == "layer") node.layer = golden_layer(record);
    workload.nodes.push_back(std::move(node));
  }
  return workload;
}

model::MappingSpec golden_workload_links(const std::string& file) {
  model::MappingSpec mapping;
  for (const Json& record : golden_file("workload_import", file)) {
    if (record.at("kind") != "layer") continue;
    model::MappingEntry entry;
    entry.name = record.at("name");
    entry.links = {{"O", model::MemoryOperand::O},
                   {record.at("act_operand"), model::MemoryOperand::I1},
                   {record.at("weight_operand"), model::MemoryOperand::I2}};
    mapping.entries.push_back(std::move(entry));
  }
  return mapping;
}

model::MappingEntry golden_links(const Json& links) {
  model::MappingEntry entry;
  entry.name = "default";
  entry.links.clear();
  for (const auto& [operand, memory] : links.items()) {
    entry.links.push_back({operand, *model::memory_operand(std::string(memory))});
  }
  return entry;
}

model::SpatialMapping golden_spatial(const Json& ordered, const model::Layer& layer,
                                     const model::Accelerator& accelerator) {
  model::SpatialMapping mapping;
  for (const Json& entry : ordered) {
    model::SpatialDim dim;
    dim.array_dim = accelerator.array.dim_index(std::string(entry.at(0)));
    for (const Json& loop : entry.at(1)) {
      const int d = layer.dim_index(std::string(loop.at(0)));
      if (d >= 0) dim.loops.push_back({d, loop.at(1).get<std::int64_t>()});
    }
    mapping.push_back(std::move(dim));
  }
  return mapping;
}

}  // namespace ridgeline::testing
