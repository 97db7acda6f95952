#include "model/core/spatial_mapping.hpp"

#include <algorithm>
#include <cmath>

#include "model/core/name_order.hpp"
#include "model/core/strict_problem.hpp"

namespace ridgeline::model {

namespace {

// Loops of every dimension of the mapping, converted; same shape as the mapping.
using ConvertedDims = std::vector<std::vector<UnrolledLoop>>;

std::int64_t unroll_of(const SpatialDim& spatial, int dim) {
  for (const SpatialLoop& loop : spatial.loops) {
    if (loop.dim == dim) return loop.factor;
  }
  return 0;
}

enum class Version { real, cut, rounded_up };

// Stretches each unrolling to what the loop needs: 50 over 32 lanes becomes two rounds of 25.
// Only the first array dimension with the largest unrolling of a loop is adjusted, and it sees
// only the array dimensions before it (docs/model.md, 3.1).
ConvertedDims convert_dims(const Layer& layer, const Accelerator& accelerator,
                           const SpatialMapping& mapping, Version version) {
  ConvertedDims converted;
  for (std::size_t place = 0; place < mapping.size(); ++place) {
    std::vector<UnrolledLoop> loops;
    const double array_size = static_cast<double>(
        accelerator.array.dims[static_cast<std::size_t>(mapping[place].array_dim)].size);
    for (const SpatialLoop& loop : mapping[place].loops) {
      double unroll = std::min(static_cast<double>(loop.factor), array_size);
      const auto largest = std::max_element(
          mapping.begin(), mapping.end(), [&](const SpatialDim& a, const SpatialDim& b) {
            return unroll_of(a, loop.dim) < unroll_of(b, loop.dim);
          });
      if (largest - mapping.begin() == static_cast<std::ptrdiff_t>(place)) {
        double earlier = 1;
        for (const auto& list : converted) {
          for (const UnrolledLoop& other : list) {
            if (other.dim == loop.dim) earlier *= other.factor;
          }
        }
        const double size =
            static_cast<double>(layer.dims[static_cast<std::size_t>(loop.dim)].size);
        const double rounds = std::ceil(size / (unroll * earlier));
        unroll = (size / rounds) / earlier;
        if (version == Version::cut) unroll = std::trunc(unroll);
        if (version == Version::rounded_up) unroll = std::ceil(unroll);
      }
      loops.push_back({loop.dim, unroll});
    }
    converted.push_back(std::move(loops));
  }
  return converted;
}

void append_merged(std::vector<UnrolledLoop>& list, const std::vector<UnrolledLoop>& loops) {
  for (const UnrolledLoop& loop : loops) {
    const auto it = std::find_if(list.begin(), list.end(),
                                 [&](const UnrolledLoop& other) { return other.dim == loop.dim; });
    if (it == list.end()) {
      list.push_back(loop);
    } else {
      it->factor *= loop.factor;
    }
  }
}

// Gives the loops of each array dimension to the lowest memory level that serves it.
UnrolledLevels attach(const Accelerator& accelerator, const Hierarchy& hierarchy,
                      const std::vector<int>& levels, const SpatialMapping& mapping,
                      const ConvertedDims& converted) {
  std::vector<bool> left(mapping.size(), true);
  UnrolledLevels attached;
  for (int level : levels) {
    const Memory& memory = accelerator.memories[static_cast<std::size_t>(
        hierarchy.memories[static_cast<std::size_t>(level)].memory)];
    std::vector<std::string> served;
    for (int dim : memory.served_dims) {
      served.push_back(accelerator.array.dims[static_cast<std::size_t>(dim)].name);
    }
    std::vector<UnrolledLoop> list;
    for (int s : set_order(NameKind::array_dim, served)) {
      const int dim = memory.served_dims[static_cast<std::size_t>(s)];
      for (std::size_t place = 0; place < mapping.size(); ++place) {
        if (mapping[place].array_dim != dim || !left[place]) continue;
        append_merged(list, converted[place]);
        left[place] = false;
      }
    }
    attached.push_back(std::move(list));
  }
  std::vector<UnrolledLoop> rest;
  for (std::size_t place = 0; place < mapping.size(); ++place) {
    if (left[place]) append_merged(rest, converted[place]);
  }
  attached.push_back(std::move(rest));
  return attached;
}

// As many units as there are, and no more than the loop has iterations left for: the last round
// leaves some of them idle (docs/strict-model.md).
ConvertedDims whole_dims(const Layer& layer, const Accelerator& accelerator,
                         const SpatialMapping& mapping) {
  ConvertedDims converted;
  std::vector<std::int64_t> unrolled(layer.dims.size(), 1);
  for (const SpatialDim& spatial : mapping) {
    const std::int64_t size =
        accelerator.array.dims[static_cast<std::size_t>(spatial.array_dim)].size;
    std::vector<UnrolledLoop> loops;
    for (const SpatialLoop& loop : spatial.loops) {
      std::int64_t& earlier = unrolled[static_cast<std::size_t>(loop.dim)];
      const std::int64_t rest =
          (layer.dims[static_cast<std::size_t>(loop.dim)].size + earlier - 1) / earlier;
      const std::int64_t factor = std::min({loop.factor, size, rest});
      earlier *= factor;
      loops.push_back({loop.dim, static_cast<double>(factor)});
    }
    converted.push_back(std::move(loops));
  }
  return converted;
}

ConvertedSpatial attach_all(const Layer& layer, const Accelerator& accelerator,
                            const Hierarchy& hierarchy, const std::vector<std::vector<int>>& levels,
                            const SpatialMapping& mapping, const ConvertedDims& real,
                            const ConvertedDims& integer) {
  ConvertedSpatial result;
  for (const std::vector<int>& operand_levels : levels) {
    result.real.push_back(attach(accelerator, hierarchy, operand_levels, mapping, real));
    result.integer.push_back(attach(accelerator, hierarchy, operand_levels, mapping, integer));
  }
  std::vector<double> remaining;
  for (const LoopDim& dim : layer.dims) remaining.push_back(static_cast<double>(dim.size));
  const std::size_t first_input = levels.size() > 1 ? 1 : 0;
  for (const auto& level : result.real[first_input]) {
    for (const UnrolledLoop& loop : level) {
      double& size = remaining[static_cast<std::size_t>(loop.dim)];
      // The division of two doubles may exceed a whole number by one ulp and then costs one
      // more round; the reference does the same.
      if (size != 1) size = std::ceil(size / loop.factor);
    }
  }
  for (double size : remaining) {
    result.temporal_sizes.push_back(static_cast<std::int64_t>(size));
  }
  return result;
}

}  // namespace

ConvertedSpatial convert_spatial(const Layer& layer, const Accelerator& accelerator,
                                 const Hierarchy& hierarchy,
                                 const std::vector<std::vector<int>>& levels,
                                 const SpatialMapping& mapping, bool rules_of_2023) {
  const ConvertedDims real = convert_dims(layer, accelerator, mapping, Version::real);
  const ConvertedDims integer =
      convert_dims(layer, accelerator, mapping, rules_of_2023 ? Version::rounded_up : Version::cut);
  return attach_all(layer, accelerator, hierarchy, levels, mapping, real, integer);
}

ConvertedSpatial convert_spatial_strictly(const Layer& layer, const Accelerator& accelerator,
                                          const Hierarchy& hierarchy,
                                          const std::vector<std::vector<int>>& levels,
                                          const SpatialMapping& mapping) {
  const ConvertedDims whole = whole_dims(layer, accelerator, mapping);
  return attach_all(layer, accelerator, hierarchy, levels, mapping, whole, whole);
}

}  // namespace ridgeline::model
