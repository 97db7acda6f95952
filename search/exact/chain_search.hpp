// Passes over the chains of one space (docs/exact-mapping.md, "Limits").
#pragma once

#include <algorithm>
#include <array>
#include <cmath>
#include <limits>
#include <optional>
#include <tuple>
#include <utility>
#include <vector>

#include "model/core/index.hpp"
#include "search/exact/chain_polish.hpp"
#include "search/exact/cut_places.hpp"
#include "search/exact/least_cost.hpp"

namespace ridgeline::search {

// Bytes that a search holds at most, whatever its budget.
inline constexpr std::int64_t kMostBytes = 400'000'000;
inline std::int64_t bytes_of(const Budget& budget) {
  return budget.bytes > 0 ? std::min(budget.bytes, kMostBytes) : kMostBytes;
}

// Steps towards good prices, and what follows if the problem is not easy: more steps, and chains
// that a first pass keeps of each state.
inline constexpr int kFirstSteps = 12;
inline constexpr int kMoreSteps = 60;
inline constexpr int kBeam = 2;

// Tables are built as long as their cells are no more than so many in all; a few are built
// whatever their size.
inline constexpr std::int64_t kMostCells = 60'000'000;
inline constexpr int kLeastSteps = 4;

// A first pass that need not tell apart what differs by less than this leaves little to prove.
inline constexpr double kRoughGap = 0.00999;
// Share of the nodes allowed that the pass that keeps few chains may use; and those that look for
// good mappings one after the other, and for the least energy alone. What they leave is the
// others'.
inline constexpr double kBeamShare = 0.03;
inline constexpr double kDiveShare = 0.1;
inline constexpr std::int64_t kDeepNodes = 50'000;  // of them, with very few chains at a time
inline constexpr double kEnergyShare = 0.3;
inline constexpr double kPolishShare = 0.06;
// And each line that bounds the product of both; and the second term of latency or energy.
inline constexpr double kLineShare = 0.2;
inline constexpr std::int64_t kLineNodes = 600'000;  // without a limit
inline constexpr double kSecondShare = 0.35;
// Share of what is left that a pass over everything takes before it is looked at another way.
inline constexpr double kTurnShare = 0.75;

// Lines are followed a little beyond what is wanted, since bounds differ in the last bits.
inline constexpr double kLineTie = 1e-9;

// Where cuts are fixed one after the other: places of one at most, the share of the nodes allowed,
// and tables of prices that take as long as what is built anew for a place.
inline constexpr std::size_t kMostPlaces = 64;
inline constexpr double kPlacesShare = 0.1;
inline constexpr std::int64_t kTablesOfPlace = 16;
// Share of what was left to prove that bounds of all places may leave.
inline constexpr double kMostLeft = 0.1;

// Cells of a table of prices that take as long as a node.
inline constexpr std::int64_t kCellsOfNode = 200;

// Beyond so many bytes of tables a node waits for memory, and takes so many times as long: what
// only looks for good mappings or goes beyond the small gap gets less of the limit.
inline constexpr std::int64_t kCached = 100'000'000;
inline constexpr std::int64_t kSlowNode = 3;
// What is beyond a small gap gets so much less anyway, unless the limit is a short wait as it is.
inline constexpr std::int64_t kLessWait = 2;
inline constexpr std::int64_t kShortWait = 100'000;

// Orderings that are costed of a chain which prices lead to: one of the first will do.
inline constexpr int kMostAttempts = 32;

// Passes over the chains: what is looked for first, with which prices, and when it is enough.
class ChainSearch : public ChainPolish {
 public:
  using ChainPolish::ChainPolish;

  ExactResult run() {
    if (!leaf_.top_levels_fit() || space_.constant_energy() >= CutLattice::kInfeasible) {
      result_.optimal = true;
      return finish();
    }
    prepare();
    if (options_.front || options_.objective == Objective::edp) {
      solve(Focus::both, false);
    } else {
      // The first term of the objective alone needs fewer chains; once it is known, few are left.
      const bool latency = options_.objective == Objective::latency;
      solve(latency ? Focus::latency : Focus::energy, false);
      if (has_best_ && !stopped_ && !settled_for_less_) {
        proven_ = objective_value(options_.objective, best_);
        // Often nothing else is as good.
        finished_ = finished_ || root_bound() > proven_ * (1 + kSurely);
      }
      if (!stopped_ && !settled_for_less_ && !finished_ && !options_.first_term) {
        // Nobody waits as long for the second term as for the first.
        const auto share = static_cast<double>(limit_ / slow_) * kSecondShare;
        if (limit_ > 0) {
          limit_ = std::min(limit_, result_.nodes + filling_ + static_cast<std::int64_t>(share));
        }
        solve(Focus::both, true);
      }
    }
    result_.optimal = !stopped_ && !settled_for_less_;
    return finish();
  }

