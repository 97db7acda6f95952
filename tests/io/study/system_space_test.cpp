#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>

#include "io/inputs/multicore_reader.hpp"
#include "io/study/study_document.hpp"

namespace ridgeline::io {
namespace {

using nlohmann::ordered_json;
using testing::AllOf;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;

constexpr const char* kCore = R"(
name: core
type: compute
operational_array: {sizes: [8, 4], dimensions: [D1, D2], unit_energy: 0.5, unit_area: 1}
memories:
  l2: {size: 65536, r_cost: 1.5, w_cost: 2, area: 3, latency: 1, operands: [I1, I2, O],
       ports: [{name: rw_port_1, type: read_write, bandwidth_min: 64, bandwidth_max: 64,
                allocation: ["I1, tl", "I1, fh", "I2, tl", "I2, fh", "O, tl", "O, fh", "O, fl", "O, th"]}],
       served_dimensions: [D1, D2]}
)";
constexpr const char* kWorkload = R"(
- {id: 0, name: first, operator_type: Conv, loop_sizes: [128, 64]}
- {id: 1, name: last, operator_type: Pool, loop_sizes: [128, 64]}
)";
constexpr const char* kStudy = R"(
name: family
workloads: [net.yaml]
system:
  kinds:
    big: {core: core.yaml, count: n_big, operators: [Conv]}
    any: {core: core.yaml, count: 4 - n_big}
  offchip: dram.yaml
  topology: {type: shape, bandwidth: bits, unit_energy_per_bit: 0.25}
  sharing: [{kinds: [any], memories: [l2], cores: 2}]
parameters:
  - {name: n_big, values: [0, 1, 4]}
  - {name: shape, values: [bus, ring, mesh, all-to-all]}
  - {name: bits, values: [32, 64]}
  - {name: rows, path: /kinds/big/operational_array/sizes/0, values: [8, 16]}
where: ["n_big > 0 or rows == 8"]
objectives: [latency]
)";

class SystemSpace : public testing::Test {
 protected:
  SystemSpace() {
    std::string pattern = (std::filesystem::temp_directory_path() / "ridgeline-XXXXXX").string();
    folder_ = ::mkdtemp(pattern.data());
    write("cores/core.yaml", kCore);
    std::string dram = kCore;
    dram.replace(dram.find("[8, 4]"), 6, "[0, 0]");
    write("dram.yaml", dram);
    write("net.yaml", kWorkload);
  }
  ~SystemSpace() override { std::filesystem::remove_all(folder_); }

  void write(const std::string& name, const std::string& text) const {
    std::filesystem::create_directories((folder_ / name).parent_path());
    std::ofstream(folder_ / name) << text;
  }
  Study read(const std::string& text) const {
    write("study.yaml", text);
    return Study::read(folder_ / "study.yaml");
  }
  static std::string with(const std::string& what, const std::string& by) {
    std::string text = kStudy;
    const std::size_t at = text.find(what);
    if (at == std::string::npos) ADD_FAILURE() << "the study has no " << what;
    return text.replace(at, what.size(), by);
  }
  std::string error_of(const std::string& text) const {
    try {
      read(text);
    } catch (const InputError& error) {
      return error.what();
    }
    return "no error";
  }
  static std::vector<std::string> connections(const DesignDocuments& design) {
    std::vector<std::string> texts;
    const ordered_json system = design.accelerator.to_json();
    for (const auto& entry : system["core_connectivity"]) {
      texts.push_back(entry["type"].get<std::string>() + " " +
                      (entry.contains("cores") ? entry["cores"] : entry["from"]).dump());
    }
    return texts;
  }
  // Of the design with these labels.
  static DesignDocuments design(const Study& study, const std::string& labels) {
    for (auto id = study.next_existing(0); id; id = study.next_existing(*id + 1))
      if (study.describe(*id) == labels) return study.design_documents(*id);
    ADD_FAILURE() << "no design " << labels;
    return study.design_documents(0);
  }
  std::filesystem::path folder_;
};

