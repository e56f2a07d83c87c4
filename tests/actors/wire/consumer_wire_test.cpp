#include "protocol/consumer_bodies.hpp"
#include "protocol/message_codec.hpp"
#include "protocol/request_code.hpp"
#include "protocol/response_code.hpp"
#include "tests/actors/wire_world.hpp"

#include <doctest/doctest.h>

#include <map>

// What consumers of other makes send, field by field as they send it, and the code that each case is answered with.
// Cases: RocketMQ's LockBatchRequestBody, QueryConsumerOffsetRequestHeader and others.

using namespace troupe;
using namespace troupe::actors;
namespace request = protocol::request_code;
namespace response = protocol::response_code;

namespace {

using fields = std::map<std::string, std::string>;

struct consumer_world : wire_world {
    using wire_world::wire_world;

    test_support::raw_client client{listener.port}; ///< stays, as members of groups leave with their connection
    fields pulled{{"consumerGroup", "readers"},
                  {"topic", "orders"},
                  {"queueId", "0"},
                  {"queueOffset", "0"},
                  {"maxMsgNums", "32"},
                  {"sysFlag", "4"},
                  {"commitOffset", "0"},
                  {"subscription", "*"},
                  {"subVersion", "0"},
                  {"expressionType", "TAG"},
                  {"suspendTimeoutMillis", "20000"}};

    protocol::remoting_command send(std::int32_t code, const fields& header, const std::string& body = {}) {
        protocol::remoting_command command;
        command.code = code;
        for (const auto& [name, value] : header)
            command.fields.set(name, value);
        command.body = payload{body};
        auto answer = client.ask(command);
        while (answer && !answer->is_response()) // its groups' members changed
            answer = client.receive();
        REQUIRE(answer);
        return *answer;
    }
    /// A pull as above, but for `changes`; an empty value leaves the field out.
    protocol::remoting_command pull(const fields& changes = {}, std::int32_t code = request::pull_message) {
        auto header = pulled;
        for (const auto& [name, value] : changes)
            header[name] = value;
        std::erase_if(header, [](const auto& field) { return field.second.empty(); });
        return send(code, header);
    }
    void store(const std::string& body, const std::string& tag = {}, std::int32_t queue = 0) {
        send_messages order;
        order.producer_group = "producers";
        order.topic = "orders";
        order.queue = queue_id{queue};
        order.body = payload{body};
        if (!tag.empty())
            order.properties = "TAGS\x01" + tag + "\x02";
        REQUIRE(ask<messages_stored>(order).ok());
    }
    void put(const std::string& name, std::int32_t perm) {
        topic_config topic;
        topic.name = name;
        topic.read_queues = topic.write_queues = 1;
        topic.perm = perm;
        REQUIRE(ask<topic_put>(put_topic{topic}).ok());
    }
    void join(const std::string& group, protocol::message_model model = protocol::message_model::clustering, std::int64_t version = 7) {
        protocol::heartbeat_data data;
        data.client_id = "10.0.0.9@1";
        data.consumers = {
            {group, protocol::consume_type::passively, model, protocol::consume_from::last_offset, {{"orders", "TagA", "TAG", version}}}};
        REQUIRE(send(request::heart_beat, {}, protocol::encode_heartbeat(data)).code == response::success);
    }
};

/// The four fields that a client takes out of any answer to a pull, as "next min max broker".
std::string offsets(const protocol::remoting_command& answer) {
    std::string text;
    for (const auto* name : {"nextBeginOffset", "minOffset", "maxOffset", "suggestWhichBrokerId"}) {
        const auto* value = answer.fields.find(name);
        text += (text.empty() ? "" : " ") + (value == nullptr ? "-" : *value);
    }
    return text;
}

std::string bodies(const protocol::remoting_command& answer) {
    const auto messages = protocol::decode_records(answer.body);
    REQUIRE(messages);
    std::string all;
    for (const auto& one : *messages)
        all += one.body.view();
    return all;
}

std::string offset(const protocol::remoting_command& answer) {
    const auto* value = answer.fields.find("offset");
    return value == nullptr ? "code " + std::to_string(answer.code) : *value;
}

} // namespace

TEST_CASE_FIXTURE(consumer_world, "a pull is answered with its records, or with where to go on, and always with all four offsets") {
    store("a", "TagA");
    store("b", "TagB");
    auto answer = pull();
    CHECK(answer.code == response::success);
    CHECK(offsets(answer) == "2 0 2 0");
    CHECK(bodies(answer) == "ab");
    answer = pull({{"queueOffset", "2"}});
    CHECK(answer.code == response::pull_not_found);
    CHECK(offsets(answer) == "2 0 2 0");
    answer = pull({{"subscription", "TagC"}});
    CHECK(answer.code == response::pull_retry_immediately);
    CHECK(offsets(answer) == "2 0 2 0");
    answer = pull({{"queueOffset", "9"}});
    CHECK(answer.code == response::pull_offset_moved);
    CHECK(offsets(answer) == "2 0 2 0");
    answer = pull({{"queueOffset", "-1"}});
    CHECK(answer.code == response::pull_offset_moved);
    CHECK(offsets(answer) == "0 0 2 0");
    CHECK(answer.body.empty());
}

