// Rows of figures by node of a lattice, of which blocks that are never asked for are left out.
//
// Of a large space most cells of most tables are out of reach: where a cut is placed, only loops
// that fit below it are left. And where two dimensions can be exchanged without any difference, a
// node's figures are its mirror image's.
#pragma once

#include <cstdint>
#include <memory>
#include <vector>

namespace ridgeline::search {

// Nodes with equal figures, by number: in the order of their first nodes.
struct NodeOrbits {
  std::vector<std::int32_t> of_node;
  std::vector<std::int32_t> first;   // node of each
  std::vector<std::int32_t> second;  // the same one where there is no other
};

// Blocks of consecutive orbits (or nodes, if each is alone). Figures of a row lie one after the
// other; the first block of a row with blocks left out stands for all of these.
class NodeBlocks {
 public:
  static constexpr int kShift = 4;
  static constexpr std::int64_t kSize = std::int64_t{1} << kShift;

  // All nodes, each alone.
  explicit NodeBlocks(std::int64_t nodes = 0) : size_(nodes) {}
  // The blocks of those that are marked. `orbits`: none, and it is nodes that are.
  NodeBlocks(const std::vector<std::uint8_t>& marked, std::shared_ptr<const NodeOrbits> orbits)
      : shift_(kShift),
        size_(kSize),
        base_((marked.size() + kSize - 1) >> kShift, 0),
        orbits_(std::move(orbits)) {
    for (std::size_t b = 0; b < base_.size(); ++b) {
      bool any = false;
      for (std::size_t x = b << kShift; x < marked.size() && x < (b + 1) << kShift; ++x) {
        any = any || marked[x] != 0;
      }
      const auto first = static_cast<std::int64_t>(b) << kShift;
      base_[b] = static_cast<std::int32_t>((any ? size_ : 0) - first);
      if (any) size_ += kSize;
    }
  }

  bool all() const { return shift_ != kShift; }
  // Place of a node's figures in a row.
  std::int64_t at(std::int64_t node) const {
    if (orbits_) node = orbits_->of_node[static_cast<std::size_t>(node)];
    return base_[static_cast<std::size_t>(node >> shift_)] + node;
  }
  bool has(std::int64_t node) const { return all() || at(node) >= kSize; }
  bool has_block(std::int64_t block) const {
    return all() || base_[static_cast<std::size_t>(block)] + (block << kShift) >= kSize;
  }
  std::int64_t size() const { return size_; }  // of a row

 private:
  int shift_ = 62;
  std::int64_t size_;
  std::vector<std::int32_t> base_{0};  // by block: what leads from a number to its place
  std::shared_ptr<const NodeOrbits> orbits_;
};

}  // namespace ridgeline::search
