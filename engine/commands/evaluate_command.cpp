#include "engine/commands/evaluate_command.hpp"

#include <algorithm>
#include <boost/program_options.hpp>

#include "engine/commands/command_options.hpp"
#include "engine/commands/exit_code.hpp"
#include "engine/commands/mapping_options.hpp"
#include "engine/commands/onnx_options.hpp"
#include "io/document/text_output.hpp"
#include "io/results/mapping_writer.hpp"

namespace ridgeline::engine {

namespace po = boost::program_options;

po::options_description options_of_evaluate() {
  po::options_description options("Options");
  const auto text = [] { return po::value<std::string>(); };
  auto add = options.add_options();
  add("workload,w", text(), "ONNX model or workload document");
  add("accelerator,a", text(), "accelerator document");
  add("mapping,m", text(),
      "mapping document; without it operands are linked by their usual names, and all spatial "
      "mappings are searched");
  add("objective", po::value<std::string>()->default_value("latency"),
      "what the mapping search minimises: latency, energy or edp");
  add_mapping_options(options, "exact");
  add("front", po::bool_switch(),
      "exact also finds all latencies and energies that no mapping dominates");
  add("samples", po::value<std::string>()->default_value("0"),
      "random mappings of each layer to cost as well, for comparison");
  add("seed", po::value<std::string>()->default_value("42"),
      "of the engine anneal, and of samples");
  add("export-mapping", text(),
      "write what was found as a mapping document, which gives the same figures");
  add("keep-on-chip", po::bool_switch(),
      "keep activations in the lowest memory that fits them between layers");
  add("layer", po::value<std::vector<std::string>>(), "only this layer (repeatable)");
  add_onnx_options(options);
  add("depth-first", po::bool_switch(),
      "layers in stacks, tile after tile (docs/depth-first.md); --search-seconds is of all of it");
  add("tile", po::value<std::string>()->default_value("search"),
      "depth first: X,Y of a stack's output, several as 1/4/16,1/4/18; search; or all, every size");
  add("overlap", po::value<std::string>()->default_value("search"),
      "depth first: recompute, h-cached or cached, several with commas; or search");
  add("stacks", po::value<std::string>()->default_value("auto"),
      "depth first: auto, a document with the layers after which stacks end, or search");
  add("semantics", po::value<std::string>()->default_value("ridgeline"),
      "depth first: ridgeline, or defines: DeFiNES' rules and cost model");
  add("quick", po::bool_switch(), "depth first: search without reaching for a proof");
  add("no-quirks", po::bool_switch(),
      "cost by the strict model, what execution counts, in place of the reference's rules; and "
      "networks as their models say");
  add("threads", po::value<int>()->default_value(default_threads(), "all"), "threads to use");
  add("detail", text()->default_value("normal"),
      "normal, or full: layers, accelerator and memory levels as they were understood (json)");
  add_output_options(options);
  return options;
}

EvaluateOptions evaluate_options(const po::variables_map& values) {
  EvaluateOptions options;
  options.workload = required(values, "evaluate", "workload");
  options.accelerator = required(values, "evaluate", "accelerator");
  if (values.count("mapping") != 0) options.mapping = values["mapping"].as<std::string>();
  options.search.mapper = read_mapping_options(values);
  options.search_seconds = read_search_seconds(values);
  if (options.mapping.empty() && values["spatial-candidates"].defaulted()) {
    options.search.mapper.spatial_candidates = 0;
  }
  options.search.keep_on_chip = values["keep-on-chip"].as<bool>();
  if (values.count("layer") != 0) {
    options.search.layers = values["layer"].as<std::vector<std::string>>();
  }
  options.threads = at_least(values, "threads", 1);
  options.onnx = read_onnx_options(values);
  options.onnx.quirks = !values["no-quirks"].as<bool>();
  options.search.mapper.no_quirks = !options.onnx.quirks;
  options.verbose = values["verbose"].as<bool>();
  return options;
}

DepthFirstOptions depth_first_options(const po::variables_map& values) {
  DepthFirstOptions options;
  options.evaluate = evaluate_options(values);
  options.tile = values["tile"].as<std::string>();
  options.overlap = values["overlap"].as<std::string>();
  options.stacks = values["stacks"].as<std::string>();
  options.defines =
      choice("--semantics", values["semantics"].as<std::string>(), {"ridgeline", "defines"}) == 1;
  options.quick = values["quick"].as<bool>();
  // The reference looks for the least energy.
  if (options.defines && values["objective"].defaulted()) {
    options.evaluate.search.mapper.objective = search::Objective::energy;
  }
  return options;
}

bool wants_depth_first(const po::variables_map& values) {
  if (values["depth-first"].as<bool>()) return true;
  for (const char* option : {"tile", "overlap", "stacks", "semantics"}) {
    if (values[option].defaulted()) continue;
    throw UsageError("--" + std::string(option) + " needs --depth-first");
  }
  if (values["quick"].as<bool>()) throw UsageError("--quick needs --depth-first");
  return false;
}

namespace {

int depth_first_command(const po::variables_map& values) {
  const bool json = wants_json(values);
  const Hooks hooks = hooks_of_command(values);
  const auto made = depth_first(depth_first_options(values), hooks);
  write_result(values, json ? io::depth_first_json_text(made->report())
                            : io::depth_first_text(made->report()));
  const search::FusionPoint& best = made->best();
  if (best.infeasible == 0) return kDone;
  hooks.note(std::to_string(best.infeasible) + " of " + std::to_string(best.stacks.size()) +
             " stacks are not feasible and are left out of the total");
  return kInfeasible;
}

}  // namespace

int evaluate_command(const std::vector<std::string>& arguments) {
  po::variables_map values;
  if (!parse_options(arguments,
                     "ridgeline evaluate --workload W --accelerator A [--mapping M] [options]",
                     "Predicts energy, latency and area of a workload on a single-core "
                     "accelerator,\neach layer with the best mapping that the search finds.",
                     options_of_evaluate(), "", values)) {
    return kDone;
  }
  if (wants_depth_first(values)) return depth_first_command(values);
  const bool json = wants_json(values);
  const bool full = wants_details(values);
  const Hooks hooks = hooks_of_command(values);
  const auto evaluated = evaluate(evaluate_options(values), hooks);
  const io::EvaluationReport report = evaluated->report();
  write_result(values, !json  ? io::evaluation_text(report)
                       : full ? evaluated->full_json()
                              : io::evaluation_json_text(report));
  if (values.count("export-mapping") != 0) {
    io::write_text_file(values["export-mapping"].as<std::string>(),
                        io::mapping_document(report, evaluated->mapping, evaluated->precisions));
  }
  const search::WorkloadResult& result = evaluated->result;
  if (result.infeasible == 0) return kDone;
  hooks.note(std::to_string(result.infeasible) + " of " + std::to_string(result.layers.size()) +
             " layers have no feasible mapping and are left out of the total");
  const bool unknown = std::any_of(result.problems.begin(), result.problems.end(),
                                   [](const search::LayerResult& layer) { return layer.cut_off; });
  const bool none = std::any_of(
      result.problems.begin(), result.problems.end(),
      [](const search::LayerResult& layer) { return !layer.infeasible.empty() && !layer.cut_off; });
  return unknown && !none ? kStoppedEarly : kInfeasible;
}

}  // namespace ridgeline::engine
