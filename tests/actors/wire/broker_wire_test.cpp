#include "actors/messages/broker_admin.hpp"
#include "actors/wire/wire.hpp"
#include "protocol/message_codec.hpp"
#include "protocol/request_code.hpp"
#include "protocol/response_code.hpp"
#include "protocol/vocabulary/limits.hpp"
#include "tests/actors/wire_world.hpp"
#include "tests/support/eventually.hpp"

#include <caf/event_based_actor.hpp>
#include <caf/scoped_actor.hpp>
#include <caf/send.hpp>
#include <caf/typed_event_based_actor.hpp>

#include <doctest/doctest.h>

#include <atomic>
#include <condition_variable>
#include <future>
#include <mutex>
#include <optional>

// A real broker behind a real port, asked through a proxy: every message of the role crosses the wire.

using namespace troupe;
using namespace troupe::actors;
using namespace std::chrono_literals;

namespace {

send_messages message(const std::string& body, const std::string& topic = "orders", std::int32_t queue = 0) {
    send_messages order;
    order.producer_group = "producers";
    order.topic = topic;
    order.queue = queue_id{queue};
    order.born = timestamp_ms{1'700'000'000'000};
    order.body = payload{body};
    return order;
}

pull_messages pull(std::int64_t offset, std::int64_t hold_ms = 0) {
    pull_messages order;
    order.group = "consumers";
    order.topic = "orders";
    order.offset = queue_offset{offset};
    order.hold_ms = hold_ms;
    order.has_expression = true;
    order.expression = "*";
    order.expression_type = "TAG";
    return order;
}

/// Holds every sync of a file system back until it is opened.
class sync_gate {
public:
    explicit sync_gate(test_support::fault_file_system& files) {
        files.set_hook([state = state_](const test_support::call_info& call) -> std::optional<test_support::call_fault> {
            if (call.kind != test_support::call_kind::sync)
                return std::nullopt;
            std::unique_lock lock{state->mutex};
            state->reached = true;
            state->changed.notify_all();
            state->changed.wait(lock, [&] { return state->open; });
            return std::nullopt;
        });
    }
    ~sync_gate() { open(); }
    sync_gate(const sync_gate&) = delete;
    sync_gate& operator=(const sync_gate&) = delete;
    /// Until a sync waits.
    void wait_reached() {
        std::unique_lock lock{state_->mutex};
        REQUIRE(state_->changed.wait_for(lock, 10s, [&] { return state_->reached; }));
    }
    void open() {
        const std::lock_guard lock{state_->mutex};
        state_->open = true;
        state_->changed.notify_all();
    }

private:
    struct gate {
        std::mutex mutex;
        std::condition_variable changed;
        bool open = false;
        bool reached = false;
    };
    std::shared_ptr<gate> state_ = std::make_shared<gate>();
};

/// A body that no other one equals, and whose every part says where it belongs.
std::string patterned(int number, std::size_t bytes) {
    std::string body = "message " + std::to_string(number) + ":";
    for (std::size_t word = 0; body.size() < bytes; ++word)
        body += std::to_string(number) + "." + std::to_string(word) + " ";
    body.resize(bytes);
    return body;
}

std::string oneway_frame(const std::string& body) {
    auto command = net::encode_request(message(body));
    command.flag = protocol::command_flag::oneway;
    return protocol::encode_frame(command);
}

} // namespace

TEST_CASE_FIXTURE(wire_world, "broker proxy: what it does not serve is refused at once, by its name") {
    const auto refused = ask<topics_put>(change_topics{}); // through an untyped handle: role_of would not compile
    REQUIRE_FALSE(refused.ok());
    CHECK(refused.code() == errc::not_supported);
    CHECK(refused.failure().text.find("does not serve change_topics") != std::string::npos);
}

TEST_CASE_FIXTURE(wire_world, "messages go in and come out over the wire, in order") {
    for (int index = 0; index < 3; ++index) {
        const auto stored = ask<messages_stored>(message("body " + std::to_string(index)));
        REQUIRE(stored.ok());
        CHECK(stored->offset == queue_offset{index});
        CHECK_FALSE(stored->message_ids.empty());
    }
    const auto pulled = ask<messages_pulled>(pull(1));
    REQUIRE(pulled.ok());
    CHECK(pulled->status == pull_status::found);
    CHECK(pulled->next == queue_offset{3});
    CHECK(pulled->max == queue_offset{3});
    const auto messages = protocol::decode_records(pulled->records);
    REQUIRE(messages.ok());
    REQUIRE(messages->size() == 2);
    CHECK(messages->at(0).body.view() == "body 1");
    CHECK(to_string(messages->at(0).born_host).starts_with("127.0.0.1:"));
    CHECK(ask<messages_pulled>(pull(3))->status == pull_status::no_new);
    CHECK(ask<messages_pulled>(pull(9))->status == pull_status::offset_moved);
}

