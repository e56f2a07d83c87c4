#pragma once

#include "actors/pull_hold.hpp"
#include "protocol/bodies.hpp"

#include <chrono>
#include <cstdint>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <vector>

namespace troupe::actors {

/// Number that the broker gives a client session; 0 for a client without one.
using session_number = std::uint64_t;

/// Which clients are in which groups, and what each group has subscribed to.
///
/// Threads  not synchronised. Time is an argument.
/// Always   1. A member leaves by unregister, by the end of its session, or after `expire` without a heartbeat.
///          2. Each change that consumers must hear of is named in a returned set of groups (never a broadcasting group).
/// Source   reference "broker-semantics.md" 4.9, "remoting-client.md" 4.1. The subscription of a group is that of the last
///          heartbeat, as in RocketMQ; unlike there, an expired member is announced too.
class consumer_groups {
public:
    explicit consumer_groups(std::chrono::milliseconds expire) : expire_{expire} {}

    /// Adds or refreshes the client in all groups it names. Without `with_subscriptions` the groups keep those they have: it is
    /// the short form of a heartbeat. Returns the groups to notify.
    std::set<std::string> heartbeat(const protocol::heartbeat_data& data, session_number session, clock_time now,
                                    bool with_subscriptions = true);
    /// Takes the client out of one group. Returns the groups to notify.
    std::set<std::string> unregister(std::string_view client_id, std::string_view group);
    /// The session ended: takes out the members that came by it last.
    std::set<std::string> session_lost(session_number session);
    /// Takes out members whose last heartbeat is `expire` or more ago.
    std::set<std::string> expire(clock_time now);

    [[nodiscard]] bool has_members(std::string_view group) const;
    [[nodiscard]] std::vector<std::string> members(std::string_view group) const; ///< client ids, sorted
    /// Sessions of the members, each once; without 0.
    [[nodiscard]] std::set<session_number> sessions(std::string_view group) const;
    /// What a group wants of a topic; nullptr when it has not subscribed to it.
    [[nodiscard]] const protocol::subscription_data* subscription(std::string_view group, std::string_view topic) const;
    [[nodiscard]] bool is_broadcasting(std::string_view group) const;

    /// A group as a whole: its members with their sessions (0: none), its topics, and how the last heartbeat says it reads.
    struct group_view {
        std::map<std::string, session_number> members;                    ///< by client id
        std::map<std::string, protocol::subscription_data> subscriptions; ///< by topic
        protocol::consume_type type = protocol::consume_type::passively;
        protocol::message_model model = protocol::message_model::clustering;
        protocol::consume_from from = protocol::consume_from::last_offset;
    };
    /// Nothing when no member is there.
    [[nodiscard]] std::optional<group_view> view(std::string_view group) const;
    /// Names of the groups with members that have subscribed to `topic`, sorted.
    [[nodiscard]] std::vector<std::string> subscribers(std::string_view topic) const;

    [[nodiscard]] std::size_t group_count() const { return groups_.size(); }
    /// A client counts once for each group it is in.
    [[nodiscard]] std::size_t member_count() const { return member_count_; }

private:
    struct member {
        session_number session = 0;
        clock_time last_heartbeat;
    };
    struct group_state {
        std::map<std::string, member, std::less<>> members;
        std::map<std::string, protocol::subscription_data, std::less<>> subscriptions; ///< by topic
        protocol::consume_type type = protocol::consume_type::passively;
        protocol::message_model model = protocol::message_model::clustering;
        protocol::consume_from from = protocol::consume_from::last_offset;
    };
    using group_map = std::map<std::string, group_state, std::less<>>;

    /// True when a topic came or went.
    static bool replace_subscriptions(group_state& group, const std::vector<protocol::subscription_data>& wanted);
    /// Takes members out of one group, and the group out when none is left. True when the others must be told.
    template <class Predicate>
    bool remove_from(group_map::iterator group, Predicate leaves);
    template <class Predicate>
    std::set<std::string> remove_if(Predicate leaves);

    std::chrono::milliseconds expire_;
    group_map groups_;
    std::size_t member_count_ = 0;
};

} // namespace troupe::actors
