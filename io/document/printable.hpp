// Text of unknown origin (names in documents and models, labels, paths) made safe to look at.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>

namespace ridgeline::io {

// Longest message of one line; what is longer loses its middle.
inline constexpr std::size_t kMaxMessageBytes = 2'000;

// `text` as one line that a terminal shows and does not obey: control characters, those that turn
// the direction of writing, and bytes that are no UTF-8 become \xNN or \u{NNNN}. Longer than
// `longest` bytes: the middle is left out, and how much that was is said.
std::string printable(std::string_view text, std::size_t longest = kMaxMessageBytes);

// The same of a text of many lines, of any length: lines stay lines.
std::string printable_lines(std::string_view text);

// JSON text in which such letters, as far as JSON takes them as they are, are escaped too (\u009b).
std::string printable_json(std::string_view json);

// A cell of a CSV file: in quotes where it needs them; one that a spreadsheet would take for a
// formula (it begins with = + - @, a tab or a return, and is no number) gets a ' in front.
std::string csv_cell(std::string_view text);

}  // namespace ridgeline::io
