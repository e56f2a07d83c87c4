#include "client/embedded.hpp"
#include "client/internal/connection_core.hpp"
#include "client/internal/reader.hpp"
#include "client/pull_consumer.hpp"
#include "client/push_consumer.hpp"
#include "protocol/body_compression.hpp"
#include "protocol/message_codec.hpp"
#include "tests/client/consumer_world.hpp"

#include <caf/send.hpp>

#include <doctest/doctest.h>

#include <algorithm>
#include <cstdlib>
#include <random>
#include <set>

using namespace troupe;
using namespace troupe::client;
using namespace std::chrono_literals;

using setup = test::consumer_world;
using test::in_group;
using test::member;
using test::queue_a0;

// ---- one member -----------------------------------------------------------------------------------------------------

TEST_CASE("push consumer: gets what is there and what comes, without polling") {
    setup s;
    s.store(0, 3);
    const auto m = s.join("c1");
    CHECK(m->sink->bodies == std::vector<std::string>{"0", "1", "2"});
    m->handle_all();
    s.store(3, 1);
    CHECK(m->sink->bodies.back() == "3");
    const auto before = s.broker().pulls;
    s.world.run_for(60s);
    CHECK(s.broker().pulls - before <= 6); // one every 15 s of hold time
}

TEST_CASE("push consumer: commits the lowest offset that is not done, every commit interval") {
    setup s;
    reader_options options = in_group();
    options.handler_threads = 100; // a delivery per message
    s.store(0, 3);
    const auto m = s.join("c1", options);
    REQUIRE(m->sink->waiting.size() == 3);
    std::swap(m->sink->waiting[0], m->sink->waiting[2]);
    m->handle_one(); // the last message first
    s.world.run_for(5100ms);
    CHECK(s.committed() == queue_offset{0});
    m->handle_all();
    s.world.run_for(5100ms);
    CHECK(s.committed() == queue_offset{3});
}

TEST_CASE("push consumer: what was not committed comes again after a crash, what was committed does not") {
    setup s;
    s.store(0, 2);
    {
        const auto m = s.join("c1");
        m->handle_all();
        s.world.run_for(6s);
        s.store(2, 2); // delivered, done, but the process dies before the next commit
        m->handle_all();
    }
    s.world.run();
    const auto again = s.join("c1");
    s.world.run_for(1s);
    CHECK(again->sink->bodies == std::vector<std::string>{"2", "3"});
}

TEST_CASE("push consumer: stopping commits, leaves the group and asks for nothing more") {
    setup s;
    s.store(0, 3);
    const auto m = s.join("c1");
    m->handle_all();
    m->stop();
    CHECK(s.committed() == queue_offset{3});
    CHECK(s.broker().groups["g"].empty());
    const auto pulls = s.broker().pulls;
    s.store(3, 1);
    s.world.run_for(60s);
    CHECK(s.broker().pulls == pulls);
    CHECK(m->sink->bodies.size() == 3);
}

TEST_CASE("push consumer: a stop that is cut off leaves the group all the same, and the heartbeats end") {
    setup s{1, {"a", "b"}};
    const auto m = s.join("c1");
    s.store(0, 1);
    m->handle_all();
    s.broker().silent_commits = true;
    caf::anon_send(m->reader, end_reading{std::make_shared<std::promise<result<queue_positions>>>()});
    s.world.run_for(1s);
    CHECK(s.broker("b").groups["g"].contains("c1"));
    caf::anon_send_exit(m->reader, caf::exit_reason::user_shutdown); // stop() has waited long enough
    s.world.run_for(100ms);
    CHECK(s.broker("a").groups["g"].empty());
    CHECK(s.broker("b").groups["g"].empty());
    const auto heartbeats = s.broker("b").heartbeats;
    const auto asked = s.cluster.known->asked;
    s.world.run_for(10min);
    CHECK(s.broker("b").heartbeats == heartbeats);
    CHECK(s.cluster.known->asked == asked); // nobody watches the topic any more
}

TEST_CASE("push consumer: a queue that goes and comes back begins at its last commit, which waits for the one before") {
    setup s;
    const auto m = s.join("c1");
    s.store(0, 2);
    m->handle_all();
    s.broker().silent_commits = true;
    s.world.run_for(5s); // the first commit is under way
    s.store(2, 1);
    m->handle_all();
    caf::anon_send(m->reader, change_subscription{"t", std::nullopt});
    caf::anon_send(m->reader, change_subscription{"t", message_selector{}});
    s.world.run_for(1s);
    s.broker().silent_commits = false;
    s.broker().serve_held();
    s.world.run();
    CHECK(s.committed() == queue_offset{3});
    s.store(3, 1);
    s.world.run_for(1s);
    CHECK(m->sink->bodies == std::vector<std::string>{"0", "1", "2", "3"});
}

