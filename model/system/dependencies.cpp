#include "model/system/dependencies.hpp"

#include <algorithm>
#include <map>
#include <optional>

#include "model/core/propagation.hpp"
#include "model/system/box_grid.hpp"

namespace ridgeline::model {

namespace {

// More ways than this between two layers are not followed.
constexpr std::size_t kMaxPaths = 10'000;

// A way backwards from a consumer: the nodes without cost on it, the consumer's side first, and
// for each which of its producer's outputs it takes.
struct Way {
  int producer = 0;         // place in Network::nodes
  int producer_output = 0;  // that the first node of the way reads
  std::vector<NetworkInput> between;
  std::vector<int> slots;   // input of each by which the data comes in
  bool transparent = true;  // only nodes that change nothing
};

// Axes of an operand as boxes: group and channel merged into one.
struct BoxAxes {
  struct Axis {
    int first = 0;    // place among the operand's indices
    int second = -1;  // merged with it: first * size + second
    std::int64_t size = 1;
    std::int64_t extent = 1;  // of the whole layer
  };
  std::vector<Axis> axes;
};

std::int64_t extent_of(const Layer& layer, const OperandIndex& index) {
  return index.is_relation ? layer.relation_size(index.index)
                           : layer.dims[static_cast<std::size_t>(index.index)].size;
}

BoxAxes box_axes(const Layer& layer, int operand, const char* channel) {
  const auto& indices = layer.operands[static_cast<std::size_t>(operand)].indices;
  const auto find = [&](const char* name) {
    for (std::size_t i = 0; i < indices.size(); ++i) {
      if (!indices[i].is_relation &&
          layer.dims[static_cast<std::size_t>(indices[i].index)].name == name) {
        return static_cast<int>(i);
      }
    }
    return -1;
  };
  const int group = find("G");
  const int inner = find(channel);
  const bool merged = group >= 0 && inner >= 0;
  BoxAxes result;
  for (int i = 0; i < static_cast<int>(indices.size()); ++i) {
    if (merged && i == std::max(group, inner)) continue;
    BoxAxes::Axis axis{.first = i};
    axis.extent = extent_of(layer, indices[static_cast<std::size_t>(i)]);
    if (merged && i == std::min(group, inner)) {
      axis.first = group;
      axis.second = inner;
      axis.size = extent_of(layer, indices[static_cast<std::size_t>(inner)]);
      axis.extent = axis.size * extent_of(layer, indices[static_cast<std::size_t>(group)]);
    }
    result.axes.push_back(axis);
  }
  return result;
}

Range box_range(const CnGraph& graph, int node, int operand, const BoxAxes::Axis& axis) {
  const Range first = graph.operand_range(node, operand, axis.first);
  if (axis.second < 0) return first;
  const Range second = graph.operand_range(node, operand, axis.second);
  // The lower end is not scaled (a quirk of the reference).
  return {first.lo + second.lo, (first.hi - 1) * axis.size + second.hi};
}

// For each axis of the producer the consumer's axis that it is compared with, -1: none. By
// position; where the ranks differ, a broadcast, by the sizes of the axes.
std::vector<int> match_axes(const BoxAxes& producer, const BoxAxes& consumer) {
  std::vector<int> match(producer.axes.size(), -1);
  if (producer.axes.size() == consumer.axes.size()) {
    for (std::size_t a = 0; a < match.size(); ++a) match[a] = static_cast<int>(a);
    return match;
  }
  std::size_t p = 0;
  for (std::size_t c = 0; c < consumer.axes.size(); ++c) {
    std::size_t q = p;
    while (q < match.size() && producer.axes[q].extent != consumer.axes[c].extent) ++q;
    if (q == match.size()) continue;
    match[q] = static_cast<int>(c);
    p = q + 1;
  }
  return match;
}

class Finder {
 public:
  Finder(const Network& network, const CnGraph& graph,
         const std::vector<std::vector<std::int64_t>>& original,
         std::vector<Dependency>& dependencies, std::vector<AlignedPair>& aligned)
      : network_(network),
        graph_(graph),
        original_(original),
        dependencies_(dependencies),
        aligned_(aligned) {
    layer_of_.assign(network.nodes.size(), -1);
    for (std::size_t l = 0; l < graph.layers.size(); ++l) {
      layer_of_[static_cast<std::size_t>(network.node_index(graph.layers[l].id))] =
          static_cast<int>(l);
    }
  }

