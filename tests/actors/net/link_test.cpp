#include "actors/net/link.hpp"
#include "protocol/vocabulary/limits.hpp"

#include <doctest/doctest.h>

#include <vector>

using namespace troupe;
using namespace troupe::actors::net;
using namespace std::chrono_literals;

namespace {

/// Records what a link asks for; the test plays the network.
struct scripted_transport final : link_transport {
    void dial() override { ++dials; }
    void write(std::string_view head, const payload& body) override {
        auto command = protocol::decode_frame(payload{std::string{head} + std::string{body.view()}});
        REQUIRE(command.ok());
        sent.push_back(std::move(*command));
    }
    std::size_t unsent_bytes() override { return unsent; }
    void hang_up() override { ++hang_ups; }
    time_point now() override { return time; }
    void wake_in(std::chrono::milliseconds) override { ++wakes; }

    int dials = 0;
    int hang_ups = 0;
    int wakes = 0;
    std::size_t unsent = 0;
    time_point time{};
    std::vector<protocol::remoting_command> sent;
};

struct fixture {
    scripted_transport transport;
    std::vector<std::int32_t> pushed;
    class link tested {
        transport, "10.0.0.1:9876", {}, [this](const protocol::remoting_command& command) { pushed.push_back(command.code); }
    };
    std::vector<errc> outcomes;

    void ask(std::chrono::milliseconds timeout = 3s) {
        protocol::remoting_command command;
        command.code = 105;
        tested.request(std::move(command), timeout,
                       [this](const result<protocol::remoting_command>& answer) { outcomes.push_back(answer.code()); });
    }
    void answer(std::int32_t opaque) {
        protocol::remoting_command command;
        command.flag = protocol::command_flag::response;
        command.opaque = opaque;
        const payload frame{protocol::encode_frame(command)};
        REQUIRE(tested.receive({&frame, 1}).ok());
    }
};

} // namespace

TEST_CASE_FIXTURE(fixture, "a link dials once for all requests that wait, and sends them when it is connected") {
    ask();
    ask();
    CHECK(transport.dials == 1);
    CHECK(transport.sent.empty());
    tested.connected();
    REQUIRE(transport.sent.size() == 2);
    answer(transport.sent[1].opaque);
    answer(transport.sent[0].opaque);
    CHECK(outcomes == std::vector{errc::none, errc::none});
    CHECK(tested.outstanding() == 0);
}

TEST_CASE_FIXTURE(fixture, "a lost connection fails everything outstanding, and the next request dials again") {
    ask();
    tested.connected();
    CHECK(tested.connection_number() == 1);
    answer(transport.sent[0].opaque);
    ask();
    tested.disconnected();
    CHECK(outcomes == std::vector{errc::none, errc::connection_lost});
    CHECK(tested.connection_number() == 0);
    ask();
    CHECK(transport.dials == 2);
    tested.connected();
    CHECK(tested.connection_number() == 2);
}

TEST_CASE_FIXTURE(fixture, "after a failed dial requests fail at once until the back-off is over") {
    ask();
    tested.dial_failed({errc::connect_failed, "nobody there"});
    ask();
    CHECK(outcomes == std::vector{errc::connect_failed, errc::connect_failed});
    CHECK(transport.dials == 1);
    transport.time += 51ms;
    ask();
    CHECK(transport.dials == 2);
    tested.dial_failed({errc::connect_failed, "nobody there"});
    transport.time += 51ms; // the wait has doubled
    ask();
    CHECK(transport.dials == 2);
}

// Goal: a full server accepts and closes; its clients must not dial as fast as it does so.
TEST_CASE_FIXTURE(fixture, "a connection that ended before the peer sent anything backs off like a failed dial") {
    std::vector<link_change> told;
    tested.on_change([&told](link_change change) { told.push_back(change); });
    const auto accept_and_close = [this] {
        ask();
        tested.connected();
        tested.disconnected();
    };
    accept_and_close();
    ask();
    CHECK(outcomes == std::vector{errc::connection_lost, errc::connect_failed});
    CHECK(transport.dials == 1);
    transport.time += 50ms;
    accept_and_close();
    CHECK(transport.dials == 2);
    transport.time += 50ms; // the wait has doubled
    ask();
    CHECK(transport.dials == 2);
    CHECK(told == std::vector{link_change::ended, link_change::another, link_change::ended});
    for (int i = 0; i < 100; ++i) {
        const auto before = transport.dials;
        transport.time += 100ms;
        ask();
        if (transport.dials == before)
            continue;
        tested.connected();
        tested.disconnected();
    }
    CHECK(transport.dials > 2 + 9);
    CHECK(transport.dials <= 2 + 4 + 10); // once a second in the end
    transport.time += 1s;
    SUBCASE("a frame ends the back-off") {
        outcomes.clear();
        ask();
        tested.connected();
        answer(transport.sent.back().opaque);
        tested.disconnected();
        const auto before = transport.dials;
        accept_and_close();
        CHECK(transport.dials == before + 1);
        transport.time += 50ms; // the shortest wait
        ask();
        CHECK(transport.dials == before + 2);
        CHECK(outcomes == std::vector{errc::none, errc::connection_lost});
    }
    SUBCASE("a connection that held for longer than the wait needs none") {
        ask(30s);
        tested.connected();
        transport.time += 2s;
        tested.disconnected();
        const auto before = transport.dials;
        ask();
        CHECK(transport.dials == before + 1);
    }
}

