// The parser of expressions: recursive descent, one function a level of precedence.
#include <algorithm>
#include <array>
#include <cctype>
#include <charconv>
#include <optional>

#include "io/document/expression.hpp"

namespace ridgeline::io {
namespace {

bool is_name_start(char c) {
  return std::isalpha(static_cast<unsigned char>(c)) || c == '_';
}
bool is_name_part(char c) {
  return std::isalnum(static_cast<unsigned char>(c)) || c == '_';
}
bool is_digit(char c) {
  return c >= '0' && c <= '9';
}

}  // namespace

class ExpressionParser {
 public:
  using Kind = Expression::Kind;

  ExpressionParser(std::string_view text, std::span<const std::string> names)
      : text_(text), names_(names) {
    if (text.size() > Expression::kMaxLength) {
      throw ExpressionError(1, "the expression is longer than " +
                                   std::to_string(Expression::kMaxLength) + " characters");
    }
    result_.text_ = std::string(text);
  }

  Expression run() {
    result_.root_ = disjunction();
    skip_space();
    if (at_ < text_.size()) {
      throw ExpressionError(here(), unexpected(),
                            "operators are + - * / % < <= > >= == != and or not");
    }
    std::sort(result_.used_.begin(), result_.used_.end());
    result_.used_.erase(std::unique(result_.used_.begin(), result_.used_.end()),
                        result_.used_.end());
    return std::move(result_);
  }

 private:
  // One level of nesting: of parentheses, arguments, `not` and unary minus.
  class Nested {
   public:
    explicit Nested(ExpressionParser& parser) : parser_(parser) {
      if (++parser_.depth_ > Expression::kMaxDepth) {
        throw ExpressionError(parser_.here(), "the expression is nested more than " +
                                                  std::to_string(Expression::kMaxDepth) +
                                                  " levels deep");
      }
    }
    Nested(const Nested&) = delete;
    Nested& operator=(const Nested&) = delete;
    ~Nested() { --parser_.depth_; }

   private:
    ExpressionParser& parser_;
  };

  int here() const { return static_cast<int>(at_) + 1; }

  void skip_space() {
    while (at_ < text_.size() &&
           (text_[at_] == ' ' || text_[at_] == '\t' || text_[at_] == '\n' || text_[at_] == '\r')) {
      ++at_;
    }
  }

  std::string unexpected() const {
    if (at_ >= text_.size()) return "the expression ends where a value is expected";
    return std::string("'") + text_[at_] + "' is not expected here";
  }

  int make(Kind kind, int position, int left = -1, int right = -1) {
    result_.nodes_.push_back({kind, position, left, right});
    return static_cast<int>(result_.nodes_.size()) - 1;
  }

  bool take_symbol(std::string_view symbol) {
    skip_space();
    if (!text_.substr(at_).starts_with(symbol)) return false;
    at_ += symbol.size();
    return true;
  }

  std::string_view peek_word() {
    skip_space();
    if (at_ >= text_.size() || !is_name_start(text_[at_])) return {};
    std::size_t end = at_;
    while (end < text_.size() && is_name_part(text_[end])) ++end;
    return text_.substr(at_, end - at_);
  }

  bool take_word(std::string_view word) {
    if (peek_word() != word) return false;
    at_ += word.size();
    return true;
  }

  // Operators of other languages are named with ours.
  void refuse(std::string_view symbol, std::string_view ours) {
    skip_space();
    if (text_.substr(at_).starts_with(symbol)) {
      throw ExpressionError(here(), "'" + std::string(symbol) + "' is not an operator here",
                            "write '" + std::string(ours) + "'");
    }
  }

  int disjunction() {
    int left = conjunction();
    for (;;) {
      refuse("||", "or");
      skip_space();
      const int position = here();
      if (!take_word("or")) return left;
      const int right = conjunction();
      left = make(Kind::logical_or, position, left, right);
    }
  }

  int conjunction() {
    int left = negation();
    for (;;) {
      refuse("&&", "and");
      skip_space();
      const int position = here();
      if (!take_word("and")) return left;
      const int right = negation();
      left = make(Kind::logical_and, position, left, right);
    }
  }

