#include "apps/stop_signal.hpp"

#include <algorithm>
#include <cerrno>
#include <pthread.h>

namespace troupe::apps {

stop_signal::stop_signal() {
    sigemptyset(&signals_);
    sigaddset(&signals_, SIGINT);
    sigaddset(&signals_, SIGTERM);
    pthread_sigmask(SIG_BLOCK, &signals_, nullptr);
    std::signal(SIGPIPE, SIG_IGN);
}

int stop_signal::wait() {
    int number = 0;
    while (sigwait(&signals_, &number) != 0) {
    }
    return number;
}

int stop_signal::wait_for(std::chrono::milliseconds limit) {
    const auto end = std::chrono::steady_clock::now() + limit;
    for (;;) {
        const auto left = std::max(std::chrono::nanoseconds{0}, std::chrono::nanoseconds{end - std::chrono::steady_clock::now()});
        const timespec wait{static_cast<time_t>(left.count() / 1'000'000'000), static_cast<long>(left.count() % 1'000'000'000)};
        const int number = sigtimedwait(&signals_, nullptr, &wait);
        if (number > 0) {
            return number;
        }
        if (errno != EINTR) {
            return 0;
        }
    }
}

} // namespace troupe::apps
