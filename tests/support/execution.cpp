#include "tests/support/execution.hpp"

#include <algorithm>
#include <cmath>
#include <map>
#include <set>

#include "model/core/index.hpp"

namespace ridgeline::testing {
namespace {

using model::Direction;
using model::MemoryOperand;
using ridgeline::z;
std::size_t z(Direction direction) {
  return static_cast<std::size_t>(direction);
}

using Element = std::vector<std::int64_t>;
using Tile = std::set<int>;
using Bits = std::map<int, std::int64_t>;  // of elements that cross

// What crosses a port at once: accesses, and how long it takes.
struct Load {
  std::int64_t words = 0;
  std::int64_t cycles = 0;
};

// One unit of the array: its place along every array dimension, and what it adds to every index.
struct Unit {
  std::vector<std::int64_t> place;
  std::vector<std::int64_t> index;
};

class Executor {
 public:
  explicit Executor(const RandomMapping& mapping) : m_(mapping) {
    lay_out();
    for (std::size_t o = 0; o < m_.layer.operands.size(); ++o) {
      levels_.push_back(memories_of(o));
    }
  }

  Execution run() {
    Execution result;
    result.cycles = cycles_;
    for (std::size_t o = 0; o < m_.layer.operands.size(); ++o) {
      result.accesses.emplace_back(levels_[o].size());
      result.exchanges.emplace_back(levels_[o].size());
      result.stored.emplace_back(levels_[o].size(), 0);
      run_operand(o, result);
    }
    return result;
  }

 private:
  MemoryOperand stored_as(std::size_t o) const { return *m_.links.link(m_.layer.operands[o].name); }

  std::vector<int> memories_of(std::size_t o) const {
    std::vector<int> result;
    for (std::size_t k = 0; k < m_.accelerator.memories.size(); ++k) {
      const auto& operands = m_.accelerator.memories[k].operands;
      if (std::count(operands.begin(), operands.end(), stored_as(o)) > 0) {
        result.push_back(static_cast<int>(k));
      }
    }
    return result;
  }

  // The loops of one dimension nest like digits. Where the units divide a loop evenly, each has a
  // block of it at every level of the operand that slides (else any); where they do not,
  // neighbouring units take neighbouring indices, and the last round leaves some idle.
  void lay_out() {
    const std::size_t dims = m_.layer.dims.size();
    std::vector<std::int64_t> unrolled(dims, 1);
    std::vector<std::int64_t> iterated(dims, 1);
    for (const auto& entry : m_.spatial) {
      for (const auto& loop : entry.loops) unrolled[z(loop.dim)] *= loop.factor;
    }
    for (const auto& loop : m_.temporal) iterated[z(loop.dim)] *= loop.size;
    std::size_t nesting = 0;
    for (std::size_t o = 0; o < m_.layer.operands.size(); ++o) {
      for (const auto& index : m_.layer.operands[o].indices) {
        if (index.is_relation) nesting = o;
      }
    }
    std::vector<std::int64_t> step(dims, 1);
    std::vector<std::vector<std::int64_t>> spatial_step(m_.spatial.size());
    for (std::size_t s = 0; s < m_.spatial.size(); ++s) {
      spatial_step[s].assign(m_.spatial[s].loops.size(), 0);
    }
    const auto even = [&](int d) {
      return unrolled[z(d)] * iterated[z(d)] == m_.layer.dims[z(d)].size;
    };
    const auto place = [&](std::size_t s, bool only_uneven) {
      for (std::size_t l = 0; l < m_.spatial[s].loops.size(); ++l) {
        const auto& loop = m_.spatial[s].loops[l];
        if (spatial_step[s][l] != 0 || (only_uneven && even(loop.dim))) continue;
        spatial_step[s][l] = step[z(loop.dim)];
        step[z(loop.dim)] *= loop.factor;
      }
    };
    for (std::size_t s = 0; s < m_.spatial.size(); ++s) place(s, true);
    temporal_step_.assign(m_.temporal.size(), 0);
    std::size_t next = 0;
    const auto memories = memories_of(nesting);
    for (std::size_t m = 0; m < memories.size(); ++m) {
      for (const int d : m_.accelerator.memories[z(memories[m])].served_dims) {
        for (std::size_t s = 0; s < m_.spatial.size(); ++s) {
          if (m_.spatial[s].array_dim == d) place(s, false);
        }
      }
      for (; next < z(m_.cuts[nesting][m]); ++next) {
        temporal_step_[next] = step[z(m_.temporal[next].dim)];
        step[z(m_.temporal[next].dim)] *= m_.temporal[next].size;
      }
    }
    for (std::size_t s = 0; s < m_.spatial.size(); ++s) place(s, false);

    units_.push_back({std::vector<std::int64_t>(m_.accelerator.array.dims.size(), 0),
                      std::vector<std::int64_t>(dims, 0)});
    for (std::size_t s = 0; s < m_.spatial.size(); ++s) {
      for (std::size_t l = 0; l < m_.spatial[s].loops.size(); ++l) {
        const auto& loop = m_.spatial[s].loops[l];
        std::vector<Unit> more;
        for (const Unit& unit : units_) {
          for (std::int64_t i = 0; i < loop.factor; ++i) {
            Unit one = unit;
            std::int64_t& at = one.place[z(m_.spatial[s].array_dim)];
            at = at * loop.factor + i;
            one.index[z(loop.dim)] += i * spatial_step[s][l];
            more.push_back(std::move(one));
          }
        }
        units_ = std::move(more);
      }
    }
    for (const auto& loop : m_.temporal) cycles_ *= loop.size;
  }

