#include "search/exact/strict_search.hpp"

#include <algorithm>
#include <array>
#include <cmath>
#include <deque>
#include <limits>
#include <numeric>
#include <queue>
#include <utility>
#include <vector>

#include "model/core/index.hpp"
#include "search/exact/least_cost.hpp"
#include "search/exact/least_product.hpp"
#include "search/exact/matrix_game.hpp"
#include "search/exact/strict_lattice.hpp"
#include "search/mapping/replay.hpp"

namespace ridgeline::search {
namespace {

using model::Cost;
using model::StrictCut;
using model::StrictSums;

// Bounds are sums in another order than the model's.
constexpr double kSlack = 1 - 1e-11;
constexpr std::int64_t kMostNodes = 60'000;
constexpr std::int64_t kMostBytes = 400'000'000;
constexpr std::int64_t kMostCells = 8'000'000;  // of all tables
// Steps towards prices, and tables that are kept of them.
constexpr int kPriceSteps = 8;
constexpr std::size_t kMostTables = 4;
// A walk through tiles takes as long as so many nodes, and a node as so many cells of a table.
constexpr int kNodesOfWalk = 50;
constexpr std::int64_t kCellsOfNode = 300;
// A node of the reference's search takes less time by so much.
constexpr std::int64_t kSlowNode = 10;
// Orders of loops between cuts that are walked through: all of a small problem, few where next to
// nothing is left to gain.
constexpr std::int64_t kFewOrders = 200;
constexpr double kNextToNothing = 1e-3;
// Of so many steps one goes all the way, for good mappings to beat.
constexpr std::int64_t kDiveEvery = 64;
constexpr int kDiveSteps = 200;
constexpr std::int64_t kMostOrders = 20'000;

// What a mapping costs at least.
struct Least {
  double value = 0;  // of the objective
  Cost cost;
};

// Cuts that have been placed, from the outermost inwards.
struct Chain {
  std::int32_t parent = -1;
  std::int8_t operand = -1;  // of the last one
  std::int8_t level = 0;
  std::int32_t node = 0;
  CutsLeft left{};
  StrictSums sums{};
  double energy = 0;
  double largest = 0;  // elements of the last one's tile
  double cycles = 0;   // that follow from where its cuts are
  const StrictCut* cut = nullptr;
};

// A chain, and how far inwards its next cut may be.
struct Step {
  double bound = 0;
  std::int32_t chain = 0;
  std::int32_t node = 0;
  std::int16_t placed = 0;    // cuts
  std::int8_t type = 0;       // factors are taken away in order
  std::uint8_t relevant = 0;  // bit o: operand o depends on what has been taken away
  bool leaf = false;
};
struct Later {
  bool operator()(const Step& a, const Step& b) const {
    if (a.bound != b.bound) return a.bound > b.bound;
    if (a.leaf != b.leaf) return b.leaf;
    if (a.placed != b.placed) return a.placed < b.placed;
    if (a.node != b.node) return a.node > b.node;
    return a.chain > b.chain;
  }
};

class StrictSearch {
 public:
  StrictSearch(const model::Problem& problem, const ExactOptions& options,
               const std::optional<Cost>& incumbent, const StrictLattice& lattice,
               std::int64_t most_bytes, Watch& watch)
      : problem_(problem),
        options_(options),
        lattice_(lattice),
        watch_(watch),
        most_bytes_(most_bytes),
        resources_(lattice.resources()),
        stride_(z(lattice.resources() + problem.memories)) {
    if (incumbent) {
      best_ = *incumbent;
      has_best_ = true;
    }
    limit_ = options.node_limit > 0 ? std::max<std::int64_t>(1, options.node_limit / kSlowNode) : 0;
  }

  ExactResult run() {
    cells_ = lattice_.combinations() * lattice_.nodes();
    set_tables();
    if (!stopped_) descend();
    finish();
    return result_;
  }

 private:
  // --- bounds ---------------------------------------------------------------------------------

  const StrictBounds& add_table(std::vector<StrictBounds>& tables, const StrictPrices& prices) {
    tables.emplace_back(lattice_, prices);
    spent_ += cells_ / kCellsOfNode;
    return tables.back();
  }

