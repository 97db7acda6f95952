// What is given for a document: its path, or its text, which is JSON and begins with a brace or
// bracket.
#pragma once

#include <filesystem>
#include <string>

namespace ridgeline::io {

bool is_document_text(const std::filesystem::path& given);

// Of a path its folder, its name without ending, and itself; of a text "" (the folder of the
// process), "document" and "(text)".
std::filesystem::path folder_of(const std::filesystem::path& given);
std::string stem_of(const std::filesystem::path& given);
std::string name_of(const std::filesystem::path& given);

}  // namespace ridgeline::io
