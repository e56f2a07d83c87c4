#include "client/client.hpp"
#include "protocol/connection_bodies.hpp"
#include "protocol/request_code.hpp"
#include "protocol/response_code.hpp"
#include "testing/node.hpp"
#include "tests/support/raw_client.hpp"

#include <doctest/doctest.h>

#include <algorithm>
#include <chrono>
#include <future>
#include <string>
#include <vector>

using namespace troupe;
using namespace troupe::client;
using namespace std::chrono_literals;

namespace {

struct pop_fixture {
    testing::node node;
    result<connection> via = error{errc::internal, "not connected"};

    pop_fixture() {
        REQUIRE(node.start().ok());
        via = node.connect();
        REQUIRE(via.ok());
        topic_config topic;
        topic.name = "orders";
        topic.read_queues = topic.write_queues = 2;
        REQUIRE(admin{*via}.create_topic(topic).ok());
    }
    void send(const std::string& body, const std::string& tags = "TagA") const {
        auto producer = producer::open(*via);
        REQUIRE(producer.ok());
        message m;
        m.topic = "orders";
        m.body = body;
        m.tags = tags;
        REQUIRE(producer->send(m).ok());
    }
    [[nodiscard]] pop_consumer consumer(std::chrono::milliseconds invisible, const std::string& tags = "*") const {
        pop_options options;
        options.group = "billing";
        options.topic = "orders";
        options.invisible = invisible;
        options.selector = tags;
        auto made = pop_consumer::open(*via, options);
        REQUIRE(made.ok());
        return *made;
    }
};

std::vector<std::string> bodies(const std::vector<popped_message>& messages) {
    std::vector<std::string> all;
    for (const auto& one : messages)
        all.emplace_back(one.message.body.view());
    std::sort(all.begin(), all.end());
    return all;
}

using texts = std::vector<std::string>;

} // namespace

TEST_CASE_FIXTURE(pop_fixture, "pop_consumer: what is not acknowledged comes again, what is does not") {
    for (const auto* body : {"a", "b", "c"})
        send(body);
    auto popping = consumer(300ms);
    texts all;
    std::vector<popped_message> taken;
    while (all.size() < 3) {
        const auto popped = popping.pop(5s);
        REQUIRE_MESSAGE(popped.ok(), (popped ? std::string{} : to_string(popped.failure())));
        REQUIRE_FALSE(popped->empty());
        for (const auto& one : *popped) {
            CHECK(one.message.reconsume_times == 0);
            all.emplace_back(one.message.body.view());
            if (all.back() != "b")
                taken.push_back(one);
        }
    }
    REQUIRE(popping.acknowledge(taken).ok());
    const auto again = popping.pop(5s); // held until the time of the third is over
    REQUIRE(again.ok());
    REQUIRE(bodies(*again) == texts{"b"});
    CHECK(again->front().message.reconsume_times == 1);
    REQUIRE(popping.acknowledge(again->front()).ok());
    const auto nothing = popping.pop(0ms);
    REQUIRE(nothing.ok());
    CHECK(nothing->empty());
}

TEST_CASE_FIXTURE(pop_fixture, "pop_consumer: a message is given back at once, and its older handle does nothing then") {
    send("a");
    send("other", "TagB");
    auto popping = consumer(60s, "TagA");
    auto popped = popping.pop(5s);
    REQUIRE(popped.ok());
    REQUIRE(bodies(*popped) == texts{"a"});
    auto message = popped->front();
    REQUIRE(popping.change_invisible_time(message, 0ms).ok());
    CHECK(message.popped != popped->front().popped);
    const auto again = popping.pop(5s);
    REQUIRE(again.ok());
    REQUIRE(bodies(*again) == texts{"a"});
    REQUIRE(popping.acknowledge(popped->front()).ok());
    CHECK(popping.change_invisible_time(popped->front(), 1s).code() == errc::message_illegal);
    REQUIRE(popping.acknowledge(*again).ok());
}

TEST_CASE_FIXTURE(pop_fixture, "pop_consumer: a dead letter that is put back comes to who pops its topic, and to nobody else") {
    auto other_topic = admin{*via}.create_topic([] {
        topic_config topic;
        topic.name = "invoices";
        topic.read_queues = topic.write_queues = 1;
        return topic;
    }());
    REQUIRE(other_topic.ok());
    group_config twice;
    twice.name = "billing";
    twice.retry_max = 1;
    REQUIRE(admin{*via}.put_group(twice).ok());
    send("a");
    auto popping = consumer(60s);
    result<std::vector<popped_message>> popped = std::vector<popped_message>{};
    for (int i = 0; i < 2; ++i) {
        popped = popping.pop(5s);
        REQUIRE(popped.ok());
        REQUIRE(bodies(*popped) == texts{"a"});
        REQUIRE(popping.change_invisible_time(popped->front(), 0ms).ok());
    }
    const auto end = std::chrono::steady_clock::now() + 60s;
    result<std::vector<resent_letters>> resent = std::vector<resent_letters>{};
    do { // buried by the pop that finds it dead
        REQUIRE(popping.pop(100ms)->empty());
        resent = admin{*via}.resend_dead_letters("billing", 10);
    } while ((!resent || resent->empty() || resent->front().resent == 0) && std::chrono::steady_clock::now() < end);
    REQUIRE(resent.ok());
    REQUIRE(resent->size() == 1);

    pop_options options;
    options.group = "billing";
    options.topic = "invoices";
    auto other = pop_consumer::open(*via, options);
    REQUIRE(other.ok());
    CHECK(other->pop(0ms)->empty()); // it has seen it, and given it back
    do {
        popped = popping.pop(500ms);
    } while (popped && popped->empty() && std::chrono::steady_clock::now() < end);
    REQUIRE(popped.ok());
    REQUIRE(bodies(*popped) == texts{"a"});
    CHECK(popped->front().message.queue.topic == "orders");
    CHECK(popped->front().lies_in == "%RETRY%billing");
    REQUIRE(popping.change_invisible_time(popped->front(), 30s).ok());
    REQUIRE(popping.acknowledge(*popped).ok());
}

