#include "engine/explore/candidate.hpp"

namespace ridgeline::engine {

namespace {

// In the byte that names a bound.
constexpr unsigned kProven = 4;
constexpr unsigned kScheduled = 8;
constexpr unsigned kConverged = 16;
constexpr unsigned kFurther = 32;

}  // namespace

std::vector<Candidate> further_of(const Candidate& candidate) {
  std::vector<Candidate> all;
  for (const Metrics& metrics : candidate.further) {
    Candidate& one = all.emplace_back(candidate);
    one.id = candidate.id + all.size();
    one.metrics = metrics;
    one.further.clear();
  }
  return all;
}

void encode(ByteWriter& out, const Candidate& candidate) {
  out.put(candidate.id);
  out.put(static_cast<std::uint8_t>(candidate.status));
  out.put(static_cast<std::uint8_t>(
      static_cast<unsigned>(candidate.hopeless) | (candidate.proven ? kProven : 0u) |
      (candidate.scheduled ? kScheduled : 0u) | (candidate.converged ? kConverged : 0u) |
      (candidate.further.empty() ? 0u : kFurther)));
  if (candidate.status == CandidateStatus::ok)
    for (const double metric : candidate.metrics) out.put(metric);
  if (candidate.scheduled)
    for (const double bound : candidate.lower_bounds) out.put(bound);
  if (!candidate.further.empty()) {
    out.put(static_cast<std::uint32_t>(candidate.further.size()));
    for (const Metrics& metrics : candidate.further)
      for (const double metric : metrics) out.put(metric);
  }
  out.put_text(candidate.message);
}

bool decode(ByteReader& in, Candidate& candidate) {
  candidate.id = in.get<std::uint64_t>();
  const auto status = in.get<std::uint8_t>();
  const auto hopeless = in.get<std::uint8_t>();
  if (!in.ok() || status > 3 || hopeless > 63) return false;
  candidate.status = static_cast<CandidateStatus>(status);
  candidate.hopeless = static_cast<Bound>(hopeless & 3u);
  candidate.proven = (hopeless & kProven) != 0;
  candidate.scheduled = (hopeless & kScheduled) != 0;
  candidate.converged = (hopeless & kConverged) != 0;
  candidate.metrics = {};
  if (candidate.status == CandidateStatus::ok)
    for (double& metric : candidate.metrics) metric = in.get<double>();
  candidate.lower_bounds = {};
  if (candidate.scheduled)
    for (double& bound : candidate.lower_bounds) bound = in.get<double>();
  candidate.further.clear();
  if ((hopeless & kFurther) != 0)
    for (auto left = in.get<std::uint32_t>(); left > 0 && in.ok(); --left)
      for (double& metric : candidate.further.emplace_back()) metric = in.get<double>();
  candidate.message = in.get_text();
  return in.ok();
}

void encode(ByteWriter& out, const DesignRecord& design) {
  out.put(design.id);
  out.put(static_cast<std::uint32_t>(design.documents.size()));
  for (const auto& [name, text] : design.documents) {
    out.put_text(name);
    out.put_text(text);
  }
}

bool decode(ByteReader& in, DesignRecord& design) {
  design.id = in.get<std::uint64_t>();
  design.documents.clear();
  const auto count = in.get<std::uint32_t>();
  for (std::uint32_t i = 0; i < count && in.ok(); ++i) {
    std::string name = in.get_text();
    design.documents[std::move(name)] = in.get_text();
  }
  return in.ok();
}

std::string genes_text(std::span<const int> genes) {
  std::string text;
  for (const int gene : genes) text += (text.empty() ? "" : ",") + std::to_string(gene);
  return text;
}

void add_genomes(io::CandidateColumns& columns, const io::Study& study,
                 const std::function<std::vector<int>(std::uint64_t)>& genome_of) {
  const std::size_t parameters = study.spec().parameters.size();
  io::CandidateColumns named;
  named.objectives.resize(columns.objectives.size());
  named.lower_bounds.resize(columns.lower_bounds.size());
  for (std::size_t row = 0; row < columns.size(); ++row) {
    const std::vector<int> genome = genome_of(columns.id[row]);
    if (genome.empty()) continue;
    const auto schedule = genome.begin() + static_cast<std::ptrdiff_t>(parameters);
    named.id.push_back(columns.id[row]);
    named.status.push_back(columns.status[row]);
    for (std::size_t o = 0; o < columns.objectives.size(); ++o)
      named.objectives[o].push_back(columns.objectives[o][row]);
    for (std::size_t o = 0; o < columns.lower_bounds.size(); ++o)
      named.lower_bounds[o].push_back(columns.lower_bounds[o][row]);
    if (!columns.converged.empty()) named.converged.push_back(columns.converged[row]);
    named.message.push_back(std::move(columns.message[row]));
    named.design.push_back(study.id_of({genome.begin(), schedule}));
    named.genes.push_back(genes_text(std::span(genome).subspan(parameters)));
  }
  columns = std::move(named);
}

std::vector<double> objective_vector(const std::vector<io::Metric>& objectives,
                                     const Metrics& metrics) {
  std::vector<double> vector;
  vector.reserve(objectives.size());
  for (const io::Metric objective : objectives) {
    const double value = metrics[static_cast<std::size_t>(objective)];
    vector.push_back(model::maximised(objective) ? -value : value);
  }
  return vector;
}

}  // namespace ridgeline::engine
