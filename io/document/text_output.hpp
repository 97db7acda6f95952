// Text and numbers for people and programs, whatever the locale.
#pragma once

#include <filesystem>
#include <string>
#include <string_view>
#include <vector>

namespace ridgeline::io {

// Writes a text file complete or not at all; devices and pipes are written directly. FileError.
void write_text_file(const std::filesystem::path& path, std::string_view text);

// "1234.50" with that many decimals; trailing zeros go where `trim`.
std::string fixed(double value, int decimals, bool trim = false);

// "62.1 %"
std::string percent(double share);

// `text`, printable, filled with spaces to a width, at its end or (`right`) its front; UTF-8 aware.
std::string padded(std::string text, std::size_t width, bool right = false);

// A bar of '#', `share` (0 to 1) of `width` long, filled with spaces.
std::string bar(double share, std::size_t width);

// Rows in columns; from column `numbers` on to the right, from `texts` on to the left again.
std::string table_text(const std::vector<std::vector<std::string>>& rows, std::size_t numbers,
                       std::size_t texts = 99);

}  // namespace ridgeline::io
