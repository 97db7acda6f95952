#include <unistd.h>

#include <algorithm>
#include <cmath>
#include <deque>
#include <iostream>
#include <memory>
#include <set>
#include <utility>

#include "engine/commands/exit_code.hpp"
#include "engine/explore/aside.hpp"
#include "engine/explore/awake_clock.hpp"
#include "engine/explore/crash_note.hpp"
#include "engine/explore/progress.hpp"
#include "engine/explore/run.hpp"
#include "engine/explore/study_results.hpp"
#include "engine/explore/study_status.hpp"
#include "engine/run/failure.hpp"
#include "io/document/printable.hpp"
#include "io/results/study_file.hpp"

namespace ridgeline::engine {
namespace {

using Clock = std::chrono::steady_clock;

// Long work is left to itself so many seconds after a signal to end.
constexpr double kLeaveAfter = 0.4;
// Memory that is given back when there is none left, so that the end can be an orderly one.
constexpr std::size_t kReserve = std::size_t{4} << 20;

class Master {
 public:
  Master(const RunContext& context, Transport& transport, Ledger& ledger, const OpenedStudy& opened)
      : context_(context),
        transport_(transport),
        ledger_(ledger),
        work_(context, ledger.front()),
        progress_(context.options.quiet, context.options.verbose, context.options.hooks),
        status_(context.options.output, context.study.spec(), context.options.threads),
        pace_(transport.size() == 1),
        samples_(opened.before) {
    if (!samples_.empty()) seconds_before_ = samples_.back().seconds;
    peers_.resize(static_cast<std::size_t>(transport.size()));
    for (int rank = 0; rank < transport.size(); ++rank) {
      ledger_.add_worker(context.options.threads, rank == 0);
    }
    for (const std::string& warning : opened.warnings) progress_.say(warning);
  }

  RunEnd run() {
    try {
      announce();
      loop();
      if (!stopping_) finish();
    } catch (...) {
      fail(std::current_exception());
      if (!stopping_) stop(StopReason::failure);
    }
    attempt([&] { progress_.finish(); });
    for (int rank = 1; rank < ranks(); ++rank) end_.ranks_lost = end_.ranks_lost || peer(rank).lost;
    if (!failure_.empty()) {
      end_.failure = failure_;
      if (context_.options.hooks == nullptr)
        std::cerr << "ridgeline: " << io::printable(failure_) << std::endl;
      end_.code = failure_code_;
    }
    return end_;
  }

 private:
  struct Peer {
    double heard = 0;         // by the awake clock
    double sent = -1e9;       // likewise
    std::uint32_t front = 0;  // number of blocks whose front it has
    bool joined = false;      // said `ready`
    bool lost = false;        // nothing heard of it for too long
    bool dead = false;        // it crashed, or cannot be reached
    bool ended = false;       // said `stopped` or `bye`
    bool hungry = false;      // could take more than there was for it
  };

  Peer& peer(int rank) { return peers_[static_cast<std::size_t>(rank)]; }
  static double seconds(Clock::duration time) {
    return std::chrono::duration<double>(time).count();
  }
  double now() const { return seconds(Clock::now() - begun_); }
  int ranks() const { return transport_.size(); }

  void announce() {
    const auto& options = context_.options;
    const std::uint64_t known = ledger_.done();
    progress_.say(
        "study " + context_.study.spec().name + ": " + std::to_string(ledger_.expected()) +
        " candidates, " + (known > 0 ? std::to_string(known) + " of them known, " : std::string()) +
        std::to_string(ranks()) + (ranks() == 1 ? " rank, " : " ranks, ") +
        std::to_string(options.threads) + (options.threads == 1 ? " thread" : " threads each") +
        (options.prune ? "" : ", without pruning"));
    progress_.show(ledger_, 0);
  }

  // The first failure counts: what comes after mostly follows from it.
  void fail(const std::exception_ptr& error) {
    reserve_.reset();
    const Failure failure = failure_of(error);
    if (!failure_.empty()) return;
    failure_ = failure.what;
    failure_code_ = failure.code;
  }