TEST_CASE_FIXTURE(fixture, "a request without an answer times out, connected or not, and a late answer is ignored") {
    ask(1s);
    tested.connected();
    ask(5s);
    transport.time += 2s;
    tested.expire();
    CHECK(outcomes == std::vector{errc::timed_out});
    answer(transport.sent[0].opaque);
    CHECK(outcomes.size() == 1);
    CHECK(tested.outstanding() == 1);
    CHECK(transport.wakes == 2);
}

TEST_CASE("a link refuses as busy what passes its bounds") {
    scripted_transport transport;
    link_options options;
    options.requests_max = 1;
    options.unsent_bytes_max = 10;
    class link tested {
        transport, "x:1", options, [](const protocol::remoting_command&) {}
    };
    std::vector<errc> outcomes;
    const auto note = [&](const result<protocol::remoting_command>& answer) { outcomes.push_back(answer.code()); };
    tested.request({}, 1s, note);
    tested.request({}, 1s, note);
    CHECK(outcomes == std::vector{errc::busy});
    tested.connected();
    tested.disconnected();
    outcomes.clear();
    transport.time += 1s; // over the back-off
    transport.unsent = 11;
    tested.request({}, 1s, note);
    CHECK(outcomes == std::vector{errc::busy});
}

TEST_CASE_FIXTURE(fixture, "a request that fits into no frame fails by itself") {
    const auto ask_much = [this] {
        protocol::remoting_command command;
        command.body = payload{std::string(limits::frame_bytes_max, 'x')};
        tested.request(std::move(command), 1s,
                       [this](const result<protocol::remoting_command>& answer) { outcomes.push_back(answer.code()); });
    };
    ask_much();
    CHECK(transport.dials == 0);
    ask();
    tested.connected();
    ask_much();
    CHECK(outcomes == std::vector{errc::argument_illegal, errc::argument_illegal});
    CHECK(transport.sent.size() == 1);
    CHECK(tested.outstanding() == 1);
}

// Goal: a peer whose machine is gone sends no end of its connection; requests must not go into that hole for ever.
TEST_CASE_FIXTURE(fixture, "a peer that stays silent past a deadline is given up, and the next request dials again") {
    ask(3s);
    tested.connected();
    transport.time += 3s;
    ask(30s); // as a held pull
    tested.expire();
    CHECK(outcomes == std::vector{errc::timed_out});
    CHECK(transport.hang_ups == 0); // options.request_timeout is not over
    transport.time += 2s;
    tested.expire();
    CHECK(transport.hang_ups == 1);
    CHECK(outcomes == std::vector{errc::timed_out, errc::connection_lost});
    ask();
    CHECK(transport.dials == 2);
}

TEST_CASE_FIXTURE(fixture, "a peer that answers anything, or owes nothing yet, is kept") {
    SUBCASE("an answer to another request") {
        ask(1s);
        ask(30s);
        tested.connected();
        transport.time += 500ms;
        answer(transport.sent[1].opaque);
        transport.time += 6s;
        tested.expire();
        CHECK(outcomes == std::vector{errc::none, errc::timed_out});
    }
    SUBCASE("a late answer") {
        ask(1s);
        tested.connected();
        transport.time += 2s;
        tested.expire();
        answer(transport.sent[0].opaque);
        transport.time += 6s;
        tested.expire();
        CHECK(outcomes == std::vector{errc::timed_out});
    }
    SUBCASE("a held pull") {
        ask(30s);
        tested.connected();
        transport.time += 20s;
        tested.expire();
        CHECK(outcomes.empty());
    }
    CHECK(transport.hang_ups == 0);
}

TEST_CASE_FIXTURE(fixture, "requests of the server go to the push handler") {
    ask();
    tested.connected();
    protocol::remoting_command command;
    command.code = 40;
    command.flag = protocol::command_flag::oneway;
    const payload frame{protocol::encode_frame(command)};
    REQUIRE(tested.receive({&frame, 1}).ok());
    CHECK(pushed == std::vector<std::int32_t>{40});
}

TEST_CASE_FIXTURE(fixture, "bytes that are no frame are a protocol error") {
    const payload garbage{std::string("\0\0\0\x04\0\0\0\xff", 8)};
    CHECK(tested.receive({&garbage, 1}).code() == errc::protocol_error);
}

TEST_CASE_FIXTURE(fixture, "a closed link fails what waits and refuses the rest") {
    ask();
    tested.close();
    ask();
    CHECK(outcomes == std::vector{errc::shutting_down, errc::shutting_down});
    tested.connected(); // the dial that was under way
    CHECK(transport.hang_ups == 1);
}

TEST_CASE_FIXTURE(fixture, "a request of the server is answered under its own number, and not after the connection has ended") {
    ask();
    tested.connected();
    protocol::remoting_command asked;
    asked.opaque = 77;
    protocol::remoting_command response;
    response.code = 3;
    tested.answer(asked, response);
    REQUIRE(transport.sent.size() == 2);
    CHECK(transport.sent[1].opaque == 77);
    CHECK(transport.sent[1].code == 3);
    CHECK(transport.sent[1].is_response());
    tested.disconnected();
    tested.answer(asked, response);
    CHECK(transport.sent.size() == 2);
}
