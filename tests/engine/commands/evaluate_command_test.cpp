// The whole command, from files to figures and exit codes.
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>
#include <sstream>

#include "engine/commands/cli.hpp"
#include "engine/commands/exit_code.hpp"
#include "tests/support/captured_run.hpp"
#include "tests/support/golden_documents.hpp"

namespace ridgeline::engine {
namespace {

namespace fs = std::filesystem;
using ridgeline::testing::accelerator_document;
using ridgeline::testing::golden_file;
using ridgeline::testing::Json;
using ridgeline::testing::workload_document;
using ::testing::HasSubstr;
using ::testing::Not;

class EvaluateCommand : public ::testing::Test {
 protected:
  EvaluateCommand()
      : folder_(fs::temp_directory_path() / ("ridgeline_evaluate_" + std::to_string(getpid()))) {
    fs::create_directories(folder_);
  }
  ~EvaluateCommand() override { fs::remove_all(folder_); }

  std::string write(const std::string& name, const std::string& text) const {
    const fs::path path = folder_ / name;
    std::ofstream(path) << text;
    return path.string();
  }

  // Runs `ridgeline evaluate`, text and notes kept.
  int evaluate(std::vector<std::string> arguments) {
    arguments.insert(arguments.begin(), "evaluate");
    testing::Outcome outcome = testing::captured_run(arguments);
    out_ = std::move(outcome.out);
    err_ = std::move(outcome.err);
    return outcome.code;
  }

  Json json() const { return Json::parse(out_); }

  fs::path folder_;
  std::string out_;
  std::string err_;
};

// A core on which every operand is read from one memory only.
constexpr const char* kAccelerator = R"(name: single_memory
operational_array: {dimensions: [D1], sizes: [2], unit_energy: 1.0, unit_area: 3}
memories:
  buffer:
    size: 2048
    r_cost: 2.0
    w_cost: 3.0
    area: 10
    latency: 1
    operands: [I1, I2, O]
    served_dimensions: [D1]
    ports:
      - {name: rw_port_1, type: read_write, bandwidth_min: 8, bandwidth_max: 16,
         allocation: ["I1, tl", "I1, fh", "I2, tl", "I2, fh", "O, tl", "O, fl", "O, th", "O, fh"]}
)";
constexpr const char* kMapping = R"(- name: default
  spatial_mapping: {D1: ["K, 2"]}
- name: ordered
  spatial_mapping: {D1: ["K, 2"]}
  temporal_ordering: [[C, 4], [K, 2], [D, 3]]
)";

// Gemm of D x C times C x K.
std::string gemm(int id, const std::string& name, int d, int c, int k) {
  std::ostringstream text;
  text << "- id: " << id << "\n  name: " << name << "\n  operator_type: Gemm\n"
       << "  equation: O[d][k]+=I[d][c]*W[c][k]\n  loop_dims: [D, C, K]\n  loop_sizes: [" << d
       << ", " << c << ", " << k << "]\n"
       << "  operand_precision: {I: 8, W: 8, O: 8, O_final: 8}\n  operand_source: {I: " << id
       << ", W: " << id << "}\n";
  return text.str();
}

class SmallEvaluation : public EvaluateCommand {
 protected:
  std::vector<std::string> arguments(const std::string& workload,
                                     std::vector<std::string> more = {"--format", "json"}) const {
    std::vector<std::string> all{"--workload",    write("w.yaml", workload),
                                 "--accelerator", write("a.yaml", kAccelerator),
                                 "--mapping",     write("m.yaml", kMapping)};
    all.insert(all.end(), more.begin(), more.end());
    return all;
  }
};

