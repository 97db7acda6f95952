#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>

#include "io/study/study_document.hpp"

namespace ridgeline::io {
namespace {

using testing::AllOf;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;

constexpr const char* kAccelerator = R"(
name: chip
operational_array: {sizes: [8, 8], dimensions: [D1, D2], unit_energy: 0.5}
memories:
  l1: {size: 1024, r_cost: 1.5, operands: [I1], shared: true,
       ports: [{bandwidth_max: 64}]}
)";
constexpr const char* kMapping = R"(
- name: default
  spatial_mapping: {D1: ["K, 8"], D2: ["C, 8"]}
)";
constexpr const char* kWorkload = R"(
- {id: 0, name: gemm, loop_sizes: [128, 64]}
)";
constexpr const char* kStudy = R"(
name: small
workloads: [net.yaml]
accelerator: chip.yaml
mapping: map.yaml
parameters:
  - {name: rows, path: /operational_array/sizes/0, values: [8, 16, 32]}
  - {name: cols, path: /operational_array/sizes/1, values: [8, 16]}
  - name: l1
    values:
      - {label: 32K, value: 32, set: {/memories/l1/size: 262144, /memories/l1/r_cost: 95}}
      - {label: 64K, value: 64, set: {/memories/l1/size: 524288, /memories/l1/r_cost: 104}}
derived:
  - {path: /memories/l1/ports/0/bandwidth_max, value: "rows * cols * 8"}
  - {document: mapping, path: /0/spatial_mapping/D1/0, value: "K, {rows}"}
where: ["rows * cols <= 256"]
objectives: [latency, energy]
)";

class StudyDocument : public testing::Test {
 protected:
  StudyDocument() {
    std::string pattern = (std::filesystem::temp_directory_path() / "ridgeline-XXXXXX").string();
    folder_ = ::mkdtemp(pattern.data());
    write("chip.yaml", kAccelerator);
    write("map.yaml", kMapping);
    write("net.yaml", kWorkload);
  }
  ~StudyDocument() override { std::filesystem::remove_all(folder_); }

  void write(const std::string& name, const std::string& text) const {
    std::filesystem::create_directories((folder_ / name).parent_path());
    std::ofstream(folder_ / name) << text;
  }
  Study read(const std::string& text) const {
    write("study.yaml", text);
    return Study::read(folder_ / "study.yaml");
  }
  // The small study with one piece of text replaced.
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

  std::filesystem::path folder_;
};

TEST_F(StudyDocument, SpansTheGridWithTheFirstParameterSlowest) {
  const Study study = read(kStudy);
  EXPECT_EQ(study.spec().name, "small");
  EXPECT_EQ(study.grid().count, 12);
  EXPECT_EQ(study.grid().text, "12");
  EXPECT_THAT(study.values_of(0), ElementsAre(0, 0, 0));
  EXPECT_THAT(study.values_of(1), ElementsAre(0, 0, 1));
  EXPECT_THAT(study.values_of(2), ElementsAre(0, 1, 0));
  EXPECT_THAT(study.values_of(11), ElementsAre(2, 1, 1));
  for (std::uint64_t id = 0; id < 12; ++id) EXPECT_EQ(study.id_of(study.values_of(id)), id);
  EXPECT_EQ(study.describe(9), "rows=32 cols=8 l1=64K");
}

TEST_F(StudyDocument, LetsWhereDecideWhatExists) {
  const Study study = read(kStudy);
  // Only rows = 32 with cols = 16, ids 10 and 11, exceeds 256.
  std::vector<std::uint64_t> existing;
  for (std::uint64_t id = 0; id < 12; ++id) {
    if (study.exists(id)) existing.push_back(id);
  }
  EXPECT_THAT(existing, ElementsAre(0, 1, 2, 3, 4, 5, 6, 7, 8, 9));
  EXPECT_EQ(study.count_existing(), 10);
  EXPECT_EQ(study.next_existing(9), 9);
  EXPECT_EQ(study.next_existing(10), std::nullopt);
  EXPECT_EQ(study.next_existing(12), std::nullopt);
}

