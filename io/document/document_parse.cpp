// YAML and JSON text to a Document.
#include <yaml-cpp/eventhandler.h>
#include <yaml-cpp/exceptions.h>
#include <yaml-cpp/mark.h>
#include <yaml-cpp/parser.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <charconv>
#include <cmath>
#include <cstring>
#include <fstream>
#include <iterator>
#include <nlohmann/json.hpp>
#include <sstream>
#include <unordered_map>

#include "io/document/document.hpp"
#include "io/document/document_builder.hpp"
#include "io/document/foreign_file.hpp"
#include "io/document/given.hpp"
#include "io/document/utf8.hpp"

namespace ridgeline::io {

namespace {

bool is_one_of(std::string_view text, std::initializer_list<std::string_view> words) {
  return std::find(words.begin(), words.end(), text) != words.end();
}

bool all_of(std::string_view text, std::string_view allowed) {
  return text.find_first_not_of(allowed) == std::string_view::npos;
}

std::string without_underscores(std::string_view text) {
  std::string digits;
  std::copy_if(text.begin(), text.end(), std::back_inserter(digits),
               [](char c) { return c != '_'; });
  return digits;
}

// yaml-cpp turns the escapes \N and \_ into the single bytes of Latin-1. Everything else is UTF-8,
// as the text that it comes from.
std::string as_utf8(const std::string& value) {
  std::string result;
  result.reserve(value.size());
  for (std::size_t i = 0; i < value.size();) {
    const std::size_t length = utf8_length(std::string_view(value).substr(i, 4));
    if (length == 0) {
      result += '\xC2';
      result += value[i++];
    } else {
      result.append(value, i, length);
      i += length;
    }
  }
  return result;
}

// Value of decimal text, "1.5", ".5", "2." or "1.0e-3"; infinite where it overflows.
double to_double(const std::string& text) {
  double value = 0;
  const char* begin = text.data();
  if (*begin == '+') ++begin;
  const auto result = std::from_chars(begin, text.data() + text.size(), value);
  if (result.ec == std::errc::result_out_of_range) {
    // Overflow and underflow report alike; a negative exponent tells them apart.
    const std::size_t e = text.find_first_of("eE");
    const bool tiny = e != std::string::npos && e + 1 < text.size() && text[e + 1] == '-';
    value = tiny ? 0.0 : std::numeric_limits<double>::infinity();
  }
  return value;
}

// The forms of YAML 1.1's int: sign, base prefix, digits with underscores. Base 60 is left out:
// it reads as text.
struct IntegerText {
  bool negative = false;
  int base = 10;
  std::string digits;  // empty: not an integer
};

IntegerText integer_text(std::string_view text) {
  IntegerText result;
  if (!text.empty() && (text.front() == '-' || text.front() == '+')) {
    result.negative = text.front() == '-';
    text.remove_prefix(1);
  }
  if (text.empty()) return result;
  constexpr std::string_view kDecimal = "0123456789_";
  std::string_view digits = text;
  if (text.starts_with("0x") && all_of(text.substr(2), "0123456789abcdefABCDEF_")) {
    result.base = 16;
    digits.remove_prefix(2);
  } else if (text.starts_with("0b") && all_of(text.substr(2), "01_")) {
    result.base = 2;
    digits.remove_prefix(2);
  } else if (text.size() > 1 && text.front() == '0' && all_of(text, "01234567_")) {
    result.base = 8;
    digits.remove_prefix(1);
  } else if (text == "0" ||
             (text.front() >= '1' && text.front() <= '9' && all_of(text, kDecimal))) {
    result.base = 10;
  } else {
    return result;
  }
  result.digits = without_underscores(digits);
  return result;
}

// [-+]?D[D_]*.[D_]*([eE][-+]D+)? and .D[D_]*([eE][-+]D+)?
bool is_yaml_float(std::string_view text) {
  const bool has_sign = !text.empty() && (text.front() == '-' || text.front() == '+');
  if (has_sign) text.remove_prefix(1);
  const std::size_t dot = text.find('.');
  if (dot == std::string_view::npos) return false;
  const std::string_view whole = text.substr(0, dot);
  std::string_view rest = text.substr(dot + 1);
  constexpr std::string_view kDigits = "0123456789";
  const auto starts_with_digit = [&](std::string_view part) {
    return !part.empty() && kDigits.find(part.front()) != std::string_view::npos;
  };
  const std::size_t e = rest.find_first_of("eE");
  if (e != std::string_view::npos) {
    const std::string_view exponent = rest.substr(e + 1);
    if (exponent.size() < 2 || (exponent.front() != '-' && exponent.front() != '+') ||
        !all_of(exponent.substr(1), kDigits)) {
      return false;
    }
    rest = rest.substr(0, e);
  }
  if (!all_of(rest, "0123456789_")) return false;
  if (whole.empty()) return !has_sign && starts_with_digit(rest);
  return starts_with_digit(whole) && all_of(whole, "0123456789_");
}

class YamlHandler : public YAML::EventHandler {
 public:
  explicit YamlHandler(DocumentBuilder& builder) : builder_(builder) {}

