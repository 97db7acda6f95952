#include "io/onnx/constant_folding.hpp"

#include <algorithm>
#include <array>
#include <cmath>
#include <functional>
#include <numeric>
#include <set>

#include "io/onnx/array_arithmetic.hpp"
#include "io/onnx/small_array.hpp"

namespace ridgeline::io {

namespace {

enum ElementType {
  kFloat = 1,
  kInt32 = 6,
  kInt64 = 7,
  kBool = 9,
  kHalf = 10,
  kDouble = 11,
  kBfloat16 = 16
};

bool is_real(int type) {
  return type == kFloat || type == kHalf || type == kDouble || type == kBfloat16;
}

class Folder {
 public:
  Folder(OnnxGraph& graph, int node, FoldingBudget& budget)
      : graph_(graph), node_(graph.nodes[static_cast<std::size_t>(node)]), budget_(budget) {}

  void run() {
    mark_constants();
    if (!node_.domain.empty() || node_.has_subgraph || node_.outputs.empty()) return;
    const std::string& type = node_.op_type;
    if (type == "Shape") return shape();
    if (type == "Size") return size();
    if (type == "Constant") return;  // known from the file
    if (type == "Split") return split();
    std::optional<SmallArray> result = value_of(type);
    if (result) set(0, std::move(*result));
  }

 private:
  void mark_constants() {
    static const std::set<std::string> random{"RandomNormal",     "RandomUniform",
                                              "RandomNormalLike", "RandomUniformLike",
                                              "Multinomial",      "Bernoulli"};
    bool all = !random.contains(node_.op_type) && !node_.has_subgraph;
    if (node_.op_type != "Shape" && node_.op_type != "Size") {
      for (const int input : node_.inputs) {
        all = all && (input < 0 || graph_.tensor(input).constant);
      }
    }
    node_.constant = all;
    if (!all) return;
    for (const int output : node_.outputs) {
      if (output >= 0) tensor(output).constant = true;
    }
  }

  OnnxTensor& tensor(int place) { return graph_.tensors[static_cast<std::size_t>(place)]; }

  // Known sizes of a tensor; nothing where one is not known.
  std::optional<Sizes> sizes(const OnnxTensor& t) const {
    if (!t.shape) return std::nullopt;
    Sizes result;
    for (const OnnxDim& dim : *t.shape) {
      if (dim.size == 0 && !dim.zero) return std::nullopt;
      result.push_back(dim.size);
    }
    return result;
  }

  std::optional<SmallArray> input(std::size_t place) const {
    if (place >= node_.inputs.size() || node_.inputs[place] < 0) return std::nullopt;
    const OnnxTensor& t = graph_.tensor(node_.inputs[place]);
    SmallArray array;
    if (t.values) {
      array.integers = *t.values;
    } else if (t.partial) {
      array.integers = *t.partial;
    } else if (t.reals) {
      array.real = true;
      array.reals = *t.reals;
    } else {
      return std::nullopt;
    }
    const auto shape = sizes(t);
    if (!shape) return std::nullopt;
    array.shape = *shape;
    const std::size_t held = array.real ? array.reals.size() : array.integers.size();
    if (array.size() != static_cast<std::int64_t>(held)) return std::nullopt;
    return array;
  }
  // Integers that are all known.
  std::optional<Sizes> integers(std::size_t place) const {
    const auto array = input(place);
    if (!array || array->real || !array->known()) return std::nullopt;
    return array->integers;
  }
  std::int64_t attribute(std::string_view name, std::int64_t otherwise) const {
    const OnnxAttribute* found = node_.attribute(name);
    return found && found->integers.size() == 1 ? found->integers.front() : otherwise;
  }