TEST_F(SystemSpace, MakesAsManyCoresOfEachKindAsParametersSay) {
  const Study study = read(kStudy);
  EXPECT_TRUE(study.spec().multi_core);
  EXPECT_EQ(study.count_existing(), 4 * 2 * (1 + 2 + 2));
  const DesignDocuments one = design(study, "n_big=1 shape=ring bits=32 rows=16");
  EXPECT_THAT(one.kind_of, ElementsAre("big", "any", "any", "any"));
  const ordered_json system = one.accelerator.to_json();
  EXPECT_EQ(system["cores"].size(), 5) << "off-chip memory is the last core";
  EXPECT_EQ(system["offchip_core_id"], 4);
  EXPECT_EQ(system["cores"]["0"]["operational_array"]["sizes"][0], 16);
  EXPECT_EQ(system["cores"]["1"]["operational_array"]["sizes"][0], 8);
  EXPECT_EQ(system["cores"]["4"]["operational_array"]["sizes"][0], 0);
  EXPECT_EQ(system["core_connectivity"][0]["bandwidth"], 32);
  EXPECT_EQ(system["core_connectivity"][0]["unit_energy_per_bit"], 0.25);
  const DesignDocuments other = design(study, "n_big=4 shape=ring bits=64 rows=8");
  EXPECT_THAT(other.kind_of, ElementsAre("big", "big", "big", "big"));
}

TEST_F(SystemSpace, ConnectsThemAsTheTopologySays) {
  const Study study = read(kStudy);
  EXPECT_THAT(connections(design(study, "n_big=1 shape=bus bits=32 rows=8")),
              ElementsAre("bus [0,1,2,3,4]"));
  EXPECT_THAT(connections(design(study, "n_big=1 shape=ring bits=32 rows=8")),
              ElementsAre("link [0,1]", "link [1,2]", "link [2,3]", "link [3,0]",
                          "channel [0,1,2,3]", "channel [4]"));
  EXPECT_THAT(connections(design(study, "n_big=1 shape=mesh bits=32 rows=8")),
              ElementsAre("link [0,1]", "link [2,3]", "link [0,2]", "link [1,3]",
                          "channel [0,1,2,3]", "channel [4]"));
  EXPECT_EQ(connections(design(study, "n_big=1 shape=all-to-all bits=32 rows=8")).size(), 6 + 2);
}

TEST_F(SystemSpace, LeavesTheLastRowOfAMeshIncomplete) {
  const Study study = read(with("count: 4 - n_big", "count: 7 - n_big"));
  EXPECT_THAT(connections(design(study, "n_big=1 shape=mesh bits=32 rows=8")),
              ElementsAre("link [0,1]", "link [1,2]", "link [3,4]", "link [4,5]", "link [0,3]",
                          "link [1,4]", "link [2,5]", "link [3,6]", "channel [0,1,2,3,4,5,6]",
                          "channel [7]"));
}

TEST_F(SystemSpace, JoinsClustersByTheirFirstCores) {
  const Study study = read(with("{type: shape, bandwidth: bits, unit_energy_per_bit: 0.25}",
                                "{type: clusters, size: 2, offchip_bandwidth: bits, inside: {type: "
                                "bus, bandwidth: 128}, between: {type: shape, bandwidth: 16}}"));
  const DesignDocuments one = design(study, "n_big=1 shape=bus bits=64 rows=8");
  EXPECT_THAT(connections(one), ElementsAre("bus [0,1]", "bus [2,3]", "bus [0,2]",
                                            "channel [0,1,2,3]", "channel [4]"));
  const ordered_json list = one.accelerator.to_json()["core_connectivity"];
  EXPECT_EQ(list[0]["bandwidth"], 128);
  EXPECT_EQ(list[2]["bandwidth"], 16);
  EXPECT_EQ(list[3]["bandwidth"], 64);
}

TEST_F(SystemSpace, SharesMemoriesInGroupsOfCores) {
  const Study study = read(kStudy);
  EXPECT_EQ(design(study, "n_big=0 shape=ring bits=32 rows=8")
                .accelerator.to_json()["core_memory_sharing"]
                .dump(),
            R"([{"cores":[0,1],"memories":["l2"]},{"cores":[2,3],"memories":["l2"]}])");
  EXPECT_EQ(design(study, "n_big=1 shape=ring bits=32 rows=8")
                .accelerator.to_json()["core_memory_sharing"]
                .dump(),
            R"([{"cores":[1,2],"memories":["l2"]}])")
      << "what is left alone shares nothing";
}

TEST_F(SystemSpace, TheReaderOfSystemsTakesEveryDesign) {
  const Study study = read(kStudy);
  for (auto id = study.next_existing(0); id; id = study.next_existing(*id + 1)) {
    const DesignDocuments documents = study.design_documents(*id);
    EXPECT_NO_THROW(read_multicore(documents.accelerator.root(), folder_)) << study.describe(*id);
  }
}

