// Chains of cuts, built from the outermost loop inwards (docs/exact-mapping.md, "Chains").
#pragma once

#include <array>
#include <cstdint>
#include <vector>

#include "search/exact/bounds.hpp"
#include "search/exact/chain_orderings.hpp"
#include "search/exact/cut_lattice.hpp"
#include "search/exact/prefix_nodes.hpp"
#include "search/exact/rows.hpp"
#include "search/mapping/loop_factors.hpp"

namespace ridgeline::search {

// The outer part of a chain of cuts: one placed cut, with a link to those above it. The node
// that a chain has reached on its way inwards is kept outside.
struct Chain {
  std::int32_t above = -1;
  std::int32_t mark = 0;          // node of the last cut
  std::int32_t output_mark = -1;  // node of the last cut of the output; -1: none
  std::int32_t zone_start = 0;    // node at which the constraint in hand begins
  std::int16_t zone = 0;          // constraints still to be met
  std::int16_t type = 0;          // LoadingType
  std::int8_t operand = -1;       // of the last cut; -1: none, the end of a constraint
  bool in_zone = false;
  std::int32_t state = 0;  // cuts left, as the bounds number them
  OperandCounts left{};
  OperandCounts at_top{};
  // Bits are places of cuts. `tight`: cuts at `mark` whose memories may have no room for a
  // second buffer. `dirty`: those further out for which in addition no ordering keeps an
  // irrelevant loop from ending the level: their windows may be shorter than the bounds take them.
  std::uint32_t tight = 0;
  std::uint32_t dirty = 0;
  bool uncertain = false;  // sums are lower bounds only
  // Of the tight cuts: those above which a loop can lie that is not irrelevant to them, so that
  // they do not sink. The loop lies between `upper_mark` and `mark`, where another one may have
  // to end the levels of the operands `upper_top`, and holds for the operands `anchors`.
  std::uint32_t anchored = 0;
  std::int32_t upper_mark = 0;
  std::uint8_t upper_top = 0;
  std::uint8_t anchors = 0;
  // Bits are tracked ports: with a transfer that may use its whole period; with any; with more
  // than one.
  std::uint32_t wide_ports = 0;
  std::uint32_t used_ports = 0;
  std::uint32_t shared_ports = 0;
  std::array<std::uint32_t, model::kMaxOperands> floor_class{};
  std::uint64_t even_key = 0;  // all placed cuts, where evenness depends on them
};

// All chains of one search, by number, with what they have paid.
class Chains {
 public:
  // `prefix`: where the constraints lead. `even`: chains have to be told apart by all their cuts.
  Chains(const CutLattice& space, ExactBounds& bounds, const ChainOrderings& leaf,
         const std::vector<LoopConstraint>& constraints, const PrefixNodes& prefix, bool even);

  // Forgets all chains; next is the one without cuts.
  void restart();
  std::size_t size() const { return chains_.size(); }
  const Chain& operator[](std::int32_t id) const { return *chains_[static_cast<std::size_t>(id)]; }
  // Sums (kPaid...), then bits of the output's last tile at most, then those in each memory that
  // operands share.
  const double* paid(std::int32_t id) const { return paid_[static_cast<std::size_t>(id)]; }
  int width() const { return width_; }
  int first_bits() const { return pending_; }

  // A chain with one more cut at a node, or with a constraint that begins there: what is next.
  // Returns whether that is possible.
  bool place_cut(std::int32_t id, int operand, std::int64_t node);
  bool end_zone(std::int32_t id, std::int64_t node);
  // From now on, what chains pay is what their cuts cost, whatever lies between these: less than
  // with windows that turn out shorter.
  void only_sums(bool only) { only_sums_ = only; }
  std::int32_t commit();  // adds what is next; its number
  void drop_last();
  // Moves each chain from `first` on to its `place`, which is no later; -1: it goes, and nothing
  // that stays was built from it.
  void keep(std::int32_t first, const std::vector<std::int32_t>& place);
  void shrink(std::size_t count);  // the last ones go
  std::size_t bytes_each() const {
    return sizeof(Chain) + static_cast<std::size_t>(width_) * sizeof(double);
  }

  // Whether all constraints on the innermost loops are met at a node, and whether a chain at a node
  // may take a loop of a type next.
  bool zones_met(const Chain& chain, std::int64_t node) const;
  bool may_take(const Chain& chain, std::int64_t node, int type) const;
  // What of the constraint in hand decides how the chain may go on from a node: where it began, or,
  // where any size will do, whether it has a loop yet.
  std::int32_t zone_key(const Chain& chain, std::int64_t node) const;

  // Whether some ordering of whatever completes the chain is as fast as the sums of the bounds
  // say, as far as windows and sizes of tiles decide.
  bool exact_so_far(const Chain& chain, std::int64_t node) const {
    return !chain.uncertain && chain.dirty == 0 &&
           (chain.tight == 0 || has_other_loop(chain.mark, node, operands_of(chain.tight)));
  }
  // Ports that several transfers will share, none of which is known to use its whole period:
  // how much of the time their windows cover depends on all of them.
  std::uint32_t doubtful_ports(const Chain& chain, std::int64_t node) const;
  // Whether a loop between two nodes is irrelevant to none of the operands.
  bool has_other_loop(std::int64_t outer, std::int64_t inner, std::uint8_t operands) const;

 private:
  std::uint8_t operands_of(std::uint32_t cuts) const;
  bool can_hold(std::int64_t outer, std::int64_t inner, std::uint8_t top,
                std::uint8_t bottom) const;
  std::uint32_t anchored_ports(const Chain& chain, std::uint32_t cuts) const;
  bool zone_complete(const Chain& chain, std::int64_t node) const;
  void pass_mark(const Chain& chain, std::int64_t node, Chain& next);
  void shorten_windows(const Cut& cut, std::int64_t mark, double before, double after);
  bool settle_output(const Chain& chain, Chain& next, std::int64_t node);
  bool store(const Cut& cut, int place, std::int64_t node, Chain& next);
  bool fullest(int m, const Chain& chain, double& bits) const;
  std::int64_t mark_of(const Chain& chain, int o, int index) const;

  const CutLattice& space_;
  ExactBounds& bounds_;
  const ChainOrderings& leaf_;
  const std::vector<LoopConstraint>& constraints_;
  const PrefixNodes& prefix_;
  bool even_;
  bool only_sums_ = false;
  int tracked_;
  int width_ = 0;                  // figures of a chain
  int pending_ = 0;                // place: bits of the output's last tile at most
  std::vector<int> shared_place_;  // place of the bits in a shared memory; -1: not shared
  std::uint32_t always_wide_ = 0;  // ports of transfers that always use their whole period
  Rows<Chain> chains_;
  Rows<double> paid_;
  double* paid_next_ = nullptr;  // of the chain that is next
};

}  // namespace ridgeline::search
