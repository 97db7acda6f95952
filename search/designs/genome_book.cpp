#include "search/designs/genome_book.hpp"

#include <cstring>
#include <stdexcept>

namespace ridgeline::search {

// Seven bits a byte, the lowest first; the highest bit says that more follow.
void GenomeBook::pack(const Genome& genome, std::string& bytes) {
  bytes.clear();
  for (const int gene : genome) {
    auto rest = static_cast<std::uint32_t>(gene);
    for (; rest >= 0x80; rest >>= 7) bytes.push_back(static_cast<char>(rest | 0x80));
    bytes.push_back(static_cast<char>(rest));
  }
}

std::uint64_t GenomeBook::hash_of(const char* bytes, std::size_t size) {
  std::uint64_t hash = 0xcbf29ce484222325u;
  for (std::size_t i = 0; i < size; ++i) {
    hash ^= static_cast<unsigned char>(bytes[i]);
    hash *= 0x100000001b3u;
  }
  hash ^= hash >> 32;
  hash *= 0x9e3779b97f4a7c15u;
  return hash ^ (hash >> 29);
}

GenomeBook::Bytes GenomeBook::bytes_of(std::uint64_t id) const {
  const std::uint64_t place = places_[static_cast<std::size_t>(id)] >> kSizeBits;
  const auto size = static_cast<std::size_t>(places_[static_cast<std::size_t>(id)] &
                                             ((std::uint64_t{1} << kSizeBits) - 1));
  return {pieces_[static_cast<std::size_t>(place / kPiece)].data() + place % kPiece, size};
}

std::size_t GenomeBook::slot_of(const std::string& bytes) const {
  const std::size_t mask = slots_.size() - 1;
  for (auto slot = static_cast<std::size_t>(hash_of(bytes.data(), bytes.size())) & mask;;
       slot = (slot + 1) & mask) {
    if (slots_[slot] == kNone) return slot;
    const Bytes there = bytes_of(slots_[slot]);
    if (there.size == bytes.size() && std::memcmp(there.first, bytes.data(), there.size) == 0)
      return slot;
  }
}

void GenomeBook::grow() {
  slots_.assign(slots_.empty() ? 1024 : 2 * slots_.size(), kNone);
  const std::size_t mask = slots_.size() - 1;
  for (std::size_t id = 0; id < places_.size(); ++id) {
    const Bytes bytes = bytes_of(id);
    auto slot = static_cast<std::size_t>(hash_of(bytes.first, bytes.size)) & mask;
    while (slots_[slot] != kNone) slot = (slot + 1) & mask;
    slots_[slot] = static_cast<std::uint32_t>(id);
  }
}

std::uint64_t GenomeBook::id_of(const Genome& genome) {
  if (slots_.size() < 2 * (places_.size() + 1)) grow();
  std::string bytes;
  pack(genome, bytes);
  const std::size_t slot = slot_of(bytes);
  if (slots_[slot] != kNone) return slots_[slot];
  if (places_.size() >= kNone || bytes.size() >= kPiece)
    throw std::length_error("more genomes than a search can keep");
  if (pieces_.empty() || kPiece - pieces_.back().size() < bytes.size())
    pieces_.emplace_back().reserve(kPiece);
  const std::uint64_t place = (pieces_.size() - 1) * std::uint64_t{kPiece} + pieces_.back().size();
  pieces_.back().append(bytes);
  slots_[slot] = static_cast<std::uint32_t>(places_.size());
  places_.push_back(place << kSizeBits | bytes.size());
  return slots_[slot];
}

bool GenomeBook::contains(const Genome& genome) const {
  if (slots_.empty()) return false;
  std::string bytes;
  pack(genome, bytes);
  return slots_[slot_of(bytes)] != kNone;
}

Genome GenomeBook::genome(std::uint64_t id) const {
  Genome genome;
  if (id >= places_.size()) return genome;
  const Bytes bytes = bytes_of(id);
  std::uint32_t gene = 0;
  unsigned shift = 0;
  for (std::size_t i = 0; i < bytes.size; ++i) {
    const auto byte = static_cast<unsigned char>(bytes.first[i]);
    gene |= static_cast<std::uint32_t>(byte & 0x7f) << shift;
    shift += 7;
    if ((byte & 0x80) != 0) continue;
    genome.push_back(static_cast<int>(gene));
    gene = 0;
    shift = 0;
  }
  return genome;
}

}  // namespace ridgeline::search
