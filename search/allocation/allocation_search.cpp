#include "search/allocation/allocation_search.hpp"

#include <algorithm>
#include <limits>
#include <map>
#include <optional>
#include <stdexcept>
#include <utility>

#include "search/allocation/allocation_moves.hpp"
#include "search/allocation/local_search.hpp"
#include "search/fronts/archive.hpp"

namespace ridgeline::search {
namespace {

constexpr std::uint64_t kBatch = 4096;  // genomes of the exhaustive engine at a time
constexpr double kRounding = 1e-8;      // what bounds leave for it, relatively
// Generations in which nothing improved, after which the genetic algorithm begins anew, and how
// often it does before the search counts as converged.
constexpr int kStaleGenerations = 10;
constexpr int kRestarts = 2;
// The same where the best is further from its bound than this share of it.
constexpr double kOpenGap = 0.005;
constexpr int kRestartsOfOpen = 6;
// Genomes whose figures are remembered; more, and all are forgotten.
constexpr std::size_t kRemembered = 200'000;

// Genomes with equal objectives: the smallest stands for them.
struct EqualGenomes {
  EvaluatedGenome one;
  void join(EqualGenomes&& other) {
    constexpr std::uint64_t kMost = std::numeric_limits<std::uint64_t>::max();
    const std::uint64_t sum =
        one.equals > kMost - other.one.equals ? kMost : one.equals + other.one.equals;
    if (other.one.genome == one.genome) return;  // evaluated again
    if (other.one.genome < one.genome) one = std::move(other.one);
    one.equals = sum;
  }
};

}  // namespace

// Starts that are tried before anything else where one that meets the bound ends the search.
constexpr std::size_t kOpening = 4;

// What both ways to search have in common: the batch, and what was found.
class AllocationSearch::Engine {
 public:
  Engine(const GenomeSymmetry& symmetry, AllocationSearchOptions settings)
      : options(std::move(settings)), symmetry_(symmetry) {}
  virtual ~Engine() = default;
  // After the batch was told: the next one, or an empty one.
  virtual void advance(std::span<const model::ScheduleFigures> figures) = 0;

  void tell(std::span<const model::ScheduleFigures> figures) {
    for (std::size_t k = 0; k < batch.size(); ++k) offer(batch[k], figures[k]);
    outcome.evaluated += batch.size();
    advance(figures);
  }

  // Fills in what is known of a search that has not come to its end.
  virtual void conclude() {}

  AllocationSearchResult result() {
    conclude();
    AllocationSearchResult result = outcome;
    result.stopped = outcome.stopped || !batch.empty();
    for (const auto& entry : archive_.entries()) {
      result.front.push_back(entry.group.one);
      const double value = objective_value(options.report, result.front.back().figures);
      if (result.best < 0 ||
          value < objective_value(options.report,
                                  result.front[static_cast<std::size_t>(result.best)].figures))
        result.best = static_cast<int>(result.front.size()) - 1;
    }
    if (result.front.empty()) result.infeasible = infeasible_;
    return result;
  }

  AllocationSearchOptions options;
  AllocationSearchResult outcome;
  std::vector<Genome> batch;

 protected:
  Fitness fitness_of(const model::ScheduleFigures& figures) const {
    Fitness fitness;
    fitness.violation = figures.feasible() ? 0 : 1;
    for (const ScheduleObjective o : options.objectives)
      fitness.objectives.push_back(figures.feasible() ? objective_value(o, figures) : 0);
    return fitness;
  }

  // Nothing is better than the best so far, and no more is wanted.
  bool proven(std::span<const model::ScheduleFigures> figures) {
    for (const model::ScheduleFigures& f : figures)
      if (f.feasible()) least_met_ = std::min(least_met_, objective_value(options.report, f));
    return !options.whole_front && least_met_ <= options.least * (1 + kRounding);
  }

  // What may meet the bound at once: the first of the constructive starts.
  std::vector<Genome> opening(const GenomeSpace& space, const AllocationHints& hints) const {
    std::vector<Genome> starts;
    if (options.whole_front || !(options.least > 0)) return starts;
    for (const Genome& genome : constructive_starts(space, hints)) {
      const Genome canonical = symmetry_.canonical(genome);
      if (std::find(starts.begin(), starts.end(), canonical) == starts.end())
        starts.push_back(canonical);
      if (starts.size() == kOpening) break;
    }
    return starts;
  }

  const GenomeSymmetry& symmetry_;

 private:
  double least_met_ = std::numeric_limits<double>::infinity();

