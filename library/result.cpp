#include "library/result.hpp"

#include <atomic>
#include <chrono>
#include <exception>
#include <mutex>

#include "engine/run/failure.hpp"
#include "io/document/error.hpp"

void ridgeline_result::fail(int code, const std::string& what) {
  status = code;
  message = what;
}

namespace ridgeline::engine {
namespace {

using Clock = std::chrono::steady_clock;

// Calls the caller's functions one at a time, and not too often.
class Caller {
 public:
  explicit Caller(const ridgeline_hooks& hooks) : hooks_(hooks) {}

  void note(int detail, const std::string& text) {
    const std::lock_guard lock(mutex_);
    hooks_.note(hooks_.context, detail, text.c_str());
  }

  void progress(double done, double all) {
    const std::lock_guard lock(mutex_);
    const auto now = Clock::now();
    if (now < next_progress_ && done < all) return;
    next_progress_ = now + std::chrono::milliseconds(50);
    hooks_.progress(hooks_.context, done, all);
  }

  bool cancelled() {
    if (cancelled_.load(std::memory_order_relaxed)) return true;
    bool now = hooks_.cancelled != nullptr && *hooks_.cancelled != 0;
    if (!now && hooks_.cancel != nullptr) now = ask();
    if (now) cancelled_ = true;
    return now;
  }

 private:
  bool ask() {
    const auto now = Clock::now().time_since_epoch().count();
    if (now < next_question_.load(std::memory_order_relaxed)) return false;
    const std::lock_guard lock(mutex_);
    next_question_ = now + Clock::duration(std::chrono::milliseconds(10)).count();
    return hooks_.cancel(hooks_.context) != 0;
  }

  const ridgeline_hooks hooks_;
  std::mutex mutex_;
  Clock::time_point next_progress_{};
  std::atomic<Clock::rep> next_question_{0};
  std::atomic<bool> cancelled_{false};
};

}  // namespace

void take_exception(ridgeline_result& result) {
  result.text.reset();
  try {
    throw;
  } catch (const io::InputError& error) {
    result.status = RIDGELINE_INVALID_INPUT;
    result.file = error.location.file;
    result.place = error.location.pointer;
    result.problem.line = error.location.line;
    result.problem.column = error.location.column;
    result.message = error.problem;
    result.remedy = error.remedy;
  } catch (...) {
    const Failure failure = failure_of(std::current_exception());
    result.fail(failure.code, failure.what);
  }
}

Hooks hooks_of_caller(const ridgeline_hooks* hooks) {
  Hooks result;
  if (hooks == nullptr || hooks->size < sizeof(ridgeline_hooks)) return result;
  const auto caller = std::make_shared<Caller>(*hooks);
  if (hooks->note != nullptr) {
    result.remark = [caller](const std::string& text) { caller->note(0, text); };
    result.detail = [caller](const std::string& text) { caller->note(1, text); };
  }
  if (hooks->progress != nullptr) {
    result.progress = [caller](double done, double all) { caller->progress(done, all); };
  }
  if (hooks->cancel != nullptr || hooks->cancelled != nullptr) {
    result.stop = [caller] { return caller->cancelled(); };
  }
  return result;
}

}  // namespace ridgeline::engine
