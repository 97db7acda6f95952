#include "engine/calls/report.hpp"

namespace ridgeline::engine {

Reported report(const std::filesystem::path& study_file) {
  Reported reported{io::read_study_file(study_file), {}};
  reported.report = io::study_report(reported.file);
  return reported;
}

}  // namespace ridgeline::engine
