// Reads study documents: spans the space, and checks that every edit has a field to go to.
#include <algorithm>
#include <cctype>
#include <set>

#include "io/document/given.hpp"
#include "io/document/nearest.hpp"
#include "io/study/study_files.hpp"
#include "io/study/study_parts.hpp"

namespace ridgeline::io {
namespace {

using nlohmann::ordered_json;

constexpr std::size_t kMaxParameters = 64;
constexpr std::int64_t kMaxValues = 1'000'000;   // of one parameter
constexpr std::uint64_t kMaxSteps = 10'000'000;  // to find a first design

constexpr std::string_view kReserved[] = {"and",  "or",    "not",  "min",  "max",
                                          "ceil", "floor", "true", "false"};

bool is_name(const std::string& text) {
  const auto letter = [](char c) {
    return std::isalpha(static_cast<unsigned char>(c)) || c == '_';
  };
  const auto part = [&](char c) { return letter(c) || (c >= '0' && c <= '9'); };
  return !text.empty() && text.size() <= 64 && letter(text.front()) &&
         std::all_of(text.begin(), text.end(), part);
}

class StudyReader {
 public:
  StudyReader(Document document, const std::filesystem::path& file)
      : document_(std::move(document)), json_(document_.to_json()) {
    parts_.spec.file = file;
  }

  StudyParts run() {
    const Value root = document_.root();
    if (!root.is_map()) throw root.error("a study is a map", "begin with `name: my-study`");
    root.allow_only({"name", "workloads", "accelerator", "system", "mapping", "parameters",
                     "derived", "where", "mapping_search", "depth_first", "no_quirks",
                     "schedule_search", "objectives", "constraints", "strategy", "seed",
                     "warm_start"});
    read_name(root);
    system_fields_ = read_study_files(root, json_, parts_);
    read_parameters(root);
    read_derived(root);
    read_where(root);
    read_study_options(root, parts_.spec, parts_.effective);
    read_warm_start(root);
    check_size(root);
    if (any_ == true) check_first_designs(parts_);
    take_fingerprint(parts_);
    return std::move(parts_);
  }

 private:
  StudySpec& spec() { return parts_.spec; }
  const StudySpec& spec() const { return parts_.spec; }

  ordered_json json_of(const Value& value) const { return json_at(json_, value); }

  void read_name(const Value& root) {
    spec().name = stem_of(spec().file);
    if (const auto name = root.find("name")) {
      spec().name = name->is_string() ? name->as_string() : name->text();
      if (spec().name.empty()) throw name->error("the name of a study is a text of its own");
    }
    // An object from the start: see StudyFolder::check_manifest.
    parts_.effective = ordered_json::object();
    parts_.effective["name"] = spec().name;
  }

  // --- Parameters.

  // Which field a `path`, or a key of `set`, means. "mapping:/0/name" names another document.
  FieldEdit target(std::string path, const Value& place, StudyInput document,
                   std::optional<int> workload) {
    for (const auto other : {StudyInput::accelerator, StudyInput::mapping, StudyInput::workload}) {
      const std::string prefix = std::string(to_string(other)) + ":";
      if (path.starts_with(prefix)) {
        document = other;
        path = path.substr(prefix.size());
      }
    }
    if (spec().system_space && document == StudyInput::accelerator) path = system_pointer(path);
    FieldEdit edit{document, workload, path, {}};
    std::vector<const Document*> documents;
    if (document == StudyInput::accelerator) documents.push_back(&parts_.base.accelerator);
    if (document == StudyInput::mapping) documents.push_back(&parts_.base.mapping);
    if (document == StudyInput::workload) {
      for (std::size_t w = 0; w < parts_.base.workloads.size(); ++w) {
        if (workload && *workload != static_cast<int>(w)) continue;
        if (!parts_.base.workloads[w]) {
          throw place.error("an ONNX workload cannot be edited",
                            "describe the workload in YAML, or name another one with `workload:`");
        }
        documents.push_back(&*parts_.base.workloads[w]);
      }
    }
    for (const Document* edited : documents) {
      try {
        if (edited->at(path).pointer().empty()) {
          throw place.error("the whole document cannot be replaced", "name a field, e.g. /name");
        }
      } catch (const InputError& error) {
        if (error.location.file == document_.name()) throw;
        throw place.error("the " + std::string(to_string(document)) +
                          " document has no such field: " + error.what());
      }
    }
    return edit;
  }

