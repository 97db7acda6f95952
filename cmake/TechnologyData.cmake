# The tables of examples/technology as texts in the program, so that an installed one has them.
file(GLOB tables CONFIGURE_DEPENDS "${PROJECT_SOURCE_DIR}/examples/technology/*.yaml")
set(entries "")
foreach(table ${tables})
  file(READ "${table}" text)
  get_filename_component(name "${table}" NAME)
  string(APPEND entries "    std::pair<std::string_view, std::string_view>{\"${name}\", R\"TABLE(${text})TABLE\"},\n")
  set_property(DIRECTORY APPEND PROPERTY CMAKE_CONFIGURE_DEPENDS "${table}")
endforeach()
file(CONFIGURE OUTPUT "${PROJECT_BINARY_DIR}/generated/io/inputs/technology_data.hpp" CONTENT
"// Made from examples/technology.
#pragma once

#include <array>
#include <string_view>
#include <utility>

namespace ridgeline::io {
inline constexpr std::array kTechnologyTexts{
@entries@};
}  // namespace ridgeline::io
" @ONLY)
target_include_directories(ridgeline_io PRIVATE "${PROJECT_BINARY_DIR}/generated")
