// The C interface's handle on one layer, core and spatial mapping.
#include <algorithm>
#include <atomic>
#include <limits>
#include <nlohmann/json.hpp>
#include <variant>

#include "engine/calls/evaluate.hpp"
#include "engine/commands/evaluate_command.hpp"
#include "engine/commands/exit_code.hpp"
#include "io/inputs/mapping_reader.hpp"
#include "library/in_blocks.hpp"
#include "library/request.hpp"
#include "library/result.hpp"
#include "search/mapping/allocate.hpp"
#include "search/mapping/ordering_batch.hpp"
#include "search/mapping/spatial_candidates.hpp"

using namespace ridgeline;
using namespace ridgeline::engine;
using Json = nlohmann::ordered_json;

struct ridgeline_mapping {
  model::Problem problem;
  bool even = false;
  std::string text;
};

namespace {

const model::WorkloadNode& only_layer(const Evaluated& inputs) {
  const std::vector<std::string>& wanted = inputs.options.layers;
  std::vector<const model::WorkloadNode*> found;
  for (const model::WorkloadNode& node : inputs.workload.nodes) {
    if (!node.layer) continue;
    if (wanted.empty() || std::find(wanted.begin(), wanted.end(), node.name) != wanted.end()) {
      found.push_back(&node);
    }
  }
  if (found.size() == 1) return *found.front();
  throw UsageError("a mapping is of one layer, and this names " + std::to_string(found.size()) +
                   ": give `layer`");
}

std::vector<model::ArrayDimUnroll> given_spatial(const Json& value) {
  if (!value.is_object()) throw UsageError("`spatial` is an object such as {\"D1\": {\"K\": 32}}");
  // As a mapping document has it, and read as one.
  std::string document = "[{\"name\": \"default\", \"spatial_mapping\": {";
  std::string arrays;
  for (const auto& [array, loops] : value.items()) {
    if (!loops.is_object())
      throw UsageError("`spatial` is an object such as {\"D1\": {\"K\": 32}}");
    Json list = Json::array();
    for (const auto& [dim, factor] : loops.items()) list.push_back(dim + ", " + factor.dump());
    arrays += (arrays.empty() ? "" : ", ") + Json(array).dump() + ": " + list.dump();
  }
  document += arrays + "}}]";
  return io::read_mapping(io::parse_document(document, "(spatial)", io::Format::json).root())
      .entries.front()
      .spatial_mapping;
}

constexpr double kNone = std::numeric_limits<double>::quiet_NaN();

// One ordering as the caller wrote it.
enum class Row { ordering, none, unreadable };  // `none`: of other loops than the problem's

Row read_row(const model::Problem& problem, int loops, const std::int32_t* dims,
             const std::int64_t* sizes, model::Ordering& ordering) {
  std::array<std::int64_t, model::kMaxDims> left = problem.temporal_size;
  bool fits = true;
  for (int i = 0; i < loops; ++i) {
    const std::int32_t dim = dims[i];
    const std::int64_t size = sizes[i];
    if (dim < 0 || dim >= problem.dims || size < 1) return Row::unreadable;
    if (size == 1) continue;
    if (ordering.count == model::kMaxLoops) return Row::unreadable;
    std::int64_t& rest = left[static_cast<std::size_t>(dim)];
    fits = fits && rest % size == 0;
    rest /= size;
    ordering.push(dim, size);
  }
  for (int d = 0; d < problem.dims; ++d) fits = fits && left[static_cast<std::size_t>(d)] == 1;
  return fits ? Row::ordering : Row::none;
}

// Costs one ordering; NaN where it fits into no memory.
void cost_alone(const ridgeline_mapping& mapping, model::Ordering ordering, double& energy,
                double& latency) {
  if (ordering.count == 0) ordering.push(0, 1);
  model::Cuts cuts;
  if (!search::allocate(mapping.problem, ordering, mapping.even, cuts)) return;
  const model::Cost found = model::evaluate(mapping.problem, ordering, cuts);
  if (!(found.energy < std::numeric_limits<double>::infinity())) return;
  energy = found.energy;
  latency = found.latency;
}

// Orderings of the same loops, costed together: several times as fast.
struct Group {
  int most_dims = 0;  // of the layer
  std::vector<model::TemporalLoop> loops;
  std::vector<std::int64_t> rows;
  std::vector<std::uint8_t> orders;  // places in `loops`, row after row

