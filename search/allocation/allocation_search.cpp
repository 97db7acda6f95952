#include "search/allocation/allocation_search.hpp"

#include <algorithm>
#include <stdexcept>
#include <utility>

#include "search/allocation/allocation_method.hpp"
#include "search/allocation/exact_allocation.hpp"
#include "search/allocation/genetic_allocation.hpp"

namespace ridgeline::search {
namespace {

constexpr std::uint64_t kBatch = 4096;  // genomes of the exhaustive engine at a time

// Every genome up to symmetry.
class ExhaustiveAllocation final : public AllocationMethod {
 public:
  ExhaustiveAllocation(const GenomeSpace& space, const GenomeSymmetry& symmetry,
                       const AllocationHints& hints, AllocationSearchOptions settings)
      : AllocationMethod(symmetry, std::move(settings)), next_(symmetry.first()) {
    opening_ = opening(space, hints);
    batch = opening_;
    if (batch.empty()) fill();
  }
  void advance(std::span<const model::ScheduleFigures> figures) override {
    batch.clear();
    outcome.converged = proven(figures);
    if (!outcome.converged) fill();
  }

 private:
  void fill() {
    while (more_ && batch.size() < kBatch) {
      if (std::find(opening_.begin(), opening_.end(), next_) == opening_.end())
        batch.push_back(next_);
      more_ = symmetry_.next(next_);
    }
    outcome.converged = batch.empty();
  }

  std::vector<Genome> opening_;
  Genome next_;
  bool more_ = true;
};

}  // namespace

AllocationSearch::AllocationSearch(const GenomeSpace& space, const GenomeSymmetry& symmetry,
                                   const AllocationHints& hints, AllocationSearchOptions options) {
  AllocationSearchResult outcome;
  outcome.space = space.size(options.exhaustive_limit);
  outcome.distinct = symmetry.size(options.exhaustive_limit);
  outcome.engine = options.engine;
  const auto budget = static_cast<std::uint64_t>(options.population) *
                      (static_cast<std::uint64_t>(options.generations) + 1);
  if (outcome.engine == AllocationEngine::automatic)
    outcome.engine =
        outcome.distinct <= budget ? AllocationEngine::exhaustive : AllocationEngine::ga;
  outcome.too_large =
      outcome.engine == AllocationEngine::exhaustive && outcome.distinct > options.exhaustive_limit;
  if (outcome.engine == AllocationEngine::exact) {
    if (options.bounds == nullptr) throw std::invalid_argument("the exact engine takes bounds");
    engine_ = std::make_unique<ExactAllocation>(space, symmetry, hints, std::move(options));
  } else if (outcome.engine == AllocationEngine::ga) {
    engine_ = std::make_unique<GeneticAllocation>(space, symmetry, hints, std::move(options));
  } else {
    engine_ = std::make_unique<ExhaustiveAllocation>(space, symmetry, hints, std::move(options));
  }
  engine_->outcome.space = outcome.space;
  engine_->outcome.distinct = outcome.distinct;
  engine_->outcome.engine = outcome.engine;
  engine_->outcome.too_large = outcome.too_large;
  if (outcome.too_large) engine_->batch.clear();
}

AllocationSearch::~AllocationSearch() = default;

bool AllocationSearch::done() const {
  return engine_->batch.empty();
}

const std::vector<Genome>& AllocationSearch::ask() const {
  return engine_->batch;
}

void AllocationSearch::tell(std::span<const model::ScheduleFigures> figures) {
  engine_->tell(figures);
}

AllocationSearchResult AllocationSearch::result() {
  return engine_->result();
}

double objective_value(ScheduleObjective objective, const model::ScheduleFigures& figures) {
  switch (objective) {
    case ScheduleObjective::latency:
      return figures.latency;
    case ScheduleObjective::energy:
      return figures.energy.total();
    case ScheduleObjective::edp:
      return figures.latency * figures.energy.total();
    case ScheduleObjective::peak_memory:
      return static_cast<double>(figures.peak_bits);
    default:  // no objective of schedules
      return 0;
  }
}

double least_value(ScheduleObjective objective, const ScheduleBound& bound) {
  if (objective == ScheduleObjective::edp) return bound.product();
  model::ScheduleFigures figures;
  figures.latency = bound.latency;
  figures.energy.onchip = bound.energy;
  return objective_value(objective, figures);
}

double gap_of(double value, double least) {
  const double gap = value > 0 ? (value - least) / value : 0;
  return gap > kAllocationRounding ? gap : 0;
}

AllocationSearchResult search_allocations(const GenomeSpace& space, const GenomeSymmetry& symmetry,
                                          const AllocationHints& hints,
                                          const AllocationSearchOptions& options,
                                          const EvaluateGenomes& evaluate) {
  AllocationSearch search(space, symmetry, hints, options);
  // One batch at least. Of a batch that ends too late the evaluator leaves out what it likes.
  bool ended = false;
  while (!search.done() && !ended) {
    search.tell(evaluate(search.ask()));
    ended = options.budget.stopped();
  }
  AllocationSearchResult result = search.result();
  if (ended) {
    result.stopped = true;
    result.converged = false;
    result.proof.complete = false;
    result.proof.lower_bound = result.proof.root_bound;
  }
  return result;
}

}  // namespace ridgeline::search
