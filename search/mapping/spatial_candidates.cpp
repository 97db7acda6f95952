#include "search/mapping/spatial_candidates.hpp"

#include <algorithm>
#include <limits>
#include <memory>
#include <optional>
#include <set>

#include "model/core/index.hpp"
#include "model/core/name_order.hpp"
#include "search/mapping/strict_spatial.hpp"

namespace ridgeline::search {

using model::SpatialDim;
using model::SpatialLoop;
using model::SpatialMapping;

namespace {

// The unrolled loops of one array dimension.
using Part = std::vector<SpatialLoop>;

std::int64_t product(const Part& part) {
  std::int64_t result = 1;
  for (const SpatialLoop& loop : part) result *= loop.factor;
  return result;
}

std::vector<std::int64_t> divisors(std::int64_t n) {  // increasing
  std::vector<std::int64_t> low;
  std::vector<std::int64_t> high;
  for (std::int64_t i = 1; i * i <= n; ++i) {
    if (n % i != 0) continue;
    low.push_back(i);
    if (i != n / i) high.push_back(n / i);
  }
  low.insert(low.end(), high.rbegin(), high.rend());
  return low;
}

// Unrollings of a loop over at most `most` lanes that are worth a look where what memories hold and
// feed is not known: what divides the loop or the lanes, and powers of two; of those with which the
// loop takes equally many rounds the smallest. Increasing.
std::vector<std::int64_t> steps(std::int64_t loop, std::int64_t most) {
  std::vector<std::int64_t> all = divisors(most);
  for (const std::int64_t factor : divisors(loop)) {
    if (factor <= most) all.push_back(factor);
  }
  for (std::int64_t factor = 2; factor <= most; factor *= 2) all.push_back(factor);
  std::sort(all.begin(), all.end());
  const auto rounds = [&](std::int64_t factor) { return (loop + factor - 1) / factor; };
  all.erase(std::unique(all.begin(), all.end(),
                        [&](std::int64_t a, std::int64_t b) { return rounds(a) == rounds(b); }),
            all.end());
  return all;
}

// What one of very many candidates takes while they are ranked and limited, about.
constexpr std::int64_t kCandidateBytes = 1024;

struct Candidate {
  double score = 0;
  std::vector<int> choice;  // into the part list of each array dimension to fill
};

class Generator {
 public:
  Generator(const model::Layer& layer, const model::Accelerator& accelerator,
            const model::Hierarchy& hierarchy, const model::MappingEntry& mapping,
            const SpatialOptions& options)
      : layer_(layer),
        array_(accelerator.array),
        accelerator_(accelerator),
        hierarchy_(hierarchy),
        mapping_(mapping),
        options_(options),
        watch_(options.budget),
        bytes_(options.budget) {}

  SpatialCandidates run() {
    SpatialCandidates result;
    for (const auto& given : mapping_.spatial_mapping) {
      if (array_.dim_index(given.array_dim) < 0) {
        result.infeasible = "the mapping unrolls over array dimension " + given.array_dim +
                            ", which the accelerator does not have";
        return result;
      }
    }
    limit_unrolling();
    make_template();
    std::vector<Candidate> best;
    if (options_.strict) {
      for (int dim : fill_) parts_.push_back(part_candidates(dim));
      return strictly();
    }
    if (fill_.empty()) {
      best.push_back({});
    } else {
      for (int dim : fill_) parts_.push_back(part_candidates(dim));
      best = rank();
      if (best.empty()) return none("no spatial mapping fits the array and its bandwidths");
    }
    return limit_to_capacity(best);
  }

