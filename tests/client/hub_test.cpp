#include "client/internal/hub.hpp"

#include "tests/client/fake_cluster.hpp"

#include <caf/actor_cast.hpp>
#include <caf/event_based_actor.hpp>
#include <caf/send.hpp>

#include <doctest/doctest.h>

#include <memory>
#include <string>

using namespace troupe;
using namespace troupe::client;
using namespace std::chrono_literals;
using actors::net::link_change;

namespace {

struct fickle_broker {
    int heartbeats = 0;
    bool accepts = false; ///< else it closes each connection when a heartbeat has come
    actors::net::connection_watcher_actor watcher;
};

/// What a proxy does whose peer accepts connections and closes them.
caf::behavior run_broker(caf::event_based_actor* self, const std::shared_ptr<fickle_broker>& broker, const std::string& address) {
    return {
        [self, broker, address](const actors::client_heartbeat& beat) -> caf::result<actors::heartbeat_accepted> {
            ++broker->heartbeats;
            broker->watcher = caf::actor_cast<actors::net::connection_watcher_actor>(beat.session);
            if (broker->accepts)
                return actors::heartbeat_accepted{};
            caf::anon_send(broker->watcher, actors::net::connection_changed{address, link_change::another});
            auto promise = self->make_response_promise<actors::heartbeat_accepted>();
            promise.deliver(actors::make_caf_error(errc::connection_lost, "the test wants it"));
            caf::anon_send(broker->watcher, actors::net::connection_changed{address, link_change::ended});
            return promise;
        },
    };
}

caf::behavior run_listener(caf::event_based_actor*) {
    return {[](const route_known&) {}, [](const membership_changed&) {}};
}

} // namespace

// Goal: a broker that is full must not be dialed as fast as it closes connections.
TEST_CASE("hub: a broker that closes every connection gets a heartbeat twice a second at most, and one at once when it is back") {
    test::world world;
    test::fake_cluster cluster{world, {"a"}};
    cluster.add_topic("t", 1);
    const auto broker = std::make_shared<fickle_broker>();
    caf::actor role;
    std::string dialed;
    hub_endpoints endpoints;
    endpoints.name_servers = {cluster.name_server};
    endpoints.dial = [&](const std::string&, const std::string& address) {
        dialed = address;
        role = world.system().spawn(run_broker, broker, address);
        return caf::actor_cast<actors::broker_actor>(role);
    };
    const auto hub = spawn_hub(world.system(), endpoints, {});
    const auto listener = world.system().spawn(run_listener);
    join_group joined;
    joined.data.group = "g";
    joined.listener = caf::actor_cast<member_listener_actor>(listener);
    caf::anon_send(hub, joined);
    caf::anon_send(hub, watch_topic{"t", false, joined.listener});
    world.run_for(10s);
    CHECK(broker->heartbeats >= 15);
    CHECK(broker->heartbeats <= 22);

    broker->accepts = true;
    world.run_for(1s);
    const auto before = broker->heartbeats;
    world.run_for(2s);
    CHECK(broker->heartbeats == before); // the next is due in 30 s
    caf::anon_send(broker->watcher, actors::net::connection_changed{dialed, link_change::another});
    world.run();
    CHECK(broker->heartbeats == before + 1);

    broker->watcher = nullptr;
    for (const auto& one : {role, listener, caf::actor_cast<caf::actor>(hub)})
        caf::anon_send_exit(one, caf::exit_reason::user_shutdown);
    world.run();
}
