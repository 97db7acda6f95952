#include "model/system/schedule_problem.hpp"

#include <algorithm>
#include <cmath>
#include <map>
#include <queue>
#include <tuple>
#include <utility>

namespace ridgeline::model {
namespace {

std::size_t at(int i) {
  return static_cast<std::size_t>(i);
}

// Name of one index of an operand: a loop dimension or a relation's data dimension.
const std::string& index_name(const Layer& layer, const OperandIndex& index) {
  return index.is_relation ? layer.relations[at(index.index)].name
                           : layer.dims[at(index.index)].name;
}

class Compiler {
 public:
  Compiler(const CnGraph& graph, ScheduleProblem& problem, const ScheduleOptions& options)
      : graph_(graph), problem_(problem), options_(options) {}

  void run() {
    layers();
    nodes();
    tensors();
    initial();
    uses();
    order();
    successors();
    prefetch();
  }

 private:
  void layers() {
    for (const CnLayer& layer : graph_.layers) {
      ScheduleProblem::Layer l;
      l.share = options_.semantics.bandwidth_shares && layer.inter_tiles > 1
                    ? 1.0 / static_cast<double>(layer.inter_tiles)
                    : 1.0;
      for (const int o : layer.constant_operands) l.constants |= bit(layer.memory_operand[at(o)]);
      for (const int o : layer.partly_constant_operands) {
        l.constants |= bit(layer.memory_operand[at(o)]);
      }
      l.first_slot = problem_.slots;
      l.groups = layer.groups;
      problem_.slots += layer.groups;
      problem_.slot_layer.resize(at(problem_.slots),
                                 static_cast<std::int32_t>(problem_.layers.size()));
      problem_.layers.push_back(l);
    }
  }

  void nodes() {
    std::vector<std::int32_t> last_order(graph_.layers.size(), -1);
    for (const CnNode& n : graph_.nodes) {
      last_order[at(n.layer)] = std::max(last_order[at(n.layer)], n.order);
    }
    problem_.nodes.reserve(graph_.nodes.size());
    for (int i = 0; i < static_cast<int>(graph_.nodes.size()); ++i) {
      const CnNode& n = graph_.nodes[at(i)];
      const CnLayer& layer = graph_.layers[at(n.layer)];
      ScheduleProblem::Node node;
      node.slot = problem_.layers[at(n.layer)].first_slot + n.group;
      node.unique = n.unique;
      node.layer = n.layer;
      node.output = n.tensor[0];
      for (std::size_t o = 0; o < layer.memory_operand.size(); ++o) {
        node.own_tensor[static_cast<std::size_t>(layer.memory_operand[o])] = n.tensor[o];
      }
      node.barrier = options_.semantics.layer_barrier && n.sub_id == 0 && layer.generation <= 0 &&
                     producers_done(i, last_order);
      node.writes_back = n.final_output && is_sink(n.layer);
      needs(i, node);
      problem_.nodes.push_back(node);
    }
  }

  bool producers_done(int i, const std::vector<std::int32_t>& last_order) const {
    for (const CnEdge& e : graph_.predecessors_of(i)) {
      if (last_order[at(graph_.nodes[at(e.node)].layer)] >= graph_.nodes[at(i)].order) return false;
    }
    return true;
  }

  bool is_sink(int layer) const {
    const CnLayer& l = graph_.layers[at(layer)];
    if (!options_.semantics.sinks_by_node) return l.sink;
    for (int n = l.first_node; n < l.first_node + l.node_count; ++n) {
      if (graph_.successors_of(n).empty()) return true;
    }
    return false;
  }

  int origin_id(const ScheduleProblem::Need& need) const {
    return graph_.layer_of(graph_.tensors[at(need.tensor)].origin).id;
  }

