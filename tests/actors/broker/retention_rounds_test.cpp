#include "actors/broker/retention_rounds.hpp"

#include "tests/actors/broker/asked_questions.hpp"

#include <doctest/doctest.h>

#include <chrono>
#include <memory>
#include <string>
#include <vector>

using namespace troupe;
using namespace troupe::actors;
using namespace std::chrono_literals;

namespace {

constexpr clock_time start{};
constexpr auto interval = 10s;

topic_config topic(std::string name, std::string bytes = {}) {
    topic_config config;
    config.name = std::move(name);
    config.read_queues = 2;
    config.write_queues = 3;
    if (!bytes.empty())
        config.attributes["retention.bytes"] = std::move(bytes);
    return config;
}

/// The rounds of a broker with topics a, b and c, where only a and b have a rule.
struct rounds_of_three {
    asked_questions<trim_topic, topic_trimmed> reader;
    timestamp_ms wall{1'000};
    retention_rounds rounds{interval, [this] { return wall; },
                            std::make_shared<topic_directory>(std::make_shared<topic_snapshot>(
                                permission::read_write, 1, std::vector{topic("a"), topic("b"), topic("c")})),
                            reader.way()};
    rounds_of_three() {
        rounds.note(topic("a", "100"), start);
        rounds.note(topic("b", "200"), start);
        rounds.note(topic("c"), start);
    }
};

} // namespace

TEST_CASE("retention_rounds: topics that have a rule are trimmed one after the other, once in an interval") {
    rounds_of_three at;
    CHECK(at.reader.open() == 0);
    at.rounds.tick(start);
    REQUIRE(at.reader.open() == 1);
    CHECK(at.reader.next().topic == "a");
    CHECK(at.reader.next().queues == 3); // those to write, too
    CHECK(at.reader.next().rule.bytes_max == 100);
    CHECK(at.reader.next().now == timestamp_ms{1'000});
    at.rounds.tick(start + interval); // the round goes on
    CHECK(at.reader.open() == 1);
    at.reader.answer({});
    CHECK(at.reader.next().topic == "b");
    at.reader.answer({});
    CHECK(at.reader.open() == 0);
    at.rounds.tick(start + interval - 1ns);
    CHECK(at.reader.open() == 0);
    at.rounds.tick(start + interval);
    CHECK(at.reader.next().topic == "a");
}

TEST_CASE("retention_rounds: a topic that is not done goes on, by the clock of then") {
    rounds_of_three at;
    at.rounds.tick(start);
    at.wall = timestamp_ms{2'000};
    at.reader.answer({true});
    CHECK(at.reader.next().topic == "a");
    CHECK(at.reader.next().now == timestamp_ms{2'000});
    at.rounds.note(topic("a", "50"), start); // what goes on would go by the old rule
    at.reader.answer({true});
    CHECK(at.reader.next().topic == "b");
}

TEST_CASE("retention_rounds: what fails is left for the next round, and the next tick goes on behind it") {
    rounds_of_three at;
    at.rounds.tick(start);
    at.reader.fail(errc::timed_out);
    CHECK(at.reader.open() == 0);
    at.rounds.tick(start + 1s);
    CHECK(at.reader.next().topic == "b");
    at.reader.answer({});
    CHECK(at.reader.open() == 0);
    at.rounds.tick(start + interval);
    CHECK(at.reader.next().topic == "a");
}

TEST_CASE("retention_rounds: a new rule hastens the next round") {
    rounds_of_three at;
    at.rounds.tick(start);
    at.reader.answer({});
    at.reader.answer({});
    at.rounds.note(topic("c", "300"), start + 1s);
    at.rounds.tick(start + 1s);
    CHECK(at.reader.next().topic == "a");
}

TEST_CASE("retention_rounds: a topic that loses its rule gets back what the log has, once and beside the round") {
    rounds_of_three at;
    at.rounds.note(topic("a"), start);
    at.rounds.note(topic("a"), start);
    REQUIRE(at.reader.open() == 1);
    CHECK(at.reader.next().topic == "a");
    CHECK(at.reader.next().queues == 0);
    CHECK(at.reader.next().rule == storage::topic_rule{});
    at.rounds.tick(start);
    REQUIRE(at.reader.open() == 2);
    at.reader.fail(errc::timed_out); // stops no round
    CHECK(at.reader.next().topic == "b");
    at.rounds.tick(start + interval);
    CHECK(at.reader.open() == 1);
}

TEST_CASE("retention_rounds: a topic that is gone meanwhile is trimmed as one without queues") {
    rounds_of_three at;
    at.rounds.note(topic("z", "100"), start);
    at.rounds.tick(start);
    at.reader.answer({});
    at.reader.answer({});
    CHECK(at.reader.next().topic == "z");
    CHECK(at.reader.next().queues == 0);
}

TEST_CASE("retention_rounds: nothing is begun when the owner ends") {
    rounds_of_three at;
    at.rounds.tick(start);
    at.rounds.stop();
    at.reader.answer({true});
    at.rounds.tick(start + interval);
    CHECK(at.reader.open() == 0);
}
