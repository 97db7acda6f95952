#include "search/exact/matrix_game.hpp"

#include <algorithm>
#include <array>
#include <cstddef>

namespace ridgeline::search {

namespace {

// Of the strategies most are soon not played at all.
void add_times(double* __restrict to, const double* __restrict from, double factor,
               std::size_t count) {
  if (factor == 0) return;
  for (std::size_t i = 0; i < count; ++i) to[i] += factor * from[i];
}

}  // namespace

GamePrices play_matrix_game(const std::vector<std::vector<double>>& payoff,
                            const std::vector<std::vector<double>>& excess, double charge) {
  const std::size_t count = payoff.front().size();
  const std::size_t charges = excess.front().size();
  const std::size_t rows = payoff.size();
  GamePrices result{std::vector<double>(count, 0.0), std::vector<double>(charges, 0.0)};
  std::vector<double>& strategy = result.strategy;
  std::vector<double> regret(count, 1.0);
  std::vector<double> row_regret(rows, 1.0);
  std::vector<std::array<double, 2>> charge_regret(charges, {0.0, 1.0});  // yes, no
  std::vector<double> mix(count);
  std::vector<double> row_mix(rows);
  std::vector<double> gain(count);
  std::vector<double> charge_mix(charges);
  std::vector<double> loss(rows);
  // One after the other, so that sums over rows and over columns run along what lies together.
  std::vector<double> by_row;
  std::vector<double> by_column(rows * count);
  std::vector<double> by_charge(rows * charges);
  for (std::size_t r = 0; r < rows; ++r) {
    by_row.insert(by_row.end(), payoff[r].begin(), payoff[r].end());
    for (std::size_t c = 0; c < count; ++c) by_column[c * rows + r] = payoff[r][c];
    for (std::size_t s = 0; s < charges; ++s) by_charge[s * rows + r] = excess[r][s];
  }
  constexpr int kRounds = 800;
  double rounds = 0;
  for (int round = 1; round <= kRounds; ++round) {
    const auto normalise = [](const std::vector<double>& from, std::vector<double>& to) {
      double sum = 0;
      for (double r : from) sum += r;
      for (std::size_t i = 0; i < to.size(); ++i) {
        to[i] = sum > 0 ? from[i] / sum : 1.0 / static_cast<double>(to.size());
      }
    };
    normalise(regret, mix);
    for (std::size_t s = 0; s < charges; ++s) {
      const double sum = charge_regret[s][0] + charge_regret[s][1];
      charge_mix[s] = sum > 0 ? charge_regret[s][0] / sum : 0;
    }
    // The chains answer the prices, then the prices the chains.
    double row_value = 0;
    std::fill(loss.begin(), loss.end(), 0.0);
    for (std::size_t c = 0; c < count; ++c) {
      add_times(loss.data(), by_column.data() + c * rows, mix[c], rows);
    }
    for (std::size_t s = 0; s < charges; ++s) {
      add_times(loss.data(), by_charge.data() + s * rows, charge_mix[s] * charge, rows);
    }
    normalise(row_regret, row_mix);
    for (std::size_t r = 0; r < rows; ++r) row_value += row_mix[r] * loss[r];
    for (std::size_t r = 0; r < rows; ++r) {
      row_regret[r] = std::max(0.0, row_regret[r] + row_value - loss[r]);
    }
    normalise(row_regret, row_mix);
    double column_value = 0;
    std::fill(gain.begin(), gain.end(), 0.0);
    for (std::size_t r = 0; r < rows; ++r) {
      add_times(gain.data(), by_row.data() + r * count, row_mix[r], count);
    }
    for (std::size_t c = 0; c < count; ++c) column_value += mix[c] * gain[c];
    for (std::size_t c = 0; c < count; ++c) {
      regret[c] = std::max(0.0, regret[c] + gain[c] - column_value);
      strategy[c] += round * mix[c];
    }
    for (std::size_t s = 0; s < charges; ++s) {
      double yes = 0;
      for (std::size_t r = 0; r < rows; ++r) {
        yes += row_mix[r] * charge * by_charge[s * rows + r];
      }
      const double mean = charge_mix[s] * yes;
      charge_regret[s][0] = std::max(0.0, charge_regret[s][0] + yes - mean);
      charge_regret[s][1] = std::max(0.0, charge_regret[s][1] - mean);
      result.charges[s] += round * charge_mix[s];
    }
    rounds += round;
  }
  double sum = 0;
  for (double s : strategy) sum += s;
  for (double& s : strategy) s /= sum;
  // What is left of early rounds only blurs.
  double kept = 0;
  for (double& s : strategy) {
    if (s < 1e-4) s = 0;
    kept += s;
  }
  for (double& s : strategy) s /= kept;
  for (double& c : result.charges) {
    c /= rounds;
    if (c < 1e-4) c = 0;
  }
  return result;
}

}  // namespace ridgeline::search
