// Study files that were damaged on their way: whatever is wrong with them, reading ends soon, and
// never with other figures than were written.
#include <gtest/gtest.h>

#include <chrono>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <limits>
#include <random>
#include <string>

#include "io/results/study_file.hpp"
#include "io/results/study_file_bytes.hpp"

namespace ridgeline::io {
namespace {

namespace fs = std::filesystem;

StudyFile some_study() {
  StudyFile file;
  file.ridgeline_version = "0.1.0";
  file.study = R"({"name":"damaged","objectives":["latency","energy"]})";
  file.inputs_sha256 = std::string(64, 'b');
  file.command = "ridgeline explore damaged.yaml";
  file.host = "node";
  file.started = "2026-01-01T00:00:00Z";
  file.finished = "2026-01-01T00:01:00Z";
  file.notes["reissued"] = "3";
  file.parameters = {{"rows", {"8", "16", "32", "64"}}, {"l1", {"32K", "64K", "128K"}}};
  file.objectives = {{"latency", "cycles", false}, {"energy", "pJ", false}};
  file.candidates.objectives.resize(2);
  for (std::uint64_t id = 0; id < 12; ++id) {
    const bool ok = id % 4 != 3;
    file.candidates.id.push_back(id);
    file.candidates.status.push_back(ok ? CandidateStatus::ok : CandidateStatus::infeasible);
    const double none = std::numeric_limits<double>::quiet_NaN();
    file.candidates.objectives[0].push_back(ok ? 100.0 - static_cast<double>(id) : none);
    file.candidates.objectives[1].push_back(ok ? 10.0 + static_cast<double>(id) : none);
    file.candidates.message.push_back(ok ? "" : "l1 is too small");
  }
  file.front = strict_front(file.candidates, file.objectives);
  file.designs = {{0, {{"accelerator", "{\"name\": \"a\"}"}, {"mapping", "[]"}}}};
  file.convergence = {{0.5, 1.0}, {4, 9}, {0.1, 0.2}, {0.5, 0}, {2, 9}};
  return file;
}

class DamagedStudyFile : public testing::Test {
 protected:
  DamagedStudyFile() {
    std::string pattern = (fs::temp_directory_path() / "ridgeline-XXXXXX").string();
    folder_ = ::mkdtemp(pattern.data());
    file_ = folder_ / "study.h5";
    write_study_file(file_, some_study());
    content_ = encode_study_file(read_study_file(file_));
    std::ifstream in(file_, std::ios::binary);
    bytes_.assign(std::istreambuf_iterator<char>(in), {});
  }
  ~DamagedStudyFile() override { fs::remove_all(folder_); }

  // Writes `bytes` and reads them. Counts what was refused.
  void expect_no_other_figures(const std::string& bytes, const std::string& how) {
    std::ofstream(file_, std::ios::binary) << bytes;
    const auto begin = std::chrono::steady_clock::now();
    try {
      EXPECT_TRUE(encode_study_file(read_study_file(file_)) == content_) << how;
    } catch (const FileError& error) {
      EXPECT_NE(std::string(error.what()).find("study.h5"), std::string::npos);
      ++refused_;
    } catch (const InputError&) {
      ++refused_;
    }
    const std::chrono::duration<double> took = std::chrono::steady_clock::now() - begin;
    longest_ = std::max(longest_, took.count());
  }

  void damage_at_random(int times) {
    std::mt19937_64 chance(7);
    for (int i = 0; i < times; ++i) {
      std::string bytes = bytes_;
      const std::size_t at = chance() % bytes.size();
      std::string how = "damage " + std::to_string(i) + " at byte " + std::to_string(at);
      switch (chance() % 8) {
        case 0:
          bytes.resize(at);
          break;
        case 1:  // a piece of it
          for (std::size_t b = at; b < std::min(bytes.size(), at + 1 + chance() % 64); ++b)
            bytes[b] = static_cast<char>(chance());
          break;
        case 2:  // a page that never reached the disk
          for (std::size_t b = at / 512 * 512; b < std::min(bytes.size(), at / 512 * 512 + 512);
               ++b)
            bytes[b] = '\0';
          break;
        case 3:
          bytes[at] = static_cast<char>(0xff);
          break;
        default:
          bytes[at] = static_cast<char>(bytes[at] ^ (1 << chance() % 8));
      }
      expect_no_other_figures(bytes, how);
    }
    // Most of a small HDF5 file is room for more, which nothing is read from.
    EXPECT_GT(refused_, times / 10);
    std::cout << times << " damaged files, " << refused_ << " refused, the longest took "
              << longest_ << " s\n";
  }

  fs::path folder_;
  fs::path file_;
  std::string bytes_;
  std::string content_;
  int refused_ = 0;
  double longest_ = 0;
};

TEST_F(DamagedStudyFile, NeverSaysSomethingElse) {
  damage_at_random(200);
}

// RIDGELINE_DAMAGES=5000 for more.
using SlowDamagedStudyFile = DamagedStudyFile;
TEST_F(SlowDamagedStudyFile, NeverSaysSomethingElse) {
  const char* times = std::getenv("RIDGELINE_DAMAGES");
  damage_at_random(times != nullptr ? std::atoi(times) : 600);
}

TEST_F(DamagedStudyFile, SaysWhichPartIsDamagedAndReadsTheRest) {
  // One letter of a label: the fractal heap of attributes keeps texts as they are.
  const std::size_t at = bytes_.find("128K");
  ASSERT_NE(at, std::string::npos);
  bytes_[at] = '9';
  std::ofstream(file_, std::ios::binary) << bytes_;
  const StudyFileReading found = examine_study_file(file_);
  EXPECT_TRUE(found.verified);
  ASSERT_FALSE(found.damage.empty());
  EXPECT_EQ(found.damage[0].part, "parameters");
  EXPECT_EQ(found.file.candidates.id, some_study().candidates.id);
  EXPECT_EQ(found.file.front, some_study().front);
  try {
    read_study_file(file_);
    FAIL();
  } catch (const FileError& error) {
    EXPECT_NE(std::string(error.what()).find("the file is damaged: parameters"), std::string::npos)
        << error.what();
  }
}

TEST_F(DamagedStudyFile, IsNotOneWhoseDesignsCameInAnotherOrder) {
  StudyFile file = some_study();
  file.designs = {{10, {{"mapping", "[1]"}}}, {0, {{"mapping", "[2]"}}}, {2, {{"mapping", "[3]"}}}};
  write_study_file(file_, file);
  const StudyFile read = read_study_file(file_);
  ASSERT_EQ(read.designs.size(), 3u);
  EXPECT_EQ(read.designs[0].id, 0u);
  EXPECT_EQ(read.designs[2].id, 10u);
}

TEST_F(DamagedStudyFile, WithANulInALabelIsWrittenWithoutIt) {
  StudyFile file = some_study();
  file.parameters[1].labels[0] = std::string("32\0K", 4);
  file.candidates.message[3] = std::string("too\0small", 9);
  write_study_file(file_, file);
  const StudyFile read = read_study_file(file_);
  EXPECT_EQ(read.parameters[1].labels[0], "32\uFFFDK");
  EXPECT_EQ(read.candidates.message[3], "too\uFFFDsmall");
}

}  // namespace
}  // namespace ridgeline::io
