// What stands behind the C interface's results, and how errors become values.
#pragma once

#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "engine/calls/hooks.hpp"
#include "ridgeline/ridgeline.h"

struct ridgeline_result {
  int status = RIDGELINE_OK;
  std::optional<std::string> text;
  // Other forms of the text by name; nothing for names that it does not know.
  std::function<std::optional<std::string>(std::string_view)> form;
  std::map<std::string, std::optional<std::string>, std::less<>> forms;  // asked for so far

  // Of a status other than OK.
  std::string file;
  std::string place;
  std::string message;
  std::string remedy;
  ridgeline_problem problem{};

  void fail(int code, const std::string& what);
};

namespace ridgeline::engine {

// The exception in hand as the result's error.
void take_exception(ridgeline_result& result);

// Calls body(result); whatever it throws becomes the result's error. Never throws; null where
// there is not even memory for a result.
template <class Body>
ridgeline_result* guarded(Body body) noexcept {
  std::unique_ptr<ridgeline_result> result;
  try {
    result = std::make_unique<ridgeline_result>();
    body(*result);
  } catch (...) {
    if (!result) return nullptr;
    take_exception(*result);
  }
  return result.release();
}

// The same for functions that give something else, and a result only where they fail.
template <class Body>
auto guarded_open(ridgeline_result** failure, Body body) noexcept -> decltype(body().release()) {
  if (failure != nullptr) *failure = nullptr;
  try {
    return body().release();
  } catch (...) {
    if (failure != nullptr) {
      const auto rethrow = [](ridgeline_result&) { throw; };
      *failure = guarded(rethrow);
    }
    return nullptr;
  }
}

// The caller's hooks as the calls know them; refers to `hooks`, which may be null.
Hooks hooks_of_caller(const ridgeline_hooks* hooks);

}  // namespace ridgeline::engine
