// Files that exist under their final name are complete.
#pragma once

#include <cstddef>
#include <filesystem>
#include <span>
#include <string>

#include "io/document/error.hpp"

namespace ridgeline::io {

// Writes `bytes` to a new file PATH.part-RANDOM, synchronises it to disk, renames it to `path` and
// synchronises the folder: what exists under its final name is whole, after a power cut too. Throws
// FileError (path, reason, remedy) and leaves neither a part nor a changed `path`.
void write_durably(const std::filesystem::path& path, std::span<const std::byte> bytes);

// Until the device has the entries of `folder`; empty: the current one. Some file systems cannot,
// and there is nothing to be done about it then.
void sync_folder(const std::filesystem::path& folder);

// Whether `name` is what a process that was killed left of writing `final_name` (both without
// folder).
bool is_part_of(const std::string& name, const std::string& final_name);

}  // namespace ridgeline::io
