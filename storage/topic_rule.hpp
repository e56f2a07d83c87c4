#pragma once

#include <chrono>
#include <cstdint>

namespace troupe::storage {

/// How much of a topic is kept, below what the log as a whole keeps.
struct topic_rule {
    std::chrono::milliseconds keep{0}; ///< 0: as long as the log
    std::uint64_t bytes_max = 0;       ///< of records, over all queues of the topic; 0: as much as the log
    friend bool operator==(const topic_rule&, const topic_rule&) = default;
};

} // namespace troupe::storage
