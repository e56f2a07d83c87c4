#pragma once

#include "actors/net/role_client.hpp"
#include "protocol/remoting_command.hpp"

#include <caf/event_based_actor.hpp>
#include <caf/stateful_actor.hpp>

#include <doctest/doctest.h>

#include <string>
#include <utility>
#include <vector>

namespace troupe::test_support {

/// A role client whose wire the test plays.
struct client_host : actors::net::link_transport {
    static inline const char* name = "client_host";
    explicit client_host(caf::stateful_actor<client_host>* actor) : self{actor}, client{actor, *this, "10.0.0.1:10911", {}} {}

    void dial() override { client.connection().connected(); }
    void write(std::string_view head, const payload& body) override {
        auto command = protocol::decode_frame(payload{std::string{head} + std::string{body.view()}});
        REQUIRE(command.ok());
        sent.push_back(std::move(*command));
    }
    std::size_t unsent_bytes() override { return 0; }
    void hang_up() override {}
    time_point now() override { return self->clock().now(); }
    void wake_in(std::chrono::milliseconds) override {}

    caf::stateful_actor<client_host>* self;
    actors::net::role_client client;
    std::vector<protocol::remoting_command> sent;
};

} // namespace troupe::test_support