TEST_F(SystemSpace, LayersRunOnTheKindsThatTakeTheirOperator) {
  const Study study = read(kStudy);
  const DesignDocuments one = design(study, "n_big=1 shape=bus bits=32 rows=8");
  EXPECT_EQ(one.mapping.to_json().dump(), R"([{"name":"default","core_allocation":[1,2,3]},)"
                                          R"({"name":"Conv","core_allocation":[0,1,2,3]}])");
  EXPECT_THAT(one.unserved, IsEmpty());
  const DesignDocuments all = design(study, "n_big=4 shape=bus bits=32 rows=8");
  ASSERT_EQ(all.unserved.size(), 1);
  EXPECT_EQ(all.unserved.begin()->first, "default");
  EXPECT_THAT(all.unserved.begin()->second, HasSubstr("of a kind that takes it ('any')"));
}

TEST_F(SystemSpace, EntriesOfAMappingKeepTheirTilingsAndMayListKinds) {
  write("map.yaml", R"(
- {name: default, core_allocation: [0, 7], intra_core_tiling: ["OY, all"]}
- {name: first, inter_core_tiling: ["K, 2"]}
- {name: last, core_allocation: [big]}
)");
  const Study study = read(with("workloads:", "mapping: map.yaml\nworkloads:"));
  const ordered_json mapping = design(study, "n_big=1 shape=bus bits=32 rows=8").mapping.to_json();
  ASSERT_EQ(mapping.size(), 4);
  EXPECT_EQ(mapping[0]["core_allocation"].dump(), "[1,2,3]") << "ids are those of one system only";
  EXPECT_EQ(mapping[1]["core_allocation"].dump(), "[0,1,2,3]") << "first is a Conv";
  EXPECT_EQ(mapping[2]["core_allocation"].dump(), "[0]");
  EXPECT_EQ(mapping[3]["name"], "Conv");
  EXPECT_EQ(mapping[3]["intra_core_tiling"].dump(), R"(["OY, all"])");
}

TEST_F(SystemSpace, WithoutAnyCoreIsNoSystem) {
  const Study study = read(with("count: 4 - n_big", "count: 0"));
  EXPECT_THAT(design(study, "n_big=0 shape=bus bits=32 rows=8").infeasible,
              HasSubstr("the system has no cores"));
}

TEST_F(SystemSpace, TellsWhatIsWrongAndWhere) {
  struct {
    const char* what;
    const char* by;
    const char* place;
    const char* message;
  } const faults[] = {
      {"count: n_big", "count: n_bog", "/system/kinds/big/count", "there is no parameter 'n_bog'"},
      {"count: n_big", "count: -1", "/system/kinds/big/count", "-1"},
      {"count: n_big, ", "", "/system/kinds/big", "key 'count' is missing"},
      {"core: core.yaml, count: n_big", "core: cure.yaml, count: n_big", "/system/kinds/big/core",
       "there is no core file 'cure.yaml'"},
      {"operators: [Conv]", "operators: []", "/system/kinds/big/operators", "never used"},
      {"operators: [Conv]", "operator: [Conv]", "/system/kinds/big", "did you mean 'operators'?"},
      {"type: shape", "type: star", "/system/topology/type", "star"},
      {"{type: shape, ", "{", "/system/topology", "key 'type' is missing"},
      {"bandwidth: bits, ", "", "/system/topology", "key 'bandwidth' is missing"},
      {"[bus, ring, mesh, all-to-all]", "[star]", "/topology/type", "'star' is no topology"},
      {"kinds: [any]", "kinds: [eny]", "/system/sharing/0/kinds/0", "did you mean 'any'?"},
      {"offchip: dram.yaml", "", "/system", "key 'offchip' is missing"},
      {"/kinds/big/operational", "/kinds/bog/operational", "/parameters/3/path",
       "did you mean 'big'?"},
      {"name: family", "name: family\naccelerator: core.yaml", "/accelerator",
       "either an `accelerator` or a `system`"},
      {"count: 4 - n_big", "count: 0 - n_big - 1", "/kinds/any/count", "-1"},
  };
  for (const auto& fault : faults) {
    EXPECT_THAT(error_of(with(fault.what, fault.by)),
                AllOf(HasSubstr(fault.place), HasSubstr(fault.message)))
        << fault.by;
  }
}

}  // namespace
}  // namespace ridgeline::io