  void offer(const Genome& genome, const model::ScheduleFigures& figures) {
    if (!figures.feasible()) {
      if (!infeasible_met_) infeasible_ = {genome, figures};
      infeasible_met_ = true;
      return;
    }
    archive_.add(fitness_of(figures).objectives, {{genome, figures, symmetry_.equals(genome)}});
  }

  Archive<EqualGenomes> archive_;
  EvaluatedGenome infeasible_;
  bool infeasible_met_ = false;
};

class AllocationSearch::Exhaustive final : public Engine {
 public:
  Exhaustive(const GenomeSpace& space, const GenomeSymmetry& symmetry, const AllocationHints& hints,
             AllocationSearchOptions settings)
      : Engine(symmetry, std::move(settings)), next_(symmetry.first()) {
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

class AllocationSearch::Genetic : public Engine {
 public:
  Genetic(const GenomeSpace& space, const GenomeSymmetry& symmetry, const AllocationHints& hints,
          AllocationSearchOptions settings)
      : Engine(symmetry, std::move(settings)), variation_(space, symmetry, hints) {
    budget_ = static_cast<std::uint64_t>(options.population) *
              (static_cast<std::uint64_t>(options.generations) + 1);
    focus_.push_back(options.report);
    for (const ScheduleObjective o : options.objectives)
      if (std::find(focus_.begin(), focus_.end(), o) == focus_.end()) focus_.push_back(o);
    for (std::size_t f = 0; f < focus_.size(); ++f)
      locals_.emplace_back(variation_, options.seed, static_cast<std::uint32_t>(f));
    best_.assign(focus_.size(), std::numeric_limits<double>::infinity());
    stale_of_.assign(focus_.size(), 0);
    for (const Genome& genome : options.warm_starts)
      if (space.contains(genome)) starts_.push_back(symmetry.canonical(genome));
    for (const Genome& genome : constructive_starts(space, hints))
      starts_.push_back(symmetry.canonical(genome));
    batch = opening(space, hints);
    opening_ = !batch.empty();
    if (batch.size() > budget_) batch.resize(budget_);
    if (opening_) return;
    begin_population();
    next_batch();
  }

  void advance(std::span<const model::ScheduleFigures> figures) override {
    const bool ended = proven(figures);
    if (opening_ && ended) {
      outcome.converged = true;
      batch.clear();
      return;
    }
    std::vector<const Known*> told;
    for (std::size_t k = 0; k < batch.size(); ++k) {
      Known& known = known_[batch[k]];
      known.fitness = fitness_of(figures[k]);
      for (std::size_t f = 0; f < focus_.size(); ++f)
        known.value.push_back(value_of(f, figures[k]));
      told.push_back(&known);
    }
    if (std::exchange(opening_, false)) {
      for (std::size_t f = 0; f < focus_.size(); ++f) {
        for (std::size_t k = 0; k < told.size(); ++k) locals_[f].tell(batch[k], told[k]->value[f]);
        locals_[f].settle();
      }
      begin_population();
      next_batch();
      return;
    }
    finish_generation(told);
    if (known_.size() > kRemembered) known_.clear();
    next_batch();
  }

 protected:
  struct Known {
    Fitness fitness;
    std::vector<LocalSearch::Value> value;  // by focus
  };

  const Known* find(const Genome& genome) const {
    const auto place = known_.find(genome);
    return place == known_.end() ? nullptr : &place->second;
  }

 private:
  // The objective in focus, then the others.
  LocalSearch::Value value_of(std::size_t focus, const model::ScheduleFigures& figures) const {
    if (!figures.feasible())
      return LocalSearch::Value(focus_.size(), std::numeric_limits<double>::infinity());
    LocalSearch::Value value{objective_value(focus_[focus], figures)};
    for (std::size_t f = 0; f < focus_.size(); ++f)
      if (f != focus) value.push_back(objective_value(focus_[f], figures));
    return value;
  }

  // Half of the batch; an eighth once a population has ended, what local searches lack then is
  // time.
  int population_size() const {
    return std::max(options.population / (outcome.restarts == 0 ? 2 : 8), 1);
  }

  void begin_population() {
    Nsga2Options settings;
    settings.population = population_size();
    settings.generations = std::numeric_limits<int>::max() - 1;
    settings.seed = options.seed;
    settings.island = static_cast<std::uint32_t>(outcome.restarts);
    std::vector<Genome> starts = starts_;
    if (outcome.restarts > 0) {
      // Away from where it went before.
      RandomStream random(options.seed, settings.island, 0, ~std::uint32_t{0});
      for (Genome& genome : starts) genome = variation_.kick(genome, 3, random);
    }
    nsga2_.emplace(variation_, settings, std::move(starts));
    stale_ = 0;
  }

  // The children of the population and what the local searches propose, as far as it is not known;
  // where nothing is left to evaluate, generation after generation until the search has converged.
  void next_batch() {
    batch.clear();
    while (outcome.evaluated < budget_ && !outcome.converged) {
      const std::vector<Genome>& children = nsga2_->ask();
      for (const Genome& child : children) take(child);
      propose();
      if (!batch.empty()) break;
      finish_generation({});
    }
    const std::uint64_t left = budget_ - std::min(budget_, outcome.evaluated);
    cut_ = batch.size() > left;
    if (cut_) batch.resize(left);
  }

  void take(const Genome& genome) {
    if (find(genome) != nullptr) return;
    if (std::find(batch.begin(), batch.end(), genome) == batch.end()) batch.push_back(genome);
  }

  // Half of the batch's room is for what is reported, the rest for the other objectives. Those that
  // long found nothing better keep one place and leave the rest to what is reported.
  void propose() {
    const auto room = static_cast<std::size_t>(std::max(options.population - population_size(), 1));
    const std::size_t others = locals_.size() - 1;
    std::vector<std::size_t> shares(locals_.size(), others == 0 ? 0 : room / 2 / others);
    std::size_t left = room;
    for (std::size_t f = 1; f < locals_.size(); ++f) {
      const bool rests = locals_[f].at_optimum() && stale_of_[f] >= kStaleGenerations;
      if (rests) shares[f] = std::min<std::size_t>(shares[f], 1);
      left -= shares[f];
    }
    shares.front() = left;
    for (std::size_t f = 0; f < locals_.size(); ++f) {
      const std::size_t share = shares[f];
      for (const Genome& genome :
           locals_[f].ask(share, [&](const Genome& g) -> const LocalSearch::Value* {
             const Known* known = find(g);
             return known == nullptr ? nullptr : &known->value[f];
           }))
        take(genome);
    }
  }

  void finish_generation(const std::vector<const Known*>& told) {
    std::vector<Individual> guests;
    for (std::size_t f = 0; f < locals_.size(); ++f) {
      for (std::size_t k = 0; k < told.size(); ++k) locals_[f].tell(batch[k], told[k]->value[f]);
      locals_[f].settle();
    }
    if (!cut_) {
      const std::vector<Genome>& children = nsga2_->ask();
      std::vector<Fitness> fitness;
      for (const Genome& child : children) {
        const Known* known = find(child);
        fitness.push_back(known == nullptr ? Fitness{{}, 2} : known->fitness);
      }
      for (std::size_t k = 0; k < told.size(); ++k)
        guests.push_back({batch[k], told[k]->fitness, 0, 0});
      nsga2_->tell(fitness);
      nsga2_->migrate(guests);
    }
    bool improved = false;
    bool optimal = true;
    for (std::size_t f = 0; f < locals_.size(); ++f) {
      optimal = optimal && locals_[f].at_optimum();
      if (locals_[f].best_value().empty()) continue;
      const bool better = locals_[f].best_value()[0] < best_[f];
      stale_of_[f] = better ? 0 : stale_of_[f] + 1;
      improved = improved || better;
      best_[f] = std::min(best_[f], locals_[f].best_value()[0]);
    }
    // As good as can be: nothing is left to look for.
    const bool proven = best_.front() <= options.least * (1 + kRounding);
    if (proven && !options.whole_front) outcome.converged = true;
    stale_ = improved ? 0 : stale_ + 1;
    if (improved) return;
    // Without anything feasible there is no optimum to be at.
    const bool ended = stale_ >= (optimal ? kStaleGenerations : 4 * kStaleGenerations);
    if (!ended) return;
    const bool open = best_.front() > options.least * (1 + kOpenGap);
    if (outcome.restarts < (open ? kRestartsOfOpen : kRestarts)) {
      ++outcome.restarts;
      begin_population();
    } else {
      outcome.converged = true;
    }
  }

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

// The genetic algorithm, then depth-first branch and bound over the genes in their order, each
// node's children by rising bound. Leaves are evaluated in batches; what is cut depends on what was
// told alone.
class AllocationSearch::Exact final : public Genetic {
 public:
  Exact(const GenomeSpace& space, const GenomeSymmetry& symmetry, const AllocationHints& hints,
        AllocationSearchOptions settings)
      : Genetic(space, symmetry, hints, std::move(settings)), space_(space), hints_(hints) {
    AllocationProof& proof = outcome.proof;
    proof.least_cut = std::numeric_limits<double>::infinity();
    proof.cut_at.assign(space.values.size() + 1, 0);
    core_.assign(static_cast<std::size_t>(hints.slot_count), -1);
    proof.root_bound = bound_of({});
    least_ = std::numeric_limits<double>::infinity();
    if (batch.empty()) branch();
  }

  void advance(std::span<const model::ScheduleFigures> figures) override {
    for (const model::ScheduleFigures& f : figures)
      if (f.feasible()) least_ = std::min(least_, objective_value(options.report, f));
    if (!branching_) Genetic::advance(figures);
    if (branching_ || batch.empty()) branch();
  }

 private:
  struct Node {
    Genome genes;  // decided ones
    double bound = 0;
  };
  static constexpr std::size_t kLeaves = 256;

  double bound_of(const Genome& genes) {
    std::fill(core_.begin(), core_.end(), -1);
    for (std::size_t g = 0; g < genes.size(); ++g)
      core_[static_cast<std::size_t>(hints_.slots[g])] = genes[g];
    return least_value(options.report, options.bounds->bound(core_));
  }

  // Nothing below a node is better than the best by more than rounding.
  bool hopeless(double bound) const { return bound >= least_ * (1 - kRounding); }

  void branch() {
    AllocationProof& proof = outcome.proof;
    if (!branching_) {
      branching_ = true;
      stack_.push_back({{}, proof.root_bound});
    }
    batch.clear();
    Watch watch(options.budget);
    while (!stack_.empty() && batch.size() < kLeaves && proof.nodes < options.node_limit) {
      if (watch.stopped()) {
        outcome.stopped = true;
        break;
      }
      Node node = std::move(stack_.back());
      stack_.pop_back();
      ++proof.nodes;
      if (hopeless(node.bound)) {
        ++proof.cut;
        ++proof.cut_at[node.genes.size()];
        proof.least_cut = std::min(proof.least_cut, node.bound);
        continue;
      }
      if (node.genes.size() == space_.values.size()) {
        ++proof.leaves;
        if (find(node.genes) != nullptr) continue;  // the genetic algorithm evaluated it
        leaf_bound_ = batch.empty() ? node.bound : std::min(leaf_bound_, node.bound);
        batch.push_back(std::move(node.genes));
        continue;
      }
      push_children(node);
    }
  }

  // No allocation is below the best, or what is still open.
  void conclude() override {
    AllocationProof& proof = outcome.proof;
    proof.complete = branching_ && stack_.empty() && batch.empty();
    proof.lower_bound = branching_ ? least_ : proof.root_bound;
    if (!batch.empty()) proof.lower_bound = std::min(proof.lower_bound, leaf_bound_);
    for (const Node& node : stack_) proof.lower_bound = std::min(proof.lower_bound, node.bound);
    proof.lower_bound = std::max(proof.lower_bound, proof.root_bound);
    outcome.converged = proof.complete;
  }

  // The one with the least bound comes to the top.
  void push_children(const Node& node) {
    std::vector<Node> children;
    for (const int value : space_.values[node.genes.size()]) {
      Node child{node.genes, 0};
      child.genes.push_back(value);
      if (symmetry_.canonical(child.genes) != child.genes) continue;
      child.bound = std::max(bound_of(child.genes), node.bound);
      children.push_back(std::move(child));
    }
    std::stable_sort(children.begin(), children.end(),
                     [](const Node& a, const Node& b) { return a.bound > b.bound; });
    for (Node& child : children) stack_.push_back(std::move(child));
  }

  const GenomeSpace& space_;
  const AllocationHints& hints_;
  std::vector<Node> stack_;
  std::vector<int> core_;  // by slot, while a bound is asked for
  double least_ = 0;       // of the reported objective, evaluated so far
  double leaf_bound_ = 0;  // the least of the batch's leaves
  bool branching_ = false;
};

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
    engine_ = std::make_unique<Exact>(space, symmetry, hints, std::move(options));
  } else if (outcome.engine == AllocationEngine::ga) {
    engine_ = std::make_unique<Genetic>(space, symmetry, hints, std::move(options));
  } else {
    engine_ = std::make_unique<Exhaustive>(space, symmetry, hints, std::move(options));
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
  return gap > kRounding ? gap : 0;
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
