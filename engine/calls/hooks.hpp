// What a call says to its caller while it runs, and how the caller ends it early. Calls print
// nothing, set no signal handlers and never end the process: who calls decides that.
#pragma once

#include <functional>
#include <stdexcept>
#include <string>
#include <vector>

namespace ridgeline::engine {

// Any of them may be empty. `stop` and `progress` are called from several threads, at the same
// time if it so happens; `remark` and `detail` from the calling one.
struct Hooks {
  std::function<void(const std::string& text)> remark;  // what one should know
  std::function<void(const std::string& text)> detail;  // what one may want to know
  // Polled; true ends the call: with Cancelled where it has nothing to give by then.
  std::function<bool()> stop;
  // `done` of `all` parts: layers, schedules, candidates. `all` may grow.
  std::function<void(double done, double all)> progress;

  void note(const std::string& text) const {
    if (remark && !text.empty()) remark(text);
  }
  void details(const std::vector<std::string>& texts) const {
    for (const std::string& text : texts)
      if (detail && !text.empty()) detail(text);
  }
  bool stopped() const { return stop && stop(); }
};

// A call was ended by Hooks::stop.
class Cancelled : public std::runtime_error {
 public:
  Cancelled() : std::runtime_error("cancelled") {}
};

// Valid input, but nothing that is feasible.
class Infeasible : public std::runtime_error {
 public:
  using std::runtime_error::runtime_error;
};

}  // namespace ridgeline::engine
