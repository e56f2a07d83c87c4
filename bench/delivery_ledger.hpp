#pragma once

#include <cstdint>
#include <vector>

namespace troupe::bench {

/// Which messages of a topic arrived, by queue and offset, and how often one came again.
class delivery_ledger {
public:
    explicit delivery_ledger(std::int32_t queues) : queues_(static_cast<std::size_t>(queues)) {}

    /// True when it arrived for the first time. A queue that the topic does not have, or an offset below 0, counts as stray.
    bool arrived(std::int32_t queue, std::int64_t offset);
    /// How many of the messages below `ends`, one offset for each queue, have not arrived.
    [[nodiscard]] std::uint64_t missing(const std::vector<std::int64_t>& ends) const;
    [[nodiscard]] std::uint64_t distinct() const { return distinct_; }
    [[nodiscard]] std::uint64_t repeated() const { return repeated_; }
    [[nodiscard]] std::uint64_t stray() const { return stray_; }

private:
    std::vector<std::vector<bool>> queues_; ///< by offset
    std::uint64_t distinct_ = 0;
    std::uint64_t repeated_ = 0;
    std::uint64_t stray_ = 0;
};

} // namespace troupe::bench