  void set(std::size_t output, SmallArray array) {
    if (output >= node_.outputs.size() || node_.outputs[output] < 0) return;
    const std::int64_t elements = array.size();
    if (elements < 0 || elements > kMaxOnnxConstants || elements > budget_.elements) return;
    if (array.shape.size() > static_cast<std::size_t>(kMaxOnnxRank)) return;
    budget_.elements -= elements;
    OnnxTensor& t = tensor(node_.outputs[output]);
    OnnxShape shape;
    for (const std::int64_t s : array.shape) shape.push_back({s, "", s == 0});
    t.shape = std::move(shape);
    if (t.element_type == 0) t.element_type = array.real ? kFloat : kInt64;
    if (array.real) {
      t.reals = std::move(array.reals);
    } else if (array.known()) {
      t.values = std::move(array.integers);
      t.constant = true;
    } else {
      t.partial = std::move(array.integers);
    }
  }

  void shape() {
    if (node_.inputs.empty() || node_.inputs[0] < 0) return;
    const OnnxTensor& of = graph_.tensor(node_.inputs[0]);
    if (!of.shape) return;
    const auto rank = static_cast<std::int64_t>(of.shape->size());
    const auto place = [&](std::int64_t axis) {
      return std::clamp<std::int64_t>(axis < 0 ? axis + rank : axis, 0, rank);
    };
    const std::int64_t from = place(attribute("start", 0));
    const std::int64_t to = std::max(from, place(attribute("end", rank)));
    SmallArray result{{to - from}, false, {}, {}};
    for (std::int64_t a = from; a < to; ++a) {
      const OnnxDim& dim = (*of.shape)[static_cast<std::size_t>(a)];
      result.integers.push_back(dim.size > 0 || dim.zero ? dim.size : kUnknownValue);
    }
    set(0, std::move(result));
  }

  void size() {
    if (node_.inputs.empty() || node_.inputs[0] < 0) return;
    const auto of = sizes(graph_.tensor(node_.inputs[0]));
    if (!of) return;
    double elements = 1;
    for (const std::int64_t s : *of) elements *= static_cast<double>(s);
    set(0, {{}, false, {to_integer(elements)}, {}});
  }

  void split() {
    const auto data = input(0);
    if (!data || data->shape.size() != 1) return;
    auto parts = integers(1);
    if (!parts) {
      const OnnxAttribute* given = node_.attribute("split");
      const auto count = static_cast<std::int64_t>(node_.outputs.size());
      const std::int64_t each = (data->size() + count - 1) / count;
      parts.emplace();
      if (given) {
        *parts = given->integers;
      } else {
        for (std::int64_t i = 0; i < count; ++i) {
          parts->push_back(std::clamp<std::int64_t>(data->size() - i * each, 0, each));
        }
      }
    }
    std::int64_t from = 0;
    for (std::size_t o = 0; o < std::min(parts->size(), node_.outputs.size()); ++o) {
      const std::int64_t count = (*parts)[o];
      if (count < 0 || from + count > data->size()) return;
      set(o, picked(*data, {count}, [&](std::int64_t i) { return from + i; }));
      from += count;
    }
  }

  std::int64_t most_elements() const { return std::min(kMaxOnnxConstants, budget_.elements); }
  bool affordable(const Sizes& shape) const { return fits(shape, most_elements()); }

  std::optional<SmallArray> value_of(const std::string& type) {
    static const std::set<std::string> views{"Identity", "Reshape", "Squeeze", "Unsqueeze",
                                             "Flatten"};
    if (views.contains(type)) return viewed();
    if (type == "Cast") return cast();
    if (type == "Gather") return gather();
    if (type == "Slice") return slice();
    if (type == "Concat") return concat();
    if (type == "ConstantOfShape") return constant_of_shape();
    if (type == "Range") return range();
    if (type == "Where") return where();
    if (type == "Expand") return expand();
    if (type == "Tile") return tile();
    if (type == "Transpose") return transpose();
    if (type == "NonZero") return non_zero();
    if (type.starts_with("Reduce")) {
      const auto data = input(0);
      return data ? reduced(type, *data, attribute("keepdims", 1) != 0) : std::nullopt;
    }
    if (is_unary(type)) {
      const auto data = input(0);
      return data ? std::optional(unary(type, *data)) : std::nullopt;
    }
    if (!is_binary(type) || node_.inputs.size() != 2) return std::nullopt;
    const auto a = input(0);
    const auto b = input(1);
    return a && b ? binary(type, *a, *b, most_elements()) : std::nullopt;
  }