TEST_F(StudyDocument, FindsTheNextExistingDesignAsTryingEachWould) {
  const Study study = read(R"(
workloads: [net.yaml]
accelerator: chip.yaml
mapping: map.yaml
parameters:
  - {name: a, path: /operational_array/sizes/0, values: {from: 1, to: 7, step: 1}}
  - {name: b, path: /operational_array/sizes/1, values: {from: 1, to: 5, step: 2}}
  - {name: c, path: /memories/l1/size, values: {from: 1, to: 16, factor: 2}}
  - {name: d, path: /memories/l1/r_cost, values: [1, 2]}
where: ["a * b % 4 == 3", "c != 2 or a == 3", "true"]
objectives: [area]
)");
  ASSERT_EQ(study.grid().count, 7 * 3 * 5 * 2);
  std::uint64_t count = 0;
  for (std::uint64_t id = 0; id < study.grid().count; ++id) {
    std::optional<std::uint64_t> next;
    for (std::uint64_t later = id; later < study.grid().count && !next; ++later) {
      if (study.exists(later)) next = later;
    }
    EXPECT_EQ(study.next_existing(id), next);
    count += study.exists(id);
  }
  EXPECT_GT(count, 0);
  EXPECT_LT(count, study.grid().count);
  EXPECT_EQ(study.count_existing(), count);
  EXPECT_EQ(study.count_existing(3), std::nullopt) << "three steps do not suffice";
}

TEST_F(StudyDocument, PutsParametersAndDerivedFieldsIntoTheDocuments) {
  const Study study = read(kStudy);
  const DesignDocuments design = study.design_documents(7);  // rows=16 cols=16 l1=64K
  const auto accelerator = design.accelerator.to_json();
  EXPECT_EQ(accelerator["operational_array"]["sizes"].dump(), "[16,16]");
  EXPECT_EQ(accelerator["memories"]["l1"]["size"], 524288);
  EXPECT_EQ(accelerator["memories"]["l1"]["r_cost"], 104);
  EXPECT_EQ(accelerator["memories"]["l1"]["ports"][0]["bandwidth_max"], 2048);
  EXPECT_EQ(accelerator["operational_array"]["unit_energy"], 0.5) << "the rest stays as it is";
  EXPECT_EQ(design.mapping.to_json()[0]["spatial_mapping"].dump(),
            R"({"D1":["K, 16"],"D2":["C, 8"]})");
  ASSERT_EQ(design.workloads.size(), 1);
  EXPECT_EQ(design.workloads[0]->to_json()[0]["loop_sizes"].dump(), "[128,64]");
  // Another design is not influenced by the one before.
  EXPECT_EQ(study.design_documents(0).accelerator.to_json()["memories"]["l1"]["size"], 262144);
}

TEST_F(StudyDocument, EditsWorkloadsOfItsOwnFormat) {
  write("second.yaml", kWorkload);
  const std::string head =
      "workloads: [net.yaml, {path: second.yaml, weight: 2}]\naccelerator: chip.yaml\n"
      "mapping: map.yaml\nobjectives: [energy]\n";
  const Study both = read(
      head + "parameters: [{name: n, document: workload, path: /0/loop_sizes/0, values: [1, 2]}]");
  EXPECT_EQ(both.spec().workloads[1].weight, 2);
  auto design = both.design_documents(1);
  EXPECT_EQ(design.workloads[0]->to_json()[0]["loop_sizes"][0], 2);
  EXPECT_EQ(design.workloads[1]->to_json()[0]["loop_sizes"][0], 2);
  const Study one = read(head +
                         "parameters: [{name: n, document: workload, workload: second.yaml, "
                         "path: /0/loop_sizes/0, values: [1, 2]}]");
  design = one.design_documents(1);
  EXPECT_EQ(design.workloads[0]->to_json()[0]["loop_sizes"][0], 128);
  EXPECT_EQ(design.workloads[1]->to_json()[0]["loop_sizes"][0], 2);
}

