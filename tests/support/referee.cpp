#include "tests/support/referee.hpp"

#include <algorithm>
#include <map>
#include <set>

namespace ridgeline::testing::referee {

namespace {

using Element = std::vector<std::int64_t>;  // coordinates
using Tile = std::vector<int>;              // sorted ids of elements

// One unit of the array: its place along every array dimension, and the index it adds to every
// loop dimension.
struct Unit {
  std::vector<std::int64_t> place;
  std::vector<std::int64_t> index;
};

// Elements as small numbers.
class Elements {
 public:
  int id(const Element& element) {
    return ids_.emplace(element, static_cast<int>(ids_.size())).first->second;
  }

 private:
  std::map<Element, int> ids_;
};

class Walker {
 public:
  explicit Walker(const Problem& problem) : problem_(problem) { lay_out(); }

  Traffics run() {
    Traffics traffics;
    for (const Operand& operand : problem_.operands) traffics.push_back(walk_operand(operand));
    return traffics;
  }

 private:
  // How far one step of every loop moves its dimension's index: the loops of one dimension nest
  // like digits. Spatial loops of a level lie outside the temporal loops of the levels below and
  // inside those of the level itself.
  void lay_out() {
    const Operand& nesting = problem_.operands[static_cast<std::size_t>(problem_.nesting)];
    std::vector<std::int64_t> step(problem_.dims.size(), 1);
    temporal_step_.resize(problem_.temporal.size());
    std::vector<std::vector<std::int64_t>> spatial_step(problem_.array.size());
    std::vector<bool> done(problem_.array.size(), false);
    std::size_t loop = 0;
    const auto place_array = [&](int d) {
      const auto dim = static_cast<std::size_t>(d);
      if (done[dim]) return;
      done[dim] = true;
      for (const Loop& entry : problem_.array[dim]) {
        spatial_step[dim].push_back(step[static_cast<std::size_t>(entry.dim)]);
        step[static_cast<std::size_t>(entry.dim)] *= entry.factor;
      }
    };
    for (std::size_t m = 0; m < nesting.served.size(); ++m) {
      for (const int d : nesting.served[m]) place_array(d);
      for (; loop < static_cast<std::size_t>(nesting.cut[m]); ++loop) {
        const auto dim = static_cast<std::size_t>(problem_.temporal[loop].dim);
        temporal_step_[loop] = step[dim];
        step[dim] *= problem_.temporal[loop].factor;
      }
    }
    for (std::size_t d = 0; d < problem_.array.size(); ++d) place_array(static_cast<int>(d));

    units_.push_back({std::vector<std::int64_t>(problem_.array.size(), 0),
                      std::vector<std::int64_t>(problem_.dims.size(), 0)});
    for (std::size_t d = 0; d < problem_.array.size(); ++d) {
      for (std::size_t l = 0; l < problem_.array[d].size(); ++l) {
        const Loop& entry = problem_.array[d][l];
        std::vector<Unit> more;
        for (const Unit& unit : units_) {
          for (std::int64_t i = 0; i < entry.factor; ++i) {
            Unit next = unit;
            next.place[d] = next.place[d] * entry.factor + i;
            next.index[static_cast<std::size_t>(entry.dim)] += i * spatial_step[d][l];
            more.push_back(std::move(next));
          }
        }
        units_ = std::move(more);
      }
    }
    cycles_ = 1;
    for (const Loop& entry : problem_.temporal) cycles_ *= entry.factor;
  }

  // Index of every loop dimension that the temporal loops reach in a cycle.
  std::vector<std::int64_t> indices_at(std::int64_t cycle) const {
    std::vector<std::int64_t> index(problem_.dims.size(), 0);
    for (std::size_t l = 0; l < problem_.temporal.size(); ++l) {
      const Loop& entry = problem_.temporal[l];
      index[static_cast<std::size_t>(entry.dim)] += cycle % entry.factor * temporal_step_[l];
      cycle /= entry.factor;
    }
    return index;
  }

