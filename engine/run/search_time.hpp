// The seconds that the searches of one call may take together (--search-seconds), and how searches
// share them.
#pragma once

#include <chrono>
#include <cstddef>

namespace ridgeline::engine {

class SearchTime {
 public:
  using Point = std::chrono::steady_clock::time_point;

  // Without a limit.
  SearchTime() = default;
  // From now on; 0 seconds: without a limit.
  explicit SearchTime(double seconds);

  bool limited() const { return end_ != Point::max(); }
  bool over() const;
  // The first so-and-so-much of what is left: 0.5 for the first half.
  SearchTime first(double share) const;
  // When one search has to end that begins now: of `left` searches that have not begun, this one
  // included, `at_a_time` go on together, and each gets an equal part of what is left. What a
  // search leaves over is for those after it.
  Point share(std::size_t left, int at_a_time) const;

 private:
  Point end_ = Point::max();
};

// While it lives, the calling thread works on a search that has to end at `end`. Work that a search
// gives to other threads carries search_end() with it.
class SearchUntil {
 public:
  explicit SearchUntil(SearchTime::Point end);
  ~SearchUntil();
  SearchUntil(const SearchUntil&) = delete;
  SearchUntil& operator=(const SearchUntil&) = delete;

 private:
  SearchTime::Point before_;
};
SearchTime::Point search_end();
// Whether the search that the calling thread works on has to end now.
bool search_is_over();

}  // namespace ridgeline::engine