TEST_F(StudyDocument, TakesParametersThatOnlyDerivedFieldsUse) {
  const Study study = read(R"(
workloads: [net.yaml]
accelerator: chip.yaml
mapping: map.yaml
parameters:
  - {name: kilobytes, values: [1, 2]}
  - {name: columns, values: [C, {label: pixels, value: OX}]}
derived:
  - {path: /memories/l1/size, value: "kilobytes * 8192"}
  - {document: mapping, path: /0/spatial_mapping/D2/0, value: "{columns}, 8"}
objectives: [energy]
)");
  const auto design = study.design_documents(3);
  EXPECT_EQ(design.accelerator.to_json()["memories"]["l1"]["size"], 16384);
  EXPECT_EQ(design.mapping.to_json()[0]["spatial_mapping"]["D2"][0], "OX, 8");
  EXPECT_EQ(study.describe(3), "kilobytes=2 columns=pixels");
}

TEST_F(StudyDocument, EntersTheCoreFilesOfAMultiCoreSystem) {
  write("cores/core.yaml", kAccelerator);
  write("system.yaml", "name: system\ncores: {0: core.yaml, 1: core.yaml}\n");
  const Study study = read(R"(
workloads: [net.yaml]
accelerator: system.yaml
mapping: map.yaml
parameters: [{name: rows, path: /cores/0/operational_array/sizes/0, values: [8, 16]}]
schedule_search: {modes: [fused, layer-by-layer], granularity: {OY: [1, 2, all]}, generations: 7}
objectives: [latency, peak_memory]
)");
  EXPECT_TRUE(study.spec().multi_core);
  EXPECT_THAT(study.spec().schedule_search.modes, ElementsAre("fused", "layer-by-layer"));
  EXPECT_EQ(study.spec().schedule_search.generations, 7);
  const auto system = study.design_documents(1).accelerator.to_json();
  EXPECT_EQ(system["cores"]["0"]["operational_array"]["sizes"][0], 16);
  EXPECT_EQ(system["cores"]["1"]["operational_array"]["sizes"][0], 8);
}

TEST_F(StudyDocument, SearchesSchedulesInBothModesForWhatMappingsAreSearchedFor) {
  write("cores/core.yaml", kAccelerator);
  write("system.yaml", "name: system\ncores: {0: core.yaml, 1: core.yaml}\n");
  const std::string text =
      "workloads: [net.yaml]\naccelerator: system.yaml\nmapping: map.yaml\n"
      "objectives: [latency]\n";
  const Study study = read(text + "mapping_search: {objective: edp}\n");
  const ScheduleSearch& search = study.spec().schedule_search;
  EXPECT_THAT(search.modes, ElementsAre("layer-by-layer", "fused"));
  EXPECT_EQ(search.objective, search::Objective::edp);
  EXPECT_EQ(search.node_objective, std::nullopt);
  EXPECT_EQ(study.effective()["schedule_search"]["objective"], "edp");
  const Study other = read(text + "schedule_search: {objective: energy, node_objective: latency}");
  EXPECT_EQ(other.spec().schedule_search.objective, search::Objective::energy);
  EXPECT_EQ(other.spec().schedule_search.node_objective, search::Objective::latency);
  EXPECT_THAT(error_of(text + "mapping_search: {keep_on_chip: true}\n"),
              HasSubstr("/mapping_search/keep_on_chip"));
}

