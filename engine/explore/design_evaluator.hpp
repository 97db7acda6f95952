// The way of a candidate, written once for every kind of design: exists, read, bound, give up,
// solve, measure, constraints; and what is kept so that a member of the front can be described
// without being searched again.
//
// A kind of design is a class with
//   struct Design, struct Solution;
//   static constexpr std::size_t kKept;                     solutions to keep
//   explicit Kind(const io::Study&);
//   Design read(const io::DesignDocuments&) const;          throws io::InputError
//     or, where more is known than one design's documents tell,
//   Design design(std::uint64_t id);                        throws the same
//   void check(const Design&) const;                        throws io::InputError
//   Metrics bound(const Design&) const;
//   Solution solve(const Design&, const StopCheck&, const GiveUp&);   throws Stopped, and GivenUp
//       where a closer bound than `bound` is one that `give_up` gives up
//   bool proven(const Solution&) const;                     no mapping is better
//   std::string infeasible(const Design&, const Solution&) const;   empty: it is feasible
//   Metrics measure(const Design&, const Solution&) const;
//   std::string describe(const Design&, const Solution&) const;     JSON text
// and, where designs are bounded before they are searched,
//   std::vector<search::WorkloadBounds> Design::bounds;     empty: not known yet
//   Metrics close_bound(Design&);                           sets them
// and, where there is something to tell of it,
//   std::string effort() const;                             what was done so far
// and, where schedules are searched,
//   double schedules(const Design&) const;                  how many a design may have
//   Metrics lower_bounds(const Design&, const Solution&) const;   that no schedule can beat
//   bool converged(const Solution&) const;                  the search found nothing more
//   Solution solve(const Design&, const search::Genome&, bool figures_alone, const StopCheck&);
//                                 the schedule of these genes; `figures_alone`: not to be described
//   std::vector<Metrics> schedules(const Design&, const Solution&) const;   figures of each
//   schedule
//                                 that was found, that of `measure` first, for studies that keep
//                                 fronts
//   std::string describe(const Design&, const Solution&, std::size_t schedule) const;
// whose functions are called from several threads at once.
#pragma once

#include <deque>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <unordered_map>
#include <utility>
#include <vector>

#include "engine/explore/evaluator.hpp"
#include "engine/explore/metrics.hpp"
#include "search/designs/nested_strategy.hpp"
#include "search/fronts/pareto.hpp"
#include "search/mapping/workload_search.hpp"

namespace ridgeline::engine {

struct GivenUp {};

// Solutions of the designs that no other of this rank dominates. At most `capacity` of them: the
// oldest leave, and are searched again where they are asked for.
template <class Solution>
class KeptSolutions {
 public:
  explicit KeptSolutions(std::size_t capacity) : capacity_(capacity) {}

  void offer(std::uint64_t id, std::vector<double> vector, std::shared_ptr<const Solution> what) {
    const std::lock_guard lock(mutex_);
    for (const Kept& other : kept_)
      if (search::dominates(other.vector, vector)) return;
    std::erase_if(kept_,
                  [&](const Kept& other) { return search::dominates(vector, other.vector); });
    kept_.push_back({id, std::move(vector), std::move(what)});
    if (kept_.size() > capacity_) kept_.pop_front();
  }

  std::shared_ptr<const Solution> find(std::uint64_t id) const {
    const std::lock_guard lock(mutex_);
    for (const Kept& one : kept_)
      if (one.id == id) return one.solution;
    return nullptr;
  }

 private:
  struct Kept {
    std::uint64_t id = 0;
    std::vector<double> vector;
    std::shared_ptr<const Solution> solution;
  };

  const std::size_t capacity_;
  mutable std::mutex mutex_;
  std::deque<Kept> kept_;
};

template <class Kind>
class DesignEvaluator final : public Evaluator {
 public:
  explicit DesignEvaluator(const io::Study& study) : study_(study), kind_(study) {}

  void check(std::uint64_t id) override {
    try {
      kind_.check(design_of(id));
    } catch (const NoSuchSystem&) {
      // That there is none is known as soon as it is evaluated.
    }
  }

