#include "tests/support/schedule_referee.hpp"

#include <algorithm>
#include <cmath>
#include <limits>
#include <map>
#include <tuple>

namespace ridgeline::testing {
namespace {

using Json = nlohmann::ordered_json;
using NodeId = std::pair<int, int>;

constexpr double kForever = std::numeric_limits<double>::infinity();

NodeId id(const Json& pair) {
  return {pair.at(0).get<int>(), pair.at(1).get<int>()};
}
double moment(const Json& t) {
  return t.is_null() ? kForever : t.get<double>();
}

struct Change {
  double time;
  double amount;
  int order;  // what ends goes before what begins
  bool excused;
};

class Judge {
 public:
  Judge(const Json& result, const RefereeExceptions& exceptions)
      : result_(result), exceptions_(exceptions) {
    for (const Json& n : result.at("nodes")) {
      nodes_[{n.at("id").get<int>(), n.at("sub_id").get<int>()}] = &n;
    }
    for (const Json& s : result.at("residency")) {
      stays_[base(s.at("tensor").get<std::string>())].push_back(&s);
    }
    for (const Json& b : result.at("blocks")) {
      ++blocks_of_[id(b.at("node"))];
    }
  }

  std::vector<Violation> run() {
    dependencies();
    exclusivity();
    transfers();
    links();
    memories();
    latency();
    energy();
    return std::move(violations_);
  }

 private:
  void object(Rule rule, const std::string& text) { violations_.push_back({rule, text}); }

  // A part of a tensor counts as the tensor.
  static std::string base(const std::string& label) {
    const std::size_t ranges = label.find("] ");
    return ranges == std::string::npos ? label : label.substr(0, ranges + 1);
  }

  bool on_core(const Json& stay, int core) const {
    const Json& memory = result_.at("memory").at(stay.at("memory").get<std::size_t>());
    if (!memory.contains("cores")) return memory.at("core").get<int>() == core;
    const auto cores = memory.at("cores").get<std::vector<int>>();
    return std::find(cores.begin(), cores.end(), core) != cores.end();
  }

  bool there_at(const std::string& tensor, int core, double time) const {
    return there_during(tensor, core, time, time);
  }

  bool there_during(const std::string& tensor, int core, double start, double end) const {
    const auto stays = stays_.find(base(tensor));
    if (stays == stays_.end()) return false;
    return std::any_of(stays->second.begin(), stays->second.end(), [&](const Json* s) {
      return on_core(*s, core) && moment(s->at("available")) <= start &&
             end <= moment(s->at("removed"));
    });
  }

  bool anywhere_during(const std::string& tensor, double start, double end) const {
    const auto stays = stays_.find(base(tensor));
    if (stays == stays_.end()) return false;
    return std::any_of(stays->second.begin(), stays->second.end(), [&](const Json* s) {
      return moment(s->at("available")) <= start && end <= moment(s->at("removed"));
    });
  }

  // An eviction may later take the data away under a transfer that is already planned.
  bool arrived(const std::string& tensor, int core, double time) const {
    const auto stays = stays_.find(base(tensor));
    if (stays == stays_.end()) return false;
    return std::any_of(stays->second.begin(), stays->second.end(), [&](const Json* s) {
      return on_core(*s, core) && moment(s->at("available")) <= time;
    });
  }

  void dependencies() {
    for (const Json& e : result_.at("edges")) {
      const Json& from = *nodes_.at(id(e.at("from")));
      const Json& to = *nodes_.at(id(e.at("to")));
      const double start = to.at("start");
      const std::string text = e.dump();
      if (from.at("end").get<double>() > start) object(Rule::dependency, "too early: " + text);
      if (e.at("operand").is_null()) continue;
      const std::string tensor = from.at("layer").get<std::string>() + ".O[" +
                                 std::to_string(from.at("sub_id").get<int>()) + "]";
      // Nodes that add to the same elements share the tensor of the first of them.
      if (stays_.count(tensor) == 0) continue;
      // A node that streams reads some operands past its core's memory.
      if (blocks_of_.count(id(e.at("to"))) > 0) {
        if (!exceptions_.evicted_while_read && !anywhere_during(tensor, start, to.at("end"))) {
          object(Rule::dependency, "nowhere while it is streamed: " + tensor + " for " + text);
        }
        continue;
      }
      if (!there_at(tensor, to.at("core"), start)) {
        object(Rule::dependency, "not there: " + tensor + " for " + text);
      } else if (!exceptions_.evicted_while_read &&
                 !there_during(tensor, to.at("core"), start, to.at("end"))) {
        object(Rule::dependency, "does not stay: " + tensor + " for " + text);
      }
    }
  }

