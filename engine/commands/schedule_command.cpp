#include "engine/commands/schedule_command.hpp"

#include <algorithm>
#include <boost/program_options.hpp>
#include <charconv>
#include <chrono>
#include <iostream>
#include <set>
#include <sstream>

#include "engine/commands/command_options.hpp"
#include "engine/commands/exit_code.hpp"
#include "engine/commands/mapping_options.hpp"
#include "engine/run/schedule_run.hpp"
#include "io/document/document_kind.hpp"
#include "io/document/text_output.hpp"
#include "io/inputs/multicore_reader.hpp"
#include "io/inputs/schedule_inputs.hpp"
#include "io/inputs/stream_mapping_reader.hpp"
#include "io/onnx/multicore_lowering.hpp"
#include "io/results/schedule_report.hpp"

namespace ridgeline::engine {

namespace po = boost::program_options;

namespace {

po::options_description options_of_schedule() {
  po::options_description options("Options");
  const auto text = [] { return po::value<std::string>(); };
  const auto text_or = [](const char* fallback) {
    return po::value<std::string>()->default_value(fallback);
  };
  auto add = options.add_options();
  add("workload,w", text(), "ONNX model or workload document");
  add("accelerator,a", text(), "document of the multi-core system");
  add("mapping,m", text(), "mapping document: which cores may run what, how layers are cut");
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
      "write-backs wait for their decision, streams keep to the links' bandwidth, nodes wait for "
      "all they read, and every memory is checked at every instant");
  add("search", text_or("auto"), "of allocations: auto, exhaustive or ga");
  add("population", po::value<int>()->default_value(64), "of the genetic algorithm");
  add("generations", po::value<int>()->default_value(50), "of the genetic algorithm");
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
  add("dim", po::value<std::vector<std::string>>(),
      "NAME=N, value of a symbolic ONNX dimension (repeatable)");
  add("strict", po::bool_switch(), "an ONNX operator without cost is an error, not a note");
  add("threads", po::value<int>()->default_value(default_threads(), "all"), "threads to use");
  add("format", text_or("text"), "text or json");
  add("output,o", text(), "write the result to this file");
  add("quiet", po::bool_switch(), "no notes");
  add("verbose", po::bool_switch(), "more notes");
  return options;
}

std::string required(const po::variables_map& values, const char* name) {
  if (values.count(name) == 0) throw UsageError("schedule needs --" + std::string(name));
  return values[name].as<std::string>();
}

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

int positive(const po::variables_map& values, const char* name, int least) {
  const int n = values[name].as<int>();
  if (n < least) {
    throw UsageError("--" + std::string(name) + " takes a whole number of at least " +
                     std::to_string(least));
  }
  return n;
}

struct Inputs {
  model::MultiCore system;
  model::CoreMapping mapping;
  io::NetworkImport network;
};

Inputs read_inputs(const po::variables_map& values, model::Semantics semantics) {
  const std::string workload = required(values, "workload");
  const std::string accelerator = required(values, "accelerator");
  const std::string mapping = required(values, "mapping");
  Inputs inputs;
  inputs.system = io::read_as(io::DocumentKind::multi_core, accelerator,
                              [&] { return io::load_multicore(accelerator); });
  const io::Document mapping_document = io::load_document(mapping);
  inputs.mapping = io::read_as(io::DocumentKind::multi_core_mapping, mapping,
                               [&] { return io::read_core_mapping(mapping_document.root()); });
  io::LoweringOptions options;
  if (values.count("dim") != 0) {
    options.onnx.dims = read_dims(values["dim"].as<std::vector<std::string>>());
  }
  options.onnx.strict = values["strict"].as<bool>();
  options.semantics = semantics;
  options.mapping = &inputs.mapping;
  std::vector<std::string> notes;
  inputs.network = io::load_network(workload, options, &notes);
  io::check_core_mapping(mapping_document.root(), inputs.mapping, inputs.network.network,
                         inputs.system);
  if (values["quiet"].as<bool>()) return inputs;
  const bool verbose = values["verbose"].as<bool>();
  if (!verbose) notes.clear();
  const auto list = [&](const std::string& what, const std::vector<std::string>& types) {
    std::string note = what;
    for (const std::string& type : types) note += ' ' + type;
    if (!types.empty()) notes.push_back(note);
  };
  notes.insert(notes.end(), inputs.network.remarks.begin(), inputs.network.remarks.end());
  list("passed through without cost:", inputs.network.transparent);
  list("missing from the totals although they do arithmetic:", inputs.network.uncosted_arithmetic);
  for (std::string& note :
       io::core_mapping_notes(inputs.mapping, inputs.network.network, verbose)) {
    notes.push_back(std::move(note));
  }
  for (const std::string& note : notes) std::cerr << "note: " << note << '\n';
  return inputs;
}

search::AllocationSearchOptions read_search(const po::variables_map& values,
                                            const search::MapperOptions& mapper) {
  search::AllocationSearchOptions search;
  search.engine = static_cast<search::AllocationEngine>(
      choice("--search", values["search"].as<std::string>(), {"auto", "exhaustive", "ga"}));
  search.population = positive(values, "population", 2);
  search.generations = positive(values, "generations", 0);
  search.seed = mapper.seed;
  const std::vector<std::string> names{"latency", "energy", "edp", "peak-memory"};
  search.objectives.clear();
  for (const std::string& name : split(values["objectives"].as<std::string>(), ',')) {
    search.objectives.push_back(
        static_cast<search::ScheduleObjective>(choice("--objectives", name, names)));
  }
  if (search.objectives.empty()) throw UsageError("--objectives takes at least one objective");
  search.report = static_cast<search::ScheduleObjective>(mapper.objective);
  return search;
}

// Versions of the reference; those of 2023 differ in their schedulers alone.
enum class Version { of_2025, of_2023, of_june_2023 };

ScheduleRequest read_request(const po::variables_map& values, Version version) {
  const bool old = version != Version::of_2025;
  const model::Semantics semantics = old ? model::Semantics::v2023 : model::Semantics::v2025;
  ScheduleRequest request;
  request.tiling.semantics = semantics;
  request.tiling.mode =
      choice("--mode", values["mode"].as<std::string>(), {"fused", "layer-by-layer"}) == 0
          ? model::ScheduleMode::fused
          : model::ScheduleMode::layer_by_layer;
  model::ScheduleSemantics& rules = request.schedule.semantics;
  if (version == Version::of_2023) rules = model::ScheduleSemantics::semantics_2023();
  if (version == Version::of_june_2023) rules = model::ScheduleSemantics::semantics_2023_june();
  if (values.count("priority") != 0) {
    rules.priority = static_cast<model::NodePriority>(
        choice("--priority", values["priority"].as<std::string>(), {"order", "latency", "memory"}));
  }
  if (values["no-quirks"].as<bool>()) rules = rules.strict();
  if (values.count("prefetch") != 0) {
    request.schedule.prefetch = split(values["prefetch"].as<std::string>(), ',');
  }
  request.costs.mapper = read_mapping_options(values);
  request.costs.rules_of_2023 = old;
  request.costs.onchip_latency = version == Version::of_2023;
  if (values.count("node-objective") != 0) {
    request.costs.objective = static_cast<search::Objective>(
        choice("--node-objective", values["node-objective"].as<std::string>(),
               {"latency", "energy", "edp"}));
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
  request.threads = positive(values, "threads", 1);
  return request;
}

// Requests that name what the network does not have, or that could have no effect.
void check_request(const ScheduleRequest& request, const po::variables_map& values,
                   const model::Network& network) {
  // Naming the engine that runs anyway is no mistake.
  if (request.costs.mapper.engine != search::Engine::loma &&
      (!request.costs.objective || request.costs.rules_of_2023)) {
    throw UsageError(
        "--engine has no effect: nodes are mapped by the reference's criterion, over the orderings "
        "of loma, unless --node-objective is given (semantics 2025)");
  }
  if (request.granularity) {
    if (request.tiling.mode == model::ScheduleMode::layer_by_layer) {
      throw UsageError("--granularity has no effect layer by layer; use --mode fused");
    }
    const bool known = std::any_of(
        network.nodes.begin(), network.nodes.end(), [&](const model::NetworkNode& node) {
          return node.layer && model::tiling_dim(*node.layer, request.granularity->dim) >= 0;
        });
    if (!known) {
      throw UsageError("--granularity: no layer has a loop '" + request.granularity->dim + "'");
    }
  }
  for (const std::string& operand : request.schedule.prefetch) {
    std::set<std::string> constants;
    for (const model::NetworkNode& node : network.nodes) {
      if (!node.layer) continue;
      constants.insert(node.layer->constant_operands.begin(), node.layer->constant_operands.end());
    }
    if (constants.contains(operand)) continue;
    std::string names;
    for (const std::string& name : constants) names += (names.empty() ? "" : ", ") + name;
    throw UsageError("--prefetch: no layer has a constant operand '" + operand + "' (" + names +
                     ")");
  }
}

// An allocation lists one core for each group, and how many there are depends on the tiling.
void check_groups(const ScheduleResult& result, const ScheduleRequest& request,
                  const std::string& file) {
  if (!result.variant) return;
  for (std::size_t i = 0; i < request.allocation.size(); ++i) {
    const LayerAllocation& given = request.allocation[i];
    for (const model::CnLayer& layer : result.variant->graph.layers) {
      const auto groups = static_cast<std::size_t>(layer.groups);
      if (layer.id != given.id || given.cores.size() == groups) continue;
      throw io::InputError({file, ""},
                           "layer " + layer.name + " is given " +
                               std::to_string(given.cores.size()) + " cores and has " +
                               std::to_string(groups) + (groups == 1 ? " group" : " groups"),
                           "list one core for each group");
    }
  }
}

// Tilings that do not divide their loops: the loop is padded, or (2023) the factor is another one.
void note_adjusted_tilings(const model::CnGraph& graph, const Inputs& inputs) {
  const model::Network& network = inputs.network.network;
  for (const model::CnLayer& layer : graph.layers) {
    const model::NetworkNode& node =
        network.nodes[static_cast<std::size_t>(network.node_index(layer.id))];
    for (std::size_t d = 0; d < node.layer->dims.size(); ++d) {
      const model::LoopDim& dim = node.layer->dims[d];
      std::int64_t cuts = 1;
      for (const model::TilingLoop& loop : layer.outer) {
        if (loop.dim == static_cast<int>(d)) cuts *= loop.factor;
      }
      const std::int64_t size = layer.tile.dims[d].size * cuts;
      if (size != dim.size) {
        std::cerr << "note: layer " << layer.name << ": " << dim.name << " is padded from "
                  << dim.size << " to " << size << " to be cut in " << cuts
                  << "; the padding is charged\n";
      }
      const model::CoreMappingEntry* entry = inputs.mapping.choose(node.name, node.operator_type);
      if (entry == nullptr || layer.intra.empty() || !layer.inter.empty()) continue;
      for (const model::TilingRequest& request : entry->intra) {
        if (request.dim != dim.name || request.factor <= 0 || request.factor > dim.size) continue;
        if (dim.size % request.factor == 0 || cuts == request.factor) continue;
        std::cerr << "note: layer " << layer.name << ": " << dim.name << " of " << dim.size
                  << " is cut in " << cuts << ", the divisor nearest to " << request.factor << '\n';
      }
    }
  }
}

const char* engine_name(const ScheduleResult& result) {
  if (!result.searched) return "none";
  return result.engine == search::AllocationEngine::ga ? "ga" : "exhaustive";
}

}  // namespace

int schedule_command(const std::vector<std::string>& arguments) {
  po::variables_map values;
  if (!parse_options(arguments,
                     "ridgeline schedule --workload W --accelerator S --mapping M [options]",
                     "Schedules a network on a multi-core accelerator, layer by layer or fused,\n"
                     "with the best allocation of its layers to cores that the search finds.",
                     options_of_schedule(), "", values)) {
    return kDone;
  }
  const bool json = choice("--format", values["format"].as<std::string>(), {"text", "json"}) == 1;
  const bool full = choice("--detail", values["detail"].as<std::string>(), {"normal", "full"}) == 1;
  const auto version = static_cast<Version>(
      choice("--semantics", values["semantics"].as<std::string>(), {"2025", "2023", "2023-06"}));
  ScheduleRequest request = read_request(values, version);
  const Inputs inputs = read_inputs(values, request.tiling.semantics);
  const model::Network& network = inputs.network.network;
  check_request(request, values, network);
  if (values.count("stacks") != 0 && values["stacks"].as<std::string>() == "packed") {
    request.tiling.stack_choice = model::StackChoice::packed;
  } else if (values.count("stacks") != 0) {
    const io::Document document = io::load_document(values["stacks"].as<std::string>());
    request.tiling.stacks = io::read_stacks(document.root(), network);
  }
  if (values.count("allocation") != 0) {
    const io::Document document = io::load_document(values["allocation"].as<std::string>());
    for (auto& [id, cores] : io::read_allocation(document.root(), network, inputs.system)) {
      request.allocation.push_back({id, std::move(cores)});
    }
    // A result that was found with --granularity holds for its cut alone.
    const io::Value root = document.root();
    const auto cut = root.is_map() ? root.find_non_null("granularity") : std::nullopt;
    if (cut && !request.granularity) {
      request.granularity = GranularityRequest{cut->at("dim").as_string(), {}, {}};
      for (const io::Value& factor : cut->at("factors").items()) {
        request.granularity->chosen.push_back(
            factor.is_string() ? model::kAllTiles : factor.as_integer(1, model::kMaxExactInteger));
      }
    }
  }

  const auto start = std::chrono::steady_clock::now();
  ScheduleResult result;
  try {
    result = run_schedule(network, inputs.system, inputs.mapping, request);
  } catch (const std::out_of_range& error) {
    throw io::InputError({values["allocation"].as<std::string>(), "/granularity/factors"},
                         error.what(), "give the stacks and the workload that it was found with");
  } catch (const std::invalid_argument& error) {
    throw io::InputError({values["mapping"].as<std::string>(), ""}, error.what(),
                         "use --search ga, or leave fewer choices");
  }
  const double seconds =
      std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
  if (result.tiling_problem) {
    const int place = network.node_index(result.tiling_problem.node_id);
    const std::string& problem = result.tiling_problem.problem;
    std::string layer;
    if (place >= 0) layer = network.nodes[static_cast<std::size_t>(place)].name;
    if (!layer.empty() && problem.find(layer) != std::string::npos) layer.clear();
    throw io::InputError({values["mapping"].as<std::string>(), ""},
                         (layer.empty() ? "" : "layer " + layer + ": ") + problem,
                         result.tiling_problem.remedy);
  }
  if (result.best < 0) {
    std::cerr << "ridgeline: no feasible schedule: " << result.infeasible << '\n';
    return kInfeasible;
  }

  if (values.count("allocation") != 0) {
    check_groups(result, request, values["allocation"].as<std::string>());
  }
  if (!values["quiet"].as<bool>()) note_adjusted_tilings(result.variant->graph, inputs);

  const ScheduleChoice& best = result.front[static_cast<std::size_t>(result.best)];
  io::ScheduleReport report{network.name,
                            inputs.system.name,
                            values["mode"].as<std::string>(),
                            values["semantics"].as<std::string>(),
                            inputs.system,
                            result.variant->problem,
                            result.figures,
                            result.record,
                            best.allocation,
                            {},
                            engine_name(result),
                            result.space,
                            result.evaluated,
                            result.mappings_evaluated,
                            seconds,
                            result.stopped,
                            best.granularity.empty() ? "" : request.granularity->dim,
                            best.granularity,
                            result.distinct};
  for (const ScheduleChoice& c : result.front) {
    report.front.push_back({c.granularity, c.allocation, c.figures, c.equals});
  }
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
  if (values.count("output") != 0) {
    io::write_text_file(values["output"].as<std::string>(), text.str());
  } else {
    std::cout << text.str();
  }
  return kDone;
}

}  // namespace ridgeline::engine
