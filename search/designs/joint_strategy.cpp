#include "search/designs/joint_strategy.hpp"

#include <algorithm>
#include <map>
#include <set>
#include <unordered_set>
#include <utility>

#include "search/designs/design_niches.hpp"
#include "search/designs/genome_book.hpp"
#include "search/designs/islands.hpp"

namespace ridgeline::search {
namespace {

constexpr double kCrossover = 0.9;
constexpr double kDesignMutation = 0.5;  // of children: a step in the space of designs
constexpr double kNeighbours = 0.7;      // of the others: one step from a member of the front
constexpr double kDesignStep = 0.3;      // of these steps: of the design
constexpr double kNiche = 0.08;          // of children: of a design that is near the front
constexpr int kDraws = 4;                // of such designs, of which the best is taken
constexpr double kRun = 0.4;             // of moves of schedules: of several layers at once
constexpr std::size_t kLongestRun = 8;   // layers whose cores are drawn anew together
constexpr int kStaleGenerations = 100;
constexpr int kTries = 32;  // to find a design that exists
// Violation of a genome whose objectives another has: less than any design's that is not feasible.
constexpr double kRepeated = 0.5;

std::size_t at(int i) {
  return static_cast<std::size_t>(i);
}

class JointVariation final : public Variation {
 public:
  // What `book` holds is not bred again.
  JointVariation(const JointSpace& space, const GenomeBook& book, const DesignNiches& niches)
      : space_(space), book_(book), niches_(niches) {
    for (std::size_t g = 0; g < space_.genes.size(); ++g)
      if (space_.genes[g].size > 1) free_.push_back(g);
  }

  // Designs with one of the schedules that people begin with: everything on one core, layer after
  // layer on the next core, or any.
  Genome random(RandomStream& random) const override {
    Genome genome = random_design(random);
    const auto cores = space_.cores(space_.designs.id_of(genome));
    const auto way = random.below(4);
    std::uint64_t turn = random.below(std::uint64_t{1} << 32);
    for (std::size_t g = 0; g < space_.genes.size(); ++g) {
      const JointGene& gene = space_.genes[g];
      const std::vector<int>& values = cores->values[g];
      if (gene.kind != ScheduleGene::core || values.empty()) {
        genome.push_back(static_cast<int>(random.below(static_cast<std::uint64_t>(gene.size))));
        continue;
      }
      const std::uint64_t place = way == 0 ? turn : way == 1 ? turn++ : random.below(values.size());
      genome.push_back(values[place % values.size()]);
    }
    space_.make_canonical(genome);
    return genome;
  }

  Genome child(std::span<const Individual> members, RandomStream& random) const override {
    const auto pick = [&]() -> const Individual& {
      const Individual& x = members[random.below(members.size())];
      const Individual& y = members[random.below(members.size())];
      return fitter(x, y) ? x : y;
    };
    if (!niches_.empty() && chance(random, kNiche)) {
      Genome genome = niches_.draw(random, kDraws);
      const std::uint64_t moves = 1 + random.below(2);
      for (std::uint64_t i = 0; i < moves; ++i) move_schedule(genome, random);
      space_.make_canonical(genome);
      return genome;
    }
    if (chance(random, kNeighbours)) return neighbour(members, random);
    Genome genome = pick().genome;
    const Genome& other = pick().genome;
    const bool crossed = chance(random, kCrossover);
    if (crossed) cross(genome, other, random);
    bool changed = false;
    if (chance(random, kDesignMutation)) {
      const std::uint64_t before = space_.design_of(genome);
      changed = step_design(genome, random);
      if (changed) use_new_cores(genome, before, random);
    }
    if (!changed || chance(random, 0.5)) {
      const std::uint64_t moves = 1 + random.below(3);
      for (std::uint64_t i = 0; i < moves; ++i) move_schedule(genome, random);
    }
    space_.make_canonical(genome);
    return genome;
  }

  bool allowed(const Genome& genome) const override {
    return !book_.contains(genome) && space_.designs.exists(space_.design_of(genome));
  }

 private:
  static bool chance(RandomStream& random, double p) { return random.uniform() < p; }

  Genome random_design(RandomStream& random) const {
    const DesignSpace& designs = space_.designs;
    for (int i = 0; i < kTries; ++i) {
      const std::uint64_t id = random.below(designs.grid);
      if (designs.exists(id)) return designs.values_of(id);
    }
    const std::uint64_t from = random.below(designs.grid);
    return designs.values_of(designs.next_existing ? designs.next_existing(from) : from);
  }

