// How a study searches, what it compares, and what it accepts.
#include <algorithm>
#include <array>
#include <cmath>

#include "io/document/nearest.hpp"
#include "io/study/study_parts.hpp"

namespace ridgeline::io {
namespace {

using nlohmann::ordered_json;

template <class T>
struct Choice {
  std::string_view name;
  T value;
};

template <class T, std::size_t N>
T choose(const Value& value, const std::array<Choice<T>, N>& choices, const std::string& what) {
  const std::string& text = value.as_string();
  std::vector<std::string> names;
  for (const auto& choice : choices) {
    if (choice.name == text) return choice.value;
    names.emplace_back(choice.name);
  }
  throw value.error("there is no " + what + " '" + text + "'", "known: " + join_or(names));
}

template <class T, std::size_t N>
std::string_view name_of(T value, const std::array<Choice<T>, N>& choices) {
  for (const auto& choice : choices) {
    if (choice.value == value) return choice.name;
  }
  return "";
}

constexpr std::array<Choice<search::Engine>, 3> kEngines{{
    {"loma", search::Engine::loma},
    {"exact", search::Engine::exact},
    {"anneal", search::Engine::anneal},
}};
constexpr auto kObjectives = [] {
  std::array<Choice<Metric>, model::kMappingObjectives.size()> choices{};
  for (std::size_t i = 0; i < choices.size(); ++i) {
    choices[i] = {to_string(model::kMappingObjectives[i]), model::kMappingObjectives[i]};
  }
  return choices;
}();
constexpr std::array<Choice<StrategyKind>, 5> kStrategies{{
    {"exhaustive", StrategyKind::exhaustive},
    {"random", StrategyKind::random},
    {"nsga2", StrategyKind::nsga2},
    {"nested", StrategyKind::nested},
    {"joint", StrategyKind::joint},
}};
constexpr int kMostInt = 1'000'000'000;
// Some layers may take the exact engine very long, and a limit of time would depend on the machine.
constexpr std::int64_t kNodeLimit = 2'000'000;

void read_int(const Value& map, std::string_view key, std::int64_t min, std::int64_t max,
              int& target) {
  if (const auto value = map.find(key)) target = static_cast<int>(value->as_integer(min, max));
}

void read_bool(const Value& map, std::string_view key, bool& target) {
  if (const auto value = map.find(key)) target = value->as_bool();
}

ordered_json read_mapping_search(const Value& root, MappingSearch& search) {
  auto& options = search.options;
  options.node_limit = kNodeLimit;
  if (const auto map = root.find("mapping_search")) {
    if (const auto seconds = map->find("search_seconds")) {
      throw seconds->error("a study's results must not depend on how fast the machine is",
                           "limit the search with node_limit");
    }
    map->allow_only({"engine", "objective", "lpf_limit", "node_limit", "spatial_candidates",
                     "mixed_spatial", "even", "keep_on_chip"});
    if (const auto value = map->find("engine")) {
      options.engine = choose(*value, kEngines, "mapping search engine");
    }
    if (const auto value = map->find("objective")) {
      options.objective = choose(*value, kObjectives, "mapping objective");
    }
    read_int(*map, "lpf_limit", 0, kMostInt, options.lpf_limit);
    if (const auto value = map->find("node_limit")) options.node_limit = value->as_integer(0);
    if (const auto value = map->find("spatial_candidates")) {
      options.spatial_candidates = value->is_string() && value->as_string() == "all"
                                       ? 0
                                       : static_cast<int>(value->as_integer(1, kMostInt));
    }
    read_bool(*map, "mixed_spatial", options.mixed_spatial);
    read_bool(*map, "even", options.even);
    read_bool(*map, "keep_on_chip", search.keep_on_chip);
  }
  ordered_json effective{{"engine", name_of(options.engine, kEngines)},
                         {"objective", name_of(options.objective, kObjectives)}};
  effective["lpf_limit"] = options.lpf_limit;
  effective["node_limit"] = options.node_limit;
  effective["spatial_candidates"] = options.spatial_candidates > 0
                                        ? ordered_json(options.spatial_candidates)
                                        : ordered_json("all");
  effective["mixed_spatial"] = options.mixed_spatial;
  effective["even"] = options.even;
  effective["keep_on_chip"] = search.keep_on_chip;
  return effective;
}

constexpr std::array<Choice<search::Overlap>, 3> kOverlaps{{
    {"recompute", search::Overlap::recompute},
    {"h-cached", search::Overlap::h_cached},
    {"cached", search::Overlap::cached},
}};

// depth_first: {tile: [60, 72], overlap: cached, stacks: auto, semantics: ridgeline}
ordered_json read_depth_first(const Value& map, DepthFirstSearch& search) {
  map.allow_only({"tile", "overlap", "stacks", "semantics"});
  const auto is_search = [](const Value& value) {
    return value.is_string() && value.as_string() == "search";
  };
  ordered_json effective{{"tile", "search"}, {"overlap", "search"}, {"stacks", "auto"}};
  if (const auto tile = map.find("tile"); tile && !is_search(*tile)) {
    if (!tile->is_list() || tile->size() != 2) {
      throw tile->error("a tile is [X, Y] or search", "such as [60, 72]");
    }
    search.tile = {(*tile)[0].as_integer(1, kMostInt), (*tile)[1].as_integer(1, kMostInt)};
    effective["tile"] = {search.tile->first, search.tile->second};
  }
  const auto overlap = map.find("overlap");
  if (overlap && !is_search(*overlap)) {
    search.overlaps = {choose(*overlap, kOverlaps, "way of overlap")};
    effective["overlap"] = name_of(search.overlaps.front(), kOverlaps);
  } else {
    for (const auto& one : kOverlaps) search.overlaps.push_back(one.value);
  }
  if (const auto stacks = map.find("stacks")) {
    constexpr std::array<Choice<bool>, 2> kStacks{{{"auto", false}, {"search", true}}};
    search.search_stacks = choose(*stacks, kStacks, "way to choose stacks");
    effective["stacks"] = name_of(search.search_stacks, kStacks);
  }
  if (const auto semantics = map.find("semantics")) {
    constexpr std::array<Choice<bool>, 2> kSemantics{{{"ridgeline", false}, {"defines", true}}};
    search.defines = choose(*semantics, kSemantics, "semantics");
    if (search.defines && search.search_stacks) {
      throw semantics->error("stacks are searched by our own rules only",
                             "stacks: auto, or leave semantics out");
    }
  }
  effective["semantics"] = search.defines ? "defines" : "ridgeline";
  return effective;
}

// What only a search of designs and schedules together takes.
void read_joint_choices(const Value& map, ScheduleSearch& search) {
  if (const auto stacks = map.find("stacks")) {
    const std::string& text = stacks->as_string();
    if (text != "auto" && text != "search") {
      throw stacks->error("'" + text + "' is no way to choose stacks", "known: auto or search");
    }
    search.search_stacks = text == "search";
  }
  const auto priorities = map.find("priorities");
  if (!priorities) return;
  search.priorities.clear();
  for (const Value& item : priorities->items()) {
    const std::string& name = item.as_string();
    if (name != "order" && name != "latency" && name != "memory") {
      throw item.error("there is no priority '" + name + "'", "known: order, latency or memory");
    }
    if (std::find(search.priorities.begin(), search.priorities.end(), name) !=
        search.priorities.end()) {
      throw item.error("priority '" + name + "' is listed twice");
    }
    search.priorities.push_back(name);
  }
  if (search.priorities.empty()) throw priorities->error("no priority is listed");
}

void read_granularity(const Value& map, ScheduleSearch& search) {
  for (const auto& [dim, choices] : map.entries()) {
    if (dim.empty()) throw choices.error("a loop dimension has no name");
    std::vector<ordered_json> sizes;
    for (const Value& choice : choices.items()) {
      const ordered_json size = choice.is_string() && choice.as_string() == "all"
                                    ? ordered_json("all")
                                    : ordered_json(choice.as_integer(1));
      if (std::find(sizes.begin(), sizes.end(), size) != sizes.end()) {
        throw choice.error("this size is listed twice");
      }
      sizes.push_back(size);
    }
    if (sizes.empty()) throw choices.error("no size is listed", "e.g. [1, 2, all]");
    search.granularity.emplace_back(dim, std::move(sizes));
  }
}

ordered_json read_schedule_search(const Value& root, const MappingSearch& mapping,
                                  ScheduleSearch& search) {
  search.objective = mapping.options.objective;
  if (const auto map = root.find("schedule_search")) {
    map->allow_only({"modes", "granularity", "population", "generations", "objective",
                     "node_objective", "stacks", "priorities"});
    read_joint_choices(*map, search);
    if (const auto modes = map->find("modes")) {
      search.modes.clear();
      for (const Value& mode : modes->items()) {
        const std::string& name = mode.as_string();
        if (name != "layer-by-layer" && name != "fused") {
          throw mode.error("there is no mode '" + name + "'", "known: layer-by-layer or fused");
        }
        if (std::find(search.modes.begin(), search.modes.end(), name) != search.modes.end()) {
          throw mode.error("mode '" + name + "' is listed twice");
        }
        search.modes.push_back(name);
      }
      if (search.modes.empty()) throw modes->error("no mode is listed");
    }
    if (const auto granularity = map->find("granularity")) {
      read_granularity(*granularity, search);
    }
    read_int(*map, "population", 2, 1'000'000, search.population);
    read_int(*map, "generations", 0, kMostInt, search.generations);
    if (const auto value = map->find("objective")) {
      search.objective = choose(*value, kObjectives, "objective");
    }
    if (const auto value = map->find("node_objective")) {
      search.node_objective = choose(*value, kObjectives, "objective");
    }
  }
  ordered_json granularity = ordered_json::object();
  for (const auto& [dim, sizes] : search.granularity) granularity[dim] = sizes;
  ordered_json effective{{"modes", search.modes},
                         {"granularity", granularity},
                         {"population", search.population},
                         {"generations", search.generations},
                         {"objective", name_of(search.objective, kObjectives)}};
  if (search.node_objective) {
    effective["node_objective"] = name_of(*search.node_objective, kObjectives);
  }
  if (search.search_stacks) effective["stacks"] = "search";
  if (search.priorities != std::vector<std::string>{"order"}) {
    effective["priorities"] = search.priorities;
  }
  return effective;
}

Metric read_metric(const Value& value) {
  if (const auto metric = model::metric_from(value.as_string())) return *metric;
  std::vector<std::string> names;
  for (const model::MetricTraits& metric : model::kMetricTable) names.emplace_back(metric.name);
  throw value.error("there is no metric '" + value.as_string() + "'", "known: " + join_or(names));
}

ordered_json read_objectives(const Value& root, std::vector<Metric>& objectives) {
  const Value list = root.at("objectives");
  ordered_json effective = ordered_json::array();
  for (const Value& item : list.items()) {
    const Metric metric = read_metric(item);
    if (std::find(objectives.begin(), objectives.end(), metric) != objectives.end()) {
      throw item.error("objective '" + item.as_string() + "' is listed twice");
    }
    objectives.push_back(metric);
    effective.push_back(to_string(metric));
  }
  if (objectives.empty()) {
    throw list.error("no objective is listed", "e.g. [latency, energy, area]");
  }
  return effective;
}

ordered_json read_constraints(const Value& root, std::vector<MetricBound>& constraints) {
  ordered_json effective = ordered_json::array();
  const auto list = root.find("constraints");
  if (!list) return effective;
  for (const Value& item : list->items()) {
    item.allow_only({"metric", "min", "max"});
    MetricBound bound;
    bound.metric = read_metric(item.at("metric"));
    ordered_json entry{{"metric", to_string(bound.metric)}};
    if (const auto value = item.find("min")) entry["min"] = *(bound.min = value->as_real());
    if (const auto value = item.find("max")) entry["max"] = *(bound.max = value->as_real());
    if (!bound.min && !bound.max) throw item.error("neither `min` nor `max` is given");
    if (bound.min && bound.max && *bound.min > *bound.max) {
      throw item.error("`min` is larger than `max`: no design can satisfy both");
    }
    for (const MetricBound& other : constraints) {
      if (other.metric == bound.metric) {
        throw item.error("metric '" + std::string(to_string(bound.metric)) + "' is bounded twice",
                         "give `min` and `max` in one entry");
      }
    }
    constraints.push_back(bound);
    effective.push_back(std::move(entry));
  }
  return effective;
}

// How many schedules of a design count: one of two words.
bool reads_other_than_best(const Value& map, const std::string& other) {
  const auto schedules = map.find("schedules");
  if (!schedules) return false;
  if (schedules->as_string() != "best" && schedules->as_string() != other) {
    throw schedules->error("'" + schedules->text() + "' is no choice of schedules",
                           "known: best or " + other);
  }
  return schedules->text() == other;
}

void read_islands(const Value& map, StudyStrategy& strategy, ordered_json& effective) {
  if (strategy.kind == StrategyKind::nested) {
    map.allow_only({"kind", "islands", "population", "generations", "migrate_every", "schedules"});
  } else {
    map.allow_only({"kind", "islands", "population", "generations", "migrate_every"});
  }
  read_int(map, "islands", 1, 100'000, strategy.islands);
  read_int(map, "population", 2, 1'000'000, strategy.population);
  read_int(map, "generations", 0, kMostInt, strategy.generations);
  read_int(map, "migrate_every", 0, kMostInt, strategy.migrate_every);
  effective["islands"] = strategy.islands;
  effective["population"] = strategy.population;
  effective["generations"] = strategy.generations;
  effective["migrate_every"] = strategy.migrate_every;
}

ordered_json read_strategy(const Value& root, bool multi_core, StudyStrategy& strategy) {
  const auto map = root.find("strategy");
  if (!map) return {{"kind", "exhaustive"}};
  const std::string kinds = "known: exhaustive, random, nsga2, nested or joint";
  const auto kind = map->find("kind");
  if (!kind) throw map->error("key 'kind' is missing", kinds);
  strategy.kind = choose(*kind, kStrategies, "strategy");
  ordered_json effective{{"kind", kind->as_string()}};
  switch (strategy.kind) {
    case StrategyKind::exhaustive:
      map->allow_only({"kind", "schedules"});
      strategy.all_schedules = reads_other_than_best(*map, "all");
      if (strategy.all_schedules && !multi_core) {
        throw map->at("schedules")
            .error("only systems of several cores have schedules to choose from",
                   "leave `schedules` out");
      }
      if (strategy.all_schedules) effective["schedules"] = "all";
      break;
    case StrategyKind::random: {
      map->allow_only({"kind", "samples"});
      constexpr auto kMost = static_cast<std::int64_t>(kMaxExhaustive);
      const auto samples = map->find("samples");
      if (!samples) throw map->error("key 'samples' is missing", "say how many designs to draw");
      strategy.samples = static_cast<std::uint64_t>(samples->as_integer(1, kMost));
      effective["samples"] = strategy.samples;
      break;
    }
    case StrategyKind::nested:
    case StrategyKind::joint:
      if (!multi_core) {
        throw kind->error("a search over designs and schedules needs systems of several cores",
                          "take nsga2, or give a multi-core `accelerator` or a `system`");
      }
      if (strategy.kind == StrategyKind::joint) strategy.islands = 4;
      if (strategy.kind == StrategyKind::nested) {
        strategy.front_schedules = !map->find("schedules") || reads_other_than_best(*map, "front");
        effective["schedules"] = strategy.front_schedules ? "front" : "best";
      }
      [[fallthrough]];
    case StrategyKind::nsga2:
      read_islands(*map, strategy, effective);
      break;
  }
  return effective;
}

void check_joint_choices(const Value& root, const StudySpec& spec) {
  if (spec.strategy.kind == StrategyKind::joint || spec.strategy.all_schedules || !spec.multi_core)
    return;
  const auto map = root.find("schedule_search");
  for (const char* key : {"stacks", "priorities"}) {
    const auto given = map ? map->find(key) : std::nullopt;
    if (!given) continue;
    throw given->error("`" + std::string(key) + "` is searched by strategy {kind: joint} only",
                       "leave it out, or take that strategy");
  }
}

}  // namespace

void read_study_options(const Value& root, StudySpec& spec, ordered_json& effective) {
  effective["mapping_search"] = read_mapping_search(root, spec.mapping_search);
  read_bool(root, "no_quirks", spec.mapping_search.options.no_quirks);
  if (spec.mapping_search.options.no_quirks) effective["no_quirks"] = true;
  if (const auto given = root.find("depth_first")) {
    if (spec.multi_core) {
      throw given->error("depth-first inference is of single cores, and " +
                             spec.accelerator.filename().string() + " has `cores`",
                         "schedule_search has `modes: [fused]`");
    }
    if (spec.mapping_search.keep_on_chip) {
      throw given->error("depth-first inference decides itself what stays on chip",
                         "leave keep_on_chip out");
    }
    effective["depth_first"] = read_depth_first(*given, spec.mapping_search.depth_first.emplace());
  }
  if (spec.multi_core) {
    effective["schedule_search"] =
        read_schedule_search(root, spec.mapping_search, spec.schedule_search);
    if (spec.mapping_search.keep_on_chip) {
      throw root.at("mapping_search")
          .at("keep_on_chip")
          .error("schedules of multi-core systems decide themselves what stays on chip",
                 "leave keep_on_chip out");
    }
  } else if (const auto given = root.find("schedule_search")) {
    throw given->error("schedules are searched for multi-core systems only, and " +
                           spec.accelerator.filename().string() + " has no `cores`",
                       "leave schedule_search out, or name a multi-core document");
  }
  effective["objectives"] = read_objectives(root, spec.objectives);
  effective["constraints"] = read_constraints(root, spec.constraints);
  effective["strategy"] = read_strategy(root, spec.multi_core, spec.strategy);
  check_joint_choices(root, spec);
  if (const auto seed = root.find("seed")) {
    spec.seed = static_cast<std::uint64_t>(seed->as_integer(0));
  }
  spec.mapping_search.options.seed = spec.seed;
  effective["seed"] = spec.seed;
}

}  // namespace ridgeline::io
