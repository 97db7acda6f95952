#include "engine/explore/crash_note.hpp"

#include <fcntl.h>
#include <sys/mman.h>
#include <unistd.h>

#include <array>
#include <atomic>
#include <csignal>
#include <cstring>
#include <string_view>

#include "engine/explore/journal.hpp"

namespace ridgeline::engine {
namespace {

constexpr std::array kFaults{SIGSEGV, SIGBUS, SIGILL, SIGFPE, SIGABRT};
// Sanitizers' handlers, which come after ours, take much.
constexpr std::size_t kStackBytes = std::size_t{256} << 10;
// Id, what was done with it, checksum of both.
constexpr std::size_t kSaidBytes = sizeof(std::uint64_t) + 1;
constexpr std::size_t kNoteBytes = kSaidBytes + sizeof(std::uint32_t);

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
    const std::uint32_t crc = crc32c({note, kSaidBytes});
    std::memcpy(note + kSaidBytes, &crc, sizeof(crc));
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
  action.sa_flags = SA_ONSTACK;
  for (std::size_t i = 0; i < kFaults.size(); ++i) sigaction(kFaults[i], &action, &before[i]);
}

AlternateStack::AlternateStack() {
  void* memory = ::mmap(nullptr, kStackBytes, PROT_READ | PROT_WRITE,
                        MAP_PRIVATE | MAP_ANONYMOUS | MAP_STACK, -1, 0);
  if (memory == MAP_FAILED) return;
  stack_t stack{};
  stack.ss_sp = memory;
  stack.ss_size = kStackBytes;
  if (::sigaltstack(&stack, nullptr) != 0) {
    ::munmap(memory, kStackBytes);
    return;
  }
  memory_ = memory;
}

AlternateStack::~AlternateStack() {
  if (memory_ == nullptr) return;
  stack_t none{};
  none.ss_flags = SS_DISABLE;
  ::sigaltstack(&none, nullptr);
  ::munmap(memory_, kStackBytes);
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
    std::uint32_t crc = 0;
    std::memcpy(&crc, bytes.data() + at + kSaidBytes, sizeof(crc));
    if (crc != crc32c(std::string_view(bytes).substr(at, kSaidBytes))) continue;
    std::memcpy(&note.id, bytes.data() + at, sizeof(note.id));
    note.design = bytes[at + sizeof(note.id)] != 0;
    notes.push_back(note);
  }
  return notes;
}

}  // namespace ridgeline::engine