 private:
  void prepare() {
    const std::int64_t bytes = bytes_of(options_.budget);
    bytes_ = std::max(bytes - space_.bytes() - bounds_.bytes(), bytes / 4);
    table_bytes_ = DualBoundTable::bytes(space_, bounds_);
    table_cells_ =
        std::max<std::int64_t>(1, table_bytes_ / static_cast<std::int64_t>(sizeof(double)));
    limit_ = options_.node_limit;
    if (space_.bytes() + bounds_.bytes() > kCached) slow_ = kSlowNode;
  }

  ExactResult finish() {
    result_.work = result_.nodes + filling_;
    const double infinity = std::numeric_limits<double>::infinity();
    const double best = has_best_ ? objective_value(options_.objective, best_) : infinity;
    result_.lower_bound = best;
    if (stopped_ || settled_for_less_) {
      result_.lower_bound = std::min(best, std::max({open_bound_, proven_, root_bound()}));
    }
    std::sort(result_.front.begin(), result_.front.end(),
              [](const auto& a, const auto& b) { return a.cost.latency < b.cost.latency; });
    return result_;
  }

  // Of the objective, before anything is searched.
  double root_bound() {
    if (!price_search_) price_search_.emplace(space_, bounds_, watch_);
    const double latency = price_search_->least_latency();
    const double energy =
        std::max(least_energy_,
                 space_.constant_energy() + bounds_.energy_left(space_.full(), bounds_.all_left()));
    if (options_.objective == Objective::edp && latency <= 0) return 0;
    return objective_value(options_.objective, {energy, latency});
  }

  // Searches everything: most problems are easy, and only the others get better prices, a first
  // pass that keeps few chains, to find what the search has to beat, and one that is content with
  // a small gap.
  void solve(Focus focus, bool second) {
    if (options_.front || !options_.prune) {
      search(0, focus, 0);
      return;
    }
    if (!second && close_enough()) return;
    if (find_prices(second, kFirstSteps)) return;
    if (!second && close_enough()) return;
    if (search(0, focus, options_.easy_nodes) || stopped_) return;
    if (!second && close_enough()) return;
    // Prices are for what is to be beaten; this takes as long as one table of them.
    polish(std::max(options_.easy_nodes, 2 * table_cells_ / kCellsOfNode));
    if (find_prices(second, kMoreSteps) || (!second && close_enough())) return;
    const std::int64_t nodes = limit_ / slow_;
    const auto share = [&](double part) {
      const auto some = static_cast<std::int64_t>(part * static_cast<double>(nodes));
      return nodes == 0 ? 0 : std::max(options_.easy_nodes, some);
    };
    if (!second && search_by_places(share(kPlacesShare))) return;
    if (!second && close_enough()) return;
    // Few chains at a time, the most promising first: a good mapping soon. Then more of them where
    // that helps, since what is to be beaten is nearly known.
    const std::int64_t most = share(kDiveShare);
    const std::int64_t first = most == 0 ? kDeepNodes : std::min(kDeepNodes, most);
    if (search_in_parts(kDeep, focus, most, first) || stopped_) return;
    seldom_ = !often();
    if (!seldom_ && (search_in_parts(kWide, focus, most) || stopped_)) return;
    polish(share(kPolishShare));
    if (options_.objective == Objective::edp) {
      least_energy_first(share(kEnergyShare));
      polish(share(kPolishShare));
    }
    search(kBeam, focus, share(kBeamShare));
    if (stopped_) return;
    polish(share(kPolishShare));
    if (!second) {
      if (close_enough()) return;
      keep_ = 1 - std::max(kRoughGap, options_.gap);
      const bool done =
          bound_by_lines(nodes == 0 ? kLineNodes : share(kLineShare)) || search_by_turns(focus);
      if (stopped_) return;
      if (done && has_best_) {
        proven_ = std::max(proven_, keep_ * objective_value(options_.objective, best_));
      }
      keep_ = 1 - options_.gap;
      if (close_enough()) return;
      // What is within one per cent is not worth as long a wait.
      if (limit_ > 0) {
        const std::int64_t less = limit_ > kShortWait ? std::max(slow_, kLessWait) : slow_;
        limit_ = std::max(limit_ / less, result_.nodes + filling_ + options_.easy_nodes);
      }
    }
    const bool done = search_by_turns(focus);
    if (done && !stopped_ && !second && options_.gap > 0 && has_best_) {
      proven_ = std::max(proven_, keep_ * objective_value(options_.objective, best_));
      settled_for_less_ = true;
    }
  }

