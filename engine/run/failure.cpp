#include "engine/run/failure.hpp"

#include <unistd.h>

#include <boost/program_options/errors.hpp>
#include <cstdlib>
#include <exception>
#include <new>
#include <system_error>

#include "engine/calls/hooks.hpp"
#include "engine/commands/exit_code.hpp"
#include "io/document/error.hpp"

namespace ridgeline::engine {

void end_well_without_memory() {
  std::set_terminate([] {
    // Parts of the C++ library that promise not to throw (a step through a folder) end the program
    // where they have no memory, and no exception is there to be asked.
    const std::exception_ptr error = std::current_exception();
    if (!error || of_the_machine(error)) {
      constexpr char kWord[] = "ridgeline: memory has run out\n";
      [[maybe_unused]] const auto written = ::write(STDERR_FILENO, kWord, sizeof(kWord) - 1);
      ::_exit(kIoFailed);
    }
    std::abort();
  });
}

Failure failure_of(const std::exception_ptr& error) {
  try {
    std::rethrow_exception(error);
  } catch (const io::InputError& e) {
    return {kInvalidInput, e.what(), false};
  } catch (const UsageError& e) {
    return {kUsage, e.what(), false};
  } catch (const boost::program_options::error& e) {
    return {kUsage, e.what(), false};
  } catch (const Infeasible& e) {
    return {kInfeasible, e.what(), false};
  } catch (const Cancelled& e) {
    return {kStoppedEarly, e.what(), false};
  } catch (const io::FileError& e) {
    return {kIoFailed, e.what(), true};
  } catch (const MachineError& e) {
    return {kIoFailed, e.what(), true};
  } catch (const std::bad_alloc&) {
    return {kIoFailed, "out of memory", true};
  } catch (const std::system_error& e) {  // files, threads, locks
    return {kIoFailed, e.what(), true};
  } catch (const std::exception& e) {
    return {kBug, std::string("this is a bug in Ridgeline: ") + e.what(), false};
  } catch (...) {
    return {kBug, "this is a bug in Ridgeline: an unknown exception", false};
  }
}

bool of_the_machine(const std::exception_ptr& error) noexcept {
  try {
    std::rethrow_exception(error);
  } catch (const io::FileError&) {
    return true;
  } catch (const MachineError&) {
    return true;
  } catch (const std::bad_alloc&) {
    return true;
  } catch (const std::system_error&) {
    return true;
  } catch (...) {
    return false;
  }
}

std::string no_thread(std::size_t there, int wanted, const std::error_code& why) {
  return "the system gives " + std::to_string(there) + " of " + std::to_string(wanted) +
         " threads: " + why.message() + " (raise its limit of processes or of memory, or give " +
         "fewer --threads)";
}

}  // namespace ridgeline::engine