TEST_F(SmallEvaluation, KeepsAGivenOrderingAndAddsUpTheLayers) {
  ASSERT_EQ(evaluate(arguments(gemm(0, "ordered", 3, 4, 4) + gemm(1, "free", 3, 4, 4))), kDone);
  const Json result = json();
  EXPECT_EQ(result.at("schema"), "ridgeline.evaluation/1");
  EXPECT_EQ(result.at("workload"), "w");
  EXPECT_EQ(result.at("accelerator"), "single_memory");
  const Json& ordered = result.at("layers").at(0);
  EXPECT_EQ(ordered.at("name"), "ordered");
  EXPECT_EQ(ordered.at("operator"), "Gemm");
  EXPECT_EQ(ordered.at("macs"), 48);
  EXPECT_EQ(ordered.at("mapping").at("spatial").dump(), R"({"D1":{"K":2}})");
  Json loops = Json::array();
  for (const Json& loop : ordered.at("mapping").at("temporal")) {
    loops.push_back({loop.at("dim"), loop.at("size")});
    EXPECT_EQ(loop.at("memory").dump(), R"({"O":"buffer","I":"buffer","W":"buffer"})");
  }
  EXPECT_EQ(loops.dump(), R"([["C",4],["K",2],["D",3]])");
  // 48 multiplications of 1 pJ on 2 units.
  EXPECT_EQ(ordered.at("energy").at("mac"), 48.0);
  EXPECT_EQ(ordered.at("latency").at("ideal"), 24);
  EXPECT_EQ(ordered.at("utilization").at("spatial"), 1.0);
  // In each of the 24 cycles both units read another weight: 2 x 8 bits, one access of 16 bits
  // and 2 pJ.
  const Json& read = ordered.at("accesses").at("W").at(0);
  EXPECT_EQ(read.at("memory"), "buffer");
  EXPECT_EQ(read.at("rd_out_to_low"), 24);
  EXPECT_EQ(ordered.at("energy").at("memory").at("W").at(0).at("rd_out_to_low"), 48.0);
  double energy = 0;
  double latency = 0;
  for (const Json& layer : result.at("layers")) {
    energy += layer.at("energy").at("total").get<double>();
    latency += layer.at("latency").at("total").get<double>();
  }
  EXPECT_EQ(result.at("total").at("energy"), energy);
  EXPECT_EQ(result.at("total").at("latency"), latency);
  // Two units of area 3 and one memory of area 10.
  EXPECT_EQ(result.at("total").at("area"), 16.0);
}

TEST_F(SmallEvaluation, ReportsALayerThatDoesNotFitAndTheOthers) {
  // 100 x 100 weights of 8 bits are 80000 bits; the buffer has 2048.
  const std::string workload = gemm(0, "fits", 3, 4, 4) + gemm(1, "large", 2, 100, 100);
  ASSERT_EQ(evaluate(arguments(workload)), kInfeasible);
  const Json result = json();
  EXPECT_FALSE(result.at("layers").at(0).contains("infeasible"));
  const Json& large = result.at("layers").at(1);
  EXPECT_THAT(large.at("infeasible").get<std::string>(), HasSubstr("buffer"));
  EXPECT_THAT(large.at("infeasible").get<std::string>(), HasSubstr("2048 bits"));
  EXPECT_THAT(large.at("infeasible").get<std::string>(), HasSubstr("bits too many"));
  EXPECT_FALSE(large.contains("energy"));
  EXPECT_EQ(result.at("total").at("energy"), result.at("layers").at(0).at("energy").at("total"));
  EXPECT_THAT(err_, HasSubstr("1 of 2 layers"));
  ASSERT_EQ(evaluate(arguments(workload, {})), kInfeasible);
  EXPECT_THAT(out_, HasSubstr("large is infeasible: "));
}

TEST_F(SmallEvaluation, GivesTheSameForAnyNumberOfThreads) {
  std::string workload;
  for (int i = 0; i < 12; ++i) workload += gemm(i, "l" + std::to_string(i), 2 + i % 5, 4, 6);
  const auto without_seconds = [&](const std::string& threads) {
    EXPECT_EQ(evaluate(arguments(workload, {"--format", "json", "--threads", threads})), kDone);
    Json result = json();
    for (Json& layer : result.at("layers")) layer.at("search").erase("seconds");
    return result.dump();
  };
  const std::string alone = without_seconds("1");
  EXPECT_EQ(without_seconds("2"), alone);
  EXPECT_EQ(without_seconds("7"), alone);
  EXPECT_EQ(without_seconds("2147483647"), alone);  // no more than there is work for
}

TEST_F(SmallEvaluation, SearchesTheSpatialMappingsOfALayerInAnyOrderAlike) {
  for (const std::string engine : {"loma", "anneal"}) {
    const auto without_seconds = [&](const std::string& threads) {
      auto all = arguments(gemm(0, "one", 6, 4, 6) + gemm(1, "two", 5, 8, 9),
                           {"--format", "json", "--threads", threads, "--engine", engine,
                            "--objective", "energy", "--spatial-candidates", "all"});
      all[5] = write("free.yaml", "- name: default\n");  // every loop, every divisor
      EXPECT_EQ(evaluate(all), kDone);
      Json result = json();
      for (Json& layer : result.at("layers")) layer.at("search").erase("seconds");
      return result.dump(1);
    };
    const std::string alone = without_seconds("1");
    EXPECT_EQ(without_seconds("4"), alone);
    EXPECT_EQ(without_seconds("4"), alone);
  }
}

