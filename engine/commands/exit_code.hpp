// What the program tells its caller.
#pragma once

#include <stdexcept>

namespace ridgeline::engine {

inline constexpr int kDone = 0;
inline constexpr int kBug = 1;            // in Ridgeline itself
inline constexpr int kUsage = 2;          // command line
inline constexpr int kInvalidInput = 3;   // a document or model that is not right
inline constexpr int kInfeasible = 4;     // valid input, but no feasible design
inline constexpr int kIoFailed = 74;      // disk full, not writable (EX_IOERR)
inline constexpr int kStoppedEarly = 75;  // by a signal or limit; can be resumed (EX_TEMPFAIL)

// A command line that cannot be understood: exit code 2.
class UsageError : public std::runtime_error {
 public:
  using std::runtime_error::runtime_error;
};

}  // namespace ridgeline::engine
