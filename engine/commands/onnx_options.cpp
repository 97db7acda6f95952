#include "engine/commands/onnx_options.hpp"

#include <charconv>
#include <sstream>

#include "engine/commands/exit_code.hpp"
#include "engine/commands/mapping_options.hpp"

namespace ridgeline::engine {

namespace po = boost::program_options;

namespace {

constexpr std::int64_t kMostBits = 4096;

io::OnnxPrecision read_precision(const std::string& text) {
  const UsageError wrong("--precision takes bits an element, such as W=4,I=8,O=16, not '" + text +
                         "'");
  io::OnnxPrecision precision;
  std::istringstream parts(text);
  for (std::string part; std::getline(parts, part, ',');) {
    std::int64_t bits = 0;
    if (part.size() < 3 || part[1] != '=') throw wrong;
    const char* begin = part.data() + 2;
    const auto [end, status] = std::from_chars(begin, part.data() + part.size(), bits);
    if (status != std::errc() || end != part.data() + part.size()) throw wrong;
    if (bits < 1 || bits > kMostBits) throw wrong;
    auto& which = part[0] == 'W'   ? precision.weight
                  : part[0] == 'I' ? precision.activation
                                   : precision.output;
    if ((part[0] != 'W' && part[0] != 'I' && part[0] != 'O') || which) throw wrong;
    which = bits;
  }
  if (!precision.weight && !precision.activation && !precision.output) throw wrong;
  return precision;
}

}  // namespace

void add_onnx_options(po::options_description& options) {
  auto add = options.add_options();
  add("dim", po::value<std::vector<std::string>>(),
      "NAME=N, value of a symbolic ONNX dimension, or TENSOR:AXIS=N (repeatable)");
  add("strict", po::bool_switch(),
      "refuse ONNX operators whose multiply-accumulates are missing or unknown");
  add("strict-graph", po::bool_switch(), "refuse every ONNX operator without cost");
  add("precision", po::value<std::string>(),
      "bits an element of weights, activations and partial sums, e.g. W=4,I=8,O=16; those not "
      "named stay");
}

io::OnnxOptions read_onnx_options(const po::variables_map& values) {
  io::OnnxOptions options;
  if (values.count("dim") != 0) {
    options.dims = read_dims(values["dim"].as<std::vector<std::string>>());
  }
  options.strict = values["strict"].as<bool>();
  options.strict_graph = values["strict-graph"].as<bool>();
  if (values.count("precision") != 0) {
    options.precision = read_precision(values["precision"].as<std::string>());
  }
  return options;
}

}  // namespace ridgeline::engine
