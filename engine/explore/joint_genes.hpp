// The genes of a schedule in a search over designs and schedules together: which there are for the
// study's workloads, and what a genome's values mean in one design.
#pragma once

#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <vector>

#include "engine/explore/system_designs.hpp"
#include "engine/run/schedule_run.hpp"
#include "io/study/study_document.hpp"
#include "search/designs/joint_strategy.hpp"

namespace ridgeline::engine {

// Values of core genes count the cores of each kind from the kind's place times this.
inline constexpr int kCoresOfKind = 1024;

struct JointLayer {
  int id = 0;                // of the network's node
  int slices = 1;            // cores that it runs on at once
  int first_core = -1;       // its first core gene; -1: the mapping says where it runs
  std::vector<int> kinds;    // that take it, ascending
  int boundary = -1;         // genes; -1: nothing to choose
  std::vector<int> factors;  // by dimension of granularity
};

struct JointMode {
  std::string name;  // "layer-by-layer", "fused"
  int dim = -1;      // place in ScheduleSearch::granularity; -1: cut as the mapping says
};

class JointGenes {
 public:
  // Throws io::InputError where the workloads cannot be cut as the mapping says.
  explicit JointGenes(const io::Study& study);

  const std::vector<search::JointGene>& genes() const { return genes_; }
  // What the core genes may be in a design.
  std::shared_ptr<const search::CoreChoices> cores(std::uint64_t design) const;

  const JointMode& mode(const search::Genome& schedule) const;
  const std::string& priority(const search::Genome& schedule) const;
  // Puts the choices of a genome's schedule part for workload `w` of a design into a request.
  void apply(const search::Genome& schedule, std::size_t w, const SystemDesign& design,
             ScheduleRequest& request) const;

 private:
  int value(const search::Genome& schedule, int gene) const {
    return gene < 0 ? 0 : schedule.at(static_cast<std::size_t>(gene));
  }
  search::CoreChoices choices_of(std::uint64_t design) const;
  int add(search::ScheduleGene kind, int size, std::uint32_t modes = ~std::uint32_t{0});
  void add_workload(const model::Network& network, const model::CoreMapping& mapping);

  const io::Study& study_;
  std::vector<JointMode> modes_;
  std::vector<std::string> kinds_;  // names, by place
  std::vector<search::JointGene> genes_;
  int mode_gene_ = -1;
  int priority_gene_ = -1;
  std::vector<std::vector<JointLayer>> layers_;  // of each workload
  std::vector<const JointLayer*> layer_of_gene_;
  std::vector<int> frame_;  // parameters that the number of cores follows from, among others
  mutable std::mutex mutex_;
  mutable std::map<std::vector<int>, std::shared_ptr<const search::CoreChoices>> choices_;
};

}  // namespace ridgeline::engine
