#include "search/depth_first/stack_cost.hpp"

#include <algorithm>
#include <array>
#include <cmath>

#include "model/core/index.hpp"
#include "model/core/limits.hpp"

namespace ridgeline::search {

namespace {

using model::Copy;
using model::CopyCause;
using model::MemoryOperand;

constexpr double kUnknown = -1;

// Runs through the layers of one kind of tile after the other.
class TileRun {
 public:
  TileRun(const FusionCore& core, const model::Stack& stack, const StackPlan& plan,
          const FusionRules& rules, const TileLookup& lookup, bool detail, StackCost& cost)
      : core_(core),
        network_(stack.network),
        last_(stack.last),
        plan_(plan),
        rules_(rules),
        lookup_(lookup),
        detail_(detail),
        readers_(stack.readers),
        weights_(stack.weight_bits),
        router_(core.accelerator),
        cost_(cost) {}

  // With a limit: no further than to where the sums with all such tiles pass it.
  TileCost run(const TileKind& kind, const CostLimit* limit = nullptr) {
    kind_ = &kind;
    tile_ = {};
    const std::size_t count = network_.nodes.size();
    where_.assign(count, -1);
    bits_.assign(count, 0);
    waiting_.resize(count);
    for (std::size_t n = 0; n < count; ++n) waiting_[n] = readers_[n].size();
    alive_.clear();
    pending_.clear();
    for (int n = 0; n < static_cast<int>(count); ++n) {
      std::swap(copies_, pending_);
      pending_.clear();
      held_.fill(kUnknown);
      bits_[z(n)] = kind_->sizes().output_bits(network_, n);
      if (network_.nodes[z(n)].layer ? !layer(n) : !input(n)) return std::move(tile_);
      if (waiting_[z(n)] > 0) alive_.push_back(n);
      free_inputs(n);
      if (limit != nullptr && cost_.known && limit->passed(cost_, tile_, kind.count)) {
        cost_.beyond = true;
        return std::move(tile_);
      }
    }
    // What still has to be written to a cache; the reference drops it.
    if (!rules_.defines && !pending_.empty()) {
      TileNode rest;
      rest.node = last_;
      rest.copies = router_.cost(pending_, detail_);
      if (!check(rest.copies, last_)) return std::move(tile_);
      add_copies(rest.copies, 1);
      if (detail_) tile_.nodes.push_back(std::move(rest));
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

  double out_bits(int n) const { return bits_[z(n)]; }

  // Bits in a memory that are not of this layer: caches, weights, maps that others still need.
  double held(int memory, int n) {
    if (rules_.defines) return 0;
    double& bits = held_[z(memory)];
    if (bits == kUnknown) {
      const double weights = plan_.weight_bits - weights_[z(n)];
      bits = held_beside(memory, n, weights);
    }
    return bits;
  }
  double held_beside(int memory, int n, double weights) const {
    double bits = 0;
    if (memory == plan_.levels.columns) bits += plan_.column_bits;
    if (memory == plan_.levels.rows) bits += plan_.row_bits;
    if (memory == plan_.levels.weights) bits += weights;
    for (const int p : alive_) {
      if (where_[z(p)] != memory) continue;
      const auto& list = readers_[z(p)];
      const bool mine = std::find(list.begin(), list.end(), n) != list.end();
      if (!mine) bits += out_bits(p);
    }
    return bits;
  }

  bool input(int n) {
    int top = core_.inputs.back();
    if (n != last_) {
      for (const int memory : core_.inputs) {
        if (core_.spread[z(memory)]) continue;
        if (core_.size(memory) < out_bits(n) + held(memory, n)) continue;
        top = memory;
        break;
      }
    }
    where_[z(n)] = top;
    if (top != core_.inputs.back()) {
      copies_.push_back({CopyCause::stack_input,
                         out_bits(n),
                         {MemoryOperand::I1, core_.inputs.back()},
                         {MemoryOperand::I1, top}});
    }
    TileNode done;
    done.node = n;
    done.copies = router_.cost(copies_, detail_);
    if (!check(done.copies, n)) return false;
    add_copies(done.copies, 1);
    if (detail_) {
      done.top = {top};
      raise_peak(n, top, out_bits(n));
      tile_.nodes.push_back(std::move(done));
    }
    if (!rules_.defines) remember_writes(n, top);
    return true;
  }

  // What a layer's output leaves in the caches is moved before the next layer runs.
  void remember_writes(int n, int top) {
    const std::int64_t write_rows = kind_->make_rows >= 0 ? kind_->y->write[z(n)] : 0;
    const std::int64_t write_columns = kind_->make_columns >= 0 ? kind_->x->write[z(n)] : 0;
    if (write_rows == 0 && write_columns == 0) return;
    const model::FusedNode& node = network_.nodes[z(n)];
    const MemoryOperand operand = operand_in(top);
    const double x = static_cast<double>(kind_->x->tile.size[z(n)]);
    const double y = static_cast<double>(kind_->y->tile.size[z(n)]);
    const double bits = node.channels * static_cast<double>(node.precision);
    double rows = 0;
    if (kind_->make_rows != top && write_rows > 0) {
      rows = static_cast<double>(write_rows);
      pending_.push_back(
          {CopyCause::write_rows, rows * x * bits, {operand, top}, {operand, kind_->make_rows}});
    }
    if (kind_->make_columns != top && write_columns > 0) {
      const double columns = static_cast<double>(write_columns);
      pending_.push_back({CopyCause::write_columns,
                          columns * (y - rows) * bits,
                          {operand, top},
                          {operand, kind_->make_columns}});
    }
  }

  // The operand under which a map in `memory` is moved: outputs have ways up and down.
  MemoryOperand operand_in(int memory) const {
    const bool out =
        std::find(core_.outputs.begin(), core_.outputs.end(), memory) != core_.outputs.end();
    return out ? MemoryOperand::O : MemoryOperand::I1;
  }

  bool layer(int n) {
    const model::FusedNode& node = network_.nodes[z(n)];
    if (kind_->x->tile.size[z(n)] == 0 || kind_->y->tile.size[z(n)] == 0) {
      std::swap(pending_, copies_);  // all of it is there already
      where_[z(n)] = where_[z(node.inputs.empty() ? n : node.inputs.front().producer)];
      return true;
    }
    const double in = kind_->sizes().input_bits(network_, n);
    const double out = out_bits(n);
    std::size_t in_level = core_.inputs.size() - 1;
    for (std::size_t l = 0; l < core_.inputs.size(); ++l) {
      const int memory = core_.inputs[l];
      if (core_.spread[z(memory)] || core_.size(memory) < in + held(memory, n)) continue;
      in_level = l;
      break;
    }
    std::size_t out_level = core_.outputs.size() - 1;
    for (std::size_t l = 0; n != last_ && l < core_.outputs.size(); ++l) {
      const int memory = core_.outputs[l];
      const double beside = memory == core_.inputs[in_level] ? in : 0;
      if (core_.spread[z(memory)] || core_.size(memory) < out + beside + held(memory, n)) {
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
      ask(n, in_top, out_top, in, out);
      const TileFigures tile = lookup_(problem_);
      if (!tile.known) {
        cost_.known = false;
        copies_.clear();
        return accept(n, in_top, out_top, tile, attempts, in, out);
      }
      if (tile.fault == nullptr) {
        add_reads(n, in_top, extra_in);
        return accept(n, in_top, out_top, tile, attempts, in, out);
      }
      if (why.empty()) why = tile.fault;
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

  // Sets problem_.
  void ask(int n, int in_top, int out_top, double in, double out) {
    const model::FusedNode& node = network_.nodes[z(n)];
    problem_.node = &node;
    problem_.kind = kind_;
    problem_.place = z(n);
    problem_.reserved.assign(rules_.defines ? 0 : core_.accelerator.memories.size(), 0);
    for (std::size_t o = 0; o < node.layer->operands.size(); ++o) {
      const bool weights = node.weights == static_cast<int>(o);
      int top = in_top;
      if (o == 0) top = out_top;
      if (weights) {
        top =
            kind_->first || plan_.levels.weights < 0 ? core_.weights.back() : plan_.levels.weights;
      }
      problem_.top[o] = top;
      if (rules_.defines) continue;
      const auto& list = o == 0 ? core_.outputs : weights ? core_.weights : core_.inputs;
      for (const int memory : list) {
        double& bits = problem_.reserved[z(memory)];
        if (bits == 0) bits = rounded(memory, held(memory, n), in + out);
        if (memory == top) break;
      }
    }
  }

  // Rows 3 to 5 of the specification's table: what the layer reads, from where it is.
  void add_reads(int n, int in_top, std::size_t in_level) {
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
        const model::EdgeTile& x = kind_->x->tile.edges[z(n)][e];
        const model::EdgeTile& y = kind_->y->tile.edges[z(n)][e];
        bits = input.channels * static_cast<double>(x.data - x.overlap) *
               static_cast<double>(y.data - y.overlap) *
               static_cast<double>(node.layer->operands[z(input.operand)].precision);
      }
      copies_.push_back(
          {CopyCause::layer_input, bits, {operand, from}, {MemoryOperand::I1, in_top}});
    }
    const auto precision = [&](const model::FusedInput& input) {
      return static_cast<double>(rules_.defines ? node.layer->output_final_precision
                                                : node.layer->operands[z(input.operand)].precision);
    };
    if (kind_->use_columns >= 0 && kind_->use_columns != in_top) {
      for (std::size_t e = 0; e < node.inputs.size(); ++e) {
        const model::FusedInput& input = node.inputs[e];
        const double bits = static_cast<double>(kind_->x->read[z(n)][e]) * input.channels *
                            static_cast<double>(kind_->y->tile.edges[z(n)][e].data) *
                            precision(input);
        copies_.push_back({CopyCause::read_columns,
                           bits,
                           {MemoryOperand::I1, kind_->use_columns},
                           {MemoryOperand::I1, in_top}});
      }
    }
    if (kind_->use_rows >= 0 && kind_->use_rows != in_top) {
      for (std::size_t e = 0; e < node.inputs.size(); ++e) {
        const model::FusedInput& input = node.inputs[e];
        double width = static_cast<double>(kind_->x->tile.edges[z(n)][e].data);
        if (kind_->use_columns >= 0) width -= static_cast<double>(kind_->x->read[z(n)][e]);
        const double bits = static_cast<double>(kind_->y->read[z(n)][e]) * input.channels * width *
                            precision(input);
        copies_.push_back({CopyCause::read_rows,
                           bits,
                           {MemoryOperand::I1, kind_->use_rows},
                           {MemoryOperand::I1, in_top}});
      }
    }
  }

  bool accept(int n, int in_top, int out_top, const TileFigures& tile, int raised, double in,
              double out) {
    const model::FusedNode& node = network_.nodes[z(n)];
    TileNode done;
    done.copies = router_.cost(copies_, detail_);
    if (!check(done.copies, n)) return false;
    const double times = static_cast<double>(node.count);
    add_copies(done.copies, times);
    if (tile.known) {
      tile_.energy += times * tile.cost.energy;
      tile_.latency += times * tile.cost.latency;
      tile_.latency_offloaded += times * tile.latency_offloaded;
      tile_.mac_energy += times * tile.mac_energy;
      tile_.memory_energy += times * tile.memory_energy;
      tile_.macs += times * tile.macs;
      cost_.optimal = cost_.optimal && tile.optimal;
    }
    where_[z(n)] = out_top;
    if (detail_) {
      done.node = n;
      done.mapped = tile.mapped;
      done.raised = raised;
      for (std::size_t o = 0; o < node.layer->operands.size(); ++o) {
        done.top.push_back(problem_.top[o]);
      }
      raise_peak(n, in_top, in);
      raise_peak(n, out_top, out + (in_top == out_top ? in : 0));
      tile_.nodes.push_back(std::move(done));
    }
    remember_writes(n, out_top);
    return true;
  }

  void raise_peak(int n, int memory, double own) {
    double bits = own;
    if (!rules_.defines) bits += held_beside(memory, n, 0);
    if (rules_.defines) {
      if (memory == plan_.levels.columns) bits += plan_.column_bits;
      if (memory == plan_.levels.rows) bits += plan_.row_bits;
    }
    if (memory == plan_.levels.weights) bits += plan_.weight_bits;
    cost_.peak[z(memory)] = std::max(cost_.peak[z(memory)], bits);
  }

  void free_inputs(int n) {
    const auto& inputs = network_.nodes[z(n)].inputs;
    for (std::size_t e = 0; e < inputs.size(); ++e) {
      const int p = inputs[e].producer;
      if (e > 0 && p == inputs[0].producer) continue;
      if (--waiting_[z(p)] > 0) continue;
      const auto gone = std::find(alive_.begin(), alive_.end(), p);
      if (gone != alive_.end()) alive_.erase(gone);
    }
  }

  const FusionCore& core_;
  const model::FusedNetwork& network_;
  const int last_;
  const StackPlan& plan_;
  const FusionRules& rules_;
  const TileLookup& lookup_;
  const bool detail_;
  const std::vector<std::vector<int>>& readers_;
  const std::vector<double>& weights_;
  model::CopyRouter router_;
  StackCost& cost_;
  const TileKind* kind_ = nullptr;
  TileCost tile_;
  TileProblem problem_;
  std::vector<int> where_;    // by node: memory of its output
  std::vector<double> bits_;  // by node: of its output
  std::vector<std::size_t> waiting_;
  std::vector<int> alive_;                          // nodes whose output is still to be read
  std::array<double, model::kMaxMemories> held_{};  // by memory, of the node at hand
  std::vector<Copy> copies_;                        // before the node at hand
  std::vector<Copy> pending_;                       // before the next one
};

}  // namespace

bool CostLimit::passed(const StackCost& cost, const TileCost& tile, double count) const {
  return of({cost.energy + count * tile.energy, cost.latency + count * tile.latency}) > value;
}

namespace {

void add(StackCost& cost, const TileCost& tile, double count) {
  cost.energy += count * tile.energy;
  cost.latency += count * tile.latency;
  cost.latency_offloaded += count * tile.latency_offloaded;
  cost.copy_energy += count * tile.copy_energy;
  cost.copy_latency += count * tile.copy_latency;
  cost.mac_energy += count * tile.mac_energy;
  cost.memory_energy += count * tile.memory_energy;
  cost.macs += count * tile.macs;
  ++cost.summed;
}

bool faulty(const model::Stack& stack, const StackPlan& plan, StackCost& cost) {
  if (stack.fault.empty() && plan.fault.empty()) return false;
  cost.infeasible = stack.fault.empty() ? plan.fault : stack.fault;
  return true;
}

}  // namespace

StackCost cost_stack(const FusionCore& core, const model::Stack& stack, const StackPlan& plan,
                     const FusionRules& rules, const TileLookup& lookup) {
  StackCost cost;
  cost.peak.assign(core.accelerator.memories.size(), 0);
  if (faulty(stack, plan, cost)) return cost;
  for (const int memory : {plan.levels.columns, plan.levels.rows, plan.levels.weights}) {
    if (memory < 0) continue;
    double bits = 0;
    if (memory == plan.levels.columns) bits += plan.column_bits;
    if (memory == plan.levels.rows) bits += plan.row_bits;
    if (memory == plan.levels.weights) bits += plan.weight_bits;
    cost.peak[z(memory)] = std::max(cost.peak[z(memory)], bits);
  }
  TileRun run(core, stack, plan, rules, lookup, true, cost);
  for (const TileKind& kind : plan.kinds) {
    cost.tiles.push_back(run.run(kind));
    if (!cost.infeasible.empty()) return cost;
    add(cost, cost.tiles.back(), kind.count);
  }
  return cost;
}

void add_kinds(const FusionCore& core, const model::Stack& stack, const StackPlan& plan,
               const FusionRules& rules, const TileLookup& lookup, const CostLimit& limit,
               StackCost& cost) {
  if (faulty(stack, plan, cost)) return;
  TileRun run(core, stack, plan, rules, lookup, false, cost);
  cost.known = true;
  while (cost.summed < plan.kinds.size() && !cost.beyond) {
    const bool optimal = cost.optimal;
    const TileKind& kind = plan.kinds[cost.summed];
    const TileCost tile = run.run(kind, &limit);
    if (!cost.known) {
      cost.optimal = optimal;
      cost.infeasible.clear();
      return;
    }
    if (!cost.infeasible.empty()) return;
    add(cost, tile, kind.count);
  }
}

}  // namespace ridgeline::search
