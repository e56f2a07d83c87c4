#include "actors/broker/client_sessions.hpp"

#include "actors/messages/type_ids.hpp"

namespace troupe::actors {

client_sessions::entered client_sessions::enter(const client_session_actor& session, const client_origin& origin) {
    const auto [known, is_new] = numbers_.try_emplace(session.address(), next_);
    if (is_new) {
        if (origin.connection != 0)
            connections_.emplace(origin.connection, next_);
        clients_.emplace(next_++, client{session, origin});
    }
    return {known->second, is_new};
}

std::optional<session_number> client_sessions::leave(const caf::actor_addr& session) {
    const auto known = numbers_.extract(session);
    if (known.empty())
        return std::nullopt;
    const auto left = clients_.extract(known.mapped());
    connections_.erase(left.mapped().origin.connection);
    return known.mapped();
}

const client_sessions::client* client_sessions::find(session_number session) const {
    const auto known = clients_.find(session);
    return known == clients_.end() ? nullptr : &known->second;
}

session_number client_sessions::of_connection(std::uint64_t connection) const {
    const auto known = connections_.find(connection);
    return known == connections_.end() ? session_number{0} : known->second;
}

} // namespace troupe::actors
