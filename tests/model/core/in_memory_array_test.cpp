// Arrays that compute in memory: figures of the published tables, and what follows from physics.
#include "model/core/in_memory_array.hpp"

#include <gtest/gtest.h>

#include <cmath>
#include <string>
#include <vector>

#include "tests/support/golden.hpp"

namespace ridgeline::model {
namespace {

struct Array {
  bool analog = false;
  double serial = 1;
  double resolution = 0;
  std::vector<std::int64_t> sizes{128, 128};
  std::int64_t bits = 8;
};

Accelerator accelerator(const Array& a) {
  Accelerator result;
  for (std::size_t i = 0; i < a.sizes.size(); ++i) {
    result.array.dims.push_back({"D" + std::to_string(i + 1), a.sizes[i]});
  }
  result.array.imc = {.analog = a.analog,
                      .activation_precision = a.bits,
                      .weight_precision = a.bits,
                      .adc_resolution = a.resolution,
                      .bit_serial_precision = a.serial};
  Memory cells;
  cells.name = "cells";
  cells.size = a.bits;
  cells.operands = {MemoryOperand::I2};
  result.memories.push_back(cells);
  return result;
}

void expect_equal(double ours, double theirs) {
  EXPECT_NEAR(ours, theirs, 1e-12 * std::abs(theirs)) << ours << " is not " << theirs;
}

double part(const Parts& parts, std::string_view name) {
  for (const auto& p : parts.parts) {
    if (p.name == name) return p.value;
  }
  ADD_FAILURE() << "no part " << name;
  return 0;
}

TEST(InMemoryArray, HasThePublishedAreaClockAndPeakFigures) {
  struct Row {
    Array array;
    double area, clock, tops, tops_per_watt;
  };
  const std::vector<Row> rows{
      {{true, 2, 8, {128, 128}},
       2.2878123152749223,
       14.07244,
       0.5821307463382327,
       9.622171484511984},
      {{false, 1, 0, {128, 128}},
       0.8018113023999999,
       3.75708,
       1.0902083532956444,
       7.490031820932065},
      {{false, 2, 0, {32, 64, 4}}, 0.8013397504, 3.54676, 1.1548568270759794, 7.4930151049818265},
      {{true, 4, 5, {32, 64, 4}},
       0.44104127033034396,
       7.55532,
       1.0842690978012846,
       15.402340961371573},
      {{true, 8, 4, {32, 64}},
       0.06427141937313001,
       5.6178799999999995,
       0.7291006571874088,
       34.63898042239465},
      {{false, 8, 0, {32, 64}},
       0.7863679744000001,
       3.89092,
       1.0527073288579565,
       7.605092274723503}};
  for (const Row& row : rows) {
    const Accelerator a = accelerator(row.array);
    SCOPED_TRACE(row.area);
    const ArrayCircuit circuit = *array_circuit(a);
    expect_equal(array_area(a).total(), row.area);
    expect_equal(circuit.clock.total(), row.clock);
    expect_equal(circuit.peak_tops, row.tops);
    expect_equal(circuit.peak_tops_per_watt, row.tops_per_watt);
    expect_equal(circuit.peak_tops_per_mm2, row.tops / row.area);
  }
}

TEST(InMemoryArray, HasThePublishedEnergiesOfAdderTrees) {
  expect_equal(adder_tree_energy(1, 128, 8), 0.13097699999999998);
  expect_equal(adder_tree_energy(5, 128, 8), 0.23303699999999994);
  expect_equal(adder_tree_energy(64, 128, 8), 1.9323359999999996);
  expect_equal(adder_tree_energy(90, 128, 8), 2.7658259999999992);
  expect_equal(adder_tree_energy(126, 128, 8), 3.822146999999999);
  expect_equal(adder_tree_energy(128, 128, 8), 3.864671999999999);
  expect_equal(adder_tree_energy(3, 8, 8), 0.08845199999999998);
  expect_equal(adder_tree_energy(4, 8, 8), 0.10205999999999998);
  expect_equal(adder_tree_energy(6, 8, 8), 0.16159499999999996);
}

TEST(InMemoryArray, SpendsMoreInAnAdderTreeTheMoreOfItIsUsed) {
  for (double n : {2.0, 8.0, 64.0, 256.0}) {
    for (double k = 1; k < n; ++k) {
      EXPECT_LE(adder_tree_energy(k, n, 8), adder_tree_energy(k + 1, n, 8)) << k << " of " << n;
    }
  }
}

// A convolution of 96 channels with a 3 x 3 kernel; loops K C OY OX FY FX.
Layer convolution(std::int64_t channels, std::int64_t side) {
  Layer layer;
  layer.dims = {{"K", 96}, {"C", channels}, {"OY", side}, {"OX", side}, {"FY", 3}, {"FX", 3}};
  layer.relations = {{"IX", {3, 5}, {1, 1}, 0, 0, {}}, {"IY", {2, 4}, {1, 1}, 0, 0, {}}};
  layer.operands = {{"O", {{false, 0}, {false, 2}, {false, 3}}, 16, false, {}},
                    {"W", {{false, 0}, {false, 1}, {false, 4}, {false, 5}}, 8, true, {}},
                    {"I", {{false, 1}, {true, 1}, {true, 0}}, 8, false, 0}};
  layer.constant_operands = {"W"};
  return layer;
}

TEST(InMemoryArray, HasThePublishedEnergiesOfALayer) {
  const Layer layer = convolution(10, 8);
  const SpatialMapping spatial{{0, {{0, 96}}}, {1, {{1, 10}, {5, 3}, {4, 3}}}};
  const Accelerator analog = accelerator({true, 2, 8});
  const ArrayUse use = array_use(analog, layer, spatial);
  EXPECT_EQ(use.rows, 90);
  EXPECT_EQ(use.columns, 96);
  EXPECT_EQ(use.activations, 64);
  const Parts energy = std::get<Parts>(compute_energy(analog, layer, spatial));
  expect_equal(part(energy, "dacs"), 1866.2400000000005);
  expect_equal(part(energy, "adcs"), 137838.75452928);
  expect_equal(part(energy, "mults"), 6688.60416);
  expect_equal(part(energy, "analog_bl_addition"), 7134.511104);
  expect_equal(part(energy, "adders_pv"), 6354.173951999999);
  expect_equal(part(energy, "accumulators"), 3009.8718719999993);
  expect_equal(energy.total(), 162892.15561728);
  const Parts digital = std::get<Parts>(compute_energy(accelerator({false, 1, 0}), layer, spatial));
  expect_equal(part(digital, "mults"), 19025.362944);
  expect_equal(part(digital, "adders_regular"), 135945.87955199997);
  expect_equal(part(digital, "accumulators"), 5768.921087999999);
  expect_equal(digital.total(), 160740.16358399997);
}

TEST(InMemoryArray, ShiftsInputsOntoFurtherRowsWhereColumnsAreOutputPositions) {
  const Layer layer = convolution(40, 8);
  const Accelerator a = accelerator({true, 2, 8});
  const auto rows = [&](std::vector<SpatialLoop> word, std::vector<SpatialLoop> bit) {
    const ArrayUse use = array_use(a, layer, {{0, std::move(word)}, {1, std::move(bit)}});
    EXPECT_EQ(use.columns, 128);
    return use.rows;
  };
  EXPECT_EQ(rows({{0, 32}, {3, 4}}, {{1, 10}, {5, 3}}), 39);
  EXPECT_EQ(rows({{0, 32}, {3, 4}}, {{1, 10}, {4, 3}}), 30);
  EXPECT_EQ(rows({{0, 32}, {3, 2}, {2, 2}}, {{1, 10}, {5, 3}, {4, 2}}), 99);
}

TEST(InMemoryArray, TakesAsManyCyclesAnOperationAsItHasPasses) {
  EXPECT_EQ(cycles_per_operation(accelerator({false, 2, 0}).array), 4);
  EXPECT_EQ(cycles_per_operation(accelerator({false, 8, 0}).array), 1);
}

TEST(InMemoryArray, ChargesBitLinesWhereAGroupHoldsSeveralWeights) {
  Accelerator a = accelerator({false, 1, 0});
  Memory& cells = a.memories.front();
  cells.ports.push_back(
      {"rw_port_1", PortType::read_write, 8, 8, {{MemoryOperand::I2, Direction::rd_out_to_low}}});
  EXPECT_EQ(precharge_cost(a, cells), 0);
  cells.size = 32;  // four weights of 8 bits: a word line and four cells a bit line
  const double square = 0.9 * 0.9;
  expect_equal(precharge_cost(a, cells), (0.35e-3 * square + 0.35e-3 * square * 4) * 8);
}

TEST(InMemoryArray, IsWhatTheReferenceSaysOfItsOwn) {
  for (const char* file : {"aimc.yaml", "dimc.yaml"}) {
    if (testing::golden_folder("accelerator").empty()) {
      GTEST_SKIP() << "no golden accelerator records in this checkout";
    }
    const Accelerator a = testing::golden_accelerator(file);
    ASSERT_TRUE(a.array.imc);
    EXPECT_GT(array_area(a).total(), 0);
  }
}

}  // namespace
}  // namespace ridgeline::model
