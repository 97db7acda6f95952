#include "io/document/text_table.hpp"

#include <algorithm>

#include "io/document/printable.hpp"

namespace ridgeline::io {
namespace {

// Letters of a UTF-8 text.
std::size_t width(const std::string& text) {
  return static_cast<std::size_t>(std::count_if(text.begin(), text.end(), [](char c) {
    return (static_cast<unsigned char>(c) & 0xC0) != 0x80;
  }));
}

}  // namespace

std::string text_table(const std::vector<std::vector<std::string>>& given) {
  constexpr std::size_t kLongestCell = 400;  // bytes
  std::vector<std::vector<std::string>> rows = given;
  for (auto& cells : rows)
    for (std::string& cell : cells) cell = printable(cell, kLongestCell);
  std::vector<std::size_t> widths;
  for (const auto& cells : rows) {
    widths.resize(std::max(widths.size(), cells.size()), 0);
    for (std::size_t c = 0; c < cells.size(); ++c) widths[c] = std::max(widths[c], width(cells[c]));
  }
  std::string result;
  for (const auto& cells : rows) {
    std::string line = " ";
    for (std::size_t c = 0; c < cells.size(); ++c) {
      const std::string padding(widths[c] - width(cells[c]), ' ');
      line += (c == 0 ? " " : "  ") + (c == 0 ? cells[c] + padding : padding + cells[c]);
    }
    line.erase(line.find_last_not_of(' ') + 1);
    result += line + '\n';
  }
  return result;
}

}  // namespace ridgeline::io
