// A referee for transfer counts: executes a mapping element by element and counts what moves.
//
// It knows loop nests, sets of elements and nothing of the model: no closed forms for tile sizes,
// no relevance classes, no sinking of loops. docs/referee.md says what it does and in which
// named cases the model counts otherwise.
#pragma once

#include <array>
#include <cstdint>
#include <string>
#include <vector>

namespace ridgeline::testing::referee {

// A temporal or spatial loop over `factor` steps of a loop dimension.
struct Loop {
  int dim = 0;
  std::int64_t factor = 1;
};

// One coordinate of an operand's element: the sum of coefficient * loop index.
struct Term {
  int dim = 0;
  std::int64_t coefficient = 1;
};
using Coordinate = std::vector<Term>;

struct Operand {
  bool output = false;
  std::vector<Coordinate> coordinates;
  // Elements outside [0, limit) of a coordinate do not exist (padding); 0: no limit.
  std::vector<std::int64_t> limits;
  // By memory level, innermost first: array dimensions that one instance serves, and how many of
  // the temporal loops, from the innermost, lie in this and the lower levels.
  std::vector<std::vector<int>> served;
  std::vector<int> cut;
};

struct Problem {
  std::vector<std::int64_t> dims;        // sizes of the loop dimensions
  std::vector<std::vector<Loop>> array;  // by array dimension: loops along it, in order
  std::vector<Loop> temporal;            // innermost first
  std::vector<Operand> operands;
  int nesting = 0;  // the operand whose levels decide which spatial loop is inside which
};

// What crosses one side of a memory level, over all instances of it.
struct Traffic {
  std::int64_t elements = 0;  // moved
  std::int64_t events = 0;    // transfers: times at which everything on this side is reloaded
  // Of `elements`, those that had been there before: partial sums to be fetched.
  std::int64_t seen_before = 0;
};

struct LevelTraffic {
  std::int64_t instances = 0;
  Traffic low;                // to or from the units below
  Traffic high;               // to or from the level above; empty for the outermost level
  bool partial_low = false;   // outputs crossing the low side are partial sums
  bool partial_high = false;  // the same of the high side
  // The tiles on the low side overlap without being equal, or one tile after another is the same
  // although the indices say it is a new one.
  bool overlapping = false;
  bool repeated = false;
};

// [operand][memory level]
using Traffics = std::vector<std::vector<LevelTraffic>>;

Traffics walk(const Problem& problem);

}  // namespace ridgeline::testing::referee
