#pragma once

#include <cstdint>

#include <sys/types.h>

namespace troupe::bench {

/// What one process has used, read from /proc. All zero when the process is gone.
struct process_stats {
    std::int64_t cpu_ns = 0;         ///< user and system time of all live threads
    std::int64_t resident_bytes = 0; ///< RSS
    std::int64_t private_bytes = 0;  ///< private dirty and clean pages: what would be freed with the process
    std::int64_t written_bytes = 0;  ///< handed to the disk layer
    std::int64_t threads = 0;
};

process_stats read_process_stats(pid_t process);

} // namespace troupe::bench
