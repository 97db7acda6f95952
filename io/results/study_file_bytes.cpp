#include "io/results/study_file_bytes.hpp"

#include <algorithm>
#include <map>
#include <type_traits>

#include "io/document/bytes.hpp"
#include "io/study/study_document.hpp"

namespace ridgeline::io {
namespace {

// One description of the layout for both directions: `archive(field)` writes or reads it.
class Writing {
 public:
  template <class T>
  requires std::is_arithmetic_v<T>
  void operator()(T value) { out_.put(value); }
  void operator()(const std::string& text) {
    out_.put(static_cast<std::uint64_t>(text.size()));
    out_.put_raw(text);
  }
  void operator()(CandidateStatus status) { out_.put(static_cast<std::uint8_t>(status)); }
  template <class T>
  void operator()(const std::vector<T>& list) {
    out_.put(static_cast<std::uint64_t>(list.size()));
    for (const T& item : list) (*this)(item);
  }
  void operator()(const std::map<std::string, std::string>& map) {
    out_.put(static_cast<std::uint64_t>(map.size()));
    for (const auto& [key, value] : map) {
      (*this)(key);
      (*this)(value);
    }
  }
  void operator()(const StudyFileParameter& p) {
    (*this)(p.name);
    (*this)(p.labels);
  }
  void operator()(const StudyFileObjective& o) {
    (*this)(o.name);
    (*this)(o.unit);
    (*this)(o.maximised);
  }
  void operator()(const StudyDesign& d) {
    (*this)(d.id);
    (*this)(d.documents);
  }
  // In the order of their ids, as a file lists them, whatever the order in which they came.
  void operator()(const std::vector<StudyDesign>& designs) {
    std::vector<const StudyDesign*> sorted;
    for (const StudyDesign& design : designs) sorted.push_back(&design);
    std::sort(sorted.begin(), sorted.end(),
              [](const StudyDesign* x, const StudyDesign* y) { return x->id < y->id; });
    out_.put(static_cast<std::uint64_t>(sorted.size()));
    for (const StudyDesign* design : sorted) (*this)(*design);
  }
  std::string take() { return out_.take(); }

 private:
  ByteWriter out_;
};

class Reading {
 public:
  explicit Reading(std::string_view bytes) : in_(bytes) {}
  template <class T>
  requires std::is_arithmetic_v<T>
  void operator()(T& value) {
    if constexpr (std::is_same_v<T, bool>) {
      value = in_.get<std::uint8_t>() != 0;
    } else {
      value = in_.get<T>();
    }
  }
  void operator()(std::string& text) { text = in_.get_raw(in_.get<std::uint64_t>()); }
  void operator()(CandidateStatus& status) {
    status = static_cast<CandidateStatus>(in_.get<std::uint8_t>() & 3);
  }
  template <class T>
  void operator()(std::vector<T>& list) {
    list.clear();
    for (std::uint64_t left = in_.get<std::uint64_t>(); left > 0 && in_.ok(); --left) {
      list.emplace_back();
      (*this)(list.back());
    }
  }
  void operator()(std::map<std::string, std::string>& map) {
    map.clear();
    for (std::uint64_t left = in_.get<std::uint64_t>(); left > 0 && in_.ok(); --left) {
      std::string key;
      (*this)(key);
      (*this)(map[std::move(key)]);
    }
  }
  void operator()(StudyFileParameter& p) {
    (*this)(p.name);
    (*this)(p.labels);
  }
  void operator()(StudyFileObjective& o) {
    (*this)(o.name);
    (*this)(o.unit);
    (*this)(o.maximised);
  }
  void operator()(StudyDesign& d) {
    (*this)(d.id);
    (*this)(d.documents);
  }
  bool good() const { return in_.ok() && in_.at_end(); }

 private:
  ByteReader in_;
};

// Calls part(name, fields...) for each part of a file.
template <class File, class Part>
void for_each_part(File& f, Part&& part) {
  part("attributes", f.ridgeline_version, f.study, f.inputs_sha256, f.seed, f.command, f.host,
       f.ranks, f.threads, f.started, f.finished, f.status, f.hypervolume_reference, f.notes);
  part("parameters", f.parameters);
  part("objectives", f.objectives);
  part("candidates/id", f.candidates.id);
  part("candidates/status", f.candidates.status);
  part("candidates/objectives", f.candidates.objectives);
  part("candidates/message", f.candidates.message);
  part("candidates/lower_bounds", f.candidates.lower_bounds, f.candidates.converged);
  part("candidates/design", f.candidates.design, f.candidates.genes);
  part("pareto", f.front);
  part("designs", f.designs);
  part("convergence", f.convergence.seconds, f.convergence.evaluated, f.convergence.hypervolume,
       f.convergence.gap, f.convergence.front_size);
}

}  // namespace

std::vector<std::string> study_file_checksums(const StudyFile& file) {
  std::vector<std::string> lines;
  for_each_part(file, [&](const char* name, const auto&... fields) {
    Writing out;
    (out(fields), ...);
    lines.push_back(std::string(name) + " " + sha256_hex(out.take()));
  });
  return lines;
}

std::vector<std::string> damaged_parts(const StudyFile& file,
                                       const std::vector<std::string>& checksums) {
  std::vector<std::string> damaged;
  const std::vector<std::string> now = study_file_checksums(file);
  for (const std::string& line : now)
    if (std::find(checksums.begin(), checksums.end(), line) == checksums.end())
      damaged.push_back(line.substr(0, line.find(' ')));
  if (damaged.empty() && checksums.size() != now.size()) damaged.push_back("checksums");
  return damaged;
}

std::string encode_study_file(const StudyFile& file) {
  Writing out;
  for_each_part(file, [&](const char*, const auto&... fields) { (out(fields), ...); });
  return out.take();
}

bool decode_study_file(std::string_view bytes, StudyFile& file) {
  Reading in(bytes);
  for_each_part(file, [&](const char*, auto&... fields) { (in(fields), ...); });
  return in.good();
}

}  // namespace ridgeline::io