  // One that no other member dominates, but for one step.
  Genome neighbour(std::span<const Individual> members, RandomStream& random) const {
    std::size_t best = 1;
    while (best < members.size() && members[best].rank == 0) ++best;
    Genome genome = members[random.below(best)].genome;
    const std::uint64_t before = space_.design_of(genome);
    if (chance(random, kDesignStep) && step_design(genome, random)) {
      use_new_cores(genome, before, random);
    } else {
      move_schedule(genome, random);
    }
    space_.make_canonical(genome);
    return genome;
  }

  // A core that the design did not have before gets a layer: with nothing to do it would cost area
  // alone, and nobody would look at the design again.
  void use_new_cores(Genome& genome, std::uint64_t before, RandomStream& random) const {
    const std::shared_ptr<const CoreChoices> had = space_.cores(before);
    const std::shared_ptr<const CoreChoices> has = space_.cores(space_.design_of(genome));
    std::vector<std::pair<std::size_t, int>> moves;
    for (std::size_t g = 0; g < space_.genes.size(); ++g)
      for (const int value : has->values[g])
        if (!std::binary_search(had->values[g].begin(), had->values[g].end(), value))
          moves.emplace_back(g, value);
    if (moves.empty()) return;
    const auto& [gene, core] = moves[random.below(moves.size())];
    genome[space_.parameters() + gene] = core;
  }

  // Parameters one by one; of the schedule a run of layers.
  void cross(Genome& genome, const Genome& other, RandomStream& random) const {
    const std::size_t parameters = space_.parameters();
    if (chance(random, 0.5))
      for (std::size_t p = 0; p < parameters; ++p)
        if (chance(random, 0.5)) genome[p] = other[p];
    const std::size_t genes = genome.size() - parameters;
    if (genes == 0) return;
    std::size_t from = random.below(genes);
    std::size_t to = random.below(genes);
    if (from > to) std::swap(from, to);
    for (std::size_t g = from; g <= to; ++g) genome[parameters + g] = other[parameters + g];
  }

  bool step_design(Genome& genome, RandomStream& random) const {
    const auto& sizes = space_.designs.sizes;
    std::vector<std::size_t> free;
    for (std::size_t p = 0; p < sizes.size(); ++p)
      if (sizes[p] > 1) free.push_back(p);
    if (free.empty()) return false;
    const std::size_t p = free[random.below(free.size())];
    int& value = genome[p];
    const int before = value;
    if (chance(random, 0.5)) {
      value = std::clamp(value + (chance(random, 0.5) ? 1 : -1), 0, sizes[p] - 1);
    } else {
      value = static_cast<int>(random.below(static_cast<std::uint64_t>(sizes[p])));
    }
    return value != before;
  }

  // Moves one layer, gives two layers each other's core, joins a layer to a neighbour's core, or
  // redraws another choice.
  void move_schedule(Genome& genome, RandomStream& random) const {
    if (free_.empty()) return;
    const std::size_t parameters = space_.parameters();
    const std::size_t g = free_[random.below(free_.size())];
    if (chance(random, kRun)) return redraw_run(genome, g, random);
    const JointGene& gene = space_.genes[g];
    int& value = genome[parameters + g];
    if (gene.kind != ScheduleGene::core) {
      value = static_cast<int>(random.below(static_cast<std::uint64_t>(gene.size)));
      return;
    }
    const std::size_t h = free_[random.below(free_.size())];
    const bool two = space_.genes[h].kind == ScheduleGene::core && h != g;
    const auto way = random.below(4);
    if (way == 0 && two) {
      std::swap(value, genome[parameters + h]);
    } else if (way == 1 && g > 0 && space_.genes[g - 1].kind == ScheduleGene::core) {
      value = genome[parameters + g - 1];
    } else {
      const auto cores = space_.cores(space_.design_of(genome));
      const std::vector<int>& values = cores->values[g];
      if (!values.empty()) value = values[random.below(values.size())];
    }
  }

