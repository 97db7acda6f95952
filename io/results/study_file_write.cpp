// Writes study files. The HDF5 file is built in memory and written by `write_durably`: HDF5
// itself does not survive a full disk in every version, and a study file is small beside what
// the candidates cost to evaluate.
#include <algorithm>
#include <cstdlib>
#include <cstring>
#include <memory>
#include <optional>
#include <span>
#include <stdexcept>

#include "io/results/durable_file.hpp"
#include "io/results/hdf5_handle.hpp"
#include "io/results/study_file.hpp"
#include "io/results/study_file_bytes.hpp"

namespace ridgeline::io {
namespace {

using hdf5::check;
using hdf5::Handle;

constexpr hsize_t kChunkRows = 1 << 16;

// The buffer of a file in memory, kept when HDF5 closes the file. (H5Fget_file_image would give
// a copy while the file is open, but with a wrong checksum in 1.10: it clears a flag that the
// checksum covers.)
class Image {
 public:
  Image() = default;
  Image(const Image&) = delete;
  Image& operator=(const Image&) = delete;
  ~Image() { std::free(data_); }

  void keep(void* data) {
    std::free(data_);
    data_ = static_cast<std::byte*>(data);
  }
  void grown(std::size_t size) { size_ = size; }

  // The file proper: the buffer grows in large steps, and the superblock (version 2) says in
  // bytes 28 to 35 where the file ends.
  std::span<const std::byte> bytes(const std::string& name) const {
    std::uint64_t end = 0;
    if (data_ && size_ >= 48) {
      for (int byte = 7; byte >= 0; --byte) {
        end = end << 8 | std::to_integer<std::uint64_t>(data_[28 + byte]);
      }
    }
    if (end == 0 || end > size_) throw FileError(name + ": HDF5 did not complete the file");
    return {data_, static_cast<std::size_t>(end)};
  }

 private:
  std::byte* data_ = nullptr;
  std::size_t size_ = 0;
};

H5FD_file_image_callbacks_t image_callbacks(Image* image) {
  H5FD_file_image_callbacks_t callbacks{};
  callbacks.image_malloc = [](std::size_t size, H5FD_file_image_op_t, void*) {
    return std::malloc(size);
  };
  callbacks.image_memcpy = [](void* to, const void* from, std::size_t size, H5FD_file_image_op_t,
                              void*) { return std::memcpy(to, from, size); };
  callbacks.image_realloc = [](void* data, std::size_t size, H5FD_file_image_op_t, void* udata) {
    void* moved = std::realloc(data, size);
    if (moved) static_cast<Image*>(udata)->grown(size);
    return moved;
  };
  callbacks.image_free = [](void* data, H5FD_file_image_op_t operation, void* udata) -> herr_t {
    if (operation == H5FD_FILE_IMAGE_OP_FILE_CLOSE) {
      static_cast<Image*>(udata)->keep(data);
    } else {
      std::free(data);
    }
    return 0;
  };
  // HDF5 copies property lists, and with them this pointer: it stays ours.
  callbacks.udata_copy = [](void* udata) { return udata; };
  callbacks.udata_free = [](void*) -> herr_t { return 0; };
  callbacks.udata = image;
  return callbacks;
}

class Writer {
 public:
  explicit Writer(std::string name) : name_(std::move(name)) {
    hdf5::quiet();
    text_ = Handle(H5Tcopy(H5T_C_S1), H5Tclose, name_, "a text type cannot be made");
    check(H5Tset_size(text_, H5T_VARIABLE), name_, "a text type cannot be made");
    check(H5Tset_cset(text_, H5T_CSET_UTF8), name_, "a text type cannot be made");
    scalar_ = Handle(H5Screate(H5S_SCALAR), H5Sclose, name_, "a data space cannot be made");

    const Handle access(H5Pcreate(H5P_FILE_ACCESS), H5Pclose, name_, "cannot be created");
    // The 1.8 format holds attributes of any size and many groups, and everything reads it.
    check(H5Pset_libver_bounds(access, H5F_LIBVER_V18, H5F_LIBVER_V18), name_, "cannot be created");
    constexpr std::size_t kGrowth = std::size_t{4} << 20;
    check(H5Pset_fapl_core(access, kGrowth, false), name_, "cannot be created");
    H5FD_file_image_callbacks_t callbacks = image_callbacks(image_.get());
    check(H5Pset_file_image_callbacks(access, &callbacks), name_, "cannot be created");
    file_ = Handle(H5Fcreate(name_.c_str(), H5F_ACC_TRUNC, H5P_DEFAULT, access), H5Fclose, name_,
                   "cannot be created");
  }

