#pragma once

#include "client/internal/asker.hpp"

#include <chrono>
#include <map>
#include <mutex>
#include <string>

namespace troupe::client {

/// Which brokers hand out a topic's messages, for callers that ask brokers themselves: remembered, so that not each call needs the name
/// servers, nor any of them while they are away.
///
/// Threads  safe to use from any thread. Blocks only on what `ask` asks, without holding a lock.
/// Size     one entry per topic asked for; its owner asks for two.
class known_brokers {
public:
    using clock = std::chrono::steady_clock;
    using broker_map = std::map<std::string, actors::broker_actor>; ///< by broker name

    struct options {
        std::chrono::milliseconds refresh{30'000}; ///< a route is asked for anew
        std::chrono::milliseconds retry{5'000};    ///< so is a topic that did not exist, or one when no name server answered
        std::chrono::milliseconds pause{1'000};    ///< a broker that has failed is left alone, if there are others
    };
    explicit known_brokers(options all) : options_{all} {}

    /// Brokers with queues of the topic to read; those that cannot be dialed are left out while there is another. Fails with topic_not_found, no_route, no_name_server, connect_failed, timed_out.
    result<broker_map> of_topic(asker& ask, const std::string& topic);
    /// The broker of that name: as of_topic() has shown it, as another user of the connection knows it, or as the name servers say.
    result<actors::broker_actor> named(asker& ask, const std::string& broker_name);

    /// It did not answer: routes are asked for anew, and it is left alone for a while.
    void failed(const std::string& broker_name);
    void answered(const std::string& broker_name);
    /// Whether it has failed just now.
    [[nodiscard]] bool is_suspect(const std::string& broker_name) const;

private:
    struct topic_entry {
        broker_map brokers;
        error failure; ///< code none: `brokers` hold
        clock::time_point fresh_until;
    };
    static result<broker_map> look_up(asker& ask, const std::string& topic);

    options options_;
    mutable std::mutex mutex_;
    std::map<std::string, topic_entry> topics_;
    std::map<std::string, clock::time_point> suspects_; ///< until when
};

} // namespace troupe::client
