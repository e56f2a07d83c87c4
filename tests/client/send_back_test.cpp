#include "client/embedded.hpp"
#include "client/internal/connection_core.hpp"
#include "client/internal/reader.hpp"
#include "tests/client/fake_cluster.hpp"

#include <caf/send.hpp>

#include <doctest/doctest.h>

#include <set>

// Failed messages go back to their broker.

using namespace troupe;
using namespace troupe::client;
using namespace std::chrono_literals;

namespace {

/// Stands for the handler threads: fails on the bodies in `failing`, at once.
struct failing_sink : delivery_sink {
    void deliver(delivery d) override {
        delivery_report report{d.queue, d.generation, {}, {}, false, true};
        for (auto& m : d.messages) {
            delivered.push_back(m.message);
            if (failing.contains(std::string{m.message.body.view()})) {
                ++m.message.local_redeliveries;
                report.failed = true;
                report.again.push_back(std::move(m));
            } else {
                report.done.emplace_back(m.message.offset, window_bytes(m));
            }
        }
        if (reports->put(std::move(report)) && wakes_reader)
            caf::anon_send(reader, inbox_filled{});
    }
    void revoke(const message_queue&) override {}
    bool consume(std::shared_ptr<direct_consumption>) override { return false; }
    void run_blocking(std::function<void()> job) override { job(); }

    std::set<std::string> failing;
    bool wakes_reader = true;
    std::vector<received_message> delivered;
    std::shared_ptr<report_inbox> reports = std::make_shared<report_inbox>();
    reader_actor reader;
};

struct setup {
    explicit setup(bool send_back = true) {
        cluster.add_topic("t", 1);
        cluster.add_topic("%RETRY%g", 1);
        client_options client;
        client.client_id = "c1";
        via.emplace(*embed(world.system(), {{cluster.name_server}, cluster.handles}, client));
        reader_options options;
        options.client_id = "c1";
        options.group = "g";
        options.in_group = true;
        options.from = consume_from::last_offset;
        options.send_back = send_back;
        options.redelivery.redeliveries_max = 7;
        sink->reader = spawn_reader(world.system(), std::move(options), via->core().hub(), sink, sink->reports, counters);
        for (const auto* topic : {"t", "%RETRY%g"})
            caf::anon_send(sink->reader, change_subscription{topic, "*"});
    }
    ~setup() {
        caf::anon_send_exit(sink->reader, caf::exit_reason::user_shutdown);
        sink->reader = reader_actor{};
    }
    setup(const setup&) = delete;
    setup& operator=(const setup&) = delete;

    void start() {
        caf::anon_send(sink->reader, begin_reading{});
        world.run_for(1s);
    }
    void store(const std::string& body) {
        broker->store({"t", queue_id{0}}, body);
        world.run();
    }
    queue_offset committed(const std::string& topic = "t") {
        world.run_for(6s); // longer than the commit interval
        return broker->offsets[{"g", {topic, queue_id{0}}}];
    }
    void stop() {
        auto answer = std::make_shared<std::promise<result<queue_positions>>>();
        auto ended = answer->get_future();
        caf::anon_send(sink->reader, end_reading{std::move(answer)});
        REQUIRE(world.run_until([&] { return ended.wait_for(0s) == std::future_status::ready; }, 10s));
    }

    test::world world;
    test::fake_cluster cluster{world, {"a"}};
    std::shared_ptr<test::fake_broker> broker = cluster.brokers.at("a");
    std::optional<connection> via;
    std::shared_ptr<failing_sink> sink = std::make_shared<failing_sink>();
    std::shared_ptr<reader_counters> counters = std::make_shared<reader_counters>();
};

} // namespace

TEST_CASE("send back: a message that failed goes to its broker, which is told what it needs, and holds nothing up") {
    setup s;
    s.sink->failing = {"1"};
    s.start();
    for (const auto* body : {"0", "1", "2"})
        s.store(body);
    REQUIRE(s.broker->given_back.size() == 1);
    const auto& order = s.broker->given_back.front();
    CHECK(order.position == log_position{1000}); // of the second record
    CHECK(order.group == "g");
    CHECK(order.delay_level == 0);
    CHECK(order.retry_max == 7);
    CHECK(s.committed() == queue_offset{3});
    s.world.run_for(120s);
    CHECK(s.sink->delivered.size() == 3); // it is the broker's now
    CHECK(s.counters->messages_sent_back == 1);
    CHECK(s.counters->send_backs_failed == 0);
}

