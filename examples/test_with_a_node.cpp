// A test that brings its own broker: a throw-away node that lives as long as the object, on free ports and a temporary
// directory. Nothing has to run beforehand, and tests like this one can run side by side. Put it into your test framework.
//
//     test_with_a_node
#include "client/client.hpp"
#include "testing/node.hpp"

#include <iostream>
#include <string>

namespace client = troupe::client;

namespace {

troupe::result<void> send_order(const client::connection& connection, const std::string& body) {
    auto producer = client::producer::open(connection);
    if (!producer)
        return producer.failure();
    client::message order;
    order.topic = "orders";
    order.body = body;
    if (auto receipt = producer->send(std::move(order)); !receipt)
        return receipt.failure();
    return {};
}

/// What is under test: an order outlives the broker's restart.
troupe::result<void> run_test() {
    troupe::testing::node node;
    if (auto started = node.start(); !started)
        return started;
    auto connection = node.connect();
    if (!connection)
        return connection.failure();

    client::admin admin{*connection};
    troupe::topic_config orders;
    orders.name = "orders";
    orders.read_queues = orders.write_queues = 1;
    if (auto made = admin.create_topic(orders); !made)
        return made;
    if (auto sent = send_order(*connection, "two coffees"); !sent)
        return sent;

    node.stop();
    if (auto started = node.start(); !started)
        return started;

    client::pull_consumer_options reading;
    reading.group = "kitchen";
    auto consumer = client::pull_consumer::open(*connection, reading);
    if (!consumer)
        return consumer.failure();
    auto queues = consumer->queues("orders");
    if (!queues)
        return queues.failure();
    if (auto assigned = consumer->assign(*queues, client::seek_target::first()); !assigned)
        return assigned;
    const auto messages = consumer->poll(std::chrono::seconds{10});
    if (messages.size() != 1 || messages.front().body.view() != "two coffees")
        return troupe::error{troupe::errc::not_found, "the order did not come back; got " + std::to_string(messages.size()) + " messages"};
    return {};
} // the consumer and the connection end first, then the node with its directory

} // namespace

int main() {
    if (auto passed = run_test(); !passed) {
        std::cerr << "failed: " << to_string(passed.failure()) << "\n";
        return 1;
    }
    std::cout << "passed\n";
    return 0;
}
