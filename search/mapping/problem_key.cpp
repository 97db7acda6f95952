#include <bit>
#include <cstdint>
#include <string_view>

#include "search/mapping/workload_search.hpp"

namespace ridgeline::search {

namespace {

// Appends values so that different contents give different bytes: every list and text has its
// length in front.
class KeyWriter {
 public:
  void number(std::int64_t value) {
    for (int shift = 0; shift < 64; shift += 8) {
      key_.push_back(static_cast<char>(static_cast<std::uint64_t>(value) >> shift & 0xff));
    }
  }
  void real(double value) { number(std::bit_cast<std::int64_t>(value)); }
  void text(std::string_view value) {
    number(static_cast<std::int64_t>(value.size()));
    key_.append(value);
  }
  template <typename List, typename Write>
  void list(const List& items, Write write) {
    number(static_cast<std::int64_t>(items.size()));
    for (const auto& item : items) write(item);
  }
  std::string take() { return std::move(key_); }

 private:
  std::string key_;
};

void add_layer(KeyWriter& key, const model::Layer& layer) {
  key.list(layer.dims, [&](const model::LoopDim& dim) {
    key.text(dim.name);  // names decide ties
    key.number(dim.size);
  });
  key.list(layer.relations, [&](const model::DimRelation& relation) {
    key.text(relation.name);
    for (std::size_t t = 0; t < 2; ++t) {
      key.number(relation.dim[t]);
      key.number(relation.coefficient[t]);
    }
    key.number(relation.padding_begin);
    key.number(relation.padding_end);
    key.number(relation.given_size.value_or(-1));
  });
  key.list(layer.operands, [&](const model::LayerOperand& operand) {
    key.text(operand.name);
    key.list(operand.indices, [&](const model::OperandIndex& index) {
      key.number(index.is_relation);
      key.number(index.index);
    });
    key.number(operand.precision);
    key.number(operand.constant);
  });
  key.list(layer.constant_operands, [&](const std::string& name) { key.text(name); });
  key.number(layer.output_final_precision);
}

void add_unrolls(KeyWriter& key, const std::vector<model::ArrayDimUnroll>& mapping) {
  key.list(mapping, [&](const model::ArrayDimUnroll& dim) {
    key.text(dim.array_dim);
    key.list(dim.unrolls, [&](const model::Unroll& unroll) {
      key.text(unroll.dim);
      key.number(unroll.factor);
    });
  });
}

void add_array(KeyWriter& key, const model::OperationalArray& array) {
  key.list(array.dims, [&](const model::ArrayDim& dim) {
    key.text(dim.name);
    key.number(dim.size);
  });
  key.real(array.unit_energy);
  key.number(array.imc.has_value());
  if (array.imc) {
    key.number(array.imc->analog);
    key.number(array.imc->activation_precision);
    key.number(array.imc->weight_precision);
    key.real(array.imc->adc_resolution);
    key.real(array.imc->bit_serial_precision);
  }
}

void add_memory(KeyWriter& key, const model::Memory& memory) {
  // The name goes into the reason why a layer does not fit.
  key.text(memory.name);
  key.number(memory.size);
  key.real(memory.r_cost);
  key.real(memory.w_cost);
  key.list(memory.served_dims, [&](int dim) { key.number(dim); });
  key.list(memory.ports, [&](const model::Port& port) {
    key.number(static_cast<int>(port.type));
    key.number(port.bandwidth_min);
    key.number(port.bandwidth_max);
    key.list(port.allocation, [&](const auto& function) {
      key.number(static_cast<int>(function.first));
      key.number(static_cast<int>(function.second));
    });
  });
}

void add_mapping(KeyWriter& key, const model::MappingEntry& mapping) {
  add_unrolls(key, mapping.spatial_mapping);
  key.list(mapping.spatial_hints, [&](const model::SpatialHint& hint) {
    key.text(hint.array_dim);
    key.list(hint.dims, [&](const std::string& dim) { key.text(dim); });
  });
  key.list(mapping.links, [&](const model::OperandLink& link) {
    key.text(link.operand);
    key.number(static_cast<int>(link.memory));
  });
  key.list(mapping.temporal_ordering, [&](const model::TemporalPosition& position) {
    key.text(position.dim);
    key.number(position.size.value_or(-1));
  });
}

}  // namespace

std::string problem_key(const model::Layer& layer, const model::Accelerator& accelerator,
                        const model::Hierarchy& hierarchy, const model::MappingEntry& mapping) {
  KeyWriter key;
  add_layer(key, layer);
  add_array(key, accelerator.array);
  key.list(hierarchy.memories, [&](const model::HierarchyMemory& memory) {
    key.number(memory.memory);
    key.list(memory.operands,
             [&](model::MemoryOperand operand) { key.number(static_cast<int>(operand)); });
    add_memory(key, accelerator.memories[static_cast<std::size_t>(memory.memory)]);
  });
  add_mapping(key, mapping);
  return key.take();
}

}  // namespace ridgeline::search
