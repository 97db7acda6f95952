// UTF-8, letter by letter.
#pragma once

#include <cstddef>
#include <string_view>

namespace ridgeline::io {

// Bytes of the letter that `text`, which is not empty, begins with; 0 where it is no UTF-8:
// overlong forms, surrogates and what is beyond U+10FFFF are none.
std::size_t utf8_length(std::string_view text);

}  // namespace ridgeline::io