TEST_CASE("push consumer: one that stops while a commit is under way commits what was done since") {
    setup s;
    const auto m = s.join("c1");
    s.store(0, 2);
    m->handle_all();
    s.broker().silent_commits = true;
    s.world.run_for(5s);
    s.store(2, 1);
    m->handle_all();
    const auto answer = std::make_shared<std::promise<result<queue_positions>>>();
    caf::anon_send(m->reader, end_reading{answer});
    s.world.run();
    s.broker().silent_commits = false;
    s.broker().serve_held();
    REQUIRE(s.world.run_until([&] { return !s.broker().groups["g"].contains("c1"); }, 10s));
    CHECK(s.committed() == queue_offset{3});
}

TEST_CASE("push consumer: one that gives a queue up while a commit is under way, and stops, commits what was done since") {
    setup s;
    const auto m = s.join("c1");
    s.store(0, 2);
    m->handle_all();
    s.broker().silent_commits = true;
    s.world.run_for(5s);
    s.store(2, 1);
    m->handle_all();
    caf::anon_send(m->reader, change_subscription{"t", std::nullopt});
    s.world.run();
    const auto answer = std::make_shared<std::promise<result<queue_positions>>>();
    const auto ended = answer->get_future();
    caf::anon_send(m->reader, end_reading{answer});
    s.world.run();
    s.broker().silent_commits = false;
    SUBCASE("it is stored") {
        s.broker().serve_held();
        s.world.run();
        CHECK(s.committed() == queue_offset{3});
    }
    SUBCASE("its broker answers too late: whoever has the queue by then is not set back") {
        s.broker().offsets[{"g", {"t", queue_id{0}}}] = queue_offset{7};
        s.world.run_for(3100ms);
        CHECK(s.committed() == queue_offset{7});
    }
    CHECK(ended.wait_for(0s) == std::future_status::ready);
}

TEST_CASE("push consumer: a failed message comes again after a pause that doubles, others go on") {
    setup s;
    s.store(0, 3);
    const auto m = s.join("c1");
    m->handle_one("1");
    CHECK(m->sink->waiting.empty());
    s.world.run_for(900ms);
    CHECK(m->sink->waiting.empty());
    s.world.run_for(200ms);
    REQUIRE(m->sink->waiting.size() == 1);
    CHECK(m->sink->waiting.front().messages.front().message.local_redeliveries == 1);
    m->handle_one("1");
    s.world.run_for(1900ms);
    CHECK(m->sink->waiting.empty());
    s.world.run_for(200ms);
    REQUIRE(m->sink->waiting.size() == 1);
    CHECK(m->positions().at(queue_a0) == queue_offset{1});
    m->handle_all();
    CHECK(m->positions().at(queue_a0) == queue_offset{3});
}

TEST_CASE("push consumer: in order, a queue waits for its failed message") {
    setup s;
    s.store(0, 4);
    reader_options options = in_group();
    options.ordered = true;
    const auto m = s.join("c1", options);
    REQUIRE(m->sink->waiting.size() == 1);
    m->handle_one("1");
    s.store(4, 2);
    CHECK(m->sink->waiting.empty());
    s.world.run_for(1100ms);
    REQUIRE(m->sink->waiting.size() == 1);
    CHECK(m->sink->waiting.front().messages.front().message.body.view() == "1");
    m->handle_all();
    s.world.run_for(1s);
    m->handle_all();
    CHECK(m->positions().at(queue_a0) == queue_offset{6});
    CHECK(m->sink->bodies == std::vector<std::string>{"0", "1", "2", "3", "1", "2", "3", "4", "5"});
}

TEST_CASE("push consumer: takes no more than its window until something is done") {
    setup s;
    reader_options options = in_group();
    options.fetch.prefetch_messages_max = 10;
    options.fetch.pull_messages_max = 4;
    s.store(0, 100);
    const auto m = s.join("c1", options);
    s.world.run_for(30s);
    CHECK(m->sink->bodies.size() == 10);
    m->handle_all(); // everything that follows is taken, too
    s.world.run_for(1s);
    CHECK(m->sink->bodies.size() == 100);

    options.fetch.prefetch_messages_max = 1000;
    options.fetch.prefetch_bytes_max = 1; // less than any message: one at a time
    options.fetch.pull_messages_max = 1;
    const auto narrow = s.join("c1", options);
    s.world.run_for(1s);
    CHECK(narrow->sink->waiting.size() <= 1);
}

TEST_CASE("push consumer: compressed bodies are kept, and count, as they came") {
    const std::string body(4096, 'x');
    const auto packed = *protocol::pack_body(protocol::compression::zlib, body);
    REQUIRE(packed.size() < 100);
    setup s;
    reader_options options = in_group();
    options.fetch.prefetch_bytes_max = 5 * (packed.size() + 200); // so much as 5 messages take
    options.fetch.pull_messages_max = 1;
    for (int i = 0; i < 10; ++i)
        s.broker().store({"t", queue_id{0}}, packed, "", protocol::sys_flag_of(protocol::compression::zlib));
    s.world.run();
    const auto m = s.join("c1", options);
    s.world.run_for(1s);
    CHECK(m->sink->bodies.size() == 5);
    for (const auto& d : m->sink->waiting)
        for (const auto& stored : d.messages)
            CHECK(stored.message.body.view() == packed);
    while (!m->sink->waiting.empty()) {
        m->handle_all();
        s.world.run_for(1s);
    }
    CHECK(m->sink->bodies == std::vector<std::string>(10, body));
    CHECK(m->positions().at(queue_a0) == queue_offset{10});
}

