#include "actors/transaction/transaction_finder.hpp"

#include "tests/actors/half_message_world.hpp"

#include <doctest/doctest.h>

#include <optional>
#include <string>
#include <utility>
#include <vector>

// What the log says of transactions, without any role.

using namespace troupe;
using namespace troupe::actors;
using namespace troupe::test_support;

namespace {

using decision = transaction_decision;

struct finder_world : half_message_world {
    transaction_finder finder{store};

    result<std::optional<decision>> outcome_of(log_position half) const { return finder.find_outcome(at(half)); }
    /// Messages of no transaction, by default a millisecond apart.
    void put_others(const std::string& key, int count, int apart_ms = 1) const {
        auto message = committed_message(message_of(key)).value();
        message.prepared_transaction = {};
        const auto record = protocol::encode_record(message).value();
        for (int i = 0; i < count; ++i) {
            const auto placed = store->append({{{"orders", queue_id{0}}, record, 1}}, timestamp_ms{now().value() + i * apart_ms});
            REQUIRE(placed.ok());
        }
        REQUIRE(store->flush().ok());
    }
    static std::vector<std::string> keys_of(const protocol::transaction_list& list) {
        std::vector<std::string> keys;
        for (const auto& entry : list.entries)
            keys.push_back(entry.unique_key);
        return keys;
    }
    result<protocol::transaction_list> list_given_up(queue_offset from, std::int32_t most, const std::string& group = {}) const {
        list_transactions order;
        order.of_given_up = true;
        order.from = from;
        order.transactions_max = most;
        order.group = group;
        return finder.list_given_up(order);
    }
};
using keys = std::vector<std::string>;

} // namespace

// ---- single ones ----------------------------------------------------------------------------------------------------

TEST_CASE_FIXTURE(finder_world, "transaction finder: the log says of each half message what became of it, also where all have one key") {
    const auto committed = half("late");
    const auto rolled_back = half("late");
    const auto given_up = half("late");
    const auto open = half("late");
    world.advance(5ms);
    commit(committed);
    roll_back(rolled_back);
    const auto record = give_up(given_up);
    REQUIRE(outcome_of(committed).ok());
    CHECK(outcome_of(committed).value() == decision::commit);
    REQUIRE(outcome_of(rolled_back).ok());
    CHECK(outcome_of(rolled_back).value() == decision::roll_back);
    REQUIRE(outcome_of(given_up).ok());
    CHECK_FALSE(outcome_of(given_up).value().has_value());
    CHECK(outcome_of(open).code() == errc::message_not_found);

    CHECK(finder.find_given_up(at(given_up)).value() == record);
    for (const auto& other : {committed, rolled_back, open})
        CHECK_FALSE(finder.find_given_up(at(other)).value().has_value());
}

TEST_CASE_FIXTURE(finder_world, "transaction finder: a question that a producer was asked is no outcome") {
    const auto open = half("late");
    put(question_message(open, queue_offset{0}, 1));
    CHECK(outcome_of(open).code() == errc::message_not_found);
}