  TilingFault run() {
    // By producer, so that what is known of its outputs serves all its consumers.
    std::map<int, std::map<int, std::vector<Way>>> ways;  // producer layer, consumer layer
    for (std::size_t l = 0; l < graph_.layers.size(); ++l) {
      const int place = network_.node_index(graph_.layers[l].id);
      std::vector<Way> found;
      Way way;
      if (!collect(place, way, found)) {
        return {graph_.layers[l].id, "too many paths lead to node '" + graph_.layers[l].name + "'",
                "simplify the graph between the layers"};
      }
      for (Way& w : found) {
        const int producer = layer_of_[static_cast<std::size_t>(w.producer)];
        ways[producer][static_cast<int>(l)].push_back(std::move(w));
      }
    }
    for (auto& [producer, consumers] : ways) {
      grid_.reset();
      produced_.reset();
      for (auto& [consumer, list] : consumers) {
        const auto shortest = std::min_element(
            list.begin(), list.end(),
            [](const Way& a, const Way& b) { return a.between.size() < b.between.size(); });
        const bool simple = shortest->transparent;
        for (const Way& way : list) {
          if (simple != way.transparent && simple) continue;
          connect(producer, consumer, way, simple);
        }
      }
    }
    return {};
  }

 private:
  // Ways to the producers of the node at `place`, through nodes without a layer.
  bool collect(int place, Way& way, std::vector<Way>& found) const {
    const NetworkNode& node = network_.nodes[static_cast<std::size_t>(place)];
    for (std::size_t slot = 0; slot < node.inputs.size(); ++slot) {
      const NetworkInput& input = node.inputs[slot];
      const NetworkNode& source = network_.nodes[static_cast<std::size_t>(input.node)];
      if (source.layer) {
        Way complete = way;
        if (!node.layer) complete.slots.push_back(static_cast<int>(slot));
        complete.producer = input.node;
        complete.producer_output = input.output;
        if (!repeats(found, complete)) found.push_back(std::move(complete));
        if (found.size() > kMaxPaths) return false;
        continue;
      }
      Way longer = way;
      if (!node.layer) longer.slots.push_back(static_cast<int>(slot));
      longer.between.push_back(input);
      longer.transparent = longer.transparent && source.moving.kind == Movement::none;
      if (!collect(input.node, longer, found)) return false;
    }
    return true;
  }

  static bool repeats(const std::vector<Way>& found, const Way& way) {
    return std::any_of(found.begin(), found.end(), [&](const Way& other) {
      return other.producer == way.producer && other.slots == way.slots &&
             std::equal(other.between.begin(), other.between.end(), way.between.begin(),
                        way.between.end(), [](const NetworkInput& a, const NetworkInput& b) {
                          return a.node == b.node && a.output == b.output;
                        });
    });
  }

  // Operands of the consumer that the way ends in.
  std::vector<int> operands_of(int consumer, const Way& way) const {
    const int last = way.between.empty() ? way.producer : way.between.front().node;
    const int id = network_.nodes[static_cast<std::size_t>(last)].id;
    const Layer& layer = graph_.layers[static_cast<std::size_t>(consumer)].whole;
    std::vector<int> operands;
    for (std::size_t o = 1; o < layer.operands.size(); ++o) {
      if (layer.operands[o].source == id) operands.push_back(static_cast<int>(o));
    }
    return operands;
  }

  void connect(int producer, int consumer, const Way& way, bool simple) {
    const bool exact = network_node(producer).exact && network_node(consumer).exact;
    for (int operand : operands_of(consumer, way)) {
      if (!exact) {
        connect_all(producer, consumer, operand);
      } else if (simple) {
        connect_boxes(producer, consumer, operand);
      } else {
        connect_through(producer, consumer, operand, way);
      }
    }
  }

  const NetworkNode& network_node(int layer) const {
    const int id = graph_.layers[static_cast<std::size_t>(layer)].id;
    return network_.nodes[static_cast<std::size_t>(network_.node_index(id))];
  }

  // Every node waits for all of what the producer finishes.
  void connect_all(int producer, int consumer, int operand) {
    const std::vector<std::int32_t> nodes = finishing(producer);
    for_each_tensor(consumer, operand,
                    [&](int, std::vector<std::int32_t>& found) { found = nodes; });
  }

