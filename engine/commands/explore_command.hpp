// `ridgeline explore`: a study, alone or under mpirun (docs/distribution.md).
#pragma once

#include <boost/program_options/options_description.hpp>
#include <boost/program_options/variables_map.hpp>
#include <string>
#include <vector>

#include "engine/explore/explore_options.hpp"

namespace ridgeline::engine {

int explore_command(const std::vector<std::string>& arguments);
// The same by other means than the cost model.
int explore_command(const std::vector<std::string>& arguments, const Evaluation& evaluation);

// Options of how a study is explored, and what is meant by them; `study`, which comes without a
// name, is a list of one. UsageError.
boost::program_options::options_description options_of_explore();
ExploreOptions explore_options(const boost::program_options::variables_map& values);

}  // namespace ridgeline::engine
