// A network on a multi-core system: what `ridgeline schedule` and the library's call do.
//
// Safe to call from several threads at once. Throws io::InputError, io::FileError, UsageError,
// Infeasible, Cancelled.
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "engine/calls/hooks.hpp"
#include "engine/run/schedule_run.hpp"
#include "io/onnx/multicore_lowering.hpp"
#include "io/results/schedule_report.hpp"

namespace ridgeline::engine {

// Versions of the reference; those of 2023 differ in their schedulers alone.
enum class SemanticsVersion { of_2025, of_2023, of_june_2023 };

struct ScheduleOptions {
  // Paths, or JSON text in their place (io/document/given.hpp).
  std::string workload;
  std::string accelerator;
  std::string mapping;     // may be empty, or leave layers out: their cores are chosen then
  std::string stacks;      // the same, or "packed"; empty: as the reference chooses
  std::string allocation;  // the same; empty: it is searched
  SemanticsVersion version = SemanticsVersion::of_2025;
  ScheduleRequest request;  // stacks and allocation are filled in
  io::OnnxOptions onnx;     // dimensions, precisions, what is refused
  bool verbose = false;     // look for more that is worth a remark
  // From the call on, for all searches together; 0: no limit. What has begun to be scheduled is
  // finished.
  double search_seconds = 0;
};

// Everything that the writers of results read. Stays where it is made: the report refers to it.
struct Scheduled {
  model::MultiCore system;
  model::CoreMapping mapping;
  io::NetworkImport network;
  ScheduleRequest request;  // effective one
  SemanticsVersion version = SemanticsVersion::of_2025;
  ScheduleResult result;
  double seconds = 0;

  io::ScheduleReport report() const;
};

// The same up to where allocations are chosen: a network that is cut and costed.
struct Prepared {
  model::MultiCore system;
  model::CoreMapping mapping;
  io::NetworkImport network;
  PreparedSchedule schedule;  // refers to the above
};
std::unique_ptr<const Prepared> prepare(const ScheduleOptions& options, const Hooks& hooks = {});

std::unique_ptr<const Scheduled> schedule(const ScheduleOptions& options, const Hooks& hooks = {});

// Names of the modes and versions, in the order of their enumerators.
const std::vector<std::string>& schedule_modes();
const std::vector<std::string>& semantics_versions();

}  // namespace ridgeline::engine
