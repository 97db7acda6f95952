#include "engine/calls/mapping_names.hpp"

#include <algorithm>

#include "io/document/nearest.hpp"
#include "io/inputs/mapping_reader.hpp"

namespace ridgeline::engine {
namespace {

// The loops that layers of networks have. Workload documents may have others.
const std::vector<std::string> kUsualLoops{"B",  "G",  "K",  "C",  "OX", "OY", "OZ", "FX",
                                           "FY", "FZ", "IX", "IY", "IZ", "H",  "D",  "E",
                                           "L",  "N",  "M",  "P",  "Q",  "R",  "S"};

void add_once(std::vector<std::string>& list, const std::string& text) {
  if (std::ranges::find(list, text) == list.end()) list.push_back(text);
}

class Remarks {
 public:
  explicit Remarks(const KnownNames& known) : known_(known), loops_(known.loops) {
    if (loops_.empty()) loops_ = kUsualLoops;
  }

  void begin(const std::string& entry) { prefix_ = "the entry '" + entry + "': "; }
  void know(const std::vector<std::string>& loops) {
    loops_.insert(loops_.end(), loops.begin(), loops.end());
  }
  // A schedule names the loops of some layers in its own way.
  void know_usual_loops() { know(kUsualLoops); }

  void loop(const std::string& loop, const std::string& where) {
    if (loop == "*" || std::ranges::find(loops_, loop) != loops_.end()) return;
    const bool sure = !known_.loops.empty();
    const auto near = io::nearest(loop, loops_);
    add(where + " names a loop '" + loop + "', which no layer of " +
        (sure ? "the workload has" : "a network has") +
        (near ? " (did you mean '" + *near + "'?)" : "") + ": it is left out" +
        (sure ? "" : " unless the workload has it"));
  }

  void unrolls(const model::ArrayDimUnroll& dim) {
    const auto place = known_.units.find(dim.array_dim);
    if (place == known_.units.end() && !known_.units.empty()) {
      std::vector<std::string> names;
      for (const auto& [name, units] : known_.units) names.push_back(name);
      const std::string near = io::suggestion(dim.array_dim, names);
      add("the array has no dimension '" + dim.array_dim + "'" +
          (near.empty() ? "" : " (" + near + ")"));
    }
    for (const model::Unroll& unroll : dim.unrolls) {
      if (unroll.factor > 1) loop(unroll.dim, "spatial_mapping on " + dim.array_dim);
      if (place == known_.units.end() || unroll.factor <= place->second) continue;
      add("\"" + unroll.dim + ", " + std::to_string(unroll.factor) + "\" on " + dim.array_dim +
          " is more than the " + std::to_string(place->second) + " units of " + dim.array_dim +
          ": cut to " + std::to_string(place->second) + " at most");
    }
  }

  void add(const std::string& remark) { add_once(remarks_, prefix_ + remark); }
  void add_whole(const std::string& remark) {
    if (!remark.empty()) add_once(remarks_, remark);
  }
  std::vector<std::string> take() { return std::move(remarks_); }

 private:
  const KnownNames& known_;
  std::vector<std::string> loops_;
  std::string prefix_;
  std::vector<std::string> remarks_;
};

}  // namespace

void KnownNames::add(const model::Layer& layer) {
  for (const model::LoopDim& dim : layer.dims) add_once(loops, dim.name);
}

void KnownNames::add(const model::Accelerator& accelerator) {
  for (const model::ArrayDim& dim : accelerator.array.dims) {
    std::int64_t& most = units[dim.name];
    most = std::max(most, dim.size);
  }
}

void KnownNames::add(const KnownNames& other) {
  for (const std::string& loop : other.loops) add_once(loops, loop);
  layers.insert(layers.end(), other.layers.begin(), other.layers.end());
  for (const auto& [name, size] : other.units) units[name] = std::max(units[name], size);
  cores = std::max(cores, other.cores);
}

std::vector<std::string> names_without_effect(const model::MappingSpec& mapping,
                                              const KnownNames& known) {
  Remarks remarks(known);
  for (const model::MappingEntry& entry : mapping.entries) {
    remarks.begin(entry.name);
    if (!known.layers.empty()) {
      remarks.add_whole(io::unused_entry_note(entry.name, known.layers, false));
    }
    for (const model::ArrayDimUnroll& dim : entry.spatial_mapping) remarks.unrolls(dim);
    for (const model::SpatialHint& hint : entry.spatial_hints) {
      for (const std::string& dim : hint.dims) {
        remarks.loop(dim, "spatial_mapping_hint on " + hint.array_dim);
      }
    }
    for (const model::TemporalPosition& position : entry.temporal_ordering) {
      remarks.loop(position.dim, "temporal_ordering");
    }
    for (const model::LevelLoopsRequest& level : entry.memory_loops) {
      for (const model::TemporalPosition& position : level.loops) {
        remarks.loop(position.dim, "memory_loops of " + level.operand + " in " + level.memory);
      }
    }
  }
  return remarks.take();
}

std::vector<std::string> names_without_effect(const model::CoreMapping& mapping,
                                              const KnownNames& known) {
  Remarks remarks(known);
  remarks.know_usual_loops();
  for (const model::CoreMappingEntry& entry : mapping.entries) {
    remarks.know(entry.dimension_names);
  }
  for (const model::CoreMappingEntry& entry : mapping.entries) {
    remarks.begin(entry.name);
    for (const model::TilingRequest& cut : entry.intra) remarks.loop(cut.dim, "intra_core_tiling");
    for (const model::TilingRequest& cut : entry.inter) remarks.loop(cut.dim, "inter_core_tiling");
    for (const model::ArrayDimUnroll& dim : entry.spatial_mapping) remarks.unrolls(dim);
    for (const int core : entry.cores) {
      if (known.cores == 0 || core < known.cores) continue;
      remarks.add("there is no core " + std::to_string(core) + " (cores are 0 to " +
                  std::to_string(known.cores - 1) + ")");
    }
  }
  return remarks.take();
}

}  // namespace ridgeline::engine