TEST_CASE("push consumer: one message that never succeeds holds the queue up at the span, not memory") {
    setup s;
    reader_options options = in_group();
    options.fetch.prefetch_messages_max = 10;
    options.fetch.prefetch_span_max = 25;
    s.store(0, 100);
    const auto m = s.join("c1", options);
    const auto distinct = [&] { return std::set<std::string>(m->sink->bodies.begin(), m->sink->bodies.end()).size(); };
    const auto fail_the_first = [&] {
        while (!m->sink->waiting.empty())
            m->handle_one("0");
    };
    for (int i = 0; i < 10; ++i) {
        fail_the_first();
        s.world.run_for(60s);
    }
    CHECK(distinct() == 25);
    CHECK(m->positions().at(queue_a0) == queue_offset{0});
    m->handle_all();
    s.world.run_for(1s);
    m->handle_all();
    CHECK(distinct() == 100);
    CHECK(m->positions().at(queue_a0) == queue_offset{100});
}

TEST_CASE("push consumer: filters tags by their text, and skipped messages do not hold back the offset") {
    setup s;
    s.broker().store({"t", queue_id{0}}, "red", "Red");
    s.broker().store({"t", queue_id{0}}, "blue", "Blue");
    s.broker().store({"t", queue_id{0}}, "none");
    const auto m = s.join("c1", in_group(), "Blue");
    CHECK(m->sink->bodies == std::vector<std::string>{"blue"});
    m->handle_all();
    CHECK(m->positions().at(queue_a0) == queue_offset{3});
}

TEST_CASE("push consumer: a new filter misses nothing that the old one left out of what is not done") {
    setup s;
    s.broker().store({"t", queue_id{0}}, "red", "Red");
    s.broker().store({"t", queue_id{0}}, "blue", "Blue");
    s.broker().store({"t", queue_id{0}}, "green", "Green");
    const auto m = s.join("c1", in_group(), "Red");
    REQUIRE(m->sink->bodies == std::vector<std::string>{"red"});
    caf::anon_send(m->reader, change_subscription{"t", "Red || Blue"});
    s.world.run();
    CHECK(m->sink->bodies == std::vector<std::string>{"red", "red", "blue"});
    CHECK(m->sink->waiting.front().revoked->load());
    m->handle_all();
    CHECK(m->positions().at(queue_a0) == queue_offset{3});
    caf::anon_send(m->reader, change_subscription{"t", "Blue || Red"}); // the same
    s.world.run();
    CHECK(m->sink->bodies.size() == 3);
    CHECK(m->sink->revoked.size() == 1);
}

TEST_CASE("push consumer: the first position is what the group asked for, unless it has committed") {
    setup s;
    s.store(0, 3);
    reader_options options = in_group();
    options.from = consume_from::last_offset;
    {
        const auto m = s.join("c1", options);
        s.store(3, 1);
        CHECK(m->sink->bodies == std::vector<std::string>{"3"});
        m->handle_all();
        m->stop();
    }
    s.store(4, 1);
    CHECK(s.join("c2", options)->sink->bodies == std::vector<std::string>{"4"});
}

TEST_CASE("push consumer: a first position is committed before anything is read, so that a crash loses nothing") {
    setup s;
    s.store(0, 3);
    reader_options options = in_group();
    options.from = consume_from::last_offset;
    s.broker().fail_commits = {errc::busy, errc::timed_out};
    {
        const auto m = s.join("c1", options);
        CHECK(s.broker().pulls == 0);
        s.world.run_for(1s);
        CHECK(s.broker().pulls == 1);
        CHECK(s.committed() == queue_offset{3});
        s.store(3, 2);
        CHECK(m->sink->bodies == std::vector<std::string>{"3", "4"}); // and then the process dies
    }
    s.store(5, 1);
    s.world.run();
    CHECK(s.join("c1", options)->sink->bodies == std::vector<std::string>{"3", "4", "5"});
}

TEST_CASE("push consumer: broadcasting saves its first position at once") {
    setup s;
    queue_positions saved;
    reader_options options = in_group();
    options.model = message_model::broadcasting;
    options.save_local = [&saved](const queue_positions& all) { saved = all; };
    s.store(0, 1);
    const auto m = s.join("c1", options);
    REQUIRE(saved.contains(queue_a0));
    CHECK(saved.at(queue_a0) == queue_offset{0});
}

TEST_CASE("push consumer: starts by time where asked") {
    setup s;
    s.store(0, 5);
    reader_options options = in_group();
    options.from = consume_from::timestamp;
    options.from_time = timestamp_ms{2}; // the fake broker's clock is the offset
    CHECK(s.join("c1", options)->sink->bodies == std::vector<std::string>{"2", "3", "4"});
}

TEST_CASE("push consumer: a queue that is added later is read from its beginning even by a last_offset group") {
    setup s;
    reader_options options = in_group();
    options.from = consume_from::last_offset;
    const auto m = s.join("c1", options);
    s.cluster.add_topic("t", 2);
    s.store(0, 1, 1);
    s.world.run_for(31s); // the route is refreshed
    CHECK(m->sink->bodies == std::vector<std::string>{"0"});
}

