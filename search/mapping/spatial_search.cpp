#include "search/mapping/spatial_search.hpp"

#include <algorithm>
#include <limits>
#include <unordered_map>
#include <utility>
#include <variant>

#include "model/core/index.hpp"
#include "search/exact/least_cost.hpp"
#include "search/mapping/problem_key.hpp"

namespace ridgeline::search {

namespace {

constexpr double kInfinity = std::numeric_limits<double>::infinity();

// How many spatial mappings the reference tries by default.
constexpr std::size_t kReferenceCandidates = 3;

// Spatial mappings that are searched independently of each other.
constexpr std::size_t kSpatialBlock = 8;

// Nodes of the first try of a spatial mapping, and how many times as many the next one has.
constexpr std::int64_t kFirstTry = 150'000;
constexpr std::int64_t kNextTry = 8;
// Without a limit, the last of so many tries has none.
constexpr std::int64_t kMostTries = 6;
// A search that had so much of what it would get now need not be made again.
constexpr double kWorthATry = 0.5;

class SpatialSearch {
 public:
  SpatialSearch(const model::Layer& layer, const model::Accelerator& accelerator,
                const model::Hierarchy& hierarchy, const model::MappingEntry& mapping,
                const std::vector<model::SpatialMapping>& list, const MapperOptions& options)
      : layer_(layer),
        accelerator_(accelerator),
        hierarchy_(hierarchy),
        mapping_(mapping),
        list_(list),
        options_(options),
        known_(list.size()) {}

  SpatialResult run(bool complete) {
    std::vector<std::size_t> all(list_.size());
    for (std::size_t i = 0; i < all.size(); ++i) all[i] = i;
    const bool several = options_.engine == Engine::exact && all.size() > 1;
    std::int64_t step = several ? kFirstTry : options_.node_limit;
    std::int64_t tries = 1;
    bool ended = search_all(all, step);
    while (several && !ended) {
      const std::vector<std::size_t> open = open_ones();
      if (open.empty()) break;
      step *= kNextTry;
      const std::int64_t before = searches_;
      const bool last = options_.node_limit == 0 && ++tries == kMostTries;
      ended = search_all(open, last ? 0 : step);
      if (searches_ == before) break;
    }
    sum_up(complete);
    return std::move(result_);
  }

 private:
  // What is known of one spatial mapping.
  struct Known {
    std::optional<std::size_t> same_as;  // an earlier one, under which every mapping costs the same
    bool looked_at = false;
    bool searched = false;
    bool proven = false;
    bool out_of_nodes = false;
    std::int64_t allowed = 0;  // nodes that it had
    double lower_bound = -kInfinity;
    double orderings = 0;
    std::string reason;
    bool cut_off = false;
    std::string refused;
  };

  double value() const {
    return result_.place ? objective_value(options_.objective, result_.best.cost) : kInfinity;
  }

  // Whether a better mapping may be left, for which more nodes are worth while.
  bool open(const Known& one) const {
    return one.searched && one.out_of_nodes && !one.proven &&
           one.lower_bound <= value() * (1 + kSurely) &&
           (options_.gap <= 0 || one.lower_bound < value() * (1 - options_.gap));
  }

  bool worth_a_try(const Known& one, std::int64_t nodes) const {
    return open(one) && (nodes == 0 || static_cast<double>(one.allowed) <=
                                           kWorthATry * static_cast<double>(nodes));
  }

  // Those that promise least first, which are soon done with; the hardest have what is left.
  std::vector<std::size_t> open_ones() const {
    std::vector<std::size_t> places;
    for (std::size_t i = 0; i < known_.size(); ++i) {
      if (!known_[i].same_as && open(known_[i])) places.push_back(i);
    }
    std::stable_sort(places.begin(), places.end(), [&](std::size_t a, std::size_t b) {
      return known_[a].lower_bound > known_[b].lower_bound;
    });
    return places;
  }

  // Nodes that each of the next `count` may visit: all of them together may visit half as many as
  // the limit allows one.
  std::int64_t allowed(std::int64_t step, std::size_t count) const {
    if (options_.engine != Engine::exact || options_.node_limit == 0) return step;
    if (list_.size() == 1) return options_.node_limit;
    const std::int64_t left = options_.node_limit / 2 * 3 - work_;
    const std::int64_t share = std::max(std::min(options_.node_limit, kLeastNodes),
                                        left / static_cast<std::int64_t>(count));
    return std::min({options_.node_limit, step, share});
  }

  // Searches spatial mappings in blocks, those of a block independently of each other, each with
  // the best of the blocks before as what the exact engine has to beat: so the result does not
  // depend on how many are searched at the same time. The first is a block. Returns whether time
  // was over.
  bool search_all(const std::vector<std::size_t>& places, std::int64_t step) {
    for (std::size_t begin = 0, end = 1; begin < places.size();
         begin = end, end = std::min(places.size(), end + kSpatialBlock)) {
      const bool first = begin == 0 && !known_[places[begin]].searched;
      if (!first && options_.budget.stopped()) return true;
      search_block({places.begin() + static_cast<std::ptrdiff_t>(begin),
                    places.begin() + static_cast<std::ptrdiff_t>(end)},
                   allowed(step, places.size() - begin));
    }
    return false;
  }

