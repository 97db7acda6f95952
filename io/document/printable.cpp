#include "io/document/printable.hpp"

#include <charconv>
#include <cstdint>
#include <cstdio>

#include "io/document/utf8.hpp"

namespace ridgeline::io {
namespace {

struct Letter {
  std::uint32_t code = 0;
  std::size_t bytes = 0;  // 0: no UTF-8
};

Letter first_letter(std::string_view text) {
  const auto byte = [&](std::size_t i) { return static_cast<unsigned char>(text[i]); };
  const unsigned char lead = byte(0);
  if (lead < 0x80) return {lead, 1};
  const std::size_t bytes = utf8_length(text);
  if (bytes == 0) return {};
  std::uint32_t code = lead & (0xFFu >> (bytes + 1));
  for (std::size_t i = 1; i < bytes; ++i) code = code << 6 | (byte(i) & 0x3Fu);
  return {code, bytes};
}

bool obeyed(std::uint32_t code) {
  return code < 0x20 || (code >= 0x7F && code < 0xA0) ||  // C0, DEL, C1
         code == 0x061C || code == 0x200E || code == 0x200F || (code >= 0x202A && code <= 0x202E) ||
         (code >= 0x2066 && code <= 0x2069) || code == 0x2028 || code == 0x2029 || code == 0xFEFF;
}

std::string escaped(std::string_view text, bool keep_lines) {
  std::string out;
  out.reserve(text.size());
  char code[16];
  while (!text.empty()) {
    const Letter letter = first_letter(text);
    const std::size_t bytes = letter.bytes == 0 ? 1 : letter.bytes;
    if (keep_lines && letter.bytes == 1 && letter.code == '\n') {
      out += '\n';
    } else if (letter.bytes == 0 || (letter.bytes == 1 && obeyed(letter.code))) {
      std::snprintf(code, sizeof(code), "\\x%02x", static_cast<unsigned char>(text[0]));
      out += code;
    } else if (obeyed(letter.code)) {
      std::snprintf(code, sizeof(code), "\\u{%04x}", static_cast<unsigned>(letter.code));
      out += code;
    } else {
      out += text.substr(0, bytes);
    }
    text.remove_prefix(bytes);
  }
  return out;
}

bool is_number(std::string_view text) {
  if (!text.empty() && text.front() == '+') text.remove_prefix(1);
  double value = 0;
  const auto parsed = std::from_chars(text.data(), text.data() + text.size(), value);
  return parsed.ec == std::errc{} && parsed.ptr == text.data() + text.size();
}

}  // namespace

std::string printable(std::string_view text, std::size_t longest) {
  if (text.size() <= longest) return escaped(text, false);
  // Where a letter is cut, its bytes are escaped: neither half is longer than it says.
  const std::size_t head = longest * 3 / 4;
  const std::size_t tail = longest - head;
  return escaped(text.substr(0, head), false) + " [... " +
         std::to_string(text.size() - head - tail) + " bytes ...] " +
         escaped(text.substr(text.size() - tail), false);
}

std::string printable_lines(std::string_view text) {
  return escaped(text, true);
}

std::string printable_json(std::string_view json) {
  std::string out;
  out.reserve(json.size());
  char code[16];
  while (!json.empty()) {
    const Letter letter = first_letter(json);
    const std::size_t bytes = letter.bytes == 0 ? 1 : letter.bytes;
    if (letter.bytes > 0 && letter.code >= 0x7F && obeyed(letter.code)) {
      // They stand in strings only.
      std::snprintf(code, sizeof(code), "\\u%04x", static_cast<unsigned>(letter.code));
      out += code;
    } else {
      out += json.substr(0, bytes);
    }
    json.remove_prefix(bytes);
  }
  return out;
}

std::string csv_cell(std::string_view text) {
  std::string cell;
  if (!text.empty() && std::string_view("=+-@\t\r").find(text.front()) != std::string_view::npos &&
      !is_number(text))
    cell += '\'';
  cell += text;
  if (cell.find_first_of(",\"\n\r") == std::string::npos) return cell;
  std::string quoted = "\"";
  for (const char c : cell) {
    if (c == '"') quoted += '"';
    quoted += c;
  }
  return quoted + '"';
}

}  // namespace ridgeline::io
