// Study documents over small inputs: whatever the text, an InputError or a study whose first
// designs can be made.
#include <cstdint>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <string>

#include "io/study/study_document.hpp"

namespace {

class Folder {
 public:
  Folder() {
    std::string pattern = (std::filesystem::temp_directory_path() / "fuzz-study-XXXXXX").string();
    path_ = ::mkdtemp(pattern.data());
    write("chip.yaml",
          "operational_array: {sizes: [8, 8]}\n"
          "memories: {l1: {size: 1024, r_cost: 1.5, shared: true, ports: [{bandwidth: 64}]}}\n");
    write("system.yaml", "cores: {0: chip.yaml, 1: chip.yaml}\n");
    write("map.yaml", "- {name: default, spatial_mapping: {D1: ['K, 8']}}\n");
    write("net.yaml", "- {id: 0, loop_sizes: [128, 64]}\n");
  }
  ~Folder() { std::filesystem::remove_all(path_); }
  void write(const std::string& name, std::string_view text) const {
    std::ofstream(path_ / name, std::ios::binary) << text;
  }
  std::filesystem::path operator/(const std::string& name) const { return path_ / name; }

 private:
  std::filesystem::path path_;
};

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  static const Folder folder;
  folder.write("study.yaml", {reinterpret_cast<const char*>(data), size});
  try {
    const auto study = ridgeline::io::Study::read(folder / "study.yaml");
    std::uint64_t from = 0;
    for (int design = 0; design < 4; ++design) {
      const auto id = study.next_existing(from);
      if (!id) break;
      if (study.id_of(study.values_of(*id)) != *id || !study.exists(*id)) std::abort();
      study.design_documents(*id);
      from = *id + 1;
    }
  } catch (const ridgeline::io::InputError&) {
  }
  return 0;
}
