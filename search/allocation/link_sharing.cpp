#include "search/allocation/link_sharing.hpp"

#include <algorithm>
#include <cmath>

#include "model/core/index.hpp"
#include "search/allocation/offchip_bandwidth.hpp"

namespace ridgeline::search {

std::vector<SharedLink> shared_links(const model::CnLayer& layer, int core,
                                     const model::MultiCore& system) {
  const model::Interconnect interconnect = model::build_interconnect(system);
  std::vector<SharedLink> links;
  for (const int place : interconnect.route(system.offchip_core, core)) {
    std::int64_t cores = 0;
    for (const int other : layer.cores) {
      if (other < 0 || other >= interconnect.cores || !system.cores[z(other)].computes()) continue;
      const auto route = interconnect.route(system.offchip_core, other);
      cores += std::find(route.begin(), route.end(), place) != route.end();
    }
    const model::Link& link = interconnect.links[z(place)];
    links.push_back(
        {link.bandwidth, link.bus >= 0,
         std::clamp<std::int64_t>(layer.inter_tiles, 1, std::max<std::int64_t>(cores, 1))});
  }
  return links;
}

double drawn_by(const model::Problem& problem, const model::Detail& detail, int o, double scale,
                double compute_cycles) {
  const TopBandwidth bandwidth = top_bandwidth(problem, detail, o, scale, compute_cycles);
  const bool output = problem.operand[z(o)].output;
  const auto direction = static_cast<std::size_t>(output ? model::Direction::wr_in_by_low
                                                         : model::Direction::rd_out_to_low);
  double drawn = bandwidth.steady[direction];
  if (!output && !loading_is_hidden(problem, o)) drawn += bandwidth.loading;
  return drawn;
}

Drawn drawn(const model::CnLayer& layer, const model::Problem& problem, const model::Detail& detail,
            double scale, double compute_cycles) {
  int deepest = 0;
  for (int o = 0; o < problem.operands; ++o) {
    deepest = std::max(deepest, problem.operand[z(o)].levels);
  }
  Drawn sum;
  for (int o = 0; o < problem.operands; ++o) {
    if (problem.operand[z(o)].levels != deepest) continue;
    const double one = drawn_by(problem, detail, o, scale, compute_cycles);
    const bool sliced =
        std::any_of(layer.inter.begin(), layer.inter.end(), [&](const model::TilingLoop& loop) {
          return (problem.operand[z(o)].irrelevant >> loop.dim & 1u) == 0;
        });
    (problem.operand[z(o)].output ? sum.out : sliced ? sum.in : sum.alike) += one;
  }
  return sum;
}

double crowding(const Drawn& drawn, const std::vector<SharedLink>& links) {
  double most = 1;
  for (const SharedLink& link : links) {
    const double own = drawn.in + (link.both_ways ? drawn.out : 0);
    if (own <= 0) continue;
    const double together = std::max(1.0, std::floor((link.bandwidth - drawn.alike) / own));
    most = std::max(most, std::ceil(static_cast<double>(link.slices) / together));
  }
  return most;
}

double stretch(const Drawn& drawn, const std::vector<SharedLink>& links) {
  double most = 1;
  for (const SharedLink& link : links) {
    const double all = drawn.alike + drawn.in + (link.both_ways ? drawn.out : 0);
    most = std::max(most, all / link.bandwidth);
  }
  return most;
}

}  // namespace ridgeline::search
