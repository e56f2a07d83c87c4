#include "actors/net/broker_listener.hpp"

#include <utility>

namespace troupe::actors::net {

std::shared_ptr<const broker_entry> entry_of(const broker_node& node) {
    return std::make_shared<const broker_entry>(
        broker_entry{node.broker(),          node.log_writer(),       node.directory(),    node.append_admission(),
                     node.metrics(),         node.make_encoder(),     node.broker_admin(), node.queue_locks(),
                     node.message_finder(),  node.lookup_admission(), node.traffic(),      node.broker_members(),
                     node.message_back(),    node.transactions(),     node.transactions(), node.timer_keeper(),
                     node.timer_admission(), node.deliveries(),       node.options().now,  node.pops(),
                     node.pop_keeper(),      node.pop_admission(),    node.quotas(),       node.shares()});
}

result<bound_listener> spawn_broker_listener(caf::actor_system& system, listener_options options, const broker_node& node,
                                             gateway_options gateway) {
    return spawn_listener(system, std::move(options), {entry_of(node), {}, {}}, gateway);
}

} // namespace troupe::actors::net
