#include "engine/explore/warm_start.hpp"

#include <nlohmann/json.hpp>

#include "io/results/study_file.hpp"
#include "io/study/study_of_file.hpp"

namespace ridgeline::engine {
namespace {

constexpr std::size_t kMostKeys = 65'536;

}  // namespace

std::string WarmStart::DesignKeys::of(const io::Study& study, std::uint64_t design) {
  {
    const std::lock_guard lock(mutex_);
    if (const auto place = keys_.find(design); place != keys_.end()) return place->second;
  }
  std::string key = study.design_key(design);
  const std::lock_guard lock(mutex_);
  if (keys_.size() >= kMostKeys) keys_.clear();
  keys_.emplace(design, key);
  return key;
}

void WarmStart::add(const std::filesystem::path& path, const io::Study& study) {
  const io::StudyFile file = io::read_study_file(path);
  const io::Study other = io::study_of_file(file, path, study.spec().file);
  const auto& objectives = study.spec().objectives;
  bool same = file.objectives.size() == objectives.size();
  for (std::size_t o = 0; same && o < objectives.size(); ++o)
    same = file.objectives[o].name == to_string(objectives[o]);
  if (!same)
    throw io::InputError({path.string(), ""},
                         "its study has other objectives, so its figures do not suffice",
                         "list the same objectives in the same order");
  DesignKeys others;
  Candidate* design = nullptr;  // the one whose further schedules come next
  for (std::size_t row = 0; row < file.candidates.size(); ++row) {
    Candidate candidate;
    candidate.status = file.candidates.status[row];
    if (candidate.status != CandidateStatus::ok && candidate.status != CandidateStatus::infeasible)
      continue;
    candidate.message = file.candidates.message[row];
    if (candidate.status == CandidateStatus::ok)
      for (std::size_t o = 0; o < objectives.size(); ++o)
        candidate.metrics[static_cast<std::size_t>(objectives[o])] =
            file.candidates.objectives[o][row];
    if (candidate.status == CandidateStatus::ok && !file.candidates.lower_bounds.empty()) {
      candidate.scheduled = true;
      candidate.converged = file.candidates.converged[row] != 0;
      for (std::size_t o = 0; o < objectives.size(); ++o)
        candidate.lower_bounds[static_cast<std::size_t>(objectives[o])] =
            file.candidates.lower_bounds[o][row];
    }
    const bool genomes = !file.candidates.design.empty();
    if (other.keeps_fronts() && file.candidates.genes[row] != "0") {
      if (design != nullptr) design->further.push_back(candidate.metrics);
      continue;
    }
    std::string key =
        others.of(other, genomes ? file.candidates.design[row] : file.candidates.id[row]);
    if (genomes) key += ' ' + file.candidates.genes[row];
    const auto [place, fresh] = known_.try_emplace(std::move(key), std::move(candidate));
    design = fresh ? &place->second : nullptr;
  }
}

std::optional<Candidate> WarmStart::find(const io::Study& study, std::uint64_t design,
                                         const std::string& genes) const {
  if (known_.empty()) return std::nullopt;
  std::string key = keys_.of(study, design);
  if (!genes.empty()) key += ' ' + genes;
  const auto place = known_.find(key);
  if (place == known_.end()) return std::nullopt;
  return place->second;
}

}  // namespace ridgeline::engine