 private:
  // Largest factor of each loop on each array dimension: sizes, and what the innermost
  // memories' ports can deliver (docs/mapping-search.md, 1.2).
  void limit_unrolling() {
    limit_.assign(array_.dims.size(), std::vector<std::int64_t>(layer_.dims.size()));
    for (std::size_t a = 0; a < array_.dims.size(); ++a) {
      for (std::size_t d = 0; d < layer_.dims.size(); ++d) {
        limit_[a][d] = std::min(layer_.dims[d].size, array_.dims[a].size);
      }
    }
    if (options_.strict) return;
    for_inner_memories([&](const model::Memory& memory, int operand) {
      const std::int64_t bits = layer_.operands[z(operand)].precision;
      const auto direction =
          operand == 0 ? model::Direction::wr_in_by_low : model::Direction::rd_out_to_low;
      const auto link = *mapping_.link(layer_.operands[z(operand)].name);
      std::optional<std::int64_t> bandwidth;
      for (const model::Port& port : memory.ports) {  // the last port that lists a pair serves it
        for (const auto& [name, served] : port.allocation) {
          if (name == link && served == direction) bandwidth = port.bandwidth_max;
        }
      }
      if (!bandwidth || bits <= 0) return;
      const std::uint32_t irrelevant = model::relevance(layer_, operand).irrelevant;
      for (int a : memory.served_dims) {
        for (std::size_t d = 0; d < layer_.dims.size(); ++d) {
          if (irrelevant >> d & 1u) continue;
          limit_[z(a)][d] = std::min(limit_[z(a)][d], *bandwidth / bits);
        }
      }
    });
  }

  // Memories with nothing below them for any of their operands, with each linked operand.
  template <class Visit>
  void for_inner_memories(Visit visit) const {
    for (std::size_t m = 0; m < hierarchy_.memories.size(); ++m) {
      if (hierarchy_.has_lower_memory[m]) continue;
      const auto& entry = hierarchy_.memories[m];
      for (model::MemoryOperand name : entry.operands) {
        for (std::size_t o = 0; o < layer_.operands.size(); ++o) {
          if (mapping_.link(layer_.operands[o].name) == name) {
            visit(accelerator_.memories[z(entry.memory)], static_cast<int>(o));
          }
        }
      }
    }
  }

  std::string dim_name(int dim) const { return layer_.dims[z(dim)].name; }

  // Places of `dims` in the order of a set built from them.
  std::vector<int> dims_in_set_order(const std::vector<int>& dims) const {
    std::vector<std::string> names;
    for (int dim : dims) names.push_back(dim_name(dim));
    std::vector<int> ordered;
    for (int place : model::set_order(model::NameKind::layer_dim, names)) {
      ordered.push_back(dims[z(place)]);
    }
    return ordered;
  }

  // The user's mapping, cut back to what the layer and the array allow (1.3).
  void make_template() {
    for (const auto& given : mapping_.spatial_mapping) {
      SpatialDim dim;
      dim.array_dim = array_.dim_index(given.array_dim);
      for (const model::Unroll& unroll : given.unrolls) {
        const int d = layer_.dim_index(unroll.dim);
        if (d < 0) continue;
        const auto it = std::find_if(dim.loops.begin(), dim.loops.end(),
                                     [&](const SpatialLoop& loop) { return loop.dim == d; });
        if (it != dim.loops.end()) {
          it->factor = unroll.factor;
        } else {
          dim.loops.push_back({d, unroll.factor});
        }
      }
      template_.push_back(std::move(dim));
    }
    for (SpatialDim& dim : template_) {
      for (SpatialLoop& loop : dim.loops) {
        loop.factor = std::min(loop.factor, limit_[z(dim.array_dim)][z(loop.dim)]);
      }
      while (product(dim.loops) > array_.dims[z(dim.array_dim)].size) {
        std::vector<int> dims;
        for (const SpatialLoop& loop : dim.loops) dims.push_back(loop.dim);
        const int first = dims_in_set_order(dims).front();
        std::erase_if(dim.loops, [&](const SpatialLoop& loop) { return loop.dim == first; });
      }
    }
    std::vector<int> seen;
    for (const SpatialDim& dim : template_) {
      for (const SpatialLoop& loop : dim.loops) seen.push_back(loop.dim);
    }
    for (int d : dims_in_set_order(seen)) {
      while (true) {
        std::int64_t total = 1;
        std::vector<std::string> names;
        std::vector<SpatialDim*> holders;
        for (SpatialDim& dim : template_) {
          names.push_back(array_.dims[z(dim.array_dim)].name);
          holders.push_back(nullptr);
          for (const SpatialLoop& loop : dim.loops) {
            if (loop.dim != d) continue;
            total *= loop.factor;
            holders.back() = &dim;
          }
        }
        if (total <= layer_.dims[z(d)].size) break;
        // The first holder in the order of the set of all array dimensions of the mapping.
        for (int place : model::set_order(model::NameKind::array_dim, names)) {
          if (!holders[z(place)]) continue;
          std::erase_if(holders[z(place)]->loops,
                        [&](const SpatialLoop& loop) { return loop.dim == d; });
          break;
        }
      }
    }
    for (std::size_t a = 0; a < array_.dims.size(); ++a) {
      if (std::none_of(template_.begin(), template_.end(), [&](const SpatialDim& dim) {
            return dim.array_dim == static_cast<int>(a);
          })) {
        fill_.push_back(static_cast<int>(a));
      }
    }
  }

