#include "actors/base/log.hpp"
#include "protocol/properties.hpp"
#include "protocol/response_code.hpp"
#include "protocol/vocabulary/limits.hpp"
#include "tests/actors/broker_world.hpp"

#include <doctest/doctest.h>

#include <algorithm>
#include <utility>

// What a broker knows of connected clients and asks of them, in virtual time; the sessions are the test's.

using namespace troupe;
using namespace troupe::actors;
using namespace troupe::test_support;

namespace {

using names = std::vector<std::string>;
using port_session = client_session_actor::extend_with<asked_client_actor>;

/// The session of a connected client: writes down what it is asked, and answers as the test wants.
struct client_record {
    int changes = 0;
    std::vector<forward_to_client> forwarded;
    std::vector<ask_client_status> asked;
    std::vector<deliver_reply> replies;
    protocol::queue_offsets offsets;
    error failure; ///< of every answer
    bool mute = false;
};

template <class Answer>
caf::result<Answer> answered(port_session::pointer self, const client_record& record, Answer answer) {
    auto promise = self->make_response_promise<Answer>();
    if (record.mute)
        return promise;
    if (record.failure.code != errc::none)
        promise.deliver(make_caf_error(record.failure));
    else
        promise.deliver(std::move(answer));
    return promise;
}

port_session spawn_client(caf::actor_system& system, std::shared_ptr<client_record> record) {
    return system.spawn([record](port_session::pointer self) -> port_session::behavior_type {
        return {
            [record](const consumers_changed&) { ++record->changes; },
            [record, self](const forward_to_client& order) {
                record->forwarded.push_back(order);
                return answered<client_answered>(self, *record, {0, "fine", payload{std::string{"status"}}});
            },
            [record, self](const ask_client_status& order) {
                record->asked.push_back(order);
                return answered<client_status_told>(self, *record, {record->offsets});
            },
            [record, self](const deliver_reply& order) {
                record->replies.push_back(order);
                return answered<reply_delivered>(self, *record, {});
            },
            [record, self](const check_transaction&) { return answered<transaction_check_sent>(self, *record, {}); },
        };
    });
}

struct members_world : broker_world {
    template <class Answer, class Order>
    auto ask_members(Order order) {
        return world.ask<Answer>(node->broker_members(), std::move(order));
    }
    template <class Answer, class Order>
    result<Answer> members_answer(Order order, std::chrono::milliseconds within = 1s) {
        auto place = ask_members<Answer>(std::move(order));
        for (auto left = within; left > 0ms && !*place; left -= 10ms)
            world.advance(10ms);
        REQUIRE(place->has_value());
        return **place;
    }
    std::shared_ptr<client_record> connect(const std::string& client_id, const std::string& topic = "orders", bool without = false,
                                           std::int32_t version = 317) {
        auto record = std::make_shared<client_record>();
        clients[client_id] = spawn_client(world.system(), record);
        REQUIRE(beat(client_id, topic, without, version));
        return record;
    }
    result<heartbeat_accepted> beat(const std::string& client_id, const std::string& topic = "orders", bool without = false,
                                    std::int32_t version = 317) {
        protocol::consumer_data consumer{
            "readers", protocol::consume_type::actively, protocol::message_model::clustering, protocol::consume_from::first_offset, {}};
        if (!without)
            consumer.subscriptions = {{topic, "TagA", "TAG", 5}};
        remote_heartbeat order;
        order.heartbeat = {{client_id, {"writers", ""}, {consumer}}, clients[client_id]};
        order.origin = {protocol::language::go, version, {{10, 0, 0, 9}, false, 4711}};
        order.without_subscriptions = without;
        return members_answer<heartbeat_accepted>(order);
    }
    void disconnect(const std::string& client_id) {
        caf::anon_send_exit(clients[client_id], caf::exit_reason::user_shutdown);
        clients.erase(client_id);
        world.run();
    }
    ~members_world() {
        for (const auto& client : clients)
            caf::anon_send_exit(client.second, caf::exit_reason::user_shutdown);
        world.run();
    }
    static ask_member running_info(const std::string& client_id) {
        ask_member order{"readers", client_id, {}, {}};
        order.request.code = 307;
        order.request.fields.set("jstackEnable", std::string{"true"});
        return order;
    }
    static send_reply reply_to(const std::string& client_id) {
        send_reply order;
        order.message = message("reply", 3);
        order.message.properties = std::string{"CORRELATION_ID\x01"} + "7\x02" + "REPLY_TO_CLIENT\x01" + client_id;
        order.default_topic = "TBW102";
        order.default_topic_queues = 4;
        return order;
    }

    std::map<std::string, port_session> clients;
};

} // namespace