  void exclusivity() {
    std::map<int, std::vector<std::tuple<double, double, NodeId>>> cores;
    for (const auto& [key, n] : nodes_) {
      cores[n->at("core").get<int>()].emplace_back(n->at("start").get<double>(),
                                                   n->at("end").get<double>(), key);
    }
    for (auto& [core, runs] : cores) {
      std::sort(runs.begin(), runs.end());
      for (std::size_t i = 1; i < runs.size(); ++i) {
        if (std::get<0>(runs[i]) < std::get<1>(runs[i - 1])) {
          object(Rule::exclusivity,
                 "core " + std::to_string(core) + " at " + std::to_string(std::get<0>(runs[i])));
        }
      }
    }
  }

  void transfers() {
    for (const Json& t : result_.at("transfers")) {
      const double start = t.at("start"), end = t.at("end");
      if (!arrived(t.at("tensor"), t.at("from"), start)) {
        object(Rule::sender, "not at the sender: " + t.dump());
      }
      for (const Json& b : t.at("bandwidth")) {
        if (!b.is_null() && t.at("bits").get<double>() > b.get<double>() * (end - start)) {
          object(Rule::duration, "too fast: " + t.dump());
        }
      }
      const std::string cause = t.at("cause");
      if ((cause == "eviction" || cause == "output") && !exceptions_.write_backs_ahead &&
          start < t.at("decided").get<double>()) {
        object(Rule::causality, "before its decision: " + t.dump());
      }
    }
  }

  // Sweeps over changes; the largest excess outside of what is excused.
  void sweep(Rule rule, const std::string& what, std::vector<Change> changes, double capacity) {
    std::sort(changes.begin(), changes.end(), [](const Change& a, const Change& b) {
      return std::tie(a.time, a.order) < std::tie(b.time, b.order);
    });
    double used = 0;
    int excuses = 0;
    for (std::size_t i = 0; i < changes.size(); ++i) {
      used += changes[i].amount;
      if (changes[i].excused) excuses += changes[i].order == 1 ? 1 : -1;
      if (i + 1 < changes.size() && changes[i + 1].time == changes[i].time) continue;
      if (used > capacity && excuses == 0) {
        object(rule, what + " holds " + std::to_string(used) + " of " + std::to_string(capacity) +
                         " at " + std::to_string(changes[i].time));
        return;
      }
    }
  }

  static void add(std::vector<Change>& changes, double begin, double end, double amount,
                  bool excused) {
    if (!(begin < end)) return;
    changes.push_back({begin, amount, 1, excused});
    if (end < kForever) changes.push_back({end, -amount, 0, excused});
  }

  // The same data going over a link at the same moment go once, however many receive them.
  void links() {
    const Json& all = result_.at("links");
    std::vector<std::vector<Change>> changes(all.size());
    std::set<std::tuple<std::size_t, std::string, double>> seen;
    for (const Json& t : result_.at("transfers")) {
      for (std::size_t l = 0; l < t.at("links").size(); ++l) {
        const std::size_t link = t.at("links").at(l);
        if (!seen.insert({link, t.at("tensor"), t.at("start")}).second) continue;
        if (t.at("bandwidth").at(l).is_null()) continue;
        add(changes[link], t.at("start"), t.at("end"), t.at("bandwidth").at(l), false);
      }
    }
    std::map<std::pair<NodeId, std::size_t>, double> demand;
    for (const Json& b : result_.at("blocks")) {
      demand[{id(b.at("node")), b.at("link").get<std::size_t>()}] +=
          b.at("bandwidth").get<double>();
    }
    for (const Json& b : result_.at("blocks")) {
      const std::size_t link = b.at("link");
      if (!seen.insert({link, b.at("tensor"), b.at("start")}).second) continue;
      const bool too_much =
          demand.at({id(b.at("node")), link}) > moment(all.at(link).at("bandwidth"));
      add(changes[link], b.at("start"), b.at("end"), b.at("bandwidth"),
          too_much && exceptions_.oversubscribed_streams);
    }
    for (std::size_t l = 0; l < all.size(); ++l) {
      sweep(Rule::link, "link " + std::to_string(l), std::move(changes[l]),
            moment(all.at(l).at("bandwidth")));
    }
  }

  // Times of memories are whole cycles, as those of their profiles.
  void memories() {
    const Json& all = result_.at("memory");
    std::vector<std::vector<Change>> changes(all.size());
    for (const Json& s : result_.at("residency")) {
      const bool excused = s.at("unchecked").get<bool>() && exceptions_.unchecked_storing;
      add(changes[s.at("memory").get<std::size_t>()], std::trunc(moment(s.at("stored"))),
          std::trunc(moment(s.at("removed"))), s.at("bits"), excused);
    }
    for (std::size_t m = 0; m < all.size(); ++m) {
      sweep(Rule::memory, "memory " + std::to_string(m), std::move(changes[m]),
            all.at(m).at("capacity"));
    }
  }

