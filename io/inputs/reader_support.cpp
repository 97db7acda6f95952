#include "io/inputs/reader_support.hpp"

#include <algorithm>
#include <charconv>

#include "model/core/limits.hpp"

namespace ridgeline::io {

InputError syntax_error(const Value& value, const SyntaxError& error, const std::string& remedy) {
  return value.error("'" + value.text() + "': " + error.problem + " at character " +
                         std::to_string(error.position + 1),
                     remedy);
}

std::int64_t number_in_text(const Value& value, const std::string& digits, std::int64_t min) {
  std::int64_t number = 0;
  const auto [end, status] = std::from_chars(digits.data(), digits.data() + digits.size(), number);
  if (status != std::errc() || end != digits.data() + digits.size() ||
      number > model::kMaxExactInteger) {
    throw value.error("the number in '" + value.text() + "' is beyond 2^53");
  }
  if (number < min) {
    throw value.error("the number in '" + value.text() + "' must be at least " +
                      std::to_string(min));
  }
  return number;
}

std::vector<model::Unroll> read_unrolls(const Value& list, bool digits_in_names) {
  std::vector<model::Unroll> unrolls;
  for (const Value& item : list.items()) {
    item.as_string();
    const auto parsed = parse_named_number(item.text(), digits_in_names);
    if (const auto* error = std::get_if<SyntaxError>(&parsed)) {
      throw syntax_error(item, *error, "write a loop dimension and a factor, as in \"K, 32\"");
    }
    const NamedNumber& pair = std::get<NamedNumber>(parsed);
    const model::Unroll unroll{pair.name, number_in_text(item, pair.number, 1)};
    const auto same = std::find_if(unrolls.begin(), unrolls.end(),
                                   [&](const model::Unroll& u) { return u.dim == unroll.dim; });
    if (same == unrolls.end()) {
      unrolls.push_back(unroll);
    } else {
      same->factor = unroll.factor;
    }
  }
  return unrolls;
}

model::MemoryOperand read_memory_operand(const Value& value) {
  const auto operand = model::memory_operand(value.as_string());
  if (!operand) {
    throw value.error("'" + value.text() + "' is no memory operand", "one of I1, I2 or O");
  }
  return *operand;
}

void add_note(std::vector<std::string>* notes, const Value& value, const std::string& remark) {
  if (notes != nullptr) notes->push_back(describe(value.location(), remark, ""));
}

}  // namespace ridgeline::io
