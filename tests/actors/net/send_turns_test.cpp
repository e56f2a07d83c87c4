#include "actors/net/send_turns.hpp"
#include "protocol/request_code.hpp"
#include "tests/actors/net/client_host.hpp"
#include "tests/actors/virtual_system.hpp"

#include <caf/actor_cast.hpp>
#include <caf/send.hpp>
#include <caf/stateful_actor.hpp>

#include <doctest/doctest.h>

#include <map>
#include <string>
#include <vector>

using namespace troupe;
using namespace troupe::actors;
using namespace std::chrono_literals;
using net::send_turns;

namespace {

send_turns::send send_to(int queue, std::int32_t mark) {
    send_turns::send next{{"orders", queue_id{queue}}, {}, {}, {}};
    next.command.opaque = mark;
    return next;
}

/// Marks of all sends whose turn has come.
std::vector<std::int32_t> take_all(send_turns& turns) {
    std::vector<std::int32_t> marks;
    while (const auto next = turns.take())
        marks.push_back(next->command.opaque);
    return marks;
}

} // namespace

TEST_CASE("until a broker has answered, and where it keeps no order, a queue has one send under way") {
    for (const bool has_answered : {false, true}) {
        CAPTURE(has_answered);
        send_turns turns;
        if (has_answered)
            turns.learn(false);
        for (const auto& [queue, mark] : {std::pair{0, 1}, std::pair{0, 2}, std::pair{1, 3}, std::pair{0, 4}})
            turns.add(send_to(queue, mark));
        CHECK(take_all(turns) == std::vector{1, 3});
        CHECK(turns.waiting() == 2);
        turns.ended({"orders", queue_id{0}});
        CHECK(take_all(turns) == std::vector{2});
        turns.ended({"orders", queue_id{1}});
        CHECK(take_all(turns).empty());
        turns.ended({"orders", queue_id{0}});
        CHECK(take_all(turns) == std::vector{4});
        CHECK_FALSE(turns.needless());
    }
}

TEST_CASE("a broker that keeps the order gets all that waits, in order, and then everything at once") {
    send_turns turns;
    for (const int mark : {1, 2, 3})
        turns.add(send_to(0, mark));
    CHECK(take_all(turns) == std::vector{1});
    turns.learn(true);
    CHECK_FALSE(turns.needless());
    turns.ended({"orders", queue_id{0}});
    CHECK(take_all(turns) == std::vector{2, 3});
    turns.ended({"orders", queue_id{0}});
    CHECK_FALSE(turns.needless());
    turns.ended({"orders", queue_id{0}});
    CHECK(turns.needless());
}

// ---- in the client of a broker --------------------------------------------------------------------------------------

namespace {

struct fixture {
    test_support::virtual_system world;
    caf::local_actor* actor = nullptr;
    test_support::client_host* host = nullptr;
    broker_actor broker = caf::actor_cast<broker_actor>(world.system().spawn([this](caf::stateful_actor<test_support::client_host>* self) {
        actor = self;
        host = &self->state;
        return caf::behavior{self->state.client.broker_messages()};
    }));
    std::map<std::string, test_support::virtual_system::awaited<messages_stored>> outcomes;

    /// What it owes an answer keeps it, and it keeps that.
    ~fixture() {
        caf::anon_send_exit(broker, caf::exit_reason::user_shutdown);
        world.run();
    }

    void send(const std::string& body, int queue = 0) {
        send_messages order;
        order.topic = "orders";
        order.queue = queue_id{queue};
        order.body = payload{body};
        outcomes[body] = world.ask<messages_stored>(broker, order);
    }
    std::vector<std::string> bodies() const {
        std::vector<std::string> all;
        for (const auto& command : host->sent)
            all.emplace_back(command.body.view());
        return all;
    }
    /// What happens to it comes from outside of the actor, and what ran that last is gone.
    net::link& connection() const {
        actor->context(nullptr);
        return host->client.connection();
    }
    /// From the broker to the client.
    void receive(const protocol::remoting_command& command) {
        const payload frame{protocol::encode_frame(command)};
        REQUIRE(connection().receive({&frame, 1}).ok());
        world.run();
    }
    void answer(std::size_t request, protocol::language from) {
        protocol::remoting_command command;
        command.flag = protocol::command_flag::response;
        command.opaque = host->sent.at(request).opaque;
        command.from = from;
        for (const auto* field : {"msgId", "queueId", "queueOffset"})
            command.fields.set(field, 0);
        receive(command);
    }
};

} // namespace

TEST_CASE_FIXTURE(fixture, "sends to a queue of an Apache broker go one after the other") {
    for (const auto* body : {"m0", "m1", "m2"})
        send(body);
    send("other queue", 1);
    CHECK(bodies() == std::vector<std::string>{"m0", "other queue"});
    answer(0, protocol::language::java);
    CHECK(bodies() == std::vector<std::string>{"m0", "other queue", "m1"});
    answer(2, protocol::language::java);
    answer(3, protocol::language::java);
    CHECK(bodies().back() == "m2");
    for (const auto* body : {"m0", "m1", "m2"})
        CHECK((*outcomes[body])->ok());
    CHECK_FALSE(*outcomes["other queue"]);
}

TEST_CASE_FIXTURE(fixture, "sends to a broker of ours wait for its first answer only") {
    for (const auto* body : {"m0", "m1", "m2"})
        send(body);
    answer(0, protocol::language::cpp);
    CHECK(bodies() == std::vector<std::string>{"m0", "m1", "m2"});
    answer(1, protocol::language::cpp);
    answer(2, protocol::language::cpp);
    send("m3");
    send("m4");
    CHECK(bodies() == std::vector<std::string>{"m0", "m1", "m2", "m3", "m4"});
}

TEST_CASE_FIXTURE(fixture, "what waits for its turn fails with the connection that it waited for, and is sent over the next") {
    send("m0");
    send("m1");
    protocol::remoting_command notice; // or the link would not dial again at once
    notice.code = protocol::request_code::notify_consumer_ids_changed;
    notice.flag = protocol::command_flag::oneway;
    receive(notice);
    connection().disconnected();
    world.run();
    CHECK((*outcomes["m0"])->code() == errc::connection_lost);
    CHECK(bodies() == std::vector<std::string>{"m0", "m1"});
    connection().close();
    send("m2");
    CHECK((*outcomes["m1"])->code() == errc::shutting_down);
    CHECK((*outcomes["m2"])->code() == errc::shutting_down);
}

TEST_CASE_FIXTURE(fixture, "a broker's question that this client does not serve is answered so, and its notices are not") {
    send("m0");
    protocol::remoting_command question;
    question.code = 9999; // of nobody
    question.opaque = 4711;
    receive(question);
    REQUIRE(host->sent.size() == 2);
    const auto& refusal = host->sent.back();
    CHECK(refusal.is_response());
    CHECK(refusal.opaque == 4711);
    CHECK(refusal.code == 3);
    CHECK(refusal.remark.find("9999") != std::string::npos);
    question.code = 39; // the state of a transaction
    question.flag = protocol::command_flag::oneway;
    receive(question);
    CHECK(host->sent.size() == 2);
}
