#include "actors/wire/wire.hpp"
#include "protocol/connection_bodies.hpp"
#include "protocol/group_members.hpp"
#include "protocol/message_codec.hpp"
#include "protocol/request_code.hpp"
#include "protocol/response_code.hpp"
#include "tests/actors/wire_world.hpp"
#include "tests/support/eventually.hpp"

#include <caf/scoped_actor.hpp>

#include <optional>

// Connected clients as real peers: raw frames in both directions.

using namespace troupe;
using namespace troupe::actors;
using namespace std::chrono_literals;

namespace {

namespace code = protocol::request_code;
using protocol::remoting_command;
using fields = std::initializer_list<std::pair<const char*, std::string>>;

remoting_command command_of(std::int32_t request_code, fields all, std::string body = {}) {
    remoting_command command;
    command.code = request_code;
    command.opaque = 4711; // a client's own numbers have nothing to do with the broker's
    for (const auto& [name, value] : all)
        command.fields.set(name, value);
    command.body = payload{std::move(body)};
    return command;
}

/// A client of another language, on a connection of its own.
struct peer {
    explicit peer(const wire_world& world) : client{world.listener.port} {}

    void beat(const std::string& client_id, const std::string& tag = "TagA") {
        auto heartbeat = command_of(
            code::heart_beat, {},
            R"({"clientID":")" + client_id +
                R"(","consumerDataSet":[{"consumeFromWhere":"CONSUME_FROM_FIRST_OFFSET","consumeType":"CONSUME_PASSIVELY","groupName":"readers",)"
                R"("messageModel":"CLUSTERING","subscriptionDataSet":[{"subString":")" +
                tag +
                R"(","subVersion":1,"topic":"orders"}]}],)"
                R"("producerDataSet":[{"groupName":"writers"}]})");
        heartbeat.from = protocol::language::java;
        heartbeat.version = 401;
        const auto answer = ask(heartbeat);
        REQUIRE(answer.code == protocol::response_code::success);
        // The second version is not announced, so a client always says everything.
        CHECK(answer.fields.find("IS_SUPPORT_HEART_BEAT_V2") == nullptr);
        CHECK(*answer.fields.find("IS_SUB_CHANGE") == "true");
    }
    /// The next frame that is no notice of changed members.
    remoting_command receive() {
        for (;;) {
            const auto command = client.receive();
            REQUIRE(command);
            if (command->code != code::notify_consumer_ids_changed || command->is_response())
                return *command;
        }
    }
    remoting_command ask(const remoting_command& command) {
        REQUIRE(client.send(protocol::encode_frame(command)));
        return receive();
    }
    void answer(const remoting_command& asked, std::int32_t response_code, const std::string& remark, std::string body) {
        remoting_command answer;
        answer.code = response_code;
        answer.opaque = asked.opaque;
        answer.flag = protocol::command_flag::response;
        answer.remark = remark;
        answer.body = payload{std::move(body)};
        REQUIRE(client.send(protocol::encode_frame(answer)));
    }

    test_support::raw_client client;
};

/// Does something on a connection of its own while the test goes on.
struct tool : peer {
    using peer::peer;
    void send(const remoting_command& command) { REQUIRE(client.send(protocol::encode_frame(command))); }
};

} // namespace

