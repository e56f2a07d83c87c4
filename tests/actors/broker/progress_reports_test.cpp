#include "actors/broker/progress_reports.hpp"

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

topic_config topic(std::string name, std::int32_t queues, bool ordered = false) {
    topic_config config;
    config.name = std::move(name);
    config.read_queues = config.write_queues = queues;
    config.order = ordered;
    return config;
}

using offsets = std::vector<std::pair<topic_queue, queue_offset>>;

std::pair<topic_queue, queue_offset> at_offset(std::string name, std::int32_t queue, std::int64_t offset) {
    return {{std::move(name), queue_id{queue}}, queue_offset{offset}};
}

/// The reports of a broker with topics t, of two queues, o, ordered, of one, and big, of very many.
struct reports {
    static constexpr auto deadline = 5s;
    clock_time now{};
    progress_reports::group_map groups;
    consumer_groups members{120s};
    pull_positions pulls;
    std::shared_ptr<broker_metrics> metrics = std::make_shared<broker_metrics>();
    asked_questions<list_offsets, offsets_listed> keeper;
    asked_questions<describe_progress, group_described> reader;
    asked_questions<list_popped, popped_listed> pop_keeper;
    std::vector<result<group_described>> told;
    std::vector<result<consumption_described>> walks_told;
    progress_reports progress{{"b", "127.0.0.1:1", deadline},
                              [this] { return now; },
                              {groups, members, pulls,
                               std::make_shared<topic_directory>(std::make_shared<topic_snapshot>(
                                   permission::read_write, 1, std::vector{topic("t", 2), topic("o", 1, true), topic("big", 16'384)})),
                               std::make_shared<traffic_statistics>(), metrics},
                              {keeper.way(), reader.way(), pop_keeper.way()}};

    explicit reports(const std::vector<std::string>& names) {
        for (const auto& name : names)
            groups[name].name = name;
    }
    template <class Order>
    void ask(const Order& order) {
        progress.describe(order, [this](result<group_described> described) { told.push_back(std::move(described)); });
    }
    void walk(bool ordered_only = false) {
        progress.describe(describe_consumption{ordered_only},
                          [this](result<consumption_described> described) { walks_told.push_back(std::move(described)); });
    }
    /// As the store does: every queue has 100 messages.
    void answer_progress() {
        group_described described;
        for (const auto& [queue, offset] : reader.next().committed)
            described.stats.queues[{queue.topic, reader.next().broker_name, queue.queue.value()}] = {100, offset.value(), offset.value(),
                                                                                                     0};
        reader.answer(std::move(described));
    }
    [[nodiscard]] protocol::group_progress told_of(const std::string& name, std::int32_t queue) const {
        REQUIRE_FALSE(told.empty());
        REQUIRE(told.back());
        const auto found = told.back()->stats.queues.find({name, "b", queue});
        REQUIRE(found != told.back()->stats.queues.end());
        return found->second;
    }
};

} // namespace

TEST_CASE("progress_reports: a group is described over every queue of its topics, from 0 where nothing is committed") {
    reports at{{"g"}};
    at.ask(describe_group{"g", ""});
    CHECK(at.keeper.next().group == "g");
    at.keeper.answer({{at_offset("t", 1, 40), at_offset("gone", 0, 3)}});
    CHECK(at.reader.next().committed == offsets{at_offset("t", 0, 0), at_offset("t", 1, 40)});
    at.answer_progress();
    CHECK(at.told_of("t", 1).consumer_offset == 40);
    CHECK(at.pop_keeper.open() == 0);
    at.ask(describe_group{"g", "o"}); // nothing committed there
    at.keeper.answer({});
    at.answer_progress();
    CHECK(at.told_of("o", 0).consumer_offset == 0);
}

TEST_CASE("progress_reports: a group without configuration, members and offsets is not found; what the broker itself keeps is") {
    reports at{{}};
    at.ask(describe_group{"g", "t"});
    at.keeper.answer({});
    CHECK(at.told.back().code() == errc::group_not_found);
    at.progress.describe_own("@own", "o", [&at](result<group_described> described) { at.told.push_back(std::move(described)); });
    at.keeper.answer({});
    at.answer_progress();
    CHECK(at.told_of("o", 0).broker_offset == 100);
}

TEST_CASE("progress_reports: what was pulled or popped is with the group's consumers, within what there is") {
    reports at{{"g"}};
    at.pulls.note("g", "t", queue_id{0}, queue_offset{60});
    at.pulls.note("g", "t", queue_id{1}, queue_offset{20}); // committed since
    at.pulls.note("g", "o", queue_id{0}, queue_offset{900});
    at.ask(describe_group_state{"g", {"t", "o"}, false});
    at.keeper.answer({{at_offset("t", 0, 10), at_offset("t", 1, 40), at_offset("o", 0, 5)}});
    at.answer_progress();
    CHECK(at.told.empty());
    CHECK(at.pop_keeper.next().group == "g");
    at.pop_keeper.answer({{at_offset("t", 0, 30), at_offset("t", 1, 55), at_offset("gone", 0, 1)}});
    CHECK(at.told_of("t", 0).pull_offset == 60);
    CHECK(at.told_of("t", 1).pull_offset == 55);
    CHECK(at.told_of("o", 0).pull_offset == 100);
}

TEST_CASE("progress_reports: a group that is online is shown what it subscribes to, if that is wanted") {
    reports at{{"g"}};
    protocol::consumer_data consumer;
    consumer.group = "g";
    consumer.subscriptions.push_back({"o", "*", "TAG", 1});
    at.members.heartbeat({"client", {}, {consumer}}, 1, at.now);
    const offsets_listed committed{{at_offset("o", 0, 1), at_offset("t", 0, 1)}};
    at.ask(describe_group_state{"g", {}, true});
    at.keeper.answer(committed);
    CHECK(at.reader.next().committed == offsets{at_offset("o", 0, 1)});
    at.answer_progress();
    at.pop_keeper.fail(errc::io);
    CHECK(at.told.back().code() == errc::io);
    at.ask(describe_group_state{"g", {}, false});
    at.keeper.answer(committed);
    CHECK(at.reader.next().committed.size() == 3);
}

TEST_CASE("progress_reports: one question looks at so many queues at most") {
    reports at{{"g"}};
    at.ask(describe_group{"g", "big"});
    at.keeper.answer({});
    CHECK(at.reader.next().committed.size() == 16'384);
    at.ask(describe_group{"g", "big"});
    at.keeper.answer({{at_offset("o", 0, 1)}});
    CHECK(at.told.back().code() == errc::argument_illegal);
}

TEST_CASE("progress_reports: all groups are described one after the other, with a table for each topic") {
    reports at{{"g", "h"}};
    at.pulls.note("h", "t", queue_id{0}, queue_offset{50});
    at.walk();
    CHECK(at.keeper.next().group == "g");
    at.keeper.answer({{at_offset("o", 0, 90), at_offset("t", 0, 95), at_offset("gone", 0, 1)}});
    at.answer_progress();
    CHECK(at.keeper.open() == 1);
    CHECK(at.keeper.next().group == "h");
    at.keeper.answer({{at_offset("t", 0, 30), at_offset("t", 1, 100)}});
    at.answer_progress();
    REQUIRE(at.walks_told.size() == 1);
    const auto& stats = at.walks_told[0]->stats;
    CHECK(stats.broker_address == "127.0.0.1:1");
    CHECK(stats.groups.at("g").size() == 2);
    CHECK(stats.groups.at("h").size() == 1);
    CHECK(stats.total_diff == 10 + 5 + 100 + 70);
    CHECK(stats.total_inflight_diff == 20);
}

TEST_CASE("progress_reports: only topics that are ordered, if that is wanted") {
    reports at{{"g"}};
    at.walk(true);
    at.keeper.answer({{at_offset("o", 0, 90), at_offset("t", 0, 95)}});
    CHECK(at.reader.next().committed == offsets{at_offset("o", 0, 90)});
}

TEST_CASE("progress_reports: a report on all groups ends at its deadline, at a failure, and beyond what an answer may hold") {
    reports at{{"g", "h", "i", "j", "k"}};
    at.walk();
    at.now += reports::deadline;
    at.keeper.answer({});
    at.answer_progress();
    CHECK(at.walks_told.at(0).code() == errc::timed_out);
    at.walk();
    at.keeper.fail(errc::io);
    CHECK(at.walks_told.at(1).code() == errc::io);
    at.walk();
    at.keeper.answer({});
    at.reader.fail(errc::timed_out);
    CHECK(at.walks_told.at(2).code() == errc::timed_out);
    at.walk();
    for (int i = 0; i < 4; ++i) {
        at.keeper.answer({{at_offset("big", 0, 1)}});
        at.answer_progress();
    }
    at.keeper.answer({{at_offset("o", 0, 1)}});
    CHECK(at.walks_told.at(3).code() == errc::argument_illegal);
    CHECK(at.keeper.open() + at.reader.open() == 0);
}

TEST_CASE("progress_reports: so many reports on all groups are made at a time, and whatever ends one makes room") {
    reports at{{"g"}};
    for (std::size_t i = 0; i < progress_reports::walks_max; ++i)
        at.walk();
    CHECK(at.walks_told.empty());
    at.walk();
    CHECK(at.walks_told.at(0).code() == errc::busy);
    CHECK(at.metrics->busy_answers == 1);
    at.keeper.fail(errc::io);
    at.walk();
    CHECK(at.walks_told.size() == 2);
    CHECK(at.keeper.open() == progress_reports::walks_max);
}
