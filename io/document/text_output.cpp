#include "io/document/text_output.hpp"

#include <algorithm>
#include <array>
#include <cerrno>
#include <charconv>
#include <cmath>
#include <cstring>
#include <fstream>
#include <span>

#include "io/document/printable.hpp"
#include "io/results/durable_file.hpp"

namespace ridgeline::io {

void write_text_file(const std::filesystem::path& path, std::string_view text) {
  std::error_code status;
  if (std::filesystem::exists(path, status) && !std::filesystem::is_regular_file(path, status)) {
    errno = 0;
    std::ofstream stream(path, std::ios::binary);
    if (!stream.write(text.data(), static_cast<std::streamsize>(text.size())).flush()) {
      throw FileError(path.string() +
                      ": cannot be written: " + std::strerror(errno != 0 ? errno : EIO));
    }
    return;
  }
  write_durably(path, std::as_bytes(std::span(text)));
}

std::string fixed(double value, int decimals, bool trim) {
  if (!std::isfinite(value)) return "-";
  std::array<char, 512> buffer{};
  const auto result = std::to_chars(buffer.data(), buffer.data() + buffer.size(), value,
                                    std::chars_format::fixed, decimals);
  std::string text(buffer.data(), result.ptr);
  // What rounds to nothing has no sign.
  if (text.starts_with('-') && text.find_first_of("123456789") == std::string::npos)
    text.erase(0, 1);
  if (trim && text.find('.') != std::string::npos) {
    text.erase(text.find_last_not_of('0') + 1);
    if (text.ends_with('.')) text.pop_back();
  }
  return text;
}

std::string percent(double share) {
  return fixed(100 * share, 1) + " %";
}

std::string padded(std::string text, std::size_t width, bool right) {
  text = printable(text);
  const auto letters = static_cast<std::size_t>(std::count_if(text.begin(), text.end(), [](char c) {
    return (static_cast<unsigned char>(c) & 0xC0) != 0x80;
  }));
  if (letters >= width) return text;
  text.insert(right ? 0 : text.size(), width - letters, ' ');
  return text;
}

std::string table_text(const std::vector<std::vector<std::string>>& rows, std::size_t numbers,
                       std::size_t texts) {
  std::vector<std::size_t> width(rows.front().size(), 0);
  for (const auto& row : rows) {
    for (std::size_t c = 0; c < row.size(); ++c) width[c] = std::max(width[c], row[c].size());
  }
  std::string text;
  for (const auto& row : rows) {
    std::string line;
    for (std::size_t c = 0; c < row.size(); ++c) {
      if (c > 0) line += "  ";
      line += padded(row[c], width[c], c >= numbers && c < texts);
    }
    line.erase(line.find_last_not_of(' ') + 1);
    text += line + "\n";
  }
  return text;
}

std::string bar(double share, std::size_t width) {
  const double length = std::clamp(share, 0.0, 1.0) * static_cast<double>(width);
  // Whatever is there is seen.
  std::size_t filled = static_cast<std::size_t>(std::lround(length));
  if (share > 0) filled = std::max<std::size_t>(filled, 1);
  return padded(std::string(filled, '#'), width);
}

}  // namespace ridgeline::io