TEST_CASE_FIXTURE(wire_world, "members over the wire: tools read connections, producers and subscriptions") {
    CHECK(call(code::get_consumer_connection_list, {{"consumerGroup", "readers"}}).code == protocol::response_code::consumer_not_online);
    CHECK(call(code::get_producer_connection_list, {{"producerGroup", "writers"}}).code == protocol::response_code::system_error);
    peer member{*this};
    member.beat("c1");
    const auto consumers = call(code::get_consumer_connection_list, {{"consumerGroup", "readers"}});
    REQUIRE(consumers.code == protocol::response_code::success);
    const auto seen = protocol::decode_consumer_connections(consumers.body.view());
    REQUIRE(seen);
    REQUIRE(seen->connections.size() == 1);
    CHECK(seen->connections[0].client_id == "c1");
    CHECK(seen->connections[0].from == protocol::language::java);
    CHECK(seen->connections[0].version == 401);
    CHECK(seen->connections[0].address.starts_with("127.0.0.1:"));
    CHECK(seen->subscriptions.at("orders").expression == "TagA");
    const auto producers = call(code::get_producer_connection_list, {{"producerGroup", "writers"}});
    CHECK(protocol::decode_producer_connections(producers.body.view())->at(0) == seen->connections[0]);
    CHECK(protocol::decode_producer_table(call(code::get_all_producer_info).body.view())->at("writers").at(0).connection ==
          seen->connections[0]);
    CHECK(protocol::decode_group_names(call(code::query_topic_consume_by_who, {{"topic", "orders"}}).body.view()).value() ==
          std::vector<std::string>{"readers"});
    const auto subscription = call(code::query_subscription_by_consumer, {{"group", "readers"}, {"topic", "orders"}});
    CHECK(protocol::decode_group_subscription(subscription.body.view())->subscription->expression == "TagA");
    CHECK(protocol::decode_topic_list(call(code::query_topics_by_consumer, {{"group", "readers"}}).body.view())->empty());
    CHECK(call(code::get_consumer_connection_list).code == protocol::response_code::system_error);
}

TEST_CASE_FIXTURE(wire_world, "members over the wire: each gets what it has subscribed to itself, when they differ") {
    for (const auto* tag : {"TagA", "TagB", "TagA"}) {
        send_messages message;
        message.topic = "orders";
        message.queue = queue_id{0};
        message.body = payload{std::string{"for "} + tag};
        message.properties = std::string{"TAGS\x01"} + tag + "\x02";
        REQUIRE(ask<messages_stored>(message));
    }
    const auto pull = command_of(code::pull_message, {{"consumerGroup", "readers"},
                                                      {"topic", "orders"},
                                                      {"queueId", "0"},
                                                      {"queueOffset", "0"},
                                                      {"maxMsgNums", "32"},
                                                      {"sysFlag", "0"},
                                                      {"commitOffset", "0"},
                                                      {"suspendTimeoutMillis", "0"},
                                                      {"subVersion", "1"}});
    const auto bodies = [](const remoting_command& answer) {
        std::vector<std::string> all;
        const auto messages = protocol::decode_records(answer.body);
        REQUIRE(messages);
        for (const auto& one : *messages)
            all.emplace_back(one.body.view());
        return all;
    };
    peer first{*this};
    first.beat("c1");
    peer stranger{*this};
    CHECK(bodies(stranger.ask(pull)) == std::vector<std::string>{"for TagA", "for TagA"}); // all members agree: it must be one of them
    peer second{*this};
    second.beat("c2", "TagB");
    CHECK(bodies(first.ask(pull)) == std::vector<std::string>{"for TagA", "for TagA"});
    CHECK(bodies(second.ask(pull)) == std::vector<std::string>{"for TagB"});
    const auto refused = stranger.ask(pull); // whichever was chosen would skip what the other wants
    CHECK(refused.code == protocol::response_code::subscription_not_exist);
    CHECK(refused.remark.find("heartbeat") != std::string::npos);

    const auto listed = ask<members_listed>(list_members{"readers"});
    REQUIRE(listed);
    REQUIRE(listed->members.size() == 2);
    CHECK(listed->members[0].connection.client_id == "c1");
    CHECK(listed->members[0].connection.from == protocol::language::java);
    CHECK(listed->members[0].subscriptions == std::vector<protocol::subscription_data>{{"orders", "TagA", "TAG", 1}});
    CHECK(protocol::find_differences("readers", listed->members).size() == 1);
    CHECK(call(code::troupe_list_members).code == protocol::response_code::system_error);
}

