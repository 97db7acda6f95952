// The least product of energy and latency that several linear bounds leave possible.
#pragma once

#include <span>

#include "model/core/evaluation.hpp"

namespace ridgeline::search {

// energy * E + latency * L >= bound, with prices above zero.
struct CostLine {
  double energy = 0;
  double latency = 0;
  double bound = 0;
};

// The least E * L with E >= least_energy > 0, L >= least_latency and all lines. Along a line the
// product is least at an end, so it is least at a corner of what the lines leave.
double least_product(double least_energy, double least_latency, std::span<const CostLine> lines);
// The corner where it is.
model::Cost least_corner(double least_energy, double least_latency,
                         std::span<const CostLine> lines);

}  // namespace ridgeline::search
