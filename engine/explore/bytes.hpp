// Little-endian encoding of journal records and messages.
#pragma once

#include "io/document/bytes.hpp"

namespace ridgeline::engine {

using io::ByteReader;
using io::ByteWriter;

}  // namespace ridgeline::engine