TEST_CASE_FIXTURE(wire_world, "a held pull is answered by the message it waits for") {
    auto held = std::async(std::launch::async, [this] { return ask<messages_pulled>(pull(0, 20'000)); });
    REQUIRE(ask<messages_stored>(message("late")).ok());
    REQUIRE(held.wait_for(10s) == std::future_status::ready);
    const auto pulled = held.get();
    REQUIRE(pulled.ok());
    CHECK(pulled->status == pull_status::found);
}

TEST_CASE_FIXTURE(wire_world, "what is wrong with a send keeps its own name across the wire") {
    CHECK(ask<messages_stored>(message("x", "unknown")).code() == errc::topic_not_found);
    CHECK(ask<messages_stored>(message("x", "bad topic")).code() == errc::topic_illegal);
    CHECK(ask<messages_stored>(message("x", "orders", 7)).code() == errc::queue_not_found);
    CHECK(ask<messages_stored>(message("")).code() == errc::message_illegal);
    CHECK(ask<messages_stored>(message(std::string(limits::body_bytes_max + 1, 'x'))).code() == errc::body_too_large);
    CHECK(ask<messages_stored>(message(std::string(limits::body_bytes_max, 'x'))).ok());
}

TEST_CASE_FIXTURE(wire_world, "offsets, bounds, topics and groups are asked over the wire") {
    REQUIRE(ask<messages_stored>(message("x")).ok());
    const progress_key key{"consumers", {"orders", queue_id{0}}};
    CHECK(ask<offset_found>(find_max_offset{key.queue})->offset == queue_offset{1});
    CHECK(ask<offset_found>(find_min_offset{key.queue})->offset == queue_offset{0});
    CHECK(ask<offset_found>(search_offset{key.queue, timestamp_ms{0}, false})->offset == queue_offset{0});
    CHECK(ask<offset_found>(query_offset{key, false}).code() == errc::offset_not_found);
    CHECK(ask<group_put>(put_group{group_config{"consumers", true, true, 1, 16}}).ok());
    CHECK(ask<offset_committed>(commit_offset{key, queue_offset{1}}).ok());
    CHECK(ask<offset_found>(query_offset{key, false})->offset == queue_offset{1});
    CHECK(ask<topics_listed>(list_topics{})->table.topics.contains("orders"));
    CHECK(ask<topic_described>(describe_topic{"orders"})->stats.size() == 2);
    CHECK(ask<groups_listed>(list_groups{})->table.groups.contains("consumers"));
    CHECK(ask<group_described>(describe_group{"consumers", "orders"}).ok());
    CHECK_FALSE(ask<broker_described>(describe_broker{})->values.empty());
    CHECK(ask<group_deleted>(delete_group{"consumers", true}).ok());
    CHECK(ask<topic_deleted>(delete_topic{"orders"}).ok());
    CHECK(ask<messages_stored>(message("x")).code() == errc::topic_not_found);
}

// Goal: a change of a group reaches its members through the connection their heartbeat came on, and the end of a
// connection is the end of its members.
TEST_CASE_FIXTURE(wire_world, "members hear of each other, and of a connection that ends") {
    std::promise<std::string> heard;
    auto session = system.spawn([&heard](client_session_actor::pointer) -> client_session_actor::behavior_type {
        return {[&heard, told = false](const consumers_changed& event) mutable {
            if (!std::exchange(told, true))
                heard.set_value(event.group);
        }};
    });
    const auto beat = [](const std::string& client) {
        client_heartbeat order;
        order.data.client_id = client;
        order.data.consumers.push_back({"members",
                                        protocol::consume_type::passively,
                                        protocol::message_model::clustering,
                                        protocol::consume_from::first_offset,
                                        {{"orders", "*", "TAG", 1}}});
        return order;
    };
    auto first = beat("first");
    first.session = session;
    REQUIRE(ask<heartbeat_accepted>(first).ok());
    CHECK(ask<group_members>(list_group_members{"members"})->client_ids == std::vector<std::string>{"first"});

    auto other = net::spawn_broker_proxy(system, "127.0.0.1:" + std::to_string(listener.port));
    caf::scoped_actor self{system};
    self->request(other, 10s, beat("second")).receive([](const heartbeat_accepted&) {}, [](const caf::error&) { FAIL("refused"); });
    auto news = heard.get_future();
    REQUIRE(news.wait_for(10s) == std::future_status::ready);
    CHECK(news.get() == "members");
    CHECK(ask<group_members>(list_group_members{"members"})->client_ids.size() == 2);

    self->send_exit(other, caf::exit_reason::user_shutdown);
    test_support::await("the end of a member", [&] { return ask<group_members>(list_group_members{"members"})->client_ids.size() == 1; });
    CHECK(ask<group_members>(list_group_members{"members"})->client_ids == std::vector<std::string>{"first"});
    self->send_exit(session, caf::exit_reason::user_shutdown);
}

TEST_CASE_FIXTURE(wire_world, "requests beyond a connection's bound are busy at once, and every one is answered") {
    test_support::raw_client client{listener.port};
    std::string frames;
    constexpr int count = 5'000; // the bound is 4,096
    for (int index = 1; index <= count; ++index) {
        protocol::remoting_command command;
        command.code = protocol::request_code::pull_message;
        command.opaque = index;
        for (const auto& [name, value] : std::initializer_list<std::pair<const char*, const char*>>{{"consumerGroup", "consumers"},
                                                                                                    {"topic", "orders"},
                                                                                                    {"queueId", "0"},
                                                                                                    {"queueOffset", "0"},
                                                                                                    {"maxMsgNums", "1"},
                                                                                                    {"sysFlag", "6"},
                                                                                                    {"commitOffset", "0"},
                                                                                                    {"suspendTimeoutMillis", "20000"},
                                                                                                    {"subscription", "*"},
                                                                                                    {"subVersion", "0"}})
            command.fields.set(name, std::string{value});
        frames += protocol::encode_frame(command);
    }
    REQUIRE(client.send(frames));
    int busy = 0;
    for (int index = 4'097; index <= count; ++index) {
        const auto answer = client.receive();
        REQUIRE(answer);
        busy += answer->code == protocol::response_code::system_busy ? 1 : 0;
    }
    CHECK(busy == count - 4'096);
    REQUIRE(ask<messages_stored>(message("wakes them all")).ok());
    int found = 0;
    for (int index = 0; index < 4'096; ++index) {
        const auto answer = client.receive();
        REQUIRE(answer);
        found += answer->code == protocol::response_code::success ? 1 : 0;
    }
    CHECK(found == 4'096);
}

// Goal: a sender of one-way messages is slowed down, and loses nothing, whatever the log's disk does meanwhile.
TEST_CASE_FIXTURE(wire_world, "one-way sends into a stalled log are all stored, in order, byte by byte") {
    struct load {
        int messages;
        std::size_t bytes;
        bool closes; ///< before the log goes on
    };
    load sends{};
    SUBCASE("small ones") {
        sends = {20'000, 40, false};
    }
    SUBCASE("large ones, which are read in one piece") {
        sends = {2'000, 64u << 10, false};
    }
    SUBCASE("of a sender that leaves") {
        sends = {6'000, 40, true};
    }
    sync_gate gate{*files};
    auto client = std::make_unique<test_support::raw_client>(listener.port);
    std::atomic<int> sent{0};
    auto sender = std::async(std::launch::async, [&] {
        for (int number = 0; number < sends.messages; ++number, ++sent)
            if (!client->send(oneway_frame(patterned(number, sends.bytes)), 60s))
                return false;
        return true;
    });
    if (sends.closes) {
        REQUIRE(sender.wait_for(60s) == std::future_status::ready);
        REQUIRE(sender.get());
        client.reset();
    }
    // Until everything is sent, or the listener has stopped reading and the sockets are full.
    for (int before = -1; sender.valid() && before != sent;) {
        before = sent;
        sender.wait_for(200ms);
    }
    gate.open();
    if (!sends.closes) {
        REQUIRE(sender.get());
        auto asked = net::encode_request(find_max_offset{{"orders", queue_id{0}}});
        asked.opaque = 7;
        const auto answer = client->ask(asked);
        REQUIRE(answer);
        CHECK(answer->opaque == 7);
    }
    int next = 0;
    while (next < sends.messages) {
        auto order = pull(next, 20'000);
        order.messages_max = 32;
        const auto pulled = ask<messages_pulled>(order);
        REQUIRE(pulled.ok());
        REQUIRE(pulled->status == pull_status::found);
        const auto messages = protocol::decode_records(pulled->records);
        REQUIRE(messages.ok());
        for (const auto& each : *messages) {
            REQUIRE(each.body.view() == patterned(next, sends.bytes));
            ++next;
        }
    }
    CHECK(ask<offset_found>(find_max_offset{{"orders", queue_id{0}}})->offset == queue_offset{sends.messages});
}

TEST_CASE_FIXTURE(wire_world, "a port that is told to stop answers what it has accepted, and refuses what comes then") {
    test_support::raw_client client{listener.port};
    const auto ask_for = [&](std::int32_t opaque) {
        auto command = net::encode_request(message("body " + std::to_string(opaque)));
        command.opaque = opaque;
        return client.send(protocol::encode_frame(command));
    };
    sync_gate gate{*files};
    REQUIRE(ask_for(1));
    gate.wait_reached();
    caf::anon_send_exit(listener.handle, caf::exit_reason::user_shutdown);
    std::optional<protocol::remoting_command> refused;
    for (std::int32_t opaque = 2; !refused; ++opaque) { // those before the stop wait behind the first one
        REQUIRE(ask_for(opaque));
        refused = client.receive(20ms);
        REQUIRE(opaque < 40);
    }
    CHECK(net::failure_of(refused->code, *refused).code == errc::shutting_down);
    gate.open();
    const auto first = client.receive();
    REQUIRE(first);
    CHECK(first->opaque == 1);
    CHECK(first->code == protocol::response_code::success);
    CHECK(client.wait_closed());
    CHECK_FALSE(test_support::raw_client{listener.port}.is_connected());
}

TEST_CASE("wire: a send names the template of its topic, in both forms of the header") {
    auto order = message("x");
    order.topic_template = "audited";
    order.topic_template_queues = 7;
    order.unit_mode = true;
    auto command = net::encode_request(order);
    CHECK(*command.fields.find("c") == "audited");
    CHECK(*command.fields.find("d") == "7");
    CHECK(*command.fields.find("k") == "true");
    const auto again = net::decode_request<send_messages>(command);
    REQUIRE(again);
    CHECK(again->topic_template == "audited");
    CHECK(again->topic_template_queues == 7);
    CHECK(again->unit_mode);

    protocol::remoting_command first_form;
    first_form.code = protocol::request_code::send_message;
    first_form.fields.set("topic", std::string{"orders"});
    first_form.fields.set("queueId", 0);
    first_form.fields.set("defaultTopic", std::string{"audited"});
    first_form.fields.set("defaultTopicQueueNums", 2);
    first_form.fields.set("unitMode", std::string{"true"});
    const auto old = net::decode_request<send_messages>(first_form);
    REQUIRE(old);
    CHECK(old->topic_template == "audited");
    CHECK(old->topic_template_queues == 2);
    CHECK(old->unit_mode);

    protocol::remoting_command silent;
    silent.code = protocol::request_code::send_message_v2;
    silent.fields.set("b", std::string{"orders"});
    silent.fields.set("e", 0);
    const auto usual = net::decode_request<send_messages>(silent);
    REQUIRE(usual);
    CHECK(usual->topic_template == "TBW102");
    CHECK(usual->topic_template_queues == 4);
}

TEST_CASE_FIXTURE(wire_world, "broker over the wire: a send beyond the quota of its topic is busy, and one way waits for its turn") {
    topic_config limited;
    limited.name = "limited";
    limited.read_queues = limited.write_queues = 1;
    limited.attributes = {{"quota.send.messages", "2"}};
    REQUIRE(ask<topic_put>(put_topic{limited}));
    send_messages message;
    message.topic = "limited";
    message.queue = queue_id{0};
    message.body = payload{std::string{"x"}};
    int taken = 0;
    error last;
    while (last.code == errc::none && taken < 100) {
        const auto stored = ask<messages_stored>(message);
        taken += stored ? 1 : 0;
        if (!stored)
            last = stored.failure();
    }
    CHECK(taken >= 3);
    CHECK(last.code == errc::busy);
    CHECK(last.text.find("quota.send.messages") != std::string::npos);
    CHECK(node->metrics()->sends_throttled == 1);

    test_support::raw_client client{listener.port};
    auto oneway = net::encode_request(message);
    oneway.flag |= protocol::command_flag::oneway;
    for (int i = 0; i < 3; ++i)
        REQUIRE(client.send(protocol::encode_frame(oneway)));
    const auto bound = net::encode_request(find_max_offset{{"limited", queue_id{0}}}); // behind them on the connection
    const auto answer = client.ask(bound);
    REQUIRE(answer);
    test_support::await("the three that had to wait", [&] {
        return ask<offset_found>(find_max_offset{{"limited", queue_id{0}}})->offset.value() >= taken + 3;
    });
    CHECK(node->metrics()->sends_throttled == 1);
}