  hid_t file() const { return file_; }

  Handle group(hid_t parent, const std::string& name) const {
    return Handle(H5Gcreate2(parent, name.c_str(), H5P_DEFAULT, H5P_DEFAULT, H5P_DEFAULT), H5Gclose,
                  name_, "group " + name + " cannot be made");
  }

  void text_attribute(hid_t object, const std::string& name, const std::string& value) const {
    const Handle attribute(
        H5Acreate2(object, name.c_str(), text_, scalar_, H5P_DEFAULT, H5P_DEFAULT), H5Aclose, name_,
        "attribute " + name + " cannot be made");
    const char* pointer = value.c_str();
    check(H5Awrite(attribute, text_, &pointer), name_, "attribute " + name);
  }

  void text_attribute(hid_t object, const std::string& name,
                      const std::vector<std::string>& values) const {
    const hsize_t count = values.size();
    const Handle space(H5Screate_simple(1, &count, nullptr), H5Sclose, name_, name);
    const Handle attribute(H5Acreate2(object, name.c_str(), text_, space, H5P_DEFAULT, H5P_DEFAULT),
                           H5Aclose, name_, "attribute " + name + " cannot be made");
    std::vector<const char*> pointers;
    for (const auto& value : values) pointers.push_back(value.c_str());
    if (!values.empty()) {
      check(H5Awrite(attribute, text_, pointers.data()), name_, "attribute " + name);
    }
  }

  template <class T>
  void attribute(hid_t object, const std::string& name, hid_t stored, hid_t native,
                 const std::vector<T>& values) const {
    const hsize_t count = values.size();
    const Handle space(H5Screate_simple(1, &count, nullptr), H5Sclose, name_, name);
    const Handle made(H5Acreate2(object, name.c_str(), stored, space, H5P_DEFAULT, H5P_DEFAULT),
                      H5Aclose, name_, "attribute " + name + " cannot be made");
    if (!values.empty()) check(H5Awrite(made, native, values.data()), name_, "attribute " + name);
  }

  template <class T>
  void attribute(hid_t object, const std::string& name, hid_t stored, hid_t native, T value) const {
    const Handle made(H5Acreate2(object, name.c_str(), stored, scalar_, H5P_DEFAULT, H5P_DEFAULT),
                      H5Aclose, name_, "attribute " + name + " cannot be made");
    check(H5Awrite(made, native, &value), name_, "attribute " + name);
  }

  // A column of `count` rows, chunked and compressed.
  Handle column(hid_t parent, const std::string& name, hid_t stored, hsize_t count) const {
    const Handle space(H5Screate_simple(1, &count, nullptr), H5Sclose, name_, name);
    const Handle creation(H5Pcreate(H5P_DATASET_CREATE), H5Pclose, name_, name);
    check(H5Pset_obj_track_times(creation, false), name_, name);
    // Labels of a parameter may exceed what fits beside the data set.
    check(H5Pset_attr_phase_change(creation, 0, 0), name_, name);
    if (count > 0) {
      const hsize_t chunk = std::min(count, kChunkRows);
      check(H5Pset_chunk(creation, 1, &chunk), name_, name);
      check(H5Pset_shuffle(creation), name_, name);
      check(H5Pset_deflate(creation, 4), name_, name);
      // Texts lie elsewhere in the file: HDF5 has no such checksum for them.
      if (H5Tis_variable_str(stored) <= 0) check(H5Pset_fletcher32(creation), name_, name);
    }
    return Handle(
        H5Dcreate2(parent, name.c_str(), stored, space, H5P_DEFAULT, creation, H5P_DEFAULT),
        H5Dclose, name_, "column " + name + " cannot be made");
  }

