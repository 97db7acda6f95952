// Small safe expressions of study documents: conditions such as "rows * cols <= 1024" and
// derived values such as "rows * cols * 8" (docs/studies.md, "Expressions").
//
// Grammar, loosest first:
//   or, and, not, one comparison (< <= > >= == !=), + -, * / %, unary -, primary
//   primary: number, 'text', true, false, name, min(..) max(..) ceil(x) floor(x), ( .. )
//
// Numbers: whole numbers are exact 64-bit integers, and a result that is whole and no larger
// than 2^53 is an integer again however it came about (7 / 2 is 3.5, 6 / 2 and 3.0 + 3 are
// integers). A sum, difference or product that leaves 64 bits is a floating-point number.
// `a % b` has the sign of b. Division by zero and results that are not finite are errors.
// Conditions are true or false; numbers are not conditions. Text compares with == and != only.
#pragma once

#include <cstdint>
#include <nlohmann/json.hpp>
#include <span>
#include <stdexcept>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

namespace ridgeline::io {

using ExpressionValue = std::variant<std::int64_t, double, bool, std::string>;

// A number of a document, whole ones as integers; text and booleans as they are. Anything
// else (lists, maps, null) throws std::invalid_argument.
ExpressionValue expression_value(const nlohmann::ordered_json& json);
nlohmann::ordered_json to_json(const ExpressionValue& value);
// As it stands in a text: shortest form that reads back as the same number.
std::string to_text(const ExpressionValue& value);

// What is wrong with an expression and what would be right; `position` counts from 1.
class ExpressionError : public std::runtime_error {
 public:
  ExpressionError(int at, const std::string& what_is_wrong, std::string what_would_be_right = "")
      : std::runtime_error(what_is_wrong), position(at), remedy(std::move(what_would_be_right)) {}
  int position;
  std::string remedy;
};

class Expression {
 public:
  // `names` are what the expression may refer to, in the order `evaluate` takes their values.
  static Expression parse(std::string_view text, std::span<const std::string> names);

  ExpressionValue evaluate(std::span<const ExpressionValue> values) const;
  // As `evaluate`, of an expression that must be a condition.
  bool holds(std::span<const ExpressionValue> values) const;

  const std::string& text() const { return text_; }
  const std::vector<int>& used() const { return used_; }  // places in `names`, ascending

  // Longer texts and deeper nesting are refused.
  static constexpr std::size_t kMaxLength = 4096;
  static constexpr int kMaxDepth = 64;

 private:
  friend class ExpressionParser;
  enum class Kind : std::uint8_t {
    literal,
    name,
    negate,
    logical_not,
    add,
    subtract,
    multiply,
    divide,
    modulo,
    less,
    less_equal,
    greater,
    greater_equal,
    equal,
    not_equal,
    logical_and,
    logical_or,
    minimum,
    maximum,
    ceiling,
    floor,
    power,
    square_root,
    binary_logarithm,
  };
  struct Node {
    Kind kind = Kind::literal;
    int position = 1;  // in the text, from 1
    int left = -1;     // nodes; of `name` the place in names, of `literal` that in literals_
    int right = -1;
  };
  ExpressionValue value_of(int node, std::span<const ExpressionValue> values) const;

  std::string text_;
  std::vector<Node> nodes_;
  std::vector<ExpressionValue> literals_;
  std::vector<int> used_;
  int root_ = -1;
};

// A text with {expressions} in it; {{ and }} stand for braces.
class TextTemplate {
 public:
  static bool is_template(std::string_view text);  // has a brace
  static TextTemplate parse(std::string_view text, std::span<const std::string> names);
  std::string render(std::span<const ExpressionValue> values) const;
  std::vector<int> used() const;  // places in `names`, some perhaps more than once

 private:
  struct Part {
    std::string text;     // literal, before the expression
    int expression = -1;  // place in expressions_; -1: none
    int offset = 0;       // of the expression in the text
  };
  std::vector<Part> parts_;
  std::vector<Expression> expressions_;
};

}  // namespace ridgeline::io