  int negation() {
    skip_space();
    const int position = here();
    if (!take_word("not")) return comparison();
    const Nested nested(*this);
    const int operand = negation();
    return make(Kind::logical_not, position, operand);
  }

  std::optional<Kind> take_comparison() {
    static constexpr std::array<std::pair<std::string_view, Kind>, 6> kOperators{{
        {"<=", Kind::less_equal},
        {">=", Kind::greater_equal},
        {"==", Kind::equal},
        {"!=", Kind::not_equal},
        {"<", Kind::less},
        {">", Kind::greater},
    }};
    for (const auto& [symbol, kind] : kOperators) {
      if (take_symbol(symbol)) return kind;
    }
    refuse("=", "==");
    return std::nullopt;
  }

  int comparison() {
    const int left = sum();
    skip_space();
    const int position = here();
    const auto kind = take_comparison();
    if (!kind) return left;
    const int right = sum();
    skip_space();
    const int again = here();
    if (take_comparison()) {
      throw ExpressionError(again, "comparisons cannot be chained",
                            "write 'a < b and b < c' instead of 'a < b < c'");
    }
    return make(*kind, position, left, right);
  }

  int sum() {
    int left = product();
    for (;;) {
      skip_space();
      const int position = here();
      if (take_symbol("+")) {
        const int right = product();
        left = make(Kind::add, position, left, right);
      } else if (take_symbol("-")) {
        const int right = product();
        left = make(Kind::subtract, position, left, right);
      } else {
        return left;
      }
    }
  }

  int product() {
    int left = unary();
    for (;;) {
      refuse("**", "a * a");
      refuse("//", "floor(a / b)");
      skip_space();
      const int position = here();
      Kind kind = Kind::multiply;
      if (take_symbol("*")) {
        kind = Kind::multiply;
      } else if (take_symbol("/")) {
        kind = Kind::divide;
      } else if (take_symbol("%")) {
        kind = Kind::modulo;
      } else {
        return left;
      }
      const int right = unary();
      left = make(kind, position, left, right);
    }
  }

  int unary() {
    skip_space();
    const int position = here();
    if (!take_symbol("-")) return primary();
    const Nested nested(*this);
    const int operand = unary();
    return make(Kind::negate, position, operand);
  }

  int literal(ExpressionValue value, int position) {
    result_.literals_.push_back(std::move(value));
    return make(Kind::literal, position, static_cast<int>(result_.literals_.size()) - 1);
  }

  int primary() {
    skip_space();
    const int position = here();
    if (at_ >= text_.size()) throw ExpressionError(position, unexpected());
    const char c = text_[at_];
    if (is_digit(c) || c == '.') return number_literal();
    if (c == '\'' || c == '"') return text_literal(c);
    if (c == '(') {
      const Nested nested(*this);
      ++at_;
      const int inner = disjunction();
      if (!take_symbol(")")) {
        skip_space();
        throw ExpressionError(
            here(), "a ')' is missing for the '(' at position " + std::to_string(position));
      }
      return inner;
    }
    const std::string_view word = peek_word();
    if (word.empty()) {
      throw ExpressionError(position, unexpected(),
                            "a number, a parameter's name, a function or '(' is expected");
    }
    return named(word, position);
  }

