#include "engine/commands/explore_command.hpp"

#include <unistd.h>

#include <algorithm>
#include <boost/program_options.hpp>
#include <cmath>
#include <cstdlib>
#include <iostream>

#include "engine/commands/command_options.hpp"
#include "engine/commands/exit_code.hpp"
#include "engine/explore/aside.hpp"
#include "engine/explore/awake_clock.hpp"
#include "engine/explore/dry_run.hpp"
#include "engine/explore/explore.hpp"
#include "engine/explore/mapping_notes.hpp"
#include "engine/explore/missing_notes.hpp"
#include "engine/explore/run.hpp"
#include "engine/explore/study_strategy.hpp"
#include "engine/run/failure.hpp"
#include "engine/run/memory_limit.hpp"
#include "io/document/document_kind.hpp"
#include "io/document/given.hpp"
#include "io/document/printable.hpp"

namespace ridgeline::engine {

namespace po = boost::program_options;

namespace {

double seconds_option(const po::variables_map& values, const char* name, double least) {
  const double seconds = values[name].as<double>();
  if (!std::isfinite(seconds) || seconds < least)
    throw UsageError("--" + std::string(name) + " takes a number of seconds, at least " +
                     std::to_string(static_cast<int>(least)));
  return seconds;
}

// Ranks that a launcher put on one machine without binding them share its processors.
int default_threads_of_rank() {
  const int processors = default_threads();
  const char* local = std::getenv("OMPI_COMM_WORLD_LOCAL_SIZE");
  const int ranks = local != nullptr ? std::atoi(local) : 1;
  const bool bound = processors < static_cast<int>(::sysconf(_SC_NPROCESSORS_ONLN));
  return bound || ranks <= 1 ? processors : std::max(1, processors / ranks);
}

}  // namespace

po::options_description options_of_explore() {
  po::options_description description("Options");
  auto add = description.add_options();
  add("output,o", po::value<std::string>(),
      "study file to write (default: the study's name with .h5)");
  add("resume", "continue an unfinished study; start one that was not begun");
  add("force", "replace what is at --output");
  add("extend", "give the finished study at --output the designs that the document now has more");
  add("keep", "keep journals and snapshots of a complete study");
  add("dry-run", "print the size of the space and the first designs");
  add("no-prune", "evaluate designs too that cannot reach the front");
  add("threads", po::value<int>()->default_value(default_threads_of_rank()),
      "evaluating threads of each rank");
  add("memory-limit", po::value<std::string>(),
      "memory that the searches of a rank may hold together, such as 2G; default: half the "
      "machine's, divided by its ranks");
  add("checkpoint-every", po::value<double>()->default_value(300, "300"),
      "seconds between checkpoints; 0: on SIGUSR1 only");
  add("time-limit", po::value<double>()->default_value(0, "0"),
      "seconds after which to stop, resumable; 0: none");
  add("max-evaluations", po::value<std::int64_t>()->default_value(0),
      "evaluations after which to stop, resumable; 0: no limit");
  add("worker-timeout", po::value<double>()->default_value(60, "60"),
      "seconds of silence after which a rank counts as lost; five times as many for rank 0");
  add("lock-wait", po::value<double>()->default_value(10, "10"),
      "seconds to wait for another run on the same study file");
  add("exit-code-file", po::value<std::string>(),
      "write the exit code there too: mpirun --enable-recovery always ends with 0");
  add("quiet", "no progress");
  add("verbose", "tell of checkpoints too");
  return description;
}

ExploreOptions explore_options(const po::variables_map& values) {
  ExploreOptions options;
  options.study = values["study"].as<std::vector<std::string>>().front();
  options.output = values.count("output") != 0
                       ? std::filesystem::path(values["output"].as<std::string>())
                       : std::filesystem::path(io::stem_of(options.study) + ".h5");
  options.resume = values.count("resume") != 0;
  options.force = values.count("force") != 0;
  if (options.resume && options.force)
    throw UsageError("--resume continues what --force would replace: give one of them");
  if (values.count("exit-code-file") != 0)
    options.exit_code_file = values["exit-code-file"].as<std::string>();
  options.extend = values.count("extend") != 0;
  if (options.extend && options.force)
    throw UsageError("--extend builds on what --force would replace: give one of them");
  options.keep = values.count("keep") != 0;
  options.dry_run = values.count("dry-run") != 0;
  options.prune = values.count("no-prune") == 0;
  options.quiet = values.count("quiet") != 0;
  options.verbose = values.count("verbose") != 0;
  options.threads = values["threads"].as<int>();
  if (options.threads < 1 || options.threads > 4096)
    throw UsageError("--threads takes a number from 1 to 4096");
  if (values.count("memory-limit") != 0) {
    set_memory_limit(parse_memory_size("--memory-limit", values["memory-limit"].as<std::string>()));
  }
  searches_at_a_time(options.threads);
  options.checkpoint_every = seconds_option(values, "checkpoint-every", 0);
  options.time_limit = seconds_option(values, "time-limit", 0);
  options.worker_timeout = seconds_option(values, "worker-timeout", 1);
  options.lock_wait = seconds_option(values, "lock-wait", 0);
  const std::int64_t most = values["max-evaluations"].as<std::int64_t>();
  if (most < 0) throw UsageError("--max-evaluations takes a number from 0");
  options.max_evaluations = static_cast<std::uint64_t>(most);
  return options;
}

namespace {

bool parse(const std::vector<std::string>& arguments, ExploreOptions& options) {
  po::variables_map values;
  if (!parse_options(
          arguments, "ridgeline explore STUDY [options]",
          "Explores the architecture space of a study document, alone or under mpirun.\n"
          "SIGUSR1 checkpoints; SIGUSR2, SIGTERM and SIGINT stop, resumable (exit code 75).",
          options_of_explore(), "study", values))
    return false;
  if (values.count("study") == 0 || values["study"].as<std::vector<std::string>>().size() != 1)
    throw UsageError("ridgeline explore takes one study document");
  const Evaluation evaluation = options.evaluation;
  options = explore_options(values);
  options.evaluation = evaluation;
  options.command = "ridgeline explore";
  for (const std::string& argument : arguments) options.command += " " + argument;
  return true;
}

// What went wrong on this rank before the work began; 0: nothing.
struct Trouble {
  int code = kDone;
  std::string what;