  std::vector<std::int64_t> indices_at(std::int64_t cycle) const {
    std::vector<std::int64_t> index(m_.layer.dims.size(), 0);
    for (std::size_t l = 0; l < m_.temporal.size(); ++l) {
      index[z(m_.temporal[l].dim)] += cycle % m_.temporal[l].size * temporal_step_[l];
      cycle /= m_.temporal[l].size;
    }
    return index;
  }

  // What each unit needs or makes in each cycle; -1: nothing, beyond a loop's end or in padding.
  std::vector<std::vector<int>> needs(std::size_t o) const {
    std::map<Element, int> ids;
    elements_.clear();
    std::vector<std::vector<int>> result;
    for (std::int64_t t = 0; t < cycles_; ++t) {
      const auto base = indices_at(t);
      std::vector<int> row;
      for (const Unit& unit : units_) {
        bool exists = true;
        std::vector<std::int64_t> index = base;
        for (std::size_t d = 0; d < index.size(); ++d) {
          index[d] += unit.index[d];
          exists = exists && index[d] < m_.layer.dims[d].size;
        }
        Element element;
        for (const auto& part : m_.layer.operands[o].indices) {
          if (!part.is_relation) {
            element.push_back(index[z(part.index)]);
            continue;
          }
          const auto& r = m_.layer.relations[z(part.index)];
          element.push_back(r.coefficient[0] * index[z(r.dim[0])] +
                            r.coefficient[1] * index[z(r.dim[1])] - r.padding_begin);
          // Data begins after the padding, and ends before it.
          std::int64_t end = 1 - r.padding_begin - r.padding_end;
          for (std::size_t term = 0; term < 2; ++term) {
            end += r.coefficient[term] * (m_.layer.dims[z(r.dim[term])].size - 1);
          }
          if (r.given_size) end = *r.given_size;
          exists = exists && element.back() >= 0 && element.back() < end;
        }
        if (!exists) {
          row.push_back(-1);
          continue;
        }
        const auto [place, fresh] = ids.emplace(element, static_cast<int>(ids.size()));
        if (fresh) elements_.push_back(element);
        row.push_back(place->second);
      }
      result.push_back(std::move(row));
    }
    return result;
  }

  bool depends(std::size_t o, int dim) const {
    for (const auto& part : m_.layer.operands[o].indices) {
      if (!part.is_relation) {
        if (part.index == dim) return true;
        continue;
      }
      const auto& r = m_.layer.relations[z(part.index)];
      if (r.dim[0] == dim || r.dim[1] == dim) return true;
    }
    return false;
  }

  // The instance of memory level m (-1: the unit itself) that each unit hangs on.
  std::vector<int> instances(std::size_t o, int m) const {
    std::set<int> served;
    for (int j = 0; j <= m; ++j) {
      const auto& dims = m_.accelerator.memories[z(levels_[o][z(j)])].served_dims;
      served.insert(dims.begin(), dims.end());
    }
    std::map<std::vector<std::int64_t>, int> numbers;
    std::vector<int> result;
    for (const Unit& unit : units_) {
      auto place = unit.place;
      for (const int d : served) place[z(d)] = 0;
      result.push_back(numbers.emplace(place, static_cast<int>(numbers.size())).first->second);
    }
    return result;
  }

