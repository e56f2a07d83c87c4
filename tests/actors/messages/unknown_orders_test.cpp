#include "actors/messages/unknown_orders.hpp"

#include "actors/messages/pop_messages.hpp"
#include "tests/actors/virtual_system.hpp"

#include <doctest/doctest.h>

using namespace troupe;
using namespace troupe::actors;

namespace {

/// A role that serves nothing.
caf::actor spawn_refuser(caf::actor_system& system) {
    return system.spawn([](caf::event_based_actor* self) -> caf::behavior {
        refuse_unknown_orders(*self, "the role");
        return {[](const pull_answered&) {}};
    });
}

} // namespace

TEST_CASE("unknown_orders: whoever asks for what a role does not serve hears so, with the order's name") {
    test_support::virtual_system world;
    const auto role = spawn_refuser(world.system());
    const auto place = world.ask<messages_popped>(role, pop_messages{});
    REQUIRE(place->has_value());
    REQUIRE_FALSE((*place)->ok());
    CHECK((*place)->failure() == error{errc::not_supported, "the role does not serve pop_messages"});
    caf::anon_send_exit(role, caf::exit_reason::user_shutdown);
    world.run();
}

TEST_CASE("unknown_orders: an order that nobody waits for is dropped, and its sender hears nothing") {
    test_support::virtual_system world;
    const auto role = spawn_refuser(world.system());
    int heard = 0;
    const auto sender = world.system().spawn([role, &heard](caf::event_based_actor* self) -> caf::behavior {
        self->set_default_handler([&heard](caf::scheduled_actor*, caf::message_view&) -> caf::result<caf::message> {
            ++heard;
            return caf::message{};
        });
        self->set_error_handler([&heard](caf::error&) { ++heard; });
        self->send(role, pop_messages{});
        return {[](const pull_answered&) {}};
    });
    world.run();
    CHECK(heard == 0);
    caf::anon_send_exit(sender, caf::exit_reason::user_shutdown);
    caf::anon_send_exit(role, caf::exit_reason::user_shutdown);
    world.run();
}
