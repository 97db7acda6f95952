// The referee judges the scheduler's results: golden allocations, random ones, strict ones, and
// results in which something is wrong on purpose.
#include "tests/support/schedule_referee.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <sstream>

#include "io/results/schedule_report.hpp"
#include "search/fronts/nsga2.hpp"
#include "search/fronts/random.hpp"
#include "tests/support/captured_run.hpp"
#include "tests/support/golden_schedule.hpp"

namespace ridgeline::testing {
namespace {

using ::testing::Contains;
using ::testing::IsEmpty;

// The result document of one allocation; null where it is infeasible.
Json result_of(const GoldenSystem& system, const model::ScheduleProblem& problem,
               const model::Allocation& allocation) {
  const auto variant = std::make_shared<search::ScheduleVariant>();
  variant->problem = problem;
  search::ScheduleResult result;
  result.variant = variant;
  result.figures = model::Scheduler(problem).evaluate(allocation, result.record);
  if (!result.figures.feasible()) return nullptr;
  result.front = {{{}, allocation, result.figures}};
  result.best = 0;
  const model::MultiCore cores;
  const io::ScheduleReport report{
      .workload = system.configuration, .mode = "", .system = cores, .result = result};
  std::ostringstream text;
  io::write_schedule_json(report, true, text);
  return Json::parse(text.str());
}

// The i-th random allocation of a configuration.
Json random_schedule(const GoldenSystem& system, std::uint64_t seed, int i) {
  search::RandomStream random(seed, 0, 0, static_cast<std::uint32_t>(i));
  Json cores = Json::array();
  for (const Json& choices : system.document.at("gene_cores")) {
    cores.push_back(choices.at(random.below(choices.size())));
  }
  return {{"allocation", cores}};
}

std::string first_of(const std::vector<Violation>& violations) {
  return violations.empty() ? "" : violations.front().text;
}

class Referee : public ::testing::TestWithParam<std::string> {};

TEST_P(Referee, passes_every_golden_allocation_but_for_the_named_exceptions) {
  const GoldenSystem system = golden_system(GetParam());
  for (const Json& schedule : system.document.at("schedules")) {
    SCOPED_TRACE(schedule.at("name").get<std::string>());
    model::ScheduleOptions options;
    options.prefetch =
        schedule.at("options").at("operands_to_prefetch").get<std::vector<std::string>>();
    const model::ScheduleProblem problem = system.compile(options);
    const Json result = result_of(system, problem, system.allocation(problem, schedule));
    if (result.is_null()) continue;
    const auto violations = judge(result, kReferenceQuirks);
    EXPECT_THAT(violations, IsEmpty()) << first_of(violations);
  }
}

TEST_P(Referee, passes_strict_schedules_without_exceptions) {
  const GoldenSystem system = golden_system(GetParam());
  int judged = 0;
  for (const Json& schedule : system.document.at("schedules")) {
    SCOPED_TRACE(schedule.at("name").get<std::string>());
    model::ScheduleOptions options;
    options.semantics = options.semantics.strict();
    options.prefetch =
        schedule.at("options").at("operands_to_prefetch").get<std::vector<std::string>>();
    const model::ScheduleProblem problem = system.compile(options);
    const Json result = result_of(system, problem, system.allocation(problem, schedule));
    if (result.is_null()) continue;
    ++judged;
    const auto violations = judge(result, {});
    EXPECT_THAT(violations, IsEmpty()) << first_of(violations);
  }
  EXPECT_GT(judged, 0);
}

INSTANTIATE_TEST_SUITE_P(Reference, Referee, ::testing::ValuesIn(golden_configurations()),
                         [](const auto& instance) { return instance.param; });
GTEST_ALLOW_UNINSTANTIATED_PARAMETERIZED_TEST(Referee);

class RefereeOnRandomAllocations : public ::testing::Test {
 protected:
  // Judges `count` random allocations of a configuration, and strict ones as well.
  static void run(const std::string& configuration, int count) {
    const GoldenSystem system = golden_system(configuration);
    model::ScheduleOptions strict;
    strict.semantics = strict.semantics.strict();
    const model::ScheduleProblem problem = system.compile({});
    const model::ScheduleProblem strict_problem = system.compile(strict);
    for (int i = 0; i < count; ++i) {
      SCOPED_TRACE(configuration + " " + std::to_string(i));
      const Json schedule = random_schedule(system, 11, i);
      const Json result = result_of(system, problem, system.allocation(problem, schedule));
      if (!result.is_null()) {
        const auto violations = judge(result, kReferenceQuirks);
        EXPECT_THAT(violations, IsEmpty()) << first_of(violations);
      }
      const Json honest =
          result_of(system, strict_problem, system.allocation(strict_problem, schedule));
      if (!honest.is_null()) {
        const auto violations = judge(honest, {});
        EXPECT_THAT(violations, IsEmpty()) << first_of(violations);
      }
    }
  }
  // The same of strict ones alone, on memories that hold a part of what they did.
  static void run_tight(const std::string& configuration, int count, std::int64_t part) {
    const GoldenSystem system = golden_system(configuration);
    model::ScheduleOptions options;
    options.semantics = options.semantics.strict();
    model::ScheduleProblem problem = system.compile(options);
    for (model::TopMemory& memory : problem.memories.instances) {
      const auto& cores = memory.cores;
      if (std::find(cores.begin(), cores.end(), problem.offchip_core) != cores.end()) continue;
      memory.size /= part;
    }
    int evictions = 0;
    for (int i = 0; i < count; ++i) {
      SCOPED_TRACE(configuration + " " + std::to_string(i));
      const Json result =
          result_of(system, problem, system.allocation(problem, random_schedule(system, 12, i)));
      if (result.is_null()) continue;
      for (const Json& t : result.at("transfers")) evictions += t.at("cause") == "eviction";
      const auto violations = judge(result, {});
      EXPECT_THAT(violations, IsEmpty()) << first_of(violations);
    }
    EXPECT_GT(evictions, 0);
  }
  void SetUp() override {
    if (!golden_is_complete()) {
      GTEST_SKIP() << "no reference data below " << RIDGELINE_REFERENCE_DIR;
    }
  }
};

// Sanitizers slow these down by a factor of forty; a part of the allocations meets every line.
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
constexpr int kShare = 10;
#else
constexpr int kShare = 1;
#endif

TEST_F(RefereeOnRandomAllocations, finds_nothing_wrong_in_a_thousand) {
  run("lab_fused_ball_k2", 650 / kShare);
  run("lab2_lbl_k3", 250 / kShare);
  run("lab3_links_fused", 20 / kShare);
  run("lab_fused_oyall_k2", 20 / kShare);
  run("resnet18_lbl", 50 / kShare);
  run("fsrcnn_eyeriss_fused", 5);
  run("resnet18_first11_fused", 5);
}

TEST_F(RefereeOnRandomAllocations, finds_nothing_wrong_with_strict_ones_in_tight_memories) {
  run_tight("lab_fused_oyall_k2", 15 / kShare, 16);
  run_tight("lab_fused_oyall_k2", 15 / kShare, 32);
  run_tight("lab3_links_fused", 15 / kShare, 24);
}

// A schedule of our own laboratory of three cores, each layer on the core given.
Json example_schedule(const std::vector<int>& cores, const std::vector<std::string>& more) {
  namespace fs = std::filesystem;
  const fs::path lab = fs::path(RIDGELINE_SOURCE_DIR) / "examples" / "labs" / "multicore";
  const fs::path file =
      fs::temp_directory_path() / ("ridgeline_referee_" + std::to_string(::getpid()) + ".json");
  Json layers = Json::array();
  for (std::size_t i = 0; i < cores.size(); ++i) {
    layers.push_back({{"layer", "Layer" + std::to_string(i)}, {"id", i}, {"cores", {cores[i]}}});
  }
  std::ofstream(file) << Json{{"allocation", layers}};
  std::vector<std::string> arguments{"schedule",
                                     "--workload",
                                     (lab / "four_convs.yaml").string(),
                                     "--mapping",
                                     (lab / "fused.yaml").string(),
                                     "--accelerator",
                                     (lab / "system.yaml").string(),
                                     "--allocation",
                                     file.string(),
                                     "--format",
                                     "json",
                                     "--detail",
                                     "full",
                                     "--threads",
                                     "1"};
  arguments.insert(arguments.end(), more.begin(), more.end());
  const Outcome outcome = captured_run(arguments);
  fs::remove(file);
  if (outcome.code != 0) throw std::runtime_error(outcome.err);
  return Json::parse(outcome.out);
}

TEST(RefereeOnOurExamples, finds_nothing_wrong_whichever_cores_run_the_layers) {
  for (int i = 0; i < 81; i += 8) {
    const std::vector<int> cores{i / 27, i / 9 % 3, i / 3 % 3, i % 3};
    for (const char* mode : {"fused", "layer-by-layer"}) {
      SCOPED_TRACE(std::string(mode) + " " + std::to_string(i));
      const auto reference = judge(example_schedule(cores, {"--mode", mode}), kReferenceQuirks);
      EXPECT_THAT(reference, IsEmpty()) << first_of(reference);
      const auto strict = judge(example_schedule(cores, {"--mode", mode, "--no-quirks"}), {});
      EXPECT_THAT(strict, IsEmpty()) << first_of(strict);
    }
  }
}

// Layer by layer everything is streamed from and to the off-chip memory. This one holds the data of
// any layer, but not those of all of them: what nobody reads any more has to leave.
TEST(RefereeOnOurExamples, what_is_streamed_leaves_an_offchip_memory_with_its_last_reader) {
  namespace fs = std::filesystem;
  const fs::path lab = fs::path(RIDGELINE_SOURCE_DIR) / "examples" / "labs" / "multicore";
  const fs::path own =
      fs::temp_directory_path() / ("ridgeline_offchip_" + std::to_string(::getpid()));
  fs::copy(lab, own, fs::copy_options::recursive);
  std::ifstream original(own / "cores" / "offchip.yaml");
  std::string text{std::istreambuf_iterator<char>(original), {}};
  const std::string size = "size: 4294967296\n    cost: {kind: dram}";
  ASSERT_NE(text.find(size), std::string::npos);
  text.replace(
      text.find(size), size.size(),
      "size: " + std::to_string(70 * 1024 * 8) + "\n    r_cost: 1\n    w_cost: 1\n    area: 0");
  std::ofstream(own / "cores" / "offchip.yaml") << text;
  std::vector<std::string> arguments{"schedule",
                                     "--workload",
                                     (own / "four_convs.yaml").string(),
                                     "--mapping",
                                     (own / "fused.yaml").string(),
                                     "--accelerator",
                                     (own / "system.yaml").string(),
                                     "--mode",
                                     "layer-by-layer",
                                     "--format",
                                     "json",
                                     "--detail",
                                     "full"};
  const Outcome reference = captured_run(arguments);
  arguments.push_back("--no-quirks");
  const Outcome strict = captured_run(arguments);
  fs::remove_all(own);
  ASSERT_EQ(reference.code, 0) << reference.err;
  EXPECT_THAT(reference.err, ::testing::HasSubstr("what nobody reads any more has left it"));
  const auto notes = Json::parse(reference.out).at("notes");
  EXPECT_THAT(notes.dump(), ::testing::HasSubstr("what nobody reads any more has left it"));
  const auto by_reference = judge(Json::parse(reference.out), kReferenceQuirks);
  EXPECT_THAT(by_reference, IsEmpty()) << first_of(by_reference);
  ASSERT_EQ(strict.code, 0) << strict.err;
  EXPECT_THAT(strict.err, ::testing::Not(::testing::HasSubstr("left it")));
  const auto violations = judge(Json::parse(strict.out), {});
  EXPECT_THAT(violations, IsEmpty()) << first_of(violations);
}

// The layers on cores 0, 1, 2 and 0, so that every result crosses to another core. Memories: 0 and
// 1 are those of weights and of all else of core 0, 2 and 3 of core 1, 4 and 5 of core 2, 6 is
// off-chip.
class PlantedViolation : public ::testing::Test {
 protected:
  void SetUp() override {
    result_ = example_schedule({0, 1, 2, 0}, {"--mode", "fused"});
    ASSERT_THAT(judge(result_, kReferenceQuirks), IsEmpty());
  }

