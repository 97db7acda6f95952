#include "tests/support/depth_first_case.hpp"

#include <algorithm>
#include <sstream>

namespace ridgeline::testing {

namespace {

using model::Direction;
using model::MemoryOperand;

void serve(model::Port& port, MemoryOperand operand, std::initializer_list<Direction> directions) {
  for (const Direction direction : directions) port.allocation.emplace_back(operand, direction);
}

model::Port port(const std::string& name, model::PortType type, std::int64_t least,
                 std::int64_t most) {
  model::Port made;
  made.name = name;
  made.type = type;
  made.bandwidth_min = least;
  made.bandwidth_max = most;
  return made;
}

}  // namespace

model::Accelerator core_of_rows(const std::vector<std::int64_t>& array,
                                const std::vector<MemoryRow>& rows) {
  model::Accelerator core;
  core.name = "core";
  core.array.unit_energy = 0.04;
  for (std::size_t d = 0; d < array.size(); ++d) {
    core.array.dims.push_back({"D" + std::to_string(d + 1), array[d]});
  }
  for (const MemoryRow& row : rows) {
    model::Memory memory;
    memory.name = row.name;
    memory.size = row.bits;
    memory.r_cost = row.read;
    memory.w_cost = row.write;
    std::istringstream names(row.operands);
    for (std::string name; names >> name;) {
      memory.operands.push_back(*model::memory_operand(name));
    }
    for (std::size_t d = 0; d < array.size(); ++d) {
      if (row.serves == "all" || row.serves.find(static_cast<char>('1' + d)) != std::string::npos) {
        memory.served_dims.push_back(static_cast<int>(d));
      }
    }
    if (row.name == "dram") {
      model::Port all =
          port("rw_port_1", model::PortType::read_write, row.bandwidth, row.bandwidth);
      for (const MemoryOperand operand : memory.operands) {
        serve(all, operand, {Direction::rd_out_to_low});
        if (operand == MemoryOperand::O) serve(all, operand, {Direction::wr_in_by_low});
      }
      memory.ports = {all};
    } else {
      const bool sums = row.serves != "all" && row.operands == "O";
      const std::int64_t least =
          row.serves == "all" ? std::min<std::int64_t>(64, row.bandwidth) : row.bandwidth;
      model::Port r1 = port("r_port_1", model::PortType::read, least, row.bandwidth);
      model::Port w1 = port("w_port_1", model::PortType::write, least, row.bandwidth);
      model::Port r2 = port("r_port_2", model::PortType::read, least, row.bandwidth);
      model::Port w2 = port("w_port_2", model::PortType::write, least, row.bandwidth);
      for (const MemoryOperand operand : memory.operands) {
        if (operand != MemoryOperand::O) {
          serve(r1, operand, {Direction::rd_out_to_low});
          serve(w1, operand, {Direction::wr_in_by_high});
        } else if (sums) {
          serve(r1, operand, {Direction::rd_out_to_low});
          serve(r2, operand, {Direction::rd_out_to_high});
          serve(w1, operand, {Direction::wr_in_by_high});
          serve(w2, operand, {Direction::wr_in_by_low});
        } else {
          serve(r1, operand, {Direction::rd_out_to_low, Direction::rd_out_to_high});
          serve(w1, operand, {Direction::wr_in_by_high, Direction::wr_in_by_low});
        }
      }
      memory.ports = {r1, w1};
      if (sums) memory.ports = {r1, r2, w1, w2};
    }
    core.memories.push_back(std::move(memory));
  }
  return core;
}

model::Workload workload_of_rows(const std::vector<LayerRow>& rows) {
  model::Workload workload;
  workload.name = "rows";
  for (std::size_t i = 0; i < rows.size(); ++i) {
    const LayerRow& row = rows[i];
    const int id = static_cast<int>(i);
    const bool conv = row.kind == "conv";
    const bool direct = row.kind == "direct";
    const bool pool = row.kind == "pool";
    const bool add = row.kind == "add";
    model::Layer layer;
    layer.id = id;
    layer.name = "layer" + std::to_string(id);
    layer.operator_type = add ? "Add" : pool ? "Pooling" : "Conv";
    layer.dims = {{"B", 1}};
    if (conv || direct) {
      layer.dims.push_back({"K", row.k});
      layer.dims.push_back({"C", row.c});
    } else {
      layer.dims.push_back({"G", row.k});
    }
    layer.dims.push_back({"OY", row.oy});
    layer.dims.push_back({"OX", row.ox});
    const bool filter = !direct && !add;
    if (filter) {
      layer.dims.push_back({pool ? "FX" : "FY", row.f});
      layer.dims.push_back({pool ? "FY" : "FX", row.f});
      for (const char axis : {'X', 'Y'}) {
        model::DimRelation relation;
        relation.name = std::string("I") + axis;
        relation.dim = {layer.dim_index(std::string("O") + axis),
                        layer.dim_index(std::string("F") + axis)};
        relation.coefficient = {row.stride, 1};
        relation.padding_begin = relation.padding_end = row.padding;
        layer.relations.push_back(relation);
      }
    }
    const auto loop = [&](const char* name) {
      return model::OperandIndex{false, layer.dim_index(name)};
    };
    model::LayerOperand output{"O", {}, 16, false, std::nullopt};
    model::LayerOperand input{"I", {}, 8, false, std::nullopt};
    model::LayerOperand second{"W", {}, pool ? 0 : 8, !add, std::nullopt};
    const char* own = conv || direct ? "K" : "G";
    output.indices = {loop("B"), loop(own), loop("OY"), loop("OX")};
    input.indices = {loop("B"), loop(conv || direct ? "C" : "G")};
    if (filter) {
      input.indices.push_back({true, 1});
      input.indices.push_back({true, 0});
    } else {
      input.indices.push_back(loop("OY"));
      input.indices.push_back(loop("OX"));
    }
    if (add) {
      second.indices = input.indices;
    } else {
      if (!pool) second.indices.push_back(loop(own));
      if (conv || direct) second.indices.push_back(loop("C"));
      if (filter) {
        second.indices.push_back(loop("FY"));
        second.indices.push_back(loop("FX"));
      }
    }
    model::WorkloadNode node;
    const auto connect = [&](model::LayerOperand& operand, int source) {
      if (source < 0) {
        operand.constant = true;
        return;
      }
      operand.source = source;
      node.predecessors.push_back(source);
    };
    connect(input, row.sources[0]);
    if (add) connect(second, row.sources[1]);
    layer.operands = add ? std::vector{output, input, second} : std::vector{output, second, input};
    if (!add) layer.constant_operands = {"W"};
    layer.output_final_precision = 8;
    node.id = id;
    node.name = layer.name;
    node.operator_type = layer.operator_type;
    node.layer = std::move(layer);
    workload.nodes.push_back(std::move(node));
  }
  return workload;
}

model::MappingSpec mapping_of_rows(const std::vector<std::vector<std::string>>& rows) {
  model::MappingSpec mapping;
  for (std::size_t i = 0; i < rows.size(); ++i) {
    model::MappingEntry entry;
    entry.name = "layer" + std::to_string(i);
    for (std::size_t d = 0; d < rows[i].size(); ++d) {
      if (rows[i][d].empty()) continue;
      std::istringstream text(rows[i][d]);
      model::Unroll unroll;
      text >> unroll.dim >> unroll.factor;
      entry.spatial_mapping.push_back({"D" + std::to_string(d + 1), {unroll}});
    }
    mapping.entries.push_back(std::move(entry));
  }
  return mapping;
}

model::Accelerator small_core(std::int64_t near, std::int64_t far, std::int64_t weights) {
  return core_of_rows({4, 2}, {{"rf_w", 8, 8, 0.01, 0.01, "I2", ""},
                               {"rf_o", 16, 16, 0.02, 0.02, "O", "2"},
                               {"buffer_w", weights, 64, 3, 4, "I2", "all"},
                               {"near", near, 64, 3, 3.5, "I1 O", "all"},
                               {"far", far, 128, 20, 22, "I1 O", "all"},
                               {"dram", 10000000000, 64, 700, 750, "I1 I2 O", "all"}});
}

model::MappingSpec small_core_mapping() {
  model::MappingSpec mapping;
  mapping.entries.emplace_back().name = "default";
  mapping.entries.back().spatial_mapping = {{"D1", {{"K", 4}}}, {"D2", {{"C", 2}}}};
  return mapping;
}

std::vector<LayerRow> random_network(std::mt19937& random) {
  const auto draw = [&](int most) { return static_cast<std::int64_t>(random() % most); };
  std::vector<LayerRow> rows;
  const int layers = 2 + static_cast<int>(draw(2));
  const std::int64_t x = 5 + draw(4);
  const std::int64_t y = 4 + draw(4);
  std::int64_t channels = 2 + 2 * draw(2);
  for (int i = 0; i < layers; ++i) {
    const std::int64_t f = draw(3) == 0 ? 1 : 3;
    const std::int64_t k = 2 + 2 * draw(3);
    rows.push_back({"conv", {i - 1}, k, channels, f, 1, x, y, f / 2});
    channels = k;
  }
  if (draw(2) == 0) {  // the last two layers become a block
    const int entry = layers - 1;
    rows.push_back({"conv", {entry}, channels, channels, 3, 1, x, y, 1});
    rows.push_back({"add", {entry, layers}, channels, 1, 1, 1, x, y, 0});
  }
  return rows;
}

model::Accelerator published_core() {
  return core_of_rows({32, 2, 4, 4}, {{"rf_1B", 8, 8, 0.01, 0.01, "I2", "34"},
                                      {"rf_2B", 16, 16, 0.02, 0.02, "O", "2"},
                                      {"sram_32KB", 262144, 512, 17.2, 28.4, "I2", "all"},
                                      {"sram_1MB_W", 8388608, 1024, 208.08, 189.2, "I2", "all"},
                                      {"sram_64KB", 524288, 512, 26.56, 30.8, "I1 O", "all"},
                                      {"sram_1MB_A", 8388608, 1024, 208.08, 189.2, "I1 O", "all"},
                                      {"dram", 10000000000, 64, 700, 750, "I1 I2 O", "all"}});
}

model::Workload published_network() {
  return workload_of_rows({{"conv", {-1}, 56, 1, 5, 1, 970, 550},
                           {"direct", {0}, 12, 56, 1, 1, 970, 550},
                           {"conv", {1}, 12, 12, 3, 1, 968, 548},
                           {"conv", {2}, 12, 12, 3, 1, 966, 546},
                           {"conv", {3}, 12, 12, 3, 1, 964, 544},
                           {"conv", {4}, 12, 12, 3, 1, 962, 542},
                           {"direct", {5}, 56, 12, 1, 1, 962, 542},
                           {"conv", {6}, 16, 56, 3, 1, 960, 540}});
}

model::MappingSpec published_mapping() {
  return mapping_of_rows({{"K 32", "", "OX 4", "OY 4"},
                          {"K 12", "C 2", "OX 4", "OY 4"},
                          {"K 12", "C 2", "OX 4", "OY 4"},
                          {"K 12", "C 2", "OX 4", "OY 4"},
                          {"K 12", "C 2", "OX 4", "OY 4"},
                          {"K 12", "C 2", "OX 4", "OY 4"},
                          {"K 32", "C 2", "OX 4", "OY 4"},
                          {"K 16", "C 2", "OX 4", "OY 4"}});
}

}  // namespace ridgeline::testing
