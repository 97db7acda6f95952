// The grid of a study and the conditions that say which of its points exist.
//
// Ids are mixed-radix numbers with the first parameter as the slowest digit.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "io/document/error.hpp"
#include "io/document/expression.hpp"

namespace ridgeline::io {

struct GridSize {
  std::uint64_t count = 0;  // ids run from 0 to count - 1; 0 where it does not fit
  bool fits = true;         // in 63 bits
  std::string text;         // the count in decimal
};

struct Condition {
  Expression expression;
  Location location;  // in the study document
};

class StudySpace {
 public:
  // `values[p]`: what expressions see for each value of parameter p.
  StudySpace(std::vector<std::vector<ExpressionValue>> values, std::vector<Condition> conditions);

  const GridSize& grid() const { return grid_; }
  std::size_t parameters() const { return values_.size(); }

  std::vector<int> values_of(std::uint64_t id) const;
  std::uint64_t id_of(const std::vector<int>& values) const;
  // The values of a design, as expressions take them.
  std::vector<ExpressionValue> expression_values(std::uint64_t id) const;

  // Throws InputError, with the place of the condition, where it cannot be evaluated.
  bool exists(std::uint64_t id) const;
  // For the others such a design exists: it is an error of its own when it is evaluated.
  //
  // Smallest existing id >= `from`. A condition is checked as soon as all its parameters have
  // values, and skips whatever follows where it does not hold.
  // Absent too where `steps` of them do not lead there.
  std::optional<std::uint64_t> next_existing(std::uint64_t from,
                                             std::uint64_t steps = UINT64_MAX) const;
  // Whether anything exists; absent where `limit` steps do not tell.
  std::optional<bool> any_existing(std::uint64_t limit) const;
  // Number of existing ids; absent where `limit` steps do not tell.
  std::optional<std::uint64_t> count_existing(std::uint64_t limit) const;

 private:
  struct Walk;
  bool holds(const Condition& condition, const std::vector<ExpressionValue>& values) const;
  bool may_hold(const Condition& condition, const std::vector<ExpressionValue>& values) const;
  bool holds_at(std::size_t depth, Walk& walk) const;
  std::optional<std::uint64_t> search(Walk& walk, std::uint64_t& steps) const;
  std::uint64_t count(std::size_t depth, Walk& walk, std::uint64_t& steps) const;

  std::vector<std::vector<ExpressionValue>> values_;
  // By the last parameter they need; those that need none stand with the first.
  std::vector<std::vector<Condition>> conditions_;
  std::vector<Condition> constant_;
  std::size_t unconditional_ = 0;      // parameters from here on are in no condition's way
  std::vector<std::uint64_t> stride_;  // ids between neighbouring values of a parameter
  GridSize grid_;
};

}  // namespace ridgeline::io
