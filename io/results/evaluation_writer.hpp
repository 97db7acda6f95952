// Results of evaluating a workload on a single-core accelerator, as JSON (the schema
// `ridgeline.evaluation/1` of docs/results.md) and as text for people.
#pragma once

#include <nlohmann/json_fwd.hpp>
#include <string>
#include <vector>

#include "io/onnx/missing.hpp"
#include "model/core/mapping_spec.hpp"
#include "search/mapping/workload_search.hpp"

namespace ridgeline::io {

struct EvaluationReport {
  const model::Workload& workload;
  const model::Accelerator& accelerator;
  const search::WorkloadSearchOptions& options;  // effective ones
  const search::WorkloadResult& result;
  std::vector<double> seconds;               // of each of result.problems; may be empty
  std::vector<MissingArithmetic> missing{};  // that neither layers nor a vector unit stand for
  std::vector<std::string> notes{};
  double leakage = 0;  // mW of the memories whose technology tables tell it; no part of energies
};

nlohmann::ordered_json evaluation_json(const EvaluationReport& report);

// JSON text. Doubles round-trip; nothing depends on the locale.
std::string evaluation_json_text(const EvaluationReport& report);

// The same with the layers and the accelerator as they were understood, and what each memory level
// of each operand holds and is unrolled over.
std::string evaluation_full_json_text(const EvaluationReport& report,
                                      const model::MappingSpec& mapping);

std::string evaluation_text(const EvaluationReport& report);

std::string to_string(search::Engine engine);

}  // namespace ridgeline::io
