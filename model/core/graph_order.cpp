#include "model/core/graph_order.hpp"

#include "model/core/index.hpp"

namespace ridgeline::model {

std::vector<int> order_of(const std::vector<std::vector<int>>& successors) {
  std::vector<int> waiting(successors.size(), 0);
  for (const auto& list : successors) {
    for (const int s : list) ++waiting[z(s)];
  }
  std::vector<int> order;
  order.reserve(successors.size());
  for (std::size_t i = 0; i < successors.size(); ++i) {
    if (waiting[i] == 0) order.push_back(static_cast<int>(i));
  }
  for (std::size_t next = 0; next < order.size(); ++next) {
    for (const int s : successors[z(order[next])]) {
      if (--waiting[z(s)] == 0) order.push_back(s);
    }
  }
  return order;
}

}  // namespace ridgeline::model
