#include "tests/support/tutorial_system.hpp"

#include <fstream>
#include <map>
#include <stdexcept>
#include <string>

namespace ridgeline::testing {
namespace {

namespace fs = std::filesystem;

// pJ an access, read and written.
const std::map<std::string, std::pair<const char*, const char*>> kCosts{
    {"rf_w", {"0.095", "0.095"}}, {"rf_i", {"0.095", "0.095"}},  {"rf_o", {"0.021", "0.021"}},
    {"sram_w", {"10.5", "12.8"}}, {"sram_io", {"19.6", "22.5"}}, {"dram", {"100", "150"}}};

void write_with_costs(const fs::path& from, const fs::path& to) {
  std::ifstream in(from);
  std::ofstream out(to);
  std::string memory;
  int replaced = 0;
  for (std::string line; std::getline(in, line);) {
    if (line.starts_with("  ") && line.size() > 3 && line[2] != ' ' && line.ends_with(':')) {
      memory = line.substr(2, line.size() - 3);
    }
    if (line.starts_with("    cost:")) {
      const auto& [read, write] = kCosts.at(memory);
      line = std::string("    r_cost: ") + read + "\n    w_cost: " + write + "\n    area: 0";
      ++replaced;
    }
    out << line << "\n";
  }
  if (replaced == 0) throw std::logic_error(from.string() + ": no costs to replace");
}

}  // namespace

fs::path tutorial_system(const fs::path& folder) {
  const fs::path lab = fs::path(RIDGELINE_SOURCE_DIR) / "examples" / "labs" / "multicore";
  fs::create_directories(folder / "cores");
  fs::copy_file(lab / "system.yaml", folder / "system.yaml", fs::copy_options::overwrite_existing);
  for (const auto& core : fs::directory_iterator(lab / "cores")) {
    write_with_costs(core.path(), folder / "cores" / core.path().filename());
  }
  return folder;
}

}  // namespace ridgeline::testing
