// One strict document layer for YAML and JSON. Every value knows its file, line and JSON
// pointer, so that whatever reads it can say exactly what is wrong where.
//
// YAML is the 1.1 "safe" dialect: yes/no/on/off are booleans, a float needs a dot (`1e-3` is a
// string), 010 is octal, `_` separates digits. Of a repeated key the last value counts.
// Aliases are expanded (to a limit on the number of values) and merge keys (`<<`) honoured, so
// a document is a plain tree that can be copied and edited.
#pragma once

#include <cstdint>
#include <filesystem>
#include <initializer_list>
#include <limits>
#include <nlohmann/json_fwd.hpp>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "io/document/error.hpp"

namespace ridgeline::io {

enum class Kind : std::uint8_t { null, boolean, integer, real, string, list, map };
std::string_view to_string(Kind kind);  // "an integer", "a list", ...

// Limits that keep hostile documents from exhausting the machine.
inline constexpr std::size_t kMaxDocumentBytes = std::size_t{64} << 20;
inline constexpr std::size_t kMaxDocumentValues = 500'000;
inline constexpr std::size_t kMaxDocumentText = std::size_t{128} << 20;  // aliases expanded
inline constexpr int kMaxDocumentDepth = 64;

enum class Format : std::uint8_t { automatic, yaml, json };

class Document;

// A view of one value; as light as a pointer, valid while its document lives unchanged.
// Whatever is not as asked throws an InputError that names the place.
class Value {
 public:
  Kind kind() const;
  Location location() const;
  std::string pointer() const;

  bool is_null() const { return kind() == Kind::null; }
  bool is_list() const { return kind() == Kind::list; }
  bool is_map() const { return kind() == Kind::map; }
  bool is_string() const { return kind() == Kind::string; }
  bool is_integer() const { return kind() == Kind::integer; }

  bool as_bool() const;
  // Within [min, max] and +-2^53. A float such as 8.0 is not an integer.
  std::int64_t as_integer(std::int64_t min = std::numeric_limits<std::int64_t>::min(),
                          std::int64_t max = std::numeric_limits<std::int64_t>::max()) const;
  // The same of what may be endless (a memory's size): a larger integer counts as 2^53.
  std::int64_t as_size(std::int64_t min) const;
  bool is_beyond_exact() const;  // an integer beyond +-2^53
  double as_real() const;        // an integer will do; NaN and infinities are refused
  double as_real_at_least(double min) const;
  const std::string& as_string() const;
  // The scalar as it is written; "" for lists, maps and null.
  const std::string& text() const;

  std::size_t size() const;  // of a list or map; an error for others
  Value operator[](std::size_t index) const;
  std::vector<Value> items() const;                                // of a list, in order
  std::vector<std::pair<std::string, Value>> entries() const;      // of a map, in order
  std::vector<std::string> keys() const;                           // of a map, in order
  std::optional<Value> find(std::string_view key) const;           // of a map
  std::optional<Value> find_non_null(std::string_view key) const;  // absent and null alike
  Value at(std::string_view key) const;                            // missing: names a misspelt key
  // Every other key is an error that names the nearest right one.
  void allow_only(std::initializer_list<std::string_view> keys) const;

  // An error at this place, to be thrown.
  InputError error(const std::string& problem, const std::string& remedy = "") const;

 private:
  friend class Document;
  Value(const Document* document, int node) : document_(document), node_(node) {}
  [[noreturn]] void wrong_kind(const std::string& wanted) const;

  const Document* document_;
  int node_;
};

// A copyable tree of values.
class Document {
 public:
  const std::string& name() const { return name_; }
  Value root() const { return {this, root_}; }

  // The value at a JSON pointer ("" is the root); nothing where there is none.
  std::optional<Value> find(std::string_view pointer) const;
  // The same, but an InputError that says how far the pointer leads and what is near.
  Value at(std::string_view pointer) const;
  // Puts another value at a pointer that exists. Views of the document are invalid afterwards.
  // Editing a value forgets its line: messages give the pointer only.
  void set(std::string_view pointer, const nlohmann::ordered_json& value);

  nlohmann::ordered_json to_json() const;

  // What is allowed and worth a remark (repeated keys, octal numbers).
  const std::vector<std::string>& notes() const { return notes_; }

 private:
  friend class Value;
  friend class DocumentBuilder;

  struct Node {
    Kind kind = Kind::null;
    bool truth = false;
    bool exact = true;  // an integer within +-2^53
    std::int64_t integer = 0;
    double real = 0;
    std::string text;  // scalar as written; a string's value
    std::string key;   // in the parent, if that is a map
    int place = 0;     // in the parent
    int parent = -1;
    int line = 0;
    int column = 0;
    std::vector<int> children;
  };

  int locate(std::string_view pointer, bool must_exist) const;
  nlohmann::ordered_json json_of(int node) const;

  std::string name_;
  int root_ = 0;
  std::vector<Node> nodes_;
  std::vector<std::string> notes_;
};

// Reads .yaml, .yml and .json files, and JSON text in their place (io/document/given.hpp). A file
// that is not there, not readable or no document is an InputError.
// `bytes` receives what was read.
Document load_document(const std::filesystem::path& path, std::string* bytes = nullptr);

// `name` stands for the file in messages. Format `automatic`: by the name's ending, else JSON
// if the text starts with a brace or bracket.
Document parse_document(std::string_view text, const std::string& name,
                        Format format = Format::automatic);

Document document_from_json(const nlohmann::ordered_json& json, const std::string& name);

// Whole content of a file; an InputError where it cannot be read or exceeds `limit` bytes.
std::string read_input_file(const std::filesystem::path& path,
                            std::size_t limit = kMaxDocumentBytes);

}  // namespace ridgeline::io
