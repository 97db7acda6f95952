#include "engine/explore/study_folder.hpp"

#include <unistd.h>

#include <algorithm>
#include <charconv>
#include <ctime>
#include <map>
#include <nlohmann/json.hpp>

#include "engine/commands/cli.hpp"
#include "engine/explore/crash_note.hpp"
#include "io/document/error.hpp"
#include "io/results/durable_file.hpp"
#include "io/results/study_file.hpp"

namespace ridgeline::engine {
namespace fs = std::filesystem;
namespace {

constexpr int kManifestVersion = 2;

// "run-12.rank-3.journal" -> 12
std::optional<std::uint32_t> run_of(const std::string& name) {
  constexpr std::string_view kPrefix = "run-";
  if (!name.starts_with(kPrefix)) return std::nullopt;
  std::uint32_t run = 0;
  const char* begin = name.data() + kPrefix.size();
  const auto parsed = std::from_chars(begin, name.data() + name.size(), run);
  if (parsed.ec != std::errc{} || parsed.ptr == begin) return std::nullopt;
  return run;
}

std::chrono::milliseconds milliseconds(double seconds) {
  return std::chrono::milliseconds(static_cast<std::int64_t>(seconds * 1000));
}

// What a run that was killed left of writing `path`.
void remove_parts(const fs::path& path) {
  std::error_code ignored;
  for (const auto& entry : fs::directory_iterator(
           path.parent_path().empty() ? fs::path(".") : path.parent_path(), ignored))
    if (io::is_part_of(entry.path().filename().string(), path.filename().string()))
      fs::remove(entry.path(), ignored);
}

[[noreturn]] void refuse(const fs::path& path, const std::string& problem,
                         const std::string& remedy) {
  throw io::InputError({path.string(), "", 0, 0}, problem, remedy);
}

std::string host_name() {
  char name[256] = {};
  ::gethostname(name, sizeof(name) - 1);
  return name;
}

}  // namespace

std::string utc_now() {
  const std::time_t now = std::time(nullptr);
  std::tm parts{};
  ::gmtime_r(&now, &parts);
  char text[32];
  std::strftime(text, sizeof(text), "%Y-%m-%dT%H:%M:%SZ", &parts);
  return text;
}

StudyFolder::StudyFolder(FileSystem& files, fs::path output)
    : files_(files), output_(std::move(output)), folder_(output_.string() + ".d") {}

fs::path StudyFolder::journal(std::uint32_t run, int rank) const {
  return folder_ / ("run-" + std::to_string(run) + ".rank-" + std::to_string(rank) + ".journal");
}

fs::path StudyFolder::snapshot(std::uint32_t run, int rank) const {
  return folder_ /
         ("run-" + std::to_string(run) + ".rank-" + std::to_string(rank) + ".snapshot.h5");
}

fs::path StudyFolder::crash_note(std::uint32_t run, int rank) const {
  return folder_ / ("run-" + std::to_string(run) + ".rank-" + std::to_string(rank) + ".crash");
}

fs::path StudyFolder::before() const {
  return folder_ / "before.h5";
}

OpenedStudy StudyFolder::open(const io::Study& study, const ExploreOptions& options,
                              Ledger& ledger) {
  const fs::path parent = output_.parent_path().empty() ? fs::path(".") : output_.parent_path();
  std::error_code ignored;
  if (!fs::is_directory(parent, ignored))
    throw io::FileError(output_.string() + ": the folder " + parent.string() +
                        " does not exist (create it, or choose another --output)");
  if (fs::is_directory(output_, ignored))
    throw io::FileError(output_.string() + ": this is a folder (name a file with --output)");
  const bool folder_was_there = fs::is_directory(folder_, ignored);

  OpenedStudy opened;
  files_.make_directory(folder_);
  const auto wait = milliseconds(options.lock_wait);
  opened.master = FileLock::take(folder_ / "lock", FileLock::Kind::exclusive, wait);
  if (!opened.master)
    throw io::FileError(output_.string() + ": another run works on it (" +
                        FileLock::holder(folder_ / "lock") +
                        "); wait for it, or choose another --output");
  opened.master->describe_holder("host " + host_name() + ", process " + std::to_string(::getpid()) +
                                 ", since " + utc_now());
  // Workers of a run whose launcher was killed end when they notice.
  if (!FileLock::take(folder_ / "ranks.lock", FileLock::Kind::exclusive, wait))
    throw io::FileError(output_.string() +
                        ": processes of an earlier run are still at work on it; wait for them, "
                        "or choose another --output");
  opened.ranks = FileLock::take(folder_ / "ranks.lock", FileLock::Kind::shared, wait);

  remove_parts(output_);
  remove_parts(folder_ / "manifest.json");

  // The run that was waited for may have finished it, and removed the folder.
  const bool unfinished = fs::exists(folder_ / "manifest.json", ignored);
  const bool finished = fs::exists(output_, ignored);
  const auto leave_no_folder = [&] {
    if (!folder_was_there && !unfinished) remove();
  };
  // Journals without a manifest hold results that are not to be thrown away unasked.
  const auto refuse_without_manifest = [&] {
    std::size_t journals = 0;
    for (const auto& entry : fs::directory_iterator(folder_))
      journals += entry.path().extension() == ".journal" ? 1 : 0;
    if (journals > 0)
      refuse(folder_,
             "manifest.json is missing beside " + std::to_string(journals) +
                 (journals == 1 ? " journal" : " journals"),
             "put it back to continue, or remove the folder to begin again without its results");
  };
  if (options.force) {
    for (const auto& entry : fs::directory_iterator(folder_))
      if (entry.path().filename() != "lock" && entry.path().filename() != "ranks.lock")
        fs::remove_all(entry.path(), ignored);
    // Were it left until the new one is there, nobody could tell which of them is meant.
    fs::remove(output_, ignored);
  } else if (options.extend && !unfinished) {
    try {
      if (!finished)
        refuse(output_, "there is no study to extend", "leave out --extend to begin one");
      const io::StudyFile there = io::read_study_file(output_);
      opened.already_complete =
          there.inputs_sha256 == study.fingerprint() && there.status == "complete";
      // It stays what it is until the larger one is done, and a run that is resumed finds it.
      if (!opened.already_complete)
        fs::copy_file(output_, before(), fs::copy_options::overwrite_existing);
    } catch (...) {
      leave_no_folder();
      throw;
    }
    if (opened.already_complete) {
      leave_no_folder();
      return opened;
    }
  } else if (!unfinished && !finished) {
    refuse_without_manifest();
  } else if (!options.resume && !options.extend) {
    leave_no_folder();
    refuse(output_, unfinished ? "an unfinished study is there" : "the file exists already",
           "--resume continues it, --force replaces it, or choose another --output");
  } else if (finished) {
    io::StudyFile there;
    try {
      there = io::read_study_file(output_);
    } catch (...) {
      leave_no_folder();
      throw;
    }
    if (there.inputs_sha256 != study.fingerprint() && !unfinished) {
      leave_no_folder();
      refuse(output_, "this file belongs to another study, or to other inputs of this one",
             "--force replaces it, or choose another --output");
    }
    if (there.inputs_sha256 == study.fingerprint() && there.status == "complete") {
      opened.already_complete = true;
      if (!options.keep) remove();
      return opened;
    }
    if (!unfinished) {
      refuse_without_manifest();
      leave_no_folder();
      refuse(output_, "the study was stopped early and its journals are gone",
             "--force starts again");
    }
  }
  check_manifest(study, options, opened);
  if (options.resume || options.extend) restore(study, ledger, opened);
  return opened;
}

void StudyFolder::check_manifest(const io::Study& study, const ExploreOptions& options,
                                 OpenedStudy& opened) {
  const fs::path path = folder_ / "manifest.json";
  std::error_code ignored;
  nlohmann::ordered_json manifest;
  if (fs::exists(path, ignored)) {
    std::vector<io::InputDigest> before;
    std::string program;
    bool pruned = true;
    std::string evaluation;
    try {
      manifest = nlohmann::ordered_json::parse(files_.read(path));
      if (manifest.at("version") != kManifestVersion)
        refuse(path, "this version of the manifest is unknown", "use the program that wrote it");
      const std::string checksum = manifest.at("checksum");
      manifest.erase("checksum");
      if (io::sha256_hex(manifest.dump()) != checksum)
        refuse(path, "the manifest is damaged: it is not what was written", "--force starts again");
      for (const auto& input : manifest.at("inputs"))
        before.push_back({input.at("what"), input.at("path"), input.at("sha256")});
      program = manifest.at("ridgeline_version");
      pruned = manifest.at("prune");
      evaluation = manifest.at("evaluation");
      opened.started = manifest.at("started");
    } catch (const nlohmann::json::exception& error) {
      refuse(path, std::string("the manifest is damaged: ") + error.what(), "--force starts again");
    }
    std::string changes;
    for (const std::string& change : io::changed_inputs(before, study.inputs()))
      changes += (changes.empty() ? "" : "; ") + change;
    if (!changes.empty())
      refuse(output_, "the study cannot be continued, its inputs changed: " + changes,
             "put them back, choose another --output, or start again with --force");
    if (program != version())
      refuse(output_, "the study was begun by version " + program + " of this program",
             "continue with that version, or start again with --force");
    if (pruned != options.prune)
      refuse(
          output_,
          pruned ? "the study was begun without --no-prune" : "the study was begun with --no-prune",
          "continue it the same way");
    if (evaluation != options.evaluation.name)
      refuse(output_, "the study was begun with another evaluator", "continue it the same way");
    return;
  }
  opened.started = utc_now();
  // An object from the start: where a null is to become one and there is no memory for it, the JSON
  // library leaves behind what it cannot destroy.
  manifest = nlohmann::ordered_json::object();
  manifest["format"] = "ridgeline-study-folder";
  manifest["version"] = kManifestVersion;
  manifest["ridgeline_version"] = std::string(version());
  manifest["started"] = opened.started;
  manifest["prune"] = options.prune;
  manifest["evaluation"] = options.evaluation.name;
  manifest["fingerprint"] = study.fingerprint();
  manifest["inputs"] = nlohmann::ordered_json::array();
  for (const auto& input : study.inputs())
    manifest["inputs"].push_back(
        {{"what", input.what}, {"path", input.path}, {"sha256", input.sha256}});
  manifest["checksum"] = io::sha256_hex(manifest.dump());
  files_.replace(path, manifest.dump(2) + "\n");
}

bool StudyFolder::restore(const io::Study& study, Ledger& ledger, OpenedStudy& opened) {
  std::vector<std::pair<std::uint32_t, fs::path>> journals;
  std::vector<CrashNote> crashes;
  for (const auto& entry : fs::directory_iterator(folder_)) {
    const auto run = run_of(entry.path().filename().string());
    if (!run) continue;
    opened.run = std::max(opened.run, *run + 1);
    if (entry.path().extension() == ".journal") journals.emplace_back(*run, entry.path());
    if (entry.path().extension() == ".crash") {
      for (const CrashNote& note : decode_crash_notes(files_.read(entry.path()))) {
        if (study.may_have(note.id)) crashes.push_back(note);
      }
    }
  }
  std::sort(journals.begin(), journals.end());
  JournalVisitor visitor;
  visitor.candidate = [&](Candidate&& candidate) {
    // An id outside the grid cannot be this study's, whatever its checksum says.
    if (study.may_have(candidate.id)) ledger.restore(candidate);
  };
  visitor.design = [&](DesignRecord&& design) { ledger.restore(design); };
  visitor.progress = [&](const ProgressRecord& progress) { opened.before.push_back(progress); };
  for (const auto& [run, path] : journals) {
    const JournalSummary summary = read_journal(files_, path, study.fingerprint(), visitor);
    if (summary.damaged)
      opened.warnings.push_back(path.string() +
                                ": damaged: " + std::to_string(summary.dropped_bytes) +
                                " bytes behind record " + std::to_string(summary.records) +
                                " are not believed and will be evaluated again");
  }
  for (const CrashNote& note : crashes) ledger.restore_kill(note.id, note.design);
  std::stable_sort(
      opened.before.begin(), opened.before.end(),
      [](const ProgressRecord& x, const ProgressRecord& y) { return x.seconds < y.seconds; });
  return !journals.empty();
}

FileLock StudyFolder::join() {
  auto lock = FileLock::take(folder_ / "ranks.lock", FileLock::Kind::shared,
                             std::chrono::milliseconds(5000));
  if (!lock) throw io::FileError(folder_.string() + ": another run has just taken the study");
  return std::move(*lock);
}

void StudyFolder::remove() {
  std::error_code error;
  fs::remove_all(folder_, error);
}

}  // namespace ridgeline::engine
