#include "bench/load_support.hpp"
#include "bench/member_load.hpp"
#include "protocol/request_code.hpp"
#include "testing/node.hpp"

#include <doctest/doctest.h>

using namespace troupe;
using namespace troupe::bench;

namespace {

using std::chrono::milliseconds;

struct running_broker {
    running_broker() {
        REQUIRE(node.start().ok());
        address = *protocol::parse_host_address(node.broker_address());
    }
    void create(const std::string& topic, std::int32_t queues) const {
        const auto created = run_create_topics(address, topic, 1, queues, 1);
        REQUIRE(created.ok());
        REQUIRE(created->failures == 0);
    }
    testing::node node;
    protocol::host_address address;
};

member_load small_load(const running_broker& broker, const std::string& topic) {
    member_load load;
    load.broker = broker.address;
    load.topic = topic;
    load.settle = milliseconds{100};
    load.warm_up = milliseconds{100};
    load.measure = milliseconds{600};
    return load;
}

result<void> send_some(const member_load& load, load_report& sent) {
    send_load send;
    send.broker = load.broker;
    send.topic = load.topic;
    send.queues = load.queues;
    send.senders = 4;
    send.window = 16;
    send.body_bytes = 64;
    send.rate = 500;
    send.warm_up = milliseconds{0};
    send.measure = load.warm_up + load.measure;
    auto done = run_send_load(send);
    if (!done) {
        return done.failure();
    }
    sent = std::move(*done);
    return {};
}

void check_everything_came(const member_load& load) {
    load_report sent;
    const auto report = run_member_load(load, [&] { return send_some(load, sent); });
    REQUIRE_MESSAGE(report.ok(), (report.ok() ? "" : to_string(report.failure())));
    CHECK(sent.messages > 300);
    CHECK(report->messages >= sent.messages);
    CHECK(report->messages <= 350);
    CHECK(report->repeated == 0);
    CHECK(report->redelivered == 0);
    CHECK(report->refused == 0);
    CHECK(report->deliveries.messages > 0);
    CHECK(report->deliveries.messages <= report->messages);
    CHECK(report->deliveries.latency.count() > 0);
    CHECK(report->deliveries.latency.count() <= report->messages);
    CHECK(report->acknowledged > 0);
    CHECK(report->acknowledged <= report->messages);
    CHECK(report->smallest_share <= 1);
    CHECK(report->largest_share >= 1);
}

std::int64_t committed(const member_load& load, std::int32_t queue) {
    auto connection = peer::connect(load.broker);
    REQUIRE(connection.ok());
    auto command = binary_command(protocol::request_code::query_consumer_offset);
    command.fields.set("consumerGroup", load.group);
    command.fields.set("topic", load.topic);
    command.fields.set("queueId", std::int64_t{queue});
    const auto answer = connection->call(command, std::chrono::seconds{10});
    REQUIRE(answer.ok());
    const auto* offset = answer->fields.find("offset");
    return offset != nullptr ? std::stoll(*offset) : -1;
}

} // namespace

TEST_CASE("member_load: members that pop get every message of a few queues, and acknowledge it") {
    const running_broker broker;
    broker.create("popped", 2);
    auto load = small_load(broker, "popped0");
    load.queues = 2;
    load.members = 20;
    check_everything_came(load);
    CHECK(committed(load, 0) > 100);
    CHECK(committed(load, 1) > 100);
}

TEST_CASE("member_load: members that pull get every message of their queues, and commit") {
    const running_broker broker;
    broker.create("pulled", 12);
    auto load = small_load(broker, "pulled0");
    load.queues = 12;
    load.members = 5;
    load.pops = false;
    check_everything_came(load);
    CHECK(committed(load, 0) > 20);
    CHECK(committed(load, 11) > 20);
}

TEST_CASE("member_load: a run without all messages is a failure that says how many are missing") {
    const running_broker broker;
    broker.create("taken", 1);
    auto load = small_load(broker, "taken0");
    load.queues = 1;
    load.members = 3;
    load.patience = milliseconds{300};
    auto connection = peer::connect(broker.address);
    REQUIRE(connection.ok());
    for (int i = 0; i < 10; ++i) {
        auto send = binary_command(code_send_v2);
        send.fields.set("a", std::string{"test"});
        send.fields.set("b", load.topic);
        send.fields.set("c", std::string{"TBW102"});
        send.fields.set("d", std::int64_t{4});
        send.fields.set("e", std::int64_t{0});
        send.fields.set("f", std::int64_t{0});
        send.fields.set("g", std::int64_t{1'700'000'000'000});
        send.fields.set("h", std::int64_t{0});
        send.fields.set("m", std::string{"false"});
        send.body = payload{std::string(16, 'x')};
        const auto stored = connection->call(send, std::chrono::seconds{10});
        REQUIRE(stored.ok());
        REQUIRE(stored->code == answer_success);
    }
    REQUIRE(announce_group(*connection, load.group, load.topic).ok());
    protocol::remoting_command pop;
    pop.code = protocol::request_code::pop_message;
    pop.fields.set("consumerGroup", load.group);
    pop.fields.set("topic", load.topic);
    pop.fields.set("queueId", std::int64_t{-1});
    pop.fields.set("maxMsgNums", std::int64_t{3});
    pop.fields.set("invisibleTime", std::int64_t{600'000});
    pop.fields.set("pollTime", std::int64_t{5'000});
    pop.fields.set("bornTime", std::int64_t{0});
    pop.fields.set("initMode", std::int64_t{0});
    const auto popped = connection->call(pop, std::chrono::seconds{10});
    REQUIRE(popped.ok());
    REQUIRE(popped->code == answer_success);

    const auto report = run_member_load(load, [] { return result<void>{}; });
    REQUIRE_FALSE(report.ok());
    CHECK(report.failure() == error{errc::timed_out, "3 of 10 stored messages did not arrive: nothing came for 300 ms"});
}

TEST_CASE("member_load: what the senders fail with fails the run") {
    const running_broker broker;
    broker.create("failing", 1);
    auto load = small_load(broker, "failing0");
    load.queues = 1;
    load.members = 2;
    const auto report = run_member_load(load, [] { return result<void>{error{errc::disk_full, "no room"}}; });
    REQUIRE_FALSE(report.ok());
    CHECK(report.failure() == error{errc::disk_full, "no room"});
}
