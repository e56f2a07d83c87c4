#include "tests/client/consumer_world.hpp"

#include <doctest/doctest.h>

#include <algorithm>
#include <optional>
#include <string>
#include <vector>

// Ordered consumers whose messages fail too often: they go to their broker as dead, and nothing passes them before it has them.

using namespace troupe;
using namespace troupe::client;
using namespace std::chrono_literals;

using setup = test::consumer_world;
using texts = std::vector<std::string>;

namespace {

reader_options with_limit(std::int32_t redeliveries_max) {
    auto options = test::in_group();
    options.ordered = true;
    options.send_back = true;
    options.redelivery.redeliveries_max = redeliveries_max;
    return options;
}

/// The handler fails on `failing` each time that it gets it, until it has failed `count` times.
void fail(setup& s, test::member& m, const std::string& failing, int count) {
    for (int i = 0; i < count; ++i) {
        REQUIRE(s.world.run_until([&] { return !m.sink->waiting.empty(); }, 2min));
        m.handle_one(failing);
    }
}

} // namespace

TEST_CASE("ordered give-up: after its tries a message goes to its broker as dead, with their number, and the next one comes") {
    setup s;
    const auto m = s.join("c1", with_limit(2));
    s.store(0, 3);
    fail(s, *m, "1", 2);
    CHECK(s.broker().given_back.empty());
    CHECK(m->sink->bodies == texts{"0", "1", "2", "1", "2"});
    fail(s, *m, "1", 1);
    REQUIRE(s.broker().given_back.size() == 1);
    const auto& order = s.broker().given_back.front();
    CHECK(order.group == "g");
    CHECK(order.position == log_position{1000}); // of the second record
    CHECK(order.delay_level == -1);
    CHECK(order.tries == 2); // before the one that failed last
    CHECK(order.origin_topic == "t");
    s.world.run();
    CHECK(m->sink->bodies == texts{"0", "1", "2", "1", "2", "1", "2", "2"});
    m->handle_all();
    s.world.run_for(6s);
    CHECK(s.committed() == queue_offset{3});
    CHECK(m->counters->messages_sent_back == 1);
    CHECK(m->counters->send_backs_failed == 0);
}

TEST_CASE("ordered give-up: with no redelivery at all the first failure is the last") {
    setup s;
    const auto m = s.join("c1", with_limit(0));
    s.store(0, 2);
    fail(s, *m, "0", 1);
    REQUIRE(s.broker().given_back.size() == 1);
    CHECK(s.broker().given_back.front().tries == 0);
    CHECK(m->sink->bodies == texts{"0", "1", "1"});
}

TEST_CASE("ordered give-up: without a limit a message is tried for ever, and keeps its queue") {
    setup s;
    auto options = test::in_group();
    options.ordered = true;
    const auto m = s.join("c1", options);
    s.store(0, 1);
    fail(s, *m, "0", 40);
    s.store(1, 1);
    s.world.run_for(70s);
    CHECK(s.broker().given_back.empty());
    CHECK(std::count(m->sink->bodies.begin(), m->sink->bodies.end(), "0") == 41);
    CHECK(s.committed() == queue_offset{0});
}

TEST_CASE("ordered give-up: the queue is held until the broker has answered") {
    setup s;
    const auto m = s.join("c1", with_limit(0));
    s.broker().silent_give_backs = true;
    s.store(0, 2);
    fail(s, *m, "0", 1);
    const auto before = m->sink->bodies;
    s.store(2, 1);
    s.world.run_for(2900ms);
    CHECK(m->sink->bodies == before);
    s.broker().silent_give_backs = false;
    s.broker().serve_held();
    s.world.run();
    REQUIRE(m->sink->waiting.size() == 1);
    CHECK(m->sink->waiting.front().messages.front().message.body.view() == "1");
    m->handle_all();
    s.world.run_for(6s);
    CHECK(s.committed() == queue_offset{3});
}

TEST_CASE("ordered give-up: while the broker does not take it, the handler gets it again after a pause, and nothing passes it") {
    setup s;
    const auto m = s.join("c1", with_limit(0));
    s.broker().fail_give_backs = {errc::busy, errc::disk_full};
    s.broker().silent_give_backs = true;
    s.store(0, 2);
    fail(s, *m, "0", 1);
    CHECK(m->sink->waiting.empty());
    s.world.run_for(900ms);
    CHECK(m->sink->waiting.empty());
    fail(s, *m, "0", 1); // refused again
    fail(s, *m, "0", 1); // not answered
    s.world.run_for(2900ms);
    CHECK(m->sink->waiting.empty());
    CHECK(m->counters->send_backs_failed == 2);
    s.broker().silent_give_backs = false;
    fail(s, *m, "0", 1);
    CHECK(m->counters->send_backs_failed == 3);
    CHECK(m->counters->messages_sent_back == 1);
    std::vector<std::optional<std::int32_t>> tries;
    for (const auto& order : s.broker().given_back)
        tries.push_back(order.tries);
    CHECK(tries == std::vector<std::optional<std::int32_t>>{0, 1, 2, 3});
    CHECK(m->sink->bodies == texts{"0", "1", "0", "1", "0", "1", "0", "1", "1"});
}

