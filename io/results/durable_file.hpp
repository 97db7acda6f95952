// Files that exist under their final name are complete.
#pragma once

#include <cstddef>
#include <filesystem>
#include <span>

#include "io/document/error.hpp"

namespace ridgeline::io {

// Writes `bytes` to PATH.part, synchronises it to disk and renames it to `path`. Throws
// FileError (path, reason, remedy) and leaves neither a part nor a changed `path`.
void write_durably(const std::filesystem::path& path, std::span<const std::byte> bytes);

}  // namespace ridgeline::io