  Json& node(int layer, int sub) {
    for (Json& n : result_.at("nodes")) {
      if (n.at("id") == layer && n.at("sub_id") == sub) return n;
    }
    throw std::runtime_error("no such node");
  }
  void expect(Rule rule) const {
    EXPECT_THAT(rules(judge(result_, kReferenceQuirks)), Contains(rule));
  }

  Json result_;
};

TEST_F(PlantedViolation, of_a_dependency_in_time_is_found) {
  Json& n = node(1, 5);
  n["start"] = n["start"].get<double>() - 600;
  n["end"] = n["end"].get<double>() - 600;
  expect(Rule::dependency);
}

TEST_F(PlantedViolation, of_data_that_never_arrive_is_found) {
  // The copy of an output of layer 0 on the next layer's core.
  const std::string tensor = node(0, 7).at("layer").get<std::string>() + ".O[7]";
  Json left = Json::array();
  for (const Json& stay : result_.at("residency")) {
    if (stay.at("tensor") != tensor || stay.at("memory") != 3) left.push_back(stay);
  }
  ASSERT_LT(left.size(), result_.at("residency").size());
  result_["residency"] = left;
  expect(Rule::dependency);
}

TEST_F(PlantedViolation, of_core_exclusivity_is_found) {
  Json& n = node(0, 30);
  n["start"] = node(0, 29).at("end").get<double>() - 1;
  expect(Rule::exclusivity);
}

TEST_F(PlantedViolation, of_a_sender_that_holds_nothing_is_found) {
  for (Json& t : result_.at("transfers")) {
    if (t.at("cause") == "core_to_core") {
      t["start"] = t.at("start").get<double>() - 1e5;
      t["end"] = t.at("end").get<double>() - 1e5;
      break;
    }
  }
  expect(Rule::sender);
}

TEST_F(PlantedViolation, of_a_transfer_that_is_too_fast_is_found) {
  Json& t = result_.at("transfers").at(0);
  t["end"] = t.at("end").get<double>() - 1;
  expect(Rule::duration);
}

TEST_F(PlantedViolation, of_link_capacity_is_found) {
  Json& transfers = result_.at("transfers");
  const double length =
      transfers[1].at("end").get<double>() - transfers[1].at("start").get<double>();
  transfers[1]["start"] = transfers[0].at("start").get<double>() + 1;
  transfers[1]["end"] = transfers[1].at("start").get<double>() + length;
  expect(Rule::link);
}

TEST_F(PlantedViolation, of_link_capacity_by_a_stream_is_found) {
  const Json& t = result_.at("transfers").at(0);
  result_["blocks"].push_back({{"node", {3, 55}},
                               {"tensor", "Layer3.I[55]"},
                               {"operand", "I1"},
                               {"link", 0},
                               {"start", t.at("start")},
                               {"end", t.at("end")},
                               {"bandwidth", 1}});
  expect(Rule::link);
}

TEST_F(PlantedViolation, of_memory_capacity_is_found) {
  for (Json& s : result_.at("residency")) {
    if (s.at("memory") == 6) s["bits"] = 4000000000;
  }
  expect(Rule::memory);
}

TEST_F(PlantedViolation, of_causality_is_found) {
  Json& t = result_.at("transfers").at(5);
  t["cause"] = "eviction";
  t["decided"] = t.at("start").get<double>() + 1;
  EXPECT_THAT(rules(judge(result_, {})), Contains(Rule::causality));
}

TEST_F(PlantedViolation, of_the_latency_is_found) {
  result_["latency"] = result_.at("latency").get<double>() - 1;
  expect(Rule::latency);
}

TEST_F(PlantedViolation, of_the_energy_is_found) {
  for (const char* part : {"total", "compute", "offchip_memory", "nodes_onchip"}) {
    const Json good = result_;
    result_["energy"][part] = result_.at("energy").at(part).get<double>() * 1.001;
    expect(Rule::energy);
    result_ = good;
  }
  result_["transfers"][3]["memory_energy"] = 0;
  expect(Rule::energy);
}

}  // namespace
}  // namespace ridgeline::testing
