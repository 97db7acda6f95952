#include "search/depth_first/stack_cost.hpp"

#include <algorithm>
#include <array>
#include <cmath>
#include <numeric>
#include <optional>

#include "model/core/index.hpp"
#include "search/depth_first/tile_problem.hpp"

namespace ridgeline::search {

namespace {

using model::Copy;
using model::CopyCause;
using model::MemoryOperand;

// Runs through the layers of one kind of tile.
class TileRun {
 public:
  TileRun(const FusionCore& core, const model::Stack& stack, const StackPlan& plan,
          const FusionRules& rules, const TileLookup& lookup, const TileKind& kind,
          const std::vector<std::vector<int>>& readers, StackCost& cost)
      : core_(core),
        network_(stack.network),
        last_(stack.last),
        plan_(plan),
        rules_(rules),
        lookup_(lookup),
        kind_(kind),
        readers_(readers),
        cost_(cost) {}

  TileCost run() {
    const std::size_t count = network_.nodes.size();
    where_.assign(count, -1);
    waiting_.resize(count);
    for (std::size_t n = 0; n < count; ++n) waiting_[n] = readers_[n].size();
    for (int n = 0; n < static_cast<int>(count); ++n) {
      std::vector<Copy> copies = std::move(pending_);
      pending_.clear();
      if (network_.nodes[z(n)].layer) {
        if (!layer(n, std::move(copies))) return std::move(tile_);
      } else if (!input(n, std::move(copies))) {
        return std::move(tile_);
      }
      free_inputs(n);
    }
    // What still has to be written to a cache; the reference drops it.
    if (!rules_.defines && !pending_.empty()) {
      TileNode rest;
      rest.node = last_;
      rest.copies = model::cost_copies(core_.accelerator, pending_);
      if (!check(rest.copies, last_)) return std::move(tile_);
      add_copies(rest.copies, 1);
      tile_.nodes.push_back(std::move(rest));
    }
    return std::move(tile_);
  }

 private:
  bool fail(int n, const std::string& why) {
    if (cost_.infeasible.empty()) cost_.infeasible = network_.nodes[z(n)].name + ": " + why;
    return false;
  }
  bool check(const model::CopyLayer& copies, int n) {
    return copies.fault.empty() || fail(n, copies.fault);
  }
  void add_copies(const model::CopyLayer& copies, double times) {
    tile_.copy_energy += times * copies.energy;
    tile_.copy_latency += times * copies.latency;
    tile_.energy += times * copies.energy;
    tile_.latency += times * copies.latency;
    tile_.latency_offloaded += times * copies.latency;
  }

  double out_bits(int n) const { return kind_.sizes().output_bits(network_, n); }

  // Bits in a memory that are not of this layer: caches, weights, maps that others still need.
  double held(int memory, int n, bool with_weights) const {
    if (rules_.defines) return 0;
    double bits = 0;
    if (memory == plan_.levels.columns) bits += plan_.column_bits;
    if (memory == plan_.levels.rows) bits += plan_.row_bits;
    if (with_weights && memory == plan_.levels.weights) {
      bits += plan_.weight_bits - static_cast<double>(network_.nodes[z(n)].weight_bits());
    }
    for (int p = 0; p < n; ++p) {
      if (where_[z(p)] != memory || waiting_[z(p)] == 0) continue;
      const auto& list = readers_[z(p)];
      const bool mine = std::find(list.begin(), list.end(), n) != list.end();
      if (!mine) bits += out_bits(p);
    }
    return bits;
  }

  bool input(int n, std::vector<Copy> copies) {
    const model::FusedNode& node = network_.nodes[z(n)];
    int top = core_.inputs.back();
    if (n != last_) {
      for (const int memory : core_.inputs) {
        if (core_.spread[z(memory)]) continue;
        if (core_.size(memory) < out_bits(n) + held(memory, n, true)) continue;
        top = memory;
        break;
      }
    }
    where_[z(n)] = top;
    if (top != core_.inputs.back()) {
      copies.push_back({CopyCause::stack_input,
                        out_bits(n),
                        {MemoryOperand::I1, core_.inputs.back()},
                        {MemoryOperand::I1, top}});
    }
    TileNode done;
    done.node = n;
    done.copies = model::cost_copies(core_.accelerator, copies);
    done.top = {top};
    if (!check(done.copies, n)) return false;
    add_copies(done.copies, 1);
    raise_peak(n, top, out_bits(n));
    tile_.nodes.push_back(std::move(done));
    if (!rules_.defines) remember_writes(n, node, top);
    return true;
  }

