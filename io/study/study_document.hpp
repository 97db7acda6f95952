// Study documents: which architecture space to explore, with what, and for what
// (docs/studies.md).
//
// The grid is every combination of parameter values. Ids count it with the first parameter
// slowest, before `where`; an id that `where` excludes is never a candidate.
#pragma once

#include <cstdint>
#include <filesystem>
#include <map>
#include <memory>
#include <nlohmann/json.hpp>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "io/document/document.hpp"
#include "io/document/error.hpp"
#include "io/study/study_space.hpp"
#include "model/core/metric.hpp"
#include "search/allocation/allocation_search.hpp"
#include "search/depth_first/overlap.hpp"
#include "search/mapping/mapper.hpp"

namespace ridgeline::io {

using model::Metric;

enum class StudyInput { accelerator, mapping, workload };
std::string_view to_string(StudyInput input);

struct OnnxGraph;

struct StudyWorkload {
  std::filesystem::path path;  // resolved against the study document's folder
  double weight = 1;
  bool onnx = false;                                       // cannot be edited
  std::vector<std::pair<std::string, std::int64_t>> dims;  // values of symbolic ONNX dimensions
  std::shared_ptr<const OnnxGraph> model;  // of an ONNX workload: of the bytes that were digested
};

// One value put into a document.
struct FieldEdit {
  StudyInput document = StudyInput::accelerator;
  std::optional<int> workload;  // place in StudySpec::workloads; absent: all of them
  std::string pointer;          // JSON pointer of a field that is there
  nlohmann::ordered_json value;
};

struct ParameterValue {
  std::string label;             // unique within the parameter
  nlohmann::ordered_json value;  // what expressions see: number, text or boolean
  std::vector<FieldEdit> edits;  // one for a plain parameter, several for a coupled value
};

struct StudyParameter {
  std::string name;
  std::vector<ParameterValue> values;
};

struct MetricBound {
  Metric metric = Metric::area;
  std::optional<double> min;
  std::optional<double> max;
};

// `nested`: over designs, with a search of schedules for each; `joint`: genetic over
// designs and their schedules together. Both for multi-core systems only.
enum class StrategyKind { exhaustive, random, nsga2, nested, joint };
struct StudyStrategy {
  StrategyKind kind = StrategyKind::exhaustive;
  std::uint64_t samples = 0;   // of random
  bool all_schedules = false;  // of exhaustive: every schedule of every design
  // Of nested: all schedules of a design that no other of its own dominates, not the best alone.
  bool front_schedules = false;
  int islands = 1;      // of the genetic ones, as all below
  int population = 64;  // of each island
  int generations = 50;
  int migrate_every = 10;  // generations; 0: never
};

// How schedules are searched for a multi-core system.
struct ScheduleSearch {
  std::vector<std::string> modes{"layer-by-layer", "fused"};
  // Loop dimension -> candidate tile counts or sizes as the document gives them ("all" too).
  std::vector<std::pair<std::string, std::vector<nlohmann::ordered_json>>> granularity;
  int population = search::AllocationSearchOptions{}.population;
  int generations = search::AllocationSearchOptions{}.generations;
  // Of `joint` alone: whether the search chooses where fused stacks end, and the orders of nodes
  // among which it chooses.
  bool search_stacks = false;
  std::vector<std::string> priorities{"order"};  // order, latency, memory
  // Member of each schedule's front that stands for the design; mapping_search's by default.
  search::Objective objective = search::Objective::latency;
  // What a node's mapping on a core minimises; absent: docs/multicore.md, 4.3.
  std::optional<search::Objective> node_objective;
};

// Networks in stacks, tile after tile, and what is searched of that (docs/depth-first.md).
struct DepthFirstSearch {
  bool defines = false;  // the reference's rules and cost model
  std::optional<std::pair<std::int64_t, std::int64_t>> tile;  // absent: searched
  std::vector<search::Overlap> overlaps;                      // the best of them for each stack
  bool search_stacks = false;
};

struct MappingSearch {
  search::MapperOptions options;
  bool keep_on_chip = false;
  std::optional<DepthFirstSearch> depth_first{};  // absent: layer by layer
};

struct InputDigest {
  std::string what;  // "study", "accelerator", "mapping", "workload", "core"
  std::string path;  // as the study document gives it
  std::string sha256;
};

struct StudySpec {
  std::string name;
  std::filesystem::path file;
  std::vector<StudyWorkload> workloads;
  std::filesystem::path accelerator;
  std::filesystem::path mapping;
  bool multi_core = false;    // the accelerator document has `cores`
  bool system_space = false;  // the study has `system`; `accelerator` is then the study itself
  std::vector<StudyParameter> parameters;
  std::vector<std::string> where;  // source of each condition
  MappingSearch mapping_search;
  ScheduleSearch schedule_search;
  std::vector<Metric> objectives;
  std::vector<MetricBound> constraints;
  StudyStrategy strategy;
  std::uint64_t seed = 42;
  std::optional<std::filesystem::path> warm_start;  // study file whose figures may be used
};

// The documents of one design, as the readers of accelerators, mappings and workloads take
// them. Core files of a multi-core system stand in `accelerator` in place of their names.
struct DesignDocuments {
  Document accelerator;
  Document mapping;
  std::vector<std::optional<Document>> workloads;  // absent where the workload is ONNX