TEST_CASE_FIXTURE(wire_world, "members over the wire: a request of a tool reaches the client, and the client's answer the tool") {
    peer member{*this};
    member.beat("c1");
    tool asking{*this};
    asking.send(command_of(code::get_consumer_running_info,
                           {{"consumerGroup", "readers"}, {"clientId", "c1"}, {"jstackEnable", "true"}, {"more", "kept"}}));
    const auto asked = member.receive();
    CHECK(asked.code == code::get_consumer_running_info);
    CHECK_FALSE(asked.is_response());
    CHECK_FALSE(asked.is_oneway());
    CHECK(*asked.fields.find("jstackEnable") == "true");
    CHECK(*asked.fields.find("more") == "kept");
    member.answer(asked, 0, "as it is", R"({"mqTable":{{"topic":"T"}:{}}})");
    const auto answer = asking.receive();
    CHECK(answer.opaque == 4711);
    CHECK(answer.is_response());
    CHECK(answer.code == 0);
    CHECK(answer.remark == "as it is");
    CHECK(answer.body.view() == R"({"mqTable":{{"topic":"T"}:{}}})");

    asking.send(command_of(code::get_consumer_running_info, {{"consumerGroup", "readers"}, {"clientId", "c1"}}));
    member.answer(member.receive(), 29, "no", {});
    const auto refused = asking.receive();
    CHECK(refused.code == 29);
    CHECK(refused.remark == "no");
    const auto unknown = asking.ask(command_of(code::get_consumer_running_info, {{"consumerGroup", "readers"}, {"clientId", "c2"}}));
    CHECK(unknown.code == protocol::response_code::system_error);
}

TEST_CASE_FIXTURE(wire_world,
                  "members over the wire: a tool hears at once that the client has gone, and answers nobody asked for are harmless") {
    std::optional<peer> member{std::in_place, *this};
    member->beat("c1");
    member->answer(command_of(1, {}), 0, "unasked", {});
    tool asking{*this};
    asking.send(command_of(code::get_consumer_running_info, {{"consumerGroup", "readers"}, {"clientId", "c1"}}));
    auto asked = member->receive();
    asked.opaque += 1'000;
    member->answer(asked, 0, "to nothing", {});
    member.reset();
    const auto answer = asking.receive();
    CHECK(answer.code == protocol::response_code::system_error);
    CHECK(answer.remark.find("connection") != std::string::npos);
}

TEST_CASE_FIXTURE(wire_world, "members over the wire: a message is consumed directly, as the record that is stored") {
    send_messages message;
    message.topic = "orders";
    message.queue = queue_id{0};
    message.body = payload{std::string{"look at this"}};
    const auto stored = ask<messages_stored>(message);
    REQUIRE(stored);
    peer member{*this};
    member.beat("c1");
    tool asking{*this};
    asking.send(command_of(code::consume_message_directly,
                           {{"consumerGroup", "readers"}, {"clientId", "c1"}, {"msgId", stored->message_ids}, {"topic", "orders"}}));
    const auto asked = member.receive();
    CHECK(asked.code == code::consume_message_directly);
    CHECK(*asked.fields.find("brokerName") == "broker-a");
    CHECK(protocol::decode_record(asked.body)->body.view() == "look at this");
    member.answer(asked, 0, {}, R"({"consumeResult":"CR_SUCCESS"})");
    CHECK(asking.receive().body.view() == R"({"consumeResult":"CR_SUCCESS"})");
    const auto wrong = asking.ask(command_of(code::consume_message_directly, {{"consumerGroup", "readers"}, {"msgId", "x"}}));
    CHECK(wrong.code == protocol::response_code::invalid_parameter);
}

TEST_CASE_FIXTURE(wire_world, "members over the wire: clients say how far they are, in the form with objects as keys") {
    peer member{*this};
    member.beat("c1");
    tool asking{*this};
    asking.send(command_of(code::invoke_broker_to_get_consumer_status, {{"group", "readers"}, {"topic", "orders"}, {"clientAddr", "c1"}}));
    const auto asked = member.receive();
    CHECK(asked.code == code::get_consumer_status_from_client);
    CHECK(*asked.fields.find("topic") == "orders");
    CHECK(*asked.fields.find("group") == "readers");
    member.answer(asked, 0, {}, R"({"messageQueueTable":{{"brokerName":"broker-a","queueId":1,"topic":"orders"}:13}})");
    const auto answer = asking.receive();
    CHECK(answer.body.view() ==
          R"({"consumerTable":{"c1":{{"brokerName":"broker-a","queueId":1,"topic":"orders"}:13}},"messageQueueTable":{}})");
    const auto none = asking.ask(command_of(code::invoke_broker_to_get_consumer_status, {{"group", "nobody"}, {"topic", "orders"}}));
    CHECK(none.code == protocol::response_code::system_error);
}

