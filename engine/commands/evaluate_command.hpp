// `ridgeline evaluate`: a workload on one single-core accelerator.
#pragma once

#include <boost/program_options/options_description.hpp>
#include <boost/program_options/variables_map.hpp>
#include <string>
#include <vector>

#include "engine/calls/depth_first.hpp"
#include "engine/calls/evaluate.hpp"

namespace ridgeline::engine {

int evaluate_command(const std::vector<std::string>& arguments);

// Options of what is evaluated and how, and what is meant by them. UsageError.
boost::program_options::options_description options_of_evaluate();
EvaluateOptions evaluate_options(const boost::program_options::variables_map& values);
// Whether --depth-first is asked for; UsageError where one of its options is given without it.
bool wants_depth_first(const boost::program_options::variables_map& values);
DepthFirstOptions depth_first_options(const boost::program_options::variables_map& values);

}  // namespace ridgeline::engine
