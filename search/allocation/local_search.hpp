// Iterated local search on one objective, asked and told in batches.
//
// From a genome all neighbours are tried that differ in one gene. What improves is put together,
// since slots often do not depend on each other, and the best of all goes on. Where nothing
// improves, some moves at once lead away from the best genome so far, and it starts again: in turn
// cores that change places in a run of slots, a few slots that lie together drawn anew, moves of
// all kinds, and two optima of before crossed. From there genes are tried first that lie next to
// what changed, and the others only where that led close to the best.
#pragma once

#include <cstdint>
#include <deque>
#include <functional>
#include <vector>

#include "search/allocation/allocation_moves.hpp"

namespace ridgeline::search {

class LocalSearch {
 public:
  // Value of a genome: the objective, then what decides between equal ones. Smaller is better.
  using Value = std::vector<double>;
  // What is known of a genome; null: nothing.
  using Lookup = std::function<const Value*(const Genome&)>;

  // `number`: of the search, for its random streams. `variation` outlives it.
  LocalSearch(const AllocationVariation& variation, std::uint64_t seed, std::uint32_t number);

  // Up to `count` different unknown genomes to try next. Nothing where no genome is known yet, or
  // where all that it looked at is known.
  std::vector<Genome> ask(std::size_t count, const Lookup& lookup);
  // The value of a genome that was evaluated, whoever asked for it.
  void tell(const Genome& genome, const Value& value);
  // All that ask() gave has been told.
  void settle();

  // Whether no neighbour of the best genome is better.
  bool at_optimum() const { return optimum_; }
  const Value& best_value() const { return best_.value; }

 private:
  struct Point {
    Genome genome;
    Value value;
  };
  static bool better(const Point& a, const Point& b);
  void climb(Point from);
  void climb_better();
  void remember();  // the optimum where it is
  void kick();

  const AllocationVariation& variation_;
  std::uint64_t seed_;
  std::uint32_t number_;
  std::uint32_t step_ = 0;  // of its random streams
  std::uint32_t kicks_ = 0;
  Point best_;
  Point base_;                // whose neighbours are tried
  std::vector<Point> found_;  // neighbours better than the base; where it was kicked to
  std::deque<Genome> proposals_;
  std::vector<Point> optima_;  // the best places where it was, ascending
  std::vector<bool> near_;     // by gene: next to what changed since the kick
  std::deque<Genome> later_;   // neighbours that differ elsewhere
  std::vector<Genome> kicked_;
  bool kicking_ = false;
  bool improved_ = false;  // the best, since the last batch
  bool optimum_ = false;
};

}  // namespace ridgeline::search
