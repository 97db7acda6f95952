#include "engine/run/search_time.hpp"

#include <algorithm>

namespace ridgeline::engine {

namespace {

using Clock = std::chrono::steady_clock;

thread_local Clock::time_point thread_end = Clock::time_point::max();

// Longer than any run, and shorter than what the clock can count.
constexpr double kMostSeconds = 1e9;

Clock::duration seconds_as_duration(double seconds) {
  return std::chrono::duration_cast<Clock::duration>(
      std::chrono::duration<double>(std::min(seconds, kMostSeconds)));
}

}  // namespace

SearchTime::SearchTime(double seconds) {
  if (seconds > 0) end_ = Clock::now() + seconds_as_duration(seconds);
}

bool SearchTime::over() const {
  return limited() && Clock::now() >= end_;
}

SearchTime SearchTime::first(double share) const {
  SearchTime part;
  if (!limited()) return part;
  const Clock::time_point now = Clock::now();
  const double left = std::chrono::duration<double>(end_ - now).count();
  part.end_ = now + seconds_as_duration(std::max(0.0, left * share));
  return part;
}

SearchTime::Point SearchTime::share(std::size_t left, int at_a_time) const {
  const auto together = static_cast<std::size_t>(std::max(at_a_time, 1));
  const std::size_t rounds = std::max<std::size_t>((left + together - 1) / together, 1);
  return first(1 / static_cast<double>(rounds)).end_;
}

SearchUntil::SearchUntil(SearchTime::Point end) : before_(thread_end) {
  thread_end = end;
}

SearchUntil::~SearchUntil() {
  thread_end = before_;
}

SearchTime::Point search_end() {
  return thread_end;
}

bool search_is_over() {
  return thread_end != Clock::time_point::max() && Clock::now() >= thread_end;
}

}  // namespace ridgeline::engine
