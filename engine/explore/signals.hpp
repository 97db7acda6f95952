// What the outside asks of a running study.
//
// Handlers set flags; the loop that sends and receives looks at them.
#pragma once

namespace ridgeline::engine {

enum class StopReason : unsigned char {
  none,
  finish_soon,      // SIGUSR2: checkpoint and stop
  at_once,          // SIGTERM, SIGINT
  time_limit,       // --time-limit
  max_evaluations,  // --max-evaluations
  failure,          // input or output failed somewhere
  caller,           // Hooks::stop, of a call
};

// Who asks, as messages name it.
const char* to_text(StopReason reason);

// Installs the handlers of SIGUSR1, SIGUSR2, SIGTERM and SIGINT and ignores SIGPIPE and
// SIGXFSZ. Not undone:
// what comes after the study must not be killed by a late signal either.
void catch_signals();
// Whether SIGUSR1 came since the last call.
bool take_checkpoint_request();
StopReason stop_request();

}  // namespace ridgeline::engine