TEST_CASE("push consumer: what retention has removed is skipped, and the new position is committed") {
    setup s;
    s.store(0, 10);
    s.broker().offsets[{"g", {"t", queue_id{0}}}] = queue_offset{2};
    s.broker().first_offset[{"t", queue_id{0}}] = 6;
    const auto m = s.join("c1");
    CHECK(m->sink->bodies == std::vector<std::string>{"6", "7", "8", "9"});
    m->handle_all();
    s.world.run_for(6s);
    CHECK(s.committed() == queue_offset{10});
}

TEST_CASE("push consumer: a group that an operator has sent back commits again what it had committed before") {
    setup s;
    s.store(0, 4);
    const auto m = s.join("c1");
    m->handle_all();
    s.world.run_for(6s);
    REQUIRE(s.committed() == queue_offset{4});
    s.broker().offsets[{"g", {"t", queue_id{0}}}] = queue_offset{2};
    s.broker().sent_to[{"t", queue_id{0}}] = queue_offset{2};
    s.broker().serve_held();
    s.world.run_for(1s);
    REQUIRE(m->sink->bodies == std::vector<std::string>{"0", "1", "2", "3", "2", "3"});
    m->handle_all();
    s.world.run_for(6s);
    CHECK(s.committed() == queue_offset{4});
}

TEST_CASE("push consumer: what a broker's log still has comes again when it has lost its end, unless it was handled") {
    setup s;
    s.store(0, 20);
    reader_options options = in_group();
    options.handler_threads = 100; // a delivery per message
    const auto m = s.join("c1", options);
    REQUIRE(m->sink->waiting.size() == 20);
    for (int i = 0; i < 3; ++i)
        m->handle_one();
    s.world.run_for(6s);
    REQUIRE(s.committed() == queue_offset{3});
    s.broker().logs[{"t", queue_id{0}}].resize(10); // what was not synced
    s.broker().crash();
    s.broker().down = false;
    s.world.run_for(6s);
    CHECK(s.committed() == queue_offset{3}); // not 10
    m->pass_over_revoked();
    m->handle_all();
    CHECK(std::vector<std::string>{m->sink->bodies.begin() + 20, m->sink->bodies.end()} ==
          std::vector<std::string>{"3", "4", "5", "6", "7", "8", "9"});
    s.world.run_for(6s);
    CHECK(s.committed() == queue_offset{10});
}

TEST_CASE("push consumer: when a log has lost more than is not done, reading goes on at its end") {
    setup s;
    s.store(0, 20);
    const auto m = s.join("c1");
    m->handle_all();
    s.world.run_for(6s);
    s.broker().logs[{"t", queue_id{0}}].resize(10);
    s.broker().crash();
    s.broker().down = false;
    s.world.run_for(6s);
    CHECK(s.committed() == queue_offset{10});
    s.store(20, 1);
    CHECK(m->sink->bodies.size() == 21);
    CHECK(m->sink->bodies.back() == "20");
}

TEST_CASE("push consumer: what it holds is handled though retention has overtaken it") {
    setup s;
    s.store(0, 20);
    const auto m = s.join("c1");
    REQUIRE(m->sink->bodies.size() == 20);
    s.broker().crash(); // it cannot read on
    s.world.run();
    s.store(20, 20);
    s.broker().first_offset[{"t", queue_id{0}}] = 30;
    s.broker().down = false;
    s.world.run_for(6s);
    CHECK(s.committed() == queue_offset{0});
    CHECK(m->sink->revoked.empty());
    m->pass_over_revoked();
    CHECK(m->sink->bodies.back() == "39");
    CHECK(m->positions().at(queue_a0) == queue_offset{0});
    m->handle_all();
    s.world.run_for(6s);
    CHECK(s.committed() == queue_offset{40});
}

TEST_CASE("push consumer: failing pulls are repeated with pauses") {
    setup s;
    s.store(0, 1);
    s.broker().fail_pulls = {errc::busy, errc::timed_out, errc::internal, errc::subscription_not_found};
    const auto m = s.join("c1");
    s.world.run_for(50ms);
    CHECK(m->sink->bodies.empty());
    s.world.run_for(3s);
    CHECK(m->sink->bodies == std::vector<std::string>{"0"});
    CHECK(m->counters->pulls_failed == 4);
}

TEST_CASE("push consumer: a broker's restart costs latency only, and the member is known again") {
    setup s;
    s.store(0, 1);
    const auto m = s.join("c1");
    m->handle_all();
    s.broker().crash();
    s.cluster.show("a", false);
    s.world.run_for(20s);
    s.broker().down = false;
    s.cluster.show("a", true);
    s.store(1, 1);
    s.world.run_for(3s);
    CHECK(m->sink->bodies == std::vector<std::string>{"0", "1"});
    CHECK(s.broker().groups["g"].contains("c1"));
    m->handle_all();
    s.world.run_for(6s);
    CHECK(s.committed() == queue_offset{2});
}

