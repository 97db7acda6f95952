#include "model/core/accelerator.hpp"

#include <algorithm>

#include "model/core/compute_array.hpp"

namespace ridgeline::model {

namespace {
constexpr std::array<std::string_view, kMemoryOperands> kOperandNames{"I1", "I2", "O"};
constexpr std::array<std::string_view, kDirections> kDirectionNames{
    "rd_out_to_low", "wr_in_by_low", "rd_out_to_high", "wr_in_by_high"};
constexpr std::array<std::string_view, kDirections> kShortNames{"tl", "fl", "th", "fh"};
}  // namespace

std::string_view to_string(MemoryOperand operand) {
  return kOperandNames[static_cast<std::size_t>(operand)];
}

std::optional<MemoryOperand> memory_operand(std::string_view name) {
  const auto it = std::find(kOperandNames.begin(), kOperandNames.end(), name);
  if (it == kOperandNames.end()) return std::nullopt;
  return static_cast<MemoryOperand>(it - kOperandNames.begin());
}

std::string_view to_string(Direction direction) {
  return kDirectionNames[static_cast<std::size_t>(direction)];
}

std::string_view short_name(Direction direction) {
  return kShortNames[static_cast<std::size_t>(direction)];
}

std::optional<Direction> direction_from_short(std::string_view name) {
  const auto it = std::find(kShortNames.begin(), kShortNames.end(), name);
  if (it == kShortNames.end()) return std::nullopt;
  return static_cast<Direction>(it - kShortNames.begin());
}

std::int64_t OperationalArray::units() const {
  std::int64_t product = 1;
  for (const ArrayDim& dim : dims) product *= dim.size;
  return product;
}

int OperationalArray::dim_index(std::string_view name) const {
  const auto it =
      std::find_if(dims.begin(), dims.end(), [&](const ArrayDim& dim) { return dim.name == name; });
  return it == dims.end() ? -1 : static_cast<int>(it - dims.begin());
}

std::int64_t Accelerator::instances(int memory) const {
  const auto& served = memories[static_cast<std::size_t>(memory)].served_dims;
  std::int64_t product = 1;
  for (std::size_t d = 0; d < array.dims.size(); ++d) {
    if (std::find(served.begin(), served.end(), static_cast<int>(d)) == served.end()) {
      product *= array.dims[d].size;
    }
  }
  return product;
}

double Accelerator::area() const {
  double sum = array_area(*this).total();
  for (std::size_t m = 0; m < memories.size(); ++m) {
    // The reference counts one instance of each memory around an array that computes in memory.
    sum += memories[m].area * static_cast<double>(array.imc ? 1 : instances(static_cast<int>(m)));
  }
  return sum;
}

}  // namespace ridgeline::model
