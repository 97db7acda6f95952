#include "io/document/printable.hpp"

#include <gtest/gtest.h>

#include <random>

#include "io/document/document.hpp"
#include "io/document/error.hpp"

namespace ridgeline::io {
namespace {

TEST(Printable, LeavesWordsOfAnyLanguageAlone) {
  EXPECT_EQ(printable("conv_1/weights [64 x 3]"), "conv_1/weights [64 x 3]");
  EXPECT_EQ(printable("Größe £ 層 🙂"), "Größe £ 層 🙂");
}

TEST(Printable, ShowsWhatATerminalWouldObey) {
  EXPECT_EQ(printable("a\x1b]0;title\x07"
                      "b"),
            "a\\x1b]0;title\\x07b");
  EXPECT_EQ(printable("two\nlines\r\t"), "two\\x0alines\\x0d\\x09");
  EXPECT_EQ(printable(std::string_view("nul\0", 4)), "nul\\x00");
  EXPECT_EQ(printable("\x7f"), "\\x7f");
  EXPECT_EQ(printable("\xc2\x9b"
                      "2J"),
            "\\u{009b}2J")
      << "the one-letter CSI";
  EXPECT_EQ(printable("\u202Eevil"), "\\u{202e}evil") << "turns the direction of writing";
}

TEST(Printable, ShowsBytesThatAreNoUtf8) {
  EXPECT_EQ(printable("\xff\xfe"), "\\xff\\xfe");
  EXPECT_EQ(printable("\xc0\xaf"), "\\xc0\\xaf") << "overlong";
  EXPECT_EQ(printable("\xed\xa0\x80"), "\\xed\\xa0\\x80") << "a surrogate";
  EXPECT_EQ(printable("\xe2\x82"), "\\xe2\\x82") << "cut off";
}

TEST(Printable, LeavesOutTheMiddleOfWhatIsTooLong) {
  const std::string text = printable(std::string(20'000, 'a') + "END", 400);
  EXPECT_LT(text.size(), 450u);
  EXPECT_TRUE(text.starts_with("aaaa"));
  EXPECT_TRUE(text.ends_with("END"));
  EXPECT_NE(text.find("19603 bytes"), std::string::npos) << text;
}

TEST(Printable, OfAnyBytesIsSafe) {
  std::mt19937 chance(1);
  for (int round = 0; round < 20'000; ++round) {
    std::string bytes(chance() % 40, ' ');
    for (char& byte : bytes) byte = static_cast<char>(chance());
    for (const char c : printable(bytes, 30)) {
      ASSERT_GE(static_cast<unsigned char>(c), 0x20) << round;
      ASSERT_NE(c, 0x7f);
    }
    for (const char c : printable_lines(bytes)) {
      ASSERT_TRUE(c == '\n' || static_cast<unsigned char>(c) >= 0x20) << round;
    }
  }
}

TEST(Printable, IsWhatErrorsAreMadeOf) {
  const InputError error({"a\x1b.yaml", "/b\n", 0, 0}, std::string(20'000, 'x'), "do\x07");
  const std::string text = error.what();
  EXPECT_LT(text.size(), 2'200u);
  EXPECT_EQ(text.find('\x1b'), std::string::npos);
  EXPECT_EQ(text.find('\n'), std::string::npos);
  EXPECT_TRUE(text.ends_with("(do\\x07)"));
}

TEST(PrintableJson, EscapesWhatJsonWouldLeave) {
  EXPECT_EQ(printable_json("{\"a\": \"\xc2\x9b"
                           "2J \u202E\x7f ü\"}\n"),
            "{\"a\": \"\\u009b2J \\u202e\\u007f ü\"}\n");
}

TEST(CsvCell, IsQuotedWhereItNeedsToBe) {
  EXPECT_EQ(csv_cell("64K"), "64K");
  EXPECT_EQ(csv_cell("a,b"), "\"a,b\"");
  EXPECT_EQ(csv_cell("say \"no\""), "\"say \"\"no\"\"\"");
  EXPECT_EQ(csv_cell("two\nlines"), "\"two\nlines\"");
}

TEST(CsvCell, IsNoFormula) {
  EXPECT_EQ(csv_cell("=1+1"), "'=1+1");
  EXPECT_EQ(csv_cell("@SUM(A1)"), "'@SUM(A1)");
  EXPECT_EQ(csv_cell("+cmd|' /C calc'!A0"), "'+cmd|' /C calc'!A0");
  EXPECT_EQ(csv_cell("-2+3,4"), "\"'-2+3,4\"");
  EXPECT_EQ(csv_cell("-2.5e3"), "-2.5e3") << "a number";
  EXPECT_EQ(csv_cell("+4"), "+4");
}

TEST(Document, HoldsNoNul) {
  EXPECT_THROW(parse_document("{\"a\": \"32K\\u0000hidden\"}", "a.json"), InputError);
  EXPECT_THROW(parse_document("{\"a\\u0000b\": 1}", "a.json"), InputError);
  EXPECT_THROW(parse_document("a: \"32K\\0hidden\"", "a.yaml"), InputError);
}

TEST(Document, CountsTheTextThatAliasesRepeat) {
  std::string text = "a: &a " + std::string(1 << 20, 'x') + "\nb: [";
  for (int i = 0; i < 4000; ++i) text += "*a, ";
  try {
    parse_document(text + "*a]", "a.yaml");
    FAIL();
  } catch (const InputError& error) {
    EXPECT_NE(std::string(error.what()).find("128 MiB of text, aliases expanded"),
              std::string::npos)
        << error.what();
  }
}

}  // namespace
}  // namespace ridgeline::io
