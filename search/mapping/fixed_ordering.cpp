#include "search/mapping/fixed_ordering.hpp"

#include <algorithm>

#include "model/core/index.hpp"

namespace ridgeline::search {

namespace {

void add(std::string& text, const std::string& part) {
  text += (text.empty() ? "" : "; ") + part;
}

// What the constraints leave of each dimension, and how many loops of any size they ask of it.
struct Remainder {
  std::vector<double> given;  // product of the sizes
  std::vector<int> open;
};

Remainder remainder(std::size_t dims, const std::vector<LoopConstraint>& constraints) {
  Remainder result{std::vector<double>(dims, 1), std::vector<int>(dims, 0)};
  for (const LoopConstraint& constraint : constraints) {
    if (constraint.size) {
      result.given[z(constraint.dim)] *= static_cast<double>(*constraint.size);
    } else {
      ++result.open[z(constraint.dim)];
    }
  }
  return result;
}

std::string whole(double value) {
  return std::to_string(static_cast<std::int64_t>(value));
}

std::string fault_of(const std::string& name, double given, int open, std::int64_t size) {
  const double left = static_cast<double>(size) / given;
  if (given > static_cast<double>(size)) {
    return name + " " + whole(given) + " is more than the " + std::to_string(size) +
           " iterations of " + name + " that are left in time after spatial unrolling";
  }
  if (size % static_cast<std::int64_t>(given) != 0) {
    return name + " " + whole(given) + " does not divide the " + std::to_string(size) +
           " iterations of " + name + " that are left in time after spatial unrolling";
  }
  const auto factors = prime_factors(static_cast<std::int64_t>(left)).size();
  if (open > static_cast<int>(factors)) {
    return std::to_string(open) + (open == 1 ? " loop of " : " loops of ") + name +
           " of any size asked for, where " + (factors == 0 ? "none is" : whole(left) + " are") +
           " left in time";
  }
  return "";
}

// Prime factors of what is free, merged: of the dimension with most loops (the first of equals) the
// two smallest, as long as there are more than the limit; never fewer than are asked for.
std::vector<model::TemporalLoop> free_loops(const std::vector<std::int64_t>& sizes, int limit,
                                            const std::vector<LoopConstraint>& constraints) {
  const Remainder rest = remainder(sizes.size(), constraints);
  std::vector<std::vector<std::int64_t>> factors(sizes.size());
  int loops = 0;
  int dims = 0;
  for (std::size_t d = 0; d < sizes.size(); ++d) {
    factors[d] = prime_factors(sizes[d] / static_cast<std::int64_t>(rest.given[d]));
    loops += static_cast<int>(factors[d].size());
    dims += factors[d].empty() ? 0 : 1;
  }
  while (limit > 0 && loops > std::max(limit, dims)) {
    std::vector<std::int64_t>* most = nullptr;
    for (std::size_t d = 0; d < sizes.size(); ++d) {
      const auto least = static_cast<std::size_t>(std::max(1, rest.open[d]));
      if (factors[d].size() > least && (!most || factors[d].size() > most->size())) {
        most = &factors[d];
      }
    }
    if (!most) break;
    (*most)[1] *= (*most)[0];
    most->erase(most->begin());
    std::sort(most->begin(), most->end());
    --loops;
  }
  std::vector<model::TemporalLoop> result;
  for (std::size_t d = 0; d < sizes.size(); ++d) {
    for (const std::int64_t factor : factors[d]) result.push_back({static_cast<int>(d), factor});
  }
  return result;
}

}  // namespace

FixedOrdering fixed_ordering(const model::Layer& layer, const model::MappingEntry& mapping,
                             const std::vector<std::int64_t>& sizes) {
  FixedOrdering result;
  bool all_sized = true;
  std::string unknown;
  for (const model::TemporalPosition& position : mapping.temporal_ordering) {
    const int d = layer.dim_index(position.dim);
    if (d < 0) {
      if (position.dim != "*" && unknown.find(position.dim) == std::string::npos) {
        unknown += (unknown.empty() ? "" : ", ") + position.dim;
      }
      continue;
    }
    if (position.size == 1) continue;  // no loop
    result.constraints.push_back({d, position.size});
    if (position.size) {
      result.loops.push_back({d, *position.size});
    } else {
      all_sized = false;
    }
  }
  const Remainder rest = remainder(sizes.size(), result.constraints);
  result.complete = all_sized;
  std::string missing;
  for (std::size_t d = 0; d < sizes.size(); ++d) {
    const std::string fault = fault_of(layer.dims[d].name, rest.given[d], rest.open[d], sizes[d]);
    if (!fault.empty()) add(result.fault, "temporal_ordering: " + fault);
    if (rest.given[d] == static_cast<double>(sizes[d])) continue;
    result.complete = false;
    if (!fault.empty()) continue;
    missing += (missing.empty() ? "" : ", ") + layer.dims[d].name + " (" +
               whole(static_cast<double>(sizes[d]) / rest.given[d]) + ")";
  }
  if (!unknown.empty()) add(result.incomplete, unknown + " is no loop of this layer");
  if (all_sized && !result.complete && !missing.empty() && !result.constraints.empty()) {
    add(result.incomplete, "temporal_ordering leaves out " + missing);
  }
  return result;
}

FixedOrderings::FixedOrderings(const model::Layer& layer, const std::vector<std::int64_t>& sizes,
                               int limit, const std::vector<LoopConstraint>& constraints)
    : constraints_(constraints), free_(layer, free_loops(sizes, limit, constraints)) {}

bool FixedOrderings::next(std::vector<model::TemporalLoop>& loops) {
  while (!started_ || free_.next()) {
    started_ = true;
    const std::vector<model::TemporalLoop>& free = free_.current();
    std::size_t taken = 0;
    loops.clear();
    bool fits = true;
    for (const LoopConstraint& constraint : constraints_) {
      if (constraint.size) {
        loops.push_back({constraint.dim, *constraint.size});
      } else if (taken < free.size() && free[taken].dim == constraint.dim) {
        loops.push_back(free[taken++]);
      } else {
        fits = false;
        break;
      }
    }
    if (!fits) continue;
    loops.insert(loops.end(), free.begin() + static_cast<std::ptrdiff_t>(taken), free.end());
    return true;
  }
  return false;
}

}  // namespace ridgeline::search
