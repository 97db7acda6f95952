// An independent judge of schedules: takes nothing but a result document (schema
// ridgeline.schedule/1 with all details) and checks at every instant what a real machine would
// enforce. Shares no code with the scheduler.
#pragma once

#include <nlohmann/json.hpp>
#include <set>
#include <string>
#include <vector>

namespace ridgeline::testing {

enum class Rule {
  dependency,   // a node starts before what it waits for has ended or arrived
  exclusivity,  // a core runs two nodes at once
  sender,       // data leave a memory that does not hold them
  duration,     // more bits than the links carry in the time
  link,         // a link carries more than its bandwidth
  memory,       // a memory holds more than its capacity
  causality,    // a write-back starts before it is decided
  latency,      // the latency is not the last end
  energy,       // the parts do not add up
};

struct Violation {
  Rule rule;
  std::string text;
};

// What the reference's scheduler is known to do, by name. Empty for strict schedules.
struct RefereeExceptions {
  bool write_backs_ahead = false;       // Q15: a write-back may start before it is decided
  bool oversubscribed_streams = false;  // Q16: streams of a node may exceed a link by themselves
  bool unchecked_storing = false;       // Q18: what is stored after all else is not checked
  bool evicted_while_read = false;      // room is made by what a running node still reads
};
inline constexpr RefereeExceptions kReferenceQuirks{true, true, true, true};

std::vector<Violation> judge(const nlohmann::ordered_json& result,
                             const RefereeExceptions& exceptions);
std::set<Rule> rules(const std::vector<Violation>& violations);

}  // namespace ridgeline::testing
