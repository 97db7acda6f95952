// One schedule as a document for programs (JSON), people (text) and Perfetto
// (docs/multicore.md, 7).
#pragma once

#include <cstdint>
#include <ostream>
#include <string>
#include <string_view>
#include <vector>

#include "io/onnx/missing.hpp"
#include "model/system/multicore.hpp"
#include "model/system/schedule_problem.hpp"
#include "search/allocation/schedule_result.hpp"

namespace ridgeline::io {

// Everything the writers need; the references outlive the report.
struct ScheduleReport {
  std::string workload{};
  std::string accelerator{};
  std::string mode{};       // "fused", "layer-by-layer"
  std::string semantics{};  // "2025", "2023"
  const model::MultiCore& system;
  const search::ScheduleResult& result;  // something is feasible
  double seconds = 0;
  std::string granularity_dim{};                // by which stacks are cut, where that was chosen
  std::vector<std::string> granularity_dims{};  // of each stack that is cut, where they differ
  std::vector<MissingArithmetic> missing{};     // what is passed through without cost
  std::vector<std::string> notes{};

  const model::ScheduleProblem& problem() const { return result.problem(); }
  std::string_view engine() const;  // "exhaustive", "ga"; "none": there was nothing to choose
};

// Period in ns that the documents of all cores state that state one; 0: none, or several.
double common_clock(const model::MultiCore& system);

// The schema ridgeline.schedule/1. `full` adds what a checker needs: edges, blocks, links,
// and when each tensor is in which memory.
void write_schedule_json(const ScheduleReport& report, bool full, std::ostream& out);

// Totals, energy by cause, each core's share of the time, each memory's peak, a timeline.
void write_schedule_text(const ScheduleReport& report, std::ostream& out);

// Trace events for Perfetto: one track a core, link and memory; dependencies between layers and
// transfers as flows. A cycle is shown as a microsecond.
void write_schedule_trace(const ScheduleReport& report, std::ostream& out);

// "Layer1.O[3]": layer, operand, and the sub id of the first node that has the tensor.
std::string tensor_label(const model::ScheduleProblem& problem, int tensor, int part);

}  // namespace ridgeline::io
