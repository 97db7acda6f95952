#include "engine/explore/explore.hpp"

#include <algorithm>

#include "engine/commands/exit_code.hpp"
#include "engine/explore/mapping_notes.hpp"
#include "engine/explore/missing_notes.hpp"
#include "engine/explore/run.hpp"
#include "engine/explore/study_strategy.hpp"
#include "engine/explore/warm_start.hpp"
#include "engine/run/failure.hpp"
#include "io/document/document_kind.hpp"

namespace ridgeline::engine {

void recall(const io::Study& study, const StudyFolder& folder, Evaluator& evaluator) {
  auto known = std::make_shared<WarmStart>();
  if (study.spec().warm_start) known->add(*study.spec().warm_start, study);
  std::error_code ignored;
  if (std::filesystem::exists(folder.before(), ignored)) known->add(folder.before(), study);
  if (known->size() > 0) evaluator.recall(std::move(known));
}

Explored explore(ExploreOptions options, const Hooks& hooks) {
  options.hooks = &hooks;
  const io::Study study = io::read_as(io::DocumentKind::study, options.study,
                                      [&] { return io::Study::read(options.study); });
  const std::unique_ptr<Evaluator> evaluator = options.evaluation.make(study);
  check_first_designs(study, *evaluator);
  LedgerOptions limits;
  limits.max_evaluations = options.max_evaluations;
  limits.patience = std::max(limits.patience, options.worker_timeout);
  limits.deferred = true;
  Ledger ledger(strategy_of(study, bounds_by(*evaluator, study, options.prune, options.threads)),
                study.spec().objectives, limits);
  StudyFolder folder(posix_file_system(), options.output);
  const OpenedStudy opened = folder.open(study, options, ledger);
  recall(study, folder, *evaluator);
  if (opened.already_complete) return {kDone, true};
  for (const std::string& note : missing_notes(study)) hooks.note(note);
  for (const std::string& note : mapping_notes(study)) hooks.note(note);
  const auto transport = lone_transport();
  const RunContext context{study,      options,        folder, posix_file_system(), *evaluator,
                           opened.run, opened.started, 0,      transport->size()};
  const RunEnd end = run_master(context, *transport, ledger, opened);
  if (!end.failure.empty()) throw MachineError(end.failure);
  return {end.code, false};
}

}  // namespace ridgeline::engine
