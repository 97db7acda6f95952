// Rows of equal width, by number, in blocks that stay where they are: growing copies nothing, and
// no more memory is held than a block above what is used.
#pragma once

#include <algorithm>
#include <cstdint>
#include <memory>
#include <vector>

#include "model/core/index.hpp"

namespace ridgeline::search {

// T is copied as bytes are.
template <typename T>
class Rows {
 public:
  explicit Rows(int width = 1) : width_(z(width)) { open(); }

  int width() const { return static_cast<int>(width_); }
  std::size_t size() const { return size_; }
  T* operator[](std::size_t i) { return blocks_[i >> kShift].get() + (i & kMask) * width_; }
  const T* operator[](std::size_t i) const {
    return blocks_[i >> kShift].get() + (i & kMask) * width_;
  }
  // The row after the last one, to be written and then added by `commit`.
  T* tail() { return (*this)[size_]; }
  const T* tail() const { return (*this)[size_]; }
  void commit() {
    ++size_;
    open();
  }
  // Keeps the first so many rows. The one after them is what it was.
  void shrink(std::size_t count) {
    size_ = count;
    const std::size_t needed = (size_ >> kShift) + 2;  // one to spare
    if (blocks_.size() > needed) blocks_.resize(needed);
  }
  // Another width, and no rows.
  void restart(int width) {
    blocks_.resize(z(width) != width_ || blocks_.empty() ? 0 : 1);
    width_ = z(width);
    size_ = 0;
    open();
  }
  void copy(std::size_t from, std::size_t to) { std::copy_n((*this)[from], width_, (*this)[to]); }

 private:
  static constexpr std::size_t kShift = 10;
  static constexpr std::size_t kMask = (std::size_t{1} << kShift) - 1;

  void open() {
    if (size_ >> kShift < blocks_.size()) return;
    blocks_.push_back(std::make_unique_for_overwrite<T[]>((kMask + 1) * width_));
  }

  std::size_t width_;
  std::size_t size_ = 0;
  std::vector<std::unique_ptr<T[]>> blocks_;
};

}  // namespace ridgeline::search
