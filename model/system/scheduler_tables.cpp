// What a scheduler works out once for all allocations of a problem.
#include <algorithm>
#include <cmath>

#include "model/system/scheduler.hpp"

namespace ridgeline::model {
namespace {

std::size_t at(std::int64_t i) {
  return static_cast<std::size_t>(i);
}

}  // namespace

Scheduler::Scheduler(const ScheduleProblem& problem) : problem_(problem) {
  const std::size_t nodes = problem.nodes.size();
  idle_.resize(at(problem.cores));
  start_.resize(nodes);
  end_.resize(nodes);
  if (problem.order.empty()) waiting_.resize(nodes);
  if (problem.order.empty()) ready_.resize(nodes);
  for (const TopMemory& m : problem.memories.instances) {
    Memory memory;
    memory.size = m.size;
    memory.first_core = m.cores.front();
    memory.offchip =
        std::find(m.cores.begin(), m.cores.end(), problem.offchip_core) != m.cores.end();
    const double narrowing =
        static_cast<double>(m.bandwidth_min) / static_cast<double>(m.bandwidth_max);
    memory.read_cost = m.r_cost * narrowing;
    memory.write_cost = m.w_cost * narrowing;
    memory.word = static_cast<double>(m.bandwidth_min);
    memory.full_read_cost = m.r_cost;
    memory.full_write_cost = m.w_cost;
    memory.full_word = static_cast<double>(m.bandwidth_max);
    memories_.push_back(std::move(memory));
  }
  links_.resize(problem.interconnect.links.size());
  link_free_.resize(problem.interconnect.links.size());
  stay_of_key_.resize(at(problem.keys));
  protected_.resize(at(problem.keys));
  counts_.resize(problem.uses.size());
  count_size_.resize(problem.tensors.size());
  uses_left_.resize(problem.tensors.size());
  holders_.resize(at(problem.keys));
  events_of_tensor_.resize(problem.tensors.size());
  for (std::size_t i = 0; i < nodes; ++i) {
    predecessor_begin_.push_back(static_cast<std::uint32_t>(predecessors_.size()));
    for (const CnEdge& e : problem.graph->predecessors_of(static_cast<std::int32_t>(i))) {
      predecessors_.push_back(e.node);
    }
    const auto first = predecessors_.begin() + predecessor_begin_.back();
    std::sort(first, predecessors_.end());
    predecessors_.erase(std::unique(first, predecessors_.end()), predecessors_.end());
  }
  predecessor_begin_.push_back(static_cast<std::uint32_t>(predecessors_.size()));
  for (const auto& held : problem.memories.of_core) {
    std::uint64_t memories = 0;
    for (const int memory : held) {
      if (memory != kNone) memories |= std::uint64_t{1} << (memory & 63);
    }
    memories_of_core_.push_back(memories);
  }
  tabulate_sizes();
  tabulate_shares();
  if (problem.semantics.fetch_ahead) tabulate_headstarts();
}

// Tensors and parts by size: there are few distinct ones, and most figures of a transfer depend on
// nothing else.
void Scheduler::tabulate_sizes() {
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
    whole_.push_back({id, kNone, id, tensor.bits, tensor.operand,
                      as_before ? whole_.back().size : place(tensor.bits)});
  }
  for (const ScheduleProblem::Part& p : problem_.parts) part_size_.push_back(place(p.bits));
  words_.assign(sizes.size() * memories_.size(), -1.0);
}

// Bandwidth that a layer's transfers book on each link.
void Scheduler::tabulate_shares() {
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

// Cycles that fetching what a node needs from off-chip takes, over the widest port.
void Scheduler::tabulate_headstarts() {
  headstart_.resize(problem_.needs.size());
  headstart_part_.resize(problem_.needs.size());
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

}  // namespace ridgeline::model