  // The same elements in the shape that the rules for shapes have found.
  std::optional<SmallArray> viewed() {
    auto data = input(0);
    if (!data) return std::nullopt;
    const int output = node_.outputs[0];
    const auto shape = output < 0 ? std::nullopt : sizes(graph_.tensor(output));
    if (!shape) return std::nullopt;
    const std::int64_t before = data->size();
    data->shape = *shape;
    if (!affordable(*shape) || data->size() != before) return std::nullopt;
    return data;
  }

  std::optional<SmallArray> cast() {
    auto data = input(0);
    if (!data) return std::nullopt;
    const auto to = static_cast<int>(attribute("to", 0));
    if (is_real(to) == data->real) {
      if (to == kBool) {
        for (std::int64_t& x : data->integers) x = x == kUnknownValue ? x : x != 0;
      }
      return data;
    }
    if (is_real(to)) {
      if (!data->known()) return std::nullopt;
      data->real = true;
      data->reals.assign(data->integers.begin(), data->integers.end());
      data->integers.clear();
    } else {
      data->real = false;
      for (const double x : data->reals) {
        data->integers.push_back(to == kBool ? x != 0 : to_integer(x));
      }
      data->reals.clear();
    }
    return data;
  }

  std::optional<SmallArray> gather() {
    const auto data = input(0);
    const auto indices = integers(1);
    if (!data || !indices || data->shape.empty()) return std::nullopt;
    const auto rank = static_cast<std::int64_t>(data->shape.size());
    std::int64_t axis = attribute("axis", 0);
    if (axis < 0) axis += rank;
    if (axis < 0 || axis >= rank) return std::nullopt;
    const std::int64_t length = data->shape[static_cast<std::size_t>(axis)];
    const Sizes inner_shape(data->shape.begin() + axis + 1, data->shape.end());
    const std::int64_t inner = std::accumulate(inner_shape.begin(), inner_shape.end(),
                                               std::int64_t{1}, std::multiplies<>());
    Sizes shape(data->shape.begin(), data->shape.begin() + axis);
    const auto index_shape = input(1)->shape;
    shape.insert(shape.end(), index_shape.begin(), index_shape.end());
    shape.insert(shape.end(), inner_shape.begin(), inner_shape.end());
    for (const std::int64_t i : *indices) {
      if (i < -length || i >= length) return std::nullopt;
    }
    if (!affordable(shape)) return std::nullopt;
    const auto count = static_cast<std::int64_t>(indices->size());
    return picked(*data, shape, [&](std::int64_t i) {
      std::int64_t index = (*indices)[static_cast<std::size_t>(i / inner % count)];
      if (index < 0) index += length;
      return (i / inner / count * length + index) * inner + i % inner;
    });
  }

