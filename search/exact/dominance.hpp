// Which chains of cuts stand for others, so that those need not be followed
// (docs/exact-mapping.md, "Dominance").
#pragma once

#include <array>
#include <cstdint>

#include "search/exact/bounds.hpp"
#include "search/exact/chains.hpp"
#include "search/exact/cut_lattice.hpp"

namespace ridgeline::search {

// Which costs chains are compared by; `line`: by a sum of both at given prices.
enum class Focus { both, latency, energy, line };

// Only chains of equal keys are compared.
struct ChainKey {
  std::int32_t state;
  std::int32_t type;
  std::int32_t zone;
  std::int32_t zone_start;
  std::array<std::uint32_t, model::kMaxOperands> floor_class;
  std::uint64_t even_key;
  bool operator==(const ChainKey&) const = default;
};

struct ChainKeyHash {
  std::size_t operator()(const ChainKey& key) const;
};

class Dominance {
 public:
  // `prune`: false where every chain is to be followed.
  Dominance(const CutLattice& space, const ExactBounds& bounds, const Chains& chains, bool prune);

  // Whether latencies of chains can be compared at all in this space.
  bool comparable() const { return comparable_; }

  ChainKey key_of(const Chain& chain, std::int64_t node, Focus focus) const;
  bool may_stand_for_others(const Chain& chain, std::int64_t node, Focus focus) const;

  // Whether every completion of b is no better than the same completion of a. Both have the
  // same key and have reached the node. `doubtful_of_a`: Chains::doubtful_ports;
  // `stall_of_b`: a lower bound of its stall.
  bool dominates(std::int32_t a, std::int32_t b, std::int64_t node, Focus focus,
                 std::uint32_t doubtful_of_a, double stall_of_b) const;

 private:
  bool loads_in_shadow(const Chain& chain, const double* x, const double* y, int figure,
                       std::int64_t node) const;

  const CutLattice& space_;
  const ExactBounds& bounds_;
  const Chains& chains_;
  int tracked_;
  bool prune_;
  bool comparable_;
  bool shadows_;
};

}  // namespace ridgeline::search