TEST_F(StudyDocument, ReadsEveryOption) {
  std::filesystem::copy_file(RIDGELINE_SOURCE_DIR "/tests/fuzz/seeds/onnx/conv.onnx",
                             folder_ / "model.onnx");
  const Study study = read(R"(
workloads: [{path: model.onnx, weight: 0.5, dims: {N: 4}}]
accelerator: chip.yaml
mapping: map.yaml
parameters: []
mapping_search: {engine: loma, objective: edp, lpf_limit: 4, node_limit: 1000,
                 spatial_candidates: all, mixed_spatial: true, even: true, keep_on_chip: true}
objectives: [edp, utilization]
constraints: [{metric: area, max: 12.5}, {metric: utilization, min: 0.1, max: 1}]
strategy: {kind: nsga2, islands: 2, population: 8, generations: 3, migrate_every: 1}
seed: 7
)");
  const StudySpec& spec = study.spec();
  EXPECT_EQ(study.grid().count, 1) << "without parameters there is one design";
  EXPECT_EQ(spec.name, "study") << "the name of the file, where none is given";
  EXPECT_TRUE(spec.workloads[0].onnx);
  EXPECT_EQ(spec.workloads[0].weight, 0.5);
  EXPECT_THAT(spec.workloads[0].dims, ElementsAre(std::pair<std::string, std::int64_t>("N", 4)));
  EXPECT_FALSE(study.design_documents(0).workloads[0].has_value());
  EXPECT_EQ(spec.mapping_search.options.engine, search::Engine::loma);
  EXPECT_EQ(spec.mapping_search.options.objective, search::Objective::edp);
  EXPECT_EQ(spec.mapping_search.options.lpf_limit, 4);
  EXPECT_EQ(spec.mapping_search.options.node_limit, 1000);
  EXPECT_EQ(spec.mapping_search.options.spatial_candidates, 0);
  EXPECT_TRUE(spec.mapping_search.options.mixed_spatial);
  EXPECT_TRUE(spec.mapping_search.options.even);
  EXPECT_TRUE(spec.mapping_search.keep_on_chip);
  EXPECT_EQ(spec.mapping_search.options.seed, 7);
  EXPECT_THAT(spec.objectives, ElementsAre(Metric::edp, Metric::utilization));
  ASSERT_EQ(spec.constraints.size(), 2);
  EXPECT_EQ(spec.constraints[0].max, 12.5);
  EXPECT_EQ(spec.constraints[0].min, std::nullopt);
  EXPECT_EQ(spec.strategy.kind, StrategyKind::nsga2);
  EXPECT_EQ(spec.strategy.islands, 2);
  EXPECT_EQ(spec.strategy.migrate_every, 1);
  EXPECT_EQ(spec.seed, 7);
}

TEST_F(StudyDocument, ShowsItsDefaults) {
  const auto effective = read(kStudy).effective();
  EXPECT_EQ(effective["strategy"].dump(), R"({"kind":"exhaustive"})");
  EXPECT_EQ(effective["seed"], 42);
  EXPECT_TRUE(effective["mapping_search"].contains("engine"));
  EXPECT_EQ(effective["workloads"].dump(), R"([{"path":"net.yaml","weight":1.0}])");
  EXPECT_FALSE(effective.contains("schedule_search"));
}

TEST_F(StudyDocument, HasAFingerprintOfWhatItSaysAndReads) {
  const Study first = read(kStudy);
  EXPECT_EQ(first.fingerprint().size(), 64);
  EXPECT_EQ(read(std::string("# A remark.\n") + kStudy).fingerprint(), first.fingerprint());
  EXPECT_EQ(read(std::string(kStudy) + "seed: 42\n").fingerprint(), first.fingerprint())
      << "a default that is written out";

  const Study other = read(with("values: [8, 16, 32]", "values: [8, 16, 64]"));
  EXPECT_NE(other.fingerprint(), first.fingerprint());
  EXPECT_THAT(changed_inputs(first.inputs(), other.inputs()),
              ElementsAre("the study document has changed"));

  write("chip.yaml", std::string(kAccelerator) + "# changed\n");
  const Study edited = read(kStudy);
  EXPECT_NE(edited.fingerprint(), first.fingerprint());
  EXPECT_THAT(changed_inputs(first.inputs(), edited.inputs()),
              ElementsAre("the accelerator 'chip.yaml' has changed"));
  EXPECT_THAT(changed_inputs(first.inputs(), first.inputs()), IsEmpty());
}

