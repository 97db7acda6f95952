#include "engine/explore/study_results.hpp"

#include <cstddef>
#include <cstdint>
#include <unordered_map>

#include "engine/explore/candidate_store.hpp"
#include "engine/explore/missing_notes.hpp"
#include "io/results/missing_json.hpp"

namespace ridgeline::engine {
namespace {

// Whether the front is that of all designs and mappings, and by which bounds the others were cut.
void note_proof(const RunContext& context, const CandidateStore& known, const std::string& status,
                io::StudyFile& file) {
  const auto cut = [&](Bound bound) { return std::to_string(known.pruned_by(bound)); };
  file.notes["pruned_by"] = "ideal figures " + cut(Bound::ideal) + ", tables of the layers " +
                            cut(Bound::tables) + ", layers solved so far " + cut(Bound::partial);
  std::string why;
  if (status != "complete")
    why = "the study was stopped";
  else if (context.study.spec().strategy.kind != io::StrategyKind::exhaustive)
    why = "the strategy does not look at all designs";
  else if (known.count(CandidateStatus::error) > 0)
    why = std::to_string(known.count(CandidateStatus::error)) + " designs failed";
  else if (known.unproven() > 0)
    why = "of " + std::to_string(known.unproven()) +
          " evaluated designs no proof says that there is no better mapping";
  file.notes["evaluated"] = std::to_string(known.size() - known.count(CandidateStatus::pruned)) +
                            " designs of " + std::to_string(known.size());
  if (const std::string effort = context.evaluator.effort(); !effort.empty())
    file.notes["effort"] = "rank 0: " + effort;
  file.notes["proof"] = why.empty() ? "proven" : "not proven: " + why;
}

}  // namespace

io::StudyFile describe_study(const RunContext& context, const Ledger& ledger,
                             const std::vector<ProgressRecord>& samples,
                             const std::string& status) {
  io::StudyFile file = describe_run(context);
  file.status = status;
  file.candidates = ledger.known().columns(context.study.spec().objectives);
  if (context.study.counts_genomes())
    add_genomes(file.candidates, context.study,
                [&](std::uint64_t id) { return ledger.genome(id); });
  file.front = io::strict_front(file.candidates, file.objectives);
  file.hypervolume_reference = ledger.reference();
  for (std::size_t o = 0; o < file.hypervolume_reference.size(); ++o)
    if (file.objectives[o].maximised)
      file.hypervolume_reference[o] = -file.hypervolume_reference[o];
  note_proof(context, ledger.known(), status, file);
  if (const auto missing = missing_of(context.study); !missing.empty())
    file.notes["missing"] = io::missing_json(missing).dump();
  if (ledger.reissued() > 0) file.notes["reissued"] = std::to_string(ledger.reissued());
  std::unordered_map<std::uint64_t, const DesignRecord*> designs;
  for (const DesignRecord& design : ledger.designs()) designs[design.id] = &design;
  for (const std::uint64_t row : file.front)
    if (const auto design = designs.find(file.candidates.id[row]); design != designs.end())
      file.designs.push_back({design->second->id, design->second->documents});
  for (const ProgressRecord& record : samples) {
    file.convergence.seconds.push_back(record.seconds);
    file.convergence.evaluated.push_back(record.evaluated);
    file.convergence.hypervolume.push_back(record.hypervolume);
    file.convergence.gap.push_back(record.gap);
    file.convergence.front_size.push_back(record.front_size);
  }
  return file;
}

std::vector<std::string> closing_lines(const RunContext& context, const Ledger& ledger) {
  std::vector<std::string> lines;
  const CandidateStore& known = ledger.known();
  lines.push_back("complete: " + std::to_string(known.size()) + " candidates, " +
                  std::to_string(known.count(CandidateStatus::ok)) + " evaluated, " +
                  std::to_string(known.count(CandidateStatus::pruned)) + " pruned, " +
                  std::to_string(known.count(CandidateStatus::infeasible)) + " infeasible, " +
                  std::to_string(known.count(CandidateStatus::error)) + " failed; " +
                  std::to_string(ledger.front().size()) + " on the front; " +
                  context.folder.output().string());
  if (const auto failed = known.first_error())
    lines.push_back("candidate " + std::to_string(failed->id) + " (" +
                    context.study.describe(failed->id) + ") failed: " + failed->message);
  if (known.size() == 0)
    lines.push_back("there was nothing to evaluate: of the " + context.study.grid().text +
                    " combinations, the strategy looked at many and found none that `where` "
                    "leaves; loosen `where`, or explore a smaller space exhaustively");
  return lines;
}

}  // namespace ridgeline::engine
