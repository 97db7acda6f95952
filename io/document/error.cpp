#include "io/document/error.hpp"

namespace ridgeline::io {

std::string describe(const Location& location, const std::string& problem,
                     const std::string& remedy) {
  std::string text = location.file;
  if (location.line > 0) text.append(":").append(std::to_string(location.line));
  if (!text.empty()) text += ": ";
  if (!location.pointer.empty()) text += location.pointer + ": ";
  text += problem;
  if (!remedy.empty()) text += " (" + remedy + ")";
  return text;
}

}  // namespace ridgeline::io
