// What the commands' option parsing has in common.
#pragma once

#include <boost/program_options/options_description.hpp>
#include <boost/program_options/variables_map.hpp>
#include <string>
#include <string_view>
#include <vector>

#include "engine/calls/hooks.hpp"

namespace ridgeline::engine {

// Parses a command's arguments into `values`. `usage` is the first line of its help, e.g.
// "ridgeline check FILE..."; what follows no option goes to the option `positional` (empty:
// none allowed). `--help` is added. Prints the help and returns false where it is asked for.
// Throws UsageError, which names the nearest option where one is unknown.
bool parse_options(const std::vector<std::string>& arguments, std::string_view usage,
                   std::string_view introduction,
                   boost::program_options::options_description options,
                   const std::string& positional, boost::program_options::variables_map& values);

// The place of `value` among `choices`; a UsageError that lists them where it is none.
std::size_t choice(const std::string& option, const std::string& value,
                   const std::vector<std::string>& choices);

// --format, --output, --quiet and --verbose of the commands that give one result.
void add_output_options(boost::program_options::options_description& options);
// --detail full.
bool wants_details(const boost::program_options::variables_map& values);
bool wants_json(const boost::program_options::variables_map& values);
// To --output, else standard output. io::FileError.
void write_result(const boost::program_options::variables_map& values, const std::string& text);
// Notes to standard error, unless --quiet; details with --verbose.
Hooks hooks_of_command(const boost::program_options::variables_map& values);

// UsageErrors where an option is not there, or too small a number.
std::string required(const boost::program_options::variables_map& values,
                     const std::string& command, const char* name);
int at_least(const boost::program_options::variables_map& values, const char* name, int least);

// The processors that this process may use.
int default_threads();

}  // namespace ridgeline::engine
