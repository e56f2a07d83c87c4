#pragma once

#include "actors/log/pull_hold.hpp"

#include <chrono>
#include <compare>
#include <cstddef>
#include <cstdint>
#include <map>
#include <set>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace troupe::actors {

/// Number that the broker gives a client session; 0 for a client without one.
using session_number = std::uint64_t;

/// Finds client ids that two processes of one group use at once: the heartbeats of each take the member from the other, both get the share
/// of one, and pulls are filtered by whoever spoke last. Containers with the same address and process id do so.
///
/// What tells it from a client that connects anew is that the old connection comes back: it goes A, B, A, B, while a new connection is
/// never left for the one before it. A heartbeat that was overtaken on its way makes two such steps, so it takes `returns_min` of them
/// without a new connection in between. What counts is a connection that has not ended and was heard within `expire`.
///
/// Threads  not synchronised. Time is an argument.
/// Memory   of a client id only while it has come by more than one connection within `expire`: `connections_max` of them at most.
class shared_client_ids {
public:
    static constexpr int returns_min = 3;
    static constexpr std::size_t connections_max = 8; ///< of one client id in one group; more than those that came first are not remembered

    explicit shared_client_ids(std::chrono::milliseconds expire) : expire_{expire} {}

    /// A member that was heard by `from` at `from_heard` last is heard by another session now. Session 0 has no connection and is passed over.
    void moved(const std::string& group, const std::string& client_id, session_number from, clock_time from_heard, session_number to,
               clock_time now);
    /// The member is out of the group, whatever was known of it.
    void left(std::string_view group, std::string_view client_id);
    void session_lost(session_number session);
    void expire(clock_time now);

    /// All sessions that use the client id, in ascending order; empty when it is not shared.
    [[nodiscard]] std::vector<session_number> sessions(std::string_view group, std::string_view client_id) const;
    [[nodiscard]] std::size_t count() const { return shared_count_; } ///< client ids that are shared now, each in each of its groups

    struct news {
        std::string group;
        std::string client_id;
        std::vector<session_number> sessions; ///< at least two
        friend bool operator==(const news&, const news&) = default;
    };
    /// Those that came to be shared since the last call, of at most `news_max`; the others follow with the next. Each is told once until it
    /// has stopped being shared. To be called every second or so.
    std::vector<news> take_news(std::size_t news_max);

private:
    struct user {
        std::string group;
        std::string client_id;
        friend auto operator<=>(const user&, const user&) = default;
    };
    struct by_name {
        using is_transparent = void;
        using view = std::pair<std::string_view, std::string_view>;
        static view of(const user& one) { return {one.group, one.client_id}; }
        static view of(const view& one) { return one; }
        template <class Left, class Right>
        bool operator()(const Left& left, const Right& right) const {
            return of(left) < of(right);
        }
    };
    struct entry {
        std::map<session_number, clock_time> heard; ///< its connections that have not ended, and when each spoke last
        int returns = 0;                            ///< to a connection that it had left, while both were there; returns_min: shared
    };
    using entry_map = std::map<user, entry, by_name>;

    static bool note(entry& one, session_number session, clock_time when);
    entry_map::iterator erase(entry_map::iterator place);
    template <class Predicate>
    void forget_connections(Predicate gone);

    std::chrono::milliseconds expire_;
    entry_map entries_;
    std::set<user> untold_; ///< shared ones
    std::size_t shared_count_ = 0;
};

} // namespace troupe::actors
