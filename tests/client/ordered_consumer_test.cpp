#include "tests/client/consumer_world.hpp"

#include <doctest/doctest.h>

#include <stdexcept>

// Order across the members of a group: queues are locked at their brokers. Order within a member: consumer_test.cpp.

using namespace troupe;
using namespace troupe::client;
using namespace std::chrono_literals;

using setup = test::consumer_world;
using test::member;

namespace {

reader_options ordered() {
    auto options = test::in_group();
    options.ordered = true;
    return options;
}

bool has(const member& m, const std::string& body) {
    return std::find(m.sink->bodies.begin(), m.sink->bodies.end(), body) != m.sink->bodies.end();
}

const message_queue queue_a1{"t", "a", 1};

} // namespace

TEST_CASE("ordered consumer: a queue moves when its handler is through, is committed first, and nothing comes twice") {
    setup s{2};
    const auto first = s.join("c1", ordered());
    s.store(0, 1, 1);
    REQUIRE(first->sink->waiting.size() == 1); // the handler is busy with 0
    s.store(1, 1, 1);
    const auto second = s.join("c2", ordered());
    s.world.run_for(40s); // longer than a lock is believed: it is renewed while the handler is busy
    CHECK(second->sink->bodies.empty());
    CHECK_FALSE(first->positions().contains(queue_a1));
    first->handle_one();
    CHECK(s.committed(1) == queue_offset{1});
    s.world.run_for(1s);
    CHECK(second->sink->bodies == std::vector<std::string>{"1"});
    CHECK(first->sink->bodies == std::vector<std::string>{"0"});
}

TEST_CASE("ordered consumer: what a handler leaves undone of a queue that moves comes to the next owner") {
    setup s{2};
    const auto first = s.join("c1", ordered());
    s.store(0, 3, 1);
    const auto second = s.join("c2", ordered());
    s.world.run_for(1s);
    first->pass_over_revoked();
    s.world.run_for(1s);
    CHECK(second->sink->bodies == std::vector<std::string>{"0", "1", "2"});
}

TEST_CASE("ordered consumer: a queue that comes back before its handler is through goes on where that ends") {
    setup s{2};
    const auto first = s.join("c1", ordered());
    s.store(0, 1, 1);
    s.store(1, 1, 1);
    {
        const auto second = s.join("c2", ordered());
        s.world.run_for(1s);
        second->stop();
    }
    s.world.run_for(1s);
    CHECK(first->sink->bodies == std::vector<std::string>{"0"});
    first->handle_one();
    s.world.run_for(1s);
    CHECK(first->sink->bodies == std::vector<std::string>{"0", "1"});
}

TEST_CASE("ordered consumer: what is done of a queue that is given up and comes back while its handler is busy is committed once") {
    setup s{2};
    const auto first = s.join("c1", ordered());
    s.world.run_for(1s);
    s.store(0, 1, 1);
    first->handle_one();
    s.store(1, 1, 1); // the handler is busy with this one
    {
        const auto second = s.join("c2", ordered());
        s.world.run_for(1s);
        second->stop();
    }
    const auto before = s.broker().commits.size();
    SUBCASE("at the first try") {
        s.world.run_for(20s);
        CHECK(s.broker().commits.size() == before + 1);
    }
    SUBCASE("at the second") {
        s.broker().fail_commits.assign(1, errc::timed_out);
        s.world.run_for(7s);
        CHECK(s.broker().fail_commits.empty());
        CHECK(s.broker().commits.size() == before);
        s.world.run_for(5s);
        CHECK(s.broker().commits.size() == before + 1);
    }
    CHECK(s.committed(1) == queue_offset{1});
    first->handle_one();
    CHECK(s.committed(1) == queue_offset{2});
}

TEST_CASE("ordered consumer: one that stops gives its locks back at once") {
    setup s;
    auto first = s.join("c1", ordered());
    s.store(0, 1);
    first->handle_all();
    first->stop();
    first.reset();
    const auto second = s.join("c2", ordered());
    s.store(1, 1);
    s.world.run_for(1s);
    CHECK(second->sink->bodies == std::vector<std::string>{"1"});
}

TEST_CASE("ordered consumer: a member that dies keeps its queue from the others for as long as it might still believe") {
    setup s;
    const auto first = s.join("c1", ordered());
    s.store(0, 1);
    s.broker().deaf_to.insert("c1");
    s.broker().groups["g"].erase("c1");
    const auto second = s.join("c2", ordered());
    s.world.run_for(29s);
    CHECK(second->sink->bodies.empty());
    s.world.run_for(33s);
    CHECK(second->sink->bodies == std::vector<std::string>{"0"});
    s.store(1, 1);
    CHECK_FALSE(has(*first, "1")); // it knows that its lock is over, though it never heard so
    CHECK(first->counters->locks_lost == 1);
}