  // Constants, then the outputs of predecessors; then in the order of fetching.
  void needs(int i, ScheduleProblem::Node& node) {
    const CnNode& n = graph_.nodes[at(i)];
    const CnLayer& layer = graph_.layers[at(n.layer)];
    node.need_begin = static_cast<std::uint32_t>(problem_.needs.size());
    for (const int o : layer.constant_operands) {
      problem_.needs.push_back({n.tensor[at(o)], -1, layer.memory_operand[at(o)], true});
    }
    for (const CnEdge& e : graph_.predecessors_of(i)) {
      if (e.operand < 0) continue;
      ScheduleProblem::Need need{graph_.nodes[at(e.node)].tensor[0], -1,
                                 layer.memory_operand[at(e.operand)], false};
      if (options_.semantics.true_parts) {
        need.part = true_part(i, e, need.tensor);
      } else if (options_.semantics.parts_of_tensors) {
        need.part = part(i, need.tensor);
      }
      problem_.needs.push_back(need);
    }
    node.need_end = static_cast<std::uint32_t>(problem_.needs.size());
    std::stable_sort(problem_.needs.begin() + node.need_begin,
                     problem_.needs.begin() + node.need_end, [&](const auto& a, const auto& b) {
                       if (options_.semantics.needed_by_size) {
                         return graph_.tensors[at(a.tensor)].bits <
                                graph_.tensors[at(b.tensor)].bits;
                       }
                       return origin_id(a) < origin_id(b);
                     });
  }

  // The part of a tensor that a node needs: of each dimension that the node's layer cuts
  // within a core, the node's own range. -1 where that is the whole tensor.
  int part(int consumer, int tensor) {
    const CnLayer& reader = graph_.layer_of(consumer);
    const CnTensor& t = graph_.tensors[at(tensor)];
    const CnLayer& writer = graph_.layer_of(t.origin);
    const std::vector<OperandIndex>& indices = writer.whole.operands[at(t.operand)].indices;
    std::vector<Range> ranges;
    const auto origin = graph_.ranges_of(t.origin);
    for (const OperandIndex& index : indices) {
      ranges.push_back(
          origin[at(index.index) + (index.is_relation ? writer.whole.dims.size() : 0)]);
    }
    bool whole = true;
    double quotient = 1;
    std::vector<Range> wanted = ranges;
    const auto cut = [&](const std::string& dim) {
      const int d = reader.whole.dim_index(dim);
      for (std::size_t k = 0; k < indices.size(); ++k) {
        if (d < 0 || index_name(writer.whole, indices[k]) != dim) continue;
        const Range own = graph_.ranges_of(consumer)[at(d)];
        whole = whole && own.length() == ranges[k].length();
        quotient *= static_cast<double>(ranges[k].length()) / static_cast<double>(own.length());
        wanted[k] = own;
      }
    };
    for (const TilingLoop& loop : reader.intra) cut(reader.whole.dims[at(loop.dim)].name);
    if (reader.generation >= 0) cut("L");
    return whole ? -1 : add_part(tensor, wanted, quotient);
  }

  // The same by what the node's window meets of the tensor, where axes lie beside each other.
  int true_part(int consumer, const CnEdge& edge, int tensor) {
    const CnLayer& reader = graph_.layer_of(consumer);
    const CnTensor& t = graph_.tensors[at(tensor)];
    const CnLayer& writer = graph_.layer_of(t.origin);
    const AlignedPair pair{graph_.nodes[at(t.origin)].layer, graph_.nodes[at(consumer)].layer,
                           edge.operand};
    if (!std::binary_search(graph_.aligned.begin(), graph_.aligned.end(), pair)) return -1;
    const auto& written = writer.whole.operands[at(t.operand)].indices;
    const auto& read = reader.whole.operands[at(edge.operand)].indices;
    std::vector<Range> wanted;
    double quotient = 1;
    bool whole = true;
    for (int k = 0; k < static_cast<int>(written.size()); ++k) {
      const Range range = graph_.operand_range(t.origin, t.operand, k);
      Range part = range;
      // From the last axis, for groups may be an axis of their own on one side.
      const int other = k - static_cast<int>(written.size()) + static_cast<int>(read.size());
      const bool beside =
          written.size() == read.size() || k + 2 >= static_cast<int>(written.size());
      if (beside && other >= 0) {
        const Range window = graph_.operand_range(consumer, edge.operand, other);
        part = {std::max(range.lo, window.lo), std::min(range.hi, window.hi)};
        if (part.length() <= 0) part = range;
      }
      whole = whole && part == range;
      quotient *= static_cast<double>(range.length()) / static_cast<double>(part.length());
      wanted.push_back(part);
    }
    return whole ? -1 : add_part(tensor, wanted, quotient);
  }

