#pragma once

#include <ctime>

#include <chrono>

namespace troupe::test_support {

/// CPU time that the calling thread has spent so far.
inline std::chrono::nanoseconds spent_here() {
    timespec time{};
    clock_gettime(CLOCK_THREAD_CPUTIME_ID, &time);
    return std::chrono::seconds{time.tv_sec} + std::chrono::nanoseconds{time.tv_nsec};
}

} // namespace troupe::test_support