  StudyInput read_document_key(const Value& map, std::optional<int>& workload) const {
    StudyInput document = StudyInput::accelerator;
    if (const auto key = map.find("document")) {
      const std::string& name = key->as_string();
      if (name == "mapping") {
        document = StudyInput::mapping;
      } else if (name == "workload") {
        document = StudyInput::workload;
      } else if (name != "accelerator") {
        throw key->error("there is no document '" + name + "'",
                         "known: accelerator, mapping or workload");
      }
    }
    if (const auto key = map.find("workload")) {
      if (document != StudyInput::workload) {
        throw key->error("`workload` goes with `document: workload` only");
      }
      std::vector<std::string> names;
      for (std::size_t w = 0; w < spec().workloads.size(); ++w) {
        names.push_back(parts_.effective["workloads"][w]["path"].get<std::string>());
        if (names.back() == key->as_string()) workload = static_cast<int>(w);
      }
      if (!workload) {
        throw key->error("there is no workload '" + key->as_string() + "'",
                         suggestion(key->as_string(), names));
      }
    }
    return document;
  }

  // No two parameters or derived fields may set the same field, or one inside another's.
  void claim(const FieldEdit& edit, const std::string& owner, const Value& place) {
    const std::string text = target_text(edit, spec());
    for (const auto& [other, other_owner] : claimed_) {
      if (other_owner == owner) continue;
      const bool inside = text.starts_with(other + "/") || other.starts_with(text + "/");
      if (text == other || inside) {
        throw place.error("the field '" + text + "' is set by " + owner + " and by " + other_owner,
                          "let one of them set it");
      }
    }
    claimed_.emplace_back(text, owner);
  }

  void read_parameters(const Value& root) {
    ordered_json effective = ordered_json::array();
    const auto list = root.find("parameters");
    if (list) {
      if (list->size() > kMaxParameters) {
        throw list->error("a study has at most " + std::to_string(kMaxParameters) + " parameters");
      }
      for (const Value& item : list->items()) effective.push_back(read_parameter(item));
    }
    parts_.effective["parameters"] = std::move(effective);
  }

  ordered_json read_parameter(const Value& item) {
    item.allow_only({"name", "path", "document", "workload", "values"});
    StudyParameter parameter;
    const Value name = item.at("name");
    parameter.name = name.as_string();
    check_name(name);

    std::optional<int> workload;
    const StudyInput document = read_document_key(item, workload);
    std::optional<FieldEdit> plain;
    if (const auto path = item.find("path")) {
      plain = target(path->as_string(), *path, document, workload);
      claim(*plain, "parameter '" + parameter.name + "'", *path);
    }
    const Value values = item.at("values");
    if (values.is_map()) {
      read_range(values, parameter, plain);
    } else {
      labels_.clear();
      for (const Value& value : values.items()) {
        read_value(value, parameter, plain, document, workload);
      }
    }
    if (parameter.values.empty()) {
      throw values.error("parameter '" + parameter.name + "' has no values, so the space is empty",
                         "list at least one");
    }
    check_values(parts_, values, parameter);

    ordered_json effective{{"name", parameter.name}};
    if (plain) effective["path"] = plain->pointer;
    if (document != StudyInput::accelerator) effective["document"] = to_string(document);
    if (workload) effective["workload"] = json_of(item)["workload"];
    effective["values"] = json_of(values);
    spec().parameters.push_back(std::move(parameter));
    return effective;
  }

  void check_name(const Value& name) const {
    const std::string& text = name.as_string();
    if (!is_name(text)) {
      throw name.error("'" + text + "' cannot be the name of a parameter",
                       "use up to 64 letters, digits and '_', beginning with a letter");
    }
    if (std::find(std::begin(kReserved), std::end(kReserved), text) != std::end(kReserved)) {
      throw name.error("'" + text + "' is a word of the expressions", "take another name");
    }
    for (const auto& other : spec().parameters) {
      if (other.name == text) throw name.error("parameter '" + text + "' is there twice");
    }
  }

