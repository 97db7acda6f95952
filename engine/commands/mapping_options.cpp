#include "engine/commands/mapping_options.hpp"

#include <algorithm>
#include <array>
#include <boost/program_options.hpp>
#include <charconv>

#include "engine/commands/command_options.hpp"
#include "engine/commands/exit_code.hpp"
#include "engine/run/memory_limit.hpp"
#include "model/core/limits.hpp"

namespace ridgeline::engine {

namespace po = boost::program_options;

namespace {

// A whole number in text, at least `min`.
std::int64_t whole_number(const std::string& option, const std::string& text, std::int64_t min) {
  std::int64_t number = 0;
  const auto [end, status] = std::from_chars(text.data(), text.data() + text.size(), number);
  if (status != std::errc() || end != text.data() + text.size() || number < min ||
      number > model::kMaxExactInteger) {
    throw UsageError(option + " takes a whole number of at least " + std::to_string(min) +
                     ", not '" + text + "'");
  }
  return number;
}

// A share in percent, with or without the sign.
double percent(const std::string& option, std::string text) {
  if (!text.empty() && text.back() == '%') text.pop_back();
  double number = -1;
  const auto [end, status] = std::from_chars(text.data(), text.data() + text.size(), number);
  if (status != std::errc() || end != text.data() + text.size() || !(number >= 0 && number < 100)) {
    throw UsageError(option + " takes a percentage from 0 to below 100, not '" + text + "'");
  }
  return number / 100;
}

int small_number(const std::string& option, const std::string& text, int min) {
  const std::int64_t number = whole_number(option, text, min);
  if (number > 1'000'000'000) throw UsageError(option + ": " + text + " is too large");
  return static_cast<int>(number);
}

}  // namespace

void add_mapping_options(po::options_description& options, const char* engine) {
  const auto text = [](const char* fallback) {
    return po::value<std::string>()->default_value(fallback);
  };
  auto add = options.add_options();
  add("engine", text(engine), "temporal mapping search: exact, loma or anneal");
  add("lpf-limit", text("6"), "loop-prime-factor limit of loma; 0: none");
  add("node-limit", text("3000000"),
      "nodes of the first spatial mapping after which exact stops with a bound and a gap, and of "
      "the others together; 0: none");
  add("gap", po::value<std::string>()->default_value("0"),
      "percent: exact ends once nothing can be better by more than this");
  add("memory-limit", po::value<std::string>(),
      "memory that searches may hold together, such as 2G; default: half the machine's");
  add("spatial-candidates", text("3"),
      "spatial mappings generated where the mapping document gives none; or all");
  add("mixed-spatial", po::bool_switch(), "allow several loop dimensions on one array dimension");
  add("even", po::bool_switch(), "even mappings only: all operands of a memory share its loops");
  add("search-seconds", po::value<double>(),
      "end all searches after so many seconds, with what is known by then; layers share them");
}

std::string command_line_name(model::Metric metric) {
  std::string name(model::to_string(metric));
  std::replace(name.begin(), name.end(), '_', '-');
  return name;
}

model::Metric mapping_objective(const std::string& option, const std::string& name) {
  std::vector<std::string> names;
  for (const model::Metric metric : model::kMappingObjectives) {
    names.push_back(command_line_name(metric));
  }
  return model::kMappingObjectives[choice(option, name, names)];
}

search::MapperOptions read_mapping_options(const po::variables_map& values) {
  const auto text = [&](const char* name) { return values[name].as<std::string>(); };
  search::MapperOptions options;
  options.objective = mapping_objective("--objective", text("objective"));
  constexpr std::array kEngines{search::Engine::exact, search::Engine::loma,
                                search::Engine::anneal};
  options.engine = kEngines[static_cast<std::size_t>(
      choice("--engine", text("engine"), {"exact", "loma", "anneal"}))];
  options.node_limit = whole_number("--node-limit", text("node-limit"), 0);
  options.gap = percent("--gap", text("gap"));
  if (values.count("memory-limit") != 0) {
    set_memory_limit(parse_memory_size("--memory-limit", values["memory-limit"].as<std::string>()));
  }
  options.budget.bytes =
      memory_of_one_search(values.count("threads") != 0 ? values["threads"].as<int>() : 1);
  options.lpf_limit = small_number("--lpf-limit", text("lpf-limit"), 0);
  options.spatial_candidates =
      text("spatial-candidates") == "all"
          ? 0
          : small_number("--spatial-candidates", text("spatial-candidates"), 1);
  options.mixed_spatial = values["mixed-spatial"].as<bool>();
  options.even = values["even"].as<bool>();
  options.seed = static_cast<std::uint64_t>(whole_number("--seed", text("seed"), 0));
  if (values.count("front") != 0) options.front = values["front"].as<bool>();
  if (values.count("samples") != 0) {
    options.samples = small_number("--samples", text("samples"), 0);
  }
  return options;
}

double read_search_seconds(const po::variables_map& values) {
  if (values.count("search-seconds") == 0) return 0;
  const double seconds = values["search-seconds"].as<double>();
  if (!(seconds > 0)) throw UsageError("--search-seconds takes a number above 0");
  return seconds;
}

std::map<std::string, std::int64_t> read_dims(const std::vector<std::string>& given) {
  std::map<std::string, std::int64_t> dims;
  for (const std::string& pair : given) {
    const std::size_t equals = pair.find('=');
    if (equals == 0 || equals == std::string::npos) {
      throw UsageError("--dim takes NAME=N, not '" + pair + "'");
    }
    dims[pair.substr(0, equals)] = whole_number("--dim", pair.substr(equals + 1), 1);
  }
  return dims;
}

}  // namespace ridgeline::engine