  std::optional<double> schedules(std::uint64_t id) override {
    if constexpr (requires(const Design& design) { kind_.schedules(design); }) {
      try {
        return kind_.schedules(design_of(id));
      } catch (const NoSuchSystem&) {
        return 0;
      }
    } else {
      return std::nullopt;
    }
  }

  bool bounds_designs() const override {
    return requires(Kind & kind, Design & design) {
      kind.close_bound(design);
    };
  }

  std::optional<Metrics> bound(std::uint64_t id) override {
    if constexpr (requires(Design & design) { kind_.close_bound(design); }) {
      try {
        Design design = design_of(id);
        Bounded bounded;
        bounded.ideal = kind_.bound(design);
        bounded.close = kind_.close_bound(design);
        bounded.layers = std::move(design.bounds);
        const std::lock_guard lock(mutex_);
        return bounded_.insert_or_assign(id, std::move(bounded)).first->second.close;
      } catch (const NoSuchSystem&) {
      } catch (const io::InputError&) {
        // Told when it is evaluated.
      }
    }
    return std::nullopt;
  }

  std::string effort() const override {
    if constexpr (requires { kind_.effort(); }) return kind_.effort();
    return {};
  }

  void learn(std::uint64_t id, search::Genome genome) override {
    if (genome.empty()) return;
    const std::lock_guard lock(mutex_);
    genomes_[id] = std::move(genome);
  }

  void forget(std::uint64_t id) override {
    const std::lock_guard lock(mutex_);
    genomes_.erase(id);
  }

  search::Genome genome(std::uint64_t id) const override {
    return genome_of(id).value_or(search::Genome{});
  }

  void recall(std::shared_ptr<const WarmStart> known) override { known_ = std::move(known); }

  Candidate evaluate(std::uint64_t id, const GiveUp& give_up, const StopCheck& stop) override {
    Candidate candidate;
    candidate.id = id;
    const std::optional<search::Genome> genome = genome_of(id);
    const std::uint64_t place = place_of(id, genome);
    const bool joint = genome && !study_.keeps_fronts();
    const auto infeasible = [&](const std::string& why) {
      candidate = {};
      candidate.id = id;
      candidate.status = CandidateStatus::infeasible;
      candidate.message = why;
      return candidate;
    };
    // Where a condition cannot be evaluated, this says why.
    if (!study_.exists(place)) throw std::runtime_error("`where` excludes this design");
    const auto pruned = [&] {
      candidate.status = CandidateStatus::pruned;
      return candidate;
    };
    if (const auto bounded = bounded_of(place); bounded && !joint) {
      if (const std::string why = unreachable_constraint(study_.spec(), bounded->ideal);
          !why.empty())
        return infeasible(why);
      if (give_up(bounded->ideal, Bound::ideal) || give_up(bounded->close, Bound::tables))
        return pruned();
    }
    const std::shared_ptr<const Prepared> prepared = prepare(place, joint);
    if (!prepared->impossible.empty()) return infeasible(prepared->impossible);
    const Design& design = prepared->design;
    const Metrics& bound = prepared->bound;
    if (const std::string why = unreachable_constraint(study_.spec(), bound); !why.empty())
      return infeasible(why);
    if (give_up(bound, Bound::ideal)) return pruned();
    if (known_) {
      // A search that bounds may cut short has to be begun again where its end would not be seen.
      auto known = known_->find(study_, place, genes_of(genome));
      if (known && (joint || (known->status == CandidateStatus::ok &&
                              !give_up(known->metrics, Bound::none)))) {
        known->id = id;
        return std::move(*known);
      }
    }
    std::shared_ptr<const Solution> solution;
    try {
      solution = std::make_shared<const Solution>(solve(*prepared, genome, true, stop, give_up));
    } catch (const GivenUp&) {
      return pruned();
    }
    if (const std::string why = kind_.infeasible(design, *solution); !why.empty())
      return infeasible(why);
    candidate.metrics = kind_.measure(design, *solution);
    candidate.proven = kind_.proven(*solution);
    if constexpr (requires { kind_.lower_bounds(design, *solution); }) {
      if (!joint) {
        candidate.scheduled = true;
        candidate.converged = kind_.converged(*solution);
        candidate.lower_bounds = kind_.lower_bounds(design, *solution);
      }
    }
    if (const std::string why = keep_schedules(design, *solution, candidate); !why.empty())
      return infeasible(why);
    // One schedule is soon made again.
    if (!joint)
      kept_.offer(id, objective_vector(study_.spec().objectives, candidate.metrics),
                  std::move(solution));
    return candidate;
  }