  int add_part(int tensor, const std::vector<Range>& wanted, double quotient) {
    const CnTensor& t = graph_.tensors[at(tensor)];
    ScheduleProblem::Part p;
    p.parent = tensor;
    p.bits = static_cast<std::int64_t>(std::floor(static_cast<double>(t.bits) / quotient));
    p.ranges = wanted;
    std::vector<std::int64_t> content{graph_.nodes[at(t.origin)].layer, t.operand};
    for (const Range& r : wanted) content.insert(content.end(), {r.lo, r.hi});
    const auto next = static_cast<int>(graph_.tensors.size() + part_keys_.size());
    p.key = part_keys_.try_emplace(std::move(content), next).first->second;
    problem_.parts.push_back(std::move(p));
    return static_cast<int>(problem_.parts.size()) - 1;
  }

  void tensors() {
    for (const CnTensor& t : graph_.tensors) {
      ScheduleProblem::Tensor tensor;
      tensor.bits = t.bits;
      tensor.origin = t.origin;
      tensor.operand = graph_.layer_of(t.origin).memory_operand[at(t.operand)];
      tensor.constant = t.operand != 0;
      problem_.tensors.push_back(tensor);
    }
    problem_.keys = static_cast<int>(graph_.tensors.size() + part_keys_.size());
  }

  void initial() {
    std::vector<bool> stored(graph_.tensors.size(), false);
    const auto store = [&](std::int32_t tensor) {
      if (tensor < 0 || stored[at(tensor)]) return;
      stored[at(tensor)] = true;
      problem_.initial.push_back(tensor);
    };
    for (int i = 0; i < static_cast<int>(graph_.nodes.size()); ++i) {
      const CnNode& n = graph_.nodes[at(i)];
      const CnLayer& layer = graph_.layers[at(n.layer)];
      for (const int o : layer.constant_operands) store(n.tensor[at(o)]);
      for (const int o : layer.partly_constant_operands) store(n.tensor[at(o)]);
      if (!graph_.predecessors_of(i).empty()) continue;
      for (std::size_t o = 1; o < layer.whole.operands.size(); ++o) store(n.tensor[o]);
    }
  }

  void uses() {
    struct Entry {
      std::int32_t tensor;
      ScheduleProblem::Use use;
    };
    std::vector<Entry> entries;
    const auto add = [&](std::size_t from, std::int32_t tensor, ScheduleProblem::Use use,
                         bool set) {
      for (std::size_t e = from; e < entries.size(); ++e) {
        if (entries[e].tensor == tensor && entries[e].use.slot == use.slot &&
            entries[e].use.operand == use.operand) {
          if (!set) entries[e].use.count += use.count;
          return;
        }
      }
      entries.push_back({tensor, use});
    };
    for (int i = 0; i < static_cast<int>(graph_.nodes.size()); ++i) {
      const CnNode& n = graph_.nodes[at(i)];
      const CnLayer& layer = graph_.layers[at(n.layer)];
      const std::size_t from = entries.size();
      for (const int o : layer.constant_operands) {
        const std::int32_t t = n.tensor[at(o)];
        add(from, t,
            {problem_.nodes[at(i)].slot,
             static_cast<std::int32_t>(graph_.tensors[at(t)].base_priority),
             layer.memory_operand[at(o)]},
            true);
      }
      for (const CnEdge& e : graph_.successors_of(i)) {
        if (e.operand < 0) continue;
        const CnLayer& reader = graph_.layer_of(e.node);
        add(from, n.tensor[0],
            {problem_.nodes[at(e.node)].slot, 1, reader.memory_operand[at(e.operand)]}, false);
      }
    }
    std::stable_sort(entries.begin(), entries.end(),
                     [](const Entry& a, const Entry& b) { return a.tensor < b.tensor; });
    std::size_t e = 0;
    for (std::size_t t = 0; t < problem_.tensors.size(); ++t) {
      ScheduleProblem::Tensor& tensor = problem_.tensors[t];
      tensor.use_begin = static_cast<std::uint32_t>(problem_.uses.size());
      for (; e < entries.size() && entries[e].tensor == static_cast<std::int32_t>(t); ++e) {
        const ScheduleProblem::Use& use = entries[e].use;
        const auto begin = problem_.uses.begin() + tensor.use_begin;
        const auto same = std::find_if(begin, problem_.uses.end(), [&](const auto& u) {
          return u.slot == use.slot && u.operand == use.operand;
        });
        if (same == problem_.uses.end()) {
          problem_.uses.push_back(use);
        } else if (!tensor.constant) {
          same->count += use.count;
        }
      }
      tensor.use_end = static_cast<std::uint32_t>(problem_.uses.size());
    }
  }

