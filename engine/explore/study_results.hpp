// What a study found, for its file and for who started it.
#pragma once

#include <string>
#include <vector>

#include "engine/explore/journal.hpp"
#include "engine/explore/ledger.hpp"
#include "engine/explore/rank_work.hpp"
#include "io/results/study_file.hpp"

namespace ridgeline::engine {

// The whole study file, of all that is known so far. `status`: "complete" or "stopped"; `samples`:
// how the study went, in order.
io::StudyFile describe_study(const RunContext& context, const Ledger& ledger,
                             const std::vector<ProgressRecord>& samples, const std::string& status);

// The last words about a complete study.
std::vector<std::string> closing_lines(const RunContext& context, const Ledger& ledger);

}  // namespace ridgeline::engine
