// The name somebody probably meant.
#pragma once

#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace ridgeline::io {

// The candidate with the smallest edit distance (insert, delete, replace, swap neighbours;
// letter case counts half), first one on ties; nothing where none is close.
std::optional<std::string> nearest(std::string_view name, std::span<const std::string> candidates);

// "did you mean 'x'?", or a list of what is allowed; empty where there are no candidates.
std::string suggestion(std::string_view name, std::span<const std::string> candidates);

// "a, b or c"
std::string join_or(std::span<const std::string> names);

}  // namespace ridgeline::io
