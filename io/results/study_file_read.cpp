#include <algorithm>
#include <charconv>
#include <new>
#include <optional>

#include "io/document/bytes.hpp"
#include "io/results/bounded_process.hpp"
#include "io/results/hdf5_handle.hpp"
#include "io/results/study_file.hpp"
#include "io/results/study_file_bytes.hpp"

namespace ridgeline::io {
namespace {

using hdf5::check;
using hdf5::Handle;

// More rows than any study has; a damaged file must not exhaust memory.
constexpr hssize_t kMaxRows = hssize_t{1} << 33;

class Reader {
 public:
  explicit Reader(const std::filesystem::path& path) : name_(path.string()) {
    hdf5::quiet();
    const htri_t is_hdf5 = H5Fis_hdf5(name_.c_str());
    if (is_hdf5 == 0) {
      throw wrong("this is no HDF5 file");
    }
    const hid_t opened = H5Fopen(name_.c_str(), H5F_ACC_RDONLY, H5P_DEFAULT);
    if (is_hdf5 > 0 && opened < 0) {
      throw FileError(name_ +
                      ": the file is damaged or was cut off; the study's folder, if it is still "
                      "there, makes it again with `ridgeline explore --resume`");
    }
    file_ = Handle(opened, H5Fclose, name_, "cannot be opened");
    text_ = Handle(H5Tcopy(H5T_C_S1), H5Tclose, name_, "a text type cannot be made");
    check(H5Tset_size(text_, H5T_VARIABLE), name_, "a text type cannot be made");
    check(H5Tset_cset(text_, H5T_CSET_UTF8), name_, "a text type cannot be made");
  }

  hid_t file() const { return file_; }
  InputError wrong(const std::string& what) const {
    return InputError(Location{name_, "", 0, 0}, what, "give a study file of 'explore'");
  }

  Handle group(hid_t parent, const std::string& name) const {
    return Handle(H5Gopen2(parent, name.c_str(), H5P_DEFAULT), H5Gclose, name_,
                  "group " + name + " is missing");
  }

  bool has_attribute(hid_t object, const std::string& name) const {
    return H5Aexists(object, name.c_str()) > 0;
  }

  std::string text_attribute(hid_t object, const std::string& name) const {
    const auto values = text_attributes(object, name);
    if (values.size() != 1) throw wrong("attribute " + name + " is not one text");
    return values.front();
  }

  std::vector<std::string> text_attributes(hid_t object, const std::string& name) const {
    const Handle attribute = open_attribute(object, name);
    const Handle type(H5Aget_type(attribute), H5Tclose, name_, name);
    require_text(type, "attribute " + name);
    const Handle space(H5Aget_space(attribute), H5Sclose, name_, name);
    std::vector<char*> pointers(rows_of(space, name), nullptr);
    if (pointers.empty()) return {};
    check(H5Aread(attribute, text_, pointers.data()), name_, "attribute " + name);
    return take(space, pointers);
  }

  template <class T>
  std::vector<T> attributes(hid_t object, const std::string& name, hid_t native) const {
    const Handle attribute = open_attribute(object, name);
    const Handle space(H5Aget_space(attribute), H5Sclose, name_, name);
    std::vector<T> values(rows_of(space, name));
    if (!values.empty()) check(H5Aread(attribute, native, values.data()), name_, name);
    return values;
  }

  template <class T>
  T attribute(hid_t object, const std::string& name, hid_t native) const {
    const auto values = attributes<T>(object, name, native);
    if (values.size() != 1) throw wrong("attribute " + name + " is not one number");
    return values.front();
  }

  Handle data_set(hid_t parent, const std::string& name) const {
    return Handle(H5Dopen2(parent, name.c_str(), H5P_DEFAULT), H5Dclose, name_,
                  "column " + name + " is missing");
  }

  template <class T>
  std::vector<T> column(hid_t parent, const std::string& name, hid_t native) const {
    const Handle set = data_set(parent, name);
    const Handle space(H5Dget_space(set), H5Sclose, name_, name);
    std::vector<T> values(rows_of(space, name));
    if (!values.empty()) {
      check(H5Dread(set, native, H5S_ALL, H5S_ALL, H5P_DEFAULT, values.data()), name_,
            "column " + name + " cannot be read");
    }
    return values;
  }

