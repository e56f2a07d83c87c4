#include "actors/net/session.hpp"
#include "actors/wire/wire.hpp"
#include "protocol/request_code.hpp"
#include "protocol/response_code.hpp"
#include "protocol/vocabulary/limits.hpp"
#include "tests/actors/virtual_system.hpp"

#include <doctest/doctest.h>

#include <vector>

// A session between a gateway and roles that the test plays, in virtual time.

using namespace troupe;
using namespace troupe::actors;
using namespace troupe::actors::net;
using namespace std::chrono_literals;

namespace {

struct fixture {
    test_support::virtual_system world;
    std::vector<session_answered> answered;
    std::vector<client_question> questions;
    bool is_unread = false; ///< the client does not read: questions are refused
    topics_listed topics;
    client_session_actor member; ///< of the last heartbeat
    client_origin origin;        ///< likewise
    protocol::host_address born; ///< of the last send
    caf::actor gateway;
    caf::actor broker;
    caf::actor name_server;
    session_actor tested;
    bool mute = false; ///< the broker answers nothing

    fixture() {
        gateway = world.system().spawn([this](caf::event_based_actor*) -> caf::behavior {
            return {
                [this](const session_answered& message) { answered.push_back(message); },
                [this](const client_question& message) -> caf::result<transaction_check_sent> {
                    questions.push_back(message);
                    if (is_unread)
                        return make_caf_error(errc::busy, "the client does not read");
                    return transaction_check_sent{};
                },
            };
        });
        broker = world.system().spawn([this](caf::event_based_actor* self) -> caf::behavior {
            return {
                [this, self](const list_topics&) {
                    auto promise = self->make_response_promise();
                    if (!mute)
                        promise.deliver(topics);
                    return promise;
                },
                [this](const remote_heartbeat& order) {
                    member = order.heartbeat.session;
                    origin = order.origin;
                    return heartbeat_accepted{};
                },
                [this](const send_messages& order) {
                    born = order.born_host;
                    return messages_stored{};
                },
            };
        });
        name_server = world.system().spawn(
            [](caf::event_based_actor*) -> caf::behavior { return {[](const list_all_topics&) { return all_topics{{"orders"}}; }}; });
        auto entry = std::make_shared<broker_entry>(broker_entry{caf::actor_cast<local_broker_actor>(broker), log_writer_actor{}, nullptr,
                                                                 nullptr, nullptr, send_encoder{send_encoder_options{}}});
        entry->members = caf::actor_cast<broker_members_actor>(broker);
        const auto peer = *protocol::parse_host_address("10.0.0.9:4711");
        tested = spawn_session(world.system(), connection_id{7}, peer, {entry, caf::actor_cast<name_server_actor>(name_server), {}}, {},
                               caf::actor_cast<gateway_actor>(gateway));
    }
    ~fixture() {
        for (const auto& each : {gateway, broker, name_server})
            caf::anon_send_exit(each, caf::exit_reason::user_shutdown);
        world.run();
    }
    void request(protocol::remoting_command command, std::int32_t opaque = 1) {
        command.opaque = opaque;
        caf::anon_send(tested, session_request{std::move(command)});
        world.run();
    }
    protocol::remoting_command answer(std::size_t index = 0) {
        REQUIRE(answered.size() > index);
        auto command = protocol::decode_frame(payload{answered[index].frame});
        REQUIRE(command.ok());
        return *command;
    }
};

} // namespace

TEST_CASE_FIXTURE(fixture, "a session says that a client was asked about a transaction only when the question is on its way") {
    check_transaction question;
    question.topic = "orders";
    question.record = payload{"record"};
    CHECK((*world.ask<transaction_check_sent>(tested, question))->ok());
    REQUIRE(questions.size() == 1);
    CHECK(questions[0].connection == connection_id{7});
    const auto command = protocol::decode_frame(payload{questions[0].frame});
    REQUIRE(command.ok());
    CHECK(command->code == protocol::request_code::check_transaction_state);
    CHECK(command->body.view() == "record");
    is_unread = true;
    CHECK((*world.ask<transaction_check_sent>(tested, question))->code() == errc::busy);
    CHECK(answered.empty());
}

TEST_CASE_FIXTURE(fixture, "a session asks the role that a request is for, and addresses its answer") {
    request(encode_request(list_topics{}), 3);
    request(encode_request(list_all_topics{}), 4);
    CHECK(answered.at(0).connection == connection_id{7});
    CHECK_FALSE(answered.at(0).push);
    CHECK(answer(0).opaque == 3);
    CHECK(answer(0).is_response());
    CHECK(answer(1).opaque == 4);
    CHECK(decode_answer<all_topics>(answer(1))->names == std::vector<std::string>{"orders"});
}