  // Everything, within what is left of the limit: most of it outermost nodes first, where chains
  // meet and stand for each other, since what is cut off has to begin again; most of the rest the
  // most promising chains first, which sooner finds what many others are not better than; and what
  // is then left as before.
  bool search_by_turns(Focus focus) {
    const auto most = [&] {
      const auto left = static_cast<double>(limit_ - result_.nodes - filling_);
      return limit_ == 0 ? 0
                         : std::max<std::int64_t>(1, static_cast<std::int64_t>(kTurnShare * left));
    };
    if (seldom_) return search_in_parts(kDeep, focus, 0);
    if (search(0, focus, most()) || stopped_) return !stopped_;
    const bool done = search_in_parts(kWide, focus, most());
    return done || (!stopped_ && search(0, focus, 0));
  }

  // The most promising chains first, with few chains at a time.
  bool search_in_parts(std::int64_t chains, Focus focus, std::int64_t nodes,
                       std::int64_t first = 0) {
    dive_ = chains;
    const bool done = search(0, focus, nodes, first);
    dive_ = 0;
    return done;
  }

  // The energy alone is much easier than its product with the latency. Its least is a floor, and
  // what attains it often nearly the best.
  void least_energy_first(std::int64_t nodes) {
    // Prices alone would take all of it.
    if (nodes > 0 && kFirstSteps * table_cells_ / kCellsOfNode > nodes) return;
    ExactOptions single = options_;
    single.objective = Objective::energy;
    single.node_limit = nodes;
    single.budget.bytes = std::max<std::int64_t>(bytes_ / 2, 1);
    ChainSearch sub(space_, bounds_, prefix_, single, std::nullopt, watch_);
    const ExactResult found = sub.run();
    least_energy_ = std::max(least_energy_, found.lower_bound * (1 - kTie));
    take(found, sub);
  }

  // What another search of the same space, or of a part of it, has found.
  void take(const ExactResult& found, const ChainSearch& other) {
    result_.nodes += found.nodes;
    result_.evaluated += found.evaluated;
    filling_ += other.filling_;
    if (found.improved && (!has_best_ || better(options_.objective, found.best.cost, best_))) {
      has_best_ = true;
      best_ = found.best.cost;
      result_.improved = true;
      result_.best = found.best;
    }
    if (other.has_placed_ &&
        (!has_placed_ || better(options_.objective, other.placed_cost_, placed_cost_))) {
      has_placed_ = true;
      best_placed_ = other.best_placed_;
      placed_cost_ = other.placed_cost_;
    }
  }

  // Of the chains that prices led to, those with a cut at a node.
  std::int64_t answers_at(int cut, std::int64_t node) const {
    const int o = space_.cut(cut).operand;
    const int index = cut - space_.first_cut(o);
    return std::count_if(answers_.begin(), answers_.end(),
                         [&](const PlacedCuts& answer) { return answer[z(o)][z(index)] == node; });
  }

  // Asks a search of the part of the space in which a cut lies at one node.
  template <class Ask>
  auto in_part(int cut, std::int64_t node, const ExactOptions& options, const Ask& ask) {
    CutLattice part = space_;
    part.keep_cut_at(cut, node);
    ExactBounds bounds(part, watch_);
    ChainSearch search(part, bounds, prefix_, options, best_, watch_);
    return ask(search);
  }

