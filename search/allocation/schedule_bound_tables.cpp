// What bounds on schedules ask for again and again, worked out once: work and energy of each slot
// on each core, what has to be loaded, segments of the graph.
#include <algorithm>
#include <cmath>
#include <limits>
#include <set>

#include "model/core/index.hpp"
#include "search/allocation/schedule_bound.hpp"

namespace ridgeline::search {
namespace {

constexpr double kInfinity = std::numeric_limits<double>::infinity();

double cycles(std::int64_t bits, double bandwidth) {
  return std::ceil(static_cast<double>(bits) / bandwidth);
}

// pJ of moving bits from one memory to another, as the scheduler counts it.
double moving_energy(const model::TopMemory& from, const model::TopMemory& to, std::int64_t bits,
                     bool sender_width) {
  const auto narrow = [](const model::TopMemory& m) {
    return static_cast<double>(m.bandwidth_min) / static_cast<double>(m.bandwidth_max);
  };
  if (sender_width) {
    const double words = cycles(bits, static_cast<double>(from.bandwidth_max));
    return from.r_cost * words + to.w_cost * words;
  }
  return from.r_cost * narrow(from) * cycles(bits, static_cast<double>(from.bandwidth_min)) +
         to.w_cost * narrow(to) * cycles(bits, static_cast<double>(to.bandwidth_min));
}

}  // namespace

ScheduleBounds::ScheduleBounds(const model::ScheduleProblem& problem,
                               std::vector<std::vector<int>> choices,
                               std::vector<bool> whole_cycles)
    : problem_(problem),
      choices_(std::move(choices)),
      whole_cycles_(std::move(whole_cycles)),
      simple_(problem.semantics.fifo_links || problem.semantics.exclusive_blocks),
      resource_count_(problem.cores + static_cast<int>(problem.interconnect.links.size())) {
  nodes_of_slot_.resize(z(problem.slots));
  for (std::size_t n = 0; n < problem.nodes.size(); ++n)
    nodes_of_slot_[z(problem.nodes[n].slot)].push_back(static_cast<std::int32_t>(n));
  work_.resize(z(problem.slots));
  energy_.resize(z(problem.slots));
  traffic_.resize(z(problem.slots));
  time_.resize(problem.nodes.size());
  for (std::size_t s = 0; s < z(problem.slots); ++s) {
    work_[s].assign(choices_[s].size(), 0);
    energy_[s].assign(choices_[s].size(), 0);
    traffic_[s].assign(choices_[s].size(), std::vector<double>(z(resource_count_), 0));
    for (std::size_t k = 0; k < choices_[s].size(); ++k) {
      const int core = choices_[s][k];
      for (const std::int32_t n : nodes_of_slot_[s]) {
        const model::ScheduleProblem::Node& node = problem.nodes[z(n)];
        const model::NodeCost& cost = problem.costs.at(node.unique, core);
        time_[z(n)].push_back(runtime(node, core));
        work_[s][k] += time_[z(n)].back();
        energy_[s][k] += cost.onchip_energy + cost.offchip_energy;
        add_streams(node, core, traffic_[s][k]);
      }
    }
  }
  if (!simple_) add_loads();
  end_.resize(problem.nodes.size());
  slot_end_.resize(z(problem.slots));
  core_end_.resize(z(problem.cores));
  build_segments();
  list_ways();
  const std::vector<int> open(z(problem.slots), -1);
  bound_ = bound(open);
  least_edp(open, &least_product_);
  critical_path_ = 0;
  for (Segment& segment : segments_) critical_path_ += segment_time(segment, {});
}

double ScheduleBounds::work(int slot, int core) const {
  return work_[z(slot)][option_of(slot, core)];
}

double ScheduleBounds::energy(int slot, int core) const {
  return energy_[z(slot)][option_of(slot, core)];
}

std::size_t ScheduleBounds::option_of(int slot, int core) const {
  const std::vector<int>& cores = choices_[z(slot)];
  return z(std::find(cores.begin(), cores.end(), core) - cores.begin());
}

// Whether a node streams wherever its inputs are: all that it needs is streamed, or a constant is.
bool ScheduleBounds::certainly_streams(const model::ScheduleProblem::Node& node,
                                       const model::NodeCost& cost) const {
  unsigned streamed = 0;
  for (int s = 0; s < cost.streamed_count; ++s)
    streamed |= 1u << static_cast<unsigned>(cost.streamed[z(s)].operand);
  if (streamed == 0) return false;
  if (!problem_.semantics.parts_of_tensors) return true;
  if ((streamed & problem_.layers[z(node.layer)].constants) != 0) return true;
  for (std::uint32_t i = node.need_begin; i < node.need_end; ++i)
    if ((streamed & (1u << static_cast<unsigned>(problem_.needs[i].operand))) == 0) return false;
  return true;
}

// Cycles of a node on a core; longer than its own where its streams exceed the links.
double ScheduleBounds::runtime(const model::ScheduleProblem::Node& node, int core) const {
  const model::NodeCost& cost = problem_.costs.at(node.unique, core);
  const double time = whole_cycles_[z(node.slot)] ? std::trunc(cost.runtime) : cost.runtime;
  if (!problem_.semantics.honest_streaming || simple_ || !certainly_streams(node, cost))
    return time;
  const model::Interconnect& net = problem_.interconnect;
  std::vector<double> demand(net.links.size(), 0);
  for (int s = 0; s < cost.streamed_count; ++s) {
    const bool out = cost.streamed[z(s)].operand == model::MemoryOperand::O;
    const auto route =
        out ? net.route(core, problem_.offchip_core) : net.route(problem_.offchip_core, core);
    for (const int link : route) demand[z(link)] += cost.streamed[z(s)].bandwidth;
  }
  double stretch = 1;
  for (std::size_t l = 0; l < demand.size(); ++l)
    stretch = std::max(stretch, demand[l] / net.links[l].bandwidth);
  return stretch > 1 ? std::ceil(time * stretch) : time;
}

// Adds what a node's streams take of the links, as cycles of the whole link.
void ScheduleBounds::add_streams(const model::ScheduleProblem::Node& node, int core,
                                 std::vector<double>& amounts) const {
  const model::NodeCost& cost = problem_.costs.at(node.unique, core);
  if (simple_ || !certainly_streams(node, cost)) return;
  const model::Interconnect& net = problem_.interconnect;
  const model::ScheduleProblem::Layer& layer = problem_.layers[z(node.layer)];
  std::vector<double> demand(net.links.size(), 0);
  const auto route_of = [&](int s) {
    const bool out = cost.streamed[z(s)].operand == model::MemoryOperand::O;
    return out ? net.route(core, problem_.offchip_core) : net.route(problem_.offchip_core, core);
  };
  for (int s = 0; s < cost.streamed_count; ++s)
    for (const int link : route_of(s)) demand[z(link)] += cost.streamed[z(s)].bandwidth;
  const double time = runtime(node, core);
  for (int s = 0; s < cost.streamed_count; ++s) {
    // Slices of a layer that start together may share one stream of a tensor.
    const bool out = cost.streamed[z(s)].operand == model::MemoryOperand::O;
    const double sharing = out ? 1 : static_cast<double>(layer.groups);
    for (const int link : route_of(s)) {
      const double bandwidth = net.links[z(link)].bandwidth;
      if (!std::isfinite(bandwidth)) continue;
      double booked = cost.streamed[z(s)].bandwidth;
      // Beyond the link's bandwidth streams take shares of it in whole bits.
      if (demand[z(link)] > bandwidth) booked = std::floor(bandwidth / demand[z(link)] * booked);
      amounts[z(problem_.cores + link)] += booked / bandwidth * time / sharing;
    }
  }
}

// Cycles of a transfer over a route, as the scheduler counts them.
double ScheduleBounds::duration(std::span<const int> route, double share, std::int64_t bits) const {
  double least = kInfinity;
  for (const int l : route)
    least = std::min(least, std::ceil(share * problem_.interconnect.links[z(l)].bandwidth));
  return cycles(bits, least);
}

// Constants that are not streamed come from off-chip at least once, by one of the slots that need
// them: each counts its share. Finished outputs that are not streamed go there.
void ScheduleBounds::add_loads() {
  const model::Interconnect& net = problem_.interconnect;
  const auto& memories = problem_.memories;
  const auto memory_of = [&](int core, model::MemoryOperand operand) {
    return memories.of_core[z(core)][static_cast<std::size_t>(operand)];
  };
  std::vector<std::set<int>> readers(problem_.tensors.size());
  for (const model::ScheduleProblem::Node& node : problem_.nodes)
    for (std::uint32_t i = node.need_begin; i < node.need_end; ++i)
      if (problem_.needs[i].constant) readers[z(problem_.needs[i].tensor)].insert(node.slot);
  const auto add = [&](std::size_t s, std::size_t k, int from, int to, double share,
                       std::int64_t bits, double part) {
    const model::TopMemory& sender = memories.instances[z(from)];
    const int from_core = sender.cores.front();
    const auto route = net.route(from_core, to);
    const double time = duration(route, share, bits);
    for (const int l : route) {
      const model::Link& link = net.links[z(l)];
      energy_[s][k] += part * (time * link.unit_energy * share +
                               static_cast<double>(bits) * link.unit_energy_per_bit);
      if (std::isfinite(link.bandwidth))
        traffic_[s][k][z(problem_.cores + l)] += part * static_cast<double>(bits) / link.bandwidth;
    }
  };
  for (std::size_t s = 0; s < z(problem_.slots); ++s) {
    for (std::size_t k = 0; k < choices_[s].size(); ++k) {
      const int core = choices_[s][k];
      std::set<std::int32_t> loaded;
      for (const std::int32_t n : nodes_of_slot_[s]) {
        const model::ScheduleProblem::Node& node = problem_.nodes[z(n)];
        const model::NodeCost& cost = problem_.costs.at(node.unique, core);
        const double share = problem_.layers[z(node.layer)].share;
        unsigned streamed = 0;
        for (int i = 0; i < cost.streamed_count; ++i)
          streamed |= 1u << static_cast<unsigned>(cost.streamed[z(i)].operand);
        for (std::uint32_t i = node.need_begin; i < node.need_end; ++i) {
          const model::ScheduleProblem::Need& need = problem_.needs[i];
          const model::ScheduleProblem::Tensor& tensor = problem_.tensors[z(need.tensor)];
          if (!need.constant || need.part >= 0 || tensor.bits <= 0) continue;
          if ((streamed & (1u << static_cast<unsigned>(need.operand))) != 0) continue;
          const int from = memory_of(problem_.offchip_core, tensor.operand);
          const int to = memory_of(core, need.operand);
          if (from < 0 || to < 0 || from == to || !loaded.insert(need.tensor).second) continue;
          const double part = 1.0 / static_cast<double>(readers[z(need.tensor)].size());
          add(s, k, from, core, share, tensor.bits, part);
          energy_[s][k] +=
              part * moving_energy(memories.instances[z(from)], memories.instances[z(to)],
                                   tensor.bits, problem_.semantics.sender_write_width);
        }
        const bool streams_out =
            (streamed & (1u << static_cast<unsigned>(model::MemoryOperand::O))) != 0;
        if (!node.writes_back || streams_out) continue;
        const model::ScheduleProblem::Tensor& output = problem_.tensors[z(node.output)];
        const int from = memory_of(core, output.operand);
        const int to = memory_of(problem_.offchip_core, model::MemoryOperand::O);
        if (from < 0 || to < 0 || from == to || output.bits <= 0) continue;
        add(s, k, from, problem_.offchip_core, share, output.bits, 1);
        energy_[s][k] += moving_energy(memories.instances[z(from)], memories.instances[z(to)],
                                       output.bits, problem_.semantics.sender_write_width);
      }
    }
  }
}

void ScheduleBounds::build_segments() {
  std::vector<std::int32_t> order = problem_.order;
  const bool fixed = !order.empty();
  if (!fixed) {
    // Any order that respects the edges will do: chains follow edges and slots alone.
    const model::CnGraph& graph = *problem_.graph;
    std::vector<std::size_t> waiting(problem_.nodes.size());
    for (std::size_t n = 0; n < waiting.size(); ++n) {
      waiting[n] = graph.predecessors_of(static_cast<int>(n)).size();
      if (waiting[n] == 0) order.push_back(static_cast<std::int32_t>(n));
    }
    for (std::size_t i = 0; i < order.size(); ++i)
      for (const model::CnEdge& e : graph.successors_of(order[i]))
        if (--waiting[z(e.node)] == 0) order.push_back(e.node);
  }
  segment_of_.resize(problem_.nodes.size());
  for (const std::int32_t n : order) {
    if (segments_.empty() || (fixed && problem_.nodes[z(n)].barrier)) {
      segments_.emplace_back();
      segments_.back().number = static_cast<int>(segments_.size()) - 1;
    }
    segments_.back().nodes.push_back(n);
    segment_of_[z(n)] = segments_.back().number;
  }
  for (Segment& segment : segments_) {
    std::vector<int> place(z(problem_.slots), -1);
    for (const std::int32_t n : segment.nodes) {
      const model::ScheduleProblem::Node& node = problem_.nodes[z(n)];
      const std::size_t s = z(node.slot);
      if (place[s] < 0) {
        place[s] = static_cast<int>(segment.items.size());
        segment.items.push_back({node.slot, {}});
        for (const int core : choices_[s]) segment.items.back().options.push_back({core, {}});
      }
      Item& item = segment.items[z(place[s])];
      for (std::size_t k = 0; k < item.options.size(); ++k) {
        Option& option = item.options[k];
        std::vector<double> amounts(z(resource_count_), 0);
        amounts[z(option.core)] = time_[z(n)][k];
        add_streams(node, option.core, amounts);
        for (std::size_t r = 0; r < amounts.size(); ++r) {
          if (amounts[r] <= 0) continue;
          const auto use = std::find_if(option.uses.begin(), option.uses.end(), [&](const Use& u) {
            return u.resource == static_cast<int>(r);
          });
          if (use == option.uses.end()) {
            option.uses.push_back({static_cast<int>(r), amounts[r]});
          } else {
            use->amount += amounts[r];
          }
        }
      }
    }
  }
  for (std::size_t s = 0; s < z(problem_.slots); ++s) {
    if (nodes_of_slot_[s].empty()) continue;
    Item item{static_cast<int>(s), {}};
    for (std::size_t k = 0; k < choices_[s].size(); ++k) {
      Option option{choices_[s][k], {}};
      std::vector<double> amounts = traffic_[s][k];
      amounts[z(option.core)] += work_[s][k];
      for (std::size_t r = 0; r < amounts.size(); ++r)
        if (amounts[r] > 0) option.uses.push_back({static_cast<int>(r), amounts[r]});
      item.options.push_back(std::move(option));
    }
    whole_.items.push_back(std::move(item));
  }
}

}  // namespace ridgeline::search
