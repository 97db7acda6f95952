#include "io/onnx/stored_elements.hpp"

#include <onnx/onnx_pb.h>

#include <algorithm>
#include <cstring>

#include "io/onnx/onnx_inference.hpp"

namespace ridgeline::io {

namespace {

constexpr std::int64_t kMostReals = 1024;

std::optional<std::vector<std::int64_t>> truths_of(const onnx::TensorProto& data,
                                                   std::int64_t elements) {
  std::vector<std::int64_t> values;
  const bool raw = data.has_raw_data();
  const auto held = raw ? static_cast<std::int64_t>(data.raw_data().size())
                        : static_cast<std::int64_t>(data.int32_data_size());
  if (held != elements) return {};
  for (std::int64_t i = 0; i < elements; ++i) {
    values.push_back(raw ? data.raw_data()[static_cast<std::size_t>(i)] != 0
                         : data.int32_data(static_cast<int>(i)) != 0);
  }
  return values;
}

}  // namespace

std::optional<std::vector<std::int64_t>> stored_integers(const onnx::TensorProto& data,
                                                         std::int64_t elements) {
  if (data.data_location() == onnx::TensorProto::EXTERNAL || data.has_segment()) return {};
  const bool wide = data.data_type() == onnx::TensorProto::INT64;
  if (data.data_type() == onnx::TensorProto::BOOL) return truths_of(data, elements);
  if (!wide && data.data_type() != onnx::TensorProto::INT32) return {};
  const auto count = static_cast<std::size_t>(elements);
  std::vector<std::int64_t> values(count);
  if (data.has_raw_data()) {
    const std::size_t width = wide ? 8 : 4;
    if (data.raw_data().size() != count * width) return {};
    for (std::size_t i = 0; i < count; ++i) {  // little-endian in the file, whatever we are
      std::uint64_t bits = 0;
      for (std::size_t b = width; b-- > 0;) {
        bits = bits << 8 | static_cast<unsigned char>(data.raw_data()[i * width + b]);
      }
      values[i] = wide ? static_cast<std::int64_t>(bits)
                       : static_cast<std::int32_t>(static_cast<std::uint32_t>(bits));
    }
    return values;
  }
  if (wide) {
    if (data.int64_data_size() != elements) return {};
    std::copy(data.int64_data().begin(), data.int64_data().end(), values.begin());
  } else {
    if (data.int32_data_size() != elements) return {};
    std::copy(data.int32_data().begin(), data.int32_data().end(), values.begin());
  }
  return values;
}

std::optional<std::vector<double>> stored_reals(const onnx::TensorProto& data,
                                                std::int64_t elements) {
  onnx::TensorProto copy;
  if (elements > kMostReals || !copy_small_tensor(data, copy)) return {};
  std::vector<double> values;
  if (data.data_type() == onnx::TensorProto::FLOAT) {
    for (std::int64_t i = 0; i < elements; ++i) {
      float x = 0;
      if (copy.has_raw_data()) {
        std::memcpy(&x, copy.raw_data().data() + i * 4, 4);
      } else {
        x = copy.float_data(static_cast<int>(i));
      }
      values.push_back(static_cast<double>(x));
    }
  } else if (data.data_type() == onnx::TensorProto::DOUBLE) {
    for (std::int64_t i = 0; i < elements; ++i) {
      double x = 0;
      if (copy.has_raw_data()) {
        std::memcpy(&x, copy.raw_data().data() + i * 8, 8);
      } else {
        x = copy.double_data(static_cast<int>(i));
      }
      values.push_back(x);
    }
  } else {
    return {};
  }
  return values;
}

}  // namespace ridgeline::io
