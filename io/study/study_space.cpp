#include "io/study/study_space.hpp"

#include <algorithm>
#include <utility>

namespace ridgeline::io {
namespace {

__extension__ using Wide = unsigned __int128;

std::string decimal(Wide value) {
  std::string digits;
  do {
    digits.insert(digits.begin(), static_cast<char>('0' + static_cast<int>(value % 10)));
    value /= 10;
  } while (value > 0);
  return digits;
}

GridSize grid_size(const std::vector<std::vector<ExpressionValue>>& values) {
  constexpr Wide kLargest = ~Wide{0};
  Wide count = 1;
  bool saturated = false;
  for (const auto& parameter : values) {
    const Wide size = parameter.size();
    if (size == 0) return {0, true, "0"};
    if (!saturated && count > kLargest / size) saturated = true;
    if (!saturated) count *= size;
  }
  if (saturated) return {0, false, "more than 10^38"};
  constexpr Wide kMost = Wide{1} << 63;
  if (count >= kMost) return {0, false, decimal(count)};
  return {static_cast<std::uint64_t>(count), true, decimal(count)};
}

}  // namespace

// A partial combination of values: the digits before some depth are set.
struct StudySpace::Walk {
  std::vector<std::size_t> digits;
  std::vector<ExpressionValue> values;
};

StudySpace::StudySpace(std::vector<std::vector<ExpressionValue>> values,
                       std::vector<Condition> conditions)
    : values_(std::move(values)),
      conditions_(values_.size()),
      stride_(values_.size()),
      grid_(grid_size(values_)) {
  std::uint64_t stride = 1;
  for (std::size_t p = values_.size(); p-- > 0;) {
    stride_[p] = stride;
    stride *= values_[p].size();
  }
  for (auto& condition : conditions) {
    const auto& used = condition.expression.used();
    if (used.empty()) {
      constant_.push_back(std::move(condition));
      continue;
    }
    const auto last = static_cast<std::size_t>(used.back());
    unconditional_ = std::max(unconditional_, last + 1);
    conditions_[last].push_back(std::move(condition));
  }
}

std::vector<int> StudySpace::values_of(std::uint64_t id) const {
  std::vector<int> result(values_.size());
  for (std::size_t p = 0; p < values_.size(); ++p) {
    result[p] = static_cast<int>(id / stride_[p] % values_[p].size());
  }
  return result;
}

std::uint64_t StudySpace::id_of(const std::vector<int>& values) const {
  std::uint64_t id = 0;
  for (std::size_t p = 0; p < values_.size(); ++p) {
    id += stride_[p] * static_cast<std::uint64_t>(values[p]);
  }
  return id;
}

std::vector<ExpressionValue> StudySpace::expression_values(std::uint64_t id) const {
  std::vector<ExpressionValue> result;
  for (std::size_t p = 0; p < values_.size(); ++p) {
    result.push_back(values_[p][id / stride_[p] % values_[p].size()]);
  }
  return result;
}

bool StudySpace::holds(const Condition& condition,
                       const std::vector<ExpressionValue>& values) const {
  try {
    return condition.expression.holds(values);
  } catch (const ExpressionError& error) {
    throw InputError(condition.location,
                     std::string(error.what()) + " at position " + std::to_string(error.position) +
                         " of '" + condition.expression.text() + "'",
                     error.remedy);
  }
}

bool StudySpace::may_hold(const Condition& condition,
                          const std::vector<ExpressionValue>& values) const {
  try {
    return condition.expression.holds(values);
  } catch (const ExpressionError&) {
    return true;
  }
}

bool StudySpace::holds_at(std::size_t depth, Walk& walk) const {
  return std::all_of(conditions_[depth].begin(), conditions_[depth].end(),
                     [&](const Condition& condition) { return may_hold(condition, walk.values); });
}

bool StudySpace::exists(std::uint64_t id) const {
  if (constant_.empty() && unconditional_ == 0) return true;
  const auto values = expression_values(id);
  const auto all_hold = [&](const std::vector<Condition>& conditions) {
    return std::all_of(conditions.begin(), conditions.end(),
                       [&](const Condition& condition) { return holds(condition, values); });
  };
  return all_hold(constant_) && std::all_of(conditions_.begin(), conditions_.end(), all_hold);
}

// From the walk's digits onwards; absent where there is none, or where `steps` ran down to 0.
std::optional<std::uint64_t> StudySpace::search(Walk& walk, std::uint64_t& steps) const {
  std::size_t depth = 0;
  for (; steps > 0; --steps) {
    if (depth == unconditional_) {
      // The digits that no condition looks at stay as they are.
      std::uint64_t id = 0;
      for (std::size_t p = 0; p < values_.size(); ++p) id += stride_[p] * walk.digits[p];
      return id;
    }
    walk.values[depth] = values_[depth][walk.digits[depth]];
    if (holds_at(depth, walk)) {
      ++depth;
      continue;
    }
    // On to the next value of this parameter, or of the nearest slower one that has one.
    std::fill(walk.digits.begin() + static_cast<std::ptrdiff_t>(depth) + 1, walk.digits.end(), 0);
    while (++walk.digits[depth] == values_[depth].size()) {
      walk.digits[depth] = 0;
      if (depth == 0) return std::nullopt;
      --depth;
    }
  }
  return std::nullopt;
}

std::optional<std::uint64_t> StudySpace::next_existing(std::uint64_t from,
                                                       std::uint64_t steps) const {
  if (from >= grid_.count) return std::nullopt;
  for (const auto& condition : constant_) {
    if (!holds(condition, {})) return std::nullopt;
  }
  Walk walk{{}, expression_values(from)};
  for (const int value : values_of(from)) walk.digits.push_back(static_cast<std::size_t>(value));
  return search(walk, steps);
}

std::optional<bool> StudySpace::any_existing(std::uint64_t limit) const {
  for (const auto& parameter : values_) {
    if (parameter.empty()) return false;
  }
  for (const auto& condition : constant_) {
    if (!holds(condition, {})) return false;
  }
  Walk walk{std::vector<std::size_t>(values_.size(), 0), {}};
  for (const auto& parameter : values_) walk.values.push_back(parameter.front());
  std::uint64_t steps = limit;
  if (search(walk, steps)) return true;
  return steps == 0 ? std::nullopt : std::optional<bool>(false);
}

std::uint64_t StudySpace::count(std::size_t depth, Walk& walk, std::uint64_t& steps) const {
  if (depth == unconditional_) return depth == 0 ? grid_.count : stride_[depth - 1];
  std::uint64_t total = 0;
  for (const auto& value : values_[depth]) {
    if (steps == 0) return 0;
    --steps;
    walk.values[depth] = value;
    if (holds_at(depth, walk)) total += count(depth + 1, walk, steps);
  }
  return total;
}

std::optional<std::uint64_t> StudySpace::count_existing(std::uint64_t limit) const {
  if (grid_.count == 0) return grid_.fits ? std::optional<std::uint64_t>(0) : std::nullopt;
  for (const auto& condition : constant_) {
    if (!holds(condition, {})) return 0;
  }
  Walk walk{{}, expression_values(0)};
  std::uint64_t steps = limit;
  const std::uint64_t total = count(0, walk, steps);
  return steps == 0 ? std::nullopt : std::optional<std::uint64_t>(total);
}

}  // namespace ridgeline::io