  void OnDocumentStart(const YAML::Mark&) override {}
  void OnDocumentEnd() override {}

  void OnNull(const YAML::Mark& mark, YAML::anchor_t anchor) override {
    if (builder_.wants_key()) throw no_key(mark);
    remember(anchor, builder_.null(place(mark)));
  }

  void OnAlias(const YAML::Mark& mark, YAML::anchor_t anchor) override {
    const auto it = anchors_.find(anchor);
    if (it == anchors_.end() || !builder_.complete(it->second)) {
      throw builder_.error(place(mark), "an alias refers to a value that contains it");
    }
    if (builder_.wants_key()) {
      builder_.key(builder_.text_of(it->second), place(mark));
    } else {
      builder_.copy_of(it->second, place(mark));
    }
  }

  void OnScalar(const YAML::Mark& mark, const std::string& tag, YAML::anchor_t anchor,
                const std::string& parsed) override {
    if (tag == "!") last_quoted_ = static_cast<std::size_t>(mark.pos);
    const std::string value = as_utf8(parsed);
    if (builder_.wants_key()) {
      // A key is text, however it would read as a value (`0:`, `no:`).
      builder_.key(value, place(mark), tag == "?" && value == "<<");
      if (anchor != 0) remember(anchor, builder_.detached_string(value, place(mark)));
      return;
    }
    remember(anchor, scalar(mark, tag, value));
  }

  void OnSequenceStart(const YAML::Mark& mark, const std::string& tag, YAML::anchor_t anchor,
                       YAML::EmitterStyle::value) override {
    if (builder_.wants_key()) throw no_key(mark);
    check_container_tag(mark, tag, "tag:yaml.org,2002:seq");
    remember(anchor, builder_.open_list(place(mark)));
  }
  void OnSequenceEnd() override { builder_.close(); }

  void OnMapStart(const YAML::Mark& mark, const std::string& tag, YAML::anchor_t anchor,
                  YAML::EmitterStyle::value) override {
    if (builder_.wants_key()) throw no_key(mark);
    check_container_tag(mark, tag, "tag:yaml.org,2002:map");
    remember(anchor, builder_.open_map(place(mark)));
  }
  void OnMapEnd() override { builder_.close(); }

  // Where the last quoted scalar (or the anchor before it) starts.
  std::optional<std::size_t> last_quoted() const { return last_quoted_; }

 private:
  static DocumentBuilder::Place place(const YAML::Mark& mark) {
    return {mark.line + 1, mark.column + 1};
  }

  void remember(YAML::anchor_t anchor, int node) {
    if (anchor != 0) anchors_[anchor] = node;
  }

  InputError no_key(const YAML::Mark& mark) const {
    return builder_.error(place(mark), "a key must be text, not empty, a list or a map");
  }

  void check_container_tag(const YAML::Mark& mark, const std::string& tag,
                           const std::string& allowed) const {
    if (is_one_of(tag, {"", "?", "!", allowed})) return;
    throw builder_.error(place(mark), "tag '" + tag + "' is not supported", "remove the tag");
  }