  std::vector<std::string> text_column(hid_t parent, const std::string& name) const {
    const Handle set = data_set(parent, name);
    const Handle type(H5Dget_type(set), H5Tclose, name_, name);
    require_text(type, "column " + name);
    const Handle space(H5Dget_space(set), H5Sclose, name_, name);
    std::vector<char*> pointers(rows_of(space, name), nullptr);
    if (pointers.empty()) return {};
    check(H5Dread(set, text_, H5S_ALL, H5S_ALL, H5P_DEFAULT, pointers.data()), name_,
          "column " + name + " cannot be read");
    return take(space, pointers);
  }

  std::vector<std::string> members(hid_t group) const {
    std::vector<std::string> names;
    check(H5Literate(
              group, H5_INDEX_NAME, H5_ITER_INC, nullptr,
              [](hid_t, const char* name, const H5L_info_t*, void* result) -> herr_t {
                static_cast<std::vector<std::string>*>(result)->emplace_back(name);
                return 0;
              },
              &names),
          name_, "members of a group");
    return names;
  }

  std::vector<std::string> attribute_names(hid_t object) const {
    std::vector<std::string> names;
    check(H5Aiterate2(
              object, H5_INDEX_NAME, H5_ITER_INC, nullptr,
              [](hid_t, const char* name, const H5A_info_t*, void* result) -> herr_t {
                static_cast<std::vector<std::string>*>(result)->emplace_back(name);
                return 0;
              },
              &names),
          name_, "attributes of a group");
    return names;
  }

  // Data sets of a group by their attribute `order`.
  std::vector<std::string> ordered_members(hid_t group) const {
    std::vector<std::pair<int, std::string>> found;
    for (const auto& name : members(group)) {
      found.emplace_back(attribute<int>(data_set(group, name), "order", H5T_NATIVE_INT), name);
    }
    std::sort(found.begin(), found.end());
    std::vector<std::string> names;
    for (auto& [order, name] : found) names.push_back(std::move(name));
    return names;
  }

 private:
  Handle open_attribute(hid_t object, const std::string& name) const {
    return Handle(H5Aopen(object, name.c_str(), H5P_DEFAULT), H5Aclose, name_,
                  "attribute " + name + " is missing");
  }

  std::size_t rows_of(hid_t space, const std::string& what) const {
    const hssize_t rows = H5Sget_simple_extent_npoints(space);
    if (rows < 0 || rows > kMaxRows) throw wrong(what + " has an impossible size");
    return static_cast<std::size_t>(rows);
  }

  void require_text(hid_t type, const std::string& what) const {
    if (H5Tget_class(type) != H5T_STRING || H5Tis_variable_str(type) <= 0) {
      throw wrong(what + " is not text");
    }
  }

  std::vector<std::string> take(hid_t space, std::vector<char*>& pointers) const {
    std::vector<std::string> values;
    values.reserve(pointers.size());
    for (const char* pointer : pointers) values.emplace_back(pointer ? pointer : "");
    H5Dvlen_reclaim(text_, space, H5P_DEFAULT, pointers.data());
    return values;
  }

