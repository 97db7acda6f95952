// What parts of a walk do from a state of the machine on, to do it again without walking.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>

namespace ridgeline::model {

// Of a state, relative to its time: as good as the state itself, of which it has 128 bits.
class WalkKey {
 public:
  // Sums of products, which do not wait for each other.
  void add(std::uint64_t value) {
    const std::uint64_t mixed = value ^ value >> 29;
    high_ += mixed * factor_;
    low_ += (value ^ factor_) * ((factor_ >> 32) | 1);
    factor_ = factor_ * 0xd1342543de82ef95u + 0x9e3779b97f4a7c16u;
  }
  // Cycles, which may be parts of one where idle time is spread evenly.
  void add(double value) {
    add(static_cast<std::uint64_t>(static_cast<std::int64_t>(value * 1024 + 0.5)));
  }
  std::size_t slot(std::size_t slots) const { return (high_ ^ high_ >> 32 ^ low_ >> 17) % slots; }
  bool operator==(const WalkKey&) const = default;

 private:
  std::uint64_t high_ = 0;
  std::uint64_t low_ = 0;
  std::uint64_t factor_ = 0x9e3779b97f4a7c15u;  // the next one: odd
};

// Forgets all when it is full.
class WalkMemory {
 public:
  WalkMemory() {}  // NOLINT: the pool is not filled
  void clear() {
    slots_.fill({});
    entries_ = 0;
    used_ = 0;
  }
  // Null: not known.
  const double* find(const WalkKey& key) const {
    for (std::size_t i = key.slot(kSlots); slots_[i].known; i = (i + 1) % kSlots) {
      if (slots_[i].key == key) return pool_.data() + slots_[i].at;
    }
    return nullptr;
  }
  // Room for what add() adds then, up to end().
  double* room() {
    if (entries_ > kSlots / 2 || used_ + kMostOfAll > kPool) clear();
    return pool_.data() + used_;
  }
  double* end() { return pool_.data() + kPool; }
  void add(const WalkKey& key, const double* stop) {
    std::size_t i = key.slot(kSlots);
    while (slots_[i].known) i = (i + 1) % kSlots;
    slots_[i] = {key, static_cast<std::uint32_t>(used_), true};
    used_ = static_cast<std::size_t>(stop - pool_.data());
    ++entries_;
  }

 private:
  static constexpr std::size_t kSlots = 1024;
  static constexpr std::size_t kPool = 1 << 16;
  static constexpr std::size_t kMostOfAll = 1 << 12;  // most records are smaller

  struct Slot {
    WalkKey key;
    std::uint32_t at = 0;
    bool known = false;
  };
  std::array<Slot, kSlots> slots_;
  std::array<double, kPool> pool_;
  std::size_t entries_ = 0;
  std::size_t used_ = 0;
};

}  // namespace ridgeline::model