  // What a layer's output leaves in the caches is moved before the next layer runs.
  void remember_writes(int n, const model::FusedNode& node, int top) {
    const auto& list = memories(top);
    const auto end = [&](int memory) {
      return model::CopyEnd{list.front() == MemoryOperand::O ? MemoryOperand::O : list.front(),
                            memory};
    };
    const double x = static_cast<double>(kind_.x.size[z(n)]);
    const double y = static_cast<double>(kind_.y.size[z(n)]);
    const double bits = node.channels * static_cast<double>(node.precision);
    double rows = 0;
    if (kind_.make_rows >= 0 && kind_.make_rows != top && kind_.write_rows[z(n)] > 0) {
      rows = static_cast<double>(kind_.write_rows[z(n)]);
      pending_.push_back({CopyCause::write_rows, rows * x * bits, end(top), end(kind_.make_rows)});
    }
    if (kind_.make_columns >= 0 && kind_.make_columns != top && kind_.write_columns[z(n)] > 0) {
      const double columns = static_cast<double>(kind_.write_columns[z(n)]);
      pending_.push_back({CopyCause::write_columns, columns * (y - rows) * bits, end(top),
                          end(kind_.make_columns)});
    }
  }

  // The operand under which a map in `memory` is moved: outputs have ways up and down.
  std::array<MemoryOperand, 1> memories(int memory) const {
    const bool out =
        std::find(core_.outputs.begin(), core_.outputs.end(), memory) != core_.outputs.end();
    return {out ? MemoryOperand::O : MemoryOperand::I1};
  }

  bool layer(int n, std::vector<Copy> before) {
    const model::FusedNode& node = network_.nodes[z(n)];
    if (kind_.x.size[z(n)] == 0 || kind_.y.size[z(n)] == 0) {  // all of it is there already
      pending_ = std::move(before);
      where_[z(n)] = where_[z(node.inputs.empty() ? n : node.inputs.front().producer)];
      return true;
    }
    const double in = kind_.sizes().input_bits(network_, n);
    const double out = out_bits(n);
    std::size_t in_level = core_.inputs.size() - 1;
    for (std::size_t l = 0; l < core_.inputs.size(); ++l) {
      const int memory = core_.inputs[l];
      if (core_.spread[z(memory)] || core_.size(memory) < in + held(memory, n, true)) continue;
      in_level = l;
      break;
    }
    std::size_t out_level = core_.outputs.size() - 1;
    for (std::size_t l = 0; n != last_ && l < core_.outputs.size(); ++l) {
      const int memory = core_.outputs[l];
      const double beside = memory == core_.inputs[in_level] ? in : 0;
      if (core_.spread[z(memory)] || core_.size(memory) < out + beside + held(memory, n, true)) {
        continue;
      }
      out_level = l;
      break;
    }
    // Where no mapping fits, more memories: (0,0), (1,0), (0,1), (1,1), (2,1), (1,2), ...
    std::string why;
    int attempts = 0;
    for (std::size_t more = 0;; ++more) {
      const std::size_t both = more / 3;
      const std::size_t extra_out =
          std::min(out_level + both + (more % 3 == 1 ? 1 : 0), core_.outputs.size() - 1);
      const std::size_t extra_in =
          std::min(in_level + both + (more % 3 == 2 ? 1 : 0), core_.inputs.size() - 1);
      const int in_top = core_.inputs[extra_in];
      const int out_top = core_.outputs[extra_out];
      const TileProblem problem = problem_of(n, in_top, out_top, in, out);
      const LayerResult* mapped = lookup_(problem);
      if (mapped == nullptr) {
        cost_.known = false;
        accept(n, {}, in_top, out_top, nullptr, attempts, problem, in, out);
        return true;
      }
      if (mapped->infeasible.empty()) {
        std::vector<Copy> copies = before;
        add_reads(n, in_top, extra_in, copies);
        return accept(n, std::move(copies), in_top, out_top, mapped, attempts, problem, in, out);
      }
      if (why.empty()) why = mapped->infeasible;
      ++attempts;
      if (extra_out + 1 == core_.outputs.size() && extra_in + 1 == core_.inputs.size()) break;
    }
    return fail(n, why);
  }

