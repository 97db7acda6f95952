// Designs put together from parts of others against designs read from their documents.
#include "engine/explore/system_designs.hpp"

#include <gtest/gtest.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>
#include <string>

#include "engine/explore/evaluator.hpp"
#include "io/inputs/multicore_reader.hpp"

namespace ridgeline::testing {
namespace {

// Cores, connections and counts all vary; every third design is met before the others.
TEST(SystemDesigns, are_the_same_from_parts_as_from_their_documents) {
  const std::filesystem::path lab =
      std::filesystem::path(RIDGELINE_SOURCE_DIR) / "examples/labs/multicore";
  const std::filesystem::path folder = ::testing::TempDir();
  const std::filesystem::path file =
      folder / ("system_designs_" + std::to_string(::getpid()) + ".yaml");
  std::ofstream(file)
      << "workloads: [" << (lab / "four_convs.yaml").string() << "]\n"
      << "system:\n  kinds:\n    big: {core: " << (lab / "cores/big_weights.yaml").string()
      << ", count: big}\n    still: {core: " << (lab / "cores/output_stationary.yaml").string()
      << ", count: still}\n"
      << "  offchip: " << (lab / "cores/offchip.yaml").string() << "\n"
      << "  topology: {type: shape, bandwidth: bits, offchip_bandwidth: 64}\n"
      << "parameters:\n  - {name: big, values: [0, 1, 2]}\n"
      << "  - {name: still, values: [0, 1]}\n  - {name: shape, values: [bus, mesh]}\n"
      << "  - {name: bits, values: [32, 64]}\n"
      << "  - {name: rows, path: /kinds/big/operational_array/sizes/0, values: [8, 16]}\n"
      << "objectives: [latency, area]\n";
  const io::Study study = io::Study::read(file);
  const std::uint64_t count = study.grid().count;
  engine::SystemDesigns designs(study);
  int systems = 0;
  for (std::uint64_t step = 0; step < count; ++step) {
    const std::uint64_t id = step * 5 % count;
    SCOPED_TRACE(study.describe(id));
    const io::DesignDocuments documents = study.design_documents(id);
    if (!documents.infeasible.empty()) {
      EXPECT_THROW(designs.design(id), engine::NoSuchSystem);
      continue;
    }
    ++systems;
    const model::MultiCore read = io::read_multicore(documents.accelerator.root(), folder);
    const engine::SystemDesign design = designs.design(id);
    ASSERT_EQ(design.system.cores.size(), read.cores.size());
    EXPECT_EQ(design.system.name, read.name);
    EXPECT_EQ(design.system.offchip_core, read.offchip_core);
    EXPECT_EQ(design.system.area(), read.area());
    EXPECT_EQ(design.frame->kind_of, documents.kind_of);
    ASSERT_EQ(design.system.connections.size(), read.connections.size());
    for (std::size_t c = 0; c < read.connections.size(); ++c) {
      EXPECT_EQ(design.system.connections[c].bandwidth, read.connections[c].bandwidth);
      EXPECT_EQ(design.system.connections[c].cores, read.connections[c].cores);
    }
    for (std::size_t core = 0; core < read.cores.size(); ++core) {
      const model::Core& one = design.system.cores[core];
      EXPECT_EQ(one.memory_group, read.cores[core].memory_group);
      EXPECT_EQ(one.accelerator.array.units(), read.cores[core].accelerator.array.units());
      EXPECT_EQ(one.accelerator.memories.size(), read.cores[core].accelerator.memories.size());
      // Contents tell cores apart: those of a kind are alike, others are not.
      for (std::size_t other = 0; other + 1 < read.cores.size(); ++other) {
        if (core + 1 == read.cores.size()) continue;
        EXPECT_EQ(design.contents[core] == design.contents[other],
                  documents.kind_of[core] == documents.kind_of[other]);
      }
    }
  }
  std::filesystem::remove(file);
  EXPECT_EQ(systems, 40);
}

}  // namespace
}  // namespace ridgeline::testing
