#include "io/onnx/array_arithmetic.hpp"

#include <algorithm>
#include <cmath>
#include <set>
#include <vector>

#include "io/onnx/onnx_graph.hpp"

namespace ridgeline::io {

namespace {

std::optional<std::int64_t> whole(const std::string& type, std::int64_t x, std::int64_t y) {
  std::int64_t result = 0;
  if (type == "Add") return __builtin_add_overflow(x, y, &result) ? kUnknownValue : result;
  if (type == "Sub") return __builtin_sub_overflow(x, y, &result) ? kUnknownValue : result;
  if (type == "Mul") return __builtin_mul_overflow(x, y, &result) ? kUnknownValue : result;
  if (type == "Div") return y == 0 ? kUnknownValue : x / y;
  if (type == "Mod") {
    if (y == 0) return kUnknownValue;
    const std::int64_t rest = y == -1 ? 0 : x % y;
    return rest != 0 && (rest < 0) != (y < 0) ? rest + y : rest;
  }
  if (type == "Min") return std::min(x, y);
  if (type == "Max") return std::max(x, y);
  if (type == "Pow") return to_integer(std::pow(static_cast<double>(x), static_cast<double>(y)));
  if (type == "And") return x != 0 && y != 0;
  if (type == "Or") return x != 0 || y != 0;
  if (type == "Xor") return (x != 0) != (y != 0);
  return std::nullopt;
}

std::optional<double> fraction(const std::string& type, double x, double y) {
  if (type == "Add") return x + y;
  if (type == "Sub") return x - y;
  if (type == "Mul") return x * y;
  if (type == "Div") return x / y;
  if (type == "Min") return std::min(x, y);
  if (type == "Max") return std::max(x, y);
  if (type == "Pow") return std::pow(x, y);
  return std::nullopt;
}

template <typename T>
std::optional<bool> compared(const std::string& type, T x, T y) {
  if (type == "Equal") return x == y;
  if (type == "Greater") return x > y;
  if (type == "Less") return x < y;
  if (type == "GreaterOrEqual") return x >= y;
  if (type == "LessOrEqual") return x <= y;
  return std::nullopt;
}

}  // namespace

bool is_unary(const std::string& type) {
  static const std::set<std::string> known{"Neg", "Abs", "Floor", "Ceil", "Sqrt", "Round", "Not"};
  return known.contains(type);
}

bool is_binary(const std::string& type) {
  return compared(type, 0.0, 0.0) || whole(type, 1, 1);
}

SmallArray unary(const std::string& type, SmallArray data) {
  for (double& x : data.reals) {
    if (type == "Neg") x = -x;
    if (type == "Abs") x = std::abs(x);
    if (type == "Floor") x = std::floor(x);
    if (type == "Ceil") x = std::ceil(x);
    if (type == "Sqrt") x = std::sqrt(x);
    if (type == "Round") x = std::nearbyint(x);
  }
  for (std::int64_t& x : data.integers) {
    if (x == kUnknownValue) continue;
    if (type == "Neg") x = -x;
    if (type == "Abs") x = std::abs(x);
    if (type == "Not") x = x == 0;
  }
  return data;
}

std::optional<SmallArray> binary(const std::string& type, const SmallArray& a, const SmallArray& b,
                                 std::int64_t most) {
  const bool compares = compared(type, 0.0, 0.0).has_value();
  const bool real = a.real || b.real;
  if (real && (!a.known() || !b.known())) return std::nullopt;
  if (real && !compares && !fraction(type, 1, 1)) return std::nullopt;
  const auto shape = joint_shape(a.shape, b.shape);
  if (!shape || !fits(*shape, most)) return std::nullopt;
  const auto pa = broadcast_places(a.shape, *shape);
  const auto pb = broadcast_places(b.shape, *shape);
  SmallArray result{*shape, real && !compares, {}, {}};
  for (std::size_t i = 0; i < pa.size(); ++i) {
    const auto x = static_cast<std::size_t>(pa[i]);
    const auto y = static_cast<std::size_t>(pb[i]);
    if (real) {
      const double u = a.real ? a.reals[x] : static_cast<double>(a.integers[x]);
      const double v = b.real ? b.reals[y] : static_cast<double>(b.integers[y]);
      if (compares) {
        result.integers.push_back(*compared(type, u, v));
      } else {
        result.reals.push_back(*fraction(type, u, v));
      }
      continue;
    }
    const std::int64_t u = a.integers[x];
    const std::int64_t v = b.integers[y];
    if (u == kUnknownValue || v == kUnknownValue) {
      result.integers.push_back(kUnknownValue);
    } else {
      result.integers.push_back(compares ? *compared(type, u, v) : *whole(type, u, v));
    }
  }
  return result;
}

std::optional<SmallArray> reduced(const std::string& type, const SmallArray& data, bool keep_axis) {
  static const std::set<std::string> known{"ReduceProd", "ReduceSum", "ReduceMean", "ReduceMax",
                                           "ReduceMin"};
  if (!known.contains(type)) return std::nullopt;
  if (data.shape.size() > 1 || !data.known() || data.size() == 0) return std::nullopt;
  std::vector<double> x = data.reals;
  if (!data.real) x.assign(data.integers.begin(), data.integers.end());
  double result = x[0];
  for (std::size_t i = 1; i < x.size(); ++i) {
    if (type == "ReduceProd") result *= x[i];
    if (type == "ReduceSum" || type == "ReduceMean") result += x[i];
    if (type == "ReduceMax") result = std::max(result, x[i]);
    if (type == "ReduceMin") result = std::min(result, x[i]);
  }
  if (type == "ReduceMean") result /= static_cast<double>(x.size());
  const bool keep = keep_axis && data.shape.size() == 1;
  SmallArray array{keep ? Sizes{1} : Sizes{}, data.real, {}, {}};
  if (data.real) {
    array.reals = {result};
  } else {
    array.integers = {to_integer(result)};
  }
  return array;
}

}  // namespace ridgeline::io
