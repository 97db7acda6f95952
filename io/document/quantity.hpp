// Physical quantities for people.
#pragma once

#include <string>
#include <string_view>

namespace ridgeline::io {

// Four digits with the unit's prefix: quantity(0.001871, "J") is "1.871 mJ".
std::string quantity(double value, std::string_view unit);

}  // namespace ridgeline::io