TEST_F(SmallEvaluation, TakesOnlyTheLayersAskedFor) {
  const std::string workload = gemm(0, "one", 3, 4, 4) + gemm(1, "two", 3, 4, 4);
  ASSERT_EQ(evaluate(arguments(workload, {"--layer", "two", "--format", "json"})), kDone);
  ASSERT_EQ(json().at("layers").size(), 1u);
  EXPECT_EQ(json().at("layers").at(0).at("name"), "two");
  EXPECT_EQ(evaluate(arguments(workload, {"--layer", "tow"})), kUsage);
  EXPECT_THAT(err_, HasSubstr("did you mean 'two'?"));
}

TEST_F(SmallEvaluation, ShowsPeopleATableBarsAndTheLoopNest) {
  ASSERT_EQ(evaluate(arguments(gemm(0, "ordered", 3, 4, 4), {})), kDone);
  EXPECT_THAT(out_, HasSubstr("w on single_memory\nobjective latency, engine "));
  EXPECT_THAT(out_, HasSubstr("Layer"));
  EXPECT_THAT(out_, HasSubstr("multiply-accumulate"));
  EXPECT_THAT(out_, HasSubstr("waiting for data"));
  EXPECT_THAT(out_, HasSubstr("  for D in [0, 3)"));
  EXPECT_THAT(out_, HasSubstr("    for K in [0, 2)"));
  EXPECT_THAT(out_, HasSubstr("      for C in [0, 4)"));
  EXPECT_THAT(out_, HasSubstr("parfor K in [0, 2)  on D1"));
}

TEST_F(SmallEvaluation, WritesToAFileOrSaysWhyNot) {
  const std::string workload = gemm(0, "one", 3, 4, 4);
  const std::string file = (folder_ / "result.json").string();
  ASSERT_EQ(evaluate(arguments(workload, {"--format", "json", "-o", file})), kDone);
  EXPECT_EQ(out_, "");
  std::ifstream stream(file);
  EXPECT_EQ(Json::parse(stream).at("layers").size(), 1u);
  EXPECT_EQ(evaluate(arguments(workload, {"-o", (folder_ / "no" / "such").string()})), kIoFailed);
  EXPECT_THAT(err_, HasSubstr("no/such"));
  if (fs::exists("/dev/full")) {
    EXPECT_EQ(evaluate(arguments(workload, {"-o", "/dev/full"})), kIoFailed);
  }
}

TEST_F(SmallEvaluation, BadInputIsCodeThreeAndNamesTheFile) {
  EXPECT_EQ(evaluate(arguments(gemm(0, "zero", 0, 4, 4))), kInvalidInput);
  EXPECT_THAT(err_, HasSubstr("w.yaml:6: /0/loop_sizes/0: "));
  EXPECT_EQ(out_, "");
  auto missing = arguments(gemm(0, "one", 3, 4, 4));
  missing[1] = "absent.onnx";
  EXPECT_EQ(evaluate(missing), kInvalidInput);
  EXPECT_THAT(err_, HasSubstr("absent.onnx"));
  missing[1] = write("truncated.onnx", "\x08\x07\x12");
  EXPECT_EQ(evaluate(missing), kInvalidInput);
  EXPECT_THAT(err_, HasSubstr("truncated.onnx"));
  missing[1] = write("empty.yaml", "");
  EXPECT_EQ(evaluate(missing), kInvalidInput);
  EXPECT_THAT(err_, HasSubstr("empty"));
}

TEST_F(SmallEvaluation, OptionsThatMakeNoSenseAreUsageErrors) {
  const std::string workload = gemm(0, "one", 3, 4, 4);
  for (const std::vector<std::string>& options :
       std::vector<std::vector<std::string>>{{"--objective", "speed"},
                                             {"--engine", "magic"},
                                             {"--lpf-limit", "many"},
                                             {"--lpf-limit", "-1"},
                                             {"--spatial-candidates", "0"},
                                             {"--threads", "0"},
                                             {"--format", "xml"},
                                             {"--dim", "N"},
                                             {"--dim", "N=0"},
                                             {"stray"},
                                             {"--search-seconds", "0"},
                                             {"--workloads", "w.yaml"}}) {
    EXPECT_EQ(evaluate(arguments(workload, options)), kUsage) << options.front();
    EXPECT_THAT(err_, Not(HasSubstr("bug"))) << options.front();
  }
  EXPECT_EQ(evaluate({"--workload", "w.yaml"}), kUsage);
  EXPECT_THAT(err_, HasSubstr("--accelerator"));
}

