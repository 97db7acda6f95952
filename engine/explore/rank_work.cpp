#include "engine/explore/rank_work.hpp"

#include <unistd.h>

#include <algorithm>
#include <limits>
#include <unordered_set>

#include "engine/commands/cli.hpp"
#include "engine/explore/candidate_store.hpp"
#include "engine/explore/crash_note.hpp"
#include "search/designs/nested_strategy.hpp"

namespace ridgeline::engine {

io::StudyFile describe_run(const RunContext& context) {
  const io::StudySpec& spec = context.study.spec();
  io::StudyFile file;
  file.ridgeline_version = version();
  file.study = context.study.effective().dump();
  file.inputs_sha256 = context.study.fingerprint();
  file.seed = spec.seed;
  file.command = context.options.command;
  char host[256] = {};
  ::gethostname(host, sizeof(host) - 1);
  file.host = host;
  file.ranks = context.ranks;
  file.threads = context.options.threads;
  file.started = context.started;
  file.finished = utc_now();
  file.notes["folder"] =
      std::filesystem::absolute(spec.file).lexically_normal().parent_path().string();
  for (const auto& parameter : spec.parameters) {
    file.parameters.push_back({parameter.name, {}});
    for (const auto& value : parameter.values) file.parameters.back().labels.push_back(value.label);
  }
  for (const io::Metric objective : spec.objectives)
    file.objectives.push_back({std::string(model::to_string(objective)),
                               std::string(model::unit(objective)), model::maximised(objective)});
  return file;
}

RankWork::RankWork(const RunContext& context, const Front& front)
    : context_(context),
      pool_(context.evaluator, front,
            {context.study.spec().objectives, context.options.prune, context.options.threads}),
      journal_(
          context.files, context.folder.journal(context.run, context.rank),
          {context.run, static_cast<std::uint32_t>(context.rank), context.study.fingerprint()}) {
  if (context.options.hooks == nullptr)
    note_crashes(context.folder.crash_note(context.run, context.rank));
}

// What the snapshots need to know of are the front's.
void RankWork::forget_genomes() {
  std::unordered_set<std::uint64_t> needed;
  for (const auto& entry : own_front_.entries())
    for (const Candidate& candidate : entry.group.equal) {
      needed.insert(candidate.id);
      // Further schedules of a design are known by the first one.
      if (context_.study.keeps_fronts())
        needed.insert(candidate.id - candidate.id % search::kSchedulesOfDesign);
    }
  std::erase_if(learned_, [&](std::uint64_t id) {
    if (needed.contains(id)) return false;
    context_.evaluator.forget(id);
    return true;
  });
  forget_at_ = std::max<std::size_t>(kForgetEvery, 2 * learned_.size());
}

void RankWork::keep(const Candidate& candidate) {
  if (context_.study.counts_genomes()) {
    learned_.push_back(candidate.id);
    if (learned_.size() >= forget_at_) forget_genomes();
  }
  journal_.append(candidate);
  if (candidate.status != CandidateStatus::pruned) ++evaluated_;
  if (candidate.status != CandidateStatus::ok) return;
  const auto& objectives = context_.study.spec().objectives;
  own_front_.add(objective_vector(objectives, candidate.metrics), {{candidate}});
  for (const Candidate& further : further_of(candidate))
    own_front_.add(objective_vector(objectives, further.metrics), {{further}});
}

Finished RankWork::collect(std::chrono::microseconds wait) {
  Finished finished = pool_.collect(wait);
  for (const Candidate& candidate : finished.candidates) keep(candidate);
  for (const DesignRecord& design : finished.designs) journal_.append(design);
  if (!finished.empty()) journal_.flush();
  return finished;
}

void RankWork::checkpoint() {
  journal_.sync();
  if (evaluated_ == evaluated_at_snapshot_) return;
  io::StudyFile file = describe_run(context_);
  file.status = "stopped";
  file.notes["snapshot"] =
      "front of rank " + std::to_string(context_.rank) + " in run " + std::to_string(context_.run);
  CandidateStore members;
  for (const auto& entry : own_front_.entries())
    for (const Candidate& candidate : entry.group.equal) members.insert(candidate);
  file.candidates = members.columns(context_.study.spec().objectives);
  if (context_.study.counts_genomes())
    add_genomes(file.candidates, context_.study,
                [&](std::uint64_t id) { return context_.evaluator.genome(id); });
  file.front = io::strict_front(file.candidates, file.objectives);
  convergence_.seconds.push_back(
      std::chrono::duration<double>(std::chrono::steady_clock::now() - begun_).count());
  convergence_.evaluated.push_back(evaluated_);
  convergence_.hypervolume.push_back(std::numeric_limits<double>::quiet_NaN());
  convergence_.gap.push_back(std::numeric_limits<double>::quiet_NaN());
  convergence_.front_size.push_back(members.size());
  file.convergence = convergence_;
  io::write_study_file(context_.folder.snapshot(context_.run, context_.rank), file);
  evaluated_at_snapshot_ = evaluated_;
}

std::string encode_opening(const Opening& opening) {
  ByteWriter out;
  out.put_text(opening.fingerprint);
  out.put(opening.run);
  out.put_text(opening.started);
  return out.take();
}

bool decode_opening(const std::string& bytes, Opening& opening) {
  ByteReader in(bytes);
  opening.fingerprint = in.get_text();
  opening.run = in.get<std::uint32_t>();
  opening.started = in.get_text();
  return in.ok() && in.at_end();
}

std::string encode_chunk(const Chunk& chunk) {
  ByteWriter out;
  out.put(static_cast<std::uint8_t>(chunk.designs ? 1 : 0));
  out.put(chunk.front);
  out.put(static_cast<std::uint32_t>(chunk.ids.size()));
  for (const std::uint64_t id : chunk.ids) out.put(id);
  out.put(static_cast<std::uint32_t>(chunk.genomes.size()));
  for (const search::Genome& genome : chunk.genomes) {
    out.put(static_cast<std::uint32_t>(genome.size()));
    for (const int gene : genome) out.put(static_cast<std::int32_t>(gene));
  }
  return out.take();
}

bool decode_chunk(const std::string& bytes, Chunk& chunk) {
  ByteReader in(bytes);
  chunk.designs = in.get<std::uint8_t>() != 0;
  chunk.front = in.get<std::uint32_t>();
  const auto count = in.get<std::uint32_t>();
  chunk.ids.clear();
  for (std::uint32_t i = 0; i < count && in.ok(); ++i) chunk.ids.push_back(in.get<std::uint64_t>());
  const auto genomes = in.get<std::uint32_t>();
  chunk.genomes.clear();
  for (std::uint32_t i = 0; i < genomes && in.ok(); ++i) {
    search::Genome& genome = chunk.genomes.emplace_back();
    for (auto left = in.get<std::uint32_t>(); left > 0 && in.ok(); --left)
      genome.push_back(in.get<std::int32_t>());
  }
  return in.ok() && in.at_end() && (genomes == 0 || genomes == count);
}

std::string encode_results(const Finished& finished) {
  ByteWriter out;
  out.put(static_cast<std::uint32_t>(finished.candidates.size()));
  for (const Candidate& candidate : finished.candidates) encode(out, candidate);
  out.put(static_cast<std::uint32_t>(finished.designs.size()));
  for (const DesignRecord& design : finished.designs) encode(out, design);
  return out.take();
}

bool decode_results(const std::string& bytes, Finished& finished) {
  ByteReader in(bytes);
  finished = {};
  const auto candidates = in.get<std::uint32_t>();
  for (std::uint32_t i = 0; i < candidates && in.ok(); ++i) {
    Candidate candidate;
    if (!decode(in, candidate)) return false;
    finished.candidates.push_back(std::move(candidate));
  }
  const auto designs = in.get<std::uint32_t>();
  for (std::uint32_t i = 0; i < designs && in.ok(); ++i) {
    DesignRecord design;
    if (!decode(in, design)) return false;
    finished.designs.push_back(std::move(design));
  }
  return in.ok() && in.at_end();
}

std::string encode_front(const std::vector<FrontPoint>& points, std::uint32_t forget) {
  ByteWriter out;
  out.put(forget);
  out.put(static_cast<std::uint32_t>(points.size()));
  for (const FrontPoint& point : points) {
    out.put(point.id);
    out.put(point.since);
    out.put(static_cast<std::uint32_t>(point.objectives.size()));
    for (const double objective : point.objectives) out.put(objective);
  }
  return out.take();
}

bool decode_front(const std::string& bytes, Front& front) {
  ByteReader in(bytes);
  const auto forget = in.get<std::uint32_t>();
  const auto count = in.get<std::uint32_t>();
  std::vector<FrontPoint> points;
  for (std::uint32_t i = 0; i < count && in.ok(); ++i) {
    FrontPoint point;
    point.id = in.get<std::uint64_t>();
    point.since = in.get<std::uint32_t>();
    const auto size = in.get<std::uint32_t>();
    for (std::uint32_t o = 0; o < size && in.ok(); ++o)
      point.objectives.push_back(in.get<double>());
    if (in.ok()) points.push_back(std::move(point));
  }
  front.add(std::move(points));
  if (in.ok()) front.forget(forget);
  return in.ok() && in.at_end();
}

}  // namespace ridgeline::engine