TEST_CASE_FIXTURE(members_world, "broker: tools see who is connected, how, and what for") {
    make_topic("orders");
    CHECK(members_answer<consumer_connections_listed>(list_consumer_connections{"readers"})->consumers.connections.empty());
    connect("a");
    REQUIRE(answer<heartbeat_accepted>(client_heartbeat{{"embedded", {"writers"}, {}}, {}}));
    const auto listed = members_answer<consumer_connections_listed>(list_consumer_connections{"readers"});
    REQUIRE(listed);
    const protocol::client_connection a{"a", "10.0.0.9:4711", protocol::language::go, 317};
    CHECK(listed->consumers.connections == std::vector{a});
    CHECK(listed->consumers.subscriptions.at("orders").expression == "TagA");
    CHECK(listed->consumers.type == protocol::consume_type::actively);
    CHECK(listed->consumers.from == protocol::consume_from::first_offset);

    const auto producers = members_answer<producer_connections_listed>(list_producer_connections{"writers"});
    REQUIRE(producers->connections.size() == 2);
    CHECK(producers->connections[0] == a);
    CHECK(producers->connections[1].from == protocol::language::cpp);
    CHECK(members_answer<producer_connections_listed>(list_producer_connections{"nobody"})->connections.empty());
    world.advance(5s);
    const auto all = members_answer<producers_listed>(list_producers{});
    CHECK(all->table.size() == 1); // the group without a name is none
    const auto silent = world.wall_clock()().value() - all->table.at("writers").at(0).last_heartbeat_ms;
    CHECK(silent >= 5'000);
    CHECK(silent < 6'000);
}

TEST_CASE_FIXTURE(members_world, "broker: members that differ are shown one by one, counted and written down, until they agree again") {
    std::vector<std::string> logged;
    set_log_sink([&logged](log_level, std::string_view text) { logged.emplace_back(text); });
    make_topic("orders");
    make_topic("bills");
    connect("a");
    connect("b", "bills");
    world.advance(2s, 1s);
    REQUIRE(logged.size() == 1);
    CHECK(logged[0].find("group readers do not subscribe to the same: topic bills: TagA (b), not subscribed (a); topic orders: TagA (a), "
                         "not subscribed (b)") != std::string::npos);
    CHECK(answer<broker_described>(describe_broker{})->values.at("consumerGroupsDiffering") == "1");
    const auto listed = members_answer<members_listed>(list_members{"readers"});
    REQUIRE(listed->members.size() == 2);
    const protocol::client_connection b{"b", "10.0.0.9:4711", protocol::language::go, 317};
    CHECK(listed->members[1].connection == b);
    CHECK(listed->members[1].subscriptions.at(0).topic == "bills");
    CHECK(members_answer<members_listed>(list_members{"nobody"})->members.empty());

    REQUIRE(beat("b"));
    world.advance(61s, 1s);
    REQUIRE(logged.size() == 2);
    CHECK(logged[1].find("agai") != std::string::npos);
    CHECK(answer<broker_described>(describe_broker{})->values.at("consumerGroupsDiffering") == "0");
    set_log_sink({});
}

TEST_CASE_FIXTURE(members_world,
                  "broker: a client id that two connections use by turns is written down once, counted, and shown with both") {
    std::vector<std::string> logged;
    set_log_sink([&logged](log_level, std::string_view text) { logged.emplace_back(text); });
    make_topic("orders");
    connect("a");
    const auto first = clients["a"];
    const auto second = spawn_client(world.system(), std::make_shared<client_record>());
    const auto take_turn = [&](const port_session& session, std::uint16_t port) {
        protocol::consumer_data consumer{"readers",
                                         protocol::consume_type::actively,
                                         protocol::message_model::clustering,
                                         protocol::consume_from::first_offset,
                                         {{"orders", "TagA", "TAG", 5}}};
        remote_heartbeat order;
        order.heartbeat = {{"a", {}, {consumer}}, session};
        order.origin = {protocol::language::go, 317, {{10, 0, 0, 9}, false, port}};
        REQUIRE(members_answer<heartbeat_accepted>(order));
        world.advance(14s, 1s);
    };
    take_turn(second, 4712);
    take_turn(first, 4711);
    take_turn(second, 4712);
    CHECK(logged.empty());
    CHECK(answer<broker_described>(describe_broker{})->values.at("clientIdsShared") == "0");
    for (int turn = 0; turn < 3; ++turn) {
        take_turn(first, 4711);
        take_turn(second, 4712);
    }
    REQUIRE(logged.size() == 1);
    CHECK(logged[0].find("group readers have the same client id a, by turns from 10.0.0.9:4711 and 10.0.0.9:4712") != std::string::npos);
    CHECK(logged[0].find("give each an id of its own") != std::string::npos);
    CHECK(answer<broker_described>(describe_broker{})->values.at("clientIdsShared") == "1");
    const auto listed = members_answer<members_listed>(list_members{"readers"});
    REQUIRE(listed->members.size() == 1);
    CHECK(listed->members[0].connection.address == "10.0.0.9:4712");
    CHECK(listed->members[0].other_addresses == names{"10.0.0.9:4711"});

    disconnect("a");
    CHECK(answer<broker_described>(describe_broker{})->values.at("clientIdsShared") == "0");
    CHECK(members_answer<members_listed>(list_members{"readers"})->members.at(0).other_addresses.empty());
    caf::anon_send_exit(second, caf::exit_reason::user_shutdown);
    set_log_sink({});
}

TEST_CASE_FIXTURE(members_world, "broker: producers leave with their connection, by unregister and by silence, as consumers do") {
    const auto producers = [this] {
        names ids;
        const auto listed = members_answer<producer_connections_listed>(list_producer_connections{"writers"});
        for (const auto& one : listed->connections)
            ids.push_back(one.client_id);
        return ids;
    };
    connect("a");
    connect("b");
    connect("c");
    CHECK(producers() == names{"a", "b", "c"});
    disconnect("a");
    CHECK(producers() == names{"b", "c"});
    REQUIRE(answer<client_unregistered>(unregister_client{"b", "writers", ""}));
    CHECK(producers() == names{"c"});
    CHECK(answer<group_members>(list_group_members{"readers"})->client_ids == names{"b", "c"});
    world.advance(131s, 1s);
    CHECK(producers().empty());
}

TEST_CASE_FIXTURE(members_world, "broker: the short form of a heartbeat keeps the subscriptions and tells nobody") {
    make_topic("orders");
    const auto a = connect("a");
    a->changes = 0;
    REQUIRE(beat("a", "orders", true));
    world.advance(1s, 100ms);
    CHECK(a->changes == 0);
    const auto found = members_answer<subscription_found>(find_subscription{"readers", "orders"});
    REQUIRE(found->subscription.size() == 1);
    CHECK(found->subscription[0].expression == "TagA");
    CHECK(members_answer<subscription_found>(find_subscription{"readers", "other"})->subscription.empty());
}

TEST_CASE_FIXTURE(members_world,
                  "broker: a heartbeat in too many producer groups is refused, and one with a name too long loses that group") {
    client_heartbeat beat{{"c", names(limits::consumers_per_heartbeat_max + 1, "g"), {}}, {}};
    CHECK(answer<heartbeat_accepted>(beat).code() == errc::argument_illegal);
    beat.data.producer_groups = {"g", std::string(256, 'x')};
    CHECK(answer<heartbeat_accepted>(beat).ok());
    CHECK(members_answer<producers_listed>(list_producers{})->table.size() == 1);
}

TEST_CASE_FIXTURE(members_world, "broker: readers of a topic are those who subscribe to it and those who have offsets on it") {
    make_topic("orders");
    make_topic("bills");
    connect("a");
    REQUIRE(answer<offset_committed>(commit_offset{{"sleepers", {"orders", queue_id{1}}}, queue_offset{0}}));
    REQUIRE(answer<offset_committed>(commit_offset{{"readers", {"orders", queue_id{0}}}, queue_offset{0}}));
    REQUIRE(answer<offset_committed>(commit_offset{{"readers", {"orders", queue_id{1}}}, queue_offset{0}}));
    REQUIRE(answer<offset_committed>(commit_offset{{"readers", {"bills", queue_id{0}}}, queue_offset{0}}));
    CHECK(members_answer<topic_readers_listed>(list_topic_readers{"orders"})->groups == names{"readers", "sleepers"});
    CHECK(members_answer<topic_readers_listed>(list_topic_readers{"nobody's"})->groups.empty());
    const auto topics = members_answer<group_topics_listed>(list_group_topics{"readers"});
    CHECK(topics->topics == names{"bills", "orders"});
    CHECK(topics->broker_address == "127.0.0.1:10911");
}

TEST_CASE_FIXTURE(members_world, "broker: a member is asked what a tool wants to know, and its answer comes back as it is") {
    const auto a = connect("a");
    const auto b = connect("b");
    const auto answer = members_answer<client_answered>(running_info("b"));
    REQUIRE(answer);
    CHECK(answer->remark == "fine");
    CHECK(answer->body.view() == "status");
    CHECK(a->forwarded.empty());
    REQUIRE(b->forwarded.size() == 1);
    CHECK(b->forwarded[0].code == 307);
    CHECK(*b->forwarded[0].fields.find("jstackEnable") == "true");
}

TEST_CASE_FIXTURE(members_world, "broker: who is not there, too old, embedded, gone or silent is told apart") {
    CHECK(members_answer<client_answered>(running_info("a")).code() == errc::connection_lost);
    const auto a = connect("a");
    CHECK(members_answer<client_answered>(running_info("z")).code() == errc::connection_lost);
    connect("old", "orders", false, 61);
    CHECK(members_answer<client_answered>(running_info("old")).code() == errc::not_supported);
    protocol::consumer_data consumer;
    consumer.group = "readers";
    REQUIRE(this->answer<heartbeat_accepted>(client_heartbeat{{"embedded", {}, {consumer}}, {}}));
    CHECK(members_answer<client_answered>(running_info("embedded")).code() == errc::connection_lost);
    a->failure = {errc::connection_lost, "gone"};
    CHECK(members_answer<client_answered>(running_info("a")).code() == errc::connection_lost);
    a->failure = {errc::timed_out, "silent"};
    const auto late = members_answer<client_answered>(running_info("a"));
    REQUIRE(late);
    CHECK(late->code == protocol::response_code::consume_msg_timeout);
    a->failure = {};
    a->mute = true; // a session that breaks its own promise does not keep the tool waiting for ever
    CHECK(members_answer<client_answered>(running_info("a"), 15s)->code == protocol::response_code::consume_msg_timeout);
}

TEST_CASE_FIXTURE(members_world, "broker: a message that a tool wants consumed goes to the member with its record") {
    make_topic("orders");
    const auto stored = answer<messages_stored>(message("look at this"));
    REQUIRE(stored);
    const auto a = connect("a");
    ask_member order{"readers", "", stored->message_ids, {}};
    order.request.code = 309;
    REQUIRE(members_answer<client_answered>(order));
    REQUIRE(a->forwarded.size() == 1);
    CHECK(*a->forwarded[0].fields.find("brokerName") == "broker-a");
    const auto record = protocol::decode_record(a->forwarded[0].body);
    REQUIRE(record);
    CHECK(record->body.view() == "look at this");
    order.message_id = "xyz";
    CHECK(members_answer<client_answered>(order).code() == errc::argument_illegal);
    order.message_id = protocol::offset_message_id({{127, 0, 0, 1}, false, 10911}, log_position{1 << 19});
    const auto nowhere = members_answer<client_answered>(order);
    CHECK_FALSE(nowhere.ok());
    CHECK(a->forwarded.size() == 1);
}

TEST_CASE_FIXTURE(members_world, "broker: members say how far they are, without those that do not answer") {
    CHECK(members_answer<members_status_told>(ask_members_status{"readers", "orders", ""}).code() == errc::connection_lost);
    const auto a = connect("a");
    const auto b = connect("b");
    const auto silent = connect("silent");
    a->offsets = {{{"orders", "broker-a", 0}, 7}};
    b->offsets = {{{"orders", "broker-a", 1}, 8}};
    silent->mute = true;
    const auto told = members_answer<members_status_told>(ask_members_status{"readers", "orders", ""}, 5s);
    REQUIRE(told);
    CHECK(told->status.clients == std::map<std::string, protocol::queue_offsets>{{"a", a->offsets}, {"b", b->offsets}});
    REQUIRE(a->asked.size() == 1);
    CHECK(a->asked[0].topic == "orders");
    CHECK(a->asked[0].group == "readers");
    const auto one = members_answer<members_status_told>(ask_members_status{"readers", "orders", "b"});
    CHECK(one->status.clients.size() == 1);
    CHECK(a->asked.size() == 1);
}

TEST_CASE_FIXTURE(members_world, "broker: a reply goes to the client that waits for it, and the replier hears whether it arrived") {
    const auto a = connect("a");
    const auto stored = members_answer<messages_stored>(reply_to("a"));
    REQUIRE(stored);
    CHECK(stored->message_ids == "0");
    CHECK(stored->queue == queue_id{3});
    REQUIRE(a->replies.size() == 1);
    const auto& delivered = a->replies[0];
    CHECK(delivered.reply.message.body.view() == "reply");
    CHECK(delivered.reply.default_topic_queues == 4);
    const auto properties = protocol::decode_properties(delivered.reply.message.properties);
    CHECK(properties.at("CORRELATION_ID") == "7");
    CHECK(properties.at("REPLY_TO_CLIENT") == "a");
    CHECK(properties.at("PUSH_REPLY_TIME") == to_string(delivered.stored));

    a->failure = {errc::internal, "the requester has given up"};
    CHECK(members_answer<messages_stored>(reply_to("a")).code() == errc::internal);
    CHECK(members_answer<messages_stored>(reply_to("nobody")).code() == errc::connection_lost);
    auto lost = reply_to("a");
    lost.message.properties.clear();
    CHECK(members_answer<messages_stored>(lost).code() == errc::message_illegal);
    disconnect("a");
    CHECK(members_answer<messages_stored>(reply_to("a")).code() == errc::connection_lost);
}
