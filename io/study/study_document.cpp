#include "io/study/study_document.hpp"

#include <openssl/evp.h>

#include <algorithm>
#include <array>

#include "io/document/given.hpp"
#include "io/study/study_parts.hpp"

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

void apply_design(const StudyParts& parts, std::uint64_t id, DesignDocuments& documents) {
  const auto indices = parts.space.values_of(id);
  for (std::size_t p = 0; p < indices.size(); ++p) {
    const auto& value = parts.spec.parameters[p].values[static_cast<std::size_t>(indices[p])];
    for (const auto& edit : value.edits) {
      apply_edit(documents, edit, edit.value, {name_of(parts.spec.file), "", 0, 0});
    }
  }
  if (parts.derived.empty()) return;
  const auto values = parts.space.expression_values(id);
  for (const auto& field : parts.derived) {
    nlohmann::ordered_json value;
    try {
      if (const auto* expression = std::get_if<Expression>(&field.value)) {
        value = to_json(expression->evaluate(values));
      } else if (const auto* text = std::get_if<TextTemplate>(&field.value)) {
        value = text->render(values);
      } else {
        value = std::get<nlohmann::ordered_json>(field.value);
      }
    } catch (const ExpressionError& error) {
      throw InputError(field.location,
                       std::string(error.what()) + " at position " +
                           std::to_string(error.position) + " of this derived value",
                       error.remedy);
    }
    apply_edit(documents, field.target, value, field.location);
  }
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

const StudySpec& Study::spec() const {
  return impl_->parts.spec;
}
const GridSize& Study::grid() const {
  return impl_->parts.space.grid();
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
  std::array<unsigned char, EVP_MAX_MD_SIZE> digest{};
  unsigned length = 0;
  EVP_Digest(bytes.data(), bytes.size(), digest.data(), &length, EVP_sha256(), nullptr);
  constexpr std::string_view kDigits = "0123456789abcdef";
  std::string text;
  for (unsigned byte = 0; byte < length; ++byte) {
    text += kDigits[digest[byte] >> 4];
    text += kDigits[digest[byte] & 15];
  }
  return text;
}

}  // namespace ridgeline::io
