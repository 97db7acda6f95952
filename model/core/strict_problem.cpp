#include "model/core/strict_problem.hpp"

#include <algorithm>
#include <cmath>
#include <map>
#include <set>

#include "model/core/index.hpp"

namespace ridgeline::model {

namespace {

// One spatial loop in mapping order: neighbouring units work on neighbouring indices.
struct Digit {
  int dim = 0;
  int array_dim = 0;
  std::int64_t factor = 1;
};

// Indices of one loop dimension that a tile takes: an interval, or a list.
struct Indices {
  std::int64_t first = 0;
  std::int64_t count = 0;
  std::vector<std::int64_t> list{};  // empty: the interval
  std::int64_t round = 0;  // of the temporal loops outside; if `spread`, its place among all tiles
  bool spread = false;     // over instances, wherever they lie among these loops

  std::int64_t operator[](std::int64_t i) const { return list.empty() ? first + i : list[z(i)]; }
};

// Distinct values of c1 * a + c2 * b - padding in [0, size).
class WindowCounter {
 public:
  explicit WindowCounter(const Layer& layer, int relation)
      : relation_(layer.relations[z(relation)]), size_(data_size(layer, relation_)) {}

  std::int64_t count(const Indices& a, const Indices& b) {
    const std::int64_t c1 = relation_.coefficient[0];
    const std::int64_t c2 = relation_.coefficient[1];
    if (a.count == 0 || b.count == 0) return 0;
    const bool intervals = a.list.empty() && b.list.empty();
    if (intervals && ((c2 == 1 && b.count >= c1) || (c1 == 1 && a.count >= c2))) {
      const std::int64_t first = c1 * a.first + c2 * b.first;
      return clipped(first, first + c1 * (a.count - 1) + c2 * (b.count - 1) + 1);
    }
    if (intervals && c2 == 1 && b.count < c1) {
      std::int64_t sum = 0;
      for (std::int64_t i = 0; i < a.count; ++i) {
        const std::int64_t first = c1 * (a.first + i) + b.first;
        sum += clipped(first, first + b.count);
      }
      return sum;
    }
    seen_.clear();
    for (std::int64_t i = 0; i < a.count; ++i) {
      for (std::int64_t j = 0; j < b.count; ++j) {
        const std::int64_t x = c1 * a[i] + c2 * b[j] - relation_.padding_begin;
        if (x >= 0 && x < size_) seen_.push_back(x);
      }
    }
    std::sort(seen_.begin(), seen_.end());
    return std::unique(seen_.begin(), seen_.end()) - seen_.begin();
  }

  // Whether no tile meets padding or the data's end.
  bool nothing_outside(std::int64_t n1, std::int64_t n2) const {
    const std::int64_t last =
        relation_.coefficient[0] * (n1 - 1) + relation_.coefficient[1] * (n2 - 1);
    return relation_.padding_begin == 0 && last < size_;
  }

 private:
  // Places that the data has: where a stride passes over some, they are there all the same.
  static std::int64_t data_size(const Layer& layer, const DimRelation& relation) {
    if (relation.given_size) return *relation.given_size;
    std::int64_t size = 1 - relation.padding_begin - relation.padding_end;
    for (std::size_t t = 0; t < 2; ++t) {
      size += relation.coefficient[t] * (layer.dims[z(relation.dim[t])].size - 1);
    }
    return size;
  }

  std::int64_t clipped(std::int64_t first, std::int64_t end) const {
    first = std::max<std::int64_t>(0, first - relation_.padding_begin);
    end = std::min(size_, end - relation_.padding_begin);
    return std::max<std::int64_t>(0, end - first);
  }

  const DimRelation& relation_;
  std::int64_t size_;
  std::vector<std::int64_t> seen_;
};

std::vector<double> divisors_of(std::int64_t n) {
  std::vector<double> result;
  for (std::int64_t d = 1; d <= n / d; ++d) {
    if (n % d != 0) continue;
    const std::int64_t other = n / d;
    result.push_back(static_cast<double>(d));
    if (d != other) result.push_back(static_cast<double>(other));
  }
  std::sort(result.begin(), result.end());
  return result;
}

class StrictCompiler {
 public:
  StrictCompiler(const Layer& layer, const Accelerator& accelerator, const Hierarchy& hierarchy,
                 const std::vector<std::vector<int>>& levels, const SpatialMapping& spatial,
                 const Problem& problem)
      : layer_(layer),
        accelerator_(accelerator),
        hierarchy_(hierarchy),
        levels_(levels),
        problem_(problem),
        strict_(std::make_shared<StrictProblem>()) {
    std::vector<std::int64_t> unrolled(layer.dims.size(), 1);
    for (const SpatialDim& entry : spatial) {
      const std::int64_t size = accelerator.array.dims[z(entry.array_dim)].size;
      for (const SpatialLoop& loop : entry.loops) {
        std::int64_t& earlier = unrolled[z(loop.dim)];
        const std::int64_t rest = (layer.dims[z(loop.dim)].size + earlier - 1) / earlier;
        const std::int64_t factor = std::min({loop.factor, size, rest});
        earlier *= factor;
        digits_.push_back({loop.dim, entry.array_dim, factor});
      }
    }
    units_ = std::move(unrolled);
  }

