#pragma once

namespace ridgeline::engine {

// Searches take and give back megabytes thousands of times. By default the allocator asks the
// system for each such block anew, and every page of it comes as a fault that takes longer than
// filling it. After this call freed memory stays with the process, up to some hundred megabytes.
// Before anything large is allocated; not in libraries, whose process is someone else's.
void keep_freed_memory();

}  // namespace ridgeline::engine
