// Messages that are too long for one send, in parts.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>
#include <unordered_map>
#include <utility>
#include <vector>

namespace ridgeline::engine {

// MPI counts bytes in an int.
inline constexpr std::size_t kLongestPart = std::size_t{1} << 28;

// `bytes` in parts of up to `longest`, at least one; all but the last are followed by another.
inline std::vector<std::string_view> parts_of(std::string_view bytes, std::size_t longest) {
  std::vector<std::string_view> parts;
  do {
    parts.push_back(bytes.substr(0, longest));
    bytes.remove_prefix(parts.back().size());
  } while (!bytes.empty());
  return parts;
}

// Puts parts together. Those of one sender come in order, those of several senders mixed.
class PartsJoiner {
 public:
  // True: `bytes` is the whole message.
  bool add(int rank, bool more_follows, std::string& bytes) {
    const auto begun = begun_.find(rank);
    if (begun == begun_.end() && !more_follows) return true;
    std::string& whole = begun == begun_.end() ? begun_[rank] : begun->second;
    whole += bytes;
    if (more_follows) return false;
    bytes = std::move(whole);
    begun_.erase(rank);
    return true;
  }

 private:
  std::unordered_map<int, std::string> begun_;
};

}  // namespace ridgeline::engine
