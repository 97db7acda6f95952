#include "io/results/mapping_remarks.hpp"

#include <algorithm>
#include <set>

#include "io/document/nearest.hpp"

namespace ridgeline::io {

namespace {

struct Use {
  const model::WorkloadNode* node = nullptr;
  const search::LayerResult* found = nullptr;
};

class Remarks {
 public:
  Remarks(const EvaluationReport& report, const model::MappingSpec& mapping)
      : report_(report), mapping_(mapping) {}

  std::vector<std::string> take() {
    for (const model::MappingEntry& entry : mapping_.entries) {
      uses_.clear();
      for (const search::WorkloadLayer& layer : report_.result.layers) {
        const model::WorkloadNode& node =
            report_.workload.nodes[static_cast<std::size_t>(layer.node)];
        if (mapping_.choose(node.name, node.operator_type) != &entry) continue;
        uses_.push_back({&node, &report_.result.of(layer)});
      }
      if (uses_.empty()) continue;
      names_of_loops();
      prefix_ = "the mapping's entry '" + entry.name + "': ";
      unknown_loops(entry);
      for (const model::ArrayDimUnroll& dim : entry.spatial_mapping) unrolls(dim);
      for (const Use& use : uses_) {
        if (!use.found->remark.empty()) {
          add("layer " + use.node->name + ": " + use.found->remark +
              ": what is listed is the order of the innermost loops");
        }
        if (!use.found->refused.empty()) {
          add("layer " + use.node->name + ": the engine exact did not search: " +
              use.found->refused + "; what it shows is what loma finds");
        }
      }
    }
    return std::move(remarks_);
  }

 private:
  void add(const std::string& remark) {
    if (seen_.insert(remark).second) remarks_.push_back(remark);
  }

  void names_of_loops() {
    loops_.clear();
    for (const Use& use : uses_) {
      for (const model::LoopDim& dim : use.node->layer->dims) {
        if (std::find(loops_.begin(), loops_.end(), dim.name) == loops_.end()) {
          loops_.push_back(dim.name);
        }
      }
    }
  }

  void check(const std::string& dim, const std::string& where) {
    if (dim == "*" || std::find(loops_.begin(), loops_.end(), dim) != loops_.end()) return;
    add(prefix_ + where + " names a loop '" + dim + "', which no layer it is for has (" +
        suggestion(dim, loops_) + "): left out");
  }

  void unknown_loops(const model::MappingEntry& entry) {
    for (const model::ArrayDimUnroll& dim : entry.spatial_mapping) {
      for (const model::Unroll& unroll : dim.unrolls) {
        if (unroll.factor > 1) check(unroll.dim, "spatial_mapping on " + dim.array_dim);
      }
    }
    for (const model::TemporalPosition& position : entry.temporal_ordering) {
      check(position.dim, "temporal_ordering");
      if (position.dim == "*") {
        add(prefix_ + "[\"*\", ...] in temporal_ordering is left out, as in ZigZag");
      }
    }
  }

  void unrolls(const model::ArrayDimUnroll& asked) {
    const int d = report_.accelerator.array.dim_index(asked.array_dim);
    if (d < 0) return;
    const std::int64_t units = report_.accelerator.array.dims[static_cast<std::size_t>(d)].size;
    for (const model::Unroll& unroll : asked.unrolls) {
      const std::string pair =
          "\"" + unroll.dim + ", " + std::to_string(unroll.factor) + "\" on " + asked.array_dim;
      if (unroll.factor > units) {
        add(prefix_ + pair + " is more than the " + std::to_string(units) + " units of " +
            asked.array_dim + ": cut to " + std::to_string(units) + " at most");
      }
      std::vector<std::string> left_out;
      std::vector<std::string> cut;
      std::int64_t most = 0;
      for (const Use& use : uses_) {
        const int dim = use.node->layer->dim_index(unroll.dim);
        if (dim < 0 || !use.found->infeasible.empty()) continue;
        const std::int64_t size = use.node->layer->dims[static_cast<std::size_t>(dim)].size;
        const std::int64_t wanted = std::min({unroll.factor, units, size});
        std::int64_t got = 1;
        for (const model::SpatialDim& found : use.found->spatial) {
          if (found.array_dim != d) continue;
          for (const model::SpatialLoop& loop : found.loops) {
            if (loop.dim == dim) got *= loop.factor;
          }
        }
        if (got >= wanted) continue;
        most = std::max(most, got);
        (got == 1 ? left_out : cut).push_back(use.node->name);
      }
      if (!left_out.empty())
        add(prefix_ + pair + " is left out in " + layers(left_out) + why(asked));
      if (!cut.empty()) {
        add(prefix_ + pair + " is cut to " + std::to_string(most) + " in " + layers(cut) +
            why(asked));
      }
    }
  }

  static std::string layers(const std::vector<std::string>& names) {
    std::string text = (names.size() == 1 ? "layer " : "layers ") + names.front();
    if (names.size() > 1) text += " and " + std::to_string(names.size() - 1) + " others";
    return text;
  }

  static std::string why(const model::ArrayDimUnroll& asked) {
    return asked.unrolls.size() > 1
               ? ": the loops of " + asked.array_dim +
                     " together are more than its units, or than "
                     "the innermost memories can hold or feed"
               : ": the innermost memories can hold or feed no more, or another array dimension "
                 "has all of the loop";
  }

  const EvaluationReport& report_;
  const model::MappingSpec& mapping_;
  std::vector<Use> uses_;
  std::vector<std::string> loops_;
  std::string prefix_;
  std::vector<std::string> remarks_;
  std::set<std::string> seen_;
};

}  // namespace

std::vector<std::string> mapping_remarks(const EvaluationReport& report,
                                         const model::MappingSpec& mapping) {
  return Remarks(report, mapping).take();
}

}  // namespace ridgeline::io