  // Tables of the energy, and of the latency at prices that are best for all chains found.
  void set_tables() {
    const bool energies = options_.objective != Objective::latency || !options_.first_term;
    if (energies) {
      StrictPrices prices;
      prices.energy = 1;
      attempt(add_table(energy_, prices));
    }
    if (options_.objective == Objective::energy && options_.first_term) return;
    std::vector<std::vector<double>> loads;
    std::vector<double> weight(z(resources_), 0);
    for (int p = 0; p < problem_.ports; ++p) weight[z(p)] = 1;
    for (int o = 1; o < problem_.operands; ++o) weight[z(problem_.ports + o)] = 1;
    double last = -1;
    for (int step = 0; step < kPriceSteps && !watch_.stopped_now(); ++step) {
      normalise(weight);
      StrictPrices prices;
      double fixed = 0;
      for (int r = 0; r < resources_; ++r) {
        prices.cycles[z(r)] = weight[z(r)];
        fixed += weight[z(r)] * lattice_.fixed_load(r);
      }
      StrictBounds table(lattice_, prices);
      spent_ += cells_ / kCellsOfNode;
      StrictBounds::Nodes nodes{};
      const bool any = table.cheapest(nodes);
      const double root = fixed + table.at(lattice_.full(), lattice_.all_cuts());
      keep(std::move(table), fixed, root);
      if (!any) return;
      attempt(nodes);
      loads.push_back(loads_of(nodes));
      const double most = *std::max_element(loads.back().begin(), loads.back().end());
      if (most <= root * (1 + 1e-9)) break;  // these are as good as can be
      const double value = best_weights(loads, weight);
      if (step > 2 && value <= last * (1 + 1e-6) && value <= best_root_ * (1 + 1e-4)) break;
      last = value;
      if (has_best_ && options_.gap > 0 && options_.objective == Objective::latency &&
          best_root_ >= best_.latency * (1 - options_.gap)) {
        break;
      }
    }
    if (options_.objective == Objective::edp && has_best_) add_lines();
  }

  static void normalise(std::vector<double>& weight) {
    double sum = 0;
    for (const double w : weight) sum += w;
    for (double& w : weight) w /= sum;
  }

  void keep(StrictBounds table, double fixed, double root) {
    best_root_ = std::max(best_root_, root);
    std::size_t at = 0;
    while (at < roots_.size() && roots_[at] >= root) ++at;
    if (at >= kMostTables) return;
    roots_.insert(roots_.begin() + static_cast<std::ptrdiff_t>(at), root);
    fixed_.insert(fixed_.begin() + static_cast<std::ptrdiff_t>(at), fixed);
    latency_.insert(latency_.begin() + static_cast<std::ptrdiff_t>(at), std::move(table));
    if (roots_.size() > kMostTables) {
      roots_.pop_back();
      fixed_.pop_back();
      latency_.pop_back();
    }
  }

  std::vector<double> loads_of(const StrictBounds::Nodes& nodes) const {
    std::array<double, kMaxResources> sum{};
    for (int o = 0; o < problem_.operands; ++o) {
      for (int a = 0; a < lattice_.cuts_of(o); ++a) {
        lattice_.add_loads(o, lattice_.cut(o, a, nodes[z(o)][z(a)]), sum);
      }
    }
    std::vector<double> result;
    for (int r = 0; r < resources_; ++r) result.push_back(sum[z(r)] + lattice_.fixed_load(r));
    return result;
  }

  // Weights for which the least of the chains is nearly the most; and what that least is.
  static double best_weights(const std::vector<std::vector<double>>& loads,
                             std::vector<double>& weight) {
    weight = play_matrix_game(loads, std::vector<std::vector<double>>(loads.size()), 0).strategy;
    double least = std::numeric_limits<double>::infinity();
    for (const auto& chain : loads) {
      least = std::min(least, std::inner_product(chain.begin(), chain.end(), weight.begin(), 0.0));
    }
    return least;
  }

