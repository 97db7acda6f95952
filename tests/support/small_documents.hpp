// Small correct documents, for tests that change them.
#pragma once

namespace ridgeline::testing {

inline constexpr const char* kAccelerator = R"(name: small
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

inline constexpr const char* kMapping = R"(- name: default
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

inline constexpr const char* kWorkload = R"(- id: 0
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

}  // namespace ridgeline::testing
