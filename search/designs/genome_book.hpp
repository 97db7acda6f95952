// Millions of genomes, each known by a number: they lie packed one behind the other, some bytes a
// gene, since a search keeps every genome that it ever asked for.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

#include "search/fronts/nsga2.hpp"

namespace ridgeline::search {

// Numbers count the genomes in the order of their coming.
class GenomeBook {
 public:
  // The number of a genome, which is new where there was none. Genes are not negative. Throws
  // std::length_error beyond 2^32 - 2 genomes.
  std::uint64_t id_of(const Genome& genome);
  // Empty where the number is not known.
  Genome genome(std::uint64_t id) const;
  bool contains(const Genome& genome) const;
  std::uint64_t size() const { return places_.size(); }

 private:
  static constexpr std::uint32_t kNone = 0xffffffff;
  static void pack(const Genome& genome, std::string& bytes);
  static std::uint64_t hash_of(const char* bytes, std::size_t size);
  struct Bytes {
    const char* first = nullptr;
    std::size_t size = 0;
  };
  Bytes bytes_of(std::uint64_t id) const;
  // The slot of a packed genome, or the free one where it belongs.
  std::size_t slot_of(const std::string& bytes) const;
  void grow();

  // Pieces of this size, so that what grows is never copied; a genome lies in one of them.
  static constexpr std::size_t kPiece = std::size_t{1} << 20;
  static constexpr unsigned kSizeBits = 20;
  std::vector<std::string> pieces_;
  std::vector<std::uint64_t> places_;  // of each genome: its first byte and, below, its size
  std::vector<std::uint32_t> slots_;   // a hash table of numbers, at most half full
};

}  // namespace ridgeline::search
