#include "io/document/quantity.hpp"

#include <algorithm>
#include <cmath>
#include <iterator>

#include "io/document/text_output.hpp"

namespace ridgeline::io {

std::string quantity(double value, std::string_view unit) {
  struct Prefix {
    double scale;
    const char* letter;
  };
  constexpr Prefix kPrefixes[] = {{1e15, "P"}, {1e12, "T"},  {1e9, "G"},  {1e6, "M"},
                                  {1e3, "k"},  {1, ""},      {1e-3, "m"}, {1e-6, "u"},
                                  {1e-9, "n"}, {1e-12, "p"}, {1e-15, "f"}};
  const double size = std::abs(value);
  if (!std::isfinite(value)) return "- " + std::string(unit);
  // What four digits round up to 1000 has the next prefix.
  const Prefix* prefix = std::find_if(std::begin(kPrefixes), std::end(kPrefixes),
                                      [&](const Prefix& p) { return size >= 0.99995 * p.scale; });
  if (prefix == std::end(kPrefixes)) prefix = size == 0 ? kPrefixes + 5 : std::end(kPrefixes) - 1;
  const double scaled = value / prefix->scale;
  const double digits = std::abs(scaled);
  return fixed(scaled,
               digits < 9.9995   ? 3
               : digits < 99.995 ? 2
               : digits < 999.95 ? 1
                                 : 0,
               true) +
         " " + prefix->letter + std::string(unit);
}

}  // namespace ridgeline::io
