#include "tests/interop/cxx/report.hpp"

#include <cstdio>
#include <mutex>
#include <sstream>
#include <thread>

/// Scenarios of members that other members of their group, or a quota, leave only a part to.
namespace interop {

namespace {

constexpr const char* broker = "interop";

/// The runner reads line by line; handlers print on many threads.
void say(const std::string& line) {
    static std::mutex mutex;
    const std::lock_guard lock{mutex};
    std::printf("%s\n", line.c_str());
    std::fflush(stdout);
}

void await_end_of_input() {
    while (std::getchar() != EOF) {
    }
}

/// Numbers of the queues that a member reads, joined by commas.
std::vector<std::int32_t> owned(const client::push_consumer& consumer) {
    std::vector<std::int32_t> queues;
    for (const auto& [queue, offset] : consumer.assignment())
        queues.push_back(queue.queue);
    return queues;
}

/// As "broker:number,broker:number".
std::string owned_text(const client::push_consumer& consumer) {
    std::string text;
    for (const auto& [queue, offset] : consumer.assignment())
        text += (text.empty() ? "" : ",") + queue.broker_name + ":" + std::to_string(queue.queue);
    return text;
}

/// Even queues are in the room east, and members named "east-...".
std::string room_of_queue(const client::message_queue& queue) {
    return queue.queue % 2 == 0 ? "east" : "west";
}

/// The brokers are called "<room>@...".
std::string room_of_broker(const client::message_queue& queue) {
    return queue.broker_name.substr(0, queue.broker_name.find('@'));
}

std::string room_of_client(const std::string& id) {
    const auto begin = id.find('@') + 1;
    return id.substr(begin, id.find('-', begin) - begin);
}

client::allocation_strategy strategy(const driver& all, const std::string& rule) {
    using client::allocation_strategy;
    if (rule == "average")
        return allocation_strategy::averagely();
    if (rule == "hash")
        return allocation_strategy::consistent_hash();
    if (rule == "nearby")
        return allocation_strategy::machine_room_nearby(allocation_strategy::averagely(), room_of_queue, room_of_client);
    if (rule == "rooms-nearby")
        return allocation_strategy::machine_room_nearby(allocation_strategy::averagely(), room_of_broker, room_of_client);
    const std::string rooms = "rooms:";
    if (rule.substr(0, rooms.size()) == rooms)
        return allocation_strategy::by_machine_room({rule.substr(rooms.size())});
    const std::string config = "config:";
    if (rule.substr(0, config.size()) != config)
        throw std::runtime_error{"there is no rule " + rule};
    std::vector<client::message_queue> queues;
    std::istringstream in{rule.substr(config.size())};
    for (std::string number; std::getline(in, number, ',');)
        queues.push_back({all.topic, broker, std::stoi(number)});
    return allocation_strategy::by_config(std::move(queues));
}

client::connection connect_as(const driver& all, const std::string& name) {
    client::client_options options;
    options.name_servers = all.name_server;
    options.client_id = "127.0.0.1@" + name;
    return must(client::connection::open(std::move(options)));
}

/// A member by name, with a rule of sharing out queues: says what it consumes and which it owns, until its input ends. Words: NAME RULE.
void own(driver& all) {
    client::push_consumer_options options;
    options.group = all.group;
    options.from = client::consume_from::first_offset;
    options.allocation = strategy(all, all.words.at(1));
    const auto consumer = std::make_shared<client::push_consumer>(
        must(client::push_consumer::open(connect_as(all, all.words.at(0)), std::move(options), [](const client::received_message& message) {
            say("GOT " + std::string{message.body.view()});
            return client::consume_outcome::done;
        })));
    must(consumer->subscribe(all.topic));
    must(consumer->start());
    all.consumers.push_back(consumer);
    std::jthread watcher{[&](const std::stop_token& stop) {
        std::string said = "nothing";
        while (!stop.stop_requested()) {
            if (auto queues = owned_text(*consumer); queues != said) {
                said = std::move(queues);
                say("OWNS " + said);
            }
            std::this_thread::sleep_for(std::chrono::milliseconds{50});
        }
    }};
    await_end_of_input();
}

std::shared_ptr<client::push_consumer> named(driver& all, const std::string& member, const std::string& tags) {
    client::push_consumer_options options;
    options.group = all.group;
    options.from = client::consume_from::first_offset;
    options.commit_interval = std::chrono::milliseconds{500};
    const auto consumer = std::make_shared<client::push_consumer>(must(
        client::push_consumer::open(connect_as(all, member), std::move(options), [&all, member](const client::received_message& message) {
            all.report.received(member, message);
            return client::consume_outcome::done;
        })));
    must(consumer->subscribe(all.topic, tags));
    must(consumer->start());
    all.consumers.push_back(consumer);
    return consumer;
}

void send_tagged(driver& all, client::producer& producer, const std::string& prefix, nlohmann::json& tagged) {
    constexpr auto queues = static_cast<int>(queue_count);
    for (int i = 0; i < 2 * queues; ++i) {
        auto m = all.make_message(prefix + std::to_string(i));
        m.tags = i < queues ? "TagA" : "TagB";
        const nlohmann::json row = {{"body", m.body}, {"tag", m.tags}, {"queue", i % queues}};
        must(producer.send(std::move(m), client::queue_choice::exactly({all.topic, broker, i % queues})));
        tagged.push_back(row);
    }
}

/// Messages of TagA and TagB in each queue; the first member wants the one, the second, which comes later, the other.
void subscriptions(driver& all) {
    auto producer = all.make_producer();
    auto tagged = nlohmann::json::array();
    const auto first = named(all, "first", "TagA");
    require(reached(patience, [&] { return owned(*first).size() == queue_count; }), "the first owns all");
    send_tagged(all, producer, "alone-", tagged);
    require(reached(patience, [&] { return all.report.received_count() >= queue_count; }), "the first has its messages");
    const auto second = named(all, "second", "TagB");
    require(reached(patience, [&] { return owned(*first).size() == queue_count / 2 && owned(*second).size() == queue_count / 2; }),
            "both own half");
    send_tagged(all, producer, "both-", tagged);
    reached(std::chrono::seconds{5}, [&] { return all.report.received_count() >= 2 * queue_count; });
    all.report.fact("owned", {{"first", owned(*first)}, {"second", owned(*second)}});
    all.report.fact("tagged", std::move(tagged));
    all.report.fact("pulls_say_what", true);
    say("READY");
    await_end_of_input();
}

/// More than the quota at once, each tried again once; and one when there is room again.
void quota_of_sends(driver& all) {
    client::producer_options options;
    options.group = all.group + "-producer";
    options.retries_max = 1;
    auto producer = must(client::producer::open(all.connect(), std::move(options)));
    all.report.fact("attempts", 2);
    auto refused = nlohmann::json::array();
    for (int i = 0; i < 20; ++i) {
        const auto body = "burst-" + std::to_string(i);
        if (const auto sent = producer.send(all.make_message(body)))
            all.report.sent(body, *sent);
        else
            refused.push_back({{"code", sent.code() == troupe::errc::busy ? 2 : -1}, {"remark", to_string(sent.failure())}});
    }
    all.report.fact("refused", std::move(refused));
    std::this_thread::sleep_for(std::chrono::milliseconds{1500});
    all.report.sent("later-0", must(producer.send(all.make_message("later-0"))));
}

/// Small pulls of more than the group may have in a second.
void quota_of_deliveries(driver& all) {
    auto producer = all.make_producer();
    all.send_over(producer, "m", 80);
    client::push_consumer_options options;
    options.fetch.pull_messages_max = 4;
    all.report.fact("batch", 4);
    all.make_consumer("only", options);
    all.expect(80);
}

} // namespace

bool run_sharing(const std::string& scenario, driver& all) {
    if (scenario == "own")
        own(all);
    else if (scenario == "subscriptions")
        subscriptions(all);
    else if (scenario == "quota-send")
        quota_of_sends(all);
    else if (scenario == "quota-deliver")
        quota_of_deliveries(all);
    else
        return false;
    return true;
}

} // namespace interop