TEST_CASE_FIXTURE(pop_fixture, "pop_consumer: its connection is a member of the group until it is closed") {
    const auto listed = [this] {
        const auto address = node.broker_address();
        test_support::raw_client tool{static_cast<std::uint16_t>(std::stoi(address.substr(address.find(':') + 1)))};
        protocol::remoting_command command;
        command.code = protocol::request_code::get_consumer_connection_list;
        command.from = protocol::language::java;
        command.fields.set("consumerGroup", "billing");
        const auto answer = tool.ask(command);
        REQUIRE(answer);
        protocol::consumer_connections none;
        return answer->code == protocol::response_code::success ? *protocol::decode_consumer_connections(answer->body.view()) : none;
    };
    CHECK(listed().connections.empty());
    auto popping = consumer(60s, "TagA");
    const auto end = std::chrono::steady_clock::now() + 30s;
    while (listed().connections.empty() && std::chrono::steady_clock::now() < end)
        REQUIRE(popping.pop(0ms).ok());
    const auto members = listed();
    REQUIRE(members.connections.size() == 1);
    CHECK(members.connections[0].client_id == via->client_id());
    CHECK(members.type == protocol::consume_type::passively);
    REQUIRE(members.subscriptions.contains("orders"));
    CHECK(members.subscriptions.at("orders").expression == "TagA");
    auto second = consumer(60s, "TagA");
    popping.close();
    CHECK(listed().connections.size() == 1);
    second.close();
    CHECK(listed().connections.empty());
}

// Goal: one queue's messages come in order, to one consumer at a time, whatever is given back, forgotten, or asked for beside.
TEST_CASE_FIXTURE(pop_fixture,
                  "pop_consumer: in order, a queue goes on when its messages are done, and what is not comes before anything new") {
    topic_config one_queue;
    one_queue.name = "steps";
    one_queue.read_queues = one_queue.write_queues = 1;
    REQUIRE(admin{*via}.create_topic(one_queue).ok());
    auto producer = producer::open(*via);
    REQUIRE(producer.ok());
    for (int i = 0; i < 5; ++i) {
        message m;
        m.topic = "steps";
        m.body = std::to_string(i);
        REQUIRE(producer->send(m).ok());
    }
    pop_options options;
    options.group = "walkers";
    options.topic = "steps";
    options.messages_max = 2;
    options.invisible = 60s;
    options.ordered = true;
    auto popping = pop_consumer::open(*via, options);
    REQUIRE(popping.ok());
    const auto other_connection = node.connect();
    REQUIRE(other_connection.ok());
    auto other = pop_consumer::open(*other_connection, options);
    REQUIRE(other.ok());
    const auto in_order = [](const result<std::vector<popped_message>>& popped) {
        REQUIRE(popped.ok());
        texts all;
        for (const auto& one : *popped)
            all.emplace_back(one.message.body.view());
        return all;
    };
    auto first = popping->pop(5s);
    CHECK(in_order(first) == texts{"0", "1"});
    CHECK(other->pop(0ms)->empty()); // though there are more
    REQUIRE(popping->acknowledge(first->at(1)).ok());
    CHECK(other->pop(0ms)->empty()); // the first is still out
    REQUIRE(popping->change_invisible_time(first->at(0), 1ms).ok());
    auto second = other->pop(5s);
    CHECK(in_order(second) == texts{"0", "2"});
    CHECK(second->at(0).message.reconsume_times == 1);
    CHECK(popping->pop(0ms)->empty());
    auto waiting = std::async(std::launch::async, [&popping] { return popping->pop(20s); });
    REQUIRE(other->acknowledge(*second).ok());
    const auto third = waiting.get();
    CHECK(in_order(third) == texts{"3", "4"});
    REQUIRE(popping->acknowledge(*third).ok());
    CHECK(admin{*via}.describe_group("walkers")->lag() == 0);
}

TEST_CASE_FIXTURE(pop_fixture, "pop_consumer: options that cannot be are refused when it is made") {
    const auto refused = [this](const std::string& group, const std::string& topic, std::int32_t most,
                                std::chrono::milliseconds invisible) {
        pop_options options;
        options.group = group;
        options.topic = topic;
        options.messages_max = most;
        options.invisible = invisible;
        return pop_consumer::open(*via, options).code();
    };
    CHECK(refused("no group!", "orders", 1, 1s) == errc::group_illegal);
    CHECK(refused("g", "no topic!", 1, 1s) == errc::topic_illegal);
    CHECK(refused("g", "orders", 33, 1s) == errc::argument_illegal);
    CHECK(refused("g", "orders", 1, 0s) == errc::argument_illegal);
}
