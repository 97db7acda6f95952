// A multi-core accelerator: its cores, what connects them, and the memories that a scheduler
// tracks (docs/multicore.md, section 1).
#pragma once

#include <array>
#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "model/core/accelerator.hpp"

namespace ridgeline::model {

enum class CoreKind : std::uint8_t { compute, memory };  // informational

struct Core {
  CoreKind kind = CoreKind::compute;
  Accelerator accelerator;
  // Cores of one group share their top memories; by default a core's group is its own id.
  int memory_group = 0;
  // Names of those that are shared; empty: all of them.
  std::vector<std::string> shared_memories{};
  // Types of the operators that it runs, as the network names them; empty: any.
  std::vector<std::string> operator_types{};
  // Place in a picture: column and row; empty: none given.
  std::vector<std::int64_t> coordinates{};

  // An array without units computes nothing: the off-chip core.
  bool computes() const { return accelerator.array.units() > 0; }
};

enum class ConnectionKind : std::uint8_t {
  link,     // between two cores: one link a direction
  bus,      // among `cores`: one link, shared by every pair and direction
  channel,  // from each of `cores` to each of `to`: one link, shared
};

// One entry of the document, in file order. A mesh has been expanded into links: those of the
// rows first, then those of the columns, so that routes go along a row before a column.
struct Connection {
  ConnectionKind kind = ConnectionKind::link;
  std::vector<int> cores;
  std::vector<int> to;             // of a channel
  double bandwidth = 0;            // bits a cycle, may be fractional or infinite
  double unit_energy = 0;          // pJ an active cycle
  double unit_energy_per_bit = 0;  // pJ a bit and hop; beside unit_energy
};

struct MultiCore {
  std::string name;
  std::vector<Core> cores;  // a core's id is its place
  int offchip_core = 0;
  std::vector<Connection> connections;

  // Sum over the cores without the off-chip one, a shared memory once.
  double area() const;
};

inline constexpr int kAnyCore = -1;

// One physical link: carries data in one direction between two cores, or is a bus or channel.
struct Link {
  int sender = kAnyCore;
  int receiver = kAnyCore;
  double bandwidth = 0;  // bits a cycle, may be infinite
  double unit_energy = 0;
  double unit_energy_per_bit = 0;
  int bus = -1;  // number among buses and channels, file order; -1: a link of two cores
};

// Links and the one route between every ordered pair of cores: fewest hops, ties as
// docs/multicore.md, 1.1. A later connection replaces an earlier one on the same ordered pair.
struct Interconnect {
  int cores = 0;
  std::vector<Link> links;      // those in use, in the order of the pairs below
  std::vector<int> core_order;  // cores by first appearance in the connections
  // Route from core a to core b: [begin[a * cores + b], begin[a * cores + b + 1]) of the flat
  // arrays; hop_to holds the core at the end of each hop. Empty where there is none.
  std::vector<std::uint32_t> begin;
  std::vector<int> hop_link;
  std::vector<int> hop_to;

  std::span<const int> route(int from, int to) const {
    const std::size_t pair = static_cast<std::size_t>(from * cores + to);
    return {hop_link.data() + begin[pair], hop_link.data() + begin[pair + 1]};
  }
  bool connected(int from, int to) const { return from == to || !route(from, to).empty(); }
};

Interconnect build_interconnect(const MultiCore& system);

// A memory with no memory above it; the only ones whose contents a schedule follows.
struct TopMemory {
  std::string name;
  std::int64_t size = 0;  // bits
  double r_cost = 0;      // pJ an access of bandwidth_max bits
  double w_cost = 0;
  std::int64_t bandwidth_min = 0;  // of the memory's first port
  std::int64_t bandwidth_max = 0;
  std::vector<int> cores;               // that share it, core-graph order
  std::vector<MemoryOperand> operands;  // of the first of them, document order
};

struct TopMemories {
  std::vector<TopMemory> instances;  // by core in core-graph order, then the core's file order
  // Instance that holds each memory operand of a core; -1 where the core does not store it.
  std::vector<std::array<int, kMemoryOperands>> of_core;
};

TopMemories build_top_memories(const MultiCore& system, const Interconnect& interconnect);

// Places in Accelerator::memories of the memories with none above them, document order.
std::vector<int> top_memories(const Accelerator& core);

}  // namespace ridgeline::model
