#include "search/mapping/content_key.hpp"

#include <gtest/gtest.h>

#include <cstring>
#include <map>
#include <random>
#include <string>
#include <variant>
#include <vector>

#include "model/core/hierarchy.hpp"
#include "search/allocation/node_cost.hpp"
#include "tests/support/random_problem.hpp"

namespace ridgeline {
namespace {

struct ListOf {
  std::uint64_t size = 0;
  bool operator==(const ListOf&) const = default;
};
using Value = std::variant<std::int64_t, double, std::string, ListOf>;

// Reads a key's bytes back; fails where they are not a sequence of values.
std::vector<Value> decode(const std::string& bytes) {
  std::vector<Value> values;
  for (std::size_t at = 0; at < bytes.size();) {
    const char type = bytes[at++];
    std::uint64_t raw = 0;
    for (int i = 0; i < 8; ++i) {
      raw |= static_cast<std::uint64_t>(static_cast<unsigned char>(bytes.at(at++))) << (8 * i);
    }
    switch (type) {
      case 'n':
        values.emplace_back(static_cast<std::int64_t>(raw));
        break;
      case 'r': {
        double real = 0;
        static_assert(sizeof(real) == sizeof(raw));
        std::memcpy(&real, &raw, sizeof(real));
        values.emplace_back(real);
        break;
      }
      case 't':
        values.emplace_back(bytes.substr(at, raw));
        EXPECT_EQ(std::get<std::string>(values.back()).size(), raw);
        at += raw;
        break;
      case 'l':
        values.emplace_back(ListOf{raw});
        break;
      default:
        ADD_FAILURE() << "no type: " << static_cast<int>(type);
        return values;
    }
  }
  return values;
}

TEST(ContentKeyTest, EveryKeyCanBeReadBackSoNoTwoContentsShareOne) {
  std::mt19937_64 random(1);
  for (int round = 0; round < 2000; ++round) {
    search::ContentKey key;
    std::vector<Value> written;
    for (int i = static_cast<int>(random() % 12); i > 0; --i) {
      switch (random() % 4) {
        case 0:
          written.emplace_back(static_cast<std::int64_t>(random() >> (random() % 64)));
          key.number(std::get<std::int64_t>(written.back()));
          break;
        case 1:
          written.emplace_back(static_cast<double>(random() % 1000) / 7);
          key.real(std::get<double>(written.back()));
          break;
        case 2: {
          // Texts that look like other values: types, digits, zeros.
          std::string text;
          for (int c = static_cast<int>(random() % 12); c > 0; --c) {
            text.push_back(std::string("nrtl16K;\0", 9)[random() % 9]);
          }
          written.emplace_back(text);
          key.text(text);
          break;
        }
        default:
          written.emplace_back(ListOf{0});
          key.list(std::vector<int>{}, [](int) {});
      }
    }
    ASSERT_EQ(decode(key.bytes()), written);
  }
}

// A problem as text in which every field has its name, for comparison.
std::string described(const testing::RandomProblem& p) {
  std::string text;
  const auto field = [&](const std::string& name, const auto& value) {
    text += name + "=" + [&] {
      if constexpr (std::is_convertible_v<decltype(value), std::string>) {
        return "'" + std::string(value) + "'";
      } else {
        return std::to_string(value);
      }
    }() + "\n";
  };
  for (const auto& dim : p.layer.dims) field("dim " + dim.name, dim.size);
  for (std::size_t r = 0; r < p.layer.relations.size(); ++r) {
    const auto& relation = p.layer.relations[r];
    field("relation", relation.name);
    for (std::size_t t = 0; t < 2; ++t) {
      field("of", relation.dim[t]);
      field("times", relation.coefficient[t]);
    }
    field("size", p.layer.relation_size(static_cast<int>(r)));
  }
  for (const auto& operand : p.layer.operands) {
    field("operand", operand.name);
    field("precision", operand.precision);
    for (const auto& index : operand.indices) {
      field("relation", index.is_relation);
      field("index", index.index);
    }
  }
  field("final", p.layer.output_final_precision);
  for (const auto& dim : p.accelerator.array.dims) field("array " + dim.name, dim.size);
  field("unit", p.accelerator.array.unit_energy);
  for (const auto& memory : p.accelerator.memories) {
    field("memory", memory.name);
    field("size", memory.size);
    field("read", memory.r_cost);
    field("write", memory.w_cost);
    for (const auto operand : memory.operands) field("keeps", static_cast<int>(operand));
    for (const int dim : memory.served_dims) field("serves", dim);
    for (const auto& port : memory.ports) {
      field("port", static_cast<int>(port.type));
      field("min", port.bandwidth_min);
      field("max", port.bandwidth_max);
      for (const auto& [operand, direction] : port.allocation) {
        field("function", static_cast<int>(operand) * 10 + static_cast<int>(direction));
      }
    }
  }
  return text;
}

TEST(ContentKeyTest, RandomProblemsShareAKeyExactlyWhereTheyAreEqual) {
  std::map<std::string, std::string> content_of;
  std::map<std::string, std::string> key_of;
  std::size_t met_again = 0;
  for (int i = 0; i < 20'000; ++i) {
    // Small numbers of factors and of seeds, so that equal problems occur.
    std::mt19937_64 random(static_cast<std::uint64_t>(i % 16'000));
    const testing::RandomProblem p = testing::random_problem(random, i % 4, true);
    const std::string key = search::content_key(p.layer, p.accelerator,
                                                model::build_hierarchy(p.accelerator), p.mapping);
    const std::string content = described(p);
    const auto [place, fresh] = content_of.try_emplace(key, content);
    ASSERT_EQ(place->second, content) << "two problems, one key";
    ASSERT_EQ(key_of.try_emplace(content, key).first->second, key) << "one problem, two keys";
    if (!fresh) ++met_again;
  }
  EXPECT_GT(met_again, 1000u);
}

TEST(ContentKeyTest, MovingADigitFromASizeToANameGivesAnotherKey) {
  // K1 of size 6 and K of size 16 look alike when written one after the other.
  const auto node = [](const std::string& dim, std::int64_t size) {
    model::CnLayer layer;
    layer.tile.dims = {{"B", 1}, {dim, size}, {"C", 8}};
    layer.tile.operands = {{"O", {{false, 0}, {false, 1}}, 16}, {"I", {{false, 0}, {false, 2}}, 8}};
    layer.memory_operand = {model::MemoryOperand::O, model::MemoryOperand::I1};
    layer.cores = {0};
    layer.alone = true;
    return layer;
  };
  model::MultiCore system;
  system.cores.resize(2);
  system.cores[0].accelerator.array.dims = {{"D1", 2}};
  system.cores[0].accelerator.memories.resize(1);
  system.cores[1].accelerator.memories.resize(1);
  system.offchip_core = 1;
  model::CnGraph graph;
  graph.layers = {node("K1", 6), node("K", 16), node("K", 16)};
  graph.nodes.resize(3);
  for (int i = 0; i < 3; ++i) {
    graph.nodes[static_cast<std::size_t>(i)].layer = i;
    graph.unique_nodes.push_back(i);
  }
  const search::NodeCostPlan plan = search::plan_node_costs(graph, system);
  ASSERT_EQ(plan.tasks.size(), 2u);
  EXPECT_NE(plan.task(0, 0), plan.task(1, 0));
  EXPECT_EQ(plan.task(1, 0), plan.task(2, 0));
}

}  // namespace
}  // namespace ridgeline