TEST_CASE("push consumer: subscribing to a topic that comes into being later works, and so does leaving it") {
    setup s;
    s.cluster.known->topics.clear();
    const auto m = s.join("c1");
    s.world.run_for(5s);
    s.cluster.add_topic("t", 1);
    s.store(0, 1);
    s.world.run_for(2s);
    CHECK(m->sink->bodies == std::vector<std::string>{"0"});
    caf::anon_send(m->reader, change_subscription{"t", std::nullopt});
    s.world.run();
    CHECK(m->positions().empty());
    CHECK(m->sink->revoked == std::vector<message_queue>{queue_a0});
    s.store(1, 1);
    s.world.run_for(20s);
    CHECK(m->sink->bodies.size() == 1);
}

TEST_CASE("push consumer: leaving a topic and coming back while members are being asked starts anew") {
    setup s{1, {"a", "b"}};
    s.store(0, 1);
    const auto m = s.join("c1");
    s.broker("a").fail_member_lists = {errc::busy, errc::busy};
    for (int i = 0; i < 2; ++i) {
        caf::anon_send(m->reader, membership_changed{"g"}); // asks for members
        caf::anon_send(m->reader, change_subscription{"t", std::nullopt});
        caf::anon_send(m->reader, change_subscription{"t", "*"});
        s.world.run();
    }
    s.world.run_for(2s);
    CHECK(m->positions().size() == 2);
    CHECK(m->counters->rebalances >= 3);
}

// ---- groups ---------------------------------------------------------------------------------------------------------

TEST_CASE("push consumer: members share the queues; joining and leaving is noticed at once") {
    setup s{4};
    const auto first = s.join("c1");
    CHECK(first->positions().size() == 4);
    {
        const auto second = s.join("c2");
        s.world.run_for(1s);
        CHECK(first->positions().size() == 2);
        CHECK(second->positions().size() == 2);
        const auto third = s.join("c3");
        s.world.run_for(1s);
        CHECK(first->positions().size() + second->positions().size() + third->positions().size() == 4);
        third->stop();
        second->stop();
    }
    s.world.run_for(1s);
    CHECK(first->positions().size() == 4);
}

TEST_CASE("push consumer: a queue that moves is committed first, and the next owner goes on from there") {
    setup s{2};
    s.store(0, 3, 0);
    s.store(10, 3, 1);
    const auto first = s.join("c1");
    first->handle_all();
    const auto second = s.join("c2");
    s.store(20, 1, 0);
    s.store(30, 1, 1);
    s.world.run_for(1s);
    CHECK(second->positions().size() == 1);
    CHECK(second->sink->bodies.size() == 1); // nothing that the first had done
}

TEST_CASE("push consumer: reports for a queue that has moved away change nothing") {
    setup s{1};
    s.store(0, 3);
    const auto first = s.join("c2");
    REQUIRE(first->sink->waiting.size() >= 1);
    const auto second = s.join("c1"); // sorts first: takes the only queue
    CHECK(first->positions().empty());
    CHECK(first->sink->waiting.front().revoked->load());
    first->handle_all();
    s.world.run_for(500ms);
    s.world.run_for(6s);
    CHECK(s.committed() == queue_offset{0});
    CHECK(second->sink->bodies.size() == 3);
}

TEST_CASE("push consumer: a broker that has forgotten the members does not make them drop their queues") {
    setup s{2};
    const auto m = s.join("c1");
    CHECK(m->positions().size() == 2);
    s.broker().groups.clear();
    s.world.run_for(20s); // a rebalance finds no members
    CHECK(m->positions().size() == 2);
    s.world.run_for(1s);
    CHECK(s.broker().groups["g"].contains("c1"));
}

TEST_CASE("push consumer: a member that one of two brokers has forgotten keeps its queues") {
    setup s{2, {"a", "b"}};
    const auto first = s.join("c1");
    const auto second = s.join("c2");
    s.world.run_for(1s);
    s.broker("a").groups["g"].erase("c2"); // it has restarted, and only c1 has found back
    caf::anon_send(first->reader, membership_changed{"g"});
    s.world.run_for(1s);
    CHECK(first->positions().size() == 2);
    s.broker("b").groups["g"].erase("c2"); // now it is gone everywhere
    caf::anon_send(first->reader, membership_changed{"g"});
    s.world.run_for(1s);
    CHECK(first->positions().size() == 4);
}

TEST_CASE("push consumer: after a broker's restart, members wait for each other before they take queues, but not for ever") {
    setup s{2};
    const auto first = s.join("c1");
    const auto second = s.join("c2");
    s.world.run_for(1s);
    const auto restart_without_second = [&s] {
        s.broker().deaf_to.insert("c2");
        s.broker().crash();
        s.world.run_for(15s);
        s.broker().down = false;
    };
    restart_without_second();
    for (int i = 0; i < 60; ++i) {
        s.world.run_for(50ms);
        REQUIRE(first->positions().size() == 1);
        REQUIRE(second->positions().size() == 1);
    }
    CHECK(s.broker().groups["g"].contains("c1"));
    s.broker().deaf_to.clear();
    for (int i = 0; i < 600; ++i) {
        s.world.run_for(50ms);
        REQUIRE(first->positions().size() == 1);
        REQUIRE(second->positions().size() == 1);
    }
    restart_without_second();
    s.world.run_for(8s);
    CHECK(first->positions().size() == 2);
}

