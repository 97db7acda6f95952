#include "tests/support/literal_model.hpp"

#include <algorithm>
#include <cmath>
#include <map>
#include <numeric>

#include "tests/support/literal_parts.hpp"

namespace ridgeline::testing::literal {

namespace {

double tr(double x) {
  return std::trunc(x);
}

// ---- 6: latency

struct PortLink {
  double r = 0;
  double a = 0;
  double period = 0;
  double n = 0;
};

// 6.5; the closed form, and for short periods every cycle looked at.
double window_union(const std::vector<PortLink>& links) {
  for (const PortLink& link : links) {
    if (link.period == link.a) return link.period * link.n;
  }
  const PortLink* longest = &links.front();
  for (const PortLink& link : links) {
    if (link.period > longest->period) longest = &link;
  }
  if (longest->period <= 512) {
    double covered = 0;
    for (double cycle = 0; cycle < longest->period; ++cycle) {
      covered += std::any_of(links.begin(), links.end(), [&](const PortLink& link) {
        return std::fmod(cycle, link.period) < link.a;
      });
    }
    return covered * longest->n;
  }
  std::vector<PortLink> sorted = links;
  std::stable_sort(sorted.begin(), sorted.end(),
                   [](const PortLink& x, const PortLink& y) { return x.period < y.period; });
  struct Covered {
    const std::vector<PortLink>& links;
    double f(std::size_t k, double x) const {
      if (k == 0) return 0;
      const double period = links[k - 1].period;
      return std::floor(x / period) * g(k, period) + g(k, std::fmod(x, period));
    }
    double g(std::size_t k, double y) const {
      const double a = links[k - 1].a;
      if (y <= a) return y;
      return a + f(k - 1, y) - f(k - 1, a);
    }
  };
  return Covered{sorted}.f(sorted.size(), sorted.back().period) * longest->n;
}

// 6.7
void level_out(std::vector<double>& c, const std::vector<double>& f, double s) {
  if (s <= 0 || c.empty()) return;
  std::vector<std::size_t> order(c.size());
  std::iota(order.begin(), order.end(), 0);
  std::stable_sort(order.begin(), order.end(),
                   [&](std::size_t x, std::size_t y) { return c[x] > c[y]; });
  for (std::size_t i = 1; i <= order.size(); ++i) {
    const std::size_t current = order[i - 1];
    const double delta = c[current] - f[current];
    const double cost = delta * static_cast<double>(i);
    if (s >= cost) {
      for (std::size_t j = 0; j < i; ++j) c[order[j]] -= delta;
      s -= cost;
    } else {
      for (std::size_t j = 0; j < i; ++j) c[order[j]] -= s / static_cast<double>(i);
      return;
    }
  }
}

}  // namespace

std::vector<double> temporal_sizes(const model::Layer& layer, const model::Accelerator& accelerator,
                                   const model::MappingEntry& links,
                                   const model::SpatialMapping& spatial) {
  const std::vector<Operand> operands = operands_of(layer, accelerator, links, spatial);
  std::vector<double> tau;
  for (const auto& dim : layer.dims) tau.push_back(static_cast<double>(dim.size));
  for (const Loops& level : operands[1].real.s) {
    for (const Loop& loop : level) {
      double& size = tau[z(loop.dim)];
      if (size != 1) size = std::ceil(size / loop.size);
    }
  }
  return tau;
}

std::optional<Result> evaluate(const model::Layer& layer, const model::Accelerator& accelerator,
                               const model::MappingEntry& links,
                               const model::SpatialMapping& spatial,
                               const std::vector<model::TemporalLoop>& temporal, bool even) {
  std::vector<Operand> operands = operands_of(layer, accelerator, links, spatial);
  Loops loops;
  for (const auto& loop : temporal) loops.push_back({loop.dim, static_cast<double>(loop.size)});
  if (!allocate(layer, accelerator, topological_order(accelerator), operands, loops, even)) {
    return {};
  }
  for (Operand& operand : operands) {
    settle_temporal(operand);
    settle_data(layer, operand, operand.real);
    settle_data(layer, operand, operand.integer);
  }
  double macs = 1;
  for (const auto& dim : layer.dims) macs *= static_cast<double>(dim.size);
  const double t = operands[0].pi.back();

  Result result;
  result.operands.resize(operands.size());
  const auto bandwidths = [&](const Operand& operand, int m, int direction) {
    const model::Memory& memory = accelerator.memories[z(operand.memories[z(m)])];
    const auto functions = port_functions(memory);
    for (std::size_t p = 0; p < functions.size(); ++p) {
      for (const Function& f : functions[p]) {
        if (f.operand == operand.memory_operand && f.direction == direction) {
          return std::pair<double, double>(memory.ports[p].bandwidth_min,
                                           memory.ports[p].bandwidth_max);
        }
      }
    }
    return std::pair<double, double>(0, 0);
  };

  // 4.11, 5
  for (std::size_t o = 0; o < operands.size(); ++o) {
    const Operand& operand = operands[o];
    for (int m = 0; m < static_cast<int>(operand.memories.size()); ++m) {
      LevelResult level;
      level.loops = static_cast<int>(operand.allocated[z(m)].size());
      for (int d = 0; d < model::kDirections; ++d) {
        const Link link = link_of(operand, operand.real, m, d);
        if (link.q == 0 || link.p == 0) continue;
        const auto [least, most] = bandwidths(operand, m, d);
        level.accesses[z(d)] = tr(std::ceil((link.q * link.p) / least) * (least / most) * link.n *
                                  operand.real.u[z(m + 1)]);
      }
      const double r = accelerator.memories[z(operand.memories[z(m)])].r_cost;
      const double w = accelerator.memories[z(operand.memories[z(m)])].w_cost;
      level.energy = (level.accesses[z(kTh)] * r + level.accesses[z(kTl)] * r) +
                     (level.accesses[z(kFh)] * w + level.accesses[z(kFl)] * w);
      result.memory_energy += level.energy;
      level.elements = operand.real.e[z(m + 1)];
      level.elements_in_cycles = operand.integer.e[z(m + 1)];
      result.operands[o].push_back(level);
    }
  }
  result.energy = result.memory_energy + accelerator.array.unit_energy * macs;

  // 6.1, 6.2
  std::vector<std::vector<double>> own(operands.size());
  std::vector<std::vector<double>> shared(operands.size());
  const auto in_memory = [&](int memory) {
    std::vector<std::pair<std::size_t, std::size_t>> group;  // operand, level
    for (const MemoryOperand x : accelerator.memories[z(memory)].operands) {
      for (std::size_t o = 0; o < operands.size(); ++o) {
        if (operands[o].memory_operand != x) continue;
        for (std::size_t m = 0; m < operands[o].memories.size(); ++m) {
          if (operands[o].memories[m] == memory) group.emplace_back(o, m);
        }
      }
    }
    return group;
  };
  for (std::size_t o = 0; o < operands.size(); ++o) {
    const Operand& operand = operands[o];
    for (std::size_t m = 0; m < operand.memories.size(); ++m) {
      const double size = static_cast<double>(accelerator.memories[z(operand.memories[m])].size);
      const double v = operand.real.e[m + 1] * operand.real.p[m + 1];
      const double effective = std::floor(v / operand.topr[m + 1]);
      result.operands[o][m].utilization = v / size;
      result.operands[o][m].effective_utilization = effective / size;
      own[o].push_back(effective / size);
    }
  }
  for (std::size_t o = 0; o < operands.size(); ++o) {
    for (std::size_t m = 0; m < operands[o].memories.size(); ++m) {
      double sum = 0;
      for (const auto& [other, level] : in_memory(operands[o].memories[m])) {
        sum += own[other][level];
      }
      shared[o].push_back(sum);
    }
  }
  std::vector<std::vector<bool>> delta(operands.size());
  for (std::size_t o = 0; o < operands.size(); ++o) {
    delta[o].push_back(false);
    for (std::size_t m = 0; m < operands[o].memories.size(); ++m) {
      const double used = shared[o][m];
      bool flag = used <= 0.5;
      if (!flag && own[o][m] <= 1 - used) {
        flag = true;
        const auto group = in_memory(operands[o].memories[m]);
        if (group.size() > 1) {
          for (const auto& [other, level] : group) shared[other][level] += own[o][m];
        }
      }
      delta[o].push_back(flag);
      result.operands[o][m].double_buffer = flag;
    }
  }

  // 6.3, 6.4
  struct Active {
    std::size_t operand;
    int level;
    int direction;
    Link link;
    PortLink port;
  };
  struct Port {
    double bandwidth;
    bool input_shared;
    std::vector<Active> links;
  };
  std::vector<Port> ports;
  for (int k = 0; k < static_cast<int>(accelerator.memories.size()); ++k) {
    const model::Memory& memory = accelerator.memories[z(k)];
    const auto functions = port_functions(memory);
    for (std::size_t p = 0; p < functions.size(); ++p) {
      Port port{static_cast<double>(memory.ports[p].bandwidth_max), false, {}};
      bool first = false;
      bool second = false;
      for (const Function& f : functions[p]) {
        first = first || f.operand == MemoryOperand::I1;
        second = second || f.operand == MemoryOperand::I2;
        for (const auto& [o, m] : in_memory(k)) {
          if (operands[o].memory_operand != f.operand) continue;
          const Operand& operand = operands[o];
          const int level = static_cast<int>(m);
          const Link link = link_of(operand, operand.integer, level, f.direction);
          if (link.n == 0) continue;
          const bool low = f.direction == kTl || f.direction == kFl;
          PortLink entry;
          entry.a = std::ceil(delta[o][z(low ? level : level + 1)] ? link.period : link.window);
          entry.r = std::ceil((link.q * link.p) / port.bandwidth);
          entry.period = std::ceil(link.period);
          entry.n = link.n;
          port.links.push_back({o, level, f.direction, link, entry});
        }
      }
      port.input_shared = first && second;
      ports.push_back(std::move(port));
    }
  }
  for (const Port& port : ports) {
    if (port.links.empty()) continue;
    double positive = 0;
    double negative = 0;
    double muw = 0;
    std::vector<PortLink> used;
    for (const Active& active : port.links) {
      const double ss = (active.port.r - active.port.a) * (active.port.n - 1);
      (ss > 0 ? positive : negative) += ss;
      muw += active.port.a * (active.port.n - 1);
      used.push_back(active.port);
    }
    double ss = positive + negative;
    if (used.size() > 1) ss = positive + std::max(0.0, negative + muw - window_union(used));
    result.stall = std::max(result.stall, ss);
  }

  // 6.6
  std::map<std::array<int, 3>, std::pair<double, bool>> lambda;
  for (const Port& port : ports) {
    std::vector<const Active*> set1;
    double omega = 0;
    for (const Active& active : port.links) {
      const bool output = operands[active.operand].output;
      if (output && (active.direction == kTl || active.direction == kFh)) continue;
      const std::array<int, 3> key{static_cast<int>(active.operand), active.level,
                                   active.direction};
      if (active.link.n == 1) {
        set1.push_back(&active);
      } else {
        omega += std::ceil(active.link.bandwidth);
        lambda[key] = {active.port.r, port.input_shared};
      }
    }
    const double t_comp = t + result.stall;
    const double s = std::max(0.0, ((port.bandwidth - omega) / port.bandwidth) * t_comp);
    std::vector<double> c;
    std::vector<double> f;
    for (const Active* active : set1) {
      const Operand& operand = operands[active->operand];
      c.push_back(active->port.r);
      f.push_back(std::ceil((operand.integer.e[1] * operand.integer.p[1]) / port.bandwidth));
    }
    level_out(c, f, s);
    for (std::size_t i = 0; i < set1.size(); ++i) {
      lambda[{static_cast<int>(set1[i]->operand), set1[i]->level, set1[i]->direction}] = {
          c[i], port.input_shared};
    }
  }

  // 6.8
  std::array<double, 3> sh{};
  std::array<double, 3> half{};
  std::array<double, 3> ind{};
  for (int o = 1; o < static_cast<int>(operands.size()); ++o) {
    for (int m = 0; m + 1 < static_cast<int>(operands[z(o)].memories.size()); ++m) {
      const auto& [below, s1] = lambda.at({o, m, kFh});
      const auto& [above, s2] = lambda.at({o, m + 1, kTl});
      const double v = std::max(below, above);
      if (s1 && s2) {
        sh[z(o)] += v;
      } else if (!s1 && !s2) {
        ind[z(o)] += v;
      } else {
        half[z(o)] = v;
      }
    }
  }
  if (operands.size() == 2) {
    result.onload = ind[1];
  } else {
    const double option1 = sh[1] + std::max(sh[2] + half[2] + ind[2], half[1] + ind[1]);
    const double option2 = sh[2] + std::max(sh[1] + half[1] + ind[1], half[2] + ind[2]);
    result.onload = std::min(option1, option2);
  }
  for (int m = 0; m + 1 < static_cast<int>(operands[0].memories.size()); ++m) {
    result.offload += std::max(lambda.at({0, m, kTh}).first, lambda.at({0, m + 1, kFl}).first);
  }
  result.total0 = t + result.stall;
  result.total1 = t + result.stall + result.onload;
  result.total2 = t + result.stall + result.onload + result.offload;
  return result;
}

}  // namespace ridgeline::testing::literal
