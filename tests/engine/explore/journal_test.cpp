#include <gtest/gtest.h>

#include <cerrno>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <limits>
#include <map>

#include "engine/explore/journal.hpp"

namespace ridgeline::engine {
namespace {

const std::string kFingerprint(64, 'a');

// A disk in memory that fills up, and that can be read-only.
class FakeDisk final : public FileSystem {
 public:
  std::size_t room = std::numeric_limits<std::size_t>::max();
  bool read_only = false;
  std::map<std::filesystem::path, std::string> contents;

  std::unique_ptr<AppendFile> create(const std::filesystem::path& path) override {
    if (read_only) throw io::FileError(path.string() + ": read-only");
    contents[path] = "";
    return std::make_unique<File>(*this, path);
  }
  std::string read(const std::filesystem::path& path) override { return contents.at(path); }
  void replace(const std::filesystem::path& path, std::string_view text) override {
    contents[path] = text;
  }
  void make_directory(const std::filesystem::path&) override {}

 private:
  struct File final : AppendFile {
    File(FakeDisk& d, std::filesystem::path p) : disk(d), path(std::move(p)) {}
    void write(std::string_view bytes) override {
      const std::size_t fits = std::min(bytes.size(), disk.room);
      disk.contents[path] += bytes.substr(0, fits);
      disk.room -= fits;
      if (fits < bytes.size()) throw io::FileError(path.string() + ": No space left on device");
    }
    void sync() override {}
    FakeDisk& disk;
    std::filesystem::path path;
  };
};

std::vector<Candidate> some_candidates() {
  Candidate ok;
  ok.id = 7;
  ok.metrics = {1.5, 2.25, 3.375, 1e300, 0.1, -0.0};
  Candidate infeasible;
  infeasible.id = std::uint64_t{1} << 62;
  infeasible.status = CandidateStatus::infeasible;
  infeasible.message = "operand W: 12 bits over";
  Candidate pruned;
  pruned.id = 9;
  pruned.status = CandidateStatus::pruned;
  pruned.hopeless = Bound::tables;
  Candidate error;
  error.id = 0;
  error.status = CandidateStatus::error;
  error.message = std::string("with\0a zero byte", 16);
  return {ok, infeasible, pruned, error};
}

std::string written(FakeDisk& disk) {
  JournalWriter writer(disk, "j", {3, 1, kFingerprint});
  for (const Candidate& candidate : some_candidates()) writer.append(candidate);
  writer.append(DesignRecord{7, {{"accelerator", "{}"}, {"mapping", "[]"}}});
  writer.append(ProgressRecord{1.5, 4, 0.25, 0.5, 1});
  writer.sync();
  return disk.contents.at("j");
}

struct Contents {
  std::vector<Candidate> candidates;
  std::vector<DesignRecord> designs;
  std::vector<ProgressRecord> progress;
  JournalSummary summary;
};

Contents read_back(FakeDisk& disk) {
  Contents contents;
  JournalVisitor visitor;
  visitor.candidate = [&](Candidate&& c) { contents.candidates.push_back(std::move(c)); };
  visitor.design = [&](DesignRecord&& d) { contents.designs.push_back(std::move(d)); };
  visitor.progress = [&](const ProgressRecord& p) { contents.progress.push_back(p); };
  contents.summary = read_journal(disk, "j", kFingerprint, visitor);
  return contents;
}

template <class T>
void expect_prefix(const std::vector<T>& part, const std::vector<T>& whole) {
  ASSERT_LE(part.size(), whole.size());
  for (std::size_t i = 0; i < part.size(); ++i) EXPECT_EQ(part[i], whole[i]);
}

TEST(Crc32c, GivesTheCheckValueOfTheCatalogue) {
  // "123456789" -> E3069283, the check value of CRC-32/ISCSI; 32 zero bytes: RFC 3720, B.4.
  EXPECT_EQ(crc32c("123456789"), 0xe3069283u);
  EXPECT_EQ(crc32c(std::string(32, '\0')), 0x8a9136aau);
  EXPECT_EQ(crc32c("6789", crc32c("12345")), 0xe3069283u);
}

TEST(Journal, GivesBackWhatWasAppended) {
  FakeDisk disk;
  written(disk);
  const Contents contents = read_back(disk);
  EXPECT_EQ(contents.candidates, some_candidates());
  ASSERT_EQ(contents.designs.size(), 1u);
  EXPECT_EQ(contents.designs[0].documents.at("mapping"), "[]");
  ASSERT_EQ(contents.progress.size(), 1u);
  EXPECT_EQ(contents.progress[0].evaluated, 4u);
  EXPECT_EQ(contents.summary.header.run, 3u);
  EXPECT_EQ(contents.summary.records, 6u);
  EXPECT_EQ(contents.summary.dropped_bytes, 0u);
  EXPECT_FALSE(contents.summary.damaged);
}

TEST(Journal, CutAtAnyByteGivesTheRecordsBeforeTheCut) {
  FakeDisk disk;
  const std::string whole = written(disk);
  const Contents all = read_back(disk);
  std::size_t most = 0;
  for (std::size_t cut = 0; cut < whole.size(); ++cut) {
    disk.contents["j"] = whole.substr(0, cut);
    const Contents part = read_back(disk);
    expect_prefix(part.candidates, all.candidates);
    expect_prefix(part.designs, all.designs);
    EXPECT_LT(part.summary.records, all.summary.records);
    EXPECT_GE(part.summary.records, most);
    EXPECT_FALSE(part.summary.damaged) << "cut at " << cut;
    most = part.summary.records;
  }
  EXPECT_EQ(most, all.summary.records - 1);
}

TEST(Journal, AnyFlippedByteDropsItsRecordAndNeverChangesANumber) {
  FakeDisk disk;
  const std::string whole = written(disk);
  const Contents all = read_back(disk);
  for (std::size_t at = 0; at < whole.size(); ++at) {
    for (const int flip : {0x01, 0x80, 0xff}) {
      std::string damaged = whole;
      damaged[at] = static_cast<char>(damaged[at] ^ flip);
      disk.contents["j"] = damaged;
      const Contents part = read_back(disk);
      expect_prefix(part.candidates, all.candidates);
      expect_prefix(part.designs, all.designs);
      expect_prefix(part.progress, all.progress);
      EXPECT_LT(part.summary.records, all.summary.records) << "byte " << at;
      EXPECT_GT(part.summary.dropped_bytes, 0u);
    }
  }
}

TEST(Journal, RecordsInAnotherPlaceAreNotBelieved) {
  FakeDisk disk;
  const std::string whole = written(disk);
  // The first record once more, behind the last: its checksum covers the offset.
  const std::size_t header = 8 + 3 * 4 + 64 + 4;
  disk.contents["j"] = whole + whole.substr(header, 100);
  EXPECT_EQ(read_back(disk).summary.records, 6u);
  EXPECT_TRUE(read_back(disk).summary.damaged);
}

TEST(Journal, OfAnotherStudyIsRefused) {
  FakeDisk disk;
  written(disk);
  EXPECT_THROW(read_journal(disk, "j", std::string(64, 'b'), {}), io::InputError);
}

TEST(Journal, OnAFullDiskFailsAndKeepsTheRecordsThatFitted) {
  FakeDisk probe;
  const std::size_t size = written(probe).size();
  for (std::size_t room = 0; room < size; room += 7) {
    FakeDisk disk;
    disk.room = room;
    JournalWriter writer(disk, "j", {3, 1, kFingerprint});
    std::size_t appended = 0;
    EXPECT_THROW(
        {
          for (const Candidate& candidate : some_candidates()) {
            writer.append(candidate);
            writer.flush();
            ++appended;
          }
          writer.append(DesignRecord{7, {{"accelerator", "{}"}, {"mapping", "[]"}}});
          writer.append(ProgressRecord{1.5, 4, 0.25, 0.5, 1});
          writer.sync();
        },
        io::FileError);
    // Room again: but behind a torn record nothing may follow.
    disk.room = 1000;
    writer.append(some_candidates()[0]);
    EXPECT_THROW(writer.flush(), io::FileError);
    const Contents contents = read_back(disk);
    EXPECT_GE(contents.candidates.size(), appended);
    expect_prefix(contents.candidates, some_candidates());
  }
}

TEST(Journal, InAReadOnlyFolderSaysSo) {
  FakeDisk disk;
  disk.read_only = true;
  JournalWriter writer(disk, "j", {0, 0, kFingerprint});
  writer.append(some_candidates()[0]);
  EXPECT_THROW(writer.flush(), io::FileError);
}

TEST(FileSystem, ReplacesWholeFilesAndNamesWhatItCannotDo) {
  const auto folder =
      std::filesystem::path(testing::TempDir()) /
      ("ridgeline_files_" + std::to_string(::testing::UnitTest::GetInstance()->random_seed()) +
       "_" + std::to_string(reinterpret_cast<std::uintptr_t>(&kFingerprint)));
  FileSystem& files = posix_file_system();
  files.make_directory(folder);
  files.replace(folder / "a", "first");
  files.replace(folder / "a", "second");
  EXPECT_EQ(files.read(folder / "a"), "second");
  EXPECT_EQ(std::distance(std::filesystem::directory_iterator(folder), {}), 1);
  EXPECT_THROW(files.create(folder / "a"), io::FileError);
  EXPECT_THROW(files.replace(folder / "missing" / "b", "x"), io::FileError);
  try {
    files.read(folder / "nothing");
    FAIL();
  } catch (const io::FileError& error) {
    EXPECT_NE(std::string(error.what()).find("nothing"), std::string::npos);
    EXPECT_NE(std::string(error.what()).find(std::strerror(ENOENT)), std::string::npos);
  }
  std::filesystem::remove_all(folder);
}

}  // namespace
}  // namespace ridgeline::engine
