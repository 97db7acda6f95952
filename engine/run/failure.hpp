// What an exception means: for the program's exit code, and for a design that was being evaluated.
//
// What is a function of the inputs (infeasible, invalid, a bug of ours) belongs to the design.
// What is not (memory, threads, files, signals, MPI) belongs to the machine: it ends the run and
// never becomes a result, or results would depend on where and when they were computed.
#pragma once

#include <cstddef>
#include <exception>
#include <stdexcept>
#include <string>
#include <system_error>

namespace ridgeline::engine {

// Something of the machine failed: exit code 74.
class MachineError : public std::runtime_error {
 public:
  using std::runtime_error::runtime_error;
};

struct Failure {
  int code = 0;      // exit code
  std::string what;  // for people
  bool machine = false;
};

// Of any exception. Allocates no more than its text.
Failure failure_of(const std::exception_ptr& error);
// Whether the exception tells of the machine. Never allocates.
bool of_the_machine(const std::exception_ptr& error) noexcept;

// Lets the process end with 74 instead of aborting where memory runs out and nobody can catch it
// (in a destructor, while a thread starts). For the programs, not for the library.
void end_well_without_memory();

// "the system gives 3 of 8 threads: ...".
std::string no_thread(std::size_t there, int wanted, const std::error_code& why);

}  // namespace ridgeline::engine
