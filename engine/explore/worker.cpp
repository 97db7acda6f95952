#include <unistd.h>

#include <iostream>
#include <iterator>
#include <memory>
#include <optional>

#include "engine/commands/exit_code.hpp"
#include "engine/explore/awake_clock.hpp"
#include "engine/explore/reporting.hpp"
#include "engine/explore/run.hpp"
#include "engine/run/failure.hpp"
#include "io/document/printable.hpp"

namespace ridgeline::engine {
namespace {

using Clock = std::chrono::steady_clock;

// Nothing goes on without rank 0: one that was suspended is waited for longer than others are.
constexpr double kPatienceWithMaster = 5;  // times --worker-timeout

class Worker {
 public:
  Worker(const RunContext& context, Transport& transport)
      : context_(context), transport_(transport), work_(context, front_) {}

  RunEnd run() {
    attempt([&] { transport_.send(0, MessageKind::ready, {}); });
    while (!ended_) {
      attempt([&] { step(); });
    }
    return end_;
  }

 private:
  void step() {
    awake_.look();
    bool busy = false;
    while (!ended_) {
      const auto message = transport_.receive();
      if (!message) break;
      heard_ = awake_.seconds();
      handle(*message);
      busy = true;
    }
    if (ended_) return;
    Finished finished = work_.collect(pace_.wait());
    add(finished);
    const bool idle = work_.pool().hungry();
    const double seconds = std::chrono::duration<double>(Clock::now() - unsent_since_).count();
    const std::size_t count = unsent_.candidates.size() + unsent_.designs.size();
    if (idle || time_to_report(count, seconds, held_)) send_results();
    pace_.after(busy, work_.pool().hungry());
    look_at_signals();
    look_at_peers();
    transport_.drained();
  }

  template <class Action>
  void attempt(Action&& action) {
    try {
      action();
    } catch (...) {
      fail(std::current_exception());
    }
  }

  // What is in the journal, and the master need not know at once.
  void add(Finished& finished) {
    if (finished.empty()) return;
    if (unsent_.empty()) unsent_since_ = Clock::now();
    std::move(finished.candidates.begin(), finished.candidates.end(),
              std::back_inserter(unsent_.candidates));
    std::move(finished.designs.begin(), finished.designs.end(),
              std::back_inserter(unsent_.designs));
  }

  void send_results() {
    if (unsent_.empty()) return;
    transport_.send(0, MessageKind::results, encode_results(unsent_));
    unsent_ = {};
    sent_ = awake_.seconds();
  }

  void handle(const Message& message) {
    switch (message.kind) {
      case MessageKind::chunk: {
        Chunk chunk;
        if (!decode_chunk(message.bytes, chunk)) throw MachineError("rank 0 sent what is no work");
        held_ = work_.pool().submit(chunk);
        return;
      }
      case MessageKind::front:
        if (!decode_front(message.bytes, front_))
          throw MachineError("rank 0 sent what is no front");
        return;
      case MessageKind::checkpoint:
        if (!failed_) work_.checkpoint();
        return;
      case MessageKind::stop:
        stop();
        return;
      case MessageKind::finish:
        finish();
        return;
      default:
        return;
    }
  }

  // Nothing more is evaluated or written; the master decides what becomes of the study.
  void fail(const std::exception_ptr& error) {
    if (failed_) return;
    failed_ = true;
    reserve_.reset();
    end_.evaluating = !work_.pool().stop(std::chrono::milliseconds(0));
    try {
      const Failure failure = failure_of(error);
      transport_.send(0, MessageKind::failed, static_cast<char>(failure.code) + failure.what);
    } catch (...) {
      // Not even that: the master takes this rank for lost, and the study goes on without it.
      end_.ranks_lost = true;
      end_.code = kIoFailed;
      ended_ = true;
    }
  }

  void stop() {
    end_.evaluating = !work_.pool().stop(std::chrono::milliseconds(800));
    // The exit code of the whole is the master's: a launcher reports the first it gets.
    end_.code = kDone;
    end_.stopped = stop_request() != StopReason::at_once;
    ended_ = true;
    attempt([&] {
      if (failed_) return;
      Finished finished = work_.collect(std::chrono::microseconds(0));
      add(finished);
      send_results();
      work_.checkpoint();
    });
    attempt([&] { transport_.send(0, MessageKind::stopped, {}); });
  }

  void finish() {
    end_.evaluating = !work_.pool().stop(std::chrono::milliseconds(800));
    ended_ = true;
    transport_.send(0, MessageKind::bye, {});
  }

  void look_at_signals() {
    if (take_checkpoint_request())
      transport_.send(0, MessageKind::signalled,
                      std::string(1, static_cast<char>(StopReason::none)));
    const StopReason reason = stop_request();
    if (reason == StopReason::none || told_reason_) return;
    told_reason_ = true;
    transport_.send(0, MessageKind::signalled, std::string(1, static_cast<char>(reason)));
    // The launcher leaves about a second: what is finished first of all.
    if (reason == StopReason::at_once && !failed_) work_.journal().sync();
  }

  void look_at_peers() {
    const double timeout = context_.options.worker_timeout;
    if (awake_.seconds() - sent_ > std::min(1.0, timeout / 5)) {
      transport_.send(0, MessageKind::beat, {});
      sent_ = awake_.seconds();
    }
    const std::vector<SendFailure> failures = transport_.take_failures();
    if (!failures.empty()) return leave("rank 0 cannot be reached (" + failures.front().why + ")");
    const double patience = kPatienceWithMaster * timeout;
    if (awake_.seconds() - heard_ > patience)
      leave("nothing heard of rank 0 for " + std::to_string(static_cast<int>(patience)) + " s");
  }

  // The master is gone. What is finished is in the journal, for --resume.
  void leave(const std::string& why) {
    std::cerr << "ridgeline: rank " << context_.rank << ": " << io::printable(why) << ": leaving"
              << std::endl;
    end_.evaluating = !work_.pool().stop(std::chrono::milliseconds(800));
    end_.ranks_lost = true;
    end_.code = kStoppedEarly;
    ended_ = true;
    try {
      work_.collect(std::chrono::microseconds(0));
      work_.checkpoint();
    } catch (const std::exception&) {
      // Nobody is there to be told.
    }
  }

  const RunContext& context_;
  Transport& transport_;
  Front front_;
  RankWork work_;
  Pace pace_{false};
  RunEnd end_;
  std::size_t held_ = 0;  // items in the pool when it was last given some
  Finished unsent_;
  Clock::time_point unsent_since_{};
  bool ended_ = false;
  bool failed_ = false;
  bool told_reason_ = false;
  AwakeClock awake_;
  double heard_ = 0;  // by the awake clock, like the next
  double sent_ = 0;
  // Given back when there is no memory left, so that the master can be told.
  std::unique_ptr<char[]> reserve_ = std::make_unique<char[]>(std::size_t{1} << 20);
};

}  // namespace

RunEnd run_worker(const RunContext& context, Transport& transport) {
  std::optional<Worker> worker;
  RunEnd end;
  try {
    worker.emplace(context, transport);
  } catch (...) {
    const Failure failure = failure_of(std::current_exception());
    transport.send(0, MessageKind::failed, static_cast<char>(failure.code) + failure.what);
  }
  if (worker) end = worker->run();
  finalise(transport, finalise_patience(end), end.code, end.stopped);
  if (end.evaluating || end.ranks_lost) _exit(end.code);
  return end;
}

}  // namespace ridgeline::engine