TEST_F(StudyDocument, EndsARangeBeforeItsNextValueIsTooLargeToCount) {
  const Study study = read(with(
      "values: [8, 16, 32]", "values: {from: 3, to: 9007199254740992, factor: 9007199254740991}"));
  ASSERT_EQ(study.spec().parameters[0].values.size(), 1);
  EXPECT_EQ(study.spec().parameters[0].values[0].label, "3");
}

TEST_F(StudyDocument, TellsTheSizeOfSpacesThatNoIdCounts) {
  std::string text =
      "workloads: [net.yaml]\naccelerator: chip.yaml\nmapping: map.yaml\n"
      "objectives: [area]\nstrategy: {kind: nsga2}\nparameters:\n";
  const std::string range = "values: {from: 1, to: 1000000, step: 1}}\n";
  text += "  - {name: a, path: /operational_array/sizes/0, " + range;
  text += "  - {name: b, path: /operational_array/sizes/1, " + range;
  const Study large = read(text);
  EXPECT_EQ(large.grid().text, "1000000000000");
  EXPECT_EQ(large.describe(large.grid().count - 1), "a=1000000 b=1000000");
  text += "  - {name: c, path: /memories/l1/size, " + range;
  text += "  - {name: d, path: /memories/l1/r_cost, " + range;
  EXPECT_THAT(error_of(text), HasSubstr("1000000000000000000000000 designs, more than ids can"));
}

TEST_F(StudyDocument, OfTooManyDesignsForExhaustiveSearchNamesTheCountAndARemedy) {
  std::string text = with("values: [8, 16, 32]", "values: {from: 1, to: 1000000, step: 1}");
  text.replace(text.find("values: [8, 16]"), 15, "values: {from: 1, to: 250000, step: 1}");
  EXPECT_THAT(error_of(text), AllOf(HasSubstr("the parameters span 500000000000 designs, too many"),
                                    HasSubstr("{kind: nsga2, ...}"), HasSubstr("up to 100000000")));
}

TEST_F(StudyDocument, OfNoDesignsAtAllIsAnError) {
  EXPECT_THAT(error_of(with("rows * cols <= 256", "rows * cols < 64")),
              AllOf(HasSubstr("/where"), HasSubstr("of 12 combinations of values none exists")));
  EXPECT_THAT(error_of(with("values: [8, 16, 32]", "values: []")),
              HasSubstr("parameter 'rows' has no values, so the space is empty"));
  EXPECT_THAT(error_of(with("values: [8, 16, 32]", "values: {from: 3, to: 2, step: 1}")),
              HasSubstr("the range is empty"));
}

struct Fault {
  const char* what;
  const char* by;
  const char* message;
};

class StudyDocumentWith : public StudyDocument, public testing::WithParamInterface<Fault> {};

TEST_P(StudyDocumentWith, AFaultIsToldWithItsPlace) {
  const Fault& fault = GetParam();
  const std::string message = error_of(with(fault.what, fault.by));
  EXPECT_THAT(message, HasSubstr(fault.message));
  EXPECT_THAT(message, HasSubstr("study.yaml:"));
}

