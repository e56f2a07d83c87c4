#include "actors/net/gateway.hpp"
#include "actors/wire/wire.hpp"
#include "actors/wire/wire_pop.hpp"
#include "actors/wire/wire_transaction.hpp"
#include "protocol/request_code.hpp"
#include "protocol/response_code.hpp"
#include "protocol/vocabulary/limits.hpp"
#include "tests/actors/virtual_system.hpp"

#include <doctest/doctest.h>

#include <map>
#include <new>
#include <string>
#include <utility>
#include <vector>

// A gateway between a host and roles that the test plays, in virtual time.

using namespace troupe;
using namespace troupe::actors;
using namespace troupe::actors::net;
using namespace std::chrono_literals;

namespace {

/// What the gateway sent to the roles.
struct recorded_roles {
    std::vector<append_records> appends;
    std::vector<pull_ticketed> pulls;
    std::vector<pull_abandoned> abandoned;
    std::vector<pop_ticketed> pops;
    std::vector<pops_abandoned> abandoned_pops;
    std::vector<std::string> created; ///< topics of sends that came by the session
};

class scripted_host final : public gateway_host {
public:
    explicit scripted_host(test_support::virtual_system& world) : world_{world} {}

    void write(connection_id connection, std::string_view head, const payload& body) override {
        if (connection == broken)
            throw std::bad_alloc{};
        auto command = protocol::decode_frame(payload{std::string{head} + std::string{body.view()}});
        REQUIRE(command.ok());
        written[connection].push_back(std::move(*command));
    }
    std::size_t unsent_bytes(connection_id) override { return unsent; }
    time_point now() override { return world_.scheduler().clock().now(); }
    void wake() override { ++wakes; }
    void resume(connection_id connection) override { resumed.push_back(connection); }
    void fail(connection_id connection, std::string_view) override { failed.push_back(connection); }
    void watch(const session_actor& session) override { watched.push_back(session.address()); }
    gateway_actor handle() override { return actor; }
    caf::actor_system& system() override { return world_.system(); }

    std::map<connection_id, std::vector<protocol::remoting_command>> written;
    std::vector<connection_id> resumed;
    std::vector<connection_id> failed;
    std::vector<caf::actor_addr> watched;
    connection_id broken; ///< writing to it throws
    std::size_t unsent = 0;
    int wakes = 0;
    gateway_actor actor;

private:
    test_support::virtual_system& world_;
};

local_broker_actor spawn_broker(caf::actor_system& system, recorded_roles& record) {
    // Only what a gateway and its session ask of a broker in these tests.
    return caf::actor_cast<local_broker_actor>(system.spawn([&record](caf::event_based_actor*) -> caf::behavior {
        return {
            [&record](const pull_ticketed& order) { record.pulls.push_back(order); },
            [&record](const pull_abandoned& order) { record.abandoned.push_back(order); },
            [&record](const pop_ticketed& order) { record.pops.push_back(order); },
            [&record](const pops_abandoned& order) { record.abandoned_pops.push_back(order); },
            [&record](const send_messages& order) {
                record.created.push_back(order.topic);
                return messages_stored{};
            },
            [](const list_topics&) { return topics_listed{}; },
        };
    }));
}

struct fixture {
    test_support::virtual_system world;
    recorded_roles roles;
    std::shared_ptr<admission> appends;
    gateway_options options;
    scripted_host host{world};
    std::unique_ptr<gateway> tested;
    std::shared_ptr<topic_directory> topics;
    std::shared_ptr<send_quotas> quotas;
    connection_id first{1};

