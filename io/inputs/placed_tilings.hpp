// Cuts by the place of a loop, which mean something once the network is known (Stream 1.13).
#pragma once

#include <span>
#include <string>
#include <vector>

#include "model/system/core_mapping.hpp"
#include "model/system/network.hpp"

namespace ridgeline::io {

// The loops of a node in the order in which Stream 1.13 counts them: of a convolution batch,
// groups (where there are several), output rows and columns, input channels, kernel rows and
// columns, output channels; of a product its batches, rows, the summed loop, columns; of any other
// node its output's axes, then what is left. Places in Layer::dims.
std::vector<int> loops_by_place(const model::NetworkNode& node);

// Replaces placed cuts by those of named loops, with an entry for each node that has some; fills
// `stacks` with the fused groups' layers where it is clear which those are. Appends remarks on
// what is left out. Throws std::invalid_argument for a place that a node does not have.
void resolve_placed_tilings(const model::Network& network, model::CoreMapping& mapping,
                            std::vector<std::vector<int>>& stacks,
                            std::vector<std::string>& remarks);

// The same for all networks of a study, which forms stacks by itself: fused groups only say how
// their layers are cut. Throws std::invalid_argument as well where networks have nodes of one name
// and different types, which entries by name cannot tell apart.
void resolve_placed_tilings(std::span<const model::Network> networks, model::CoreMapping& mapping);

}  // namespace ridgeline::io
