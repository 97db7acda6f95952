// One design of a study, from its file: the documents it is made of, its schedule, and the command
// that gives its figures again. What `ridgeline report --design`, `--compare` and `ridgeline
// schedule --from` do.
//
// Designs on the front stand in the file; any other one is evaluated again, which takes as long as
// it took the study.
#pragma once

#include <cstdint>
#include <filesystem>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "engine/calls/schedule.hpp"
#include "engine/explore/evaluator.hpp"
#include "io/results/study_file.hpp"
#include "io/study/study_document.hpp"

namespace ridgeline::engine {

class StudyDesigns {
 public:
  // Throws io::FileError where there is no such file, io::InputError where it is no study file.
  explicit StudyDesigns(const std::filesystem::path& study_file);

  const io::StudyFile& file() const { return file_; }
  // Row of a design. Throws io::InputError where the study has none of this id, or it has no
  // figures.
  std::uint64_t row_of(std::uint64_t id) const;
  // Its documents `accelerator`, `mapping` and `schedule`. Throws io::InputError where it has to be
  // evaluated and the study's inputs are not there as they were.
  io::StudyDesign design(std::uint64_t id);

  // Writes its documents, workloads, schedules and a script `run` into a folder that is made.
  // Returns the command that gives the figures of the (first) workload again. Throws io::FileError.
  std::string write(std::uint64_t id, const std::filesystem::path& folder);

  // What `ridgeline schedule` is to do for this design and workload (empty: the only one): just
  // what the study did. Throws io::InputError where the study is not about multi-core systems.
  ScheduleOptions schedule_options(std::uint64_t id, const std::string& workload);

 private:
  const io::Study& study();
  io::DesignDocuments documents(std::uint64_t id);
  std::string command(const nlohmann::ordered_json& schedule, std::size_t workload) const;

  std::filesystem::path path_;
  io::StudyFile file_;
  std::optional<io::Study> study_;        // read when it is needed
  std::unique_ptr<Evaluator> evaluator_;  // likewise
};

}  // namespace ridgeline::engine
