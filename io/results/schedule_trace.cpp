#include <algorithm>
#include <cmath>
#include <nlohmann/json.hpp>

#include "io/results/schedule_report.hpp"

namespace ridgeline::io {
namespace {

using Json = nlohmann::ordered_json;

std::size_t at(std::int64_t i) {
  return static_cast<std::size_t>(i);
}

constexpr int kCores = 1;  // process ids, which group the tracks
constexpr int kLinks = 2;
constexpr int kMemories = 3;

class Trace {
 public:
  Trace(const ScheduleReport& report, std::ostream& out) : r_(report), out_(out) {}

  void write() {
    out_ << "{\"displayTimeUnit\":\"ns\",\"traceEvents\":[";
    names();
    compute();
    links();
    memories();
    flows();
    out_ << "\n]}\n";
  }

 private:
  void emit(const Json& event) {
    out_ << (first_ ? "\n" : ",\n") << event.dump();
    first_ = false;
  }

  void name(const char* what, int pid, int tid, const std::string& text) {
    emit({{"name", what}, {"ph", "M"}, {"pid", pid}, {"tid", tid}, {"args", {{"name", text}}}});
  }

  std::string core_name(int core) const {
    if (core == model::kAnyCore) return "any";
    if (core == r_.problem().offchip_core) return "off-chip";
    return "core " + std::to_string(core);
  }

  std::string link_name(std::size_t l) const {
    const model::Link& link = r_.problem().interconnect.links[l];
    if (link.sender == model::kAnyCore && link.receiver == model::kAnyCore) {
      return "bus " + std::to_string(link.bus);
    }
    return core_name(link.sender) + " -> " + core_name(link.receiver);
  }

  void names() {
    name("process_name", kCores, 0, "cores");
    name("process_name", kLinks, 0, "links");
    name("process_name", kMemories, 0, "memories");
    for (int c = 0; c < r_.problem().cores; ++c) {
      const std::string& own = r_.system.cores[at(c)].accelerator.name;
      name("thread_name", kCores, c, core_name(c) + (own.empty() ? "" : " (" + own + ")"));
    }
  }

  void compute() {
    const model::CnGraph& graph = *r_.problem().graph;
    for (int i = 0; i < static_cast<int>(graph.nodes.size()); ++i) {
      const model::CnNode& n = graph.nodes[at(i)];
      const int core = r_.result.record.core[at(i)];
      const model::NodeCost& cost = r_.problem().costs.at(n.unique, core);
      const double runtime = r_.result.record.end[at(i)] - r_.result.record.start[at(i)];
      Json bits;
      for (std::size_t o = 0; o < graph.layer_of(i).whole.operands.size(); ++o) {
        if (n.tensor[o] < 0) continue;
        bits[graph.layer_of(i).whole.operands[o].name] = graph.tensors[at(n.tensor[o])].bits;
      }
      emit({{"name", graph.layer_of(i).name + " " + std::to_string(n.sub_id)},
            {"cat", "compute"},
            {"ph", "X"},
            {"ts", r_.result.record.start[at(i)]},
            {"dur", runtime},
            {"pid", kCores},
            {"tid", core},
            {"args",
             {{"layer", graph.layer_of(i).id},
              {"sub_id", n.sub_id},
              {"onchip_energy", cost.onchip_energy},
              {"offchip_energy", cost.offchip_energy},
              {"ideal_cycles", cost.ideal_cycles},
              {"bits", std::move(bits)}}}});
    }
  }

  struct LinkEvent {
    double start = 0;
    double end = 0;
    std::string label;
    const char* category;
    Json args;
  };

  // Events of one link. Those that share its bandwidth overlap, and events of one track must not:
  // each goes to the first track of the link that is free.
  void tracks(std::size_t link, std::vector<LinkEvent>& events) {
    std::stable_sort(events.begin(), events.end(),
                     [](const LinkEvent& a, const LinkEvent& b) { return a.start < b.start; });
    std::vector<double> busy_until;
    std::vector<int> ids;
    for (LinkEvent& e : events) {
      std::size_t track = 0;
      while (track < busy_until.size() && busy_until[track] > e.start) ++track;
      if (track == busy_until.size()) {
        busy_until.push_back(0);
        ids.push_back(next_track_++);
        name("thread_name", kLinks, ids.back(),
             link_name(link) + (track == 0 ? "" : " (" + std::to_string(track + 1) + ")"));
        emit({{"name", "thread_sort_index"},
              {"ph", "M"},
              {"pid", kLinks},
              {"tid", ids.back()},
              {"args", {{"sort_index", ids.back()}}}});
      }
      busy_until[track] = e.end;
      e.args["link"] = link;
      emit({{"name", e.label},
            {"cat", e.category},
            {"ph", "X"},
            {"ts", e.start},
            {"dur", e.end - e.start},
            {"pid", kLinks},
            {"tid", ids[track]},
            {"args", std::move(e.args)}});
    }
  }

