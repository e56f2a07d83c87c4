#include "actors/broker/queue_assigner.hpp"

#include "tests/actors/broker/asked_questions.hpp"

#include <doctest/doctest.h>

#include <chrono>
#include <memory>
#include <string>
#include <utility>
#include <vector>

using namespace troupe;
using namespace troupe::actors;
using namespace std::chrono_literals;

namespace {

topic_config topic(std::string name, std::int32_t perm) {
    topic_config config;
    config.name = std::move(name);
    config.read_queues = config.write_queues = 2;
    config.perm = perm;
    return config;
}

protocol::assignment_request request(std::string name, std::string client = "a") {
    return {std::move(name), "g", std::move(client), "AVG", false};
}

route_found route_over(const std::vector<std::string>& brokers) {
    route_found found;
    for (const auto& broker : brokers)
        found.route.queues.push_back({broker, 2, 2, permission::read_write, 0});
    return found;
}

using names = std::vector<std::string>;

/// Broker b with topics t, and w that cannot be read; group g has the member a.
struct assigner_of_a_broker {
    clock_time now{};
    request_modes modes{10};
    consumer_groups members{120s};
    asked_questions<find_route, route_found> first;
    asked_questions<find_route, route_found> second;
    asked_questions<find_route, route_found> third;
    std::vector<result<assignment_found>> told;
    queue_assigner assigner{
        "b", [this] { return now; }, modes, members,
        std::make_shared<topic_directory>(std::make_shared<topic_snapshot>(
            permission::read_write, 1, std::vector{topic("t", permission::read_write), topic("w", permission::write)}))};

    assigner_of_a_broker() {
        protocol::consumer_data consumer;
        consumer.group = "g";
        members.heartbeat({"a", {}, {consumer}}, 1, clock_time{});
    }
    void use_both() { assigner.use({first.way(), second.way()}); }
    void ask(const protocol::assignment_request& asked) {
        assigner.assign(asked, [this](const result<assignment_found>& found) { told.push_back(found); });
    }
    /// Of the last answer: each queue's broker and number.
    [[nodiscard]] names queues() const {
        names all;
        REQUIRE_FALSE(told.empty());
        REQUIRE(told.back());
        for (const auto& one : told.back()->queues)
            all.push_back(one.queue.broker_name + std::to_string(one.queue.queue));
        return all;
    }
};

} // namespace

TEST_CASE("queue_assigner: without name servers there is this broker alone") {
    assigner_of_a_broker at;
    at.ask(request("t"));
    CHECK(at.queues() == names{"b0", "b1"});
    at.ask(request("w"));
    CHECK(at.queues().empty());
    CHECK(at.told.back()->is_known);
    at.ask(request("gone"));
    CHECK(at.queues().empty());
}

TEST_CASE("queue_assigner: a route is asked for once, and again when it is not fresh any more") {
    assigner_of_a_broker at;
    at.use_both();
    at.ask(request("t"));
    CHECK(at.told.empty());
    CHECK(at.first.next().topic == "t");
    at.now += 1s;
    at.first.answer(route_over({"b", "c"}));
    CHECK(at.queues() == names{"b0", "b1", "c0", "c1"});
    at.now += queue_assigner::route_fresh_for - 1ns;
    at.ask(request("t"));
    CHECK(at.told.size() == 2);
    CHECK(at.first.open() == 0);
    at.now += 1ns;
    at.ask(request("t"));
    CHECK(at.told.size() == 2);
    at.first.answer(route_over({"c"}));
    CHECK(at.queues() == names{"c0", "c1"});
}

TEST_CASE("queue_assigner: name servers are asked one after the other, and when none knows the topic what was known counts") {
    assigner_of_a_broker at;
    at.use_both();
    at.ask(request("t"));
    at.first.fail(errc::topic_not_found);
    CHECK(at.second.next().topic == "t");
    at.second.answer(route_over({"c"}));
    CHECK(at.queues() == names{"c0", "c1"});
    at.now += 1min;
    at.ask(request("t"));
    at.first.fail(errc::timed_out);
    at.second.fail(errc::topic_not_found);
    CHECK(at.told.size() == 2);
    CHECK(at.queues() == names{"c0", "c1"});
    at.assigner.forget_topic("t");
    at.ask(request("t"));
    at.first.fail(errc::timed_out);
    at.second.fail(errc::topic_not_found);
    CHECK_FALSE(at.told.back()->is_known); // nobody is to change anything
}

TEST_CASE("queue_assigner: name servers that are replaced while they are asked are answered for by those that came") {
    assigner_of_a_broker at;
    at.use_both();
    at.ask(request("t"));
    at.assigner.use({at.first.way(), at.third.way()});
    at.first.fail(errc::connection_lost);
    CHECK(at.second.open() == 0);
    CHECK(at.third.open() == 1);
    at.assigner.use({});
    at.third.fail(errc::connection_lost);
    REQUIRE(at.told.size() == 1);
    CHECK_FALSE(at.told[0]->is_known);
}

TEST_CASE("queue_assigner: an owner that ends asks no further name server") {
    assigner_of_a_broker at;
    at.use_both();
    at.ask(request("t"));
    at.assigner.stop();
    at.first.fail(errc::shutting_down);
    CHECK(at.second.open() == 0);
    CHECK(at.told.size() == 1);
}

TEST_CASE("queue_assigner: whoever broadcasts reads all queues, who is no member keeps what it has, and a mode counts but for retries") {
    assigner_of_a_broker at;
    auto all = request("t", "stranger");
    all.is_broadcasting = true;
    at.ask(all);
    CHECK(at.queues() == names{"b0", "b1"});
    at.ask(request("t", "stranger"));
    CHECK_FALSE(at.told.back()->is_known);
    at.modes.set({"t", "g", true, 0});
    at.ask(request("t"));
    REQUIRE_FALSE(at.told.back()->queues.empty());
    CHECK(at.told.back()->queues.front().is_pop);
    at.modes.set({"%RETRY%g", "g", true, 0});
    at.use_both();
    at.ask(request("%RETRY%g"));
    at.first.answer(route_over({"b"}));
    REQUIRE_FALSE(at.told.back()->queues.empty());
    CHECK_FALSE(at.told.back()->queues.front().is_pop);
}

TEST_CASE("queue_assigner: what makes no sense is refused") {
    assigner_of_a_broker at;
    auto other = request("t");
    other.strategy = "BY_HAND";
    at.ask(other);
    CHECK(at.told.back().code() == errc::argument_illegal);
    at.ask(request("no/topic"));
    CHECK(at.told.back().code() == errc::topic_illegal);
}
