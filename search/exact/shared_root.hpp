// The least energy of very many problems that differ in sizes and costs of memories
// (docs/exact-mapping.md, "Many designs").
//
// What a mapping moves does not depend on what moving costs, nor on how large a memory is as long
// as the mapping fits. So the lattice of a layer on an array is listed once, and priced for
// each design.
#pragma once

#include <cstdint>
#include <list>
#include <string>
#include <unordered_map>
#include <vector>

#include "model/core/evaluation.hpp"
#include "model/core/problem.hpp"
#include "search/budget.hpp"
#include "search/exact/cut_lattice.hpp"

namespace ridgeline::search {

// Not thread-safe: each thread takes one of its own. Results do not depend on what was asked
// before.
class SharedRoots {
 public:
  // Lattices that are kept take `bytes` at most; those that were not asked for longest leave.
  explicit SharedRoots(std::int64_t bytes = 64'000'000) : most_bytes_(bytes) {}

  // Least energy and least latency over all mappings, each on its own: the energy of the energy
  // table's root less one access of each transfer, the latency with an array that never waits. If
  // the budget ends, what is known at once.
  model::Cost root(const model::Problem& problem, const Budget& budget = {});

  std::int64_t lattices() const { return lattices_; }  // that were listed
  std::int64_t tables() const { return tables_; }      // that were filled
  std::int64_t asked() const { return asked_; }

 private:
  struct Result {
    std::vector<double> figures;  // sizes and costs
    double energy = 0;            // without the array's own
  };
  struct Entry {
    std::string key;
    CutLattice space;
    std::int64_t bytes = 0;
    std::vector<Result> results;  // the last ones
    std::size_t next = 0;         // place of the oldest
  };

  Entry* entry_of(const model::Problem& problem, Watch& watch);

  std::int64_t most_bytes_;
  std::int64_t bytes_ = 0;
  std::list<Entry> entries_;  // last asked first
  std::unordered_map<std::string, std::list<Entry>::iterator> places_;
  std::int64_t lattices_ = 0;
  std::int64_t tables_ = 0;
  std::int64_t asked_ = 0;
};

}  // namespace ridgeline::search
