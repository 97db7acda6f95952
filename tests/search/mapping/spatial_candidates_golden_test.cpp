#include <gtest/gtest.h>

#include <algorithm>

#include "model/core/hierarchy.hpp"
#include "model/core/problem.hpp"
#include "search/mapping/spatial_candidates.hpp"
#include "tests/support/golden.hpp"

namespace ridgeline::search {
namespace {

using testing::Json;

Json as_json(const model::SpatialMapping& mapping, const model::Layer& layer,
             const model::Accelerator& accelerator) {
  Json list = Json::array();
  for (const auto& dim : mapping) {
    Json loops = Json::array();
    for (const auto& loop : dim.loops) {
      loops.push_back({layer.dims[static_cast<std::size_t>(loop.dim)].name, loop.factor});
    }
    list.push_back({accelerator.array.dims[static_cast<std::size_t>(dim.array_dim)].name, loops});
  }
  return list;
}

TEST(SpatialCandidatesGolden, ListsAreTheReferencesInTheSameOrder) {
  const auto records = testing::golden_records("spatial_mapping");
  if (records.empty()) GTEST_SKIP() << "no golden spatial_mapping records in this checkout";
  int checked = 0;
  for (const Json& record : records) {
    SCOPED_TRACE(record.at("record_id").get<std::string>());
    const model::Accelerator accelerator =
        testing::golden_accelerator(record.at("accelerator").at("file"));
    const model::Hierarchy hierarchy = model::build_hierarchy(accelerator);
    const model::Layer layer = testing::golden_layer(record.at("layer"));
    model::MappingEntry entry = testing::golden_links(record.at("memory_operand_links"));
    for (const Json& dim : record.at("user_spatial_mapping")) {
      model::ArrayDimUnroll unroll{dim.at(0), {}};
      for (const Json& loop : dim.at(1)) unroll.unrolls.push_back({loop.at(0), loop.at(1)});
      entry.spatial_mapping.push_back(std::move(unroll));
    }
    const Json& source = record.at("mapping_source");
    if (source.contains("hints")) {
      for (const auto& [dim, hint] : source.at("hints").items()) {
        entry.spatial_hints.push_back({dim, hint.get<std::vector<std::string>>()});
      }
    }
    for (const Json& hint : record.at("hints_in_iteration_order")) {
      if (source.contains("hints") || source.at("kind") == "nothing_prescribed") break;
      // All dimensions of the layer: the reference's own default, in its iteration order.
      const bool all_of_the_layer =
          hint.at(1).size() == layer.dims.size() &&
          std::all_of(hint.at(1).begin(), hint.at(1).end(), [&](const Json& loop) {
            return layer.dim_index(loop.get<std::string>()) >= 0;
          });
      if (all_of_the_layer) continue;
      entry.spatial_hints.push_back({hint.at(0), hint.at(1).get<std::vector<std::string>>()});
    }
    const SpatialOptions options{record.at("nb_mappings_generated"),
                                 record.at("enable_mix_spatial_mapping")};
    const SpatialCandidates ours =
        spatial_candidates(layer, accelerator, hierarchy, entry, options);
    ++checked;
    if (record.at("generated").is_null()) {
      EXPECT_FALSE(ours.infeasible.empty()) << "the reference found none";
      continue;
    }
    const Json& theirs = record.at("generated");
    ASSERT_EQ(ours.mappings.size(), theirs.size()) << ours.infeasible;
    for (std::size_t i = 0; i < theirs.size(); ++i) {
      EXPECT_EQ(as_json(ours.mappings[i], layer, accelerator), theirs[i].at("mapping"));
      const auto compiled = model::compile(layer, accelerator, hierarchy, entry, ours.mappings[i]);
      ASSERT_TRUE(std::holds_alternative<model::Problem>(compiled))
          << std::get<std::string>(compiled);
      const auto& problem = std::get<model::Problem>(compiled);
      Json sizes = Json::array();
      for (std::size_t d = 0; d < layer.dims.size(); ++d) {
        if (problem.temporal_size[d] > 1) {
          sizes.push_back({layer.dims[d].name, problem.temporal_size[d]});
        }
      }
      EXPECT_EQ(sizes, theirs[i].at("temporal_loop_sizes"));
    }
    if (::testing::Test::HasFailure()) break;
  }
  EXPECT_GT(checked, 0);
}

}  // namespace
}  // namespace ridgeline::search
