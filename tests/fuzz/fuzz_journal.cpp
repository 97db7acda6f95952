// Journals of studies: whatever the bytes, records up to the first that is not whole, or an
// InputError for a file of another study or version; and whatever is in a record whose checksum is
// right.
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <memory>
#include <string>

#include "engine/explore/file_system.hpp"
#include "engine/explore/journal.hpp"
#include "io/document/error.hpp"

namespace {

namespace engine = ridgeline::engine;

const std::string kFingerprint(64, '0');

// One file, in memory.
class OneFile final : public engine::FileSystem {
 public:
  explicit OneFile(std::string bytes = "") : bytes_(std::move(bytes)) {}
  std::string& bytes() { return bytes_; }

  std::unique_ptr<engine::AppendFile> create(const std::filesystem::path&) override {
    class Appending final : public engine::AppendFile {
     public:
      explicit Appending(std::string& to) : to_(to) {}
      void write(std::string_view bytes) override { to_ += bytes; }
      void sync() override {}

     private:
      std::string& to_;
    };
    return std::make_unique<Appending>(bytes_);
  }
  std::string read(const std::filesystem::path&) override { return bytes_; }
  void replace(const std::filesystem::path&, std::string_view) override { std::abort(); }
  void make_directory(const std::filesystem::path&) override {}

 private:
  std::string bytes_;
};

// Records that were believed.
std::uint64_t read(OneFile& file) {
  std::uint64_t visited = 0;
  engine::JournalVisitor visitor;
  visitor.candidate = [&](engine::Candidate&&) { ++visited; };
  visitor.design = [&](engine::DesignRecord&&) { ++visited; };
  visitor.progress = [&](const engine::ProgressRecord&) { ++visited; };
  try {
    const engine::JournalSummary summary =
        engine::read_journal(file, "journal", kFingerprint, visitor);
    if (summary.dropped_bytes > file.bytes().size()) std::abort();
  } catch (const ridgeline::io::InputError&) {
  }
  return visited;
}

void append_number(std::string& bytes, std::uint64_t value, int size) {
  for (int i = 0; i < size; ++i) bytes += static_cast<char>(value >> (8 * i) & 0xff);
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string payload(reinterpret_cast<const char*>(data), size);
  OneFile as_it_is(payload);
  read(as_it_is);

  // Behind a record that is right.
  OneFile file;
  engine::JournalWriter writer(file, "journal", {1, 0, kFingerprint});
  writer.append(engine::ProgressRecord{1, 2, 3, 4, 5});
  writer.flush();
  std::string prefix;
  append_number(prefix, file.bytes().size(), 8);
  append_number(prefix, payload.size(), 4);
  append_number(file.bytes(), payload.size(), 4);
  append_number(file.bytes(), engine::crc32c(payload, engine::crc32c(prefix)), 4);
  file.bytes() += payload;
  if (read(file) < 1) std::abort();
  return 0;
}