TEST_CASE("push consumer: with two brokers, losing one keeps the other's queues flowing") {
    setup s{1, {"a", "b"}};
    const auto m = s.join("c1");
    CHECK(m->positions().size() == 2);
    s.broker("b").crash();
    s.cluster.show("b", false);
    s.world.run_for(35s);
    s.store(0, 1);
    CHECK(m->sink->bodies == std::vector<std::string>{"0"});
    s.broker("b").down = false;
    s.cluster.show("b", true);
    s.broker("b").store({"t", queue_id{0}}, "from b");
    s.world.run_for(35s);
    CHECK(m->sink->bodies.back() == "from b");
}

TEST_CASE("push consumer: broadcasting reads every queue and keeps its offsets itself") {
    setup s{2};
    queue_positions saved;
    reader_options options = in_group();
    options.model = message_model::broadcasting;
    options.save_local = [&saved](const queue_positions& all) { saved = all; };
    s.store(0, 2, 0);
    {
        const auto first = s.join("c1", options);
        const auto second = s.join("c2", options);
        CHECK(first->sink->bodies.size() == 2);
        CHECK(second->sink->bodies.size() == 2);
        first->handle_all();
        second->handle_all();
        s.world.run_for(6s);
    }
    CHECK(s.broker().commits.empty());
    CHECK(saved.at(queue_a0) == queue_offset{2});
    s.store(2, 1, 0);
    options.local_offsets = saved;
    CHECK(s.join("c1", options)->sink->bodies == std::vector<std::string>{"2"});
}

TEST_CASE("push consumer: broadcasting goes on where it was when a broker comes back, and saves the place meanwhile") {
    setup s{1, {"a", "b"}};
    const message_queue queue_b0{"t", "b", 0};
    queue_positions saved;
    reader_options options = in_group();
    options.model = message_model::broadcasting;
    options.from = consume_from::last_offset;
    options.local_offsets = {{queue_b0, queue_offset{1}}};
    options.save_local = [&saved](const queue_positions& all) { saved = all; };
    for (int i = 0; i < 3; ++i)
        s.broker("b").store({"t", queue_id{0}}, "b" + std::to_string(i));
    const auto m = s.join("c1", options);
    CHECK(m->sink->bodies == std::vector<std::string>{"b1", "b2"});
    m->handle_all();

    s.cluster.show("b", false);
    s.world.run_for(35s); // the route is refreshed, and positions are saved
    CHECK(m->positions().size() == 1);
    CHECK(saved.at(queue_b0) == queue_offset{3});
    s.broker("b").store({"t", queue_id{0}}, "b3");
    s.cluster.show("b", true);
    s.world.run_for(35s);
    CHECK(m->sink->bodies == std::vector<std::string>{"b1", "b2", "b3"});
    m->handle_all();

    s.cluster.show("b", false);
    s.world.run_for(35s);
    CHECK(m->stop().at(queue_b0) == queue_offset{4});
}

TEST_CASE("push consumer: broadcasting saves its offsets one save at a time, the newest last") {
    setup s;
    queue_positions saved;
    reader_options options = in_group();
    options.model = message_model::broadcasting;
    options.save_local = [&saved](const queue_positions& all) { saved = all; };
    const auto m = s.join("c1", options);
    m->sink->disk_is_slow = true;
    s.store(0, 2);
    m->handle_all();
    s.world.run_for(20s);
    REQUIRE(m->sink->jobs.size() == 1);
    m->sink->disk_is_slow = false;
    m->sink->jobs.front()();
    s.world.run_for(1s);
    CHECK(saved.at(queue_a0) == queue_offset{2});
}

