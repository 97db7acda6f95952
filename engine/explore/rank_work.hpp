// What every rank does, the master included: evaluate, keep a journal, make it durable.
#pragma once

#include <chrono>
#include <iterator>
#include <string>
#include <utility>
#include <vector>

#include "engine/explore/evaluator.hpp"
#include "engine/explore/explore_options.hpp"
#include "engine/explore/front.hpp"
#include "engine/explore/journal.hpp"
#include "engine/explore/pool.hpp"
#include "engine/explore/study_folder.hpp"
#include "engine/explore/transport.hpp"
#include "io/results/study_file.hpp"
#include "search/fronts/archive.hpp"

namespace ridgeline::engine {

// What a rank needs to know of the run.
struct RunContext {
  const io::Study& study;
  const ExploreOptions& options;
  StudyFolder& folder;
  FileSystem& files;
  Evaluator& evaluator;
  std::uint32_t run = 1;
  std::string started;
  int rank = 0;
  int ranks = 1;
};

// A study file with everything but candidates, front and designs.
io::StudyFile describe_run(const RunContext& context);

class RankWork {
 public:
  // `front`: what candidates are pruned against.
  RankWork(const RunContext& context, const Front& front);

  Pool& pool() { return pool_; }
  JournalWriter& journal() { return journal_; }
  // What the pool finished, by now in the journal and with the operating system.
  Finished collect(std::chrono::microseconds wait);
  void keep(const Candidate& candidate);
  // Everything finished so far is on the device, and the snapshot tells this rank's front.
  void checkpoint();
  std::uint64_t evaluated() const { return evaluated_; }

 private:
  void forget_genomes();

  const RunContext& context_;
  Pool pool_;
  JournalWriter journal_;
  // Designs that are equal in all objectives.
  struct EqualDesigns {
    std::vector<Candidate> equal;
    void join(EqualDesigns&& other) {
      std::move(other.equal.begin(), other.equal.end(), std::back_inserter(equal));
    }
  };
  search::Archive<EqualDesigns> own_front_;
  // Genomes that the evaluator keeps of what was evaluated, from time to time only the front's.
  static constexpr std::size_t kForgetEvery = 4096;
  std::vector<std::uint64_t> learned_;
  std::size_t forget_at_ = kForgetEvery;
  io::Convergence convergence_;
  std::uint64_t evaluated_ = 0;
  std::uint64_t evaluated_at_snapshot_ = 0;
  std::chrono::steady_clock::time_point begun_ = std::chrono::steady_clock::now();
};

// Bodies of messages.
struct Opening {
  std::string fingerprint;
  std::uint32_t run = 1;
  std::string started;
};
std::string encode_opening(const Opening& opening);
bool decode_opening(const std::string& bytes, Opening& opening);
std::string encode_chunk(const Chunk& chunk);
bool decode_chunk(const std::string& bytes, Chunk& chunk);
std::string encode_results(const Finished& finished);
bool decode_results(const std::string& bytes, Finished& finished);
std::string encode_front(const std::vector<FrontPoint>& points, std::uint32_t forget);
bool decode_front(const std::string& bytes, Front& front);

}  // namespace ridgeline::engine