  // Of energy and latency together, where their product is wanted.
  void add_lines() {
    if (latency_.empty()) return;
    const double slope = best_.energy / best_.latency;
    for (const double factor : {1.0, 3.0, 1.0 / 3}) {
      StrictPrices prices;
      prices.energy = 1;
      double fixed = 0;
      for (int r = 0; r < resources_; ++r) {
        prices.cycles[z(r)] = latency_.front().prices().cycles[z(r)] * slope * factor;
        fixed += prices.cycles[z(r)] * lattice_.fixed_load(r);
      }
      lines_.push_back({1, slope * factor, fixed + problem_.mac_energy});
      attempt(add_table(line_, prices));
    }
  }

  // Of all mappings that a chain can become with its other cuts at a node or further in.
  Least least(std::int32_t place, std::int64_t node) const {
    const Chain& chain = chains_[z(place)];
    const double* loads = loads_.data() + static_cast<std::size_t>(place) * stride_;
    Least result;
    double energy = 0;
    double latency = lattice_.operations();
    for (const StrictBounds& table : energy_) {
      energy = std::max(energy, chain.energy + table.at(node, chain.left) + problem_.mac_energy);
    }
    const auto priced = [&](const StrictBounds& table) {
      const StrictPrices& prices = table.prices();
      double sum = table.at(node, chain.left) + prices.energy * chain.energy;
      for (int r = 0; r < resources_; ++r) sum += prices.cycles[z(r)] * loads[z(r)];
      return sum;
    };
    for (std::size_t t = 0; t < latency_.size(); ++t) {
      latency = std::max(latency, fixed_[t] + priced(latency_[t]));
    }
    for (int r = 0; r < resources_; ++r) {
      latency = std::max(latency, loads[z(r)] + lattice_.fixed_load(r));
    }
    latency = std::max(latency, chain.cycles);
    result.cost = {energy * kSlack, std::ceil(latency * kSlack)};
    if (options_.objective == Objective::edp) {
      std::array<CostLine, 3> lines;
      for (std::size_t t = 0; t < line_.size(); ++t) {
        lines[t] = lines_[t];
        lines[t].bound = (lines_[t].bound + priced(line_[t])) * kSlack;
      }
      result.value = result.cost.energy > 0 ? least_product(result.cost.energy, result.cost.latency,
                                                            {lines.data(), line_.size()}) *
                                                  kSlack
                                            : 0;
    } else {
      result.value = objective_value(options_.objective, result.cost);
    }
    if (energy >= StrictBounds::kNothing || latency >= StrictBounds::kNothing) {
      result.value = StrictBounds::kNothing;
    }
    return result;
  }

  // Whether nothing that costs so much is wanted.
  bool useless(const Least& least) {
    if (least.value >= StrictBounds::kNothing) return true;
    if (!has_best_) return false;
    const double best = objective_value(options_.objective, best_);
    if (least.value >= best * (1 - options_.gap)) {
      if (least.value < best) dropped_ = std::min(dropped_, least.value);
      if (options_.gap > 0 || options_.first_term || options_.objective == Objective::edp ||
          least.value > best * (1 + 1e-12)) {
        return true;
      }
      return options_.objective == Objective::latency ? least.cost.energy >= best_.energy * kSlack
                                                      : least.cost.latency >= best_.latency;
    }
    return false;
  }

  // --- branching ------------------------------------------------------------------------------

  double* loads_at(std::int32_t place) {
    return loads_.data() + static_cast<std::size_t>(place) * stride_;
  }

  std::int32_t add_root() {
    Chain root;
    root.node = static_cast<std::int32_t>(lattice_.full());
    root.left = lattice_.all_cuts();
    root.sums = lattice_.whole();
    chains_.push_back(root);
    loads_.resize(stride_, 0);
    // What lies in memories whatever the cuts.
    const auto all = lattice_.inside(lattice_.full());
    for (int o = 0; o < problem_.operands; ++o) {
      const model::ProblemOperand& operand = problem_.operand[z(o)];
      const int top = operand.levels - 1;
      loads_[z(resources_ + operand.memory[z(top)])] +=
          std::min(operand.precision, operand.final_precision) *
          model::largest_tile(problem_, o, top, all);
    }
    return 0;
  }

