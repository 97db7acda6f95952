// What a core says of the strict model alone: requests of ports, tiles that do not stay, buffers of
// outputs, post-processing.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>
#include <utility>

#include "io/document/document.hpp"
#include "io/inputs/accelerator_reader.hpp"
#include "tests/support/small_documents.hpp"

namespace ridgeline::io {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;

std::string after(const std::string& line, const std::string& more) {
  std::string text = testing::kAccelerator;
  const std::size_t at = text.find(line) + line.size();
  return text.insert(at, more);
}

model::Accelerator read(const std::string& text) {
  const Document document = parse_document(text, "core.yaml");
  return read_accelerator(document.root());
}

std::string problem(const std::string& text) {
  try {
    read(text);
  } catch (const InputError& error) {
    return error.what();
  }
  return "";
}

std::string with_requests(const std::string& requests) {
  return after("bandwidth_max: 16\n", "        requests: " + requests + "\n");
}

TEST(PortRequests, AreReadWithTheirRowsAndDirections) {
  const model::Accelerator core =
      read(with_requests("{bits: 512, cycles: 5, burst: 256, efficiency: 0.75, rows: {I1: [C, OX], "
                         "O: []}, of: [fh]}"));
  const auto& requests = core.memories[0].ports[0].requests;
  ASSERT_TRUE(requests.has_value());
  EXPECT_EQ(requests->bits, 512);
  EXPECT_EQ(requests->cycles, 5);
  EXPECT_EQ(requests->burst, 256);
  EXPECT_EQ(requests->efficiency, 0.75);
  EXPECT_THAT(requests->of, ElementsAre(false, false, false, true));
  EXPECT_THAT(requests->rows[0].value(), ElementsAre("C", "OX"));
  EXPECT_FALSE(requests->rows[1].has_value());
  EXPECT_TRUE(requests->rows[2].value().empty());
  EXPECT_FALSE(read(testing::kAccelerator).memories[0].ports[0].requests.has_value());
}

TEST(PortRequests, WrongOnesAreNamed) {
  EXPECT_THAT(problem(with_requests("{efficiency: 1.5}")), HasSubstr("share of the cycles"));
  EXPECT_THAT(problem(with_requests("{efficiency: 0}")), HasSubstr("share of the cycles"));
  EXPECT_THAT(problem(with_requests("{bits: 0}")), HasSubstr("/requests/bits"));
  EXPECT_THAT(problem(with_requests("{rows: {I1: [c]}}")), HasSubstr("no loop dimension's name"));
  EXPECT_THAT(problem(with_requests("{rows: {I1: [C, C]}}")), HasSubstr("listed twice"));
  EXPECT_THAT(problem(with_requests("{of: [up]}")), HasSubstr("no direction"));
  EXPECT_THAT(problem(with_requests("{cycle: 5}")), HasSubstr("cycles"));
}

TEST(StrictOptions, AreReadAndRefused) {
  const std::string memory = "    latency: 1\n";
  const model::Accelerator core =
      read(after(memory, "    reload_tiles: true\n    output_buffers: 3\n"));
  EXPECT_TRUE(core.memories[0].reloads_tiles);
  EXPECT_EQ(core.memories[0].output_buffers, 3);
  EXPECT_EQ(read(after("unit_area: 1\n", "  post_processing: 2.5\n")).array.post_processing, 2.5);
  const model::Accelerator plain = read(testing::kAccelerator);
  EXPECT_FALSE(plain.memories[0].reloads_tiles);
  EXPECT_EQ(plain.memories[0].output_buffers, 2);
  EXPECT_EQ(plain.array.post_processing, 0);
  EXPECT_THAT(problem(after(memory, "    output_buffers: 1\n")), HasSubstr("output_buffers"));
  EXPECT_THAT(problem(after(memory, "    output_buffers: 9\n")), HasSubstr("at most 8"));
  EXPECT_THAT(problem(after("unit_area: 1\n", "  post_processing: -1\n")),
              HasSubstr("post_processing"));
}

}  // namespace
}  // namespace ridgeline::io
