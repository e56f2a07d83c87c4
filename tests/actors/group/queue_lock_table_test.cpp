#include "actors/group/queue_lock_table.hpp"

#include <doctest/doctest.h>

#include <algorithm>

using namespace troupe;
using namespace troupe::actors;
using namespace std::chrono_literals;
using protocol::message_queue;

namespace {

protocol::queue_lock_request request(const std::string& client, std::initializer_list<std::int32_t> queues,
                                     const std::string& group = "g") {
    protocol::queue_lock_request wanted{group, client, false, {}};
    for (const auto queue : queues)
        wanted.queues.push_back({"orders", "broker-a", queue});
    return wanted;
}

std::vector<std::int32_t> numbers(const result<std::vector<message_queue>>& held) {
    REQUIRE(held.ok());
    std::vector<std::int32_t> all;
    for (const auto& queue : *held)
        all.push_back(queue.queue);
    return all;
}

using queues = std::vector<std::int32_t>;

const clock_time start{std::chrono::hours{1}};

} // namespace

TEST_CASE("queue_lock_table: a queue belongs to the first who asks, and the answer says what the client holds") {
    queue_lock_table table{{}};
    CHECK(numbers(table.lock(request("a", {0, 1}), 1, start)) == queues{0, 1});
    CHECK(numbers(table.lock(request("b", {0, 1, 2}), 2, start)) == queues{2});
    CHECK(numbers(table.lock(request("a", {2, 1, 1, 0}), 1, start)) == queues{0, 1});
    CHECK(table.size() == 3);
}

TEST_CASE("queue_lock_table: groups do not see each other's locks, nor do queues of the same number elsewhere") {
    queue_lock_table table{{}};
    CHECK(numbers(table.lock(request("a", {0}), 1, start)) == queues{0});
    CHECK(numbers(table.lock(request("b", {0}, "other"), 2, start)) == queues{0});
    auto elsewhere = request("b", {0});
    elsewhere.queues.front().topic = "returns";
    CHECK(numbers(table.lock(elsewhere, 2, start)) == queues{0});
    elsewhere.queues.front() = {"orders", "broker-b", 0};
    CHECK(numbers(table.lock(elsewhere, 2, start)) == queues{0});
}

TEST_CASE("queue_lock_table: a lock lasts its lifetime from the last renewal, and not a moment longer") {
    queue_lock_table table{{}};
    CHECK(numbers(table.lock(request("a", {0}), 1, start)) == queues{0});
    CHECK(numbers(table.lock(request("a", {0}), 1, start + 20s)) == queues{0});
    CHECK(numbers(table.lock(request("b", {0}), 2, start + 80s - 1ms)).empty());
    CHECK(numbers(table.lock(request("b", {0}), 2, start + 80s)) == queues{0});
    CHECK(numbers(table.lock(request("a", {0}), 1, start + 80s)).empty());
    CHECK(table.size() == 1);
}

TEST_CASE("queue_lock_table: a group reads in order while anybody holds a lock of it") {
    queue_lock_table table{{}};
    const auto asked = request("a", {0, 1});
    CHECK_FALSE(table.reads_in_order(asked.group, start));
    REQUIRE(table.lock(asked, 1, start).ok());
    REQUIRE(table.lock(request("b", {2}), 2, start + 20s).ok());
    CHECK(table.reads_in_order(asked.group, start + 80s - 1ms));
    CHECK_FALSE(table.reads_in_order("another", start));
    table.unlock(request("b", {2}));
    CHECK(table.reads_in_order(asked.group, start + 60s - 1ms));
    CHECK_FALSE(table.reads_in_order(asked.group, start + 60s));
}

TEST_CASE("queue_lock_table: only the holder can unlock") {
    queue_lock_table table{{}};
    CHECK(numbers(table.lock(request("a", {0, 1}), 1, start)) == queues{0, 1});
    table.unlock(request("b", {0, 1}));
    table.unlock(request("a", {0, 7}, "other"));
    CHECK(table.size() == 2);
    table.unlock(request("a", {0, 7}));
    CHECK(table.size() == 1);
    CHECK(numbers(table.lock(request("b", {0, 1}), 2, start)) == queues{0});
}

