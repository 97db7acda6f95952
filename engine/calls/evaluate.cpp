#include "engine/calls/evaluate.hpp"

#include <algorithm>
#include <atomic>
#include <chrono>
#include <set>

#include "engine/commands/exit_code.hpp"
#include "engine/run/search_time.hpp"
#include "engine/run/team.hpp"
#include "engine/run/workload_loader.hpp"
#include "io/document/document_kind.hpp"
#include "io/document/given.hpp"
#include "io/document/nearest.hpp"
#include "io/inputs/accelerator_reader.hpp"
#include "io/inputs/mapping_reader.hpp"
#include "io/results/mapping_remarks.hpp"

namespace ridgeline::engine {
namespace {

// With the operand links that the workload's layers use.
void check_ports(const io::Document& document, const model::Accelerator& accelerator,
                 const model::Workload& workload, const model::MappingSpec& mapping) {
  std::set<const model::MappingEntry*> used;
  for (const model::WorkloadNode& node : workload.nodes) {
    if (!node.layer) continue;
    const model::MappingEntry* entry = mapping.choose(node.name, node.operator_type);
    if (used.insert(entry).second) io::check_ports(document.root(), accelerator, entry->links);
  }
}

void check_layer_names(const std::vector<std::string>& wanted, const model::Workload& workload) {
  std::vector<std::string> names;
  for (const model::WorkloadNode& node : workload.nodes) {
    if (node.layer) names.push_back(node.name);
  }
  for (const std::string& name : wanted) {
    if (std::find(names.begin(), names.end(), name) != names.end()) continue;
    const std::string near = io::suggestion(name, names);
    throw UsageError("--layer: the workload has no layer '" + name + "'" +
                     (near.empty() ? "" : " (" + near + ")"));
  }
}

}  // namespace

void read_inputs(const EvaluateOptions& options, const Hooks& hooks, Evaluated& evaluated) {
  const io::Document accelerator = io::load_document(options.accelerator);
  hooks.details(accelerator.notes());
  evaluated.accelerator = io::read_as(io::DocumentKind::accelerator, options.accelerator,
                                      [&] { return io::read_accelerator(accelerator.root()); });
  model::MappingSpec& mapping = evaluated.mapping;
  if (options.mapping.empty()) {
    mapping.entries.emplace_back().name = "default";
  } else {
    const io::Document document = io::load_document(options.mapping);
    hooks.details(document.notes());
    mapping = io::read_as(io::DocumentKind::mapping, options.mapping, [&] {
      return io::read_mapping(document.root(), &evaluated.accelerator);
    });
    evaluated.precisions = io::read_precisions(document.root());
  }
  LoadedWorkload loaded = io::read_as(io::DocumentKind::workload, options.workload, [&] {
    return load_workload(options.workload, options.onnx);
  });
  hooks.details(loaded.details);
  for (const std::string& note : loaded.notes) hooks.note(note);
  evaluated.notes = loaded.notes;
  const io::Extraction extraction = io::extracted_costs(accelerator.root(), evaluated.accelerator);
  evaluated.leakage = extraction.leakage;
  for (const std::string& note : extraction.notes) {
    hooks.note(note);
    evaluated.notes.push_back(note);
  }
  evaluated.missing = without_vector_unit(loaded.missing, evaluated.accelerator);
  hooks.note(io::missing_note(evaluated.missing));
  for (const std::string& note :
       io::mapping_notes(evaluated.mapping, loaded.workload, options.verbose)) {
    hooks.note(note);
  }
  evaluated.workload = std::move(loaded.workload);
  io::set_precisions(evaluated.workload, evaluated.mapping, evaluated.precisions);
  check_ports(accelerator, evaluated.accelerator, evaluated.workload, evaluated.mapping);
  check_layer_names(options.search.layers, evaluated.workload);
  const auto& nodes = evaluated.workload.nodes;
  const bool any = std::any_of(nodes.begin(), nodes.end(), [&](const model::WorkloadNode& node) {
    return node.layer || (node.work && model::element_cost(*node.work, evaluated.accelerator));
  });
  if (!any) {
    throw io::InputError({io::name_of(options.workload), ""}, "has no layer with costs",
                         io::missing_note(evaluated.missing));
  }
}

namespace {

// Layers that this kind of array leaves out are missing from the totals too.
void add_skipped(Evaluated& evaluated) {
  for (const int place : evaluated.result.skipped) {
    const model::WorkloadNode& node = evaluated.workload.nodes[static_cast<std::size_t>(place)];
    auto& missing = evaluated.missing;
    auto entry = std::find_if(missing.begin(), missing.end(),
                              [&](const auto& m) { return m.type == node.operator_type; });
    if (entry == missing.end()) {
      missing.push_back({.type = node.operator_type});
      entry = std::prev(missing.end());
    }
    ++entry->count;
    entry->operations += static_cast<double>(node.layer->mac_count());
    for (std::size_t o = 0; o < node.layer->operands.size(); ++o) {
      entry->bytes += static_cast<double>(node.layer->operand_bits(static_cast<int>(o))) / 8;
    }
  }
}

}  // namespace

std::unique_ptr<const Evaluated> evaluate(const EvaluateOptions& options, const Hooks& hooks) {
  const SearchTime time(options.search_seconds);
  auto evaluated = std::make_unique<Evaluated>();
  read_inputs(options, hooks, *evaluated);

  search::WorkloadSearchOptions& search = evaluated->options;
  search = options.search;
  std::vector<double>& seconds = evaluated->seconds;
  Team team(options.threads);
  std::atomic<std::size_t> begun{0};
  std::atomic<std::size_t> done{0};
  if (hooks.stop || time.limited()) {
    search.mapper.budget.stop = [stop = hooks.stop] {
      return (stop && stop()) || search_is_over();
    };
  }
  search.for_each = [&](std::size_t count, const std::function<void(std::size_t)>& body) {
    seconds.assign(count, 0);
    team.run(count, [&](std::size_t i, int) {
      if (hooks.stopped()) throw Cancelled();
      const auto start = std::chrono::steady_clock::now();
      const SearchUntil until(time.share(count - begun++, team.threads()));
      body(i);
      seconds[i] = std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
      if (hooks.progress) {
        hooks.progress(static_cast<double>(++done), static_cast<double>(count));
      }
    });
  };
  search.mapper.for_each = [&](std::size_t count, const std::function<void(std::size_t)>& body) {
    const SearchTime::Point end = search_end();
    team.run(count, [&](std::size_t i, int) {
      const SearchUntil until(end);
      body(i);
    });
  };
  evaluated->result =
      search::map_workload(evaluated->workload, evaluated->accelerator, evaluated->mapping, search);
  if (hooks.stopped()) throw Cancelled();
  add_skipped(*evaluated);
  if (evaluated->result.not_kept > 0) {
    evaluated->notes.push_back(
        std::to_string(evaluated->result.not_kept) +
        " layers have no mapping with their activations on chip and use the outermost memories");
    hooks.note(evaluated->notes.back());
  }
  // They refer to this call.
  search.for_each = nullptr;
  search.mapper.for_each = nullptr;
  search.mapper.budget.stop = nullptr;
  for (const std::string& remark : io::mapping_remarks(evaluated->report(), evaluated->mapping)) {
    hooks.note(remark);
    evaluated->notes.push_back(remark);
  }
  return evaluated;
}

}  // namespace ridgeline::engine