  std::string name_;
  Handle file_;
  Handle text_;
};

void read_attributes(const Reader& reader, StudyFile& file) {
  const hid_t root = reader.file();
  if (!reader.has_attribute(root, "format") ||
      reader.text_attribute(root, "format") != "ridgeline-study") {
    throw reader.wrong("this HDF5 file is no study file");
  }
  const int version = reader.attribute<int>(root, "format_version", H5T_NATIVE_INT);
  if (version < 1 || version > kStudyFormatVersion) {
    throw reader.wrong("format_version " + std::to_string(version) +
                       " is not one that this program knows (1 to " +
                       std::to_string(kStudyFormatVersion) + ")");
  }
  file.ridgeline_version = reader.text_attribute(root, "ridgeline_version");
  file.study = reader.text_attribute(root, "study");
  file.inputs_sha256 = reader.text_attribute(root, "inputs_sha256");
  file.seed = reader.attribute<std::uint64_t>(root, "seed", H5T_NATIVE_UINT64);
  file.command = reader.text_attribute(root, "command");
  file.host = reader.text_attribute(root, "host");
  file.ranks = reader.attribute<int>(root, "ranks", H5T_NATIVE_INT);
  file.threads = reader.attribute<int>(root, "threads", H5T_NATIVE_INT);
  file.started = reader.text_attribute(root, "started");
  file.finished = reader.text_attribute(root, "finished");
  file.status = reader.text_attribute(root, "status");
  if (reader.has_attribute(root, "hypervolume_reference")) {
    file.hypervolume_reference =
        reader.attributes<double>(root, "hypervolume_reference", H5T_NATIVE_DOUBLE);
  }
  const Handle notes = reader.group(root, "notes");
  for (const auto& name : reader.attribute_names(notes)) {
    file.notes[name] = reader.text_attribute(notes, name);
  }
}

// Reads part by part, so that what is damaged does not hide the rest.
class Examination {
 public:
  explicit Examination(const std::filesystem::path& path) : reader_(path) {}

  StudyFileReading run() {
    read_attributes(reader_, file());
    if (reader_.attribute<int>(reader_.file(), "format_version", H5T_NATIVE_INT) > 1) {
      found_.verified = true;
      part("checksums", [&] { checksums_ = reader_.text_attributes(reader_.file(), "checksums"); });
    }
    read_candidates();
    read_results();
    if (found_.verified) {
      for (const std::string& name : damaged_parts(file(), checksums_))
        if (!is_damaged(name)) damaged(name, "it is not what was written");
    }
    return std::move(found_);
  }

 private:
  StudyFile& file() { return found_.file; }
  void damaged(const std::string& name, const std::string& why) {
    found_.damage.push_back({name, why});
  }
  bool is_damaged(const std::string& name) const {
    return std::any_of(found_.damage.begin(), found_.damage.end(),
                       [&](const DamagedPart& d) { return d.part == name; });
  }
  template <class Read>
  void part(const std::string& name, Read&& read) {
    try {
      read();
    } catch (const FileError& error) {
      damaged(name, error.what());
    } catch (const InputError& error) {
      damaged(name, error.what());
    }
  }

  void read_candidates() {
    std::optional<Handle> group;
    part("candidates", [&] { group.emplace(reader_.group(reader_.file(), "candidates")); });
    if (!group) return;
    auto& candidates = file().candidates;
    part("candidates/id", [&] {
      candidates.id = reader_.column<std::uint64_t>(*group, "id", H5T_NATIVE_UINT64);
      if (!std::is_sorted(candidates.id.begin(), candidates.id.end()))
        throw reader_.wrong("column id is not sorted");
    });
    part("candidates/status", [&] { read_status(*group); });
    if (H5Lexists(*group, "design", H5P_DEFAULT) > 0) {
      part("candidates/design", [&] {
        candidates.design = reader_.column<std::uint64_t>(*group, "design", H5T_NATIVE_UINT64);
      });
      part("candidates/genes", [&] { candidates.genes = reader_.text_column(*group, "genes"); });
    }
    part("parameters", [&] { read_parameters(*group); });
    part("objectives", [&] { read_objectives(*group); });
    if (H5Lexists(*group, "lower_bounds", H5P_DEFAULT) > 0) {
      part("candidates/lower_bounds", [&] {
        const Handle bounds = reader_.group(*group, "lower_bounds");
        for (const auto& objective : file().objectives)
          candidates.lower_bounds.push_back(
              reader_.column<double>(bounds, objective.name, H5T_NATIVE_DOUBLE));
        candidates.converged = reader_.column<std::uint8_t>(*group, "converged", H5T_NATIVE_UINT8);
      });
    }
    part("candidates/message",
         [&] { candidates.message = reader_.text_column(*group, "message"); });
    part("candidates", [&] {
      bool equal = candidates.status.size() == candidates.size() &&
                   candidates.message.size() == candidates.size() &&
                   candidates.genes.size() == candidates.design.size() &&
                   (candidates.design.empty() || candidates.design.size() == candidates.size());
      for (const auto& column : candidates.objectives)
        equal = equal && column.size() == candidates.size();
      if (!equal) throw reader_.wrong("columns of /candidates differ in length");
    });
  }

