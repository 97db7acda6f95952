// Checks of a study that look at the whole of it, and its fingerprint.
#include <set>

#include "io/document/given.hpp"
#include "io/study/study_parts.hpp"

namespace ridgeline::io {

std::string target_text(const FieldEdit& edit, const StudySpec& spec) {
  std::string text(to_string(edit.document));
  if (edit.workload) text += " " + spec.workloads[*edit.workload].path.filename().string();
  return text + " " + edit.pointer;
}

void check_values(const StudyParts& parts, const Value& place, const StudyParameter& parameter) {
  const auto fields = [&](const ParameterValue& value) {
    std::set<std::string> names;
    for (const auto& edit : value.edits) names.insert(target_text(edit, parts.spec));
    return names;
  };
  const auto first = fields(parameter.values.front());
  for (const auto& value : parameter.values) {
    if (value.edits.size() == 1 && first.size() == 1 &&
        value.edits[0].pointer == parameter.values.front().edits[0].pointer) {
      continue;  // the common case, of which there may be a million
    }
    if (value.edits.empty() && first.empty()) continue;
    const auto these = fields(value);
    if (these == first) continue;
    for (const auto& [a, b] : {std::pair(&first, &these), std::pair(&these, &first)}) {
      for (const auto& field : *a) {
        if (b->contains(field)) continue;
        const auto& lacking = a == &first ? value.label : parameter.values.front().label;
        throw place.error("value '" + lacking + "' of parameter '" + parameter.name +
                              "' does not set '" + field + "' as others do",
                          "let every value of a parameter set the same fields");
      }
    }
  }
  for (const auto& value : parameter.values) {
    for (const auto& edit : value.edits) {
      check_edit(parts.base, edit, edit.value, place.location());
    }
  }
}

void check_first_designs(const StudyParts& parts) {
  constexpr int kTried = 64;
  constexpr std::uint64_t kSteps = 10'000'000;
  std::optional<InputError> first;
  std::optional<std::uint64_t> id = parts.space.next_existing(0);
  for (int tried = 0; id && tried < kTried; ++tried) {
    try {
      parts.space.exists(*id);
      DesignDocuments documents = parts.base;
      apply_design(parts, *id, documents);
      return;
    } catch (const InputError& error) {
      if (!first) first = error;
    }
    id = parts.space.next_existing(*id + 1, kSteps);
  }
  if (first) throw *first;
}

void take_fingerprint(StudyParts& parts) {
  std::string all;
  auto& inputs = parts.inputs;
  inputs.insert(inputs.begin(),
                {"study",
                 is_document_text(parts.spec.file) ? std::string("(text)")
                                                   : parts.spec.file.filename().string(),
                 sha256_hex(parts.effective.dump())});
  for (const auto& input : inputs) {
    all += input.what + '\n' + input.path + '\n' + input.sha256 + '\n';
  }
  // The study's own name on disk does not matter, what it says does.
  all.replace(all.find('\n') + 1, inputs.front().path.size(), "");
  parts.fingerprint = sha256_hex(all);
  // What only says which designs there are, and in which order they are looked at, does not
  // matter to any of them; documents count by what a design makes of them.
  nlohmann::ordered_json context = parts.effective;
  for (const char* key : {"name", "accelerator", "system", "mapping", "parameters", "derived",
                          "where", "strategy", "warm_start"})
    context.erase(key);
  for (auto& workload : context["workloads"]) workload.erase("path");
  parts.context = context.dump();
  for (std::size_t w = 0, seen = 0; seen < inputs.size(); ++seen) {
    if (inputs[seen].what != to_string(StudyInput::workload)) continue;
    if (parts.spec.workloads[w].onnx) parts.context += '\n' + inputs[seen].sha256;
    ++w;
  }
}

}  // namespace ridgeline::io
