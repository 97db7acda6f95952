#include "search/mapping/content_key.hpp"

#include <bit>

namespace ridgeline::search {

void ContentKey::put(char type, std::uint64_t value) {
  char bytes[9] = {type};
  for (int i = 0; i < 8; ++i) bytes[i + 1] = static_cast<char>(value >> (8 * i) & 0xff);
  bytes_.append(bytes, sizeof(bytes));
}

void ContentKey::number(std::int64_t value) {
  put('n', static_cast<std::uint64_t>(value));
}

void ContentKey::real(double value) {
  put('r', std::bit_cast<std::uint64_t>(value));
}

void ContentKey::text(std::string_view value) {
  put('t', value.size());
  bytes_.append(value);
}

void ContentKey::layer(const model::Layer& layer) {
  list(layer.dims, [&](const model::LoopDim& dim) {
    text(dim.name);  // names decide ties
    number(dim.size);
  });
  number(static_cast<std::int64_t>(layer.relations.size()));
  for (std::size_t r = 0; r < layer.relations.size(); ++r) {
    const model::DimRelation& relation = layer.relations[r];
    text(relation.name);
    for (std::size_t t = 0; t < 2; ++t) {
      number(relation.dim[t]);
      number(relation.coefficient[t]);
    }
    number(layer.relation_size(static_cast<int>(r)));
  }
  list(layer.operands, [&](const model::LayerOperand& operand) {
    text(operand.name);
    list(operand.indices, [&](const model::OperandIndex& index) {
      number(index.is_relation);
      number(index.index);
    });
    number(operand.precision);
  });
  number(layer.output_final_precision);
}

void ContentKey::unrolls(const std::vector<model::ArrayDimUnroll>& mapping) {
  list(mapping, [&](const model::ArrayDimUnroll& dim) {
    text(dim.array_dim);
    list(dim.unrolls, [&](const model::Unroll& unroll) {
      text(unroll.dim);
      number(unroll.factor);
    });
  });
}

void ContentKey::array(const model::OperationalArray& array) {
  list(array.dims, [&](const model::ArrayDim& dim) {
    text(dim.name);
    number(dim.size);
  });
  real(array.unit_energy);
  list(array.systolic_dims, [&](int dim) { number(dim); });
  real(array.post_processing);
  number(array.imc.has_value());
  if (array.imc) {
    number(array.imc->analog);
    number(array.imc->activation_precision);
    number(array.imc->weight_precision);
    real(array.imc->adc_resolution);
    real(array.imc->bit_serial_precision);
  }
}

void ContentKey::memory(const model::Memory& memory) {
  text(memory.name);
  number(memory.size);
  real(memory.r_cost);
  real(memory.w_cost);
  list(memory.operands, [&](model::MemoryOperand operand) { number(static_cast<int>(operand)); });
  list(memory.served_dims, [&](int dim) { number(dim); });
  number(memory.latency);
  number(memory.force_double_buffering);
  number(memory.reloads_tiles);
  number(memory.output_buffers);
  list(memory.ports, [&](const model::Port& port) {
    number(static_cast<int>(port.type));
    number(port.bandwidth_min);
    number(port.bandwidth_max);
    list(port.allocation, [&](const auto& function) {
      number(static_cast<int>(function.first));
      number(static_cast<int>(function.second));
    });
    number(port.requests.has_value());
    if (port.requests) requests(*port.requests);
  });
}

void ContentKey::requests(const model::PortRequests& requests) {
  number(requests.bits);
  number(requests.cycles);
  number(requests.burst);
  real(requests.efficiency);
  for (const bool one : requests.of) number(one);
  for (const auto& row : requests.rows) {
    number(row.has_value());
    if (row) list(*row, [&](const std::string& dim) { text(dim); });
  }
}

void ContentKey::mapping(const model::MappingEntry& mapping) {
  unrolls(mapping.spatial_mapping);
  list(mapping.spatial_hints, [&](const model::SpatialHint& hint) {
    text(hint.array_dim);
    list(hint.dims, [&](const std::string& dim) { text(dim); });
  });
  list(mapping.links, [&](const model::OperandLink& link) {
    text(link.operand);
    number(static_cast<int>(link.memory));
  });
  list(mapping.temporal_ordering, [&](const model::TemporalPosition& position) {
    text(position.dim);
    number(position.size.has_value());
    number(position.size.value_or(0));
  });
  list(mapping.memory_loops, [&](const model::LevelLoopsRequest& request) {
    text(request.operand);
    text(request.memory);
    list(request.loops, [&](const model::TemporalPosition& loop) {
      text(loop.dim);
      number(loop.size.value_or(0));
    });
  });
}

std::string content_key(const model::Layer& layer, const model::Accelerator& accelerator,
                        const model::Hierarchy& hierarchy, const model::MappingEntry& mapping) {
  ContentKey key;
  key.layer(layer);
  key.array(accelerator.array);
  key.list(hierarchy.memories, [&](const model::HierarchyMemory& memory) {
    key.number(memory.memory);
    // What is kept here, which may be less than the memory's own operands.
    key.list(memory.operands,
             [&](model::MemoryOperand operand) { key.number(static_cast<int>(operand)); });
    key.memory(accelerator.memories[static_cast<std::size_t>(memory.memory)]);
  });
  key.mapping(mapping);
  return key.take();
}

}  // namespace ridgeline::search
