// Least and most sums of the cuts left of each operand on its own (Sums in bounds.hpp).
#include <algorithm>
#include <cmath>
#include <limits>

#include "model/core/index.hpp"
#include "search/exact/bounds.hpp"
#include "search/exact/large_table.hpp"
#include "search/exact/table_rows.hpp"

namespace ridgeline::search {

namespace {

// Share of a port's bandwidth.
constexpr double kLittleDemand = 1.0 / 16;

float rounded_up(double value) {
  const auto near = static_cast<float>(value);
  return near < value ? std::nextafter(near, std::numeric_limits<float>::infinity()) : near;
}

// All figures of all rows, while they are filled.
struct WholeRows {
  std::size_t least_width = 2;
  std::size_t most_width = 1;
  std::vector<double> least{0, 0};
  std::vector<float> most{0};

  // The least and the most of each node and all below it, where all nodes have rows: those with
  // one factor less of a type lie together as those with one more do. But for the last node's.
  void take_all_below(const CutLattice& space) {
    const std::size_t end = z(space.full());
    for (int t = 0; t < space.type_count(); ++t) {
      const std::size_t stride = z(space.type(t).stride);
      const std::size_t group = stride * z(space.type(t).count + 1);
      for (std::size_t base = 0; base < end; base += group) {
        for (std::size_t x = base + stride; x < base + group; x += stride) {
          const std::size_t count = std::min(stride, end - x);
          double* now = least.data() + x * least_width;
          table_rows().least(now, now - stride * least_width,
                             static_cast<std::int64_t>(count * least_width));
          float* __restrict above = most.data() + x * most_width;
          const float* below = above - stride * most_width;
          for (std::size_t i = 0; i < count * most_width; ++i) {
            above[i] = below[i] > above[i] ? below[i] : above[i];
          }
        }
      }
    }
  }
};

// Keeps the figures that are above `negligible`, by figure, in some row.
template <typename T>
void keep_figures(const std::vector<T>& whole, std::size_t width, const std::vector<T>& negligible,
                  std::vector<T>& rows, std::vector<int>& figures, std::vector<int>& place) {
  std::vector<std::uint8_t> any(width, 0);
  const std::size_t count = whole.size() / width;
  for (std::size_t r = 0; r < count; ++r) {
    for (std::size_t f = 0; f < width; ++f) {
      const T value = whole[r * width + f];
      any[f] |= static_cast<std::uint8_t>(value > negligible[f] && value < static_cast<T>(1e30));
    }
  }
  place.assign(width, -1);
  for (std::size_t f = 0; f < width; ++f) {
    if (any[f] == 0) continue;
    place[f] = static_cast<int>(figures.size());
    figures.push_back(static_cast<int>(f));
  }
  fill_large(rows, count * figures.size(), T{0});
  T* next = rows.data();
  for (std::size_t r = 0; r < count; ++r) {
    for (const int f : figures) *next++ = whole[r * width + z(f)];
  }
}

}  // namespace

// Each sum on its own, over each operand on its own. Nodes with all loops are left out: what
// loads there loads once.
void ExactBounds::fill_sums(Watch& watch) {
  for (int o = 0; o < space_.problem().operands; ++o) {
    const int cuts = space_.cuts_of(o);
    place_of_[z(o)].fill(-1);
    std::vector<Sums>& all = sums_[z(o)];
    all.resize(z(cuts + 1));
    all[0].least_place.assign(2, -1);
    all[0].most_place.assign(1, -1);
    WholeRows inner;
    std::vector<double> cost;
    std::vector<PortShare> shares;
    for (int left = 1; left <= cuts; ++left) {
      const Cut& cut = space_.cut(o, left - 1);
      for (const int port : cut.own_ports) {
        if (place_of_[z(o)][z(port)] >= 0) continue;
        place_of_[z(o)][z(port)] = static_cast<int>(ports_of_[z(o)].size());
        ports_of_[z(o)].push_back(port);
      }
      Sums& own = all[z(left)];
      const int inner_ports = all[z(left - 1)].ports;
      const NodeBlocks* inner_reach = all[z(left - 1)].reach;
      own.ports = static_cast<int>(ports_of_[z(o)].size());
      own.reach = &space_.reach(o, left);
      WholeRows rows;
      const std::size_t width = rows.least_width = 2 + 3 * z(own.ports);
      const std::size_t most_width = rows.most_width = 1 + 3 * z(own.ports);
      fill_large(rows.least, z(own.reach->size()) * width, CutLattice::kInfeasible);
      fill_large(rows.most, z(own.reach->size()) * most_width, 0.0F);
      cost.resize(width);
      shares.resize(z(own.ports));
      for (std::int64_t x = 0; x < space_.full(); ++x) {
        if (watch.stopped()) return;
        if (!own.reach->has(x)) continue;
        if (space_.pairs() != nullptr && space_.pairs()->first[z(space_.orbit(x))] != x) continue;
        const std::size_t at = z(own.reach->at(x));
        double* here = rows.least.data() + at * width;
        float* most = rows.most.data() + at * most_width;
        for (int t = 0; t < space_.type_count() && space_.sparse(); ++t) {
          if (space_.count_in(x, t) == 0) continue;
          const std::size_t y = z(own.reach->at(x - space_.type(t).stride));
          const double* below = rows.least.data() + y * width;
          for (std::size_t i = 0; i < width; ++i) here[i] = std::min(here[i], below[i]);
          const float* most_below = rows.most.data() + y * most_width;
          for (std::size_t i = 0; i < most_width; ++i) most[i] = std::max(most[i], most_below[i]);
        }
        const std::size_t place = cut.at(x);
        if (surely_too_large(cut, x) || cut.energy[place] >= CutLattice::kInfeasible) continue;
        const std::size_t below = inner_reach == nullptr ? 0 : z(inner_reach->at(x));
        const double* rest = inner.least.data() + below * inner.least_width;
        if (rest[0] >= CutLattice::kInfeasible) continue;
        std::fill(cost.begin(), cost.end(), 0.0);
        if (cut.role == LoadingRole::separate || cut.role == LoadingRole::offload) {
          cost[0] = cut.loading[place];
        }
        if (cut.role == LoadingRole::together) cost[1] = cut.loading[place];
        std::fill(shares.begin(), shares.end(), PortShare{});
        for (std::size_t i = 0; i < cut.own_ports.size(); ++i) {
          shares[z(place_of_[z(o)][cut.own_ports[i]])] = cut.shares_at(x)[i];
        }
        for (int i = 0; i < own.ports; ++i) {
          cost[z(2 + 3 * i)] = shares[z(i)].busy;
          cost[z(3 + 3 * i)] = shares[z(i)].excess;
          cost[z(4 + 3 * i)] = shares[z(i)].demand;
        }
        for (std::size_t i = 0; i < width; ++i) {
          here[i] = std::min(here[i], cost[i] + (i < inner.least_width ? rest[i] : 0));
        }
        const float* most_rest = inner.most.data() + below * inner.most_width;
        most[0] = std::max(most[0], rounded_up(cost[0] + most_rest[0]));
        for (int i = 0; i < own.ports; ++i) {
          constexpr std::array<float, 3> kNothing{};
          float* port = most + 1 + 3 * i;
          const float* rest_port = i < inner_ports ? most_rest + 1 + 3 * i : kNothing.data();
          port[0] = std::max(port[0], rounded_up(shares[z(i)].busy + rest_port[0]));
          port[1] = std::max(port[1], rounded_up(shares[z(i)].excess + rest_port[1]));
          port[2] = std::max(port[2], rounded_up(shares[z(i)].demand + rest_port[2]));
        }
      }
      if (!space_.sparse()) rows.take_all_below(space_);
      // A little demand leaves loading nearly all of a port's cycles.
      std::vector<double> negligible(width, 0.0);
      for (int i = 0; i < own.ports; ++i) {
        const int port = space_.tracked_port(ports_of_[z(o)][z(i)]);
        negligible[z(4 + 3 * i)] = kLittleDemand * space_.problem().port[z(port)].bandwidth_max;
      }
      keep_figures(rows.least, width, negligible, own.least_rows, own.least_figures,
                   own.least_place);
      keep_figures(rows.most, most_width, std::vector<float>(most_width, 0.0F), own.most_rows,
                   own.most_figures, own.most_place);
      inner = std::move(rows);
    }
  }
}

}  // namespace ridgeline::search
