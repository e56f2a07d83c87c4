#pragma once

#include "actors/group/consumer_groups.hpp"
#include "actors/messages/member_messages.hpp"

#include <caf/actor_addr.hpp>

#include <cstdint>
#include <map>
#include <optional>
#include <unordered_map>

namespace troupe::actors {

/// The sessions of connected clients, by the numbers under which the books of members know them. A number is never given twice.
///
/// Threads  not synchronised. Its owner monitors each session that is new, and says when it has ended.
class client_sessions {
public:
    struct client {
        client_session_actor actor;
        client_origin origin;
    };
    struct entered {
        session_number number = 0;
        bool is_new = false;
    };
    /// `session` is not null. Where it comes from counts when it is new.
    entered enter(const client_session_actor& session, const client_origin& origin);
    /// The session has ended; whose number that was, if it was one of these.
    std::optional<session_number> leave(const caf::actor_addr& session);

    /// Null: it has ended, or there was none.
    [[nodiscard]] const client* find(session_number session) const;
    /// By the connection's number, as pulls name it; 0: it has none.
    [[nodiscard]] session_number of_connection(std::uint64_t connection) const;

private:
    std::map<session_number, client> clients_;
    std::map<caf::actor_addr, session_number> numbers_;
    std::unordered_map<std::uint64_t, session_number> connections_;
    session_number next_ = 1;
};

} // namespace troupe::actors