TEST_CASE("ordered consumer: a broker's restart loses its locks, and members get them back before others can") {
    setup s{2};
    const auto first = s.join("c1", ordered());
    const auto second = s.join("c2", ordered());
    s.world.run_for(1s);
    s.broker().crash();
    s.world.run_for(5s);
    s.broker().down = false;
    s.world.run_for(10s);
    s.store(0, 1, 0);
    s.store(1, 1, 1);
    s.world.run_for(1s);
    CHECK(first->sink->bodies == std::vector<std::string>{"0"});
    CHECK(second->sink->bodies == std::vector<std::string>{"1"});
    CHECK(first->counters->locks_lost == 0);
}

TEST_CASE("ordered consumer: while its lock cannot be renewed it commits and delivers nothing, and then goes on from what is committed") {
    setup s;
    const auto m = s.join("c1", ordered());
    s.store(0, 1);
    m->handle_all();
    s.world.run_for(6s);
    REQUIRE(s.committed() == queue_offset{1});
    s.broker().down = true;
    s.world.run_for(31s);
    CHECK(m->counters->locks_lost == 1);
    s.store(1, 1);
    s.broker().down = false;
    s.world.run_for(10s);
    CHECK(m->sink->bodies == std::vector<std::string>{"0", "1"});
    m->handle_all();
    m->stop();
    CHECK(s.committed() == queue_offset{2});
}

TEST_CASE("ordered consumer: a new subscription waits for the handler that is busy under the old one") {
    setup s;
    const auto m = s.join("c1", ordered());
    s.store(0, 2);
    REQUIRE(m->sink->waiting.size() == 1);
    caf::anon_send(m->reader, change_subscription{"t", message_selector{"TagA"}});
    s.world.run_for(1s);
    caf::anon_send(m->reader, change_subscription{"t", message_selector{}});
    s.world.run_for(1s);
    CHECK(m->sink->bodies.size() <= 2);
    CHECK(m->sink->waiting.size() == 1);
    m->pass_over_revoked();
    s.world.run_for(1s);
    CHECK(m->sink->bodies.back() == "1");
    CHECK(m->sink->waiting.size() == 1);
}

TEST_CASE("ordered consumer: a queue that has left the route is no reason to lose the other locks of its broker") {
    setup s{1, {"a", "b"}};
    s.cluster.add_topic("early", 1);
    const auto m = s.join("c1", ordered());
    caf::anon_send(m->reader, change_subscription{"early", "*"});
    s.world.run_for(2s);
    s.broker().store({"early", queue_id{0}}, "busy");
    s.world.run();
    REQUIRE(has(*m, "busy")); // and the handler is at it
    s.cluster.known->hidden.insert({"early", "a"});
    s.world.run_for(2min);
    CHECK_FALSE(m->positions().contains({"early", "a", 0}));
    CHECK(m->counters->locks_lost == 0);
    s.store(0, 1);
    CHECK(has(*m, "0"));
    while (!m->sink->waiting.empty())
        m->handle_one();
    s.world.run_for(1s);
    s.cluster.known->hidden.clear();
    s.broker().store({"early", queue_id{0}}, "again");
    s.world.run_for(1min);
    CHECK(has(*m, "again"));
}

TEST_CASE("ordered consumer: broadcasting needs no locks") {
    setup s;
    auto options = ordered();
    options.model = message_model::broadcasting;
    const auto first = s.join("c1", options);
    const auto second = s.join("c2", options);
    s.store(0, 1);
    s.world.run_for(1s);
    CHECK(has(*first, "0"));
    CHECK(has(*second, "0"));
}

TEST_CASE("push consumer: shares by the strategy that it is given, and keeps what it has when that fails") {
    setup s{4};
    bool broken = false;
    bool broken_oddly = false;
    auto options = test::in_group();
    options.allocation = allocation_strategy::custom("ODD", [&broken, &broken_oddly](const auto& queues, const auto&, const auto&) {
        if (broken)
            throw std::runtime_error{"the test wants it"};
        if (broken_oddly)
            throw 1;
        std::vector<message_queue> odd;
        for (const auto& queue : queues)
            if (queue.queue % 2 == 1)
                odd.push_back(queue);
        return odd;
    });
    const auto m = s.join("c1", options);
    s.world.run_for(1s);
    CHECK(m->positions().size() == 2);
    CHECK(m->positions().contains(queue_a1));
    broken = true;
    s.world.run_for(1min);
    CHECK(m->counters->allocations_failed >= 2);
    CHECK(m->positions().size() == 2);
    broken = false;
    broken_oddly = true;
    s.world.run_for(1min);
    CHECK(m->counters->allocations_failed >= 4);
    s.store(0, 1, 1);
    CHECK(m->sink->bodies == std::vector<std::string>{"0"});
}
