#include "engine/explore/crash_note.hpp"

#include <fcntl.h>
#include <unistd.h>

#include <array>
#include <atomic>
#include <csignal>
#include <cstring>

namespace ridgeline::engine {
namespace {

constexpr std::array kFaults{SIGSEGV, SIGBUS, SIGILL, SIGFPE, SIGABRT};
constexpr std::size_t kNoteBytes = sizeof(std::uint64_t) + 1;

// What a handler may touch: no allocation, no locks.
char path[4096] = {};
std::array<struct sigaction, kFaults.size()> before;
thread_local std::uint64_t current = 0;
thread_local bool current_design = false;
thread_local volatile std::sig_atomic_t evaluating = 0;

void handle(int signal) {
  if (evaluating != 0) {
    evaluating = 0;
    char note[kNoteBytes];
    std::memcpy(note, &current, sizeof(current));
    note[sizeof(current)] = current_design ? 1 : 0;
    const int file = ::open(path, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0644);
    if (file >= 0) {
      // There is nobody to tell if it fails.
      [[maybe_unused]] const auto written = ::write(file, note, sizeof(note));
      ::close(file);
    }
  }
  for (std::size_t i = 0; i < kFaults.size(); ++i) {
    if (kFaults[i] == signal) sigaction(signal, &before[i], nullptr);
  }
  std::raise(signal);  // comes when this returns
}

}  // namespace

void note_crashes(const std::filesystem::path& file) {
  const std::string text = std::filesystem::absolute(file).string();
  if (text.size() >= sizeof(path)) return;
  const bool installed = path[0] != '\0';
  std::memcpy(path, text.c_str(), text.size() + 1);
  if (installed) return;
  struct sigaction action {};
  action.sa_handler = handle;
  sigemptyset(&action.sa_mask);
  for (std::size_t i = 0; i < kFaults.size(); ++i) sigaction(kFaults[i], &action, &before[i]);
}

Evaluating::Evaluating(const CrashNote& note) {
  current = note.id;
  current_design = note.design;
  std::atomic_signal_fence(std::memory_order_seq_cst);  // before the handler may read them
  evaluating = 1;
}

Evaluating::~Evaluating() {
  evaluating = 0;
}

std::vector<CrashNote> decode_crash_notes(const std::string& bytes) {
  std::vector<CrashNote> notes;
  for (std::size_t at = 0; at + kNoteBytes <= bytes.size(); at += kNoteBytes) {
    CrashNote note;
    std::memcpy(&note.id, bytes.data() + at, sizeof(note.id));
    note.design = bytes[at + sizeof(note.id)] != 0;
    notes.push_back(note);
  }
  return notes;
}

}  // namespace ridgeline::engine
