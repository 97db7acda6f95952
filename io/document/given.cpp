#include "io/document/given.hpp"

namespace ridgeline::io {

bool is_document_text(const std::filesystem::path& given) {
  const std::string& text = given.native();
  const std::size_t first = text.find_first_not_of(" \t\r\n");
  return first != std::string::npos && (text[first] == '{' || text[first] == '[');
}

std::filesystem::path folder_of(const std::filesystem::path& given) {
  return is_document_text(given) ? std::filesystem::path() : given.parent_path();
}

std::string stem_of(const std::filesystem::path& given) {
  return is_document_text(given) ? "document" : given.stem().string();
}

std::string name_of(const std::filesystem::path& given) {
  return is_document_text(given) ? "(text)" : given.string();
}

}  // namespace ridgeline::io
