#include <algorithm>
#include <charconv>

#include "io/results/hdf5_handle.hpp"
#include "io/results/study_file.hpp"

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
    if (!std::filesystem::exists(path)) {
      throw FileError(name_ + ": there is no such file");
    }
    if (std::filesystem::is_directory(path)) {
      throw FileError(name_ + ": this is a folder (give a study file of 'explore')");
    }
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

void read_candidates(const Reader& reader, StudyFile& file) {
  const Handle group = reader.group(reader.file(), "candidates");
  auto& candidates = file.candidates;
  candidates.id = reader.column<std::uint64_t>(group, "id", H5T_NATIVE_UINT64);
  const Handle status = reader.data_set(group, "status");
  const Handle type(H5Dget_type(status), H5Tclose, "status", "its type");
  // The stored enumeration is read as it is, one byte a row.
  if (H5Tget_size(type) != 1) throw reader.wrong("column status is not one byte a row");
  for (const std::uint8_t value : reader.column<std::uint8_t>(group, "status", type)) {
    if (value > 3) throw reader.wrong("column status holds " + std::to_string(value));
    candidates.status.push_back(static_cast<CandidateStatus>(value));
  }
  const Handle parameters = reader.group(group, "parameters");
  for (const auto& name : reader.ordered_members(parameters)) {
    const Handle column = reader.data_set(parameters, name);
    file.parameters.push_back({name, reader.text_attributes(column, "labels")});
  }
  const Handle objectives = reader.group(group, "objectives");
  for (const auto& name : reader.ordered_members(objectives)) {
    const Handle column = reader.data_set(objectives, name);
    file.objectives.push_back({name, reader.text_attribute(column, "unit"),
                               reader.text_attribute(column, "goal") == "max"});
    candidates.objectives.push_back(reader.column<double>(objectives, name, H5T_NATIVE_DOUBLE));
  }
  candidates.message = reader.text_column(group, "message");

  bool equal = candidates.status.size() == candidates.size() &&
               candidates.message.size() == candidates.size();
  for (const auto& column : candidates.objectives) {
    equal = equal && column.size() == candidates.size();
  }
  if (!equal) throw reader.wrong("columns of /candidates differ in length");
}

void read_results(const Reader& reader, StudyFile& file) {
  file.front = reader.column<std::uint64_t>(reader.group(reader.file(), "pareto"), "candidate",
                                            H5T_NATIVE_UINT64);
  for (const std::uint64_t row : file.front) {
    if (row >= file.candidates.size()) {
      throw reader.wrong("/pareto/candidate names row " + std::to_string(row) + " of " +
                         std::to_string(file.candidates.size()));
    }
  }
  const Handle designs = reader.group(reader.file(), "designs");
  for (const auto& name : reader.members(designs)) {
    StudyDesign design;
    const auto parsed = std::from_chars(name.data(), name.data() + name.size(), design.id);
    if (parsed.ec != std::errc{} || parsed.ptr != name.data() + name.size()) {
      throw reader.wrong("/designs/" + name + " is not named by an id");
    }
    const Handle group = reader.group(designs, name);
    for (const auto& document : reader.members(group)) {
      const auto texts = reader.text_column(group, document);
      if (texts.size() != 1) throw reader.wrong("/designs/" + name + " does not hold texts");
      design.documents[document] = texts.front();
    }
    file.designs.push_back(std::move(design));
  }
  std::sort(file.designs.begin(), file.designs.end(),
            [](const auto& a, const auto& b) { return a.id < b.id; });

  const Handle group = reader.group(reader.file(), "convergence");
  auto& convergence = file.convergence;
  convergence.seconds = reader.column<double>(group, "seconds", H5T_NATIVE_DOUBLE);
  convergence.evaluated = reader.column<std::uint64_t>(group, "evaluated", H5T_NATIVE_UINT64);
  convergence.hypervolume = reader.column<double>(group, "hypervolume", H5T_NATIVE_DOUBLE);
  convergence.front_size = reader.column<std::uint64_t>(group, "front_size", H5T_NATIVE_UINT64);
  const std::size_t length = convergence.seconds.size();
  if (convergence.evaluated.size() != length || convergence.hypervolume.size() != length ||
      convergence.front_size.size() != length) {
    throw reader.wrong("columns of /convergence differ in length");
  }
}

}  // namespace

StudyFile read_study_file(const std::filesystem::path& path) {
  const Reader reader(path);
  StudyFile file;
  read_attributes(reader, file);
  read_candidates(reader, file);
  read_results(reader, file);
  return file;
}

}  // namespace ridgeline::io
