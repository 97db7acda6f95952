#include "engine/calls/schedule.hpp"

#include <algorithm>
#include <chrono>
#include <optional>
#include <set>
#include <stdexcept>

#include "engine/commands/exit_code.hpp"
#include "engine/run/automatic_schedule.hpp"
#include "io/document/document_kind.hpp"
#include "io/document/given.hpp"
#include "io/inputs/multicore_reader.hpp"
#include "io/inputs/placed_tilings.hpp"
#include "io/inputs/schedule_inputs.hpp"
#include "io/inputs/stream_mapping_reader.hpp"

namespace ridgeline::engine {
namespace {

constexpr const char* kOffchipCleared =
    "the off-chip memory is too small for all data of the network, where the reference has no "
    "schedule: what nobody reads any more has left it";

// Stream 1.13 cuts loops by their places in a node, and names the layers that are fused.
void resolve_places(const ScheduleOptions& options, const Hooks& hooks, Scheduled& inputs) {
  std::vector<std::vector<int>> stacks;
  std::vector<std::string> remarks;
  try {
    io::resolve_placed_tilings(inputs.network.network, inputs.mapping, stacks, remarks);
  } catch (const std::invalid_argument& error) {
    throw io::InputError({io::name_of(options.mapping), ""}, error.what(),
                         "places count a node's loops from D0");
  }
  for (const std::string& remark : remarks) hooks.note(remark);
  if (!stacks.empty() && options.stacks.empty()) inputs.request.tiling.stacks = std::move(stacks);
}

// Reads the system, the mapping and the network.
void read(const ScheduleOptions& options, const Hooks& hooks, Scheduled& inputs) {
  inputs.system = io::read_as(io::DocumentKind::multi_core, options.accelerator,
                              [&] { return io::load_multicore(options.accelerator); });
  std::optional<io::Document> mapping_document;
  if (!options.mapping.empty()) {
    mapping_document = io::load_document(options.mapping);
    inputs.mapping = io::read_as(io::DocumentKind::multi_core_mapping, options.mapping,
                                 [&] { return io::read_core_mapping(mapping_document->root()); });
  }
  io::LoweringOptions lowering;
  lowering.onnx = options.onnx;
  lowering.semantics = options.request.tiling.semantics;
  lowering.mapping = &inputs.mapping;
  std::vector<std::string> notes;
  inputs.network = io::load_network(options.workload, lowering, &notes);
  if (mapping_document) {
    io::check_core_mapping(mapping_document->root(), inputs.mapping, inputs.network.network,
                           inputs.system);
    resolve_places(options, hooks, inputs);
  }
  hooks.details(notes);
  for (const std::string& note : inputs.network.notes) hooks.note(note);
  hooks.note(io::missing_note(inputs.network.missing));
  for (const std::string& note :
       io::core_mapping_notes(inputs.mapping, inputs.network.network, options.verbose)) {
    hooks.note(note);
  }
}

// Requests that name what the network does not have, or that could have no effect.
void check_request(const ScheduleRequest& request, const model::Network& network) {
  // Naming the engine that runs anyway is no mistake.
  if (request.costs.mapper.engine != search::Engine::loma &&
      (!request.costs.objective || request.costs.rules_of_2023)) {
    throw UsageError(
        "--engine has no effect: nodes are mapped by the reference's criterion, over the orderings "
        "of loma, unless --node-objective is given (semantics 2025)");
  }
  if (request.granularity && request.search.engine == search::AllocationEngine::exact) {
    throw UsageError(
        "--search exact proves the best allocation for one cut: without --granularity");
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

void read_given_stacks(const std::string& given, const model::Network& network,
                       ScheduleRequest& request) {
  if (given.empty()) return;
  if (given == "packed") {
    request.tiling.stack_choice = model::StackChoice::packed;
    return;
  }
  const io::Document document = io::load_document(given);
  request.tiling.stacks = io::read_stacks(document.root(), network);
}

// A result holds for its stacks and their cut alone, unless the request has others.
void read_cut_of_result(const io::Value& result, const model::Network& network,
                        ScheduleRequest& request) {
  const model::TilingOptions& tiling = request.tiling;
  const bool fused = tiling.mode == model::ScheduleMode::fused;
  const auto mode = result.find_non_null("mode");
  const auto stacks = result.find_non_null("stacks");
  if (fused && tiling.semantics == model::Semantics::v2025 && !tiling.stacks &&
      tiling.stack_choice == model::StackChoice::single && stacks && mode &&
      mode->text() == schedule_modes()[0]) {
    request.tiling.stacks = io::read_stacks(*stacks, network);
  }
  const auto cut = result.find_non_null("granularity");
  if (!cut || request.granularity) return;
  request.granularity = GranularityRequest{cut->at("dim").as_string(), {}, {}, {}};
  for (const io::Value& factor : cut->at("factors").items()) {
    request.granularity->chosen.push_back(
        factor.is_string() ? model::kAllTiles : factor.as_integer(1, model::kMaxExactInteger));
  }
  const auto dims = cut->find_non_null("dims");
  if (!dims) return;
  for (const io::Value& dim : dims->items()) request.granularity->dims.push_back(dim.as_string());
  if (request.granularity->dims.size() != request.granularity->chosen.size()) {
    throw dims->error("a dimension for " + std::to_string(dims->items().size()) +
                          " stacks, and factors for " +
                          std::to_string(request.granularity->chosen.size()),
                      "one for each stack that is cut");
  }
}

void read_given_allocation(const std::string& given, const Scheduled& inputs,
                           ScheduleRequest& request) {
  if (given.empty()) return;
  const io::Document document = io::load_document(given);
  for (auto& [id, cores] :
       io::read_allocation(document.root(), inputs.network.network, inputs.system)) {
    request.allocation.push_back({id, std::move(cores)});
  }
  const io::Value root = document.root();
  if (root.is_map()) read_cut_of_result(root, inputs.network.network, request);
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
void note_adjusted_tilings(const model::CnGraph& graph, const Scheduled& inputs,
                           const Hooks& hooks) {
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
      if (size != dim.size && cuts == 1) {
        hooks.note("layer " + layer.name + ": " + dim.name + " is enlarged from " +
                   std::to_string(dim.size) + " to " + std::to_string(size) +
                   " although nothing is cut, as in the reference (not with --no-quirks)");
      } else if (size != dim.size) {
        hooks.note("layer " + layer.name + ": " + dim.name + " is padded from " +
                   std::to_string(dim.size) + " to " + std::to_string(size) + " to be cut in " +
                   std::to_string(cuts) + "; the padding is charged");
      }
      const model::CoreMappingEntry* entry = inputs.mapping.choose(node.name, node.operator_type);
      if (entry == nullptr || layer.intra.empty() || !layer.inter.empty()) continue;
      for (const model::TilingRequest& request : entry->intra) {
        if (request.dim != dim.name || request.factor <= 0 || request.factor > dim.size) continue;
        if (dim.size % request.factor == 0 || cuts == request.factor) continue;
        hooks.note("layer " + layer.name + ": " + dim.name + " of " + std::to_string(dim.size) +
                   " is cut in " + std::to_string(cuts) + ", the divisor nearest to " +
                   std::to_string(request.factor));
      }
    }
  }
}

void set_up(const ScheduleOptions& options, const Hooks& hooks, Scheduled& scheduled) {
  scheduled.version = options.version;
  scheduled.request = options.request;
  ScheduleRequest& request = scheduled.request;
  request.time = SearchTime(options.search_seconds);
  read(options, hooks, scheduled);
  const model::Network& network = scheduled.network.network;
  check_request(request, network);
  read_given_stacks(options.stacks, network, request);
  read_given_allocation(options.allocation, scheduled, request);
  if (!hooks.stop && !request.time.limited()) return;
  request.search.budget.stop = [stop = hooks.stop, time = request.time] {
    return (stop && stop()) || time.over();
  };
  request.costs.mapper.budget.stop = [stop = hooks.stop] {
    return (stop && stop()) || search_is_over();
  };
}

void check_tiling(const ScheduleOptions& options, const model::Network& network,
                  const model::TilingFault& fault) {
  if (!fault) return;
  const int place = network.node_index(fault.node_id);
  std::string layer;
  if (place >= 0) layer = network.nodes[static_cast<std::size_t>(place)].name;
  if (!layer.empty() && fault.problem.find(layer) != std::string::npos) layer.clear();
  throw io::InputError(
      {io::name_of(options.mapping.empty() ? options.workload : options.mapping), ""},
      (layer.empty() ? "" : "layer " + layer + ": ") + fault.problem, fault.remedy);
}

// Whether the mapping has an entry for every layer.
bool covers(const model::CoreMapping& mapping, const model::Network& network) {
  return std::all_of(
      network.nodes.begin(), network.nodes.end(), [&](const model::NetworkNode& node) {
        return !node.layer || mapping.choose(node.name, node.operator_type) != nullptr;
      });
}

}  // namespace

const std::vector<std::string>& schedule_modes() {
  static const std::vector<std::string> names{"fused", "layer-by-layer"};
  return names;
}

const std::vector<std::string>& semantics_versions() {
  static const std::vector<std::string> names{"2025", "2023", "2023-06"};
  return names;
}

io::ScheduleReport Scheduled::report() const {
  std::vector<std::string> notes = network.notes;
  if (result.figures.offchip_cleared) notes.emplace_back(kOffchipCleared);
  const bool fused = request.tiling.mode == model::ScheduleMode::fused;
  return {.workload = network.network.name,
          .accelerator = system.name,
          .mode = schedule_modes()[fused ? 0 : 1],
          .semantics = semantics_versions()[static_cast<std::size_t>(version)],
          .system = system,
          .result = result,
          .seconds = seconds,
          .granularity_dim = request.granularity ? request.granularity->dim : std::string(),
          .granularity_dims =
              request.granularity ? request.granularity->dims : std::vector<std::string>(),
          .missing = network.missing,
          .notes = std::move(notes)};
}

std::unique_ptr<const Prepared> prepare(const ScheduleOptions& options, const Hooks& hooks) {
  Scheduled inputs;
  set_up(options, hooks, inputs);
  auto prepared = std::make_unique<Prepared>();
  prepared->system = std::move(inputs.system);
  prepared->mapping = std::move(inputs.mapping);
  prepared->network = std::move(inputs.network);
  const model::Network& network = prepared->network.network;
  if (!covers(prepared->mapping, network)) {
    throw io::InputError({io::name_of(options.mapping), ""}, "some layers have no entry",
                         "allocations are scheduled under one mapping; `schedule` finds one");
  }
  prepared->schedule =
      prepare_schedule(network, prepared->system, prepared->mapping, inputs.request);
  if (hooks.stopped()) throw Cancelled();
  check_tiling(options, network, prepared->schedule.tiling_problem);
  if (!prepared->schedule.infeasible.empty()) throw Infeasible(prepared->schedule.infeasible);
  return prepared;
}

std::unique_ptr<const Scheduled> schedule(const ScheduleOptions& options, const Hooks& hooks) {
  auto scheduled = std::make_unique<Scheduled>();
  set_up(options, hooks, *scheduled);
  ScheduleRequest& request = scheduled->request;
  const model::Network& network = scheduled->network.network;
  const auto start = std::chrono::steady_clock::now();
  ScheduleResult& result = scheduled->result;
  try {
    if (covers(scheduled->mapping, network)) {
      result = run_schedule(network, scheduled->system, scheduled->mapping, request);
    } else {
      AutomaticSchedule found =
          run_automatic(network, scheduled->system, scheduled->mapping, request);
      for (const std::string& note : found.notes) hooks.note(note);
      result = std::move(found.result);
      scheduled->mapping = std::move(found.mapping);
      request = std::move(found.request);
    }
  } catch (const ForeignGranularity& error) {
    throw io::InputError({io::name_of(options.allocation), "/granularity/factors"}, error.what(),
                         "give the stacks and the workload that it was found with");
  } catch (const TooManyAllocations& error) {
    throw io::InputError({io::name_of(options.mapping), ""}, error.what(),
                         "use --search ga, or leave fewer choices");
  }
  scheduled->seconds =
      std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
  if (hooks.stopped()) throw Cancelled();
  check_tiling(options, network, result.tiling_problem);
  if (result.best < 0) throw Infeasible("no feasible schedule: " + result.infeasible);
  if (!options.allocation.empty()) {
    check_groups(result, request, io::name_of(options.allocation));
  }
  note_adjusted_tilings(result.variant->graph, *scheduled, hooks);
  if (result.figures.offchip_cleared) hooks.note(kOffchipCleared);
  return scheduled;
}

}  // namespace ridgeline::engine
