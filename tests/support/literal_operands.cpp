#include "tests/support/literal_parts.hpp"

#include <algorithm>
#include <cmath>
#include <cstdio>
#include <cstdlib>
#include <map>
#include <numeric>
#include <optional>

namespace ridgeline::testing::literal {

namespace {

double tr(double x) {
  return std::trunc(x);
}
double rne(double x) {
  return std::nearbyint(x);
}
double rne3(double x) {
  char text[400];
  std::snprintf(text, sizeof text, "%.3f", x);
  return std::strtod(text, nullptr);
}

// A loop after decoupling: of a relevant, an irrelevant or another (pr or neutral) kind.
enum class Kind { r, ir, neutral };
struct Part {
  Kind kind;
  double size;
};
using Parts = std::vector<std::vector<Part>>;

Classes classes_of(const model::Layer& layer, int o) {
  Classes classes;
  std::set<int> related;
  for (const auto& relation : layer.relations) {
    related.insert(relation.dim.begin(), relation.dim.end());
  }
  std::set<int> named;
  for (const auto& index : layer.operands[z(o)].indices) {
    if (index.is_relation) {
      classes.pr = true;
    } else {
      named.insert(index.index);
    }
  }
  for (const auto& index : layer.operands[z(o)].indices) {
    if (index.is_relation) continue;
    const bool one = layer.dims[z(index.index)].size == 1;
    if (classes.pr ? related.count(index.index) == 0 : !one) classes.r.push_back(index.index);
  }
  for (int d = 0; d < static_cast<int>(layer.dims.size()); ++d) {
    if (named.count(d) > 0 || layer.dims[z(d)].size == 1) continue;
    if (classes.pr && related.count(d) > 0) continue;
    classes.ir.insert(d);
  }
  return classes;
}

double sigma(const model::DimRelation& relation, double a, double b) {
  const auto c1 = relation.coefficient[0];
  const auto c2 = relation.coefficient[1];
  const auto g = std::gcd(c1, c2);
  return a * b - std::max(0.0, b - static_cast<double>(c1 / g)) * (a - static_cast<double>(c2 / g));
}

double largest_extent(const model::Layer& layer, const model::DimRelation& relation) {
  if (relation.given_size) return static_cast<double>(*relation.given_size);
  const double all = sigma(relation, static_cast<double>(layer.dims[z(relation.dim[0])].size),
                           static_cast<double>(layer.dims[z(relation.dim[1])].size));
  return tr(all - static_cast<double>(relation.padding_begin + relation.padding_end));
}

}  // namespace

double extent(const model::Layer& layer, const model::DimRelation& relation, double e1, double e2) {
  return std::min(largest_extent(layer, relation), sigma(relation, tr(e1), tr(e2)));
}

// ---- 2.2: levels

std::vector<int> topological_order(const model::Accelerator& accelerator) {
  const auto& memories = accelerator.memories;
  const int n = static_cast<int>(memories.size());
  std::vector<int> rank(z(n), 0);
  std::vector<std::set<int>> after(z(n));
  std::vector<std::set<int>> before(z(n));
  for (int m = 0; m < n; ++m) {
    for (const MemoryOperand x : memories[z(m)].operands) {
      int level = 0;
      int highest = -1;
      const auto stores = [&](int k) {
        return std::count(memories[z(k)].operands.begin(), memories[z(k)].operands.end(), x) > 0;
      };
      for (int k = 0; k < m; ++k) {
        if (!stores(k)) continue;
        ++level;
        highest = std::max(highest, rank[z(k)]);
      }
      rank[z(m)] = std::max(rank[z(m)], level);
      for (int k = 0; k < m; ++k) {
        if (stores(k) && rank[z(k)] == highest) {
          after[z(k)].insert(m);
          before[z(m)].insert(k);
        }
      }
    }
  }
  std::vector<int> order;
  std::vector<int> generation;
  std::vector<std::size_t> missing(z(n));
  for (int m = 0; m < n; ++m) {
    missing[z(m)] = before[z(m)].size();
    if (missing[z(m)] == 0) generation.push_back(m);
  }
  while (!generation.empty()) {
    std::vector<int> next;
    for (const int m : generation) {
      order.push_back(m);
      for (const int k : after[z(m)]) {
        if (--missing[z(k)] == 0) next.push_back(k);
      }
    }
    generation = next;
  }
  return order;
}

// Functions of each port of a memory.
std::vector<std::vector<Function>> port_functions(const model::Memory& memory) {
  std::vector<std::vector<Function>> result(memory.ports.size());
  for (const MemoryOperand x : memory.operands) {
    std::vector<int> directions;
    std::map<int, std::size_t> port;
    for (std::size_t p = 0; p < memory.ports.size(); ++p) {
      for (const auto& [operand, direction] : memory.ports[p].allocation) {
        if (operand != x) continue;
        const int d = static_cast<int>(direction);
        if (port.count(d) == 0) directions.push_back(d);
        port[d] = p;
      }
    }
    for (const int d : directions) result[port[d]].push_back({x, d});
  }
  return result;
}

namespace {

// ---- 3.1, 3.2: the spatial mapping and its levels

std::vector<Loops> converted(const model::Layer& layer, const model::Accelerator& accelerator,
                             const model::SpatialMapping& spatial, bool real) {
  std::vector<Loops> result;
  for (std::size_t place = 0; place < spatial.size(); ++place) {
    Loops loops;
    for (const auto& loop : spatial[place].loops) {
      double u = static_cast<double>(
          std::min(loop.factor, accelerator.array.dims[z(spatial[place].array_dim)].size));
      std::int64_t largest = 0;
      for (const auto& other : spatial) {
        for (const auto& l : other.loops) {
          if (l.dim == loop.dim) largest = std::max(largest, l.factor);
        }
      }
      std::size_t first = spatial.size();
      for (std::size_t other = 0; other < spatial.size() && first == spatial.size(); ++other) {
        for (const auto& l : spatial[other].loops) {
          if (l.dim == loop.dim && l.factor == largest) first = other;
        }
      }
      if (first == place) {
        double e = 1;
        for (const Loops& earlier : result) {
          for (const Loop& l : earlier) {
            if (l.dim == loop.dim) e *= l.size;
          }
        }
        const double n = static_cast<double>(layer.dims[z(loop.dim)].size);
        const double tau = std::ceil(n / (u * e));
        u = (n / tau) / e;
        if (!real) u = tr(u);
      }
      loops.push_back({loop.dim, u});
    }
    result.push_back(loops);
  }
  return result;
}

// In which order the dimensions that a level serves are looked at (places of D1 to D4).
std::vector<int> served_order(std::vector<int> served) {
  std::sort(served.begin(), served.end());
  static const std::map<std::vector<int>, std::vector<int>> orders = {
      {{1, 2}, {2, 1}},
      {{1, 3}, {3, 1}},
      {{0, 2, 3}, {0, 3, 2}},
      {{1, 2, 3}, {2, 1, 3}},
      {{0, 1, 2, 3}, {0, 1, 3, 2}},
  };
  const auto found = orders.find(served);
  return found == orders.end() ? served : found->second;
}

void merge_into(Loops& list, const Loops& more) {
  for (const Loop& loop : more) {
    const auto same =
        std::find_if(list.begin(), list.end(), [&](const Loop& l) { return l.dim == loop.dim; });
    if (same == list.end()) {
      list.push_back(loop);
    } else {
      same->size *= loop.size;
    }
  }
}

// S[0..M] of an operand whose levels are these memories.
Levels attributed(const model::Accelerator& accelerator, const model::SpatialMapping& spatial,
                  const std::vector<Loops>& loops, const std::vector<int>& memories) {
  std::vector<bool> left(spatial.size(), true);
  Levels result;
  for (const int m : memories) {
    Loops list;
    for (const int d : served_order(accelerator.memories[z(m)].served_dims)) {
      for (std::size_t place = 0; place < spatial.size(); ++place) {
        if (spatial[place].array_dim != d || !left[place]) continue;
        merge_into(list, loops[place]);
        left[place] = false;
      }
    }
    result.push_back(list);
  }
  Loops rest;
  for (std::size_t place = 0; place < spatial.size(); ++place) {
    if (left[place]) merge_into(rest, loops[place]);
  }
  result.push_back(rest);
  return result;
}

// ---- 3.3

Parts decoupled(const model::Layer& layer, const Classes& classes, const Levels& levels) {
  const std::size_t relations = layer.relations.size();
  std::vector<double> e1(relations, 1);
  std::vector<double> e2(relations, 1);
  std::vector<double> r_before(relations, 1);
  std::vector<double> q_before(relations, 1);
  Parts result;
  for (const Loops& loops : levels) {
    std::vector<Part> list;
    for (const Loop& loop : loops) {
      bool related = false;
      for (std::size_t i = 0; i < relations && classes.pr && !related; ++i) {
        const auto& relation = layer.relations[i];
        if (relation.dim[0] != loop.dim && relation.dim[1] != loop.dim) continue;
        related = true;
        (relation.dim[0] == loop.dim ? e1[i] : e2[i]) *= loop.size;
        const double r = extent(layer, relation, e1[i], e2[i]);
        const double q = (e1[i] * e2[i]) / r;
        list.push_back({Kind::r, r / r_before[i]});
        list.push_back({Kind::ir, q / q_before[i]});
        r_before[i] = r;
        q_before[i] = q;
      }
      if (related) continue;
      const bool r = std::count(classes.r.begin(), classes.r.end(), loop.dim) > 0;
      const bool ir = classes.ir.count(loop.dim) > 0;
      list.push_back({r ? Kind::r : ir ? Kind::ir : Kind::neutral, loop.size});
    }
    result.push_back(list);
  }
  return result;
}

double product(const std::vector<Part>& parts, std::optional<Kind> kind) {
  double result = 1;
  for (const Part& part : parts) {
    if (!kind || part.kind == *kind) result *= part.size;
  }
  return result;
}

void count_units(const model::Layer& layer, const Operand& operand, Version& version) {
  const Parts parts = decoupled(layer, operand.classes, version.s);
  const int top = static_cast<int>(operand.memories.size());
  std::vector<double> rho;
  std::vector<double> tau;
  for (const auto& level : parts) {
    rho.push_back(product(level, Kind::r));
    tau.push_back(product(level, {}));
  }
  for (int a = 0; a <= top; ++a) {
    double total = 1;
    double unique = 1;
    for (int b = a; b <= top; ++b) {
      total *= tau[z(b)];
      unique *= rho[z(b)];
    }
    version.u.push_back(rne(rne3(total)));
    version.y.push_back(unique);
  }
  for (int a = 0; a < top; ++a) version.b.push_back(rne(version.y[z(a)] / version.y[z(a + 1)]));
  version.b.push_back(1);
}

}  // namespace

// 4.2 to 4.4
void settle_temporal(Operand& operand) {
  Levels& l = operand.l;
  l = operand.allocated;
  const auto irrelevant = [&](const Loop& loop) { return operand.classes.ir.count(loop.dim) > 0; };
  for (bool moved = true; moved;) {
    moved = false;
    for (std::size_t m = 1; m < l.size(); ++m) {
      if (l[m].empty() || !irrelevant(l[m].front())) continue;
      l[m - 1].push_back(l[m].front());
      l[m].erase(l[m].begin());
      moved = true;
    }
  }
  double kappa = 1;
  for (const Loop& loop : l[0]) {
    if (!irrelevant(loop)) break;
    kappa *= loop.size;
  }
  std::vector<double> c;
  double all = 1;
  for (const Loops& loops : l) {
    for (const Loop& loop : loops) all *= loop.size;
    c.push_back(all);
  }
  operand.pi.push_back(operand.output ? 1 : kappa);
  operand.pi.insert(operand.pi.end(), c.begin(), c.end());
  for (const double period : operand.pi) operand.n.push_back(std::floor(all / period));
  operand.topr.push_back(1);
  operand.topir.push_back(1);
  const auto outer_run = [&](const Loops& loops, const auto& belongs) {
    double run = 1;
    for (auto it = loops.rbegin(); it != loops.rend() && belongs(*it); ++it) run *= it->size;
    return run;
  };
  for (const Loops& loops : l) {
    operand.topr.push_back(outer_run(loops, [&](const Loop& loop) {
      return std::count(operand.classes.r.begin(), operand.classes.r.end(), loop.dim) > 0;
    }));
    operand.topir.push_back(outer_run(loops, irrelevant));
  }
}

// 4.5 to 4.7
void settle_data(const model::Layer& layer, const Operand& operand, Version& version) {
  const int top = static_cast<int>(operand.memories.size());
  Levels g;
  Levels h{{}};
  for (int a = 0; a <= top; ++a) {
    Loops loops;
    if (a > 0) loops = operand.l[z(a - 1)];
    Loops below = loops;
    loops.insert(loops.end(), version.s[z(a)].begin(), version.s[z(a)].end());
    g.push_back(loops);
    if (a == 0) continue;
    below.insert(below.end(), version.s[z(a - 1)].begin(), version.s[z(a - 1)].end());
    h.push_back(below);
  }
  const Parts g_parts = decoupled(layer, operand.classes, g);
  const Parts h_parts = decoupled(layer, operand.classes, h);
  std::vector<bool> has;
  for (const auto& level : g_parts) {
    has.push_back(std::any_of(level.begin(), level.end(), [](const Part& part) {
      return part.kind == Kind::ir && part.size > 1;
    }));
  }
  for (int a = 0; a <= top; ++a) {
    bool psi = false;
    for (int b = a + 1; b <= top; ++b) psi = psi || has[z(b)];
    version.psi.push_back(operand.output && psi);
    version.p.push_back(operand.output && !psi ? operand.final_precision : operand.precision);
    double e = 1;
    for (int b = 0; b <= a; ++b) e *= product(h_parts[z(b)], Kind::r);
    version.e.push_back(rne(e));
    double omega = 1;
    for (int b = a; b <= top; ++b) omega *= product(g_parts[z(b)], Kind::ir);
    version.omega.push_back(omega);
  }
  version.omega.push_back(1);
  version.omega.push_back(1);
}

// ---- 4.8, 4.10: one link

Link link_of(const Operand& operand, const Version& v, int m, int direction) {
  const bool top = m + 1 == static_cast<int>(operand.memories.size());
  const bool low = direction == kTl || direction == kFl;
  const int a = low ? m : m + 1;
  bool active = true;
  if (!operand.output) active = direction == kTl || direction == kFh;
  if (operand.output && (direction == kTl || direction == kFh)) active = v.psi[z(a)];
  if (top && !low) active = false;
  if (!active) return {};
  Link link;
  link.q = low ? v.e[z(m)] * v.b[z(m)] : v.e[z(m + 1)];
  link.period = operand.pi[z(a)];
  link.n = operand.n[z(a)];
  link.bandwidth = low ? tr(((v.e[z(m)] * v.p[z(m)]) / operand.pi[z(m)]) * v.b[z(m)])
                       : tr((v.e[z(m + 1)] * v.p[z(m + 1)]) / operand.pi[z(m + 1)]);
  link.window = tr(operand.pi[z(a)] / operand.topir[z(a)]);
  if (!operand.output) {
    link.p = operand.precision;
    return link;
  }
  const double moves = tr(operand.elements * (v.omega[z(low ? m + 1 : m + 2)] - 1));
  if (direction == kFl || direction == kTh) {
    link.p = moves != 0 ? operand.precision : operand.final_precision;
  } else {
    link.p = moves != 0 ? operand.precision : 0;
  }
  return link;
}

std::vector<Operand> operands_of(const model::Layer& layer, const model::Accelerator& accelerator,
                                 const model::MappingEntry& links,
                                 const model::SpatialMapping& spatial) {
  const std::vector<int> order = topological_order(accelerator);
  std::vector<Operand> operands;
  for (int o = 0; o < static_cast<int>(layer.operands.size()); ++o) {
    Operand operand;
    operand.memory_operand = *links.link(layer.operands[z(o)].name);
    operand.classes = classes_of(layer, o);
    operand.output = o == 0;
    operand.precision = static_cast<double>(layer.operands[z(o)].precision);
    operand.final_precision =
        o == 0 ? static_cast<double>(layer.output_final_precision) : operand.precision;
    operand.elements = 1;
    for (const int d : operand.classes.r) {
      operand.elements *= static_cast<double>(layer.dims[z(d)].size);
    }
    for (const auto& relation : layer.relations) {
      if (!operand.classes.pr) break;
      operand.elements *=
          extent(layer, relation, static_cast<double>(layer.dims[z(relation.dim[0])].size),
                 static_cast<double>(layer.dims[z(relation.dim[1])].size));
    }
    for (const int m : order) {
      const auto& stored = accelerator.memories[z(m)].operands;
      if (std::count(stored.begin(), stored.end(), operand.memory_operand) > 0) {
        operand.memories.push_back(m);
      }
    }
    for (const bool real : {true, false}) {
      Version& version = real ? operand.real : operand.integer;
      version.s = attributed(accelerator, spatial, converted(layer, accelerator, spatial, real),
                             operand.memories);
      count_units(layer, operand, version);
    }
    operands.push_back(std::move(operand));
  }
  return operands;
}

}  // namespace ridgeline::testing::literal
