#include "io/document/document.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>
#include <nlohmann/json.hpp>

namespace ridgeline::io {
namespace {

using nlohmann::ordered_json;
using ::testing::ElementsAre;
using ::testing::HasSubstr;

Document yaml(std::string_view text) {
  return parse_document(text, "a.yaml");
}
Document json(std::string_view text) {
  return parse_document(text, "a.json");
}

// The message of the InputError that a call throws.
template <typename Call>
std::string message_of(Call call) {
  try {
    call();
  } catch (const InputError& error) {
    return error.what();
  }
  ADD_FAILURE() << "no InputError";
  return "";
}

TEST(Document, ReadsScalarsAsYaml11Does) {
  const Document document = yaml(
      "[yes, No, ON, off, true, 12, -7, 0x1F, 010, 1_000, 0b101, 1.5, 1.0e-3, .5, 2., 1e-3, 1.0e3, "
      "08, ~, null, 'yes', \"12\", text]");
  const ordered_json expected = {true,    false, true,    false,   true,  12,   -7,    31,
                                 8,       1000,  5,       1.5,     1e-3,  0.5,  2.0,   "1e-3",
                                 "1.0e3", "08",  nullptr, nullptr, "yes", "12", "text"};
  EXPECT_EQ(document.to_json(), expected);
}

TEST(Document, NotesOctalNumbers) {
  EXPECT_THAT(yaml("a: 010").notes(), ElementsAre(HasSubstr("octal")));
  EXPECT_TRUE(yaml("a: 0").notes().empty());
}

TEST(Document, KeepsTheOrderOfMaps) {
  EXPECT_THAT(yaml("z: 1\na: 2\nm: 3").root().keys(), ElementsAre("z", "a", "m"));
  EXPECT_THAT(json(R"({"z":1,"a":2,"m":3})").root().keys(), ElementsAre("z", "a", "m"));
}

TEST(Document, TakesTheLastValueOfARepeatedKeyAtThePlaceOfTheFirst) {
  for (const Document& document :
       {yaml("a: 1\nb: 2\na: 3\n"), json("{\"a\":1,\n\"b\":2,\n\"a\":3}")}) {
    EXPECT_EQ(document.to_json().dump(), R"({"a":3,"b":2})");
    EXPECT_THAT(document.notes(), ElementsAre(HasSubstr(":3: key 'a' is repeated")));
  }
}

TEST(Document, ReadsKeysAsText) {
  EXPECT_THAT(yaml("0: a\nno: b\n1.5: c").root().keys(), ElementsAre("0", "no", "1.5"));
}

TEST(Document, KnowsLineAndPointerOfEveryValue) {
  for (const Document& document : {yaml("a:\n  - x\n  - b/c:\n      - 1\n      - 2\n"),
                                   json("{\"a\": [\n\"x\",\n{\"b/c\":\n[1,\n2\n]}]}")}) {
    const Value value = document.at("/a/1/b~1c/1");
    EXPECT_EQ(value.as_integer(), 2);
    EXPECT_EQ(value.location().pointer, "/a/1/b~1c/1");
    EXPECT_EQ(value.location().line, 5);
  }
}

TEST(Document, ExpandsAliasesAndMergeKeys) {
  const Document document = yaml(
      "base: &b {x: 1, y: 2}\n"
      "other: &o {y: 3, z: 4}\n"
      "own: {<<: *b, y: 5}\n"
      "both: {<<: [*b, *o], w: 6}\n"
      "copy: *b\n");
  const ordered_json whole = document.to_json();
  EXPECT_EQ(whole["own"].dump(), R"({"x":1,"y":5})");
  EXPECT_EQ(whole["both"], ordered_json::parse(R"({"y":2,"z":4,"x":1,"w":6})"));
  EXPECT_EQ(whole["copy"].dump(), R"({"x":1,"y":2})");
}

TEST(Document, EditingACopyOfAnAliasLeavesTheOriginal) {
  Document document = yaml("a: &a {x: 1}\nb: *a\n");
  document.set("/b/x", 2);
  EXPECT_EQ(document.to_json().dump(), R"({"a":{"x":1},"b":{"x":2}})");
}

TEST(Document, RefusesAnAliasBomb) {
  std::string text = "a0: &a0 [x, x, x, x, x, x, x, x, x, x]\n";
  for (int i = 1; i < 12; ++i) {
    const std::string before = "*a" + std::to_string(i - 1);
    text += "a" + std::to_string(i) + ": &a" + std::to_string(i) + " [" + before;
    for (int k = 0; k < 9; ++k) text += ", " + before;
    text += "]\n";
  }
  EXPECT_THAT(message_of([&] { yaml(text); }), HasSubstr("more than"));
}

TEST(Document, RefusesAValueThatContainsItself) {
  EXPECT_THAT(message_of([] { yaml("a: &a [1, *a]"); }), HasSubstr("contains it"));
}

TEST(Document, RefusesDeepNesting) {
  const std::string open(2000, '[');
  const std::string close(2000, ']');
  EXPECT_THAT(message_of([&] { yaml(open + close); }), HasSubstr("a.yaml"));
  EXPECT_THAT(message_of([&] { json(open + close); }), HasSubstr("nested deeper"));
}

TEST(Document, RefusesTextThatIsNoDocument) {
  EXPECT_THAT(message_of([] { yaml(""); }), HasSubstr("empty"));
  EXPECT_THAT(message_of([] { yaml("# only a remark\n"); }), HasSubstr("empty"));
  EXPECT_THAT(message_of([] { json("  "); }), HasSubstr("empty"));
  EXPECT_THAT(message_of([] { yaml("a: [1, 2"); }), HasSubstr("not valid YAML"));
  EXPECT_THAT(message_of([] { yaml("a: 1\nb: 'x\n"); }), HasSubstr("not valid YAML"));
  EXPECT_THAT(message_of([] { yaml("a: \"x\\\""); }), HasSubstr("not valid YAML"));
  EXPECT_THAT(message_of([] { yaml("a: \xFF\n"); }), HasSubstr("UTF-8"));
  EXPECT_THAT(message_of([] { json("{\"a\":\n 1"); }), HasSubstr("a.json:2: not valid JSON"));
  EXPECT_THAT(message_of([] { json("{a: 1}"); }), HasSubstr("not valid JSON"));
  EXPECT_THAT(message_of([] { json("[1] [2]"); }), HasSubstr("not valid JSON"));
  EXPECT_THAT(message_of([] { yaml("a: 1\n---\nb: 2\n"); }), HasSubstr("more than one"));
  EXPECT_THAT(message_of([] { yaml(std::string_view("a: 1\n\0b: 2\n", 11)); }),
              HasSubstr("a.yaml:2: not a text file"));
  EXPECT_THAT(message_of([] { yaml("a: !!python/object:os.system x"); }), HasSubstr("tag"));
  EXPECT_THAT(message_of([] { yaml("? [1, 2]\n: 3\n"); }), HasSubstr("key must be text"));
  EXPECT_THAT(message_of([] { yaml("a: *nobody"); }), HasSubstr("not valid YAML"));
}

TEST(Document, AMissingFileIsInvalidInput) {
  EXPECT_THAT(message_of([] { load_document("no/such/file.yaml"); }),
              HasSubstr("no/such/file.yaml: cannot be read: No such file"));
  EXPECT_THAT(message_of([] { load_document(RIDGELINE_SOURCE_DIR); }), HasSubstr("folder"));
  EXPECT_THAT(message_of([] { load_document(RIDGELINE_SOURCE_DIR "/CMakeLists.txt"); }),
              HasSubstr(".yaml, .yml or .json"));
}

TEST(Document, RefusesIntegersBeyond53Bits) {
  for (const char* text : {"9007199254740993", "-9007199254740993", "99999999999999999999999999"}) {
    for (const Document& document :
         {yaml(std::string("a: ") + text), json(std::string("{\"a\": ") + text + "}")}) {
      EXPECT_THAT(message_of([&] { document.at("/a").as_integer(); }), HasSubstr("beyond 2^53"));
      EXPECT_THAT(message_of([&] { document.at("/a").as_real(); }), HasSubstr("beyond 2^53"));
    }
  }
  EXPECT_EQ(yaml("a: 9007199254740992").at("/a").as_integer(), std::int64_t{1} << 53);
}

TEST(Document, RefusesNumbersThatAreNotFinite) {
  for (const char* text : {".nan", ".inf", "-.inf", "1.0e+999"}) {
    EXPECT_THAT(message_of([&] { yaml(text).root().as_real(); }), HasSubstr("finite"));
  }
  EXPECT_EQ(yaml("1.0e-999").root().as_real(), 0.0);
}

TEST(Document, SaysWhatItExpectedAndWhatItFound) {
  const Document document = yaml("i: 8\nf: 8.0\ns: abc\nb: no\nn:\nl: [1]\ne: 1e-3\n");
  EXPECT_THAT(message_of([&] { document.at("/f").as_integer(); }),
              HasSubstr("a.yaml:2: /f: expected an integer, found '8.0'"));
  EXPECT_THAT(message_of([&] { document.at("/b").as_integer(); }), HasSubstr("the boolean 'no'"));
  EXPECT_THAT(message_of([&] { document.at("/i").as_integer(9); }),
              HasSubstr("expected an integer of at least 9, found '8'"));
  EXPECT_THAT(message_of([&] { document.at("/i").as_integer(1, 4); }), HasSubstr("from 1 to 4"));
  EXPECT_THAT(message_of([&] { document.at("/e").as_real(); }), HasSubstr("1.0e-3"));
  EXPECT_THAT(message_of([&] { document.at("/i").as_string(); }), HasSubstr("put it in quotes"));
  EXPECT_THAT(message_of([&] { document.at("/n").as_string(); }), HasSubstr("nothing (null)"));
  EXPECT_THAT(message_of([&] { document.at("/l").find("x"); }), HasSubstr("a map, found a list"));
  EXPECT_THAT(message_of([&] { document.at("/s").items(); }), HasSubstr("a list, found the text"));
  EXPECT_THAT(message_of([&] { document.at("/l")[1]; }), HasSubstr("at least 2 entries"));
  EXPECT_EQ(document.at("/i").as_real(), 8.0);
}

TEST(Document, NamesTheNearestKey) {
  const Document document = yaml("sise: 1\nr_cost: 2\n");
  EXPECT_THAT(message_of([&] {
                document.root().allow_only({"size", "r_cost", "w_cost"});
              }),
              HasSubstr("a.yaml:1: /sise: unknown key 'sise' (did you mean 'size'?)"));
  EXPECT_THAT(message_of([&] { document.root().at("size"); }),
              HasSubstr("key 'size' is missing (is 'sise' a misspelling of it?)"));
}

TEST(Document, EditsValuesAtAPointer) {
  Document document = yaml("memories:\n  l1: {size: 8, ports: [{bw: 1}, {bw: 2}]}\n");
  const Document before = document;
  document.set("/memories/l1/size", 16);
  document.set("/memories/l1/ports/1/bw", 2.5);
  EXPECT_EQ(document.to_json().dump(),
            R"({"memories":{"l1":{"size":16,"ports":[{"bw":1},{"bw":2.5}]}}})");
  EXPECT_EQ(before.at("/memories/l1/size").as_integer(), 8);
  EXPECT_EQ(document.at("/memories/l1/size").location().pointer, "/memories/l1/size");
  document.set("/memories/l1/ports", ordered_json::parse(R"(["x", {"y": 1}])"));
  EXPECT_EQ(document.at("/memories/l1/ports/1/y").pointer(), "/memories/l1/ports/1/y");
}

TEST(Document, SaysWhyAPointerLeadsNowhere) {
  Document document = yaml("memories:\n  l1: {size: 8, ports: [1]}\n");
  EXPECT_THAT(message_of([&] { document.set("/memories/l1/sice", 1); }),
              HasSubstr("no key 'sice' (did you mean 'size'?)"));
  EXPECT_THAT(message_of([&] { document.set("/memories/l1/ports/1", 1); }),
              HasSubstr("no entry '1' in a list of 1"));
  EXPECT_THAT(message_of([&] { document.set("/memories/l1/size/x", 1); }),
              HasSubstr("has nothing inside"));
  EXPECT_THAT(message_of([&] { document.set("memories", 1); }), HasSubstr("no JSON pointer"));
  EXPECT_FALSE(document.find("/memories/l2"));
}

TEST(Document, SurvivesTheWayThroughJsonText) {
  const std::string text = R"({"a":[1,2.5,"x",null,true,{"k/~":-3}],"b":{}})";
  const Document document = document_from_json(ordered_json::parse(text), "design");
  EXPECT_EQ(document.to_json().dump(), text);
  EXPECT_EQ(document.at("/a/5/k~1~0").as_integer(), -3);
  EXPECT_EQ(document.at("/a").location().file, "design");
}

TEST(Document, EveryEscapeOfYamlGivesUtf8) {
  // YAML 1.1, 5.6: next line (U+0085), no-break space (U+00A0), line and paragraph separators.
  const Document document = yaml("\"\xC3\xA9\\N\": \"\\_\\N\\L\\P\\xe9\\u00e9\"");
  EXPECT_EQ(document.to_json().dump(),
            "{\"\xC3\xA9\xC2\x85\":"
            "\"\xC2\xA0\xC2\x85\xE2\x80\xA8\xE2\x80\xA9\xC3\xA9\xC3\xA9\"}");
}

TEST(Document, DeducesTheFormatOfTextWithoutAnEnding) {
  EXPECT_EQ(parse_document(" {\"a\": 1}", "text").to_json().dump(), R"({"a":1})");
  EXPECT_EQ(parse_document("a: 1", "text").to_json().dump(), R"({"a":1})");
}

}  // namespace
}  // namespace ridgeline::io
