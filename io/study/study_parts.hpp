// What a study document is made of once it is read. For io/study_*.cpp only.
#pragma once

#include <nlohmann/json.hpp>
#include <string>
#include <variant>
#include <vector>

#include "io/document/document.hpp"
#include "io/document/expression.hpp"
#include "io/study/study_document.hpp"
#include "io/study/study_space.hpp"
#include "io/study/system_space.hpp"

namespace ridgeline::io {

// A field whose value follows from the parameters.
struct DerivedField {
  FieldEdit target;  // its value is unused
  std::variant<nlohmann::ordered_json, Expression, TextTemplate> value;
  Location location;  // of the value in the study document
};

struct StudyParts {
  StudySpec spec;
  StudySpace space{{}, {}};
  std::vector<DerivedField> derived;
  DesignDocuments base;  // the input documents as they are
  // Of a space of systems, whose template is base.accelerator.
  std::map<std::string, std::set<std::string>> operators_of;
  nlohmann::ordered_json effective;
  std::vector<InputDigest> inputs;
  std::string fingerprint;
  std::string context;  // see Study::design_key: what is the same for all designs
};

// The mapping_search, schedule_search, objectives, constraints and strategy of a study
// document, checked, into `spec` and, with their defaults, into `effective`.
void read_study_options(const Value& root, StudySpec& spec, nlohmann::ordered_json& effective);

StudyParts read_study(const std::filesystem::path& file);
StudyParts read_study(const nlohmann::ordered_json& effective, const std::filesystem::path& file);

// "mapping /0/name": the field that an edit means, for messages and to tell fields apart.
std::string target_text(const FieldEdit& edit, const StudySpec& spec);

// Every value of a parameter sets the same fields, of the kind that is there; InputError.
void check_values(const StudyParts& parts, const Value& place, const StudyParameter& parameter);

// Some design among the first ones can be had: the conditions say whether it exists, and its edits
// can be made. Else throws the InputError of the first; one that cannot is an error of its own.
void check_first_designs(const StudyParts& parts);

// Of what the study says and reads, into `parts.inputs` and `parts.fingerprint`.
void take_fingerprint(StudyParts& parts);

// Throws InputError at `location` where `value` is of another kind than the field of an edit.
void check_edit(const DesignDocuments& documents, const FieldEdit& target,
                const nlohmann::ordered_json& value, const Location& location);

// Puts `value` at the field of an edit, in the document or documents that it names. Throws as
// `check_edit`.
void apply_edit(DesignDocuments& documents, const FieldEdit& target,
                const nlohmann::ordered_json& value, const Location& location);

// Parameters and derived fields of design `id` put into `documents`, and its system made of the
// template where there is one.
void apply_design(const StudyParts& parts, std::uint64_t id, DesignDocuments& documents);

}  // namespace ridgeline::io
