#include "io/study/study_files.hpp"

#include <set>
#include <utility>

#include "io/document/given.hpp"
#include "io/inputs/technology.hpp"
#include "io/onnx/onnx_graph.hpp"

namespace ridgeline::io {
namespace {

using nlohmann::ordered_json;

// A mapping that leaves everything to the search.
Document no_mapping(bool multi_core) {
  const ordered_json json = multi_core ? ordered_json{{"layers", ordered_json::array()}}
                                       : ordered_json::array({{{"name", "default"}}});
  return document_from_json(json, "(no mapping)");
}

class StudyFiles {
 public:
  StudyFiles(const ordered_json& json, StudyParts& parts)
      : json_(json), folder_(folder_of(parts.spec.file)), parts_(parts) {}

  void read(const Value& root) {
    const Value workloads = root.at("workloads");
    ordered_json effective = ordered_json::array();
    std::set<std::filesystem::path> seen;
    for (const Value& item : workloads.items()) {
      effective.push_back(read_workload(item));
      if (!seen.insert(spec().workloads.back().path.lexically_normal()).second) {
        throw item.error("this workload is listed twice", "give it a `weight` instead");
      }
    }
    if (seen.empty()) throw workloads.error("no workload is listed");
    parts_.effective["workloads"] = std::move(effective);

    if (const auto system = root.find("system")) {
      read_system_space(root, *system);
      return;
    }
    const Value accelerator = root.at("accelerator");
    spec().accelerator = resolve(accelerator);
    parts_.base.accelerator = load(accelerator, StudyInput::accelerator);
    parts_.effective["accelerator"] = accelerator.as_string();
    spec().multi_core = parts_.base.accelerator.root().is_map() &&
                        parts_.base.accelerator.root().find("cores").has_value();
    if (spec().multi_core) embed_cores(accelerator);
    embed(parts_.base.accelerator);

    const auto mapping = root.find_non_null("mapping");
    if (!mapping) {
      parts_.base.mapping = no_mapping(spec().multi_core);
      return;
    }
    spec().mapping = resolve(*mapping);
    parts_.base.mapping = load(*mapping, StudyInput::mapping);
    parts_.effective["mapping"] = mapping->as_string();
  }

  std::vector<SystemField> take_system_fields() { return std::move(system_fields_); }

 private:
  StudySpec& spec() { return parts_.spec; }

  ordered_json json_of(const Value& value) const { return json_at(json_, value); }

  std::filesystem::path resolve(const Value& value) const { return resolve_beside(folder_, value); }

  // What is wrong with a file is told at the place that names it.
  template <class Function>
  auto at_place(const Value& value, Function read) const {
    try {
      return read();
    } catch (const InputError& error) {
      if (std::filesystem::is_regular_file(resolve(value))) throw;  // it is about the content
      throw value.error(error.what(), "paths are relative to the study document");
    }
  }

  Document load(const Value& value, StudyInput what) {
    const auto path = resolve(value);
    // One read: what is digested is what is parsed, whoever writes to the file meanwhile.
    std::string bytes;
    Document document = at_place(value, [&] { return load_document(path, &bytes); });
    digest(to_string(what), value.as_string(), bytes);
    return document;
  }

  void digest(std::string_view what, const std::string& path, const std::string& bytes) {
    parts_.inputs.push_back({std::string(what), path, sha256_hex(bytes)});
  }

  // Technology tables are inputs too.
  void embed(Document& document) {
    embed_tables(document, [&](const std::string& name, const std::string& bytes) {
      digest("technology", name, bytes);
    });
  }

  // A space of systems: the template stands where the accelerator document does, and the mapping
  // may be left out, since kinds say what they take.
  void read_system_space(const Value& root, const Value& system) {
    if (const auto other = root.find("accelerator")) {
      throw other->error("a study has either an `accelerator` or a `system`",
                         "leave one of them out");
    }
    spec().system_space = spec().multi_core = true;
    spec().accelerator = spec().file;
    SystemTemplate read =
        read_system(system, spec().name, [&](const Value& core) { return read_core(core); });
    parts_.base.accelerator = std::move(read.document);
    system_fields_ = std::move(read.fields);
    parts_.effective["system"] = json_of(system);
    if (const auto mapping = root.find("mapping")) {
      spec().mapping = resolve(*mapping);
      parts_.base.mapping = load(*mapping, StudyInput::mapping);
      parts_.effective["mapping"] = mapping->as_string();
      note_operators();
    } else {
      parts_.base.mapping = document_from_json(ordered_json::array({{{"name", "default"}}}),
                                               "the mapping of " + spec().name);
    }
  }

