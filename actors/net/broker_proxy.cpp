#include "actors/net/broker_proxy.hpp"

#include "actors/group/queue_locks.hpp"
#include "actors/log/message_finder.hpp"
#include "actors/messages/broker_admin.hpp"
#include "actors/messages/member_messages.hpp"
#include "actors/messages/message_back.hpp"
#include "actors/messages/pop_messages.hpp"
#include "actors/messages/transaction_messages.hpp"
#include "actors/net/proxy.hpp"
#include "actors/schedule/timer_keeper.hpp"

#include <caf/actor_cast.hpp>

#include <utility>

namespace troupe::actors::net {

broker_actor spawn_broker_proxy(caf::actor_system& system, std::string address, link_options options) {
    return caf::actor_cast<broker_actor>(spawn_proxy(system, proxy_role::broker, std::move(address), options));
}

template <class Role>
Role role_of(const broker_actor& broker) {
    return caf::actor_cast<Role>(broker);
}

template broker_admin_actor role_of(const broker_actor&);
template message_back_actor role_of(const broker_actor&);
template message_finder_actor role_of(const broker_actor&);
template operator_actor role_of(const broker_actor&);
template pop_actor role_of(const broker_actor&);
template queue_lock_role role_of(const broker_actor&);
template reply_sender_actor role_of(const broker_actor&);
template timers_actor role_of(const broker_actor&);
template transaction_actor role_of(const broker_actor&);

} // namespace troupe::actors::net
