#include "client/client.hpp"
#include "protocol/connection_bodies.hpp"
#include "protocol/request_code.hpp"
#include "protocol/response_code.hpp"
#include "testing/node.hpp"
#include "tests/support/raw_client.hpp"

#include <doctest/doctest.h>

#include <atomic>
#include <condition_variable>
#include <map>
#include <mutex>
#include <optional>
#include <set>
#include <stdexcept>
#include <string>

// Goal: what mqadmin asks of members reaches those that use this library, through a real broker.

using namespace troupe;
using namespace troupe::client;
using namespace std::chrono_literals;

namespace {

namespace code = protocol::request_code;
using protocol::remoting_command;
using fields = std::initializer_list<std::pair<const char*, std::string>>;

/// Asks the broker as a tool does.
remoting_command ask(const testing::node& node, std::int32_t request_code, fields all) {
    const auto address = node.broker_address();
    test_support::raw_client tool{static_cast<std::uint16_t>(std::stoi(address.substr(address.find(':') + 1)))};
    remoting_command command;
    command.code = request_code;
    command.from = protocol::language::java;
    for (const auto& [name, value] : all)
        command.fields.set(name, value);
    auto answer = tool.ask(command);
    REQUIRE(answer);
    return *answer;
}

/// What a handler got, for a test to wait for.
class seen_bodies {
public:
    void add(std::string body) {
        const std::lock_guard lock{mutex_};
        bodies_.insert(std::move(body));
        changed_.notify_all();
    }
    bool wait_for(std::size_t count) {
        std::unique_lock lock{mutex_};
        return changed_.wait_for(lock, 30s, [&] { return bodies_.size() >= count; });
    }

private:
    std::mutex mutex_;
    std::condition_variable changed_;
    std::multiset<std::string> bodies_;
};

consume_outcome judge(const received_message& m) {
    if (m.property("verdict") == "throw")
        throw std::runtime_error{"this one is not to my taste"};
    return m.property("verdict") == "later" ? consume_outcome::retry_later : consume_outcome::done;
}

/// A node with topic "orders", whose queue has three messages that a member of group "readers" has done.
struct asked_node {
    explicit asked_node(bool embedded) {
        REQUIRE(node.start().ok());
        client_options options;
        options.client_id = "ours";
        auto connected = embedded ? node.connect_embedded(options) : node.connect(options);
        REQUIRE(connected.ok());
        via.emplace(std::move(*connected));
        topic_config topic;
        topic.name = "orders";
        topic.read_queues = topic.write_queues = 1;
        REQUIRE(admin{*via}.create_topic(topic).ok());
        push_consumer_options consuming;
        consuming.group = "readers";
        consuming.from = consume_from::first_offset;
        auto opened = push_consumer::open(*via, consuming, [this](const received_message& m) {
            seen.add(std::string{m.body.view()});
            return judging ? judge(m) : consume_outcome::done;
        });
        REQUIRE(opened.ok());
        consumer.emplace(std::move(*opened));
        REQUIRE(consumer->subscribe("orders").ok());
        REQUIRE(consumer->start().ok());
        auto producer = producer::open(*via);
        REQUIRE(producer.ok());
        for (const auto* verdict : {"done", "later", "throw"}) {
            message m;
            m.topic = "orders";
            m.body = verdict;
            m.properties["verdict"] = verdict;
            const auto sent = producer->send(m);
            REQUIRE(sent.ok());
            ids[verdict] = sent->offset_message_id;
        }
        REQUIRE(seen.wait_for(3));
        judging = true;
    }
    remoting_command consume(const std::string& verdict) {
        return ask(node, code::consume_message_directly,
                   {{"consumerGroup", "readers"}, {"clientId", "ours"}, {"msgId", ids.at(verdict)}, {"topic", "orders"}});
    }

    testing::node node;
    std::atomic<bool> judging{false};
    seen_bodies seen;
    std::map<std::string, std::string> ids;
    std::optional<connection> via;
    std::optional<push_consumer> consumer; ///< ends before what its handler uses
};

bool contains(std::string_view text, std::string_view part) {
    return text.find(part) != std::string_view::npos;
}

void ask_everything(bool embedded) {
    asked_node s{embedded};
    const auto info = ask(s.node, code::get_consumer_running_info, {{"consumerGroup", "readers"}, {"clientId", "ours"}});
    REQUIRE(info.code == protocol::response_code::success);
    CHECK(contains(info.body.view(), R"({"brokerName":"broker-a","queueId":0,"topic":"orders"}:{"cachedMsgCount":)"));
    CHECK(contains(info.body.view(), R"("PROP_CONSUME_TYPE":"CONSUME_PASSIVELY")"));
    CHECK(contains(info.body.view(), R"("subString":"*")"));

    const auto status = ask(s.node, code::invoke_broker_to_get_consumer_status, {{"group", "readers"}, {"topic", "orders"}});
    REQUIRE(status.code == protocol::response_code::success);
    const auto told = protocol::decode_consumer_status(status.body.view());
    REQUIRE(told.ok());
    const auto& of_ours = told->clients.at("ours");
    REQUIRE(of_ours.size() == 1);
    CHECK(of_ours.begin()->first == message_queue{"orders", "broker-a", 0});

    CHECK(contains(s.consume("done").body.view(), R"("consumeResult":"CR_SUCCESS","order":false,"spentTimeMills":)"));
    CHECK(contains(s.consume("later").body.view(), R"("consumeResult":"CR_LATER")"));
    CHECK(contains(s.consume("throw").body.view(),
                   R"("consumeResult":"CR_THROW_EXCEPTION","order":false,"remark":"this one is not to my taste")"));
    CHECK(s.seen.wait_for(6));

    s.consumer->stop();
    const auto gone = ask(s.node, code::get_consumer_running_info, {{"consumerGroup", "readers"}, {"clientId", "ours"}});
    CHECK(gone.code != protocol::response_code::success);
}

} // namespace

TEST_CASE("asked member: a tool asks a member over the ports what it is doing and how far it is, and lets it consume a message") {
    ask_everything(false);
}

TEST_CASE("asked member: likewise a member in the broker's own process") {
    ask_everything(true);
}