  // Places the next cut of an operand at a node; -1: it cannot be there.
  std::int32_t place(std::int32_t from, int o, std::int64_t node) {
    const int a = chains_[z(from)].left[z(o)] - 1;
    if (!lattice_.may_lie(o, a, node)) return -1;
    const StrictCut* cut = &lattice_.cut(o, a, node);
    if (o == 0) {
      const StrictSums& assumed = lattice_.assumed(a, node);
      const StrictSums& sums = chains_[z(from)].sums;
      if (assumed.finishes != sums.finishes || assumed.fresh != sums.fresh) {
        exact_.push_back(model::strict_cut(problem_, 0, a, lattice_.inside(node), sums));
        cut = &exact_.back();
      }
    }
    if (!cut->served) return -1;
    Chain next = chains_[z(from)];
    const double outer = o == 0 ? largest_of(from, a + 1) : 0;
    next.parent = from;
    next.operand = static_cast<std::int8_t>(o);
    next.level = static_cast<std::int8_t>(a);
    next.node = static_cast<std::int32_t>(node);
    --next.left[z(o)];
    next.energy += cut->energy;
    next.largest = cut->largest;
    if (o == 0) {
      const std::uint32_t stay = cut->sums.stay;
      next.sums = cut->sums;
      next.sums.stay = chains_[z(from)].sums.stay | stay;
    }
    std::array<double, kMaxResources> more{};
    lattice_.add_loads(o, *cut, more);
    const std::size_t begin = loads_.size();
    loads_.resize(begin + stride_);
    double* loads = loads_.data() + begin;
    const double* before = loads_at(from);
    std::copy(before, before + stride_, loads);
    for (int r = 0; r < resources_; ++r) loads[r] += more[z(r)];
    const model::ProblemOperand& operand = problem_.operand[z(o)];
    bool fits = true;
    const auto hold = [&](int m, double bits) {
      const int memory = operand.memory[z(m)];
      if (m + 1 < operand.levels && model::has_forced_buffers(problem_, memory)) bits *= 2;
      double& sum = loads[resources_ + memory];
      sum += bits;
      fits = fits && sum <= problem_.memory[z(memory)].size;
    };
    if (a > 0) hold(a - 1, cut->largest * std::min(operand.precision, operand.final_precision));
    if (o == 0 && (next.sums.stay >> a & 1u) && operand.precision > operand.final_precision) {
      hold(a, outer * (operand.precision - operand.final_precision));
    }
    if (!fits) {
      loads_.resize(begin);
      return -1;
    }
    next.cut = cut;
    chains_.push_back(next);
    const auto added = static_cast<std::int32_t>(chains_.size() - 1);
    const auto forget = [&] {
      chains_.pop_back();
      loads_.resize(begin);
      return -1;
    };
    if (useless(least(added, node))) return forget();
    if (options_.objective != Objective::energy || !options_.first_term) {
      model::SomeLinks links{};
      for (std::int32_t i = added; chains_[z(i)].parent >= 0; i = chains_[z(i)].parent) {
        links[z(chains_[z(i)].operand)][z(chains_[z(i)].level)] = &chains_[z(i)].cut->link;
      }
      chains_.back().cycles = model::latency_of_some(problem_, lattice_.iterations(), links);
      if (useless(least(added, node))) return forget();
    }
    return added;
  }

  // Elements of the output's tile below level a.
  double largest_of(std::int32_t chain, int a) const {
    if (a == lattice_.cuts_of(0)) {
      return model::largest_tile(problem_, 0, a - 1, lattice_.inside(lattice_.full()));
    }
    while (chains_[z(chain)].operand != 0 || chains_[z(chain)].level != a) {
      chain = chains_[z(chain)].parent;
    }
    return chains_[z(chain)].largest;
  }

  void push(Step step) {
    const Least bound = least(step.chain, step.node);
    if (useless(bound)) return;
    step.bound = bound.value;
    children_.push_back(step);
  }

