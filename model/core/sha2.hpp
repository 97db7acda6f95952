// SHA-256 and SHA-512 (FIPS 180-4), of names and of the inputs of studies: short texts, so that
// loading a library for them would take longer than they do.
#pragma once

#include <array>
#include <cstdint>
#include <string_view>

namespace ridgeline::model {

std::array<std::uint8_t, 32> sha256(std::string_view bytes);
std::array<std::uint8_t, 64> sha512(std::string_view bytes);

}  // namespace ridgeline::model
