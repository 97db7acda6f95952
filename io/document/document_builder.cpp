#include "io/document/document_builder.hpp"

#include <algorithm>
#include <charconv>
#include <cmath>
#include <limits>

#include "model/core/limits.hpp"

namespace ridgeline::io {

InputError DocumentBuilder::error(Place place, const std::string& problem,
                                  const std::string& remedy) const {
  return {{document_.name_, "", place.line, place.column}, problem, remedy};
}

int DocumentBuilder::create(Document::Node node, Place place) {
  if (document_.nodes_.size() >= kMaxDocumentValues) {
    throw error(place, "the document has more than " + std::to_string(kMaxDocumentValues) +
                           " values, aliases expanded");
  }
  take_text(node.text, place);
  take_text(node.key, place);  // of a copy
  node.line = place.line;
  node.column = place.column;
  document_.nodes_.push_back(std::move(node));
  return static_cast<int>(document_.nodes_.size()) - 1;
}

// One letter NUL would end a name early wherever it is handed to C, as in HDF5.
void DocumentBuilder::take_text(const std::string& text, Place place) {
  if (text.find('\0') != std::string::npos) throw error(place, "a text holds the character NUL");
  text_bytes_ += text.size();
  if (text_bytes_ > kMaxDocumentText) {
    throw error(place, "the document holds more than " + std::to_string(kMaxDocumentText >> 20) +
                           " MiB of text, aliases expanded");
  }
}

int DocumentBuilder::add(Document::Node node, Place place) {
  if (open_.size() >= static_cast<std::size_t>(kMaxDocumentDepth)) {
    throw error(place,
                "lists and maps are nested deeper than " + std::to_string(kMaxDocumentDepth));
  }
  const int index = create(std::move(node), place);
  attach(index);
  return index;
}

void DocumentBuilder::attach(int index) {
  if (open_.empty()) {
    document_.root_ = index;
    return;
  }
  Frame& frame = open_.back();
  auto& nodes = document_.nodes_;
  Document::Node& child = nodes[static_cast<std::size_t>(index)];
  if (frame.is_map && frame.merging) {
    frame.merged.push_back(index);
    frame.key_given = frame.merging = false;
    return;
  }
  auto& children = nodes[static_cast<std::size_t>(frame.node)].children;
  child.parent = frame.node;
  child.place = static_cast<int>(children.size());
  if (frame.is_map) {
    take_text(frame.key, frame.key_place);
    child.key = frame.key;
    if (child.kind == Kind::null) {
      // Nothing stands where the parser says it found nothing: often on the next line.
      child.line = frame.key_place.line;
      child.column = frame.key_place.column;
    }
    frame.key_given = false;
    const auto [it, fresh] = frame.places.emplace(frame.key, children.size());
    if (!fresh) {
      // The place of the first, the value of the last, as in the reference.
      note(frame.key_place, "key '" + frame.key + "' is repeated; the last value counts");
      child.place = static_cast<int>(it->second);
      children[it->second] = index;
      return;
    }
  }
  children.push_back(index);
}

int DocumentBuilder::null(Place place) {
  return add({}, place);
}

int DocumentBuilder::boolean(bool value, std::string text, Place place) {
  Document::Node node;
  node.kind = Kind::boolean;
  node.truth = value;
  node.text = std::move(text);
  return add(std::move(node), place);
}

int DocumentBuilder::integer(bool negative, int base, const std::string& digits, std::string text,
                             Place place) {
  Document::Node node;
  node.kind = Kind::integer;
  node.text = std::move(text);
  std::uint64_t magnitude = 0;
  const auto [end, status] =
      std::from_chars(digits.data(), digits.data() + digits.size(), magnitude, base);
  if (status != std::errc() || magnitude > static_cast<std::uint64_t>(model::kMaxExactInteger)) {
    node.exact = false;
    node.real = negative ? -std::numeric_limits<double>::infinity()
                         : std::numeric_limits<double>::infinity();
  } else {
    node.integer = static_cast<std::int64_t>(magnitude);
    if (negative) node.integer = -node.integer;
    node.real = static_cast<double>(node.integer);
  }
  return add(std::move(node), place);
}

int DocumentBuilder::real(double value, std::string text, Place place) {
  Document::Node node;
  node.kind = Kind::real;
  node.real = value;
  node.text = std::move(text);
  return add(std::move(node), place);
}

int DocumentBuilder::string(std::string value, Place place) {
  Document::Node node;
  node.kind = Kind::string;
  node.text = std::move(value);
  return add(std::move(node), place);
}

int DocumentBuilder::detached_string(std::string value, Place place) {
  Document::Node node;
  node.kind = Kind::string;
  node.text = std::move(value);
  return create(std::move(node), place);
}

int DocumentBuilder::open_list(Place place) {
  Document::Node node;
  node.kind = Kind::list;
  const int index = add(std::move(node), place);
  Frame frame;
  frame.node = index;
  open_.push_back(std::move(frame));
  return index;
}

int DocumentBuilder::open_map(Place place) {
  Document::Node node;
  node.kind = Kind::map;
  const int index = add(std::move(node), place);
  Frame frame;
  frame.node = index;
  frame.is_map = true;
  open_.push_back(std::move(frame));
  return index;
}

void DocumentBuilder::close() {
  if (!open_.back().merged.empty()) apply_merges(open_.back());
  open_.pop_back();
}

void DocumentBuilder::key(std::string text, Place place, bool merge) {
  Frame& frame = open_.back();
  frame.key = std::move(text);
  frame.key_place = place;
  frame.key_given = true;
  frame.merging = merge;
}

bool DocumentBuilder::wants_key() const {
  return !open_.empty() && open_.back().is_map && !open_.back().key_given;
}

bool DocumentBuilder::complete(int node) const {
  return std::none_of(open_.begin(), open_.end(),
                      [&](const Frame& frame) { return frame.node == node; });
}

const std::string& DocumentBuilder::text_of(int node) const {
  return document_.nodes_[static_cast<std::size_t>(node)].text;
}

int DocumentBuilder::copy_tree(int node, int depth, Place place) {
  if (depth > kMaxDocumentDepth) {
    throw error(place, "lists and maps are nested deeper than " +
                           std::to_string(kMaxDocumentDepth) + ", aliases expanded");
  }
  Document::Node copy = document_.nodes_[static_cast<std::size_t>(node)];
  const std::vector<int> children = std::move(copy.children);
  copy.children.clear();
  const Place own{copy.line, copy.column};
  const int index = create(std::move(copy), own);
  for (int child : children) {
    const int copied = copy_tree(child, depth + 1, place);
    document_.nodes_[static_cast<std::size_t>(copied)].parent = index;
    document_.nodes_[static_cast<std::size_t>(index)].children.push_back(copied);
  }
  return index;
}

void DocumentBuilder::copy_of(int node, Place place) {
  attach(copy_tree(node, static_cast<int>(open_.size()) + 1, place));
}

void DocumentBuilder::apply_merges(Frame& frame) {
  // Merged entries come first and give way to the map's own; within a list of maps the earlier
  // one wins.
  std::vector<int> sources;
  for (int merged : frame.merged) {
    const Document::Node& node = document_.nodes_[static_cast<std::size_t>(merged)];
    const Place place{node.line, node.column};
    std::vector<int> maps{merged};
    if (node.kind == Kind::list) maps.assign(node.children.rbegin(), node.children.rend());
    for (int map : maps) {
      if (document_.nodes_[static_cast<std::size_t>(map)].kind != Kind::map) {
        throw error(place, "a merge key '<<' must refer to a map or a list of maps");
      }
    }
    sources.insert(sources.end(), maps.begin(), maps.end());
  }
  sources.push_back(frame.node);
  std::vector<int> children;
  std::unordered_map<std::string, std::size_t> places;
  for (int source : sources) {
    for (int child : document_.nodes_[static_cast<std::size_t>(source)].children) {
      Document::Node& node = document_.nodes_[static_cast<std::size_t>(child)];
      const auto [it, fresh] = places.emplace(node.key, children.size());
      node.parent = frame.node;
      node.place = static_cast<int>(it->second);
      if (fresh) {
        children.push_back(child);
      } else {
        children[it->second] = child;
      }
    }
  }
  document_.nodes_[static_cast<std::size_t>(frame.node)].children = std::move(children);
}

void DocumentBuilder::note(Place place, const std::string& remark) {
  constexpr std::size_t kMostNotes = 100;
  if (document_.notes_.size() >= kMostNotes) return;
  document_.notes_.push_back(describe({document_.name_, "", place.line, place.column}, remark, ""));
}

}  // namespace ridgeline::io