INSTANTIATE_TEST_SUITE_P(
    Faults, StudyDocumentWith,
    testing::Values(
        Fault{"name: small", "nam: small", "unknown key 'nam' (did you mean 'name'?)"},
        Fault{"workloads: [net.yaml]", "workloads: []", "no workload is listed"},
        Fault{"[net.yaml]", "[nte.yaml]", "/workloads/0: "},
        Fault{"[net.yaml]", "[net.yaml, net.yaml]", "this workload is listed twice"},
        Fault{"[net.yaml]", "[{path: net.yaml, weight: 0}]", "must be larger than 0"},
        Fault{"[net.yaml]", "[{path: net.yaml, dims: {n: 1}}]", "only ONNX workloads"},
        Fault{"accelerator: chip.yaml\n", "", "key 'accelerator' is missing"},
        Fault{"accelerator: chip.yaml", "accelerator: chop.yaml", "/accelerator: "},
        Fault{"sizes/0", "sizes/2", "no entry '2' in a list of 2"},
        Fault{"sizes/0", "size/0", "did you mean 'sizes'?"},
        Fault{"/operational_array/sizes/0", "operational_array/sizes/0", "is no JSON pointer"},
        Fault{"/operational_array/sizes/0", "''", "the whole document cannot be replaced"},
        Fault{"sizes/0, values: [8, 16, 32]", "sizes/0, values: [8, 16, 8]",
              "value '8' of parameter 'rows' is there twice"},
        Fault{"sizes/0, values: [8, 16, 32]", "sizes/0, values: [8, wide]",
              "the value \"wide\" cannot replace an integer at /operational_array/sizes/0"},
        Fault{"sizes/0, values: [8, 16, 32]", "sizes/0, values: [8, [1]]",
              "a value is a number, a text or true/false"},
        Fault{"sizes/0, values: [8, 16, 32]", "sizes/0, values: {from: 1, to: 9}",
              "either `step` or `factor`"},
        Fault{"sizes/0, values: [8, 16, 32]", "sizes/0, values: {from: 0, to: 9, factor: 2}",
              "begins at 1 or more"},
        Fault{"sizes/0, values: [8, 16, 32]", "sizes/0, values: {from: 1, to: 2000000, step: 1}",
              "at most 1000000 values"},
        Fault{"name: cols", "name: rows", "parameter 'rows' is there twice"},
        Fault{"name: cols", "name: c/d", "cannot be the name of a parameter"},
        Fault{"name: cols", "name: min", "is a word of the expressions"},
        Fault{"sizes/1", "sizes/0", "is set by parameter 'cols' and by parameter 'rows'"},
        Fault{"/operational_array/sizes/1, values: [8, 16]", "/operational_array, values: [8, 16]",
              "is set by parameter 'cols' and by"},
        Fault{"/memories/l1/r_cost: 104", "/memories/l2/r_cost: 104", "there is no key 'l2'"},
        Fault{", /memories/l1/r_cost: 104}", "}",
              "value '64K' of parameter 'l1' does not set 'accelerator /memories/l1/r_cost'"},
        Fault{"label: 64K", "label: 32K", "value '32K' of parameter 'l1' is there twice"},
        Fault{"- name: l1\n", "- {name: free, values: [1, 2]}\n  - name: l1\n",
              "/parameters/2: parameter 'free' changes nothing: no field is set and none derived"},
        Fault{"{label: 64K, value: 64, set: {/memories/l1/size: 524288, /memories/l1/r_cost: 104}}",
              "64", "value '64' of parameter 'l1' does not set"},
        Fault{"path: /memories/l1/ports/0/bandwidth_max", "path: /memories/l1/size",
              "is set by a derived field and by parameter 'l1'"},
        Fault{"document: mapping", "document: map", "known: accelerator, mapping or workload"},
        Fault{"rows * cols * 8", "rows * clos * 8",
              "there is no parameter 'clos' at position 8 of 'rows * clos * 8'"},
        Fault{"rows * cols * 8", "'text'", "cannot replace an integer"},
        Fault{"rows * cols * 8", "rows / (cols - cols)", "division by zero at position 6"},
        Fault{"\"K, {rows}\"", "\"K, {rows\"", "this '{' is never closed"},
        Fault{"\"K, {rows}\"", "8", "the value 8 cannot replace text"},
        Fault{"rows * cols <= 256", "rows * cols", "must be a condition"},
        Fault{"rows * cols <= 256", "rows * cols <= ", "ends where a value is expected"},
        Fault{"objectives: [latency, energy]", "", "key 'objectives' is missing"},
        Fault{"[latency, energy]", "[]", "no objective is listed"},
        Fault{"[latency, energy]", "[latency, power]", "there is no metric 'power'"},
        Fault{"[latency, energy]", "[latency, latency]", "objective 'latency' is listed twice"},
        Fault{"[latency, energy]", "[area]\nconstraints: [{metric: area}]",
              "neither `min` nor `max` is given"},
        Fault{"[latency, energy]", "[area]\nconstraints: [{metric: area, min: 2, max: 1}]",
              "no design can satisfy both"},
        Fault{"[latency, energy]",
              "[area]\nconstraints: [{metric: area, max: 2}, {metric: area, min: 1}]",
              "bounded twice"},
        Fault{"[latency, energy]", "[area]\nstrategy: {kind: tabu}", "there is no strategy 'tabu'"},
        Fault{"[latency, energy]", "[area]\nstrategy: {kind: random}", "key 'samples' is missing"},
        Fault{"[latency, energy]", "[area]\nstrategy: {kind: exhaustive, samples: 4}",
              "unknown key 'samples'"},
        Fault{"[latency, energy]", "[area]\nstrategy: {kind: nsga2, population: 1}",
              "expected an integer from 2"},
        Fault{"[latency, energy]", "[area]\nseed: -1", "expected an integer of at least 0"},
        Fault{"[latency, energy]", "[area]\nmapping_search: {engine: magic}",
              "there is no mapping search engine 'magic'"},
        Fault{"[latency, energy]", "[area]\nmapping_search: {search_seconds: 3}",
              "limit the search with node_limit"},
        Fault{"[latency, energy]", "[area]\nschedule_search: {generations: 3}",
              "multi-core systems only"}));