  DesignRecord describe(std::uint64_t id, const StopCheck& stop) override {
    const std::optional<search::Genome> genome = genome_of(id);
    const std::uint64_t place = place_of(id, genome);
    const bool joint = genome && !study_.keeps_fronts();
    const std::size_t schedule =
        genome && !joint ? static_cast<std::size_t>(genome->back()) : std::size_t{0};
    const auto prepared = prepare(place, joint);
    if (!prepared->impossible.empty()) throw std::runtime_error(prepared->impossible);
    std::shared_ptr<const Solution> solution = kept_.find(id - schedule);
    const GiveUp never = [](const Metrics&, Bound) { return false; };
    if (!solution)
      solution = std::make_shared<const Solution>(solve(*prepared, genome, false, stop, never));
    if (const std::string why = kind_.infeasible(prepared->design, *solution); !why.empty())
      throw std::runtime_error(why);
    const io::DesignDocuments documents = study_.design_documents(place);
    return {id,
            {{"accelerator", documents.accelerator.to_json().dump()},
             {"mapping", documents.mapping.to_json().dump()},
             {"schedule", describe_schedule(prepared->design, *solution, schedule)}}};
  }

 private:
  using Solution = typename Kind::Solution;

  using Design = typename Kind::Design;

  struct Prepared {
    Design design;
    Metrics bound{};
    std::string impossible;  // why there is no such system; empty: the rest is set
  };

  // What `bound` found.
  struct Bounded {
    Metrics ideal{};
    Metrics close{};
    std::vector<search::WorkloadBounds> layers;
  };

  // Places of the schedules that fulfil the study's constraints and that none of them dominates,
  // the one that the search takes for the best first where it is one of them.
  std::vector<std::size_t> kept_schedules(const std::vector<Metrics>& all) const {
    std::vector<std::size_t> fulfilling;
    for (std::size_t k = 0; k < all.size(); ++k)
      if (violated_constraint(study_.spec(), all[k]).empty()) fulfilling.push_back(k);
    const auto vector = [&](std::size_t k) {
      return objective_vector(study_.spec().objectives, all[k]);
    };
    std::vector<std::size_t> kept;
    for (const std::size_t k : fulfilling) {
      bool worse = false;
      for (const std::size_t other : fulfilling) {
        const auto here = vector(k);
        const auto there = vector(other);
        worse = worse || search::dominates(there, here) || (other < k && there == here);
      }
      if (!worse) kept.push_back(k);
    }
    // The best one stays, for it stands for the design.
    if (!fulfilling.empty() && fulfilling.front() == 0 && (kept.empty() || kept.front() != 0))
      kept.insert(kept.begin(), 0);
    if (kept.size() <= search::kSchedulesOfDesign) return kept;
    // Of too many those that are spread evenly, in the order in which they were found.
    std::vector<std::size_t> spread;
    const std::size_t last = kept.size() - 1;
    for (std::size_t k = 0; k < search::kSchedulesOfDesign; ++k)
      spread.push_back(kept[k * last / (search::kSchedulesOfDesign - 1)]);
    return spread;
  }

  // Puts the figures of the schedules that count into the candidate; says why there are none.
  std::string keep_schedules(const Design& design, const Solution& solution,
                             Candidate& candidate) const {
    const std::string why = violated_constraint(study_.spec(), candidate.metrics);
    if constexpr (requires { kind_.schedules(design, solution); }) {
      if (study_.keeps_fronts()) {
        const std::vector<Metrics> all = kind_.schedules(design, solution);
        const std::vector<std::size_t> kept = kept_schedules(all);
        if (kept.empty()) return why;
        candidate.metrics = all[kept.front()];
        for (std::size_t k = 1; k < kept.size(); ++k) candidate.further.push_back(all[kept[k]]);
        return {};
      }
    }
    return why;
  }

