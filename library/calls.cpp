// The calls of the C interface: a request in, a result out.
#include <boost/program_options.hpp>
#include <mutex>
#include <nlohmann/json.hpp>
#include <sstream>

#include "engine/calls/check.hpp"
#include "engine/calls/evaluate.hpp"
#include "engine/calls/report.hpp"
#include "engine/calls/schedule.hpp"
#include "engine/commands/cli.hpp"
#include "engine/commands/command_options.hpp"
#include "engine/commands/evaluate_command.hpp"
#include "engine/commands/exit_code.hpp"
#include "engine/commands/explore_command.hpp"
#include "engine/commands/mapping_options.hpp"
#include "engine/commands/schedule_command.hpp"
#include "engine/explore/explore.hpp"
#include "io/document/given.hpp"
#include "library/request.hpp"
#include "library/result.hpp"
#include "library/study_lock.hpp"

using namespace ridgeline;
using namespace ridgeline::engine;
using Json = nlohmann::ordered_json;

namespace {

// Texts from models may hold any bytes.
std::string dumped(const Json& json) {
  return json.dump(-1, ' ', false, Json::error_handler_t::replace);
}

std::string schedule_json(const io::ScheduleReport& report, bool full) {
  std::ostringstream text;
  io::write_schedule_json(report, full, text);
  return text.str();
}

std::string document_text(const Json& value) {
  if (value.is_string()) return value.get<std::string>();
  if (value.is_structured()) return value.dump();
  throw UsageError("a document is a path, an object or a list, not " + value.dump());
}

}  // namespace

