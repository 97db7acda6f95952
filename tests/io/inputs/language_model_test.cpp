// Models by their sizes: as many multiply-accumulates as their layers have, costed once.
#include "io/inputs/language_model.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "io/inputs/workload_reader.hpp"

namespace ridgeline::io {
namespace {

using ::testing::HasSubstr;

double macs_of(const model::Workload& workload) {
  double sum = 0;
  for (const auto& node : workload.nodes) {
    if (node.layer)
      sum += static_cast<double>(node.count) * static_cast<double>(node.layer->mac_count());
  }
  return sum;
}

model::Workload read(const std::string& text, bool expanded = false) {
  const Document document = parse_document(text, "model.yaml");
  return read_language_model(document.root(), "model", expanded);
}

TEST(LanguageModel, CountsWhatADecoderMultiplies) {
  const std::string sizes =
      "model: {kind: decoder, layers: 3, hidden: 64, heads: 8, kv_heads: 2, ffn: 96, vocabulary: "
      "100}\n"
      "context: 16\nbatch: 2\n";
  // Projections, feed-forward part, attention over 8 heads of 8 features, and the head.
  const auto expected = [](double queries, double keys) {
    const double tokens = 2 * queries;
    const double layer =
        tokens * (64 * 64 * 2 + 64 * 16 * 2 + 3 * 64 * 96) + 2 * 2 * 8 * queries * keys * 8;
    return 3 * layer + tokens * 64 * 100;
  };
  EXPECT_EQ(macs_of(read(sizes + "phase: prefill\n")), expected(16, 16));
  EXPECT_EQ(macs_of(read(sizes + "phase: decode\n")), expected(1, 16));
  // Each layer on its own is the same in sum.
  EXPECT_EQ(macs_of(read(sizes + "phase: decode\n", true)), expected(1, 16));
  EXPECT_EQ(read(sizes).sequence->cache_bits, 8.0 * 2 * 3 * 2 * 16 * 2 * 8);
}

TEST(LanguageModel, SharesTokensBetweenExperts) {
  const std::string sizes =
      "model: {kind: decoder, layers: 1, hidden: 8, heads: 1, ffn: 16, experts: 4, active_experts: "
      "2}\n";
  for (const int context : {1, 3, 5, 8}) {
    const double tokens = context;
    const double attention = tokens * 4 * 8 * 8 + 2 * tokens * tokens * 8;
    EXPECT_EQ(macs_of(read(sizes + "context: " + std::to_string(context) + "\n")),
              attention + tokens * 8 * 4 + 2 * tokens * 3 * 8 * 16)
        << context;
  }
}

TEST(LanguageModel, KnowsPublishedModels) {
  const auto weights = [](const std::string& name) {
    return read("model: {preset: " + name + "}\ncontext: 8\n").sequence->weight_bits / 8;
  };
  EXPECT_NEAR(weights("llama-3-8b"), 8.03e9, 0.01e9);
  EXPECT_NEAR(weights("llama-3-70b"), 70.6e9, 0.1e9);
  EXPECT_NEAR(weights("mixtral-8x7b"), 46.7e9, 0.1e9);
  // The convolution, the products and the fully connected parts of the exported network.
  EXPECT_EQ(macs_of(read("model: {preset: vit-b-16}\n")), 17563828224.0);
}

TEST(LanguageModel, SaysWhatIsWrong) {
  const auto error = [](const std::string& text) -> std::string {
    try {
      read(text);
    } catch (const InputError& e) {
      return e.what();
    }
    return "";
  };
  EXPECT_THAT(error("model: {preset: llama-3-8}\ncontext: 8\n"), HasSubstr("llama-3-8b"));
  EXPECT_THAT(
      error("model: {kind: decoder, layers: 2, hidden: 10, heads: 3, ffn: 4}\ncontext: 8\n"),
      HasSubstr("divisible"));
  EXPECT_THAT(error("model: {preset: llama-3-8b}\n"), HasSubstr("context"));
  EXPECT_THAT(error("model: {preset: vit-b-16}\nphase: decode\n"), HasSubstr("decode"));
  EXPECT_THAT(error("model: {preset: llama-3-8b}\ncontext: 2147483648\nbatch: 2147483648\n"),
              HasSubstr("too many tokens"));
}

}  // namespace
}  // namespace ridgeline::io