TEST_CASE_FIXTURE(consumer_world, "a pull from an empty queue waits at 0, and anywhere else is sent there") {
    auto answer = pull({{"queueId", "1"}});
    CHECK(answer.code == response::pull_not_found);
    CHECK(offsets(answer) == "0 0 0 0");
    answer = pull({{"queueId", "1"}, {"queueOffset", "5"}});
    CHECK(answer.code == response::pull_offset_moved);
    CHECK(offsets(answer) == "0 0 0 0");
}

TEST_CASE_FIXTURE(consumer_world, "the lite form of a pull is answered like the other, and flags without a meaning here are ignored") {
    store("a", "TagA");
    store("b", "TagB");
    // Java's lite pull consumer: suspend, subscription and its own bit.
    auto answer = pull({{"sysFlag", "22"}, {"subscription", "TagB"}, {"maxMsgNums", "10"}}, request::lite_pull_message);
    CHECK(answer.code == response::success);
    CHECK(offsets(answer) == "2 0 2 0");
    CHECK(bodies(answer) == "b");
    answer = pull({{"sysFlag", "2147483388"}}); // all bits but sign, commit and suspend, and 0x100
    CHECK(answer.code == response::success);
    CHECK(bodies(answer) == "ab");
    // C++ leaves the type out, and Go's version is 0: the expression counts all the same.
    join("readers");
    answer = pull({{"sysFlag", "6"}, {"subscription", "TagB"}, {"expressionType", ""}, {"subVersion", "0"}});
    CHECK(bodies(answer) == "b");
    // Without the flag it does not: the heartbeat says what the group wants.
    answer = pull({{"sysFlag", "0"}, {"subscription", "TagB"}});
    CHECK(bodies(answer) == "a");
}

TEST_CASE_FIXTURE(consumer_world, "a lite pull that waits is woken by a message") {
    protocol::remoting_command command;
    command.code = request::lite_pull_message;
    for (const auto& [name, value] : pulled)
        command.fields.set(name, value);
    command.fields.set("sysFlag", "22");
    auto head = protocol::encode_frame_head(command, 0);
    REQUIRE(head);
    REQUIRE(client.send(*head));
    store("late");
    const auto answer = client.receive();
    REQUIRE(answer);
    CHECK(answer->code == response::success);
    CHECK(bodies(*answer) == "late");
}

