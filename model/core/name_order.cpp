#include "model/core/name_order.hpp"

#include <algorithm>
#include <array>
#include <string>
#include <utility>

#include "model/core/sha2.hpp"

namespace ridgeline::model {

namespace {

constexpr std::uint64_t kModulus = (std::uint64_t{1} << 61) - 1;

__extension__ using Wide = unsigned __int128;

std::string little_endian_64(std::uint64_t value) {
  std::string bytes;
  for (int i = 0; i < 8; ++i) bytes += static_cast<char>(value >> (8 * i) & 0xff);
  return bytes;
}

std::string short_text(std::string_view text) {
  return std::string("\x8c") + static_cast<char>(text.size()) + std::string(text);
}

std::string_view class_name(NameKind kind) {
  switch (kind) {
    case NameKind::layer_dim:
      return "LayerDim";
    case NameKind::array_dim:
      return "OADimension";
    case NameKind::layer_operand:
      return "LayerOperand";
    case NameKind::memory_operand:
      return "MemoryOperand";
  }
  return "";
}

// The hashes are fixed by how the reference serialises a name and its class.
std::uint64_t compute_hash(NameKind kind, std::string_view name) {
  const std::string header = "\x80\x04\x95";
  const std::string name_bytes =
      header + little_endian_64(name.size() + 4) + short_text(name) + std::string("\x94.");
  const std::string body = short_text("zigzag.datatypes") + "\x94" + short_text(class_name(kind)) +
                           std::string("\x94\x93\x94.");
  const std::string class_bytes = header + little_endian_64(body.size()) + body;
  const auto a = sha512(name_bytes);
  const auto b = sha512(class_bytes);
  std::uint64_t value = 0;
  for (std::size_t i = 0; i < a.size(); ++i) {
    const auto byte = static_cast<unsigned>(a[i] ^ b[i]);
    value = static_cast<std::uint64_t>((static_cast<Wide>(value) * 256 + byte) % kModulus);
  }
  return value;
}

// Open addressing with short linear runs, as the reference's sets do it.
class Table {
 public:
  explicit Table(std::size_t slots) : slots_(slots, -1) {}

  void insert(int element, std::uint64_t hash) {
    const std::uint64_t mask = slots_.size() - 1;
    std::uint64_t perturb = hash;
    std::uint64_t i = hash & mask;
    while (true) {
      const std::uint64_t last = i + 9 <= mask ? i + 9 : i;
      for (std::uint64_t j = i; j <= last; ++j) {
        if (slots_[j] < 0) {
          slots_[j] = element;
          return;
        }
      }
      perturb >>= 5;
      i = (5 * i + 1 + perturb) & mask;
    }
  }
  const std::vector<int>& slots() const { return slots_; }

 private:
  std::vector<int> slots_;
};

}  // namespace

std::uint64_t name_hash(NameKind kind, std::string_view name) {
  // The names that nearly every compilation asks for.
  static const auto known = [] {
    std::vector<std::pair<std::string_view, std::uint64_t>> array_dims;
    for (std::string_view dim : {"D1", "D2", "D3", "D4"}) {
      array_dims.emplace_back(dim, compute_hash(NameKind::array_dim, dim));
    }
    std::vector<std::pair<std::string_view, std::uint64_t>> layer_dims;
    for (std::string_view dim : {"B", "K", "G", "C", "D", "OX", "OY", "FX", "FY"}) {
      layer_dims.emplace_back(dim, compute_hash(NameKind::layer_dim, dim));
    }
    return std::array{std::move(layer_dims), std::move(array_dims)};
  }();
  if (kind == NameKind::layer_dim || kind == NameKind::array_dim) {
    for (const auto& [dim, hash] : known[kind == NameKind::array_dim]) {
      if (dim == name) return hash;
    }
  }
  return compute_hash(kind, name);
}

std::vector<int> set_order(NameKind kind, const std::vector<std::string>& names) {
  if (names.size() == 1) return {0};
  std::vector<std::uint64_t> hashes(names.size());
  Table table(8);
  std::size_t count = 0;
  for (std::size_t n = 0; n < names.size(); ++n) {
    if (std::find(names.begin(), names.begin() + static_cast<std::ptrdiff_t>(n), names[n]) !=
        names.begin() + static_cast<std::ptrdiff_t>(n)) {
      continue;
    }
    hashes[n] = name_hash(kind, names[n]);
    table.insert(static_cast<int>(n), hashes[n]);
    ++count;
    if (5 * count >= 3 * (table.slots().size() - 1)) {
      std::size_t slots = 8;
      while (slots <= 4 * count) slots *= 2;
      Table larger(slots);
      for (int element : table.slots()) {
        if (element >= 0) larger.insert(element, hashes[static_cast<std::size_t>(element)]);
      }
      table = larger;
    }
  }
  std::vector<int> order;
  order.reserve(count);
  for (int element : table.slots()) {
    if (element >= 0) order.push_back(element);
  }
  return order;
}

}  // namespace ridgeline::model
