// The genetic algorithm of the allocation search (docs/allocation-search.md).
#pragma once

#include <map>
#include <optional>
#include <span>
#include <vector>

#include "search/allocation/allocation_method.hpp"
#include "search/allocation/allocation_moves.hpp"
#include "search/allocation/local_search.hpp"

namespace ridgeline::search {

// NSGA-II beside local searches, one for each objective, with what both evaluated remembered.
class GeneticAllocation : public AllocationMethod {
 public:
  GeneticAllocation(const GenomeSpace& space, const GenomeSymmetry& symmetry,
                    const AllocationHints& hints, AllocationSearchOptions settings);

  void advance(std::span<const model::ScheduleFigures> figures) override;

 protected:
  struct Known {
    Fitness fitness;
    std::vector<LocalSearch::Value> value;  // by focus
  };

  const Known* find(const Genome& genome) const;

 private:
  // The objective in focus, then the others.
  LocalSearch::Value value_of(std::size_t focus, const model::ScheduleFigures& figures) const;

  // A quarter of the batch, with all starts; an eighth once a population has ended: what local
  // searches lack then is time.
  int population_size() const;

  void begin_population();

  // The children of the population and what the local searches propose, as far as it is not known;
  // where nothing is left to evaluate, generation after generation until the search has converged.
  void next_batch();

  void take(const Genome& genome);

  // Half of the batch's room is for what is reported, the rest for the other objectives. Those that
  // long found nothing better keep one place and leave the rest to what is reported.
  void propose();

  void finish_generation(const std::vector<const Known*>& told);

  AllocationVariation variation_;
  std::uint64_t budget_ = 0;
  std::vector<ScheduleObjective> focus_;  // what is reported, then the other objectives
  std::vector<LocalSearch> locals_;       // by focus
  std::vector<double> best_;              // by focus
  std::vector<int> stale_of_;             // by focus: generations without improvement
  std::vector<Genome> starts_;
  std::optional<Nsga2> nsga2_;
  std::map<Genome, Known> known_;
  int stale_ = 0;         // generations without improvement of any
  bool opening_ = false;  // the batch is the opening: no generation yet
  bool cut_ = false;      // the batch is the last one, cut to what is left of the budget
};

}  // namespace ridgeline::search
