#include "actors/broker/lag_rounds.hpp"

#include "tests/actors/broker/asked_questions.hpp"

#include <doctest/doctest.h>

#include <chrono>
#include <memory>
#include <string>
#include <utility>
#include <vector>

using namespace troupe;
using namespace troupe::actors;
using namespace std::chrono_literals;

namespace {

constexpr clock_time start{};
constexpr auto slow_after = 60s;

topic_config topic(std::string name, std::int32_t read_queues) {
    topic_config config;
    config.name = std::move(name);
    config.read_queues = config.write_queues = read_queues;
    return config;
}

std::pair<topic_queue, queue_offset> committed(std::string topic, std::int32_t queue, std::int64_t offset) {
    return {{std::move(topic), queue_id{queue}}, queue_offset{offset}};
}

/// The lags of a broker with topics t, of two queues, and u, of one.
struct measured_groups {
    lag_rounds::group_map groups;
    consumer_groups members{120s};
    timestamp_ms wall{1'000'000};
    asked_questions<list_offsets, offsets_listed> keeper;
    asked_questions<measure_lag, lag_measured> reader;
    lag_rounds lags{slow_after,
                    [this] { return wall; },
                    groups,
                    members,
                    std::make_shared<topic_directory>(
                        std::make_shared<topic_snapshot>(permission::read_write, 1, std::vector{topic("t", 2), topic("u", 1)})),
                    {keeper.way(), reader.way()}};

    explicit measured_groups(const std::vector<std::string>& names) {
        for (const auto& name : names)
            groups[name].name = name;
    }
    void join(const std::string& group, const std::string& subscribed) {
        protocol::consumer_data consumer;
        consumer.group = group;
        consumer.subscriptions.push_back({subscribed, "*", "TAG", 1});
        members.heartbeat({"client", {}, {consumer}}, 1, start);
    }
    /// The group that is asked about now has read `t` up to 5, and is so far behind.
    void answer(group_lag lag) {
        keeper.answer({{committed("t", 0, 5)}});
        reader.answer({lag});
    }
    [[nodiscard]] protocol::group_lag_entry listed(const std::string& group) const {
        const auto all = lags.list({group});
        REQUIRE(all.groups.size() == 1);
        return all.groups.front();
    }
};

} // namespace

TEST_CASE("lag_rounds: groups are measured one after the other, once in ten seconds, and are listed with what is known") {
    measured_groups at{{"g", "h"}};
    at.join("g", "t");
    at.lags.tick(start);
    CHECK(at.keeper.next().group == "g");
    at.lags.tick(start + 1s); // it goes on
    CHECK(at.keeper.open() == 1);
    at.answer({7, timestamp_ms{900'000}});
    CHECK(at.keeper.next().group == "h");
    CHECK(at.listed("g").messages == 7);
    CHECK(at.listed("g").members == 1);
    CHECK(at.listed("g").measured == timestamp_ms{1'000'000});
    CHECK(at.listed("g").is_slow);
    CHECK(at.listed("h").messages == 0); // not measured yet
    at.answer({});
    CHECK(at.lags.list({}).groups.size() == 2);
    at.lags.tick(start + 10s - 1ns);
    CHECK(at.keeper.open() == 0);
    at.lags.tick(start + 10s);
    CHECK(at.keeper.next().group == "g");
}

TEST_CASE("lag_rounds: offsets on what nobody of the group reads are no lag") {
    measured_groups at{{"g"}};
    const offsets_listed all{{committed("gone", 0, 1), committed("t", 0, 1), committed("t", 2, 1), committed("u", 0, 1)}};
    at.lags.tick(start);
    at.keeper.answer(all);
    // Nobody is there to say what the group reads. Queue 2 cannot be read any more.
    CHECK(at.reader.next().committed == std::vector{committed("t", 0, 1), committed("u", 0, 1)});
    at.reader.answer({{9, timestamp_ms{999'000}}});
    at.join("g", "u");
    at.lags.tick(start + 10s);
    at.keeper.answer(all);
    CHECK(at.reader.next().committed == std::vector{committed("u", 0, 1)});
}

TEST_CASE("lag_rounds: a group whose offsets have gone is behind on nothing") {
    measured_groups at{{"g", "h"}};
    at.lags.tick(start);
    at.answer({7, timestamp_ms{999'000}});
    at.keeper.answer({});
    CHECK(at.reader.open() == 0);
    CHECK(at.listed("h").measured == timestamp_ms{}); // it never was behind
    at.wall = timestamp_ms{1'010'000};
    at.lags.tick(start + 10s);
    at.keeper.answer({});
    CHECK(at.listed("g").messages == 0);
    CHECK(at.listed("g").measured == at.wall);
}

TEST_CASE("lag_rounds: a group that is deleted while it is measured leaves nothing behind") {
    measured_groups at{{"g", "h"}};
    at.lags.tick(start);
    at.keeper.answer({{committed("t", 0, 5)}});
    at.groups.erase("g");
    at.lags.forget("g");
    at.reader.answer({{7, timestamp_ms{1}}});
    CHECK_FALSE(at.lags.book().find("g"));
    CHECK(at.lags.list({"g"}).groups.empty());
    CHECK(at.keeper.next().group == "h");
}

TEST_CASE("lag_rounds: what fails is left for the next tick, which goes on behind it") {
    measured_groups at{{"g", "h"}};
    at.lags.tick(start);
    at.keeper.fail(errc::busy);
    CHECK(at.keeper.open() == 0);
    at.lags.tick(start + 1s);
    CHECK(at.keeper.next().group == "h");
    at.keeper.answer({{committed("t", 0, 5)}});
    at.reader.fail(errc::timed_out);
    at.lags.tick(start + 2s); // ends the round
    CHECK(at.keeper.open() == 0);
    at.lags.tick(start + 10s);
    CHECK(at.keeper.next().group == "g");
}

TEST_CASE("lag_rounds: a tick looks at a few groups, and the next one goes on") {
    std::vector<std::string> names;
    for (int i = 10; i < 35; ++i)
        names.push_back("g" + std::to_string(i));
    measured_groups at{names};
    at.lags.tick(start);
    for (int i = 0; i < 20; ++i)
        at.answer({});
    CHECK(at.keeper.open() == 0);
    at.lags.tick(start + 1s);
    CHECK(at.keeper.next().group == "g30");
}

TEST_CASE("lag_rounds: nothing is begun when the owner ends") {
    measured_groups at{{"g"}};
    at.lags.stop();
    at.lags.tick(start);
    CHECK(at.keeper.open() == 0);
}

TEST_CASE("lag_rounds: a round that is under way when the owner ends goes no further") {
    measured_groups at{{"g", "h"}};
    at.lags.tick(start);
    at.keeper.answer({{committed("t", 0, 5)}});
    at.lags.stop();
    at.reader.answer({{7, timestamp_ms{999'000}}});
    CHECK(at.keeper.open() == 0);
    CHECK(at.listed("g").messages == 7);
}
