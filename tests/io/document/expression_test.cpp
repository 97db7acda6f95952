#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "io/document/expression.hpp"

namespace ridgeline::io {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;

const std::vector<std::string> kNames{"rows", "cols", "l1", "double_buffered"};

ExpressionValue evaluate(const std::string& text) {
  const std::vector<ExpressionValue> values{std::int64_t{8}, std::int64_t{16}, std::string("32K"),
                                            true};
  return Expression::parse(text, kNames).evaluate(values);
}

ExpressionValue whole(std::int64_t value) {
  return value;
}

// Position and message of the error that parsing or evaluating gives.
std::pair<int, std::string> error_of(const std::string& text) {
  try {
    evaluate(text);
  } catch (const ExpressionError& error) {
    return {error.position, std::string(error.what()) + " | " + error.remedy};
  }
  return {0, "no error"};
}

TEST(Expression, FollowsTheUsualPrecedence) {
  EXPECT_EQ(evaluate("2 + 3 * 4"), whole(14));
  EXPECT_EQ(evaluate("(2 + 3) * 4"), whole(20));
  EXPECT_EQ(evaluate("20 - 3 - 4"), whole(13));
  EXPECT_EQ(evaluate("64 / 4 / 2"), whole(8));
  EXPECT_EQ(evaluate("-2 * 3 + -1"), whole(-7));
  EXPECT_EQ(evaluate("rows * cols * 8"), whole(1024));
  EXPECT_EQ(evaluate("not 1 > 2 and 2 > 1"), ExpressionValue(true));
  EXPECT_EQ(evaluate("1 > 2 and 2 > 3 or 3 > 2"), ExpressionValue(true));
}

TEST(Expression, KeepsWholeNumbersExact) {
  EXPECT_EQ(evaluate("9007199254740993 + 2"), whole(9007199254740995));  // beyond 2^53
  EXPECT_EQ(evaluate("6 / 2"), whole(3));
  EXPECT_EQ(evaluate("7 / 2"), ExpressionValue(3.5));
  EXPECT_EQ(evaluate("7 / 2 * 2"), whole(7));
  EXPECT_EQ(evaluate("1.5 + 1.5"), whole(3));
  EXPECT_EQ(evaluate("1e3"), whole(1000));
  EXPECT_EQ(evaluate("524288 * 0.8"), ExpressionValue(524288 * 0.8));
  // 2^62 * 4 leaves 64 bits.
  EXPECT_EQ(evaluate("4611686018427387904 * 4"), ExpressionValue(18446744073709551616.0));
}

TEST(Expression, RoundsAndTakesExtremes) {
  EXPECT_EQ(evaluate("ceil(7 / 2)"), whole(4));
  EXPECT_EQ(evaluate("floor(7 / 2)"), whole(3));
  EXPECT_EQ(evaluate("floor(-7 / 2)"), whole(-4));
  EXPECT_EQ(evaluate("ceil(5)"), whole(5));
  EXPECT_EQ(evaluate("min(3, rows, 2.5)"), ExpressionValue(2.5));
  EXPECT_EQ(evaluate("max(3, rows, cols / 4)"), whole(8));
}

TEST(Expression, TakesPowersRootsAndLogarithms) {
  EXPECT_EQ(evaluate("pow(2, 10)"), whole(1024));
  EXPECT_EQ(evaluate("sqrt(6.25)"), ExpressionValue(2.5));
  EXPECT_EQ(evaluate("log2(rows)"), whole(3));
  EXPECT_THROW(evaluate("sqrt(-1)"), ExpressionError);
  EXPECT_THROW(evaluate("log2(0)"), ExpressionError);
  EXPECT_THROW(evaluate("pow(2)"), ExpressionError);
  EXPECT_THROW(evaluate("pow(2, 3, 4)"), ExpressionError);
  EXPECT_THROW(evaluate("pow(0, -1)"), ExpressionError);
}

TEST(Expression, TakesRemaindersWithTheSignOfTheDivisor) {
  EXPECT_EQ(evaluate("7 % 3"), whole(1));
  EXPECT_EQ(evaluate("-7 % 3"), whole(2));
  EXPECT_EQ(evaluate("7 % -3"), whole(-2));
  EXPECT_EQ(evaluate("7.5 % 2"), ExpressionValue(1.5));
  EXPECT_EQ(evaluate("(-9223372036854775807 - 1) % -1"), whole(0));
}

TEST(Expression, ComparesTextWithText) {
  EXPECT_EQ(evaluate("l1 == '32K'"), ExpressionValue(true));
  EXPECT_EQ(evaluate("l1 != \"64K\""), ExpressionValue(true));
  EXPECT_EQ(evaluate("double_buffered == true"), ExpressionValue(true));
}

TEST(Expression, StopsAtTheFirstConditionThatDecides) {
  EXPECT_EQ(evaluate("rows == 8 or 1 / 0 > 1"), ExpressionValue(true));
  EXPECT_EQ(evaluate("rows == 9 and 1 / 0 > 1"), ExpressionValue(false));
}

TEST(Expression, KnowsWhichNamesItUses) {
  EXPECT_THAT(Expression::parse("cols * rows + cols", kNames).used(), ElementsAre(0, 1));
}

TEST(Expression, ErrorsSayWhereAndWhatWouldBeRight) {
  EXPECT_EQ(error_of("rows * clos"),
            std::pair(8, std::string("there is no parameter 'clos' | there are: rows, cols, l1, "
                                     "double_buffered")));
  EXPECT_EQ(error_of("rows + ").first, 8);
  EXPECT_THAT(error_of("rows + ").second, HasSubstr("ends where a value is expected"));
  EXPECT_EQ(error_of("(rows + 1").first, 10);
  EXPECT_THAT(error_of("(rows + 1").second, HasSubstr("')' is missing for the '(' at position 1"));
  EXPECT_EQ(error_of("1 < rows < 3").first, 10);
  EXPECT_THAT(error_of("1 < rows < 3").second, HasSubstr("write 'a < b and b < c'"));
  EXPECT_THAT(error_of("rows = 8").second, HasSubstr("write '=='"));
  EXPECT_THAT(error_of("rows == 8 && true").second, HasSubstr("write 'and'"));
  EXPECT_THAT(error_of("rows ** 2").second, HasSubstr("write 'a * a'"));
  EXPECT_THAT(error_of("32K").second, HasSubstr("'32K' is not a number"));
  EXPECT_THAT(error_of("rows $ 2").second, HasSubstr("'$' is not expected here"));
  EXPECT_THAT(error_of("min(1)").second, HasSubstr("takes two or more arguments, not 1"));
  EXPECT_THAT(error_of("ceil(1, 2)").second, HasSubstr("takes one argument, not 2"));
  EXPECT_THAT(error_of("ceil 1").second, HasSubstr("write ceil(a)"));
  EXPECT_THAT(error_of("").second, HasSubstr("ends where a value is expected"));
  EXPECT_THAT(error_of("'abc").second, HasSubstr("no closing quote"));
  EXPECT_THAT(error_of("rows cols").second, HasSubstr("'c' is not expected here"));
}

TEST(Expression, RefusesToMixNumbersTextsAndConditions) {
  EXPECT_THAT(error_of("l1 * 2").second, HasSubstr("'*' needs numbers, not the text '32K'"));
  EXPECT_THAT(error_of("l1 * 2").second, HasSubstr("`value:`"));
  EXPECT_EQ(error_of("l1 * 2").first, 4);
  EXPECT_THAT(error_of("l1 == 32").second, HasSubstr("cannot be compared with the number 32"));
  EXPECT_THAT(error_of("l1 < 'a'").second, HasSubstr("needs numbers"));
  EXPECT_THAT(error_of("rows and true").second, HasSubstr("must be a condition"));
  EXPECT_THAT(error_of("not rows").second, HasSubstr("must be a condition"));
  EXPECT_THAT(error_of("(rows < 3) + 1").second, HasSubstr("not a condition"));
  EXPECT_THROW(Expression::parse("rows", kNames).holds(std::vector<ExpressionValue>(4, whole(1))),
               ExpressionError);
}

TEST(Expression, RefusesWhatIsNotANumber) {
  EXPECT_EQ(error_of("rows / (cols - 16)"), std::pair(6, std::string("division by zero | ")));
  EXPECT_THAT(error_of("rows % 0").second, HasSubstr("division by zero"));
  EXPECT_THAT(error_of("1e308 * 1e308").second, HasSubstr("not a finite number"));
  EXPECT_THAT(error_of("1e999").second, HasSubstr("is not a number"));
}

TEST(Expression, LimitsItsLengthAndDepth) {
  EXPECT_EQ(evaluate(std::string(60, '(') + "1" + std::string(60, ')')), whole(1));
  EXPECT_THAT(error_of(std::string(2000, '(') + "1" + std::string(2000, ')')).second,
              HasSubstr("nested more than 64 levels"));
  EXPECT_THAT(error_of(std::string(2000, '-') + "1").second, HasSubstr("nested more than 64"));
  EXPECT_THAT(error_of(std::string(5000, '1')).second, HasSubstr("longer than 4096"));
  std::string chain = "1";
  for (int term = 0; term < 1000; ++term) chain += " + 1";
  EXPECT_EQ(evaluate(chain), whole(1001));
}

std::string render(const std::string& text) {
  const std::vector<ExpressionValue> values{std::int64_t{8}, 2.5, std::string("32K"), true};
  return TextTemplate::parse(text, kNames).render(values);
}

TEST(TextTemplate, PutsInWhatTheExpressionsGive) {
  EXPECT_EQ(render("K, {rows}"), "K, 8");
  EXPECT_EQ(render("{rows * 2}x{cols} of {l1}, {double_buffered}"), "16x2.5 of 32K, true");
  EXPECT_EQ(render("no braces"), "no braces");
  EXPECT_EQ(render("{{{rows}}}"), "{8}");
}

TEST(TextTemplate, ErrorsCountFromTheBeginningOfTheText) {
  for (const auto& [text, position] : std::vector<std::pair<std::string, int>>{
           {"K, {clos}", 5}, {"K, {rows", 4}, {"K} ", 2}, {"C, {rows / (rows - 8)}", 10}}) {
    try {
      render(text);
      FAIL() << text << ": nothing was thrown";
    } catch (const ExpressionError& error) {
      EXPECT_EQ(error.position, position) << text;
    }
  }
}

TEST(ExpressionValue, ComesFromScalarsOfADocument) {
  EXPECT_EQ(expression_value(8), whole(8));
  EXPECT_EQ(expression_value(8.0), whole(8));
  EXPECT_EQ(expression_value(0.8), ExpressionValue(0.8));
  EXPECT_EQ(expression_value("32K"), ExpressionValue(std::string("32K")));
  EXPECT_THROW(expression_value(nullptr), std::invalid_argument);
  EXPECT_THROW(expression_value(nlohmann::ordered_json::array()), std::invalid_argument);
  EXPECT_EQ(to_json(whole(8)).dump(), "8");
  EXPECT_EQ(to_json(ExpressionValue(0.1)).dump(), "0.1");
}

}  // namespace
}  // namespace ridgeline::io
