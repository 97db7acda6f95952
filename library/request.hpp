// Requests of the library's calls: JSON objects whose keys are a command's options.
#pragma once

#include <boost/program_options/options_description.hpp>
#include <boost/program_options/variables_map.hpp>
#include <nlohmann/json.hpp>
#include <string>
#include <string_view>

namespace ridgeline::engine {

// The object; UsageError where the text is none. `command` stands in messages.
nlohmann::ordered_json parse_request(const char* text, std::string_view command);

// What the command line would have made of the object's options: true and false for switches,
// numbers and texts for the others; of an option that may be repeated a list, or an object for
// NAME=VALUE; lists elsewhere are joined with commas, and documents are taken as their text.
// `not_for_calls`: options that only mean something on a command line. UsageError.
boost::program_options::variables_map option_values(
    const nlohmann::ordered_json& request, std::string_view command,
    const boost::program_options::options_description& options,
    std::initializer_list<std::string_view> not_for_calls);

}  // namespace ridgeline::engine
