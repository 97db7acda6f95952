#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>
#include <sstream>

#include "engine/commands/cli.hpp"
#include "engine/commands/exit_code.hpp"
#include "io/results/study_file.hpp"
#include "tests/support/captured_run.hpp"

namespace ridgeline::engine {
namespace {

using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::StartsWith;

class ReportCommand : public ::testing::Test {
 protected:
  ReportCommand() {
    std::string pattern = (std::filesystem::temp_directory_path() / "ridgeline-XXXXXX").string();
    folder_ = ::mkdtemp(pattern.data());
    io::StudyFile study;
    study.study = R"({"name": "two designs"})";
    study.parameters = {{"rows", {"8", "16"}}};
    study.objectives = {{"latency", "cycles", false}};
    study.candidates.id = {0, 1};
    study.candidates.status = {io::CandidateStatus::ok, io::CandidateStatus::ok};
    study.candidates.objectives = {{200, 100}};
    study.candidates.message = {"", ""};
    study.front = {1};
    io::write_study_file(folder_ / "study.h5", study);
  }
  ~ReportCommand() override { std::filesystem::remove_all(folder_); }

  std::string path(const std::string& name) const { return (folder_ / name).string(); }

  int run(std::vector<std::string> arguments) {
    arguments.insert(arguments.begin(), "report");
    testing::Outcome outcome = testing::captured_run(arguments);
    out_ = std::move(outcome.out);
    err_ = std::move(outcome.err);
    return outcome.code;
  }

  std::filesystem::path folder_;
  std::string out_;
  std::string err_;
};

TEST_F(ReportCommand, ShowsAStudy) {
  EXPECT_EQ(run({path("study.h5")}), kDone);
  EXPECT_THAT(out_, StartsWith("two designs (complete), 2 candidates: 2 ok"));
  EXPECT_THAT(err_, IsEmpty());
}

TEST_F(ReportCommand, WritesCsvToAFileOrInPlaceOfTheReport) {
  EXPECT_EQ(run({path("study.h5"), "--csv", path("all.csv")}), kDone);
  EXPECT_THAT(out_, StartsWith("two designs"));
  std::ostringstream csv;
  csv << std::ifstream(path("all.csv")).rdbuf();
  EXPECT_EQ(csv.str(), "id,status,front,rows,latency,message\n0,ok,0,8,200,\n1,ok,1,16,100,\n");
  EXPECT_EQ(run({path("study.h5"), "--csv", "-"}), kDone);
  EXPECT_EQ(out_, csv.str());
}

TEST_F(ReportCommand, WritesJson) {
  EXPECT_EQ(run({path("study.h5"), "--format", "json"}), kDone);
  EXPECT_THAT(out_, HasSubstr("\"schema\": \"ridgeline.report/1\""));
}

TEST_F(ReportCommand, TellsWhatIsWrong) {
  EXPECT_EQ(run({}), kUsage);
  EXPECT_EQ(run({path("study.h5"), "--format", "xml"}), kUsage);
  EXPECT_EQ(run({path("none.h5")}), kIoFailed);
  EXPECT_THAT(err_, HasSubstr("none.h5: there is no such file"));
  std::ofstream(path("text.h5")) << "text";
  EXPECT_EQ(run({path("text.h5")}), kInvalidInput);
  EXPECT_EQ(run({path("study.h5"), "--csv", path("missing/all.csv")}), kIoFailed);
}

}  // namespace
}  // namespace ridgeline::engine