TEST_CASE_FIXTURE(fixture, "each request is answered once: what is wrong, unknown, one-way or late too") {
    protocol::remoting_command unknown;
    unknown.code = 4711;
    request(unknown);
    CHECK(answer(0).code == protocol::response_code::request_code_not_supported);
    protocol::remoting_command broken;
    broken.code = protocol::request_code::heart_beat;
    broken.body = payload{std::string{"{"}};
    request(broken);
    CHECK(answer(1).code != protocol::response_code::success);
    unknown.flag = protocol::command_flag::oneway;
    request(unknown);
    REQUIRE(answered.size() == 3); // the gateway counts it
    CHECK(answered[2].frame.empty());
    mute = true;
    request(encode_request(list_topics{}));
    CHECK(answered.size() == 3);
    world.advance(11s, 100ms);
    REQUIRE(answered.size() == 4);
    CHECK(failure_of(0, answer(3)).code == errc::timed_out);
}

// Goal: no table of a role, however large, ends the process.
TEST_CASE_FIXTURE(fixture, "an answer that fits into no frame becomes an error, and the next is given") {
    topic_config large;
    large.name = "large";
    large.attributes["text"] = std::string(limits::frame_bytes_max, 'x');
    topics.table.topics["large"] = large;
    request(encode_request(list_topics{}));
    CHECK(answer(0).code == protocol::response_code::invalid_parameter);
    CHECK(answer(0).body.empty());
    topics.table.topics.clear();
    request(encode_request(list_topics{}));
    CHECK(answer(1).code == protocol::response_code::success);
}

TEST_CASE_FIXTURE(fixture, "who sends, and whose heartbeat it is, comes from the connection") {
    send_messages send;
    send.topic = "orders";
    send.body = payload{std::string{"x"}};
    request(encode_request(send));
    CHECK(to_string(born) == "10.0.0.9:4711");
    client_heartbeat beat;
    beat.data.client_id = "client";
    request(encode_request(beat));
    REQUIRE(member);
    CHECK(to_string(origin.address) == "10.0.0.9:4711");
    CHECK(origin.version == protocol::protocol_version);
    answered.clear();
    caf::anon_send(member, consumers_changed{"consumers"});
    world.run();
    REQUIRE(answered.size() == 1);
    CHECK(answered[0].push);
    CHECK(answer(0).code == protocol::request_code::notify_consumer_ids_changed);
    answered.clear();
    caf::anon_send(member, consumers_changed{std::string(limits::frame_bytes_max, 'x')});
    world.run();
    CHECK(answered.empty());
}

TEST_CASE_FIXTURE(fixture, "a question to the client has a number of its own, and one outcome: an answer, too late, or the end") {
    const auto ask_client = [this] {
        forward_to_client question{protocol::request_code::get_consumer_running_info, {}, payload{std::string{"body"}}};
        return world.ask<client_answered>(caf::actor_cast<asked_client_actor>(tested), question);
    };
    const auto first = ask_client();
    const auto second = ask_client();
    REQUIRE(answered.size() == 2);
    CHECK(answered[0].push);
    CHECK(answered[0].asks);
    CHECK(answer(0).body.view() == "body");
    CHECK(answer(0).opaque != answer(1).opaque);
    protocol::remoting_command reply;
    reply.opaque = answer(1).opaque;
    reply.code = 5;
    caf::anon_send(tested, push_answered{reply});
    world.run();
    REQUIRE(second->has_value());
    CHECK((**second)->code == 5);
    CHECK_FALSE(first->has_value());
    world.advance(client_answer_timeout + 100ms, 100ms);
    REQUIRE(first->has_value());
    CHECK((*first)->code() == errc::timed_out);
    const auto third = ask_client();
    caf::anon_send(tested, session_closed{});
    world.run();
    REQUIRE(third->has_value());
    CHECK((*third)->code() == errc::connection_lost);
}

TEST_CASE_FIXTURE(fixture, "a question beyond the bound is busy, and one that fits into no frame fails") {
    const auto ask_client = [this](std::size_t bytes) {
        forward_to_client question{protocol::request_code::get_consumer_running_info, {}, payload{std::string(bytes, 'x')}};
        return world.ask<client_answered>(caf::actor_cast<asked_client_actor>(tested), question);
    };
    CHECK((*ask_client(limits::frame_bytes_max))->code() == errc::argument_illegal);
    CHECK(answered.empty());
    for (int i = 0; i < 256; ++i)
        CHECK_FALSE(ask_client(1)->has_value());
    CHECK((*ask_client(1))->code() == errc::busy);
    CHECK(answered.size() == 256);
}

TEST_CASE_FIXTURE(fixture, "a session ends with its connection, behind its last request, and with its gateway") {
    bool ended = false;
    tested->attach_functor([&ended](const caf::error&) { ended = true; });
    SUBCASE("its connection") {
        caf::anon_send(tested, session_request{encode_request(list_topics{})});
        caf::anon_send(tested, session_closed{});
        world.run();
    }
    SUBCASE("its gateway") {
        caf::anon_send_exit(gateway, caf::exit_reason::user_shutdown);
        world.run();
    }
    CHECK(ended);
}