  template <class Action>
  void attempt(Action&& action) {
    try {
      action();
    } catch (...) {
      fail(std::current_exception());
    }
  }

  // Does what may take long, while this thread answers. False: a signal to end came, and the job
  // was left to itself: what it uses must not be touched from then on.
  bool aside(std::function<void()> job, bool may_leave) {
    aside_.start(std::move(job));
    auto wait = std::chrono::microseconds(50);
    double asked = -1;
    while (!aside_.done(wait)) {
      wait = std::min(2 * wait, std::chrono::microseconds(5000));
      answer();
      if (!may_leave || stop_request() != StopReason::at_once) continue;
      if (asked < 0) asked = now();
      if (now() - asked < kLeaveAfter) continue;
      left_ = true;
      return false;
    }
    return true;
  }

  // Keeps what comes for later, and tells the others that this rank is there.
  void answer() {
    awake_.look();
    while (auto message = transport_.receive()) {
      peer(message->rank).heard = awake_.seconds();
      backlog_.push_back(std::move(*message));
    }
    greet();
  }

  std::optional<Message> next_message() {
    if (!backlog_.empty()) {
      std::optional<Message> message = std::move(backlog_.front());
      backlog_.pop_front();
      return message;
    }
    return transport_.receive();
  }

  void loop() {
    const auto& options = context_.options;
    double next_checkpoint = options.checkpoint_every;
    if (!aside([&] { ledger_.start(); }, true)) return stop(StopReason::at_once);
    hand_out(0);
    while (!ledger_.complete()) {
      awake_.look();
      bool busy = false;
      while (const auto message = next_message()) {
        handle(*message);
        busy = true;
      }
      if (ledger_.due() && !aside([&] { ledger_.look(); }, true)) return stop(StopReason::at_once);
      const auto wait = ledger_.looking() ? std::chrono::microseconds(0) : pace_.wait();
      const Finished finished = work_.collect(wait);
      if (!finished.empty()) {
        take_in(0, finished);
      }
      hand_out(0);
      feed_hungry();
      if (!failure_.empty()) return stop(StopReason::failure);
      if (take_checkpoint_request()) checkpoint_asked_ = true;
      if (checkpoint_asked_ || (options.checkpoint_every > 0 && now() >= next_checkpoint)) {
        checkpoint();
        next_checkpoint = now() + options.checkpoint_every;
      }
      StopReason reason = stop_request();
      if (options.hooks != nullptr) {
        reason = options.hooks->stopped() ? StopReason::caller : StopReason::none;
      }
      if (reason == StopReason::none) reason = asked_to_stop_;
      if (reason == StopReason::none && options.time_limit > 0 && now() >= options.time_limit)
        reason = StopReason::time_limit;
      if (reason == StopReason::none && ledger_.budget_spent() && !ledger_.evaluated_all() &&
          !ledger_.due())
        reason = StopReason::max_evaluations;
      if (reason != StopReason::none && !ledger_.complete()) return stop(reason);
      look_after_peers();
      sample(false);
      status_.show(ledger_, ranks(), seconds_before_ + now());
      progress_.show(ledger_, now());
      pace_.after(busy, work_.pool().hungry());
    }
  }

  void take_in(int rank, const Finished& finished) {
    const double moment = now();
    for (const Candidate& candidate : finished.candidates) ledger_.record(rank, candidate, moment);
    for (const DesignRecord& design : finished.designs) ledger_.record(rank, design, moment);
  }

