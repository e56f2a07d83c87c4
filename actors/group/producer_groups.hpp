#pragma once

#include "actors/group/consumer_groups.hpp"

#include <chrono>
#include <cstddef>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <vector>

namespace troupe::actors {

/// Which clients produce in which groups. Nobody is told of changes: producers share nothing. Tools ask who is there, and a
/// reply finds its requester here.
///
/// Threads  not synchronised. Time is an argument.
/// Bounded  at most `memberships_max` pairs of client and group.
/// Always   1. A client leaves a group by unregister, by the end of its session, or after `expire` without a heartbeat that
///          names the group.
///          2. A client id is one client: the session of its last heartbeat is the one it is reached by.
/// Source   RocketMQ's ProducerManager.
class producer_groups {
public:
    struct producer {
        std::string client_id;
        session_number session = 0;
        clock_time last_heartbeat;
    };

    producer_groups(std::chrono::milliseconds expire, std::size_t memberships_max) : expire_{expire}, memberships_max_{memberships_max} {}

    /// Adds or refreshes the client in `groups`. False, and nothing has changed, when there is no room.
    [[nodiscard]] bool heartbeat(const std::string& client_id, const std::vector<std::string>& groups, session_number session,
                                 clock_time now);
    void unregister(std::string_view client_id, std::string_view group);
    /// The session ended: takes out the clients that came by it last.
    void session_lost(session_number session);
    void expire(clock_time now);

    /// The clients of a group, by client id.
    [[nodiscard]] std::vector<producer> clients(std::string_view group) const;
    [[nodiscard]] std::vector<std::string> groups() const; ///< sorted
    /// By which session a client is reached; nothing when no group has it.
    [[nodiscard]] std::optional<session_number> session_of(std::string_view client_id) const;
    [[nodiscard]] std::size_t membership_count() const { return membership_count_; }

private:
    struct client {
        session_number session = 0;
        std::map<std::string, clock_time, std::less<>> groups; ///< with the last heartbeat that named them
    };
    using client_map = std::map<std::string, client, std::less<>>;

    void leave_session(const std::string& client_id, session_number session);
    void leave_group(std::string_view group, std::string_view client_id);
    /// Takes a client out of one group, and away when it was the last. `known` may be gone afterwards.
    void remove(client_map::iterator known, std::string_view group);

    std::chrono::milliseconds expire_;
    std::size_t memberships_max_;
    client_map clients_;
    std::map<std::string, std::set<std::string, std::less<>>, std::less<>> groups_; ///< client ids by group
    std::map<session_number, std::set<std::string>> sessions_;                      ///< client ids by session
    std::size_t membership_count_ = 0;
};

} // namespace troupe::actors
