#include "actors/transaction/transaction_table.hpp"

#include "actors/transaction/transaction_record.hpp"
#include "protocol/properties.hpp"
#include "tests/support/random_seed.hpp"

#include <doctest/doctest.h>

#include <map>
#include <random>

using namespace troupe;
using namespace troupe::actors;
using namespace std::chrono_literals;

namespace {

using step = transaction_table::step;
using verdict = transaction_table::verdict;
constexpr timestamp_ms begun{1'700'000'000'000};

storage::pending_transaction half(std::int64_t position, timestamp_ms stored = begun, std::int32_t checks = 0, timestamp_ms asked = {}) {
    return {log_position{position}, queue_offset{position / 100}, 100, stored, checks, asked};
}

/// What is due at `now`, as positions; all of it must be of kind `what`.
std::vector<std::int64_t> due(transaction_table& table, timestamp_ms now, step what = step::ask) {
    std::vector<std::int64_t> all;
    for (const auto& one : table.take_due(now, 1'000)) {
        CHECK(one.what == what);
        all.push_back(one.position.value());
    }
    return all;
}

} // namespace

TEST_CASE("transaction table: the first question comes after the time-out, the next after the interval, and the last is the fifteenth") {
    transaction_table table{{}};
    table.add(half(100), {"payers", {}}, begun);
    CHECK(due(table, begun + 5'999).empty());
    auto now = begun + 6'000;
    for (int number = 1; number <= 15; ++number) {
        const auto taken = table.take_due(now, 10);
        REQUIRE(taken.size() == 1);
        CHECK(taken[0].what == step::ask);
        CHECK(taken[0].group == "payers");
        CHECK(taken[0].number == number);
        CHECK(table.take_due(now, 10).empty()); // handed out once
        table.asked(taken[0].position, now);
        CHECK(due(table, now + 29'999).empty());
        now = now + 30'000;
    }
    CHECK(due(table, now, step::give_up) == std::vector<std::int64_t>{100});
}

TEST_CASE("transaction table: a question that reached nobody does not count, and is repeated after the interval") {
    transaction_table table{{}};
    table.add(half(100), {"payers", {}}, begun);
    auto now = begun + 6'000;
    for (int i = 0; i < 100; ++i) {
        REQUIRE(due(table, now).size() == 1);
        table.not_asked(log_position{100}, now);
        now = now + 30'000;
    }
}

TEST_CASE("transaction table: a message may have a time-out of its own, shorter or longer") {
    transaction_table table{{}};
    table.add(half(100), {"payers", 1s}, begun);
    table.add(half(200), {"payers", 60s}, begun);
    CHECK(due(table, begun + 1'000) == std::vector<std::int64_t>{100});
    CHECK(due(table, begun + 59'999).empty());
    CHECK(due(table, begun + 60'000) == std::vector<std::int64_t>{200});
}

TEST_CASE("transaction table: one that was asked about before a restart waits for its interval, and goes on counting") {
    transaction_table table{{}};
    table.add(half(100, begun, 14, begun + 400'000), {"payers", {}}, begun + 410'000);
    table.add(half(200, begun, 15, begun + 400'000), {"payers", {}}, begun + 410'000);
    CHECK(due(table, begun + 429'999).empty());
    const auto taken = table.take_due(begun + 430'000, 10);
    REQUIRE(taken.size() == 2);
    CHECK(taken[0].number == 15);
    CHECK(taken[0].what == step::ask);
    CHECK(taken[1].what == step::give_up);
}

TEST_CASE("transaction table: one that gets too old is given up, whatever it waits for") {
    transaction_rules rules;
    rules.age_max = 100s;
    transaction_table table{rules};
    table.add(half(100), {"payers", 1'000s}, begun);
    CHECK(due(table, begun + 99'999).empty());
    CHECK(due(table, begun + 100'000, step::give_up) == std::vector<std::int64_t>{100});
}

TEST_CASE("transaction table: one decision at a time; what is decided is forgotten and remembered for a while") {
    transaction_table table{{}};
    const log_position position{100};
    table.add(half(100), {"payers", {}}, begun);
    CHECK(table.begin(position, transaction_decision::commit) == verdict::begin);
    CHECK(table.begin(position, transaction_decision::commit) == verdict::same_under_way);
    CHECK(table.begin(position, transaction_decision::roll_back) == verdict::other_under_way);
    CHECK(table.begin(position, std::nullopt) == verdict::other_under_way);
    CHECK(due(table, begun + 6'000).empty()); // nobody is asked meanwhile
    table.decided(position);
    CHECK(table.size() == 0);
    CHECK(table.deciding() == 0);
    CHECK_FALSE(table.next_due());
    REQUIRE(table.recent(position));
    CHECK(table.recent(position)->decision == transaction_decision::commit);
    CHECK_FALSE(table.recent(log_position{200}));
    table.asked(position, begun); // an answer that overtook the question's
    table.not_asked(position, begun);
    table.forget(position);
    CHECK(table.size() == 0);
}

TEST_CASE("transaction table: a decision that failed leaves everything as it was") {
    transaction_table table{{}};
    const log_position position{100};
    table.add(half(100), {"payers", {}}, begun);
    REQUIRE(table.begin(position, transaction_decision::commit) == verdict::begin);
    table.failed(position, begun + 1'000);
    CHECK_FALSE(table.recent(position));
    CHECK(due(table, begun + 6'000) == std::vector<std::int64_t>{100});
    // One that was being given up is tried again.
    REQUIRE(table.begin(position, std::nullopt) == verdict::begin);
    table.failed(position, begun + 6'000);
    CHECK(due(table, begun + 36'000) == std::vector<std::int64_t>{100});
}

TEST_CASE("transaction table: only the last decisions are remembered") {
    transaction_table table{{}};
    for (std::int64_t i = 1; i <= static_cast<std::int64_t>(transaction_table::recent_max) + 10; ++i) {
        REQUIRE(table.begin(log_position{i}, transaction_decision::commit) == verdict::begin);
        table.decided(log_position{i});
    }
    CHECK_FALSE(table.recent(log_position{10}));
    CHECK(table.recent(log_position{11}));
}

TEST_CASE("transaction table: a clock that is set back delays nothing by as much") {
    transaction_table table{{}};
    table.add(half(100), {"payers", {}}, begun);
    CHECK(due(table, begun + 1'000).empty());
    CHECK(due(table, begun + -3'600'000).empty());
    CHECK(due(table, begun + -3'600'000 + 4'999).empty());
    CHECK(due(table, begun + -3'600'000 + 5'000) == std::vector<std::int64_t>{100});
    // Stored by the clock as it was.
    table.add(half(200, begun + 7'200'000), {"payers", {}}, begun);
    table.not_asked(log_position{100}, begun);
    CHECK(due(table, begun + 6'000) == std::vector<std::int64_t>{200});
}

TEST_CASE("transaction table: random orders; nobody is asked too early, too often, or after the decision") {
    std::mt19937_64 random{test_support::random_seed("transaction table", 1)};
    transaction_rules rules;
    rules.checks_max = 3;
    transaction_table table{rules};
    struct seen {
        timestamp_ms stored;
        timestamp_ms asked;
        int questions = 0;
        bool is_over = false;
        bool is_out = false; ///< handed out, and not put back
    };
    std::map<std::int64_t, seen> model;
    auto now = begun;
    std::int64_t next = 100;
    for (int i = 0; i < 20'000; ++i) {
        now = now + static_cast<std::int64_t>(random() % 2'000);
        if (random() % 3 == 0) {
            table.add(half(next, now), {"g" + std::to_string(random() % 5), {}}, now);
            model[next] = {now, {}, 0, false, false};
            next += 100;
        }
        const auto some = log_position{static_cast<std::int64_t>(100 + random() % 50 * 100) + std::max<std::int64_t>(0, next - 5'000)};
        const auto known = model.find(some.value());
        if (known != model.end() && !known->second.is_over && random() % 4 == 0) {
            REQUIRE(table.begin(some, transaction_decision::commit) == verdict::begin);
            if (random() % 2 == 0) {
                table.decided(some);
                known->second.is_over = true;
            } else {
                const bool was_out = known->second.is_out;
                table.failed(some, now);
                known->second.is_out = false;
                if (was_out)
                    known->second.asked = now;
            }
        }
        for (const auto& one : table.take_due(now, 1 + random() % 5)) {
            auto& of = model.at(one.position.value());
            REQUIRE_FALSE(of.is_over);
            REQUIRE_FALSE(of.is_out);
            CHECK(now - of.stored >= 6'000);
            CHECK((of.asked == timestamp_ms{} || now - of.asked >= 30'000));
            of.is_out = true;
            if (one.what == step::give_up) {
                CHECK(of.questions == 3);
                REQUIRE(table.begin(one.position, std::nullopt) == verdict::begin);
                table.decided(one.position);
                of.is_over = true;
                continue;
            }
            CHECK(of.questions < 3);
            CHECK(one.number == of.questions + 1);
            if (random() % 5 == 0)
                continue; // put back by a failed decision, or never
            of.is_out = false;
            of.asked = now;
            if (random() % 3 == 0) {
                table.not_asked(one.position, now);
            } else {
                table.asked(one.position, now);
                ++of.questions;
            }
        }
    }
}

TEST_CASE("transaction record: what a half message becomes") {
    protocol::message message;
    message.topic = "orders";
    message.queue = queue_id{3};
    message.body = payload{std::string{"body"}};
    message.born = timestamp_ms{77};
    message.flag = 5;
    message.sys_flag = protocol::message_sys_flag::prepared | protocol::message_sys_flag::compressed;
    message.properties = "TAGS\x01TagA\x02TRAN_MSG\x01true\x02UNIQ_KEY\x01u1\x02";
    prepare(message, "payers");
    message.position = log_position{4'660};
    message.offset = queue_offset{7};
    CHECK(message.topic == storage::half_topic);

    const auto committed = committed_message(message);
    REQUIRE(committed);
    CHECK(committed->topic == "orders");
    CHECK(committed->queue == queue_id{3});
    CHECK(committed->prepared_transaction == log_position{4'660});
    CHECK(committed->sys_flag == (protocol::message_sys_flag::committed | protocol::message_sys_flag::compressed));
    CHECK(committed->born == timestamp_ms{77});
    CHECK(committed->flag == 5);
    CHECK(committed->body.view() == "body");
    CHECK(committed->properties == message.properties);

    const auto rolled_back = rolled_back_message(message.position, message.offset, "u1");
    CHECK(rolled_back.topic == storage::transaction_operation_topic);
    CHECK(rolled_back.prepared_transaction == log_position{4'660});
    CHECK(rolled_back.body.view() == "7");
    const auto given_up = given_up_message(message);
    CHECK(given_up.topic == storage::transaction_given_up_topic);
    CHECK(given_up.queue == queue_id{0});
    CHECK(given_up.prepared_transaction == log_position{4'660});
    CHECK(given_up.body.view() == "body");
    auto stored = given_up;
    stored.position = log_position{9'000};
    const auto resumed = resumed_message(stored);
    CHECK(resumed.topic == storage::half_topic);
    CHECK(resumed.queue == queue_id{0});
    CHECK(resumed.prepared_transaction == log_position{9'000});
    CHECK(resumed.properties == message.properties);
    CHECK(resumed.sys_flag == protocol::message_sys_flag::compressed);
    CHECK(resumed.born == timestamp_ms{77});
    CHECK(asked_message(resumed)->prepared_transaction == log_position{0}); // its producer sees the message that it sent
    const auto question = question_message(message.position, message.offset, 4);
    CHECK(question.topic == storage::transaction_operation_topic);
    CHECK(question.reconsume_times == 4);

    auto lost = message;
    lost.properties = "TRAN_MSG\x01true\x02";
    CHECK(committed_message(lost).code() == errc::corrupt);
}

TEST_CASE("transaction record: the time-out of a message is a number of seconds") {
    const auto of = [](const std::string& value) { return immunity_of("CHECK_IMMUNITY_TIME_IN_SECONDS\x01" + value + "\x02"); };
    CHECK(*immunity_of("TAGS\x01TagA\x02") == std::nullopt);
    CHECK(*of("0") == 0ms);
    CHECK(*of("30") == 30'000ms);
    CHECK(*of("-1") == std::nullopt);
    CHECK(of("soon").code() == errc::property_illegal);
    CHECK(of("1.5").code() == errc::property_illegal);
    CHECK(of("99999999999999999999").code() == errc::property_illegal);
    CHECK(of("9999999999999999").code() == errc::property_illegal);
}
