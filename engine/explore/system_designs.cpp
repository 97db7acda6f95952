#include "engine/explore/system_designs.hpp"

#include <algorithm>
#include <stdexcept>
#include <utility>

#include "engine/explore/evaluator.hpp"
#include "engine/run/core_choice.hpp"
#include "io/inputs/multicore_reader.hpp"
#include "io/inputs/placed_tilings.hpp"
#include "io/inputs/stream_mapping_reader.hpp"
#include "io/inputs/workload_reader.hpp"
#include "io/onnx/multicore_lowering.hpp"
#include "search/allocation/node_cost.hpp"

namespace ridgeline::engine {
namespace {

// Parts that are remembered; more, and all are forgotten. A frame has some kilobytes without its
// networks, a core one or two.
constexpr std::size_t kFrames = 4096;
constexpr std::size_t kNetworks = 64;
constexpr std::size_t kCores = 20'000;
constexpr std::size_t kContents = 100'000;

std::size_t at(std::int64_t i) {
  return static_cast<std::size_t>(i);
}

void check_served(const io::DesignDocuments& documents, const model::CoreMapping& mapping,
                  const model::Network& network) {
  if (documents.unserved.empty()) return;
  for (const model::NetworkNode& node : network.nodes) {
    if (!node.layer) continue;
    const model::CoreMappingEntry* entry = mapping.choose(node.name, node.operator_type);
    const auto place = documents.unserved.find(entry == nullptr ? "" : entry->name);
    if (place == documents.unserved.end()) continue;
    throw NoSuchSystem(network.name + ": no core runs layer " + node.name + " (" +
                       node.operator_type + "): " + place->second);
  }
}

// Whether one may stand where the other was when a mapping was completed and checked.
bool alike(const model::Core& a, const model::Core& b) {
  return a.computes() == b.computes() && a.operator_types == b.operator_types;
}

}  // namespace

Networks networks_of(const io::Study& study, const io::DesignDocuments& documents,
                     const model::CoreMapping& mapping) {
  Networks networks;
  for (std::size_t w = 0; w < study.spec().workloads.size(); ++w) {
    const io::StudyWorkload& workload = study.spec().workloads[w];
    const std::string name = workload.path.stem().string();
    if (workload.model) {
      io::LoweringOptions options;
      options.mapping = &mapping;
      networks.push_back(io::lower_network(*workload.model, name, options).network);
    } else {
      networks.push_back(io::network_of(io::read_workload(documents.workloads[w]->root(), name)));
    }
  }
  return networks;
}

void resolve_places(const io::Study& study, const Networks& networks, model::CoreMapping& mapping) {
  try {
    io::resolve_placed_tilings(networks, mapping);
  } catch (const std::invalid_argument& error) {
    throw io::InputError({study.spec().mapping.string(), "", 0, 0}, error.what(),
                         "places count a node's loops from D0; `\"K, 4\"` cuts one by its name");
  }
}

SystemDesigns::SystemDesigns(const io::Study& study)
    : study_(study), parts_(io::design_parts(study)), cores_(parts_.core.size()) {
  if (study.spec().system_space) kinds_ = study.one_of_each_kind().kind_of;
}

SystemDesign SystemDesigns::design(std::uint64_t id) {
  const std::vector<int> values = study_.values_of(id);
  SystemDesign design;
  if (parts_.separable && put_together(values, design)) return design;
  std::shared_ptr<const Networks> networks;
  if (parts_.separable) {
    const std::lock_guard lock(mutex_);
    const auto known = networks_.find(values_of(parts_.workloads, values));
    if (known != networks_.end()) networks = known->second;
  }
  const io::DesignDocuments documents = study_.design_documents(id);
  try {
    design = read(documents, std::move(networks));
  } catch (const NoSuchSystem& none) {
    if (parts_.separable) {
      auto frame = std::make_shared<SystemFrame>();
      frame->impossible = none.what();
      const std::lock_guard lock(mutex_);
      if (frames_.size() >= kFrames) frames_.clear();
      frames_.try_emplace(values_of(parts_.frame, values), std::move(frame));
    }
    throw;
  }
  if (parts_.separable) remember(values, design);
  return design;
}

SystemDesign SystemDesigns::read(const io::DesignDocuments& documents,
                                 std::shared_ptr<const Networks> networks) {
  if (!documents.infeasible.empty()) throw NoSuchSystem(documents.infeasible);
  auto frame = std::make_shared<SystemFrame>();
  SystemDesign design;
  design.system =
      io::read_multicore(documents.accelerator.root(), study_.spec().accelerator.parent_path());
  frame->mapping = io::read_core_mapping(documents.mapping.root());
  if (networks == nullptr)
    networks = std::make_shared<const Networks>(networks_of(study_, documents, frame->mapping));
  frame->networks = std::move(networks);
  for (const model::Network& network : *frame->networks) {
    check_served(documents, frame->mapping, network);
    io::check_core_mapping(documents.mapping.root(), frame->mapping, network, design.system);
  }
  resolve_places(study_, *frame->networks, frame->mapping);
  // What the mapping leaves out may run wherever it can.
  for (const model::Network& network : *frame->networks)
    complete_mapping(network, design.system, frame->mapping);
  frame->system = design.system;
  frame->kind_of = documents.kind_of;
  frame->cores_of.resize(kinds_.empty() ? design.system.cores.size() : kinds_.size());
  for (std::size_t core = 0; core < design.system.cores.size(); ++core) {
    if (kinds_.empty()) {
      frame->cores_of[core].push_back(static_cast<int>(core));
    } else if (core < frame->kind_of.size()) {
      const auto kind = std::find(kinds_.begin(), kinds_.end(), frame->kind_of[core]);
      frame->cores_of[at(kind - kinds_.begin())].push_back(static_cast<int>(core));
    }
  }
  frame->interconnect =
      std::make_shared<const model::Interconnect>(model::build_interconnect(design.system));
  {
    const std::lock_guard lock(mutex_);
    frame->number = ++frames_made_;
  }
  for (const model::Core& core : design.system.cores)
    design.contents.push_back(content_of(core.accelerator));
  frame->contents = design.contents;
  design.frame = std::move(frame);
  return design;
}

SystemDesigns::Values SystemDesigns::values_of(const std::vector<int>& parameters,
                                               const std::vector<int>& values) const {
  Values part;
  part.reserve(parameters.size());
  for (const int p : parameters) part.push_back(values[at(p)]);
  return part;
}

int SystemDesigns::part_of(const SystemFrame& frame, std::size_t core) const {
  if (static_cast<int>(core) == frame.system.offchip_core) return -1;
  if (kinds_.empty()) return core < cores_.size() ? static_cast<int>(core) : -1;
  const auto kind = std::find(kinds_.begin(), kinds_.end(), frame.kind_of[core]);
  return static_cast<int>(kind - kinds_.begin());
}

// False where a part is not known.
bool SystemDesigns::put_together(const std::vector<int>& values, SystemDesign& design) {
  std::vector<std::shared_ptr<const KnownCore>> cores;
  {
    const std::lock_guard lock(mutex_);
    const auto frame = frames_.find(values_of(parts_.frame, values));
    if (frame == frames_.end()) return false;
    design.frame = frame->second;
    if (!design.frame->impossible.empty()) throw NoSuchSystem(design.frame->impossible);
    std::vector<std::shared_ptr<const KnownCore>> known(cores_.size());
    for (std::size_t core = 0; core < design.frame->system.cores.size(); ++core) {
      const int part = part_of(*design.frame, core);
      if (part < 0) {
        cores.emplace_back();
        continue;
      }
      auto& one = known[at(part)];
      if (one == nullptr) {
        const auto place = cores_[at(part)].find(values_of(parts_.core[at(part)], values));
        if (place == cores_[at(part)].end()) return false;
        one = place->second;
      }
      cores.push_back(one);
    }
  }
  const model::MultiCore& frame = design.frame->system;
  model::MultiCore& system = design.system;
  system.name = frame.name;
  system.offchip_core = frame.offchip_core;
  system.connections = frame.connections;
  system.cores.reserve(cores.size());
  design.contents.reserve(cores.size());
  for (std::size_t core = 0; core < cores.size(); ++core) {
    const model::Core& framed = frame.cores[core];
    if (cores[core] == nullptr) {
      system.cores.push_back(framed);
      design.contents.push_back(design.frame->contents[core]);
      continue;
    }
    const model::Core& known = cores[core]->core;
    if (!alike(known, framed)) {
      design = {};
      return false;
    }
    model::Core& one = system.cores.emplace_back(known);
    one.memory_group = framed.memory_group;
    one.coordinates = framed.coordinates;
    design.contents.push_back(cores[core]->content);
  }
  return true;
}

void SystemDesigns::remember(const std::vector<int>& values, SystemDesign& design) {
  std::vector<std::shared_ptr<const KnownCore>> cores(cores_.size());
  for (std::size_t core = 0; core < design.system.cores.size(); ++core) {
    const int part = part_of(*design.frame, core);
    if (part < 0 || cores[at(part)] != nullptr) continue;
    cores[at(part)] = std::make_shared<const KnownCore>(
        KnownCore{design.system.cores[core], design.contents[core]});
  }
  const std::lock_guard lock(mutex_);
  if (frames_.size() >= kFrames) frames_.clear();
  if (networks_.size() >= kNetworks) networks_.clear();
  networks_.try_emplace(values_of(parts_.workloads, values), design.frame->networks);
  const std::shared_ptr<const SystemFrame>& frame =
      frames_.try_emplace(values_of(parts_.frame, values), design.frame).first->second;
  bool same = true;
  for (std::size_t core = 0; same && core < design.system.cores.size(); ++core)
    same = alike(design.system.cores[core], frame->system.cores[core]);
  if (same) design.frame = frame;
  for (std::size_t part = 0; part < cores.size(); ++part) {
    if (cores[part] == nullptr) continue;
    if (known_cores_ >= kCores) {
      for (auto& known : cores_) known.clear();
      known_cores_ = 0;
    }
    const auto [place, fresh] =
        cores_[part].try_emplace(values_of(parts_.core[part], values), cores[part]);
    if (fresh) ++known_cores_;
  }
}

int SystemDesigns::content_of(const model::Accelerator& accelerator) {
  std::string content = search::core_content(accelerator);
  const std::lock_guard lock(mutex_);
  if (contents_.size() >= kContents) contents_.clear();
  const auto [place, fresh] = contents_.try_emplace(std::move(content), contents_met_);
  if (fresh) ++contents_met_;
  return place->second;
}

}  // namespace ridgeline::engine