// Goal: whatever happens to members, no message is lost, and queues always have one owner in the end.
// How:  random joins, crashes, clean stops and broker restarts; handled messages of all members together are complete.
TEST_CASE("push consumer: at least once under random joins, crashes and broker restarts") {
    const char* given = std::getenv("TROUPE_SEED");
    const std::uint64_t first_seed = given != nullptr ? std::strtoull(given, nullptr, 10) : 1;
    const std::uint64_t rounds = given != nullptr ? 1 : 30;
    for (std::uint64_t seed = first_seed; seed < first_seed + rounds; ++seed) {
        CAPTURE(seed);
        std::mt19937_64 random{seed};
        setup s{4, {"a", "b"}};
        std::vector<std::unique_ptr<member>> members;
        std::multiset<std::string> handled;
        const auto handle_some = [&](member& m) {
            while (!m.sink->waiting.empty() && random() % 8 != 0) {
                for (const auto& stored : m.sink->waiting.front().messages)
                    if (!m.sink->waiting.front().revoked->load())
                        handled.emplace(stored.message.body.view());
                m.handle_one();
            }
        };
        int next = 0;
        int next_id = 0;
        for (int step = 0; step < 60; ++step) {
            const auto dice = random() % 10;
            if (dice == 0 || members.empty()) {
                members.push_back(s.join("c" + std::to_string(next_id++)));
            } else if (dice == 1) {
                auto leaving = std::move(members.back());
                members.pop_back();
                if (random() % 2 == 0)
                    leaving->stop();
                else // a crash: the broker sees the connection end
                    for (auto& [broker_name, broker] : s.cluster.brokers)
                        broker->groups["g"].erase(leaving->via.client_id());
            } else if (dice == 2) {
                s.broker("b").crash();
                s.world.run_for(milliseconds{static_cast<int>(random() % 3000)});
                s.broker("b").down = false;
            }
            for (int i = 0; i < 5; ++i, ++next)
                s.broker(random() % 2 == 0 ? "a" : "b")
                    .store({"t", queue_id{static_cast<std::int32_t>(random() % 4)}}, std::to_string(next));
            s.world.run_for(milliseconds{static_cast<int>(random() % 1000)});
            for (auto& m : members)
                handle_some(*m);
        }
        if (members.empty())
            members.push_back(s.join("last"));
        const auto finish = [&] {
            for (auto& m : members)
                handle_some(*m);
            for (int i = 0; i < next; ++i)
                if (!handled.contains(std::to_string(i)))
                    return false;
            return true;
        };
        CHECK(s.world.run_until(finish, 120s));
        std::size_t owned = 0;
        for (auto& m : members)
            owned += m->positions().size();
        CHECK(owned == 8);
    }
}

// ---- pull consumer --------------------------------------------------------------------------------------------------

TEST_CASE("pull consumer's reader: lists, assigns, seeks, tells and commits") {
    setup s{2};
    s.store(0, 5, 0);
    reader_options options;
    auto m = std::make_unique<member>(s.world, s.cluster, "p1", options);
    const auto ask = [&]<class T, class Order>(std::in_place_type_t<T>, Order order) {
        auto answer = std::make_shared<std::promise<result<T>>>();
        auto known = answer->get_future();
        order.answer = std::move(answer);
        caf::anon_send(m->reader, std::move(order));
        REQUIRE(s.world.run_until([&] { return known.wait_for(0s) == std::future_status::ready; }, 10s));
        return known.get();
    };
    const std::in_place_type_t<std::vector<message_queue>> queue_list{};
    const std::in_place_type_t<queue_offset> offset{};
    const std::in_place_type_t<std::size_t> count{};
    const message_queue queue_a1{"t", "a", 1};
    CHECK(ask(offset, ask_committed{queue_a0, nullptr}).code() == errc::offset_not_found); // finds the route itself
    CHECK(ask(offset, ask_committed{{"t", "nobody", 0}, nullptr}).code() == errc::no_route);
    CHECK(ask(offset, ask_committed{{"nobody-made-it", "a", 0}, nullptr}).code() == errc::topic_not_found);
    CHECK(ask(queue_list, list_queues{"nobody-made-it", nullptr}).code() == errc::topic_not_found);
    CHECK(*ask(queue_list, list_queues{"t", nullptr}) == std::vector<message_queue>{queue_a0, queue_a1});
    CHECK(ask(offset, ask_position{queue_a0, nullptr}).code() == errc::queue_not_found);
    CHECK(ask(offset, ask_committed{queue_a0, nullptr}).code() == errc::offset_not_found);

    CHECK(ask(count, assign_queues{{queue_a0}, seek_target::committed(), nullptr}).ok());
    CHECK(m->sink->bodies.size() == 5); // nothing committed: from the first
    CHECK(*ask(offset, ask_position{queue_a0, nullptr}) == queue_offset{0});
    m->handle_all();
    CHECK(*ask(offset, ask_position{queue_a0, nullptr}) == queue_offset{5});
    CHECK(*ask(count, commit_positions{nullptr}) == 1);
    CHECK(*ask(offset, ask_committed{queue_a0, nullptr}) == queue_offset{5});
    s.world.run_for(60s);
    CHECK(s.broker().commits.size() == 1); // never by itself

    CHECK(ask(count, seek_queue{queue_a1, seek_target::first(), nullptr}).code() == errc::queue_not_found);
    CHECK(ask(count, seek_queue{queue_a0, seek_target::at(queue_offset{3}), nullptr}).ok());
    CHECK(m->sink->revoked == std::vector<message_queue>{queue_a0});
    CHECK(m->sink->bodies.back() == "4");
    CHECK(m->sink->bodies.size() == 7);
    CHECK(ask(count, seek_queue{queue_a0, seek_target::last(), nullptr}).ok());
    s.store(5, 1, 0);
    CHECK(m->sink->bodies.back() == "5");
    CHECK(m->sink->bodies.size() == 8);
    CHECK(ask(count, seek_queue{queue_a0, seek_target::at(timestamp_ms{4}), nullptr}).ok());
    CHECK(m->sink->bodies.size() == 10);
    CHECK(ask(count, assign_queues{{queue_a1}, seek_target::first(), nullptr}).ok());
    CHECK(ask(offset, ask_position{queue_a0, nullptr}).code() == errc::queue_not_found);

    s.broker().down = true;
    CHECK(ask(count, seek_queue{queue_a1, seek_target::first(), nullptr}).ok());
    CHECK(ask(offset, ask_position{queue_a1, nullptr}).code() == errc::busy);
    CHECK(ask(offset, ask_committed{queue_a1, nullptr}).code() == errc::connect_failed);
}

