#include "search/mapping/strict_spatial.hpp"

#include <algorithm>
#include <utility>

#include "model/core/index.hpp"

namespace ridgeline::search {

using model::SpatialDim;
using model::SpatialLoop;
using model::SpatialMapping;

namespace {

bool no_more(const std::vector<std::int64_t>& x, const std::vector<std::int64_t>& y) {
  return std::equal(x.begin(), x.end(), y.begin(),
                    [](std::int64_t a, std::int64_t b) { return a <= b; });
}

}  // namespace

std::vector<std::int64_t> real_loops(const SpatialMapping& mapping) {
  std::vector<std::int64_t> key;
  for (const SpatialDim& dim : mapping) {
    for (const SpatialLoop& loop : dim.loops) {
      if (loop.factor != 1) key.insert(key.end(), {loop.dim, loop.factor});
    }
    key.push_back(-1);
  }
  return key;
}

SpatialDemand::SpatialDemand(const model::Layer& layer, const model::Accelerator& accelerator,
                             const model::Hierarchy& hierarchy, const model::MappingEntry& mapping)
    : layer_(layer), accelerator_(accelerator) {
  for (std::size_t m = 0; m < hierarchy.memories.size(); ++m) {
    if (hierarchy.has_lower_memory[m]) continue;
    const auto& entry = hierarchy.memories[m];
    const model::Memory& memory = accelerator.memories[z(entry.memory)];
    for (const model::MemoryOperand name : entry.operands) {
      for (std::size_t o = 0; o < layer.operands.size(); ++o) {
        if (mapping.link(layer.operands[o].name) != name) continue;
        places_.push_back({entry.memory, static_cast<int>(o), memory.served_dims});
      }
    }
  }
}

// Units may work on blocks of a loop: their elements are neighbours or not, but no more than there
// are.
std::int64_t SpatialDemand::elements(const Place& place, const SpatialMapping& mapping) const {
  const auto units = [&](int d) {
    std::int64_t product = 1;
    for (const SpatialDim& dim : mapping) {
      if (std::find(place.served_dims.begin(), place.served_dims.end(), dim.array_dim) ==
          place.served_dims.end()) {
        continue;
      }
      for (const SpatialLoop& loop : dim.loops) {
        if (loop.dim == d) product *= loop.factor;
      }
    }
    return std::min(product, layer_.dims[z(d)].size);
  };
  std::int64_t result = 1;
  for (const model::OperandIndex& index : layer_.operands[z(place.operand)].indices) {
    if (!index.is_relation) {
      result *= units(index.index);
      continue;
    }
    const model::DimRelation& relation = layer_.relations[z(index.index)];
    std::int64_t asked = 1;
    std::int64_t apart = 1;  // from the first of neighbours to the last
    for (std::size_t side = 0; side < relation.dim.size(); ++side) {
      const std::int64_t n = units(relation.dim[side]);
      asked *= n;
      apart += relation.coefficient[side] * (n - 1);
    }
    asked = std::min(asked, apart);
    if (relation.given_size) asked = std::min(asked, *relation.given_size);
    result *= std::max<std::int64_t>(1, asked);
  }
  return result;
}

std::vector<std::int64_t> SpatialDemand::of(const SpatialMapping& mapping) const {
  std::vector<std::int64_t> demand;
  for (const Place& place : places_) demand.push_back(elements(place, mapping));
  return demand;
}

bool SpatialDemand::fits(const std::vector<std::int64_t>& demand) const {
  double bits = 0;
  for (std::size_t i = 0; i < places_.size(); ++i) {
    if (i > 0 && places_[i].memory != places_[i - 1].memory) bits = 0;
    const model::LayerOperand& operand = layer_.operands[z(places_[i].operand)];
    const std::int64_t each = places_[i].operand == 0
                                  ? std::min(operand.precision, layer_.output_final_precision)
                                  : operand.precision;
    bits += static_cast<double>(demand[i]) * static_cast<double>(each);
    if (bits > static_cast<double>(accelerator_.memories[z(places_[i].memory)].size)) return false;
  }
  return true;
}

bool BestSpatial::hopeless(double score, const std::vector<std::int64_t>& demand) const {
  std::size_t ahead = 0;
  for (const Entry& one : kept_) {
    if (one.score >= score && no_more(one.demand, demand) && ++ahead >= wanted_) return true;
  }
  return false;
}

bool BestSpatial::offer(Entry entry) {
  if (!known_.insert(real_loops(entry.mapping)).second) return false;
  kept_.push_back(std::move(entry));
  return true;
}

std::vector<SpatialMapping> BestSpatial::take() {
  std::stable_sort(kept_.begin(), kept_.end(),
                   [](const Entry& a, const Entry& b) { return a.score > b.score; });
  std::vector<Entry> all = std::exchange(kept_, {});
  known_.clear();
  std::vector<SpatialMapping> result;
  for (Entry& one : all) {
    if (hopeless(one.score, one.demand)) continue;
    result.push_back(one.mapping);
    kept_.push_back(std::move(one));
  }
  kept_.clear();
  return result;
}

}  // namespace ridgeline::search
