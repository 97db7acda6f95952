// The study that a study file is about, as it was.
#pragma once

#include <filesystem>

#include "io/results/study_file.hpp"
#include "io/study/study_document.hpp"

namespace ridgeline::io {

// From the document in the file and the inputs that it names, which are looked for beside
// `beside` (a study document; may be empty), where they were when the file was written, beside
// the file and in the working directory. Throws InputError where they are not there as they were.
Study study_of_file(const StudyFile& file, const std::filesystem::path& path,
                    const std::filesystem::path& beside = {});

}  // namespace ridgeline::io
