// The C interface under requests and arrays that nobody would write: every call comes back, with a
// status that it promises, and a result or an error that tells why. Run under the sanitizers too.
#include <gtest/gtest.h>

#include <array>
#include <cmath>
#include <cstdint>
#include <limits>
#include <nlohmann/json.hpp>
#include <random>
#include <string>
#include <thread>
#include <vector>

#include "ridgeline/ridgeline.h"

namespace {

using nlohmann::json;

const std::string kExamples = std::string(RIDGELINE_SOURCE_DIR) + "/examples/";

using Call = ridgeline_result* (*)(const char*, const ridgeline_hooks*);

json layer() {
  return json::parse(R"([{"id": 0, "operator_type": "Gemm", "equation": "O[b][k]+=W[k][c]*I[b][c]",
    "loop_dims": ["B", "K", "C"], "loop_sizes": [4, 16, 16],
    "operand_precision": {"W": 8, "I": 8, "O": 16, "O_final": 8},
    "operand_source": {"W": 0, "I": 0}}])");
}

json evaluation() {
  return {{"workload", layer()},
          {"accelerator", kExamples + "accelerators/tpu_like.yaml"},
          {"mapping", kExamples + "mappings/tpu_like.yaml"},
          {"engine", "loma"},
          {"lpf_limit", 3},
          {"objective", "energy"},
          {"threads", 1}};
}

json scheduling() {
  const std::string folder = kExamples + "labs/multicore/";
  return {{"workload", layer()},
          {"accelerator", folder + "system.yaml"},
          {"mapping", folder + "one_layer_a_core.yaml"},
          {"mode", "layer-by-layer"},
          {"population", 4},
          {"generations", 1},
          {"threads", 1}};
}

json exploring() {
  return {{"study", "/nowhere/study.yaml"}, {"output", "/nowhere/s.h5"}, {"threads", 1}};
}

// A value that stands where it should not.
json odd_value(std::mt19937& chance) {
  switch (chance() % 12) {
    case 0:
      return nullptr;
    case 1:
      return -1;
    case 2:
      return std::numeric_limits<std::int64_t>::max();
    case 3:
      return 1e308;
    case 4:
      return "";
    case 5:
      return std::string(5000, 'x');
    case 6:
      return json::array();
    case 7:
      return json::object();
    case 8:
      return true;
    case 9:
      return "\x01\xff\xfe";
    case 10:
      return json::array({json::array({json::array({1, "K", nullptr})})});
    default:
      return 0.5;
  }
}

// One of the places of a document, at random.
json* some_place(json& document, std::mt19937& chance) {
  json* place = &document;
  while (place->is_structured() && !place->empty()) {
    auto next = place->begin();
    std::advance(next, chance() % place->size());
    place = &*next;
    if (chance() % 3 == 0) break;
  }
  return place;
}

void expect_an_answer(ridgeline_result* result, const std::string& request) {
  ASSERT_NE(result, nullptr) << request.substr(0, 300);
  const int status = ridgeline_status(result);
  const bool known = status == RIDGELINE_OK || status == RIDGELINE_USAGE ||
                     status == RIDGELINE_INVALID_INPUT || status == RIDGELINE_INFEASIBLE ||
                     status == RIDGELINE_IO_FAILED || status == RIDGELINE_STOPPED;
  EXPECT_TRUE(known) << status << " " << request.substr(0, 300) << " "
                     << (ridgeline_error(result) ? ridgeline_error(result)->message : "");
  if (status == RIDGELINE_OK) {
    ASSERT_NE(ridgeline_text(result), nullptr);
    EXPECT_FALSE(json::parse(ridgeline_text(result), nullptr, false).is_discarded());
    EXPECT_EQ(ridgeline_error(result), nullptr);
  } else {
    ASSERT_NE(ridgeline_error(result), nullptr);
    EXPECT_NE(std::string(ridgeline_error(result)->message), "");
    EXPECT_LT(std::string(ridgeline_error(result)->message).size(), 8000u);
  }
  EXPECT_EQ(ridgeline_form(result, nullptr), nullptr);
  EXPECT_EQ(ridgeline_form(result, "no such form"), nullptr);
  ridgeline_free(result);
}