TEST_CASE("ordered give-up: one that succeeds after all while its broker does not take it is done, and no dead letter") {
    setup s;
    const auto m = s.join("c1", with_limit(0));
    s.broker().fail_give_backs = {errc::busy};
    s.store(0, 1);
    fail(s, *m, "0", 1);
    REQUIRE(s.world.run_until([&] { return !m->sink->waiting.empty(); }));
    m->handle_all();
    s.world.run_for(6s);
    CHECK(s.committed() == queue_offset{1});
    CHECK(m->counters->messages_sent_back == 0);
    CHECK(s.broker().given_back.size() == 1);
}

TEST_CASE("ordered give-up: a broker that dies in the middle of it finds the queue where it was, and order holds") {
    setup s;
    const auto m = s.join("c1", with_limit(1));
    s.broker().silent_give_backs = true;
    s.store(0, 3);
    fail(s, *m, "1", 2);
    REQUIRE(s.broker().given_back.size() == 1);
    s.broker().crash();
    s.world.run_for(10s); // no answer comes
    s.broker().down = false;
    s.broker().silent_give_backs = false;
    for (int i = 0; i < 100 && m->counters->messages_sent_back == 0; ++i) {
        s.world.run_for(1s);
        while (!m->sink->waiting.empty())
            m->handle_one("1");
    }
    CHECK(m->counters->messages_sent_back == 1);
    s.world.run_for(10s);
    m->handle_all();
    s.world.run_for(10s);
    CHECK(s.committed() == queue_offset{3});
    CHECK(m->sink->bodies.back() == "2");
    CHECK(std::count(m->sink->bodies.begin(), m->sink->bodies.end(), "0") == 1);
}

TEST_CASE("ordered give-up: what was taken is committed at once") {
    setup s;
    auto options = with_limit(0);
    options.commit_interval = 1h;
    const auto m = s.join("c1", options);
    s.store(0, 1);
    fail(s, *m, "0", 1);
    s.world.run();
    CHECK(s.committed() == queue_offset{1});
}

// Goal: of two commits of a queue at once, RocketMQ's brokers, which have many threads for them, may take the older one last.
TEST_CASE("ordered give-up: a commit waits for the answer to the one before") {
    setup s;
    auto options = with_limit(0);
    options.commit_interval = 1h;
    const auto m = s.join("c1", options);
    s.broker().silent_commits = true;
    s.store(0, 3);
    fail(s, *m, "0", 1);
    fail(s, *m, "1", 1);
    s.broker().silent_commits = false;
    s.broker().serve_held();
    s.world.run();
    CHECK(s.committed() == queue_offset{2});
    m->handle_all();
    m->stop();
    CHECK(s.committed() == queue_offset{3});
}

// Goal: what the broker has taken as dead while its queue's lock was lost is no second dead letter when the queue is read anew.
TEST_CASE("ordered give-up: a lock that is lost while the broker takes a dead message makes no second one of it") {
    setup s;
    auto options = with_limit(0);
    options.commit_interval = 1h;
    const auto m = s.join("c1", options);
    s.world.run_for(18s); // the lock is renewed after 20
    s.broker().silent_give_backs = true;
    s.store(0, 3);
    fail(s, *m, "1", 1);
    REQUIRE(s.broker().given_back.size() == 1);
    const protocol::queue_lock_request other{"g", "other", false, {test::queue_a0}};
    s.broker().locks = actors::queue_lock_table{{}};
    REQUIRE(s.broker().locks.lock(other, 7, s.world.now()).ok());
    REQUIRE(s.world.run_until([&] { return m->counters->locks_lost == 1; }, 3s));
    const auto read_anew = [&] {
        s.broker().locks.unlock(other);
        REQUIRE(s.world.run_until([&] { return !m->sink->waiting.empty(); }, 10s));
        return texts(m->sink->bodies.begin() + 3, m->sink->bodies.end());
    };
    SUBCASE("it is taken: it does not come again") {
        s.broker().silent_give_backs = false;
        s.broker().serve_held();
        s.world.run();
        CHECK(m->counters->messages_sent_back == 1);
        CHECK(read_anew() == texts{"0", "2"}); // what was done before is not committed
        m->handle_all();
        m->stop();
        CHECK(s.committed() == queue_offset{3});
        CHECK(s.broker().given_back.size() == 1);
    }
    SUBCASE("it is taken, and an operator sends the group to it: it comes again") {
        s.broker().silent_give_backs = false;
        s.broker().serve_held();
        s.world.run();
        s.broker().sent_to[{"t", queue_id{0}}] = queue_offset{1};
        CHECK(read_anew() == texts{"1", "2"});
    }
    SUBCASE("it is taken, and lost with the broker's unsynced end: what comes in its place is another message") {
        s.broker().silent_give_backs = false;
        s.broker().serve_held();
        s.world.run();
        const topic_queue queue{"t", queue_id{0}};
        s.broker().logs[queue].resize(1);
        s.broker().store_with(queue, "another", "UNIQ_KEY\1AnotherOne\2");
        s.broker().store(queue, "2");
        CHECK(read_anew() == texts{"0", "another", "2"});
    }
    SUBCASE("it is not: it comes again") {
        s.world.run_for(5s); // no answer comes
        CHECK(m->counters->send_backs_failed == 1);
        CHECK(read_anew() == texts{"0", "1", "2"});
    }
}

