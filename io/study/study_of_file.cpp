#include "io/study/study_of_file.hpp"

#include <nlohmann/json.hpp>
#include <optional>
#include <vector>

namespace ridgeline::io {

Study study_of_file(const StudyFile& file, const std::filesystem::path& path,
                    const std::filesystem::path& beside) {
  const auto document = nlohmann::ordered_json::parse(file.study, nullptr, false);
  if (!document.is_object()) {
    throw InputError({path.string(), ""}, "the study document in this file cannot be read");
  }
  std::vector<std::filesystem::path> folders;
  if (!beside.empty()) folders.push_back(beside.parent_path());
  if (const auto note = file.notes.find("folder"); note != file.notes.end()) {
    folders.emplace_back(note->second);
  }
  folders.push_back(path.parent_path());
  folders.emplace_back();
  std::string problem;
  bool changed = false;
  for (const auto& folder : folders) {
    try {
      Study study = Study::read_effective(document, folder / "study");
      if (study.fingerprint() == file.inputs_sha256) return study;
      changed = true;
    } catch (const InputError& error) {
      if (problem.empty()) problem = error.what();
    }
  }
  throw InputError({path.string(), ""},
                   changed ? "the inputs of its study have changed since"
                           : "the inputs of its study are not where they were: " + problem,
                   "put them back as they were");
}

}  // namespace ridgeline::io