void mutate(Call call, const json& whole, int rounds, unsigned seed) {
  std::mt19937 chance(seed);
  for (int round = 0; round < rounds; ++round) {
    json request = whole;
    std::string text;
    switch (chance() % 4) {
      case 0: {  // a key less, or one more
        auto key = request.begin();
        std::advance(key, chance() % request.size());
        if (chance() % 2 == 0) {
          request.erase(key);
        } else {
          request[key.key() + "_"] = odd_value(chance);
        }
        text = request.dump(-1, ' ', false, json::error_handler_t::replace);
        break;
      }
      case 1:
      case 2:
        *some_place(request, chance) = odd_value(chance);
        text = request.dump(-1, ' ', false, json::error_handler_t::replace);
        break;
      default:  // bytes that are wrong, or missing
        text = request.dump();
        for (unsigned hit = chance() % 4; hit > 0; --hit) {
          text[chance() % text.size()] = static_cast<char>(chance() % 256);
        }
        if (chance() % 3 == 0) text.resize(chance() % text.size());
    }
    expect_an_answer(call(text.c_str(), nullptr), text);
    if (::testing::Test::HasFatalFailure()) return;
  }
}

TEST(HostileCalls, OfEveryKindComeBackWithAReason) {
  mutate(ridgeline_check, {{"file", layer()}}, 400, 1);
  mutate(ridgeline_evaluate, evaluation(), 250, 2);
  mutate(ridgeline_schedule, scheduling(), 150, 3);
  mutate(ridgeline_explore, exploring(), 100, 4);
  mutate(ridgeline_report, {{"file", "/nowhere/s.h5"}, {"top", 3}}, 100, 5);
  for (const Call call : {ridgeline_check, ridgeline_evaluate, ridgeline_schedule,
                          ridgeline_explore, ridgeline_report}) {
    for (const std::string& text : {std::string(), std::string("null"), std::string("[]"),
                                    std::string(200'000, '['), std::string("\xff\xfe")}) {
      expect_an_answer(call(text.c_str(), nullptr), text);
    }
    expect_an_answer(call(nullptr, nullptr), "(none)");
  }
}

TEST(HostileCalls, TakeHooksOfAnyAgeAndNone) {
  ridgeline_hooks none{};
  none.size = sizeof none;
  const std::string request = evaluation().dump();
  expect_an_answer(ridgeline_evaluate(request.c_str(), &none), request);
  // A structure of before: nothing beyond its size is read.
  struct {
    std::size_t size;
  } old{sizeof(std::size_t)};
  expect_an_answer(
      ridgeline_evaluate(request.c_str(), reinterpret_cast<const ridgeline_hooks*>(&old)), request);
}

TEST(HostileCalls, OfHandlesAreAnsweredWhateverTheArraysHold) {
  for (const char* request : {"", "{}", "null", R"({"workload": 3, "spatial": 7})"}) {
    ridgeline_result* failure = nullptr;
    EXPECT_EQ(ridgeline_mapping_open(request, &failure), nullptr);
    expect_an_answer(failure, request);
    EXPECT_EQ(ridgeline_mapping_open(request, nullptr), nullptr);
    EXPECT_EQ(ridgeline_allocations_open(request, nullptr, nullptr), nullptr);
    EXPECT_EQ(ridgeline_space_open(request, nullptr), nullptr);
  }
  EXPECT_EQ(ridgeline_mapping_open(nullptr, nullptr), nullptr);
  EXPECT_EQ(ridgeline_mapping_cost(nullptr, 1, 1, nullptr, nullptr, nullptr, nullptr, 1),
            RIDGELINE_USAGE);
  EXPECT_EQ(ridgeline_allocations_schedule(nullptr, 1, nullptr, nullptr, nullptr, nullptr, 1),
            RIDGELINE_USAGE);
  ridgeline_mapping_close(nullptr);
  ridgeline_allocations_close(nullptr);
  ridgeline_space_close(nullptr);

  ridgeline_mapping* mapping = ridgeline_mapping_open(evaluation().dump().c_str(), nullptr);
  ASSERT_NE(mapping, nullptr);
  EXPECT_EQ(ridgeline_mapping_cost(mapping, 0, 0, nullptr, nullptr, nullptr, nullptr, 1),
            RIDGELINE_OK);
  EXPECT_EQ(ridgeline_mapping_cost(mapping, 1, 1, nullptr, nullptr, nullptr, nullptr, 1),
            RIDGELINE_USAGE);
  EXPECT_EQ(ridgeline_mapping_cost(mapping, -1, 1, nullptr, nullptr, nullptr, nullptr, 1),
            RIDGELINE_USAGE);
  std::mt19937_64 chance(6);
  const std::array<std::int64_t, 8> sizes{1,
                                          2,
                                          4,
                                          16,
                                          0,
                                          -3,
                                          std::numeric_limits<std::int64_t>::max(),
                                          std::numeric_limits<std::int64_t>::min()};
  constexpr int kRows = 200;
  for (const int loops : {0, 1, 3, 6, 60}) {
    std::vector<std::int32_t> dim(static_cast<std::size_t>(kRows * loops) + 1);
    std::vector<std::int64_t> size(dim.size());
    for (std::size_t i = 0; i < dim.size(); ++i) {
      dim[i] = static_cast<std::int32_t>(chance() % 6) - 1;
      size[i] = sizes[chance() % (chance() % 4 == 0 ? sizes.size() : 4)];
    }
    std::vector<double> energy(kRows, -1);
    std::vector<double> latency(kRows, -1);
    const int status = ridgeline_mapping_cost(mapping, kRows, loops, dim.data(), size.data(),
                                              energy.data(), latency.data(), 3);
    EXPECT_TRUE(status == RIDGELINE_OK || status == RIDGELINE_USAGE);
    for (std::size_t i = 0; i < kRows; ++i) {
      EXPECT_EQ(std::isnan(energy[i]), std::isnan(latency[i]));
      EXPECT_TRUE(std::isnan(energy[i]) || energy[i] > 0);
    }
  }
  ridgeline_mapping_close(mapping);

  ridgeline_allocations* allocations =
      ridgeline_allocations_open(scheduling().dump().c_str(), nullptr, nullptr);
  if (allocations != nullptr) {
    double figure = 0;
    std::int64_t bits = 0;
    for (const std::int32_t core : {-1, 99, std::numeric_limits<std::int32_t>::max()}) {
      const std::vector<std::int32_t> cores(64, core);
      EXPECT_EQ(
          ridgeline_allocations_schedule(allocations, 1, cores.data(), &figure, &figure, &bits, 1),
          RIDGELINE_USAGE);
    }
    ridgeline_allocations_close(allocations);
  }
}

// Whole calls, a handle that several share, and errors, all at the same time: what a build with the
// thread sanitizer looks at.
TEST(HostileCalls, OfSeveralThreadsAtOnceDoNotDisturbEachOther) {
  const std::string request = evaluation().dump();
  const std::string other = scheduling().dump();
  const auto totals = [](ridgeline_result* result) {
    const json text = json::parse(ridgeline_text(result));
    ridgeline_free(result);
    return text.at("total").dump();
  };
  const std::string expected = totals(ridgeline_evaluate(request.c_str(), nullptr));
  ridgeline_mapping* mapping = ridgeline_mapping_open(request.c_str(), nullptr);
  ASSERT_NE(mapping, nullptr);
  const json described = json::parse(ridgeline_mapping_text(mapping));
  std::vector<std::int32_t> dims;
  std::vector<std::int64_t> sizes;
  for (std::size_t d = 0; d < described.at("temporal").size(); ++d) {
    dims.push_back(static_cast<std::int32_t>(d));
    sizes.push_back(described.at("temporal")[d][1]);
  }
  const int loops = static_cast<int>(dims.size());
  double energy = 0;
  double latency = 0;
  ASSERT_EQ(
      ridgeline_mapping_cost(mapping, 1, loops, dims.data(), sizes.data(), &energy, &latency, 1),
      RIDGELINE_OK);
  std::array<int, 4> right{};
  std::vector<std::thread> threads;
  for (std::size_t t = 0; t < right.size(); ++t) {
    threads.emplace_back([&, t] {
      bool same = true;
      for (int round = 0; round < 3; ++round) {
        same = same && totals(ridgeline_evaluate(request.c_str(), nullptr)) == expected;
        double e = 0;
        double l = 0;
        ridgeline_mapping_cost(mapping, 1, loops, dims.data(), sizes.data(), &e, &l, 2);
        same = same && ((std::isnan(e) && std::isnan(energy)) || e == energy);
        ridgeline_free(ridgeline_schedule(other.c_str(), nullptr));
        ridgeline_result* bad = ridgeline_evaluate("{\"workload\": 1}", nullptr);
        same = same && ridgeline_status(bad) != RIDGELINE_OK;
        ridgeline_free(bad);
      }
      right[t] = same;
    });
  }
  for (std::thread& thread : threads) thread.join();
  EXPECT_EQ(right, (std::array<int, 4>{1, 1, 1, 1}));
  ridgeline_mapping_close(mapping);
}

}  // namespace