  std::vector<int> hinted_dims(int array_dim) const {
    std::vector<int> dims;
    for (const model::SpatialHint& hint : mapping_.spatial_hints) {
      if (hint.array_dim != array_.dims[z(array_dim)].name) continue;
      for (const std::string& name : hint.dims) {
        if (const int d = layer_.dim_index(name); d >= 0) dims.push_back(d);
      }
    }
    if (dims.empty()) {
      for (std::size_t d = 0; d < layer_.dims.size(); ++d) dims.push_back(static_cast<int>(d));
    } else {
      // The set is built from all hinted names, also those that this layer lacks.
      for (const model::SpatialHint& hint : mapping_.spatial_hints) {
        if (hint.array_dim != array_.dims[z(array_dim)].name) continue;
        std::vector<int> ordered;
        for (int place : model::set_order(model::NameKind::layer_dim, hint.dims)) {
          if (const int d = layer_.dim_index(hint.dims[z(place)]); d >= 0) ordered.push_back(d);
        }
        return ordered;
      }
    }
    return dims_in_set_order(dims);
  }

  // Whether to make do with what there is: time or memory are used up.
  bool ended() {
    cut_off_ = cut_off_ || watch_.stopped();
    return cut_off_;
  }
  bool take(std::int64_t bytes) {
    cut_off_ = cut_off_ || !bytes_.take(bytes);
    return !cut_off_;
  }

  std::vector<std::int64_t> factors_of(int array_dim, int d) const {
    const std::int64_t most = limit_[z(array_dim)][z(d)];
    return options_.strict ? steps(layer_.dims[z(d)].size, most) : divisors(most);
  }

  std::vector<Part> part_candidates(int array_dim) {
    std::vector<Part> parts;
    const std::vector<int> dims = hinted_dims(array_dim);
    for (int d : dims) {
      std::vector<std::int64_t> factors = factors_of(array_dim, d);
      for (auto it = factors.rbegin(); it != factors.rend(); ++it) parts.push_back({{d, *it}});
    }
    if (!options_.mixed) return parts;
    for (std::size_t k = 2; k <= dims.size(); ++k) {
      std::vector<int> chosen;
      combinations(array_dim, dims, 0, k, chosen, parts);
    }
    return parts;
  }

  void combinations(int array_dim, const std::vector<int>& dims, std::size_t from, std::size_t k,
                    std::vector<int>& chosen, std::vector<Part>& parts) {
    if (chosen.size() == k) {
      Part part;
      factor_choices(array_dim, chosen, part, parts);
      return;
    }
    for (std::size_t i = from; i < dims.size(); ++i) {
      chosen.push_back(dims[i]);
      combinations(array_dim, dims, i + 1, k, chosen, parts);
      chosen.pop_back();
    }
  }