  // Adds a row as the caller wrote it, where it is an ordering of these loops.
  bool add(std::int64_t row, int count, const std::int32_t* dims, const std::int64_t* sizes) {
    const std::size_t begin = orders.size();
    std::uint64_t taken = 0;
    bool fits = true;
    for (int i = 0; i < count && fits; ++i) {
      if (sizes[i] == 1) {
        fits = dims[i] >= 0 && dims[i] < most_dims;
        continue;
      }
      std::size_t place = 0;
      while (place < loops.size() && ((taken >> place & 1U) != 0 || loops[place].dim != dims[i] ||
                                      loops[place].size != sizes[i])) {
        ++place;
      }
      fits = place < loops.size();
      if (!fits) break;
      taken |= std::uint64_t{1} << place;
      orders.push_back(static_cast<std::uint8_t>(place));
    }
    // Another loop ends the row early; one too few leaves a place untaken.
    if (fits && orders.size() - begin == loops.size()) {
      rows.push_back(row);
      return true;
    }
    orders.resize(begin);
    return false;
  }
};

constexpr std::size_t kWorthTables = 64;  // orderings from which on their tables pay
constexpr std::size_t kMostGroups = 16;   // that a row is looked for in

void cost_together(const ridgeline_mapping& mapping, const Group& group, double* energy,
                   double* latency) {
  search::OrderingBatch batch(mapping.problem, group.loops, mapping.even);
  std::array<std::int64_t, model::kLanes> waiting{};
  std::size_t count = 0;
  const auto cost = [&] {
    batch.cost([&](const model::Cost& found, int i) {
      if (!(found.energy < std::numeric_limits<double>::infinity())) return;
      const std::int64_t row = waiting[static_cast<std::size_t>(i)];
      energy[row] = found.energy;
      latency[row] = found.latency;
    });
    count = 0;
  };
  const std::size_t loops = group.loops.size();
  std::vector<std::uint8_t> order(loops);
  for (std::size_t r = 0; r < group.rows.size(); ++r) {
    std::copy_n(group.orders.begin() + static_cast<std::ptrdiff_t>(r * loops), loops,
                order.begin());
    if (!batch.add(order)) continue;
    waiting[count++] = group.rows[r];
    if (batch.full()) cost();
  }
  cost();
}

void cost_group(const ridgeline_mapping& mapping, const Group& group, double* energy,
                double* latency) {
  if (group.rows.size() >= kWorthTables && !group.loops.empty()) {
    return cost_together(mapping, group, energy, latency);
  }
  for (std::size_t r = 0; r < group.rows.size(); ++r) {
    model::Ordering ordering;
    for (std::size_t i = 0; i < group.loops.size(); ++i) {
      const model::TemporalLoop& loop = group.loops[group.orders[r * group.loops.size() + i]];
      ordering.push(loop.dim, loop.size);
    }
    const std::int64_t row = group.rows[r];
    cost_alone(mapping, ordering, energy[row], latency[row]);
  }
}

// Costs rows `begin` to `end`. False: one cannot be read.
bool cost_rows(const ridgeline_mapping& mapping, std::int64_t begin, std::int64_t end, int loops,
               const std::int32_t* dims, const std::int64_t* sizes, double* energy,
               double* latency) {
  std::vector<Group> groups;  // last used first
  bool readable = true;
  for (std::int64_t i = begin; i < end; ++i) {
    energy[i] = latency[i] = kNone;
    const std::int32_t* const row_dims = dims + i * loops;
    const std::int64_t* const row_sizes = sizes + i * loops;
    const auto known = std::find_if(groups.begin(), groups.end(), [&](Group& group) {
      return group.add(i, loops, row_dims, row_sizes);
    });
    if (known != groups.end()) {
      std::rotate(groups.begin(), known, known + 1);
      continue;
    }
    model::Ordering ordering;
    const Row row = read_row(mapping.problem, loops, row_dims, row_sizes, ordering);
    readable = readable && row != Row::unreadable;
    if (row != Row::ordering) continue;
    if (groups.size() == kMostGroups) {
      cost_group(mapping, groups.back(), energy, latency);
      groups.pop_back();
    }
    Group& group = *groups.emplace(groups.begin());
    group.most_dims = mapping.problem.dims;
    for (int k = 0; k < ordering.count; ++k) {
      const auto at = static_cast<std::size_t>(k);
      group.loops.push_back({ordering.dim[at], static_cast<std::int64_t>(ordering.size[at])});
    }
    group.add(i, loops, row_dims, row_sizes);
  }
  for (const Group& group : groups) cost_group(mapping, group, energy, latency);
  return readable;
}

}  // namespace

