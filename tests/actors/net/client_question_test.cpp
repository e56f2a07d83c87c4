#include "actors/net/client_question.hpp"

#include "actors/messages/member_messages.hpp"
#include "actors/net/connection_news.hpp"
#include "protocol/connection_bodies.hpp"
#include "protocol/request_code.hpp"
#include "protocol/response_code.hpp"
#include "tests/actors/net/client_host.hpp"
#include "tests/actors/virtual_system.hpp"

#include <caf/actor_cast.hpp>
#include <caf/event_based_actor.hpp>
#include <caf/send.hpp>
#include <caf/typed_response_promise.hpp>

#include <doctest/doctest.h>

#include <memory>
#include <string>
#include <utility>
#include <vector>

// What a broker asks of a client that is behind a proxy.

using namespace troupe;
using namespace troupe::actors;
using namespace std::chrono_literals;

namespace {

namespace code = protocol::request_code;
using protocol::remoting_command;

/// From the test: answer what you have not answered.
struct answer_all {
    template <class Inspector>
    friend auto inspect(Inspector& f, answer_all&) {
        return f();
    }
};

/// A client in this process, as its session behaves.
struct asked_client {
    std::string group;
    bool silent = false;
    std::vector<std::int32_t> asked;
    std::vector<adopt_offsets> adopted;
    std::vector<caf::typed_response_promise<client_answered>> unanswered;
};

caf::behavior run_client(caf::event_based_actor* self, const std::shared_ptr<asked_client>& all) {
    return {
        [](const consumers_changed&) {},
        [](const net::connection_changed&) {},
        [self, all](const forward_to_client& order) -> caf::result<client_answered> {
            all->asked.push_back(order.code);
            if (*order.fields.find("consumerGroup") != all->group)
                return make_caf_error(errc::group_not_found, "not here");
            if (all->silent) {
                all->unanswered.push_back(self->make_response_promise<client_answered>());
                return all->unanswered.back();
            }
            return client_answered{0, "of " + all->group, order.body};
        },
        [all](const ask_client_status& order) -> caf::result<client_status_told> {
            all->asked.push_back(code::get_consumer_status_from_client);
            if (order.group != all->group)
                return make_caf_error(errc::group_not_found, "not here");
            return client_status_told{{{{order.topic, "broker-a", 1}, 13}}};
        },
        [all](const adopt_offsets& order) { all->adopted.push_back(order); },
        [all](const answer_all&) {
            for (auto& promise : std::exchange(all->unanswered, {}))
                promise.deliver(client_answered{});
        },
    };
}

struct fixture {
    test_support::virtual_system world;
    caf::local_actor* actor = nullptr;
    test_support::client_host* host = nullptr;
    broker_actor broker = caf::actor_cast<broker_actor>(world.system().spawn([this](caf::stateful_actor<test_support::client_host>* self) {
        actor = self;
        host = &self->state;
        return caf::behavior{self->state.client.broker_messages()};
    }));
    std::vector<std::shared_ptr<asked_client>> clients;
    std::vector<caf::actor> sessions;
    std::int32_t opaque = 100;

    fixture() { world.run(); }
    ~fixture() {
        for (const auto& all : clients)
            all->unanswered.clear();
        for (const auto& session : sessions)
            caf::anon_send_exit(session, caf::exit_reason::user_shutdown);
        caf::anon_send_exit(broker, caf::exit_reason::user_shutdown);
        world.run();
    }

    /// A client that has sent its heartbeat through the proxy.
    asked_client& add(const std::string& group) {
        clients.push_back(std::make_shared<asked_client>());
        clients.back()->group = group;
        sessions.push_back(world.system().spawn(run_client, clients.back()));
        client_heartbeat beat;
        beat.session = caf::actor_cast<client_session_actor>(sessions.back());
        const auto beaten = world.ask<heartbeat_accepted>(broker, beat);
        remoting_command accepted;
        accepted.flag = protocol::command_flag::response;
        accepted.opaque = host->sent.back().opaque;
        receive(accepted);
        REQUIRE(beaten->has_value());
        host->sent.clear();
        return *clients.back();
    }
    net::link& connection() const {
        actor->context(nullptr);
        return host->client.connection();
    }
    void receive(const remoting_command& command) {
        const payload frame{protocol::encode_frame(command)};
        REQUIRE(connection().receive({&frame, 1}).ok());
        world.run();
    }
    remoting_command question(std::int32_t request_code, const std::string& group) {
        remoting_command command;
        command.code = request_code;
        command.opaque = ++opaque;
        command.from = protocol::language::java;
        for (const auto* field : {"consumerGroup", "group"})
            command.fields.set(field, group);
        command.fields.set("topic", "orders");
        command.body = payload{std::string{"record"}};
        return command;
    }
};

} // namespace