  // Cycles at which a level has a new tile: a loop outside it stepped that the operand depends on.
  // Level -1 is the array, which keeps an input until it changes, and no output.
  std::vector<std::int64_t> starts(std::size_t o, int m) const {
    std::vector<std::int64_t> result{0};
    const int cut = m < 0 ? 0 : m_.cuts[o][z(m)];
    // From here on a memory loads tiles anew, and those below have theirs from it.
    int anew = static_cast<int>(m_.temporal.size());
    for (std::size_t j = z(std::max(m, 0)); j < levels_[o].size(); ++j) {
      if (m_.accelerator.memories[z(levels_[o][j])].reloads_tiles) {
        anew = std::min(anew, m_.cuts[o][j]);
      }
    }
    for (std::int64_t t = 1; t < cycles_; ++t) {
      std::int64_t now = t;
      std::int64_t before = t - 1;
      bool fresh = m < 0 && o == 0;
      for (std::size_t l = 0; l < m_.temporal.size(); ++l) {
        const std::int64_t size = m_.temporal[l].size;
        if (static_cast<int>(l) >= cut && now % size != before % size &&
            (depends(o, m_.temporal[l].dim) || static_cast<int>(l) >= anew)) {
          fresh = true;
        }
        now /= size;
        before /= size;
      }
      if (fresh) result.push_back(t);
    }
    return result;
  }

  const model::Port* port(std::size_t o, std::size_t m, Direction direction) const {
    const std::pair function{stored_as(o), direction};
    for (const auto& port : m_.accelerator.memories[z(levels_[o][m])].ports) {
      if (std::count(port.allocation.begin(), port.allocation.end(), function) > 0) return &port;
    }
    return nullptr;
  }

  static std::int64_t divided_up(std::int64_t a, std::int64_t b) { return (a + b - 1) / b; }

  // Whether a part of an element's place lies along a row.
  bool along(std::size_t o, std::size_t part, const std::vector<std::string>& row) const {
    const auto in_row = [&](int d) {
      return std::count(row.begin(), row.end(), m_.layer.dims[z(d)].name) > 0;
    };
    const auto& index = m_.layer.operands[o].indices[part];
    if (!index.is_relation) return in_row(index.index);
    const auto& relation = m_.layer.relations[z(index.index)];
    return in_row(relation.dim[0]) || in_row(relation.dim[1]);
  }

  Load load(std::size_t o, std::size_t m, Direction direction, const Bits& bits) const {
    const model::Port* through = port(o, m, direction);
    Load result;
    if (through == nullptr) return result;
    if (!through->requests || !through->requests->of[z(direction)]) {
      std::int64_t sum = 0;
      for (const auto& [element, size] : bits) sum += size;
      result.words = result.cycles = divided_up(sum, through->bandwidth_max);
      return result;
    }
    const model::PortRequests& requests = *through->requests;
    const auto& row = requests.rows[static_cast<std::size_t>(stored_as(o))];
    std::map<Element, std::int64_t> rows;  // bits, by what is across rows
    for (const auto& [element, size] : bits) {
      Element across;
      for (std::size_t part = 0; row && part < elements_[z(element)].size(); ++part) {
        if (!along(o, part, *row)) across.push_back(elements_[z(element)][part]);
      }
      rows[across] += size;
    }
    for (auto [across, left] : rows) {
      if (requests.burst > 0) left = divided_up(left, requests.burst) * requests.burst;
      while (left > 0) {
        const std::int64_t now = requests.bits > 0 ? std::min(left, requests.bits) : left;
        const std::int64_t words = divided_up(now, through->bandwidth_max);
        result.words += words;
        result.cycles += std::max(words, requests.cycles);
        left -= now;
      }
    }
    result.cycles = static_cast<std::int64_t>(
        std::ceil(static_cast<double>(result.cycles) / requests.efficiency));
    return result;
  }

  static Bits all_of(const Tile& tile, std::int64_t bits) {
    Bits result;
    for (const int element : tile) result[element] = bits;
    return result;
  }