  int number_literal() {
    const int position = here();
    std::size_t end = at_;
    bool whole = true;
    while (end < text_.size() && is_digit(text_[end])) ++end;
    if (end < text_.size() && text_[end] == '.') {
      whole = false;
      ++end;
      while (end < text_.size() && is_digit(text_[end])) ++end;
    }
    if (end < text_.size() && (text_[end] == 'e' || text_[end] == 'E')) {
      std::size_t exponent = end + 1;
      if (exponent < text_.size() && (text_[exponent] == '+' || text_[exponent] == '-')) ++exponent;
      if (exponent < text_.size() && is_digit(text_[exponent])) {
        whole = false;
        end = exponent;
        while (end < text_.size() && is_digit(text_[end])) ++end;
      }
    }
    const std::string_view digits = text_.substr(at_, end - at_);
    if (end < text_.size() && is_name_part(text_[end])) {
      throw ExpressionError(position, "'" + std::string(digits) + text_[end] + "' is not a number",
                            "sizes are plain numbers, e.g. 32 * 1024");
    }
    at_ = end;
    if (whole) {
      std::int64_t value = 0;
      const auto parsed = std::from_chars(digits.begin(), digits.end(), value);
      if (parsed.ec == std::errc{} && parsed.ptr == digits.end()) return literal(value, position);
    }
    double value = 0;
    const auto parsed = std::from_chars(digits.begin(), digits.end(), value);
    if (parsed.ec != std::errc{} || parsed.ptr != digits.end()) {
      throw ExpressionError(position, "'" + std::string(digits) + "' is not a number");
    }
    return literal(expression_value(value), position);
  }

  int text_literal(char quote) {
    const int position = here();
    const std::size_t end = text_.find(quote, at_ + 1);
    if (end == std::string_view::npos) {
      throw ExpressionError(position, "the text that begins here has no closing quote");
    }
    std::string value(text_.substr(at_ + 1, end - at_ - 1));
    at_ = end + 1;
    return literal(std::move(value), position);
  }

  int named(std::string_view word, int position) {
    if (word == "true" || word == "false") {
      at_ += word.size();
      return literal(word == "true", position);
    }
    static constexpr std::array<std::pair<std::string_view, Kind>, 7> kFunctions{{
        {"min", Kind::minimum},
        {"max", Kind::maximum},
        {"ceil", Kind::ceiling},
        {"floor", Kind::floor},
        {"pow", Kind::power},
        {"sqrt", Kind::square_root},
        {"log2", Kind::binary_logarithm},
    }};
    for (const auto& [function, kind] : kFunctions) {
      if (word == function) {
        at_ += word.size();
        return call(function, kind, position);
      }
    }
    if (word == "and" || word == "or" || word == "not") {
      throw ExpressionError(position, "'" + std::string(word) + "' is not expected here",
                            "a value is expected");
    }
    const auto found = std::find(names_.begin(), names_.end(), word);
    if (found == names_.end()) {
      std::string known;
      for (const auto& name : names_) known += (known.empty() ? "" : ", ") + name;
      throw ExpressionError(position, "there is no parameter '" + std::string(word) + "'",
                            known.empty() ? "there are no parameters" : "there are: " + known);
    }
    at_ += word.size();
    const int place = static_cast<int>(found - names_.begin());
    result_.used_.push_back(place);
    return make(Kind::name, position, place);
  }

  int call(std::string_view function, Kind kind, int position) {
    const Nested nested(*this);
    const bool two = kind == Kind::power;
    const bool several = kind == Kind::minimum || kind == Kind::maximum || two;
    const std::string remedy = "write " + std::string(function) + (several ? "(a, b)" : "(a)");
    if (!take_symbol("(")) {
      throw ExpressionError(here(), "'" + std::string(function) + "' needs its arguments", remedy);
    }
    int result = disjunction();
    int arguments = 1;
    while (take_symbol(",")) {
      const int next = disjunction();
      ++arguments;
      if (several) result = make(kind, position, result, next);
    }
    if (!take_symbol(")")) {
      skip_space();
      throw ExpressionError(here(), "a ')' is missing for '" + std::string(function) + "('");
    }
    if (two ? arguments != 2 : several ? arguments < 2 : arguments != 1) {
      throw ExpressionError(position,
                            "'" + std::string(function) + "' takes " +
                                (two       ? "two arguments"
                                 : several ? "two or more arguments"
                                           : "one argument") +
                                ", not " + std::to_string(arguments),
                            remedy);
    }
    return several ? result : make(kind, position, result);
  }

  std::string_view text_;
  std::span<const std::string> names_;
  std::size_t at_ = 0;
  int depth_ = 0;
  Expression result_;
};

Expression Expression::parse(std::string_view text, std::span<const std::string> names) {
  return ExpressionParser(text, names).run();
}

}  // namespace ridgeline::io
