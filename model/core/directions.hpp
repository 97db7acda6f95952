// Places of the four directions in what is listed by Direction.
#pragma once

#include "model/core/accelerator.hpp"

namespace ridgeline::model {

inline constexpr int kRdLow = static_cast<int>(Direction::rd_out_to_low);
inline constexpr int kWrLow = static_cast<int>(Direction::wr_in_by_low);
inline constexpr int kRdHigh = static_cast<int>(Direction::rd_out_to_high);
inline constexpr int kWrHigh = static_cast<int>(Direction::wr_in_by_high);

}  // namespace ridgeline::model