  // Of a space of systems: why there is no such system (then nothing above is set), the kind of
  // each core, and by entries of the mapping why no core takes their layers.
  std::string infeasible;
  std::vector<std::string> kind_of;
  std::map<std::string, std::string> unserved;
};

// How many cores of which kinds a design has; of a study with `accelerator` every core is a kind.
struct SystemShape {
  std::vector<int> counts;  // by kind
  // Cores of one kind may change places: nothing but their ids tells them apart.
  bool interchangeable = false;
};

// Exhaustive strategies take grids up to this size.
inline constexpr std::uint64_t kMaxExhaustive = 100'000'000;

class Study {
 public:
  // Reads the document and every file it names, and checks everything that does not depend on
  // a design, and that the edits of one of the first can be made: throws InputError (file, place,
  // remedy). A document that spans no design at all, or more than its strategy can take, is one
  // too.
  static Study read(const std::filesystem::path& file);
  // The same of an effective document, as a study file keeps it; `file`: the study document that
  // it was made from, whose folder its paths are relative to.
  static Study read_effective(const nlohmann::ordered_json& effective,
                              const std::filesystem::path& file);

  Study(Study&&) noexcept;
  Study& operator=(Study&&) noexcept;
  ~Study();

  const StudySpec& spec() const;
  const GridSize& grid() const;

  // Whether ids count the genomes of a search over designs and schedules together, and are no
  // places in the grid.
  bool counts_genomes() const;
  // Whether these are designs with the place of one of their schedules.
  bool keeps_fronts() const { return spec().strategy.front_schedules; }
  // False: no candidate can have this id.
  bool may_have(std::uint64_t id) const;

  // Value index of each parameter; `id` < grid().count.
  std::vector<int> values_of(std::uint64_t id) const;
  std::uint64_t id_of(const std::vector<int>& values) const;
  // "rows=8 cols=16 l1=32K"
  std::string describe(std::uint64_t id) const;

  // Whether `where` lets the combination exist. An expression that cannot be evaluated for it
  // (division by zero) throws InputError with the place of the condition.
  bool exists(std::uint64_t id) const;
  // For the others such a design exists.
  // Smallest existing id >= `from`, skipping whole blocks that a condition excludes; absent
  // where there is none, or where `steps` do not lead there (some ten million are a second).
  std::optional<std::uint64_t> next_existing(std::uint64_t from,
                                             std::uint64_t steps = UINT64_MAX) const;
  // Number of existing ids; absent where counting would take more than `limit` steps.
  std::optional<std::uint64_t> count_existing(std::uint64_t limit = kMaxExhaustive) const;

  // The documents with the parameters and derived fields put in. Throws InputError where a
  // derived value cannot be computed for this design; the design is then an error, not the
  // study. Safe to call from several threads.
  DesignDocuments design_documents(std::uint64_t id) const;

  // Of a multi-core study. Throws as `design_documents`.
  SystemShape system_shape(std::uint64_t id) const;
  // The documents of a system with one core of each kind, whose ids are then the kinds' places:
  // tells which kinds take what. No parameter is put in.
  DesignDocuments one_of_each_kind() const;

  // Names by content what evaluating a design depends on: its documents, and what the study says
  // of workloads, searches, objectives and constraints. Equal in two studies that evaluate the
  // same design the same way. Throws as `design_documents`.
  std::string design_key(std::uint64_t id) const;

  // The document with every default filled in: what the study file stores.
  const nlohmann::ordered_json& effective() const;
  // sha256 of the effective document and of every input's bytes, and the parts it is made of.
  const std::string& fingerprint() const;
  const std::vector<InputDigest>& inputs() const;

 private:
  struct Impl;
  explicit Study(std::unique_ptr<Impl> impl);
  std::unique_ptr<Impl> impl_;
};

// What differs between the inputs of an earlier run and those of this one, in one sentence
// for each; empty where nothing does.
std::vector<std::string> changed_inputs(const std::vector<InputDigest>& before,
                                        const std::vector<InputDigest>& now);

// Lower-case hexadecimal.
std::string sha256_hex(std::string_view bytes);

}  // namespace ridgeline::io
