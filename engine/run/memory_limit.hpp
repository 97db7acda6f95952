// How much memory the searches of this process may hold (--memory-limit).
#pragma once

#include <cstdint>
#include <string>

namespace ridgeline::engine {

// Half the memory of the machine, or of the control group or the limit that the process runs under
// where that is less, divided by the ranks that a launcher started on this machine. Bytes.
std::int64_t default_memory_limit();

// "2G", "512M", "1.5 GiB", "800000000": bytes; K, M, G, T are powers of 1024. UsageError for
// anything else and for less than 16 MiB, which is too little for any search.
std::int64_t parse_memory_size(const std::string& option, const std::string& text);

// The limit of this process; the default one until it is set. Set it before searches start.
void set_memory_limit(std::int64_t bytes);
std::int64_t memory_limit();

// The share of one of so many searches at the same time; by default as many as were announced.
std::int64_t memory_of_one_search(int searches = 0);
void searches_at_a_time(int searches);

}  // namespace ridgeline::engine
