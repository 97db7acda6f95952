#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <hdf5.h>
#include <sys/resource.h>

#include <csignal>
#include <cstdio>
#include <filesystem>
#include <fstream>
#include <limits>

#include "io/results/study_file.hpp"

namespace ridgeline::io {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;

constexpr double kNan = std::numeric_limits<double>::quiet_NaN();

class Folder {
 public:
  Folder() {
    std::string pattern = (std::filesystem::temp_directory_path() / "ridgeline-XXXXXX").string();
    path_ = ::mkdtemp(pattern.data());
  }
  Folder(const Folder&) = delete;
  Folder& operator=(const Folder&) = delete;
  ~Folder() { std::filesystem::remove_all(path_); }
  std::filesystem::path operator/(const std::string& name) const { return path_ / name; }
  const std::filesystem::path& path() const { return path_; }

 private:
  std::filesystem::path path_;
};

// Two parameters (2 x 3 values), one candidate of each status among the six.
StudyFile small_study() {
  StudyFile file;
  file.ridgeline_version = "0.1.0";
  file.study = R"({"name":"small","note":"£"})";
  file.inputs_sha256 = std::string(64, 'a');
  file.seed = std::numeric_limits<std::uint64_t>::max();
  file.command = "ridgeline explore small.yaml";
  file.host = "node01";
  file.ranks = 3;
  file.threads = 2;
  file.started = "2026-01-01T00:00:00Z";
  file.finished = "2026-01-01T00:01:00Z";
  file.hypervolume_reference = {10, 20};
  file.notes["pruned_by_area"] = "1";
  file.parameters = {{"rows", {"8", "16"}}, {"l1", {"32K", "64K", "128K"}}};
  file.objectives = {{"latency", "cycles", false}, {"utilization", "1", true}};
  auto& candidates = file.candidates;
  candidates.id = {0, 1, 2, 4, 5};
  candidates.status = {CandidateStatus::ok, CandidateStatus::infeasible, CandidateStatus::pruned,
                       CandidateStatus::error, CandidateStatus::ok};
  candidates.objectives = {{5.5, kNan, kNan, kNan, 1e300}, {0.25, kNan, kNan, kNan, 1.0}};
  candidates.message = {"", "area 13 > 12", "", "layer 'conv1' threw: ü", ""};
  file.front = {0, 4};
  file.designs = {{0, {{"accelerator", "{\"a\": 1}"}, {"mapping", "[]"}}},
                  {5, {{"accelerator", "{}"}}}};
  file.convergence = {{0.5, 1.5}, {2, 5}, {0, 12.5}, {0.75, 0.5}, {1, 2}};
  return file;
}

std::string output_of(const std::string& command) {
  std::string output;
  if (FILE* pipe = ::popen(command.c_str(), "r")) {
    char buffer[4096];
    while (std::size_t got = std::fread(buffer, 1, sizeof buffer, pipe)) output.append(buffer, got);
    if (::pclose(pipe) != 0) output.clear();
  }
  return output;
}

TEST(StudyFile, ReadsBackEverythingThatWasWritten) {
  const Folder folder;
  const StudyFile written = small_study();
  write_study_file(folder / "study.h5", written);
  const StudyFile read = read_study_file(folder / "study.h5");

  EXPECT_EQ(read.ridgeline_version, written.ridgeline_version);
  EXPECT_EQ(read.study, written.study);
  EXPECT_EQ(read.inputs_sha256, written.inputs_sha256);
  EXPECT_EQ(read.seed, written.seed);
  EXPECT_EQ(read.command, written.command);
  EXPECT_EQ(read.host, written.host);
  EXPECT_EQ(read.ranks, 3);
  EXPECT_EQ(read.threads, 2);
  EXPECT_EQ(read.started, written.started);
  EXPECT_EQ(read.finished, written.finished);
  EXPECT_EQ(read.status, "complete");
  EXPECT_EQ(read.hypervolume_reference, written.hypervolume_reference);
  EXPECT_EQ(read.notes, written.notes);
  ASSERT_EQ(read.parameters.size(), 2);
  EXPECT_EQ(read.parameters[0].name, "rows");
  EXPECT_EQ(read.parameters[1].labels, written.parameters[1].labels);
  ASSERT_EQ(read.objectives.size(), 2);
  EXPECT_EQ(read.objectives[0].unit, "cycles");
  EXPECT_FALSE(read.objectives[0].maximised);
  EXPECT_EQ(read.objectives[1].name, "utilization");
  EXPECT_TRUE(read.objectives[1].maximised);
  EXPECT_EQ(read.candidates.id, written.candidates.id);
  EXPECT_EQ(read.candidates.status, written.candidates.status);
  EXPECT_EQ(read.candidates.message, written.candidates.message);
  EXPECT_THAT(read.candidates.objectives[0],
              ElementsAre(5.5, testing::IsNan(), testing::IsNan(), testing::IsNan(), 1e300));
  EXPECT_EQ(read.front, written.front);
  ASSERT_EQ(read.designs.size(), 2);
  EXPECT_EQ(read.designs[1].id, 5);
  EXPECT_EQ(read.designs[0].documents, written.designs[0].documents);
  EXPECT_EQ(read.convergence.seconds, written.convergence.seconds);
  EXPECT_EQ(read.convergence.evaluated, written.convergence.evaluated);
  EXPECT_EQ(read.convergence.hypervolume, written.convergence.hypervolume);
  EXPECT_EQ(read.convergence.gap, written.convergence.gap);
  EXPECT_EQ(read.convergence.front_size, written.convergence.front_size);
}

TEST(StudyFile, OfNoCandidatesAtAllReadsBack) {
  const Folder folder;
  StudyFile empty;
  empty.objectives = {{"area", "", false}};
  empty.candidates.objectives.resize(1);
  write_study_file(folder / "empty.h5", empty);
  const StudyFile read = read_study_file(folder / "empty.h5");
  EXPECT_EQ(read.candidates.size(), 0);
  EXPECT_THAT(read.front, IsEmpty());
}

TEST(StudyFile, HoldsAParameterWithMoreLabelsThanAnOrdinaryAttributeTakes) {
  const Folder folder;
  StudyFile file;
  file.parameters = {{"x", {}}};
  for (int label = 0; label < 20'000; ++label) {
    file.parameters[0].labels.push_back("value " + std::to_string(label));
  }
  write_study_file(folder / "wide.h5", file);
  EXPECT_EQ(read_study_file(folder / "wide.h5").parameters[0].labels, file.parameters[0].labels);
}

TEST(StudyFile, HoldsAMillionCandidates) {
  const Folder folder;
  constexpr std::uint64_t kRows = 1'000'000;
  StudyFile file;
  file.parameters = {{"x", std::vector<std::string>(1000, "v")},
                     {"y", std::vector<std::string>(1000, "w")}};
  file.objectives = {{"latency", "cycles", false}};
  file.candidates.objectives.resize(1);
  for (std::uint64_t id = 0; id < kRows; ++id) {
    file.candidates.id.push_back(id);
    file.candidates.status.push_back(id % 7 == 0 ? CandidateStatus::infeasible
                                                 : CandidateStatus::ok);
    file.candidates.objectives[0].push_back(id % 7 == 0 ? kNan : static_cast<double>(id) / 3);
    file.candidates.message.push_back(id % 7 == 0 ? "too large by " + std::to_string(id) : "");
  }
  write_study_file(folder / "large.h5", file);
  const StudyFile read = read_study_file(folder / "large.h5");
  EXPECT_EQ(read.candidates.id, file.candidates.id);
  EXPECT_EQ(read.candidates.message, file.candidates.message);
  EXPECT_EQ(read.candidates.status, file.candidates.status);
  EXPECT_EQ(read.candidates.objectives[0][999'996], 333332.0);
}

TEST(StudyFile, StoresTheValueIndexOfEachParameterWithTheFirstOneSlowest) {
  const Folder folder;
  write_study_file(folder / "study.h5", small_study());
  const hid_t file = H5Fopen((folder / "study.h5").c_str(), H5F_ACC_RDONLY, H5P_DEFAULT);
  std::uint32_t rows[5];
  std::uint32_t l1[5];
  for (auto [name, values] : {std::pair{"/candidates/parameters/rows", rows},
                              std::pair{"/candidates/parameters/l1", l1}}) {
    const hid_t column = H5Dopen2(file, name, H5P_DEFAULT);
    H5Dread(column, H5T_NATIVE_UINT32, H5S_ALL, H5S_ALL, H5P_DEFAULT, values);
    H5Dclose(column);
  }
  H5Fclose(file);
  // Ids 0, 1, 2, 4, 5 of a 2 x 3 grid.
  EXPECT_THAT(rows, ElementsAre(0, 0, 0, 1, 1));
  EXPECT_THAT(l1, ElementsAre(0, 1, 2, 1, 2));
  EXPECT_THAT(parameter_values(small_study().parameters, 5), ElementsAre(1, 2));
}

TEST(StudyFile, OpensInH5dump) {
  const Folder folder;
  write_study_file(folder / "study.h5", small_study());
  if (output_of("h5dump --version").empty()) GTEST_SKIP() << "h5dump is not installed";
  const std::string header = output_of("h5dump -H " + (folder / "study.h5").string());
  EXPECT_THAT(header, HasSubstr("DATASET \"candidate\""));
  EXPECT_THAT(header, HasSubstr("\"infeasible\"       1"));
  EXPECT_THAT(header, HasSubstr("ATTRIBUTE \"labels\""));
}

TEST(StudyFile, IsReplacedOnlyByACompleteOne) {
  const Folder folder;
  write_study_file(folder / "study.h5", small_study());
  StudyFile later = small_study();
  later.command = "later";
  write_study_file(folder / "study.h5", later);
  EXPECT_EQ(read_study_file(folder / "study.h5").command, "later");
  int files = 0;
  for (const auto& entry : std::filesystem::directory_iterator(folder.path())) {
    files += entry.exists();
  }
  EXPECT_EQ(files, 1) << "nothing is left beside the file";
}

TEST(StudyFile, IsUntouchedWhereTheDiskIsFull) {
  const Folder folder;
  write_study_file(folder / "study.h5", small_study());
  StudyFile later = small_study();
  later.command = std::string(100'000, 'x');

  // A limit on file sizes fails like a full disk: in the middle of a write.
  const auto old_handler = std::signal(SIGXFSZ, SIG_IGN);
  rlimit old_limit{};
  ::getrlimit(RLIMIT_FSIZE, &old_limit);
  const rlimit limit{20'000, old_limit.rlim_max};
  ::setrlimit(RLIMIT_FSIZE, &limit);
  std::string message;
  try {
    write_study_file(folder / "study.h5", later);
  } catch (const FileError& error) {
    message = error.what();
  }
  ::setrlimit(RLIMIT_FSIZE, &old_limit);
  std::signal(SIGXFSZ, old_handler);

  EXPECT_THAT(message, HasSubstr("study.h5: cannot be written: File too large"));
  EXPECT_EQ(read_study_file(folder / "study.h5").command, "ridgeline explore small.yaml");
  EXPECT_FALSE(std::filesystem::exists(folder / "study.h5.part"));
}

TEST(StudyFile, InAFolderThatIsMissingIsAFileErrorWithARemedy) {
  const Folder folder;
  try {
    write_study_file(folder / "missing" / "study.h5", small_study());
    FAIL() << "nothing was thrown";
  } catch (const FileError& error) {
    EXPECT_THAT(error.what(), HasSubstr("No such file or directory (create the folder first)"));
  }
}

TEST(StudyFile, ThatIsMissingOrTruncatedIsAFileError) {
  const Folder folder;
  EXPECT_THROW(read_study_file(folder / "none.h5"), FileError);
  write_study_file(folder / "study.h5", small_study());
  std::filesystem::resize_file(folder / "study.h5", 3000);
  EXPECT_THROW(read_study_file(folder / "study.h5"), FileError);
}

TEST(StudyFile, ThatIsSomethingElseIsAnInputError) {
  const Folder folder;
  std::ofstream(folder / "text.h5") << "name: study\n";
  EXPECT_THROW(read_study_file(folder / "text.h5"), InputError);

  H5Fclose(H5Fcreate((folder / "other.h5").c_str(), H5F_ACC_TRUNC, H5P_DEFAULT, H5P_DEFAULT));
  try {
    read_study_file(folder / "other.h5");
    FAIL() << "nothing was thrown";
  } catch (const InputError& error) {
    EXPECT_THAT(error.what(), HasSubstr("this HDF5 file is no study file"));
  }
}

TEST(StudyFile, OfALaterVersionIsRefusedWithBothVersions) {
  const Folder folder;
  write_study_file(folder / "study.h5", small_study());
  const hid_t file = H5Fopen((folder / "study.h5").c_str(), H5F_ACC_RDWR, H5P_DEFAULT);
  const hid_t attribute = H5Aopen(file, "format_version", H5P_DEFAULT);
  const int version = 99;
  H5Awrite(attribute, H5T_NATIVE_INT, &version);
  H5Aclose(attribute);
  H5Fclose(file);
  try {
    read_study_file(folder / "study.h5");
    FAIL() << "nothing was thrown";
  } catch (const InputError& error) {
    EXPECT_THAT(error.what(), HasSubstr("format_version 99 is not one that this program knows"));
  }
}

TEST(StudyFile, WithColumnsOfUnequalLengthIsNeverWritten) {
  const Folder folder;
  StudyFile file = small_study();
  file.candidates.message.pop_back();
  EXPECT_THROW(write_study_file(folder / "study.h5", file), std::logic_error);
  EXPECT_FALSE(std::filesystem::exists(folder / "study.h5"));
}

CandidateColumns columns_of(const std::vector<std::pair<double, double>>& points) {
  CandidateColumns columns;
  columns.objectives.resize(2);
  for (const auto& [x, y] : points) {
    columns.id.push_back(columns.id.size());
    columns.status.push_back(CandidateStatus::ok);
    columns.objectives[0].push_back(x);
    columns.objectives[1].push_back(y);
    columns.message.emplace_back();
  }
  return columns;
}

TEST(StrictFront, KeepsEqualVectorsAndSortsByObjectivesThenId) {
  // (2,2) dominates (2,3) and (3,3); the two (1,5) are equal.
  const auto columns = columns_of({{1, 5}, {3, 3}, {2, 2}, {1, 5}, {2, 3}, {4, 1}});
  const std::vector<StudyFileObjective> objectives{{"a", "", false}, {"b", "", false}};
  EXPECT_THAT(strict_front(columns, objectives), ElementsAre(0, 3, 2, 5));
}

TEST(StrictFront, ComparesEqualVectorsOnce) {
  // Compared with each other these would take minutes.
  std::vector<std::pair<double, double>> rows;
  for (int i = 0; i < 100'000; ++i) rows.emplace_back(1, 5);
  for (int i = 0; i < 100'000; ++i) rows.emplace_back(1, 6);
  for (int i = 0; i < 100'000; ++i) rows.emplace_back(2, 4);
  const std::vector<StudyFileObjective> objectives{{"a", "", false}, {"b", "", false}};
  const auto front = strict_front(columns_of(rows), objectives);
  ASSERT_EQ(front.size(), 200'000);
  EXPECT_EQ(front[99'999], 99'999);
  EXPECT_EQ(front[100'000], 200'000);
}

TEST(StrictFront, TakesMaximisedObjectivesFromTheLargest) {
  const auto columns = columns_of({{1, 5}, {2, 7}, {2, 9}, {3, 9}});
  const std::vector<StudyFileObjective> objectives{{"a", "", false}, {"b", "", true}};
  EXPECT_THAT(strict_front(columns, objectives), ElementsAre(0, 2));
}

TEST(StrictFront, LeavesOutWhatIsNotOk) {
  auto columns = columns_of({{1, 1}, {2, 2}, {3, 3}});
  columns.status[0] = CandidateStatus::infeasible;
  const std::vector<StudyFileObjective> objectives{{"a", "", false}, {"b", "", false}};
  EXPECT_THAT(strict_front(columns, objectives), ElementsAre(1));
}

}  // namespace
}  // namespace ridgeline::io
