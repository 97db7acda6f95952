#include "io/study/study_document.hpp"

#include <algorithm>
#include <array>

#include "io/document/given.hpp"
#include "io/study/study_parts.hpp"
#include "model/core/sha2.hpp"

namespace ridgeline::io {
namespace {

enum class Family { number, text, boolean, list, map, any };

Family family(Kind kind) {
  switch (kind) {
    case Kind::integer:
    case Kind::real:
      return Family::number;
    case Kind::string:
      return Family::text;
    case Kind::boolean:
      return Family::boolean;
    case Kind::list:
      return Family::list;
    case Kind::map:
      return Family::map;
    case Kind::null:
      break;
  }
  return Family::any;
}

Family family(const nlohmann::ordered_json& value) {
  if (value.is_number()) return Family::number;
  if (value.is_string()) return Family::text;
  if (value.is_boolean()) return Family::boolean;
  if (value.is_array()) return Family::list;
  return value.is_object() ? Family::map : Family::any;
}

}  // namespace

std::string_view to_string(StudyInput input) {
  switch (input) {
    case StudyInput::accelerator:
      return "accelerator";
    case StudyInput::mapping:
      return "mapping";
    case StudyInput::workload:
      break;
  }
  return "workload";
}

namespace {

// Calls `use` with each document that an edit means.
template <class Documents, class Function>
void for_each_document(Documents& documents, const FieldEdit& target, Function use) {
  switch (target.document) {
    case StudyInput::accelerator:
      use(documents.accelerator);
      break;
    case StudyInput::mapping:
      use(documents.mapping);
      break;
    case StudyInput::workload:
      for (std::size_t w = 0; w < documents.workloads.size(); ++w) {
        const bool meant = !target.workload || *target.workload == static_cast<int>(w);
        if (meant && documents.workloads[w]) use(*documents.workloads[w]);
      }
      break;
  }
}

}  // namespace

void check_edit(const DesignDocuments& documents, const FieldEdit& target,
                const nlohmann::ordered_json& value, const Location& location) {
  for_each_document(documents, target, [&](const Document& document) {
    const Kind there = document.at(target.pointer).kind();
    const Family old = family(there);
    const Family fresh = family(value);
    if (old != fresh && old != Family::any && fresh != Family::any) {
      throw InputError(location, "the value " + value.dump() + " cannot replace " +
                                     std::string(to_string(there)) + " at " + target.pointer +
                                     " of the " + std::string(to_string(target.document)) +
                                     " document");
    }
  });
}

void apply_edit(DesignDocuments& documents, const FieldEdit& target,
                const nlohmann::ordered_json& value, const Location& location) {
  check_edit(documents, target, value, location);
  for_each_document(documents, target,
                    [&](Document& document) { document.set(target.pointer, value); });
}

namespace {

nlohmann::ordered_json derived_value(const DerivedField& field,
                                     const std::vector<ExpressionValue>& values) {
  try {
    if (const auto* expression = std::get_if<Expression>(&field.value)) {
      return to_json(expression->evaluate(values));
    }
    if (const auto* text = std::get_if<TextTemplate>(&field.value)) return text->render(values);
    return std::get<nlohmann::ordered_json>(field.value);
  } catch (const ExpressionError& error) {
    throw InputError(field.location,
                     std::string(error.what()) + " at position " + std::to_string(error.position) +
                         " of this derived value",
                     error.remedy);
  }
}

// What one field of the accelerator document is in a design.
nlohmann::ordered_json field_of(const StudyParts& parts, std::uint64_t id,
                                const std::string& pointer) {
  const auto indices = parts.space.values_of(id);
  for (std::size_t p = 0; p < indices.size(); ++p) {
    const auto& value = parts.spec.parameters[p].values[static_cast<std::size_t>(indices[p])];
    for (const auto& edit : value.edits)
      if (edit.document == StudyInput::accelerator && edit.pointer == pointer) return edit.value;
  }
  for (const auto& field : parts.derived)
    if (field.target.document == StudyInput::accelerator && field.target.pointer == pointer)
      return derived_value(field, parts.space.expression_values(id));
  const Value value = parts.base.accelerator.at(pointer);
  if (value.is_integer()) return value.as_integer();
  return value.text();
}

}  // namespace

void apply_design(const StudyParts& parts, std::uint64_t id, DesignDocuments& documents) {
  const auto indices = parts.space.values_of(id);
  for (std::size_t p = 0; p < indices.size(); ++p) {
    const auto& value = parts.spec.parameters[p].values[static_cast<std::size_t>(indices[p])];
    for (const auto& edit : value.edits) {
      apply_edit(documents, edit, edit.value, {name_of(parts.spec.file), "", 0, 0});
    }
  }
  const auto values = parts.space.expression_values(id);
  for (const auto& field : parts.derived) {
    const nlohmann::ordered_json value = derived_value(field, values);
    apply_edit(documents, field.target, value, field.location);
  }
  if (!parts.spec.system_space) return;
  ExpandedSystem system =
      expand_system(documents.accelerator, documents.mapping, parts.operators_of);
  documents.infeasible = std::move(system.infeasible);
  documents.accelerator = std::move(system.accelerator);
  documents.mapping = std::move(system.mapping);
  documents.kind_of = std::move(system.kind_of);
  documents.unserved = std::move(system.unserved);
}

struct Study::Impl {
  StudyParts parts;
};

Study::Study(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}
Study::Study(Study&&) noexcept = default;
Study& Study::operator=(Study&&) noexcept = default;
Study::~Study() = default;

Study Study::read(const std::filesystem::path& file) {
  return Study(std::make_unique<Impl>(Impl{read_study(file)}));
}

Study Study::read_effective(const nlohmann::ordered_json& effective,
                            const std::filesystem::path& file) {
  return Study(std::make_unique<Impl>(Impl{read_study(effective, file)}));
}

const StudySpec& Study::spec() const {
  return impl_->parts.spec;
}
const GridSize& Study::grid() const {
  return impl_->parts.space.grid();
}
bool Study::counts_genomes() const {
  const StudyStrategy& strategy = spec().strategy;
  return strategy.kind == StrategyKind::joint || strategy.front_schedules ||
         (strategy.kind == StrategyKind::exhaustive && strategy.all_schedules);
}
bool Study::may_have(std::uint64_t id) const {
  return id < (counts_genomes() ? std::uint64_t{1} << 48 : grid().count);
}
std::vector<int> Study::values_of(std::uint64_t id) const {
  return impl_->parts.space.values_of(id);
}
std::uint64_t Study::id_of(const std::vector<int>& values) const {
  return impl_->parts.space.id_of(values);
}

std::string Study::describe(std::uint64_t id) const {
  const auto values = values_of(id);
  std::string text;
  for (std::size_t p = 0; p < values.size(); ++p) {
    const auto& parameter = spec().parameters[p];
    if (!text.empty()) text += ' ';
    text += parameter.name + '=' + parameter.values[static_cast<std::size_t>(values[p])].label;
  }
  return text;
}

bool Study::exists(std::uint64_t id) const {
  return impl_->parts.space.exists(id);
}
std::optional<std::uint64_t> Study::next_existing(std::uint64_t from, std::uint64_t steps) const {
  return impl_->parts.space.next_existing(from, steps);
}
std::optional<std::uint64_t> Study::count_existing(std::uint64_t limit) const {
  return impl_->parts.space.count_existing(limit);
}

DesignDocuments Study::design_documents(std::uint64_t id) const {
  DesignDocuments documents = impl_->parts.base;
  apply_design(impl_->parts, id, documents);
  return documents;
}

SystemShape Study::system_shape(std::uint64_t id) const {
  const StudyParts& parts = impl_->parts;
  SystemShape shape;
  const Value root = parts.base.accelerator.root();
  if (!parts.spec.system_space) {
    shape.counts.assign(root.at("cores").size(), 1);
    return shape;
  }
  for (const std::string& kind : root.at("kinds").keys()) {
    const auto count = field_of(parts, id, "/kinds/" + kind + "/count");
    shape.counts.push_back(count.is_number() ? std::max(0, count.get<int>()) : 0);
  }
  const auto type = field_of(parts, id, "/topology/type");
  shape.interchangeable = (type == "bus" || type == "all-to-all") && !root.find("sharing");
  return shape;
}

DesignDocuments Study::one_of_each_kind() const {
  const StudyParts& parts = impl_->parts;
  DesignDocuments documents = parts.base;
  if (!parts.spec.system_space) return documents;
  for (const std::string& kind : documents.accelerator.root().at("kinds").keys())
    documents.accelerator.set("/kinds/" + kind + "/count", 1);
  ExpandedSystem system =
      expand_system(documents.accelerator, documents.mapping, parts.operators_of);
  documents.accelerator = std::move(system.accelerator);
  documents.mapping = std::move(system.mapping);
  documents.kind_of = std::move(system.kind_of);
  documents.unserved = std::move(system.unserved);
  return documents;
}

std::string Study::design_key(std::uint64_t id) const {
  const DesignDocuments documents = design_documents(id);
  std::string all = impl_->parts.context + '\n' + documents.infeasible;
  if (documents.infeasible.empty()) {
    // The name of a system made for a study is the study's.
    nlohmann::ordered_json accelerator = documents.accelerator.to_json();
    if (spec().system_space) accelerator.erase("name");
    all += '\n' + accelerator.dump() + '\n' + documents.mapping.to_json().dump();
  }
  for (const auto& workload : documents.workloads)
    if (workload) all += '\n' + workload->to_json().dump();
  return sha256_hex(all);
}

const nlohmann::ordered_json& Study::effective() const {
  return impl_->parts.effective;
}
const std::string& Study::fingerprint() const {
  return impl_->parts.fingerprint;
}
const std::vector<InputDigest>& Study::inputs() const {
  return impl_->parts.inputs;
}

std::vector<std::string> changed_inputs(const std::vector<InputDigest>& before,
                                        const std::vector<InputDigest>& now) {
  std::vector<std::string> changes;
  // Digests of one kind and path count by place: several cores may share a file.
  const auto find = [](const std::vector<InputDigest>& inputs, const InputDigest& wanted) {
    return std::find_if(inputs.begin(), inputs.end(), [&](const InputDigest& input) {
      return input.what == wanted.what && (input.path == wanted.path || wanted.what == "study");
    });
  };
  for (const auto& input : now) {
    const auto old = find(before, input);
    if (old == before.end()) {
      changes.push_back("the " + input.what + " '" + input.path + "' is new");
    } else if (old->sha256 != input.sha256) {
      changes.push_back(input.what == "study"
                            ? "the study document has changed"
                            : "the " + input.what + " '" + input.path + "' has changed");
    }
  }
  for (const auto& input : before) {
    if (find(now, input) == now.end()) {
      changes.push_back("the " + input.what + " '" + input.path + "' is no longer used");
    }
  }
  return changes;
}

std::string sha256_hex(std::string_view bytes) {
  constexpr std::string_view kDigits = "0123456789abcdef";
  std::string text;
  for (const unsigned byte : model::sha256(bytes)) {
    text += kDigits[byte >> 4];
    text += kDigits[byte & 15];
  }
  return text;
}

}  // namespace ridgeline::io
