#pragma once

#include <cstddef>
#include <mutex>
#include <string>
#include <utility>
#include <vector>

namespace troupe::actors {

/// The groups with the most messages that are popped and not acknowledged, as the pop keeper saw it in the last second.
///
/// Threads  safe from any thread.
/// Bounded  `groups_max` groups, so that what watches a broker need not follow all of them.
class lease_leaders {
public:
    static constexpr std::size_t groups_max = 10;
    using counts = std::vector<std::pair<std::string, std::size_t>>; ///< the most first

    void publish(counts leaders) {
        const std::lock_guard guard{mutex_};
        leaders_ = std::move(leaders);
    }
    [[nodiscard]] counts current() const {
        const std::lock_guard guard{mutex_};
        return leaders_;
    }

private:
    mutable std::mutex mutex_;
    counts leaders_;
};

} // namespace troupe::actors
