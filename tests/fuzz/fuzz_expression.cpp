// Expressions and templates of study documents: whatever the text, an error or a value.
#include <cstdint>
#include <cstdlib>
#include <string>
#include <string_view>
#include <vector>

#include "io/document/expression.hpp"

using ridgeline::io::Expression;
using ridgeline::io::ExpressionError;
using ridgeline::io::ExpressionValue;
using ridgeline::io::TextTemplate;

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  static const std::vector<std::string> names{"rows", "cols", "l1", "flag"};
  static const std::vector<ExpressionValue> values{std::int64_t{8}, 2.5, std::string("32K"), true};
  try {
    const auto expression = Expression::parse(text, names);
    const ExpressionValue value = expression.evaluate(values);
    // The same text gives the same value, and a value survives a document.
    if (Expression::parse(text, names).evaluate(values) != value) std::abort();
    if (ridgeline::io::expression_value(ridgeline::io::to_json(value)) != value) std::abort();
  } catch (const ExpressionError& error) {
    if (error.position < 1 || error.position > static_cast<int>(size) + 1) std::abort();
  }
  try {
    TextTemplate::parse(text, names).render(values);
  } catch (const ExpressionError& error) {
    if (error.position < 1 || error.position > static_cast<int>(size) + 1) std::abort();
  }
  return 0;
}
