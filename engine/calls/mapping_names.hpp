// What of a mapping document means nothing, as far as its own names tell, and what the files that
// are checked together with it.
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <vector>

#include "model/core/accelerator.hpp"
#include "model/core/layer.hpp"
#include "model/core/mapping_spec.hpp"
#include "model/system/core_mapping.hpp"

namespace ridgeline::engine {

// What files say that are checked together; empty where there is none of a kind.
struct KnownNames {
  std::vector<std::string> loops;             // of the layers of workloads
  std::vector<std::string> layers;            // names and operator types of workloads
  std::map<std::string, std::int64_t> units;  // of accelerators' array dimensions, the most of any
  int cores = 0;                              // of systems, the most of any

  void add(const model::Layer& layer);
  void add(const model::Accelerator& accelerator);
  void add(const KnownNames& other);
};

// A remark for each loop that no layer has, with the nearest name, for each unrolling that is wider
// than the array, and for each entry whose name nearly is that of a layer. Without a workload,
// loops are compared with those of networks.
std::vector<std::string> names_without_effect(const model::MappingSpec& mapping,
                                              const KnownNames& known);
// Also for cores that no system has. Which entries are for nothing is not said: the layers of a
// schedule have other names.
std::vector<std::string> names_without_effect(const model::CoreMapping& mapping,
                                              const KnownNames& known);

}  // namespace ridgeline::engine
