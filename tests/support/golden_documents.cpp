#include "tests/support/golden_documents.hpp"

#include <fstream>

namespace ridgeline::testing {

std::vector<Json> golden_file(const std::string& folder, const std::string& file) {
  std::ifstream stream(golden_folder(folder) / file);
  if (!stream) return {};
  const Json document = Json::parse(stream);
  return {document.begin(), document.end()};
}

Json accelerator_document(const Json& record) {
  Json document;
  document["name"] = record.at("name");
  const Json& array = record.at("operational_array");
  Json& written = document["operational_array"];
  for (const Json& dim : array.at("dimensions")) {
    written["dimensions"].push_back(dim.at(0));
    written["sizes"].push_back(dim.at(1));
  }
  if (array.at("is_imc")) {
    written["is_imc"] = true;
    written["imc_type"] = array.at("is_analog") ? "analog" : "digital";
    written["input_precision"] = {array.at("activation_precision"), array.at("weight_precision")};
    written["bit_serial_precision"] = array.at("bit_serial_precision");
    written["adc_resolution"] = array.at("adc_resolution");
  } else {
    written["unit_energy"] = array.at("unit_energy");
    written["unit_area"] = array.at("unit_area");
  }
  for (const Json& memory : record.at("memories")) {
    Json entry;
    entry["size"] = memory.at("size_bits");
    for (const char* key :
         {"r_cost", "w_cost", "area", "latency", "operands", "served_dimensions"}) {
      entry[key] = memory.at(key);
    }
    for (const Json& port : memory.at("ports")) {
      Json allocation = Json::array();
      for (const Json& function : port.at("serves")) {
        const std::string direction = function.at(2);
        for (int d = 0; d < model::kDirections; ++d) {
          const auto value = static_cast<model::Direction>(d);
          if (model::to_string(value) != direction) continue;
          allocation.push_back(function.at(0).get<std::string>() + ", " +
                               std::string(model::short_name(value)));
        }
      }
      entry["ports"].push_back({{"name", port.at("name")},
                                {"type", port.at("type")},
                                {"bandwidth_min", port.at("bw_min")},
                                {"bandwidth_max", port.at("bw_max")},
                                {"allocation", allocation}});
    }
    document["memories"][memory.at("name").get<std::string>()] = entry;
  }
  return document;
}

Json workload_document(const std::vector<Json>& records) {
  Json document = Json::array();
  for (const Json& record : records) {
    Json entry;
    for (const char* key : {"id", "name", "operator_type", "equation", "operand_precision"}) {
      entry[key] = record.at(key);
    }
    entry["dimension_relations"] = Json::array();
    for (const Json& relation : record.at("dimension_relations")) {
      entry["dimension_relations"].push_back(relation.at("text"));
    }
    for (const Json& dim : record.at("loop_dims")) {
      entry["loop_dims"].push_back(dim.at(0));
      entry["loop_sizes"].push_back(dim.at(1));
    }
    entry["operand_source"] = record.at("operand_sources");
    for (const Json& operand : record.at("constant_operands")) {
      entry["operand_source"][operand.get<std::string>()] = record.at("id");
    }
    document.push_back(entry);
  }
  return document;
}

}  // namespace ridgeline::testing
