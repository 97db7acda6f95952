// Keys by content: equal keys mean equal contents, and so equal results. What remembers results
// (of layers, of nodes on cores) uses these and no others.
//
// A key is bytes: each value has its type in front, each list and text its length, so that no two
// different sequences of values give the same bytes.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "model/core/accelerator.hpp"
#include "model/core/hierarchy.hpp"
#include "model/core/layer.hpp"
#include "model/core/mapping_spec.hpp"

namespace ridgeline::search {

class ContentKey {
 public:
  void number(std::int64_t value);
  void real(double value);  // its bits: -0.0 is not 0.0
  void text(std::string_view value);
  template <typename List, typename Write>
  void list(const List& items, Write write) {
    put('l', static_cast<std::uint64_t>(items.size()));
    for (const auto& item : items) write(item);
  }
  // The values of another key, as if they were written here.
  void append(const ContentKey& other) { bytes_ += other.bytes_; }

  // A layer as its cost depends on it: without its own name, and of paddings only the sizes that
  // follow.
  void layer(const model::Layer& layer);
  void unrolls(const std::vector<model::ArrayDimUnroll>& mapping);
  void array(const model::OperationalArray& array);
  // Without what the cost does not depend on (areas, names of ports). The memory's name is in,
  // since reasons why something does not fit name it.
  void memory(const model::Memory& memory);
  void requests(const model::PortRequests& requests);
  void mapping(const model::MappingEntry& mapping);

  const std::string& bytes() const { return bytes_; }
  std::string take() { return std::move(bytes_); }

 private:
  void put(char type, std::uint64_t value);

  std::string bytes_;
};

// Everything that decides the result of map_layer, except the options. Names of layers and of
// mapping entries are left out.
std::string content_key(const model::Layer& layer, const model::Accelerator& accelerator,
                        const model::Hierarchy& hierarchy, const model::MappingEntry& mapping);

}  // namespace ridgeline::search
