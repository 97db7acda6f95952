#include "engine/commands/check_command.hpp"

#include <boost/program_options.hpp>
#include <filesystem>
#include <iostream>
#include <map>
#include <nlohmann/json.hpp>

#include "engine/commands/command_options.hpp"
#include "engine/commands/exit_code.hpp"
#include "engine/commands/mapping_options.hpp"
#include "engine/run/workload_loader.hpp"
#include "io/document/document.hpp"
#include "io/document/document_kind.hpp"
#include "io/inputs/accelerator_reader.hpp"
#include "io/inputs/mapping_reader.hpp"
#include "io/inputs/multicore_reader.hpp"
#include "io/inputs/stream_mapping_reader.hpp"
#include "io/inputs/workload_reader.hpp"
#include "io/study/study_document.hpp"
#include "model/core/mapping_spec.hpp"

namespace ridgeline::engine {

namespace po = boost::program_options;

namespace {

std::string counted(std::size_t count, const std::string& one, const std::string& several) {
  return std::to_string(count) + " " + (count == 1 ? one : several);
}

std::string summary(const model::Accelerator& accelerator) {
  std::string text;
  for (const model::ArrayDim& dim : accelerator.array.dims) {
    text += (text.empty() ? "" : " x ") + std::to_string(dim.size);
  }
  return text + (accelerator.array.imc ? " in-memory-computing array, " : " array, ") +
         counted(accelerator.memories.size(), "memory", "memories");
}

std::string summary(const model::Workload& workload) {
  std::size_t layers = 0;
  double macs = 0;
  for (const model::WorkloadNode& node : workload.nodes) {
    if (!node.layer) continue;
    ++layers;
    macs += static_cast<double>(node.layer->mac_count());
  }
  std::string text = counted(layers, "layer", "layers");
  if (layers < workload.nodes.size()) {
    text +=
        ", " + counted(workload.nodes.size() - layers, "operator", "operators") + " without cost";
  }
  return text + ", " + std::to_string(static_cast<std::int64_t>(macs)) + " multiply-accumulates";
}

// "accelerator, 32 x 32 array, 4 memories"; throws InputError.
std::string examine(const std::filesystem::path& path,
                    const std::map<std::string, std::int64_t>& dims) {
  if (path.extension() == ".onnx") {
    const LoadedWorkload loaded = load_workload(path, dims, false);
    return "ONNX workload, " + summary(loaded.workload);
  }
  const io::Document document = io::load_document(path);
  const io::Value root = document.root();
  const io::DocumentKind kind = io::document_kind(document);
  std::string text(io::to_string(kind));
  switch (kind) {
    case io::DocumentKind::accelerator: {
      const model::Accelerator accelerator = io::read_accelerator(root);
      io::check_ports(root, accelerator, model::MappingEntry{}.links);
      return text + ", " + summary(accelerator);
    }
    case io::DocumentKind::core:
      return text + ", " + summary(io::read_accelerator(root, {.core = true}));
    case io::DocumentKind::multi_core:
      return text + ", " +
             counted(io::read_multicore(root, path.parent_path()).cores.size(), "core", "cores");
    case io::DocumentKind::mapping:
      return text + ", " + counted(io::read_mapping(root).entries.size(), "entry", "entries");
    case io::DocumentKind::multi_core_mapping:
      io::read_core_mapping(root);
      return text + ", " + counted(root.size(), "entry", "entries");
    case io::DocumentKind::workload:
      return text + ", " + summary(io::read_workload(root, path.stem().string()));
    case io::DocumentKind::study: {
      const io::Study study = io::Study::read(path);
      return text + ", " + counted(study.spec().parameters.size(), "parameter", "parameters") +
             ", first design " + study.describe(study.next_existing(0, 10'000'000).value_or(0));
    }
    case io::DocumentKind::result:
      return text + " of Ridgeline, not an input";
  }
  return text;
}

}  // namespace

int check_command(const std::vector<std::string>& arguments) {
  po::options_description options("Options");
  auto add = options.add_options();
  add("dim", po::value<std::vector<std::string>>(),
      "NAME=N, value of a symbolic dimension of ONNX models (repeatable)");
  add("format", po::value<std::string>()->default_value("text"), "text or json");
  add("quiet", po::bool_switch(), "say only what is wrong");
  add("verbose", po::bool_switch(), "also what is suspicious, such as keys given twice");
  po::variables_map values;
  if (!parse_options(arguments, "ridgeline check [options] FILE...",
                     "Reads each file as what it is, and prints what it holds or what is wrong.",
                     options, "file", values)) {
    return kDone;
  }
  std::map<std::string, std::int64_t> dims;
  if (values.count("dim") != 0) dims = read_dims(values["dim"].as<std::vector<std::string>>());
  if (values.count("file") == 0) throw UsageError("check needs at least one FILE");
  const bool json = choice("--format", values["format"].as<std::string>(), {"text", "json"}) == 1;
  const bool quiet = values["quiet"].as<bool>();
  bool all_good = true;
  nlohmann::ordered_json results = nlohmann::ordered_json::array();
  for (const std::string& file : values["file"].as<std::vector<std::string>>()) {
    nlohmann::ordered_json result{{"file", file}, {"ok", true}};
    try {
      result["found"] = examine(file, dims);
      if (values["verbose"].as<bool>() && std::filesystem::path(file).extension() != ".onnx") {
        const io::Document document = io::load_document(file);
        for (const std::string& note : document.notes()) {
          std::cerr << "note: " << note << '\n';
        }
      }
      if (!json && !quiet) {
        std::cout << file << ": ok, " << result["found"].get<std::string>() << '\n';
      }
    } catch (const io::InputError& error) {
      all_good = false;
      result["ok"] = false;
      result["error"] = error.what();
      if (!json) std::cout << error.what() << '\n';
    }
    if (!quiet || !result["ok"].get<bool>()) results.push_back(std::move(result));
  }
  if (json) {
    std::cout << results.dump(1, ' ', false, nlohmann::ordered_json::error_handler_t::replace)
              << '\n';
  }
  return all_good ? kDone : kInvalidInput;
}

}  // namespace ridgeline::engine