    explicit fixture(std::size_t append_bytes_max = 1u << 20) : appends{std::make_shared<admission>(append_bytes_max)} {
        options.oneway_requests_pause = 4;
        options.requests_per_connection_max = 3;
        options.in_flight_bytes_per_connection_max = 100'000;
        topic_config orders;
        orders.name = "orders";
        orders.read_queues = orders.write_queues = 1;
        topics = std::make_shared<topic_directory>(
            std::make_shared<topic_snapshot>(permission::read_write, 1, std::vector<topic_config>{orders}));
        auto broker = spawn_broker(world.system(), roles);
        auto writer = caf::actor_cast<log_writer_actor>(world.system().spawn([this](caf::event_based_actor*) -> caf::behavior {
            return {[this](const append_records& order) { roles.appends.push_back(order); }};
        }));
        auto entry = std::make_shared<broker_entry>(
            broker_entry{broker, writer, topics, appends, std::make_shared<broker_metrics>(), send_encoder{send_encoder_options{}}});
        entry->pops = caf::actor_cast<pop_checker_actor>(broker);
        quotas = entry->quotas;
        host.actor = caf::actor_cast<gateway_actor>(world.system().spawn([this](caf::event_based_actor*) -> caf::behavior {
            return {[this](const session_answered& message) { tested->handle(message); }};
        }));
        tested = std::make_unique<gateway>(host, gateway_roles{entry, {}, {}}, options);
        tested->connection_opened(first, {});
        caf_broker = caf::actor_cast<caf::actor>(broker);
        caf_writer = caf::actor_cast<caf::actor>(writer);
    }
    ~fixture() {
        tested->connection_closed(first);
        for (const auto& each : {caf_broker, caf_writer, caf::actor_cast<caf::actor>(host.actor)})
            caf::anon_send_exit(each, caf::exit_reason::user_shutdown);
        world.run();
    }
    static payload frame(std::string body, bool oneway, const std::string& topic = "orders", std::int32_t opaque = 1) {
        send_messages order;
        order.producer_group = "producers";
        order.topic = topic;
        order.body = payload{std::move(body)};
        auto command = encode_request(order);
        command.opaque = opaque;
        command.flag = oneway ? protocol::command_flag::oneway : 0;
        return payload{protocol::encode_frame(command)};
    }
    static payload frame_of(protocol::remoting_command command, std::int32_t opaque) {
        command.opaque = opaque;
        return payload{protocol::encode_frame(command)};
    }
    void receive(const std::vector<payload>& frames) { REQUIRE(tested->receive(first, frames).ok()); }
    /// What has reached the log writer since the last call.
    std::vector<append_entry> written() {
        tested->flush();
        world.run();
        std::vector<append_entry> all;
        for (auto& order : std::exchange(roles.appends, {}))
            all.insert(all.end(), order.entries.begin(), order.entries.end());
        return all;
    }
    void store(const std::vector<append_entry>& entries, error failure = {}) {
        records_appended done;
        for (const auto& entry : entries) {
            appends->release(entry.records.bytes.size());
            done.outcomes.push_back({entry.ticket, failure, {}});
        }
        tested->handle(done);
    }

    caf::actor caf_broker;
    caf::actor caf_writer;
};

} // namespace

// ---- sends ----------------------------------------------------------------------------------------------------------

TEST_CASE_FIXTURE(fixture, "sends of one read become one append, and each is answered") {
    receive({frame("one", false, "orders", 1), frame("two", false, "orders", 2)});
    CHECK(host.wakes == 1);
    CHECK(tested->flush() == 2);
    CHECK(tested->flush() == 0);
    world.run();
    REQUIRE(roles.appends.size() == 1);
    const auto entries = written();
    REQUIRE(entries.size() == 2);
    store(entries);
    REQUIRE(host.written[first].size() == 2);
    CHECK(host.written[first][0].opaque == 1);
    CHECK(host.written[first][1].opaque == 2);
    CHECK(tested->outstanding() == 0);
}

// Goal: one-way sends wait instead of being lost, and nothing overtakes them.
TEST_CASE_FIXTURE(fixture, "one-way sends beyond the bound wait in order, and so does what comes behind them") {
    std::vector<payload> frames;
    for (int index = 0; index < 10; ++index)
        frames.push_back(frame("body " + std::to_string(index), true));
    frames.push_back(frame("asked", false));
    CHECK_FALSE(tested->wants_pause(first));
    receive(frames);
    CHECK(tested->wants_pause(first));
    receive({frame("late", true)}); // what was on its way before the host paused
    std::vector<std::string> bodies;
    const auto note = [&](const std::vector<append_entry>& entries) {
        CHECK(entries.size() <= 5); // the bound, and the send that is not one-way
        for (const auto& entry : entries)
            bodies.emplace_back(entry.records.bytes);
    };
    for (int round = 0; round < 10; ++round) {
        const auto entries = written();
        note(entries);
        host.resumed.clear();
        store(entries);
        if (!tested->wants_pause(first))
            break;
        REQUIRE(host.resumed == std::vector{first});
        REQUIRE(tested->go_on(first).ok());
    }
    note(written());
    REQUIRE(bodies.size() == 12);
    for (std::size_t index = 0; index < 10; ++index)
        CHECK(bodies[index].find("body " + std::to_string(index)) != std::string::npos);
    CHECK(bodies[10].find("asked") != std::string::npos);
    CHECK(bodies[11].find("late") != std::string::npos);
    CHECK(appends->refused() == 0);
}

