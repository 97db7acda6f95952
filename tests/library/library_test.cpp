// The C interface: requests, errors as values, callbacks, threads, handles.
#include "ridgeline/ridgeline.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <atomic>
#include <cmath>
#include <nlohmann/json.hpp>
#include <string>
#include <thread>
#include <vector>

#include "ridgeline/ridgeline.hpp"

namespace {

using nlohmann::json;
using ::testing::HasSubstr;

const std::string kExamples = std::string(RIDGELINE_SOURCE_DIR) + "/examples/";

json request() {
  return {{"workload", kExamples + "labs/conv1.yaml"},
          {"accelerator", kExamples + "accelerators/tpu_like.yaml"},
          {"mapping", kExamples + "mappings/tpu_like.yaml"},
          {"engine", "loma"},
          {"lpf_limit", 4}};
}

json multicore() {
  const std::string folder = kExamples + "labs/multicore/";
  return {{"workload", folder + "four_convs.yaml"},
          {"accelerator", folder + "system.yaml"},
          {"mapping", folder + "one_layer_a_core.yaml"},
          {"mode", "layer-by-layer"}};
}

TEST(Library, evaluates_a_request) {
  const ridgeline::Result result = ridgeline::evaluate(request().dump());
  const json document = json::parse(result.text());
  EXPECT_EQ(document.at("schema"), "ridgeline.evaluation/1");
  EXPECT_GT(document.at("total").at("energy"), 0);
  EXPECT_TRUE(result.feasible());
}

TEST(Library, tells_what_is_wrong_as_a_value) {
  for (const auto& [text, status, message] : std::vector<std::tuple<std::string, int, std::string>>{
           {"no json", RIDGELINE_USAGE, "no JSON object"},
           {R"({"accelerator": "a.yaml"})", RIDGELINE_USAGE, "--workload"},
           {R"({"workload": "w", "enigne": "loma"})", RIDGELINE_USAGE, "enigne"},
           {R"({"workload": "w.yaml", "accelerator": {"name": 1}, "mapping": []})",
            RIDGELINE_INVALID_INPUT, ""}}) {
    ridgeline_result* result = ridgeline_evaluate(text.c_str(), nullptr);
    EXPECT_EQ(ridgeline_status(result), status) << text;
    ASSERT_NE(ridgeline_error(result), nullptr);
    EXPECT_THAT(ridgeline_error(result)->message, HasSubstr(message));
    EXPECT_EQ(ridgeline_text(result), nullptr);
    ridgeline_free(result);
  }
  EXPECT_EQ(ridgeline_status(nullptr), RIDGELINE_IO_FAILED);
  ridgeline_free(nullptr);
}

TEST(Library, names_the_place_in_a_document_given_as_text) {
  json bad = request();
  bad["mapping"] = json::parse(R"([{"name": "default", "spatial_maping": {}}])");
  try {
    ridgeline::evaluate(bad.dump());
    FAIL();
  } catch (const ridgeline::Error& error) {
    EXPECT_EQ(error.status, RIDGELINE_INVALID_INPUT);
    EXPECT_EQ(error.file, "(text)");
    EXPECT_THAT(error.place, HasSubstr("/0"));
    EXPECT_THAT(error.what(), HasSubstr("spatial_maping"));
  }
}

TEST(Library, can_be_used_by_several_threads_at_once) {
  const std::string expected =
      json::parse(ridgeline::evaluate(request().dump()).text()).at("total").dump();
  std::atomic<int> right{0};
  std::vector<std::thread> threads;
  for (int t = 0; t < 4; ++t) {
    threads.emplace_back([&] {
      json mine = request();
      mine["threads"] = 2;
      const json found = json::parse(ridgeline::evaluate(mine.dump()).text());
      if (found.at("total").dump() == expected) ++right;
    });
  }
  for (std::thread& thread : threads) thread.join();
  EXPECT_EQ(right, 4);
}

TEST(Library, tells_of_progress_and_ends_when_asked_to) {
  std::atomic<int> told{0};
  ridgeline::Callbacks callbacks;
  callbacks.progress = [&](double done, double all) { told += done <= all; };
  ridgeline::evaluate(request().dump(), callbacks);
  EXPECT_GT(told, 0);

  callbacks.cancel = [] { return true; };
  try {
    ridgeline::evaluate(request().dump(), callbacks);
    FAIL();
  } catch (const ridgeline::Error& error) {
    EXPECT_EQ(error.status, RIDGELINE_STOPPED);
  }
}

TEST(Library, costs_orderings_through_a_handle_as_the_search_does) {
  const json layer = json::parse(ridgeline::evaluate(request().dump()).text()).at("layers").at(0);
  const ridgeline::Mapping mapping(request().dump());
  const json text = json::parse(mapping.text());
  std::vector<std::int32_t> dims;
  std::vector<std::int64_t> sizes;
  for (const json& loop : layer.at("mapping").at("temporal")) {
    for (std::size_t d = 0; d < text.at("dims").size(); ++d) {
      if (text.at("dims")[d][0] == loop.at("dim")) dims.push_back(static_cast<int>(d));
    }
    sizes.push_back(loop.at("size"));
  }
  const int loops = static_cast<int>(sizes.size());
  // The same again with a loop left out: no ordering of this problem.
  dims.insert(dims.end(), dims.begin(), dims.end());
  sizes.insert(sizes.end(), sizes.begin(), sizes.end());
  sizes.back() = 1;
  const auto costs = mapping.cost(loops, dims, sizes, 2);
  EXPECT_EQ(costs.energy[0], layer.at("energy").at("total"));
  EXPECT_EQ(costs.latency[0], layer.at("latency").at("total"));
  EXPECT_TRUE(std::isnan(costs.energy[1]));
}

TEST(Library, schedules_allocations_through_a_handle_as_the_command_does) {
  const json found = json::parse(ridgeline::schedule(multicore().dump()).text());
  const ridgeline::Allocations allocations(multicore().dump());
  std::vector<std::int32_t> cores;
  const json described = json::parse(allocations.text());
  for (const json& slot : described.at("slots")) {
    for (const json& layer : found.at("allocation")) {
      if (layer.at("id") == slot.at("id")) {
        cores.push_back(layer.at("cores").at(slot.at("group").get<std::size_t>()));
      }
    }
  }
  const auto figures = allocations.schedule(1, cores);
  EXPECT_EQ(figures.latency[0], found.at("latency"));
  EXPECT_EQ(figures.energy[0], found.at("energy").at("total"));
}

TEST(Library, gives_other_forms_of_a_schedule) {
  ridgeline::Result result = ridgeline::schedule(multicore().dump());
  EXPECT_TRUE(json::parse(result.form("trace")).contains("traceEvents"));
  EXPECT_TRUE(json::parse(result.form("full")).contains("edges"));
  EXPECT_THAT(result.form("text"), HasSubstr("latency"));
  EXPECT_EQ(result.form("other"), "");
}

}  // namespace
