// Invariants: what holds whatever the input, and where it does not the program is wrong. Checked in
// builds with RIDGELINE_ASSERTIONS (sanitizers, fuzzers, coverage: the tests run there); elsewhere
// they are read by people alone. Input is never checked by them: it is refused with an error.
#pragma once

#ifdef RIDGELINE_ASSERTIONS
#include <cstdio>
#include <cstdlib>
#define RIDGELINE_ASSERT(condition)                                                            \
  ((condition) ? static_cast<void>(0)                                                          \
               : (std::fprintf(stderr, "%s:%d: broken: %s\n", __FILE__, __LINE__, #condition), \
                  std::abort()))
#else
#define RIDGELINE_ASSERT(condition) static_cast<void>(sizeof(!(condition)))
#endif
