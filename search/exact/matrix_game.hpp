// A matrix game between prices and what they are put on.
#pragma once

#include <vector>

namespace ridgeline::search {

// `strategy`: a share of each column, one in sum; `charges`: of each surcharge, 0 to 1.
struct GamePrices {
  std::vector<double> strategy;
  std::vector<double> charges;
};

// The shares for which the row that costs the least costs the most, nearly. A row costs the mean of
// its payoffs, [row][column], and `charge` times its `excess`, [row][surcharge], as far as each is
// charged. At least one row and one column. Regret matching (Hart and Mas-Colell, 2000): a few
// hundred rounds on a small matrix come close enough where any shares give a bound.
GamePrices play_matrix_game(const std::vector<std::vector<double>>& payoff,
                            const std::vector<std::vector<double>>& excess, double charge);

}  // namespace ridgeline::search
