#include "search/mapping/anneal.hpp"

#include <cmath>
#include <utility>

#include "search/fronts/random.hpp"

namespace ridgeline::search {

void anneal_ordering(std::vector<model::TemporalLoop> loops, const AnnealOptions& options,
                     const std::function<double(const std::vector<model::TemporalLoop>&)>& cost) {
  RandomStream random(options.seed, 0, 0, 0);
  for (std::size_t i = loops.size(); i > 1; --i) {
    std::swap(loops[i - 1], loops[random.below(i)]);
  }
  double current = cost(loops);
  if (loops.size() < 2) return;
  double temperature = options.start_temperature;
  for (int iteration = 0; iteration < options.iterations; ++iteration) {
    if (options.budget.stopped()) return;
    const std::size_t i = random.below(loops.size());
    const std::size_t j = random.below(loops.size());
    std::swap(loops[i], loops[j]);
    const double candidate = cost(loops);
    // From an ordering that does not fit every move is taken; to one that does not fit, none.
    const bool accept = !std::isfinite(current) ||
                        (std::isfinite(candidate) &&
                         random.uniform() < std::exp((current / candidate - 1) / temperature));
    if (accept) {
      current = candidate;
    } else {
      std::swap(loops[i], loops[j]);
    }
    temperature *= options.cooling;
  }
}

}  // namespace ridgeline::search