  void links() {
    std::vector<std::vector<LinkEvent>> events(r_.problem().interconnect.links.size());
    for (const model::ScheduledTransfer& t : r_.result.record.transfers) {
      if (!t.fresh) continue;
      const auto bits = t.part < 0 ? r_.problem().tensors[at(t.tensor)].bits
                                   : r_.problem().parts[at(t.part)].bits;
      for (const int link : r_.problem().interconnect.route(t.from, t.to)) {
        events[at(link)].push_back({t.start,
                                    t.end,
                                    tensor_label(r_.problem(), t.tensor, t.part),
                                    "transfer",
                                    {{"from", core_name(t.from)},
                                     {"to", core_name(t.to)},
                                     {"bits", bits},
                                     {"energy", t.link_energy + t.memory_energy}}});
      }
    }
    for (const model::ScheduledBlock& b : r_.result.record.blocks) {
      events[at(b.link)].push_back({b.start,
                                    b.end,
                                    "streams " + tensor_label(r_.problem(), b.tensor, -1),
                                    "block",
                                    {{"bandwidth", b.bandwidth}}});
    }
    for (std::size_t l = 0; l < events.size(); ++l) tracks(l, events[l]);
    const std::size_t count = r_.problem().interconnect.links.size();
    std::vector<std::vector<std::pair<double, double>>> changes(count);
    for (const model::ScheduledTransfer& t : r_.result.record.transfers) {
      if (!t.fresh) continue;
      for (const int link : r_.problem().interconnect.route(t.from, t.to)) {
        const double used =
            std::ceil(t.share * r_.problem().interconnect.links[at(link)].bandwidth);
        changes[at(link)].push_back({t.start, used});
        changes[at(link)].push_back({t.end, -used});
      }
    }
    for (const model::ScheduledBlock& b : r_.result.record.blocks) {
      changes[at(b.link)].push_back({b.start, b.bandwidth});
      changes[at(b.link)].push_back({b.end, -b.bandwidth});
    }
    for (std::size_t l = 0; l < count; ++l) {
      std::sort(changes[l].begin(), changes[l].end());
      double used = 0;
      for (std::size_t i = 0; i < changes[l].size(); ++i) {
        used += changes[l][i].second;
        if (i + 1 < changes[l].size() && changes[l][i + 1].first == changes[l][i].first) continue;
        if (!std::isfinite(used)) continue;
        emit({{"name", "bandwidth of " + link_name(l)},
              {"ph", "C"},
              {"ts", changes[l][i].first},
              {"pid", kLinks},
              {"args", {{"bits a cycle", used}}}});
      }
    }
  }

  void memories() {
    for (std::size_t m = 0; m < r_.result.record.memories.size(); ++m) {
      const model::TopMemory& memory = r_.problem().memories.instances[m];
      const std::string label = memory.name + " of " + core_name(memory.cores.front());
      const model::ScheduleRecord::Memory& use = r_.result.record.memories[m];
      for (std::size_t i = 0; i < use.time.size(); ++i) {
        emit({{"name", label},
              {"ph", "C"},
              {"ts", use.time[i]},
              {"pid", kMemories},
              {"args", {{"bits", use.used[i]}}}});
      }
    }
  }

  // From each producer to each consumer in another layer. A flow belongs to the event that its time
  // lies in, so both ends are in the middle of one.
  void flows() {
    const model::CnGraph& graph = *r_.problem().graph;
    for (int i = 0; i < static_cast<int>(graph.nodes.size()); ++i) {
      for (const model::CnEdge& e : graph.predecessors_of(i)) {
        if (e.operand < 0) continue;
        const int id = next_id_++;
        const Json common{{"name", "dependency"}, {"cat", "dependency"}, {"id", id}};
        Json from = common, to = common;
        from.update({{"ph", "s"},
                     {"ts", middle(e.node)},
                     {"pid", kCores},
                     {"tid", r_.result.record.core[at(e.node)]}});
        to.update({{"ph", "f"},
                   {"bp", "e"},
                   {"ts", middle(i)},
                   {"pid", kCores},
                   {"tid", r_.result.record.core[at(i)]}});
        emit(from);
        emit(to);
      }
    }
  }

  double middle(int node) const {
    return (r_.result.record.start[at(node)] + r_.result.record.end[at(node)]) / 2;
  }

  const ScheduleReport& r_;
  std::ostream& out_;
  bool first_ = true;
  int next_id_ = 1;     // of a flow
  int next_track_ = 1;  // of links
};

}  // namespace

void write_schedule_trace(const ScheduleReport& report, std::ostream& out) {
  Trace(report, out).write();
}

}  // namespace ridgeline::io
