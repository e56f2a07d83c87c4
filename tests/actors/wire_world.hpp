#pragma once

#include "actors/messages/type_ids.hpp"
#include "actors/net/broker_listener.hpp"
#include "actors/net/broker_proxy.hpp"
#include "protocol/remoting_command.hpp"
#include "tests/support/fault_file_system.hpp"
#include "tests/support/raw_client.hpp"

#include <caf/actor_cast.hpp>
#include <caf/actor_system.hpp>
#include <caf/actor_system_config.hpp>
#include <caf/io/middleman.hpp>
#include <caf/io/network/multiplexer.hpp>
#include <caf/scoped_actor.hpp>
#include <caf/typed_event_based_actor.hpp>

#include <doctest/doctest.h>

#include <chrono>
#include <future>
#include <initializer_list>
#include <memory>
#include <string>
#include <utility>

/// A real broker behind a real port: what is asked of it crosses the wire.
namespace troupe::actors {

struct wire_config : caf::actor_system_config {
    wire_config() {
        load<caf::io::middleman>();
        register_types(*this);
    }
};

/// A broker on a file system in memory, behind a port of 127.0.0.1; topic "orders" has two queues.
struct wire_world {
    wire_config settings;
    caf::actor_system system{settings};
    std::shared_ptr<test_support::fault_file_system> files = test_support::fault_file_system::make(1);
    std::unique_ptr<broker_node> node;
    net::bound_listener listener;
    broker_actor proxy;

    explicit wire_world(broker_options options = {}) {
        start(std::move(options));
        topic_config orders;
        orders.name = "orders";
        orders.read_queues = orders.write_queues = 2;
        REQUIRE(ask<topic_put>(put_topic{orders}).ok());
    }
    ~wire_world() { stop(); }

    /// As after stop(): what was stored is there.
    void start(broker_options options) {
        options.store.directory = "/store";
        options.store.segment_bytes = 16u << 20; // files in memory: the usual gigabyte would be cleared first
        options.store.disk_reserve_bytes = 0;
        options.store_host = *protocol::parse_host_address("127.0.0.1:10911");
        auto started = broker_node::start(system, options, files);
        REQUIRE(started.ok());
        node = std::move(*started);
        auto bound = net::spawn_broker_listener(system, {}, *node);
        REQUIRE(bound.ok());
        listener = std::move(*bound);
        proxy = net::spawn_broker_proxy(system, "127.0.0.1:" + std::to_string(listener.port));
    }
    void stop() {
        {
            caf::scoped_actor self{system};
            self->send_exit(proxy, caf::exit_reason::user_shutdown);
            self->wait_for(proxy);
            self->send_exit(listener.handle, caf::exit_reason::user_shutdown);
            self->wait_for(listener.handle);
        }
        node->stop();
        // The multiplexer lets go of a closed socket, and so of the actor that had it, in its next round.
        for (int round = 0; round < 2; ++round) {
            std::promise<void> seen;
            system.middleman().backend().post([&seen] { seen.set_value(); });
            seen.get_future().wait();
        }
    }

    /// Through the proxy: for what our own client can ask.
    template <class Answer, class Order>
    result<Answer> ask(const Order& order) {
        caf::scoped_actor self{system};
        result<Answer> outcome = error{errc::internal, "nothing came back"};
        self->request(caf::actor_cast<caf::actor>(proxy), std::chrono::seconds{30}, order) // which serves several interfaces
            .receive([&](Answer& answer) { outcome = std::move(answer); }, [&](caf::error& failure) { outcome = to_error(failure); });
        return outcome;
    }

    /// By hand, for everything else: a request with these header fields and this body, on a connection of its own.
    protocol::remoting_command call(std::int32_t code, std::initializer_list<std::pair<const char*, std::string>> fields = {},
                                    std::string body = {}) const {
        test_support::raw_client client{listener.port};
        protocol::remoting_command command;
        command.code = code;
        for (const auto& [name, value] : fields)
            command.fields.set(name, value);
        command.body = payload{std::move(body)};
        auto answer = client.ask(command);
        REQUIRE(answer);
        return *answer;
    }
};

} // namespace troupe::actors