  void factor_choices(int array_dim, const std::vector<int>& chosen, Part& part,
                      std::vector<Part>& parts) {
    if (ended()) return;
    if (part.size() == chosen.size()) {
      if (take(static_cast<std::int64_t>(sizeof(Part) + part.size() * sizeof(SpatialLoop)))) {
        parts.push_back(part);
      }
      return;
    }
    const int d = chosen[part.size()];
    const std::int64_t used = product(part);
    for (std::int64_t factor : factors_of(array_dim, d)) {
      if (factor == 1 || used * factor > array_.dims[z(array_dim)].size) continue;
      part.push_back({d, factor});
      factor_choices(array_dim, chosen, part, parts);
      part.pop_back();
    }
  }

  SpatialCandidates none(const char* why) const {
    SpatialCandidates result;
    result.cut_off = cut_off_;
    result.infeasible = cut_off_ ? "the search was stopped before it found a spatial mapping: "
                                   "whether there is one is not known"
                                 : why;
    return result;
  }

  // Before any part is chosen: the lanes that the template takes.
  double begin() {
    totals_.assign(layer_.dims.size(), 1);
    for (const SpatialDim& dim : template_) {
      for (const SpatialLoop& loop : dim.loops) totals_[z(loop.dim)] *= loop.factor;
    }
    reach_.assign(parts_.size() + 1, 1);
    for (std::size_t f = parts_.size(); f-- > 0;) {
      std::int64_t largest = 0;
      for (const Part& part : parts_[f]) largest = std::max(largest, product(part));
      reach_[f] = reach_[f + 1] * static_cast<double>(std::max<std::int64_t>(largest, 1));
    }
    choice_.clear();
    std::int64_t used = 1;
    for (const SpatialDim& dim : template_) used *= product(dim.loops);
    return static_cast<double>(used);
  }

  // No score of what is chosen and anything more is larger.
  double most(double used) const { return 2 * used * reach_[choice_.size()] - 1; }

  double score(double used) const {
    const std::int64_t largest = *std::max_element(totals_.begin(), totals_.end());
    return used + (used / static_cast<double>(largest) - 1);
  }

  // Calls next(lanes) for each part of the next array dimension that the array and the loops have
  // room for, with it chosen.
  template <class Next>
  void each_part(double used, const Next& next) {
    const std::size_t f = choice_.size();
    const auto& limits = limit_[z(fill_[f])];
    const std::int64_t array_size = array_.dims[z(fill_[f])].size;
    for (std::size_t i = 0; i < parts_[f].size(); ++i) {
      const Part& part = parts_[f][i];
      if (product(part) > array_size) continue;
      bool fits = true;
      for (const SpatialLoop& loop : part) {
        fits = fits && loop.factor <= limits[z(loop.dim)] &&
               totals_[z(loop.dim)] * loop.factor <= layer_.dims[z(loop.dim)].size;
      }
      if (!fits) continue;
      for (const SpatialLoop& loop : part) totals_[z(loop.dim)] *= loop.factor;
      choice_.push_back(static_cast<int>(i));
      next(used * static_cast<double>(product(part)));
      choice_.pop_back();
      for (const SpatialLoop& loop : part) totals_[z(loop.dim)] /= loop.factor;
    }
  }

  // By the rules of the strict model: all that no core with less bandwidth or room does without.
  SpatialCandidates strictly() {
    const SpatialDemand demand(layer_, accelerator_, hierarchy_, mapping_);
    if (fill_.empty()) {
      SpatialCandidates result;
      result.mappings.push_back(template_);
      return result;
    }
    BestSpatial list(wanted());
    const auto descend = [&](const auto& self, double used) -> void {
      if (ended()) return;
      SpatialMapping mapping = template_;
      for (std::size_t f = 0; f < choice_.size(); ++f) {
        mapping.push_back({fill_[f], parts_[f][z(choice_[f])]});
      }
      std::vector<std::int64_t> asked = demand.of(mapping);
      const bool part = choice_.size() < parts_.size();
      if (!demand.fits(asked) || list.hopeless(part ? most(used) : score(used), asked)) return;
      if (part) {
        each_part(used, [&](double next) { self(self, next); });
      } else if (take(kCandidateBytes) && !list.offer({score(used), asked, std::move(mapping)})) {
        bytes_.give_back(kCandidateBytes);
      }
    };
    descend(descend, begin());
    SpatialCandidates result;
    result.mappings = list.take();
    result.cut_off = cut_off_;
    if (result.mappings.empty()) {
      return none("the memories next to the array do not hold one element a lane");
    }
    return result;
  }

