// Builds a Document from the events of a parser; keeps the limits. Internal to io/.
#pragma once

#include <string>
#include <unordered_map>
#include <vector>

#include "io/document/document.hpp"

namespace ridgeline::io {

class DocumentBuilder {
 public:
  explicit DocumentBuilder(std::string name) { document_.name_ = std::move(name); }

  struct Place {
    int line = 0;
    int column = 0;
  };

  // Scalars and openings of containers. Each returns the node.
  int null(Place place);
  int boolean(bool value, std::string text, Place place);
  // `integer` as written in base 10, 8, 16 or 2 after the sign, digits only.
  int integer(bool negative, int base, const std::string& digits, std::string text, Place place);
  int real(double value, std::string text, Place place);
  int string(std::string value, Place place);
  int open_list(Place place);
  int open_map(Place place);
  void close();

  // Before each value of a map. `merge`: the value's entries join the map (YAML's `<<`).
  void key(std::string text, Place place, bool merge = false);
  bool wants_key() const;

  // A copy of a value that is complete, as the next value.
  void copy_of(int node, Place place);
  bool complete(int node) const;
  const std::string& text_of(int node) const;
  // A scalar that belongs to no container yet (an anchored key).
  int detached_string(std::string value, Place place);

  void note(Place place, const std::string& remark);
  bool empty() const { return document_.nodes_.empty(); }
  InputError error(Place place, const std::string& problem, const std::string& remedy = "") const;

  // The finished document.
  Document take() { return std::move(document_); }

 private:
  struct Frame {
    int node = 0;
    bool is_map = false;
    bool key_given = false;
    bool merging = false;
    std::string key;
    Place key_place;
    std::unordered_map<std::string, std::size_t> places;  // of a key among the children
    std::vector<int> merged;
  };

  int add(Document::Node node, Place place);
  int create(Document::Node node, Place place);
  void attach(int node);
  // Counts what a node holds, and refuses what no text may hold.
  void take_text(const std::string& text, Place place);
  int copy_tree(int node, int depth, Place place);
  void apply_merges(Frame& frame);

  Document document_;
  std::vector<Frame> open_;
  std::size_t text_bytes_ = 0;  // of all texts and keys
};

}  // namespace ridgeline::io
