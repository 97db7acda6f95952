#include "engine/explore/dry_run.hpp"

#include <chrono>
#include <cmath>
#include <cstdio>
#include <iostream>
#include <nlohmann/json.hpp>
#include <optional>
#include <vector>

#include "engine/explore/study_strategy.hpp"
#include "io/document/printable.hpp"

namespace ridgeline::engine {
namespace {

constexpr int kShown = 10;
constexpr std::size_t kListed = 20;           // values of a parameter
constexpr std::uint64_t kSteps = 10'000'000;  // what hides longer is not shown
constexpr std::uint64_t kCounted = 512;       // designs whose schedules are counted
constexpr double kTiming = 4;                 // seconds of evaluations
constexpr int kTimed = 8;                     // designs at most

std::string count_text(double count, bool about) {
  char text[40];
  if (count < 1e15) {
    std::snprintf(text, sizeof(text), "%s%.0f", about ? "about " : "", count);
  } else {
    std::snprintf(text, sizeof(text), "about %.3g", count);
  }
  return text;
}

std::string duration_text(double seconds) {
  char text[40];
  if (seconds < 120) {
    std::snprintf(text, sizeof(text), "%.3g s", seconds);
  } else if (seconds < 7200) {
    std::snprintf(text, sizeof(text), "%.3g min", seconds / 60);
  } else if (seconds < 48 * 3600.0) {
    std::snprintf(text, sizeof(text), "%.3g h", seconds / 3600);
  } else {
    std::snprintf(text, sizeof(text), "%.3g days", seconds / 86400);
  }
  return text;
}

void show_parameters(const io::StudySpec& spec) {
  for (const auto& parameter : spec.parameters) {
    std::cout << "  " << io::printable(parameter.name) << ':';
    const std::size_t count = parameter.values.size();
    const std::size_t listed = count > kListed ? kListed - 1 : count;
    for (std::size_t v = 0; v < listed; ++v)
      std::cout << ' ' << io::printable(parameter.values[v].label);
    if (listed < count)
      std::cout << " ... " << io::printable(parameter.values.back().label) << " (" << count
                << " values)";
    std::cout << '\n';
  }
}

// Up to `most` existing designs, spread evenly over the grid.
std::vector<std::uint64_t> spread_designs(const io::Study& study, std::uint64_t most) {
  std::vector<std::uint64_t> ids;
  const std::uint64_t grid = study.grid().count;
  const std::uint64_t step = std::max<std::uint64_t>(1, grid / most);
  for (std::uint64_t from = 0; from < grid && ids.size() < most; from += step) {
    const auto id = study.next_existing(from, kSteps);
    if (!id) break;
    if (ids.empty() || *id > ids.back()) ids.push_back(*id);
    if (*id > from) from += (*id - from) / step * step;
  }
  return ids;
}

// Designs times schedules of each, where schedules are searched.
void show_joint_space(const io::Study& study, Evaluator& evaluator,
                      std::optional<std::uint64_t> existing) {
  const auto ids = spread_designs(study, kCounted);
  double sum = 0;
  double most = 0;
  std::size_t counted = 0;
  for (const std::uint64_t id : ids) {
    std::optional<double> schedules;
    try {
      schedules = evaluator.schedules(id);
    } catch (const std::exception&) {
      continue;  // an error of this design
    }
    if (!schedules) return;
    sum += *schedules;
    most = std::max(most, *schedules);
    ++counted;
  }
  if (counted == 0) return;
  const bool all = existing && ids.size() == *existing;
  const double designs = static_cast<double>(existing.value_or(study.grid().count));
  const double total = all ? sum : sum / static_cast<double>(ids.size()) * designs;
  std::cout << "joint space (designs with each of their schedules): " << count_text(total, !all)
            << "; at most " << count_text(most, !all) << " schedules a design\n";
}

// Candidates of the study to time: what the strategy begins with where ids are no designs.
std::vector<std::uint64_t> timed_candidates(const io::Study& study, Evaluator& evaluator) {
  if (!study.counts_genomes()) return spread_designs(study, kTimed);
  const auto strategy = strategy_of(study);
  auto block = strategy->next([](std::uint64_t) { return search::Fitness{{}, 2}; });
  std::vector<std::uint64_t> ids = block.value_or(std::vector<std::uint64_t>{});
  if (ids.size() > kTimed) ids.resize(kTimed);
  for (const std::uint64_t id : ids) evaluator.learn(id, strategy->genome(id));
  return ids;
}

void show_time(const io::Study& study, Evaluator& evaluator, int threads, double candidates) {
  using Clock = std::chrono::steady_clock;
  const auto begun = Clock::now();
  const auto elapsed = [&] { return std::chrono::duration<double>(Clock::now() - begun).count(); };
  int done = 0;
  double first = 0;
  for (const std::uint64_t id : timed_candidates(study, evaluator)) {
    try {
      evaluator.evaluate(
          id, [](const Metrics&, Bound) { return false; }, [&] { return elapsed() > kTiming; });
    } catch (const Stopped&) {
      break;
    } catch (const std::exception&) {
      // An error takes its time too.
    }
    if (++done == 1) first = elapsed();
    if (elapsed() > kTiming) break;
  }
  std::cout << "time: ";
  if (done == 0) {
    std::cout << "more than " << duration_text(kTiming) << " a design; at least "
              << duration_text(kTiming * candidates / threads) << " on " << threads
              << " threads, without pruning\n";
    return;
  }
  // Later designs find much of the first one's work done.
  const double each = done > 1 ? (elapsed() - first) / (done - 1) : first;
  std::cout << "about " << duration_text(each) << " a design (" << done << " timed), so "
            << duration_text(first + each * candidates / threads) << " on " << threads
            << (threads == 1 ? " thread" : " threads") << ", without pruning\n";
}

}  // namespace

void dry_run(const io::Study& study, Evaluator& evaluator, int threads) {
  const io::StudySpec& spec = study.spec();
  std::cout << "study " << io::printable(spec.name) << '\n';
  show_parameters(spec);
  std::cout << "combinations: " << study.grid().text << '\n';
  auto existing = std::optional<std::uint64_t>(study.grid().count);
  if (!spec.where.empty()) {
    existing = study.count_existing();
    std::cout << "designs (with `where`): "
              << (existing ? std::to_string(*existing) : "too many to count") << '\n';
  }
  show_joint_space(study, evaluator, existing);
  const std::uint64_t candidates = strategy_of(study)->expected();
  std::cout << "candidates of the strategy: " << candidates << '\n';
  std::cout << "first designs:\n";
  std::uint64_t from = 0;
  std::optional<std::uint64_t> first;
  for (int shown = 0; shown < kShown; ++shown) {
    const auto id = study.next_existing(from, kSteps);
    if (!id) break;
    std::cout << "  " << *id << ": " << io::printable(study.describe(*id)) << '\n';
    if (!first) {
      try {
        if (study.design_documents(*id).infeasible.empty()) first = id;
      } catch (const io::InputError&) {
        // Told as an error of this design when it is evaluated.
      }
    }
    from = *id + 1;
    if (from >= study.grid().count) break;
  }
  if (!first) return;
  const io::DesignDocuments documents = study.design_documents(*first);
  std::cout << "design " << *first << " in full:\n"
            << io::printable_json(
                   nlohmann::ordered_json{{"accelerator", documents.accelerator.to_json()},
                                          {"mapping", documents.mapping.to_json()}}
                       .dump(1, ' ', false, nlohmann::ordered_json::error_handler_t::replace))
            << '\n';
  show_time(study, evaluator, threads, static_cast<double>(candidates));
}

}  // namespace ridgeline::engine