  void read_status(hid_t group) {
    const Handle status = reader_.data_set(group, "status");
    const Handle type(H5Dget_type(status), H5Tclose, "status", "its type");
    // The stored enumeration is read as it is, one byte a row.
    if (H5Tget_size(type) != 1) throw reader_.wrong("column status is not one byte a row");
    for (const std::uint8_t value : reader_.column<std::uint8_t>(group, "status", type)) {
      if (value > 3) throw reader_.wrong("column status holds " + std::to_string(value));
      file().candidates.status.push_back(static_cast<CandidateStatus>(value));
    }
  }

  // Columns of value indices follow from the ids: they are there for those who read the file with
  // other programs, and must say the same.
  void read_parameters(hid_t candidates) {
    const Handle group = reader_.group(candidates, "parameters");
    const std::vector<std::string> names = reader_.ordered_members(group);
    for (const std::string& name : names) {
      const Handle column = reader_.data_set(group, name);
      file().parameters.push_back({name, reader_.text_attributes(column, "labels")});
    }
    std::uint64_t stride = 1;
    for (std::size_t p = names.size(); p-- > 0;) {
      const std::uint64_t count = std::max<std::uint64_t>(1, file().parameters[p].labels.size());
      const auto indices = reader_.column<std::uint32_t>(group, names[p], H5T_NATIVE_UINT32);
      const auto& candidates_of = file().candidates;
      const auto& ids = candidates_of.design.empty() ? candidates_of.id : candidates_of.design;
      bool right = indices.size() == ids.size();
      for (std::size_t row = 0; right && row < ids.size(); ++row)
        right = indices[row] == ids[row] / stride % count;
      if (!right && !is_damaged("candidates/id"))
        throw reader_.wrong("column " + names[p] + " does not go with the ids");
      stride *= count;
    }
  }

  void read_objectives(hid_t candidates) {
    const Handle group = reader_.group(candidates, "objectives");
    for (const auto& name : reader_.ordered_members(group)) {
      const Handle column = reader_.data_set(group, name);
      file().objectives.push_back({name, reader_.text_attribute(column, "unit"),
                                   reader_.text_attribute(column, "goal") == "max"});
      file().candidates.objectives.emplace_back();
      part("candidates/objectives", [&] {
        file().candidates.objectives.back() =
            reader_.column<double>(group, name, H5T_NATIVE_DOUBLE);
      });
    }
  }

  void read_results() {
    part("pareto", [&] {
      auto front = reader_.column<std::uint64_t>(reader_.group(reader_.file(), "pareto"),
                                                 "candidate", H5T_NATIVE_UINT64);
      for (const std::uint64_t row : front)
        if (row >= file().candidates.size())
          throw reader_.wrong("/pareto/candidate names row " + std::to_string(row) + " of " +
                              std::to_string(file().candidates.size()));
      file().front = std::move(front);
    });
    part("designs", [&] { read_designs(); });
    part("convergence", [&] {
      const Handle group = reader_.group(reader_.file(), "convergence");
      auto& convergence = file().convergence;
      convergence.seconds = reader_.column<double>(group, "seconds", H5T_NATIVE_DOUBLE);
      convergence.evaluated = reader_.column<std::uint64_t>(group, "evaluated", H5T_NATIVE_UINT64);
      convergence.hypervolume = reader_.column<double>(group, "hypervolume", H5T_NATIVE_DOUBLE);
      convergence.gap = reader_.column<double>(group, "gap", H5T_NATIVE_DOUBLE);
      convergence.front_size =
          reader_.column<std::uint64_t>(group, "front_size", H5T_NATIVE_UINT64);
      const std::size_t length = convergence.seconds.size();
      if (convergence.evaluated.size() != length || convergence.hypervolume.size() != length ||
          convergence.gap.size() != length || convergence.front_size.size() != length)
        throw reader_.wrong("columns of /convergence differ in length");
    });
  }