  // {from: 8, to: 64, step: 8} or {from: 8, to: 64, factor: 2}: whole numbers.
  void read_range(const Value& map, StudyParameter& parameter,
                  const std::optional<FieldEdit>& plain) const {
    map.allow_only({"from", "to", "step", "factor"});
    const std::int64_t from = map.at("from").as_integer();
    const std::int64_t to = map.at("to").as_integer();
    const auto step = map.find("step");
    const auto factor = map.find("factor");
    if (step.has_value() == factor.has_value()) {
      throw map.error("a range needs either `step` or `factor`");
    }
    const std::int64_t by = step ? step->as_integer(1) : factor->as_integer(2);
    if (factor && from < 1)
      throw map.at("from").error("with `factor`, a range begins at 1 or more");
    for (std::int64_t value = from; value <= to;) {
      if (parameter.values.size() >= kMaxValues) {
        throw map.error("a parameter has at most " + std::to_string(kMaxValues) + " values");
      }
      parameter.values.push_back({std::to_string(value), value, {}});
      if (plain) {
        parameter.values.back().edits.push_back(*plain);
        parameter.values.back().edits.back().value = value;
      }
      // `to` is at most 2^53, so a sum cannot overflow; a product could.
      if (factor && value > to / by) break;
      value = step ? value + by : value * by;
    }
    if (parameter.values.empty()) {
      throw map.error("the range is empty, and so is the space", "`from` must not exceed `to`");
    }
  }

  void read_value(const Value& item, StudyParameter& parameter,
                  const std::optional<FieldEdit>& plain, StudyInput document,
                  std::optional<int> workload) {
    if (parameter.values.size() >= kMaxValues) {
      throw item.error("a parameter has at most " + std::to_string(kMaxValues) + " values");
    }
    ParameterValue value;
    if (!item.is_map()) {
      if (item.is_list() || item.is_null()) {
        throw item.error("a value is a number, a text or true/false",
                         "write {label: ..., value: ...} for anything else");
      }
      value.label = item.text();
      value.value = json_of(item);
      if (plain) {
        value.edits.push_back(*plain);
        value.edits.back().value = value.value;
      }
    } else {
      item.allow_only({"label", "value", "set"});
      const Value label = item.at("label");
      value.label = label.text();
      if (value.label.empty()) throw label.error("a label is a text or a number");
      const auto given = item.find("value");
      value.value = given ? json_of(*given) : json_of(label);
      const auto set = item.find("set");
      if (plain) {
        if (set) {
          throw set->error("a parameter has either a `path` or values that `set` fields",
                           "put the path's field into `set`");
        }
        value.value = json_of(item.at("value"));
        value.edits.push_back(*plain);
        value.edits.back().value = value.value;
      } else if (set) {
        for (const auto& [path, field] : set->entries()) {
          FieldEdit edit = target(path, field, document, workload);
          claim(edit, "parameter '" + parameter.name + "'", field);
          edit.value = json_of(field);
          value.edits.push_back(std::move(edit));
        }
        if (value.edits.empty()) throw set->error("no field is set", "write set: {/path: value}");
      }
    }
    // Lists and maps are seen by expressions through their label.
    if (value.value.is_structured() || value.value.is_null()) value.value = value.label;
    if (!labels_.insert(value.label).second) {
      throw item.error("value '" + value.label + "' of parameter '" + parameter.name +
                       "' is there twice");
    }
    parameter.values.push_back(std::move(value));
  }

  // --- Derived fields and conditions.

  std::vector<std::string> names() const {
    std::vector<std::string> result;
    for (const auto& parameter : parts_.spec.parameters) result.push_back(parameter.name);
    return result;
  }

  static InputError expression_error(const Value& place, const ExpressionError& error) {
    return place.error(std::string(error.what()) + " at position " +
                           std::to_string(error.position) + " of '" + place.text() + "'",
                       error.remedy);
  }

  void read_derived(const Value& root) {
    ordered_json effective = ordered_json::array();
    if (const auto list = root.find("derived")) {
      for (const Value& item : list->items()) {
        item.allow_only({"path", "document", "workload", "value"});
        std::optional<int> workload;
        const StudyInput document = read_document_key(item, workload);
        const Value path = item.at("path");
        const Value value = item.at("value");
        DerivedField field{target(path.as_string(), path, document, workload), json_of(value),
                           value.location()};
        claim(field.target, "a derived field", path);
        for (const auto& other : parts_.derived) {
          if (target_text(other.target, spec()) == target_text(field.target, spec())) {
            throw path.error("this field is derived twice");
          }
        }
        if (value.is_string()) {
          try {
            const std::string& text = value.as_string();
            if (TextTemplate::is_template(text)) {
              field.value = TextTemplate::parse(text, names());
            } else {
              field.value = Expression::parse(text, names());
            }
          } catch (const ExpressionError& error) {
            throw expression_error(value, error);
          }
        }
        parts_.derived.push_back(std::move(field));
        effective.push_back(json_of(item));
      }
    }
    parts_.effective["derived"] = std::move(effective);
    for (const SystemField& given : system_fields_)
      read_system_field(document_.at(given.place), given);
  }