  void run_operand(std::size_t o, Execution& result) const {
    const auto plan = needs(o);
    const std::size_t levels = levels_[o].size();
    std::vector<std::vector<int>> instance;  // [level + 1][unit]
    std::vector<std::vector<std::int64_t>> start;
    for (int m = -1; m < static_cast<int>(levels); ++m) {
      instance.push_back(instances(o, m));
      start.push_back(starts(o, m));
    }
    // [level + 1][stay][instance]
    std::vector<std::vector<std::vector<Tile>>> tiles(levels + 1);
    for (std::size_t a = 0; a <= levels; ++a) {
      const auto count = z(1 + *std::max_element(instance[a].begin(), instance[a].end()));
      for (std::size_t s = 0; s < start[a].size(); ++s) {
        const std::int64_t end = s + 1 < start[a].size() ? start[a][s + 1] : cycles_;
        std::vector<Tile> stay(count);
        for (std::int64_t t = start[a][s]; t < end; ++t) {
          for (std::size_t u = 0; u < units_.size(); ++u) {
            if (plan[z(t)][u] >= 0) stay[z(instance[a][u])].insert(plan[z(t)][u]);
          }
        }
        tiles[a].push_back(std::move(stay));
      }
    }
    if (o == 0) {
      run_output(plan, instance, start, tiles, result);
    } else {
      run_input(o, instance, start, tiles, result);
    }
  }

  // Units below each instance of memory level m.
  std::vector<std::set<int>> children(const std::vector<std::vector<int>>& instance,
                                      std::size_t m) const {
    std::vector<std::set<int>> result(
        z(1 + *std::max_element(instance[m + 1].begin(), instance[m + 1].end())));
    for (std::size_t u = 0; u < units_.size(); ++u) {
      result[z(instance[m + 1][u])].insert(instance[m][u]);
    }
    return result;
  }

  void run_input(std::size_t o, const std::vector<std::vector<int>>& instance,
                 const std::vector<std::vector<std::int64_t>>& start,
                 const std::vector<std::vector<std::vector<Tile>>>& tiles,
                 Execution& result) const {
    const std::int64_t bits = m_.layer.operands[o].precision;
    for (std::size_t m = 0; m < levels_[o].size(); ++m) {
      const auto below = children(instance, m);
      for (std::size_t s = 0; s < start[m].size(); ++s) {
        Exchange exchange{start[m][s], (s + 1 < start[m].size() ? start[m][s + 1] : cycles_) - 1};
        for (const auto& units : below) {
          Tile all;
          for (const int child : units) {
            const Tile& tile = tiles[m][s][z(child)];
            all.insert(tile.begin(), tile.end());
            if (m == 0) continue;
            const Load in = load(o, m - 1, Direction::wr_in_by_high, all_of(tile, bits));
            result.accesses[o][m - 1][z(Direction::wr_in_by_high)] += in.words;
            exchange.down = std::max(exchange.down, in.cycles);
            auto& stored = result.stored[o][m - 1];
            stored = std::max(stored, static_cast<std::int64_t>(tile.size()) * bits);
          }
          const Load out = load(o, m, Direction::rd_out_to_low, all_of(all, bits));
          result.accesses[o][m][z(Direction::rd_out_to_low)] += out.words;
          exchange.up = std::max(exchange.up, out.cycles);
        }
        result.exchanges[o][m].push_back(exchange);
      }
    }
    store_outermost(o, tiles, bits, result);
  }

  void store_outermost(std::size_t o, const std::vector<std::vector<std::vector<Tile>>>& tiles,
                       std::int64_t bits, Execution& result) const {
    for (const Tile& tile : tiles.back().front()) {
      auto& stored = result.stored[o].back();
      stored = std::max(stored, static_cast<std::int64_t>(tile.size()) * bits);
    }
  }

  // Sums that an instance holds, by element: of how many operations.
  using Sums = std::map<int, std::int64_t>;

