// Counts the operand elements of a small matrix product: 4x8 times 8x2.
#include <cstdio>

#include "model/core/layer.hpp"  // the consumer's own
#include "ridgeline/io/document/error.hpp"
#include "ridgeline/model/core/layer.hpp"
#include "ridgeline/search/mapping/mapper.hpp"

int main() {
  ridgeline::model::Layer layer;
  layer.dims = {{"D", 4}, {"C", 8}, {"K", 2}};
  layer.operands = {{"O", {{false, 0}, {false, 2}}, 32, false, {}},
                    {"I", {{false, 0}, {false, 1}}, 8, true, {}},
                    {"W", {{false, 1}, {false, 2}}, 8, true, {}}};
  const bool right = layer.mac_count() == 64 && layer.operand_elements(0) == 8 &&
                     layer.operand_elements(1) == 32 && layer.operand_elements(2) == 16 &&
                     consumer::own_layers() == 7;
  std::puts(right ? "right" : "wrong");
  return right ? 0 : 1;
}
