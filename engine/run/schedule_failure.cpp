// Why an allocation has no schedule, in words.
#include "engine/run/schedule_run.hpp"

namespace ridgeline::engine {
namespace {

std::size_t at(std::int64_t i) {
  return static_cast<std::size_t>(i);
}

std::string tensor_name(const model::CnGraph& graph, int tensor) {
  const model::CnTensor& t = graph.tensors[at(tensor)];
  const model::CnLayer& layer = graph.layer_of(t.origin);
  return layer.whole.operands[at(t.operand)].name + " of layer " + layer.name + " (node " +
         std::to_string(graph.nodes[at(t.origin)].sub_id) + ", " + std::to_string(t.bits) +
         " bits)";
}

}  // namespace

std::string describe(const model::ScheduleFigures& figures, const ScheduleVariant& variant,
                     const model::MultiCore& system) {
  using model::ScheduleFailure;
  const model::CnGraph& graph = variant.graph;
  std::string where;
  if (figures.node >= 0) {
    where = "node " + std::to_string(graph.nodes[at(figures.node)].sub_id) + " of layer " +
            graph.layer_of(figures.node).name + ": ";
  }
  std::string memory = "a memory";
  if (figures.memory >= 0) {
    const model::TopMemory& m = variant.problem.memories.instances[at(figures.memory)];
    memory = "memory " + m.name + " of core " + std::to_string(m.cores.front()) + " (" +
             std::to_string(m.size) + " bits)";
  }
  const std::string tensor =
      figures.tensor >= 0 ? "tensor " + tensor_name(graph, figures.tensor) : "a tensor";
  switch (figures.failure) {
    case ScheduleFailure::none:
      return "";
    case ScheduleFailure::core_cannot_run: {
      std::string reason = where + "its core cannot run it";
      for (const auto& m : variant.mappings) {
        if (!m->infeasible.empty()) return reason + " (" + m->infeasible + ")";
      }
      return reason;
    }
    case ScheduleFailure::tensor_too_large:
      return where + tensor + " is larger than " + memory;
    case ScheduleFailure::no_room:
      return where + tensor + " finds no room in " + memory +
             ": what the node needs may not be evicted";
    case ScheduleFailure::offchip_full:
      return where + tensor + " finds no room in the off-chip " + memory +
             ": all that is there is still to be read, or a result";
    case ScheduleFailure::memory_overflow:
      return where + tensor + " exceeds " + memory + " later on, where space is already promised";
    case ScheduleFailure::part_not_offchip:
      return where + "only a part of " + tensor +
             " is needed, and parts are fetched from off-chip memory, where it is not; cut the "
             "layers of a stack along the same axis, or let them share a core";
    case ScheduleFailure::no_memory:
      return where + "core " + std::to_string(system.offchip_core) +
             " or the node's own core has no memory for " + tensor;
    case ScheduleFailure::no_use_left:
      return where + tensor + " has no use left on this core";
    case ScheduleFailure::never_stored:
      if (figures.memory < 0) return where + tensor + " is in no memory";
      return where + tensor + " is to be written back from " + memory +
             ", but lies in another memory of the core";
    case ScheduleFailure::no_window:
      return where + "no link ever has the bandwidth for " + tensor;
  }
  return where;
}

}  // namespace ridgeline::engine
