// One schedule as a document for programs (JSON), people (text) and Perfetto
// (docs/multicore.md, 7).
#pragma once

#include <cstdint>
#include <ostream>
#include <string>
#include <vector>

#include "model/system/multicore.hpp"
#include "model/system/schedule_problem.hpp"
#include "model/system/scheduler.hpp"

namespace ridgeline::io {

struct ReportedChoice {
  std::vector<std::int64_t> granularity;  // factor of each stack; empty: none was searched
  model::Allocation allocation;
  model::ScheduleFigures figures;
  std::uint64_t equals = 1;  // schedules found with the same objectives, this one included
};

// Everything the writers need; the references outlive the report.
struct ScheduleReport {
  std::string workload;
  std::string accelerator;
  std::string mode;       // "fused", "layer-by-layer"
  std::string semantics;  // "2025", "2023"
  const model::MultiCore& system;
  const model::ScheduleProblem& problem;  // its graph too
  const model::ScheduleFigures& figures;
  const model::ScheduleRecord& record;
  model::Allocation allocation;
  std::vector<ReportedChoice> front;
  std::string engine;  // "exhaustive", "ga", "none"
  std::uint64_t space = 1;
  std::uint64_t evaluated = 0;
  std::uint64_t mappings_evaluated = 0;
  double seconds = 0;
  bool stopped = false;
  std::string granularity_dim{};            // by which stacks are cut, where that was chosen
  std::vector<std::int64_t> granularity{};  // of each stack that can be cut; 0: all
  std::uint64_t distinct = 1;               // of `space`, those not equal by symmetry
};

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
