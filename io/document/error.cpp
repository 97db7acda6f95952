#include "io/document/error.hpp"

#include "io/document/printable.hpp"

namespace ridgeline::io {

std::string describe(const Location& location, const std::string& problem,
                     const std::string& remedy) {
  // All of it may come from a document, a model or a path that someone else wrote.
  std::string text = printable(location.file);
  if (location.line > 0) text.append(":").append(std::to_string(location.line));
  if (!text.empty()) text += ": ";
  if (!location.pointer.empty()) text += printable(location.pointer) + ": ";
  text += printable(problem);
  if (!remedy.empty()) text += " (" + printable(remedy) + ")";
  return text;
}

}  // namespace ridgeline::io
