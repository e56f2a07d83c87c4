#pragma once

#include "actors/broker/broker_node.hpp"
#include "protocol/message_codec.hpp"
#include "tests/actors/virtual_system.hpp"
#include "tests/support/fault_file_system.hpp"

#include <doctest/doctest.h>

#include <string>

namespace troupe::test_support {

inline actors::broker_options small_broker() {
    actors::broker_options options;
    options.store.directory = "/store";
    options.store.segment_bytes = 1 << 20;
    options.store.disk_reserve_bytes = 0;
    options.store_host = {{127, 0, 0, 1}, false, 10911};
    return options;
}

/// A whole broker in virtual time, on a disk in memory.
struct broker_world {
    virtual_system world;
    std::shared_ptr<fault_file_system> files = fault_file_system::make(1);
    std::unique_ptr<actors::broker_node> node;

    explicit broker_world(actors::broker_options options = small_broker()) { start(std::move(options)); }
    /// On a disk that is there already; nothing is started yet.
    explicit broker_world(std::shared_ptr<fault_file_system> disk) : files{std::move(disk)} {}
    ~broker_world() { stop(); }

    void start(actors::broker_options options = small_broker()) {
        if (const auto started = try_start(std::move(options)); !started)
            FAIL(to_string(started.failure()));
    }
    result<void> try_start(actors::broker_options options) {
        options.now = world.wall_clock();
        auto started = actors::broker_node::start(world.system(), std::move(options), files);
        if (!started)
            return started.failure();
        node = std::move(*started);
        world.run();
        return {};
    }
    /// The order of broker_node::stop, in virtual time, so much of it for each role.
    void stop(std::chrono::milliseconds each = 3s) {
        if (!node)
            return;
        for (const auto& role : node->finish_order()) {
            caf::anon_send(role, actors::finish{});
            world.advance(each, 100ms);
        }
        node.reset();
    }
    /// As stop(), but only the roles named by their place end: the rest never hears of it. Then a crash.
    void crash(crash_mode mode) {
        files->crash(mode);
        if (node)
            for (const auto& role : node->finish_order())
                caf::anon_send_exit(role, caf::exit_reason::kill);
        world.run();
        node.reset();
        files = files->restart();
    }

    template <class Answer, class Order>
    auto ask(Order order) {
        return world.ask<Answer>(node->broker(), std::move(order));
    }
    /// The answer, which must be there already or within a second.
    template <class Answer, class Order>
    result<Answer> answer(Order order) {
        auto place = ask<Answer>(std::move(order));
        for (int i = 0; i < 100 && !*place; ++i)
            world.advance(10ms);
        REQUIRE(place->has_value());
        return **place;
    }

    void make_topic(const std::string& name, std::int32_t queues = 4) {
        topic_config topic;
        topic.name = name;
        topic.read_queues = topic.write_queues = queues;
        const auto made = answer<actors::topic_put>(actors::put_topic{topic});
        REQUIRE_MESSAGE(made.ok(), to_string(made.ok() ? error{} : made.failure()));
    }
    static actors::send_messages message(const std::string& body, std::int32_t queue = 0, const std::string& properties = {}) {
        actors::send_messages send;
        send.topic = "orders";
        send.queue = queue_id{queue};
        send.body = payload{body};
        send.properties = properties;
        return send;
    }
    void send(const std::string& body, std::int32_t queue = 0, const std::string& properties = {}) {
        const auto stored = answer<actors::messages_stored>(message(body, queue, properties));
        REQUIRE_MESSAGE(stored.ok(), to_string(stored.ok() ? error{} : stored.failure()));
    }
    static actors::pull_messages pull(std::int64_t from, std::int64_t hold_ms = 0, const std::string& expression = "*") {
        actors::pull_messages pull;
        pull.group = "readers";
        pull.topic = "orders";
        pull.queue = queue_id{0};
        pull.offset = queue_offset{from};
        pull.hold_ms = hold_ms;
        pull.has_expression = true;
        pull.expression = expression;
        pull.expression_type = "TAG";
        return pull;
    }
    static std::vector<std::string> bodies(const actors::messages_pulled& pulled) {
        std::vector<std::string> all;
        const auto messages = protocol::decode_records(pulled.records);
        REQUIRE(messages);
        for (const auto& one : *messages)
            all.emplace_back(one.body.view());
        return all;
    }
};

} // namespace troupe::test_support