  // Calls find(node, list) once for every distinct tensor of the operand, and makes each node
  // that has the tensor depend on the list.
  template <typename Find>
  void for_each_tensor(int consumer, int operand, Find&& find) {
    const CnLayer& layer = graph_.layers[static_cast<std::size_t>(consumer)];
    std::map<std::int32_t, std::vector<std::int32_t>> known;
    std::vector<std::int32_t> list;
    for (int n = 0; n < layer.node_count; ++n) {
      const int node = layer.first_node + n;
      const CnNode& cn = graph_.nodes[static_cast<std::size_t>(node)];
      const std::int32_t tensor = cn.tensor[static_cast<std::size_t>(operand)];
      const std::vector<std::int32_t>* producers = &list;
      const bool shared = shared_tensors(layer, operand);
      if (shared) {
        const auto [entry, inserted] = known.try_emplace(tensor);
        if (inserted) find(node, entry->second);
        producers = &entry->second;
      } else {
        list.clear();
        find(node, list);
      }
      for (std::int32_t p : *producers) dependencies_.push_back({node, p, operand});
    }
  }

  // Whether nodes of the layer share tensors of the operand, so that remembering pays.
  bool shared_tensors(const CnLayer& layer, int operand) const {
    const Relevance classes = relevance(layer.whole, operand);
    return std::any_of(layer.outer.begin(), layer.outer.end(), [&](const TilingLoop& loop) {
      return loop.factor > 1 && (classes.irrelevant >> loop.dim & 1u);
    });
  }

  // Nodes of the producer that finish outputs: all reduction loops at the end of their original
  // range.
  std::vector<std::int32_t> finishing(int producer) const {
    const CnLayer& layer = graph_.layers[static_cast<std::size_t>(producer)];
    const auto& sizes = original_[static_cast<std::size_t>(producer)];
    const std::uint32_t irrelevant = relevance(layer.whole, 0).irrelevant;
    std::vector<std::int32_t> nodes;
    for (int n = 0; n < layer.node_count; ++n) {
      const int node = layer.first_node + n;
      const auto ranges = graph_.ranges_of(node);
      bool last = true;
      for (std::size_t d = 0; d < sizes.size(); ++d) {
        last = last && (!(irrelevant >> d & 1u) || ranges[d].hi >= sizes[d]);
      }
      if (last) nodes.push_back(node);
    }
    return nodes;
  }

  void connect_boxes(int producer, int consumer, int operand) {
    const Layer& from = graph_.layers[static_cast<std::size_t>(producer)].whole;
    const Layer& to = graph_.layers[static_cast<std::size_t>(consumer)].whole;
    const BoxAxes output = box_axes(from, 0, "K");
    const BoxAxes input = box_axes(to, operand, "C");
    const std::size_t rank = output.axes.size();
    if (!grid_) {
      const std::vector<std::int32_t> nodes = finishing(producer);
      std::vector<Range> boxes;
      boxes.reserve(nodes.size() * rank);
      for (std::int32_t node : nodes) {
        for (const auto& axis : output.axes) boxes.push_back(box_range(graph_, node, 0, axis));
      }
      grid_.emplace(static_cast<int>(rank), boxes, nodes, BoxGrid::Cells::whole);
    }
    const std::vector<int> match = match_axes(output, input);
    if (rank == input.axes.size()) aligned_.push_back({producer, consumer, operand});
    std::vector<Range> window(rank);
    for_each_tensor(consumer, operand, [&](int node, std::vector<std::int32_t>& found) {
      for (std::size_t a = 0; a < rank; ++a) {
        const int axis = match[a];
        window[a] =
            axis < 0 ? Range{0, output.axes[a].extent}
                     : box_range(graph_, node, operand, input.axes[static_cast<std::size_t>(axis)]);
      }
      grid_->visit(std::span<const Range>(window), [&](std::span<const std::int32_t> nodes) {
        found.insert(found.end(), nodes.begin(), nodes.end());
      });
    });
  }

  // The producer's output as an array: which nodes make each element.
  void produce(int producer) {
    const CnLayer& layer = graph_.layers[static_cast<std::size_t>(producer)];
    const auto& indices = layer.whole.operands[0].indices;
    std::vector<std::int32_t> nodes;
    std::vector<Range> boxes;
    for (int n = 0; n < layer.node_count; ++n) {
      const int node = layer.first_node + n;
      if (!graph_.nodes[static_cast<std::size_t>(node)].final_output) continue;
      nodes.push_back(node);
      for (std::size_t i = 0; i < indices.size(); ++i) {
        const std::int64_t size = extent_of(layer.whole, indices[i]);
        Range range = graph_.operand_range(node, 0, static_cast<int>(i));
        if (range.lo >= size) range = {size - 1, size};
        range.hi = std::min(range.hi, size);
        boxes.push_back(range);
      }
    }
    produced_.emplace(static_cast<int>(indices.size()), boxes, nodes, BoxGrid::Cells::elementary);
    produced_depth_ = produced_->deepest();
  }

