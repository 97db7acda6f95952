#include "search/exact/matrix_game.hpp"

#include <gtest/gtest.h>

namespace ridgeline::search {
namespace {

constexpr double kNear = 0.01;

// Games of two rows and two columns have their solution where both rows cost the same.
TEST(MatrixGame, FindsTheSharesForWhichTheCheapestRowCostsTheMost) {
  const GamePrices prices = play_matrix_game({{3, 1}, {0, 2}}, {{}, {}}, 0);
  EXPECT_NEAR(prices.strategy[0], 0.25, kNear);
  EXPECT_NEAR(prices.strategy[1], 0.75, kNear);
}

TEST(MatrixGame, LeavesOutAColumnThatAnotherIsNeverWorseThan) {
  const GamePrices prices = play_matrix_game({{5, 1}, {4, 2}}, {{}, {}}, 0);
  EXPECT_NEAR(prices.strategy[0], 1, kNear);
}

// The row that costs nothing exceeds by as much as the other has left: 2 c = 1 - 2 c.
TEST(MatrixGame, ChargesForWhatIsExceeded) {
  const GamePrices prices = play_matrix_game({{0}, {1}}, {{1}, {-1}}, 2);
  EXPECT_NEAR(prices.charges[0], 0.25, kNear);
}

}  // namespace
}  // namespace ridgeline::search