TEST_CASE_FIXTURE(wire_world, "members over the wire: a reply in either form of the header reaches the requester with every field") {
    peer requester{*this};
    requester.beat("c1");
    const std::string properties = std::string{"CORRELATION_ID\x01"} + "7\x02" + "REPLY_TO_CLIENT\x01" + "c1\x02";
    tool replier{*this};
    SUBCASE("Java's") {
        replier.send(command_of(code::send_reply_message_v2,
                                {{"a", "PG"},
                                 {"b", "C_REPLY_TOPIC"},
                                 {"c", "TBW102"},
                                 {"d", "4"},
                                 {"e", "2"},
                                 {"f", "1"},
                                 {"g", "17"},
                                 {"h", "5"},
                                 {"i", properties},
                                 {"j", "3"},
                                 {"k", "true"}},
                                "the reply"));
    }
    SUBCASE("Go's") {
        replier.send(command_of(code::send_reply_message,
                                {{"producerGroup", "PG"},
                                 {"topic", "C_REPLY_TOPIC"},
                                 {"defaultTopic", "TBW102"},
                                 {"defaultTopicQueueNums", "4"},
                                 {"queueId", "2"},
                                 {"sysFlag", "1"},
                                 {"bornTimestamp", "17"},
                                 {"flag", "5"},
                                 {"properties", properties},
                                 {"reconsumeTimes", "3"},
                                 {"unitMode", "true"}},
                                "the reply"));
    }
    const auto pushed = requester.receive();
    CHECK(pushed.code == code::push_reply_message_to_client);
    CHECK(pushed.body.view() == "the reply");
    for (const auto& field : fields{{"producerGroup", "PG"},
                                    {"topic", "C_REPLY_TOPIC"},
                                    {"defaultTopic", "TBW102"},
                                    {"defaultTopicQueueNums", "4"},
                                    {"queueId", "2"},
                                    {"sysFlag", "1"},
                                    {"bornTimestamp", "17"},
                                    {"flag", "5"},
                                    {"reconsumeTimes", "3"},
                                    {"unitMode", "true"},
                                    {"storeHost", "127.0.0.1:10911"}})
        CHECK_MESSAGE(*pushed.fields.find(field.first) == field.second, field.first);
    CHECK(pushed.fields.find("bornHost")->starts_with("127.0.0.1:"));
    const auto* stored = pushed.fields.find("storeTimestamp");
    REQUIRE(stored != nullptr);
    CHECK(*pushed.fields.find("properties") == properties + "PUSH_REPLY_TIME\x01" + *stored + "\x02");
    requester.answer(pushed, 0, {}, {});
    const auto answer = replier.receive();
    CHECK(answer.code == protocol::response_code::success);
    CHECK(*answer.fields.find("msgId") == "0");
    CHECK(*answer.fields.find("queueId") == "2");
    CHECK(*answer.fields.find("queueOffset") == "0");
}

TEST_CASE_FIXTURE(wire_world, "members over the wire: a replier hears that the requester refused, or is not there") {
    peer requester{*this};
    requester.beat("c1");
    tool replier{*this};
    const auto reply = [](const std::string& to) {
        return command_of(code::send_reply_message_v2,
                          {{"a", "PG"}, {"b", "C_REPLY_TOPIC"}, {"e", "0"}, {"i", std::string{"REPLY_TO_CLIENT\x01"} + to + "\x02"}}, "x");
    };
    replier.send(reply("c1"));
    requester.answer(requester.receive(), 1, "given up", {});
    CHECK(replier.receive().code == protocol::response_code::system_error);
    CHECK(replier.ask(reply("c2")).code == protocol::response_code::system_error);
}

