// Operands that a node streams from or to off-chip memory while it runs: room for them, and links.
#include <algorithm>
#include <cmath>
#include <limits>

#include "model/system/scheduler_run.hpp"

namespace ridgeline::model {
namespace {

constexpr double kInfinity = std::numeric_limits<double>::infinity();

}  // namespace

bool Scheduler::Run::fits_without_streaming(const Row& row, int core) const {
  for (std::size_t m = 0; m < memories_.size(); ++m) {
    std::int64_t bits = 0;
    const auto here = [&](MemoryOperand o) { return memory_of(core, o) == static_cast<int>(m); };
    for (const Needed& n : needed_) {
      if (here(n.operand)) bits += data_of(n).bits;
    }
    if (here(MemoryOperand::O)) bits += problem_.tensors[at(row.output)].bits;
    if (bits > memories_[m].size) return false;
  }
  return true;
}

// Makes the memories of streamed operands empty but for what the node needs.
double Scheduler::Run::clear(const Row& row, int core, double time) {
  const NodeCost& cost = problem_.costs.costs[row.costs + at(core)];
  protect_needed();
  for (int s = 0; s < cost.streamed_count; ++s) {
    const MemoryOperand operand = cost.streamed[at(s)].operand;
    const int memory = memory_of(core, operand);
    if (memory == kNone) continue;
    snapshot_.clear();
    Memory& emptied = memories_[at(memory)];
    if (2 * emptied.gone > emptied.stays.size()) forget_gone(emptied);
    for (const std::int32_t i : emptied.stays) {
      if (i == kNone) continue;
      const Stay& stay = stays_[at(i)];
      if (stay.stored <= time && protected_[at(stay.data->key)] != step_) {
        snapshot_.push_back(stay.data);
      }
    }
    for (const Data* const data : snapshot_) {
      time = remove(*data, core, time, true, operand, TransferCause::eviction, row.share);
      if (failed()) return time;
    }
  }
  return time;
}

// Books the streamed operands on their routes for as long as the node runs; its start.
double Scheduler::Run::block_links(const Row& row, int core, double& runtime, double time) {
  const Interconnect& net = problem_.interconnect;
  const NodeCost& cost = problem_.costs.costs[row.costs + at(core)];
  const auto& own_tensor = problem_.nodes[at(row.node)].own_tensor;
  demands_.clear();
  for (int s = 0; s < cost.streamed_count; ++s) {
    const StreamedOperand& o = cost.streamed[at(s)];
    const bool out = o.operand == MemoryOperand::O;
    const auto route =
        out ? net.route(core, problem_.offchip_core) : net.route(problem_.offchip_core, core);
    for (const int link : route) demands_.push_back({link, s, o.bandwidth, o.bandwidth});
  }
  if (problem_.semantics.exclusive_blocks) {
    for (const Demand& d : demands_) time = std::max(time, link_free_[at(d.link)]);
    for (const Demand& d : demands_) {
      link_free_[at(d.link)] = time + runtime;
      if (record_ == nullptr) continue;
      const MemoryOperand operand = cost.streamed[at(d.operand)].operand;
      record_->blocks.push_back({row.node, own_tensor[static_cast<std::size_t>(operand)], operand,
                                 d.link, time, time + runtime, d.bandwidth});
    }
    return time;
  }
  const auto total = [&](int link) {
    double sum = 0;
    for (const Demand& d : demands_) {
      if (d.link == link) sum += d.bandwidth;
    }
    return sum;
  };
  double stretch = 1;
  for (Demand& d : demands_) {
    const double demand = total(d.link);
    const double bandwidth = net.links[at(d.link)].bandwidth;
    if (demand > bandwidth) {
      d.booked = std::floor(bandwidth / demand * d.bandwidth);
      stretch = std::max(stretch, demand / bandwidth);
    }
  }
  const bool honest = problem_.semantics.honest_streaming;
  if (honest && stretch > 1) runtime = std::ceil(runtime * stretch);
  for (bool moved = true; moved;) {
    moved = false;
    for (std::size_t i = 0; i < demands_.size(); ++i) {
      const int link = demands_[i].link;
      double sum = 0;
      bool first = true;
      for (std::size_t j = 0; j < demands_.size(); ++j) {
        if (demands_[j].link != link) continue;
        if (j < i) first = false;
        sum += demands_[j].booked;
      }
      if (!first) continue;
      const double begin =
          links_[at(link)].first_window(time, runtime, sum, net.links[at(link)].bandwidth);
      if (begin == kInfinity) {
        fail(ScheduleFailure::no_window);
        return time;
      }
      moved = moved || begin > time;
      time = begin;
    }
  }
  if (runtime > 0) {
    for (const Demand& d : demands_) {
      const MemoryOperand operand = cost.streamed[at(d.operand)].operand;
      const std::int32_t tensor = own_tensor[static_cast<std::size_t>(operand)];
      const double amount = honest ? d.booked : d.bandwidth;
      if (!fresh_event(d.link, tensor, time)) continue;
      links_[at(d.link)].add(time, time + runtime, amount);
      if (record_ != nullptr) {
        record_->blocks.push_back(
            {row.node, tensor, operand, d.link, time, time + runtime, amount});
      }
    }
  }
  return time;
}

}  // namespace ridgeline::model