  // Which instance of level `level` each unit hangs on; level -1: the units themselves.
  std::vector<int> instances(const Operand& operand, int level) const {
    std::set<int> shared;
    for (int m = 0; m <= level; ++m) {
      const auto& served = operand.served[static_cast<std::size_t>(m)];
      shared.insert(served.begin(), served.end());
    }
    std::map<std::vector<std::int64_t>, int> numbers;
    std::vector<int> result;
    for (const Unit& unit : units_) {
      std::vector<std::int64_t> place = unit.place;
      for (const int d : shared) place[static_cast<std::size_t>(d)] = 0;
      result.push_back(numbers.emplace(place, static_cast<int>(numbers.size())).first->second);
    }
    return result;
  }

  // Whether the operand's elements depend on a loop dimension.
  static bool depends(const Operand& operand, int dim) {
    for (const Coordinate& coordinate : operand.coordinates) {
      for (const Term& term : coordinate) {
        if (term.dim == dim) return true;
      }
    }
    return false;
  }

  // What every unit needs or makes in every cycle; -1: an element that does not exist.
  std::vector<std::vector<int>> schedule(const Operand& operand) const {
    Elements elements;
    std::vector<std::vector<int>> result(static_cast<std::size_t>(cycles_),
                                         std::vector<int>(units_.size()));
    Element element(operand.coordinates.size());
    for (std::int64_t t = 0; t < cycles_; ++t) {
      const std::vector<std::int64_t> index = indices_at(t);
      for (std::size_t u = 0; u < units_.size(); ++u) {
        bool exists = true;  // units beyond the end of a loop that they do not divide idle
        for (std::size_t d = 0; d < index.size(); ++d) {
          exists = exists && index[d] + units_[u].index[d] < problem_.dims[d];
        }
        for (std::size_t c = 0; c < element.size(); ++c) {
          element[c] = 0;
          for (const Term& term : operand.coordinates[c]) {
            const auto dim = static_cast<std::size_t>(term.dim);
            element[c] += term.coefficient * (index[dim] + units_[u].index[dim]);
          }
          const std::int64_t limit = operand.limits.empty() ? 0 : operand.limits[c];
          exists = exists && (limit == 0 || element[c] < limit);
        }
        result[static_cast<std::size_t>(t)][u] = exists ? elements.id(element) : -1;
      }
    }
    return result;
  }

  // The tiles of all instances of a level over one stay: for level -1 one cycle of one unit.
  using Tiles = std::vector<Tile>;

  struct Stay {
    std::int64_t first = 0;  // cycle
    bool fresh = true;       // the indices say that the tile is another one than before
    Tiles tiles;             // by instance
  };

  // All stays at a level, one after another. A stay ends whenever a loop outside the level steps;
  // it brings a new tile if a loop stepped that the operand depends on.
  std::vector<Stay> stays(const Operand& operand, const std::vector<std::vector<int>>& schedule,
                          int level) const {
    const int cut = level < 0 ? 0 : operand.cut[static_cast<std::size_t>(level)];
    std::int64_t length = 1;
    for (int l = 0; l < cut; ++l) length *= problem_.temporal[static_cast<std::size_t>(l)].factor;
    const std::vector<int> instance = instances(operand, level);
    const int count = 1 + *std::max_element(instance.begin(), instance.end());
    std::vector<Stay> result;
    for (std::int64_t t = 0; t < cycles_; t += length) {
      Stay stay{t, t == 0 || steps(operand, t, cut), Tiles(static_cast<std::size_t>(count))};
      for (std::int64_t c = t; c < t + length; ++c) {
        for (std::size_t u = 0; u < units_.size(); ++u) {
          const int id = schedule[static_cast<std::size_t>(c)][u];
          if (id >= 0) stay.tiles[static_cast<std::size_t>(instance[u])].push_back(id);
        }
      }
      for (Tile& tile : stay.tiles) {
        std::sort(tile.begin(), tile.end());
        tile.erase(std::unique(tile.begin(), tile.end()), tile.end());
      }
      result.push_back(std::move(stay));
    }
    return result;
  }

