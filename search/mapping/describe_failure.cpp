#include "search/mapping/describe_failure.hpp"

#include <cmath>
#include <cstdint>

#include "model/core/index.hpp"

namespace ridgeline::search {

std::string describe(const AllocationFailure& failure, const model::Layer& layer,
                     const model::Accelerator& accelerator, const model::Problem& problem) {
  if (failure.memory < 0) return "no loop ordering could be evaluated";
  const model::ProblemMemory& memory = problem.memory[z(failure.memory)];
  const std::string& name = accelerator.memories[z(memory.source)].name;
  const auto whole = [](double value) { return std::to_string(static_cast<std::int64_t>(value)); };
  std::string who;
  std::string level;
  if (failure.operand >= 0) {
    who = "operand " + layer.operands[z(failure.operand)].name;
    for (int i = 0; i < memory.count; ++i) {
      if (memory.residents[z(i)].operand == failure.operand) {
        level = " (level " + std::to_string(memory.residents[z(i)].level) + " of " +
                layer.operands[z(failure.operand)].name + ")";
      }
    }
  } else {
    who = "operands";
    for (int i = 0; i < memory.count; ++i) {
      who += (i == 0 ? " " : ", ") + layer.operands[memory.residents[z(i)].operand].name;
    }
  }
  if (failure.left_over) {
    const double bits =
        failure.operand < 0 ? 0 : static_cast<double>(layer.operand_bits(failure.operand));
    std::string text = who + ": the whole";
    if (bits > memory.size) text += ", " + whole(bits) + " bits,";
    text += " does not fit memory " + name + level + ", the outermost it has, of " +
            whole(memory.size) + " bits";
    if (bits > memory.size) text += ": " + whole(bits - memory.size) + " bits too many";
    return text;
  }
  return who + ": the smallest tile, " + whole(std::ceil(failure.bits)) +
         " bits, does not fit memory " + name + level + " of " + whole(memory.size) +
         " bits: " + whole(std::ceil(failure.bits - memory.size)) + " bits too many";
}

}  // namespace ridgeline::search
