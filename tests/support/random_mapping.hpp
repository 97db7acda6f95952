// Random small layers, accelerators and mappings of all kinds, few enough operations that each can
// be executed.
#pragma once

#include <cstdint>
#include <random>
#include <utility>
#include <vector>

#include "model/core/accelerator.hpp"
#include "model/core/evaluate.hpp"
#include "model/core/layer.hpp"
#include "model/core/mapping_spec.hpp"
#include "model/core/spatial_mapping.hpp"

namespace ridgeline::testing {

// The standard's engines are the same everywhere, its distributions are not.
class Dice {
 public:
  explicit Dice(std::uint64_t seed) : engine_(seed) {}
  int below(int n) { return static_cast<int>(engine_() % static_cast<std::uint64_t>(n)); }
  int from(int low, int high) { return low + below(high - low + 1); }
  bool chance(int percent) { return below(100) < percent; }
  template <typename T>
  const T& pick(const std::vector<T>& list) {
    return list[static_cast<std::size_t>(below(static_cast<int>(list.size())))];
  }
  template <typename T>
  void shuffle(std::vector<T>& list) {
    for (std::size_t i = list.size(); i > 1; --i) {
      std::swap(list[i - 1], list[static_cast<std::size_t>(below(static_cast<int>(i)))]);
    }
  }

 private:
  std::mt19937_64 engine_;
};

struct RandomMapping {
  model::Layer layer;
  model::Accelerator accelerator;
  model::MappingEntry links;
  model::SpatialMapping spatial;
  std::vector<model::TemporalLoop> temporal;
  std::vector<std::vector<int>> cuts;  // [operand][level]
  bool divides = true;                 // every unrolling divides its loop
};

struct MappingVariety {
  int badly_divided_percent = 5;  // mappings in which unrollings need not divide their loops
};

// `largest`: operations at most.
RandomMapping random_mapping(Dice& dice, int largest, const MappingVariety& variety = {});

}  // namespace ridgeline::testing