  // The most promising of those with most cuts first, until one has all: a good mapping soon.
  void dive(const Step& from) {
    std::vector<Step> pool{from};
    const std::int64_t before = completed_;
    for (int i = 0; i < kDiveSteps && !pool.empty() && completed_ == before; ++i) {
      const auto first =
          std::min_element(pool.begin(), pool.end(), [](const Step& x, const Step& y) {
            if (x.placed != y.placed) return x.placed > y.placed;
            return Later()(y, x);
          });
      const Step step = *first;
      *first = pool.back();
      pool.pop_back();
      children_.clear();
      expand(step);
      pool.insert(pool.end(), children_.begin(), children_.end());
      ++result_.nodes;
    }
    for (const Step& step : pool) heap_.push(step);
  }

  void descend() {
    push({0, add_root(), static_cast<std::int32_t>(lattice_.full()), 0, 0, 0xff, false});
    for (const Step& step : children_) heap_.push(step);
    std::int64_t pops = 0;
    while (!heap_.empty()) {
      const Step step = heap_.top();
      const double best = has_best_ ? objective_value(options_.objective, best_) : 0;
      if (has_best_ && options_.gap > 0 && step.bound >= best * (1 - options_.gap)) return;
      const std::int64_t bytes = static_cast<std::int64_t>(
          loads_.size() * sizeof(double) + chains_.size() * sizeof(Chain) +
          heap_.size() * sizeof(Step) + exact_.size() * sizeof(StrictCut) +
          chain_least_.size() * sizeof(Cost));
      if (watch_.stopped() || (limit_ > 0 && result_.nodes + spent_ >= limit_) ||
          (until_ > 0 && result_.nodes + spent_ >= until_) || bytes > most_bytes_) {
        stopped_ = true;
        return;
      }
      heap_.pop();
      ++result_.nodes;
      Least again;
      again.value = step.bound;
      again.cost = step.leaf ? chain_least_[z(step.chain)] : least(step.chain, step.node).cost;
      if (useless(again)) continue;
      if (step.leaf) {
        settle(step);
      } else {
        if (pops++ % kDiveEvery == 0) {
          dive(step);
        } else {
          children_.clear();
          expand(step);
          for (const Step& child : children_) heap_.push(child);
        }
      }
    }
  }

  void expand(const Step& step) {
    const Chain chain = chains_[z(step.chain)];
    const bool here = step.node == chain.node;  // where the last cut is
    for (int o = 0; o < problem_.operands; ++o) {
      if (chain.left[z(o)] == 0 || (here && o < chain.operand)) continue;
      if (!(step.relevant >> o & 1u) && sinks(o, chain.left[z(o)] - 1)) continue;
      const std::int32_t next = place(step.chain, o, step.node);
      if (next < 0) continue;
      Step child{0, next,          step.node, static_cast<std::int16_t>(step.placed + 1),
                 0, step.relevant, false};
      if (std::all_of(chains_[z(next)].left.begin(), chains_[z(next)].left.end(),
                      [](std::uint8_t left) { return left == 0; })) {
        complete(child);
      } else {
        push(child);
      }
    }
    const auto& types = lattice_.types();
    for (int t = here ? 0 : step.type; t < static_cast<int>(types.size()); ++t) {
      const FactorType& type = types[z(t)];
      if (lattice_.count_in(step.node, type) == 0) continue;
      Step child = step;
      child.node = static_cast<std::int32_t>(step.node - type.stride);
      child.type = static_cast<std::int8_t>(t);
      const auto relevant = static_cast<std::uint8_t>(~type.irrelevant_to);
      child.relevant = here ? relevant : static_cast<std::uint8_t>(step.relevant | relevant);
      push(child);
    }
  }

  // Whether a cut moves outwards over loops that its operand does not depend on.
  bool sinks(int o, int a) const {
    if (a == 0 && (o == 0 || !problem_.repeats_are_free)) return false;
    for (int m = std::max(0, a - 1); m < lattice_.cuts_of(o); ++m) {
      if (problem_.strict->level[z(o)][z(m)].reloads) return false;
    }
    return true;
  }

  // --- leaves ---------------------------------------------------------------------------------

