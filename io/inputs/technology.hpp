// Costs of memories from technology tables, instead of figures typed in (docs/technology.md).
//
// Energies are pJ a bit, between the table's sizes along a straight line of their logarithms: exact
// at the table's points, and never less for a larger memory. Instead of a table a memory compiler
// may answer (memory_compiler.hpp).
#pragma once

#include <cstdint>
#include <functional>
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
  double leakage = 0;  // mW of the whole memory; 0: not told
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

// What was taken for one memory.
struct ExtractedCosts {
  std::string source;  // table and its points, or the memory compiler
  double leakage = 0;  // mW of one instance; 0: not told
};

// Fills in r_cost, w_cost, area and latency of a memory whose size and ports are known, as
// `request` asks: {node: 28nm, kind: sram, source: FILE}, FILE a table of one's own, relative to
// the document, or the table itself in its place, or `cacti`. `technology`: the document's, where
// the request has no node. InputError: no such node or kind, a size outside of the table.
// FileError: a memory compiler that does not run.
ExtractedCosts extract_costs(const Value& request, const std::string& technology,
                             model::Memory& memory);
// The same with the default table, for the reference's key `auto_cost_extraction`.
ExtractedCosts extract_default_costs(const Value& flag, model::Memory& memory);

// Replaces the names of tables in an accelerator document by what the files hold, so that the
// document stands for itself. `read` is told of every file, and of the memory compiler's program.
void embed_tables(
    Document& document,
    const std::function<void(const std::string& name, const std::string& bytes)>& read);

}  // namespace ridgeline::io