  void search_block(const std::vector<std::size_t>& block, std::int64_t nodes) {
    std::optional<model::Cost> incumbent;
    if (result_.place) incumbent = result_.best.cost;
    std::vector<TemporalSearchResult> found(block.size());
    std::vector<std::variant<model::Problem, std::string>> compiled(block.size(), std::string{});
    std::vector<std::size_t> searched;
    for (std::size_t i = 0; i < block.size(); ++i) {
      Known& known = known_[block[i]];
      if (known.searched && !worth_a_try(known, nodes)) continue;
      known.looked_at = true;
      compiled[i] = model::compile(layer_, accelerator_, hierarchy_, mapping_, list_[block[i]],
                                   model::cost_model(options_.no_quirks));
      if (const auto* why = std::get_if<std::string>(&compiled[i])) {
        known.reason = *why;
        continue;
      }
      if (!known.searched) find_same(std::get<model::Problem>(compiled[i]), block[i]);
      if (!known.same_as) searched.push_back(i);
    }
    const auto search_one = [&](std::size_t place) {
      const std::size_t i = searched[place];
      // Of very many spatial mappings only the first few are also searched as the reference does.
      const bool with_loma = block[i] < kReferenceCandidates && !known_[block[i]].searched;
      found[i] = search_temporal(layer_, accelerator_, mapping_, options_,
                                 std::get<model::Problem>(compiled[i]),
                                 {incumbent, with_loma, known_[block[i]].searched, nodes});
    };
    if (options_.for_each && searched.size() > 1) {
      options_.for_each(searched.size(), search_one);
    } else {
      for (std::size_t place = 0; place < searched.size(); ++place) search_one(place);
    }
    for (const std::size_t i : searched) {
      add(block[i], nodes, std::move(found[i]), std::get<model::Problem>(compiled[i]));
    }
  }

  // Spatial mappings under which every temporal mapping costs the same as under an earlier one:
  // what the search of that one found is true of them too, and nothing better.
  void find_same(const model::Problem& problem, std::size_t place) {
    if (options_.engine != Engine::exact || options_.no_quirks || list_.size() == 1) return;
    const auto [first, added] = by_key_.try_emplace(problem_key(problem), place);
    if (!added) known_[place].same_as = first->second;
  }

  void add(std::size_t place, std::int64_t nodes, TemporalSearchResult&& found,
           const model::Problem& problem) {
    ++searches_;
    Known& known = known_[place];
    known.reason = found.reason;
    known.cut_off = found.cut_off;
    known.proven = found.proven;
    known.out_of_nodes = found.out_of_nodes;
    known.allowed = nodes;
    known.lower_bound = std::max(known.lower_bound, found.lower_bound);
    known.orderings = found.orderings;
    known.refused = found.refused;
    known.searched = true;
    for (const model::Cost& cost : found.near) add_near(cost, result_.near);
    result_.evaluated += found.evaluated;
    result_.nodes += found.nodes;
    work_ += found.work;
    if (found.reference &&
        (!result_.reference || better(options_.objective, *found.reference, *result_.reference))) {
      result_.reference = found.reference;
    }
    if (!found.any ||
        (result_.place && !better(options_.objective, found.cost, result_.best.cost))) {
      return;
    }
    result_.place = place;
    result_.problem = problem;
    result_.best = std::move(found);
  }

  void sum_up(bool complete) {
    result_.proven = complete;
    // Nothing is known of spatial mappings that were not listed or searched.
    result_.lower_bound = complete ? kInfinity : -kInfinity;
    double open_bound = result_.lower_bound;  // of those that are not proven
    for (const Known& one : known_) {
      const Known& known = one.same_as ? known_[*one.same_as] : one;
      if (!known.looked_at) {  // time was over
        result_.proven = false;
        result_.lower_bound = open_bound = -kInfinity;
        if (result_.place) break;
        result_.cut_off = true;
        result_.reason = kStoppedTooEarly;
        break;
      }
      if (!known.searched) {
        if (result_.reason.empty()) result_.reason = known.reason;
        continue;
      }
      result_.orderings += known.orderings;
      result_.proven = result_.proven && known.proven;
      if (result_.refused.empty()) result_.refused = known.refused;
      result_.lower_bound = std::min(result_.lower_bound, known.lower_bound);
      if (!known.proven) open_bound = std::min(open_bound, known.lower_bound);
      if (result_.place) continue;
      if (known.cut_off && !result_.cut_off) result_.reason.clear();
      result_.cut_off = result_.cut_off || known.cut_off;
      if (result_.reason.empty() && known.cut_off == result_.cut_off) result_.reason = known.reason;
    }
    if (!result_.place) return;
    result_.cut_off = false;
    // What surely costs more need not be proven itself.
    result_.proven = result_.proven ||
                     (options_.engine == Engine::exact && open_bound > value() * (1 + kSurely));
  }

  const model::Layer& layer_;
  const model::Accelerator& accelerator_;
  const model::Hierarchy& hierarchy_;
  const model::MappingEntry& mapping_;
  const std::vector<model::SpatialMapping>& list_;
  const MapperOptions& options_;
  std::vector<Known> known_;
  std::unordered_map<std::string, std::size_t> by_key_;
  SpatialResult result_;
  std::int64_t work_ = 0;      // nodes, and tables as so many nodes
  std::int64_t searches_ = 0;  // searches that were made
};

}  // namespace

SpatialResult search_spatial(const model::Layer& layer, const model::Accelerator& accelerator,
                             const model::Hierarchy& hierarchy, const model::MappingEntry& mapping,
                             const std::vector<model::SpatialMapping>& list, bool complete,
                             const MapperOptions& options) {
  return SpatialSearch(layer, accelerator, hierarchy, mapping, list, options).run(complete);
}

}  // namespace ridgeline::search