  std::optional<SmallArray> slice() {
    auto data = input(0);
    if (!data) return std::nullopt;
    const auto list = [&](std::size_t place, const char* name) -> std::optional<Sizes> {
      if (place < node_.inputs.size() && node_.inputs[place] >= 0) return integers(place);
      const OnnxAttribute* given = node_.attribute(name);
      return given ? std::optional(given->integers) : Sizes{};
    };
    const auto starts = list(1, "starts");
    const auto ends = list(2, "ends");
    auto axes = list(3, "axes");
    auto steps = list(4, "steps");
    if (!starts || !ends || !axes || !steps || ends->size() != starts->size()) return std::nullopt;
    if (steps->empty()) steps->assign(starts->size(), 1);
    for (std::size_t i = axes->size(); axes->size() < starts->size(); ++i) {
      axes->push_back(static_cast<std::int64_t>(i));
    }
    if (steps->size() != starts->size() || axes->size() != starts->size()) return std::nullopt;
    for (std::size_t i = 0; i < starts->size(); ++i) {
      const auto rank = static_cast<std::int64_t>(data->shape.size());
      const std::int64_t axis = (*axes)[i] < 0 ? (*axes)[i] + rank : (*axes)[i];
      if (axis < 0 || axis >= rank || (*steps)[i] == 0) return std::nullopt;
      const std::int64_t n = data->shape[static_cast<std::size_t>(axis)];
      const Sizes places = sliced_places(n, (*starts)[i], (*ends)[i], (*steps)[i]);
      data = picked_along(*data, static_cast<std::size_t>(axis), places);
    }
    return data;
  }

  std::optional<SmallArray> concat() {
    SmallArray result{{0}, false, {}, {}};
    for (std::size_t i = 0; i < node_.inputs.size(); ++i) {
      auto part = input(i);
      if (!part) {
        // A list of known length whose elements are not known.
        const OnnxTensor* t = node_.inputs[i] < 0 ? nullptr : &graph_.tensor(node_.inputs[i]);
        const auto shape = t ? sizes(*t) : std::nullopt;
        if (!shape || shape->size() != 1 || is_real(t->element_type) || !affordable(*shape)) {
          return std::nullopt;
        }
        part = SmallArray{
            *shape, false, Sizes(static_cast<std::size_t>(shape->front()), kUnknownValue), {}};
      }
      if (part->shape.size() != 1) return std::nullopt;
      if (i == 0) result.real = part->real;
      if (part->real != result.real) return std::nullopt;
      result.integers.insert(result.integers.end(), part->integers.begin(), part->integers.end());
      result.reals.insert(result.reals.end(), part->reals.begin(), part->reals.end());
      result.shape[0] += part->shape[0];
      if (result.shape[0] > kMaxOnnxConstants) return std::nullopt;
    }
    return result;
  }

  std::optional<SmallArray> constant_of_shape() {
    const auto shape = integers(0);
    if (!shape || !affordable(*shape)) return std::nullopt;
    SmallArray result{*shape, true, {}, {}};
    const OnnxAttribute* value = node_.attribute("value");
    const auto count = static_cast<std::size_t>(result.size());
    if (value && !value->integers.empty()) {
      result.real = false;
      result.integers.assign(count, value->integers.front());
    } else {
      result.reals.assign(count, value && !value->reals.empty() ? value->reals.front() : 0.0);
    }
    return result;
  }

  std::optional<SmallArray> range() {
    std::array<double, 3> bounds{};
    bool real = false;
    for (std::size_t i = 0; i < 3; ++i) {
      const auto array = input(i);
      if (!array || array->size() != 1 || !array->known()) return std::nullopt;
      real = real || array->real;
      bounds[i] = array->real ? array->reals[0] : static_cast<double>(array->integers[0]);
    }
    const double count = std::ceil((bounds[1] - bounds[0]) / bounds[2]);
    if (!std::isfinite(count) || count > static_cast<double>(kMaxOnnxConstants)) {
      return std::nullopt;
    }
    SmallArray result{{std::max<std::int64_t>(0, static_cast<std::int64_t>(count))}, real, {}, {}};
    for (std::int64_t i = 0; i < result.shape[0]; ++i) {
      const double x = bounds[0] + static_cast<double>(i) * bounds[2];
      if (real) {
        result.reals.push_back(x);
      } else {
        result.integers.push_back(to_integer(x));
      }
    }
    return result;
  }

