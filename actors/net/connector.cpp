#include "actors/net/connector.hpp"

#include "actors/net/socket.hpp"

#include <caf/actor_system.hpp>
#include <caf/event_based_actor.hpp>
#include <caf/send.hpp>

#include <utility>

namespace troupe::actors::net {

namespace {

dial_ended dial(const std::string& address, std::chrono::milliseconds timeout) {
    const auto target = split_address(address);
    if (!target)
        return {nullptr, target.failure()};
    const auto socket = connect_socket(target->first, target->second, timeout);
    if (!socket)
        return {nullptr, socket.failure()};
    return {std::make_shared<dialed_socket>(*socket), {}};
}

} // namespace

dialed_socket::~dialed_socket() {
    if (socket_ >= 0)
        close_socket(socket_);
}

int dialed_socket::take() {
    return std::exchange(socket_, -1);
}

void spawn_connector(caf::actor_system& system, std::string address, std::chrono::milliseconds timeout, const caf::actor& reply_to) {
    system.spawn<caf::detached>(
        [address = std::move(address), timeout, reply_to](caf::event_based_actor*) { caf::anon_send(reply_to, dial(address, timeout)); });
}

} // namespace troupe::actors::net