TEST_CASE_FIXTURE(fixture, "a broker's question goes to clients in turn until one has the group") {
    add("first");
    add("second");
    const auto asked = question(code::get_consumer_running_info, "second");
    receive(asked);
    REQUIRE(host->sent.size() == 1);
    CHECK(host->sent[0].is_response());
    CHECK(host->sent[0].opaque == asked.opaque);
    CHECK(host->sent[0].code == protocol::response_code::success);
    CHECK(host->sent[0].remark == "of second");
    CHECK(host->sent[0].body.view() == "record");
    CHECK(clients[0]->asked.size() == 1);

    receive(question(code::get_consumer_status_from_client, "first"));
    REQUIRE(host->sent.size() == 2);
    CHECK(protocol::decode_consumer_status(host->sent[1].body.view())->own == protocol::queue_offsets{{{"orders", "broker-a", 1}, 13}});
    CHECK(clients[1]->asked.size() == 1);
}

TEST_CASE_FIXTURE(fixture, "a question about a group that no client here has, or that lacks a field, is answered at once") {
    receive(question(code::get_consumer_running_info, "third"));
    add("first");
    receive(question(code::consume_message_directly, "third"));
    auto wrong = question(code::get_consumer_status_from_client, "first");
    wrong.fields = {};
    receive(wrong);
    REQUIRE(host->sent.size() == 2);
    CHECK(host->sent[0].code == protocol::response_code::subscription_group_not_exist);
    CHECK(host->sent[1].code == protocol::response_code::system_error);
    CHECK(host->sent[1].remark.find("topic") != std::string::npos);
}

TEST_CASE_FIXTURE(fixture, "a client that does not answer is answered for before the broker gives up") {
    add("first").silent = true;
    receive(question(code::consume_message_directly, "first"));
    world.advance(client_answer_timeout - 600ms, 100ms);
    CHECK(host->sent.empty());
    world.advance(200ms);
    REQUIRE(host->sent.size() == 1);
    CHECK(host->sent[0].code == protocol::response_code::consume_msg_timeout);
    CHECK(net::client_question_timeout(code::get_consumer_running_info) < client_answer_timeout);
    CHECK(net::client_question_timeout(code::get_consumer_status_from_client) < client_status_timeout);
}

TEST_CASE_FIXTURE(fixture, "questions that are open have a bound, and beyond it are answered with busy") {
    add("first").silent = true;
    for (int i = 0; i < 70; ++i)
        receive(question(code::consume_message_directly, "first"));
    REQUIRE(host->sent.size() == 6);
    for (const auto& answer : host->sent)
        CHECK(answer.code == protocol::response_code::system_busy);
    clients[0]->silent = false;
    caf::anon_send(sessions[0], answer_all{});
    world.run();
    REQUIRE(host->sent.size() == 70);
    receive(question(code::consume_message_directly, "first"));
    REQUIRE(host->sent.size() == 71);
    CHECK(host->sent.back().code == protocol::response_code::success);
}

// Goal: the number of a question means nothing on another connection.
TEST_CASE_FIXTURE(fixture, "an answer whose connection has ended is not sent over the next one") {
    add("first").silent = true;
    receive(question(code::consume_message_directly, "first"));
    connection().disconnected();
    world.ask<group_members>(broker, list_group_members{"first"}); // which dials
    REQUIRE_FALSE(host->sent.empty());
    host->sent.clear();
    caf::anon_send(sessions[0], answer_all{});
    world.run();
    CHECK(clients[0]->unanswered.empty());
    CHECK(host->sent.empty());
}

TEST_CASE_FIXTURE(fixture, "offsets to continue at are told to every client, in both forms that brokers write") {
    add("first");
    add("second");
    auto order = question(code::reset_consumer_client_offset, "second");
    order.flag = protocol::command_flag::oneway;
    order.body = payload{std::string{R"({"offsetTable":{{"brokerName":"broker-a","queueId":1,"topic":"orders"}:13}})"}};
    receive(order);
    order.body = payload{std::string{R"({"offsetTable":[{"brokerName":"broker-a","offset":13,"queueId":1,"topic":"orders"}]})"}};
    receive(order);
    for (const auto& all : clients) {
        REQUIRE(all->adopted.size() == 2);
        for (const auto& adopted : all->adopted) {
            CHECK(adopted.group == "second");
            CHECK(adopted.topic == "orders");
            CHECK(adopted.offsets == protocol::queue_offsets{{{"orders", "broker-a", 1}, 13}});
        }
    }
    CHECK(host->sent.empty());
    order.flag = 0; // somebody who wants to know
    order.body = payload{std::string{"?"}};
    receive(order);
    REQUIRE(host->sent.size() == 1);
    CHECK(host->sent[0].code == protocol::response_code::system_error);
    CHECK(clients[0]->adopted.size() == 2);
}
