// The two little languages of workload documents: equations of layers, as in
// `O[b][k][oy][ox] += W[k][c][fy][fx] * I[b][c][iy][ix]`, and relations between dimensions, as
// in `ix = 2*ox + 1*fx`. docs/input-formats.md says what they mean.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

namespace ridgeline::io {

// What is wrong with a text, and where.
struct SyntaxError {
  std::size_t position = 0;  // byte in the text
  std::string problem;
};

struct EquationTerm {
  std::string operand;               // "O", or one letter
  std::vector<std::string> indices;  // upper case; an underscore separates two
};

struct Equation {
  std::array<EquationTerm, 3> terms;  // output, first and second input; of one, the last is empty
  char combine = '*';                 // or '+': no effect on cost; 0: there is one input
  std::string text;                   // normalised: "O[b][k] = W[k][c] * I[b][c]"
};

std::variant<Equation, SyntaxError> parse_equation(std::string_view text);

struct RelationText {
  std::string name;                               // upper case
  std::array<std::int64_t, 2> coefficient{1, 1};  // >= 1
  std::array<std::string, 2> dim;                 // upper case
};

std::variant<RelationText, SyntaxError> parse_relation(std::string_view text);

// "K, 32": a name of capitals, then digits where `digits` allows them, a comma and one space,
// a whole number.
struct NamedNumber {
  std::string name;
  std::string number;  // digits
};
std::variant<NamedNumber, SyntaxError> parse_named_number(std::string_view text, bool digits);

// [A-Z]+[0-9]*
bool is_dimension_name(std::string_view text);

std::string upper_case(std::string_view text);

}  // namespace ridgeline::io
