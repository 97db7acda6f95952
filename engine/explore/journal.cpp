#include "engine/explore/journal.hpp"

#include <array>
#include <stdexcept>

#include "engine/explore/bytes.hpp"

namespace ridgeline::engine {
namespace {

constexpr std::string_view kMagic = "RIDGEJNL";
constexpr std::uint32_t kVersion = 2;
constexpr std::size_t kFingerprint = 64;
constexpr std::size_t kHeaderSize = 8 + 4 + 4 + 4 + kFingerprint + 4;
constexpr std::size_t kRecordHeader = 8;
constexpr std::size_t kLongestPayload = 0xffffffff;

enum class RecordKind : std::uint8_t { candidate = 1, design = 2, progress = 3 };

constexpr auto kCrcTables = [] {
  std::array<std::array<std::uint32_t, 256>, 4> tables{};
  for (std::uint32_t i = 0; i < 256; ++i) {
    std::uint32_t crc = i;
    for (int bit = 0; bit < 8; ++bit) crc = (crc >> 1) ^ ((crc & 1) != 0 ? 0x82f63b78u : 0u);
    tables[0][i] = crc;
  }
  for (std::size_t t = 1; t < 4; ++t)
    for (std::size_t i = 0; i < 256; ++i)
      tables[t][i] = (tables[t - 1][i] >> 8) ^ tables[0][tables[t - 1][i] & 0xff];
  return tables;
}();

std::string header_bytes(const JournalHeader& header) {
  if (header.fingerprint.size() != kFingerprint)
    throw std::logic_error("a journal's fingerprint has 64 digits");
  ByteWriter out;
  out.put(header.run);
  out.put(header.rank);
  std::string bytes(kMagic);
  ByteWriter version;
  version.put(kVersion);
  bytes += version.bytes() + out.bytes() + header.fingerprint;
  ByteWriter crc;
  crc.put(crc32c(bytes));
  return bytes + crc.bytes();
}

std::uint32_t record_crc(std::uint64_t offset, std::string_view payload) {
  ByteWriter prefix;
  prefix.put(offset);
  prefix.put(static_cast<std::uint32_t>(payload.size()));
  return crc32c(payload, crc32c(prefix.bytes()));
}

void visit(std::string_view payload, const JournalVisitor& visitor, bool& understood) {
  ByteReader in(payload);
  switch (static_cast<RecordKind>(in.get<std::uint8_t>())) {
    case RecordKind::candidate: {
      Candidate candidate;
      understood = decode(in, candidate) && in.at_end();
      if (understood && visitor.candidate) visitor.candidate(std::move(candidate));
      return;
    }
    case RecordKind::design: {
      DesignRecord design;
      understood = decode(in, design) && in.at_end();
      if (understood && visitor.design) visitor.design(std::move(design));
      return;
    }
    case RecordKind::progress: {
      ProgressRecord progress;
      progress.seconds = in.get<double>();
      progress.evaluated = in.get<std::uint64_t>();
      progress.hypervolume = in.get<double>();
      progress.gap = in.get<double>();
      progress.front_size = in.get<std::uint64_t>();
      understood = in.ok() && in.at_end();
      if (understood && visitor.progress) visitor.progress(progress);
      return;
    }
  }
  understood = false;
}

}  // namespace

std::uint32_t crc32c(std::string_view bytes, std::uint32_t crc) {
  crc = ~crc;
  while (bytes.size() >= 4) {
    std::uint32_t word = 0;
    std::memcpy(&word, bytes.data(), 4);
    crc ^= word;
    crc = kCrcTables[3][crc & 0xff] ^ kCrcTables[2][(crc >> 8) & 0xff] ^
          kCrcTables[1][(crc >> 16) & 0xff] ^ kCrcTables[0][crc >> 24];
    bytes.remove_prefix(4);
  }
  for (const char c : bytes)
    crc = (crc >> 8) ^ kCrcTables[0][(crc ^ static_cast<unsigned char>(c)) & 0xff];
  return ~crc;
}

JournalWriter::JournalWriter(FileSystem& files, std::filesystem::path path, JournalHeader header)
    : files_(files), path_(std::move(path)), header_(std::move(header)) {}

void JournalWriter::append_payload(std::string_view payload) {
  if (offset_ == 0) {
    pending_ = header_bytes(header_);
    offset_ = pending_.size();
  }
  if (payload.size() > kLongestPayload)
    throw io::FileError(path_.string() + ": a record of " + std::to_string(payload.size()) +
                        " bytes is longer than a journal takes");
  ByteWriter record;
  record.put(static_cast<std::uint32_t>(payload.size()));
  record.put(record_crc(offset_, payload));
  std::string bytes = record.take();
  bytes += payload;
  pending_ += bytes;  // all of it or, where memory is short, nothing
  offset_ += bytes.size();
}

void JournalWriter::append(const Candidate& candidate) {
  ByteWriter out;
  out.put(static_cast<std::uint8_t>(RecordKind::candidate));
  encode(out, candidate);
  append_payload(out.bytes());
}

void JournalWriter::append(const DesignRecord& design) {
  ByteWriter out;
  out.put(static_cast<std::uint8_t>(RecordKind::design));
  encode(out, design);
  append_payload(out.bytes());
}

void JournalWriter::append(const ProgressRecord& progress) {
  ByteWriter out;
  out.put(static_cast<std::uint8_t>(RecordKind::progress));
  out.put(progress.seconds);
  out.put(progress.evaluated);
  out.put(progress.hypervolume);
  out.put(progress.gap);
  out.put(progress.front_size);
  append_payload(out.bytes());
}

void JournalWriter::flush() {
  // Behind a torn record nothing would ever be believed, so nothing is written there.
  if (failed_) throw io::FileError(path_.string() + ": an earlier write failed");
  if (pending_.empty()) return;
  try {
    if (!file_) file_ = files_.create(path_);
    file_->write(pending_);
  } catch (...) {
    failed_ = true;
    throw;
  }
  pending_.clear();
  unsynced_ = true;
}

void JournalWriter::sync() {
  flush();
  if (!unsynced_) return;
  file_->sync();
  unsynced_ = false;
}

JournalSummary read_journal(FileSystem& files, const std::filesystem::path& path,
                            const std::string& fingerprint, const JournalVisitor& visitor) {
  const std::string contents = files.read(path);
  const std::string_view all(contents);
  JournalSummary summary;
  const auto drop_all = [&] {
    summary.header_whole = false;
    summary.dropped_bytes = all.size();
    summary.damaged = all.size() >= kHeaderSize;
    return summary;
  };
  if (all.size() < kHeaderSize) return drop_all();
  ByteReader header(all.substr(kMagic.size(), kHeaderSize - kMagic.size()));
  const auto version = header.get<std::uint32_t>();
  summary.header.run = header.get<std::uint32_t>();
  summary.header.rank = header.get<std::uint32_t>();
  summary.header.fingerprint = all.substr(kHeaderSize - 4 - kFingerprint, kFingerprint);
  ByteReader crc(all.substr(kHeaderSize - 4, 4));
  if (crc.get<std::uint32_t>() != crc32c(all.substr(0, kHeaderSize - 4))) return drop_all();
  if (all.substr(0, kMagic.size()) != kMagic)
    throw io::InputError({path.string(), "", 0, 0}, "this is not a journal of a study");
  if (version != kVersion)
    throw io::InputError({path.string(), "", 0, 0},
                         "the journal has version " + std::to_string(version),
                         "this program reads version " + std::to_string(kVersion));
  if (summary.header.fingerprint != fingerprint)
    throw io::InputError({path.string(), "", 0, 0}, "the journal belongs to another study",
                         "choose another --output");

  std::size_t at = kHeaderSize;
  while (all.size() - at >= kRecordHeader) {
    ByteReader prefix(all.substr(at, kRecordHeader));
    const std::size_t length = prefix.get<std::uint32_t>();
    const auto expected = prefix.get<std::uint32_t>();
    if (all.size() - at - kRecordHeader < length) break;
    const std::string_view payload = all.substr(at + kRecordHeader, length);
    bool understood = record_crc(at, payload) == expected;
    if (!understood) {
      summary.damaged = true;
      break;
    }
    visit(payload, visitor, understood);
    if (!understood) {
      summary.damaged = true;
      break;
    }
    ++summary.records;
    at += kRecordHeader + length;
  }
  summary.dropped_bytes = all.size() - at;
  return summary;
}

}  // namespace ridgeline::engine