TEST_CASE("push consumer: a connection has one of each group, until it is stopped") {
    setup s;
    const auto via = member::connect(s.world, s.cluster, "x");
    const auto other = member::connect(s.world, s.cluster, "y");
    const auto handler = [](const received_message&) { return consume_outcome::done; };
    push_consumer_options options;
    const auto try_out = [&](const connection& where, const std::string& group) {
        options.group = group;
        auto consumer = push_consumer::open(where, options, handler);
        if (consumer)
            consumer->stop(0ms); // nobody runs its actor here
        return consumer.code();
    };
    options.group = "g";
    auto first = push_consumer::open(via, options, handler);
    REQUIRE(first.ok());
    const auto copy = via;
    CHECK(try_out(copy, "g") == errc::already_exists);
    CHECK(try_out(other, "g") == errc::none);
    CHECK(try_out(via, "h") == errc::none);
    first->stop(0ms);
    CHECK(try_out(via, "g") == errc::none);
}

TEST_CASE("consumers: wrong groups and expressions are refused") {
    setup s;
    const auto via = member::connect(s.world, s.cluster, "x");
    const auto handler = [](const received_message&) { return consume_outcome::done; };
    push_consumer_options push;
    CHECK(push_consumer::open(via, push, handler).code() == errc::group_illegal);
    push.group = "g";
    CHECK(push_consumer::open(via, push, nullptr).code() == errc::argument_illegal);
    push.handler_threads = 0;
    CHECK(push_consumer::open(via, push, handler).code() == errc::argument_illegal);
    push.handler_threads = 1;
    push.fetch.prefetch_span_max = 0;
    CHECK(push_consumer::open(via, push, handler).code() == errc::argument_illegal);
    pull_consumer_options pull;
    CHECK(pull_consumer::open(via, pull).code() == errc::group_illegal);
    pull.group = "g";
    pull.expression = "A ||";
    CHECK(pull_consumer::open(via, pull).code() == errc::subscription_illegal);
    pull.expression = message_selector::sql92("price > 5 OR");
    CHECK(pull_consumer::open(via, pull).failure() ==
          error{errc::subscription_illegal, "SQL92 expression: column 13: expected a condition, found the end"});
    pull.expression = message_selector::sql92("price > 5");
    CHECK(pull_consumer::open(via, pull).ok());
    push.fetch.prefetch_span_max = 1;
    auto pushed = push_consumer::open(via, push, handler);
    REQUIRE(pushed.ok());
    CHECK(pushed->subscribe("t", "A ||").code() == errc::subscription_illegal);
    CHECK(pushed->subscribe("t", message_selector::sql92("*")).code() == errc::subscription_illegal);
    CHECK(pushed->subscribe("t", message_selector::sql92("price > 5")).ok());
    pushed->stop(0ms);
}

TEST_CASE("pull consumer's reader: who waits for a commit behind another one has his own place committed, or is told") {
    setup s;
    s.store(0, 4);
    const auto m = std::make_unique<member>(s.world, s.cluster, "p1", reader_options{});
    const auto assign = [&](std::vector<message_queue> queues) {
        caf::anon_send(m->reader,
                       assign_queues{std::move(queues), seek_target::first(), std::make_shared<std::promise<result<std::size_t>>>()});
        s.world.run();
    };
    const auto commit = [&] {
        const auto answer = std::make_shared<std::promise<result<std::size_t>>>();
        caf::anon_send(m->reader, commit_positions{answer});
        s.world.run();
        return answer->get_future();
    };
    caf::anon_send(m->reader, list_queues{"t", std::make_shared<std::promise<result<std::vector<message_queue>>>>()});
    s.world.run();
    assign({queue_a0});
    REQUIRE(m->sink->waiting.size() == 1);
    m->handle_all();
    s.broker().silent_commits = true;
    auto first = commit();
    s.store(4, 1);
    m->handle_all();
    auto second = commit();
    bool is_answered = true;
    SUBCASE("its queue is not assigned any more") {
        assign({});
    }
    SUBCASE("its queue's place is being looked up") {
        s.broker().down = true;
        caf::anon_send(m->reader, seek_queue{queue_a0, seek_target::first(), std::make_shared<std::promise<result<std::size_t>>>()});
        s.world.run();
        s.broker().down = false;
    }
    SUBCASE("its queue is not assigned any more, and the broker does not answer") {
        assign({});
        is_answered = false;
    }
    s.broker().silent_commits = false;
    if (is_answered) {
        s.broker().serve_held();
        s.world.run();
        CHECK(s.committed() == queue_offset{5});
        CHECK(first.get().ok());
        CHECK(*second.get() == 1);
    } else {
        s.world.run_for(3100ms);
        CHECK(first.get().code() == errc::timed_out);
        CHECK(second.get().code() == errc::timed_out);
    }
}
