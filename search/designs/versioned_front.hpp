// The Pareto front of the completed blocks, as it was after each of them.
//
// A design is tested against the front of one fixed number of blocks, whatever has been
// completed since: whether it is pruned must not depend on timing. So points that later ones
// dominate stay until nobody can ask for a front that they were on.
//
// Where a parameter does not matter, very many designs are equal in all objectives: each distinct
// vector is kept and compared once.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

namespace ridgeline::search {

struct FrontPoint {
  std::uint64_t id = 0;
  std::vector<double> objectives;  // smaller is better
  std::uint32_t since = 0;         // number of blocks after which it is known
};

class VersionedFront {
 public:
  // Points that others dominate are left out, and those with a NaN. `since` never decreases from
  // point to point. A call takes n log n steps in the points and the newest front together, for
  // two and three objectives: give it all points of a block at once.
  void add(std::vector<FrontPoint> points);
  // Whether a point of the front of the first `blocks` blocks dominates `objectives`.
  bool dominates(std::span<const double> objectives, std::uint32_t blocks) const;
  // Forgets what was no longer on the front after `blocks` blocks.
  void forget(std::uint32_t blocks);
  // Those on the newest front, by objectives, then id; `since` is that of the first of equals.
  std::vector<FrontPoint> members() const;
  // Their distinct objectives, in no order.
  std::vector<std::vector<double>> vectors() const;
  std::size_t size() const { return members_; }
  // What came to it after `blocks` blocks, members of later fronts only included if they
  // still matter to some front, one of equals; in the order of their coming.
  std::vector<FrontPoint> since(std::uint32_t blocks) const;

 private:
  struct Entry {
    std::uint64_t id = 0;
    std::uint32_t since = 0;
    std::uint32_t until = kAlways;     // number of blocks after which it is dominated
    std::vector<std::uint64_t> equal;  // further ids with the same objectives
  };
  static constexpr std::uint32_t kAlways = 0xffffffff;

  std::span<const double> objectives(std::size_t entry) const {
    return {values_.data() + entry * width_, width_};
  }
  FrontPoint point(std::size_t entry) const;
  void add_block(std::span<const FrontPoint> points);
  void erase_until(std::uint32_t blocks);

  std::vector<Entry> entries_;
  std::vector<double> values_;  // objectives of the entries, one after the other
  std::size_t width_ = 0;
  std::size_t members_ = 0;
};

}  // namespace ridgeline::search