extern "C" {

ridgeline_mapping* ridgeline_mapping_open(const char* request, ridgeline_result** failure) {
  return guarded_open(failure, [&] {
    Json json = parse_request(request, "mapping");
    Json spatial;
    if (const auto given = json.find("spatial"); given != json.end()) {
      spatial = *given;
      json.erase("spatial");
    }
    const auto values = option_values(json, "mapping", options_of_evaluate(),
                                      {"output", "format", "quiet", "export-mapping"});
    const EvaluateOptions options = evaluate_options(values);
    Evaluated inputs;
    read_inputs(options, {}, inputs);
    inputs.options = options.search;
    const model::WorkloadNode& node = only_layer(inputs);
    const model::Layer& layer = *node.layer;
    model::MappingEntry entry = *inputs.mapping.choose(node.name, node.operator_type);
    if (!spatial.is_null()) entry.spatial_mapping = given_spatial(spatial);
    const model::Hierarchy hierarchy = model::build_hierarchy(inputs.accelerator);
    const auto levels = model::operand_levels(layer, hierarchy, entry);
    for (std::size_t o = 0; o < layer.operands.size(); ++o) {
      if (levels[o].empty()) {
        throw Infeasible("no memory stores operand " + layer.operands[o].name);
      }
    }
    const search::SpatialCandidates candidates =
        search::spatial_candidates(layer, inputs.accelerator, hierarchy, entry,
                                   search::spatial_options(options.search.mapper));
    if (candidates.mappings.empty()) throw Infeasible(candidates.infeasible);
    const model::SpatialMapping& chosen = candidates.mappings.front();
    auto compiled = model::compile(layer, inputs.accelerator, hierarchy, entry, chosen,
                                   model::cost_model(options.search.mapper.no_quirks));
    if (const auto* why = std::get_if<std::string>(&compiled)) throw Infeasible(*why);

    auto mapping = std::make_unique<ridgeline_mapping>();
    mapping->problem = std::get<model::Problem>(compiled);
    mapping->even = options.search.mapper.even;
    Json text{{"dims", Json::array()}, {"temporal", Json::array()}, {"spatial", Json::object()}};
    for (std::size_t d = 0; d < layer.dims.size(); ++d) {
      text["dims"].push_back({layer.dims[d].name, layer.dims[d].size});
      text["temporal"].push_back({layer.dims[d].name, mapping->problem.temporal_size[d]});
    }
    for (const model::SpatialDim& dim : chosen) {
      Json& array =
          text["spatial"]
              [inputs.accelerator.array.dims[static_cast<std::size_t>(dim.array_dim)].name];
      array = Json::object();
      for (const model::SpatialLoop& loop : dim.loops) {
        array[layer.dims[static_cast<std::size_t>(loop.dim)].name] = loop.factor;
      }
    }
    mapping->text = text.dump();
    return mapping;
  });
}

const char* ridgeline_mapping_text(const ridgeline_mapping* mapping) {
  return mapping == nullptr ? nullptr : mapping->text.c_str();
}

int ridgeline_mapping_cost(const ridgeline_mapping* mapping, int64_t count, int32_t loops,
                           const int32_t* dims, const int64_t* sizes, double* energy,
                           double* latency, int32_t threads) {
  if (mapping == nullptr || count < 0 || loops < 0) return RIDGELINE_USAGE;
  if (count > 0 && (energy == nullptr || latency == nullptr)) return RIDGELINE_USAGE;
  if (count > 0 && loops > 0 && (dims == nullptr || sizes == nullptr)) return RIDGELINE_USAGE;
  constexpr std::int64_t kBlock = 8192;
  std::atomic<bool> readable{true};
  const int status = in_blocks(count, kBlock, threads, [&](std::int64_t begin, std::int64_t end) {
    if (!cost_rows(*mapping, begin, end, loops, dims, sizes, energy, latency)) readable = false;
  });
  return status != RIDGELINE_OK || readable ? status : RIDGELINE_USAGE;
}

void ridgeline_mapping_close(ridgeline_mapping* mapping) {
  delete mapping;
}

}  // extern "C"
