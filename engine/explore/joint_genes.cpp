#include "engine/explore/joint_genes.hpp"

#include <algorithm>
#include <utility>

#include "io/inputs/stream_mapping_reader.hpp"
#include "model/system/cn_graph.hpp"

namespace ridgeline::engine {
namespace {

std::size_t at(std::int64_t i) {
  return static_cast<std::size_t>(i);
}

model::NodePriority priority_of(const std::string& name) {
  if (name == "latency") return model::NodePriority::latency;
  return name == "memory" ? model::NodePriority::memory : model::NodePriority::order;
}

}  // namespace

JointGenes::JointGenes(const io::Study& study)
    : study_(study), frame_(io::design_parts(study).frame) {
  const io::ScheduleSearch& search = study.spec().schedule_search;
  for (const std::string& mode : search.modes) {
    if (mode != "fused" || search.granularity.empty()) modes_.push_back({mode, -1});
    if (mode != "fused") continue;
    for (std::size_t d = 0; d < search.granularity.size(); ++d)
      modes_.push_back({mode, static_cast<int>(d)});
  }
  if (modes_.size() > 32)
    throw io::InputError({study.spec().file.string(), "/schedule_search/granularity", 0, 0},
                         "more than 31 dimensions by which stacks may be cut", "list fewer");
  mode_gene_ = add(search::ScheduleGene::mode, static_cast<int>(modes_.size()));
  priority_gene_ = add(search::ScheduleGene::priority, static_cast<int>(search.priorities.size()));
  const io::DesignDocuments documents = study.one_of_each_kind();
  const std::size_t cores = documents.accelerator.root().at("cores").size();
  if (documents.kind_of.empty()) {
    for (std::size_t core = 0; core < cores; ++core) kinds_.push_back(std::to_string(core));
  } else {
    kinds_ = documents.kind_of;
  }
  model::CoreMapping mapping = io::read_core_mapping(documents.mapping.root());
  const Networks networks = networks_of(study, documents, mapping);
  resolve_places(study, networks, mapping);
  for (const model::Network& network : networks) {
    add_workload(network, mapping);
  }
  layer_of_gene_.assign(genes_.size(), nullptr);
  for (const auto& layers : layers_)
    for (const JointLayer& layer : layers)
      for (int s = 0; layer.first_core >= 0 && s < layer.slices; ++s)
        layer_of_gene_[at(layer.first_core + s)] = &layer;
}

int JointGenes::add(search::ScheduleGene kind, int size, std::uint32_t modes) {
  genes_.push_back({kind, size, modes});
  return static_cast<int>(genes_.size()) - 1;
}

void JointGenes::add_workload(const model::Network& network, const model::CoreMapping& mapping) {
  const io::ScheduleSearch& search = study_.spec().schedule_search;
  model::TilingOptions tiling;
  tiling.mode = model::ScheduleMode::layer_by_layer;
  const model::CnGraphResult built = model::build_cn_graph(network, mapping, tiling);
  if (built.problem)
    throw io::InputError({study_.spec().file.string(), "/mapping", 0, 0}, built.problem.problem,
                         built.problem.remedy);
  std::uint32_t fused = 0;
  for (std::size_t m = 0; m < modes_.size(); ++m)
    if (modes_[m].name == "fused") fused |= std::uint32_t{1} << m;
  auto& layers = layers_.emplace_back();
  // Where the weights decide, the one stack of several layers begins with the first.
  int first = built.graph.layers.empty() ? 0 : built.graph.layers.front().id;
  for (const model::CnLayer& layer : built.graph.layers) first = std::min(first, layer.id);
  for (const model::CnLayer& layer : built.graph.layers) {
    JointLayer& joint = layers.emplace_back();
    joint.id = layer.id;
    joint.slices = layer.groups;
    for (const int core : layer.cores)
      if (at(core) < kinds_.size()) joint.kinds.push_back(core);
    std::sort(joint.kinds.begin(), joint.kinds.end());
    // Of a given system a mapping may leave no choice; how many cores a kind has varies.
    const bool given = !study_.spec().system_space &&
                       static_cast<std::int64_t>(layer.cores.size()) == layer.inter_tiles;
    for (int s = 0; !given && s < joint.slices; ++s) {
      const int gene =
          add(search::ScheduleGene::core, static_cast<int>(kinds_.size()) * kCoresOfKind);
      if (s == 0) joint.first_core = gene;
    }
    if (fused != 0 && search.search_stacks && layers.size() > 1)
      joint.boundary = add(search::ScheduleGene::boundary, 2, fused);
    for (std::size_t d = 0; d < search.granularity.size(); ++d) {
      std::uint32_t modes = 0;
      for (std::size_t m = 0; m < modes_.size(); ++m)
        if (modes_[m].dim == static_cast<int>(d)) modes |= std::uint32_t{1} << m;
      const auto choices = static_cast<int>(search.granularity[d].second.size());
      joint.factors.push_back(modes == 0 || choices < 2 ||
                                      (!search.search_stacks && layer.id != first)
                                  ? -1
                                  : add(search::ScheduleGene::factor, choices, modes));
    }
  }
  if (!search.search_stacks) return;
  for (std::size_t l = 0; l < layers.size(); ++l) {
    for (const int factor : layers[l].factors) {
      if (factor < 0) continue;
      genes_[at(factor)].of_stack = true;
      genes_[at(factor)].begins = layers[l].boundary;
      genes_[at(factor)].ends = l + 1 < layers.size() ? layers[l + 1].boundary : -1;
    }
  }
}

std::shared_ptr<const search::CoreChoices> JointGenes::cores(std::uint64_t design) const {
  constexpr std::size_t kKnown = 4096;
  const std::vector<int> values = study_.values_of(design);
  std::vector<int> key;
  for (const int p : frame_) key.push_back(values[at(p)]);
  const std::lock_guard lock(mutex_);
  if (choices_.size() >= kKnown) choices_.clear();
  auto& known = choices_[key];
  if (known == nullptr) known = std::make_shared<const search::CoreChoices>(choices_of(design));
  return known;
}

search::CoreChoices JointGenes::choices_of(std::uint64_t design) const {
  io::SystemShape shape;
  try {
    shape = study_.system_shape(design);
  } catch (const io::InputError&) {
    // An error of this design, told when it is evaluated.
  }
  search::CoreChoices choices;
  choices.values.resize(genes_.size());
  for (std::size_t g = 0; g < genes_.size(); ++g) {
    if (layer_of_gene_[g] == nullptr) continue;
    for (const int kind : layer_of_gene_[g]->kinds) {
      const int count = at(kind) < shape.counts.size() ? shape.counts[at(kind)] : 0;
      for (int i = 0; i < std::min(count, kCoresOfKind); ++i)
        choices.values[g].push_back(kind * kCoresOfKind + i);
    }
  }
  if (!shape.interchangeable) return choices;
  for (std::size_t kind = 0; kind < shape.counts.size(); ++kind) {
    if (shape.counts[kind] < 2) continue;
    auto& alike = choices.alike.emplace_back();
    for (int i = 0; i < std::min(shape.counts[kind], kCoresOfKind); ++i)
      alike.push_back(static_cast<int>(kind) * kCoresOfKind + i);
  }
  return choices;
}

const JointMode& JointGenes::mode(const search::Genome& schedule) const {
  return modes_.at(at(value(schedule, mode_gene_)));
}

const std::string& JointGenes::priority(const search::Genome& schedule) const {
  return study_.spec().schedule_search.priorities.at(at(value(schedule, priority_gene_)));
}

void JointGenes::apply(const search::Genome& schedule, std::size_t w, const SystemDesign& design,
                       ScheduleRequest& request) const {
  const model::Network& network = design.networks()[w];
  const io::ScheduleSearch& search = study_.spec().schedule_search;
  const JointMode& chosen = mode(schedule);
  request.schedule.semantics.priority = priority_of(priority(schedule));
  request.tiling.mode =
      chosen.name == "fused" ? model::ScheduleMode::fused : model::ScheduleMode::layer_by_layer;
  const std::vector<JointLayer>& layers = layers_[w];
  request.allocation.clear();
  for (const JointLayer& layer : layers) {
    if (layer.first_core < 0) continue;
    LayerAllocation& allocation = request.allocation.emplace_back();
    allocation.id = layer.id;
    for (int s = 0; s < layer.slices; ++s) {
      const int v = value(schedule, layer.first_core + s);
      const std::vector<int>& of = design.frame->cores_of.at(at(v / kCoresOfKind));
      // No core takes the layer: what the scheduler says of such a place is the answer.
      allocation.cores.push_back(of.empty() ? design.system.offchip_core
                                            : of[at(v % kCoresOfKind) % of.size()]);
    }
  }
  if (request.tiling.mode == model::ScheduleMode::layer_by_layer) return;
  if (search.search_stacks) {
    auto& stacks = request.tiling.stacks.emplace();
    for (const JointLayer& layer : layers) {
      if (stacks.empty() || value(schedule, layer.boundary) == 1) stacks.emplace_back();
      stacks.back().push_back(layer.id);
    }
  }
  if (chosen.dim < 0) return;
  const auto& [dim, choices] = search.granularity[at(chosen.dim)];
  request.granularity = GranularityRequest{dim, {}, {}};
  for (const nlohmann::ordered_json& choice : choices)
    request.granularity->factors.push_back(choice.is_number() ? choice.get<std::int64_t>()
                                                              : model::kAllTiles);
  model::TilingOptions tiling = request.tiling;
  tiling.weight_capacity = model::weight_capacity(design.system);
  for (const std::vector<int>& stack : model::choose_stacks(network, tiling)) {
    if (stack.size() < 2) continue;
    const auto first = std::find_if(layers.begin(), layers.end(), [&](const JointLayer& layer) {
      return layer.id == stack.front();
    });
    const int factor = first == layers.end() ? 0 : value(schedule, first->factors[at(chosen.dim)]);
    request.granularity->chosen.push_back(request.granularity->factors[at(factor)]);
  }
}

}  // namespace ridgeline::engine
