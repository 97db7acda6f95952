#include "engine/commands/schedule_command.hpp"

#include <boost/program_options.hpp>
#include <charconv>
#include <exception>
#include <iostream>
#include <memory>
#include <sstream>

#include "engine/calls/design.hpp"
#include "engine/commands/command_options.hpp"
#include "engine/commands/exit_code.hpp"
#include "engine/commands/mapping_options.hpp"
#include "engine/commands/onnx_options.hpp"
#include "engine/run/failure.hpp"
#include "engine/run/spread.hpp"
#include "io/document/text_output.hpp"

namespace ridgeline::engine {

namespace po = boost::program_options;

po::options_description options_of_schedule() {
  po::options_description options("Options");
  const auto text = [] { return po::value<std::string>(); };
  const auto text_or = [](const char* fallback) {
    return po::value<std::string>()->default_value(fallback);
  };
  auto add = options.add_options();
  add("workload,w", text(), "ONNX model or workload document");
  add("accelerator,a", text(), "document of the multi-core system");
  add("mapping,m", text(),
      "mapping document: which cores may run what, how layers are cut; what it leaves out, or all "
      "without it, is chosen");
  add("mode", text_or("fused"), "fused or layer-by-layer");
  add("stacks", text(),
      "layers that are fused with each other: a file, JSON list of lists; or packed: as many as "
      "the cores' memories hold the weights of, then the next stack; else one stack that big, "
      "and the other layers alone");
  add("granularity", text(), "DIM=1,2,all: ways to cut each stack, of which the search chooses");
  add("node-objective", text(),
      "what a node's mapping on a core minimises: latency, energy or edp; "
      "else latency times the oversubscription of the off-chip port");
  add("node-latency", text(),
      "a node's runtime: total, or onload (without final off-loading; the default of 2023)");
  add("priority", text(), "of nodes that are ready: order, latency or memory");
  add("semantics", text_or("2025"),
      "of costs and scheduler: 2025, 2023 (spring) or 2023-06 (June)");
  add("no-quirks", po::bool_switch(),
      "loop nests as the model says; write-backs wait for their decision, streams keep to the "
      "links' bandwidth, nodes wait for "
      "all they read, and every memory is checked at every instant");
  add("search", text_or("auto"),
      "of allocations: auto, exhaustive, ga, or exact: proves the least of --objective");
  add("population", po::value<int>()->default_value(search::AllocationSearchOptions{}.population),
      "of the genetic algorithm");
  add("generations", po::value<int>()->default_value(search::AllocationSearchOptions{}.generations),
      "of the genetic algorithm");
  add("objectives", text_or("energy,latency"),
      "of the front: some of latency, energy, edp, peak-memory");
  add("allocation", text(),
      "evaluate just this one: a result (with its granularity), or its list `allocation`");
  add("prefetch", text(), "constant operands that are loaded before the start, e.g. W");
  add("trace", text(), "write a trace for Perfetto to this file");
  add("detail", text_or("normal"), "normal, or full: what a checker needs");
  add("objective", text_or("latency"),
      "which member of the front is reported: the one least in latency, energy or edp");
  add("seed", text_or("42"), "of the genetic algorithm, and of the engine anneal");
  add_mapping_options(options, "loma");
  add_onnx_options(options);
  add("from", po::value<std::string>(),
      "study file: schedule one of its designs as the study did (with --design)");
  add("design", po::value<std::uint64_t>(), "id of the design");
  add("threads", po::value<int>()->default_value(default_threads(), "all"), "threads to use");
  add_output_options(options);
  return options;
}

namespace {

std::vector<std::string> split(const std::string& text, char separator) {
  std::vector<std::string> parts;
  std::istringstream stream(text);
  for (std::string part; std::getline(stream, part, separator);) parts.push_back(part);
  return parts;
}

GranularityRequest read_granularity(const std::string& text) {
  const std::size_t equals = text.find('=');
  const UsageError wrong("--granularity takes DIM=FACTOR,..., e.g. OY=1,2,all, not '" + text + "'");
  if (equals == 0 || equals == std::string::npos || equals + 1 == text.size()) throw wrong;
  GranularityRequest request;
  request.dim = text.substr(0, equals);
  for (const std::string& factor : split(text.substr(equals + 1), ',')) {
    if (factor == "all") {
      request.factors.push_back(model::kAllTiles);
      continue;
    }
    std::int64_t n = 0;
    const auto [end, status] = std::from_chars(factor.data(), factor.data() + factor.size(), n);
    if (status != std::errc() || end != factor.data() + factor.size() || n < 1) throw wrong;
    request.factors.push_back(n);
  }
  return request;
}

search::AllocationSearchOptions read_search(const po::variables_map& values,
                                            const search::MapperOptions& mapper) {
  search::AllocationSearchOptions search;
  search.engine = static_cast<search::AllocationEngine>(choice(
      "--search", values["search"].as<std::string>(), {"auto", "exhaustive", "ga", "exact"}));
  search.population = at_least(values, "population", 2);
  search.generations = at_least(values, "generations", 0);
  search.seed = mapper.seed;
  std::vector<std::string> names;
  for (const model::Metric metric : model::kScheduleObjectives) {
    names.push_back(command_line_name(metric));
  }
  search.objectives.clear();
  for (const std::string& name : split(values["objectives"].as<std::string>(), ',')) {
    search.objectives.push_back(model::kScheduleObjectives[choice("--objectives", name, names)]);
  }
  if (search.objectives.empty()) throw UsageError("--objectives takes at least one objective");
  search.report = mapper.objective;
  return search;
}

ScheduleRequest read_request(const po::variables_map& values, SemanticsVersion version) {
  const bool old = version != SemanticsVersion::of_2025;
  const model::Semantics semantics = old ? model::Semantics::v2023 : model::Semantics::v2025;
  ScheduleRequest request;
  request.tiling.semantics = semantics;
  request.tiling.mode = choice("--mode", values["mode"].as<std::string>(), schedule_modes()) == 0
                            ? model::ScheduleMode::fused
                            : model::ScheduleMode::layer_by_layer;
  model::ScheduleSemantics& rules = request.schedule.semantics;
  if (version == SemanticsVersion::of_2023) rules = model::ScheduleSemantics::semantics_2023();
  if (version == SemanticsVersion::of_june_2023)
    rules = model::ScheduleSemantics::semantics_2023_june();
  if (values.count("priority") != 0) {
    rules.priority = static_cast<model::NodePriority>(
        choice("--priority", values["priority"].as<std::string>(), {"order", "latency", "memory"}));
  }
  if (values["no-quirks"].as<bool>()) rules = rules.strict();
  request.tiling.enlarge_uncut = !values["no-quirks"].as<bool>();
  if (values.count("prefetch") != 0) {
    request.schedule.prefetch = split(values["prefetch"].as<std::string>(), ',');
  }
  request.costs.mapper = read_mapping_options(values);
  request.costs.mapper.no_quirks = values["no-quirks"].as<bool>();
  request.costs.rules_of_2023 = old;
  request.costs.onchip_latency = version == SemanticsVersion::of_2023;
  if (values.count("node-objective") != 0) {
    request.costs.objective =
        mapping_objective("--node-objective", values["node-objective"].as<std::string>());
  }
  if (values.count("node-latency") != 0) {
    request.costs.onchip_latency =
        choice("--node-latency", values["node-latency"].as<std::string>(), {"total", "onload"}) ==
        1;
  }
  request.search = read_search(values, request.costs.mapper);
  if (values.count("granularity") != 0) {
    request.granularity = read_granularity(values["granularity"].as<std::string>());
  }
  request.threads = at_least(values, "threads", 1);
  return request;
}

}  // namespace

namespace {

bool from_study(const po::variables_map& values) {
  if (values.count("from") != values.count("design"))
    throw UsageError("--from STUDY.h5 and --design ID go together");
  return values.count("from") != 0;
}

// What the study did for the design, and how many threads.
ScheduleOptions design_options(const po::variables_map& values) {
  for (const char* name : {"accelerator", "mapping", "allocation", "stacks", "granularity"})
    if (values.count(name) != 0)
      throw UsageError("--" + std::string(name) + " is the design's with --from");
  StudyDesigns designs(values["from"].as<std::string>());
  ScheduleOptions options = designs.schedule_options(
      values["design"].as<std::uint64_t>(),
      values.count("workload") == 0 ? std::string() : values["workload"].as<std::string>());
  options.request.threads = at_least(values, "threads", 1);
  options.verbose = values["verbose"].as<bool>();
  return options;
}

}  // namespace

ScheduleOptions schedule_options(const po::variables_map& values) {
  if (from_study(values)) return design_options(values);
  const auto text = [&](const char* name) {
    return values.count(name) == 0 ? std::string() : values[name].as<std::string>();
  };
  ScheduleOptions options;
  options.version = static_cast<SemanticsVersion>(
      choice("--semantics", values["semantics"].as<std::string>(), semantics_versions()));
  options.request = read_request(values, options.version);
  options.search_seconds = read_search_seconds(values);
  options.workload = required(values, "schedule", "workload");
  options.accelerator = required(values, "schedule", "accelerator");
  if (values.count("mapping") != 0) options.mapping = values["mapping"].as<std::string>();
  options.stacks = text("stacks");
  options.allocation = text("allocation");
  options.onnx = read_onnx_options(values);
  options.onnx.quirks = !values["no-quirks"].as<bool>();
  options.verbose = values["verbose"].as<bool>();
  return options;
}

namespace {

// `spread`: the other processes, of which the first one alone tells and writes anything.
void schedule_and_write(const po::variables_map& values, Spread* spread) {
  const bool json = wants_json(values);
  const bool full = wants_details(values);
  ScheduleOptions options = schedule_options(values);
  options.request.spread = spread;
  const auto scheduled = schedule(options, hooks_of_command(values));
  if (spread != nullptr && spread->rank() != 0) return;
  const io::ScheduleReport report = scheduled->report();
  if (values.count("trace") != 0) {
    std::ostringstream trace;
    io::write_schedule_trace(report, trace);
    io::write_text_file(values["trace"].as<std::string>(), trace.str());
  }
  std::ostringstream text;
  if (json) {
    io::write_schedule_json(report, full, text);
  } else {
    io::write_schedule_text(report, text);
  }
  write_result(values, text.str());
}

}  // namespace

int schedule_command(const std::vector<std::string>& arguments) {
  po::variables_map values;
  if (!parse_options(arguments,
                     "ridgeline schedule --workload W --accelerator S [--mapping M] [options]",
                     "Schedules a network on a multi-core accelerator, layer by layer or fused,\n"
                     "with the best allocation of its layers to cores that the search finds.\n"
                     "Under mpirun all processes share one search.",
                     options_of_schedule(), "", values)) {
    return kDone;
  }
  const std::unique_ptr<Spread> spread = launched_spread();
  // All come to the same errors; one tells.
  if (spread != nullptr && spread->rank() != 0) std::cerr.setstate(std::ios::failbit);
  try {
    schedule_and_write(values, spread.get());
  } catch (...) {
    if (spread != nullptr) spread->finish(failure_of(std::current_exception()).code);
    throw;
  }
  if (spread != nullptr) spread->finish(kDone);
  return kDone;
}

}  // namespace ridgeline::engine