  // `count: n_big`: a derived field that is written where it belongs.
  void read_system_field(const Value& value, const SystemField& given) {
    DerivedField field{{StudyInput::accelerator, std::nullopt, given.pointer, {}},
                       json_of(value),
                       value.location()};
    claim(field.target, "`" + value.text() + "` of the system", value);
    try {
      field.value = Expression::parse(value.as_string(), names());
    } catch (const ExpressionError& error) {
      throw expression_error(value, error);
    }
    parts_.derived.push_back(std::move(field));
  }

  void read_where(const Value& root) {
    std::vector<Condition> conditions;
    ordered_json effective = ordered_json::array();
    if (const auto where = root.find("where")) {
      const std::vector<Value> items =
          where->is_string() ? std::vector<Value>{*where} : where->items();
      for (const Value& item : items) {
        try {
          conditions.push_back({Expression::parse(item.as_string(), names()), item.location()});
        } catch (const ExpressionError& error) {
          throw expression_error(item, error);
        }
        spec().where.push_back(item.as_string());
        effective.push_back(item.as_string());
      }
    }
    parts_.effective["where"] = std::move(effective);
    check_use(root);

    std::vector<std::vector<ExpressionValue>> values;
    for (const auto& parameter : spec().parameters) {
      auto& seen = values.emplace_back();
      for (const auto& value : parameter.values) seen.push_back(expression_value(value.value));
    }
    parts_.space = StudySpace(std::move(values), std::move(conditions));
  }

  // A parameter that sets no field must be in some derived value.
  void check_use(const Value& root) const {
    std::set<int> used;
    for (const auto& field : parts_.derived) {
      if (const auto* expression = std::get_if<Expression>(&field.value)) {
        used.insert(expression->used().begin(), expression->used().end());
      } else if (const auto* text = std::get_if<TextTemplate>(&field.value)) {
        for (const int parameter : text->used()) used.insert(parameter);
      }
    }
    for (std::size_t p = 0; p < spec().parameters.size(); ++p) {
      const auto& parameter = spec().parameters[p];
      if (!parameter.values.front().edits.empty() || used.contains(static_cast<int>(p))) continue;
      throw root.at("parameters")[p].error(
          "parameter '" + parameter.name + "' changes nothing: no field is set and none derived",
          "give it a `path`, write its values as {label: ..., set: {/path: value}}, or derive a "
          "field from it");
    }
  }

  // --- The whole.

  void read_warm_start(const Value& root) {
    const auto file = root.find("warm_start");
    if (!file) return;
    spec().warm_start = resolve_beside(folder_of(spec().file), *file);
    if (!std::filesystem::is_regular_file(*spec().warm_start)) {
      throw file->error("there is no study file '" + file->as_string() + "'",
                        "paths are relative to the study document");
    }
    // Where figures come from does not change them, so it is no part of what the study is.
  }

  void check_size(const Value& root) {
    const GridSize& grid = parts_.space.grid();
    const auto parameters = root.find("parameters");
    const Value place = parameters ? *parameters : root;
    if (!grid.fits) {
      throw place.error("the parameters span " + grid.text + " designs, more than ids can count",
                        "leave out values or parameters");
    }
    if (spec().strategy.kind == StrategyKind::exhaustive && grid.count > kMaxExhaustive) {
      throw place.error(
          "the parameters span " + grid.text + " designs, too many to evaluate all of them",
          "take strategy {kind: nsga2, ...} or {kind: random, samples: N}, or leave out values: "
          "exhaustive takes up to " +
              std::to_string(kMaxExhaustive));
    }
    // A second or so; a larger space that hides its designs well is met by its search.
    any_ = parts_.space.any_existing(kMaxSteps);
    if (any_ == false) {
      const auto where = root.find("where");
      throw(where ? *where : root)
          .error("of " + grid.text + " combinations of values none exists",
                 "relax a condition of `where`");
    }
  }

  Document document_;
  ordered_json json_;
  StudyParts parts_;
  std::vector<std::pair<std::string, std::string>> claimed_;  // field, owner
  std::vector<SystemField> system_fields_;
  std::optional<bool> any_;       // whether any design exists
  std::set<std::string> labels_;  // of the parameter being read
};

}  // namespace

StudyParts read_study(const std::filesystem::path& file) {
  return StudyReader(load_document(file), file).run();
}

StudyParts read_study(const ordered_json& effective, const std::filesystem::path& file) {
  return StudyReader(document_from_json(effective, file.string()), file).run();
}

}  // namespace ridgeline::io
