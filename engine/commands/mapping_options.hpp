// The mapping-search options that several commands share.
#pragma once

#include <boost/program_options/options_description.hpp>
#include <boost/program_options/variables_map.hpp>
#include <cstdint>
#include <map>
#include <string>
#include <vector>

#include "search/mapping/mapper.hpp"

namespace ridgeline::engine {

// --engine, --node-limit, --gap, --memory-limit, --search-seconds, --lpf-limit,
// --spatial-candidates, --mixed-spatial,
// --even. `engine`: the default of --engine. A command adds --objective and --seed itself, which
// mean more in some than in others, and --front and --samples where it shows them.
void add_mapping_options(boost::program_options::options_description& options, const char* engine);

// UsageError for values that make no sense.
search::MapperOptions read_mapping_options(const boost::program_options::variables_map& values);
// --search-seconds; 0: not given. UsageError.
double read_search_seconds(const boost::program_options::variables_map& values);

// Of model::kMappingObjectives, by name. UsageError.
model::Metric mapping_objective(const std::string& option, const std::string& name);
// The metric's name with dashes.
std::string command_line_name(model::Metric metric);

// NAME=N of --dim. UsageError.
std::map<std::string, std::int64_t> read_dims(const std::vector<std::string>& given);

}  // namespace ridgeline::engine
