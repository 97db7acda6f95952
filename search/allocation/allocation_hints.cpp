#include "search/allocation/allocation_hints.hpp"

#include <algorithm>
#include <limits>
#include <set>

#include "model/core/index.hpp"

namespace ridgeline::search {
namespace {

// Builds starts gene by gene, as places among the values.
class Starts {
 public:
  Starts(const GenomeSpace& space, const AllocationHints& hints) : space_(space), hints_(hints) {
    genes_ = hints.work.size();
    cores_ = hints.fixed_work.size();
  }

  std::vector<Genome> all() {
    least(hints_.work);
    least(hints_.energy);
    corner();
    least_product();
    list_schedule();
    balanced();
    // Pipelines: runs of slots in the order of the network, on as many cores as there are.
    for (std::size_t parts = 2; parts <= std::min<std::size_t>(cores_, 8); parts *= 2)
      pipeline(parts);
    for (std::size_t core = 0; core < cores_; ++core) on_one_core(static_cast<int>(core));
    return std::move(starts_);
  }

 private:
  const std::vector<int>& values(std::size_t gene) const {
    return space_.values[hints_.first + gene];
  }

  void keep(const std::vector<std::size_t>& places) {
    Genome genome;
    for (std::size_t g = 0; g < hints_.first; ++g)
      genome.push_back(space_.values[g][space_.values[g].size() / 2]);
    for (std::size_t g = 0; g < genes_; ++g) genome.push_back(values(g)[places[g]]);
    if (std::find(starts_.begin(), starts_.end(), genome) == starts_.end())
      starts_.push_back(std::move(genome));
  }

  void least(const std::vector<std::vector<double>>& cost) {
    std::vector<std::size_t> places;
    for (const std::vector<double>& row : cost)
      places.push_back(z(std::min_element(row.begin(), row.end()) - row.begin()));
    keep(places);
  }

  // Where the sums of latency and energy have their least product.
  void corner() {
    if (hints_.least_product.empty()) return;
    std::vector<std::size_t> places;
    for (std::size_t g = 0; g < genes_; ++g) {
      const std::size_t v = place_of(g, hints_.least_product[g]);
      if (v >= values(g).size()) return;
      places.push_back(v);
    }
    keep(places);
  }

  void least_product() {
    std::vector<std::vector<double>> product = hints_.work;
    for (std::size_t g = 0; g < genes_; ++g)
      for (std::size_t v = 0; v < product[g].size(); ++v) product[g][v] *= hints_.energy[g][v];
    least(product);
  }

  // The longest slots first, each where the core is then free the soonest.
  void balanced() {
    std::vector<std::size_t> order(genes_);
    for (std::size_t g = 0; g < genes_; ++g) order[g] = g;
    const auto shortest = [&](std::size_t g) {
      return *std::min_element(hints_.work[g].begin(), hints_.work[g].end());
    };
    std::stable_sort(order.begin(), order.end(),
                     [&](std::size_t a, std::size_t b) { return shortest(a) > shortest(b); });
    std::vector<double> load = hints_.fixed_work;
    std::vector<std::size_t> places(genes_, 0);
    for (const std::size_t g : order) {
      double soonest = std::numeric_limits<double>::infinity();
      for (std::size_t v = 0; v < values(g).size(); ++v) {
        const double end = load[z(values(g)[v])] + hints_.work[g][v];
        if (end < soonest) {
          soonest = end;
          places[g] = v;
        }
      }
      load[z(values(g)[places[g]])] = soonest;
    }
    keep(places);
  }

  // Slots by falling length of the chain that waits for them, each where it ends the soonest.
  void list_schedule() {
    std::vector<double> chain(genes_, 0);
    std::vector<double> mean(genes_, 0);
    for (std::size_t g = 0; g < genes_; ++g) {
      for (const double w : hints_.work[g]) mean[g] += w;
      mean[g] /= static_cast<double>(hints_.work[g].size());
    }
    for (std::size_t i = genes_; i-- > 0;) {
      const std::size_t g = z(hints_.order[i]);
      chain[g] += mean[g];
      for (const int before : hints_.reads[g])
        chain[z(before)] = std::max(chain[z(before)], chain[g]);
    }
    std::vector<int> order = hints_.order;
    std::stable_sort(order.begin(), order.end(),
                     [&](int a, int b) { return chain[z(a)] > chain[z(b)]; });
    std::vector<double> end(genes_, 0);
    std::vector<double> free(cores_, 0);
    std::vector<std::size_t> places(genes_, 0);
    for (const int gene : order) {
      const std::size_t g = z(gene);
      double ready = 0;
      for (const int before : hints_.reads[g]) ready = std::max(ready, end[z(before)]);
      end[g] = std::numeric_limits<double>::infinity();
      for (std::size_t v = 0; v < values(g).size(); ++v) {
        const double ends = std::max(ready, free[z(values(g)[v])]) + hints_.work[g][v];
        if (ends < end[g]) {
          end[g] = ends;
          places[g] = v;
        }
      }
      free[z(values(g)[places[g]])] = end[g];
    }
    keep(places);
  }