  void handle(const Message& message) {
    const int rank = message.rank;
    peer(rank).heard = std::max(peer(rank).heard, awake_.seconds());
    if (left_) {  // the books must not be touched
      if (message.kind == MessageKind::stopped || message.kind == MessageKind::bye)
        peer(rank).ended = true;
      return;
    }
    if (peer(rank).lost) {
      peer(rank).lost = false;
      ledger_.revive(rank);
      progress_.say("rank " + std::to_string(rank) + " is heard of again");
    }
    switch (message.kind) {
      case MessageKind::ready:
        peer(rank).joined = true;
        ledger_.revive(rank);
        if (!stopping_) hand_out(rank);
        return;
      case MessageKind::results: {
        Finished finished;
        if (!decode_results(message.bytes, finished))
          throw MachineError("rank " + std::to_string(rank) + " sent what is no list of results");
        take_in(rank, finished);
        if (!stopping_) hand_out(rank);
        return;
      }
      case MessageKind::signalled: {
        const auto reason = static_cast<StopReason>(message.bytes.empty() ? 0 : message.bytes[0]);
        if (reason == StopReason::none)
          // All ranks get the launcher's signal: the first one counts.
          checkpoint_asked_ = checkpoint_asked_ || now() - last_checkpoint_ > 1;
        else
          asked_to_stop_ = reason;
        return;
      }
      case MessageKind::failed:
        if (failure_.empty() && !message.bytes.empty()) {
          failure_ = "rank " + std::to_string(rank) + ": " + message.bytes.substr(1);
          failure_code_ = message.bytes[0];
        }
        peer(rank).ended = !peer(rank).joined;
        return;
      case MessageKind::stopped:
      case MessageKind::bye:
        peer(rank).ended = true;
        return;
      default:
        return;
    }
  }

  void send(int rank, MessageKind kind, std::string bytes) {
    transport_.send(rank, kind, std::move(bytes));
    peer(rank).sent = awake_.seconds();
  }

  void hand_out(int rank) {
    for (;;) {
      const std::size_t appetite = ledger_.appetite(rank);
      const Chunk chunk = ledger_.take(rank, appetite, now());
      peer(rank).hungry = appetite > 0 && chunk.ids.empty();
      if (chunk.ids.empty()) return;
      if (rank == 0) {
        work_.pool().submit(chunk);
        continue;
      }
      if (chunk.front > peer(rank).front) {
        send(rank, MessageKind::front,
             encode_front(ledger_.front().since(peer(rank).front), ledger_.oldest_front()));
        peer(rank).front = ledger_.completed_blocks();
      }
      send(rank, MessageKind::chunk, encode_chunk(chunk));
    }
  }

  void feed_hungry() {
    for (int rank = 1; rank < ranks(); ++rank)
      if (peer(rank).hungry) hand_out(rank);
  }

  // Pings those that have not been sent anything for a while. Many ranks are greeted more rarely,
  // lest greeting becomes the master's work.
  void greet() {
    const double timeout = context_.options.worker_timeout;
    const double every =
        std::min(timeout / 4, std::max(std::min(1.0, timeout / 5), ranks() / 1000.0));
    if (awake_.seconds() - greeted_ < every / 4) return;
    greeted_ = awake_.seconds();
    for (int rank = 1; rank < ranks(); ++rank)
      if (!peer(rank).lost && greeted_ - peer(rank).sent > every) send(rank, MessageKind::ping, {});
    transport_.drained();
  }

  void look_after_peers() {
    greet();
    for (const SendFailure& failure : transport_.take_failures()) {
      if (peer(failure.rank).lost || peer(failure.rank).ended) continue;
      peer(failure.rank).dead = true;
      lose(failure.rank, "a message to it did not get away (" + failure.why + ")");
    }
    const double timeout = context_.options.worker_timeout;
    if (awake_.seconds() < next_look_) return;
    next_look_ = awake_.seconds() + std::min(1.0, timeout / 10);
    for (int rank = 1; rank < ranks(); ++rank)
      if (peer(rank).joined && !peer(rank).lost && awake_.seconds() - peer(rank).heard > timeout)
        lose(rank, "nothing heard of it for " + std::to_string(static_cast<int>(timeout)) + " s");
  }

  // What a rank noted when it crashed.
  std::set<std::pair<std::uint64_t, bool>> crash_notes(int rank) const {
    std::set<std::pair<std::uint64_t, bool>> noted;
    try {
      const auto file = context_.folder.crash_note(context_.run, rank);
      for (const CrashNote& note : decode_crash_notes(context_.files.read(file)))
        noted.emplace(note.id, note.design);
    } catch (const io::FileError&) {
      // It left none.
    }
    return noted;
  }

