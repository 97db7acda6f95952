// Which parameters the parts of a multi-core design follow from.
#include "io/study/design_parts.hpp"

#include <algorithm>
#include <cctype>
#include <nlohmann/json.hpp>
#include <optional>
#include <set>
#include <string>

#include "io/study/system_space.hpp"

namespace ridgeline::io {
namespace {

// The first two names of a pointer: "/cores/3/name" is {"cores", "3"}.
struct PointerHead {
  std::string first;
  std::string second;
};

PointerHead head_of(const std::string& pointer) {
  PointerHead head;
  const std::size_t begin = pointer.starts_with('/') ? 1 : 0;
  const std::size_t middle = std::min(pointer.find('/', begin), pointer.size());
  head.first = pointer.substr(begin, middle - begin);
  if (middle == pointer.size()) return head;
  const std::size_t end = std::min(pointer.find('/', middle + 1), pointer.size());
  head.second = pointer.substr(middle + 1, end - middle - 1);
  return head;
}

// Whether a text has a name in it, not as part of a longer one.
bool mentions(const std::string& text, const std::string& name) {
  const auto part = [](char c) { return std::isalnum(static_cast<unsigned char>(c)) || c == '_'; };
  for (std::size_t at = text.find(name); at != std::string::npos; at = text.find(name, at + 1)) {
    const bool begins = at == 0 || !part(text[at - 1]);
    const bool ends = at + name.size() == text.size() || !part(text[at + name.size()]);
    if (begins && ends) return true;
  }
  return false;
}

class Finder {
 public:
  explicit Finder(const Study& study) : study_(study) {
    const DesignDocuments documents = study.one_of_each_kind();
    if (space()) {
      names_ = documents.kind_of;
      result_.separable = !study.effective().at("system").contains("sharing");
    } else {
      const Value root = documents.accelerator.root();
      const Value cores = root.at("cores");
      for (std::size_t core = 0; core < cores.size(); ++core)
        names_.push_back(std::to_string(core));
      if (const auto offchip = root.find_non_null("offchip_core_id")) offchip_ = offchip->text();
      result_.separable = !root.find_non_null("core_memory_sharing");
    }
    core_.resize(names_.size());
  }

  DesignParts run() {
    const auto& parameters = study_.spec().parameters;
    for (std::size_t p = 0; p < parameters.size(); ++p)
      for (const ParameterValue& value : parameters[p].values)
        for (const FieldEdit& edit : value.edits)
          add(edit.document, edit.pointer, {static_cast<int>(p)});
    if (const auto derived = study_.effective().find("derived");
        derived != study_.effective().end())
      for (const auto& field : *derived) add_derived(field);
    if (space()) add_system();
    for (const std::set<int>& core : core_) result_.core.emplace_back(core.begin(), core.end());
    result_.frame.assign(frame_.begin(), frame_.end());
    result_.workloads.assign(workloads_.begin(), workloads_.end());
    return std::move(result_);
  }

 private:
  bool space() const { return study_.spec().system_space; }

  void add(StudyInput document, const std::string& pointer, const std::vector<int>& parameters) {
    if (document != StudyInput::accelerator) {
      workloads_.insert(parameters.begin(), parameters.end());
      frame_.insert(parameters.begin(), parameters.end());
      return;
    }
    const std::optional<std::size_t> core = core_of(pointer);
    std::set<int>& part = core ? core_[*core] : frame_;
    part.insert(parameters.begin(), parameters.end());
  }

  // Parameters whose names a part of the document has in it.
  std::vector<int> mentioned(const nlohmann::ordered_json& part) const {
    const std::string text = part.dump();
    std::vector<int> used;
    for (std::size_t p = 0; p < study_.spec().parameters.size(); ++p)
      if (mentions(text, study_.spec().parameters[p].name)) used.push_back(static_cast<int>(p));
    return used;
  }

  // {path, document, value} as the study document has it; a path may name the document itself.
  void add_derived(const nlohmann::ordered_json& field) {
    StudyInput document = StudyInput::accelerator;
    std::string path = field.at("path").get<std::string>();
    for (const auto other : {StudyInput::accelerator, StudyInput::mapping, StudyInput::workload}) {
      const std::string name(to_string(other));
      if (field.value("document", std::string()) == name) document = other;
      if (!path.starts_with(name + ':')) continue;
      document = other;
      path = path.substr(name.size() + 1);
    }
    if (space() && document == StudyInput::accelerator) path = system_pointer(path);
    add(document, path, mentioned(field.at("value")));
  }

  // Counts, connections and what is shared.
  void add_system() {
    nlohmann::ordered_json rest = study_.effective().at("system");
    for (auto& kind : rest.at("kinds")) kind.erase("core");
    const std::vector<int> used = mentioned(rest);
    frame_.insert(used.begin(), used.end());
  }

  // The core, or kind of cores, inside which a field is.
  std::optional<std::size_t> core_of(const std::string& pointer) {
    const PointerHead head = head_of(pointer);
    const bool whole = head.second.empty() &&
                       (head.first == "cores" || head.first == "kinds" || head.first.empty());
    if (whole || head.first == "offchip_core_id" || head.first == "core_memory_sharing")
      result_.separable = false;
    if (head.first != (space() ? "kinds" : "cores")) return std::nullopt;
    const auto place = std::find(names_.begin(), names_.end(), head.second);
    if (place == names_.end()) result_.separable = false;
    if (place == names_.end() || head.second == offchip_) return std::nullopt;
    if (!space()) return static_cast<std::size_t>(place - names_.begin());
    // Of a kind, "core" is the core; the rest says how many there are and what they take.
    const std::string prefix = "/kinds/" + head.second + "/core";
    const bool inside = pointer == prefix || pointer.starts_with(prefix + '/');
    return inside ? std::optional<std::size_t>(place - names_.begin()) : std::nullopt;
  }

  const Study& study_;
  DesignParts result_;
  std::vector<std::string> names_;  // of cores, by place in the document, or of kinds
  std::string offchip_;
  std::vector<std::set<int>> core_;
  std::set<int> frame_;
  std::set<int> workloads_;
};

}  // namespace

DesignParts design_parts(const Study& study) {
  return Finder(study).run();
}

}  // namespace ridgeline::io
