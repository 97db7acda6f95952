// How designs are bred: genomes are the places of the parameters' values; what follows them is a
// caller's own and stays as it is.
#pragma once

#include <span>

#include "search/designs/strategy.hpp"

namespace ridgeline::search {

// Values of parameters are ordered mostly: a mutation is a step to a neighbour or a new draw.
class ParameterVariation final : public Variation {
 public:
  // `space` outlives it.
  explicit ParameterVariation(const DesignSpace& space) : space_(space) {}

  Genome random(RandomStream& random) const override;
  Genome child(std::span<const Individual> members, RandomStream& random) const override;
  bool allowed(const Genome& genome) const override { return space_.exists(space_.id_of(genome)); }

 private:
  const DesignSpace& space_;
};

}  // namespace ridgeline::search
