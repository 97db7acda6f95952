#include "io/inputs/port_requests.hpp"

#include <algorithm>
#include <string>
#include <vector>

#include "io/inputs/reader_support.hpp"

namespace ridgeline::io {

namespace {

std::vector<std::string> read_row(const Value& list) {
  std::vector<std::string> dims;
  for (const Value& item : list.items()) {
    const std::string& name = item.as_string();
    const bool upper = std::all_of(name.begin(), name.end(), [](char c) {
      return (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_';
    });
    if (name.empty() || !upper) {
      throw item.error("'" + name + "' is no loop dimension's name", "e.g. C, K, OX");
    }
    if (std::find(dims.begin(), dims.end(), name) != dims.end()) {
      throw item.error("'" + name + "' is listed twice");
    }
    dims.push_back(name);
  }
  return dims;
}

}  // namespace

model::PortRequests read_port_requests(const Value& value, const model::Memory& memory) {
  value.allow_only({"bits", "cycles", "burst", "efficiency", "rows", "of"});
  model::PortRequests requests;
  if (const auto bits = value.find_non_null("bits")) requests.bits = bits->as_size(1);
  if (const auto cycles = value.find_non_null("cycles")) requests.cycles = cycles->as_integer(0);
  if (const auto burst = value.find_non_null("burst")) requests.burst = burst->as_size(1);
  if (const auto efficiency = value.find_non_null("efficiency")) {
    requests.efficiency = efficiency->as_real();
    if (!(requests.efficiency > 0 && requests.efficiency <= 1)) {
      throw efficiency->error("an efficiency is a share of the cycles", "above 0, at most 1");
    }
  }
  if (const auto of = value.find_non_null("of")) {
    requests.of.fill(false);
    for (const Value& item : of->items()) {
      const auto direction = model::direction_from_short(item.as_string());
      if (!direction) {
        throw item.error("'" + item.text() + "' is no direction", "one of fh, tl, fl, th");
      }
      requests.of[static_cast<std::size_t>(*direction)] = true;
    }
  }
  const auto rows = value.find_non_null("rows");
  if (!rows) return requests;
  rows->allow_only({"I1", "I2", "O"});
  for (const auto& [name, list] : rows->entries()) {
    const auto operand = *model::memory_operand(name);
    if (std::find(memory.operands.begin(), memory.operands.end(), operand) ==
        memory.operands.end()) {
      throw list.error("the memory does not store " + name,
                       "add it to `operands`, or remove this line");
    }
    requests.rows[static_cast<std::size_t>(operand)] = read_row(list);
  }
  return requests;
}

}  // namespace ridgeline::io
