#include "client/internal/queue_selector.hpp"

#include "protocol/message_codec.hpp"

#include <algorithm>
#include <exception>
#include <functional>
#include <string>

namespace troupe::client {

namespace {

std::size_t index_of_key(std::string_view key, std::size_t queues) {
    const auto hash = static_cast<std::int64_t>(protocol::tag_hash(key));
    return static_cast<std::size_t>(hash < 0 ? -hash : hash) % queues;
}

/// The caller's function runs on the producer's thread: its exceptions end here.
result<message_queue> ask_caller(std::span<const message_queue> queues,
                                 const std::function<std::size_t(std::span<const message_queue>)>& choose) {
    const auto threw = [&queues](const std::string& what) {
        return error{errc::argument_illegal,
                     "the caller's function that chooses a queue of topic " + queues.front().topic + " threw an exception" + what};
    };
    try {
        const auto index = choose(queues);
        if (index < queues.size())
            return queues[index];
        return error{errc::queue_not_found, "the caller's function chose queue " + std::to_string(index) + " of the " +
                                                std::to_string(queues.size()) + " of topic " + queues.front().topic};
    } catch (const std::exception& problem) {
        return threw(std::string{": "} + problem.what());
    } catch (...) {
        return threw("");
    }
}

} // namespace

bool is_pinned(const queue_choice& choice, std::string_view sharding_key) {
    return choice.queue() || choice.function() || !choice.key().empty() || !sharding_key.empty();
}

result<message_queue> queue_selector::select(std::span<const message_queue> queues, const queue_choice& choice,
                                             std::string_view sharding_key, std::string_view avoid_broker) {
    if (choice.queue()) {
        const auto& wanted = *choice.queue();
        if (std::binary_search(queues.begin(), queues.end(), wanted))
            return wanted;
        return error{errc::queue_not_found, "topic " + queues.front().topic + " has no writable queue " + std::to_string(wanted.queue) +
                                                " on broker " + wanted.broker_name};
    }
    if (choice.function())
        return ask_caller(queues, choice.function());
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
