#pragma once

#include "actors/group/shared_client_ids.hpp"
#include "actors/log/pull_hold.hpp"
#include "protocol/bodies.hpp"
#include "protocol/group_members.hpp"

#include <chrono>
#include <cstdint>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace troupe::actors {

/// Which clients are in which groups, and what each member has subscribed to.
///
/// Threads  not synchronised. Time is an argument.
/// Always   1. A member leaves by unregister, by the end of its session, or after `expire` without a heartbeat.
///          2. Each change that consumers must hear of is named in a returned set of groups (never a broadcasting group).
///          3. A member's heartbeat changes nothing of what is known of other members.
/// Source   RocketMQ's ConsumerManager, ConsumerGroupInfo. Unlike RocketMQ, which keeps one subscription per group and
///          lets each heartbeat replace it, each member has its own (docs/decisions/0013); and an expired member is announced too.
class consumer_groups {
public:
    explicit consumer_groups(std::chrono::milliseconds expire) : expire_{expire}, shared_ids_{expire} {}
    // Members are found by address as well: they stay where they are in a move, and a copy would have those of the original.
    consumer_groups(consumer_groups&&) = default;
    consumer_groups& operator=(consumer_groups&&) = default;
    consumer_groups(const consumer_groups&) = delete;
    consumer_groups& operator=(const consumer_groups&) = delete;
    ~consumer_groups() = default;

    /// Adds or refreshes the client in all groups it names. Without `with_subscriptions` it keeps those it has: it is the short form
    /// of a heartbeat. Returns the groups to notify.
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

    // ---- what they subscribe to -------------------------------------------------------------------------------------

    /// The newest of what any member wants of a topic; nullptr when none has subscribed to it.
    [[nodiscard]] const protocol::subscription_data* subscription(std::string_view group, std::string_view topic) const;
    /// A member came by this session and has told what it subscribes to.
    [[nodiscard]] bool is_told(std::string_view group, session_number session) const;
    /// What the member that came by this session wants of a topic, the newest if there are several; nullptr: nothing.
    [[nodiscard]] const protocol::subscription_data* subscription(std::string_view group, std::string_view topic,
                                                                  session_number session) const;
    /// Members differ in what they must have in common.
    [[nodiscard]] bool differs(std::string_view group) const;
    /// Groups whose members differ.
    [[nodiscard]] std::size_t differing_count() const { return differing_count_; }
    /// As the last heartbeat says.
    [[nodiscard]] bool is_broadcasting(std::string_view group) const;

    /// A group as a whole: its members with their sessions (0: none), its topics, and how the last heartbeat says it reads.
    struct group_view {
        std::map<std::string, session_number> members;                    ///< by client id
        std::map<std::string, protocol::subscription_data> subscriptions; ///< by topic, of all members; the newest of several
        protocol::consume_type type = protocol::consume_type::passively;
        protocol::message_model model = protocol::message_model::clustering;
        protocol::consume_from from = protocol::consume_from::last_offset;
    };
    /// Nothing when no member is there.
    [[nodiscard]] std::optional<group_view> view(std::string_view group) const;
    /// A member. Of its connection only the client id is known here.
    struct seen_member {
        session_number session = 0;
        std::vector<session_number> others; ///< that use the same client id at the same time (shared_client_ids.hpp)
        protocol::described_member member;
    };
    [[nodiscard]] std::vector<seen_member> view_members(std::string_view group) const; ///< by client id
    /// Names of the groups with members that are no keys of `known`, sorted.
    template <class Map>
    [[nodiscard]] std::vector<std::string> groups_outside(const Map& known) const {
        std::vector<std::string> names;
        for (const auto& entry : groups_)
            if (!known.contains(entry.first))
                names.push_back(entry.first);
        return names;
    }
    /// Names of the groups with members that have subscribed to `topic`, sorted.
    [[nodiscard]] std::vector<std::string> subscribers(std::string_view topic) const;

    /// Something to write down about a group.
    struct news {
        std::string group;
        std::string differences; ///< in one line; empty: its members agree again
        friend bool operator==(const news&, const news&) = default;
    };
    /// Between two that are told of one group; what changes meanwhile is told then, once.
    static constexpr std::chrono::minutes news_interval{1};
    /// What has changed since it was told, of at most `news_max` groups. To be called every second or so.
    std::vector<news> take_news(clock_time now, std::size_t news_max);

    /// Client ids that came to be shared, likewise.
    std::vector<shared_client_ids::news> take_shared_ids(std::size_t news_max) { return shared_ids_.take_news(news_max); }
    /// Members whose client id several processes of their group use.
    [[nodiscard]] std::size_t shared_id_count() const { return shared_ids_.count(); }

    [[nodiscard]] std::size_t group_count() const { return groups_.size(); }
    /// A client counts once for each group it is in.
    [[nodiscard]] std::size_t member_count() const { return member_count_; }

private:
    struct member {
        session_number session = 0;
        clock_time last_heartbeat;
        protocol::consume_type type = protocol::consume_type::passively;
        protocol::message_model model = protocol::message_model::clustering;
        protocol::consume_from from = protocol::consume_from::last_offset;
        bool is_told = false;
        std::map<std::string, protocol::subscription_data, std::less<>> subscriptions; ///< by topic
        std::size_t stance = 0;                                                        ///< hash of protocol::stance_of; only if told
    };
    using member_map = std::map<std::string, member, std::less<>>;
    struct group_state {
        member_map members;
        std::multimap<session_number, const member*> by_session; ///< the same; pulls come by session
        std::map<std::size_t, std::size_t> stances;              ///< how many members have each: they agree when there is one
        protocol::consume_type type = protocol::consume_type::passively;
        protocol::message_model model = protocol::message_model::clustering;
        protocol::consume_from from = protocol::consume_from::last_offset;
        std::string told; ///< the differences that were told last; empty: none
        clock_time tell_not_before;
    };
    using group_map = std::map<std::string, group_state, std::less<>>;

    struct change {
        bool of_topics = false; ///< one came or went
        bool of_expressions = false;
    };
    static change replace_subscriptions(member& one, const std::vector<protocol::subscription_data>& wanted);
    static protocol::described_member to_group_member(const std::string& client_id, const member& one);
    static void forget_session(group_state& group, const member& one);
    void take_stance(const std::string& group_name, group_state& group, const std::string& client_id, member& one);
    void leave_stance(const std::string& group_name, group_state& group, const member& one);
    /// Takes members out of one group, and the group out when none is left. True when the others must be told.
    template <class Predicate>
    bool remove_from(group_map::iterator group, Predicate leaves);
    template <class Predicate>
    std::set<std::string> remove_if(Predicate leaves);

    std::chrono::milliseconds expire_;
    group_map groups_;
    std::size_t member_count_ = 0;
    std::size_t differing_count_ = 0;
    std::set<std::string> unsettled_; ///< groups with something to tell, perhaps
    shared_client_ids shared_ids_;
};

} // namespace troupe::actors
