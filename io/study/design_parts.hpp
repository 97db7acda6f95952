// Which parameters what a design is made of follows from, so that designs that share a part need
// not read it again.
#pragma once

#include <vector>

#include "io/study/study_document.hpp"

namespace ridgeline::io {

// Of a study on multi-core systems, by places among its parameters, ascending.
struct DesignParts {
  // Each core follows from the parameters of `core` alone, all else from `frame`. Not so where
  // cores share memories, which is checked core against core.
  bool separable = false;
  std::vector<std::vector<int>> core;  // by place of the core, or of the kind of a space of systems
  std::vector<int> frame;              // connections, how many cores, mapping, workloads
  std::vector<int> workloads;          // of these, what the networks follow from
};

DesignParts design_parts(const Study& study);

}  // namespace ridgeline::io
