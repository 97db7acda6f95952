#include "io/results/durable_file.hpp"

#include <gtest/gtest.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>
#include <iterator>
#include <span>
#include <string>

namespace ridgeline::io {
namespace {

namespace fs = std::filesystem;

class DurableFile : public testing::Test {
 protected:
  DurableFile() {
    std::string pattern = (fs::temp_directory_path() / "ridgeline-XXXXXX").string();
    folder_ = ::mkdtemp(pattern.data());
  }
  ~DurableFile() override { fs::remove_all(folder_); }

  static void write(const fs::path& path, const std::string& text) {
    write_durably(path, std::as_bytes(std::span(text)));
  }
  static std::string read(const fs::path& path) {
    std::ifstream in(path, std::ios::binary);
    return {std::istreambuf_iterator<char>(in), {}};
  }
  std::size_t entries() const {
    return static_cast<std::size_t>(
        std::distance(fs::directory_iterator(folder_), fs::directory_iterator()));
  }

  fs::path folder_;
};

TEST_F(DurableFile, ReplacesWhatIsThereAndLeavesNothingBeside) {
  write(folder_ / "a", "one");
  write(folder_ / "a", "two");
  EXPECT_EQ(read(folder_ / "a"), "two");
  EXPECT_EQ(entries(), 1u);
}

// In a folder that others may write to, whoever foresees a name can put a link there.
TEST_F(DurableFile, IsNotWrittenThroughALinkThatWaitsForIt) {
  std::ofstream(folder_ / "victim") << "precious";
  for (const char* name : {"s.h5.part", "s.h5.tmp"}) fs::create_symlink("victim", folder_ / name);
  write(folder_ / "s.h5", "results");
  EXPECT_EQ(read(folder_ / "victim"), "precious");
  EXPECT_TRUE(fs::is_regular_file(fs::symlink_status(folder_ / "s.h5")));
  EXPECT_EQ(read(folder_ / "s.h5"), "results");
}

TEST_F(DurableFile, TakesThePlaceOfALinkNotOfWhatItPointsTo) {
  std::ofstream(folder_ / "victim") << "precious";
  fs::create_symlink("victim", folder_ / "s.h5");
  write(folder_ / "s.h5", "results");
  EXPECT_EQ(read(folder_ / "victim"), "precious");
  EXPECT_EQ(read(folder_ / "s.h5"), "results");
}

TEST_F(DurableFile, SaysWhatIsWrongAndLeavesNothing) {
  EXPECT_THROW(write(folder_ / "missing/a", "x"), FileError);
  fs::create_directory(folder_ / "folder");
  EXPECT_THROW(write(folder_ / "folder", "x"), FileError) << "a folder is in the way";
  EXPECT_EQ(entries(), 1u);
}

TEST_F(DurableFile, KnowsItsParts) {
  EXPECT_TRUE(is_part_of("s.h5.part-0123456789abcdef", "s.h5"));
  EXPECT_FALSE(is_part_of("s.h5", "s.h5"));
  EXPECT_FALSE(is_part_of("other.h5.part-01234567", "s.h5"));
}

}  // namespace
}  // namespace ridgeline::io