TEST_CASE_FIXTURE(fixture, "a paused connection goes on only when half of its one-way sends are done") {
    receive({frame("1", true), frame("2", true), frame("3", true), frame("4", true), frame("5", true)});
    const auto entries = written();
    REQUIRE(entries.size() == 4);
    store({entries[0]});
    CHECK(host.resumed.empty());
    store({entries[1]});
    CHECK(host.resumed == std::vector{first});
    store({entries[2], entries[3]});
    CHECK(host.resumed.size() == 1); // told once
}

TEST_CASE_FIXTURE(fixture, "one-way sends wait for bytes too, of their connection and of the whole broker") {
    SUBCASE("of their connection") {
        receive({frame(std::string(60'000, 'x'), true), frame("small", true)});
        CHECK(tested->wants_pause(first));
        const auto entries = written();
        REQUIRE(entries.size() == 1);
        store(entries);
        CHECK(host.resumed == std::vector{first});
    }
    SUBCASE("of the broker, when this connection has nothing under way that could wake it") {
        REQUIRE(appends->try_acquire(600'000));
        receive({frame("small", true)});
        CHECK(tested->wants_pause(first));
        CHECK(written().empty());
        tested->expire();
        CHECK(host.resumed.empty());
        appends->release(600'000);
        tested->expire();
        CHECK(host.resumed == std::vector{first});
    }
    REQUIRE(tested->go_on(first).ok());
    CHECK_FALSE(tested->wants_pause(first));
    CHECK(written().size() == 1);
}

TEST_CASE_FIXTURE(fixture, "pulls and sends with an answer leave one-way sends their room") {
    for (int index = 0; index < 3; ++index)
        receive({frame("asked", false)});
    receive({frame("too many", false, "orders", 9)});
    REQUIRE(host.written[first].size() == 1);
    CHECK(host.written[first][0].code == protocol::response_code::system_busy);
    receive({frame("one-way", true)});
    CHECK_FALSE(tested->wants_pause(first));
    CHECK(written().size() == 4);
}

TEST_CASE_FIXTURE(fixture, "one-way sends that wait when their connection closes are still stored") {
    receive({frame("1", true), frame("2", true), frame("3", true), frame("4", true), frame("5", true), frame("6", true)});
    CHECK(written().size() == 4);
    tested->connection_closed(first);
    CHECK(written().size() == 2);
    CHECK(host.resumed.empty());
}

TEST_CASE_FIXTURE(fixture, "one-way sends over their topic's quota are not looked at before it is their turn, and stored at the end") {
    quotas->set("orders", {1, 0});
    receive({frame("1", true), frame("2", true), frame("3", true), frame("4", true)});
    const auto entries = written();
    REQUIRE(entries.size() == 2); // one that was saved up, and the one that finds nothing left but owes nothing
    CHECK(tested->wants_pause(first));
    store(entries);
    for (int i = 0; i < 100; ++i)
        tested->handle(records_appended{}); // of others
    tested->expire();
    CHECK(host.resumed.empty());
    world.scheduler().clock().advance_time(1s);
    tested->expire();
    REQUIRE(host.resumed == std::vector{first});
    REQUIRE(tested->go_on(first).ok());
    CHECK(written().size() == 1);
    CHECK(tested->wants_pause(first));
    tested->connection_closed(first);
    CHECK(written().size() == 1);
    CHECK(quotas->wait("orders", host.now()) > 1s); // what nobody could wait for is paid back by those that come
}

TEST_CASE_FIXTURE(fixture, "one-way sends to a topic that is not there yet wait for the session's room") {
    std::vector<payload> frames;
    for (std::size_t index = 0; index <= options.session_requests_max; ++index)
        frames.push_back(frame("x", true, "new"));
    receive(frames);
    CHECK(tested->wants_pause(first));
    world.run();
    REQUIRE(host.resumed == std::vector{first});
    REQUIRE(tested->go_on(first).ok());
    world.run();
    CHECK(roles.created.size() == options.session_requests_max + 1);
}

TEST_CASE_FIXTURE(fixture, "when the broker ends, what waits for it is answered and nothing is paused for ever") {
    receive({frame("1", true), frame("2", true), frame("3", true), frame("4", true), frame("5", true), frame("asked", false)});
    CHECK(tested->wants_pause(first));
    tested->broker_ended();
    CHECK(host.resumed == std::vector{first});
    REQUIRE(tested->go_on(first).ok());
    CHECK_FALSE(tested->wants_pause(first));
    REQUIRE(host.written[first].size() == 1);
    CHECK(tested->outstanding() == 0);
    CHECK(appends->under_way() == 0); // what was collected and never sent is given back
}

// ---- pulls ----------------------------------------------------------------------------------------------------------

TEST_CASE_FIXTURE(fixture, "an answer that fits into no frame becomes an error, and the connection goes on") {
    pull_messages order;
    order.group = "consumers";
    order.topic = "orders";
    auto command = encode_request(order);
    SUBCASE("JSON") {
        command.codec = protocol::header_codec::json;
    }
    SUBCASE("binary") {
        command.codec = protocol::header_codec::binary;
    }
    receive({frame_of(command, 5)});
    world.run();
    REQUIRE(roles.pulls.size() == 1);
    pull_answered answered{roles.pulls[0].ticket, {}, {}};
    answered.answer.records = payload{std::string(limits::frame_bytes_max, 'x')};
    tested->handle(answered);
    REQUIRE(host.written[first].size() == 1);
    const auto& answer = host.written[first][0];
    CHECK(answer.code == protocol::response_code::invalid_parameter);
    CHECK(answer.opaque == 5);
    CHECK(answer.codec == command.codec);
    CHECK(answer.is_response());
    CHECK(answer.remark.find("ask for less") != std::string::npos);
}

TEST_CASE("a failure that quotes much is cut at the end of a character") {
    const auto answer = encode_failure({errc::topic_illegal, std::string(10'000, 'x')});
    CHECK(answer.remark.size() < 1'100);
    const auto umlauts = encode_failure({errc::topic_illegal, [] {
                                             std::string text;
                                             while (text.size() < 10'000)
                                                 text += "\xc3\xa4";
                                             return text;
                                         }()});
    CHECK(umlauts.remark.ends_with("\xc3\xa4..."));
    CHECK(encode_failure({errc::topic_illegal, "short"}).remark.ends_with("short"));
}

TEST_CASE_FIXTURE(fixture, "a connection that ends abandons its pulls, naming the queues they are for") {
    pull_messages order;
    order.group = "consumers";
    order.topic = "orders";
    order.hold_ms = 15'000;
    std::vector<payload> frames;
    for (const int queue : {1, 0, 1}) {
        order.queue = queue_id{queue};
        frames.push_back(frame_of(encode_request(order), static_cast<std::int32_t>(frames.size())));
    }
    receive(frames);
    world.run();
    REQUIRE(roles.pulls.size() == 3);
    CHECK(tested->flush() == 0);                                  // pulls do not wait for the log
    tested->handle(pull_answered{roles.pulls[1].ticket, {}, {}}); // what is answered is not abandoned
    tested->connection_closed(first);
    world.run();
    REQUIRE(roles.abandoned.size() == 1);
    CHECK(roles.abandoned[0].tickets == std::vector{roles.pulls[0].ticket, roles.pulls[2].ticket});
    const std::vector<topic_queue> both{{"orders", queue_id{1}}, {"orders", queue_id{1}}};
    CHECK(roles.abandoned[0].queues == both);
    CHECK(tested->outstanding() == 0);
}

TEST_CASE_FIXTURE(fixture, "a pull that is forbidden is answered with what forbids it") {
    pull_messages order;
    order.group = "consumers";
    order.topic = "orders";
    for (const int opaque : {7, 8})
        receive({frame_of(encode_request(order), opaque)});
    world.run();
    REQUIRE(roles.pulls.size() == 2);
    const error refusal{errc::not_permitted, "group consumers may not consume"};
    tested->handle(pull_answered{roles.pulls[0].ticket, refusal, {}, forbidden_by::group});
    tested->handle(pull_answered{roles.pulls[1].ticket, {errc::topic_not_found, "no such topic"}, {}});
    const auto& answers = host.written[first];
    REQUIRE(answers.size() == 2);
    CHECK(answers[0].code == protocol::response_code::no_permission);
    REQUIRE(answers[0].fields.find("forbiddenType") != nullptr);
    CHECK(*answers[0].fields.find("forbiddenType") == "2");
    CHECK(answers[1].fields.find("forbiddenType") == nullptr);
}

// ---- pops -----------------------------------------------------------------------------------------------------------

TEST_CASE_FIXTURE(fixture, "a pop goes to the broker with a ticket, and is answered as what it was") {
    pop_messages order;
    order.group = "billing";
    order.topic = "orders";
    order.poll_ms = 15'000;
    receive({frame_of(encode_request(order), 5)});
    order.kind = pop_kind::notify;
    receive({frame_of(encode_request(order), 6)});
    world.run();
    REQUIRE(roles.pops.size() == 2);
    CHECK(roles.pops[0].pop.poll_ms == 15'000);
    CHECK(roles.pops[1].pop.kind == pop_kind::notify);
    CHECK(tested->is_idle()); // a held pop keeps nobody from ending

    world.scheduler().clock().advance_time(20s); // its own time and the gateway's are not over yet
    tested->expire();
    CHECK(host.written[first].empty());
    pop_answered popped{roles.pops[0].ticket, {}, {}};
    popped.answer.status = pop_status::full;
    tested->handle(popped);
    pop_answered told{roles.pops[1].ticket, {}, {}};
    told.answer.kind = pop_kind::notify;
    told.answer.status = pop_status::found;
    tested->handle(told);
    REQUIRE(host.written[first].size() == 2);
    CHECK(host.written[first][0].opaque == 5);
    CHECK(host.written[first][0].code == protocol::response_code::polling_full);
    CHECK(host.written[first][1].opaque == 6);
    CHECK(*host.written[first][1].fields.find("hasMsg") == "true");

    receive({frame_of(encode_request(order), 7)});
    world.run();
    tested->handle(pop_answered{roles.pops[2].ticket, {errc::topic_not_found, "no"}, {}});
    CHECK(host.written[first].back().code == protocol::response_code::topic_not_exist);
    CHECK(tested->outstanding() == 0);
}

TEST_CASE_FIXTURE(fixture, "a pop is refused when the connection has too much open, or does not read; its end abandons the others") {
    pop_messages order;
    order.group = "billing";
    order.topic = "orders";
    for (std::int32_t opaque = 1; opaque <= 4; ++opaque)
        receive({frame_of(encode_request(order), opaque)});
    world.run();
    CHECK(roles.pops.size() == 3);
    REQUIRE(host.written[first].size() == 1);
    CHECK(host.written[first][0].code == protocol::response_code::system_busy);
    tested->handle(pop_answered{roles.pops[1].ticket, {}, {}});
    host.unsent = options.unsent_answer_bytes_max + 1;
    pop_answered looked{roles.pops[0].ticket, {}, {}};
    looked.answer.kind = pop_kind::peek;
    looked.answer.status = pop_status::found;
    tested->handle(looked); // who only looks loses nothing, and does not read
    CHECK(host.written[first].back().code == protocol::response_code::system_busy);
    receive({frame_of(encode_request(order), 5)});
    CHECK(host.written[first].back().code == protocol::response_code::system_busy);
    tested->connection_closed(first);
    world.run();
    REQUIRE(roles.abandoned_pops.size() == 1);
    CHECK(roles.abandoned_pops[0].tickets == std::vector{roles.pops[2].ticket});
    CHECK(tested->outstanding() == 0);
}

// ---- what goes wrong ------------------------------------------------------------------------------------------------

TEST_CASE_FIXTURE(fixture, "a failure while one connection is answered costs no other its answer") {
    const connection_id second{2};
    tested->connection_opened(second, {});
    receive({frame("one", false)});
    const auto other = frame("two", false);
    REQUIRE(tested->receive(second, {&other, 1}).ok());
    host.broken = first;
    SUBCASE("stored") {
        store(written());
    }
    SUBCASE("overdue") {
        world.advance(11s, 1s);
        tested->expire();
    }
    SUBCASE("at the end of the broker") {
        tested->broker_ended();
    }
    CHECK(host.failed == std::vector{first});
    CHECK(host.written[second].size() == 1);
    CHECK(tested->outstanding() == 0);
}

TEST_CASE_FIXTURE(fixture, "the host is told of each session, and which connection it belongs to") {
    receive({frame_of(encode_request(list_topics{}), 1), frame_of(encode_request(list_topics{}), 2)});
    REQUIRE(host.watched.size() == 1);
    CHECK(tested->connection_of(host.watched[0]) == first);
    world.run();
    CHECK(host.written[first].size() == 2);
    tested->connection_closed(first);
    CHECK_FALSE(tested->connection_of(host.watched[0]));
}

TEST_CASE_FIXTURE(fixture, "requests that wait are bounded by all they keep, headers too") {
    auto command = encode_request(list_topics{});
    command.fields.set("padding", std::string(60'000, 'x'));
    host.unsent = options.unsent_answer_bytes_max + 1; // its peer does not read: they wait
    receive({frame_of(command, 1), frame_of(command, 2)});
    REQUIRE(host.written[first].size() == 1);
    CHECK(host.written[first][0].opaque == 2);
    CHECK(host.written[first][0].code == protocol::response_code::system_busy);
    host.unsent = 0;
    tested->connection_drained(first);
    world.run();
    CHECK(host.written[first].size() == 2);
}

TEST_CASE_FIXTURE(fixture, "what a client answers reaches its session; what nobody asked reaches nobody") {
    protocol::remoting_command reply;
    reply.code = 17;
    reply.flag = protocol::command_flag::response;
    receive({frame_of(reply, 1)}); // there is not even a session
    receive({frame_of(encode_request(list_topics{}), 1)});
    world.run();
    REQUIRE(host.written[first].size() == 1);
    receive({frame_of(reply, 1), frame_of(reply, 2)});
    const auto session = caf::actor_cast<asked_client_actor>(host.watched.at(0));
    const auto outcome =
        world.ask<client_answered>(session, forward_to_client{protocol::request_code::get_consumer_running_info, {}, payload{}});
    REQUIRE(host.written[first].size() == 2);
    CHECK_FALSE(outcome->has_value()); // the answers that came too early were not kept
    const auto asked = host.written[first][1];
    CHECK(asked.code == protocol::request_code::get_consumer_running_info);
    receive({frame_of(reply, asked.opaque)});
    world.run();
    REQUIRE(outcome->has_value());
    CHECK((**outcome)->code == 17);
}

// ---- questions to clients ---------------------------------------------------------------------------------------------

TEST_CASE_FIXTURE(fixture, "a client that does not read is not asked, and keeps its connection") {
    options.unsent_answer_bytes_max = 1'000;
    const auto broker = std::make_shared<broker_entry>(
        broker_entry{caf::actor_cast<local_broker_actor>(caf_broker), caf::actor_cast<log_writer_actor>(caf_writer), topics, appends,
                     std::make_shared<broker_metrics>(), send_encoder{send_encoder_options{}}});
    tested = std::make_unique<gateway>(host, gateway_roles{broker, {}, {}}, options);
    tested->connection_opened(first, {});
    check_transaction question;
    question.record = payload{std::string(2'000, 'x')};
    const auto command = encode_request(question);
    const client_question order{first, protocol::encode_frame(command)};
    CHECK(tested->handle(order).ok()); // however large, if nothing else is unread
    CHECK(host.written[first].size() == 1);
    host.unsent = 1;
    CHECK(tested->handle(order).code() == errc::busy);
    CHECK(host.written[first].size() == 1);
    CHECK(host.failed.empty());
    CHECK(tested->handle(client_question{connection_id{99}, order.frame}).code() == errc::connection_lost);
}