  template <class Action>
  void attempt(Action&& action) {
    try {
      action();
    } catch (...) {
      const Failure failure = failure_of(std::current_exception());
      *this = {failure.code, failure.what};
    }
  }
};

void tell_workers(Transport& transport, MessageKind kind, const std::string& bytes) {
  for (int rank = 1; rank < transport.size(); ++rank) transport.send(rank, kind, bytes);
}

// Opens the study on a thread of its own, while this one tells the others that it is there. False:
// a signal to end came first.
bool do_aside(Aside& aside, Transport& transport, std::function<void()> job) {
  constexpr double kPingEvery = 0.25;  // seconds
  constexpr double kLeaveAfter = 0.3;
  AwakeClock clock;
  double pinged = -1e9;
  double asked = -1;
  aside.start(std::move(job));
  while (!aside.done(std::chrono::microseconds(2000))) {
    const double now = clock.look();
    if (now - pinged >= kPingEvery) {
      tell_workers(transport, MessageKind::ping, {});
      pinged = now;
    }
    if (stop_request() == StopReason::none) continue;
    if (asked < 0) asked = now;
    if (now - asked > kLeaveAfter) return false;
  }
  return true;
}

// Rank 0 opens the study and says so; what it cannot open, it alone reports.
int explore_as_master(const ExploreOptions& options, Transport& transport) {
  Trouble trouble;
  std::optional<io::Study> study;
  StudyFolder folder(posix_file_system(), options.output);
  OpenedStudy opened;
  std::unique_ptr<Ledger> ledger;
  std::unique_ptr<Evaluator> evaluator;
  bool left = false;
  std::optional<Aside> aside;
  trouble.attempt([&] {
    aside.emplace();
    left = !do_aside(*aside, transport, [&] {
      study.emplace(io::read_as(io::DocumentKind::study, options.study,
                                [&] { return io::Study::read(options.study); }));
      evaluator = options.evaluation.make(*study);
      check_first_designs(*study, *evaluator);
      LedgerOptions limits;
      limits.max_evaluations = options.max_evaluations;
      limits.patience = std::max(limits.patience, options.worker_timeout);
      limits.deferred = true;
      ledger = std::make_unique<Ledger>(
          strategy_of(*study, bounds_by(*evaluator, *study, options.prune, options.threads)),
          study->spec().objectives, limits);
      opened = folder.open(*study, options, *ledger);
      recall(*study, folder, *evaluator);
    });
  });
  if (left) {
    // Nothing was evaluated yet, and nothing that is still being read can be destroyed.
    std::cerr << "ridgeline: stopped by a signal to end before the study was open" << std::endl;
    tell_workers(transport, MessageKind::refuse, {});
    record_exit_code(options, kStoppedEarly);
    finalise(transport, 0.2, kStoppedEarly);
    _exit(kStoppedEarly);
  }
  aside.reset();
  if (trouble.code != kDone || opened.already_complete) {
    if (trouble.code != kDone)
      std::cerr << "ridgeline: " << io::printable(trouble.what) << std::endl;
    else if (!options.quiet)
      std::cerr << io::printable(options.output.string()) << " is complete already" << std::endl;
    tell_workers(transport, MessageKind::refuse, {});
    record_exit_code(options, trouble.code);
    finalise(transport, kFinalisePatience, trouble.code);
    return trouble.code;
  }
  std::vector<std::string> notes = missing_notes(*study);
  for (std::string& note : mapping_notes(*study)) notes.push_back(std::move(note));
  for (const std::string& note : notes) {
    if (!options.quiet) std::cerr << "note: " << io::printable(note) << std::endl;
  }
  const RunContext context{*study,     options,        folder, posix_file_system(), *evaluator,
                           opened.run, opened.started, 0,      transport.size()};
  tell_workers(transport, MessageKind::open,
               encode_opening({study->fingerprint(), opened.run, opened.started}));
  return run_master(context, transport, *ledger, opened).code;
}

// The other ranks read the study too, and then wait for the master to open it.
int explore_as_worker(const ExploreOptions& options, Transport& transport) {
  Trouble trouble;
  std::optional<io::Study> study;
  std::unique_ptr<Evaluator> evaluator;
  trouble.attempt([&] {
    study.emplace(io::read_as(io::DocumentKind::study, options.study,
                              [&] { return io::Study::read(options.study); }));
    evaluator = options.evaluation.make(*study);
  });
  // The master may wait for two locks and read long journals; it says that it is there meanwhile.
  AwakeClock clock;
  double heard = 0;
  std::optional<Message> message;
  const double patience = std::max(60.0, options.worker_timeout);
  while (!message && clock.look() - heard < patience && stop_request() == StopReason::none) {
    message = transport.receive();
    if (message && message->kind == MessageKind::ping) {
      heard = clock.seconds();
      message.reset();
    } else if (!message) {
      ::usleep(1000);
    }
  }
  Opening opening;
  if (!message || message->kind != MessageKind::open || !decode_opening(message->bytes, opening)) {
    finalise(transport, kFinalisePatience, message ? kDone : kStoppedEarly);
    return message ? kDone : kStoppedEarly;
  }
  StudyFolder folder(posix_file_system(), options.output);
  std::optional<FileLock> joined;
  if (trouble.code == kDone && study->fingerprint() != opening.fingerprint)
    trouble = {kInvalidInput,
               options.study.string() + ": the study or its inputs are not what rank 0 reads"};
  if (trouble.code == kDone) trouble.attempt([&] { joined.emplace(folder.join()); });
  if (trouble.code != kDone) {
    transport.send(0, MessageKind::failed, static_cast<char>(trouble.code) + trouble.what);
    finalise(transport, kFinalisePatience, kDone);
    return kDone;
  }
  if (trouble.code == kDone) trouble.attempt([&] { recall(*study, folder, *evaluator); });
  if (trouble.code != kDone) {
    transport.send(0, MessageKind::failed, static_cast<char>(trouble.code) + trouble.what);
    finalise(transport, kFinalisePatience, kDone);
    return kDone;
  }
  const RunContext context{*study,          options,     folder,          posix_file_system(),
                           *evaluator,      opening.run, opening.started, transport.rank(),
                           transport.size()};
  return run_worker(context, transport).code;
}

}  // namespace

void record_exit_code(const ExploreOptions& options, int code) {
  if (options.exit_code_file.empty()) return;
  try {
    posix_file_system().replace(options.exit_code_file, std::to_string(code) + "\n");
  } catch (const io::FileError& error) {
    std::cerr << "ridgeline: " << io::printable(error.what()) << std::endl;
  }
}

int explore_command(const std::vector<std::string>& arguments) {
  return explore_command(arguments, Evaluation{});
}

int explore_command(const std::vector<std::string>& arguments, const Evaluation& evaluation) {
  ExploreOptions options;
  options.evaluation = evaluation;
  try {
    if (!parse(arguments, options)) return kDone;
  } catch (const UsageError&) {
    if (launched_rank() == 0) {
      // The command line was not understood, but this of it may have been.
      const auto name = std::find(arguments.begin(), arguments.end(), "--exit-code-file");
      if (name != arguments.end() && name + 1 != arguments.end())
        options.exit_code_file = *(name + 1);
      record_exit_code(options, kUsage);
      throw;
    }
    return kUsage;  // said once, by rank 0
  }
  if (options.dry_run) {
    if (launched_rank() != 0) return kDone;
    const io::Study study = io::Study::read(options.study);
    const auto evaluator = options.evaluation.make(study);
    dry_run(study, *evaluator, options.threads);
    return kDone;
  }
  // What an earlier run left there is not about this one.
  std::error_code ignored;
  if (launched_rank() == 0 && !options.exit_code_file.empty())
    std::filesystem::remove(options.exit_code_file, ignored);
  // Before anything that takes time: the default of SIGUSR1 is to end the process.
  catch_signals();
  const auto transport = launched_with_others() ? mpi_transport() : lone_transport();
  return transport->rank() == 0 ? explore_as_master(options, *transport)
                                : explore_as_worker(options, *transport);
}

}  // namespace ridgeline::engine