  // Parts of the space, in each of which a cut lies at one node. Prices weigh chains against each
  // other that trade one port for another, and bound a mix of them; a cut that all of them have in
  // common leaves less to mix. Parts are bounded first, and searched if that has helped. Returns
  // whether nothing is better in the first term.
  bool search_by_places(std::int64_t nodes) {
    if (options_.objective != Objective::latency || !has_best_) return false;
    CutPlaces places = fewest_places(space_, kMostPlaces);
    const std::int64_t each = kTablesOfPlace * table_cells_ / kCellsOfNode;
    const auto count = static_cast<std::int64_t>(places.nodes.size());
    if (places.cut < 0 || (nodes > 0 && 2 * count * each > nodes)) return false;
    // Those first at which the chains had it that attain the bounds: they may show that it is no
    // use.
    std::stable_sort(places.nodes.begin(), places.nodes.end(), [&](std::int64_t a, std::int64_t b) {
      return answers_at(places.cut, a) > answers_at(places.cut, b);
    });
    const std::int64_t end = result_.nodes + filling_ + nodes;
    const std::int64_t bytes = std::max<std::int64_t>(bytes_ / 2, 1);
    std::vector<std::pair<double, std::int64_t>> open;  // bounds and nodes
    double least = std::numeric_limits<double>::infinity();
    for (const std::int64_t node : places.nodes) {
      ExactOptions options = options_;
      options.budget.bytes = bytes;
      const double bound = in_part(places.cut, node, options, [&](ChainSearch& part) {
        part.prepare();
        part.find_prices(false, kFirstSteps);
        take(part.result_, part);
        return part.root_bound();
      });
      filling_ += each;
      if (watch_.stopped_now()) return false;
      least = std::min(least, bound);
      if (best_.latency - bound > kMostLeft * (best_.latency - root_bound())) return false;
      if (bound <= best_.latency * (1 + kSurely)) open.emplace_back(bound, node);
    }
    std::sort(open.begin(), open.end());
    // Where most are as good in the first term, the second is as hard in each of them as in all.
    const bool both = 4 * static_cast<std::int64_t>(open.size()) <= count;
    bool all = true;
    for (const auto& [bound, node] : open) {
      const std::int64_t left = end - result_.nodes - filling_;
      if (nodes > 0 && left <= 0) return false;
      ExactOptions options = options_;
      options.budget.bytes = bytes;
      options.node_limit = nodes > 0 ? left : 0;
      options.first_term = options.first_term || !both;
      all = in_part(places.cut, node, options,
                    [&](ChainSearch& part) {
                      const ExactResult found = part.run();
                      take(found, part);
                      return found.optimal;
                    }) &&
            all;
      filling_ += each;
      if (watch_.stopped_now()) return false;
    }
    proven_ = std::max(proven_, std::min(least, best_.latency));
    finished_ = finished_ || (all && both);
    return all;
  }

  // The least sums of energy and latency at the prices of a line are much easier than their
  // product, or a latency: chains are compared by one figure. Proves what follows from them.
  // Returns whether that is the best within the gap in hand.
  bool bound_by_lines(std::int64_t nodes) {
    if (options_.objective == Objective::energy || !has_best_) return false;
    const double enough = keep_ * objective_value(options_.objective, best_);
    if (options_.objective == Objective::latency) {
      if (tables_.empty()) return false;
      const double price = tables_.front().latency_price();
      line_limit_ = price * enough * (1 + kLineTie);
      line_of_type_ = price_search_->best_tables(tables_, 0);
      if (!search(0, Focus::line, nodes)) return false;
      proven_ = std::max(proven_, line_limit_ / price * (1 - kPriceTie));
      return proven_ >= enough;
    }
    const double wanted = enough * (1 + kLineTie);
    const double latency = price_search_->least_latency();
    double energy =
        std::max(least_energy_,
                 space_.constant_energy() + bounds_.energy_left(space_.full(), bounds_.all_left()));
    if (latency <= 0 || energy <= 0) return false;
    // The slopes that are nearest to the best mapping's first, each once.
    const double slope = best_.latency / best_.energy;
    std::vector<std::tuple<double, double, std::size_t>> order;
    for (std::size_t k = 0; k < tables_.size(); ++k) {
      if (tables_[k].energy_price() == 0) continue;
      const double ratio = tables_[k].latency_price() / tables_[k].energy_price() * slope;
      order.emplace_back(std::max(ratio, 1 / std::max(ratio, 1e-9)), ratio, k);
    }
    std::sort(order.begin(), order.end());
    std::vector<CostLine> lines;
    double last = -1;
    for (const auto& [distance, ratio, k] : order) {
      if (std::abs(ratio - last) <= kLineTie * ratio) continue;
      last = ratio;
      const double e = tables_[k].energy_price();
      const double l = tables_[k].latency_price();
      // Beyond where the line leaves the curve of what is wanted.
      line_limit_ =
          l == 0 ? e * wanted / latency
                 : std::max(e * energy + l * wanted / energy, e * wanted / latency + l * latency);
      // No more than the best mapping costs there can be proven.
      if (line_limit_ > e * best_.energy + l * best_.latency) continue;
      line_of_type_ = price_search_->best_tables(tables_, k);
      if (!search(0, Focus::line, nodes)) {
        if (stopped_) return false;
        continue;
      }
      const double least = line_limit_ * (1 - kPriceTie);
      if (l == 0) {
        energy = std::max(energy, least / e);
      } else {
        lines.push_back({e, l, least});
      }
      proven_ = std::max(proven_, least_product(energy, latency, lines));
      if (proven_ >= enough) break;
    }
    least_energy_ = std::max(least_energy_, energy);
    return proven_ >= enough;
  }

