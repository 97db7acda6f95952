// A header of the consumer's own: Ridgeline's of the same name must neither see it nor be seen.
#pragma once

namespace consumer {
inline int own_layers() {
  return 7;
}
}  // namespace consumer