  void latency() {
    double last = 0;
    for (const Json& n : result_.at("nodes")) last = std::max(last, n.at("end").get<double>());
    for (const Json& t : result_.at("transfers")) {
      if (t.at("fresh").get<bool>()) last = std::max(last, t.at("end").get<double>());
    }
    if (last != result_.at("latency").get<double>()) object(Rule::latency, std::to_string(last));
  }

  void expect_sum(const std::string& what, double sum, double stated) {
    if (std::abs(sum - stated) > 1e-9 * std::max(std::abs(sum), 1.0)) {
      object(Rule::energy,
             what + ": " + std::to_string(sum) + " is stated as " + std::to_string(stated));
    }
  }

  // The memory of a core that serves an operand.
  const Json& memory_for(int core, const std::string& operand) const {
    for (const Json& m : result_.at("memory")) {
      const auto cores = m.contains("cores") ? m.at("cores").get<std::vector<int>>()
                                             : std::vector<int>{m.at("core").get<int>()};
      if (std::find(cores.begin(), cores.end(), core) == cores.end()) continue;
      for (const Json& o : m.at("operands")) {
        if (o == operand) return m;
      }
    }
    throw std::runtime_error("no memory for " + operand);
  }

  static double access(const Json& memory, const char* cost, double bits) {
    const double narrow = memory.at("port").at(0), wide = memory.at("port").at(1);
    return memory.at(cost).get<double>() * narrow / wide * std::ceil(bits / narrow);
  }

  void energy() {
    double nodes = 0, offchip = 0;
    for (const Json& n : result_.at("nodes")) {
      nodes += n.at("energy").get<double>();
      offchip += n.value("offchip_energy", 0.0);
    }
    const Json& stated = result_.at("energy");
    expect_sum("nodes", nodes, stated.at("nodes_onchip"));
    std::map<std::string, std::pair<double, double>> causes;
    causes["offchip"].second = offchip;
    std::set<std::tuple<std::size_t, std::string, double>> seen;
    for (const Json& t : result_.at("transfers")) {
      const double bits = t.at("bits");
      double link_energy = 0;
      for (const std::size_t l : t.at("links")) {
        if (bits == 0 || !seen.insert({l, t.at("tensor"), t.at("start")}).second) continue;
        const Json& link = result_.at("links").at(l);
        link_energy += (t.at("end").get<double>() - t.at("start").get<double>()) *
                           link.at("unit_energy_cost").get<double>() * t.at("share").get<double>() +
                       bits * link.at("unit_energy_per_bit").get<double>();
      }
      expect_sum("link energy of " + t.dump(), link_energy, t.at("link_energy"));
      if (bits > 0) {
        const std::string own = operand_of(t.at("tensor"));
        const double memory = access(memory_for(t.at("from"), own), "read_cost", bits) +
                              access(memory_for(t.at("to"), t.at("operand")), "write_cost", bits);
        expect_sum("memory energy of " + t.dump(), memory, t.at("memory_energy"));
      }
      expect_sum("energy of " + t.dump(),
                 t.at("link_energy").get<double>() + t.at("memory_energy").get<double>(),
                 t.at("energy"));
      auto& [link, memory] = causes[t.at("cause")];
      link += t.at("link_energy").get<double>();
      memory += t.at("memory_energy").get<double>();
    }
    double total = nodes;
    for (const auto& [cause, parts] : causes) {
      expect_sum(cause + " links", parts.first, stated.at("by_cause").at(cause).at("link"));
      expect_sum(cause + " memories", parts.second, stated.at("by_cause").at(cause).at("memory"));
      total += parts.first + parts.second;
    }
    expect_sum("total", total, stated.at("total"));
    double five = 0;
    for (const char* part : {"compute", "memory", "link", "offchip_link", "offchip_memory"}) {
      five += stated.at(part).get<double>();
    }
    expect_sum("the five parts", five, stated.at("total"));
  }

  // W is stored under I2, I under I1, O under O.
  static std::string operand_of(const std::string& label) {
    const std::string name = base(label);
    const char letter = name[name.rfind('.') + 1];
    return letter == 'W' ? "I2" : letter == 'I' ? "I1" : "O";
  }

  const Json& result_;
  const RefereeExceptions& exceptions_;
  std::map<NodeId, const Json*> nodes_;
  std::map<std::string, std::vector<const Json*>> stays_;
  std::map<NodeId, int> blocks_of_;
  std::vector<Violation> violations_;
};

}  // namespace

std::vector<Violation> judge(const Json& result, const RefereeExceptions& exceptions) {
  return Judge(result, exceptions).run();
}

std::set<Rule> rules(const std::vector<Violation>& violations) {
  std::set<Rule> all;
  for (const Violation& v : violations) all.insert(v.rule);
  return all;
}

}  // namespace ridgeline::testing
