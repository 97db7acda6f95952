#include "io/document/equation.hpp"

#include <algorithm>
#include <charconv>

#include "model/core/limits.hpp"

namespace ridgeline::io {

namespace {

// ASCII only, whatever the locale.
bool is_upper(char c) {
  return c >= 'A' && c <= 'Z';
}
bool is_lower(char c) {
  return c >= 'a' && c <= 'z';
}
bool is_digit(char c) {
  return c >= '0' && c <= '9';
}
bool is_word(char c) {
  return is_upper(c) || is_lower(c) || is_digit(c) || c == '_';
}

std::size_t skip(std::string_view text, std::size_t i, bool (*wanted)(char)) {
  while (i < text.size() && wanted(text[i])) ++i;
  return i;
}

std::size_t skip_spaces(std::string_view text, std::size_t i) {
  return skip(text, i, [](char c) { return c == ' '; });
}

// What stands at a place, for messages.
std::string found(std::string_view text, std::size_t i) {
  if (i >= text.size()) return "the end";
  if (text[i] == ' ') return "a space";
  return "'" + std::string(1, text[i]) + "'";
}

class EquationParser {
 public:
  explicit EquationParser(std::string_view text) : text_(text) {}

  std::variant<Equation, SyntaxError> parse() {
    Equation equation;
    if (!text_.starts_with('O') || (text_.size() > 1 && is_word(text_[1]))) {
      return SyntaxError{0, "an equation starts with the output operand, O"};
    }
    if (!term(equation.terms[0], false)) return error_;
    skip_blanks();
    if (at() == '+') ++place_;
    skip_blanks();
    if (at() != '=') return fail("expected '=' or '+='");
    ++place_;
    skip_blanks();
    if (!term(equation.terms[1], false)) return error_;
    skip_blanks();
    if (place_ == text_.size()) {
      // One input, as of an activation function.
      equation.combine = '\0';
      equation.text = spelling_[0] + " = " + spelling_[1];
      return equation;
    }
    if (at() != '*' && at() != '+') return fail("expected '*' or '+' between the inputs");
    equation.combine = at();
    ++place_;
    skip_blanks();
    if (!term(equation.terms[2], true)) return error_;
    skip_blanks();
    if (place_ != text_.size()) return fail("expected the end of the equation");
    equation.text =
        spelling_[0] + " = " + spelling_[1] + " " + equation.combine + " " + spelling_[2];
    return equation;
  }

 private:
  char at() const { return place_ < text_.size() ? text_[place_] : '\0'; }
  void skip_blanks() { place_ = skip_spaces(text_, place_); }

  SyntaxError fail(const std::string& problem) const {
    return {place_, problem + ", found " + found(text_, place_)};
  }
  bool wrong(const std::string& problem) {
    error_ = fail(problem);
    return false;
  }

  // X[d]...[d]; the last operand may have empty brackets.
  bool term(EquationTerm& term, bool may_be_empty) {
    const std::size_t begin = place_;
    if (!is_word(at())) return wrong("expected an operand of one letter");
    term.operand = std::string(1, at());
    ++place_;
    if (at() != '[') return wrong("expected '[' after the operand '" + term.operand + "'");
    while (at() == '[') {
      ++place_;
      const std::size_t end = skip(text_, place_, is_word);
      if (end == place_ && !(may_be_empty && at() == ']')) {
        return wrong("expected a dimension's name in brackets");
      }
      add_indices(text_.substr(place_, end - place_), term.indices);
      place_ = end;
      if (at() != ']') return wrong("expected ']'");
      ++place_;
    }
    spelling_[count_++] = std::string(text_.substr(begin, place_ - begin));
    return true;
  }

  // As in the reference, an underscore ends a name.
  static void add_indices(std::string_view word, std::vector<std::string>& indices) {
    std::size_t i = 0;
    while (i < word.size()) {
      const std::size_t end = std::min(word.find('_', i), word.size());
      if (end > i) indices.push_back(upper_case(word.substr(i, end - i)));
      i = end + 1;
    }
  }

  std::string_view text_;
  std::size_t place_ = 0;
  std::array<std::string, 3> spelling_;
  std::size_t count_ = 0;
  SyntaxError error_;
};

}  // namespace

std::string upper_case(std::string_view text) {
  std::string result(text);
  for (char& c : result) {
    if (is_lower(c)) c = static_cast<char>(c - 'a' + 'A');
  }
  return result;
}

bool is_dimension_name(std::string_view text) {
  const std::size_t letters = skip(text, 0, is_upper);
  return letters > 0 && skip(text, letters, is_digit) == text.size();
}

std::variant<Equation, SyntaxError> parse_equation(std::string_view text) {
  return EquationParser(text).parse();
}

std::variant<RelationText, SyntaxError> parse_relation(std::string_view text) {
  RelationText relation;
  std::size_t place = 0;
  const auto fail = [&](const std::string& problem) {
    return SyntaxError{place, problem + ", found " + found(text, place)};
  };
  const auto word = [&] {
    const std::size_t end = skip(text, place, is_word);
    const std::string_view result = text.substr(place, end - place);
    place = end;
    return result;
  };
  const auto separator = [&](char c) {
    place = skip_spaces(text, place);
    if (place >= text.size() || text[place] != c) return false;
    place = skip_spaces(text, place + 1);
    return true;
  };
  relation.name = upper_case(word());
  if (relation.name.empty()) return fail("expected the dimension that the relation defines");
  if (!separator('=')) return fail("expected '='");
  for (std::size_t t = 0; t < 2; ++t) {
    if (t == 1 && !separator('+')) return fail("expected '+' and a second dimension");
    const std::size_t begin = place;
    std::string_view dim = word();
    if (separator('*')) {
      const auto [end, status] =
          std::from_chars(dim.data(), dim.data() + dim.size(), relation.coefficient[t]);
      if (status != std::errc() || end != dim.data() + dim.size() || relation.coefficient[t] < 1 ||
          relation.coefficient[t] > model::kMaxExactInteger) {
        place = begin;
        return fail("expected a whole number of at least 1 as coefficient");
      }
      dim = word();
    }
    if (dim.empty()) return fail("expected a dimension's name");
    relation.dim[t] = upper_case(dim);
  }
  if (place != text.size()) return fail("expected the end of the relation");
  return relation;
}

std::variant<NamedNumber, SyntaxError> parse_named_number(std::string_view text, bool digits) {
  std::size_t place = skip(text, 0, is_upper);
  const auto fail = [&](const std::string& problem) {
    return SyntaxError{place, problem + ", found " + found(text, place)};
  };
  if (place == 0) return fail("expected a dimension's name in capitals");
  if (digits) place = skip(text, place, is_digit);
  NamedNumber result{std::string(text.substr(0, place)), ""};
  if (text.substr(place, 2) != ", ") return fail("expected a comma and one space");
  place += 2;
  const std::size_t end = skip(text, place, is_digit);
  if (end == place) return fail("expected a whole number");
  result.number = text.substr(place, end - place);
  place = end;
  if (place != text.size()) return fail("expected nothing after the number");
  return result;
}

}  // namespace ridgeline::io