  void lose(int rank, const std::string& why) {
    const std::size_t items = ledger_.outstanding(rank);
    peer(rank).lost = true;
    std::vector<Candidate> quarantined;
    const auto noted = crash_notes(rank);
    peer(rank).dead = peer(rank).dead || !noted.empty();
    ledger_.lose(rank, quarantined, [&](std::uint64_t id, bool design) {
      return noted.contains({id, design});
    });
    progress_.say("rank " + std::to_string(rank) + " is lost: " + why + "; its " +
                  std::to_string(items) + " candidates are handed out again");
    for (const Candidate& candidate : quarantined) {
      progress_.say("candidate " + std::to_string(candidate.id) + " (" +
                    context_.study.describe(candidate.id) + ") is left out: " + candidate.message);
      work_.keep(candidate);
      ledger_.record(0, candidate, now());
    }
    if (!quarantined.empty()) work_.journal().flush();
    if (const auto id = ledger_.deadly())
      throw MachineError(
          "candidate " + std::to_string(*id) + " (" + context_.study.describe(*id) +
          "): several processes were killed while they evaluated it, most likely "
          "for want of memory (give more, or fewer ranks and threads, and --resume)");
  }

  // Those too that are still on their way to the work.
  void tell_all(MessageKind kind) {
    for (int rank = 1; rank < ranks(); ++rank)
      if (!peer(rank).ended) send(rank, kind, {});
  }

  void checkpoint() {
    checkpoint_asked_ = false;
    tell_all(MessageKind::checkpoint);
    sample(true);
    aside([&] { work_.checkpoint(); }, false);
    last_checkpoint_ = now();
    progress_.detail("checkpoint: " + std::to_string(ledger_.known().size()) +
                     " candidates are safe");
  }

  // Convergence: often at first, then ever more rarely, so that the column stays short.
  void sample(bool at_any_rate) {
    const double moment = seconds_before_ + now();
    if (!at_any_rate && moment < next_sample_) return;
    next_sample_ = moment + std::max(0.25, moment / 200);
    ProgressRecord record;
    record.seconds = moment;
    record.evaluated = ledger_.known().size() - ledger_.known().count(CandidateStatus::pruned);
    record.hypervolume = hypervolume_of(ledger_);
    record.gap = gap_of(ledger_);
    record.front_size = ledger_.front().size();
    samples_.push_back(record);
    work_.journal().append(record);
  }

  // Silent, but without a sign that it is dead: suspended, perhaps.
  bool may_wake(int rank) { return peer(rank).joined && !peer(rank).dead && !peer(rank).ended; }

  void await_ends(double longest, bool sleepers_too = false) {
    const double until = now() + longest;
    while (now() < until) {
      awake_.look();
      while (const auto message = next_message()) handle(*message);
      bool all = true;
      for (int rank = 1; rank < ranks(); ++rank)
        all = all && (peer(rank).ended || !peer(rank).joined ||
                      (peer(rank).lost && !(sleepers_too && may_wake(rank))));
      if (all) return;
      transport_.drained();
      ::usleep(500);
    }
    for (int rank = 1; rank < ranks(); ++rank)
      if (!peer(rank).ended && peer(rank).joined) end_.ranks_lost = true;
  }

  void stop(StopReason reason) {
    stopping_ = true;
    end_.code = kStoppedEarly;
    end_.stopped = reason != StopReason::at_once;
    attempt([&] { tell_all(MessageKind::stop); });
    end_.evaluating = !work_.pool().stop(std::chrono::milliseconds(800));
    // What is in the journal is safe, whatever becomes of the books.
    attempt([&] {
      const Finished finished = work_.collect(std::chrono::microseconds(0));
      if (!left_) take_in(0, finished);
    });
    attempt([&] { work_.journal().sync(); });
    attempt([&] { await_ends(1.0); });
    if (left_) {
      // Nothing that the job may use can be destroyed.
      end_.evaluating = true;
      attempt([&] {
        progress_.say("stopped by " + std::string(to_text(reason)) +
                      " in the middle of a long step; what was evaluated is in the journals, and "
                      "--resume continues");
      });
      return;
    }
    attempt([&] {
      sample(true);
      aside([&] { work_.checkpoint(); }, false);
      aside([&] { write("stopped"); }, false);
    });
    attempt([&] {
      progress_.say("stopped by " + std::string(to_text(reason)) + " with " +
                    std::to_string(ledger_.done()) + " of " + std::to_string(ledger_.expected()) +
                    " candidates, " + std::to_string(front_written_) +
                    " of them on the front so far; --resume continues");
    });
  }

