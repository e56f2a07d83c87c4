#include "tests/actors/broker_world.hpp"

#include <caf/actor_cast.hpp>
#include <caf/event_based_actor.hpp>

#include <doctest/doctest.h>

#include <memory>
#include <string>
#include <vector>

// Who takes messages how, and which queues a client is told to read.

using namespace troupe;
using namespace troupe::actors;
using namespace troupe::test_support;

namespace {

/// A name server that knows one route, or none.
struct scripted_routes {
    std::vector<protocol::queue_data> queues;
    error failure;
    int asked = 0;
};
name_server_actor spawn_routes(caf::actor_system& system, scripted_routes& script) {
    return caf::actor_cast<name_server_actor>(system.spawn([&script](caf::event_based_actor*) -> caf::behavior {
        return {[&script](const find_route&) -> caf::result<route_found> {
            ++script.asked;
            if (script.failure.code != errc::none)
                return make_caf_error(script.failure);
            return route_found{{{}, script.queues}};
        }};
    }));
}

struct mode_world : broker_world {
    mode_world() {
        make_topic("orders");
        group_config group;
        group.name = "billing";
        REQUIRE(answer<group_put>(put_group{group}).ok());
        protocol::consumer_data consumer;
        consumer.group = "billing";
        consumer.subscriptions.push_back({"orders", "*", "TAG", 1});
        REQUIRE(answer<heartbeat_accepted>(client_heartbeat{{"c1", {}, {consumer}}, {}}).ok());
    }
    template <class Answer, class Order>
    result<Answer> ask_admin(const Order& order) {
        const auto place = world.ask<Answer>(node->broker_admin(), order);
        for (int i = 0; i < 1'000 && !*place; ++i)
            world.advance(10ms);
        REQUIRE(place->has_value());
        return **place;
    }
    void set_mode(const std::string& mode) { REQUIRE(ask_admin<request_mode_set>(set_request_mode{{"orders", "billing", mode, 0}}).ok()); }
    /// Broker and queue of each.
    std::vector<std::string> assigned(const std::string& topic = "orders") {
        const auto found = ask_admin<assignment_found>(query_assignment{{topic, "billing", "c1", "AVG", false}});
        REQUIRE(found.ok());
        if (!found->is_known)
            return {"unknown"};
        std::vector<std::string> all;
        for (const auto& one : found->queues)
            all.push_back(one.queue.broker_name + "/" + std::to_string(one.queue.queue) + (one.is_pop ? " pop" : ""));
        return all;
    }
};

using texts = std::vector<std::string>;

} // namespace

TEST_CASE_FIXTURE(mode_world, "modes: survive a restart, and go with their topic or group") {
    set_mode("POP");
    stop();
    start();
    const auto listed = ask_admin<request_modes_listed>(list_request_modes{});
    REQUIRE(listed.ok());
    CHECK(listed->modes == std::vector<protocol::message_request_mode>{{"orders", "billing", "POP", 0}});
    REQUIRE(answer<topic_deleted>(delete_topic{"orders"}).ok());
    CHECK(ask_admin<request_modes_listed>(list_request_modes{})->modes.empty());
    make_topic("orders");
    set_mode("POP");
    REQUIRE(answer<group_deleted>(delete_group{"billing", false}).ok());
    stop();
    start();
    CHECK(ask_admin<request_modes_listed>(list_request_modes{})->modes.empty());
}

TEST_CASE_FIXTURE(mode_world, "assignment: has the queues of all brokers, as name servers know them") {
    scripted_routes first;
    scripted_routes second;
    first.failure = {errc::topic_not_found, "it has just started"};
    second.queues = {{"broker-a", 2, 2, permission::read_write, 0},
                     {"broker-b", 1, 1, permission::read_write, 0},
                     {"broker-c", 8, 8, permission::write, 0}};
    caf::anon_send(node->broker(), use_name_servers{{spawn_routes(world.system(), first), spawn_routes(world.system(), second)}});
    CHECK(assigned() == texts{"broker-a/0", "broker-a/1", "broker-b/0"});
    set_mode("POP");
    CHECK(assigned() == texts{"broker-a/-1 pop", "broker-b/-1 pop"});
    CHECK(second.asked == 1);                                                             // a route is good for a while
    CHECK(assigned("%RETRY%billing") == texts{"broker-a/0", "broker-a/1", "broker-b/0"}); // those are pulled, always

    // When no name server knows the topic any more, what was known counts: nobody gives up its queues for a restart.
    second.failure = first.failure;
    world.advance(10s, 1s);
    CHECK(assigned() == texts{"broker-a/-1 pop", "broker-b/-1 pop"});
    CHECK(assigned("never-seen") == texts{"unknown"});
    caf::anon_send(node->broker(), use_name_servers{});
    CHECK(assigned() == texts{"broker-a/-1 pop"}); // alone
}

TEST_CASE_FIXTURE(mode_world, "assignment: who is no member keeps what it has, and a strategy that is none is refused") {
    query_assignment question{{"orders", "billing", "stranger", "AVG", false}};
    CHECK_FALSE(ask_admin<assignment_found>(question)->is_known);
    question.request.is_broadcasting = true;
    CHECK(ask_admin<assignment_found>(question)->queues.size() == 4);
    question.request.strategy = "MACHINE_ROOM";
    CHECK(ask_admin<assignment_found>(question).code() == errc::argument_illegal);
}
