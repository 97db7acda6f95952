#include "search/exact/least_product.hpp"

#include <algorithm>
#include <limits>

namespace ridgeline::search {

double least_product(double least_energy, double least_latency, std::span<const CostLine> lines) {
  const model::Cost corner = least_corner(least_energy, least_latency, lines);
  return corner.energy * corner.latency;
}

model::Cost least_corner(double least_energy, double least_latency,
                         std::span<const CostLine> lines) {
  // From corner to corner: the latency falls as the energy rises, less and less steeply.
  double energy = least_energy;
  double latency = least_latency;
  double slope = 0;  // latency that a unit of energy is worth on the line in hand
  for (const CostLine& line : lines) {
    const double at = (line.bound - line.energy * energy) / line.latency;
    const double steep = line.energy / line.latency;
    if (at > latency || (at == latency && steep < slope)) {
      latency = at;
      slope = steep;
    }
  }
  model::Cost least{energy, latency};
  while (slope > 0) {
    // Where the first flatter line takes over.
    double next = std::numeric_limits<double>::infinity();
    double next_slope = 0;
    if (least_latency < latency) {
      next = energy + (latency - least_latency) / slope;
    } else {
      break;
    }
    for (const CostLine& line : lines) {
      const double steep = line.energy / line.latency;
      if (steep >= slope) continue;
      const double below = latency - (line.bound - line.energy * energy) / line.latency;
      const double at = energy + std::max(0.0, below) / (slope - steep);
      if (at < next || (at == next && steep < next_slope)) {
        next = at;
        next_slope = steep;
      }
    }
    latency -= slope * (next - energy);
    energy = next;
    slope = next_slope;
    const model::Cost corner{energy, std::max(latency, least_latency)};
    if (corner.energy * corner.latency < least.energy * least.latency) least = corner;
  }
  return least;
}

}  // namespace ridgeline::search
