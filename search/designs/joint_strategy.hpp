// Designs and their schedules searched as one: a genome is a design's parameter values, followed by
// the genes of its schedule (docs/studies.md, "Strategies").
//
// Ids of such a search are no places in a grid: they count the genomes in the order in which the
// strategy first asked for them, and `genome` tells what an id stands for.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <vector>

#include "search/designs/strategy.hpp"

namespace ridgeline::search {

enum class ScheduleGene : std::uint8_t {
  core,      // of a slice of a layer
  boundary,  // 1: a fused stack begins with this layer
  factor,    // how finely the stack is cut that begins with this layer
  mode,
  priority,
};

struct JointGene {
  ScheduleGene kind = ScheduleGene::core;
  int size = 1;  // values are 0 to size - 1
  // In which modes it matters, by bits; in others it is 0.
  std::uint32_t modes = ~std::uint32_t{0};
  // Of a factor where ends of stacks are genes: places of the genes that say whether a stack begins
  // with its layer (-1: it does) and with the next one (-1: there is none). It matters where the
  // first is 1 and the second 0.
  bool of_stack = false;
  int begins = -1;
  int ends = -1;
};

// What the genes of kind `core` may be in one design.
struct CoreChoices {
  // Of each gene, ascending; none for genes of other kinds and where no core takes the layer.
  std::vector<std::vector<int>> values;
  // Sets of values that may be exchanged for each other, such as the cores of one kind on a bus.
  std::vector<std::vector<int>> alike;
};

struct JointSpace {
  DesignSpace designs;
  std::vector<JointGene> genes;  // at most one of kind `mode`
  std::function<std::shared_ptr<const CoreChoices>(std::uint64_t design)> cores;

  std::size_t parameters() const { return designs.sizes.size(); }
  std::uint64_t design_of(const Genome& genome) const;
  // Of the genomes that mean the same design and schedule the one that stands for all: values
  // that the design does not have are folded into those it has, so that the genes of layers
  // carry over when the number of cores changes.
  void make_canonical(Genome& genome) const;

 private:
  bool cuts_a_stack(const JointGene& factor, const Genome& genome) const;
};

// NSGA-II on islands that exchange their best; a block is one generation of all islands.
std::unique_ptr<DesignStrategy> joint_strategy(JointSpace space, const IslandOptions& options,
                                               std::uint64_t seed);

// Every schedule of every design: for spaces that are small enough. `designs`: those that exist,
// where that is known, else the grid.
std::unique_ptr<DesignStrategy> exhaustive_joint_strategy(JointSpace space, std::uint64_t designs);

}  // namespace ridgeline::search
