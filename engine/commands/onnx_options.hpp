// The options of commands that read ONNX models.
#pragma once

#include <boost/program_options/options_description.hpp>
#include <boost/program_options/variables_map.hpp>

#include "io/onnx/onnx_graph.hpp"

namespace ridgeline::engine {

// --dim, --strict, --strict-graph, --precision.
void add_onnx_options(boost::program_options::options_description& options);
// UsageError for values that make no sense. Quirks are the caller's.
io::OnnxOptions read_onnx_options(const boost::program_options::variables_map& values);

}  // namespace ridgeline::engine
