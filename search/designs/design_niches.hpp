// Designs that are worth another look in a search over designs and schedules together: near the
// front by what is known of them, and not looked at for long.
//
// A design that costs more area than another has to be better in something else, which takes the
// right schedule: until that is met, all its schedules are dominated, and selection by dominance
// forgets it. Here each design is judged by itself.
#pragma once

#include <cstdint>
#include <map>
#include <span>
#include <vector>

#include "search/fronts/nsga2.hpp"

namespace ridgeline::search {

class DesignNiches {
 public:
  // An evaluated genome of a design; one that is not feasible counts as a look alone.
  void add(std::uint64_t design, const Genome& genome, const Fitness& fitness);
  // Brings distances up to date with all that was added, and forgets the designs that are the least
  // worth a look.
  void settle();
  bool empty() const { return order_.empty(); }
  // The more promising of `draws` designs drawn by chance; one of its genomes that no other of its
  // own dominates. Precondition: not empty.
  const Genome& draw(RandomStream& random, int draws) const;

 private:
  struct Member {
    Genome genome;
    std::vector<double> objectives;
  };
  struct Niche {
    std::uint64_t looks = 0;
    double worth = 0;             // smaller is better
    std::vector<Member> members;  // none dominates another
  };

  void offer_to_front(const std::vector<double>& objectives);
  double distance(const Niche& niche) const;

  std::map<std::uint64_t, Niche> niches_;
  std::vector<std::vector<double>> front_;
  std::vector<std::map<std::uint64_t, Niche>::const_iterator> order_;
};

}  // namespace ridgeline::search
