// Reports as text, JSON and CSV.
#include <algorithm>
#include <array>
#include <charconv>
#include <cmath>
#include <nlohmann/json.hpp>

#include "io/document/printable.hpp"
#include "io/document/text_table.hpp"
#include "io/results/missing_json.hpp"
#include "io/results/study_report.hpp"

namespace ridgeline::io {
namespace {

using nlohmann::ordered_json;

// Independent of the locale; six significant digits for people.
std::string figure(double value, int digits = 6) {
  if (std::isnan(value)) return "-";
  std::array<char, 32> buffer{};
  const auto end =
      std::to_chars(buffer.begin(), buffer.end(), value, std::chars_format::general, digits);
  return std::string(buffer.data(), end.ptr);
}

std::string exact(double value) {
  if (std::isnan(value)) return "";
  std::array<char, 64> buffer{};
  const auto end = std::to_chars(buffer.begin(), buffer.end(), value);
  return std::string(buffer.data(), end.ptr);
}

std::string percent(double share) {
  if (std::isnan(share)) return "-";
  return std::to_string(static_cast<int>(std::lround(100 * share))) + " %";
}

using Table = std::vector<std::vector<std::string>>;

std::vector<std::string> labels_of(const StudyFile& file, std::uint64_t row) {
  std::vector<std::string> labels;
  const auto values = parameter_values(file, row);
  for (std::size_t p = 0; p < values.size(); ++p) {
    labels.push_back(file.parameters[p].labels.empty() ? "" : file.parameters[p].labels[values[p]]);
  }
  return labels;
}

std::string with_unit(const StudyFileObjective& objective) {
  return objective.unit.empty() || objective.unit == "1"
             ? objective.name
             : objective.name + " [" + objective.unit + "]";
}

// A design a line: its place, id, values and objectives.
void add_design(Table& table, const StudyFile& file, std::uint64_t row, const std::string& title) {
  std::vector<std::string> cells{title, std::to_string(file.candidates.id[row])};
  for (auto& label : labels_of(file, row)) cells.push_back(std::move(label));
  for (const auto& column : file.candidates.objectives) cells.push_back(figure(column[row]));
  table.push_back(std::move(cells));
}

std::vector<std::string> design_header(const StudyFile& file, const std::string& title) {
  std::vector<std::string> cells{title, "id"};
  for (const auto& parameter : file.parameters) cells.push_back(parameter.name);
  for (const auto& objective : file.objectives) cells.push_back(with_unit(objective));
  return cells;
}

std::string study_name(const StudyFile& file) {
  const auto study = ordered_json::parse(file.study, nullptr, false);
  if (study.is_object() && study.contains("name") && study["name"].is_string()) {
    return study["name"].get<std::string>();
  }
  return "study";
}

std::string counts_text(const StudyFile& file, const StudyReport& report) {
  std::string text = std::to_string(file.candidates.size()) + " candidates: ";
  for (std::size_t status = 0; status < report.by_status.size(); ++status) {
    if (status > 0) text += ", ";
    text += std::to_string(report.by_status[status]) + " " +
            to_string(static_cast<CandidateStatus>(status));
  }
  return text;
}

std::string sensitivity_text(const StudyFile& file, const StudyReport& report) {
  std::string text =
      "\nSensitivity: share of an objective's variation that a parameter alone explains,\n"
      "best value on average, and worst over best average\n";
  Table table;
  std::vector<std::string> header{""};
  for (const auto& parameter : file.parameters) header.push_back(parameter.name);
  table.push_back(std::move(header));
  for (std::size_t o = 0; o < file.objectives.size(); ++o) {
    std::vector<std::string> cells{file.objectives[o].name};
    for (std::size_t p = 0; p < file.parameters.size(); ++p) {
      const Sensitivity& s = report.sensitivity[o][p];
      std::string cell = percent(s.explained);
      if (!std::isnan(s.explained) && s.best_value >= 0) {
        cell += " (" + file.parameters[p].labels[static_cast<std::size_t>(s.best_value)] + ", x" +
                figure(s.spread, 3) + ")";
      }
      cells.push_back(std::move(cell));
    }
    table.push_back(std::move(cells));
  }
  return text + text_table(table);
}

std::string share(std::uint64_t part, std::uint64_t whole) {
  return percent(static_cast<double>(part) / static_cast<double>(whole));
}

// "16 in all", "16 in 87 %, 32 in 13 %", or that every value occurs as often as anywhere.
std::string front_values_text(const StudyFileParameter& parameter, const FrontValues& values,
                              std::uint64_t members, std::uint64_t ok) {
  std::vector<std::size_t> order;
  for (std::size_t v = 0; v < values.count.size(); ++v)
    if (values.count[v] > 0) order.push_back(v);
  std::stable_sort(order.begin(), order.end(),
                   [&](std::size_t a, std::size_t b) { return values.count[a] > values.count[b]; });
  constexpr std::size_t kListed = 4;
  std::string text;
  for (std::size_t i = 0; i < order.size() && i < kListed; ++i) {
    const std::size_t v = order[i];
    text += (i == 0 ? "" : ", ") + parameter.labels[v] + " in " +
            (values.count[v] == members ? "all" : share(values.count[v], members)) + " (" +
            share(values.count_ok[v], ok) + ")";
  }
  if (order.size() > kListed) {
    text += ", " + std::to_string(order.size() - kListed) + " more";
  }
  if (order.size() < values.count.size()) {
    text += "; " + std::to_string(order.size()) + " of " + std::to_string(values.count.size()) +
            " values occur";
  }
  return text;
}

std::string common_text(const StudyFile& file, const StudyReport& report) {
  std::string text =
      "\nWhat the members of the front have in common (in brackets: share among all designs that\n"
      "are ok)\n";
  std::size_t longest = 0;
  for (const auto& parameter : file.parameters)
    longest = std::max(longest, parameter.name.size() + 2);
  Table table;
  for (std::size_t p = 0; p < file.parameters.size(); ++p) {
    if (file.parameters[p].labels.size() < 2) continue;
    table.push_back({file.parameters[p].name +
                     std::string(longest - file.parameters[p].name.size(), ' ') +
                     front_values_text(file.parameters[p], report.front_values[p],
                                       file.front.size(), report.by_status[0])});
  }
  return text + text_table(table);
}

ordered_json number(double value) {
  return std::isfinite(value) ? ordered_json(value) : ordered_json(nullptr);
}

ordered_json design_json(const StudyFile& file, std::uint64_t row) {
  ordered_json parameters = ordered_json::object();
  const auto labels = labels_of(file, row);
  for (std::size_t p = 0; p < labels.size(); ++p) parameters[file.parameters[p].name] = labels[p];
  ordered_json objectives = ordered_json::object();
  for (std::size_t o = 0; o < file.objectives.size(); ++o) {
    objectives[file.objectives[o].name] = number(file.candidates.objectives[o][row]);
  }
  return {{"id", file.candidates.id[row]},
          {"parameters", std::move(parameters)},
          {"objectives", std::move(objectives)}};
}

std::vector<MissingOfWorkload> missing_in(const StudyFile& file) {
  const auto note = file.notes.find("missing");
  return note == file.notes.end() ? std::vector<MissingOfWorkload>{}
                                  : missing_of_json(note->second);
}

}  // namespace

std::string report_text(const StudyFile& file, const StudyReport& report, std::uint64_t top) {
  std::string text =
      study_name(file) + " (" + file.status + "), " + counts_text(file, report) + '\n';
  text += std::to_string(file.ranks) + (file.ranks == 1 ? " rank" : " ranks") + " x " +
          std::to_string(file.threads) + (file.threads == 1 ? " thread" : " threads") + " on " +
          file.host + ", " + file.started + " to " + file.finished + ", seed " +
          std::to_string(file.seed) + '\n';
  for (const auto& [name, note] : file.notes) {
    if (name != "missing") text += name + ": " + note + '\n';
  }
  for (const MissingOfWorkload& of : missing_in(file)) {
    text += of.workload + ": " + missing_note(of.list) + '\n';
  }
  text = printable_lines(text);
  if (file.status != "complete") {
    text += "The study was stopped early: all below is about what was evaluated so far.\n";
  }
  if (file.front.empty()) return text + "\nNo design is feasible, so there is no front.\n";

  const std::uint64_t shown =
      top == 0 ? file.front.size() : std::min<std::uint64_t>(top, file.front.size());
  text += "\nFront: " + std::to_string(file.front.size()) + " of " +
          std::to_string(report.by_status[0]) + " designs that are ok\n";
  Table front;
  front.push_back(design_header(file, "#"));
  for (std::uint64_t member = 0; member < shown; ++member) {
    add_design(front, file, file.front[member], std::to_string(member + 1));
  }
  text += text_table(front);
  if (shown < file.front.size()) {
    text += "  ... and " + std::to_string(file.front.size() - shown) +
            " more (--top 0 shows all, --csv FILE writes every candidate)\n";
  }

  text +=
      "\nBest design for each objective, and the knee of the front (nearest to the best of\n"
      "everything, each objective scaled over the front)\n";
  Table best;
  best.push_back(design_header(file, ""));
  for (std::size_t o = 0; o < report.best.size(); ++o) {
    add_design(best, file, report.best[o], file.objectives[o].name);
  }
  if (report.knee) add_design(best, file, *report.knee, "knee");
  text += text_table(best);
  if (!file.parameters.empty()) {
    if (file.front.size() > 1) text += common_text(file, report);
    text += sensitivity_text(file, report);
  }
  return text;
}

std::string report_json(const StudyFile& file, const StudyReport& report, std::uint64_t top) {
  ordered_json counts = ordered_json::object();
  for (std::size_t status = 0; status < report.by_status.size(); ++status) {
    counts[to_string(static_cast<CandidateStatus>(status))] = report.by_status[status];
  }
  ordered_json front = ordered_json::array();
  for (const std::uint64_t row : file.front) {
    if (top > 0 && front.size() == top) break;
    front.push_back(design_json(file, row));
  }
  ordered_json best = ordered_json::object();
  for (std::size_t o = 0; o < report.best.size(); ++o) {
    best[file.objectives[o].name] = design_json(file, report.best[o]);
  }
  ordered_json sensitivity = ordered_json::object();
  for (std::size_t o = 0; o < file.objectives.size(); ++o) {
    auto& of_objective = sensitivity[file.objectives[o].name] = ordered_json::object();
    for (std::size_t p = 0; p < file.parameters.size(); ++p) {
      const Sensitivity& s = report.sensitivity[o][p];
      ordered_json entry{{"explained", number(s.explained)}, {"spread", number(s.spread)}};
      if (s.best_value >= 0) {
        entry["best_value"] = file.parameters[p].labels[static_cast<std::size_t>(s.best_value)];
      }
      of_objective[file.parameters[p].name] = std::move(entry);
    }
  }
  ordered_json common = ordered_json::object();
  for (std::size_t p = 0; p < file.parameters.size(); ++p) {
    auto& of_parameter = common[file.parameters[p].name] = ordered_json::array();
    for (std::size_t v = 0; v < report.front_values[p].count.size(); ++v) {
      of_parameter.push_back({{"value", file.parameters[p].labels[v]},
                              {"front", report.front_values[p].count[v]},
                              {"ok", report.front_values[p].count_ok[v]}});
    }
  }
  const ordered_json result{
      {"schema", "ridgeline.report/1"},
      {"study", study_name(file)},
      {"status", file.status},
      {"candidates", std::move(counts)},
      {"missing", missing_json(missing_in(file))},
      {"front_size", file.front.size()},
      {"front", std::move(front)},
      {"best", std::move(best)},
      {"knee", report.knee ? design_json(file, *report.knee) : ordered_json(nullptr)},
      {"front_values", std::move(common)},
      {"sensitivity", std::move(sensitivity)}};
  return result.dump(2, ' ', false, ordered_json::error_handler_t::replace) + '\n';
}

std::string candidates_csv(const StudyFile& file) {
  std::string text = "id,status,front";
  for (const auto& parameter : file.parameters) text += ',' + csv_cell(parameter.name);
  for (const auto& objective : file.objectives) text += ',' + csv_cell(objective.name);
  text += ",message\n";
  std::vector<bool> on_front(file.candidates.size(), false);
  for (const std::uint64_t row : file.front) on_front[row] = true;
  for (std::uint64_t row = 0; row < file.candidates.size(); ++row) {
    text += std::to_string(file.candidates.id[row]) + ',' + to_string(file.candidates.status[row]) +
            (on_front[row] ? ",1" : ",0");
    for (const auto& label : labels_of(file, row)) text += ',' + csv_cell(label);
    for (const auto& column : file.candidates.objectives) text += ',' + exact(column[row]);
    text += ',' + csv_cell(file.candidates.message[row]) + '\n';
  }
  return text;
}

}  // namespace ridgeline::io
