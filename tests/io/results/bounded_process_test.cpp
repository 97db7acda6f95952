#include "io/results/bounded_process.hpp"

#include <gtest/gtest.h>

#include <atomic>
#include <chrono>
#include <csignal>
#include <cstdlib>
#include <stdexcept>

namespace ridgeline::io {
namespace {

TEST(BoundedProcess, HandsOnWhatTheJobReturns) {
  std::string long_text(3'000'000, 'x');
  long_text[1'000'000] = '\0';
  const BoundedAnswer answer = run_bounded("a.h5", 0, [&] { return long_text; });
  EXPECT_EQ(answer.trouble, "");
  EXPECT_EQ(answer.bytes, long_text);
}

TEST(BoundedProcess, SurvivesACrash) {
  const BoundedAnswer answer = run_bounded("a.h5", 0, []() -> std::string {
    std::raise(SIGSEGV);
    return "";
  });
  EXPECT_NE(answer.trouble.find("crashes"), std::string::npos) << answer.trouble;
}

TEST(BoundedProcess, EndsWhatDoesNotEnd) {
  const auto begin = std::chrono::steady_clock::now();
  const BoundedAnswer answer = run_bounded("a.h5", 0, []() -> std::string {
    for (std::atomic<int> i{0};;) ++i;
  });
  EXPECT_NE(answer.trouble.find("without end"), std::string::npos) << answer.trouble;
  // Three seconds of processor time, on a machine that may be busy.
  EXPECT_LT(std::chrono::steady_clock::now() - begin, std::chrono::seconds(60));
}

TEST(BoundedProcess, SaysWhereAJobGaveUp) {
  const BoundedAnswer answer =
      run_bounded("a.h5", 0, []() -> std::string { throw std::runtime_error("no"); });
  EXPECT_NE(answer.trouble.find("gave up"), std::string::npos) << answer.trouble;
}

}  // namespace
}  // namespace ridgeline::io
