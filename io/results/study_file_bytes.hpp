// A study file as bytes: what checksums are taken of, and what a reading process hands on.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "io/results/study_file.hpp"

namespace ridgeline::io {

// SHA-256 of each part of what a file says ("attributes", "candidates/id", ...), "NAME DIGEST" a
// line: the attribute `checksums`. Whatever is added to StudyFile gets its place in one of them.
std::vector<std::string> study_file_checksums(const StudyFile& file);

// Names of the parts whose content is not what `checksums` says, with those that are missing.
std::vector<std::string> damaged_parts(const StudyFile& file,
                                       const std::vector<std::string>& checksums);

// The whole of it, and back. False: `bytes` are something else.
std::string encode_study_file(const StudyFile& file);
bool decode_study_file(std::string_view bytes, StudyFile& file);

}  // namespace ridgeline::io
