// Windows traced back through data movements, against a referee that pushes every element of a
// small array through the same operators one by one.
#include "model/core/propagation.hpp"

#include <gtest/gtest.h>

#include <functional>
#include <map>
#include <numeric>
#include <random>
#include <set>

namespace ridgeline::model {
namespace {

using Shape = std::vector<std::int64_t>;
using Place = std::vector<std::int64_t>;

// An array of sets of origins: the linear places of the produced elements that are there.
struct Referee {
  Shape shape;
  std::vector<std::set<std::int64_t>> at;

  static Referee produced(const Shape& shape) {
    Referee r{shape, {}};
    const std::int64_t size =
        std::accumulate(shape.begin(), shape.end(), std::int64_t{1}, std::multiplies<>());
    for (std::int64_t i = 0; i < size; ++i) r.at.push_back({i});
    return r;
  }
  std::size_t linear(const Place& place) const {
    std::int64_t index = 0;
    for (std::size_t a = 0; a < shape.size(); ++a) index = index * shape[a] + place[a];
    return static_cast<std::size_t>(index);
  }
  // A new array whose element at a place is the old one at from(place); empty where it is none.
  Referee gathered(const Shape& to, const std::function<std::optional<Place>(Place)>& from) const {
    Referee r{to, {}};
    const std::int64_t size =
        std::accumulate(to.begin(), to.end(), std::int64_t{1}, std::multiplies<>());
    for (std::int64_t i = 0; i < size; ++i) {
      Place place(to.size());
      std::int64_t rest = i;
      for (std::size_t a = to.size(); a-- > 0; rest /= to[a]) place[a] = rest % to[a];
      const auto source = from(place);
      r.at.push_back(source ? at[linear(*source)] : std::set<std::int64_t>{});
    }
    return r;
  }
  std::set<std::int64_t> window(const std::vector<Range>& window) const {
    std::set<std::int64_t> found;
    gathered(shape, [&](Place place) -> std::optional<Place> {
      for (std::size_t a = 0; a < place.size(); ++a) {
        if (place[a] < window[a].lo || place[a] >= window[a].hi) return std::nullopt;
      }
      const auto& here = at[linear(place)];
      found.insert(here.begin(), here.end());
      return place;
    });
    return found;
  }
};

std::set<std::int64_t> elements(const std::vector<Region>& regions, const Shape& shape) {
  std::set<std::int64_t> found;
  for (const Region& region : regions) {
    const std::function<void(std::size_t, std::int64_t)> walk = [&](std::size_t a,
                                                                    std::int64_t index) {
      if (a == shape.size()) {
        found.insert(index);
        return;
      }
      for (const Range& range : region[a]) {
        for (std::int64_t i = range.lo; i < range.hi; ++i) walk(a + 1, index * shape[a] + i);
      }
    };
    walk(0, 0);
  }
  return found;
}

// Random ways to write a number as a product.
Shape random_shape(std::int64_t elements, std::mt19937& random) {
  Shape shape;
  while (elements > 1) {
    std::vector<std::int64_t> divisors;
    for (std::int64_t d = 1; d <= elements; ++d) {
      if (elements % d == 0) divisors.push_back(d);
    }
    shape.push_back(divisors[random() % divisors.size()]);
    elements /= shape.back();
    if (shape.size() == 4) shape.back() *= elements, elements = 1;
  }
  if (shape.empty()) shape.push_back(1);
  return shape;
}

TEST(Path, TracesWindowsBackAsElementByElementPropagationDoes) {
  std::mt19937 random(5);
  for (int trial = 0; trial < 3000; ++trial) {
    const std::vector<std::int64_t> sizes{12, 24, 36, 60, 64, 90};
    const Shape produced = random_shape(sizes[random() % sizes.size()], random);
    Path path(produced, std::vector<bool>(16, true), 1);
    Referee referee = Referee::produced(produced);
    const int steps = static_cast<int>(random() % 4) + 1;
    std::string told;
    for (int s = 0; s < steps; ++s) {
      const Shape before = referee.shape;
      const auto axis = static_cast<std::size_t>(random() % before.size());
      const std::int64_t size = before[axis];
      Moving moving;
      moving.axis = static_cast<int>(axis) - (random() % 2 ? static_cast<int>(before.size()) : 0);
      Shape after = before;
      int input = 0;
      int output = 0;
      switch (random() % 6) {
        case 0: {
          moving.kind = Movement::transpose;
          moving.permutation.resize(before.size());
          std::iota(moving.permutation.begin(), moving.permutation.end(), 0);
          std::shuffle(moving.permutation.begin(), moving.permutation.end(), random);
          for (std::size_t a = 0; a < after.size(); ++a) {
            after[a] = before[static_cast<std::size_t>(moving.permutation[a])];
          }
          referee = referee.gathered(after, [&](Place place) {
            Place from(place.size());
            for (std::size_t a = 0; a < place.size(); ++a) {
              from[static_cast<std::size_t>(moving.permutation[a])] = place[a];
            }
            return std::optional(from);
          });
          told += " transpose";
          break;
        }
        case 1: {
          moving.kind = Movement::reshape;
          moving.shape = random_shape(
              std::accumulate(before.begin(), before.end(), std::int64_t{1}, std::multiplies<>()),
              random);
          referee.shape = moving.shape;
          told += " reshape";
          break;
        }
        case 2: {
          moving.kind = Movement::split;
          const std::int64_t first = static_cast<std::int64_t>(random()) % size;
          moving.sizes = {first, size - first};
          output = 1;
          after[axis] = size - first;
          referee = referee.gathered(after, [&](Place place) {
            place[axis] += first;
            return std::optional(place);
          });
          told += " split";
          break;
        }
        case 3: {
          moving.kind = Movement::slice;
          moving.start = static_cast<std::int64_t>(random()) % size;
          moving.end = size + 3;
          moving.step = static_cast<std::int64_t>(random() % 3) + 1;
          after[axis] = (size - moving.start + moving.step - 1) / moving.step;
          referee = referee.gathered(after, [&](Place place) {
            place[axis] = moving.start + place[axis] * moving.step;
            return std::optional(place);
          });
          told += " slice";
          break;
        }
        case 4: {
          moving.kind = Movement::gather;
          for (int i = 0; i < 3; ++i) {
            moving.indices.push_back(static_cast<std::int64_t>(random()) % size);
          }
          after[axis] = 3;
          referee = referee.gathered(after, [&](Place place) {
            place[axis] = moving.indices[static_cast<std::size_t>(place[axis])];
            return std::optional(place);
          });
          told += " gather";
          break;
        }
        default: {
          moving.kind = Movement::concat;
          moving.sizes = {2, size, 1};
          input = 1;
          after[axis] = size + 3;
          referee = referee.gathered(after, [&](Place place) -> std::optional<Place> {
            place[axis] -= 2;
            if (place[axis] < 0 || place[axis] >= size) return std::nullopt;
            return place;
          });
          told += " concat";
          break;
        }
      }
      path.append(moving, input, output, 0);
    }
    ASSERT_EQ(path.problem(), "") << told;
    std::vector<Range> window;
    for (std::int64_t size : referee.shape) {
      const std::int64_t lo = static_cast<std::int64_t>(random()) % size;
      window.push_back({lo, lo + 1 + static_cast<std::int64_t>(random()) % size});
    }
    ASSERT_EQ(elements(path.trace_back(window), produced), referee.window(window))
        << "trial " << trial << told;
  }
}

TEST(Path, LooksAtTheFirstIndexOnlyOfAxesThatAreNotTiled) {
  Path path({4, 6}, {true, false}, 1);
  const std::vector<Range> window{{1, 3}, {2, 5}};
  const std::vector<Region> regions = path.trace_back(window);
  ASSERT_EQ(regions.size(), 1u);
  EXPECT_EQ(regions[0][0], (IndexSet{{1, 3}}));
  EXPECT_EQ(regions[0][1], (IndexSet{{0, 1}}));
}

TEST(Path, ReversesTheHiddenAxisWithATransposeThatGivesNoPermutation) {
  // Axes (a, b, slots) become (slots, b, a): the first range of a window of two selects slots,
  // the second one b, and a is taken whole (docs/multicore.md, 3.4).
  Path path({4, 6}, {true, true}, 1);
  path.append({.kind = Movement::transpose}, 0, 0, 0);
  const std::vector<Range> whole{{0, 6}, {2, 3}};
  const std::vector<Region> regions = path.trace_back(whole);
  ASSERT_EQ(regions.size(), 1u);
  EXPECT_EQ(regions[0][0], (IndexSet{{0, 4}}));
  EXPECT_EQ(regions[0][1], (IndexSet{{2, 3}}));
  const std::vector<Range> later{{1, 6}, {2, 3}};
  EXPECT_TRUE(path.trace_back(later).empty());
}

TEST(Path, CountsNegativeStartsFromTheEndOfTheAxis) {
  Path path({8}, {true}, 1);
  const std::vector<Range> padded{{-1, 2}};  // from 7 to 2: nothing
  EXPECT_TRUE(path.trace_back(padded).empty());
  const std::vector<Range> tail{{-3, 9}};
  ASSERT_EQ(path.trace_back(tail).size(), 1u);
  EXPECT_EQ(path.trace_back(tail)[0][0], (IndexSet{{5, 8}}));
}

TEST(Path, PutsAConstantBeforeTheDataItIsJoinedWith) {
  Path path({4}, {true}, 1);
  Moving moving{.kind = Movement::concat_constant};
  moving.constant_extent = 3;
  path.append(moving, 0, 0, 0);
  const std::vector<Range> constant{{0, 3}};
  EXPECT_TRUE(path.trace_back(constant).empty());
  const std::vector<Range> both{{2, 5}};
  ASSERT_EQ(path.trace_back(both).size(), 1u);
  EXPECT_EQ(path.trace_back(both)[0][0], (IndexSet{{0, 2}}));
}

TEST(Path, SaysThatAReshapeDoesNotFit) {
  Path path({4, 5}, {true, true}, 1);
  Moving moving{.kind = Movement::reshape};
  moving.shape = {3, 7};
  path.append(moving, 0, 0, 0);
  EXPECT_NE(path.problem(), "");
}

}  // namespace
}  // namespace ridgeline::model