  std::variant<std::shared_ptr<const StrictProblem>, std::string> run() {
    strict_->ragged_place.fill(-1);
    for (int d = 0; d < problem_.dims; ++d) {
      const std::int64_t size = layer_.dims[z(d)].size;
      if (units_[z(d)] * problem_.temporal_size[z(d)] == size) continue;
      if (strict_->ragged_count == kMaxRagged) {
        return std::string("more than 6 loops that their unrollings do not divide");
      }
      strict_->ragged_place[z(d)] = static_cast<std::int8_t>(strict_->ragged_count);
      RaggedLoop& loop = strict_->ragged[z(strict_->ragged_count++)];
      loop.dim = d;
      loop.size = static_cast<double>(size);
      loop.rounds = static_cast<double>(problem_.temporal_size[z(d)]);
    }
    for (int o = 0; o < problem_.operands; ++o) {
      for (int m = 0; m < problem_.operand[z(o)].levels; ++m) {
        if (std::string reason = compile_level(o, m); !reason.empty()) return reason;
      }
      double rounds = 1;
      for (int d = 0; d < problem_.dims; ++d) {
        if (plain_relevant(o, d)) rounds *= static_cast<double>(problem_.temporal_size[z(d)]);
      }
      strict_->relevant_rounds[z(o)] = rounds;
    }
    compile_ports();
    for (const Digit& digit : digits_) {
      const auto& systolic = accelerator_.array.systolic_dims;
      if (std::find(systolic.begin(), systolic.end(), digit.array_dim) == systolic.end()) continue;
      skew_[digit.array_dim] = std::max<std::int64_t>(1, skew_[digit.array_dim]) * digit.factor;
    }
    for (const auto& [dim, units] : skew_) strict_->skew += static_cast<double>(units - 1);
    for (int k = 0; k < problem_.memories; ++k) {
      const Memory& memory = accelerator_.memories[z(problem_.memory[z(k)].source)];
      strict_->forced[z(k)] = memory.force_double_buffering;
      strict_->output_buffers[z(k)] = memory.output_buffers;
    }
    strict_->post_processing = accelerator_.array.post_processing;
    strict_->post_level = problem_.operand[0].levels > 1 ? 1 : 0;
    return std::shared_ptr<const StrictProblem>(strict_);
  }

 private:
  bool sliding(int o, int d) const {
    return problem_.operand[z(o)].partial && problem_.relation_slot[z(d)] >= 0;
  }
  bool relevant(int o, int d) const { return (problem_.operand[z(o)].relevant >> d & 1u) != 0; }
  bool plain_relevant(int o, int d) const {
    return relevant(o, d) && strict_->ragged_place[z(d)] < 0;
  }

  // The first memory level of which one instance serves a spatial loop's units together;
  // kMaxLevels: none.
  int serving(int o, const Digit& digit) const {
    for (std::size_t m = 0; m < levels_[z(o)].size(); ++m) {
      const HierarchyMemory& entry = hierarchy_.memories[z(levels_[z(o)][m])];
      const auto& served = accelerator_.memories[z(entry.memory)].served_dims;
      if (std::find(served.begin(), served.end(), digit.array_dim) != served.end()) {
        return static_cast<int>(m);
      }
    }
    return kMaxLevels;
  }
  bool inside(int o, int m, const Digit& digit) const { return serving(o, digit) <= m; }