TEST_CASE_FIXTURE(wire_world, "members over the wire: offsets are reset and cloned as tools ask for it") {
    send_messages message;
    message.topic = "orders";
    message.queue = queue_id{0};
    message.body = payload{std::string{"x"}};
    for (int i = 0; i < 3; ++i)
        REQUIRE(ask<messages_stored>(message).ok());
    const progress_key key{"readers", {"orders", queue_id{0}}};
    group_config group;
    group.name = "readers";
    REQUIRE(ask<group_put>(put_group{group}).ok());
    REQUIRE(ask<offset_committed>(commit_offset{key, queue_offset{3}}).ok());
    const auto reset =
        call(code::invoke_broker_to_reset_offset,
             {{"group", "readers"}, {"topic", "orders"}, {"timestamp", "-1"}, {"isForce", "true"}, {"queueId", "0"}, {"offset", "1"}});
    REQUIRE(reset.code == protocol::response_code::success);
    CHECK(reset.body.view() == R"({"offsetTable":{{"brokerName":"broker-a","queueId":0,"topic":"orders"}:1}})");
    CHECK(ask<offset_found>(query_offset{key})->offset == queue_offset{1});
    const auto pull = call(code::pull_message, {{"consumerGroup", "readers"},
                                                {"topic", "orders"},
                                                {"queueId", "0"},
                                                {"queueOffset", "3"},
                                                {"maxMsgNums", "1"},
                                                {"sysFlag", "4"},
                                                {"subscription", "*"},
                                                {"subVersion", "0"}});
    CHECK(pull.code == protocol::response_code::pull_offset_moved);
    CHECK(*pull.fields.find("nextBeginOffset") == "1");
    CHECK(*pull.fields.find("minOffset") == "0");
    CHECK(*pull.fields.find("maxOffset") == "3");
    CHECK(call(code::invoke_broker_to_reset_offset, {{"group", "readers"}, {"topic", "nothing"}, {"timestamp", "0"}}).code ==
          protocol::response_code::topic_not_exist);
    CHECK(call(code::invoke_broker_to_reset_offset, {{"group", "nobody"}, {"topic", "orders"}, {"timestamp", "0"}}).code ==
          protocol::response_code::subscription_group_not_exist);
    REQUIRE(call(code::clone_group_offset, {{"srcGroup", "readers"}, {"destGroup", "copies"}}).code == protocol::response_code::success);
    CHECK(ask<offset_found>(query_offset{{"copies", key.queue}, false})->offset == queue_offset{1});
}

TEST_CASE_FIXTURE(wire_world, "members over the wire: the short heartbeat keeps subscriptions, and a closed connection ends a producer") {
    {
        peer member{*this};
        member.beat("c1");
        const auto short_form = member.ask(
            command_of(code::heart_beat, {},
                       R"({"clientID":"c1","consumerDataSet":[{"groupName":"readers","subscriptionDataSet":[]}],"producerDataSet":[],)"
                       R"("heartbeatFingerprint":5,"withoutSub":true})"));
        CHECK(short_form.code == protocol::response_code::success);
        const auto found = call(code::query_subscription_by_consumer, {{"group", "readers"}, {"topic", "orders"}});
        CHECK(protocol::decode_group_subscription(found.body.view())->subscription.has_value());
    }
    test_support::await("the end of the producer", [&] {
        return call(code::get_producer_connection_list, {{"producerGroup", "writers"}}).code == protocol::response_code::system_error;
    });
}

TEST_CASE_FIXTURE(wire_world, "members over the wire: a client of ours that has not the group says so at once") {
    client_heartbeat beat{{"ours", {}, {{"readers", {}, {}, {}, {}}}}, {}}; // without a session: nobody there can be asked
    REQUIRE(ask<heartbeat_accepted>(beat).ok());
    const auto answer = call(code::get_consumer_running_info, {{"consumerGroup", "readers"}, {"clientId", "ours"}});
    CHECK(answer.code == protocol::response_code::subscription_group_not_exist);
}
