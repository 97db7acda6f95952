#include "engine/explore/crash_note.hpp"

#include <gtest/gtest.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cstdlib>
#include <fstream>
#include <iterator>

namespace ridgeline::engine {
namespace {

// Runs `body` in a child process, which is expected to abort; what it noted.
template <class Body>
std::vector<CrashNote> notes_of(Body body) {
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
  EXPECT_TRUE(WIFSIGNALED(state) && WTERMSIG(state) == SIGABRT);
  std::ifstream in(file, std::ios::binary);
  const std::string bytes{std::istreambuf_iterator<char>(in), {}};
  std::filesystem::remove(file);
  return decode_crash_notes(bytes);
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
  EXPECT_TRUE(decode_crash_notes("12345678").empty());
  EXPECT_EQ(decode_crash_notes(std::string(9, '\1') + "1234").size(), 1u);
}

}  // namespace
}  // namespace ridgeline::engine
