// What a process that crashes was evaluating, for the run that continues the study.
//
// A design that kills its process by a fault (not one that an operator or the kernel kills by
// SIGKILL) would otherwise kill every run that comes to it, where there is one process or rank 0
// has it.
#pragma once

#include <cstdint>
#include <filesystem>
#include <string>
#include <vector>

namespace ridgeline::engine {

struct CrashNote {
  std::uint64_t id = 0;
  bool design = false;  // its documents were being made, else it was being evaluated
};

// From now on, a thread that a fault ends (SIGSEGV, SIGBUS, SIGILL, SIGFPE, SIGABRT) first
// appends to this file what it was evaluating; nothing is written before. Handlers that were
// there come after. An exception of the machine that nobody catches is no fault, and ends the
// process with 74. Call it once, after MPI is initialised.
void note_crashes(const std::filesystem::path& file);

// A stack for this thread's signal handlers, without which a stack that overflowed leaves them no
// room. One that cannot be had is done without.
class AlternateStack {
 public:
  AlternateStack();
  ~AlternateStack();
  AlternateStack(const AlternateStack&) = delete;
  AlternateStack& operator=(const AlternateStack&) = delete;

 private:
  void* memory_ = nullptr;
};

// What this thread evaluates, as long as the object lives.
class Evaluating {
 public:
  explicit Evaluating(const CrashNote& note);
  ~Evaluating();
  Evaluating(const Evaluating&) = delete;
  Evaluating& operator=(const Evaluating&) = delete;
};

// Those of a file's bytes that are whole.
std::vector<CrashNote> decode_crash_notes(const std::string& bytes);

}  // namespace ridgeline::engine