  // Layers that follow each other in one stack get other cores, one for all, in turn or by chance,
  // and the stack another cut: what suits one of them alone seldom suits all.
  void redraw_run(Genome& genome, std::size_t around, RandomStream& random) const {
    const std::size_t parameters = space_.parameters();
    const std::size_t end = space_.genes.size();
    // A stack begins with a core's gene, which its boundary and its factors follow.
    const auto begins = [&](std::size_t g) {
      return g + 1 < end && space_.genes[g].kind == ScheduleGene::core &&
             space_.genes[g + 1].kind == ScheduleGene::boundary && genome[parameters + g + 1] == 1;
    };
    std::size_t from = around;
    std::size_t layers = 0;
    for (std::size_t g = around + 1; g-- > 0 && layers < kLongestRun;) {
      if (space_.genes[g].kind != ScheduleGene::core) continue;
      from = g;
      ++layers;
      if (begins(g)) break;
    }
    std::vector<std::size_t> cores;
    std::size_t factor = end;
    for (std::size_t g = from; g < end && (g == from || !begins(g)); ++g) {
      if (space_.genes[g].kind == ScheduleGene::core) {
        if (cores.size() == kLongestRun) break;
        cores.push_back(g);
      }
      if (space_.genes[g].kind == ScheduleGene::factor && factor == end) factor = g;
    }
    const auto choices = space_.cores(space_.design_of(genome));
    const auto way = random.below(3);
    const std::uint64_t turn = random.below(std::uint64_t{1} << 32);
    for (std::size_t i = 0; i < cores.size(); ++i) {
      const std::vector<int>& values = choices->values[cores[i]];
      if (values.empty()) continue;
      const std::uint64_t place = way == 0   ? turn
                                  : way == 1 ? turn + i
                                             : random.below(values.size());
      genome[parameters + cores[i]] = values[place % values.size()];
    }
    if (factor < end && chance(random, 0.7))
      genome[parameters + factor] =
          static_cast<int>(random.below(static_cast<std::uint64_t>(space_.genes[factor].size)));
  }

  const JointSpace& space_;
  const GenomeBook& book_;
  const DesignNiches& niches_;
  std::vector<std::size_t> free_;  // genes with a choice
};

class JointStrategy final : public DesignStrategy {
 public:
  JointStrategy(JointSpace space, const IslandOptions& options, std::uint64_t seed)
      : space_(std::move(space)), options_(options), variation_(space_, book_, niches_) {
    islands_ = islands_of(variation_, options_, seed);
  }

  std::optional<std::vector<std::uint64_t>> next(const KnownFitness& known) override {
    if (generation_ > 0) take_in(known);
    if (islands_.front().done() || stale_ >= kStaleGenerations) return std::nullopt;
    std::vector<std::uint64_t> block;
    std::unordered_set<std::uint64_t> in_block;
    const std::uint64_t before = book_.size();
    for (Nsga2& island : islands_)
      for (const Genome& genome : island.ask())
        if (const std::uint64_t id = book_.id_of(genome); in_block.insert(id).second)
          block.push_back(id);
    stale_ = book_.size() == before ? stale_ + 1 : 0;
    ++generation_;
    return block;
  }
  std::uint32_t lag() const override { return 1; }
  std::uint64_t expected() const override { return asked_of_islands(options_); }
  Genome genome(std::uint64_t id) const override { return book_.genome(id); }

 private:
  void take_in(const KnownFitness& known) {
    for (Nsga2& island : islands_) {
      // Where many genomes mean the same they would fill the population: of equal objectives one
      // goes on, what comes after it stands behind all that is feasible.
      std::set<std::vector<double>> met;
      for (const Individual& member : island.members())
        if (member.fitness.violation == 0) met.insert(member.fitness.objectives);
      std::vector<Fitness> fitness;
      for (const Genome& genome : island.ask()) {
        fitness.push_back(known(book_.id_of(genome)));
        niches_.add(space_.design_of(genome), genome, fitness.back());
        if (fitness.back().violation == 0 && !met.insert(fitness.back().objectives).second)
          fitness.back() = {{}, kRepeated};
      }
      island.tell(fitness);
    }
    niches_.settle();
    const int every = options_.migrate_every;
    if (every > 0 && generation_ % every == 0)
      migrate_on_ring(islands_, static_cast<std::size_t>(options_.population) / 16);
  }

  JointSpace space_;
  IslandOptions options_;
  GenomeBook book_;
  DesignNiches niches_;
  JointVariation variation_;
  std::vector<Nsga2> islands_;
  int generation_ = 0;  // blocks given
  int stale_ = 0;       // generations without anything new
};

// Blocks of designs in the order of the grid, each with all its schedules.
class ExhaustiveJointStrategy final : public DesignStrategy {
 public:
  ExhaustiveJointStrategy(JointSpace space, std::uint64_t designs)
      : space_(std::move(space)), designs_(designs) {}

  std::optional<std::vector<std::uint64_t>> next(const KnownFitness&) override {
    std::vector<std::uint64_t> block;
    constexpr int kLook = 100'000;
    for (int looked = 0; block.size() < kBlock; ++looked) {
      if (looked == kLook) {  // another time: messages wait
        given_ += block.size();
        return block;
      }
      if (!genome_ && !begin_design()) break;
      Genome canonical = *genome_;
      space_.make_canonical(canonical);
      if (canonical == *genome_) block.push_back(book_.id_of(canonical));
      advance();
    }
    if (block.empty()) return std::nullopt;
    given_ += block.size();
    return block;
  }
  std::uint32_t lag() const override { return 6; }
  std::uint64_t expected() const override {
    const std::uint64_t seen = std::max<std::uint64_t>(1, begun_);
    return std::max(given_, given_ / seen * std::max(designs_, seen));
  }
  Genome genome(std::uint64_t id) const override { return book_.genome(id); }