  void read_designs() {
    const Handle designs = reader_.group(reader_.file(), "designs");
    for (const auto& name : reader_.members(designs)) {
      StudyDesign design;
      const auto parsed = std::from_chars(name.data(), name.data() + name.size(), design.id);
      if (parsed.ec != std::errc{} || parsed.ptr != name.data() + name.size())
        throw reader_.wrong("/designs/" + name + " is not named by an id");
      const Handle group = reader_.group(designs, name);
      for (const auto& document : reader_.members(group)) {
        const auto texts = reader_.text_column(group, document);
        if (texts.size() != 1) throw reader_.wrong("/designs/" + name + " does not hold texts");
        design.documents[document] = texts.front();
      }
      file().designs.push_back(std::move(design));
    }
    std::sort(file().designs.begin(), file().designs.end(),
              [](const auto& a, const auto& b) { return a.id < b.id; });
  }

  Reader reader_;
  StudyFileReading found_;
  std::vector<std::string> checksums_;
};

// What the reading process has to say: one letter, then the rest.
std::string answer_of(const std::filesystem::path& path) {
  ByteWriter out;
  try {
    const StudyFileReading found = Examination(path).run();
    out.put('R');
    out.put(static_cast<std::uint8_t>(found.verified));
    out.put(static_cast<std::uint64_t>(found.damage.size()));
    for (const DamagedPart& damaged : found.damage) {
      out.put_text(damaged.part);
      out.put_text(damaged.why);
    }
    out.put_raw(encode_study_file(found.file));
  } catch (const InputError& error) {
    out.put('I');
    out.put_text(error.problem);
    out.put_text(error.remedy);
  } catch (const FileError& error) {
    out.put('F');
    out.put_text(error.what());
  } catch (const std::bad_alloc&) {
    out.put('M');
  }
  return out.take();
}

std::string words_of(const std::vector<DamagedPart>& damage) {
  std::string text;
  for (const DamagedPart& damaged : damage)
    text += (text.empty() ? "" : "; ") + damaged.part + ": " + damaged.why;
  return text;
}

constexpr const char* kMadeAgain =
    "the study's folder, if it is still there, makes it again with `ridgeline explore --resume`";

}  // namespace

StudyFileReading examine_study_file(const std::filesystem::path& path) {
  std::error_code error;
  const auto status = std::filesystem::status(path, error);
  if (status.type() == std::filesystem::file_type::not_found)
    throw FileError(path.string() + ": there is no such file");
  if (error) throw FileError(path.string() + ": cannot be opened: " + error.message());
  if (std::filesystem::is_directory(status))
    throw FileError(path.string() + ": this is a folder (give a study file of 'explore')");
  const BoundedAnswer answer =
      run_bounded(path, std::filesystem::file_size(path, error), [&] { return answer_of(path); });
  if (!answer.trouble.empty())
    throw FileError(path.string() + ": the file is damaged: " + answer.trouble + "; " + kMadeAgain);
  ByteReader in(answer.bytes);
  StudyFileReading found;
  switch (in.get<char>()) {
    case 'R': {
      found.verified = in.get<std::uint8_t>() != 0;
      for (auto left = in.get<std::uint64_t>(); left > 0 && in.ok(); --left) {
        std::string part = in.get_text();
        found.damage.push_back({std::move(part), in.get_text()});
      }
      if (in.ok() && decode_study_file(in.rest(), found.file)) return found;
      break;
    }
    case 'I': {
      const std::string problem = in.get_text();
      throw InputError({path.string(), "", 0, 0}, problem, in.get_text());
    }
    case 'F':
      throw FileError(in.get_text());
    case 'M':
      throw FileError(path.string() +
                      ": it asks for more memory than a file of its size can hold; " +
                      "the file is damaged; " + kMadeAgain);
    default:
      break;
  }
  throw FileError(path.string() + ": the process that reads it ended before it was done");
}

StudyFile read_study_file(const std::filesystem::path& path) {
  StudyFileReading found = examine_study_file(path);
  if (!found.damage.empty())
    throw FileError(path.string() + ": the file is damaged: " + words_of(found.damage) +
                    " (`ridgeline check` says what can be read); " + kMadeAgain);
  return std::move(found.file);
}

}  // namespace ridgeline::io
