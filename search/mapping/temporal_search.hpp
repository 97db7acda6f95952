// Searches the temporal mappings of a layer under one spatial mapping.
#pragma once

#include <cstdint>
#include <limits>
#include <optional>
#include <string>
#include <vector>

#include "model/core/evaluate.hpp"
#include "model/core/problem.hpp"
#include "search/mapping/mapper.hpp"

namespace ridgeline::search {

inline constexpr const char* kStoppedTooEarly =
    "the search was stopped before it found a mapping: whether there is one is not known";

// A mapping whose latency the strict model has estimated.
struct EstimatedMapping {
  model::Cost cost;
  model::Ordering ordering;
  model::Cuts cuts;
};

// The best mapping under one spatial mapping.
struct TemporalSearchResult {
  bool any = false;
  model::Cost cost;
  model::Ordering ordering;
  model::Cuts cuts;
  std::int64_t evaluated = 0;
  std::vector<model::Cost> near{};            // costed, fast first, each cheaper than all before
  std::vector<EstimatedMapping> estimated{};  // of the strict model, the best first
  std::string reason;                         // why there is none
  bool cut_off = false;                       // the search was stopped
  std::string remark;
  bool proven = false;  // there is no better one than this or the incumbent
  double lower_bound = -std::numeric_limits<double>::infinity();
  double orderings = 0;
  std::int64_t nodes = 0;
  std::int64_t work = 0;                 // nodes, and what else took as long as so many
  bool out_of_nodes = false;             // not proven within the limit of nodes
  std::optional<model::Cost> reference;  // what loma finds
  std::string refused;                   // why the exact engine searched nothing
};

// What one spatial mapping is asked.
struct TemporalAsk {
  // The best cost so far, also under other spatial mappings, which the exact engine has to beat.
  std::optional<model::Cost> incumbent{};
  bool with_loma = false;       // also asked what loma finds
  bool again = false;           // was searched before: only what the exact engine may add
  std::int64_t node_limit = 0;  // of the exact engine, 0: none
};

// Never throws for what does not fit: `reason` says so.
TemporalSearchResult search_temporal(const model::Layer& layer,
                                     const model::Accelerator& accelerator,
                                     const model::MappingEntry& mapping,
                                     const MapperOptions& options, const model::Problem& problem,
                                     const TemporalAsk& ask);

// Latency of mappings that count as nearly as fast as the best, relative to it.
inline constexpr double kNear = 1.05;

// Keeps what is cheaper than all that is faster.
void add_near(const model::Cost& cost, std::vector<model::Cost>& near);

}  // namespace ridgeline::search
