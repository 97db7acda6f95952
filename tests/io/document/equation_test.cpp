#include "io/document/equation.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace ridgeline::io {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

Equation good(std::string_view text) {
  const auto result = parse_equation(text);
  if (const auto* error = std::get_if<SyntaxError>(&result)) {
    ADD_FAILURE() << text << ": " << error->problem;
    return {};
  }
  return std::get<Equation>(result);
}

TEST(Equation, ReadsOperandsAndIndicesInOrder) {
  const Equation equation = good("O[b][k][oy]+=W[k][c]*I[b][c][iy]");
  EXPECT_THAT(equation.terms[0].indices, ElementsAre("B", "K", "OY"));
  EXPECT_EQ(equation.terms[1].operand, "W");
  EXPECT_THAT(equation.terms[2].indices, ElementsAre("B", "C", "IY"));
  EXPECT_EQ(equation.text, "O[b][k][oy] = W[k][c] * I[b][c][iy]");
}

TEST(Equation, WritesEveryAllowedSpellingTheSameWay) {
  for (const char* text :
       {"O[k]=W[k]+I[k]", "O[k] += W[k] + I[k]", "O[k] + = W[k]+I[k]  ", "O[k]  =W[k]  +I[k]"}) {
    EXPECT_EQ(good(text).text, "O[k] = W[k] + I[k]") << text;
  }
}

TEST(Equation, LetsTheLastOperandHaveEmptyBrackets) {
  EXPECT_THAT(good("O[k]=I[k]*W[]").terms[2].indices, IsEmpty());
}

TEST(Equation, SplitsNamesAtUnderscores) {
  EXPECT_THAT(good("O[a_b]=I[_c]*W[d_]").terms[0].indices, ElementsAre("A", "B"));
}

TEST(Equation, SaysWhereItStops) {
  for (const auto& [text, position] :
       std::vector<std::pair<const char*, std::size_t>>{{"", 0},
                                                        {"I[k]=O[k]*W[k]", 0},
                                                        {"OO[k]=I[k]*W[k]", 0},
                                                        {"O=I[k]*W[k]", 1},
                                                        {"O[]=I[k]*W[k]", 2},
                                                        {"O[k][ c]=I[k]*W[k]", 5},
                                                        {"O[k] [c]=I[k]*W[k]", 5},
                                                        {"O[k]=I[]*W[k]", 7},
                                                        {"O[k]=I[k]*W[k]*", 14},
                                                        {"O[k]=II[k]*W[k]", 6},
                                                        {"O[k]=I[k]*W[k", 13},
                                                        {" O[k]=I[k]*W[k]", 0}}) {
    const auto result = parse_equation(text);
    ASSERT_TRUE(std::holds_alternative<SyntaxError>(result)) << text;
    EXPECT_EQ(std::get<SyntaxError>(result).position, position) << text;
  }
}

TEST(Relation, ReadsCoefficientsOrTakesOne) {
  const auto full = std::get<RelationText>(parse_relation("ix = 2 * ox + 3*fx"));
  EXPECT_EQ(full.name, "IX");
  EXPECT_THAT(full.dim, ElementsAre("OX", "FX"));
  EXPECT_THAT(full.coefficient, ElementsAre(2, 3));
  const auto plain = std::get<RelationText>(parse_relation("iy=oy+fy"));
  EXPECT_THAT(plain.coefficient, ElementsAre(1, 1));
}

TEST(Relation, RefusesAnythingElse) {
  for (const char* text :
       {"", "ix", "ix=", "ix=ox", "ix=2*ox", "ix=2*ox+", "ix=2*ox+fx+1", "ix=-1*ox+fx",
        "ix=a*ox+fx", "ix=0*ox+fx", "=ox+fx", "ix=99999999999999999999*ox+fx", "ix=ox-fx"}) {
    EXPECT_TRUE(std::holds_alternative<SyntaxError>(parse_relation(text))) << text;
  }
}

TEST(NamedNumber, HasCapitalsACommaASpaceAndDigits) {
  const auto good_pair = std::get<NamedNumber>(parse_named_number("OX2, 12", true));
  EXPECT_EQ(good_pair.name, "OX2");
  EXPECT_EQ(good_pair.number, "12");
  for (const char* text : {"", "K", "K,3", "K, ", "K, 3 ", "k, 3", "K,  3", "K, -3", "2K, 3"}) {
    EXPECT_TRUE(std::holds_alternative<SyntaxError>(parse_named_number(text, true))) << text;
  }
  EXPECT_TRUE(std::holds_alternative<SyntaxError>(parse_named_number("OX2, 12", false)));
}

}  // namespace
}  // namespace ridgeline::io
