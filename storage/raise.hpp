#pragma once

#include <atomic>
#include <cstdint>

namespace troupe::storage {

/// Makes `value` at least `to`, whoever else does the same at the same time.
inline void raise(std::atomic<std::int64_t>& value, std::int64_t to) {
    auto known = value.load(std::memory_order_relaxed);
    while (known < to && !value.compare_exchange_weak(known, to, std::memory_order_release, std::memory_order_relaxed)) {
    }
}

} // namespace troupe::storage