  // Whether any loop from `cut` outwards that the operand depends on steps at cycle t.
  bool steps(const Operand& operand, std::int64_t t, int cut) const {
    std::int64_t now = t;
    std::int64_t before = t - 1;
    for (std::size_t l = 0; l < problem_.temporal.size(); ++l) {
      const Loop& entry = problem_.temporal[l];
      if (static_cast<int>(l) >= cut && now % entry.factor != before % entry.factor &&
          depends(operand, entry.dim)) {
        return true;
      }
      now /= entry.factor;
      before /= entry.factor;
    }
    return false;
  }

  std::vector<LevelTraffic> walk_operand(const Operand& operand) const {
    const auto plan = schedule(operand);
    const int levels = static_cast<int>(operand.cut.size());
    std::vector<LevelTraffic> result(operand.cut.size());
    std::vector<Stay> below = stays(operand, plan, -1);
    for (int m = 0; m < levels; ++m) {
      LevelTraffic& traffic = result[static_cast<std::size_t>(m)];
      count_low(operand, m, below, traffic);
      below = stays(operand, plan, m);
      if (m + 1 < levels) count_high(below, traffic);
    }
    // What a level sends up, the next one receives.
    for (int m = 0; m + 1 < levels; ++m) {
      result[static_cast<std::size_t>(m)].partial_high =
          result[static_cast<std::size_t>(m) + 1].partial_low;
    }
    return result;
  }

  // The units below exchange their whole tiles with this level, each element once for all that
  // hold the same: inputs are spread and outputs added on the way. The array has no memory: it
  // hands over its outputs in every cycle.
  void count_low(const Operand& operand, int level, const std::vector<Stay>& below,
                 LevelTraffic& traffic) const {
    const std::vector<int> lower = instances(operand, level - 1);
    const std::vector<int> mine = instances(operand, level);
    traffic.instances = 1 + *std::max_element(mine.begin(), mine.end());
    std::vector<std::set<int>> children(static_cast<std::size_t>(traffic.instances));
    for (std::size_t u = 0; u < units_.size(); ++u) {
      children[static_cast<std::size_t>(mine[u])].insert(lower[u]);
    }
    std::vector<std::set<int>> seen(children.size());
    std::set<int> everywhere;  // elements that any instance has seen
    for (std::size_t s = 0; s < below.size(); ++s) {
      const bool array_output = level == 0 && operand.output;
      if (!below[s].fresh && !array_output) continue;
      ++traffic.low.events;
      if (s > 0 && below[s].tiles == below[s - 1].tiles && below[s].fresh) traffic.repeated = true;
      for (std::size_t i = 0; i < children.size(); ++i) {
        std::set<Tile> streams;
        std::set<int> all;
        std::size_t sum = 0;
        for (const int child : children[i]) {
          const Tile& tile = below[s].tiles[static_cast<std::size_t>(child)];
          if (!streams.insert(tile).second) continue;
          sum += tile.size();
          all.insert(tile.begin(), tile.end());
        }
        if (sum != all.size()) traffic.overlapping = true;
        traffic.low.elements += static_cast<std::int64_t>(all.size());
        for (const int id : all) {
          if (!seen[i].insert(id).second) {
            ++traffic.low.seen_before;
            traffic.partial_low = true;
          } else if (!everywhere.insert(id).second) {
            traffic.partial_low = true;  // another instance holds a part of the same sum
          }
        }
      }
    }
  }

  static void count_high(const std::vector<Stay>& stays, LevelTraffic& traffic) {
    std::vector<std::set<int>> seen(stays.front().tiles.size());
    for (std::size_t s = 0; s < stays.size(); ++s) {
      if (!stays[s].fresh) continue;
      ++traffic.high.events;
      if (s > 0 && stays[s].tiles == stays[s - 1].tiles) traffic.repeated = true;
      for (std::size_t i = 0; i < stays[s].tiles.size(); ++i) {
        traffic.high.elements += static_cast<std::int64_t>(stays[s].tiles[i].size());
        for (const int id : stays[s].tiles[i]) {
          if (!seen[i].insert(id).second) ++traffic.high.seen_before;
        }
      }
    }
  }

  const Problem& problem_;
  std::vector<Unit> units_;
  std::vector<std::int64_t> temporal_step_;
  std::int64_t cycles_ = 1;
};

}  // namespace

Traffics walk(const Problem& problem) {
  return Walker(problem).run();
}

}  // namespace ridgeline::testing::referee