 private:
  static constexpr std::size_t kBlock = 256;

  bool begin_design() {
    while (design_ < space_.designs.grid && !space_.designs.exists(design_)) ++design_;
    if (design_ >= space_.designs.grid) return false;
    ++begun_;
    Genome genome = space_.designs.values_of(design_);
    values_.clear();
    const auto cores = space_.cores(design_);
    for (std::size_t g = 0; g < space_.genes.size(); ++g) {
      const JointGene& gene = space_.genes[g];
      std::vector<int> values = cores->values[g];
      if (gene.kind != ScheduleGene::core) {
        values.resize(at(gene.size));
        for (int v = 0; v < gene.size; ++v) values[at(v)] = v;
      }
      if (values.empty()) values = {0};
      genome.push_back(values.front());
      values_.push_back(std::move(values));
    }
    places_.assign(values_.size(), 0);
    genome_ = std::move(genome);
    ++design_;
    return true;
  }

  // On to the next schedule of the design, the last gene being the fastest.
  void advance() {
    for (std::size_t g = values_.size(); g-- > 0;) {
      int& value = (*genome_)[space_.parameters() + g];
      if (++places_[g] < values_[g].size()) {
        value = values_[g][places_[g]];
        return;
      }
      places_[g] = 0;
      value = values_[g].front();
    }
    genome_.reset();
  }

  JointSpace space_;
  std::uint64_t designs_;
  GenomeBook book_;
  std::uint64_t design_ = 0;  // the next to begin
  std::uint64_t begun_ = 0;
  std::uint64_t given_ = 0;
  std::optional<Genome> genome_;
  std::vector<std::vector<int>> values_;  // of each gene, in this design
  std::vector<std::size_t> places_;
};

}  // namespace

std::uint64_t JointSpace::design_of(const Genome& genome) const {
  return designs.id_of(
      Genome(genome.begin(), genome.begin() + static_cast<std::ptrdiff_t>(parameters())));
}

// Boundaries that do not matter in a mode are those of modes in which factors do not matter either.
bool JointSpace::cuts_a_stack(const JointGene& factor, const Genome& genome) const {
  const auto gene = [&](int place) { return genome[parameters() + at(place)]; };
  return (factor.begins < 0 || gene(factor.begins) == 1) && factor.ends >= 0 &&
         gene(factor.ends) == 0;
}

void JointSpace::make_canonical(Genome& genome) const {
  const std::shared_ptr<const CoreChoices> of_design = cores(design_of(genome));
  const CoreChoices& choices = *of_design;
  std::uint32_t mode = 0;
  for (std::size_t g = 0; g < genes.size(); ++g)
    if (genes[g].kind == ScheduleGene::mode)
      mode = static_cast<std::uint32_t>(genome[parameters() + g]);
  for (std::size_t g = 0; g < genes.size(); ++g) {
    int& value = genome[parameters() + g];
    if ((genes[g].modes >> mode & 1u) == 0) value = 0;
    if (genes[g].of_stack && !cuts_a_stack(genes[g], genome)) value = 0;
    const std::vector<int>& values = choices.values[g];
    if (genes[g].kind != ScheduleGene::core) continue;
    if (values.empty()) {  // whatever no core takes
      value = 0;
      continue;
    }
    if (!std::binary_search(values.begin(), values.end(), value))
      value = values[at(value) % values.size()];
  }
  // Of values that may be exchanged the smallest is met first.
  for (const std::vector<int>& alike : choices.alike) {
    std::map<int, int> renamed;
    for (std::size_t g = 0; g < genes.size(); ++g) {
      int& value = genome[parameters() + g];
      if (genes[g].kind != ScheduleGene::core ||
          !std::binary_search(alike.begin(), alike.end(), value))
        continue;
      auto place = renamed.find(value);
      if (place == renamed.end()) place = renamed.emplace(value, alike[renamed.size()]).first;
      value = place->second;
    }
  }
}

std::unique_ptr<DesignStrategy> joint_strategy(JointSpace space, const IslandOptions& options,
                                               std::uint64_t seed) {
  return std::make_unique<JointStrategy>(std::move(space), options, seed);
}

std::unique_ptr<DesignStrategy> exhaustive_joint_strategy(JointSpace space, std::uint64_t designs) {
  return std::make_unique<ExhaustiveJointStrategy>(std::move(space), designs);
}

}  // namespace ridgeline::search
