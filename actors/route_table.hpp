#pragma once

#include "actors/messages.hpp"

#include <chrono>
#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <vector>

namespace troupe::actors {

/// Which brokers live, and which topics they have: the decisions of a name server, without its mailbox.
///
/// Time     an argument (steady); the class has no clock and no timer.
/// Threads  one at a time, its actor's.
/// Always   1. A broker is in the routes exactly from its registration to its end, expiry or unregistration.
///          2. With the last address of a broker name, its topics' queues go too.
/// Source: reference "remoting-admin.md" 1.3 to 1.6. Not copied: refusing a new broker that has exactly one topic.
class route_table {
public:
    using time_point = std::chrono::steady_clock::time_point;
    static constexpr std::chrono::milliseconds expire_default{120'000};
    static constexpr std::chrono::milliseconds expire_max{3'600'000}; ///< longer wishes are cut to this

    /// Bounds on what strangers who register can make us keep; beyond them a newcomer is told busy.
    struct bounds {
        std::size_t brokers_max = 10'000;   ///< addresses, whatever their names
        std::size_t routes_max = 1'000'000; ///< a topic counts once for each broker name that has it
    };
    route_table() = default;
    explicit route_table(bounds allowed) : allowed_{allowed} {}

    /// One registered broker process: the key of a sign of life.
    struct live_key {
        std::string cluster;
        std::string address;
        friend auto operator<=>(const live_key&, const live_key&) = default;
    };

    /// Adds or refreshes a broker and its topics. Topics that are missing now stay (216 removes them), as in RocketMQ.
    /// Fails with argument_illegal (a name or address that is empty, over 255 bytes or not printable, negative id) and busy.
    result<void> register_broker(const actors::register_broker& broker, time_point now);
    void unregister_broker(const actors::unregister_broker& broker);
    /// A sign of life; false if no such broker is registered.
    bool heartbeat(const live_key& broker, time_point now);
    /// Removes a broker by its address, whatever its name and id are.
    void remove(const live_key& broker);
    /// Removes every broker without a sign of life for longer than its expiry. Returns who went.
    std::vector<live_key> expire(time_point now);

    /// nullopt when no live broker has the topic.
    [[nodiscard]] std::optional<protocol::topic_route> find(const std::string& topic) const;
    [[nodiscard]] protocol::cluster_info clusters() const;
    [[nodiscard]] std::vector<std::string> topics() const; ///< sorted
    void forget_topic(const std::string& topic);
    [[nodiscard]] std::size_t broker_count() const { return live_.size(); }

private:
    struct live_broker {
        std::string broker_name;
        std::int64_t id = 0;
        time_point last_seen;
        std::chrono::milliseconds expire{expire_default};
        protocol::data_version version;
    };

    [[nodiscard]] result<void> check_room(const actors::register_broker& broker) const;
    [[nodiscard]] bool is_stale(const protocol::broker_data& known, const actors::register_broker& broker) const;
    void drop_other_ids(protocol::broker_data& known, const actors::register_broker& broker);
    void update_queues(const actors::register_broker& broker, bool changed);
    void remove_address(const std::string& broker_name, const std::string& address);

    bounds allowed_;
    std::size_t route_count_ = 0;                                               ///< entries of the inner maps of queues_
    std::map<std::string, protocol::broker_data> brokers_;                      ///< by broker name
    std::map<std::string, std::map<std::string, protocol::queue_data>> queues_; ///< topic, broker name
    std::map<live_key, live_broker> live_;
};

} // namespace troupe::actors
