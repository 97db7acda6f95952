// What a scheduler works out once for all allocations of a problem.
#include <algorithm>
#include <cmath>
#include <limits>

#include "model/system/scheduler_run.hpp"

namespace ridgeline::model {
namespace {

std::size_t at(std::int64_t i) {
  return static_cast<std::size_t>(i);
}

// Of lists of nodes, those that no other of the list waits for within its layer and slot, each
// once: the others end before these.
class Last {
 public:
  explicit Last(const ScheduleProblem& problem)
      : before_(problem.nodes.size(), -1), round_(problem.nodes.size(), 0) {
    for (std::int32_t i = 0; i < static_cast<std::int32_t>(problem.nodes.size()); ++i) {
      const ScheduleProblem::Node& node = problem.nodes[at(i)];
      for (const CnEdge& e : problem.graph->predecessors_of(i)) {
        const ScheduleProblem::Node& other = problem.nodes[at(e.node)];
        if (other.layer == node.layer && other.slot == node.slot) before_[at(i)] = e.node;
      }
    }
  }

  template <class Nodes, class Take>
  void each_of(std::size_t count, Nodes&& node, Take&& take) {
    ++now_;
    for (std::size_t k = 0; k < count; ++k) {
      const std::int32_t before = before_[at(node(k))];
      if (before >= 0) round_[at(before)] = now_;
    }
    for (std::size_t k = 0; k < count; ++k) {
      std::uint32_t& round = round_[at(node(k))];
      if (round != now_) take(node(k));
      round = now_;
    }
  }

