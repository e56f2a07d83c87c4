#include "client/internal/queue_selector.hpp"

#include "protocol/message_codec.hpp"

#include <algorithm>

namespace troupe::client {

namespace {

std::size_t index_of_key(std::string_view key, std::size_t queues) {
    const auto hash = static_cast<std::int64_t>(protocol::tag_hash(key));
    return static_cast<std::size_t>(hash < 0 ? -hash : hash) % queues;
}

} // namespace

bool is_pinned(const queue_choice& choice, std::string_view sharding_key) {
    return choice.queue() || choice.function() || !choice.key().empty() || !sharding_key.empty();
}

std::optional<message_queue> queue_selector::select(std::span<const message_queue> queues, const queue_choice& choice,
                                                    std::string_view sharding_key, std::string_view avoid_broker) {
    if (choice.queue()) {
        const bool known = std::binary_search(queues.begin(), queues.end(), *choice.queue());
        return known ? choice.queue() : std::nullopt;
    }
    if (choice.function()) {
        const auto index = choice.function()(queues);
        return index < queues.size() ? std::optional{queues[index]} : std::nullopt;
    }
    if (!choice.key().empty())
        return queues[index_of_key(choice.key(), queues.size())];
    if (!sharding_key.empty())
        return queues[index_of_key(sharding_key, queues.size())];
    for (std::size_t tried = 0; tried < queues.size(); ++tried) {
        const auto& candidate = queues[turn_++ % queues.size()];
        if (avoid_broker.empty() || candidate.broker_name != avoid_broker)
            return candidate;
    }
    return queues[turn_++ % queues.size()]; // every queue is on that broker
}

} // namespace troupe::client