  // What is held, rounded up to parts of the memory where that leaves room for the layer's own
  // maps, so that more layer-tiles are the same.
  double rounded(int memory, double bits, double own) const {
    constexpr double kParts = 32;
    const double part = std::floor(core_.size(memory) / kParts);
    if (bits == 0 || part < 1) return bits;
    const double up = std::ceil(bits / part) * part;
    return up + own <= core_.size(memory) ? up : bits;
  }

  TileProblem problem_of(int n, int in_top, int out_top, double in, double out) const {
    const model::FusedNode& node = network_.nodes[z(n)];
    TileProblem problem = tile_problem(core_, node, kind_, z(n));
    for (std::size_t o = 0; o < problem.places.size(); ++o) {
      auto& memories = problem.places[o].memories;
      int top = in_top;
      if (o == 0) top = out_top;
      if (node.weights == static_cast<int>(o)) {
        top = kind_.first || plan_.levels.weights < 0 ? core_.weights.back() : plan_.levels.weights;
      }
      const auto end = std::find(memories.begin(), memories.end(), top);
      if (end != memories.end()) memories.erase(std::next(end), memories.end());
    }
    if (!rules_.defines) {
      problem.reserved.assign(core_.accelerator.memories.size(), 0);
      for (const model::OperandPlaces& one : problem.places) {
        for (const int memory : one.memories) {
          double& bits = problem.reserved[z(memory)];
          if (bits == 0) bits = rounded(memory, held(memory, n, true), in + out);
        }
      }
    }
    return problem;
  }

  // Rows 3 to 5 of the specification's table: what the layer reads, from where it is.
  void add_reads(int n, int in_top, std::size_t in_level, std::vector<Copy>& copies) const {
    const model::FusedNode& node = network_.nodes[z(n)];
    for (std::size_t e = 0; e < node.inputs.size(); ++e) {
      const model::FusedInput& input = node.inputs[e];
      const int p = input.producer;
      const model::FusedNode& producer = network_.nodes[z(p)];
      const int from = where_[z(p)];
      bool moved = from != in_top;
      MemoryOperand operand = MemoryOperand::O;
      if (!producer.layer) {
        const auto end = core_.inputs.begin() + static_cast<std::ptrdiff_t>(in_level) + 1;
        moved = std::find(core_.inputs.begin(), end, from) == end;
        operand = MemoryOperand::I1;
      }
      if (!moved) continue;
      double bits = out_bits(p);
      if (!rules_.defines) {
        const model::EdgeTile& x = kind_.x.edges[z(n)][e];
        const model::EdgeTile& y = kind_.y.edges[z(n)][e];
        bits = input.channels * static_cast<double>(x.data - x.overlap) *
               static_cast<double>(y.data - y.overlap) *
               static_cast<double>(node.layer->operands[z(input.operand)].precision);
      }
      copies.push_back(
          {CopyCause::layer_input, bits, {operand, from}, {MemoryOperand::I1, in_top}});
    }
    const auto precision = [&](const model::FusedInput& input) {
      return static_cast<double>(rules_.defines ? node.layer->output_final_precision
                                                : node.layer->operands[z(input.operand)].precision);
    };
    if (kind_.use_columns >= 0 && kind_.use_columns != in_top) {
      for (std::size_t e = 0; e < node.inputs.size(); ++e) {
        const model::FusedInput& input = node.inputs[e];
        const double bits = static_cast<double>(kind_.read_columns[z(n)][e]) * input.channels *
                            static_cast<double>(kind_.y.edges[z(n)][e].data) * precision(input);
        copies.push_back({CopyCause::read_columns,
                          bits,
                          {MemoryOperand::I1, kind_.use_columns},
                          {MemoryOperand::I1, in_top}});
      }
    }
    if (kind_.use_rows >= 0 && kind_.use_rows != in_top) {
      for (std::size_t e = 0; e < node.inputs.size(); ++e) {
        const model::FusedInput& input = node.inputs[e];
        double width = static_cast<double>(kind_.x.edges[z(n)][e].data);
        if (kind_.use_columns >= 0) width -= static_cast<double>(kind_.read_columns[z(n)][e]);
        const double bits = static_cast<double>(kind_.read_rows[z(n)][e]) * input.channels * width *
                            precision(input);
        copies.push_back({CopyCause::read_rows,
                          bits,
                          {MemoryOperand::I1, kind_.use_rows},
                          {MemoryOperand::I1, in_top}});
      }
    }
  }

