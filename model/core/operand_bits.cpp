#include "model/core/operand_bits.hpp"

namespace ridgeline::model {

void set_precision(Layer& layer, const std::vector<OperandBits>& precision) {
  for (const OperandBits& given : precision) {
    for (LayerOperand& operand : layer.operands) {
      // An operand of no bits is none.
      if (operand.name == given.operand && operand.precision > 0) operand.precision = given.bits;
    }
    if (given.operand == "I") layer.output_final_precision = given.bits;
  }
}

}  // namespace ridgeline::model
