// Each mistake in a document is named with its file, its place and what would be right.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <functional>
#include <string>
#include <vector>

#include "io/accelerator_reader.hpp"
#include "io/document.hpp"
#include "io/mapping_reader.hpp"
#include "io/workload_reader.hpp"

namespace ridgeline::io {
namespace {

using ::testing::AllOf;
using ::testing::HasSubstr;

constexpr const char* kAccelerator = R"(name: small
operational_array:
  dimensions: [D1, D2]
  sizes: [4, 8]
  unit_energy: 0.5
  unit_area: 1
memories:
  register:
    size: 16
    r_cost: 0.1
    w_cost: 0.1
    area: 0
    latency: 1
    operands: [I1, I2, O]
    served_dimensions: [D1]
    ports:
      - name: rw_port_1
        type: read_write
        bandwidth_min: 8
        bandwidth_max: 16
        allocation:
          - I1, tl
          - I2, tl
          - O, fl
          - O, th
)";

constexpr const char* kMapping = R"(- name: default
  spatial_mapping:
    D1:
      - K, 4
    D2:
      - C, 8
  spatial_mapping_hint:
    D1: [K]
  memory_operand_links:
    O: O
    W: I2
    I: I1
  temporal_ordering:
    - [OX, 8]
    - [K, "*"]
)";

constexpr const char* kWorkload = R"(- id: 0
  operator_type: Conv
  equation: O[b][k][ox]+=W[k][c][fx]*I[b][c][ix]
  dimension_relations: [ix=2*ox+1*fx]
  loop_dims: [B, K, C, OX, FX]
  loop_sizes: [1, 8, 4, 16, 3]
  operand_precision:
    W: 8
    I: 8
    O: 16
    O_final: 8
  operand_source:
    I: 0
    W: 0
- id: 1
  name: second
  operator_type: Gemm
  equation: O[d][k]+=I[d][c]*W[c][k]
  loop_dims: [D, K, C]
  loop_sizes: [16, 8, 8]
  operand_precision: {W: 8, I: 8, O: 16, O_final: 8}
  operand_source: {I: 0, W: 1}
)";

enum class Reader { accelerator, mapping, workload };

// One change to a good document, and what the message must say.
struct Mistake {
  std::string name;
  Reader reader;
  std::string from;  // text in the good document
  std::string to;
  std::string place;  // "line: pointer"
  std::vector<std::string> message;
};

std::string good(Reader reader) {
  switch (reader) {
    case Reader::accelerator:
      return kAccelerator;
    case Reader::mapping:
      return kMapping;
    case Reader::workload:
      return kWorkload;
  }
  return "";
}

void read(Reader reader, const std::string& text) {
  const Document document = parse_document(text, "bad.yaml");
  switch (reader) {
    case Reader::accelerator:
      read_accelerator(document.root());
      break;
    case Reader::mapping: {
      const auto accelerator = read_accelerator(parse_document(kAccelerator, "small.yaml").root());
      read_mapping(document.root(), &accelerator);
      break;
    }
    case Reader::workload:
      read_workload(document.root(), "bad");
      break;
  }
}

void PrintTo(const Mistake& mistake, std::ostream* out) {
  *out << mistake.name;
}

class BadInput : public ::testing::TestWithParam<Mistake> {};

TEST_P(BadInput, IsNamedWithItsPlaceAndRemedy) {
  const Mistake& mistake = GetParam();
  std::string text = good(mistake.reader);
  const std::size_t start = text.find(mistake.from);
  ASSERT_NE(start, std::string::npos) << "the test's own document has changed";
  text.replace(start, mistake.from.size(), mistake.to);
  try {
    read(mistake.reader, text);
    FAIL() << "accepted";
  } catch (const InputError& error) {
    EXPECT_THAT(error.what(), HasSubstr("bad.yaml:" + mistake.place + ": "));
    for (const std::string& part : mistake.message) EXPECT_THAT(error.what(), HasSubstr(part));
  }
}

constexpr auto A = Reader::accelerator;
constexpr auto M = Reader::mapping;
constexpr auto W = Reader::workload;