  void run_output(const std::vector<std::vector<int>>& plan,
                  const std::vector<std::vector<int>>& instance,
                  const std::vector<std::vector<std::int64_t>>& start,
                  const std::vector<std::vector<std::vector<Tile>>>& tiles,
                  Execution& result) const {
    const std::size_t levels = levels_[0].size();
    const std::int64_t partial = m_.layer.operands[0].precision;
    const std::int64_t finished = m_.layer.output_final_precision;
    std::int64_t operations = m_.layer.mac_count();
    std::set<int> elements;
    for (const auto& row : plan) elements.insert(row.begin(), row.end());
    elements.erase(-1);
    operations /= static_cast<std::int64_t>(elements.size());
    std::vector<std::vector<Sums>> held(levels + 1);  // [level + 1][instance]
    std::vector<std::vector<std::set<int>>> below;
    for (std::size_t m = 0; m < levels; ++m) below.push_back(children(instance, m));
    for (std::size_t a = 0; a <= levels; ++a) {
      held[a].resize(z(1 + *std::max_element(instance[a].begin(), instance[a].end())));
    }
    const auto bits_of = [&](std::int64_t sum) { return sum == operations ? finished : partial; };
    std::vector<std::size_t> stay(levels + 1, 0);
    auto& accesses = result.accesses[0];
    for (std::int64_t t = 0; t < cycles_; ++t) {
      // What comes back, from the outermost memories inwards, to one of those that add to it.
      for (std::size_t m = levels; m-- > 0;) {
        if (start[m][stay[m]] != t) continue;
        Exchange exchange{t, (stay[m] + 1 < start[m].size() ? start[m][stay[m] + 1] : cycles_) - 1};
        for (std::size_t i = 0; i < below[m].size(); ++i) {
          std::set<int> fetched;
          for (const int child : below[m][i]) {
            Bits back;
            for (const int element : tiles[m][stay[m]][z(child)]) {
              const auto here = held[m + 1][i].find(element);
              if (here == held[m + 1][i].end() || !fetched.insert(element).second) continue;
              held[m][z(child)][element] = here->second;
              here->second = 0;  // on its way
              back[element] = partial;
            }
            if (m == 0) continue;
            const Load in = load(0, m - 1, Direction::wr_in_by_high, back);
            accesses[m - 1][z(Direction::wr_in_by_high)] += in.words;
            exchange.back_down = std::max(exchange.back_down, in.cycles);
          }
          const Load out = load(0, m, Direction::rd_out_to_low, all_of(fetched, partial));
          accesses[m][z(Direction::rd_out_to_low)] += out.words;
          exchange.back_up = std::max(exchange.back_up, out.cycles);
        }
        result.exchanges[0][m].push_back(exchange);
      }
      for (std::size_t u = 0; u < units_.size(); ++u) {
        if (plan[z(t)][u] >= 0) ++held[0][z(instance[0][u])][plan[z(t)][u]];
      }
      // What leaves, from the array outwards, added up on the way.
      for (std::size_t m = 0; m < levels; ++m) {
        const bool ends =
            stay[m] + 1 == start[m].size() ? t + 1 == cycles_ : start[m][stay[m] + 1] == t + 1;
        if (!ends) continue;
        Exchange& exchange = result.exchanges[0][m][stay[m]];
        for (std::size_t i = 0; i < below[m].size(); ++i) {
          Sums all;
          for (const int child : below[m][i]) {
            Bits bits;
            for (const auto& [element, sum] : held[m][z(child)]) {
              all[element] += sum;
              bits[element] = bits_of(sum);
            }
            if (m > 0) {
              const Load out = load(0, m - 1, Direction::rd_out_to_high, bits);
              accesses[m - 1][z(Direction::rd_out_to_high)] += out.words;
              exchange.down = std::max(exchange.down, out.cycles);
            }
            held[m][z(child)].clear();
          }
          Bits bits;
          std::int64_t done = 0;
          for (const auto& [element, sum] : all) {
            const std::int64_t now = held[m + 1][i][element] += sum;
            bits[element] = bits_of(now);
            done += now == operations ? 1 : 0;
          }
          const Load in = load(0, m, Direction::wr_in_by_low, bits);
          accesses[m][z(Direction::wr_in_by_low)] += in.words;
          exchange.up = std::max(exchange.up, in.cycles);
          const double unit = m_.accelerator.array.post_processing;
          if (unit > 0 && m == (levels > 1 ? 1U : 0U)) {
            exchange.post =
                std::max(exchange.post,
                         static_cast<std::int64_t>(std::ceil(static_cast<double>(done) / unit)));
          }
        }
        ++stay[m];
      }
    }
    for (std::size_t a = 1; a <= levels; ++a) {
      for (const auto& one : tiles[a]) {
        for (const Tile& tile : one) {
          auto& stored = result.stored[0][a - 1];
          stored = std::max(stored, static_cast<std::int64_t>(tile.size()) * finished);
        }
      }
    }
  }

  const RandomMapping& m_;
  std::vector<std::vector<int>> levels_;  // memories by operand
  std::vector<Unit> units_;
  std::vector<std::int64_t> temporal_step_;
  std::int64_t cycles_ = 1;
  mutable std::vector<Element> elements_;  // of the operand in hand, by number
};

}  // namespace

Execution execute(const RandomMapping& mapping) {
  return Executor(mapping).run();
}

}  // namespace ridgeline::testing
