#include "io/results/study_report.hpp"

#include <algorithm>
#include <cmath>
#include <limits>

namespace ridgeline::io {
namespace {

constexpr double kNan = std::numeric_limits<double>::quiet_NaN();

std::vector<std::uint64_t> ok_rows(const CandidateColumns& candidates) {
  std::vector<std::uint64_t> rows;
  for (std::uint64_t row = 0; row < candidates.size(); ++row) {
    if (candidates.status[row] == CandidateStatus::ok) rows.push_back(row);
  }
  return rows;
}

std::optional<std::uint64_t> knee_of(const StudyFile& file) {
  const std::size_t objectives = file.objectives.size();
  std::vector<double> best(objectives, std::numeric_limits<double>::infinity());
  std::vector<double> worst(objectives, -std::numeric_limits<double>::infinity());
  const auto value = [&](std::uint64_t row, std::size_t o) {
    const double raw = file.candidates.objectives[o][row];
    return file.objectives[o].maximised ? -raw : raw;
  };
  for (const std::uint64_t row : file.front) {
    for (std::size_t o = 0; o < objectives; ++o) {
      best[o] = std::min(best[o], value(row, o));
      worst[o] = std::max(worst[o], value(row, o));
    }
  }
  std::optional<std::uint64_t> knee;
  double nearest = std::numeric_limits<double>::infinity();
  for (const std::uint64_t row : file.front) {
    double distance = 0;
    for (std::size_t o = 0; o < objectives; ++o) {
      const double range = worst[o] - best[o];
      const double scaled = range > 0 ? (value(row, o) - best[o]) / range : 0;
      distance += scaled * scaled;
    }
    if (distance < nearest) {
      nearest = distance;
      knee = row;
    }
  }
  return knee;
}

// One objective over the candidates that are ok, ready to be grouped by parameter values.
struct Response {
  std::vector<std::uint64_t> rows;
  std::vector<double> values;  // logarithms where `logarithmic`
  bool logarithmic = false;
  bool maximised = false;
  double mean = 0;
  double variance = 0;
};

Response response_of(const StudyFile& file, std::size_t objective,
                     const std::vector<std::uint64_t>& rows) {
  Response response{.rows = rows, .values = {}, .maximised = file.objectives[objective].maximised};
  const auto& column = file.candidates.objectives[objective];
  response.logarithmic =
      std::all_of(rows.begin(), rows.end(), [&](std::uint64_t row) { return column[row] > 0; });
  for (const std::uint64_t row : rows) {
    response.values.push_back(response.logarithmic ? std::log(column[row]) : column[row]);
  }
  if (rows.empty()) return response;
  const double count = static_cast<double>(rows.size());
  for (const double value : response.values) response.mean += value / count;
  for (const double value : response.values) {
    response.variance += (value - response.mean) * (value - response.mean) / count;
  }
  return response;
}

// Places of the designs in the grid, by row.
const std::vector<std::uint64_t>& places_of(const StudyFile& file) {
  return file.candidates.design.empty() ? file.candidates.id : file.candidates.design;
}

Sensitivity sensitivity_of(const Response& response, const StudyFileParameter& parameter,
                           std::uint64_t stride, const std::vector<std::uint64_t>& ids) {
  const std::size_t levels = parameter.labels.size();
  std::vector<double> sum(levels, 0);
  std::vector<double> count(levels, 0);
  for (std::size_t i = 0; i < response.rows.size(); ++i) {
    const auto level = static_cast<std::size_t>(ids[response.rows[i]] / stride % levels);
    sum[level] += response.values[i];
    count[level] += 1;
  }
  Sensitivity result;
  double between = 0;
  double lowest = std::numeric_limits<double>::infinity();
  double highest = -std::numeric_limits<double>::infinity();
  double best = std::numeric_limits<double>::infinity();
  for (std::size_t level = 0; level < levels; ++level) {
    if (count[level] == 0) continue;
    const double mean = sum[level] / count[level];
    between += count[level] * (mean - response.mean) * (mean - response.mean);
    lowest = std::min(lowest, mean);
    highest = std::max(highest, mean);
    const double rank = response.maximised ? -mean : mean;
    if (rank < best) {
      best = rank;
      result.best_value = static_cast<int>(level);
    }
  }
  // Differences of rounding only are no variation.
  const double noise = 1e-24 * response.mean * response.mean;
  const double total = response.variance * static_cast<double>(response.rows.size());
  result.explained = response.variance > noise ? between / total : kNan;
  if (result.best_value >= 0) {
    result.spread = response.logarithmic ? std::exp(highest - lowest) : highest / lowest;
  }
  return result;
}

std::vector<FrontValues> front_values_of(const StudyFile& file,
                                         const std::vector<std::uint64_t>& ok) {
  std::vector<FrontValues> result;
  std::uint64_t stride = 1;
  for (std::size_t p = file.parameters.size(); p-- > 0;) {
    const std::size_t levels = file.parameters[p].labels.size();
    FrontValues values{std::vector<std::uint64_t>(levels), std::vector<std::uint64_t>(levels)};
    if (levels > 0) {
      const auto level = [&](std::uint64_t row) {
        return static_cast<std::size_t>(places_of(file)[row] / stride % levels);
      };
      for (const std::uint64_t row : file.front) ++values.count[level(row)];
      for (const std::uint64_t row : ok) ++values.count_ok[level(row)];
      stride *= levels;
    }
    result.insert(result.begin(), std::move(values));
  }
  return result;
}

}  // namespace

StudyReport study_report(const StudyFile& file) {
  StudyReport report;
  for (const auto status : file.candidates.status) {
    ++report.by_status[static_cast<std::size_t>(status)];
  }
  const auto rows = ok_rows(file.candidates);
  report.knee = knee_of(file);
  report.front_values = front_values_of(file, rows);
  for (std::size_t o = 0; o < file.objectives.size(); ++o) {
    const auto& column = file.candidates.objectives[o];
    const auto better = [&](std::uint64_t a, std::uint64_t b) {
      return file.objectives[o].maximised ? column[a] > column[b] : column[a] < column[b];
    };
    // Among equals the member of the front that is best in the other objectives.
    std::optional<std::uint64_t> best;
    for (const std::uint64_t row : file.front) {
      if (!best || better(row, *best)) best = row;
    }
    for (const std::uint64_t row : rows) {
      if (!best || better(row, *best)) best = row;
    }
    if (best) report.best.push_back(*best);

    const Response response = response_of(file, o, rows);
    auto& sensitivities = report.sensitivity.emplace_back(file.parameters.size());
    std::uint64_t stride = 1;
    for (std::size_t p = file.parameters.size(); p-- > 0;) {
      const auto& parameter = file.parameters[p];
      if (parameter.labels.empty()) continue;
      sensitivities[p] = sensitivity_of(response, parameter, stride, places_of(file));
      stride *= parameter.labels.size();
    }
  }
  return report;
}

}  // namespace ridgeline::io
