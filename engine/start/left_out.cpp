// What takes the place of the functions that need MPI, HDF5, protobuf or TBB in the program that is
// started first, and of the commands that are the full program's. The arguments tell before whether
// they are needed, so that nothing has been written when one of these is called after all.
#include <filesystem>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "engine/commands/check_command.hpp"
#include "engine/commands/explore_command.hpp"
#include "engine/commands/report_command.hpp"
#include "engine/explore/transport.hpp"
#include "engine/run/spread.hpp"
#include "engine/start/full_program.hpp"
#include "io/onnx/onnx_graph.hpp"
#include "io/onnx/onnx_inference.hpp"
#include "io/results/study_file.hpp"

namespace ridgeline::io {

OnnxGraph read_onnx_graph(const std::filesystem::path&, const OnnxOptions&) {
  engine::become_full_program();
}

OnnxGraph parse_onnx_graph(std::string_view, const std::string&, const OnnxOptions&) {
  engine::become_full_program();
}

bool is_standard_operator(const std::string&) {
  engine::become_full_program();
}

void write_study_file(const std::filesystem::path&, const StudyFile&) {
  engine::become_full_program();
}

StudyFile read_study_file(const std::filesystem::path&) {
  engine::become_full_program();
}

StudyFileReading examine_study_file(const std::filesystem::path&) {
  engine::become_full_program();
}

}  // namespace ridgeline::io

namespace ridgeline::engine {

int explore_command(const std::vector<std::string>&) {
  become_full_program();
}

int report_command(const std::vector<std::string>&) {
  become_full_program();
}

int check_command(const std::vector<std::string>&) {
  become_full_program();
}

std::unique_ptr<Transport> mpi_transport() {
  become_full_program();
}

std::unique_ptr<Transport> lone_transport() {
  become_full_program();
}

// Only a launcher's processes share a search.
std::unique_ptr<Spread> launched_spread() {
  if (!launched_with_others()) return nullptr;
  become_full_program();
}

void finalise(Transport&, double, int, bool) {
  become_full_program();
}

}  // namespace ridgeline::engine