TEST_CASE_FIXTURE(consumer_world, "a pull gets as many messages and bytes as it asks for, and at least one message") {
    for (const auto* body : {"a", "b", "c"})
        store(body + std::string(1'000, '.'));
    const auto next = [&](const fields& changes) {
        const auto answer = pull(changes);
        CHECK(answer.code == response::success);
        return *answer.fields.find("nextBeginOffset");
    };
    CHECK(next({{"maxMsgNums", "2"}}) == "2");
    CHECK(next({{"maxMsgNums", "0"}}) == "1");
    CHECK(next({{"maxMsgNums", "2147483647"}}) == "3");
    CHECK(next({{"maxMsgBytes", "1"}}) == "1");
    CHECK(next({{"maxMsgBytes", "2500"}}) == "2");
    CHECK(next({{"maxMsgBytes", "2147483647"}}) == "3");
}

TEST_CASE_FIXTURE(consumer_world, "a pull that may not or cannot be served has the code that its reason has") {
    put("dropbox", permission::write);
    group_config off;
    off.name = "off";
    off.consume_enable = false;
    REQUIRE(ask<group_put>(put_group{off}).ok());
    CHECK(pull({{"consumerGroup", "no good"}}).code == response::subscription_group_not_exist);
    CHECK(pull({{"consumerGroup", "off"}}).code == response::no_permission);
    CHECK(pull({{"topic", "nothing"}}).code == response::topic_not_exist);
    CHECK(pull({{"topic", "dropbox"}}).code == response::no_permission);
    CHECK(pull({{"queueId", "2"}}).code == response::invalid_parameter);
    CHECK(pull({{"queueId", "-1"}}).code == response::invalid_parameter);
    CHECK(pull({{"subscription", "||"}}).code == response::subscription_parse_failed);
    const auto unread = pull({{"subscription", "a > 1 b"}, {"expressionType", "SQL92"}});
    CHECK(unread.code == response::subscription_parse_failed);
    CHECK(unread.remark.find("column 7: expected AND, OR or the end, found b") != std::string::npos);
    CHECK(pull({{"queueOffset", ""}}).code == response::system_error);
    CHECK(pull({{"sysFlag", "1"}, {"commitOffset", "-5"}}).code == response::invalid_parameter);
}

TEST_CASE_FIXTURE(consumer_world, "a pull without an expression needs a member of its group that has subscribed, and may") {
    store("a", "TagA");
    CHECK(pull({{"sysFlag", "0"}}).code == response::subscription_not_exist);
    put("returns", permission::read_write);
    join("readers");
    CHECK(pull({{"sysFlag", "0"}}).code == response::success);
    CHECK(pull({{"sysFlag", "0"}, {"topic", "returns"}}).code == response::subscription_not_exist);
    CHECK(pull({{"sysFlag", "0"}, {"subVersion", "7"}}).code == response::success);
    CHECK(pull({{"sysFlag", "0"}, {"subVersion", "8"}}).code == response::subscription_not_latest);
    group_config alone;
    alone.name = "alone";
    alone.consume_broadcast_enable = false;
    REQUIRE(ask<group_put>(put_group{alone}).ok());
    join("alone", protocol::message_model::broadcasting);
    CHECK(pull({{"sysFlag", "0"}, {"consumerGroup", "alone"}}).code == response::no_permission);
}

TEST_CASE("a broker without the property filter says so to who wants SQL92, with RocketMQ's code") {
    broker_options options;
    options.property_filter = false;
    consumer_world world{options};
    for (const auto* expression : {"a > 1", "a >"}) {
        const auto pulled = world.pull({{"subscription", expression}, {"expressionType", "SQL92"}});
        CHECK(pulled.code == response::system_error);
        CHECK(pulled.remark.find("SQL92") != std::string::npos);
        const auto checked = world.send(request::check_client_config, {},
                                        protocol::encode_client_config_check({"c@1", "readers", "", {"orders", expression, "SQL92", 1}}));
        CHECK(checked.code == response::system_error);
    }
    CHECK(world.pull({{"subscription", "TagA"}}).code == response::pull_not_found);
}

TEST_CASE_FIXTURE(consumer_world, "SQL92 comes with a pull or with the group's heartbeat") {
    store("a", "TagA");
    store("b", "TagB");
    CHECK(bodies(pull({{"subscription", "TAGS = 'TagB'"}, {"expressionType", "SQL92"}})) == "b");
    protocol::heartbeat_data data;
    data.client_id = "10.0.0.9@1";
    data.consumers = {{"readers",
                       protocol::consume_type::passively,
                       protocol::message_model::clustering,
                       protocol::consume_from::last_offset,
                       {{"orders", "TAGS <> 'TagB'", "SQL92", 7}}}};
    REQUIRE(send(request::heart_beat, {}, protocol::encode_heartbeat(data)).code == response::success);
    CHECK(bodies(pull({{"sysFlag", "0"}, {"subVersion", "7"}})) == "a");
}

TEST_CASE("nothing is pulled from a broker that may not be read") {
    broker_options options;
    options.perm = permission::write;
    consumer_world world{options};
    CHECK(world.pull().code == response::no_permission);
}

TEST_CASE_FIXTURE(consumer_world, "the boundary of a search by time is UPPER in any case, and LOWER otherwise") {
    store("a");
    store("b");
    const auto search = [&](const std::string& time, const fields& boundary) {
        fields header{{"topic", "orders"}, {"queueId", "0"}, {"timestamp", time}};
        header.insert(boundary.begin(), boundary.end());
        return offset(send(request::search_offset_by_timestamp, header));
    };
    const std::string never = "9223372036854775807";
    CHECK(search(never, {}) == "2");
    CHECK(search(never, {{"boundaryType", "LOWER"}}) == "2");
    CHECK(search(never, {{"boundaryType", "lower"}}) == "2");
    CHECK(search(never, {{"boundaryType", "UPPER"}}) == "1");
    CHECK(search(never, {{"boundaryType", "upper"}}) == "1");
    CHECK(search(never, {{"boundaryType", "Up"}}) == "2");
    CHECK(search("0", {}) == "0");
    CHECK(search("0", {{"boundaryType", "UPPER"}}) == "0");
}

TEST_CASE_FIXTURE(consumer_world, "the end of a queue is that of its readable messages, whatever is asked for") {
    store("a");
    for (const auto* committed : {"true", "false"})
        CHECK(offset(send(request::get_max_offset, {{"topic", "orders"}, {"queueId", "0"}, {"committed", committed}})) == "1");
    CHECK(offset(send(request::get_max_offset, {{"topic", "orders"}, {"queueId", "0"}})) == "1");
    CHECK(offset(send(request::get_min_offset, {{"topic", "orders"}, {"queueId", "0"}})) == "0");
    CHECK(offset(send(request::get_max_offset, {{"topic", "nothing"}, {"queueId", "0"}})) == "code 17");
}

TEST_CASE_FIXTURE(consumer_world, "a group without an offset starts at 0 on a young queue, unless it wants to be told") {
    fields header{{"consumerGroup", "readers"}, {"topic", "orders"}, {"queueId", "0"}};
    CHECK(offset(send(request::query_consumer_offset, header)) == "0");
    store("a");
    CHECK(offset(send(request::query_consumer_offset, header)) == "0");
    header["setZeroIfNotFound"] = "true";
    CHECK(offset(send(request::query_consumer_offset, header)) == "0");
    header["setZeroIfNotFound"] = "false";
    CHECK(offset(send(request::query_consumer_offset, header)) == "code 22");
    auto update = header;
    update["commitOffset"] = "1";
    CHECK(send(request::update_consumer_offset, update).code == response::success);
    CHECK(offset(send(request::query_consumer_offset, header)) == "1");
    update["commitOffset"] = "0"; // back is allowed
    CHECK(send(request::update_consumer_offset, update).code == response::success);
    CHECK(offset(send(request::query_consumer_offset, header)) == "0");
}

TEST_CASE_FIXTURE(consumer_world, "an offset that cannot be is not committed") {
    const auto update = [&](const fields& changes) {
        fields header{{"consumerGroup", "readers"}, {"topic", "orders"}, {"queueId", "0"}, {"commitOffset", "1"}};
        for (const auto& [name, value] : changes)
            header[name] = value;
        return send(request::update_consumer_offset, header).code;
    };
    CHECK(update({{"consumerGroup", "no good"}}) == response::subscription_group_not_exist);
    CHECK(update({{"topic", "nothing"}}) == response::topic_not_exist);
    CHECK(update({{"queueId", "2"}}) == response::invalid_parameter);
    CHECK(update({{"commitOffset", "-1"}}) == response::invalid_parameter);
    CHECK(update({{"commitOffset", "x"}}) == response::system_error);
}

TEST_CASE_FIXTURE(consumer_world, "orderly consumers lock queues for themselves, and give them back") {
    const std::vector<protocol::message_queue> both{{"orders", "broker-a", 0}, {"orders", "broker-a", 1}};
    const auto lock = [&](const std::string& who, const std::vector<protocol::message_queue>& queues) {
        const auto answer = send(request::lock_batch_mq, {}, protocol::encode_queue_lock_request({"readers", who, true, queues}));
        REQUIRE(answer.code == response::success);
        return protocol::decode_locked_queues(answer.body.view()).value();
    };
    CHECK(lock("a", {both[0]}) == std::vector{both[0]});
    CHECK(lock("b", both) == std::vector{both[1]});
    CHECK(lock("a", both) == std::vector{both[0]});
    const auto unlocked = send(request::unlock_batch_mq, {}, protocol::encode_queue_lock_request({"readers", "a", false, {both[0]}}));
    CHECK(unlocked.code == response::success);
    CHECK(unlocked.body.empty());
    CHECK(lock("b", both) == both);
    CHECK(send(request::lock_batch_mq, {}, protocol::encode_queue_lock_request({"readers", "", false, both})).code ==
          response::invalid_parameter);
    CHECK(send(request::lock_batch_mq, {}, "[").code == response::system_error);
}

TEST_CASE_FIXTURE(consumer_world, "a client learns at its start whether the broker can run its subscription") {
    const auto check = [&](const std::string& expression, const std::string& type) {
        return send(request::check_client_config, {},
                    protocol::encode_client_config_check({"c@1", "readers", "", {"orders", expression, type, 1}}));
    };
    CHECK(check("TagA || TagB", "TAG").code == response::success);
    CHECK(check("||", "TAG").code == response::subscription_parse_failed);
    CHECK(check(std::string(5'000, 'x'), "TAG").code == response::subscription_parse_failed);
    CHECK(check("a > 1", "SQL92").code == response::success);
    const auto unread = check("a = 5 OR", "SQL92");
    CHECK(unread.code == response::subscription_parse_failed);
    CHECK(unread.remark.find("topic orders") != std::string::npos);
    CHECK(unread.remark.find("column 9: expected a condition, found the end") != std::string::npos);
    CHECK(check("*", "SQL92").code == response::subscription_parse_failed);
    CHECK(check("a > 1", "REGEX").code == response::subscription_parse_failed);
    CHECK(send(request::check_client_config, {}, "no json").code == response::system_error);
}
