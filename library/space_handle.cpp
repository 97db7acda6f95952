// The C interface's handle on the designs of a study.
#include <algorithm>
#include <atomic>
#include <cmath>
#include <nlohmann/json.hpp>
#include <optional>

#include "engine/commands/exit_code.hpp"
#include "engine/explore/evaluator.hpp"
#include "engine/explore/metrics.hpp"
#include "engine/run/failure.hpp"
#include "engine/run/team.hpp"
#include "io/document/document_kind.hpp"
#include "library/request.hpp"
#include "library/result.hpp"

using namespace ridgeline;
using namespace ridgeline::engine;
using Json = nlohmann::ordered_json;

struct ridgeline_space {
  explicit ridgeline_space(io::Study read) : study(std::move(read)) {}

  io::Study study;
  std::unique_ptr<Evaluator> evaluator;  // refers to the study
  std::string text;
};

namespace {

std::string dumped(const Json& json) {
  return json.dump(-1, ' ', false, Json::error_handler_t::replace);
}

// What a study would record of the design, never given up early.
Json point(ridgeline_space& space, const std::vector<int>& values, const Hooks& hooks) {
  const std::uint64_t id = space.study.id_of(values);
  Json one{{"id", id}, {"status", "ok"}, {"message", ""}};
  const auto failed = [&](const char* status, const std::string& why) {
    one["status"] = status;
    one["message"] = why;
    return one;
  };
  try {
    if (!space.study.exists(id)) return failed("infeasible", "`where` excludes this design");
    const Candidate candidate = space.evaluator->evaluate(
        id, [](const Metrics&, Bound) { return false; }, [&] { return hooks.stopped(); });
    if (candidate.status == CandidateStatus::infeasible) {
      return failed("infeasible", candidate.message);
    }
    for (int m = 0; m < model::kMetrics; ++m) {
      const double value = candidate.metrics[static_cast<std::size_t>(m)];
      const std::string name(model::to_string(static_cast<model::Metric>(m)));
      if (!std::isfinite(value)) return failed("error", name + " is not a finite number");
      one["metrics"][name] = value;
    }
  } catch (const Stopped&) {
    throw Cancelled();
  } catch (...) {
    // What is of the machine is no property of the design.
    if (of_the_machine(std::current_exception())) throw;
    return failed("error", failure_of(std::current_exception()).what);
  }
  return one;
}

}  // namespace

extern "C" {

ridgeline_space* ridgeline_space_open(const char* request, ridgeline_result** failure) {
  return guarded_open(failure, [&] {
    const Json json = parse_request(request, "space");
    std::string given;
    for (const auto& [key, value] : json.items()) {
      if (key != "study") throw UsageError("space takes `study`, not '" + key + "'");
      given = value.is_string() ? value.get<std::string>() : value.dump();
    }
    if (given.empty()) throw UsageError("space needs `study`");
    auto space = std::make_unique<ridgeline_space>(
        io::read_as(io::DocumentKind::study, given, [&] { return io::Study::read(given); }));
    const io::StudySpec& spec = space->study.spec();
    space->evaluator = study_evaluator(space->study);
    check_first_designs(space->study, *space->evaluator);
    Json text{{"name", spec.name},
              {"combinations", space->study.grid().text},
              {"parameters", Json::array()},
              {"objectives", Json::array()}};
    for (const io::StudyParameter& parameter : spec.parameters) {
      Json labels = Json::array();
      Json values = Json::array();
      for (const io::ParameterValue& value : parameter.values) {
        labels.push_back(value.label);
        values.push_back(value.value);
      }
      text["parameters"].push_back(
          {{"name", parameter.name}, {"labels", labels}, {"values", values}});
    }
    for (const model::Metric metric : spec.objectives) {
      text["objectives"].push_back({{"name", model::to_string(metric)},
                                    {"unit", model::unit(metric)},
                                    {"maximised", model::maximised(metric)}});
    }
    space->text = dumped(text);
    return space;
  });
}

const char* ridgeline_space_text(const ridgeline_space* space) {
  return space == nullptr ? nullptr : space->text.c_str();
}

ridgeline_result* ridgeline_space_evaluate(ridgeline_space* space, int64_t count,
                                           const int32_t* values, int32_t threads,
                                           const ridgeline_hooks* hooks) {
  return guarded([&](ridgeline_result& result) {
    if (space == nullptr || count < 0) throw UsageError("there is no space, or no point");
    const auto& parameters = space->study.spec().parameters;
    const std::size_t width = parameters.size();
    std::vector<std::vector<int>> points(static_cast<std::size_t>(count));
    for (std::size_t i = 0; i < points.size(); ++i) {
      for (std::size_t p = 0; p < width; ++p) {
        const std::int32_t place = values[i * width + p];
        if (place < 0 || static_cast<std::size_t>(place) >= parameters[p].values.size()) {
          throw UsageError("point " + std::to_string(i) + ": parameter " + parameters[p].name +
                           " has no value " + std::to_string(place));
        }
        points[i].push_back(place);
      }
    }
    const Hooks caller = hooks_of_caller(hooks);
    std::vector<Json> entries(points.size());
    std::atomic<std::size_t> done{0};
    Team team(
        std::max(1, static_cast<int>(std::min<std::size_t>(std::max(threads, 1), points.size()))));
    team.run(points.size(), [&](std::size_t i, int) {
      if (caller.stopped()) throw Cancelled();
      entries[i] = point(*space, points[i], caller);
      if (caller.progress) {
        caller.progress(static_cast<double>(++done), static_cast<double>(points.size()));
      }
    });
    Json all = Json::array();
    for (Json& entry : entries) all.push_back(std::move(entry));
    result.text = dumped(all);
  });
}

ridgeline_result* ridgeline_space_design(ridgeline_space* space, uint64_t id,
                                         const ridgeline_hooks* hooks) {
  return guarded([&](ridgeline_result& result) {
    if (space == nullptr || id >= space->study.grid().count || !space->study.exists(id)) {
      throw UsageError("there is no design " + std::to_string(id));
    }
    const Hooks caller = hooks_of_caller(hooks);
    try {
      const DesignRecord record = space->evaluator->describe(id, [&] { return caller.stopped(); });
      Json documents = Json::object();
      for (const auto& [name, text] : record.documents) documents[name] = Json::parse(text);
      result.text = dumped(documents);
    } catch (const Stopped&) {
      throw Cancelled();
    } catch (const io::InputError&) {
      throw;
    } catch (const std::runtime_error& error) {
      throw Infeasible(error.what());
    }
  });
}

void ridgeline_space_close(ridgeline_space* space) {
  delete space;
}

}  // extern "C"