  std::string describe_schedule(const Design& design, const Solution& solution,
                                std::size_t schedule) const {
    if constexpr (requires { kind_.schedules(design, solution); }) {
      if (study_.keeps_fronts()) {
        const std::vector<std::size_t> kept = kept_schedules(kind_.schedules(design, solution));
        return kind_.describe(design, solution, kept.at(schedule));
      }
    }
    return kind_.describe(design, solution);
  }

  std::optional<Bounded> bounded_of(std::uint64_t place) const {
    const std::lock_guard lock(mutex_);
    const auto known = bounded_.find(place);
    if (known == bounded_.end()) return std::nullopt;
    return known->second;
  }

  std::optional<search::Genome> genome_of(std::uint64_t id) const {
    const std::lock_guard lock(mutex_);
    if (const auto place = genomes_.find(id); place != genomes_.end()) return place->second;
    if (!study_.keeps_fronts()) return std::nullopt;
    // A further schedule of a design.
    const std::uint64_t further = id % search::kSchedulesOfDesign;
    const auto place = genomes_.find(id - further);
    if (place == genomes_.end()) return std::nullopt;
    search::Genome genome = place->second;
    genome.back() = static_cast<int>(further);
    return genome;
  }

  std::uint64_t place_of(std::uint64_t id, const std::optional<search::Genome>& genome) const {
    if (!genome) return id;
    return study_.id_of({genome->begin(), genome->begin() + static_cast<std::ptrdiff_t>(
                                                                study_.spec().parameters.size())});
  }

  // The genes of the schedule as the study file keeps them.
  std::string genes_of(const std::optional<search::Genome>& genome) const {
    if (!genome) return {};
    return genes_text(std::span(*genome).subspan(study_.spec().parameters.size()));
  }

  // `kept`: others will ask for the same design, with other schedules.
  std::shared_ptr<const Prepared> prepare(std::uint64_t place, bool kept) {
    if (kept) {
      const std::lock_guard lock(mutex_);
      for (const auto& [known, prepared] : prepared_)
        if (known == place) return prepared;
    }
    auto prepared = std::make_shared<Prepared>();
    try {
      prepared->design = design_of(place);
      prepared->bound = kind_.bound(prepared->design);
      if constexpr (requires { prepared->design.bounds; }) {
        if (auto bounded = bounded_of(place)) prepared->design.bounds = std::move(bounded->layers);
      }
    } catch (const NoSuchSystem& none) {
      prepared->impossible = none.what();
    }
    if (kept) {
      const std::lock_guard lock(mutex_);
      prepared_.emplace_front(place, prepared);
      if (prepared_.size() > kPrepared) prepared_.pop_back();
    }
    return prepared;
  }

  Design design_of(std::uint64_t place) {
    if constexpr (requires { kind_.design(place); }) {
      return kind_.design(place);
    } else {
      return kind_.read(study_.design_documents(place));
    }
  }

  Solution solve(const Prepared& prepared, const std::optional<search::Genome>& genome,
                 bool figures_alone, const StopCheck& stop, const GiveUp& give_up) {
    if constexpr (requires { kind_.solve(prepared.design, *genome, figures_alone, stop); }) {
      if (genome && !study_.keeps_fronts()) {
        const search::Genome schedule(
            genome->begin() + static_cast<std::ptrdiff_t>(study_.spec().parameters.size()),
            genome->end());
        return kind_.solve(prepared.design, schedule, figures_alone, stop);
      }
    }
    return kind_.solve(prepared.design, stop, give_up);
  }

  static constexpr std::size_t kPrepared = 64;

  const io::Study& study_;
  Kind kind_;
  std::shared_ptr<const WarmStart> known_;
  mutable std::mutex mutex_;
  std::unordered_map<std::uint64_t, search::Genome> genomes_;
  std::unordered_map<std::uint64_t, Bounded> bounded_;
  std::deque<std::pair<std::uint64_t, std::shared_ptr<const Prepared>>> prepared_;
  KeptSolutions<Solution> kept_{Kind::kKept};
};

}  // namespace ridgeline::engine
