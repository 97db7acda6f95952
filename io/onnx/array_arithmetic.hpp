// Arithmetic of small arrays, by the names of ONNX's operators. Only for constant_folding.cpp.
#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include "io/onnx/small_array.hpp"

namespace ridgeline::io {

bool is_unary(const std::string& type);
bool is_binary(const std::string& type);

// Element by element. What is unknown, or would overflow, stays unknown.
SmallArray unary(const std::string& type, SmallArray data);

// Element by element of what both are broadcast to. Nothing where their shapes do not fit, where
// there would be more than `most` elements, and for real numbers where something is unknown.
std::optional<SmallArray> binary(const std::string& type, const SmallArray& a, const SmallArray& b,
                                 std::int64_t most);

// Of a whole list, which is all that shapes need; nothing of what is not known, or has more axes.
std::optional<SmallArray> reduced(const std::string& type, const SmallArray& data, bool keep_axis);

}  // namespace ridgeline::io
