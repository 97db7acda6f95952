// Figures that another study found for designs of this one: a study that is extended, or that
// starts where another ended, does not evaluate them again.
//
// A design is known by the content of its documents and of what the study says of evaluations
// (io::Study::design_key), so other values, conditions, strategies and further parameters of
// the study do not matter. What was pruned or failed is not taken over.
#pragma once

#include <filesystem>
#include <mutex>
#include <optional>
#include <string>
#include <unordered_map>

#include "engine/explore/candidate.hpp"
#include "io/study/study_document.hpp"

namespace ridgeline::engine {

class WarmStart {
 public:
  // Takes in the evaluated designs of a study file, for use in `study`. Throws InputError where the
  // file is none of a study with the same objectives, or its inputs are not where they were or
  // have changed.
  void add(const std::filesystem::path& file, const io::Study& study);

  std::size_t size() const { return known_.size(); }
  // What is known of a design of `study` (a place in its grid) with a schedule of these genes
  // (empty: the one that is searched for it); of the metrics its objectives alone.
  std::optional<Candidate> find(const io::Study& study, std::uint64_t design,
                                const std::string& genes) const;

 private:
  // Keys of designs that many candidates share; what is asked for is remembered, up to a limit.
  class DesignKeys {
   public:
    std::string of(const io::Study& study, std::uint64_t design);

   private:
    std::mutex mutex_;
    std::unordered_map<std::uint64_t, std::string> keys_;
  };

  std::unordered_map<std::string, Candidate> known_;
  mutable DesignKeys keys_;  // of the study that asks
};

}  // namespace ridgeline::engine
