#include "io/results/study_report.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>
#include <limits>
#include <nlohmann/json.hpp>

namespace ridgeline::io {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;

constexpr double kNan = std::numeric_limits<double>::quiet_NaN();

// rows in {8, 16} x l1 in {32K, 64K}; latency depends on rows alone, energy on both, and the
// last design is infeasible.
StudyFile study() {
  StudyFile file;
  file.study = R"({"name": "hand-made"})";
  file.host = "node01";
  file.parameters = {{"rows", {"8", "16"}}, {"l1", {"32K", "64K, big"}}};
  file.objectives = {{"latency", "cycles", false}, {"energy", "pJ", false}};
  auto& candidates = file.candidates;
  candidates.id = {0, 1, 2, 3};
  candidates.status = {CandidateStatus::ok, CandidateStatus::ok, CandidateStatus::ok,
                       CandidateStatus::infeasible};
  candidates.objectives = {{200, 200, 100, kNan}, {10, 20, 40, kNan}};
  candidates.message = {"", "", "", "layer \"a\" fits nowhere"};
  file.front = strict_front(candidates, file.objectives);
  return file;
}

TEST(StudyReport, FindsTheBestDesignOfEachObjectiveAndTheKnee) {
  const StudyFile file = study();
  ASSERT_THAT(file.front, ElementsAre(2, 0));
  const StudyReport report = study_report(file);
  EXPECT_THAT(report.by_status, ElementsAre(3, 1, 0, 0));
  EXPECT_THAT(report.best, ElementsAre(2, 0));
  // Both members are at distance 1 of the best of everything: the first one it is.
  EXPECT_EQ(report.knee, 2);
}

TEST(StudyReport, PutsTheKneeWhereTheFrontBends) {
  StudyFile file = study();
  file.candidates.status[3] = CandidateStatus::ok;
  file.candidates.objectives = {{200, 120, 100, 110}, {10, 13, 40, 30}};
  file.front = strict_front(file.candidates, file.objectives);
  EXPECT_EQ(file.front.size(), 4);
  // Scaled: (1, 0), (0.2, 0.1), (0, 1), (0.1, 0.67).
  EXPECT_EQ(study_report(file).knee, 1);
}

TEST(StudyReport, SharesTheVariationAmongTheParameters) {
  const StudyReport report = study_report(study());
  // Latency: rows explains all. By l1: 32K has the logarithms of 200 and 100, 64K of 200. With
  // u = ln 200 and v = ln 100 the mean is (2u+v)/3, and d = u-v: total 2/3 d^2, between
  // 2 (d/6)^2 + (d/3)^2 = d^2/6, so a quarter is explained.
  const auto& latency = report.sensitivity[0];
  EXPECT_NEAR(latency[0].explained, 1, 1e-12);
  EXPECT_EQ(latency[0].best_value, 1);
  EXPECT_NEAR(latency[0].spread, 2, 1e-12);
  EXPECT_NEAR(latency[1].explained, 0.25, 1e-12);
  EXPECT_EQ(latency[1].best_value, 0);
  EXPECT_NEAR(latency[1].spread, std::sqrt(2.0), 1e-12);
}

TEST(StudyReport, OfAMaximisedObjectiveLooksForTheLargest) {
  StudyFile file = study();
  file.objectives[1] = {"utilization", "1", true};
  file.front = strict_front(file.candidates, file.objectives);
  const StudyReport report = study_report(file);
  EXPECT_THAT(report.best, ElementsAre(2, 2));
  EXPECT_EQ(report.sensitivity[1][0].best_value, 1);
}

TEST(StudyReport, OfAnObjectiveThatDoesNotVaryHasNoSensitivity) {
  StudyFile file = study();
  file.candidates.objectives[0] = {7, 7, 7, kNan};
  EXPECT_TRUE(std::isnan(study_report(file).sensitivity[0][0].explained));
}

TEST(StudyReport, ShowsTheFrontToPeople) {
  const StudyFile file = study();
  const std::string text = report_text(file, study_report(file), 1);
  EXPECT_THAT(text, HasSubstr("hand-made (complete), 4 candidates: 3 ok, 1 infeasible"));
  EXPECT_THAT(text, HasSubstr("Front: 2 of 3 designs that are ok\n"
                              "  #  id  rows   l1  latency [cycles]  energy [pJ]\n"
                              "  1   2    16  32K               100           40\n"
                              "  ... and 1 more"));
  EXPECT_THAT(text, HasSubstr("  latency   2    16  32K               100           40\n"
                              "  energy    0     8  32K               200           10\n"
                              "  knee      2    16  32K               100           40\n"));
  EXPECT_THAT(text, HasSubstr("latency   100 % (16, x2)   25 % (32K, x1.41)"));
}

TEST(StudyReport, OfAStudyWithoutAFeasibleDesignSaysSo) {
  StudyFile file = study();
  file.candidates.status.assign(4, CandidateStatus::infeasible);
  file.front.clear();
  const StudyReport report = study_report(file);
  EXPECT_THAT(report_text(file, report, 0), HasSubstr("No design is feasible"));
  EXPECT_EQ(report.knee, std::nullopt);
  EXPECT_TRUE(nlohmann::json::parse(report_json(file, report, 0))["knee"].is_null());
}

TEST(StudyReport, IsJsonForPrograms) {
  const StudyFile file = study();
  const auto json = nlohmann::json::parse(report_json(file, study_report(file), 0));
  EXPECT_EQ(json["schema"], "ridgeline.report/1");
  EXPECT_EQ(json["candidates"]["infeasible"], 1);
  EXPECT_EQ(json["front"].size(), 2);
  EXPECT_EQ(json["front"][1]["parameters"]["l1"], "32K");
  EXPECT_EQ(json["best"]["energy"]["objectives"]["latency"], 200);
  EXPECT_EQ(json["sensitivity"]["latency"]["rows"]["best_value"], "16");
}

TEST(StudyReport, WritesEveryCandidateAsCsv) {
  EXPECT_EQ(candidates_csv(study()),
            "id,status,front,rows,l1,latency,energy,message\n"
            "0,ok,1,8,32K,200,10,\n"
            "1,ok,0,8,\"64K, big\",200,20,\n"
            "2,ok,1,16,32K,100,40,\n"
            "3,infeasible,0,16,\"64K, big\",,,\"layer \"\"a\"\" fits nowhere\"\n");
}

}  // namespace
}  // namespace ridgeline::io