  struct Leaf {
    StrictBounds::Nodes nodes{};
    std::vector<std::int64_t> places;       // of all cuts, from the innermost
    std::vector<std::vector<int>> between;  // types of the loops outside each of them
    std::vector<std::uint8_t> needed;       // operands that depend on the first of these
  };

  StrictBounds::Nodes nodes_of(std::int32_t chain) const {
    StrictBounds::Nodes nodes{};
    for (; chains_[z(chain)].parent >= 0; chain = chains_[z(chain)].parent) {
      const Chain& one = chains_[z(chain)];
      nodes[z(one.operand)][z(one.level)] = one.node;
    }
    return nodes;
  }

  // False where no order of the loops has its cuts there.
  bool set_leaf(const StrictBounds::Nodes& nodes, Leaf& leaf) const {
    leaf.nodes = nodes;
    for (int o = 0; o < problem_.operands; ++o) {
      for (int a = 0; a < lattice_.cuts_of(o); ++a) leaf.places.push_back(nodes[z(o)][z(a)]);
    }
    leaf.places.push_back(0);
    std::sort(leaf.places.begin(), leaf.places.end());
    leaf.places.erase(std::unique(leaf.places.begin(), leaf.places.end()), leaf.places.end());
    for (std::size_t i = 0; i < leaf.places.size(); ++i) {
      const std::int64_t inner = leaf.places[i];
      const std::int64_t outer = i + 1 < leaf.places.size() ? leaf.places[i + 1] : lattice_.full();
      std::uint8_t needed = 0;
      for (int o = 0; o < problem_.operands; ++o) {
        for (int a = 0; a < lattice_.cuts_of(o); ++a) {
          if (nodes[z(o)][z(a)] == inner && sinks(o, a)) {
            needed = static_cast<std::uint8_t>(needed | 1u << o);
          }
        }
      }
      std::vector<int> loops;
      int first = -1;
      for (int t = 0; t < static_cast<int>(lattice_.types().size()); ++t) {
        const FactorType& type = lattice_.types()[z(t)];
        const int count = lattice_.count_in(outer, type) - lattice_.count_in(inner, type);
        if (count < 0) return false;
        for (int k = 0; k < count; ++k) loops.push_back(t);
        if (count > 0 && (type.irrelevant_to & needed) == 0 && first < 0) first = t;
      }
      if (first < 0 && !loops.empty()) return false;
      leaf.between.push_back(std::move(loops));
      leaf.needed.push_back(needed);
    }
    return true;
  }

  bool proper(const std::vector<int>& loops, std::uint8_t needed) const {
    return loops.empty() || (lattice_.types()[z(loops.front())].irrelevant_to & needed) == 0;
  }

  // The mapping of a leaf with loops in the order that it has now; false where it does not fit.
  bool set_mapping(const Leaf& leaf, model::Ordering& ordering, model::Cuts& cuts) const {
    ordering.count = 0;
    std::vector<std::uint8_t> ends;
    for (const std::vector<int>& loops : leaf.between) {
      ends.push_back(static_cast<std::uint8_t>(ordering.count));
      for (const int t : loops) {
        if (ordering.count == model::kMaxLoops) return false;
        ordering.push(lattice_.types()[z(t)].dim, lattice_.types()[z(t)].prime);
      }
    }
    if (ordering.count == 0) ordering.push(0, 1);
    std::array<double, model::kMaxMemories> used{};
    for (int o = 0; o < problem_.operands; ++o) {
      int begin = 0;
      for (int m = 0; m < lattice_.cuts_of(o); ++m) {
        int end = ordering.count;
        if (m + 1 < lattice_.cuts_of(o)) {
          const auto at =
              std::lower_bound(leaf.places.begin(), leaf.places.end(), leaf.nodes[z(o)][z(m + 1)]);
          end = ends[z(at - leaf.places.begin())];
          if (*at == lattice_.full()) end = ordering.count;
        }
        cuts.end[z(o)][z(m)] = static_cast<std::uint8_t>(end);
        const auto memory = static_cast<std::size_t>(problem_.operand[z(o)].memory[z(m)]);
        used[memory] += tile_bits(problem_, ordering, o, m, begin, end);
        if (used[memory] > problem_.memory[memory].size) return false;
        begin = end;
      }
    }
    return true;
  }