  // The list schedule, as far as it does not depend on times.
  void order() {
    const NodePriority priority = options_.semantics.priority;
    if (priority == NodePriority::latency) return;
    using Key = std::tuple<std::int64_t, std::int64_t, std::int32_t>;
    std::priority_queue<Key, std::vector<Key>, std::greater<>> candidates;
    const auto push = [&](int i) {
      const CnNode& n = graph_.nodes[at(i)];
      if (priority == NodePriority::order) {
        candidates.emplace(n.order, 0, i);
      } else {
        candidates.emplace(-graph_.layers[at(n.layer)].id, -n.sub_id, i);
      }
    };
    std::vector<std::size_t> waiting(graph_.nodes.size());
    for (int i = 0; i < static_cast<int>(graph_.nodes.size()); ++i) {
      waiting[at(i)] = graph_.predecessors_of(i).size();
      if (waiting[at(i)] == 0) push(i);
    }
    while (!candidates.empty()) {
      const std::int32_t i = std::get<2>(candidates.top());
      candidates.pop();
      problem_.order.push_back(i);
      for (const CnEdge& e : graph_.successors_of(i)) {
        if (--waiting[at(e.node)] == 0) push(e.node);
      }
    }
  }

  void successors() {
    problem_.successor_begin.push_back(0);
    for (int i = 0; i < static_cast<int>(graph_.nodes.size()); ++i) {
      for (const CnEdge& e : graph_.successors_of(i)) {
        if (graph_.nodes[at(e.node)].layer != graph_.nodes[at(i)].layer) {
          problem_.successors.push_back(e.node);
        }
      }
      problem_.successor_begin.push_back(static_cast<std::uint32_t>(problem_.successors.size()));
    }
  }

  void prefetch() {
    for (int i = 0; i < static_cast<int>(graph_.nodes.size()); ++i) {
      const CnNode& n = graph_.nodes[at(i)];
      const CnLayer& layer = graph_.layers[at(n.layer)];
      for (const int o : layer.constant_operands) {
        const auto& names = options_.prefetch;
        if (std::find(names.begin(), names.end(), layer.whole.operands[at(o)].name) ==
            names.end()) {
          continue;
        }
        problem_.prefetch.push_back({i, n.tensor[at(o)], layer.memory_operand[at(o)]});
      }
    }
  }

  static std::uint8_t bit(MemoryOperand o) {
    return static_cast<std::uint8_t>(1u << static_cast<unsigned>(o));
  }

  const CnGraph& graph_;
  ScheduleProblem& problem_;
  const ScheduleOptions& options_;
  std::map<std::vector<std::int64_t>, int> part_keys_;
};

}  // namespace

ScheduleSemantics ScheduleSemantics::semantics_2023() {
  ScheduleSemantics s;
  s.priority = NodePriority::latency;
  s.needed_by_size = true;
  s.parts_of_tensors = false;
  s.layer_barrier = false;
  s.bandwidth_shares = false;
  s.fetch_ahead = false;
  s.fifo_links = true;
  s.exclusive_blocks = true;
  s.sinks_by_node = true;
  s.sender_write_width = true;
  s.first_holder = true;
  return s;
}

ScheduleSemantics ScheduleSemantics::semantics_2023_june() {
  ScheduleSemantics s = semantics_2023();
  s.first_holder = false;
  s.just_in_time = true;
  return s;
}

ScheduleSemantics ScheduleSemantics::strict() const {
  ScheduleSemantics s = *this;
  s.causal_write_back = true;
  s.honest_streaming = true;
  s.checked_capacity = true;
  s.true_parts = s.parts_of_tensors;
  return s;
}

ScheduleProblem compile_schedule(const CnGraph& graph, Interconnect interconnect,
                                 TopMemories memories, int offchip_core, NodeCostTable costs,
                                 const ScheduleOptions& options) {
  ScheduleProblem problem;
  problem.graph = &graph;
  problem.semantics = options.semantics;
  problem.cores = interconnect.cores;
  problem.interconnect = std::move(interconnect);
  problem.memories = std::move(memories);
  problem.offchip_core = offchip_core;
  problem.costs = std::move(costs);
  Compiler(graph, problem, options).run();
  return problem;
}

}  // namespace ridgeline::model