// Goal: with two topics, what comes while the queues of one are shared out does not start a row of share-outs without end.
TEST_CASE("push consumer: topics are shared out once per reason, however many there are") {
    setup s;
    s.start();
    const auto before = s.counters->rebalances.load();
    for (int i = 0; i < 3; ++i) // the later ones while the first is under way
        caf::anon_send(s.sink->reader, membership_changed{"g"});
    s.world.run();
    CHECK(s.counters->rebalances - before == 3);
    s.world.run_for(10s);
    CHECK(s.counters->rebalances - before == 3);
}

TEST_CASE("send back: while the broker refuses, the message comes again from here") {
    setup s;
    s.sink->failing = {"x"};
    s.broker->fail_give_backs = {errc::busy, errc::not_supported, errc::busy, errc::busy};
    s.start();
    s.store("x");
    CHECK(s.committed() == queue_offset{0}); // nothing passes it; after 1, 2, 4 and 8 seconds more it is taken
    s.world.run_for(15s);
    CHECK(s.broker->given_back.size() == 5);
    REQUIRE(s.sink->delivered.size() == 5);
    CHECK(s.sink->delivered[4].local_redeliveries == 4);
    CHECK(s.committed() == queue_offset{1});
    CHECK(s.counters->messages_sent_back == 1);
    CHECK(s.counters->send_backs_failed == 4);
}

TEST_CASE("send back: a broker that does not answer has not taken it") {
    setup s;
    s.sink->failing = {"x"};
    s.broker->silent_give_backs = true;
    s.start();
    s.store("x");
    s.world.run_for(2900ms);
    CHECK(s.sink->delivered.size() == 1);
    s.broker->silent_give_backs = false;
    s.world.run_for(1300ms); // the timeout, and the pause after a failure
    CHECK(s.sink->delivered.size() == 2);
    CHECK(s.committed() == queue_offset{1});
}

TEST_CASE("send back: without it, and when the reader ends, nothing is lost") {
    setup local{false};
    local.sink->failing = {"x"};
    local.start();
    local.store("x");
    local.world.run_for(1100ms);
    CHECK(local.sink->delivered.size() == 2);
    CHECK(local.broker->given_back.empty());

    setup s;
    s.sink->failing = {"x"};
    s.broker->silent_give_backs = true;
    s.start();
    s.store("x");
    s.stop(); // waits for the answer, which does not come
    CHECK(s.broker->offsets[{"g", {"t", queue_id{0}}}] == queue_offset{0});
}

TEST_CASE("send back: what is committed at the end counts a message that its broker has just taken") {
    setup s;
    s.sink->failing = {"x"};
    s.sink->wakes_reader = false; // so that it sees the failure only as it ends
    s.start();
    s.store("x");
    REQUIRE(s.sink->delivered.size() == 1);
    REQUIRE(s.broker->given_back.empty());
    s.stop();
    CHECK(s.broker->given_back.size() == 1);
    CHECK(s.broker->offsets[{"g", {"t", queue_id{0}}}] == queue_offset{1});
}

TEST_CASE("send back: the last commit goes out before whoever stops the reader loses patience, though the one before has no answer") {
    setup s;
    s.sink->failing = {"x"};
    s.broker->silent_give_backs = true;
    s.start();
    s.broker->silent_commits = true;
    s.store("y");
    s.store("x");
    caf::anon_send(s.sink->reader, end_reading{std::make_shared<std::promise<result<queue_positions>>>()});
    s.world.run(); // "y" is being committed
    s.broker->silent_give_backs = false;
    s.broker->serve_held(); // "x" is taken
    s.world.run();
    s.broker->silent_commits = false;
    s.world.run_for(2s);
    CHECK(s.broker->offsets[{"g", {"t", queue_id{0}}}] == queue_offset{2});
}

TEST_CASE("send back: the retry topic is read from its first message, and its messages have their own topic") {
    setup s;
    s.broker->store({"t", queue_id{0}}, "old"); // before the group began
    s.broker->store_with({"%RETRY%g", queue_id{0}}, "again", "RETRY_TOPIC\001t\002");
    s.sink->failing = {"again"};
    s.start();
    REQUIRE(s.sink->delivered.size() == 1);
    CHECK(s.sink->delivered[0].body.view() == "again");
    CHECK(s.sink->delivered[0].queue == message_queue{"t", "a", 0});
    CHECK(s.broker->given_back.size() == 1); // as often as it fails
    CHECK(s.committed("%RETRY%g") == queue_offset{1});
}
