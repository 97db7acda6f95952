#include "io/inputs/workload_reader.hpp"

#include <algorithm>
#include <limits>
#include <map>
#include <set>

#include "io/document/given.hpp"
#include "io/document/nearest.hpp"
#include "io/inputs/language_model.hpp"
#include "io/inputs/reader_support.hpp"
#include "model/core/limits.hpp"

namespace ridgeline::io {

namespace {

using model::DimRelation;
using model::Layer;
using model::LayerOperand;

constexpr std::int64_t kMostInt = std::numeric_limits<int>::max();
constexpr double kMostExact = static_cast<double>(model::kMaxExactInteger);

std::vector<std::string> names_of(const std::vector<model::LoopDim>& dims) {
  std::vector<std::string> names;
  for (const auto& dim : dims) names.push_back(dim.name);
  return names;
}

int relation_index(const Layer& layer, std::string_view name) {
  for (std::size_t r = 0; r < layer.relations.size(); ++r) {
    if (layer.relations[r].name == name) return static_cast<int>(r);
  }
  return -1;
}

std::string read_operator_type(const Value& value) {
  const std::vector<std::string> known{"Max", "Conv", "Pooling", "Add", "Gemm", "Pool", "MaxPool",
                                       "AveragePool", "GlobalAveragePool", "Conv_downsample",
                                       // Of one input, since ZigZag 3.9.
                                       "Relu", "Silu", "Gelu", "Sigmoid", "Tanh", "Exp", "Softmax"};
  const std::string& type = value.as_string();
  if (std::find(known.begin(), known.end(), type) == known.end()) {
    // The reference knows MatMul from ONNX models alone.
    throw value.error(
        "'" + type + "' is no operator type",
        type == "MatMul" ? "in a workload document it is called Gemm" : suggestion(type, known));
  }
  return type;
}

void read_dims(const Value& entry, Layer& layer, std::vector<std::string>* notes) {
  const auto dims = entry.find("loop_dims");
  const auto sizes = entry.find("loop_sizes");
  const std::size_t named = dims ? dims->items().size() : 0;
  const std::size_t sized = sizes ? sizes->items().size() : 0;
  if (named != sized) {
    add_note(notes, entry,
             std::to_string(named) + " loop_dims and " + std::to_string(sized) +
                 " loop_sizes: what one list has more is ignored");
  }
  double macs = 1;
  for (std::size_t i = 0; i < std::min(named, sized); ++i) {
    const Value item = (*dims)[i];
    const std::string name = upper_case(item.as_string());
    if (name.empty()) throw item.error("a loop dimension needs a name");
    if (layer.dim_index(name) >= 0)
      throw item.error("loop dimension '" + name + "' is listed twice");
    layer.dims.push_back({name, (*sizes)[i].as_integer(1)});
    macs *= static_cast<double>(layer.dims.back().size);
  }
  if (layer.dims.size() > static_cast<std::size_t>(model::kMaxDims)) {
    throw dims->error("more than " + std::to_string(model::kMaxDims) + " loop dimensions");
  }
  if (macs > kMostExact) throw sizes->error("the loops together have more than 2^53 iterations");
}

// A name that is missing because loop_sizes is too short for it.
void check_sized(const Value& entry, const std::string& name) {
  const auto dims = entry.find("loop_dims");
  const auto sizes = entry.find("loop_sizes");
  if (!dims) return;
  const std::vector<Value> names = dims->items();
  const std::size_t sized = sizes ? sizes->size() : 0;
  for (std::size_t i = sized; i < names.size(); ++i) {
    if (upper_case(names[i].as_string()) != name) continue;
    throw entry.error("loop_dims names " + std::to_string(names.size()) +
                          " loops, loop_sizes gives " + std::to_string(sized) + ": the size of '" +
                          name + "' is missing",
                      "give every loop a size");
  }
}

void read_relations(const Value& entry, Layer& layer) {
  const auto list = entry.find("dimension_relations");
  if (!list) return;
  for (const Value& item : list->items()) {
    item.as_string();
    const auto parsed = parse_relation(item.text());
    if (const auto* error = std::get_if<SyntaxError>(&parsed)) {
      throw syntax_error(item, *error, "a relation reads like ix = 2*ox + 1*fx");
    }
    const RelationText& text = std::get<RelationText>(parsed);
    DimRelation relation;
    relation.name = text.name;
    relation.coefficient = text.coefficient;
    if (layer.dim_index(text.name) >= 0) {
      throw item.error("'" + text.name + "' is a loop dimension and cannot follow from others",
                       "remove it from loop_dims");
    }
    if (relation_index(layer, text.name) >= 0) {
      throw item.error("a second relation for '" + text.name + "'");
    }
    for (std::size_t t = 0; t < 2; ++t) {
      relation.dim[t] = layer.dim_index(text.dim[t]);
      if (relation.dim[t] < 0) {
        check_sized(entry, text.dim[t]);
        throw item.error("'" + text.dim[t] + "' is no loop dimension of this layer",
                         suggestion(text.dim[t], names_of(layer.dims)));
      }
      // Keeps the closed form of the joint extent exact.
      const double size =
          static_cast<double>(layer.dims[static_cast<std::size_t>(relation.dim[t])].size);
      const double largest =
          static_cast<double>(std::max(relation.coefficient[0], relation.coefficient[1]));
      if (size * largest > kMostExact) {
        throw item.error("the coefficients are too large for loops of these sizes");
      }
    }
    if (relation.dim[0] == relation.dim[1]) {
      throw item.error("a relation joins two different loop dimensions");
    }
    layer.relations.push_back(relation);
  }
  if (layer.relations.size() > static_cast<std::size_t>(model::kMaxRelations)) {
    throw list->error("more than " + std::to_string(model::kMaxRelations) + " relations");
  }
}

// pr_loop_dims with pr_loop_sizes and padding: total sizes of the relations' dimensions.
void read_relation_sizes(const Value& entry, Layer& layer) {
  const auto names = entry.find_non_null("pr_loop_dims");
  const auto sizes = entry.find_non_null("pr_loop_sizes");
  const auto padding = entry.find_non_null("padding");
  for (const auto& list : {sizes, padding}) {
    if (list && !names) throw list->error("this needs pr_loop_dims", "name its dimensions there");
    if (list && list->items().size() != names->items().size()) {
      throw list->error("pr_loop_dims names " + std::to_string(names->size()) +
                        " dimensions, and this has " + std::to_string(list->size()) + " entries");
    }
  }
  for (std::size_t i = 0; names && i < names->items().size(); ++i) {
    const Value item = (*names)[i];
    const int r = relation_index(layer, upper_case(item.as_string()));
    if (r < 0) {
      std::vector<std::string> known;
      for (const DimRelation& relation : layer.relations) known.push_back(relation.name);
      throw item.error("no relation defines '" + item.text() + "'",
                       suggestion(upper_case(item.text()), known));
    }
    DimRelation& relation = layer.relations[static_cast<std::size_t>(r)];
    if (sizes) relation.given_size = (*sizes)[i].as_integer(1);
    if (padding) {
      const Value pair = (*padding)[i];
      if (!pair.is_list() || pair.size() != 2) {
        throw pair.error("expected a pair of integers, [before, after]");
      }
      relation.padding_begin = pair[0].as_integer(-kMostInt, kMostInt);
      relation.padding_end = pair[1].as_integer(-kMostInt, kMostInt);
      if (layer.relation_size(r) < 1) {
        throw pair.error("the padding leaves nothing of '" + relation.name + "'");
      }
    }
  }
}

void read_equation(const Value& entry, Layer& layer) {
  const Value value = entry.at("equation");
  value.as_string();
  const auto parsed = parse_equation(value.text());
  if (const auto* error = std::get_if<SyntaxError>(&parsed)) {
    throw syntax_error(value, *error,
                       "an equation reads like O[b][k] += I[b][c] * W[c][k], with spaces only "
                       "around +=, * and +");
  }
  const Equation& equation = std::get<Equation>(parsed);
  layer.equation = equation.text;
  std::vector<std::string> known = names_of(layer.dims);
  for (const DimRelation& relation : layer.relations) known.push_back(relation.name);
  for (const EquationTerm& term : equation.terms) {
    if (term.operand.empty()) continue;
    LayerOperand operand;
    operand.name = term.operand;
    if (!layer.operands.empty() && term.operand != "I" && term.operand != "W") {
      throw value.error("'" + term.operand + "' is no input operand", "the inputs are I and W");
    }
    if (layer.operand_index(term.operand) >= 0) {
      throw value.error("operand '" + term.operand + "' appears twice", "the inputs are I and W");
    }
    for (const std::string& name : term.indices) {
      const int dim = layer.dim_index(name);
      const int relation = relation_index(layer, name);
      if (dim < 0 && relation < 0) {
        check_sized(entry, name);
        throw value.error("'" + name + "' is neither a loop dimension nor defined by a relation",
                          suggestion(name, known));
      }
      operand.indices.push_back(dim >= 0 ? model::OperandIndex{false, dim}
                                         : model::OperandIndex{true, relation});
    }
    layer.operands.push_back(std::move(operand));
  }
}

void read_precision(const Value& entry, Layer& layer) {
  const Value value = entry.at("operand_precision");
  value.allow_only({"I", "W", "O", "O_final"});
  layer.output_final_precision = value.at("O_final").as_integer(0);
  for (std::size_t o = 0; o < layer.operands.size(); ++o) {
    LayerOperand& operand = layer.operands[o];
    operand.precision = value.at(operand.name).as_integer(0);
  }
  for (const auto& [name, bits] : value.entries()) bits.as_integer(0);
  // Sizes in bits must stay exact, too.
  for (std::size_t o = 0; o < layer.operands.size(); ++o) {
    const model::Relevance classes = model::relevance(layer, static_cast<int>(o));
    double bits = static_cast<double>(layer.operands[o].precision);
    for (std::size_t d = 0; d < layer.dims.size(); ++d) {
      if (classes.relevant >> d & 1u) bits *= static_cast<double>(layer.dims[d].size);
    }
    for (std::size_t r = 0; classes.partial && r < layer.relations.size(); ++r) {
      bits *= static_cast<double>(layer.relation_size(static_cast<int>(r)));
    }
    if (bits > kMostExact) {
      throw entry.error("operand " + layer.operands[o].name + " has more than 2^53 bits");
    }
  }
}

// Layers by id, for messages about sources.
struct Listing {
  std::map<int, std::size_t> place;         // of an id in the document
  std::map<int, std::vector<int>> sources;  // ids that an id names as sources, not itself
};

// "1 -> 4 -> 1" where layer `id` needs, through its sources, its own result.
std::string cycle_through(const Listing& listing, int id) {
  std::map<int, int> reached_from{{id, id}};
  std::vector<int> open{id};
  while (!open.empty()) {
    const int next = open.back();
    open.pop_back();
    const auto it = listing.sources.find(next);
    if (it == listing.sources.end()) continue;
    for (int source : it->second) {
      if (source == id) {
        std::string path = std::to_string(id);
        for (int step = next; step != id; step = reached_from[step]) {
          path = std::to_string(step) + " -> " + path;
        }
        return std::to_string(id) + " -> " + path;
      }
      if (reached_from.emplace(source, next).second) open.push_back(source);
    }
  }
  return "";
}

Listing list_layers(const Value& document) {
  Listing listing;
  const std::vector<Value> entries = document.items();
  for (std::size_t i = 0; i < entries.size(); ++i) {
    const auto given = entries[i].find("id");
    const int id = given ? static_cast<int>(given->as_integer(-kMostInt, kMostInt)) : 0;
    if (!listing.place.emplace(id, i).second) {
      throw(given ? *given : entries[i])
          .error("layer id " + std::to_string(id) + " is used twice",
                 given ? "every layer needs its own" : "a layer without `id` gets 0");
    }
    if (const auto source = entries[i].find("operand_source"); source && source->is_map()) {
      for (const auto& [operand, value] : source->entries()) {
        if (!value.is_integer()) continue;
        const int producer = static_cast<int>(value.as_integer(-kMostInt, kMostInt));
        if (producer != id) listing.sources[id].push_back(producer);
      }
    }
  }
  return listing;
}

void read_sources(const Value& entry, const Listing& listing, std::size_t place, Layer& layer,
                  std::vector<int>& predecessors) {
  const auto source = entry.find("operand_source");
  if (!source) return;
  source->allow_only({"I", "W"});
  for (const auto& [name, value] : source->entries()) {
    const int producer = static_cast<int>(value.as_integer(-kMostInt, kMostInt));
    const int place_of_operand = layer.operand_index(name);
    if (place_of_operand < 0) {
      throw value.error("the equation has no operand '" + name + "'", "remove this source");
    }
    LayerOperand& operand = layer.operands[static_cast<std::size_t>(place_of_operand)];
    if (producer == layer.id) {
      operand.constant = true;
      layer.constant_operands.push_back(name);
      continue;
    }
    const auto listed = listing.place.find(producer);
    if (listed == listing.place.end()) {
      throw value.error("there is no layer with id " + std::to_string(producer),
                        "the layer's own id (" + std::to_string(layer.id) +
                            ") marks a constant: weights or the network's input");
    }
    if (listed->second > place) {
      const std::string cycle = cycle_through(listing, layer.id);
      if (!cycle.empty()) {
        throw value.error("the sources form a cycle: layers " + cycle,
                          "a layer cannot need its own result");
      }
      throw value.error("layer " + std::to_string(producer) + " is listed later",
                        "list the layers in the order of their data");
    }
    operand.source = producer;
    predecessors.push_back(producer);
  }
}

model::WorkloadNode read_layer(const Value& entry, const Listing& listing, std::size_t place,
                               std::vector<std::string>* notes) {
  entry.allow_only({"id", "name", "operator_type", "equation", "dimension_relations", "loop_dims",
                    "loop_sizes", "operand_precision", "operand_source", "pr_loop_dims",
                    "pr_loop_sizes", "padding"});
  Layer layer;
  if (const auto id = entry.find("id")) layer.id = static_cast<int>(id->as_integer());
  const auto name = entry.find_non_null("name");
  layer.name = name ? name->as_string() : "Layer" + std::to_string(layer.id);
  layer.operator_type = read_operator_type(entry.at("operator_type"));
  read_dims(entry, layer, notes);
  read_relations(entry, layer);
  read_relation_sizes(entry, layer);
  read_equation(entry, layer);
  read_precision(entry, layer);
  std::vector<int> predecessors;
  read_sources(entry, listing, place, layer, predecessors);
  model::WorkloadNode node;
  node.id = layer.id;
  node.name = layer.name;
  node.operator_type = layer.operator_type;
  node.predecessors = std::move(predecessors);
  node.layer = std::move(layer);
  return node;
}

}  // namespace

model::Workload read_workload(const Value& document, const std::string& name,
                              std::vector<std::string>* notes) {
  if (is_language_model(document)) return read_language_model(document, name);
  model::Workload workload;
  workload.name = name;
  const std::vector<Value> entries = document.items();
  if (entries.empty()) throw document.error("the workload has no layers");
  const Listing listing = list_layers(document);
  for (std::size_t i = 0; i < entries.size(); ++i) {
    workload.nodes.push_back(read_layer(entries[i], listing, i, notes));
  }
  return workload;
}

model::Workload load_workload_document(const std::filesystem::path& path,
                                       std::vector<std::string>* notes) {
  const Document document = load_document(path);
  if (notes != nullptr) {
    notes->insert(notes->end(), document.notes().begin(), document.notes().end());
  }
  return read_workload(document.root(), stem_of(path), notes);
}

}  // namespace ridgeline::io