  std::string compile_level(int o, int m) {
    StrictLevel& level = strict_->level[z(o)][z(m)];
    for (const Digit& digit : digits_) {
      const auto factor = static_cast<double>(digit.factor);
      const bool in = inside(o, m, digit);
      const bool irrelevant = (problem_.operand[z(o)].irrelevant >> digit.dim & 1u) != 0;
      if (irrelevant && !in) level.reduced_outer *= factor;
      if (sliding(o, digit.dim) || strict_->ragged_place[z(digit.dim)] >= 0) continue;
      if (relevant(o, digit.dim)) {
        (in ? level.relevant_inner : level.relevant_outer) *= factor;
      } else if (irrelevant && !in) {
        level.irrelevant_outer *= factor;
      }
    }
    for (int k = 0; k < strict_->ragged_count; ++k) {
      if (std::string reason = compile_ragged(o, m, strict_->ragged[z(k)]); !reason.empty()) {
        return reason;
      }
    }
    if (problem_.operand[z(o)].partial) {
      for (int r = 0; r < problem_.relations; ++r) {
        level.table[z(r)] = static_cast<std::int16_t>(table_of(o, m, r));
        for (std::size_t t = 0; t < 2; ++t) {
          const int d = layer_.relations[z(r)].dim[t];
          for (const Digit& digit : digits_) {
            const int at = serving(o, digit);
            if (digit.dim != d || at <= m || strict_->ragged_place[z(d)] >= 0) continue;
            level.instances[z(r)][t].at[z(at)] *= static_cast<double>(digit.factor);
          }
        }
      }
    }
    return "";
  }

  // Offsets of the units along a dimension: of those that one instance serves, or of the instances.
  std::vector<std::int64_t> offsets(int o, int m, int d, bool in) const {
    std::vector<std::int64_t> result{0};
    std::int64_t step = 1;
    for (const Digit& digit : digits_) {
      if (digit.dim != d) continue;
      if (inside(o, m, digit) == in) {
        std::vector<std::int64_t> more;
        for (std::int64_t i = 0; i < digit.factor; ++i) {
          for (const std::int64_t offset : result) more.push_back(offset + i * step);
        }
        result = std::move(more);
      }
      step *= digit.factor;
    }
    std::sort(result.begin(), result.end());
    return result;
  }

  std::string compile_ragged(int o, int m, RaggedLoop& loop) const {
    RaggedLevel& level = loop.level[z(o)][z(m)];
    const auto in = offsets(o, m, loop.dim, true);
    const auto out = offsets(o, m, loop.dim, false);
    level.inner = static_cast<double>(in.size());
    level.outer = static_cast<double>(out.size());
    const std::int64_t left = layer_.dims[z(loop.dim)].size -
                              (static_cast<std::int64_t>(loop.rounds) - 1) * units_[z(loop.dim)];
    for (const std::int64_t offset : out) {
      const auto working = static_cast<double>(
          std::count_if(in.begin(), in.end(), [&](std::int64_t i) { return i + offset < left; }));
      if (working == 0) continue;
      level.last_instances += 1;
      level.last_largest = std::max(level.last_largest, working);
      int k = 0;
      while (k < level.last_count && level.last[z(k)].size != working) ++k;
      if (k == kMaxEdges) return "a loop is unrolled too unevenly over the array";
      if (k == level.last_count) level.last[z(level.last_count++)] = {working, 0};
      level.last[z(k)].count += 1;
    }
    return "";
  }

  // Index tiles of a dimension with so many temporal iterations inside, by instance and round.
  std::vector<Indices> index_tiles(int o, int m, int d, std::int64_t inside_loops) const {
    const std::int64_t size = layer_.dims[z(d)].size;
    const std::int64_t rounds = problem_.temporal_size[z(d)] / inside_loops;
    const auto in = offsets(o, m, d, true);
    const auto out = offsets(o, m, d, false);
    const auto units_inside = static_cast<std::int64_t>(in.size());
    std::vector<Indices> tiles;
    const bool ragged = strict_->ragged_place[z(d)] >= 0;
    if (!ragged || out.size() == 1) {
      // A unit's share of a loop that is divided evenly lies together.
      const std::int64_t length = inside_loops * units_inside;
      for (std::int64_t first = 0; first < size; first += length) {
        tiles.push_back(
            {first, std::min(length, size - first), {}, first / length, out.size() > 1});
      }
      return tiles;
    }
    for (std::int64_t round = 0; round < rounds; ++round) {
      for (const std::int64_t offset : out) {
        Indices tile{0, 0, {}, round};
        for (std::int64_t i = 0; i < inside_loops; ++i) {
          for (const std::int64_t unit : in) {
            const std::int64_t x = (round * inside_loops + i) * units_[z(d)] + offset + unit;
            if (x < size) tile.list.push_back(x);
          }
        }
        tile.count = static_cast<std::int64_t>(tile.list.size());
        tiles.push_back(std::move(tile));
      }
    }
    return tiles;
  }

