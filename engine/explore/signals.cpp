#include "engine/explore/signals.hpp"

#include <atomic>
#include <csignal>

namespace ridgeline::engine {
namespace {

std::atomic<bool> checkpoint_requested{false};
std::atomic<StopReason> requested{StopReason::none};
static_assert(std::atomic<StopReason>::is_always_lock_free, "set from signal handlers");

void handle(int signal) {
  switch (signal) {
    case SIGUSR1:
      checkpoint_requested = true;
      break;
    case SIGUSR2:
      if (requested == StopReason::none) requested = StopReason::finish_soon;
      break;
    default:
      requested = StopReason::at_once;
  }
}

}  // namespace

const char* to_text(StopReason reason) {
  switch (reason) {
    case StopReason::finish_soon:
      return "SIGUSR2";
    case StopReason::at_once:
      return "a signal to end";
    case StopReason::time_limit:
      return "--time-limit";
    case StopReason::max_evaluations:
      return "--max-evaluations";
    case StopReason::caller:
      return "the caller";
    case StopReason::failure:
      return "a failure";
    case StopReason::none:
      break;
  }
  return "nothing";
}

void catch_signals() {
  struct sigaction action {};
  action.sa_handler = handle;
  sigemptyset(&action.sa_mask);
  action.sa_flags = SA_RESTART;
  for (const int signal : {SIGUSR1, SIGUSR2, SIGTERM, SIGINT}) sigaction(signal, &action, nullptr);
  // Writes that fail say so themselves.
  std::signal(SIGPIPE, SIG_IGN);
  std::signal(SIGXFSZ, SIG_IGN);
}

bool take_checkpoint_request() {
  return checkpoint_requested.exchange(false);
}

StopReason stop_request() {
  return requested;
}

}  // namespace ridgeline::engine
