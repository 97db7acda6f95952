// `ridgeline schedule`
#pragma once

#include <boost/program_options/options_description.hpp>
#include <boost/program_options/variables_map.hpp>
#include <string>
#include <vector>

#include "engine/calls/schedule.hpp"

namespace ridgeline::engine {

int schedule_command(const std::vector<std::string>& arguments);

// Options of what is scheduled and how, and what is meant by them. UsageError.
boost::program_options::options_description options_of_schedule();
ScheduleOptions schedule_options(const boost::program_options::variables_map& values);

}  // namespace ridgeline::engine
