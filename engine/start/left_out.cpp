// What takes the place of the functions that need MPI, HDF5 or TBB in programs without them, and of
// the commands that are the full program's. The arguments tell before whether
// they are needed, so that nothing has been written when one of these is called after all.
#include <filesystem>
#include <memory>
#include <string>
#include <vector>

#include "engine/commands/check_command.hpp"
#include "engine/commands/explore_command.hpp"
#include "engine/commands/report_command.hpp"
#include "engine/explore/transport.hpp"
#include "engine/run/spread.hpp"
#include "engine/start/other_program.hpp"
#include "io/results/study_file.hpp"

namespace ridgeline::io {

void write_study_file(const std::filesystem::path&, const StudyFile&) {
  engine::become(engine::kFullProgram);
}

StudyFile read_study_file(const std::filesystem::path&) {
  engine::become(engine::kFullProgram);
}

StudyFileReading examine_study_file(const std::filesystem::path&) {
  engine::become(engine::kFullProgram);
}

}  // namespace ridgeline::io

namespace ridgeline::engine {

int explore_command(const std::vector<std::string>&) {
  become(kFullProgram);
}

int report_command(const std::vector<std::string>&) {
  become(kFullProgram);
}

int check_command(const std::vector<std::string>&) {
  become(kFullProgram);
}

std::unique_ptr<Transport> mpi_transport() {
  become(kFullProgram);
}

std::unique_ptr<Transport> lone_transport() {
  become(kFullProgram);
}

// Only a launcher's processes share a search.
std::unique_ptr<Spread> launched_spread() {
  if (!launched_with_others()) return nullptr;
  become(kFullProgram);
}

void finalise(Transport&, double, int, bool) {
  become(kFullProgram);
}

}  // namespace ridgeline::engine
