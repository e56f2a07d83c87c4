#pragma once

#include "client/internal/retry_policy.hpp"

#include <algorithm>
#include <chrono>
#include <thread>

namespace troupe::client {

/// For a caller's own thread: repeats a question that does no harm twice while `is_away(code)` says that whom it needs may come
/// back, at most for `timeout`. `ask` gets the time that is left. Answers with the last outcome.
template <class Ask, class IsAway>
auto ask_while_away(milliseconds timeout, const IsAway& is_away, const Ask& ask) {
    using clock = std::chrono::steady_clock;
    constexpr milliseconds pause{50};
    const auto end = clock::now() + timeout;
    for (;;) {
        const auto left = std::chrono::ceil<milliseconds>(end - clock::now());
        auto answer = ask(std::max(left, milliseconds{1}));
        if (answer || !is_away(answer.code()) || clock::now() + pause >= end)
            return answer;
        std::this_thread::sleep_for(pause);
    }
}

} // namespace troupe::client
