// Errors at the edges: what is wrong with an input or an output, where, and what would be right.
#pragma once

#include <stdexcept>
#include <string>
#include <utility>

namespace ridgeline::io {

// A place in an input document.
struct Location {
  std::string file;
  std::string pointer;  // JSON pointer, "" for the whole document
  int line = 0;         // from 1; 0: unknown
  int column = 0;       // from 1; 0: unknown
};

// "file:line: /pointer: problem (remedy)"; the parts that are unknown are left out.
std::string describe(const Location& location, const std::string& problem,
                     const std::string& remedy);

// Invalid input: exit code 3.
class InputError : public std::runtime_error {
 public:
  InputError(Location where, std::string what_is_wrong, std::string what_to_do = "")
      : std::runtime_error(describe(where, what_is_wrong, what_to_do)),
        location(std::move(where)),
        problem(std::move(what_is_wrong)),
        remedy(std::move(what_to_do)) {}
  Location location;
  std::string problem;
  std::string remedy;
};

// Reading or writing failed (disk full, not writable, missing folder): exit code 74.
class FileError : public std::runtime_error {
 public:
  using std::runtime_error::runtime_error;
};

}  // namespace ridgeline::io
