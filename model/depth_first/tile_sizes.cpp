#include "model/depth_first/tile_sizes.hpp"

#include <algorithm>
#include <limits>
#include <map>

#include "model/core/index.hpp"

namespace ridgeline::model {

namespace {

std::int64_t extent_of(const FusedNode& node, const AxisLink& link, std::int64_t size) {
  if (link.relation < 0) return size;
  const DimRelation& relation = node.layer->relations[z(link.relation)];
  const auto extent = [&](std::size_t t) {
    return relation.dim[t] == link.loop ? size : node.layer->dims[z(relation.dim[t])].size;
  };
  return data_extent(*node.layer, link.relation, extent(0), extent(1));
}

constexpr std::int64_t kMostVisits = 100'000;

std::int64_t floor_div(std::int64_t a, std::int64_t b) {
  const std::int64_t q = a / b;
  return q * b > a ? q - 1 : q;
}

}  // namespace

AxisTile tile_back(const FusedNetwork& network, int last, std::size_t axis, std::int64_t output,
                   const BackCalculation& how) {
  const auto& nodes = network.nodes;
  AxisTile tile;
  tile.size.assign(nodes.size(), 1);
  tile.keep.assign(nodes.size(), 0);
  tile.edges.resize(nodes.size());
  for (std::size_t n = 0; n < nodes.size(); ++n) tile.size[n] = nodes[n].map[axis];
  tile.size[z(last)] = output;

  struct Asked {
    std::int64_t overlap;
    std::int64_t lag;
  };
  std::vector<std::map<int, Asked>> asked(nodes.size());  // of a producer, by its readers
  std::vector<std::int64_t> most(nodes.size(), 0);
  struct Visit {
    int node;
    std::int64_t lag;
  };
  // Paths through many branches multiply. Where there are too many to follow, each node is visited
  // once, after all of its readers, which leaves the same amounts where branches join again.
  std::int64_t visits = 0;
  bool once = false;
  std::vector<std::int64_t> lag_of(nodes.size(), 0);
  std::vector<Visit> open{{last, 0}};
  while (!open.empty()) {
    const Visit visit = open.back();
    open.pop_back();
    if (!once && ++visits > kMostVisits) {
      once = true;
      open.clear();
      for (auto& list : asked) list.clear();
      for (int n = 0; n <= last; ++n) open.push_back({n, 0});
      continue;
    }
    const FusedNode& node = nodes[z(visit.node)];
    const std::int64_t own = tile.size[z(visit.node)];
    for (std::size_t e = 0; e < node.inputs.size(); ++e) {
      const FusedInput& input = node.inputs[e];
      const AxisLink& link = input.axis[axis];
      const std::size_t p = z(input.producer);
      EdgeTile& edge = tile.edges[z(visit.node)][e];
      std::int64_t lag = once ? lag_of[z(visit.node)] : visit.lag;
      if (link.whole) {
        edge = {nodes[p].map[axis], 0};
      } else {
        edge.data = extent_of(node, link, own);
        edge.overlap = std::max<std::int64_t>(0, edge.data - link.stride * own);
        lag = link.stride * lag - floor_div(edge.data - link.stride * own + link.stride - 1, 2) +
              edge.overlap;
      }
      most[p] = std::max(most[p], how.use ? edge.data - edge.overlap : edge.data);
      tile.size[p] = most[p];
      asked[p][visit.node] = {how.make ? edge.overlap : 0, lag};
      std::int64_t longest = lag;
      for (const auto& [reader, one] : asked[p]) longest = std::max(longest, one.lag);
      lag_of[p] = longest;
      if (!once) open.push_back({input.producer, longest});
    }
  }
  for (std::size_t n = 0; n < nodes.size(); ++n) {
    if (asked[n].empty() || !how.make) continue;
    std::int64_t lag = asked[n].begin()->second.lag;
    std::int64_t leftmost = lag - asked[n].begin()->second.overlap;
    for (const auto& [reader, one] : asked[n]) {
      lag = std::max(lag, one.lag);
      leftmost = std::min(leftmost, one.lag - one.overlap);
    }
    tile.keep[n] = lag - leftmost;
  }
  return tile;
}

void fit_maps(FusedNetwork& network, int last) {
  for (std::size_t a = 0; a < kAxes; ++a) {
    const AxisTile tile = tile_back(network, last, a, network.nodes[z(last)].map[a], {});
    for (std::size_t n = 0; n < network.nodes.size(); ++n) network.nodes[n].map[a] = tile.size[n];
  }
}

AxisTiles tiles_by_position(const FusedNetwork& network, int last, std::size_t axis,
                            std::int64_t first_tile, std::int64_t tile, bool cached) {
  struct Range {
    std::int64_t begin = 0;
    std::int64_t end = 0;
  };
  const auto& nodes = network.nodes;
  const std::int64_t map = nodes[z(last)].map[axis];
  AxisTiles tiles;
  std::vector<std::int64_t> done(nodes.size(), 0);  // what earlier tiles have computed of a node
  struct Position {
    AxisTile sizes;
    std::vector<ByEdge<Range>> need;
    std::vector<std::int64_t> end;  // of what is computed by then
  };
  const auto finish = [&](Position& now, const Position* next) {
    now.sizes.keep.assign(nodes.size(), 0);
    for (std::size_t n = 0; next != nullptr && cached && n < nodes.size(); ++n) {
      for (std::size_t e = 0; e < nodes[n].inputs.size(); ++e) {
        if (next->need[n][e].end <= next->need[n][e].begin) continue;
        const std::size_t p = z(nodes[n].inputs[e].producer);
        now.sizes.keep[p] = std::max(now.sizes.keep[p], now.end[p] - next->need[n][e].begin);
      }
    }
    // There are few kinds, and most tiles are of the latest one.
    int kind = static_cast<int>(tiles.kinds.size()) - 1;
    while (kind >= 0 && tiles.kinds[z(kind)] != now.sizes) --kind;
    if (kind < 0) {
      kind = static_cast<int>(tiles.kinds.size());
      tiles.kinds.push_back(now.sizes);
    }
    tiles.kind_of.push_back(kind);
  };
  Position now;
  Position before;
  std::vector<Range> compute;
  for (std::int64_t begin = 0; begin < map;) {
    const std::int64_t end = std::min(map, begin + (begin == 0 ? first_tile : tile));
    now.sizes.size.assign(nodes.size(), 0);
    now.sizes.edges.assign(nodes.size(), {});
    now.need.assign(nodes.size(), {});
    compute.assign(nodes.size(), {std::numeric_limits<std::int64_t>::max(), 0});
    compute[z(last)] = {begin, end};
    for (int n = static_cast<int>(nodes.size()) - 1; n >= 0; --n) {
      Range& own = compute[z(n)];
      if (cached && n != last) own.begin = std::max(own.begin, done[z(n)]);
      if (own.begin >= own.end) own = {done[z(n)], done[z(n)]};
      now.sizes.size[z(n)] = own.end - own.begin;
      const FusedNode& node = nodes[z(n)];
      for (std::size_t e = 0; e < node.inputs.size(); ++e) {
        const FusedInput& input = node.inputs[e];
        const AxisLink& link = input.axis[axis];
        const std::size_t p = z(input.producer);
        const std::int64_t extent = nodes[p].map[axis];
        Range range{0, extent};
        if (own.end <= own.begin) {
          range = {0, 0};
        } else if (!link.whole) {
          range.begin = std::clamp<std::int64_t>(link.stride * own.begin - link.padding, 0, extent);
          range.end = std::clamp<std::int64_t>(
              link.stride * (own.end - 1) - link.padding + link.reach, 0, extent);
        }
        now.need[z(n)][e] = range;
        EdgeTile& edge = now.sizes.edges[z(n)][e];
        edge.data = std::max<std::int64_t>(0, range.end - range.begin);
        edge.overlap = cached ? std::clamp<std::int64_t>(done[p] - range.begin, 0, edge.data) : 0;
        if (edge.data == 0) continue;
        compute[p].begin = std::min(compute[p].begin, range.begin);
        compute[p].end = std::max(compute[p].end, range.end);
      }
    }
    for (std::size_t n = 0; n < nodes.size(); ++n) done[n] = std::max(done[n], compute[n].end);
    now.end = done;
    if (begin > 0) finish(before, &now);
    std::swap(before, now);
    begin = end;
  }
  if (map > 0) finish(before, nullptr);
  return tiles;
}

double TileSizes::outputs(const FusedNetwork& network, int node) const {
  return network.nodes[z(node)].channels * static_cast<double>(x->size[z(node)]) *
         static_cast<double>(y->size[z(node)]);
}

double TileSizes::inputs(const FusedNetwork& network, int node, int edge) const {
  return network.nodes[z(node)].inputs[z(edge)].channels *
         static_cast<double>(x->edges[z(node)][z(edge)].data) *
         static_cast<double>(y->edges[z(node)][z(edge)].data);
}

double TileSizes::output_bits(const FusedNetwork& network, int node) const {
  return outputs(network, node) * static_cast<double>(network.nodes[z(node)].precision);
}

double TileSizes::input_bits(const FusedNetwork& network, int node) const {
  const FusedNode& one = network.nodes[z(node)];
  double bits = 0;
  for (std::size_t e = 0; e < one.inputs.size(); ++e) {
    bits += inputs(network, node, static_cast<int>(e)) *
            static_cast<double>(one.layer->operands[z(one.inputs[e].operand)].precision);
  }
  return bits;
}

double peak_alive(const FusedNetwork& network, const TileSizes& sizes) {
  const auto& nodes = network.nodes;
  const auto readers = network.readers();
  std::vector<std::size_t> waiting(nodes.size());
  for (std::size_t n = 0; n < nodes.size(); ++n) waiting[n] = readers[n].size();
  std::vector<double> stored(nodes.size(), 0);
  double now = 0;
  double peak = 0;
  const auto add = [&](double bits) {
    now += bits;
    peak = std::max(peak, now);
  };
  for (std::size_t n = 0; n < nodes.size(); ++n) {
    std::vector<std::size_t> producers;
    for (const FusedInput& input : nodes[n].inputs) {
      const std::size_t p = z(input.producer);
      if (std::find(producers.begin(), producers.end(), p) == producers.end()) {
        producers.push_back(p);
      }
    }
    for (std::size_t p : producers) now -= stored[p];
    const double in = sizes.input_bits(network, static_cast<int>(n));
    add(in);
    stored[n] = sizes.output_bits(network, static_cast<int>(n));
    add(stored[n]);
    now -= in;
    for (std::size_t p : producers) add(stored[p]);
    for (std::size_t p : producers) {
      if (--waiting[p] == 0) now -= stored[p];
    }
  }
  return peak;
}

}  // namespace ridgeline::model