extern "C" {

int ridgeline_abi(void) {
  return RIDGELINE_ABI;
}

const char* ridgeline_version(void) {
  static const std::string text(version());
  return text.c_str();
}

ridgeline_result* ridgeline_evaluate(const char* request, const ridgeline_hooks* hooks) {
  return guarded([&](ridgeline_result& result) {
    const auto values =
        option_values(parse_request(request, "evaluate"), "evaluate", options_of_evaluate(),
                      {"output", "format", "quiet", "export-mapping"});
    if (wants_depth_first(values)) {
      const std::shared_ptr<const DepthFirst> fused =
          depth_first(depth_first_options(values), hooks_of_caller(hooks));
      result.text = io::depth_first_json_text(fused->report());
      result.form = [fused](std::string_view form) -> std::optional<std::string> {
        if (form == "text") return io::depth_first_text(fused->report());
        return std::nullopt;
      };
      if (fused->best().infeasible == 0) return;
      result.fail(RIDGELINE_INFEASIBLE,
                  std::to_string(fused->best().infeasible) + " stacks have no feasible mapping");
      return;
    }
    const std::shared_ptr<const Evaluated> evaluated =
        evaluate(evaluate_options(values), hooks_of_caller(hooks));
    result.text = wants_details(values) ? evaluated->full_json()
                                        : io::evaluation_json_text(evaluated->report());
    result.form = [evaluated](std::string_view form) -> std::optional<std::string> {
      if (form == "text") return io::evaluation_text(evaluated->report());
      return std::nullopt;
    };
    if (evaluated->result.infeasible == 0) return;
    result.fail(RIDGELINE_INFEASIBLE, std::to_string(evaluated->result.infeasible) + " of " +
                                          std::to_string(evaluated->result.layers.size()) +
                                          " layers have no feasible mapping");
  });
}

ridgeline_result* ridgeline_schedule(const char* request, const ridgeline_hooks* hooks) {
  return guarded([&](ridgeline_result& result) {
    const auto values =
        option_values(parse_request(request, "schedule"), "schedule", options_of_schedule(),
                      {"output", "format", "quiet", "export-mapping", "trace"});
    const bool full = wants_details(values);
    const std::shared_ptr<const Scheduled> scheduled =
        schedule(schedule_options(values), hooks_of_caller(hooks));
    result.text = schedule_json(scheduled->report(), full);
    result.form = [scheduled](std::string_view form) -> std::optional<std::string> {
      const io::ScheduleReport report = scheduled->report();
      std::ostringstream text;
      if (form == "full") return schedule_json(report, true);
      if (form == "text") {
        io::write_schedule_text(report, text);
      } else if (form == "trace") {
        io::write_schedule_trace(report, text);
      } else {
        return std::nullopt;
      }
      return text.str();
    };
  });
}

ridgeline_result* ridgeline_explore(const char* request, const ridgeline_hooks* hooks) {
  return guarded([&](ridgeline_result& result) {
    boost::program_options::options_description options = options_of_explore();
    options.add_options()("study", boost::program_options::value<std::vector<std::string>>());
    const auto values =
        option_values(parse_request(request, "explore"), "explore", options,
                      {"dry-run", "exit-code-file", "quiet", "verbose", "worker-timeout"});
    if (values.count("study") == 0) throw UsageError("explore needs `study`");
    ExploreOptions wanted = explore_options(values);
    wanted.command = "ridgeline explore " + io::name_of(wanted.study);
    const std::lock_guard lock(study_files());
    const Explored explored = explore(wanted, hooks_of_caller(hooks));
    if (explored.code == kStoppedEarly) {
      return result.fail(RIDGELINE_STOPPED,
                         "stopped before the study was complete; `resume` continues it");
    }
    result.text = dumped(
        {{"output", wanted.output.string()}, {"already_complete", explored.already_complete}});
    if (explored.code == kInfeasible) {
      result.fail(RIDGELINE_INFEASIBLE, "no design is feasible");
    } else if (explored.code != kDone) {
      result.fail(explored.code,
                  "the study ended with the exit code " + std::to_string(explored.code));
    }
  });
}

ridgeline_result* ridgeline_report(const char* request, const ridgeline_hooks*) {
  return guarded([&](ridgeline_result& result) {
    const Json json = parse_request(request, "report");
    std::uint64_t top = 20;
    std::string file;
    for (const auto& [key, value] : json.items()) {
      if (key == "file" && value.is_string()) {
        file = value.get<std::string>();
      } else if (key == "top" && value.is_number_unsigned()) {
        top = value.get<std::uint64_t>();
      } else {
        throw UsageError("report takes `file`, a path, and `top`, a whole number; not '" + key +
                         "': " + value.dump());
      }
    }
    if (file.empty()) throw UsageError("report needs `file`");
    const std::lock_guard lock(study_files());
    const auto reported = std::make_shared<const Reported>(report(file));
    result.text = reported->json(top);
    result.form = [reported, top](std::string_view form) -> std::optional<std::string> {
      if (form == "text") return reported->text(top);
      if (form == "csv") return reported->csv();
      return std::nullopt;
    };
  });
}

ridgeline_result* ridgeline_check(const char* request, const ridgeline_hooks* hooks) {
  return guarded([&](ridgeline_result& result) {
    const Json json = parse_request(request, "check");
    std::string file;
    std::map<std::string, std::int64_t> dims;
    for (const auto& [key, value] : json.items()) {
      if (key == "file") {
        file = document_text(value);
      } else if (key == "dim" && value.is_object()) {
        std::vector<std::string> pairs;
        for (const auto& [name, size] : value.items()) pairs.push_back(name + "=" + size.dump());
        dims = read_dims(pairs);
      } else {
        throw UsageError("check takes `file` and `dim`, an object; not '" + key + "'");
      }
    }
    if (file.empty()) throw UsageError("check needs `file`");
    const Checked checked = check(file, dims);
    for (const std::string& remark : checked.remarks) hooks_of_caller(hooks).note(remark);
    hooks_of_caller(hooks).details(checked.notes);
    if (checked.error) throw *checked.error;
    std::vector<std::string> notes = checked.remarks;
    notes.insert(notes.end(), checked.notes.begin(), checked.notes.end());
    result.text = dumped({{"ok", true}, {"found", checked.found}, {"notes", notes}});
  });
}

int ridgeline_status(const ridgeline_result* result) {
  return result == nullptr ? RIDGELINE_IO_FAILED : result->status;
}

const char* ridgeline_text(const ridgeline_result* result) {
  return result == nullptr || !result->text ? nullptr : result->text->c_str();
}

const char* ridgeline_form(ridgeline_result* result, const char* form) {
  if (result == nullptr || form == nullptr || !result->form) return nullptr;
  try {
    auto place = result->forms.find(std::string_view(form));
    if (place == result->forms.end()) {
      place = result->forms.emplace(form, result->form(form)).first;
    }
    return place->second ? place->second->c_str() : nullptr;
  } catch (...) {
    return nullptr;
  }
}

const ridgeline_problem* ridgeline_error(const ridgeline_result* result) {
  static const ridgeline_problem no_memory{"", "", 0, 0, "out of memory", ""};
  if (result == nullptr) return &no_memory;
  if (result->status == RIDGELINE_OK) return nullptr;
  // The texts may have moved with the result; they do not once the caller has it.
  auto& problem = const_cast<ridgeline_result*>(result)->problem;
  problem.file = result->file.c_str();
  problem.place = result->place.c_str();
  problem.message = result->message.c_str();
  problem.remedy = result->remedy.c_str();
  return &problem;
}

void ridgeline_free(ridgeline_result* result) {
  delete result;
}

}  // extern "C"
