#pragma once

#include "protocol/vocabulary/result.hpp"

#include <cstdint>
#include <filesystem>

/// The state of the page cache that a broker meets which has run for a while.
namespace troupe::bench {

inline constexpr const char* page_cache_file = "page-cache";

/// Reads a file without blocks of its own, page_cache_file in `directory` and of `bytes` (0: as large as the machine's memory), until the page cache leaves next
/// to nothing free. What is written then takes its pages from the cache, as it does on a machine that has been up for long. On a virtual
/// machine whose host takes free memory back (a balloon with free page reporting), free pages cost several times as much at their first
/// use as any others, and figures would mostly say which of the two a run was given. The file has to stay for as long as that is wanted;
/// it takes no space. Returns the bytes that are still free. Fails with io.
result<std::uint64_t> fill_page_cache(const std::filesystem::path& directory, std::uint64_t bytes = 0);

/// Bytes of memory that nothing uses, not even the page cache. Fails with io.
result<std::uint64_t> free_memory_bytes();

} // namespace troupe::bench
