#pragma once

#include "tests/scenario/load.hpp"

#include <doctest/doctest.h>

namespace troupe::scenario {

/// Reads all of `topic` from the beginning into `reread`, which knows what was sent and has seen no delivery yet: nothing
/// acknowledged is missing, nothing is there that nobody sent, every offset is there once, and each sender's messages are
/// in order. The reader of the load cannot say so: it saw each message near the moment when it was stored.
inline void check_everything_again(const client::connection& via, const std::string& topic, testing::history& reread) {
    constexpr std::chrono::seconds limit{60};
    const auto found = read_everything(via, topic, reread, limit);
    CHECK(found.messages > 0);
    CHECK_MESSAGE(found.unread.empty(), (found.unread.empty() ? "" : found.unread.front()));
    CHECK_MESSAGE(found.gaps.empty(), (found.gaps.empty() ? "" : found.gaps.front()));
    CHECK_MESSAGE(found.out_of_order.empty(), (found.out_of_order.empty() ? "" : found.out_of_order.front()));
    const auto verdict = testing::check(reread);
    CHECK_MESSAGE(verdict.good(), to_string(verdict));
    CHECK(verdict.redeliveries == 0);
    MESSAGE(found.messages << " read from the beginning, " << to_string(verdict));
}

} // namespace troupe::scenario
