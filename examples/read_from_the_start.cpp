// Prints every message of a topic, from the oldest on, without joining a group.
//
//     read_from_the_start TOPIC [name servers, default 127.0.0.1:9876]
#include "client/client.hpp"

#include <iostream>
#include <string>

namespace client = troupe::client;

namespace {

int fail(const troupe::error& failure) {
    std::cerr << to_string(failure) << "\n";
    return 1;
}

} // namespace

int main(int count, char** arguments) {
    if (count < 2) {
        std::cerr << "usage: " << arguments[0] << " TOPIC [host:port;host:port]\n";
        return 2;
    }
    client::client_options options;
    options.name_servers = count > 2 ? arguments[2] : "127.0.0.1:9876";
    auto connection = client::connection::open(options);
    if (!connection)
        return fail(connection.failure());
    client::pull_consumer_options reading;
    reading.group = "readers"; // names committed offsets; nothing is committed here
    auto consumer = client::pull_consumer::open(*connection, reading);
    if (!consumer)
        return fail(consumer.failure());
    auto queues = consumer->queues(arguments[1]);
    if (!queues)
        return fail(queues.failure());
    if (auto assigned = consumer->assign(*queues, client::seek_target::first()); !assigned)
        return fail(assigned.failure());
    // A queue's messages come in order; between queues there is none. Nothing for a second: that was all.
    for (auto messages = consumer->poll(std::chrono::seconds{5}); !messages.empty(); messages = consumer->poll(std::chrono::seconds{1}))
        for (const auto& message : messages)
            std::cout << message.queue.broker_name << "/" << message.queue.queue << "@" << to_string(message.offset) << " "
                      << message.body.view() << "\n";
    return 0;
}