  template <class T>
  Handle column(hid_t parent, const std::string& name, hid_t stored, hid_t native,
                const std::vector<T>& values) const {
    Handle made = column(parent, name, stored, values.size());
    if (!values.empty()) {
      check(H5Dwrite(made, native, H5S_ALL, H5S_ALL, H5P_DEFAULT, values.data()), name_,
            "column " + name + " cannot be written");
    }
    return made;
  }

  void text_column(hid_t parent, const std::string& name,
                   const std::vector<std::string>& values) const {
    const Handle made = column(parent, name, text_, values.size());
    std::vector<const char*> pointers;
    for (hsize_t begin = 0; begin < values.size(); begin += kChunkRows) {
      const hsize_t count = std::min<hsize_t>(kChunkRows, values.size() - begin);
      pointers.clear();
      for (hsize_t row = begin; row < begin + count; ++row) pointers.push_back(values[row].c_str());
      const Handle memory(H5Screate_simple(1, &count, nullptr), H5Sclose, name_, name);
      const Handle target(H5Dget_space(made), H5Sclose, name_, name);
      check(H5Sselect_hyperslab(target, H5S_SELECT_SET, &begin, nullptr, &count, nullptr), name_,
            name);
      check(H5Dwrite(made, text_, memory, target, H5P_DEFAULT, pointers.data()), name_,
            "column " + name + " cannot be written");
    }
  }

  void text(hid_t parent, const std::string& name, const std::string& value) const {
    const Handle made(
        H5Dcreate2(parent, name.c_str(), text_, scalar_, H5P_DEFAULT, H5P_DEFAULT, H5P_DEFAULT),
        H5Dclose, name_, name + " cannot be made");
    const char* pointer = value.c_str();
    check(H5Dwrite(made, text_, H5S_ALL, H5S_ALL, H5P_DEFAULT, &pointer), name_,
          name + " cannot be written");
  }

  // The finished file. Nothing can be written afterwards.
  std::span<const std::byte> finish() {
    check(H5Fflush(file_, H5F_SCOPE_GLOBAL), name_, "cannot be completed");
    file_ = Handle();
    return image_->bytes(name_);
  }

