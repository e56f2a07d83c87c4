#include "actors/transaction/transaction_decisions.hpp"

#include "protocol/vocabulary/topic_config.hpp"
#include "tests/actors/half_message_world.hpp"

#include <doctest/doctest.h>

#include <memory>
#include <optional>
#include <utility>
#include <vector>

// Which record decides a transaction, and who waits for it, without any role. What the role makes of it: transaction_check_test.cpp

using namespace troupe;
using namespace troupe::actors;
using namespace troupe::test_support;

namespace {

constexpr auto commits = transaction_decision::commit;
constexpr auto rolls_back = transaction_decision::roll_back;

std::shared_ptr<topic_directory> orders_only() {
    topic_config orders;
    orders.name = "orders";
    return std::make_shared<topic_directory>(std::make_shared<const topic_snapshot>(permission::read_write, 0, std::vector{orders}));
}

struct decisions_world : half_message_world {
    std::shared_ptr<topic_directory> topics = orders_only();
    transaction_table table{transaction_rules{}};
    transaction_decisions all{{store, topics, ours, now, 3}, table};

    [[nodiscard]] end_transaction order(log_position half, transaction_decision what, const std::string& group = "payers") const {
        return {group, half, at(half).offset, what, true, {}, {}};
    }
    /// Its outcome is on its way to the log then.
    void send(log_position half, transaction_decision what) {
        const auto next = order(half, what);
        const auto outcome = all.outcome_of(next);
        REQUIRE(outcome.ok());
        REQUIRE(outcome->has_value());
        all.sent({half, what, next.producer_group, next.offset, {{}}});
    }
};

} // namespace

TEST_CASE_FIXTURE(decisions_world, "decisions: a pending transaction has the record of its outcome appended, a decided one nothing") {
    const auto open = half("open");
    const auto committed = all.outcome_of(order(open, commits));
    REQUIRE(committed.ok());
    CHECK((*committed)->topic == "orders");
    CHECK((*committed)->prepared_transaction == open);
    CHECK((*committed)->store_host == ours);
    const auto rolled_back = all.outcome_of(order(open, rolls_back));
    REQUIRE(rolled_back.ok());
    CHECK((*rolled_back)->topic == storage::transaction_operation_topic);
    CHECK_FALSE(all.is_under_way(open)); // neither is sent

    commit(open);
    const auto again = all.outcome_of(order(open, commits));
    REQUIRE(again.ok());
    CHECK_FALSE(again->has_value());
    CHECK(all.outcome_of(order(open, rolls_back)).code() == errc::not_permitted);
    CHECK(all.outcome_of(order(open, commits, "others")).code() == errc::argument_illegal);
    CHECK(all.is_idle());
}

TEST_CASE_FIXTURE(decisions_world, "decisions: the same decision shares the one under way and is given back with it, another is refused") {
    const auto open = half("open");
    send(open, commits);
    REQUIRE(all.is_under_way(open));
    REQUIRE(all.join(order(open, commits), {{}, {}, 8}).ok());
    CHECK(all.join(order(open, rolls_back), {}).code() == errc::not_permitted);
    CHECK(all.join(order(open, commits, "others"), {}).code() == errc::argument_illegal);
    CHECK_FALSE(all.take(log_position{open.value() + 1}, {}).has_value());

    const auto failed = all.take(open, {errc::disk_full, "no room"});
    REQUIRE(failed.has_value());
    CHECK(failed->half == open);
    CHECK(failed->what == commits);
    REQUIRE(failed->waiting.size() == 2);
    CHECK(failed->waiting[1].ticket == 8);
    CHECK_FALSE(all.take(open, {}).has_value());
    CHECK(all.is_idle());
    CHECK_FALSE(table.recent(open).has_value());

    send(open, rolls_back); // as it was not stored, it can be decided again, and otherwise
    REQUIRE(all.take(open, {}).has_value());
    CHECK_FALSE(all.is_under_way(open));
    REQUIRE(table.recent(open).has_value());
    CHECK(table.recent(open)->decision == rolls_back);
}

TEST_CASE_FIXTURE(decisions_world, "decisions: more may not wait than the bound says, whichever they wait for") {
    const auto first = half("first");
    const auto second = half("second");
    const auto third = half("third");
    send(first, commits);
    REQUIRE(all.join(order(first, commits), {}).ok());
    send(second, commits);
    CHECK(all.outcome_of(order(third, commits)).code() == errc::busy);
    CHECK(all.join(order(second, commits), {}).code() == errc::busy);
    REQUIRE(all.take(first, {})->waiting.size() == 2);
    CHECK(all.outcome_of(order(third, commits)).ok());
    CHECK(all.join(order(second, commits), {}).ok());
}

TEST_CASE_FIXTURE(decisions_world, "decisions: a commit needs its topic, a rollback does not") {
    const auto open = half("open");
    topics->publish(topics->current()->without("orders", 1));
    CHECK(all.outcome_of(order(open, commits)).code() == errc::topic_not_found);
    CHECK(all.outcome_of(order(open, rolls_back)).ok());
}
