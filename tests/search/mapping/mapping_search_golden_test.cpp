// The reference's temporal-mapping search: loops, orderings, allocation, winners.
#include <gtest/gtest.h>

#include <cmath>

#include "model/core/evaluate.hpp"
#include "model/core/hierarchy.hpp"
#include "model/core/problem.hpp"
#include "search/mapping/allocate.hpp"
#include "search/mapping/loop_factors.hpp"
#include "search/mapping/mapper.hpp"
#include "tests/support/golden.hpp"

namespace ridgeline::search {
namespace {

using testing::Json;

Json as_json(const std::vector<model::TemporalLoop>& loops, const model::Layer& layer) {
  Json list = Json::array();
  for (const auto& loop : loops) {
    list.push_back({layer.dims[static_cast<std::size_t>(loop.dim)].name, loop.size});
  }
  return list;
}

Json by_dim(const std::vector<model::TemporalLoop>& loops, const model::Layer& layer) {
  Json list = Json::array();
  for (const auto& loop : loops) {
    const std::string& name = layer.dims[static_cast<std::size_t>(loop.dim)].name;
    if (list.empty() || list.back().at(0) != name) list.push_back({name, Json::array()});
    Json& factors = list.back().at(1);
    if (!factors.empty() && factors.back().at(0) == loop.size) {
      factors.back().at(1) = factors.back().at(1).get<int>() + 1;
    } else {
      factors.push_back({loop.size, 1});
    }
  }
  return list;
}

std::vector<LoopConstraint> constraints_of(const Json& ordering, const model::Layer& layer) {
  std::vector<LoopConstraint> constraints;
  for (const Json& position : ordering) {
    const int d = layer.dim_index(std::string(position.at(0)));
    if (d < 0) continue;
    LoopConstraint constraint{d, std::nullopt};
    if (position.at(1).is_number()) constraint.size = position.at(1).get<std::int64_t>();
    constraints.push_back(constraint);
  }
  return constraints;
}

struct Setting {
  model::Accelerator accelerator;
  model::Hierarchy hierarchy;
  model::Layer layer;
};

Setting setting(const Json& record) {
  Setting s;
  s.accelerator = testing::golden_accelerator(record.at("accelerator").at("file"));
  s.hierarchy = model::build_hierarchy(s.accelerator);
  s.layer = testing::golden_layer(record.at("layer"));
  return s;
}

TEST(LomaGolden, LoopsAndOrderingsAreTheReferences) {
  const auto records = testing::golden_records("loma");
  if (records.empty()) GTEST_SKIP() << "no golden loma records in this checkout";
  int checked = 0;
  for (const Json& record : records) {
    SCOPED_TRACE(record.at("record_id").get<std::string>());
    const model::Layer layer = testing::golden_layer(record.at("layer"));
    std::vector<std::int64_t> sizes(layer.dims.size(), 1);
    for (const Json& loop : record.at("temporal_loop_sizes")) {
      sizes[static_cast<std::size_t>(layer.dim_index(std::string(loop.at(0))))] = loop.at(1);
    }
    EXPECT_EQ(as_json(loop_factors(layer, sizes, 0, {}).loops, layer), record.at("prime_factors"));
    for (const Json& limit : record.at("limits")) {
      const LoopFactors factors = loop_factors(layer, sizes, limit.at("lpf_limit"), {});
      if (record.at("temporal_loop_sizes").empty()) continue;
      EXPECT_EQ(by_dim(factors.loops, layer), limit.at("factors_per_dim"));
      if (!limit.at("nb_permutations").is_null()) {
        EXPECT_EQ(permutation_count(factors.loops), limit.at("nb_permutations").get<double>());
      }
      LoopPermutations permutations(layer, factors.loops);
      bool more = true;
      for (const Json& ordering : limit.at("first_orderings")) {
        ASSERT_TRUE(more);
        EXPECT_EQ(as_json(permutations.current(), layer), ordering);
        more = permutations.next();
      }
      if (limit.contains("last_ordering") && !limit.at("last_ordering").is_null()) {
        while (permutations.next()) {
        }
        // next() ends back at the start; so walk again to the one before it.
        LoopPermutations again(layer, factors.loops);
        Json last = as_json(again.current(), layer);
        while (again.next()) last = as_json(again.current(), layer);
        EXPECT_EQ(last, limit.at("last_ordering"));
      }
    }
    ++checked;
    if (::testing::Test::HasFailure()) break;
  }
  EXPECT_GT(checked, 0);
}

TEST(LomaGolden, ConstrainedOrderingsAreTheReferences) {
  const auto records = testing::golden_records("loma");
  if (records.empty()) GTEST_SKIP() << "no golden loma records in this checkout";
  int checked = 0;
  for (const Json& record : records) {
    if (record.at("user_temporal_ordering").empty()) continue;
    SCOPED_TRACE(record.at("record_id").get<std::string>());
    const model::Layer layer = testing::golden_layer(record.at("layer"));
    std::vector<std::int64_t> sizes(layer.dims.size(), 1);
    for (const Json& loop : record.at("temporal_loop_sizes")) {
      sizes[static_cast<std::size_t>(layer.dim_index(std::string(loop.at(0))))] = loop.at(1);
    }
    const auto constraints = constraints_of(record.at("user_temporal_ordering"), layer);
    for (const Json& limit : record.at("limits")) {
      if (!limit.contains("constrained") || limit.at("constrained").is_null()) continue;
      const Json& constrained = limit.at("constrained");
      if (constrained.contains("error") && !constrained.at("error").is_null()) continue;
      const LoopFactors factors = loop_factors(layer, sizes, limit.at("lpf_limit"), constraints);
      ASSERT_EQ(factors.error, "");
      LoopPermutations permutations(layer, factors.loops);
      Json remaining = Json::array();
      do {
        bool fits = constraints.size() <= permutations.current().size();
        for (std::size_t i = 0; i < constraints.size() && fits; ++i) {
          const auto& loop = permutations.current()[i];
          fits = loop.dim == constraints[i].dim &&
                 (!constraints[i].size || *constraints[i].size == loop.size);
        }
        if (fits) remaining.push_back(as_json(permutations.current(), layer));
      } while (permutations.next());
      EXPECT_EQ(remaining.size(), constrained.at("nb_orderings").get<std::size_t>());
      const Json& first = constrained.at("first_orderings");
      ASSERT_LE(first.size(), remaining.size());
      for (std::size_t i = 0; i < first.size(); ++i) EXPECT_EQ(remaining[i], first[i]);
      ++checked;
    }
    if (::testing::Test::HasFailure()) break;
  }
  EXPECT_GT(checked, 0);
}

TEST(AllocatorGolden, EveryOrderingIsCutAsInTheReference) {
  const auto records = testing::golden_records("cost_model");
  if (records.empty()) GTEST_SKIP() << "no golden cost_model records in this checkout";
  int checked = 0;
  for (const Json& record : records) {
    SCOPED_TRACE(record.at("record_id").get<std::string>());
    const Setting s = setting(record);
    const model::MappingEntry entry = testing::golden_links(record.at("memory_operand_links"));
    const auto compiled = model::compile(
        s.layer, s.accelerator, s.hierarchy, entry,
        testing::golden_spatial(record.at("spatial_mapping_ordered"), s.layer, s.accelerator));
    const auto& problem = std::get<model::Problem>(compiled);
    model::Ordering ordering;
    for (const Json& loop : record.at("temporal_loops")) {
      ordering.push(s.layer.dim_index(std::string(loop.at(0))), loop.at(1));
    }
    model::Cuts cuts;
    const bool even = record.at("options").at("temporal_mapping_type") == "even";
    ASSERT_TRUE(allocate(problem, ordering, even, cuts));
    for (std::size_t o = 0; o < s.layer.operands.size(); ++o) {
      std::size_t end = 0;
      const Json& levels = record.at("temporal_allocation").at(s.layer.operands[o].name);
      for (std::size_t m = 0; m < levels.size(); ++m) {
        end += levels[m].size();
        EXPECT_EQ(cuts.end[o][m], end) << s.layer.operands[o].name << m;
      }
    }
    ++checked;
    if (::testing::Test::HasFailure()) break;
  }
  EXPECT_GT(checked, 0);
}

TEST(AllocatorGolden, WhatTheReferenceRejectsIsRejectedWithAReason) {
  const auto records = testing::golden_records("allocation_infeasible");
  if (records.empty()) GTEST_SKIP() << "no golden allocation_infeasible records here";
  int checked = 0;
  for (const Json& record : records) {
    SCOPED_TRACE(record.at("record_id").get<std::string>());
    const Setting s = setting(record);
    const model::MappingEntry entry = testing::golden_links(record.at("memory_operand_links"));
    const auto compiled = model::compile(
        s.layer, s.accelerator, s.hierarchy, entry,
        testing::golden_spatial(record.at("spatial_mapping_ordered"), s.layer, s.accelerator));
    const auto& problem = std::get<model::Problem>(compiled);
    model::Ordering ordering;
    for (const Json& loop : record.at("temporal_loops")) {
      ordering.push(s.layer.dim_index(std::string(loop.at(0))), loop.at(1));
    }
    model::Cuts cuts;
    AllocationFailure failure;
    const bool even = record.at("options").at("temporal_mapping_type") == "even";
    EXPECT_FALSE(allocate(problem, ordering, even, cuts, &failure));
    EXPECT_GE(failure.memory, 0);
    const std::string exception = record.at("exception").is_object()
                                      ? record.at("exception").at("type")
                                      : record.at("exception");
    EXPECT_EQ(failure.left_over, exception == "MemoryHierarchyTooSmallException");
    ++checked;
  }
  EXPECT_GT(checked, 0);
}

TEST(BestMappingGolden, SearchesEndWhereTheReferenceEnds) {
  const auto records = testing::golden_records("best_mapping");
  if (records.empty()) GTEST_SKIP() << "no golden best_mapping records in this checkout";
  int checked = 0;
  for (const Json& record : records) {
    SCOPED_TRACE(record.at("record_id").get<std::string>());
    const Setting s = setting(record);
    model::MappingEntry entry = testing::golden_links(record.at("memory_operand_links"));
    for (const Json& position : record.at("user_temporal_ordering")) {
      model::TemporalPosition entry_position{position.at(0), std::nullopt};
      if (position.at(1).is_number()) entry_position.size = position.at(1).get<std::int64_t>();
      entry.temporal_ordering.push_back(entry_position);
    }
    const Json& options = record.at("options");
    for (const auto& [name, objective] :
         {std::pair("latency", Objective::latency), std::pair("energy", Objective::energy),
          std::pair("EDP", Objective::edp)}) {
      MapperOptions settings;
      settings.objective = objective;
      settings.lpf_limit = options.at("lpf_limit");
      settings.even = options.at("temporal_mapping_type") == "even";
      std::int64_t evaluated = 0;
      LayerResult best;
      best.infeasible = "none";
      for (const Json& spatial : record.at("spatial_mappings_evaluated")) {
        entry.spatial_mapping.clear();
        for (const Json& dim : spatial) {
          model::ArrayDimUnroll unroll{dim.at(0), {}};
          for (const Json& loop : dim.at(1)) unroll.unrolls.push_back({loop.at(0), loop.at(1)});
          entry.spatial_mapping.push_back(std::move(unroll));
        }
        const LayerResult result = map_layer(s.layer, s.accelerator, s.hierarchy, entry, settings);
        evaluated += result.evaluated;
        if (result.infeasible.empty() &&
            (!best.infeasible.empty() ||
             better(objective, result.evaluation.cost, best.evaluation.cost))) {
          best = result;
        }
      }
      ASSERT_EQ(best.infeasible, "");
      EXPECT_EQ(evaluated, record.at("nb_evaluated").get<std::int64_t>());
      const Json& winner = record.at("best").at(name);
      EXPECT_DOUBLE_EQ(best.evaluation.cost.energy, winner.at("energy_total").get<double>());
      EXPECT_DOUBLE_EQ(best.evaluation.cost.latency, winner.at("latency_total2").get<double>());
      if (winner.at("nb_equally_good") == 1) {
        EXPECT_EQ(as_json(best.temporal, s.layer), winner.at("temporal_loops"));
      }
    }
    ++checked;
  }
  EXPECT_GT(checked, 0);
}

}  // namespace
}  // namespace ridgeline::search