const std::vector<Mistake> kMistakes{
    // accelerator
    {"MisspeltMemoryKey",
     A,
     "    size: 16",
     "    sice: 16",
     "9: /memories/register/sice",
     {"unknown key 'sice'", "did you mean 'size'?"}},
    {"MissingMemoryKey",
     A,
     "    w_cost: 0.1\n",
     "",
     "9: /memories/register",
     {"key 'w_cost' is missing"}},
    {"MisspeltTopKey", A, "memories:", "memory:", "8: /memory", {"did you mean 'memories'?"}},
    {"MissingName", A, "name: small\n", "", "1", {"key 'name' is missing"}},
    {"SizeAsText",
     A,
     "size: 16",
     "size: big",
     "9: /memories/register/size",
     {"expected an integer of at least 1, found the text 'big'"}},
    {"SizeZero", A, "size: 16", "size: 0", "9: /memories/register/size", {"at least 1"}},
    {"SizeNegative", A, "size: 16", "size: -16", "9: /memories/register/size", {"found '-16'"}},
    {"SizeFractional",
     A,
     "size: 16",
     "size: 16.5",
     "9: /memories/register/size",
     {"expected an integer", "'16.5'"}},
    {"SizeBeyondExactIntegers",
     A,
     "size: 16",
     "size: 9007199254740993",
     "9: /memories/register/size",
     {"beyond 2^53"}},
    {"SizeNull", A, "size: 16", "size:", "9: /memories/register/size", {"found nothing (null)"}},
    {"CostWithoutDot",
     A,
     "r_cost: 0.1",
     "r_cost: 1e-1",
     "10: /memories/register/r_cost",
     {"expected a number", "1.0e-3"}},
    {"CostNegative",
     A,
     "r_cost: 0.1",
     "r_cost: -0.1",
     "10: /memories/register/r_cost",
     {"at least 0"}},
    {"CostNotANumber",
     A,
     "r_cost: 0.1",
     "r_cost: .nan",
     "10: /memories/register/r_cost",
     {"finite"}},
    {"CostsToExtract",
     A,
     "    latency: 1\n",
     "    latency: 1\n    auto_cost_extraction: true\n",
     "14: /memories/register/auto_cost_extraction",
     {"CACTI", "r_cost"}},
    {"ServedDimensionThatDoesNotExist",
     A,
     "[D1]",
     "[D1, D3]",
     "15: /memories/register/served_dimensions/1",
     {"no dimension 'D3'"}},
    {"MemoryThatServesNobody",
     A,
     "operands: [I1, I2, O]",
     "operands: []",
     "14: /memories/register/operands",
     {"'register' stores nothing"}},
    {"OperandWithoutMemory",
     A,
     "operands: [I1, I2, O]",
     "operands: [I2, O]",
     "22: /memories/register/ports/0/allocation/0",
     {"does not store I1"}},
    {"OperandInNoMemoryAtAll",
     A,
     "operands: [I1, I2, O]\n    served_dimensions: [D1]\n    ports:\n"
     "      - name: rw_port_1\n        type: read_write\n        bandwidth_min: 8\n"
     "        bandwidth_max: 16\n        allocation:\n          - I1, tl\n"
     "          - I2, tl\n          - O, fl\n          - O, th\n",
     "operands: [I1, I2]\n    served_dimensions: [D1]\n    ports: []\n",
     "8: /memories",
     {"no memory stores O", "add it"}},
    {"UnknownOperand",
     A,
     "operands: [I1, I2, O]",
     "operands: [I1, I3, O]",
     "14: /memories/register/operands/1",
     {"'I3'", "I1, I2 or O"}},
    {"OperandListedTwice",
     A,
     "operands: [I1, I2, O]",
     "operands: [I1, I1, O]",
     "14: /memories/register/operands/1",
     {"twice"}},
    {"PortWithoutPorts",
     A,
     "    ports:\n      - name: rw_port_1\n        type: read_write\n        bandwidth_min: 8\n"
     "        bandwidth_max: 16\n        allocation:\n          - I1, tl\n          - I2, tl\n"
     "          - O, fl\n          - O, th\n",
     "    ports: 3\n",
     "16: /memories/register/ports",
     {"a list, found '3'"}},
    {"PortWithoutAllocation",
     A,
     "        allocation:\n          - I1, tl\n          - I2, tl\n          - O, fl\n"
     "          - O, th\n",
     "",
     "17: /memories/register/ports/0",
     {"key 'allocation' is missing"}},
    {"PortNameOutOfPattern",
     A,
     "rw_port_1",
     "port1",
     "17: /memories/register/ports/0/name",
     {"r_port_1"}},
    {"PortTypeUnknown",
     A,
     "type: read_write",
     "type: raed",
     "18: /memories/register/ports/0/type",
     {"did you mean 'read'?"}},
    {"AllocationUnknown",
     A,
     "I1, tl",
     "I1, low",
     "22: /memories/register/ports/0/allocation/0",
     {"'I1, low'", "fh, tl, fl, th"}},
    {"AllocationWithoutSpace",
     A,
     "- I1, tl",
     "- I1,tl",
     "22: /memories/register/ports/0/allocation/0",
     {"'I1,tl'"}},
    {"WriteOnAReadPort",
     A,
     "type: read_write",
     "type: read",
     "24: /memories/register/ports/0/allocation/2",
     {"only reads"}},
    {"ReadOnAWritePort",
     A,
     "type: read_write",
     "type: write",
     "22: /memories/register/ports/0/allocation/0",
     {"only writes"}},
    {"BandwidthMinAboveMax",
     A,
     "bandwidth_min: 8",
     "bandwidth_min: 32",
     "20: /memories/register/ports/0/bandwidth_max",
     {"less than bandwidth_min"}},
    {"BandwidthZero",
     A,
     "bandwidth_min: 8",
     "bandwidth_min: 0",
     "19: /memories/register/ports/0/bandwidth_min",
     {"at least 1"}},
    {"ArraySizeZero", A, "[4, 8]", "[4, 0]", "4: /operational_array/sizes/1", {"at least 1"}},
    {"ArraySizeMissing",
     A,
     "[4, 8]",
     "[4]",
     "4: /operational_array/sizes",
     {"2 dimensions and 1 sizes"}},
    {"ArrayTooLarge",
     A,
     "[4, 8]",
     "[4294967296, 4294967296]",
     "4: /operational_array/sizes",
     {"2^53"}},
    {"ArrayDimensionMisnamed",
     A,
     "[D1, D2]",
     "[D1, X]",
     "3: /operational_array/dimensions/1",
     {"D0 to D9"}},
    {"ArrayDimensionThatReadsAsABoolean",
     A,
     "[D1, D2]",
     "[D1, NO]",
     "3: /operational_array/dimensions/1",
     {"the boolean 'NO'", "quotes"}},
    {"UnitEnergyMissing",
     A,
     "  unit_energy: 0.5\n",
     "",
     "3: /operational_array",
     {"key 'unit_energy' is missing"}},
    {"ImcKeyOnAnOrdinaryArray",
     A,
     "  unit_area: 1\n",
     "  unit_area: 1\n  adc_resolution: 8\n",
     "7: /operational_array/adc_resolution",
     {"in-memory-computing"}},
    {"ImcWithoutCells",
     A,
     "  unit_energy: 0.5\n",
     "  is_imc: yes\n  imc_type: digital\n  input_precision: [8, 8]\n"
     "  bit_serial_precision: 1\n",
     "11: /memories",
     {"'cells'"}},
    {"ImcPrecisionNoPowerOfTwo",
     A,
     "  unit_energy: 0.5\n",
     "  is_imc: yes\n  imc_type: digital\n  input_precision: [8, 6]\n"
     "  bit_serial_precision: 1\n",
     "7: /operational_array/input_precision/1",
     {"power of two"}},
    {"CoreTypeInASingleCore",
     A,
     "name: small\n",
     "name: small\ntype: compute\n",
     "2: /type",
     {"unknown key 'type'"}},
    // mapping
    {"ArrayDimensionThatTheAcceleratorLacks",
     M,
     "    D2:\n      - C, 8",
     "    D3:\n      - C, 8",
     "6: /0/spatial_mapping/D3",
     {"'small' has no dimension 'D3'", "D1 or D2"}},
    {"ArrayDimensionBeyondFour",
     M,
     "    D2:\n      - C, 8",
     "    D5:\n      - C, 8",
     "6: /0/spatial_mapping/D5",
     {"unknown key 'D5'"}},
    {"UnrollWithoutSpace",
     M,
     "- K, 4",
     "- K,4",
     "4: /0/spatial_mapping/D1/0",
     {"one space", "\"K, 32\""}},
    {"UnrollInLowerCase", M, "- K, 4", "- k, 4", "4: /0/spatial_mapping/D1/0", {"capitals"}},
    {"UnrollZero", M, "- K, 4", "- K, 0", "4: /0/spatial_mapping/D1/0", {"at least 1"}},
    {"UnrollFractional",
     M,
     "- K, 4",
     "- K, 4.5",
     "4: /0/spatial_mapping/D1/0",
     {"nothing after the number"}},
    {"UnrollBeyondExactIntegers",
     M,
     "- K, 4",
     "- K, 9007199254740993",
     "4: /0/spatial_mapping/D1/0",
     {"beyond 2^53"}},
    {"UnrollBeyondAnyInteger",
     M,
     "- K, 4",
     "- K, 99999999999999999999",
     "4: /0/spatial_mapping/D1/0",
     {"beyond 2^53"}},
    {"HintThatIsNoDimension",
     M,
     "D1: [K]",
     "D1: [\"*\"]",
     "8: /0/spatial_mapping_hint/D1/0",
     {"no loop dimension"}},
    {"HintsNull",
     M,
     "spatial_mapping_hint:\n    D1: [K]",
     "spatial_mapping_hint:",
     "7: /0/spatial_mapping_hint",
     {"found nothing (null)"}},
    {"LinkMissing", M, "    W: I2\n", "", "10: /0/memory_operand_links", {"key 'W' is missing"}},
    {"LinkTwice", M, "W: I2", "W: O", "11: /0/memory_operand_links/W", {"carries O already"}},
    {"LinkToNoMemoryOperand",
     M,
     "W: I2",
     "W: I3",
     "11: /0/memory_operand_links/W",
     {"I1, I2 or O"}},
    {"OrderingSizeZero", M, "[OX, 8]", "[OX, 0]", "14: /0/temporal_ordering/0/1", {"at least 1"}},
    {"OrderingNotAPair", M, "[OX, 8]", "[OX, 8, 1]", "14: /0/temporal_ordering/0", {"a pair"}},
    {"OrderingSizeAsText",
     M,
     "[OX, 8]",
     "[OX, all]",
     "14: /0/temporal_ordering/0/1",
     {"'all' is no size"}},
    {"NoDefaultEntry", M, "name: default", "name: Conv", "1", {"no entry is called 'default'"}},
    {"MisspeltEntryKey",
     M,
     "temporal_ordering:",
     "temporal_odering:",
     "14: /0/temporal_odering",
     {"did you mean 'temporal_ordering'?"}},
    // workload
    {"EquationThatDoesNotParse",
     W,
     "W[k][c][fx]*I",
     "W[k][c][fx]/I",
     "3: /0/equation",
     {"expected '*' or '+'", "found '/'", "at character 25"}},
    {"EquationWithoutIndices", W, "O[b][k][ox]+=", "O+=", "3: /0/equation", {"expected '['"}},
    {"EquationMissing",
     W,
     "  equation: O[b][k][ox]+=W[k][c][fx]*I[b][c][ix]\n",
     "",
     "1: /0",
     {"key 'equation' is missing"}},
    {"EquationWithUnknownDimension",
     W,
     "W[k][c][fx]",
     "W[k][c][fy]",
     "3: /0/equation",
     {"'FY' is neither", "did you mean 'FX'?"}},
    {"EquationWithUnknownOperand",
     W,
     "*I[b][c][ix]",
     "*X[b][c][ix]",
     "3: /0/equation",
     {"'X' is no input operand", "I and W"}},
    {"EquationWithOneOperandTwice",
     W,
     "*I[b][c][ix]",
     "*W[b][c][ix]",
     "3: /0/equation",
     {"appears twice"}},
    {"RelationThatDoesNotParse",
     W,
     "[ix=2*ox+1*fx]",
     "[ix=2*ox]",
     "4: /0/dimension_relations/0",
     {"a second dimension", "ix = 2*ox + 1*fx"}},
    {"RelationOverNoLoop",
     W,
     "[ix=2*ox+1*fx]",
     "[ix=2*oy+1*fx]",
     "4: /0/dimension_relations/0",
     {"'OY' is no loop dimension"}},
    {"RelationWithStrideZero",
     W,
     "[ix=2*ox+1*fx]",
     "[ix=0*ox+1*fx]",
     "4: /0/dimension_relations/0",
     {"at least 1 as coefficient"}},
    {"RelationForALoop",
     W,
     "[ix=2*ox+1*fx]",
     "[b=2*ox+1*fx]",
     "4: /0/dimension_relations/0",
     {"cannot follow from others"}},
    {"LoopSizeZero",
     W,
     "[1, 8, 4, 16, 3]",
     "[1, 0, 4, 16, 3]",
     "6: /0/loop_sizes/1",
     {"at least 1"}},
    {"LoopSizeFractional",
     W,
     "[1, 8, 4, 16, 3]",
     "[1, 8.0, 4, 16, 3]",
     "6: /0/loop_sizes/1",
     {"expected an integer"}},
    {"LoopsBeyondExactIntegers",
     W,
     "[1, 8, 4, 16, 3]",
     "[1, 9007199254740992, 4, 16, 3]",
     "6: /0/loop_sizes",
     {"2^53 iterations"}},
    {"LoopDimensionTwice",
     W,
     "[B, K, C, OX, FX]",
     "[B, K, K, OX, FX]",
     "5: /0/loop_dims/2",
     {"listed twice"}},
    {"LoopDimensionThatReadsAsABoolean",
     W,
     "[B, K, C, OX, FX]",
     "[B, K, C, ON, FX]",
     "5: /0/loop_dims/3",
     {"the boolean 'ON'", "quotes"}},
    {"PrecisionMissing",
     W,
     "    O_final: 8\n",
     "",
     "8: /0/operand_precision",
     {"key 'O_final' is missing"}},
    {"PrecisionNegative",
     W,
     "    W: 8\n",
     "    W: -8\n",
     "8: /0/operand_precision/W",
     {"at least 0"}},
    {"OperatorTypeUnknown",
     W,
     "operator_type: Gemm",
     "operator_type: Gem",
     "17: /1/operator_type",
     {"did you mean 'Gemm'?"}},
    {"OperatorTypeMatMul",
     W,
     "operator_type: Gemm",
     "operator_type: MatMul",
     "17: /1/operator_type",
     {"it is called Gemm"}},
    {"CyclicSources",
     W,
     "operand_source:\n    I: 0",
     "operand_source:\n    I: 1",
     "13: /0/operand_source/I",
     {"cycle: layers 0 -> 1 -> 0"}},
    {"SourceListedLater",
     W,
     "operand_source: {I: 0, W: 1}\n",
     "operand_source: {I: 2, W: 1}\n- id: 2\n  operator_type: Gemm\n",
     "22: /1/operand_source/I",
     {"listed later"}},
    {"SourceThatDoesNotExist",
     W,
     "{I: 0, W: 1}",
     "{I: 7, W: 1}",
     "22: /1/operand_source/I",
     {"no layer with id 7", "own id (1)"}},
    {"IdTwice", W, "id: 1\n", "id: 0\n", "15: /1/id", {"used twice"}},
    {"IdMissingTwice",
     W,
     "- id: 1\n  name: second\n",
     "- name: second\n",
     "15: /1",
     {"id 0 is used twice", "without `id` gets 0"}},
    {"PaddingWithoutDimensions",
     W,
     "loop_dims: [B",
     "padding: [[1, 1]]\n  loop_dims: [B",
     "5: /0/padding",
     {"pr_loop_dims"}},
    {"PaddingThatLeavesNothing",
     W,
     "loop_dims: [B",
     "padding: [[20, 20]]\n  pr_loop_dims: [ix]\n  loop_dims: [B",
     "5: /0/padding/0",
     {"leaves nothing of 'IX'"}},
    {"PaddingOfAnotherLength",
     W,
     "loop_dims: [B",
     "padding: [[1, 1], [1, 1]]\n  pr_loop_dims: [ix]\n  loop_dims: [B",
     "5: /0/padding",
     {"names 1 dimensions"}},
    {"MisspeltLayerKey",
     W,
     "  loop_sizes: [1",
     "  lop_sizes: [1",
     "6: /0/lop_sizes",
     {"did you mean 'loop_sizes'?"}},
    {"WorkloadThatIsAMap", W, kWorkload, "layers: []", "1", {"expected a list, found a map"}},
    {"WorkloadWithoutLayers", W, kWorkload, "[]", "1", {"no layers"}},
};

INSTANTIATE_TEST_SUITE_P(EveryMistake, BadInput, ::testing::ValuesIn(kMistakes),
                         [](const auto& test) { return test.param.name; });

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

TEST(GoodInput, TheDocumentsThatTheMistakesStartFromAreAccepted) {
  for (Reader reader : {A, M, W}) EXPECT_NO_THROW(read(reader, good(reader)));
}

TEST(GoodInput, KeepsTheReferencesTolerance) {
  const auto load = [](const std::string& text) {
    return read_workload(parse_document(text, "w.yaml").root(), "w");
  };
  const std::string text = kWorkload;
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
