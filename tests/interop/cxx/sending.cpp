#include "tests/interop/cxx/report.hpp"

#include <future>
#include <random>

/// Scenarios of which the producer is the subject.
namespace interop {

namespace {

constexpr std::size_t limit = 4u << 20;

void each(driver& all, int count, const std::function<void(client::producer&, client::message)>& send) {
    auto producer = all.make_producer();
    for (int i = 0; i < count; ++i)
        send(producer, all.make_message("m" + std::to_string(i)));
}

void send_sync(driver& all, int count) {
    each(all, count, [&](client::producer& producer, client::message m) {
        const auto body = m.body;
        all.report.sent(body, must(producer.send(std::move(m))));
    });
}

void send_async(driver& all) {
    auto producer = all.make_producer();
    std::vector<std::pair<std::string, std::future<troupe::result<client::send_receipt>>>> answers;
    for (int i = 0; i < 10; ++i) {
        const auto body = "m" + std::to_string(i);
        answers.emplace_back(body, producer.send_async(all.make_message(body)));
    }
    for (auto& [body, answer] : answers)
        all.report.sent(body, must(answer.get()));
}

void send_oneway(driver& all) {
    auto producer = all.make_producer();
    for (int i = 0; i < 10; ++i)
        must(producer.send_oneway(all.make_message("m" + std::to_string(i))));
    require(producer.flush(std::chrono::seconds{5}), "all one-way messages have left");
}

void send_batch(driver& all) {
    std::vector<client::message> batch;
    for (int i = 0; i < 10; ++i) {
        batch.push_back(all.make_message("m" + std::to_string(i)));
        batch.back().keys = {"key" + std::to_string(i)};
    }
    auto producer = all.make_producer();
    const auto receipts = must(producer.send_batch(std::move(batch)));
    require(receipts.size() == 10, "a receipt for each message of the batch");
    all.report.sent("batch", receipts.front());
}

void send_selector(driver& all) {
    auto producer = all.make_producer();
    for (int i = 0; i < 12; ++i) {
        const auto body = "m" + std::to_string(i);
        const auto key = static_cast<std::size_t>(i % 3);
        const auto choice = client::queue_choice::by([key](std::span<const client::message_queue> queues) { return key % queues.size(); });
        all.report.sent(body, must(producer.send(all.make_message(body), choice)));
    }
}

void send_properties(driver& all) {
    auto m = all.make_message("m0");
    m.tags = "TagA";
    m.keys = {"order-1", "order-2"};
    m.properties["colour"] = "blau \xc3\xbc \xe4\xb8\xad";
    m.flag = 17;
    auto producer = all.make_producer();
    all.report.sent("m0", must(producer.send(std::move(m))));
    all.push_all(1);
}

void send_compressed(driver& all, client::compression how) {
    const std::string body(20'000, 'x');
    client::producer_options options;
    options.compress_from_bytes = 4'096;
    options.compress_with = how;
    auto producer = must(client::producer::open(all.connect(), options));
    all.report.sent(shown(body), must(producer.send(all.make_message(body))));
    all.push_all(1);
}

void send_size(driver& all, std::size_t size) {
    std::mt19937 random{1};
    std::string body(size, '\0');
    for (char& c : body)
        c = static_cast<char>(random());
    auto producer = all.make_producer();
    all.report.sent(shown(body), must(producer.send(all.make_message(body))));
    all.push_all(1);
}

void query_key(driver& all) {
    auto producer = all.make_producer();
    for (int i = 0; i < 6; ++i) {
        auto m = all.make_message("m" + std::to_string(i));
        m.keys = {"key" + std::to_string(i % 2)};
        const auto body = m.body;
        all.report.sent(body, must(producer.send(std::move(m))));
    }
    client::admin admin{all.connect()};
    std::vector<client::received_message> found;
    const bool is_found = reached(std::chrono::seconds{10}, [&] {
        if (auto some = admin.find_messages(all.topic, "key1"))
            found = std::move(*some);
        return found.size() >= 3;
    });
    require(is_found, "three messages are found by their key");
    for (const auto& message : found)
        all.report.received("query", message);
}

void query_id(driver& all) {
    auto producer = all.make_producer();
    const auto receipt = must(producer.send(all.make_message("m0")));
    all.report.sent("m0", receipt);
    client::admin admin{all.connect()};
    all.report.received("by offset id", must(admin.find_message(receipt.offset_message_id)));
    troupe::result<client::received_message> found = troupe::error{};
    require(reached(std::chrono::seconds{10}, [&] { return (found = admin.find_message(receipt.message_id, all.topic)).ok(); }),
            "the message is found by its unique key");
    all.report.received("by unique id", *found);
}

} // namespace

bool run_sending(const std::string& scenario, driver& all) {
    if (scenario == "send-sync")
        send_sync(all, 10);
    else if (scenario == "send-async")
        send_async(all);
    else if (scenario == "send-oneway")
        send_oneway(all);
    else if (scenario == "send-batch")
        send_batch(all);
    else if (scenario == "send-selector")
        send_selector(all);
    else if (scenario == "send-properties")
        send_properties(all);
    else if (scenario == "send-compressed")
        send_compressed(all, client::compression::zlib);
    else if (scenario == "compressed-lz4")
        send_compressed(all, client::compression::lz4);
    else if (scenario == "compressed-zstd")
        send_compressed(all, client::compression::zstd);
    else if (scenario == "send-at-limit")
        send_size(all, limit);
    else if (scenario == "send-over-limit")
        send_size(all, limit + 1);
    else if (scenario == "send-unknown-topic")
        send_sync(all, 1);
    else if (scenario == "query-key")
        query_key(all);
    else if (scenario == "query-id")
        query_id(all);
    else
        return false;
    return true;
}

} // namespace interop