  void finish() {
    sample(true);
    work_.journal().sync();
    // A second evaluation of what another has finished meanwhile is nobody's concern any more.
    end_.evaluating = !work_.pool().stop(std::chrono::milliseconds(800));
    if (!aside([&] { write("complete"); }, true)) return stop(StopReason::at_once);
    tell_all(MessageKind::finish);
    await_ends(std::min(5.0, context_.options.worker_timeout));
    // mpirun takes it for a failure when this rank ends while another is suspended.
    bool sleepers = false;
    for (int rank = 1; rank < ranks(); ++rank) sleepers = sleepers || may_wake(rank);
    if (sleepers) {
      end_.ranks_lost = false;
      await_ends(std::min(30.0, 5 * context_.options.worker_timeout), true);
    }
    if (!context_.options.keep) context_.folder.remove();
    progress_.show(ledger_, now(), true);
    for (const std::string& line : closing_lines(context_, ledger_)) progress_.say(line);
    if (ledger_.known().count(CandidateStatus::ok) == 0) end_.code = kInfeasible;
  }

  void write(const std::string& status) {
    io::StudyFile file = describe_study(context_, ledger_, samples_, status);
    // The books count what whole blocks brought; a file has all that is known.
    front_written_ = file.front.size();
    if (!file.convergence.front_size.empty()) file.convergence.front_size.back() = front_written_;
    io::write_study_file(context_.folder.output(), file);
  }

  const RunContext& context_;
  Transport& transport_;
  Ledger& ledger_;
  RankWork work_;
  Progress progress_;
  StatusWriter status_;
  Pace pace_;
  std::vector<Peer> peers_;
  std::vector<ProgressRecord> samples_;
  std::uint64_t front_written_ = 0;
  double seconds_before_ = 0;
  double next_sample_ = 0;
  double last_checkpoint_ = -10;
  bool checkpoint_asked_ = false;
  bool stopping_ = false;
  StopReason asked_to_stop_ = StopReason::none;
  bool left_ = false;            // a job of aside_ goes on, and the books are its own
  std::deque<Message> backlog_;  // what came while a job was under way
  std::string failure_;
  int failure_code_ = kIoFailed;
  RunEnd end_;
  Clock::time_point begun_ = Clock::now();
  AwakeClock awake_;
  double next_look_ = 0;   // by the awake clock
  double greeted_ = -1e9;  // likewise
  std::unique_ptr<char[]> reserve_ = std::make_unique<char[]>(kReserve);
  Aside aside_;  // the last one: what its job uses lives longer
};

}  // namespace

RunEnd run_master(const RunContext& context, Transport& transport, Ledger& ledger,
                  const OpenedStudy& opened) {
  std::optional<Master> master;
  RunEnd end;
  try {
    master.emplace(context, transport, ledger, opened);
  } catch (...) {
    // The others have begun by now.
    const Failure failure = failure_of(std::current_exception());
    end.failure = failure.what;
    if (context.options.hooks == nullptr)
      std::cerr << "ridgeline: " << io::printable(failure.what) << std::endl;
    for (int rank = 1; rank < transport.size(); ++rank) transport.send(rank, MessageKind::stop, {});
    end.code = failure.code;
  }
  if (master) end = master->run();
  if (context.options.hooks != nullptr) return end;
  record_exit_code(context.options, end.code);
  finalise(transport, finalise_patience(end), end.code, end.stopped);
  if (end.evaluating || end.ranks_lost) _exit(end.code);
  return end;
}

}  // namespace ridgeline::engine
