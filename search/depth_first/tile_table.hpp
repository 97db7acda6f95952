// A table by keys that are lists of numbers: of very many entries, asked for far more often than
// added to.
#pragma once

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <deque>
#include <mutex>
#include <utility>
#include <vector>

#include <boost/container/small_vector.hpp>

namespace ridgeline::search {

using TileKey = std::vector<std::int64_t>;

inline std::uint64_t hash_of(const TileKey& key) {
  std::uint64_t hash = 0x9e3779b97f4a7c15;
  for (const std::int64_t word : key) {
    hash = (hash ^ static_cast<std::uint64_t>(word)) * 0xff51afd7ed558ccd;
    hash ^= hash >> 32;
  }
  return hash;
}

// Slots of the table hold a part of the hash and a place, so that what is not there costs one look
// into memory, and what is there two: its slot, and its entry. Entries stay where they are.
template <class Value>
class TileTable {
 public:
  // Null: it is not there.
  const Value* find(const TileKey& key) const {
    const std::size_t slot = slot_of(key, hash_of(key));
    return slots_.empty() || slots_[slot].place == kEmpty ? nullptr
                                                          : &entries_[slots_[slot].place].value;
  }

  // The value of a key, and whether it is new.
  std::pair<Value*, bool> emplace(const TileKey& key) {
    if (2 * (entries_.size() + 1) > slots_.size()) grow();
    const std::uint64_t hash = hash_of(key);
    Slot& slot = slots_[slot_of(key, hash)];
    if (slot.place != kEmpty) return {&entries_[slot.place].value, false};
    slot = {static_cast<std::uint32_t>(hash >> 32), static_cast<std::uint32_t>(entries_.size())};
    Entry& entry = entries_.emplace_back();
    entry.key.assign(key.begin(), key.end());
    return {&entry.value, true};
  }

  // Body(key, value) of all, in the order in which they came.
  template <class Body>
  void each(const Body& body) {
    TileKey key;
    for (Entry& entry : entries_) {
      key.assign(entry.key.begin(), entry.key.end());
      body(std::as_const(key), entry.value);
    }
  }

  std::size_t size() const { return entries_.size(); }

 private:
  static constexpr std::uint32_t kEmpty = 0xffffffff;
  struct Slot {
    std::uint32_t hash = 0;  // its upper half
    std::uint32_t place = kEmpty;
  };
  struct Entry {
    boost::container::small_vector<std::int64_t, 11> key;
    Value value;
  };

  bool is(std::uint32_t place, const TileKey& key) const {
    const auto& own = entries_[place].key;
    return std::equal(key.begin(), key.end(), own.begin(), own.end());
  }

  // Of the key, or the empty one where it belongs.
  std::size_t slot_of(const TileKey& key, std::uint64_t hash) const {
    if (slots_.empty()) return 0;
    const std::size_t mask = slots_.size() - 1;
    std::size_t at = hash & mask;
    const auto upper = static_cast<std::uint32_t>(hash >> 32);
    while (slots_[at].place != kEmpty && (slots_[at].hash != upper || !is(slots_[at].place, key))) {
      at = (at + 1) & mask;
    }
    return at;
  }

  void grow() {
    std::vector<Slot> old(std::max<std::size_t>(64, 2 * slots_.size()));
    old.swap(slots_);
    TileKey key;
    for (const Slot& slot : old) {
      if (slot.place == kEmpty) continue;
      const auto& own = entries_[slot.place].key;
      key.assign(own.begin(), own.end());
      slots_[slot_of(key, hash_of(key))] = slot;
    }
  }

  std::vector<Slot> slots_;    // a power of two
  std::deque<Entry> entries_;  // by place
};

// Entries that several threads add at a time, until they are moved into a table.
template <class Value>
class FreshEntries {
 public:
  // The value of a key; make() where it is new. It may be made twice, of which the first stays.
  template <class Make>
  const Value* get(const TileKey& key, const Make& make) {
    Part& part = parts_[hash_of(key) % parts_.size()];
    {
      const std::lock_guard lock(part.mutex);
      if (const Value* known = part.table.find(key)) return known;
    }
    Value made = make();
    const std::lock_guard lock(part.mutex);
    const auto [value, fresh] = part.table.emplace(key);
    if (fresh) *value = std::move(made);
    return value;
  }

  void move_into(TileTable<Value>& table) {
    for (Part& part : parts_) {
      part.table.each(
          [&](const TileKey& key, Value& value) { *table.emplace(key).first = std::move(value); });
      part.table = {};
    }
  }

 private:
  struct Part {
    std::mutex mutex;
    TileTable<Value> table;
  };
  std::array<Part, 61> parts_;
};

}  // namespace ridgeline::search