 private:
  std::vector<std::int32_t> before_;  // a node of the same layer and slot that a node waits for
  std::vector<std::uint32_t> round_;  // in which a node was dropped or taken
  std::uint32_t now_ = 0;
};

}  // namespace

Scheduler::Run::Run(const ScheduleProblem& problem) : problem_(problem) {
  const std::size_t nodes = problem.nodes.size();
  idle_.resize(at(problem.cores));
  end_.resize(nodes);
  if (problem.order.empty()) waiting_.resize(nodes);
  if (problem.order.empty()) ready_.resize(nodes);
  links_.resize(problem.interconnect.links.size());
  link_free_.resize(problem.interconnect.links.size());
  keys_.resize(at(problem.keys));
  holders_.resize(at(problem.keys));
  protected_.resize(at(problem.keys));
  tabulate_memories();
  tabulate_sizes();
  tabulate_shares();
  tabulate_costs();
  tabulate_headstarts();
  tabulate_rows();
  tabulate_readers();
  tabulate_uses();
  tabulate_last_uses();
  tabulate_streams();
  left_ = fresh_left_;
  tabulate_routes();
}

void Scheduler::Run::tabulate_memories() {
  for (const TopMemory& m : problem_.memories.instances) {
    Memory memory;
    memory.size = m.size;
    memory.first_core = m.cores.front();
    memory.offchip =
        std::find(m.cores.begin(), m.cores.end(), problem_.offchip_core) != m.cores.end();
    if (problem_.semantics.sender_write_width) {
      memory.read_cost = m.r_cost;
      memory.write_cost = m.w_cost;
      memory.word = static_cast<double>(m.bandwidth_max);
    } else {
      const double narrowing =
          static_cast<double>(m.bandwidth_min) / static_cast<double>(m.bandwidth_max);
      memory.read_cost = m.r_cost * narrowing;
      memory.write_cost = m.w_cost * narrowing;
      memory.word = static_cast<double>(m.bandwidth_min);
    }
    memories_.push_back(std::move(memory));
  }
  // With checked capacities nodes wait for what is on its way; there, and where memories share
  // bits, a transfer has to look closer.
  const bool presence_is_all = !problem_.semantics.checked_capacity && memories_.size() <= 64;
  for (const auto& memories : problem_.memories.of_core) {
    CoreMemories held;
    for (std::size_t o = 0; o < memories.size(); ++o) {
      held.memory[o] = memories[o];
      if (memories[o] == kNone) continue;
      const std::uint64_t bit = std::uint64_t{1} << (memories[o] & 63);
      held.all |= bit;
      for (std::size_t read = 0; presence_is_all && read < memories.size(); ++read) {
        if (memories[read] != kNone) held.there[o * memories.size() + read] = bit;
      }
    }
    held_.push_back(held);
  }
}

// Tensors and parts by size: there are few distinct ones, and most figures of a transfer depend on
// nothing else.
void Scheduler::Run::tabulate_sizes() {
  std::vector<std::int64_t> sizes;
  for (const ScheduleProblem::Tensor& t : problem_.tensors) {
    if (sizes.empty() || sizes.back() != t.bits) sizes.push_back(t.bits);
  }
  for (const ScheduleProblem::Part& p : problem_.parts) {
    if (sizes.empty() || sizes.back() != p.bits) sizes.push_back(p.bits);
  }
  std::sort(sizes.begin(), sizes.end());
  sizes.erase(std::unique(sizes.begin(), sizes.end()), sizes.end());
  const auto place = [&](std::int64_t bits) {
    return static_cast<std::int32_t>(std::lower_bound(sizes.begin(), sizes.end(), bits) -
                                     sizes.begin());
  };
  for (std::size_t t = 0; t < problem_.tensors.size(); ++t) {
    const ScheduleProblem::Tensor& tensor = problem_.tensors[t];
    const auto id = static_cast<std::int32_t>(t);
    const bool as_before = t > 0 && tensor.bits == whole_.back().bits;
    whole_.push_back({tensor.bits, id, kNone, id,
                      as_before ? whole_.back().size : place(tensor.bits), tensor.operand});
  }
  for (std::size_t p = 0; p < problem_.parts.size(); ++p) {
    const ScheduleProblem::Part& part = problem_.parts[p];
    part_.push_back({part.bits, part.parent, static_cast<std::int32_t>(p), part.key,
                     place(part.bits), whole_[at(part.parent)].own});
  }
  sizes_ = sizes.size();
  words_.assign(sizes_ * memories_.size(), -1.0);
}

// Bandwidth that a layer's transfers book on each link.
void Scheduler::Run::tabulate_shares() {
  shares_.push_back(1);
  for (const ScheduleProblem::Layer& layer : problem_.layers) {
    const auto known = std::find(shares_.begin(), shares_.end(), layer.share);
    share_of_layer_.push_back(static_cast<std::int32_t>(known - shares_.begin()));
    if (known == shares_.end()) shares_.push_back(layer.share);
  }
  for (const double share : shares_) {
    for (const Link& link : problem_.interconnect.links) {
      booked_.push_back(std::ceil(share * link.bandwidth));
    }
  }
}

void Scheduler::Run::tabulate_costs() {
  costs_.reserve(problem_.costs.costs.size());
  for (const NodeCost& c : problem_.costs.costs) {
    Cost cost{
        c.runtime, std::trunc(c.runtime), c.onchip_energy, c.offchip_energy, c.mac_energy, c.known,
        0};
    for (int s = 0; s < c.streamed_count; ++s) {
      cost.streamed |=
          static_cast<std::uint8_t>(1u << static_cast<unsigned>(c.streamed[at(s)].operand));
    }
    costs_.push_back(cost);
  }
}

// Nodes in their order, what they need, and whom they wait for.
void Scheduler::Run::tabulate_rows() {
  Last last(problem_);
  rows_.reserve(problem_.nodes.size());
  needs_.reserve(problem_.needs.size());
  for (std::size_t k = 0; k < problem_.nodes.size(); ++k) {
    const std::int32_t i =
        problem_.order.empty() ? static_cast<std::int32_t>(k) : problem_.order[k];
    const ScheduleProblem::Node& node = problem_.nodes[at(i)];
    Row row;
    row.node = i;
    row.slot = node.slot;
    row.layer = node.layer;
    row.output = node.output;
    row.costs = static_cast<std::uint32_t>(node.unique * problem_.costs.cores);
    row.share = share_of_layer_[at(node.layer)];
    row.barrier = node.barrier;
    row.writes_back = node.writes_back;
    row.need_begin = static_cast<std::uint32_t>(needs_.size());
    for (std::uint32_t n = node.need_begin; n < node.need_end; ++n) {
      const ScheduleProblem::Need& need = problem_.needs[n];
      Needed needed;
      needed.key = needed.tensor = need.tensor;
      needed.need = static_cast<std::int32_t>(n);
      needed.operand = need.operand;
      needed.own = whole_[at(need.tensor)].own;
      const ScheduleProblem::Tensor& tensor = problem_.tensors[at(need.tensor)];
      for (std::uint32_t u = tensor.use_begin; u < tensor.use_end; ++u) {
        const ScheduleProblem::Use& use = problem_.uses[u];
        if (use.slot != node.slot || use.operand != need.operand) continue;
        needed.use = static_cast<std::int32_t>(u);
        break;
      }
      row.has_parts = row.has_parts || need.part != kNone;
      row.headstart += headstart_[n];
      needs_.push_back(needed);
      wanted_.push_back({needed.key, static_cast<std::int32_t>(needed.own) * kMemoryOperands +
                                         static_cast<std::int32_t>(needed.operand)});
    }
    row.need_end = static_cast<std::uint32_t>(needs_.size());
    row.predecessor_begin = static_cast<std::uint32_t>(predecessors_.size());
    const std::span<const CnEdge> edges = problem_.graph->predecessors_of(i);
    last.each_of(
        edges.size(), [&](std::size_t e) { return edges[e].node; },
        [&](std::int32_t predecessor) { predecessors_.push_back(predecessor); });
    row.predecessor_end = static_cast<std::uint32_t>(predecessors_.size());
    rows_.push_back(row);
  }
}

// Readers of each node's output in other layers.
void Scheduler::Run::tabulate_readers() {
  Last last(problem_);
  reader_begin_.reserve(problem_.nodes.size() + 1);
  reader_begin_.push_back(0);
  for (std::size_t i = 0; i < problem_.nodes.size(); ++i) {
    const std::uint32_t begin = problem_.successor_begin[i];
    last.each_of(
        problem_.successor_begin[i + 1] - begin,
        [&](std::size_t s) { return problem_.successors[begin + s]; },
        [&](std::int32_t reader) {
          readers_.push_back({reader, problem_.nodes[at(reader)].slot});
        });
    reader_begin_.push_back(static_cast<std::uint32_t>(readers_.size()));
  }
}

// Cycles that fetching what a node needs from off-chip takes, over the widest port.
void Scheduler::Run::tabulate_headstarts() {
  headstart_.resize(problem_.needs.size());
  headstart_part_.resize(problem_.needs.size());
  if (!problem_.semantics.fetch_ahead) return;
  for (const ScheduleProblem::Node& node : problem_.nodes) {
    const double share = problem_.layers[at(node.layer)].share;
    for (std::uint32_t i = node.need_begin; i < node.need_end; ++i) {
      const ScheduleProblem::Need& need = problem_.needs[i];
      const int offchip = memory_of(problem_.offchip_core, need.operand);
      if (offchip == kNone) continue;
      const double width =
          static_cast<double>(problem_.memories.instances[at(offchip)].bandwidth_max) * share;
      headstart_[i] =
          std::ceil(static_cast<double>(problem_.tensors[at(need.tensor)].bits) / width);
      if (need.part == kNone) continue;
      headstart_part_[i] =
          std::ceil(static_cast<double>(problem_.parts[at(need.part)].bits) / width);
    }
  }
}

// Uses of each tensor. Those of constants are set, not added up, where slots share a memory: these
// are counted for each allocation.
void Scheduler::Run::tabulate_uses() {
  fresh_keys_.resize(keys_.size());
  for (const ScheduleProblem::Use& use : problem_.uses) fresh_left_.push_back(use.count);
  for (std::size_t t = 0; t < problem_.tensors.size(); ++t) {
    const ScheduleProblem::Tensor& tensor = problem_.tensors[t];
    producer_.push_back(problem_.nodes[at(tensor.origin)].slot);
    for (std::uint32_t u = tensor.use_begin; u < tensor.use_end; ++u) {
      fresh_keys_[t].uses_left += problem_.uses[u].count;
    }
    if (tensor.constant && tensor.use_end - tensor.use_begin > 1) {
      shared_constants_.push_back(static_cast<std::int32_t>(t));
    }
  }
}

// Whether nodes stream operands, by slot and core.
void Scheduler::Run::tabulate_streams() {
  if (std::all_of(costs_.begin(), costs_.end(), [](const Cost& c) { return c.streamed == 0; }))
    return;
  slot_streams_.resize(at(problem_.slots) * at(problem_.cores));
  for (const Row& row : rows_) {
    for (std::size_t core = 0; core < at(problem_.cores); ++core) {
      if (costs_[row.costs + core].streamed != 0) {
        slot_streams_[at(row.slot) * at(problem_.cores) + core] = true;
      }
    }
  }
}

// Who reads each tensor last, but for constants of several slots: how often these are used depends
// on which of them share a memory. Not where the order of nodes depends on the allocation, or where
// a tensor's uses are not what its readers are.
void Scheduler::Run::tabulate_last_uses() {
  if (problem_.order.empty()) return;
  std::vector<std::int32_t> left = fresh_left_;
  for (const Needed& n : needs_) {
    if (n.use == kNone || n.use >= static_cast<std::int32_t>(left.size())) return;
    --left[at(n.use)];
  }
  if (std::any_of(left.begin(), left.end(), [](std::int32_t l) { return l != 0; })) return;
  std::vector<std::int64_t> uses_left(problem_.tensors.size());
  for (std::size_t t = 0; t < uses_left.size(); ++t) uses_left[t] = fresh_keys_[t].uses_left;
  for (const std::int32_t t : shared_constants_) uses_left[at(t)] = -1;
  for (Row& row : rows_) {
    for (std::uint32_t n = row.need_begin; n < row.need_end; ++n) {
      const std::int32_t tensor = needs_[n].tensor;
      if (uses_left[at(tensor)] < 0) {
        needs_[n].counted = true;
        last_uses_.push_back(~static_cast<std::int32_t>(n));
      } else if (--uses_left[at(tensor)] == 0) {
        last_uses_.push_back(tensor);
      }
    }
    row.last_use_end = static_cast<std::uint32_t>(last_uses_.size());
  }
  reads_known_ = true;
}

// Links between each two cores, and the least bandwidth that each share books on them.
void Scheduler::Run::tabulate_routes() {
  const Interconnect& net = problem_.interconnect;
  for (std::size_t s = 0; s < shares_.size(); ++s) {
    const double* const booked = booked_.data() + s * net.links.size();
    for (int from = 0; from < net.cores; ++from) {
      for (int to = 0; to < net.cores; ++to) {
        double least = std::numeric_limits<double>::infinity();
        for (const int l : net.route(from, to)) least = std::min(least, booked[l]);
        const auto known = std::find(least_bandwidths_.begin(), least_bandwidths_.end(), least);
        ways_.push_back({net.route(from, to),
                         static_cast<std::int32_t>(known - least_bandwidths_.begin()), least});
        if (known == least_bandwidths_.end()) least_bandwidths_.push_back(least);
      }
    }
  }
  durations_.assign(sizes_ * least_bandwidths_.size(), -1.0);
}

}  // namespace ridgeline::model