 private:
  std::string name_;
  std::unique_ptr<Image> image_ = std::make_unique<Image>();  // outlives the handles
  Handle text_;
  Handle scalar_;
  Handle file_;
};

void require_equal_lengths(const StudyFile& file) {
  const auto& candidates = file.candidates;
  const auto& convergence = file.convergence;
  bool equal = candidates.status.size() == candidates.size() &&
               candidates.message.size() == candidates.size() &&
               candidates.objectives.size() == file.objectives.size() &&
               candidates.genes.size() == candidates.design.size() &&
               (candidates.lower_bounds.empty() ||
                candidates.lower_bounds.size() == file.objectives.size()) &&
               (candidates.converged.empty() || candidates.converged.size() == candidates.size()) &&
               (candidates.design.empty() || candidates.design.size() == candidates.size()) &&
               convergence.evaluated.size() == convergence.seconds.size() &&
               convergence.hypervolume.size() == convergence.seconds.size() &&
               convergence.gap.size() == convergence.seconds.size() &&
               convergence.front_size.size() == convergence.seconds.size();
  for (const auto& column : candidates.objectives) {
    equal = equal && column.size() == candidates.size();
  }
  for (const auto& column : candidates.lower_bounds) {
    equal = equal && column.size() == candidates.size();
  }
  if (!equal) throw std::logic_error("columns of a study file differ in length");
}

void write_attributes(const Writer& writer, const StudyFile& file) {
  const hid_t root = writer.file();
  writer.text_attribute(root, "format", "ridgeline-study");
  writer.attribute(root, "format_version", H5T_STD_I32LE, H5T_NATIVE_INT, kStudyFormatVersion);
  writer.text_attribute(root, "ridgeline_version", file.ridgeline_version);
  writer.text_attribute(root, "study", file.study);
  writer.text_attribute(root, "inputs_sha256", file.inputs_sha256);
  writer.attribute(root, "seed", H5T_STD_U64LE, H5T_NATIVE_UINT64, file.seed);
  writer.text_attribute(root, "command", file.command);
  writer.text_attribute(root, "host", file.host);
  writer.attribute(root, "ranks", H5T_STD_I32LE, H5T_NATIVE_INT, file.ranks);
  writer.attribute(root, "threads", H5T_STD_I32LE, H5T_NATIVE_INT, file.threads);
  writer.text_attribute(root, "started", file.started);
  writer.text_attribute(root, "finished", file.finished);
  writer.text_attribute(root, "status", file.status);
  writer.text_attribute(root, "checksums", study_file_checksums(file));
  if (!file.hypervolume_reference.empty()) {
    writer.attribute(root, "hypervolume_reference", H5T_IEEE_F64LE, H5T_NATIVE_DOUBLE,
                     file.hypervolume_reference);
  }
  const Handle notes = writer.group(root, "notes");
  for (const auto& [name, text] : file.notes) writer.text_attribute(notes, name, text);
}

Handle status_type(const std::string& name) {
  Handle type(H5Tenum_create(H5T_STD_U8LE), H5Tclose, name, "the status type cannot be made");
  for (const auto status : {CandidateStatus::ok, CandidateStatus::infeasible,
                            CandidateStatus::pruned, CandidateStatus::error}) {
    const auto value = static_cast<std::uint8_t>(status);
    check(H5Tenum_insert(type, to_string(status).c_str(), &value), name,
          "the status type cannot be made");
  }
  return type;
}

void write_candidates(const Writer& writer, const StudyFile& file, const std::string& name) {
  const auto& candidates = file.candidates;
  const Handle group = writer.group(writer.file(), "candidates");
  writer.column(group, "id", H5T_STD_U64LE, H5T_NATIVE_UINT64, candidates.id);

  const Handle type = status_type(name);
  std::vector<std::uint8_t> status;
  for (const auto value : candidates.status) status.push_back(static_cast<std::uint8_t>(value));
  writer.column(group, "status", type, type, status);

  const Handle parameters = writer.group(group, "parameters");
  const auto& places = candidates.design.empty() ? candidates.id : candidates.design;
  std::vector<std::uint32_t> indices(candidates.size());
  std::uint64_t stride = 1;  // of the parameter after this one: the last one is fastest
  std::vector<std::uint64_t> strides(file.parameters.size());
  for (std::size_t p = file.parameters.size(); p-- > 0;) {
    strides[p] = stride;
    stride *= std::max<std::uint64_t>(1, file.parameters[p].labels.size());
  }
  for (std::size_t p = 0; p < file.parameters.size(); ++p) {
    const auto& parameter = file.parameters[p];
    const std::uint64_t count = std::max<std::uint64_t>(1, parameter.labels.size());
    for (std::size_t row = 0; row < candidates.size(); ++row) {
      indices[row] = static_cast<std::uint32_t>(places[row] / strides[p] % count);
    }
    const Handle column =
        writer.column(parameters, parameter.name, H5T_STD_U32LE, H5T_NATIVE_UINT32, indices);
    writer.text_attribute(column, "labels", parameter.labels);
    writer.attribute(column, "order", H5T_STD_I32LE, H5T_NATIVE_INT, static_cast<int>(p));
  }

  const Handle objectives = writer.group(group, "objectives");
  for (std::size_t o = 0; o < file.objectives.size(); ++o) {
    const auto& objective = file.objectives[o];
    const Handle column = writer.column(objectives, objective.name, H5T_IEEE_F64LE,
                                        H5T_NATIVE_DOUBLE, candidates.objectives[o]);
    writer.text_attribute(column, "unit", objective.unit);
    writer.text_attribute(column, "goal", objective.maximised ? "max" : "min");
    writer.attribute(column, "order", H5T_STD_I32LE, H5T_NATIVE_INT, static_cast<int>(o));
  }
  writer.text_column(group, "message", candidates.message);
  if (!candidates.lower_bounds.empty()) {
    const Handle bounds = writer.group(group, "lower_bounds");
    for (std::size_t o = 0; o < file.objectives.size(); ++o) {
      const Handle column = writer.column(bounds, file.objectives[o].name, H5T_IEEE_F64LE,
                                          H5T_NATIVE_DOUBLE, candidates.lower_bounds[o]);
      writer.text_attribute(column, "unit", file.objectives[o].unit);
    }
    writer.column(group, "converged", H5T_STD_U8LE, H5T_NATIVE_UINT8, candidates.converged);
  }
  if (candidates.design.empty()) return;
  writer.column(group, "design", H5T_STD_U64LE, H5T_NATIVE_UINT64, candidates.design);
  writer.text_column(group, "genes", candidates.genes);
}

void write_results(const Writer& writer, const StudyFile& file) {
  const Handle pareto = writer.group(writer.file(), "pareto");
  writer.column(pareto, "candidate", H5T_STD_U64LE, H5T_NATIVE_UINT64, file.front);

  const Handle designs = writer.group(writer.file(), "designs");
  for (const auto& design : file.designs) {
    const Handle group = writer.group(designs, std::to_string(design.id));
    for (const auto& [document, text] : design.documents) writer.text(group, document, text);
  }

  const Handle convergence = writer.group(writer.file(), "convergence");
  writer.column(convergence, "seconds", H5T_IEEE_F64LE, H5T_NATIVE_DOUBLE,
                file.convergence.seconds);
  writer.column(convergence, "evaluated", H5T_STD_U64LE, H5T_NATIVE_UINT64,
                file.convergence.evaluated);
  writer.column(convergence, "hypervolume", H5T_IEEE_F64LE, H5T_NATIVE_DOUBLE,
                file.convergence.hypervolume);
  writer.column(convergence, "gap", H5T_IEEE_F64LE, H5T_NATIVE_DOUBLE, file.convergence.gap);
  writer.column(convergence, "front_size", H5T_STD_U64LE, H5T_NATIVE_UINT64,
                file.convergence.front_size);
}

template <class File, class Visit>
void for_each_text(File& file, Visit&& visit) {
  for (auto* text : {&file.ridgeline_version, &file.study, &file.inputs_sha256, &file.command,
                     &file.host, &file.started, &file.finished, &file.status})
    visit(*text);
  for (auto& [name, text] : file.notes) visit(text);
  for (auto& parameter : file.parameters)
    for (auto& label : parameter.labels) visit(label);
  for (auto& message : file.candidates.message) visit(message);
  for (auto& design : file.designs)
    for (auto& [name, text] : design.documents) visit(text);
}

bool has_nul(const StudyFile& file) {
  bool found = false;
  for_each_text(file, [&](const std::string& text) {
    found = found || text.find('\0') != std::string::npos;
  });
  return found;
}

StudyFile without_nul(StudyFile file) {
  for_each_text(file, [](std::string& text) {
    for (std::size_t at = 0; (at = text.find('\0', at)) != std::string::npos; at += 3)
      text.replace(at, 1, "\uFFFD");
  });
  return file;
}

}  // namespace

void write_study_file(const std::filesystem::path& path, const StudyFile& given) {
  require_equal_lengths(given);
  // HDF5's texts end at the first NUL.
  std::optional<StudyFile> clean;
  if (has_nul(given)) clean = without_nul(given);
  const StudyFile& file = clean ? *clean : given;
  Writer writer(path.string());
  write_attributes(writer, file);
  write_candidates(writer, file, path.string());
  write_results(writer, file);
  write_durably(path, writer.finish());
}

}  // namespace ridgeline::io