  std::size_t wanted() const {
    return options_.candidates > 0 ? static_cast<std::size_t>(options_.candidates)
                                   : std::numeric_limits<std::size_t>::max();
  }

  // Best combinations of parts: by decreasing score, ties in the order of generation. Whole
  // subtrees whose score cannot reach the last one kept are skipped.
  std::vector<Candidate> rank() {
    best_.clear();
    descend(begin());
    std::stable_sort(best_.begin(), best_.end(),
                     [](const Candidate& a, const Candidate& b) { return a.score > b.score; });
    return best_;
  }

  void descend(double used) {
    if (ended()) return;
    if (choice_.size() == parts_.size()) {
      const double value = score(used);
      if (best_.size() >= wanted()) {
        // Worst kept: lowest score, and of equals the one generated last.
        auto worst = best_.begin();
        for (auto it = best_.begin(); it != best_.end(); ++it) {
          if (it->score <= worst->score) worst = it;
        }
        if (value <= worst->score) return;
        best_.erase(worst);
      }
      // Without a number of candidates that are wanted, this list is what may grow.
      if (options_.candidates <= 0 && !take(kCandidateBytes)) return;
      best_.push_back({value, choice_});
      threshold_ = -1;
      if (best_.size() >= wanted()) {
        threshold_ = std::min_element(best_.begin(), best_.end(), [](const auto& a, const auto& b) {
                       return a.score < b.score;
                     })->score;
      }
      return;
    }
    if (threshold_ >= 0 && most(used) <= threshold_) return;
    each_part(used, [&](double next) { descend(next); });
  }

  // Lowers unrollings that the innermost memories cannot hold (1.5). Candidates share their
  // parts, and lowering works in place: one candidate's limit shows in others, as in the
  // reference. When all candidates are asked for there is no parity to keep: each is on its
  // own, and equal ones are dropped.
  SpatialCandidates limit_to_capacity(const std::vector<Candidate>& best) {
    const bool shared = options_.candidates > 0;
    std::vector<std::vector<std::shared_ptr<Part>>> pool(parts_.size());
    for (std::size_t f = 0; f < parts_.size(); ++f) pool[f].resize(parts_[f].size());
    std::vector<std::shared_ptr<Part>> given;
    for (const SpatialDim& dim : template_) given.push_back(std::make_shared<Part>(dim.loops));
    using Assembly = std::vector<std::pair<int, std::shared_ptr<Part>>>;
    std::vector<Assembly> assemblies;
    for (const Candidate& candidate : best) {
      Assembly assembly;
      for (std::size_t t = 0; t < template_.size(); ++t) {
        assembly.emplace_back(template_[t].array_dim,
                              shared ? given[t] : std::make_shared<Part>(*given[t]));
      }
      for (std::size_t f = 0; f < candidate.choice.size(); ++f) {
        auto& slot = pool[f][z(candidate.choice[f])];
        if (!slot || !shared) slot = std::make_shared<Part>(parts_[f][z(candidate.choice[f])]);
        assembly.emplace_back(fill_[f], slot);
      }
      assemblies.push_back(std::move(assembly));
    }
    SpatialCandidates result;
    result.cut_off = cut_off_;
    for (Assembly& assembly : assemblies) {
      if (std::string reason = limit_one(assembly); !reason.empty()) {
        result.infeasible = reason;
        return result;
      }
    }
    std::set<std::vector<std::int64_t>> known;
    for (const Assembly& assembly : assemblies) {
      SpatialMapping mapping;
      for (const auto& [array_dim, part] : assembly) mapping.push_back({array_dim, *part});
      if (!shared && !known.insert(real_loops(mapping)).second) continue;
      result.mappings.push_back(std::move(mapping));
    }
    return result;
  }