  // Levels that serve the same units of both dimensions share a table.
  int table_of(int o, int m, int r) {
    const DimRelation& relation = layer_.relations[z(r)];
    std::vector<std::int64_t> key{r};
    for (const int d : relation.dim) {
      for (const Digit& digit : digits_) {
        if (digit.dim == d) key.push_back(inside(o, m, digit) ? 1 : 0);
      }
      key.push_back(-1);
    }
    const auto [place, fresh] =
        table_places_.try_emplace(key, static_cast<int>(strict_->tables.size()));
    if (fresh) strict_->tables.push_back(build_table(o, m, r));
    return place->second;
  }

  SlidingTable build_table(int o, int m, int r) const {
    const DimRelation& relation = layer_.relations[z(r)];
    SlidingTable table;
    WindowCounter counter(layer_, r);
    for (std::size_t t = 0; t < 2; ++t) {
      table.divisors[t] = divisors_of(problem_.temporal_size[z(relation.dim[t])]);
    }
    std::vector<std::vector<Indices>> second;
    for (const double b : table.divisors[1]) {
      second.push_back(index_tiles(o, m, relation.dim[1], static_cast<std::int64_t>(b)));
    }
    const double all = table.divisors[0].back() * table.divisors[1].back();
    const bool plain = strict_->ragged_place[z(relation.dim[0])] < 0 &&
                       strict_->ragged_place[z(relation.dim[1])] < 0 &&
                       counter.nothing_outside(layer_.dims[z(relation.dim[0])].size,
                                               layer_.dims[z(relation.dim[1])].size);
    for (const double a : table.divisors[0]) {
      const auto first = index_tiles(o, m, relation.dim[0], static_cast<std::int64_t>(a));
      for (std::size_t i = 0; i < second.size(); ++i) {
        const double outside = all / (a * table.divisors[1][i]);
        table.tiles.push_back(count_tiles(first, second[i], outside, plain, counter, table));
      }
    }
    return table;
  }

  // `rounds`: of the temporal loops outside, in both dimensions.
  static SlidingTiles count_tiles(const std::vector<Indices>& a, const std::vector<Indices>& b,
                                  double rounds, bool plain, WindowCounter& counter,
                                  SlidingTable& table) {
    std::vector<TileCount>& pool = table.pool;
    SlidingTiles tiles;
    bool spread = false;
    std::map<std::int64_t, double> sizes;
    std::map<std::int64_t, double> at_a_time;
    if (plain) {
      const std::int64_t size = counter.count(a.front(), b.front());
      sizes[size] = static_cast<double>(a.size()) * static_cast<double>(b.size());
    } else {
      std::map<std::pair<std::int64_t, std::int64_t>, std::int64_t> largest;
      for (const Indices& x : a) {
        for (const Indices& y : b) {
          const std::int64_t size = counter.count(x, y);
          std::int64_t& most = largest[{x.round, y.round}];
          most = std::max(most, size);
          if (size > 0) sizes[size] += 1;
        }
      }
      for (const auto& [round, size] : largest) at_a_time[size] += 1;
      spread = a.front().spread || b.front().spread;
      tiles.spread = spread && at_a_time.size() > 1;
      if (at_a_time.size() > 1) {
        tiles.rounds = static_cast<std::int32_t>(table.by_round.size());
        tiles.second_rounds = static_cast<std::uint32_t>(b.back().round + 1);
        for (const auto& [round, size] : largest) {
          table.by_round.push_back(static_cast<double>(size));
        }
      }
    }
    tiles.begin = static_cast<std::uint32_t>(pool.size());
    for (const auto& [size, count] : sizes) {
      pool.push_back({static_cast<double>(size), count});
      tiles.largest = std::max(tiles.largest, static_cast<double>(size));
    }
    tiles.end = static_cast<std::uint32_t>(pool.size());
    if (plain || spread) at_a_time = {{static_cast<std::int64_t>(tiles.largest), rounds}};
    for (const auto& [size, count] : at_a_time) pool.push_back({static_cast<double>(size), count});
    tiles.time_end = static_cast<std::uint32_t>(pool.size());
    return tiles;
  }

  void compile_ports() {
    for (int p = 0; p < problem_.ports; ++p) {
      const ProblemPort& port = problem_.port[z(p)];
      for (int i = port.begin; i < port.end; ++i) {
        const PortLink& link = problem_.link[z(i)];
        const int source = problem_.memory[z(port.memory)].source;
        const Memory& memory = accelerator_.memories[z(source)];
        StrictLevel& level = strict_->level[link.operand][link.level];
        level.port[link.direction] = static_cast<std::int8_t>(p);
        level.word[link.direction] = port.bandwidth;
        level.latency = static_cast<double>(std::max<std::int64_t>(0, memory.latency - 1));
        level.reloads = memory.reloads_tiles;
        for (const Port& source_port : memory.ports) {
          if (source_port.requests) set_requests(source_port, link, level);
        }
      }
    }
  }

