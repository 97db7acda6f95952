// Elements of a constant as a model file stores it. Only for graph_*.cpp.
#pragma once

#include <cstdint>
#include <optional>
#include <vector>

namespace onnx {
class TensorProto;
}

namespace ridgeline::io {

// Of INT32, INT64 and BOOL; nothing of other types, of data outside the file, and where there are
// not `elements` of them.
std::optional<std::vector<std::int64_t>> stored_integers(const onnx::TensorProto& data,
                                                         std::int64_t elements);

// Of FLOAT and DOUBLE, of small arrays only: what decides shapes is small.
std::optional<std::vector<double>> stored_reals(const onnx::TensorProto& data,
                                                std::int64_t elements);

}  // namespace ridgeline::io