// Goal: nobody gets a queue while a client that lost its connection still believes that it has it.
TEST_CASE("queue_lock_table: when its connection has ended, a lock lasts as long as its holder may believe in it") {
    queue_lock_table table{{}};
    CHECK(numbers(table.lock(request("a", {0}), 1, start)) == queues{0});
    CHECK(numbers(table.lock(request("a", {1}), 1, start + 10s)) == queues{1});
    table.session_lost(1);
    CHECK(numbers(table.lock(request("b", {0, 1}), 2, start + 31s - 1ms)).empty());
    CHECK(numbers(table.lock(request("b", {0, 1}), 2, start + 31s)) == queues{0});
    CHECK(numbers(table.lock(request("b", {0, 1}), 2, start + 41s)) == queues{0, 1});
}

TEST_CASE("queue_lock_table: a holder that comes back on another connection keeps its lock when the first one ends") {
    queue_lock_table table{{}};
    CHECK(numbers(table.lock(request("a", {0}), 1, start)) == queues{0});
    CHECK(numbers(table.lock(request("a", {0}), 3, start + 1s)) == queues{0});
    table.session_lost(1);
    CHECK(numbers(table.lock(request("b", {0}), 2, start + 50s)).empty());
    table.session_lost(4);
    CHECK(numbers(table.lock(request("b", {0}), 2, start + 61s)) == queues{0});
}

TEST_CASE("queue_lock_table: over its bound the answer is busy and nothing changes, renewals and places of ended locks aside") {
    queue_lock_options options;
    options.locks_max = 3;
    queue_lock_table table{options};
    CHECK(numbers(table.lock(request("a", {0, 1}), 1, start)) == queues{0, 1});
    CHECK(table.lock(request("b", {2, 3}), 2, start).code() == errc::busy);
    CHECK(table.size() == 2);
    CHECK(numbers(table.lock(request("a", {0, 1}), 1, start + 30s)) == queues{0, 1});
    CHECK(numbers(table.lock(request("b", {2}), 2, start + 30s)) == queues{2});
    CHECK(numbers(table.lock(request("c", {0, 1}), 3, start + 31s)).empty()); // nothing new
    CHECK(numbers(table.lock(request("b", {4, 5, 6}), 2, start + 90s)) == queues{4, 5, 6});
    CHECK(table.size() == 3);
}

TEST_CASE("queue_lock_table: of a connection nothing is kept but for its locks, whatever groups it has come by") {
    queue_lock_options options;
    options.locks_max = 2;
    queue_lock_table table{options};
    for (int i = 0; i < 3; ++i) {
        const auto group = "g" + std::to_string(i);
        CHECK(numbers(table.lock(request("a", {0, 1}, group), 1, start)) == queues{0, 1});
        CHECK(table.sessions() == 1);
        table.unlock(request("a", {0}, group));
        CHECK(table.sessions() == 1);
        table.unlock(request("a", {1}, group));
        CHECK(table.sessions() == 0);
    }
    CHECK(numbers(table.lock(request("a", {0}), 1, start)) == queues{0});
    CHECK(numbers(table.lock(request("a", {0}), 2, start + 1s)) == queues{0}); // on another connection now
    CHECK(table.sessions() == 1);
    table.session_lost(1);
    CHECK(numbers(table.lock(request("b", {0}), 3, start + 40s)).empty());
    CHECK(numbers(table.lock(request("b", {0}), 3, start + 61s)) == queues{0});
    CHECK(table.sessions() == 1);
    table.expire(start + 121s);
    CHECK(table.size() == 0);
    CHECK(table.sessions() == 0);
}

TEST_CASE("queue_lock_table: names that could be anything are refused") {
    queue_lock_table table{{}};
    CHECK(table.lock(request("", {0}), 1, start).code() == errc::argument_illegal);
    CHECK(table.lock(request(std::string(256, 'c'), {0}), 1, start).code() == errc::argument_illegal);
    CHECK(table.lock(request("a", {0}, ""), 1, start).code() == errc::group_illegal);
    auto long_topic = request("a", {0});
    long_topic.queues.front().topic.assign(256, 't');
    CHECK(table.lock(long_topic, 1, start).code() == errc::argument_illegal);
    CHECK(numbers(table.lock(request("a", {}), 1, start)).empty());
    CHECK(table.size() == 0);
}
