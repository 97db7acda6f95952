#include "engine/commands/evaluate_command.hpp"

#include <boost/program_options.hpp>
#include <chrono>
#include <iostream>
#include <set>

#include "engine/commands/command_options.hpp"
#include "engine/commands/exit_code.hpp"
#include "engine/commands/mapping_options.hpp"
#include "engine/run/team.hpp"
#include "engine/run/workload_loader.hpp"
#include "io/document/document_kind.hpp"
#include "io/document/nearest.hpp"
#include "io/document/text_output.hpp"
#include "io/inputs/accelerator_reader.hpp"
#include "io/inputs/mapping_reader.hpp"
#include "io/results/evaluation_writer.hpp"
#include "search/mapping/workload_search.hpp"

namespace ridgeline::engine {

namespace po = boost::program_options;

namespace {

po::options_description options_of_evaluate() {
  po::options_description options("Options");
  const auto text = [] { return po::value<std::string>(); };
  auto add = options.add_options();
  add("workload,w", text(), "ONNX model or workload document");
  add("accelerator,a", text(), "accelerator document");
  add("mapping,m", text(), "mapping document");
  add("objective", po::value<std::string>()->default_value("latency"),
      "what the mapping search minimises: latency, energy or edp");
  add_mapping_options(options, "exact");
  add("front", po::bool_switch(),
      "exact also finds all latencies and energies that no mapping dominates");
  add("samples", po::value<std::string>()->default_value("0"),
      "random mappings of each layer to cost as well, for comparison");
  add("seed", po::value<std::string>()->default_value("42"),
      "of the engine anneal, and of samples");
  add("keep-on-chip", po::bool_switch(),
      "keep activations in the lowest memory that fits them between layers");
  add("layer", po::value<std::vector<std::string>>(), "only this layer (repeatable)");
  add("dim", po::value<std::vector<std::string>>(),
      "NAME=N, value of a symbolic ONNX dimension (repeatable)");
  add("strict", po::bool_switch(), "an ONNX operator without cost is an error, not a note");
  add("threads", po::value<int>()->default_value(default_threads(), "all"), "threads to use");
  add("format", text()->default_value("text"), "text or json");
  add("output,o", text(), "write the result to this file");
  add("quiet", po::bool_switch(), "no notes");
  add("verbose", po::bool_switch(), "more notes");
  return options;
}

// Notes for people, on stderr.
class Notes {
 public:
  explicit Notes(const po::variables_map& values)
      : quiet_(values["quiet"].as<bool>()), verbose_(values["verbose"].as<bool>()) {}
  void note(const std::string& text) const {
    if (!quiet_ && !text.empty()) std::cerr << "note: " << text << '\n';
  }
  void detail(const std::vector<std::string>& texts) const {
    for (const std::string& text : texts) {
      if (verbose_) note(text);
    }
  }

 private:
  bool quiet_;
  bool verbose_;
};

std::string required(const po::variables_map& values, const char* name) {
  if (values.count(name) == 0) throw UsageError("evaluate needs --" + std::string(name));
  return values[name].as<std::string>();
}

model::Accelerator read_accelerator(const io::Document& document) {
  model::Accelerator accelerator = io::read_accelerator(document.root());
  if (accelerator.array.imc) {
    throw document.at("/operational_array/is_imc")
        .error("evaluating in-memory-computing arrays is not supported yet");
  }
  return accelerator;
}

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

int evaluate_command(const std::vector<std::string>& arguments) {
  po::variables_map values;
  if (!parse_options(arguments,
                     "ridgeline evaluate --workload W --accelerator A --mapping M [options]",
                     "Predicts energy, latency and area of a workload on a single-core "
                     "accelerator,\neach layer with the best mapping that the search finds.",
                     options_of_evaluate(), "", values)) {
    return kDone;
  }
  const std::string workload_path = required(values, "workload");
  const std::string accelerator_path = required(values, "accelerator");
  const std::string mapping_path = required(values, "mapping");
  search::WorkloadSearchOptions options;
  options.mapper = read_mapping_options(values);
  options.keep_on_chip = values["keep-on-chip"].as<bool>();
  const bool json = choice("--format", values["format"].as<std::string>(), {"text", "json"}) == 1;
  const int threads = values["threads"].as<int>();
  if (threads < 1) throw UsageError("--threads takes a whole number of at least 1");
  std::vector<std::string> dims;
  if (values.count("dim") != 0) dims = values["dim"].as<std::vector<std::string>>();
  if (values.count("layer") != 0) options.layers = values["layer"].as<std::vector<std::string>>();

  const Notes notes(values);
  const io::Document accelerator_document = io::load_document(accelerator_path);
  notes.detail(accelerator_document.notes());
  const model::Accelerator accelerator =
      io::read_as(io::DocumentKind::accelerator, accelerator_path,
                  [&] { return read_accelerator(accelerator_document); });
  const io::Document mapping_document = io::load_document(mapping_path);
  notes.detail(mapping_document.notes());
  const model::MappingSpec mapping = io::read_as(io::DocumentKind::mapping, mapping_path, [&] {
    return io::read_mapping(mapping_document.root(), &accelerator);
  });
  const LoadedWorkload loaded = io::read_as(io::DocumentKind::workload, workload_path, [&] {
    return load_workload(workload_path, read_dims(dims), values["strict"].as<bool>());
  });
  notes.detail(loaded.notes);
  notes.note(loaded.cost_free);
  for (const std::string& note :
       io::mapping_notes(mapping, loaded.workload, values["verbose"].as<bool>())) {
    notes.note(note);
  }
  check_ports(accelerator_document, accelerator, loaded.workload, mapping);
  check_layer_names(options.layers, loaded.workload);

  Team team(threads);
  std::vector<double> seconds;
  options.for_each = [&](std::size_t count, const std::function<void(std::size_t)>& body) {
    seconds.assign(count, 0);
    team.run(count, [&](std::size_t i, int) {
      const auto start = std::chrono::steady_clock::now();
      start_layer_search();
      body(i);
      seconds[i] = std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
    });
  };
  options.mapper.for_each = [&](std::size_t count, const std::function<void(std::size_t)>& body) {
    const LayerSearchStart start = layer_search_start();
    team.run(count, [&](std::size_t i, int) {
      start_layer_search(start);
      body(i);
    });
  };
  const search::WorkloadResult result =
      search::map_workload(loaded.workload, accelerator, mapping, options);

  const io::EvaluationReport report{loaded.workload, accelerator, options, result, seconds};
  const std::string text = json ? io::evaluation_json_text(report) : io::evaluation_text(report);
  if (values.count("output") != 0) {
    io::write_text_file(values["output"].as<std::string>(), text);
  } else {
    std::cout << text;
  }
  if (result.infeasible > 0) {
    notes.note(std::to_string(result.infeasible) + " of " + std::to_string(result.layers.size()) +
               " layers have no feasible mapping and are left out of the total");
    return kInfeasible;
  }
  return kDone;
}

}  // namespace ridgeline::engine
