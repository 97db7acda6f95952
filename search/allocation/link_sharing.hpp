// What nodes draw from off-chip memory, and how long they take where links are too narrow for it.
#pragma once

#include <cstdint>
#include <vector>

#include "model/core/evaluate.hpp"
#include "model/core/problem.hpp"
#include "model/system/cn_graph.hpp"
#include "model/system/multicore.hpp"

namespace ridgeline::search {

// A link from off-chip memory to a core, and how many slices of a layer draw from it.
struct SharedLink {
  double bandwidth = 0;    // bits a cycle
  bool both_ways = false;  // outputs go over it too
  std::int64_t slices = 1;
};

// The links on the way to a core that one of the layer's slices runs on.
std::vector<SharedLink> shared_links(const model::CnLayer& layer, int core,
                                     const model::MultiCore& system);

// What an operand of a mapping draws from off-chip memory, bits a cycle. `scale` and
// `compute_cycles` as for top_bandwidth().
double drawn_by(const model::Problem& problem, const model::Detail& detail, int o, double scale,
                double compute_cycles);

// The same of a node: operands that all slices of its layer read alike, others that it reads, and
// its output.
struct Drawn {
  double alike = 0;
  double in = 0;
  double out = 0;
};
Drawn drawn(const model::CnLayer& layer, const model::Problem& problem, const model::Detail& detail,
            double scale, double compute_cycles);

// How many times as long slices take that cannot all draw at the same time. What all slices read
// alike is drawn once.
double crowding(const Drawn& drawn, const std::vector<SharedLink>& links);

// How many times as long a node takes that is held to the bandwidth of its links.
double stretch(const Drawn& drawn, const std::vector<SharedLink>& links);

}  // namespace ridgeline::search
