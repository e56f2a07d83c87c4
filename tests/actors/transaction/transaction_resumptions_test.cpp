#include "actors/transaction/transaction_resumptions.hpp"

#include "tests/actors/half_message_world.hpp"

#include <doctest/doctest.h>

#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

// Which half message a given-up one goes on as, and who hears of it, without any role. What the role makes of it: transaction_resume_test.cpp

using namespace troupe;
using namespace troupe::actors;
using namespace troupe::test_support;

namespace {

struct resumptions_world : half_message_world {
    transaction_resumptions_options options{store, nullptr, ours, 3};
    transaction_table decisions{transaction_rules{}};
    std::optional<transaction_resumptions> all;
    std::vector<result<transaction_resumed>> told; ///< in the order in which they heard

    resumptions_world() { make(); }
    void make() { all.emplace(options); }
    result<std::optional<transaction_resumptions::half_message>> begin(const std::string& id) {
        return all->begin(resume_transaction{id, {}}, decisions, teller());
    }
    transaction_resumptions::continuation teller() {
        return [this](const result<transaction_resumed>& outcome) { told.push_back(outcome); };
    }
    /// It is on its way to the log then.
    void send(const std::string& id, std::uint64_t ticket) {
        const auto half = begin(id);
        REQUIRE(half.ok());
        REQUIRE(half->has_value());
        all->sent(ticket, (*half)->given_up, teller());
    }
    /// It goes on already: nothing is to be appended.
    void join(const std::string& id) {
        const auto half = begin(id);
        REQUIRE(half.ok());
        REQUIRE_FALSE(half->has_value());
    }
};

} // namespace

TEST_CASE_FIXTURE(resumptions_world,
                  "resumptions: a given-up message goes on as a half message that names it, by its id or its half message's") {
    const auto before = half("late", others);
    const auto record = give_up(before);
    for (const auto& id : {id_of(record), id_of(before, others)}) {
        const auto next = begin(id);
        REQUIRE(next.ok());
        REQUIRE(next->has_value());
        CHECK((*next)->given_up == record);
        const auto& message = (*next)->message;
        CHECK(message.prepared_transaction == record);
        CHECK(message.topic == storage::half_topic);
        CHECK(message.store_host == ours);
        CHECK(message.body.view() == "late");
        CHECK(text_of(message.properties, "PGROUP") == "payers");
    }
    CHECK(told.empty());
    CHECK(all->is_idle()); // neither is on its way
}

TEST_CASE_FIXTURE(resumptions_world, "resumptions: whoever asks while one is on its way waits for the same, and is given back once") {
    const auto before = half("late");
    const auto record = give_up(before);
    send(id_of(record), 7);
    join(id_of(before));
    CHECK_FALSE(all->is_idle());
    CHECK_FALSE(all->take(8).has_value());
    const auto taken = all->take(7);
    REQUIRE(taken.has_value());
    CHECK(taken->given_up == record);
    CHECK(taken->waiting.size() == 2);
    CHECK(told.empty());
    for (const auto& tell : taken->waiting)
        tell(error{errc::disk_full, "no room"});
    CHECK(told.size() == 2);
    CHECK(all->is_idle());
    CHECK_FALSE(all->take(7).has_value());
    send(id_of(record), 9); // as it was not stored, it can be asked for again
}

TEST_CASE_FIXTURE(resumptions_world, "resumptions: one that is in the log is told at once, however it is named") {
    const auto before = half("late");
    const auto record = give_up(before);
    const auto after = resume(record);
    join(id_of(record));
    join(id_of(before));
    REQUIRE(told.size() == 2);
    for (const auto& one : told) {
        REQUIRE(one.ok());
        CHECK(one->position == after);
        CHECK(one->offset == queue_offset{1});
        CHECK(one->offset_message_id == id_of(after));
    }
    damage(after);
    join(id_of(record));
    REQUIRE(told.size() == 3);
    CHECK(told[2].code() == errc::corrupt);
    CHECK(all->is_idle());
}

TEST_CASE_FIXTURE(resumptions_world, "resumptions: more may not wait than the bound says, whichever they wait for") {
    const auto first = give_up(half("first"));
    const auto second = give_up(half("second"));
    const auto third = give_up(half("third"));
    send(id_of(first), 1);
    join(id_of(first));
    send(id_of(second), 2);
    CHECK(begin(id_of(third)).code() == errc::busy);
    CHECK(begin(id_of(first)).code() == errc::busy);
    REQUIRE(all->take(1)->waiting.size() == 2);
    join(id_of(second));
    send(id_of(third), 3);
    CHECK(begin(id_of(second)).code() == errc::busy);
    CHECK(told.empty());
}

TEST_CASE_FIXTURE(resumptions_world, "resumptions: only what was given up goes on") {
    const auto open = half("open");
    CHECK(begin(id_of(open)).code() == errc::not_permitted);
    REQUIRE(decisions.begin(open, std::nullopt) == transaction_table::verdict::begin);
    CHECK(begin(id_of(open)).code() == errc::busy);
    decisions.failed(open, now());
    CHECK(begin(id_of(open)).code() == errc::not_permitted);
    const auto committed = half("committed");
    CHECK(begin(id_of(commit(committed))).code() == errc::message_not_found);
    CHECK(begin(id_of(committed)).code() == errc::not_permitted);
    const auto rolled_back = half("rolled back");
    roll_back(rolled_back);
    CHECK(begin(id_of(rolled_back)).code() == errc::not_permitted);
    CHECK(begin("no id").code() == errc::argument_illegal);
    CHECK(told.empty());
    CHECK(all->is_idle());
}

TEST_CASE_FIXTURE(resumptions_world, "resumptions: what is of another broker is refused before all else") {
    const auto record = give_up(half("late"));
    CHECK(begin(id_of(record, others)).code() == errc::message_not_found);
    all->stop();
    CHECK(begin(id_of(record, others)).code() == errc::message_not_found);
    CHECK(begin(id_of(record)).code() == errc::shutting_down);
    // One of the time when this broker had that address.
    make();
    const auto earlier = give_up(half("earlier", others), others);
    const auto next = begin(id_of(earlier, others));
    REQUIRE(next.ok());
    CHECK((*next)->given_up == earlier);
    CHECK(begin(id_of(earlier)).code() == errc::message_not_found);
}

TEST_CASE_FIXTURE(resumptions_world, "resumptions: none begins where no half message would") {
    const auto record = give_up(half("late"));
    const auto open = half("open");
    options.room = std::make_shared<transaction_room>(0);
    make();
    CHECK(begin(id_of(record)).code() == errc::not_permitted);
    const auto room = std::make_shared<transaction_room>(1);
    room->pending = 1;
    options.room = room;
    make();
    CHECK(begin(id_of(record)).code() == errc::busy);
    room->pending = 0;
    CHECK(begin(id_of(record)).ok());
    // What goes on already needs no room.
    resume(record);
    room->pending = 1;
    join(id_of(record));
    REQUIRE(told.size() == 1);
    CHECK(told[0].ok());
    CHECK(store->pending(open));
}

TEST_CASE_FIXTURE(resumptions_world, "resumptions: a search that a failing disk ends keeps nobody waiting") {
    const auto record = give_up(half("late"));
    fail_reads();
    CHECK(begin(id_of(record)).code() == errc::io);
    CHECK(begin(id_of(record, others)).code() == errc::io); // nobody knows whose it is
    mend();
    CHECK(told.empty());
    CHECK(all->is_idle());
    CHECK(begin(id_of(record)).ok());
}