  template <class Assembly>
  std::string limit_one(Assembly& assembly) const {
    std::string reason;
    for_inner_memories([&](const model::Memory& memory, int operand) {
      const std::int64_t bits = layer_.operands[z(operand)].precision;
      if (bits <= 0 || !reason.empty()) return;
      const double capacity = static_cast<double>(memory.size) / static_cast<double>(bits);
      const std::uint32_t irrelevant = model::relevance(layer_, operand).irrelevant;
      std::vector<std::string> served;
      for (int a : memory.served_dims) served.push_back(array_.dims[z(a)].name);
      std::vector<int> array_dims;
      for (int place : model::set_order(model::NameKind::array_dim, served)) {
        array_dims.push_back(memory.served_dims[z(place)]);
      }
      std::vector<int> seen;
      for (const auto& [array_dim, part] : assembly) {
        for (const SpatialLoop& loop : *part) seen.push_back(loop.dim);
      }
      std::vector<std::int64_t> factors;
      for (int d : dims_in_set_order(seen)) {
        if (irrelevant >> d & 1u) continue;
        for (int a : array_dims) {
          for (const auto& [array_dim, part] : assembly) {
            if (array_dim != a) continue;
            for (const SpatialLoop& loop : *part) {
              if (loop.dim == d) factors.push_back(loop.factor);
            }
          }
        }
      }
      const auto total = [&] {
        double result = 1;
        for (std::int64_t factor : factors) result *= static_cast<double>(factor);
        return result;
      };
      if (total() <= capacity) return;
      const std::vector<std::int64_t> before = factors;
      while (total() > capacity) {
        const auto largest = std::max_element(factors.begin(), factors.end());
        if (largest == factors.end() || *largest <= 1) {
          reason = "operand " + layer_.operands[z(operand)].name + ": one element of " +
                   std::to_string(bits) + " bits does not fit memory " + memory.name + " of " +
                   std::to_string(memory.size) + " bits (" + std::to_string(bits - memory.size) +
                   " too many)";
          return;
        }
        --*largest;
      }
      for (auto& [array_dim, part] : assembly) {
        if (std::find(array_dims.begin(), array_dims.end(), array_dim) == array_dims.end()) {
          continue;
        }
        for (SpatialLoop& loop : *part) {
          if (irrelevant >> loop.dim & 1u) continue;
          // By value, the last of equal ones deciding.
          for (std::size_t i = before.size(); i-- > 0;) {
            if (before[i] == loop.factor) {
              loop.factor = factors[i];
              break;
            }
          }
        }
      }
    });
    return reason;
  }

  const model::Layer& layer_;
  const model::OperationalArray& array_;
  const model::Accelerator& accelerator_;
  const model::Hierarchy& hierarchy_;
  const model::MappingEntry& mapping_;
  const SpatialOptions& options_;
  Watch watch_;
  ByteCount bytes_;
  bool cut_off_ = false;
  std::vector<std::vector<std::int64_t>> limit_;  // [array dim][loop dim]
  SpatialMapping template_;
  std::vector<int> fill_;                 // array dimensions the user leaves open
  std::vector<std::vector<Part>> parts_;  // candidates of each of them
  std::vector<Candidate> best_;
  std::vector<int> choice_;
  std::vector<std::int64_t> totals_;
  std::vector<double> reach_;
  double threshold_ = -1;
};

}  // namespace

SpatialCandidates spatial_candidates(const model::Layer& layer,
                                     const model::Accelerator& accelerator,
                                     const model::Hierarchy& hierarchy,
                                     const model::MappingEntry& mapping,
                                     const SpatialOptions& options) {
  return Generator(layer, accelerator, hierarchy, mapping, options).run();
}

}  // namespace ridgeline::search