TEST_CASE_FIXTURE(finder_world, "transaction finder: one of very many with its key is found as long as it is among the newest of them") {
    const auto early = half("late");
    const auto found = commit(early);
    world.advance(1ms);
    put_others("late", 4'000);
    REQUIRE(outcome_of(early).ok());
    CHECK(outcome_of(early).value() == decision::commit);
    CHECK(at(found).prepared_transaction == early);
    world.advance(5s);
    put_others("late", 200);
    const auto lost = outcome_of(early);
    REQUIRE(lost.code() == errc::message_not_found);
    CHECK_MESSAGE(lost.failure().text.find("too many messages of topic orders have the key late") != std::string::npos,
                  lost.failure().text);
}

TEST_CASE_FIXTURE(finder_world, "transaction finder: one of very many with its key is found though all are of one millisecond") {
    const auto early = half("late");
    commit(early);
    put_others("late", 2'000, 0);
    REQUIRE(outcome_of(early).ok());
    CHECK(outcome_of(early).value() == decision::commit);
    put_others("late", 4'000, 0);
    CHECK(outcome_of(early).code() == errc::message_not_found);
}

TEST_CASE_FIXTURE(finder_world, "transaction finder: a failing disk is a failure of its own, and no damage") {
    const auto open = half("late");
    const auto damaged = half("damaged");
    const auto message = at(open);
    damage(damaged);
    const auto unreadable = finder.read(damaged);
    REQUIRE_FALSE(unreadable.ok());
    CHECK(is_damage(unreadable.failure()));
    const auto nothing = finder.read(damaged + 1'000'000);
    REQUIRE_FALSE(nothing.ok());
    CHECK(is_damage(nothing.failure()));
    CHECK(finder.read(open)->body.view() == "late");

    commit(open);
    fail_reads();
    const auto failed = finder.read(open);
    CHECK(failed.code() == errc::io);
    CHECK_FALSE(is_damage(failed.failure()));
    CHECK(finder.find_outcome(message).code() == errc::io);
    mend();
    CHECK(finder.find_outcome(message).value() == decision::commit);
}

// ---- lists ----------------------------------------------------------------------------------------------------------

TEST_CASE_FIXTURE(finder_world, "transaction finder: what is pending is listed by position, and the list says where it goes on") {
    std::vector<log_position> positions;
    for (const auto* key : {"a", "b", "c"})
        positions.push_back(half(key));
    commit(positions[1]);
    list_transactions order;
    order.transactions_max = 1;
    auto list = finder.list_pending(order);
    CHECK(keys_of(list) == keys{"a"});
    CHECK(list.pending == 2);
    CHECK(list.next == positions[0]);
    CHECK_FALSE(list.is_complete);
    order.after = list.next;
    list = finder.list_pending(order);
    CHECK(keys_of(list) == keys{"c"});
    CHECK(list.next == positions[2]);
    CHECK(list.is_complete);
    order.after = list.next;
    list = finder.list_pending(order);
    CHECK(list.entries.empty());
    CHECK(list.next == positions[2]);
    CHECK(list.is_complete);
    CHECK(list.pending == 2);
}

TEST_CASE_FIXTURE(finder_world, "transaction finder: an entry says all of its transaction") {
    auto message = message_of("paid");
    message.born = timestamp_ms{77};
    message.body = payload{std::string{"seven bytes"}};
    message.store_host = others;
    const auto placed = put(message);
    put(question_message(placed.position, placed.first, 1));
    const auto list = finder.list_pending({});
    REQUIRE(list.entries.size() == 1);
    const auto& entry = list.entries.front();
    CHECK(entry.position == placed.position);
    CHECK(entry.offset == placed.first);
    CHECK(entry.offset_message_id == id_of(placed.position, others));
    CHECK(entry.unique_key == "paid");
    CHECK(entry.group == "payers");
    CHECK(entry.topic == "orders");
    CHECK(entry.queue == queue_id{0});
    CHECK(entry.body_bytes == 11);
    CHECK(entry.born == timestamp_ms{77});
    CHECK(entry.stored == placed.stored);
    CHECK(entry.checks == 1);
    CHECK(entry.asked == now());
}

TEST_CASE_FIXTURE(finder_world, "transaction finder: a list of one group passes over the others, and over what is damaged") {
    put(message_of("other's", "others"));
    const auto damaged = half("damaged");
    put(message_of("mine"));
    damage(damaged);
    list_transactions order;
    order.group = "payers";
    order.transactions_max = 1;
    const auto list = finder.list_pending(order);
    CHECK(keys_of(list) == keys{"mine"});
    CHECK(list.is_complete);
    CHECK(list.pending == 3);
}

TEST_CASE_FIXTURE(finder_world, "transaction finder: a list of large messages ends early, but never before the first") {
    auto message = message_of("large");
    message.body = payload{std::string(900'000, 'x')};
    for (int i = 0; i < 6; ++i)
        put(message);
    list_transactions order;
    const auto first = finder.list_pending(order);
    CHECK(first.entries.size() == 4);
    CHECK_FALSE(first.is_complete);
    order.after = first.next;
    const auto rest = finder.list_pending(order);
    CHECK(rest.entries.size() == 2);
    CHECK(rest.is_complete);
}

TEST_CASE_FIXTURE(finder_world, "transaction finder: what was given up is listed by offset, without what was resumed") {
    std::vector<log_position> records;
    for (const auto* key : {"a", "b", "c", "d"})
        records.push_back(give_up(half(key)));
    put(given_up_message(at(put(message_of("other's", "others")).position)));
    resume(records[1]);
    auto list = list_given_up({}, 2);
    REQUIRE(list.ok());
    CHECK(keys_of(*list) == keys{"a", "c"});
    CHECK(list->entries[1].position == records[2]);
    CHECK(list->entries[1].offset == queue_offset{2});
    CHECK(list->entries[1].offset_message_id == id_of(records[2]));
    CHECK(list->entries[1].topic == "orders");
    CHECK(list->next_offset == queue_offset{3});
    CHECK_FALSE(list->is_complete);
    CHECK(list->pending == 1); // the resumed one
    list = list_given_up(list->next_offset, 2);
    REQUIRE(list.ok());
    CHECK(keys_of(*list) == keys{"d", "other's"});
    CHECK(list->next_offset == queue_offset{5});
    CHECK(list->is_complete);
    CHECK(keys_of(list_given_up({}, 10, "others").value()) == keys{"other's"});
    CHECK(list_given_up(queue_offset{5}, 10)->entries.empty());
}

TEST_CASE_FIXTURE(finder_world,
                  "transaction finder: a list begins where retention has left something, and is empty where nothing was given up") {
    const auto none = list_given_up({}, 10);
    REQUIRE(none.ok());
    CHECK(none->entries.empty());
    CHECK(none->is_complete);
    static_cast<void>(give_up(half("gone")));
    for (int i = 0; i < 2; ++i)
        append(std::string(600'000, 'x'));
    static_cast<void>(give_up(half("kept")));
    REQUIRE(store->retain(timestamp_ms{now().value() + 1'000'000'000}, 1).value() == 1);
    const auto list = list_given_up({}, 10);
    REQUIRE(list.ok());
    CHECK(keys_of(*list) == keys{"kept"});
    CHECK(list->entries[0].offset == queue_offset{1});
}
