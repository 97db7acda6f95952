// The way of a candidate, written once for every kind of design: exists, read, bound, give up,
// solve, measure, constraints; and what is kept so that a member of the front can be described
// without being searched again.
//
// A kind of design is a class with
//   struct Design, struct Solution;
//   static constexpr std::size_t kKept;                     solutions to keep
//   explicit Kind(const io::Study&);
//   Design read(const io::DesignDocuments&) const;          throws io::InputError
//   void check(const Design&) const;                        throws io::InputError
//   Metrics bound(const Design&) const;
//   Solution solve(const Design&, const StopCheck&);        throws Stopped
//   std::string infeasible(const Design&, const Solution&) const;   empty: it is feasible
//   Metrics measure(const Design&, const Solution&) const;
//   std::string describe(const Design&, const Solution&) const;     JSON text
// whose functions are called from several threads at once.
#pragma once

#include <deque>
#include <memory>
#include <mutex>
#include <string>
#include <utility>
#include <vector>

#include "engine/explore/evaluator.hpp"
#include "engine/explore/metrics.hpp"
#include "search/fronts/pareto.hpp"

namespace ridgeline::engine {

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

  void check(std::uint64_t id) override { kind_.check(kind_.read(study_.design_documents(id))); }

  Candidate evaluate(std::uint64_t id, const GiveUp& give_up, const StopCheck& stop) override {
    Candidate candidate;
    candidate.id = id;
    const auto infeasible = [&](const std::string& why) {
      candidate.status = CandidateStatus::infeasible;
      candidate.message = why;
      candidate.metrics = {};
      return candidate;
    };
    // Where a condition cannot be evaluated, this says why.
    if (!study_.exists(id)) throw std::runtime_error("`where` excludes this design");
    const auto design = kind_.read(study_.design_documents(id));
    const Metrics bound = kind_.bound(design);
    if (const std::string why = unreachable_constraint(study_.spec(), bound); !why.empty())
      return infeasible(why);
    if (give_up(bound)) {
      candidate.status = CandidateStatus::pruned;
      return candidate;
    }
    auto solution = std::make_shared<const Solution>(kind_.solve(design, stop));
    if (const std::string why = kind_.infeasible(design, *solution); !why.empty())
      return infeasible(why);
    candidate.metrics = kind_.measure(design, *solution);
    if (const std::string why = violated_constraint(study_.spec(), candidate.metrics); !why.empty())
      return infeasible(why);
    kept_.offer(id, objective_vector(study_.spec().objectives, candidate.metrics),
                std::move(solution));
    return candidate;
  }

  DesignRecord describe(std::uint64_t id, const StopCheck& stop) override {
    const io::DesignDocuments documents = study_.design_documents(id);
    const auto design = kind_.read(documents);
    std::shared_ptr<const Solution> solution = kept_.find(id);
    if (!solution) solution = std::make_shared<const Solution>(kind_.solve(design, stop));
    if (const std::string why = kind_.infeasible(design, *solution); !why.empty())
      throw std::runtime_error(why);
    return {id,
            {{"accelerator", documents.accelerator.to_json().dump()},
             {"mapping", documents.mapping.to_json().dump()},
             {"schedule", kind_.describe(design, *solution)}}};
  }

 private:
  using Solution = typename Kind::Solution;

  const io::Study& study_;
  Kind kind_;
  KeptSolutions<Solution> kept_{Kind::kKept};
};

}  // namespace ridgeline::engine
