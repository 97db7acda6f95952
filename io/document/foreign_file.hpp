// Files of other tools and times that people give us, by their names' endings.
#pragma once

#include <filesystem>
#include <string>
#include <string_view>

namespace ridgeline::io {

// What to do with a file whose name does not end as a document's does.
std::string foreign_file_remedy(const std::filesystem::path& path);

// What is wrong with the indentation of a YAML text, where tabs are: a line (from 1), else 0.
int line_indented_with_tab(std::string_view text);

}  // namespace ridgeline::io