// ---- the reference's figures, rounded to two decimals in its own tests

struct Row {
  const char* accelerator;
  const char* mapping;
  const char* workload;
  std::vector<std::string> flags;
  double energy;   // pJ
  double latency;  // cycles
};

void PrintTo(const Row& row, std::ostream* out) {
  *out << row.accelerator << " " << row.mapping << " " << row.workload;
  for (const std::string& flag : row.flags) *out << " " << flag;
}

class SlowReferenceFigures : public EvaluateCommand, public ::testing::WithParamInterface<Row> {};

TEST_P(SlowReferenceFigures, AreMetForWholeNetworks) {
  const fs::path inputs = fs::path(RIDGELINE_REFERENCE_DIR) / "inputs";
  if (!fs::is_directory(inputs)) GTEST_SKIP() << "the reference's input files are not here";
  const Row& row = GetParam();
  const auto file = [&](const char* folder, const std::string& name) {
    return (inputs / folder / name).string();
  };
  std::vector<std::string> arguments{
      "--workload",    file("workload", row.workload),
      "--accelerator", file("hardware", row.accelerator + std::string(".yaml")),
      "--mapping",     file("mapping", row.mapping + std::string(".yaml")),
      "--engine",      "loma",
      "--format",      "json"};
  arguments.insert(arguments.end(), row.flags.begin(), row.flags.end());
  ASSERT_EQ(evaluate(arguments), kDone) << err_;
  const Json total = json().at("total");
  EXPECT_NEAR(total.at("energy").get<double>(), row.energy, 1e-6 * row.energy);
  EXPECT_NEAR(total.at("latency").get<double>(), row.latency, 1e-6 * row.latency);
}

const std::vector<std::string> kKeep{"--keep-on-chip"};
const std::vector<std::string> kMixed{"--mixed-spatial", "--keep-on-chip"};

INSTANTIATE_TEST_SUITE_P(
    DefaultFlags, SlowReferenceFigures,
    ::testing::Values(
        Row{"tpu_like", "tpu_like", "resnet18.onnx", {}, 1871436380.66, 3703960.5},
        Row{"tpu_like", "tpu_like", "resnet18.yaml", {}, 2615172831.38, 5584991.0},
        Row{"edge_tpu_like", "edge_tpu_like", "resnet18.onnx", {}, 1903229377.55, 2887804.5},
        Row{"edge_tpu_like", "edge_tpu_like", "resnet18.yaml", {}, 2413348670.67, 3741293.0},
        Row{"tesla_npu_like", "tesla_npu_like", "resnet18.onnx", {}, 1859923747.33, 2719709.75},
        Row{"tesla_npu_like", "tesla_npu_like", "resnet18.yaml", {}, 2363901208.14, 3313105.91},
        Row{"ascend_like", "ascend_like", "resnet18.onnx", {}, 1940385435.76, 3032311.0},
        Row{"ascend_like", "ascend_like", "resnet18.yaml", {}, 2449578483.76, 3980000.0},
        Row{"gemm_l1", "gemm_l1", "gemm_layer.yaml", {"--lpf-limit", "3"}, 511349.76, 8191.0}));

INSTANTIATE_TEST_SUITE_P(
    KeepOnChip, SlowReferenceFigures,
    ::testing::Values(
        Row{"tpu_like", "tpu_like", "resnet18.onnx", kKeep, 1735241704.22, 3762552.5},
        Row{"tpu_like", "tpu_like", "resnet18.yaml", kKeep, 2302362179.97, 5548138.0},
        Row{"edge_tpu_like", "edge_tpu_like", "resnet18.onnx", kKeep, 1783892066.11, 2957953.5},
        Row{"edge_tpu_like", "edge_tpu_like", "resnet18.yaml", kKeep, 2115121959.87, 3706985.0},
        Row{"tesla_npu_like", "tesla_npu_like", "resnet18.onnx", kKeep, 1725111410.78, 2709223.75},
        Row{"tesla_npu_like", "tesla_npu_like", "resnet18.yaml", kKeep, 2213422347.76, 3296500.58},
        Row{"ascend_like", "ascend_like", "resnet18.onnx", kKeep, 1813915548.47, 3017312.0},
        Row{"ascend_like", "ascend_like", "resnet18.yaml", kKeep, 2338798423.04, 3961239.0}));

