#include "search/mapping/loop_factors.hpp"

#include <algorithm>
#include <map>
#include <numeric>

namespace ridgeline::search {

namespace {

struct Factor {
  std::int64_t value = 1;
  int multiplicity = 1;
};

struct DimFactors {
  int dim = 0;
  std::vector<Factor> factors;  // increasing, but for what the user fixes
  int count = 0;                // of loops, as the reference counts them

  Factor* find(std::int64_t value) {
    const auto it = std::find_if(factors.begin(), factors.end(),
                                 [&](const Factor& factor) { return factor.value == value; });
    return it == factors.end() ? nullptr : &*it;
  }
  void add(std::int64_t value) {
    if (Factor* factor = find(value)) {
      ++factor->multiplicity;
    } else {
      factors.push_back({value, 1});
    }
  }
  void remove(std::int64_t value, int copies) {
    if (Factor* factor = find(value)) factor->multiplicity -= copies;
    std::erase_if(factors, [](const Factor& factor) { return factor.multiplicity <= 0; });
  }
};

// Makes a fixed size one of the dimension's factors. For sizes with several distinct primes the
// result is not a factorisation any more; the reference does the same.
std::string fix(DimFactors& dim, std::int64_t size, const std::string& name) {
  std::map<std::int64_t, int> primes;
  for (std::int64_t prime : prime_factors(size)) ++primes[prime];
  for (const auto& [prime, copies] : primes) {
    Factor* factor = dim.find(prime);
    if (!factor) {
      return "temporal_ordering fixes a loop " + name + " of " + std::to_string(size) +
             ", which does not divide what remains of that dimension";
    }
    if (factor->multiplicity < copies) continue;
    dim.remove(prime, copies);
    if (dim.find(size)) {
      dim.add(prime);
    } else {
      dim.factors.push_back({size, 1});
    }
    dim.count -= copies - 1;
  }
  return "";
}

// Merges two factors of a dimension into their product: the two smallest that are not fixed.
// False where there are not two.
bool merge(DimFactors& dim, const std::vector<LoopConstraint>& constraints) {
  const auto fixed = [&](std::int64_t value) {
    return static_cast<int>(std::count_if(
        constraints.begin(), constraints.end(),
        [&](const LoopConstraint& c) { return c.dim == dim.dim && c.size == value; }));
  };
  std::vector<std::int64_t> pair;
  pair.reserve(3);
  for (const Factor& factor : dim.factors) {
    const int pairs = fixed(factor.value);
    if (factor.multiplicity <= pairs) continue;
    pair.push_back(factor.value);
    if (pair.size() == 1 && factor.multiplicity > pairs + 1) pair.push_back(factor.value);
    if (pair.size() == 2) break;
  }
  if (dim.factors.empty()) return false;
  if (pair.empty()) pair.push_back(dim.factors.front().value);
  if (pair.size() == 1) pair.push_back(dim.factors.back().value);
  if (pair[0] == pair[1] && dim.find(pair[0])->multiplicity < 2) return false;
  dim.remove(pair[0], 1);
  dim.remove(pair[1], 1);
  dim.add(pair[0] * pair[1]);
  std::sort(dim.factors.begin(), dim.factors.end(),
            [](const Factor& a, const Factor& b) { return a.value < b.value; });
  --dim.count;
  return true;
}

}  // namespace

std::vector<std::int64_t> prime_factors(std::int64_t n) {
  std::vector<std::int64_t> factors;
  for (std::int64_t p = 2; p * p <= n; ++p) {
    for (; n % p == 0; n /= p) factors.push_back(p);
  }
  if (n > 1) factors.push_back(n);
  return factors;
}

LoopFactors loop_factors(const model::Layer& layer, const std::vector<std::int64_t>& sizes,
                         int limit, const std::vector<LoopConstraint>& constraints) {
  LoopFactors result;
  std::vector<DimFactors> dims;
  for (std::size_t d = 0; d < sizes.size(); ++d) {
    if (sizes[d] <= 1) continue;
    DimFactors dim{static_cast<int>(d), {}, 0};
    for (std::int64_t prime : prime_factors(sizes[d])) {
      dim.add(prime);
      ++dim.count;
    }
    dims.push_back(std::move(dim));
  }
  for (const LoopConstraint& constraint : constraints) {
    if (!constraint.size) continue;
    const auto it = std::find_if(dims.begin(), dims.end(),
                                 [&](const DimFactors& dim) { return dim.dim == constraint.dim; });
    const std::string& name = layer.dims[static_cast<std::size_t>(constraint.dim)].name;
    if (it == dims.end()) {
      result.error = "temporal_ordering fixes a loop " + name +
                     ", but none of that dimension remains after spatial unrolling";
      return result;
    }
    if (result.error = fix(*it, *constraint.size, name); !result.error.empty()) return result;
  }
  const auto loops = [&] {
    int total = 0;
    for (const DimFactors& dim : dims) total += dim.count;
    return total;
  };
  if (limit > 0) {
    limit = std::max(limit, static_cast<int>(dims.size()));
    while (loops() > limit) {
      DimFactors& most = *std::max_element(
          dims.begin(), dims.end(),
          [](const DimFactors& a, const DimFactors& b) { return a.count < b.count; });
      if (!merge(most, constraints)) {
        result.error =
            "temporal_ordering fixes loops of " +
            layer.dims[static_cast<std::size_t>(most.dim)].name +
            " that leave no factors to merge down to the loop-prime-factor limit; raise the limit";
        return result;
      }
    }
  }
  for (const DimFactors& dim : dims) {
    for (const Factor& factor : dim.factors) {
      for (int i = 0; i < factor.multiplicity; ++i) result.loops.push_back({dim.dim, factor.value});
    }
  }
  if (result.loops.empty() && !layer.dims.empty()) result.loops.push_back({0, 1});
  return result;
}

LoopPermutations::LoopPermutations(const model::Layer& layer,
                                   std::vector<model::TemporalLoop> loops) {
  const auto key = [&](const model::TemporalLoop& loop) {
    return std::pair<const std::string&, std::int64_t>(
        layer.dims[static_cast<std::size_t>(loop.dim)].name, loop.size);
  };
  std::stable_sort(loops.begin(), loops.end(),
                   [&](const auto& a, const auto& b) { return key(a) > key(b); });
  current_ = std::move(loops);
  places_.resize(current_.size());
  std::iota(places_.begin(), places_.end(), std::uint8_t{0});
  rank_.resize(current_.size());
  int rank = 0;
  for (std::size_t i = current_.size(); i-- > 0;) {
    if (i + 1 < current_.size() && key(current_[i]) > key(current_[i + 1])) ++rank;
    rank_[i] = rank;
  }
  start_ = rank_;
}

bool LoopPermutations::next() {
  const std::size_t n = rank_.size();
  if (n < 2) return false;
  std::size_t prefix = 1;  // length of the longest non-increasing prefix
  while (prefix < n && rank_[prefix] <= rank_[prefix - 1]) ++prefix;
  std::size_t moved = prefix;
  if (prefix == n) {
    moved = n - 1;
  } else if (prefix + 2 <= n && rank_[prefix + 1] <= rank_[prefix - 1]) {
    moved = prefix + 1;
  }
  const auto shift = [moved](auto& list) {
    const auto place = list.begin() + static_cast<std::ptrdiff_t>(moved);
    const auto value = *place;
    std::move_backward(list.begin(), place, place + 1);
    list.front() = value;
  };
  shift(rank_);
  shift(current_);
  shift(places_);
  return rank_ != start_;
}

double permutation_count(const std::vector<model::TemporalLoop>& loops) {
  std::map<std::pair<int, std::int64_t>, int> multiplicity;
  double count = 1;
  int placed = 0;
  for (const model::TemporalLoop& loop : loops) {
    // Multinomial coefficient, one element at a time: stays whole.
    count = count * ++placed / ++multiplicity[{loop.dim, loop.size}];
  }
  return count;
}

}  // namespace ridgeline::search
