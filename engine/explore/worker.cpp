#include <unistd.h>

#include <iostream>
#include <iterator>

#include "engine/commands/exit_code.hpp"
#include "engine/explore/reporting.hpp"
#include "engine/explore/run.hpp"

namespace ridgeline::engine {
namespace {

using Clock = std::chrono::steady_clock;

class Worker {
 public:
  Worker(const RunContext& context, Transport& transport)
      : context_(context), transport_(transport), work_(context, front_) {}

  RunEnd run() {
    transport_.send(0, MessageKind::ready, {});
    while (!ended_) {
      bool busy = false;
      while (!ended_) {
        const auto message = transport_.receive();
        if (!message) break;
        heard_ = Clock::now();
        handle(*message);
        busy = true;
      }
      if (ended_) break;
      try {
        Finished finished = work_.collect(pace_.wait());
        add(finished);
        const bool idle = work_.pool().hungry();
        const double seconds = std::chrono::duration<double>(Clock::now() - unsent_since_).count();
        const std::size_t count = unsent_.candidates.size() + unsent_.designs.size();
        if (idle || time_to_report(count, seconds, held_)) send_results();
      } catch (const io::FileError& error) {
        fail(error.what());
      }
      pace_.after(busy, work_.pool().hungry());
      look_at_signals();
      look_at_clock();
      transport_.drained();
    }
    return end_;
  }

 private:
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
    sent_ = Clock::now();
  }

  void handle(const Message& message) {
    switch (message.kind) {
      case MessageKind::chunk: {
        Chunk chunk;
        if (!decode_chunk(message.bytes, chunk)) return;
        held_ = work_.pool().submit(chunk);
        return;
      }
      case MessageKind::front:
        decode_front(message.bytes, front_);
        return;
      case MessageKind::checkpoint:
        try {
          work_.checkpoint();
        } catch (const io::FileError& error) {
          fail(error.what());
        }
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
  void fail(const std::string& why) {
    if (failed_) return;
    failed_ = true;
    work_.pool().stop(std::chrono::milliseconds(0));
    transport_.send(0, MessageKind::failed, static_cast<char>(kIoFailed) + why);
  }

  void stop() {
    end_.evaluating = !work_.pool().stop(std::chrono::milliseconds(800));
    // The exit code of the whole is the master's: a launcher reports the first it gets.
    end_.code = kDone;
    end_.stopped = stop_request() != StopReason::at_once;
    ended_ = true;
    try {
      if (!failed_) {
        Finished finished = work_.collect(std::chrono::microseconds(0));
        add(finished);
        send_results();
        work_.checkpoint();
      }
    } catch (const io::FileError& error) {
      fail(error.what());
    }
    transport_.send(0, MessageKind::stopped, {});
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
    if (reason == StopReason::at_once && !failed_) {
      // The launcher leaves about a second: what is finished first of all.
      try {
        work_.journal().sync();
      } catch (const io::FileError& error) {
        fail(error.what());
      }
    }
  }

  void look_at_clock() {
    const auto now = Clock::now();
    const double timeout = context_.options.worker_timeout;
    if (now - sent_ > std::chrono::duration<double>(std::min(1.0, timeout / 5))) {
      transport_.send(0, MessageKind::beat, {});
      sent_ = now;
    }
    if (now - heard_ <= std::chrono::duration<double>(timeout)) return;
    // The master is gone. What is finished is in the journal, for --resume.
    std::cerr << "ridgeline: rank " << context_.rank << ": nothing heard of rank 0 for " << timeout
              << " s: leaving" << std::endl;
    end_.evaluating = !work_.pool().stop(std::chrono::milliseconds(800));
    end_.ranks_lost = true;
    end_.code = kStoppedEarly;
    ended_ = true;
    try {
      work_.collect(std::chrono::microseconds(0));
      work_.checkpoint();
    } catch (const io::FileError&) {
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
  Clock::time_point heard_ = Clock::now();
  Clock::time_point sent_ = Clock::now();
};

}  // namespace

RunEnd run_worker(const RunContext& context, Transport& transport) {
  Worker worker(context, transport);
  const RunEnd end = worker.run();
  finalise(transport, finalise_patience(end), end.code, end.stopped);
  if (end.evaluating || end.ranks_lost) _exit(end.code);
  return end;
}

}  // namespace ridgeline::engine