TEST_F(StudyDocument, AnErrorInAnInputFileNamesThatFile) {
  write("chip.yaml", "name: [unclosed");
  EXPECT_THAT(error_of(kStudy), HasSubstr("chip.yaml"));
}

TEST_F(StudyDocument, ADesignWhoseDerivedValueFailsIsAnErrorOfThatDesignOnly) {
  const Study study = read(with("rows * cols * 8", "64 / (rows - 16)"));
  EXPECT_NO_THROW(study.design_documents(0));
  try {
    study.design_documents(4);
    FAIL() << "nothing was thrown";
  } catch (const InputError& error) {
    EXPECT_THAT(error.what(), HasSubstr("division by zero at position 4"));
  }
}

TEST_F(StudyDocument, AFirstDesignThatCannotBeHadIsAnErrorOfThatDesignOnly) {
  // The first four designs have 8 rows.
  const Study derived = read(with("rows * cols * 8", "64 / (rows - 8)"));
  EXPECT_THROW(derived.design_documents(0), InputError);
  EXPECT_NO_THROW(derived.design_documents(4));
  const Study conditional = read(with("rows * cols <= 256", "64 / (rows - 8) <= 256"));
  EXPECT_THROW(conditional.exists(0), InputError);
  EXPECT_EQ(conditional.next_existing(0), 0) << "it is evaluated, and says what is wrong";
  EXPECT_TRUE(conditional.exists(4));
}

TEST_F(StudyDocument, ADerivedValueOrConditionThatNoDesignCanHaveIsAnErrorOfTheStudy) {
  EXPECT_THROW(read(with("rows * cols * 8", "64 / (rows - rows)")), InputError);
  EXPECT_THROW(read(with("rows * cols <= 256", "64 / (rows - rows) <= 256")), InputError);
}

TEST_F(StudyDocument, ThatIsMissingIsAnInputError) {
  EXPECT_THROW(Study::read(folder_ / "none.yaml"), InputError);
}

TEST(Sha256, IsThatOfTheStandard) {
  // FIPS 180-4, examples.
  EXPECT_EQ(sha256_hex("abc"), "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
  EXPECT_EQ(sha256_hex(""), "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855");
}

}  // namespace
}  // namespace ridgeline::io
