// A command line run as a user would, with what it says.
#pragma once

#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "engine/commands/cli.hpp"

namespace ridgeline::testing {

struct Outcome {
  int code = 0;
  std::string out;
  std::string err;
};

inline Outcome captured_run(const std::vector<std::string>& arguments) {
  ::testing::internal::CaptureStdout();
  ::testing::internal::CaptureStderr();
  Outcome outcome;
  outcome.code = engine::run_command_line(arguments);
  outcome.out = ::testing::internal::GetCapturedStdout();
  outcome.err = ::testing::internal::GetCapturedStderr();
  return outcome;
}

}  // namespace ridgeline::testing
