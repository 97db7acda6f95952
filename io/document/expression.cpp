#include "io/document/expression.hpp"

#include <algorithm>
#include <array>
#include <charconv>
#include <cmath>

namespace ridgeline::io {
namespace {

constexpr double kExact = 9007199254740992.0;  // 2^53

// Whole numbers become integers again, so that a value does not depend on how it was computed.
ExpressionValue number(double value, int position) {
  if (!std::isfinite(value)) {
    throw ExpressionError(position, "the result is not a finite number");
  }
  if (value == std::floor(value) && std::abs(value) <= kExact) {
    return static_cast<std::int64_t>(value);
  }
  return value;
}

bool is_number(const ExpressionValue& value) {
  return value.index() <= 1;
}

double as_double(const ExpressionValue& value) {
  if (const auto* integer = std::get_if<std::int64_t>(&value)) {
    return static_cast<double>(*integer);
  }
  return std::get<double>(value);
}

std::string kind_of(const ExpressionValue& value) {
  switch (value.index()) {
    case 2:
      return "a condition";
    case 3:
      return "the text '" + std::get<std::string>(value) + "'";
    default:
      return "the number " + to_text(value);
  }
}

void require_number(const ExpressionValue& value, int position, std::string_view what) {
  if (is_number(value)) return;
  const std::string remedy =
      value.index() == 3 ? "give the parameter's values a number with `value:` beside `label:`"
                         : "";
  throw ExpressionError(position,
                        "'" + std::string(what) + "' needs numbers, not " + kind_of(value), remedy);
}

bool require_condition(const ExpressionValue& value, int position, std::string_view what) {
  if (const bool* condition = std::get_if<bool>(&value)) return *condition;
  throw ExpressionError(position, std::string(what) + " must be a condition, not " + kind_of(value),
                        "compare it with something, e.g. 'rows > 0'");
}

}  // namespace

ExpressionValue expression_value(const nlohmann::ordered_json& json) {
  if (json.is_boolean()) return json.get<bool>();
  if (json.is_string()) return json.get<std::string>();
  if (json.is_number_unsigned() && json.get<std::uint64_t>() > INT64_MAX) {
    return json.get<double>();
  }
  if (json.is_number_integer()) return json.get<std::int64_t>();
  if (json.is_number_float() && std::isfinite(json.get<double>())) {
    return number(json.get<double>(), 1);
  }
  throw std::invalid_argument("not a number, a text or true/false");
}

nlohmann::ordered_json to_json(const ExpressionValue& value) {
  return std::visit([](const auto& v) { return nlohmann::ordered_json(v); }, value);
}

std::string to_text(const ExpressionValue& value) {
  if (const auto* text = std::get_if<std::string>(&value)) return *text;
  if (const bool* condition = std::get_if<bool>(&value)) return *condition ? "true" : "false";
  std::array<char, 64> buffer{};
  const auto end = std::holds_alternative<std::int64_t>(value)
                       ? std::to_chars(buffer.begin(), buffer.end(), std::get<std::int64_t>(value))
                       : std::to_chars(buffer.begin(), buffer.end(), std::get<double>(value));
  return std::string(buffer.data(), end.ptr);
}

ExpressionValue Expression::evaluate(std::span<const ExpressionValue> values) const {
  return value_of(root_, values);
}

bool Expression::holds(std::span<const ExpressionValue> values) const {
  return require_condition(value_of(root_, values), 1, "the expression");
}

namespace {

ExpressionValue modulo(const ExpressionValue& a, const ExpressionValue& b, int position) {
  if (as_double(b) == 0) throw ExpressionError(position, "the remainder of a division by zero");
  const auto* x = std::get_if<std::int64_t>(&a);
  const auto* y = std::get_if<std::int64_t>(&b);
  if (x && y) {
    if (*y == -1) return std::int64_t{0};  // INT64_MIN % -1 overflows
    const std::int64_t rest = *x % *y;
    return rest != 0 && (rest < 0) != (*y < 0) ? rest + *y : rest;
  }
  const double divisor = as_double(b);
  const double rest = std::fmod(as_double(a), divisor);
  return number(rest != 0 && (rest < 0) != (divisor < 0) ? rest + divisor : rest, position);
}

ExpressionValue divide(const ExpressionValue& a, const ExpressionValue& b, int position) {
  if (as_double(b) == 0) throw ExpressionError(position, "division by zero");
  const auto* x = std::get_if<std::int64_t>(&a);
  const auto* y = std::get_if<std::int64_t>(&b);
  if (x && y && *y != -1 && *x % *y == 0) return *x / *y;
  return number(as_double(a) / as_double(b), position);
}

// -1, 0, 1 as a is smaller than, equal to or larger than b; exact for two integers.
int compare_numbers(const ExpressionValue& a, const ExpressionValue& b) {
  const auto* x = std::get_if<std::int64_t>(&a);
  const auto* y = std::get_if<std::int64_t>(&b);
  if (x && y) return *x < *y ? -1 : *x > *y;
  const double p = as_double(a);
  const double q = as_double(b);
  return p < q ? -1 : p > q;
}

ExpressionValue round_to_whole(const ExpressionValue& value, bool up, int position) {
  if (std::holds_alternative<std::int64_t>(value)) return value;
  const double x = std::get<double>(value);
  return number(up ? std::ceil(x) : std::floor(x), position);
}

}  // namespace

ExpressionValue Expression::value_of(int index, std::span<const ExpressionValue> values) const {
  const Node& node = nodes_[index];
  const int at = node.position;
  switch (node.kind) {
    case Kind::literal:
      return literals_[node.left];
    case Kind::name:
      return values[node.left];
    case Kind::negate: {
      const ExpressionValue a = value_of(node.left, values);
      require_number(a, at, "-");
      const auto* x = std::get_if<std::int64_t>(&a);
      if (x && *x != INT64_MIN) return -*x;
      return number(-as_double(a), at);
    }
    case Kind::logical_not:
      return !require_condition(value_of(node.left, values), at, "what follows 'not'");
    case Kind::logical_and:
    case Kind::logical_or: {
      const bool is_and = node.kind == Kind::logical_and;
      const std::string what = is_and ? "what stands beside 'and'" : "what stands beside 'or'";
      const bool left = require_condition(value_of(node.left, values), at, what);
      if (left != is_and) return left;
      return require_condition(value_of(node.right, values), at, what);
    }
    case Kind::ceiling:
    case Kind::floor: {
      const bool up = node.kind == Kind::ceiling;
      const ExpressionValue a = value_of(node.left, values);
      require_number(a, at, up ? "ceil" : "floor");
      return round_to_whole(a, up, at);
    }
    case Kind::square_root:
    case Kind::binary_logarithm: {
      const bool root = node.kind == Kind::square_root;
      const ExpressionValue a = value_of(node.left, values);
      require_number(a, at, root ? "sqrt" : "log2");
      const double x = as_double(a);
      if (root ? x < 0 : x <= 0) {
        throw ExpressionError(at, root ? "the square root of a negative number"
                                       : "the logarithm of a number that is not positive");
      }
      return number(root ? std::sqrt(x) : std::log2(x), at);
    }
    default:
      break;
  }

  const ExpressionValue a = value_of(node.left, values);
  const ExpressionValue b = value_of(node.right, values);
  if (node.kind == Kind::equal || node.kind == Kind::not_equal) {
    const bool comparable = is_number(a) ? is_number(b) : a.index() == b.index();
    if (!comparable) {
      throw ExpressionError(at, kind_of(a) + " cannot be compared with " + kind_of(b),
                            "compare numbers with numbers and text with text");
    }
    const bool same = is_number(a) ? compare_numbers(a, b) == 0 : a == b;
    return same == (node.kind == Kind::equal);
  }

  static constexpr std::array<std::string_view, 24> kSymbols{
      "",   "",   "-",  "not", "+",  "-",   "*",   "/",    "%",     "<",   "<=",   ">",
      ">=", "==", "!=", "and", "or", "min", "max", "ceil", "floor", "pow", "sqrt", "log2"};
  const std::string_view symbol = kSymbols[static_cast<std::size_t>(node.kind)];
  require_number(a, at, symbol);
  require_number(b, at, symbol);
  const auto* x = std::get_if<std::int64_t>(&a);
  const auto* y = std::get_if<std::int64_t>(&b);
  std::int64_t whole = 0;
  switch (node.kind) {
    case Kind::add:
      if (x && y && !__builtin_add_overflow(*x, *y, &whole)) return whole;
      return number(as_double(a) + as_double(b), at);
    case Kind::subtract:
      if (x && y && !__builtin_sub_overflow(*x, *y, &whole)) return whole;
      return number(as_double(a) - as_double(b), at);
    case Kind::multiply:
      if (x && y && !__builtin_mul_overflow(*x, *y, &whole)) return whole;
      return number(as_double(a) * as_double(b), at);
    case Kind::divide:
      return divide(a, b, at);
    case Kind::modulo:
      return modulo(a, b, at);
    case Kind::less:
      return compare_numbers(a, b) < 0;
    case Kind::less_equal:
      return compare_numbers(a, b) <= 0;
    case Kind::greater:
      return compare_numbers(a, b) > 0;
    case Kind::greater_equal:
      return compare_numbers(a, b) >= 0;
    case Kind::power:
      return number(std::pow(as_double(a), as_double(b)), at);
    case Kind::minimum:
      return compare_numbers(b, a) < 0 ? b : a;
    default:  // Kind::maximum
      return compare_numbers(b, a) > 0 ? b : a;
  }
}

bool TextTemplate::is_template(std::string_view text) {
  return text.find_first_of("{}") != std::string_view::npos;
}

TextTemplate TextTemplate::parse(std::string_view text, std::span<const std::string> names) {
  TextTemplate result;
  Part part;
  for (std::size_t at = 0; at < text.size(); ++at) {
    const char c = text[at];
    const bool doubled = at + 1 < text.size() && text[at + 1] == c;
    if ((c == '{' || c == '}') && doubled) {
      part.text += c;
      ++at;
    } else if (c == '}') {
      throw ExpressionError(static_cast<int>(at) + 1, "this '}' closes nothing",
                            "write '}}' for a brace");
    } else if (c == '{') {
      const std::size_t end = text.find('}', at);
      if (end == std::string_view::npos) {
        throw ExpressionError(static_cast<int>(at) + 1, "this '{' is never closed",
                              "write '{{' for a brace");
      }
      part.offset = static_cast<int>(at) + 1;
      part.expression = static_cast<int>(result.expressions_.size());
      try {
        result.expressions_.push_back(Expression::parse(text.substr(at + 1, end - at - 1), names));
      } catch (const ExpressionError& error) {
        throw ExpressionError(error.position + part.offset, error.what(), error.remedy);
      }
      result.parts_.push_back(std::move(part));
      part = Part{};
      at = end;
    } else {
      part.text += c;
    }
  }
  if (!part.text.empty()) result.parts_.push_back(std::move(part));
  return result;
}

std::string TextTemplate::render(std::span<const ExpressionValue> values) const {
  std::string result;
  for (const Part& part : parts_) {
    result += part.text;
    if (part.expression < 0) continue;
    try {
      result += to_text(expressions_[part.expression].evaluate(values));
    } catch (const ExpressionError& error) {
      throw ExpressionError(error.position + part.offset, error.what(), error.remedy);
    }
  }
  return result;
}

std::vector<int> TextTemplate::used() const {
  std::vector<int> result;
  for (const auto& expression : expressions_) {
    result.insert(result.end(), expression.used().begin(), expression.used().end());
  }
  return result;
}

}  // namespace ridgeline::io
