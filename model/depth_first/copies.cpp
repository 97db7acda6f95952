#include "model/depth_first/copies.hpp"

#include <algorithm>
#include <cmath>
#include <optional>
#include <utility>

#include "model/core/index.hpp"

namespace ridgeline::model {

namespace {

int level_in(const std::vector<int>& memories, int memory) {
  const auto it = std::find(memories.begin(), memories.end(), memory);
  return it == memories.end() ? -1 : static_cast<int>(it - memories.begin());
}

// The port of a memory for a direction of an operand; where none is declared for it (inputs move
// up only to be kept), any that can read or write.
int port_of(const Memory& memory, MemoryOperand operand, Direction direction) {
  for (std::size_t p = 0; p < memory.ports.size(); ++p) {
    for (const auto& [who, what] : memory.ports[p].allocation) {
      if (who == operand && what == direction) return static_cast<int>(p);
    }
  }
  const bool reads =
      direction == Direction::rd_out_to_low || direction == Direction::rd_out_to_high;
  for (std::size_t p = 0; p < memory.ports.size(); ++p) {
    const PortType type = memory.ports[p].type;
    if (type == PortType::read_write || type == (reads ? PortType::read : PortType::write)) {
      return static_cast<int>(p);
    }
  }
  return -1;
}

using PortId = std::pair<int, int>;  // memory, port

// What a port does for all copies together.
struct Busy {
  PortId port;
  double first = 0;
  double last = 0;
  double length = 0;
};

void add_busy(std::vector<Busy>& ports, const PortId& port, double begin, double end) {
  for (Busy& one : ports) {
    if (one.port != port) continue;
    one.first = std::min(one.first, begin);
    one.last = std::max(one.last, end);
    one.length += end - begin;
    return;
  }
  ports.push_back({port, begin, end, end - begin});
}

class Router {
 public:
  explicit Router(const Accelerator& accelerator) : accelerator_(accelerator) {}

  // Hops of a copy; false where there is no way.
  bool run(const Copy& copy, CopyCost& cost, std::vector<Busy>& busy) {
    cost.copy = copy;
    now_ = 0;
    received_.clear();
    CopyEnd from = copy.from;
    CopyEnd to = copy.to;
    std::vector<int> source = memories_of(accelerator_, from.operand);
    const std::vector<int> target = memories_of(accelerator_, to.operand);
    if (from.operand != to.operand && from.memory != to.memory) {
      const int lowest = level_in(target, to.memory);
      int turn = -1;
      for (int l = level_in(source, from.memory); l >= 0 && l < static_cast<int>(source.size());
           ++l) {
        if (level_in(target, source[z(l)]) >= lowest && lowest >= 0) {
          turn = source[z(l)];
          break;
        }
      }
      if (turn < 0) return false;
      if (turn == from.memory) {
        from.operand = to.operand;
        source = target;
      } else if (turn != to.memory) {
        return straight(from.operand, source, from.memory, turn, copy.bits, cost, busy) &&
               straight(to.operand, target, turn, to.memory, copy.bits, cost, busy);
      }
    }
    return straight(from.operand, source, from.memory, to.memory, copy.bits, cost, busy);
  }

 private:
  bool straight(MemoryOperand operand, const std::vector<int>& memories, int from, int to,
                double bits, CopyCost& cost, std::vector<Busy>& busy) {
    if (from == to) return true;
    const int begin = level_in(memories, from);
    const int end = level_in(memories, to);
    if (begin < 0 || end < 0) return false;
    const int step = begin < end ? 1 : -1;
    for (int l = begin; l != end; l += step) {
      if (!hop(operand, memories[z(l)], memories[z(l + step)], step > 0, bits, cost, busy)) {
        return false;
      }
    }
    return true;
  }

  bool hop(MemoryOperand operand, int from, int to, bool up, double bits, CopyCost& cost,
           std::vector<Busy>& busy) {
    const Memory& sender = accelerator_.memories[z(from)];
    const Memory& receiver = accelerator_.memories[z(to)];
    const int out =
        port_of(sender, operand, up ? Direction::rd_out_to_high : Direction::rd_out_to_low);
    const int in =
        port_of(receiver, operand, up ? Direction::wr_in_by_low : Direction::wr_in_by_high);
    if (out < 0 || in < 0) return false;
    const Port& sends = sender.ports[z(out)];
    const Port& receives = receiver.ports[z(in)];
    const auto words = [&](const Port& port) {
      const double granule = static_cast<double>(port.bandwidth_min);
      return std::ceil(bits / granule) * (granule / static_cast<double>(port.bandwidth_max));
    };
    CopyHop one{from, to, 0, 0, 0};
    one.read_energy = words(sends) * sender.r_cost;
    one.energy = one.read_energy + words(receives) * receiver.w_cost;
    one.cycles = std::max(std::ceil(bits / static_cast<double>(sends.bandwidth_max)),
                          std::ceil(bits / static_cast<double>(receives.bandwidth_max)));
    const PortId sending{from, out};
    const PortId receiving{to, in};
    add_busy(busy, sending, now_, now_ + one.cycles);
    if (receiving != sending) add_busy(busy, receiving, now_, now_ + one.cycles);
    // The clock of the way stands where a port receives once more.
    if (std::find(received_.begin(), received_.end(), receiving) == received_.end()) {
      now_ += one.cycles;
      received_.push_back(receiving);
    }
    cost.energy += one.energy;
    cost.hops.push_back(one);
    return true;
  }

  const Accelerator& accelerator_;
  double now_ = 0;
  std::vector<PortId> received_;
};

}  // namespace

std::string_view to_string(CopyCause cause) {
  switch (cause) {
    case CopyCause::stack_input:
      return "stack input";
    case CopyCause::layer_input:
      return "layer input";
    case CopyCause::write_rows:
      return "write rows";
    case CopyCause::write_columns:
      return "write columns";
    case CopyCause::read_columns:
      return "read columns";
    case CopyCause::read_rows:
      return "read rows";
  }
  return "";
}

std::vector<int> memories_of(const Accelerator& accelerator, MemoryOperand operand) {
  std::vector<int> list;
  for (std::size_t m = 0; m < accelerator.memories.size(); ++m) {
    const auto& operands = accelerator.memories[m].operands;
    if (std::find(operands.begin(), operands.end(), operand) != operands.end()) {
      list.push_back(static_cast<int>(m));
    }
  }
  return list;
}

CopyLayer cost_copies(const Accelerator& accelerator, const std::vector<Copy>& copies) {
  CopyLayer layer;
  std::vector<Busy> busy;
  Router router(accelerator);
  for (const Copy& copy : copies) {
    if (copy.bits <= 0) continue;
    CopyCost cost;
    if (!router.run(copy, cost, busy)) {
      layer.fault = "data cannot go from memory " + accelerator.memories[z(copy.from.memory)].name +
                    " to memory " + accelerator.memories[z(copy.to.memory)].name;
      return layer;
    }
    layer.energy += cost.energy;
    layer.copies.push_back(std::move(cost));
  }
  // A port that serves one copy is done at its end: first and length say so, too.
  for (const Busy& one : busy) {
    layer.latency = std::max({layer.latency, one.last, one.first + one.length});
  }
  return layer;
}

}  // namespace ridgeline::model