  std::optional<SmallArray> where() {
    const auto choose = input(0);
    const auto yes = input(1);
    const auto no = input(2);
    if (!choose || choose->real || !yes || !no || yes->real != no->real) return std::nullopt;
    auto shape = joint_shape(yes->shape, no->shape);
    if (shape) shape = joint_shape(*shape, choose->shape);
    if (!shape || !affordable(*shape)) return std::nullopt;
    const auto pc = broadcast_places(choose->shape, *shape);
    const auto py = broadcast_places(yes->shape, *shape);
    const auto pn = broadcast_places(no->shape, *shape);
    SmallArray result{*shape, yes->real, {}, {}};
    for (std::size_t i = 0; i < pc.size(); ++i) {
      const std::int64_t c = choose->integers[static_cast<std::size_t>(pc[i])];
      const SmallArray& from = c != 0 ? *yes : *no;
      const auto p = static_cast<std::size_t>(c != 0 ? py[i] : pn[i]);
      if (c == kUnknownValue && from.real) return std::nullopt;
      if (from.real) {
        result.reals.push_back(from.reals[p]);
      } else {
        result.integers.push_back(c == kUnknownValue ? c : from.integers[p]);
      }
    }
    return result;
  }

  std::optional<SmallArray> expand() {
    const auto data = input(0);
    const auto target = integers(1);
    if (!data || !target) return std::nullopt;
    const auto shape = joint_shape(data->shape, *target);
    if (!shape || !affordable(*shape)) return std::nullopt;
    const auto places = broadcast_places(data->shape, *shape);
    return picked(*data, *shape,
                  [&](std::int64_t i) { return places[static_cast<std::size_t>(i)]; });
  }

  std::optional<SmallArray> tile() {
    const auto data = input(0);
    const auto repeats = integers(1);
    if (!data || !repeats || data->shape.size() != 1 || repeats->size() != 1) return std::nullopt;
    const std::int64_t n = data->size();
    const std::int64_t times = repeats->front();
    if (times < 0 || times > kMaxOnnxConstants || n == 0 || !affordable({n * times}))
      return std::nullopt;
    return picked(*data, {n * times}, [n](std::int64_t i) { return i % n; });
  }

  std::optional<SmallArray> transpose() {
    const auto data = input(0);
    if (!data) return std::nullopt;
    const auto order = axis_order(node_, data->shape.size());
    if (!order) return std::nullopt;
    const Sizes strides = strides_of(data->shape);
    Sizes shape;
    Sizes steps;
    for (const std::int64_t a : *order) {
      shape.push_back(data->shape[static_cast<std::size_t>(a)]);
      steps.push_back(strides[static_cast<std::size_t>(a)]);
    }
    return picked(*data, shape, [&](std::int64_t i) {
      std::int64_t place = 0;
      for (std::size_t a = shape.size(); a-- > 0;) {
        place += i % shape[a] * steps[a];
        i /= shape[a];
      }
      return place;
    });
  }

  std::optional<SmallArray> non_zero() {
    const auto data = input(0);
    if (!data || !data->known()) return std::nullopt;
    Sizes places;
    for (std::int64_t i = 0; i < data->size(); ++i) {
      const auto p = static_cast<std::size_t>(i);
      if (data->real ? data->reals[p] != 0 : data->integers[p] != 0) places.push_back(i);
    }
    const Sizes strides = strides_of(data->shape);
    SmallArray result{
        {static_cast<std::int64_t>(data->shape.size()), static_cast<std::int64_t>(places.size())},
        false,
        {},
        {}};
    for (std::size_t a = 0; a < data->shape.size(); ++a) {
      for (const std::int64_t place : places) {
        result.integers.push_back(place / strides[a] % data->shape[a]);
      }
    }
    return result;
  }

  OnnxGraph& graph_;
  OnnxNode& node_;
  FoldingBudget& budget_;
};

}  // namespace

void fold_constants(OnnxGraph& graph, int node, FoldingBudget& budget) {
  Folder(graph, node, budget).run();
}

}  // namespace ridgeline::io
