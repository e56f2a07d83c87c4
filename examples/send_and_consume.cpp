// Sends ten messages to a topic and consumes them in a group.
//
//     send_and_consume [name servers, default 127.0.0.1:9876]
#include "client/client.hpp"

#include <condition_variable>
#include <iostream>
#include <mutex>
#include <string>

namespace client = troupe::client;

namespace {

constexpr int messages_wanted = 10;

int fail(const troupe::error& failure) {
    std::cerr << to_string(failure) << "\n";
    return 1;
}

/// Counts what the handler threads get, so that main can wait for it.
class counter {
public:
    void add() {
        const std::lock_guard lock{mutex_};
        ++count_;
        changed_.notify_one();
    }
    bool wait_for(int wanted, std::chrono::seconds limit) {
        std::unique_lock lock{mutex_};
        return changed_.wait_for(lock, limit, [&] { return count_ >= wanted; });
    }

private:
    std::mutex mutex_;
    std::condition_variable changed_;
    int count_ = 0;
};

troupe::result<void> send_all(const client::connection& connection) {
    auto producer = client::producer::open(connection);
    if (!producer)
        return producer.failure();
    for (int i = 0; i < messages_wanted; ++i) {
        client::message message;
        message.topic = "greetings";
        message.body = "hello number " + std::to_string(i);
        message.tags = i % 2 == 0 ? "even" : "odd";
        auto receipt = producer->send(std::move(message));
        if (!receipt) // the producer has retried already
            return receipt.failure();
        std::cout << "sent " << receipt->message_id << " to queue " << receipt->queue.queue << " at " << to_string(receipt->offset) << "\n";
    }
    return {};
}

} // namespace

int main(int count, char** arguments) {
    client::client_options options;
    options.name_servers = count > 1 ? arguments[1] : "127.0.0.1:9876";
    auto connection = client::connection::open(options);
    if (!connection)
        return fail(connection.failure());

    client::admin admin{*connection};
    troupe::topic_config greetings;
    greetings.name = "greetings";
    greetings.read_queues = greetings.write_queues = 4;
    if (auto made = admin.create_topic(greetings); !made && made.code() != troupe::errc::already_exists)
        return fail(made.failure());

    counter received;
    client::push_consumer_options group;
    group.group = "greeters";
    group.from = client::consume_from::first_offset;
    auto consumer = client::push_consumer::open(*connection, group, [&](const client::received_message& message) {
        std::cout << "got \"" + std::string{message.body.view()} + "\"\n";
        received.add();
        return client::consume_outcome::done; // from here on its offset may be committed
    });
    if (!consumer)
        return fail(consumer.failure());
    if (auto subscribed = consumer->subscribe("greetings", "even || odd"); !subscribed)
        return fail(subscribed.failure());
    if (auto started = consumer->start(); !started)
        return fail(started.failure());

    if (auto sent = send_all(*connection); !sent)
        return fail(sent.failure());
    const bool complete = received.wait_for(messages_wanted, std::chrono::seconds{30});
    consumer->stop(); // commits what was done
    return complete ? 0 : fail({troupe::errc::timed_out, "not every message came back"});
}