  // Whether nothing has less of the first term where any such mapping will do, or what is known is
  // within the gap that is asked for.
  bool close_enough() {
    if (!has_best_ || (options_.gap <= 0 && !options_.first_term)) return false;
    const model::Cost least = least_cost(space_.problem());
    const bool latency = options_.objective == Objective::latency;
    if (options_.first_term && latency && reaches(best_.latency, least)) return true;
    if (options_.gap <= 0) return false;
    if (least.energy > 0 && least.latency > 0) {
      proven_ = std::max(proven_, objective_value(options_.objective, least));
    }
    proven_ = std::max(proven_, root_bound());
    const double best = objective_value(options_.objective, best_);
    settled_for_less_ = proven_ >= (1 - options_.gap) * best;
    return settled_for_less_;
  }

  // Tables of prices, and an incumbent; returns whether nothing is better. `second`: for the second
  // term of the objective.
  bool find_prices(bool second, int steps) {
    if (!price_search_) price_search_.emplace(space_, bounds_, watch_);
    steps = static_cast<int>(
        std::clamp<std::int64_t>(kMostCells / table_cells_, std::min(steps, kLeastSteps), steps));
    const bool more = steps > kFirstSteps || tables_built_;
    tables_built_ = true;
    PriceGoal goal;
    if (options_.objective == Objective::edp) return edp_prices(more, steps);
    if (second) {
      if (!has_best_) return false;
      if (options_.objective == Objective::energy) {
        goal = {100 * best_.latency / best_.energy, 1, false};
      } else {
        goal = {1, 1000 * best_.energy / best_.latency, true};
      }
    } else if (options_.objective == Objective::energy) {
      goal = {1, 0, false};
    }
    const bool closed = run_prices(goal, steps);
    return closed && !second;
  }

  bool run_prices(const PriceGoal& goal, int steps) {
    const auto best = [&] { return has_best_ ? best_ : model::Cost{1e300, 1e300}; };
    const auto attempt = [&](const DualBoundTable::Marks& marks) {
      try_marks(marks);
      return best();
    };
    // Tables leave room for chains. Of the product of both no line is ever tight, so that bounds
    // which are a little lower do no harm.
    const bool narrow = space_.sparse() && options_.objective == Objective::edp;
    held_bytes_ =
        narrow ? bounds_.cells() * static_cast<std::int64_t>(sizeof(float)) : table_bytes_;
    const auto room = (bytes_ / 2 - held_bytes_ * static_cast<std::int64_t>(tables_.size())) /
                      std::max<std::int64_t>(1, table_bytes_);
    if (tables_.size() >= kMostTablesInAll) return false;
    if (room < 1 && !tables_.empty()) {
      // Of the product of both no line replaces another, and two are needed.
      if (options_.objective != Objective::edp) {
        tables_.clear();
      } else if (tables_.size() >= 2) {
        return false;
      }
    }
    const int most = static_cast<int>(std::clamp<std::int64_t>(room, 1, kMostTables));
    const std::int64_t before = price_search_->built();
    const bool closed = price_search_->run(goal, steps, most, narrow, attempt, best(), tables_);
    filling_ += (price_search_->built() - before) * table_cells_ / kCellsOfNode;
    if (options_.objective == Objective::edp && goal.latency == 0) {
      least_energy_ = std::max(least_energy_, price_search_->least() * (1 - kPriceTie));
    }
    return closed;
  }

