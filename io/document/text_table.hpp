// Columns as wide as they need to be; the first one to the left, the others to the right.
#pragma once

#include <string>
#include <vector>

namespace ridgeline::io {

// A line a row, indented by two; UTF-8 aware; what no terminal should see is left
// out, and very long cells are cut.
std::string text_table(const std::vector<std::vector<std::string>>& rows);

}  // namespace ridgeline::io
