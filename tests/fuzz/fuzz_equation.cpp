// Any text is an equation, a relation or a factor, or a problem with a place inside the text.
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <string>

#include "io/document/equation.hpp"

namespace {

template <typename Result>
void check_place(const Result& result, const std::string& text) {
  const auto* error = std::get_if<ridgeline::io::SyntaxError>(&result);
  if (error != nullptr && error->position > text.size()) std::abort();
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  namespace io = ridgeline::io;
  const std::string text(reinterpret_cast<const char*>(data), size);
  const auto equation = io::parse_equation(text);
  check_place(equation, text);
  if (const auto* good = std::get_if<io::Equation>(&equation)) {
    // The normalised text means the same.
    const auto again = io::parse_equation(good->text);
    const auto* same = std::get_if<io::Equation>(&again);
    if (same == nullptr || same->text != good->text) std::abort();
    for (std::size_t t = 0; t < 3; ++t) {
      if (same->terms[t].indices != good->terms[t].indices) std::abort();
    }
  }
  check_place(io::parse_relation(text), text);
  check_place(io::parse_named_number(text, true), text);
  check_place(io::parse_named_number(text, false), text);
  return 0;
}