INSTANTIATE_TEST_SUITE_P(MixedSpatial, SlowReferenceFigures,
                         ::testing::Values(Row{"tpu_like", "tpu_like_mixed", "resnet18.onnx",
                                               kMixed, 1759424218.32, 4256300.0},
                                           Row{"tpu_like", "tpu_like_mixed", "resnet18.yaml",
                                               kMixed, 2191903732.78, 4657608.0},
                                           Row{"edge_tpu_like", "edge_tpu_like_mixed",
                                               "resnet18.onnx", kMixed, 1735517943.87, 3834226.0},
                                           Row{"edge_tpu_like", "edge_tpu_like_mixed",
                                               "resnet18.yaml", kMixed, 2029477205.31, 4586293.0},
                                           Row{"tesla_npu_like", "tesla_npu_like_mixed",
                                               "resnet18.onnx", kMixed, 1599110638.5, 2318166.5},
                                           Row{"tesla_npu_like", "tesla_npu_like_mixed",
                                               "resnet18.yaml", kMixed, 2084306723.24, 2889873.0},
                                           Row{"ascend_like", "ascend_like_mixed", "resnet18.onnx",
                                               kMixed, 1811468387.52, 3119977.33},
                                           Row{"ascend_like", "ascend_like_mixed", "resnet18.yaml",
                                               kMixed, 2349013378.88, 3718548.66}));

// Documents written from golden records, so that a checkout by itself can tell.
TEST_F(EvaluateCommand, MeetsTheReferencesFiguresOnDocumentsWrittenFromItsRecords) {
  const auto run = [&](const char* accelerator, const std::string& mapping, const char* workload,
                       std::vector<std::string> more) {
    const auto layers = golden_file("workload_import", workload);
    const auto cores = golden_file("accelerator", accelerator);
    std::vector<std::string> arguments{
        "--workload",    write("w.json", workload_document(layers).dump()),
        "--accelerator", write("a.json", accelerator_document(cores.at(0)).dump()),
        "--mapping",     write("m.yaml", mapping),
        "--format",      "json",
        "--engine",      "loma"};
    arguments.insert(arguments.end(), more.begin(), more.end());
    EXPECT_EQ(evaluate(arguments), kDone) << err_;
    return json().at("total");
  };
  const Json gemm = run("gemm_l1.json",
                        "- name: default\n"
                        "  spatial_mapping: {D1: [\"D0, 8\"], D2: [\"D2, 8\"], D3: [\"D1, 8\"]}\n"
                        "  temporal_ordering: [[D1, \"*\"], [D2, \"*\"], [D0, \"*\"]]\n",
                        "gemm_layer.yaml.json", {"--lpf-limit", "3"});
  EXPECT_NEAR(gemm.at("energy").get<double>(), 511349.76, 1e-6 * 511349.76);
  EXPECT_EQ(gemm.at("latency"), 8191.0);
  const Json network =
      run("tpu_like.json",
          "- name: default\n"
          "  spatial_mapping: {D1: [\"K, 32\"], D2: [\"C, 32\"]}\n"
          "- name: Add\n  spatial_mapping: {D1: [\"G, 32\"], D2: [\"C, 1\"]}\n"
          "- name: Pooling\n  spatial_mapping: {D1: [\"G, 32\"], D2: [\"C, 1\"]}\n"
          "- name: example_name_of_layer0\n"
          "  spatial_mapping: {D1: [\"C, 32\"], D2: [\"K, 32\"]}\n"
          "  temporal_ordering: [[OX, 112], [OY, 112], [FX, 7], [FY, 7], [K, 2]]\n",
          "resnet18.yaml.json", {});
  EXPECT_NEAR(network.at("energy").get<double>(), 2615172831.38, 1e-6 * 2615172831.38);
  EXPECT_NEAR(network.at("latency").get<double>(), 5584991.0, 1e-6 * 5584991.0);
}

}  // namespace
}  // namespace ridgeline::engine
