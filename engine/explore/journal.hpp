// The journal of one rank in one run: everything it finished, in the order in which it did.
//
// Layout, little-endian:
//
//     header   "RIDGEJNL", u32 version, u32 run, u32 rank, 64 bytes fingerprint of the study
//              (hexadecimal), u32 CRC-32C of all that
//     record   u32 length n, u32 CRC-32C of (u64 offset of the record, u32 n, payload),
//              n bytes payload: u8 kind, then the kind's fields
//
// Each run writes new files and never appends to old ones, so that what a process leaves
// behind when it is killed in the middle of a record stays at the end of its file, where it is
// dropped. The offset in the checksum keeps a record from being believed in another place.
#pragma once

#include <cstdint>
#include <filesystem>
#include <functional>
#include <memory>
#include <string>
#include <string_view>

#include "engine/explore/candidate.hpp"
#include "engine/explore/file_system.hpp"

namespace ridgeline::engine {

// CRC-32C (Castagnoli) of `bytes`, continuing from `crc`.
std::uint32_t crc32c(std::string_view bytes, std::uint32_t crc = 0);

struct JournalHeader {
  std::uint32_t run = 0;  // counts the starts of a study
  std::uint32_t rank = 0;
  std::string fingerprint;  // 64 hexadecimal digits
};

// Progress of the whole study at one moment; rank 0 writes it.
struct ProgressRecord {
  double seconds = 0;  // of work on this study, earlier runs included
  std::uint64_t evaluated = 0;
  double hypervolume = 0;
  double gap = 0;  // NaN: not known
  std::uint64_t front_size = 0;
  bool operator==(const ProgressRecord&) const = default;
};

// Not thread-safe. The file comes to be with the first record.
class JournalWriter {
 public:
  JournalWriter(FileSystem& files, std::filesystem::path path, JournalHeader header);

  void append(const Candidate& candidate);
  void append(const DesignRecord& design);
  void append(const ProgressRecord& progress);
  // Hands what was appended to the operating system: a killed process does not lose it.
  void flush();
  // Until the device has it: a machine that goes down does not lose it.
  void sync();

  std::uint64_t bytes() const { return offset_; }
  const std::filesystem::path& path() const { return path_; }

 private:
  void append_payload(std::string_view payload);

  FileSystem& files_;
  std::filesystem::path path_;
  JournalHeader header_;
  std::unique_ptr<AppendFile> file_;
  std::string pending_;
  std::uint64_t offset_ = 0;  // of the end, `pending_` included
  bool failed_ = false;
  bool unsynced_ = false;
};

struct JournalVisitor {
  std::function<void(Candidate&&)> candidate;
  std::function<void(DesignRecord&&)> design;
  std::function<void(const ProgressRecord&)> progress;
};

struct JournalSummary {
  JournalHeader header;
  std::uint64_t records = 0;        // believed
  std::uint64_t dropped_bytes = 0;  // after the last record that is whole
  bool header_whole = true;         // false: not one byte was believed
  // What is dropped is more than one unfinished record: something changed the file.
  bool damaged = false;
};

// Visits the records up to the first that is not whole. Throws FileError where the file cannot
// be read, InputError where it belongs to another study or version.
JournalSummary read_journal(FileSystem& files, const std::filesystem::path& path,
                            const std::string& fingerprint, const JournalVisitor& visitor);

}  // namespace ridgeline::engine
