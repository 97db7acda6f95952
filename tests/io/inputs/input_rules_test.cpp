// What readers accept beyond the plain form, and what a core must have for every layer.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "io/document/document.hpp"
#include "io/inputs/accelerator_reader.hpp"
#include "io/inputs/mapping_reader.hpp"
#include "io/inputs/workload_reader.hpp"
#include "tests/support/small_documents.hpp"

namespace ridgeline::io {
namespace {

using ::testing::AllOf;
using ::testing::HasSubstr;

// The problem of a core with a register for weights and sums below a buffer for everything.
std::string port_problem(const std::string& in_register, const std::string& in_buffer,
                         const std::vector<model::OperandLink>& links = {
                             model::MappingEntry{}.links}) {
  const auto memory = [](const std::string& operands, const std::string& allocation) {
    return "{size: 64, r_cost: 1, w_cost: 1, area: 1, latency: 1, operands: " + operands +
           ", served_dimensions: [],\n    ports: [{name: rw_port_1, type: read_write, "
           "bandwidth_min: 8, bandwidth_max: 8, allocation: " +
           allocation + "}]}\n";
  };
  const Document document = parse_document(
      "name: two_levels\noperational_array: {dimensions: [D1], sizes: [4], unit_energy: 1, "
      "unit_area: 1}\nmemories:\n  register: " +
          memory("[I2, O]", in_register) + "  buffer: " + memory("[I1, I2, O]", in_buffer),
      "core.yaml");
  try {
    check_ports(document.root(), read_accelerator(document.root()), links);
  } catch (const InputError& error) {
    return error.what();
  }
  return "";
}

TEST(MissingPort, IsNamedWithItsMemoryAndTheTransferThatNeedsIt) {
  const std::string in_register = R"(["I2, tl", "I2, fh", "O, fl", "O, th"])";
  const std::string in_buffer = R"(["I1, tl", "I2, tl", "O, fl"])";
  EXPECT_EQ(port_problem(in_register, in_buffer), "");
  EXPECT_THAT(port_problem(R"(["I2, fh", "O, fl", "O, th"])", in_buffer),
              AllOf(HasSubstr("core.yaml:5: /memories/register/ports: "), HasSubstr("\"I2, tl\""),
                    HasSubstr("operand W"), HasSubstr("allocation")));
  EXPECT_THAT(port_problem(R"(["I2, tl", "O, fl", "O, th"])", in_buffer),
              HasSubstr("/memories/register/ports: no port serves \"I2, fh\""));
  EXPECT_THAT(port_problem(R"(["I2, tl", "I2, fh", "O, th"])", in_buffer),
              HasSubstr("/memories/register/ports: no port serves \"O, fl\""));
  EXPECT_THAT(port_problem(R"(["I2, tl", "I2, fh", "O, fl"])", in_buffer),
              HasSubstr("/memories/register/ports: no port serves \"O, th\""));
  EXPECT_THAT(port_problem(in_register, R"(["I2, tl", "O, fl"])"),
              HasSubstr("/memories/buffer/ports: no port serves \"I1, tl\""));
  // Weights in I1 and activations in I2 need the same, an output in I1 does not.
  EXPECT_EQ(port_problem(in_register, in_buffer,
                         {{"O", model::MemoryOperand::O},
                          {"I", model::MemoryOperand::I2},
                          {"W", model::MemoryOperand::I1}}),
            "");
  EXPECT_THAT(port_problem(in_register, in_buffer,
                           {{"O", model::MemoryOperand::I1},
                            {"I", model::MemoryOperand::I2},
                            {"W", model::MemoryOperand::O}}),
              HasSubstr("/memories/buffer/ports: no port serves \"I1, fl\""));
}

TEST(GoodInput, KeepsTheReferencesTolerance) {
  const auto load = [](const std::string& text) {
    return read_workload(parse_document(text, "w.yaml").root(), "w");
  };
  const std::string text = testing::kWorkload;
  const auto replaced = [&](const std::string& from, const std::string& to) {
    std::string copy = text;
    copy.replace(copy.find(from), from.size(), to);
    return copy;
  };
  // A layer without a name is called by its id, as is one without an id.
  EXPECT_EQ(load(text).nodes[0].name, "Layer0");
  EXPECT_EQ(load(replaced("- id: 0\n  operator", "- operator")).nodes[0].id, 0);
  // Names of dimensions are upper-cased; surplus sizes are ignored.
  EXPECT_EQ(load(replaced("[B, K, C, OX", "[b, k, C, ox")).nodes[0].layer->dims[3].name, "OX");
  std::vector<std::string> notes;
  const Document surplus = parse_document(replaced("16, 3]", "16, 3, 99]"), "w.yaml");
  EXPECT_EQ(read_workload(surplus.root(), "w", &notes).nodes[0].layer->dims.size(), 5u);
  EXPECT_THAT(notes, ::testing::ElementsAre(HasSubstr("ignored")));
  // Explicit sizes win over padding: 16 outputs of stride 2 and a kernel of 3 read 33.
  const std::string padding = "  pr_loop_dims: [ix]\n  padding: [[1, 1]]\n";
  const std::string before = "  loop_dims: [B";
  EXPECT_EQ(load(text).nodes[0].layer->relation_size(0), 33);
  EXPECT_EQ(load(replaced(before, padding + before)).nodes[0].layer->relation_size(0), 31);
  EXPECT_EQ(load(replaced(before, "  pr_loop_sizes: [40]\n" + padding + before))
                .nodes[0]
                .layer->relation_size(0),
            40);
}

TEST(GoodInput, SaysWhichMappingEntriesAreForNoLayer) {
  const auto workload = read_workload(parse_document(testing::kWorkload, "w.yaml").root(), "w");
  const auto mapping = read_mapping(
      parse_document("[{name: default}, {name: Conv}, {name: secnd}, {name: Winograd}]", "m.yaml")
          .root());
  EXPECT_THAT(mapping_notes(mapping, workload, false),
              ::testing::ElementsAre(AllOf(HasSubstr("'secnd'"), HasSubstr("'second'"))));
  EXPECT_THAT(mapping_notes(mapping, workload, true),
              ::testing::ElementsAre(HasSubstr("'secnd'"), HasSubstr("'Winograd'")));
}

TEST(GoodInput, TakesTheLastOfADimensionThatAMappingListsTwice) {
  const std::string text =
      "- name: default\n  spatial_mapping: {D1: [\"K, 4\", \"C, 2\", \"K, 8\"]}\n"
      "- name: default\n";
  const auto spec = read_mapping(parse_document(text, "m.yaml").root());
  ASSERT_EQ(spec.entries.size(), 2u);
  const auto& unrolls = spec.entries[0].spatial_mapping.at(0).unrolls;
  ASSERT_EQ(unrolls.size(), 2u);
  EXPECT_EQ(unrolls[0].dim, "K");
  EXPECT_EQ(unrolls[0].factor, 8);
  // Links that are not given are the usual ones.
  EXPECT_EQ(spec.entries[1].link("W"), model::MemoryOperand::I2);
}

}  // namespace
}  // namespace ridgeline::io
