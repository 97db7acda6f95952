#include "io/document/document.hpp"

#include <algorithm>
#include <charconv>
#include <cmath>
#include <nlohmann/json.hpp>

#include "io/document/document_builder.hpp"
#include "io/document/nearest.hpp"
#include "model/core/limits.hpp"

namespace ridgeline::io {

namespace {

std::string quoted(const std::string& text) {
  constexpr std::size_t kLongest = 60;
  if (text.size() <= kLongest) return "'" + text + "'";
  std::size_t end = kLongest;
  while (end > 0 && (static_cast<unsigned char>(text[end]) & 0xC0) == 0x80) --end;
  return "'" + text.substr(0, end) + "...'";
}

std::string escape(const std::string& key) {
  std::string text;
  for (char c : key) {
    if (c == '~') {
      text += "~0";
    } else if (c == '/') {
      text += "~1";
    } else {
      text += c;
    }
  }
  return text;
}

std::string unescape(std::string_view token) {
  std::string text;
  for (std::size_t i = 0; i < token.size(); ++i) {
    if (token[i] == '~' && i + 1 < token.size() && (token[i + 1] == '0' || token[i + 1] == '1')) {
      text += token[++i] == '0' ? '~' : '/';
    } else {
      text += token[i];
    }
  }
  return text;
}

// Whether text is a number by a looser rule than YAML's, to say how to write it.
bool looks_like_a_number(const std::string& text) {
  double value = 0;
  const auto [end, status] = std::from_chars(text.data(), text.data() + text.size(), value);
  return status == std::errc() && end == text.data() + text.size() && !text.empty();
}

}  // namespace

std::string_view to_string(Kind kind) {
  switch (kind) {
    case Kind::null:
      return "nothing (null)";
    case Kind::boolean:
      return "a boolean";
    case Kind::integer:
      return "an integer";
    case Kind::real:
      return "a number";
    case Kind::string:
      return "text";
    case Kind::list:
      return "a list";
    case Kind::map:
      return "a map";
  }
  return "";
}

Kind Value::kind() const {
  return document_->nodes_[static_cast<std::size_t>(node_)].kind;
}

std::string Value::pointer() const {
  std::vector<std::string> parts;
  for (int n = node_;;) {
    const auto& node = document_->nodes_[static_cast<std::size_t>(n)];
    if (node.parent < 0) break;
    const bool in_map = document_->nodes_[static_cast<std::size_t>(node.parent)].kind == Kind::map;
    parts.push_back(in_map ? escape(node.key) : std::to_string(node.place));
    n = node.parent;
  }
  std::string text;
  for (auto it = parts.rbegin(); it != parts.rend(); ++it) text += "/" + *it;
  return text;
}

Location Value::location() const {
  const auto& node = document_->nodes_[static_cast<std::size_t>(node_)];
  return {document_->name_, pointer(), node.line, node.column};
}

InputError Value::error(const std::string& problem, const std::string& remedy) const {
  return {location(), problem, remedy};
}

void Value::wrong_kind(const std::string& wanted) const {
  const Kind found = kind();
  std::string problem = "expected " + wanted + ", found ";
  std::string remedy;
  switch (found) {
    case Kind::null:
    case Kind::list:
    case Kind::map:
      problem += to_string(found);
      break;
    case Kind::string:
      problem += "the text " + quoted(text());
      if (wanted.find("integer") != std::string::npos ||
          wanted.find("number") != std::string::npos) {
        if (looks_like_a_number(text())) {
          remedy =
              "write a number without quotes; in YAML one with an exponent needs a dot and "
              "the exponent's sign, as in 1.0e-3";
        }
      }
      break;
    case Kind::boolean:
      problem += "the boolean " + quoted(text());
      if (wanted.find("text") != std::string::npos) remedy = "put it in quotes";
      break;
    default:
      problem += quoted(text());
      if (wanted.find("text") != std::string::npos) remedy = "put it in quotes";
      break;
  }
  throw error(problem, remedy);
}

bool Value::as_bool() const {
  if (kind() != Kind::boolean) wrong_kind("true or false");
  return document_->nodes_[static_cast<std::size_t>(node_)].truth;
}

std::int64_t Value::as_integer(std::int64_t min, std::int64_t max) const {
  std::string wanted = "an integer";
  const bool bounded_above = max < model::kMaxExactInteger;
  if (min > -model::kMaxExactInteger && bounded_above) {
    wanted += " from " + std::to_string(min) + " to " + std::to_string(max);
  } else if (min > -model::kMaxExactInteger) {
    wanted += " of at least " + std::to_string(min);
  } else if (bounded_above) {
    wanted += " of at most " + std::to_string(max);
  }
  if (kind() != Kind::integer) wrong_kind(wanted);
  const auto& node = document_->nodes_[static_cast<std::size_t>(node_)];
  if (!node.exact) {
    throw error("the integer " + quoted(node.text) + " is beyond 2^53", "expected " + wanted);
  }
  if (node.integer < min || node.integer > max) wrong_kind(wanted);
  return node.integer;
}

bool Value::is_beyond_exact() const {
  return kind() == Kind::integer && !document_->nodes_[static_cast<std::size_t>(node_)].exact;
}

std::int64_t Value::as_size(std::int64_t min) const {
  if (is_beyond_exact() && document_->nodes_[static_cast<std::size_t>(node_)].real > 0) {
    return model::kMaxExactInteger;
  }
  return as_integer(min);
}

double Value::as_real() const {
  if (kind() != Kind::real && kind() != Kind::integer) wrong_kind("a number");
  const auto& node = document_->nodes_[static_cast<std::size_t>(node_)];
  if (node.kind == Kind::integer && !node.exact) {
    throw error("the integer " + quoted(node.text) + " is beyond 2^53", "write it with a dot");
  }
  if (!std::isfinite(node.real))
    throw error("expected a finite number, found " + quoted(node.text));
  return node.real;
}

double Value::as_real_at_least(double min) const {
  const double value = as_real();
  if (value < min) {
    nlohmann::json bound = min;
    wrong_kind("a number of at least " + bound.dump());
  }
  return value;
}

const std::string& Value::as_string() const {
  if (kind() != Kind::string) wrong_kind("text");
  return text();
}

const std::string& Value::text() const {
  return document_->nodes_[static_cast<std::size_t>(node_)].text;
}

std::size_t Value::size() const {
  if (!is_list() && !is_map()) wrong_kind("a list or a map");
  return document_->nodes_[static_cast<std::size_t>(node_)].children.size();
}

Value Value::operator[](std::size_t index) const {
  if (!is_list()) wrong_kind("a list");
  const auto& children = document_->nodes_[static_cast<std::size_t>(node_)].children;
  if (index >= children.size()) {
    throw error("expected at least " + std::to_string(index + 1) + " entries, found " +
                std::to_string(children.size()));
  }
  return {document_, children[index]};
}

std::vector<Value> Value::items() const {
  if (!is_list()) wrong_kind("a list");
  std::vector<Value> result;
  for (int child : document_->nodes_[static_cast<std::size_t>(node_)].children) {
    result.push_back({document_, child});
  }
  return result;
}

std::vector<std::pair<std::string, Value>> Value::entries() const {
  if (!is_map()) wrong_kind("a map");
  std::vector<std::pair<std::string, Value>> result;
  for (int child : document_->nodes_[static_cast<std::size_t>(node_)].children) {
    result.emplace_back(document_->nodes_[static_cast<std::size_t>(child)].key,
                        Value(document_, child));
  }
  return result;
}

std::vector<std::string> Value::keys() const {
  std::vector<std::string> result;
  for (auto& [key, value] : entries()) result.push_back(key);
  return result;
}

std::optional<Value> Value::find(std::string_view key) const {
  if (!is_map()) wrong_kind("a map");
  for (int child : document_->nodes_[static_cast<std::size_t>(node_)].children) {
    if (document_->nodes_[static_cast<std::size_t>(child)].key == key) {
      return Value(document_, child);
    }
  }
  return std::nullopt;
}

std::optional<Value> Value::find_non_null(std::string_view key) const {
  const auto value = find(key);
  return value && !value->is_null() ? value : std::nullopt;
}

Value Value::at(std::string_view key) const {
  if (const auto value = find(key)) return *value;
  const std::vector<std::string> present = keys();
  const auto misspelt = nearest(key, present);
  throw error("key '" + std::string(key) + "' is missing",
              misspelt ? "is '" + *misspelt + "' a misspelling of it?" : "");
}

void Value::allow_only(std::initializer_list<std::string_view> keys) const {
  for (const auto& [key, value] : entries()) {
    if (std::find(keys.begin(), keys.end(), key) != keys.end()) continue;
    const std::vector<std::string> known(keys.begin(), keys.end());
    throw value.error("unknown key '" + key + "'", suggestion(key, known));
  }
}

int Document::locate(std::string_view pointer, bool must_exist) const {
  const auto at_node = [&](int node) { return Value(this, node); };
  const auto fail = [&](int node, const std::string& problem, const std::string& remedy) {
    Location where = at_node(node).location();
    throw InputError(where, "pointer '" + std::string(pointer) + "' " + problem, remedy);
  };
  int node = root_;
  if (pointer.empty()) return node;
  if (pointer.front() != '/') {
    if (must_exist) {
      throw InputError({name_, "", 0, 0}, "'" + std::string(pointer) + "' is no JSON pointer",
                       "a JSON pointer starts with '/', as in /memories/l1/size");
    }
    return -1;
  }
  std::string_view rest = pointer.substr(1);
  while (true) {
    const std::size_t slash = rest.find('/');
    const std::string token = unescape(rest.substr(0, slash));
    const Node& here = nodes_[static_cast<std::size_t>(node)];
    int next = -1;
    if (here.kind == Kind::map) {
      if (const auto value = at_node(node).find(token)) next = value->node_;
      if (next < 0 && must_exist) {
        const std::vector<std::string> keys = at_node(node).keys();
        fail(node, "does not exist: there is no key '" + token + "'", suggestion(token, keys));
      }
    } else if (here.kind == Kind::list) {
      std::size_t index = 0;
      const auto [end, status] = std::from_chars(token.data(), token.data() + token.size(), index);
      const bool whole = status == std::errc() && end == token.data() + token.size() &&
                         (token.size() == 1 || token.front() != '0');
      if (whole && index < here.children.size()) next = here.children[index];
      if (next < 0 && must_exist) {
        fail(node,
             "does not exist: no entry '" + token + "' in a list of " +
                 std::to_string(here.children.size()),
             "entries count from 0");
      }
    } else if (must_exist) {
      fail(node, "does not exist: " + std::string(to_string(here.kind)) + " has nothing inside",
           "");
    }
    if (next < 0) return -1;
    node = next;
    if (slash == std::string_view::npos) return node;
    rest.remove_prefix(slash + 1);
  }
}

std::optional<Value> Document::find(std::string_view pointer) const {
  const int node = locate(pointer, false);
  if (node < 0) return std::nullopt;
  return Value(this, node);
}

Value Document::at(std::string_view pointer) const {
  return {this, locate(pointer, true)};
}

void Document::set(std::string_view pointer, const nlohmann::ordered_json& value) {
  const int target = locate(pointer, true);
  const Document part = document_from_json(value, name_);
  // The part's nodes go to the end; what was there stays behind, unreachable.
  const int offset = static_cast<int>(nodes_.size());
  for (Node node : part.nodes_) {
    if (node.parent >= 0) node.parent += offset;
    for (int& child : node.children) child += offset;
    nodes_.push_back(std::move(node));
  }
  const int fresh = part.root_ + offset;
  const Node& old = nodes_[static_cast<std::size_t>(target)];
  const int parent = old.parent;
  const int place = old.place;
  nodes_[static_cast<std::size_t>(fresh)].parent = parent;
  nodes_[static_cast<std::size_t>(fresh)].place = place;
  nodes_[static_cast<std::size_t>(fresh)].key = old.key;
  if (parent < 0) {
    root_ = fresh;
  } else {
    nodes_[static_cast<std::size_t>(parent)].children[static_cast<std::size_t>(place)] = fresh;
  }
}

namespace {

// A decimal number that 64 bits hold.
bool large_number(const std::string& text, std::uint64_t& number) {
  std::string digits;
  std::copy_if(text.begin(), text.end(), std::back_inserter(digits),
               [](char c) { return c != '_'; });
  const auto [end, status] = std::from_chars(digits.data(), digits.data() + digits.size(), number);
  return status == std::errc() && end == digits.data() + digits.size() && !digits.starts_with('0');
}

}  // namespace

nlohmann::ordered_json Document::json_of(int index) const {
  const Node& node = nodes_[static_cast<std::size_t>(index)];
  switch (node.kind) {
    case Kind::null:
      return nullptr;
    case Kind::boolean:
      return node.truth;
    case Kind::integer:
      if (node.exact) return node.integer;
      if (std::uint64_t large = 0; large_number(node.text, large)) return large;
      return node.text;  // beyond what a number holds; stays an error where a number is wanted
    case Kind::real:
      if (std::isfinite(node.real)) return node.real;
      return node.text;
    case Kind::string:
      return node.text;
    case Kind::list: {
      auto list = nlohmann::ordered_json::array();
      for (int child : node.children) list.push_back(json_of(child));
      return list;
    }
    case Kind::map: {
      auto map = nlohmann::ordered_json::object();
      for (int child : node.children) {
        // Keys are unique already: appending spares ordered_json's linear search.
        map.get_ref<nlohmann::ordered_json::object_t&>().emplace_back(
            nodes_[static_cast<std::size_t>(child)].key, json_of(child));
      }
      return map;
    }
  }
  return nullptr;
}

nlohmann::ordered_json Document::to_json() const {
  return json_of(root_);
}

namespace {

void build(const nlohmann::ordered_json& json, DocumentBuilder& builder) {
  using Type = nlohmann::ordered_json::value_t;
  switch (json.type()) {
    case Type::object:
      builder.open_map({});
      for (const auto& [key, value] : json.items()) {
        builder.key(key, {});
        build(value, builder);
      }
      builder.close();
      break;
    case Type::array:
      builder.open_list({});
      for (const auto& value : json) build(value, builder);
      builder.close();
      break;
    case Type::string:
      builder.string(json.get<std::string>(), {});
      break;
    case Type::boolean:
      builder.boolean(json.get<bool>(), json.dump(), {});
      break;
    case Type::number_integer:
    case Type::number_unsigned: {
      const std::string text = json.dump();
      const bool negative = text.starts_with('-');
      builder.integer(negative, 10, negative ? text.substr(1) : text, text, {});
      break;
    }
    case Type::number_float:
      builder.real(json.get<double>(), json.dump(), {});
      break;
    default:
      builder.null({});
      break;
  }
}

}  // namespace

Document document_from_json(const nlohmann::ordered_json& json, const std::string& name) {
  DocumentBuilder builder(name);
  build(json, builder);
  return builder.take();
}

}  // namespace ridgeline::io
