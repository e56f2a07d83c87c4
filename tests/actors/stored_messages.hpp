#pragma once

#include "protocol/message_codec.hpp"
#include "storage/message_store.hpp"

#include <doctest/doctest.h>

#include <string>
#include <vector>

namespace troupe::test_support {

/// Everything that a store has in a queue.
inline std::vector<protocol::message> stored_messages(const storage::message_store& store, const topic_queue& queue) {
    std::vector<protocol::message> all;
    for (auto at = store.bounds(queue)->min;;) {
        const auto read = store.read(queue, at, {}, {1'000, 16u << 20});
        REQUIRE_MESSAGE(read.ok(), (read ? std::string{} : to_string(read.failure())));
        if (read->status != storage::read_status::found)
            return all;
        auto messages = protocol::decode_records(read->records);
        REQUIRE(messages.ok());
        all.insert(all.end(), messages->begin(), messages->end());
        at = read->next;
    }
}

} // namespace troupe::test_support