  int scalar(const YAML::Mark& mark, const std::string& tag, const std::string& value) {
    const DocumentBuilder::Place at = place(mark);
    constexpr std::string_view kCore = "tag:yaml.org,2002:";
    if (tag == "!" || tag == "tag:yaml.org,2002:str") return builder_.string(value, at);
    if (tag == "?" || tag.empty()) return plain(at, value, "");
    if (tag.starts_with(kCore)) {
      const std::string type = tag.substr(kCore.size());
      if (is_one_of(type, {"int", "float", "bool", "null"})) return plain(at, value, type);
    }
    throw builder_.error(at, "tag '" + tag + "' is not supported", "remove the tag");
  }

  // A plain scalar by YAML 1.1's rules; `type` is what a tag demands.
  int plain(DocumentBuilder::Place at, const std::string& value, const std::string& type) {
    const auto allowed = [&](std::string_view kind) { return type.empty() || type == kind; };
    if (allowed("null") && is_one_of(value, {"", "~", "null", "Null", "NULL"})) {
      return builder_.null(at);
    }
    if (allowed("bool")) {
      if (is_one_of(value, {"yes", "Yes", "YES", "true", "True", "TRUE", "on", "On", "ON"})) {
        return builder_.boolean(true, value, at);
      }
      if (is_one_of(value, {"no", "No", "NO", "false", "False", "FALSE", "off", "Off", "OFF"})) {
        return builder_.boolean(false, value, at);
      }
    }
    if (allowed("int")) {
      const IntegerText integer = integer_text(value);
      if (!integer.digits.empty()) {
        if (integer.base == 8) {
          builder_.note(at, "'" + value + "' is read as an octal number, as YAML 1.1 says");
        }
        return builder_.integer(integer.negative, integer.base, integer.digits, value, at);
      }
    }
    if (allowed("float")) {
      if (is_yaml_float(value)) {
        return builder_.real(to_double(without_underscores(value)), value, at);
      }
      std::string_view magnitude = value;
      const bool has_sign = value.starts_with('-') || value.starts_with('+');
      if (has_sign) magnitude.remove_prefix(1);
      if (is_one_of(magnitude, {".inf", ".Inf", ".INF"})) {
        const double infinity = std::numeric_limits<double>::infinity();
        return builder_.real(value.front() == '-' ? -infinity : infinity, value, at);
      }
      if (is_one_of(value, {".nan", ".NaN", ".NAN"})) {
        return builder_.real(std::numeric_limits<double>::quiet_NaN(), value, at);
      }
    }
    if (!type.empty()) {
      throw builder_.error(at, "'" + value + "' does not read as the tag '!!" + type + "' says");
    }
    return builder_.string(value, at);
  }

  DocumentBuilder& builder_;
  std::unordered_map<YAML::anchor_t, int> anchors_;
  std::optional<std::size_t> last_quoted_;
};

// Whether the quoted scalar at `start` ends. yaml-cpp takes the end of the text for a closing
// quote, so that a file cut off inside quotes would pass.
bool quote_is_closed(std::string_view text, std::size_t start) {
  while (start < text.size() && (text[start] == '&' || text[start] == '!')) {
    start = text.find_first_of(" \t\r\n", start);
    if (start != std::string_view::npos) start = text.find_first_not_of(" \t\r\n", start);
  }
  if (start >= text.size() || (text[start] != '"' && text[start] != '\'')) return true;
  const char quote = text[start];
  for (std::size_t i = start + 1; i < text.size(); ++i) {
    if (quote == '"' && text[i] == '\\') {
      ++i;
    } else if (text[i] == quote) {
      if (quote == '"' || i + 1 >= text.size() || text[i + 1] != quote) return true;
      ++i;  // '' stands for one quote
    }
  }
  return false;
}

void parse_yaml(std::string_view text, const std::string& name, DocumentBuilder& builder) {
  std::istringstream stream{std::string(text)};
  try {
    YAML::Parser parser(stream);
    YamlHandler handler(builder);
    if (!parser.HandleNextDocument(handler)) return;
    if (const auto quoted = handler.last_quoted(); quoted && !quote_is_closed(text, *quoted)) {
      const auto line = std::count(text.begin(), text.begin() + static_cast<long>(*quoted), '\n');
      throw InputError({name, "", static_cast<int>(line) + 1, 0},
                       "not valid YAML: a quote is never closed");
    }
    // A second document would otherwise be dropped without a word.
    DocumentBuilder rest(name);
    YamlHandler rest_handler(rest);
    if (parser.HandleNextDocument(rest_handler)) {
      throw InputError({name, "", 0, 0}, "the file holds more than one YAML document",
                       "keep one and remove the lines '---' between them");
    }
  } catch (const YAML::Exception& exception) {
    const YAML::Mark& mark = exception.mark;
    const bool known = !mark.is_null();
    if (const int line = line_indented_with_tab(text); line > 0) {
      throw InputError({name, "", line, 0}, "not valid YAML: a tab in the indentation",
                       "YAML is indented with spaces");
    }
    throw InputError({name, "", known ? mark.line + 1 : 0, known ? mark.column + 1 : 0},
                     "not valid YAML: " + exception.msg);
  }
}

// Walks the text for the JSON parser and remembers the line of the last character that was not
// white space: that of the token which the parser reports next.
struct JsonPosition {
  int line = 1;
  int token_line = 1;
};

class CountingIterator {
 public:
  using iterator_category = std::input_iterator_tag;
  using value_type = char;
  using difference_type = std::ptrdiff_t;
  using pointer = const char*;
  using reference = const char&;

