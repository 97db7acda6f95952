#include "model/depth_first/copies.hpp"

#include <algorithm>
#include <cmath>

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

CopyRouter::CopyRouter(const Accelerator& accelerator) : accelerator_(accelerator) {
  for (const MemoryOperand operand : {MemoryOperand::I1, MemoryOperand::I2, MemoryOperand::O}) {
    memories_[static_cast<std::size_t>(operand)] = memories_of(accelerator, operand);
  }
}

void CopyRouter::add_busy(int memory, int port, double begin, double end) {
  for (Busy& one : busy_) {
    if (one.memory != memory || one.port != port) continue;
    one.first = std::min(one.first, begin);
    one.last = std::max(one.last, end);
    one.length += end - begin;
    return;
  }
  busy_.push_back({memory, port, begin, end, end - begin});
}

bool CopyRouter::run(const Copy& copy, CopyCost& cost) {
  now_ = 0;
  received_.clear();
  CopyEnd from = copy.from;
  const CopyEnd to = copy.to;
  if (from.operand != to.operand && from.memory != to.memory) {
    const std::vector<int>& source = memories(from.operand);
    const std::vector<int>& target = memories(to.operand);
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
    } else if (turn != to.memory) {
      return straight(from.operand, from.memory, turn, copy.bits, cost) &&
             straight(to.operand, turn, to.memory, copy.bits, cost);
    }
  }
  return straight(from.operand, from.memory, to.memory, copy.bits, cost);
}

bool CopyRouter::straight(MemoryOperand operand, int from, int to, double bits, CopyCost& cost) {
  if (from == to) return true;
  const std::vector<int>& list = memories(operand);
  const int begin = level_in(list, from);
  const int end = level_in(list, to);
  if (begin < 0 || end < 0) return false;
  const int step = begin < end ? 1 : -1;
  for (int l = begin; l != end; l += step) {
    if (!hop(operand, list[z(l)], list[z(l + step)], step > 0, bits, cost)) return false;
  }
  return true;
}

bool CopyRouter::hop(MemoryOperand operand, int from, int to, bool up, double bits,
                     CopyCost& cost) {
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
  add_busy(from, out, now_, now_ + one.cycles);
  if (from != to || in != out) add_busy(to, in, now_, now_ + one.cycles);
  // The clock of the way stands where a port receives once more.
  const std::pair receiving{to, in};
  if (std::find(received_.begin(), received_.end(), receiving) == received_.end()) {
    now_ += one.cycles;
    received_.push_back(receiving);
  }
  cost.energy += one.energy;
  if (detail_) cost.hops.push_back(one);
  return true;
}

CopyLayer CopyRouter::cost(const std::vector<Copy>& copies, bool detail) {
  CopyLayer layer;
  busy_.clear();
  detail_ = detail;
  for (const Copy& copy : copies) {
    if (copy.bits <= 0) continue;
    CopyCost one;
    one.copy = copy;
    if (!run(copy, one)) {
      layer.fault = "data cannot go from memory " +
                    accelerator_.memories[z(copy.from.memory)].name + " to memory " +
                    accelerator_.memories[z(copy.to.memory)].name;
      return layer;
    }
    layer.energy += one.energy;
    if (detail) layer.copies.push_back(std::move(one));
  }
  // A port that serves one copy is done at its end: first and length say so, too.
  for (const Busy& one : busy_) {
    layer.latency = std::max({layer.latency, one.last, one.first + one.length});
  }
  return layer;
}

CopyLayer cost_copies(const Accelerator& accelerator, const std::vector<Copy>& copies) {
  return CopyRouter(accelerator).cost(copies, true);
}

}  // namespace ridgeline::model