  // What a core of a `system` is: a file, or its content in its place.
  ordered_json read_core(const Value& core) {
    if (core.is_map()) return json_of(core);
    auto path = resolve(core);
    const auto inner = path.parent_path() / "cores" / path.filename();
    if (!std::filesystem::exists(path) && std::filesystem::exists(inner)) path = inner;
    if (!std::filesystem::is_regular_file(path)) {
      throw core.error("there is no core file '" + core.as_string() + "'",
                       "paths are relative to the study document, or to `cores/` beside it");
    }
    const std::string bytes = read_input_file(path);
    digest("core", core.as_string(), bytes);
    Document document = parse_document(bytes, path.string());
    embed(document);
    return document.to_json();
  }

  // Operators of the nodes that the mapping may name.
  void note_operators() {
    for (std::size_t w = 0; w < spec().workloads.size(); ++w) {
      const StudyWorkload& workload = spec().workloads[w];
      if (workload.model) {
        const OnnxGraph& graph = *workload.model;
        for (std::size_t n = 0; n < graph.nodes.size(); ++n)
          parts_.operators_of[graph.node_name(static_cast<int>(n))].insert(graph.nodes[n].op_type);
        continue;
      }
      for (const Value& layer : parts_.base.workloads[w]->root().items()) {
        const auto name = layer.find("name");
        const auto type = layer.find("operator_type");
        if (name && type) parts_.operators_of[name->text()].insert(type->text());
      }
    }
  }

  ordered_json read_workload(const Value& item) {
    StudyWorkload workload;
    const bool plain = item.is_string();
    if (!plain) item.allow_only({"path", "weight", "dims"});
    const Value path = plain ? item : item.at("path");
    ordered_json effective{{"path", path.as_string()}};
    workload.path = resolve(path);
    workload.onnx = workload.path.extension() == ".onnx";
    if (!plain) {
      if (const auto weight = item.find("weight")) {
        workload.weight = weight->as_real();
        if (!(workload.weight > 0)) throw weight->error("a weight must be larger than 0");
      }
      if (const auto dims = item.find("dims")) {
        for (const auto& [name, size] : dims->entries()) {
          workload.dims.emplace_back(name, size.as_integer(1));
        }
        if (!workload.onnx) throw dims->error("only ONNX workloads have symbolic dimensions");
        effective["dims"] = json_of(*dims);
      }
    }
    effective["weight"] = workload.weight;
    if (workload.onnx) {
      constexpr std::size_t kMaxModelBytes = std::size_t{2} << 30;
      const auto bytes =
          at_place(path, [&] { return read_input_file(workload.path, kMaxModelBytes); });
      digest("workload", path.as_string(), bytes);
      OnnxOptions options;
      for (const auto& [name, size] : workload.dims) options.dims[name] = size;
      workload.model = std::make_shared<const OnnxGraph>(
          parse_onnx_graph(bytes, workload.path.string(), options));
      parts_.base.workloads.emplace_back();
    } else {
      parts_.base.workloads.emplace_back(load(path, StudyInput::workload));
    }
    spec().workloads.push_back(std::move(workload));
    return effective;
  }

  // Names of core files are replaced by what the files hold, so that pointers lead into them.
  void embed_cores(const Value& place) {
    Document& system = parts_.base.accelerator;
    std::vector<std::pair<std::string, std::string>> files;
    const auto note = [&](const Value& core) {
      if (core.is_string()) files.emplace_back(core.pointer(), core.as_string());
    };
    const Value cores = system.root().at("cores");
    if (cores.is_list()) {
      for (const Value& core : cores.items()) note(core);
    } else {
      for (const auto& [name, core] : cores.entries()) note(core);
    }
    const auto folder = spec().accelerator.parent_path();
    for (const auto& [pointer, name] : files) {
      auto path = folder / name;
      if (!std::filesystem::exists(path) && std::filesystem::exists(folder / "cores" / name)) {
        path = folder / "cores" / name;
      }
      if (!std::filesystem::is_regular_file(path)) {
        throw system.at(pointer).error(
            "there is no core file '" + name + "'",
            "core files stand beside " + place.as_string() + " or in `cores/` beside it");
      }
      std::string bytes;
      Document core = load_document(path, &bytes);
      digest("core", name, bytes);
      embed(core);
      system.set(pointer, core.to_json());
    }
  }

  const ordered_json& json_;
  std::filesystem::path folder_;
  StudyParts& parts_;
  std::vector<SystemField> system_fields_;
};

}  // namespace

ordered_json json_at(const ordered_json& json, const Value& value) {
  return json.at(ordered_json::json_pointer(value.pointer()));
}

std::filesystem::path resolve_beside(const std::filesystem::path& folder, const Value& value) {
  const std::filesystem::path path(value.as_string());
  if (path.empty()) throw value.error("the name of a file is missing");
  return path.is_absolute() ? path : folder / path;
}

std::vector<SystemField> read_study_files(const Value& root, const ordered_json& json,
                                          StudyParts& parts) {
  StudyFiles files(json, parts);
  files.read(root);
  return files.take_system_fields();
}

}  // namespace ridgeline::io
