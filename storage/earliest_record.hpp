#pragma once

#include "protocol/vocabulary/ids.hpp"
#include "protocol/vocabulary/result.hpp"

#include <filesystem>

namespace troupe::storage {

class file_system;

/// When the oldest record was stored that the log in `store_directory` still has; `log_min` is where the log begins. 0 when it
/// has none. Looks at the first segment's first bytes, so it may be asked while the log is in use. Fails with io, and with
/// not_found when retention takes the segment meanwhile.
[[nodiscard]] result<timestamp_ms> earliest_stored(file_system& files, const std::filesystem::path& store_directory, log_position log_min);

} // namespace troupe::storage
