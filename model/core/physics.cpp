#include "model/core/physics.hpp"

#include <algorithm>
#include <charconv>

namespace ridgeline::model {

namespace {

// pJ a bit. A flip-flop of a 3 nm process takes about 1 fJ a toggle; nothing that stores data is
// read for a tenth of that.
constexpr double kLeastEnergy = 1e-4;

// Costs that differ by less are the same: tables are rounded.
constexpr double kSame = 0.99;

std::string number(double value) {
  char text[32];
  const auto written =
      std::to_chars(text, text + sizeof text, value, std::chars_format::general, 4);
  return std::string(text, written.ptr);
}

double widest(const Memory& memory) {
  double bits = 0;
  for (const Port& port : memory.ports) {
    bits = std::max(bits, static_cast<double>(port.bandwidth_max));
  }
  return bits;
}

bool has(const Memory& memory, MemoryOperand operand) {
  return std::find(memory.operands.begin(), memory.operands.end(), operand) !=
         memory.operands.end();
}

// Bits a cycle of the port that serves a direction of an operand; 0: none.
double width_of(const Memory& memory, MemoryOperand operand, Direction direction) {
  double bits = 0;
  for (const Port& port : memory.ports) {
    for (const auto& [served, to] : port.allocation) {
      if (served == operand && to == direction) bits = static_cast<double>(port.bandwidth_max);
    }
  }
  return bits;
}

class Check {
 public:
  explicit Check(const Accelerator& accelerator) : accelerator_(accelerator) {}

  std::vector<std::string> run() {
    if (accelerator_.array.unit_energy < 0) say("a multiply-accumulate has negative energy");
    for (const Memory& memory : accelerator_.memories) {
      check_ports(memory);
      check_energy(memory);
    }
    const auto& memories = accelerator_.memories;
    for (std::size_t i = 0; i < memories.size(); ++i) {
      for (std::size_t j = 0; j < memories.size(); ++j) compare(memories[i], memories[j]);
    }
    for (std::size_t i = 0; i < memories.size(); ++i) check_supply(i);
    return std::move(found_);
  }

 private:
  void say(std::string text) { found_.push_back(std::move(text)); }

  void check_ports(const Memory& memory) {
    for (const Port& port : memory.ports) {
      if (port.bandwidth_max <= memory.size) continue;
      say("memory " + memory.name + ": port " + port.name + " moves " +
          std::to_string(port.bandwidth_max) + " bits a cycle, and the memory holds only " +
          std::to_string(memory.size));
    }
  }

  void check_energy(const Memory& memory) {
    const double bits = widest(memory);
    if (bits == 0) return;
    const auto check = [&](const char* name, double cost) {
      if (cost / bits >= kLeastEnergy) return;
      say("memory " + memory.name + ": " + name + " is " + number(cost / bits) +
          " pJ a bit, less than that of a register (" + number(kLeastEnergy) + ")");
    };
    check("r_cost", memory.r_cost);
    check("w_cost", memory.w_cost);
  }

  // A memory that is larger than another of its kind.
  void compare(const Memory& larger, const Memory& smaller) {
    if (larger.size <= smaller.size || larger.type != smaller.type) return;
    const auto cheaper = [&](const char* name, double a, double b, const char* unit) {
      if (a >= b * kSame) return;
      say("memory " + larger.name + " of " + std::to_string(larger.size) + " bits has " + name +
          " " + number(a) + unit + ", less than " + smaller.name + " of " +
          std::to_string(smaller.size) + " bits with " + number(b));
    };
    const double a = widest(larger);
    const double b = widest(smaller);
    if (a > 0 && b > 0) {
      // Wide words cost less a bit, but not less an access.
      const bool wider = a > b;
      const char* unit = wider ? " pJ an access" : " pJ a bit";
      const double per_a = wider ? 1 : a;
      const double per_b = wider ? 1 : b;
      cheaper("r_cost", larger.r_cost / per_a, smaller.r_cost / per_b, unit);
      cheaper("w_cost", larger.w_cost / per_a, smaller.w_cost / per_b, unit);
    }
    cheaper("area", larger.area, smaller.area, "");
  }

  // A port that is there to be filled from above, wider than anything that fills it.
  void check_supply(std::size_t place) {
    const Memory& memory = accelerator_.memories[place];
    for (const Port& port : memory.ports) {
      double most = 0;
      std::string from;
      bool only_filled = !port.allocation.empty();
      for (const auto& [operand, direction] : port.allocation) {
        only_filled = only_filled && direction == Direction::wr_in_by_high;
        for (std::size_t above = place + 1; above < accelerator_.memories.size(); ++above) {
          const Memory& other = accelerator_.memories[above];
          if (!has(other, operand)) continue;
          // From off the chip rows are gathered until they can be written whole.
          if (above + 1 == accelerator_.memories.size()) break;
          const double width = width_of(other, operand, Direction::rd_out_to_low);
          if (width > most) {
            most = width;
            from = other.name;
          }
          break;
        }
      }
      if (!only_filled || most == 0 || static_cast<double>(port.bandwidth_max) <= most) continue;
      say("memory " + memory.name + ": port " + port.name + " takes " +
          std::to_string(port.bandwidth_max) + " bits a cycle from above, where " + from +
          " gives " + number(most) + " at most");
    }
  }

  const Accelerator& accelerator_;
  std::vector<std::string> found_;
};

}  // namespace

std::vector<std::string> implausible(const Accelerator& accelerator) {
  return Check(accelerator).run();
}

}  // namespace ridgeline::model
