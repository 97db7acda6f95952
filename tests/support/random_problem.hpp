// Random small layers, accelerators and mappings for property tests.
#pragma once

#include <cstdint>
#include <random>

#include "model/core/accelerator.hpp"
#include "model/core/layer.hpp"
#include "model/core/mapping_spec.hpp"
#include "model/core/spatial_mapping.hpp"

namespace ridgeline::testing {

struct RandomProblem {
  model::Layer layer;
  model::Accelerator accelerator;
  model::MappingEntry mapping;
  model::SpatialMapping spatial;
};

// `factors`: about how many prime factors the temporal loops have. `whole`: unrollings divide
// their loops.
RandomProblem random_problem(std::mt19937_64& random, int factors, bool whole);

}  // namespace ridgeline::testing