  // Runs of equal work, each on the core that takes the least for it of those not used yet.
  void pipeline(std::size_t parts) {
    double all = 0;
    for (const std::vector<double>& row : hints_.work)
      all += *std::min_element(row.begin(), row.end());
    std::vector<std::size_t> places(genes_, 0);
    std::vector<bool> used(cores_, false);
    double done = 0;
    for (std::size_t begin = 0; begin < genes_;) {
      const double share = all / static_cast<double>(parts);
      const double limit = done + share;
      std::size_t end = begin;
      while (end < genes_ && (end == begin || done < limit)) {
        const auto& row = hints_.work[z(hints_.order[end])];
        done += *std::min_element(row.begin(), row.end());
        ++end;
      }
      // Cycles of the run on each core; slots that cannot run there stay where they are fastest.
      int best = -1;
      double least = std::numeric_limits<double>::infinity();
      for (std::size_t core = 0; core < cores_; ++core) {
        double cycles = 0;
        bool any = false;
        for (std::size_t i = begin; i < end; ++i) {
          const std::size_t g = z(hints_.order[i]);
          const std::size_t v = place_of(g, static_cast<int>(core));
          any = any || v < values(g).size();
          cycles += v < values(g).size()
                        ? hints_.work[g][v]
                        : *std::min_element(hints_.work[g].begin(), hints_.work[g].end());
        }
        if (any && !used[core] && cycles < least) {
          least = cycles;
          best = static_cast<int>(core);
        }
      }
      for (std::size_t i = begin; i < end; ++i) assign(places, z(hints_.order[i]), best);
      if (best >= 0) used[z(best)] = true;
      begin = end;
    }
    keep(places);
  }

  void on_one_core(int core) {
    std::vector<std::size_t> places(genes_, 0);
    bool any = false;
    for (std::size_t g = 0; g < genes_; ++g) {
      any = any || place_of(g, core) < values(g).size();
      assign(places, g, core);
    }
    if (any) keep(places);
  }

  std::size_t place_of(std::size_t gene, int core) const {
    const auto& list = values(gene);
    return z(std::find(list.begin(), list.end(), core) - list.begin());
  }

  // On the core where it can run there, else where it is the fastest.
  void assign(std::vector<std::size_t>& places, std::size_t gene, int core) const {
    const std::size_t v = place_of(gene, core);
    const auto& row = hints_.work[gene];
    places[gene] = v < row.size() ? v : z(std::min_element(row.begin(), row.end()) - row.begin());
  }

  const GenomeSpace& space_;
  const AllocationHints& hints_;
  std::size_t genes_ = 0;
  std::size_t cores_ = 0;
  std::vector<Genome> starts_;
};

}  // namespace

AllocationHints allocation_hints(const model::ScheduleProblem& problem,
                                 const ScheduleBounds& bounds, const GenomeSpace& space,
                                 std::size_t first, std::span<const int> slots) {
  AllocationHints hints;
  hints.first = first;
  hints.slots.assign(slots.begin(), slots.end());
  hints.slot_count = problem.slots;
  std::vector<int> gene_of(z(problem.slots), -1);
  for (std::size_t g = 0; g < slots.size(); ++g) gene_of[z(slots[g])] = static_cast<int>(g);
  hints.work.resize(slots.size());
  hints.energy.resize(slots.size());
  for (std::size_t g = 0; g < slots.size(); ++g) {
    for (const int core : space.values[first + g]) {
      hints.work[g].push_back(bounds.work(slots[g], core));
      hints.energy[g].push_back(bounds.energy(slots[g], core));
    }
  }
  if (const std::vector<int>& core = bounds.least_product(); !core.empty())
    for (const int slot : slots) hints.least_product.push_back(core[z(slot)]);
  hints.fixed_work.assign(z(problem.cores), 0);
  for (int s = 0; s < problem.slots; ++s) {
    const std::vector<int>& choices = bounds.choices()[z(s)];
    if (gene_of[z(s)] < 0 && choices.size() == 1)
      hints.fixed_work[z(choices.front())] += bounds.work(s, choices.front());
  }
  // Slots are numbered layer by layer, and layers in topological order.
  const model::CnGraph& graph = *problem.graph;
  std::vector<std::set<int>> sources(z(problem.slots));  // genes that a slot waits for
  std::vector<std::set<int>> inputs(z(problem.slots));   // slots
  for (int n = 0; n < static_cast<int>(problem.nodes.size()); ++n)
    for (const model::CnEdge& e : graph.predecessors_of(n))
      if (problem.nodes[z(e.node)].slot != problem.nodes[z(n)].slot)
        inputs[z(problem.nodes[z(n)].slot)].insert(problem.nodes[z(e.node)].slot);
  hints.reads.resize(slots.size());
  for (int s = 0; s < problem.slots; ++s) {
    for (const int before : inputs[z(s)]) {
      if (gene_of[z(before)] >= 0) {
        sources[z(s)].insert(gene_of[z(before)]);
      } else if (before < s) {
        sources[z(s)].insert(sources[z(before)].begin(), sources[z(before)].end());
      }
    }
    if (const int gene = gene_of[z(s)]; gene >= 0) {
      hints.reads[z(gene)].assign(sources[z(s)].begin(), sources[z(s)].end());
      hints.order.push_back(gene);
    }
  }
  return hints;
}

std::vector<Genome> constructive_starts(const GenomeSpace& space, const AllocationHints& hints) {
  if (!hints.known()) return {};
  return Starts(space, hints).all();
}

}  // namespace ridgeline::search
