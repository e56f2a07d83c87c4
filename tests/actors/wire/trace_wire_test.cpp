#include "actors/messages/member_messages.hpp"
#include "actors/wire/wire.hpp"
#include "protocol/bodies.hpp"
#include "protocol/message_codec.hpp"
#include "protocol/request_code.hpp"
#include "protocol/response_code.hpp"
#include "tests/actors/wire_world.hpp"

#include <caf/scoped_actor.hpp>

// One message's way, asked for over the wire: a request of Troupe's own.

using namespace troupe;
using namespace troupe::actors;

namespace {

namespace code = protocol::request_code;
using protocol::remoting_command;

remoting_command command_of(std::int32_t request, std::initializer_list<std::pair<const char*, std::string>> fields,
                            std::string body = {}) {
    remoting_command command;
    command.code = request;
    for (const auto& [name, value] : fields)
        command.fields.set(name, value);
    command.body = payload{std::move(body)};
    return command;
}

/// A consumer on a connection of its own.
struct member {
    explicit member(const wire_world& world, const std::string& client_id) : client{world.listener.port} {
        protocol::heartbeat_data data;
        data.client_id = client_id;
        data.consumers.push_back({"readers",
                                  protocol::consume_type::passively,
                                  protocol::message_model::clustering,
                                  protocol::consume_from::first_offset,
                                  {{"orders", "*", "TAG", 1}}});
        CHECK(ask(command_of(code::heart_beat, {}, protocol::encode_heartbeat(data))).code == protocol::response_code::success);
    }
    remoting_command ask(const remoting_command& command) {
        REQUIRE(client.send(protocol::encode_frame(command)));
        for (;;) {
            const auto answer = client.receive();
            REQUIRE(answer);
            if (answer->is_response()) // and no notice that the members have changed
                return *answer;
        }
    }
    void pull(std::int64_t from, std::int32_t max) {
        const auto answer = ask(command_of(code::pull_message, {{"consumerGroup", "readers"},
                                                                {"topic", "orders"},
                                                                {"queueId", "0"},
                                                                {"queueOffset", std::to_string(from)},
                                                                {"maxMsgNums", std::to_string(max)},
                                                                {"sysFlag", "0"},
                                                                {"commitOffset", "0"},
                                                                {"suspendTimeoutMillis", "0"},
                                                                {"subVersion", "1"}}));
        CHECK(answer.code == protocol::response_code::success);
    }
    test_support::raw_client client;
};

} // namespace

TEST_CASE("trace: order and answer come back as they were sent") {
    const auto read = net::decode_request<trace_message>(net::encode_request(trace_message{{"t", queue_id{3}}, queue_offset{9}}));
    REQUIRE(read);
    CHECK(read->queue == topic_queue{"t", queue_id{3}});
    CHECK(read->offset == queue_offset{9});
    const protocol::message_trace trace{true, timestamp_ms{1}, {{"g", queue_offset{2}, {{"c", timestamp_ms{3}, timestamp_ms{4}, true}}}}};
    CHECK(net::decode_answer<message_traced>(net::encode_answer(message_traced{trace}))->trace == trace);
    auto popped = trace;
    popped.groups.at(0).popped = protocol::traced_pop{true, true, timestamp_ms{5}, timestamp_ms{6}, 7};
    CHECK(net::decode_answer<message_traced>(net::encode_answer(message_traced{popped}))->trace == popped);
}

TEST_CASE_FIXTURE(wire_world, "trace over the wire: who got a message, and who is done with it") {
    for (const auto* body : {"a", "b", "c"}) {
        send_messages message;
        message.topic = "orders";
        message.queue = queue_id{0};
        message.body = payload{std::string{body}};
        REQUIRE(ask<messages_stored>(message));
    }
    const auto trace = [this](std::int64_t offset) {
        const auto traced = ask<message_traced>(trace_message{{"orders", queue_id{0}}, queue_offset{offset}});
        REQUIRE(traced);
        return traced->trace;
    };
    const auto before = trace(0);
    CHECK(before.is_indexed);
    CHECK(before.complete_since.value() > 0);
    CHECK(before.groups.empty());
    CHECK_FALSE(trace(3).is_indexed);

    member one{*this, "c1"};
    one.pull(0, 2);
    member other{*this, "c2"};
    other.pull(1, 2);
    REQUIRE(ask<offset_committed>(commit_offset{{"readers", {"orders", queue_id{0}}}, queue_offset{2}}));
    REQUIRE(ask<offset_committed>(commit_offset{{"sleepers", {"orders", queue_id{0}}}, queue_offset{0}}));
    const auto clients = [](const protocol::traced_group& group) {
        std::vector<std::string> all;
        for (const auto& delivery : group.deliveries)
            all.push_back(delivery.client_id);
        return all;
    };
    const auto second = trace(1);
    REQUIRE(second.groups.size() == 2);
    CHECK(second.groups[0].group == "readers");
    CHECK(second.groups[0].committed == queue_offset{2});
    CHECK(clients(second.groups[0]) == std::vector<std::string>{"c1", "c2"});
    CHECK_FALSE(second.groups[0].deliveries[0].is_partial);
    CHECK(second.groups[0].deliveries[0].first >= before.complete_since);
    CHECK(second.groups[1].group == "sleepers");
    CHECK(second.groups[1].deliveries.empty());
    CHECK(clients(trace(2).groups[0]) == std::vector<std::string>{"c2"});

    CHECK(call(code::troupe_trace_message, {{"topic", "orders"}, {"queueId", "9"}, {"offset", "0"}}).code !=
          protocol::response_code::success);
    CHECK(call(code::troupe_trace_message, {{"topic", "nothing"}, {"queueId", "0"}, {"offset", "0"}}).code ==
          protocol::response_code::topic_not_exist);
    CHECK(call(code::troupe_trace_message, {{"topic", "orders"}, {"queueId", "0"}}).code == protocol::response_code::system_error);
}

TEST_CASE_FIXTURE(wire_world, "lags over the wire: every group is there, measured or not") {
    CHECK(net::decode_request<list_lags>(net::encode_request(list_lags{"g"}))->group == "g");
    const std::vector<protocol::group_lag_entry> lags{{"g", 1, 2, timestamp_ms{3}, timestamp_ms{4}, true}};
    CHECK(net::decode_answer<lags_listed>(net::encode_answer(lags_listed{lags}))->groups == lags);
    CHECK(ask<lags_listed>(list_lags{})->groups.empty());
    group_config group;
    group.name = "readers";
    group.deliver_messages = 7;
    REQUIRE(ask<group_put>(put_group{group}));
    CHECK(ask<groups_listed>(list_groups{})->table.groups.at("readers") == group);
    const auto listed = ask<lags_listed>(list_lags{"readers"});
    REQUIRE(listed);
    REQUIRE(listed->groups.size() == 1);
    CHECK(listed->groups[0].group == "readers");
    CHECK(ask<lags_listed>(list_lags{"nobody"})->groups.empty());
}
