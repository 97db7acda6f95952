// Cores and networks of depth-first case studies, written as short tables.
#pragma once

#include <cstdint>
#include <random>
#include <string>
#include <vector>

#include "model/core/accelerator.hpp"
#include "model/core/mapping_spec.hpp"
#include "model/core/workload.hpp"

namespace ridgeline::testing {

struct MemoryRow {
  std::string name;
  std::int64_t bits = 0;
  std::int64_t bandwidth = 0;
  double read = 0;
  double write = 0;
  std::string operands;  // "I1 O"
  std::string serves;    // places in the array's sizes: "23"; "all"
};

// Memories with one read and one write port of 64-bit granules, registers of sums with two of each,
// and an outermost memory of one port for everything, named "dram".
model::Accelerator core_of_rows(const std::vector<std::int64_t>& array,
                                const std::vector<MemoryRow>& rows);

struct LayerRow {
  std::string kind;  // "conv", "direct" (1 x 1 without filter loops), "depthwise", "pool", "add"
  std::vector<int> sources;
  std::int64_t k = 1;  // or G
  std::int64_t c = 1;
  std::int64_t f = 1;
  std::int64_t stride = 1;
  std::int64_t ox = 1;
  std::int64_t oy = 1;
  std::int64_t padding = 0;
};

// Layers with ids 0, 1, ...; a source below 0 is the network's input. 8 bits, sums of 16.
model::Workload workload_of_rows(const std::vector<LayerRow>& rows);

// Entries by layer: {"K 32", "", "OX 4", "OY 4"} by array dimension.
model::MappingSpec mapping_of_rows(const std::vector<std::vector<std::string>>& rows);

// A core of 8 units whose memories of maps, near and far, and of weights have so many bits; its
// usual unrolling; and a chain of two or three layers, with perhaps a residual block behind them.
model::Accelerator small_core(std::int64_t near, std::int64_t far, std::int64_t weights);
model::MappingSpec small_core_mapping();
std::vector<LayerRow> random_network(std::mt19937& random);

// The case study with published figures: FSRCNN on a core of 1024 units.
model::Accelerator published_core();
model::Workload published_network();
model::MappingSpec published_mapping();

}  // namespace ridgeline::testing