  // A line that touches the curve of the best product, and where that is not enough, others: of
  // energy and of latency alone, and in between. What attains them is costed, so that one of them
  // is often the best.
  bool edp_prices(bool more, int steps) {
    tables_.clear();
    if (!has_best_) run_prices({0, 1, false}, 3);
    if (!has_best_) run_prices({1, 0, false}, 3);
    if (!has_best_) return false;
    if (!more) {
      tables_.clear();
      run_prices({1, best_.energy / best_.latency, false}, steps);
      return false;
    }
    tables_.clear();
    const double slope = best_.energy / best_.latency;
    struct Line {
      PriceGoal goal;
      int steps;
    };
    constexpr int kSteps = 8;
    constexpr int kLessSteps = 3;
    std::vector<Line> lines;
    if (bytes_ / 2 / std::max<std::int64_t>(1, table_bytes_) >= 5) {
      lines = {{{1, 0, false}, kSteps},
               {{0, 1, false}, kSteps},
               {{1, 4 * slope, false}, kSteps},
               {{1, 0.25 * slope, false}, kSteps},
               {{1, slope, false}, kSteps}};
    } else {
      // Where not all fit, the most telling first.
      lines = {
          {{1, slope, false}, kSteps}, {{1, 0, false}, kLessSteps}, {{0, 1, false}, kLessSteps}};
    }
    for (const Line& line : lines) run_prices(line.goal, std::min(steps, line.steps));
    return false;
  }

  void try_marks(const DualBoundTable::Marks& marks) {
    PlacedCuts placed{};
    std::vector<ChainMark> cuts;
    for (int o = 0; o < space_.problem().operands; ++o) {
      for (int c = 0; c < space_.cuts_of(o); ++c) {
        placed[z(o)][z(c)] = marks[z(o)][z(c)];
        cuts.push_back({marks[z(o)][z(c)], 0});
      }
    }
    answers_.push_back(placed);
    const auto attempt = [&](std::vector<ChainMark> chain) {
      std::sort(chain.begin(), chain.end(), [&](const ChainMark& a, const ChainMark& b) {
        return space_.cycles(a.node) < space_.cycles(b.node);
      });
      chain.erase(
          std::unique(chain.begin(), chain.end(),
                      [](const ChainMark& a, const ChainMark& b) { return a.node == b.node; }),
          chain.end());
      if (prefix_.constrained() && !nested(chain)) return;
      expand(chain, placed, -CutLattice::kInfeasible, -CutLattice::kInfeasible, kMostAttempts);
    };
    if (!prefix_.constrained()) return attempt(std::move(cuts));
    // Cuts alone do not say how loops lie between them that are fixed to some extent.
    for (const std::vector<std::int64_t>& way : prefix_.ways()) {
      std::vector<ChainMark> chain = cuts;
      for (const std::int64_t end : way) chain.push_back({end, 0});
      attempt(std::move(chain));
    }
  }

  // Whether each node of a chain has all loops of the one before it.
  bool nested(const std::vector<ChainMark>& chain) const {
    for (std::size_t i = 1; i < chain.size(); ++i) {
      for (int t = 0; t < space_.type_count(); ++t) {
        if (space_.count_in(chain[i].node, t) < space_.count_in(chain[i - 1].node, t)) return false;
      }
    }
    return true;
  }

  bool seldom_ = false;  // chains hardly ever stand for each other
  bool tables_built_ = false;
  std::vector<PlacedCuts> answers_;                           // to prices
  double proven_ = -std::numeric_limits<double>::infinity();  // nothing is less
  bool settled_for_less_ = false;  // the gap is as small as was asked for
  bool finished_ = false;          // nothing is better in either term
  std::optional<DualBoundSearch> price_search_;
  std::int64_t slow_ = 1;         // times that a node takes longer than usual
  std::int64_t table_cells_ = 1;  // that take as long as filling a table
};

}  // namespace ridgeline::search
