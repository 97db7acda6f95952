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
  InputError(Location where, const std::string& problem, const std::string& remedy = "")
      : std::runtime_error(describe(where, problem, remedy)), location(std::move(where)) {}
  Location location;
};

// Reading or writing failed (disk full, not writable, missing folder): exit code 74.
class FileError : public std::runtime_error {
 public:
  using std::runtime_error::runtime_error;
};

}  // namespace ridgeline::io