  // If the port serves the link.
  void set_requests(const Port& port, const PortLink& link, StrictLevel& level) {
    const auto operand = static_cast<MemoryOperand>(link.stored_as);
    const std::pair function{operand, static_cast<Direction>(link.direction)};
    const PortRequests& asked = *port.requests;
    if (!asked.of[link.direction] || std::find(port.allocation.begin(), port.allocation.end(),
                                               function) == port.allocation.end()) {
      return;
    }
    StrictRequests requests;
    requests.bits = static_cast<double>(asked.bits);
    requests.cycles = static_cast<double>(asked.cycles);
    requests.burst = static_cast<double>(asked.burst);
    requests.efficiency = asked.efficiency;
    const auto& row = asked.rows[static_cast<std::size_t>(operand)];
    requests.whole_tiles = !row;
    for (int d = 0; row && d < problem_.dims; ++d) {
      if (std::find(row->begin(), row->end(), layer_.dims[z(d)].name) != row->end()) {
        requests.rows |= 1u << d;
      }
    }
    for (const Digit& digit : digits_) {
      if (!inside(link.operand, link.level, digit) || sliding(link.operand, digit.dim) ||
          !plain_relevant(link.operand, digit.dim) || !(requests.rows >> digit.dim & 1u)) {
        continue;
      }
      level.row_inner[link.direction] *= static_cast<double>(digit.factor);
    }
    level.requests[link.direction] = static_cast<std::int8_t>(strict_->requests.size());
    strict_->requests.push_back(requests);
  }

  const Layer& layer_;
  const Accelerator& accelerator_;
  const Hierarchy& hierarchy_;
  const std::vector<std::vector<int>>& levels_;
  const Problem& problem_;
  std::shared_ptr<StrictProblem> strict_;
  std::vector<Digit> digits_;
  std::vector<std::int64_t> units_;  // by dimension, over the whole array
  std::map<std::vector<std::int64_t>, int> table_places_;
  std::map<int, std::int64_t> skew_;
};

}  // namespace

std::variant<std::shared_ptr<const StrictProblem>, std::string> compile_strict(
    const Layer& layer, const Accelerator& accelerator, const Hierarchy& hierarchy,
    const std::vector<std::vector<int>>& levels, const SpatialMapping& spatial,
    const Problem& problem) {
  return StrictCompiler(layer, accelerator, hierarchy, levels, spatial, problem).run();
}

double largest_tile(const Problem& problem, int o, int m,
                    const std::array<double, kMaxDims>& inside) {
  const ProblemOperand& operand = problem.operand[z(o)];
  const StrictProblem& strict = *problem.strict;
  const StrictLevel& level = strict.level[z(o)][z(m)];
  double elements = level.relevant_inner;
  for (int d = 0; d < problem.dims; ++d) {
    if (!(operand.relevant >> d & 1u)) continue;
    const int k = strict.ragged_place[z(d)];
    if (k < 0) {
      elements *= inside[z(d)];
      continue;
    }
    const RaggedLevel& along = strict.ragged[z(k)].level[z(o)][z(m)];
    elements *= inside[z(d)] < strict.ragged[z(k)].rounds
                    ? inside[z(d)] * along.inner
                    : (inside[z(d)] - 1) * along.inner + along.last_largest;
  }
  if (!operand.partial) return elements;
  for (int r = 0; r < problem.relations; ++r) {
    const SlidingTable& table = strict.tables[z(level.table[z(r)])];
    std::array<std::size_t, 2> place{};
    for (std::size_t t = 0; t < 2; ++t) {
      const double size = inside[problem.relation[z(r)].dim[t]];
      while (place[t] + 1 < table.divisors[t].size() && table.divisors[t][place[t]] < size) {
        ++place[t];
      }
    }
    elements *= table.tiles[place[0] * table.divisors[1].size() + place[1]].largest;
  }
  return elements;
}

bool has_forced_buffers(const Problem& problem, int memory) {
  return problem.strict->forced[z(memory)];
}

double taken_bits(const Problem& problem, int o, int m, double elements, bool adds) {
  const ProblemOperand& operand = problem.operand[z(o)];
  const double bits =
      elements * (operand.output && !adds ? operand.final_precision : operand.precision);
  const bool twice = m + 1 < operand.levels && has_forced_buffers(problem, operand.memory[z(m)]);
  return twice ? 2 * bits : bits;
}

}  // namespace ridgeline::model
