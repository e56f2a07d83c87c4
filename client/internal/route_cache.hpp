#pragma once

#include "client/internal/retry_policy.hpp"
#include "client/message.hpp"
#include "protocol/bodies.hpp"
#include "protocol/vocabulary/result.hpp"

#include <cstddef>
#include <map>
#include <optional>
#include <string>
#include <vector>

namespace troupe::client {

/// Queues a client may write to and read from, by a route; both sorted. RocketMQ: topicRouteData2TopicPublishInfo.
struct route_queues {
    std::vector<message_queue> writable; ///< only of brokers with a master
    std::vector<message_queue> readable;
    friend bool operator==(const route_queues&, const route_queues&) = default;
};
route_queues queues_of(const std::string& topic, const protocol::topic_route& route);

/// The address to talk to for each broker name: the master, else the lowest id.
std::map<std::string, std::string> addresses_of(const protocol::topic_route& route);

/// What a producer makes of the template topic's route (RocketMQ: TBW102) for a topic that does not exist yet.
protocol::topic_route template_route(protocol::topic_route route);

/// Which topics are of interest, what is known of their routes, and when to ask again.
///
/// Threads  not synchronised.
/// Always   a route once known is kept when name servers are away or say that they do not know the topic (they may have
///          just restarted): brokers tell the truth about topics they lost.
/// Size     one entry per watched topic, at most topics_max.
class route_cache {
public:
    struct options {
        milliseconds refresh{30'000};
        milliseconds retry_min{150};  ///< between two questions about one topic
        milliseconds retry_max{1000}; ///< while nothing is known
        int misses_believed = 3;      ///< so many answers "no such topic" in a row are believed
        std::size_t topics_max = 20'000;
    };
    explicit route_cache(options all) : options_{all} {}

    /// One more party wants the topic. False: there is no room.
    bool watch(const std::string& topic, bool may_create, time_point now);
    void unwatch(const std::string& topic);
    /// Something contradicts the route: ask soon.
    void suspect(const std::string& topic, time_point now);

    /// Topics to ask for now; each is asked for until found() or failed() is called for it.
    std::vector<std::string> take_due(time_point now, std::size_t count_max);
    /// When the next topic falls due; nullopt: never.
    [[nodiscard]] std::optional<time_point> next_due() const;

    /// True when the route differs from what was known.
    bool found(const std::string& topic, protocol::topic_route route, time_point now);
    /// The failure to tell whoever waits, if it is final for now and no route is known.
    std::optional<error> failed(const std::string& topic, const error& failure, time_point now);

    [[nodiscard]] const protocol::topic_route* find(const std::string& topic) const;
    /// A producer wants the topic, so that the template topic will do.
    [[nodiscard]] bool may_create(const std::string& topic) const;
    /// Addresses by broker name over all known routes.
    [[nodiscard]] std::map<std::string, std::string> all_addresses() const;

private:
    struct entry {
        std::size_t watchers = 0;
        bool may_create = false;
        bool asking = false;
        bool suspected = false; ///< while asking
        std::optional<protocol::topic_route> route;
        int misses = 0;
        time_point asked;
        time_point due;
        backoff pause;
    };
    options options_;
    std::map<std::string, entry> entries_;
};

} // namespace troupe::client
