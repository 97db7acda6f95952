// Little-endian encoding of journal records, messages and what checksums are taken of.
#pragma once

#include <bit>
#include <cstdint>
#include <cstring>
#include <string>
#include <string_view>
#include <type_traits>
#include <utility>

namespace ridgeline::io {

static_assert(std::endian::native == std::endian::little,
              "all of them are written in the machine's order, which must be little");

class ByteWriter {
 public:
  template <class T>
  void put(T value) {
    static_assert(std::is_arithmetic_v<T>);
    char raw[sizeof(T)];
    std::memcpy(raw, &value, sizeof(T));
    bytes_.append(raw, sizeof(T));
  }
  void put_text(std::string_view text) {
    put(static_cast<std::uint32_t>(text.size()));
    bytes_.append(text);
  }
  // Without its length.
  void put_raw(std::string_view text) { bytes_.append(text); }
  const std::string& bytes() const { return bytes_; }
  std::string take() { return std::move(bytes_); }
  void clear() { bytes_.clear(); }

 private:
  std::string bytes_;
};

// Reads what ByteWriter wrote. Past the end every value is zero and `ok()` is false: callers
// check once, at the end.
class ByteReader {
 public:
  explicit ByteReader(std::string_view bytes) : bytes_(bytes) {}

  template <class T>
  T get() {
    static_assert(std::is_arithmetic_v<T>);
    T value{};
    if (bytes_.size() - at_ < sizeof(T)) {
      fail();
      return value;
    }
    std::memcpy(&value, bytes_.data() + at_, sizeof(T));
    at_ += sizeof(T);
    return value;
  }
  std::string get_text() { return get_raw(get<std::uint32_t>()); }
  std::string get_raw(std::uint64_t length) {
    if (bytes_.size() - at_ < length) {
      fail();
      return {};
    }
    std::string text(bytes_.substr(at_, length));
    at_ += length;
    return text;
  }
  std::string_view rest() const { return bytes_.substr(at_); }
  bool ok() const { return ok_; }
  bool at_end() const { return at_ == bytes_.size(); }

 private:
  void fail() {
    ok_ = false;
    at_ = bytes_.size();
  }
  std::string_view bytes_;
  std::size_t at_ = 0;
  bool ok_ = true;
};

}  // namespace ridgeline::io