  CountingIterator(const char* place, JsonPosition* position)
      : place_(place), position_(position) {}
  reference operator*() const { return *place_; }
  CountingIterator& operator++() {
    const char c = *place_++;
    if (c == '\n') {
      ++position_->line;
    } else if (c != ' ' && c != '\t' && c != '\r') {
      position_->token_line = position_->line;
    }
    return *this;
  }
  CountingIterator operator++(int) {
    CountingIterator before = *this;
    ++*this;
    return before;
  }
  bool operator==(const CountingIterator& other) const { return place_ == other.place_; }
  bool operator!=(const CountingIterator& other) const { return place_ != other.place_; }

 private:
  const char* place_;
  JsonPosition* position_;
};

class JsonHandler : public nlohmann::json::json_sax_t {
 public:
  JsonHandler(DocumentBuilder& builder, const JsonPosition& position)
      : builder_(builder), position_(position) {}

  bool null() override { return builder_.null(at()), true; }
  bool boolean(bool value) override {
    return builder_.boolean(value, value ? "true" : "false", at()), true;
  }
  bool number_integer(std::int64_t value) override { return integer(std::to_string(value)); }
  bool number_unsigned(std::uint64_t value) override { return integer(std::to_string(value)); }
  bool number_float(double, const std::string& text) override {
    // An integer beyond 64 bits arrives here, too.
    if (text.find_first_of(".eE") == std::string::npos) return integer(text);
    return builder_.real(to_double(text), text, at()), true;
  }
  bool string(std::string& value) override { return builder_.string(value, at()), true; }
  bool binary(nlohmann::json::binary_t&) override { return false; }
  bool start_object(std::size_t) override { return builder_.open_map(at()), true; }
  bool key(std::string& value) override { return builder_.key(value, at()), true; }
  bool end_object() override { return builder_.close(), true; }
  bool start_array(std::size_t) override { return builder_.open_list(at()), true; }
  bool end_array() override { return builder_.close(), true; }
  bool parse_error(std::size_t, const std::string&,
                   const nlohmann::json::exception& exception) override {
    // "[json.exception...] parse error at line 3, column 5: syntax error ...": our own place.
    std::string problem = exception.what();
    const std::size_t column = problem.find("column ");
    const std::size_t colon = problem.find(": ", column == std::string::npos ? 0 : column);
    if (colon != std::string::npos) problem.erase(0, colon + 2);
    throw builder_.error(at(), "not valid JSON: " + problem);
  }

 private:
  DocumentBuilder::Place at() const { return {position_.token_line, 0}; }
  bool integer(const std::string& text) {
    const bool negative = text.starts_with('-');
    return builder_.integer(negative, 10, negative ? text.substr(1) : text, text, at()), true;
  }

