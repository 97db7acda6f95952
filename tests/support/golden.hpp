// Reads the references' golden records (schema zigzag-golden/...) into the model's types,
// without the project's own readers, so that a fault in those does not hide here.
#pragma once

#include <filesystem>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "model/core/accelerator.hpp"
#include "model/core/layer.hpp"
#include "model/core/mapping_spec.hpp"
#include "model/core/spatial_mapping.hpp"
#include "model/core/workload.hpp"

namespace ridgeline::testing {

using Json = nlohmann::ordered_json;

// Folder of golden figures, or empty where this checkout has none; `folder` e.g. "loma".
std::filesystem::path golden_folder(const std::string& folder);

// All records of a folder's files; empty where it is absent.
std::vector<Json> golden_records(const std::string& folder);

// The accelerators of the golden files, by the file name the records use.
model::Accelerator golden_accelerator(const std::string& file);

model::Layer golden_layer(const Json& layer);
// The graph of a workload file ("resnet18.onnx"), and which memory operand each layer's operands
// have by the usual links (activation I1, weight I2). Empty where it has no records.
model::Workload golden_workload(const std::string& file);
model::MappingSpec golden_workload_links(const std::string& file);

model::MappingEntry golden_links(const Json& links);
model::SpatialMapping golden_spatial(const Json& ordered, const model::Layer& layer,
                                     const model::Accelerator& accelerator);

}  // namespace ridgeline::testing