TEST_CASE("ordered give-up: a dead message comes again when an operator sets the group back while its member has no lock") {
    setup s;
    const auto m = s.join("c1", with_limit(0));
    s.store(0, 1);
    m->handle_all();
    s.world.run_for(18s); // the lock is renewed after 20
    REQUIRE(s.committed() == queue_offset{1});
    s.broker().silent_give_backs = true;
    s.store(1, 2);
    fail(s, *m, "1", 1);
    const protocol::queue_lock_request other{"g", "other", false, {test::queue_a0}};
    s.broker().locks = actors::queue_lock_table{{}};
    REQUIRE(s.broker().locks.lock(other, 7, s.world.now()).ok());
    REQUIRE(s.world.run_until([&] { return m->counters->locks_lost == 1; }, 3s));
    s.broker().silent_give_backs = false;
    s.broker().serve_held();
    s.world.run();
    REQUIRE(m->counters->messages_sent_back == 1);
    s.broker().offsets[{"g", {"t", queue_id{0}}}] = queue_offset{0};
    const auto before = static_cast<std::ptrdiff_t>(m->sink->bodies.size());
    s.broker().locks.unlock(other);
    REQUIRE(s.world.run_until([&] { return !m->sink->waiting.empty(); }, 10s));
    CHECK(texts(m->sink->bodies.begin() + before, m->sink->bodies.end()) == texts{"0", "1", "2"});
}

TEST_CASE("ordered give-up: a queue moves only when the broker has answered, and its next owner goes on behind the dead message") {
    setup s{2};
    const auto first = s.join("c1", with_limit(0));
    s.broker().silent_give_backs = true;
    s.store(0, 1, 1);
    fail(s, *first, "0", 1);
    s.store(1, 1, 1);
    const auto second = s.join("c2", with_limit(0));
    s.world.run_for(2s);
    CHECK_FALSE(first->positions().contains({"t", "a", 1}));
    CHECK(second->sink->bodies.empty());
    s.broker().silent_give_backs = false;
    s.broker().serve_held();
    s.world.run();
    CHECK(s.committed(1) == queue_offset{1});
    s.world.run_for(1s);
    CHECK(second->sink->bodies == texts{"1"});
    CHECK(first->sink->bodies == texts{"0"});
}

TEST_CASE("ordered give-up: a queue whose broker does not answer moves when the time for that is over, with the message") {
    setup s{2};
    const auto first = s.join("c1", with_limit(0));
    s.broker().silent_give_backs = true;
    s.store(0, 1, 1);
    fail(s, *first, "0", 1);
    const auto second = s.join("c2", with_limit(0));
    s.world.run_for(2s);
    CHECK(second->sink->bodies.empty());
    s.world.run_for(3s);
    CHECK(second->sink->bodies == texts{"0"});
}

TEST_CASE("ordered give-up: a new subscription waits for the answer, too") {
    setup s;
    const auto m = s.join("c1", with_limit(0));
    s.broker().silent_give_backs = true;
    s.store(0, 2);
    fail(s, *m, "0", 1);
    const auto before = m->sink->bodies.size();
    caf::anon_send(m->reader, change_subscription{"t", message_selector{"TagA"}});
    caf::anon_send(m->reader, change_subscription{"t", message_selector{}});
    s.world.run_for(2s);
    CHECK(m->sink->bodies.size() == before);
    s.broker().silent_give_backs = false;
    s.broker().serve_held();
    s.world.run_for(1s);
    CHECK(m->sink->bodies.size() > before);
}

TEST_CASE("ordered give-up: who stops meanwhile waits for the answer, commits what was taken, and unlocks") {
    setup s;
    bool taken = false;
    SUBCASE("taken") {
        taken = true;
    }
    SUBCASE("not taken") {}
    auto first = s.join("c1", with_limit(0));
    s.broker().silent_give_backs = true;
    s.store(0, 2);
    fail(s, *first, "0", 1);
    s.broker().silent_give_backs = !taken;
    if (taken)
        s.broker().serve_held();
    first->stop();
    first.reset();
    CHECK(s.committed() == queue_offset{taken ? 1 : 0});
    s.broker().silent_give_backs = false;
    const auto second = s.join("c2", with_limit(0));
    s.world.run_for(1s);
    CHECK(second->sink->bodies == (taken ? texts{"1"} : texts{"0", "1"}));
}