  Path path_of(int producer, int consumer, const Way& way) const {
    const CnLayer& layer = graph_.layers[static_cast<std::size_t>(producer)];
    std::vector<std::int64_t> shape;
    std::vector<bool> relevant;
    std::map<std::string, std::int64_t> size_of;
    for (const OperandIndex& index : layer.whole.operands[0].indices) {
      shape.push_back(extent_of(layer.whole, index));
      const auto tiled = [&](const std::vector<TilingLoop>& loops) {
        return std::any_of(loops.begin(), loops.end(), [&](const TilingLoop& loop) {
          return !index.is_relation && loop.dim == index.index && loop.factor > 1;
        });
      };
      relevant.push_back(tiled(layer.intra) || tiled(layer.inter));
      if (!index.is_relation) {
        size_of[layer.whole.dims[static_cast<std::size_t>(index.index)].name] = shape.back();
      }
    }
    Path path(std::move(shape), std::move(relevant), produced_depth_);
    if (size_of.contains("B") && size_of.contains("OX") && size_of.contains("OY")) {
      // Loops walk OY before OX; the array is read as if it were the other way round (a quirk
      // of the reference).
      const std::int64_t groups = size_of.contains("G") ? size_of["G"] : 1;
      const std::int64_t channels = size_of.contains("K") ? size_of["K"] : 1;
      path.relayout({size_of["B"], groups * channels, size_of["OX"], size_of["OY"]});
    }
    for (std::size_t i = way.between.size(); i-- > 0;) {
      const NetworkNode& node = network_.nodes[static_cast<std::size_t>(way.between[i].node)];
      const NetworkNode& next =
          i == 0 ? network_.nodes[static_cast<std::size_t>(
                       network_.node_index(graph_.layers[static_cast<std::size_t>(consumer)].id))]
                 : network_.nodes[static_cast<std::size_t>(way.between[i - 1].node)];
      const int step =
          node.moving.kind == Movement::generated_concat ? layer.generation : next.generation;
      path.append(node.moving, way.slots[i], way.between[i].output, std::max(0, step));
    }
    return path;
  }

  void connect_through(int producer, int consumer, int operand, const Way& way) {
    if (!produced_) produce(producer);
    const Path path = path_of(producer, consumer, way);
    // What cannot be followed index by index may need everything.
    if (!path.problem().empty()) return connect_all(producer, consumer, operand);
    const Layer& to = graph_.layers[static_cast<std::size_t>(consumer)].whole;
    const std::size_t rank = to.operands[static_cast<std::size_t>(operand)].indices.size();
    std::vector<Range> window(rank);
    for_each_tensor(consumer, operand, [&](int node, std::vector<std::int32_t>& found) {
      for (std::size_t i = 0; i < rank; ++i) {
        window[i] = graph_.operand_range(node, operand, static_cast<int>(i));
      }
      for (const Region& region : path.trace_back(window)) {
        const IndexSet& slots = region.back();
        produced_->visit(std::span<const IndexSet>(region.data(), region.size() - 1),
                         [&](std::span<const std::int32_t> nodes) {
                           for (const Range& range : slots) {
                             const auto end = std::min<std::int64_t>(
                                 range.hi, static_cast<std::int64_t>(nodes.size()));
                             for (std::int64_t s = range.lo; s < end; ++s) {
                               found.push_back(nodes[static_cast<std::size_t>(s)]);
                             }
                           }
                         });
      }
      std::sort(found.begin(), found.end());
      found.erase(std::unique(found.begin(), found.end()), found.end());
    });
  }

  const Network& network_;
  const CnGraph& graph_;
  const std::vector<std::vector<std::int64_t>>& original_;
  std::vector<Dependency>& dependencies_;
  std::vector<AlignedPair>& aligned_;
  std::vector<int> layer_of_;    // place in CnGraph::layers of each network node
  std::optional<BoxGrid> grid_;  // of the producer at hand
  std::optional<BoxGrid> produced_;
  int produced_depth_ = 1;
};

}  // namespace

TilingFault find_dependencies(const Network& network, const CnGraph& graph,
                              const std::vector<std::vector<std::int64_t>>& original,
                              std::vector<Dependency>& dependencies,
                              std::vector<AlignedPair>& aligned) {
  const TilingFault fault = Finder(network, graph, original, dependencies, aligned).run();
  std::sort(aligned.begin(), aligned.end());
  return fault;
}

}  // namespace ridgeline::model