  DocumentBuilder& builder_;
  const JsonPosition& position_;
};

void parse_json(std::string_view text, DocumentBuilder& builder) {
  JsonPosition position;
  JsonHandler handler(builder, position);
  nlohmann::json::sax_parse(CountingIterator(text.data(), &position),
                            CountingIterator(text.data() + text.size(), &position), &handler);
}

Format format_of(std::string_view text, const std::string& name) {
  const std::filesystem::path extension = std::filesystem::path(name).extension();
  if (extension == ".json") return Format::json;
  if (extension == ".yaml" || extension == ".yml") return Format::yaml;
  const std::size_t first = text.find_first_not_of(" \t\r\n");
  const bool braces = first != std::string_view::npos && (text[first] == '{' || text[first] == '[');
  return braces ? Format::json : Format::yaml;
}

// Control characters mean a binary or UTF-16 file, and yaml-cpp takes 0x04 for the end.
void check_text(std::string_view text, const std::string& name) {
  int line = 1;
  for (std::size_t i = 0; i < text.size();) {
    const std::size_t length = utf8_length(text.substr(i, 4));
    const auto code = static_cast<unsigned char>(text[i]);
    const bool control =
        (code < 0x20 && code != '\n' && code != '\t' && code != '\r') || code == 0x7f;
    if (length == 0 || control) {
      throw InputError({name, "", line, 0},
                       control ? "not a text file: it holds a control character"
                               : "not a text file: it holds bytes that are not UTF-8",
                       "YAML and JSON documents are UTF-8 text");
    }
    if (code == '\n') ++line;
    i += length;
  }
}

}  // namespace

Document parse_document(std::string_view text, const std::string& name, Format format) {
  if (text.size() > kMaxDocumentBytes) {
    throw InputError({name, "", 0, 0},
                     "larger than " + std::to_string(kMaxDocumentBytes >> 20) + " MiB");
  }
  if (text.starts_with("\xEF\xBB\xBF")) text.remove_prefix(3);
  check_text(text, name);
  if (format == Format::automatic) format = format_of(text, name);
  DocumentBuilder builder(name);
  if (text.find_first_not_of(" \t\r\n") == std::string_view::npos) {
    throw InputError({name, "", 0, 0}, "the document is empty");
  }
  if (format == Format::json) {
    parse_json(text, builder);
  } else {
    parse_yaml(text, name, builder);
  }
  if (builder.empty()) throw InputError({name, "", 0, 0}, "the document is empty");
  return builder.take();
}

std::string read_input_file(const std::filesystem::path& path, std::size_t limit) {
  const Location where{path.string(), "", 0, 0};
  std::error_code status;
  if (std::filesystem::is_directory(path, status)) {
    throw InputError(where, "is a folder, not a file");
  }
  errno = 0;
  std::ifstream file(path, std::ios::binary);
  if (!file) {
    throw InputError(where, std::string("cannot be read: ") + std::strerror(errno ? errno : EIO));
  }
  std::string text;
  std::array<char, 1 << 16> block{};
  while (file.read(block.data(), block.size()) || file.gcount() > 0) {
    text.append(block.data(), static_cast<std::size_t>(file.gcount()));
    if (text.size() > limit) {
      throw InputError(where, "larger than " + std::to_string(limit >> 20) + " MiB");
    }
  }
  if (file.bad()) throw InputError(where, "cannot be read to its end");
  return text;
}

Document load_document(const std::filesystem::path& path, std::string* bytes) {
  if (is_document_text(path)) {
    if (bytes != nullptr) *bytes = path.native();
    return parse_document(path.native(), name_of(path), Format::json);
  }
  const std::filesystem::path extension = path.extension();
  const std::string text = read_input_file(path);
  if (extension != ".yaml" && extension != ".yml" && extension != ".json") {
    throw InputError({path.string(), "", 0, 0}, "not a YAML or JSON file by its name",
                     foreign_file_remedy(path));
  }
  if (bytes != nullptr) *bytes = text;
  return parse_document(text, path.string());
}

}  // namespace ridgeline::io
