// What turns an id into figures. The engine knows nothing more of it.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <stdexcept>
#include <string>

#include "engine/explore/candidate.hpp"
#include "engine/explore/warm_start.hpp"
#include "search/fronts/nsga2.hpp"

namespace ridgeline::engine {

// Thrown by an evaluator that was asked to stop: the candidate stays open.
struct Stopped {};

// Of a design of a space of systems that cannot be: no cores, or none that takes some layer.
struct NoSuchSystem : std::runtime_error {
  using std::runtime_error::runtime_error;
};

using StopCheck = std::function<bool()>;
// Whether a candidate is to be given up, given a lower bound of each metric (an upper one of
// those that are maximised), and which bound that is.
using GiveUp = std::function<bool(const Metrics& bound, Bound which)>;

// Called from several threads at once. Exceptions other than Stopped are recorded as errors of
// the design.
class Evaluator {
 public:
  virtual ~Evaluator() = default;
  // Throws what is wrong with the documents of a design, before anything is evaluated.
  virtual void check(std::uint64_t) {}
  // Asks `give_up` before anything expensive, and again with closer bounds, and returns a pruned
  // candidate where it says yes. What it returns is a function of the study and the id alone.
  virtual Candidate evaluate(std::uint64_t id, const GiveUp& give_up, const StopCheck& stop) = 0;
  // Lower bounds of a design's metrics (upper ones of those that are maximised) that take no
  // search, remembered for `evaluate`; nothing where the design has none. Only where
  // `bounds_designs`.
  virtual bool bounds_designs() const { return false; }
  virtual std::optional<Metrics> bound(std::uint64_t) { return std::nullopt; }
  // What this rank has done so far, in words; empty: nothing to tell.
  virtual std::string effort() const { return {}; }
  // What an id stands for in a search over designs and schedules together: parameter values, then
  // the genes of the schedule. Before it is evaluated or described.
  virtual void learn(std::uint64_t, search::Genome) {}
  virtual search::Genome genome(std::uint64_t) const { return {}; }
  // It is neither evaluated nor described any more before it is learned again.
  virtual void forget(std::uint64_t) {}
  // Figures that need not be worked out again.
  virtual void recall(std::shared_ptr<const WarmStart>) {}
  // Number of schedules that a design may have, all modes and cuts together; 0 where there is no
  // such design, nothing where no schedules are searched. Throws as `check`.
  virtual std::optional<double> schedules(std::uint64_t) { return std::nullopt; }
  // The documents of a design on the front.
  virtual DesignRecord describe(std::uint64_t id, const StopCheck& stop) = 0;
};

// The cost model: every layer of the study's workloads, mapped as the study asks.
// Throws io::InputError where a workload cannot be read.
std::unique_ptr<Evaluator> study_evaluator(const io::Study& study);
// The same for multi-core systems: the best schedule that the study's search finds.
std::unique_ptr<Evaluator> multicore_evaluator(const io::Study& study);

// How the designs of a study are evaluated.
struct Evaluation {
  std::string name = "cost model";  // a study is continued by the one that it was begun with
  std::function<std::unique_ptr<Evaluator>(const io::Study&)> make = study_evaluator;
};

// Throws io::InputError where the documents of none of the first designs can be read: then
// something is wrong with what all designs are made of.
void check_first_designs(const io::Study& study, Evaluator& evaluator);

}  // namespace ridgeline::engine
