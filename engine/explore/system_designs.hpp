// Designs of a study on multi-core systems, made of parts that earlier designs left: what differs
// between two designs are mostly some of their cores, and a core that is known need not be read
// again, nor the network, the mapping and the connections around it.
//
// Used from several threads at once.
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <vector>

#include "io/study/design_parts.hpp"
#include "io/study/study_document.hpp"
#include "model/system/core_mapping.hpp"
#include "model/system/multicore.hpp"
#include "model/system/network.hpp"
#include "search/mapping/workload_search.hpp"

namespace ridgeline::engine {

using Networks = std::vector<model::Network>;

// What is around the cores.
struct SystemFrame {
  std::uint64_t number = 0;    // equal ones are one object as long as it is remembered
  std::string impossible;      // why there is no such system; empty: the rest is set
  model::MultiCore system;     // with the cores of the design that it was read for
  std::vector<int> contents;   // of these cores, as in SystemDesign
  model::CoreMapping mapping;  // complete
  std::shared_ptr<const Networks> networks;
  std::vector<std::string> kind_of;        // of each core but the off-chip one
  std::vector<std::vector<int>> cores_of;  // of each kind, by its place
  std::shared_ptr<const model::Interconnect> interconnect;
};

struct SystemDesign {
  std::shared_ptr<const SystemFrame> frame;
  model::MultiCore system;
  std::vector<int> contents;  // of each core: equal for those that cost nodes the same
  // What no schedule can beat, of each workload; empty: not known yet.
  std::vector<search::WorkloadBounds> bounds{};

  const Networks& networks() const { return *frame->networks; }
};

class SystemDesigns {
 public:
  explicit SystemDesigns(const io::Study& study);

  // Throws io::InputError, and NoSuchSystem where there is no such system.
  SystemDesign design(std::uint64_t id);

 private:
  using Values = std::vector<int>;
  struct KnownCore {
    model::Core core;
    int content = 0;
  };

  Values values_of(const std::vector<int>& parameters, const std::vector<int>& values) const;
  // The place of the core in io::DesignParts::core; -1: it belongs to the frame.
  int part_of(const SystemFrame& frame, std::size_t core) const;
  // From the design's documents. `networks`: where they are known.
  SystemDesign read(const io::DesignDocuments& documents, std::shared_ptr<const Networks> networks);
  bool put_together(const std::vector<int>& values, SystemDesign& design);
  void remember(const std::vector<int>& values, SystemDesign& design);
  int content_of(const model::Accelerator& accelerator);

  const io::Study& study_;
  io::DesignParts parts_;
  std::vector<std::string> kinds_;  // by place; empty: each core is a kind
  std::mutex mutex_;
  std::uint64_t frames_made_ = 0;
  std::map<Values, std::shared_ptr<const SystemFrame>> frames_;
  std::map<Values, std::shared_ptr<const Networks>> networks_;
  std::vector<std::map<Values, std::shared_ptr<const KnownCore>>> cores_;  // by place
  std::size_t known_cores_ = 0;
  std::map<std::string, int> contents_;
  int contents_met_ = 0;
};

// The networks of a design's workloads.
Networks networks_of(const io::Study& study, const io::DesignDocuments& documents,
                     const model::CoreMapping& mapping);
// Names the loops that the study's mapping cuts by their places in a node.
void resolve_places(const io::Study& study, const Networks& networks, model::CoreMapping& mapping);

}  // namespace ridgeline::engine
