// Costs of memories from technology tables, instead of figures typed in (docs/technology.md).
//
// Energies are pJ a bit, between the table's sizes along a straight line of their logarithms: exact
// at the table's points, and never less for a larger memory.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "io/document/document.hpp"
#include "model/core/accelerator.hpp"

namespace ridgeline::io {

struct TechnologyPoint {
  double size = 0;         // bits
  double read = 0;         // pJ a bit
  double write = 0;        // pJ a bit
  double width = 0;        // bits of the access that the source tells
  double read_access = 0;  // pJ, as the source tells
  double write_access = 0;
  std::string source;
};

struct TechnologyArea {
  double cell = 0;  // area of one bit
  double overhead = 1;
  double each_port = 0;    // share of a cell for each port but the first
  double rows_a_port = 0;  // periphery of a port, in rows of cells as wide as it is
};

struct TechnologyTable {
  std::string name;
  std::string node;  // "28nm"
  std::string kind;  // sram, regfile, dram
  std::int64_t latency = 1;
  std::vector<TechnologyPoint> points;  // by rising size
  std::optional<TechnologyArea> area;
};

// InputError: keys, figures that are not positive, sizes that do not rise, costs that fall.
TechnologyTable read_technology(const Value& document);

// The tables that come with the program (examples/technology).
const std::vector<TechnologyTable>& shipped_tables();

// Fills in r_cost, w_cost, area and latency of a memory whose size and ports are known, as
// `request` asks: {node: 28nm, kind: sram, source: FILE}, FILE a table of one's own, relative to
// the document. Returns where the figures come from. InputError: no such node or kind, a size
// outside of the table.
std::string extract_costs(const Value& request, model::Memory& memory);
// The same with the default table, for the reference's key `auto_cost_extraction`.
std::string extract_default_costs(const Value& flag, model::Memory& memory);

}  // namespace ridgeline::io