  // Loops between cuts in the first order that has them there.
  void arrange(Leaf& leaf) const {
    for (std::size_t i = 0; i < leaf.between.size(); ++i) {
      std::vector<int>& loops = leaf.between[i];
      while (!proper(loops, leaf.needed[i]) && std::next_permutation(loops.begin(), loops.end())) {
      }
    }
  }

  // A chain with all its cuts: what it costs at least is known much better.
  void complete(Step step) {
    Leaf leaf;
    if (!set_leaf(nodes_of(step.chain), leaf)) return;
    arrange(leaf);
    model::Ordering ordering;
    model::Cuts cuts;
    if (!set_mapping(leaf, ordering, cuts)) return;
    ++result_.evaluated;
    Least bound;
    bound.cost = model::bound_strict(problem_, ordering, cuts);
    if (!std::isfinite(bound.cost.energy)) return;
    bound.value = objective_value(options_.objective, bound.cost);
    ++completed_;
    if (useless(bound)) return;
    // What promises to be the best is walked through at once.
    if (!has_best_ ||
        better(options_.objective, model::estimate_strict(problem_, ordering, cuts), best_)) {
      take(ordering, cuts);
      if (useless(bound)) return;
    }
    if (chain_least_.size() < chains_.size()) chain_least_.resize(chains_.size());
    chain_least_[z(step.chain)] = bound.cost;
    step.bound = bound.value;
    step.leaf = true;
    heap_.push(step);
  }

  void take(const model::Ordering& ordering, const model::Cuts& cuts) {
    ++result_.evaluated;
    spent_ += kNodesOfWalk;
    watch_.stopped(kNodesOfWalk);
    const Cost cost = model::evaluate_strict(problem_, ordering, cuts);
    if (!std::isfinite(cost.energy)) return;
    if (has_best_ && !better(options_.objective, cost, best_)) return;
    has_best_ = true;
    best_ = cost;
    result_.improved = true;
    result_.best = {cost, ordering, cuts};
  }

  // All orders of the loops between cuts.
  void settle(const Step& step) {
    Leaf leaf;
    if (!set_leaf(nodes_of(step.chain), leaf)) return;
    double orders = 1;
    for (const std::vector<int>& loops : leaf.between) {
      int same = 0;
      for (std::size_t i = 0; i < loops.size(); ++i) {
        same = i > 0 && loops[i] == loops[i - 1] ? same + 1 : 1;
        orders *= static_cast<double>(i + 1) / same;
      }
    }
    Least least;
    least.value = step.bound;
    least.cost = chain_least_[z(step.chain)];
    std::int64_t most = kMostOrders;
    if (limit_ > 0) most = std::min(most, (limit_ - result_.nodes - spent_) / kNodesOfWalk / 8);
    const double best = objective_value(options_.objective, best_);
    if (has_best_ && step.bound >= best * (1 - kNextToNothing)) most = std::min(most, kFewOrders);
    if (orders > static_cast<double>(most)) {
      if (unsettled_ > step.bound) {
        unsettled_ = step.bound;
        until_ = 2 * (result_.nodes + spent_) + 2000;
      }
      arrange(leaf);
      model::Ordering ordering;
      model::Cuts cuts;
      if (set_mapping(leaf, ordering, cuts)) take(ordering, cuts);
      return;
    }
    walk_orders(leaf, 0, least);
  }

  bool walk_orders(Leaf& leaf, std::size_t i, const Least& least) {
    if (i == leaf.between.size()) {
      model::Ordering ordering;
      model::Cuts cuts;
      if (set_mapping(leaf, ordering, cuts)) take(ordering, cuts);
      return !useless(least) && !watch_.stopped();
    }
    std::vector<int>& loops = leaf.between[i];
    std::sort(loops.begin(), loops.end());
    do {
      if (proper(loops, leaf.needed[i]) && !walk_orders(leaf, i + 1, least)) return false;
    } while (std::next_permutation(loops.begin(), loops.end()));
    return true;
  }

