#pragma once

#include "actors/messages/messages.hpp"

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <map>
#include <optional>
#include <span>
#include <string>
#include <vector>

namespace troupe::actors {

/// Which brokers live, and which topics they have: the decisions of a name server, without its mailbox.
///
/// Time     an argument (steady); the class has no clock and no timer.
/// Threads  one at a time, its actor's.
/// Always   1. A broker is in the routes exactly from its registration to its end, expiry or unregistration.
///          2. With the last address of a broker name, its topics' queues go too.
/// Source: RocketMQ's RouteInfoManager. Not copied: refusing a new broker that has exactly one topic.
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

    /// What only RocketMQ's brokers say of themselves.
    struct broker_details {
        std::string ha_address;            ///< where its replicas connect
        std::optional<bool> acting_master; ///< none: RocketMQ before 5, or Troupe
    };
    /// Adds or refreshes a broker and its topics. Topics that are missing now stay (216 removes them), as in RocketMQ. A replica's
    /// topics count only while it is of RocketMQ 5 and has the lowest id, so that they can be read without the master.
    /// Fails with argument_illegal (a name or address that is empty, over 255 bytes or not printable, negative id) and busy.
    result<void> register_broker(const actors::register_broker& broker, time_point now, const broker_details& details);
    result<void> register_broker(const actors::register_broker& broker, time_point now) { return register_broker(broker, now, {}); }
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
    /// The same at the brokers of one cluster.
    void forget_topic(const std::string& topic, const std::string& cluster);

    /// Adds or changes the queues of one topic; nothing when one of the brokers is not registered. Fails with argument_illegal and busy.
    result<void> add_queues(const std::string& topic, std::span<const protocol::queue_data> queues);
    /// Takes all topics of a broker out of writing, or lets all be read and written, until it registers a change. Returns how many
    /// it has.
    std::size_t set_writable(const std::string& broker_name, bool writable);
    /// nullptr when no broker of this name lives. Valid until the next change.
    [[nodiscard]] const protocol::broker_data* find_broker(const std::string& broker_name) const;
    struct master {
        std::string address;
        std::string ha_address;
    };
    /// Of a broker set whose master lives.
    [[nodiscard]] std::optional<master> find_master(const std::string& broker_name) const;
    /// The version of its topics that a broker registered last.
    [[nodiscard]] std::optional<protocol::data_version> find_version(const live_key& broker) const;
    [[nodiscard]] std::vector<std::string> topics_of(const std::string& cluster) const; ///< sorted
    /// Topics whose flags at their first broker have all of `set` and none of `clear`; sorted.
    [[nodiscard]] std::vector<std::string> topics_with(std::int32_t set, std::int32_t clear) const;
    [[nodiscard]] std::size_t broker_count() const { return live_.size(); }

private:
    struct live_broker {
        std::string broker_name;
        std::int64_t id = 0;
        time_point last_seen;
        std::chrono::milliseconds expire{expire_default};
        protocol::data_version version;
        std::string ha_address;
    };

    [[nodiscard]] result<void> check_room(const actors::register_broker& broker, const broker_details& details) const;
    [[nodiscard]] result<void> check_routes(std::size_t added) const;
    [[nodiscard]] bool is_stale(const protocol::broker_data& known, const actors::register_broker& broker) const;
    void drop_other_ids(protocol::broker_data& known, const actors::register_broker& broker);
    void update_queues(const actors::register_broker& broker, bool changed, bool writable);
    void remove_address(const std::string& broker_name, const std::string& address);

    bounds allowed_;
    std::size_t route_count_ = 0;                                               ///< entries of the inner maps of queues_
    std::map<std::string, protocol::broker_data> brokers_;                      ///< by broker name
    std::map<std::string, std::map<std::string, protocol::queue_data>> queues_; ///< topic, broker name
    std::map<live_key, live_broker> live_;
};

} // namespace troupe::actors
