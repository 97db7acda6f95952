#include "engine/explore/crash_note.hpp"

#include <gtest/gtest.h>
#include <sys/wait.h>
#include <unistd.h>

#include <csignal>
#include <cstdlib>
#include <fstream>
#include <iterator>
#include <thread>

namespace ridgeline::engine {
namespace {

// Runs `body` in a child process, which is expected to end by `signal`; what it noted.
template <class Body>
std::string bytes_noted(Body body, int signal = SIGABRT) {
  const std::filesystem::path file = std::filesystem::path(::testing::TempDir()) /
                                     ("crash-note-" + std::to_string(::getpid()) + ".crash");
  std::filesystem::remove(file);
  const pid_t child = ::fork();
  if (child == 0) {
    note_crashes(file);
    body();
    std::abort();
  }
  int state = 0;
  EXPECT_EQ(::waitpid(child, &state, 0), child);
  EXPECT_TRUE(WIFSIGNALED(state) && WTERMSIG(state) == signal);
  std::ifstream in(file, std::ios::binary);
  const std::string bytes{std::istreambuf_iterator<char>(in), {}};
  std::filesystem::remove(file);
  return bytes;
}

template <class Body>
std::vector<CrashNote> notes_of(Body body) {
  return decode_crash_notes(bytes_noted(body));
}

TEST(CrashNote, NamesWhatTheCrashedThreadEvaluated) {
  const auto notes = notes_of([] {
    { const Evaluating before({7, false}); }
    const Evaluating now({123456789012, true});
    std::abort();
  });
  ASSERT_EQ(notes.size(), 1u);
  EXPECT_EQ(notes[0].id, 123456789012u);
  EXPECT_TRUE(notes[0].design);
}

TEST(CrashNote, BlamesNothingWhereNothingWasEvaluated) {
  EXPECT_TRUE(notes_of([] { const Evaluating before({7, false}); }).empty());
}

TEST(CrashNote, BelievesWholeNotesOnly) {
  const std::string whole = bytes_noted([] {
    const Evaluating now({5, false});
    std::abort();
  });
  ASSERT_EQ(decode_crash_notes(whole).size(), 1u);
  EXPECT_EQ(decode_crash_notes(whole + whole.substr(0, 8)).size(), 1u);
  for (std::size_t bit = 0; bit < 8 * whole.size(); ++bit) {
    std::string flipped = whole;
    flipped[bit / 8] = static_cast<char>(flipped[bit / 8] ^ (1 << bit % 8));
    EXPECT_TRUE(decode_crash_notes(flipped).empty()) << "bit " << bit;
  }
}

// Needs more stack than there is.
int deeper(int depth) {
  volatile char block[4096] = {};
  block[depth % 4096] = 1;
  return deeper(depth + 1) + block[0];
}

TEST(CrashNote, IsWrittenWhereTheStackOverflows) {
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
  GTEST_SKIP() << "sanitizers answer this signal themselves, on a stack of their own";
#endif
  const auto notes = decode_crash_notes(bytes_noted(
      [] {
        std::thread([] {
          const AlternateStack stack;
          const Evaluating now({42, false});
          deeper(1);
        }).join();
      },
      SIGSEGV));
  ASSERT_EQ(notes.size(), 1u);
  EXPECT_EQ(notes[0].id, 42u);
}

}  // namespace
}  // namespace ridgeline::engine