  // Costs the mapping that a table takes for the cheapest.
  void attempt(const StrictBounds& table) {
    StrictBounds::Nodes nodes{};
    if (table.cheapest(nodes)) attempt(nodes);
  }
  void attempt(const StrictBounds::Nodes& nodes) {
    Leaf leaf;
    if (!set_leaf(nodes, leaf)) return;
    arrange(leaf);
    model::Ordering ordering;
    model::Cuts cuts;
    if (set_mapping(leaf, ordering, cuts)) take(ordering, cuts);
  }

  void finish() {
    const double infinity = std::numeric_limits<double>::infinity();
    const double best = has_best_ ? objective_value(options_.objective, best_) : infinity;
    double open = std::min(unsettled_, dropped_);
    if (!heap_.empty()) open = std::min(open, heap_.top().bound);
    if (stopped_ && chains_.empty()) open = 0;
    result_.lower_bound = std::min(best, open);
    const bool exhausted = heap_.empty() && !stopped_;
    result_.optimal = (exhausted || options_.first_term) && open >= best;
    result_.nodes += spent_;
  }

  const model::Problem& problem_;
  const ExactOptions& options_;
  const StrictLattice& lattice_;
  Watch& watch_;
  std::int64_t most_bytes_;  // of chains and steps
  int resources_;
  std::size_t stride_;
  std::int64_t limit_ = 0;
  std::int64_t completed_ = 0;  // chains with all cuts
  std::int64_t until_ = 0;      // no more can be proven: a while longer, for better mappings
  std::int64_t cells_ = 0;
  std::int64_t spent_ = 0;  // nodes that took as long as tables and walks
  bool stopped_ = false;
  bool has_best_ = false;
  Cost best_;
  double unsettled_ = std::numeric_limits<double>::infinity();
  double dropped_ = std::numeric_limits<double>::infinity();  // within the gap
  double best_root_ = 0;
  std::vector<StrictBounds> energy_;
  std::vector<StrictBounds> latency_;
  std::vector<double> roots_;
  std::vector<double> fixed_;
  std::vector<StrictBounds> line_;
  std::vector<CostLine> lines_;
  std::vector<Chain> chains_;
  std::vector<double> loads_;    // [chain][resource, then bits of each memory]
  std::deque<StrictCut> exact_;  // cuts of outputs where they are not as the lattice has them
  std::vector<Step> children_;
  std::vector<Cost> chain_least_;
  std::priority_queue<Step, std::vector<Step>, Later> heap_;
  ExactResult result_;
};

}  // namespace

ExactResult strict_search(const model::Problem& problem, const ExactOptions& options,
                          const std::optional<Cost>& incumbent) {
  ExactResult result;
  result.orderings = orderings_of(problem);
  const double root = objective_value(options.objective, least_cost(problem));
  result.lower_bound = root;
  if (incumbent) {
    const double best = objective_value(options.objective, *incumbent);
    if (root > best * (1 + 1e-12)) {
      result.optimal = true;
      result.lower_bound = best;
      return result;
    }
  }
  Watch watch(options.budget);
  const std::int64_t bytes =
      options.budget.bytes > 0 ? std::min(options.budget.bytes, kMostBytes) : kMostBytes;
  const StrictLattice lattice(problem, kMostNodes, bytes, watch);
  if (watch.stopped_now()) return result;
  if (lattice.too_large() || lattice.combinations() * lattice.nodes() > kMostCells) {
    result.refused = "the strict model's lattice of cuts has " + std::to_string(lattice.nodes()) +
                     " nodes, more than fit";
    return result;
  }
  const double orderings = result.orderings;
  if (lattice.nothing_fits()) {
    result.optimal = true;
    result.lower_bound = incumbent ? objective_value(options.objective, *incumbent)
                                   : std::numeric_limits<double>::infinity();
    return result;
  }
  result = StrictSearch(problem, options, incumbent, lattice, bytes, watch).run();
  result.orderings = orderings;
  return result;
}

}  // namespace ridgeline::search
