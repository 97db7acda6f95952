#include "engine/calls/design.hpp"

#include <algorithm>
#include <nlohmann/json.hpp>
#include <sstream>

#include "engine/commands/exit_code.hpp"
#include "io/document/nearest.hpp"
#include "io/document/text_output.hpp"
#include "io/study/study_of_file.hpp"

namespace ridgeline::engine {
namespace {

using nlohmann::ordered_json;

std::vector<int> genes_of(const std::string& text) {
  std::vector<int> genes;
  std::istringstream stream(text);
  for (std::string gene; std::getline(stream, gene, ',');) genes.push_back(std::stoi(gene));
  return genes;
}

const char* name_of(search::Engine engine) {
  switch (engine) {
    case search::Engine::exact:
      return "exact";
    case search::Engine::anneal:
      return "anneal";
    case search::Engine::loma:
      break;
  }
  return "loma";
}

// The options of `mapping_search` as the command line names them.
std::string mapping_options(const io::MappingSearch& search) {
  const search::MapperOptions& options = search.options;
  std::string text = std::string(" --engine ") + name_of(options.engine);
  text += " --objective " + std::string(to_string(options.objective));
  text += " --lpf-limit " + std::to_string(options.lpf_limit);
  if (options.engine == search::Engine::exact && options.node_limit > 0)
    text += " --node-limit " + std::to_string(options.node_limit);
  text += " --spatial-candidates " +
          (options.spatial_candidates > 0 ? std::to_string(options.spatial_candidates) : "all");
  if (options.mixed_spatial) text += " --mixed-spatial";
  if (options.even) text += " --even";
  if (search.keep_on_chip) text += " --keep-on-chip";
  if (options.no_quirks) text += " --no-quirks";
  if (!search.depth_first) return text;
  const io::DepthFirstSearch& fused = *search.depth_first;
  text += " --depth-first --tile ";
  text += fused.tile ? std::to_string(fused.tile->first) + "," + std::to_string(fused.tile->second)
                     : std::string("search");
  text += " --overlap ";
  text += fused.overlaps.size() == 1 ? std::string(to_string(fused.overlaps.front())) : "search";
  text += fused.search_stacks ? " --stacks search" : " --stacks auto";
  if (fused.defines) text += " --semantics defines";
  return text;
}

std::string name_of_workload(const io::StudyWorkload& workload) {
  return workload.path.stem().string() +
         (workload.onnx ? std::string(".onnx") : std::string(".json"));
}

std::string schedule_name(const io::StudyWorkload& workload) {
  return "schedule-" + workload.path.stem().string() + ".json";
}

}  // namespace

StudyDesigns::StudyDesigns(const std::filesystem::path& study_file)
    : path_(study_file), file_(io::read_study_file(study_file)) {}

const io::Study& StudyDesigns::study() {
  if (!study_) study_.emplace(io::study_of_file(file_, path_));
  return *study_;
}

std::uint64_t StudyDesigns::row_of(std::uint64_t id) const {
  const auto& ids = file_.candidates.id;
  const auto place = std::lower_bound(ids.begin(), ids.end(), id);
  if (place == ids.end() || *place != id)
    throw io::InputError({path_.string(), "/candidates/id"},
                         "the study has evaluated no design " + std::to_string(id),
                         "`ridgeline report FILE --csv -` lists those it has");
  const auto row = static_cast<std::uint64_t>(place - ids.begin());
  if (file_.candidates.status[row] != CandidateStatus::ok) {
    const std::string& why = file_.candidates.message[row];
    throw io::InputError({path_.string(), "/candidates/status"},
                         "design " + std::to_string(id) + " is " +
                             io::to_string(file_.candidates.status[row]) +
                             (why.empty() ? "" : ": " + why),
                         "name one that is ok");
  }
  return row;
}

io::StudyDesign StudyDesigns::design(std::uint64_t id) {
  const std::uint64_t row = row_of(id);
  for (const io::StudyDesign& kept : file_.designs)
    if (kept.id == id && kept.documents.contains("schedule")) return kept;
  if (!evaluator_) evaluator_ = study_evaluator(study());
  if (!file_.candidates.genes.empty()) {
    std::vector<int> genome = study().values_of(file_.candidates.design[row]);
    const std::vector<int> genes = genes_of(file_.candidates.genes[row]);
    genome.insert(genome.end(), genes.begin(), genes.end());
    evaluator_->learn(id, std::move(genome));
  }
  const DesignRecord record = evaluator_->describe(id, [] { return false; });
  return {id, record.documents};
}

io::DesignDocuments StudyDesigns::documents(std::uint64_t id) {
  const std::uint64_t row = row_of(id);
  return study().design_documents(file_.candidates.design.empty() ? id
                                                                  : file_.candidates.design[row]);
}

// The mapping, accelerator and workload of the folder that `write` makes.
std::string StudyDesigns::command(const ordered_json& schedule, std::size_t workload) const {
  const io::StudySpec& spec = study_->spec();
  const io::StudyWorkload& of = spec.workloads[workload];
  std::string text = spec.multi_core ? "ridgeline schedule" : "ridgeline evaluate";
  text += " --workload '" + name_of_workload(of) +
          "' --accelerator accelerator.json --mapping mapping.json";
  for (const auto& [dim, size] : of.dims) text += " --dim " + dim + "=" + std::to_string(size);
  if (!spec.multi_core) return text + mapping_options(spec.mapping_search);
  text += " --mode " + schedule.at("mode").get<std::string>() + " --allocation '" +
          schedule_name(of) + "'";
  if (schedule.contains("stacks"))
    text += " --stacks 'stacks-" + of.path.stem().string() + ".json'";
  if (schedule.contains("priority"))
    text += " --priority " + schedule["priority"].get<std::string>();
  if (spec.schedule_search.node_objective) {
    text += " --node-objective " + std::string(to_string(*spec.schedule_search.node_objective));
    text += mapping_options(spec.mapping_search);
  } else {
    text += " --lpf-limit " + std::to_string(spec.mapping_search.options.lpf_limit);
    if (spec.mapping_search.options.no_quirks) text += " --no-quirks";
  }
  return text;
}

std::string StudyDesigns::write(std::uint64_t id, const std::filesystem::path& folder) {
  const io::StudyDesign found = design(id);
  const io::DesignDocuments made = documents(id);
  const io::StudySpec& spec = study().spec();
  std::error_code error;
  std::filesystem::create_directories(folder, error);
  if (error)
    throw io::FileError(folder.string() + ": the folder cannot be made: " + error.message());
  const auto put = [&](const std::string& name, const ordered_json& json) {
    io::write_text_file(folder / name, json.dump(1) + "\n");
  };
  put("accelerator.json", ordered_json::parse(found.documents.at("accelerator")));
  put("mapping.json", ordered_json::parse(found.documents.at("mapping")));
  const ordered_json schedules = ordered_json::parse(found.documents.at("schedule"));
  std::string script = "#!/bin/sh\n# Design " + std::to_string(id) + " of the study " + spec.name +
                       ": gives its figures again.\nset -e\ncd \"$(dirname \"$0\")\"\n";
  std::string first;
  for (std::size_t w = 0; w < spec.workloads.size(); ++w) {
    const io::StudyWorkload& workload = spec.workloads[w];
    if (workload.onnx) {
      std::filesystem::copy_file(workload.path, folder / name_of_workload(workload),
                                 std::filesystem::copy_options::overwrite_existing, error);
      if (error)
        throw io::FileError((folder / name_of_workload(workload)).string() +
                            ": the workload cannot be copied: " + error.message());
    } else {
      put(name_of_workload(workload), made.workloads[w]->to_json());
    }
    put(schedule_name(workload), schedules[w]);
    if (schedules[w].contains("stacks"))
      put("stacks-" + workload.path.stem().string() + ".json", schedules[w]["stacks"]);
    const std::string line = command(schedules[w], w);
    if (first.empty()) first = line;
    script += line + " \"$@\"\n";
  }
  const std::uint64_t row = row_of(id);
  ordered_json figures{{"design", id}, {"parameters", ordered_json::object()}};
  const auto values = io::parameter_values(file_, row);
  for (std::size_t p = 0; p < values.size(); ++p)
    figures["parameters"][file_.parameters[p].name] = file_.parameters[p].labels[values[p]];
  for (std::size_t o = 0; o < file_.objectives.size(); ++o)
    figures["objectives"][file_.objectives[o].name] = file_.candidates.objectives[o][row];
  put("figures.json", figures);
  io::write_text_file(folder / "run", script);
  std::filesystem::permissions(folder / "run", std::filesystem::perms::owner_exec,
                               std::filesystem::perm_options::add, error);
  return first;
}

ScheduleOptions StudyDesigns::schedule_options(std::uint64_t id, const std::string& name) {
  const io::StudySpec& spec = study().spec();
  if (!spec.multi_core)
    throw io::InputError({path_.string(), ""}, "its study is about single-core accelerators",
                         "`ridgeline report FILE --design ID --export DIR` writes the documents "
                         "for `ridgeline evaluate`");
  std::size_t w = 0;
  std::vector<std::string> names;
  for (const io::StudyWorkload& workload : spec.workloads)
    names.push_back(workload.path.stem().string());
  if (name.empty() && names.size() > 1)
    throw UsageError("the study has several workloads: name one with --workload (" +
                     io::join_or(names) + ")");
  if (!name.empty()) {
    const std::string stem = std::filesystem::path(name).stem().string();
    const auto place = std::find(names.begin(), names.end(), stem);
    if (place == names.end())
      throw UsageError("the study has no workload '" + name + "' (" + io::suggestion(stem, names) +
                       ")");
    w = static_cast<std::size_t>(place - names.begin());
  }
  const io::StudyDesign found = design(id);
  const io::DesignDocuments made = documents(id);
  const ordered_json schedule = ordered_json::parse(found.documents.at("schedule"))[w];
  const io::StudyWorkload& workload = spec.workloads[w];
  ScheduleOptions options;
  options.workload = workload.onnx ? workload.path.string() : made.workloads[w]->to_json().dump();
  options.accelerator = found.documents.at("accelerator");
  options.mapping = found.documents.at("mapping");
  options.allocation = schedule.dump();
  for (const auto& [dim, size] : workload.dims) options.onnx.dims[dim] = size;
  options.request.tiling.mode = schedule.at("mode") == "fused"
                                    ? model::ScheduleMode::fused
                                    : model::ScheduleMode::layer_by_layer;
  options.request.costs.mapper = spec.mapping_search.options;
  options.request.costs.objective = spec.schedule_search.node_objective;
  options.request.search.report = spec.schedule_search.objective;
  if (schedule.contains("stacks")) options.stacks = schedule["stacks"].dump();
  if (schedule.contains("priority"))
    options.request.schedule.semantics.priority =
        schedule["priority"] == "latency"  ? model::NodePriority::latency
        : schedule["priority"] == "memory" ? model::NodePriority::memory
                                           : model::NodePriority::order;
  return options;
}

}  // namespace ridgeline::engine
