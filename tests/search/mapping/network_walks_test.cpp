// The strict model's latency of mappings of real layers, in which what repeats itself is walked
// once, against that of walking all iterations (docs/strict-model.md, 6). Mappings that loma
// finds, and random orderings, cut as searches cut them.
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <cstdio>
#include <limits>
#include <memory>
#include <set>
#include <string>
#include <variant>
#include <vector>

#include "engine/run/workload_loader.hpp"
#include "io/inputs/accelerator_reader.hpp"
#include "io/inputs/mapping_reader.hpp"
#include "model/core/evaluate.hpp"
#include "model/core/hierarchy.hpp"
#include "model/core/index.hpp"
#include "model/core/problem.hpp"
#include "model/core/strict_evaluate.hpp"
#include "model/core/strict_problem.hpp"
#include "search/mapping/allocate.hpp"
#include "search/mapping/loop_factors.hpp"
#include "search/mapping/spatial_candidates.hpp"
#include "search/mapping/temporal_search.hpp"
#include "tests/support/random_mapping.hpp"

namespace ridgeline::search {
namespace {

struct Size {
  double iterations = 0;  // at most
  int orderings = 0;      // random ones, of each layer and spatial mapping
  std::uint64_t seed = 0;
};

class NetworkWalks {
 public:
  NetworkWalks(const std::string& network, const std::string& core, const Size& size)
      : name_(network + " | " + core), size_(size), dice_(size.seed) {
    const std::string examples = std::string(RIDGELINE_SOURCE_DIR) + "/examples/";
    accelerator_ = io::load_accelerator(examples + "accelerators/" + core + ".yaml");
    hierarchy_ = model::build_hierarchy(accelerator_);
    const auto mapping = io::load_mapping(examples + "mappings/" + core + ".yaml", &accelerator_);
    const auto workload =
        engine::load_workload(examples + "workloads/" + network + ".onnx", {}).workload;
    std::set<std::string> seen;
    for (const auto& node : workload.nodes) {
      if (!node.layer) continue;
      std::string shape = node.layer->operator_type;
      for (const auto& dim : node.layer->dims) shape += " " + std::to_string(dim.size);
      if (!seen.insert(shape).second) continue;
      const auto* entry = mapping.choose(node.layer->name, node.layer->operator_type);
      for (const auto& spatial :
           spatial_candidates(*node.layer, accelerator_, hierarchy_, *entry, {2, false}).mappings) {
        compare(*node.layer, *entry, spatial);
      }
    }
  }

  // Prints a line of the table.
  void judge() {
    ASSERT_FALSE(errors_.empty());
    EXPECT_LT(stopped_after_, walked_);
    std::sort(errors_.begin(), errors_.end());
    const auto exact = std::count(errors_.begin(), errors_.end(), 0.0);
    const double below = std::min(0.0, errors_.front());
    const double above = std::max(0.0, errors_.back());
    for (double& error : errors_) error = std::abs(error);
    std::sort(errors_.begin(), errors_.end());
    const double most = errors_[errors_.size() * 95 / 100];
    std::printf("| %s | %zu | %td | %.2f %% | %.2f %% | %.2f %% |\n", name_.c_str(), errors_.size(),
                exact, 100 * most, 100 * above, 100 * below);
    EXPECT_GE(below, -0.02);
    EXPECT_LE(above, 0.02);
    EXPECT_LE(most, 0.001);
  }

 private:
  void compare(const model::Layer& layer, const model::MappingEntry& entry,
               const model::SpatialMapping& spatial) {
    auto compiled =
        model::compile(layer, accelerator_, hierarchy_, entry, spatial, model::CostModel::strict);
    const auto* problem = std::get_if<model::Problem>(&compiled);
    if (problem == nullptr) return;
    MapperOptions options;
    options.no_quirks = true;
    const auto found = search_temporal(layer, accelerator_, entry, options, *problem, {});
    if (found.any) compare(*problem, found.ordering, found.cuts);
    const std::vector<std::int64_t> sizes(problem->temporal_size.begin(),
                                          problem->temporal_size.begin() + problem->dims);
    for (int i = 0; i < size_.orderings; ++i) {
      auto loops = loop_factors(layer, sizes, dice_.from(4, 9), {}).loops;
      dice_.shuffle(loops);
      model::Ordering ordering;
      for (const auto& loop : loops) ordering.push(loop.dim, loop.size);
      model::Cuts cuts;
      const bool second_buffers = dice_.chance(50);
      if (allocate(*problem, ordering, false, cuts, nullptr, second_buffers)) {
        compare(*problem, ordering, cuts);
      }
    }
  }

  void compare(const model::Problem& problem, const model::Ordering& ordering,
               const model::Cuts& cuts) {
    double iterations = 1;
    for (int i = 0; i < ordering.count; ++i) iterations *= ordering.size[z(i)];
    if (iterations <= problem.strict->walked_in_full || iterations > size_.iterations) return;
    auto strict = std::make_shared<model::StrictProblem>(*problem.strict);
    strict->walked_in_full = std::numeric_limits<double>::infinity();
    model::Problem full = problem;
    full.strict = strict;
    const double latency = model::evaluate(problem, ordering, cuts).latency;
    errors_.push_back(latency / model::evaluate(full, ordering, cuts).latency - 1);
    // Where a limit is met it changes nothing; where it is not, that is found out earlier.
    for (const double share : {0.8, 0.999, 1.0, 1.5}) {
      model::CostLimit limit;
      limit.latency = share * latency;
      std::int64_t blocks = 0;
      const model::Cost cost = model::evaluate_strict(problem, ordering, cuts, limit, blocks);
      if (share < 1) {
        EXPECT_GT(cost.latency, limit.latency);
      } else {
        EXPECT_EQ(cost.latency, latency);
      }
      if (share == 0.8) stopped_after_ += blocks;
      if (share == 1.5) walked_ += blocks;
    }
  }

  std::string name_;
  Size size_;
  testing::Dice dice_;
  model::Accelerator accelerator_;
  model::Hierarchy hierarchy_;
  std::vector<double> errors_;
  std::int64_t stopped_after_ = 0;  // blocks, with a limit that is not met
  std::int64_t walked_ = 0;
};

void judge_networks(const Size& size) {
  std::printf(
      "| network | core | mappings | to the cycle | 95th percentile | most above | below |\n");
  for (const char* network : {"resnet18", "mobilenetv2"}) {
    for (const char* core :
         {"ascend_like", "edge_tpu_like", "eyeriss_like", "tesla_npu_like", "tpu_like"}) {
      SCOPED_TRACE(std::string(network) + " on " + core);
      NetworkWalks(network, core, size).judge();
    }
  }
}

TEST(NetworkWalks, TakeAsLongAsAllIterations) {
  judge_networks({.iterations = 40'000, .orderings = 2, .seed = 1});
}

TEST(SlowNetworkWalks, TakeAsLongAsAllIterations) {
  for (const std::uint64_t seed : {2, 3}) {
    judge_networks({.iterations = 1'000'000, .orderings = 5, .seed = seed});
  }
}

}  // namespace
}  // namespace ridgeline::search