  bool accept(int n, std::vector<Copy> copies, int in_top, int out_top, const LayerResult* mapped,
              int raised, const TileProblem& problem, double in, double out) {
    const model::FusedNode& node = network_.nodes[z(n)];
    TileNode done;
    done.node = n;
    done.copies = model::cost_copies(core_.accelerator, copies);
    done.mapped = mapped;
    done.raised = raised;
    for (const model::OperandPlaces& one : problem.places) {
      done.top.push_back(one.memories.empty() ? -1 : one.memories.back());
    }
    if (!check(done.copies, n)) return false;
    const double times = static_cast<double>(node.count);
    add_copies(done.copies, times);
    if (mapped != nullptr) {
      const model::Evaluation& one = mapped->evaluation;
      tile_.energy += times * one.cost.energy;
      tile_.latency += times * (rules_.defines ? one.latency.total1 : one.latency.total2);
      tile_.latency_offloaded += times * one.latency.total2;
      tile_.mac_energy += times * one.mac_energy;
      tile_.memory_energy += times * one.memory_energy;
      tile_.macs += times * one.macs;
      cost_.optimal = cost_.optimal && mapped->optimal;
    }
    where_[z(n)] = out_top;
    raise_peak(n, in_top, in);
    raise_peak(n, out_top, out + (in_top == out_top ? in : 0));
    tile_.nodes.push_back(std::move(done));
    remember_writes(n, node, out_top);
    return true;
  }

  void raise_peak(int n, int memory, double own) {
    double bits = own + held(memory, n, false);
    if (rules_.defines) {
      if (memory == plan_.levels.columns) bits += plan_.column_bits;
      if (memory == plan_.levels.rows) bits += plan_.row_bits;
    }
    if (memory == plan_.levels.weights) bits += plan_.weight_bits;
    cost_.peak[z(memory)] = std::max(cost_.peak[z(memory)], bits);
  }

  void free_inputs(int n) {
    std::vector<int> seen;
    for (const model::FusedInput& input : network_.nodes[z(n)].inputs) {
      if (std::find(seen.begin(), seen.end(), input.producer) != seen.end()) continue;
      seen.push_back(input.producer);
      --waiting_[z(input.producer)];
    }
  }

  const FusionCore& core_;
  const model::FusedNetwork& network_;
  const int last_;
  const StackPlan& plan_;
  const FusionRules& rules_;
  const TileLookup& lookup_;
  const TileKind& kind_;
  const std::vector<std::vector<int>>& readers_;
  StackCost& cost_;
  TileCost tile_;
  std::vector<int> where_;  // by node: memory of its output
  std::vector<std::size_t> waiting_;
  std::vector<Copy> pending_;
};

}  // namespace

StackCost cost_stack(const FusionCore& core, const model::Stack& stack, const StackPlan& plan,
                     const FusionRules& rules, const TileLookup& lookup) {
  StackCost cost;
  cost.peak.assign(core.accelerator.memories.size(), 0);
  if (!stack.fault.empty() || !plan.fault.empty()) {
    cost.infeasible = stack.fault.empty() ? plan.fault : stack.fault;
    return cost;
  }
  const auto readers = stack.network.readers();
  for (const int memory : {plan.levels.columns, plan.levels.rows, plan.levels.weights}) {
    if (memory < 0) continue;
    double bits = 0;
    if (memory == plan.levels.columns) bits += plan.column_bits;
    if (memory == plan.levels.rows) bits += plan.row_bits;
    if (memory == plan.levels.weights) bits += plan.weight_bits;
    cost.peak[z(memory)] = std::max(cost.peak[z(memory)], bits);
  }
  for (const TileKind& kind : plan.kinds) {
    cost.tiles.push_back(TileRun(core, stack, plan, rules, lookup, kind, readers, cost).run());
    if (!cost.infeasible.empty()) return cost;
    const TileCost& tile = cost.tiles.back();
    cost.energy += kind.count * tile.energy;
    cost.latency += kind.count * tile.latency;
    cost.latency_offloaded += kind.count * tile.latency_offloaded;
    cost.copy_energy += kind.count * tile.copy_energy;
    cost.copy_latency += kind.count * tile.copy_latency;
    cost.mac_energy += kind.count * tile.mac_energy;
    cost.memory_energy += kind.count * tile.memory_energy;
    cost.macs += kind.count * tile.macs;
  }
  return cost;
}

}  // namespace ridgeline::search
