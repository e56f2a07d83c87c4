#include "actors/pop/pop_table.hpp"

#include "tests/support/random_seed.hpp"

#include <doctest/doctest.h>

#include <algorithm>
#include <map>
#include <optional>
#include <random>
#include <set>
#include <string>
#include <vector>

using namespace troupe;
using namespace troupe::actors;
using storage::pop_lease;
using storage::popped_queue_changes;
using storage::popped_queue_state;

namespace {

using offsets = std::vector<std::int64_t>;

queue_offset at(std::int64_t offset) {
    return queue_offset{offset};
}
timestamp_ms ms(std::int64_t time) {
    return timestamp_ms{time};
}

pop_rules rules(std::int64_t now, std::int32_t messages_max = 32, std::int64_t invisible_ms = 1'000) {
    pop_rules given;
    given.now = ms(now);
    given.messages_max = messages_max;
    given.invisible_ms = invisible_ms;
    return given;
}
pop_rules in_order(std::int64_t now, std::int32_t messages_max, const std::string& attempt = {}) {
    auto given = rules(now, messages_max);
    given.ordered = true;
    given.attempt = attempt;
    return given;
}

/// A queue that ends at `max`, and its table.
struct world {
    pop_table table{at(0)};
    std::int64_t max = 100;
    popped_queue_changes changes;

    std::vector<pop_lease> pop(const pop_rules& given) {
        const auto offer = table.look(given);
        std::vector<queue_offset> again;
        for (const auto& lease : offer.again)
            again.push_back(lease.offset);
        std::vector<queue_offset> fresh;
        for (auto next = table.next(); next.value() < max && static_cast<std::int32_t>(fresh.size()) < offer.fresh_max; ++next)
            fresh.push_back(next);
        const auto next = fresh.empty() ? table.next() : fresh.back() + 1;
        return table.take(given, again, fresh, next, changes);
    }
    offsets popped(const pop_rules& given) {
        offsets all;
        for (const auto& lease : pop(given))
            all.push_back(lease.offset.value());
        return all;
    }
    pop_table::ack_outcome ack(std::int64_t offset, std::int64_t popped_at) {
        return table.acknowledge(at(offset), ms(popped_at), changes);
    }
};

using outcome = pop_table::ack_outcome;

} // namespace

TEST_CASE("pop_table: messages are handed out once, until their time is over") {
    world queue;
    CHECK(queue.popped(rules(1'000, 3)) == offsets{0, 1, 2});
    CHECK(queue.popped(rules(1'001, 2)) == offsets{3, 4});
    CHECK(queue.table.committed() == at(0));
    CHECK(queue.ack(1, 1'000) == outcome::done);
    CHECK(queue.ack(1, 1'000) == outcome::stale); // told before
    CHECK(queue.ack(99, 1'000) == outcome::unknown);
    CHECK(queue.ack(0, 1'000) == outcome::done);
    CHECK(queue.table.committed() == at(2));
    CHECK(queue.table.next_visible(ms(1'001)) == ms(2'000));
    CHECK_FALSE(queue.table.has_visible(ms(1'999)));
    CHECK(queue.table.has_visible(ms(2'000)));
    const auto again = queue.pop(rules(2'000, 2));
    REQUIRE(again.size() == 2);
    CHECK(again[0] == pop_lease{at(2), ms(3'000), ms(2'000), ms(1'000), 2});
    CHECK(again[1].offset == at(5));
    CHECK(queue.ack(2, 1'000) == outcome::stale);
    CHECK(queue.ack(2, 2'000) == outcome::done);
    CHECK(queue.table.committed() == at(3));
}

TEST_CASE("pop_table: a message is given back early or kept longer, and its older handle is worthless then") {
    world queue;
    queue.max = 1;
    REQUIRE(queue.popped(rules(1'000)) == offsets{0});
    const auto changed = queue.table.change_visibility(at(0), ms(1'000), ms(1'000), 5'000, queue.changes);
    REQUIRE(changed.has_value());
    CHECK(changed->popped == ms(1'001));
    CHECK(changed->visible == ms(6'000));
    CHECK(changed->deliveries == 1);
    CHECK_FALSE(queue.table.change_visibility(at(0), ms(1'000), ms(1'002), 1, queue.changes).has_value());
    CHECK(queue.ack(0, 1'000) == outcome::stale);
    CHECK(queue.popped(rules(5'999)).empty());
    const auto back = queue.table.change_visibility(at(0), ms(1'001), ms(2'000), 0, queue.changes);
    REQUIRE(back.has_value());
    CHECK(back->popped < back->visible);
    CHECK(queue.popped(rules(2'001)) == offsets{0});
    CHECK(queue.ack(0, 2'001) == outcome::done);
    CHECK(queue.table.committed() == at(1));
}

TEST_CASE("pop_table: after its last delivery a message is dead, and out until it is buried") {
    world queue;
    queue.max = 1;
    auto given = rules(0, 32, 10);
    given.deliveries_max = 3;
    for (int i = 0; i < 3; ++i, given.now = given.now + 10)
        REQUIRE(queue.popped(given) == offsets{0});
    const auto offer = queue.table.look(given);
    CHECK(offer.again.empty());
    REQUIRE(offer.dead == std::vector{at(0)});
    queue.table.bury(at(0));
    CHECK(queue.table.look(given).dead.empty());
    CHECK(queue.ack(0, 20) == outcome::stale);
    queue.table.unbury(at(0), ms(1'000), queue.changes);
    given.now = ms(999);
    CHECK(queue.table.look(given).dead.empty());
    given.now = ms(1'000);
    CHECK(queue.table.look(given).dead == std::vector{at(0)});
    queue.table.bury(at(0));
    queue.table.remove(at(0), queue.changes);
    CHECK(queue.table.leases() == 0);
    CHECK(queue.table.committed() == at(1));
    CHECK(queue.changes.leases.at(at(0)) == std::nullopt);
}

TEST_CASE("pop_table: dead messages are found behind any number that live, a few looks at a time") {
    world queue;
    queue.max = 1'000;
    auto given = rules(0, 1'000, 10);
    REQUIRE(queue.popped(given).size() == 1'000);
    std::set<std::int64_t> expected;
    for (const std::int64_t offset : {3, 500, 501, 999}) { // delivered a second time, and visible with the others
        const auto lease = *queue.table.lease(at(offset));
        given.now = ms(10);
        given.invisible_ms = 5;
        queue.table.take(given, {lease.offset}, {}, at(0), queue.changes);
        expected.insert(offset);
    }
    std::size_t none = 100;
    CHECK(queue.table.find_dead(ms(9), 2, 8, none).empty()); // nothing is visible yet
    CHECK(none == 100);
    std::set<std::int64_t> found;
    std::size_t calls = 0;
    for (; found.size() < expected.size() && calls < 20; ++calls) {
        std::size_t looks = 100;
        for (const auto offset : queue.table.find_dead(ms(20), 2, 1, looks))
            found.insert(offset.value());
    }
    CHECK(found == expected);
    CHECK(calls <= 14);
    queue.table.bury(at(500));
    found.clear();
    for (calls = 0; calls < 30; ++calls) {
        std::size_t looks = 100;
        for (const auto offset : queue.table.find_dead(ms(20), 2, 8, looks))
            found.insert(offset.value());
    }
    expected.erase(500);
    CHECK(found == expected); // again from the first on, without what is on its way
}

TEST_CASE("pop_table: a dead letter that is stored late ends no lease that was given out since") {
    world queue;
    auto given = rules(0, 1, 10);
    given.deliveries_max = 1;
    REQUIRE(queue.popped(given) == offsets{0});
    given.now = ms(10);
    REQUIRE(queue.table.look(given).dead == std::vector{at(0)});
    queue.table.bury(at(0));
    queue.table.reset(at(0), queue.changes);
    REQUIRE(queue.popped(given) == offsets{0});
    queue.table.remove_buried(at(0), queue.changes);
    CHECK(queue.table.leases() == 1);
    CHECK(queue.ack(0, 10) == outcome::done);
}

TEST_CASE("pop_table: one pop looks at a few leases only, however many are visible") {
    world queue;
    queue.max = 5'000;
    auto given = rules(0, 5'000, 10);
    REQUIRE(queue.popped(given).size() == 5'000);
    for (const bool ordered : {false, true}) {
        CAPTURE(ordered);
        auto one = ordered ? in_order(10, 1) : rules(10, 1);
        const auto offer = queue.table.look(one);
        CHECK(offer.again.size() == 1);
        CHECK(offer.examined <= 100);
        one.deliveries_max = 1; // all are dead
        CHECK(queue.table.look(one).dead.size() == pop_table::dead_max);
        CHECK(queue.table.look(one).examined <= 100);
    }
}

TEST_CASE("pop_table: in order, a dead message holds up those behind it, and not those in front") {
    world queue;
    queue.max = 3;
    const auto all = [](std::int64_t now) {
        auto given = rules(now, 3, 10);
        given.ordered = true;
        given.deliveries_max = 2;
        return given;
    };
    REQUIRE(queue.popped(rules(1, 3, 1'000)) == offsets{0, 1, 2});
    REQUIRE(queue.table.change_visibility(at(1), ms(1), ms(2), 0, queue.changes));
    REQUIRE(queue.popped(rules(5, 1, 10)) == offsets{1}); // its second delivery
    const auto offer = queue.table.look(all(2'000));
    REQUIRE(offer.again.size() == 1);
    CHECK(offer.again.front().offset == at(0));
    CHECK(offer.dead == std::vector{at(1)});
    CHECK(offer.fresh_max == 0);
    REQUIRE(queue.popped(all(2'000)) == offsets{0});
    queue.table.bury(at(1));
    CHECK(queue.popped(all(2'005)).empty());
    REQUIRE(queue.ack(0, 2'000) == outcome::done);
    CHECK(queue.popped(all(2'006)).empty());
    queue.table.remove_buried(at(1), queue.changes);
    CHECK(queue.popped(all(2'007)) == offsets{2});
}

TEST_CASE("pop_table: in order, nobody gets anything while a message is out, and the same attempt gets the same") {
    world queue;
    CHECK(queue.popped(in_order(0, 3, "a")) == offsets{0, 1, 2});
    CHECK(queue.popped(in_order(1, 3, "b")).empty());
    CHECK(queue.popped(in_order(1, 3)).empty());
    const auto again = queue.pop(in_order(2, 3, "a"));
    REQUIRE(again.size() == 3);
    CHECK(again[2].deliveries == 1);
    CHECK(again[2].popped == ms(2));
    CHECK(queue.ack(0, 0) == outcome::stale);
    CHECK(queue.ack(0, 2) == outcome::done);
    CHECK(queue.ack(2, 2) == outcome::done);
    CHECK(queue.table.committed() == at(1));
    CHECK(queue.popped(in_order(3, 3, "a")) == offsets{1});
    CHECK(queue.popped(in_order(1'002, 3, "b")).empty()); // 1 is out until 1003
    const auto late = queue.pop(in_order(1'003, 3, "b"));
    REQUIRE(late.size() == 3);
    CHECK(late[0] == pop_lease{at(1), ms(2'003), ms(1'003), ms(0), 2});
    CHECK(late[1].offset == at(3));
    for (const auto& lease : late)
        CHECK(queue.ack(lease.offset.value(), 1'003) == outcome::done);
    CHECK(queue.popped(in_order(1'004, 1, "b")) == offsets{5}); // the batch is done: a new one
}

TEST_CASE("pop_table: an attempt that is repeated when its time is over counts as a delivery") {
    world queue;
    REQUIRE(queue.popped(in_order(0, 1, "a")) == offsets{0});
    CHECK(queue.pop(in_order(999, 1, "a")).at(0).deliveries == 1);
    CHECK(queue.pop(in_order(1'999, 1, "a")).at(0).deliveries == 2);
}

TEST_CASE("pop_table: a batch of which a message was given back is no longer repeated") {
    world queue;
    REQUIRE(queue.popped(in_order(0, 2, "a")) == offsets{0, 1});
    REQUIRE(queue.table.change_visibility(at(0), ms(0), ms(10), 500, queue.changes).has_value());
    CHECK(queue.popped(in_order(20, 2, "a")).empty());
    CHECK(queue.popped(in_order(999, 2, "a")).empty()); // 1 is out until 1000
    CHECK(queue.popped(in_order(1'000, 1, "a")) == offsets{0});
}

TEST_CASE("pop_table: beyond the bound there are no new messages, but what was popped comes again") {
    world queue;
    auto given = rules(0, 4, 10);
    given.queue_leases_max = 6;
    CHECK(queue.popped(given) == offsets{0, 1, 2, 3});
    CHECK(queue.popped(given) == offsets{4, 5});
    CHECK(queue.table.look(given).is_full);
    CHECK(queue.popped(given).empty());
    given.now = ms(10);
    CHECK(queue.popped(given) == offsets{0, 1, 2, 3});
    CHECK(queue.ack(4, 0) == outcome::done);
    given.messages_max = 2;
    CHECK(queue.popped(given) == offsets{5, 6});
}

TEST_CASE("pop_table: what the log no longer has, or does not have yet, is forgotten") {
    world queue;
    REQUIRE(queue.popped(rules(0, 10)).size() == 10);
    queue.table.fit(at(4), at(8), queue.changes);
    CHECK(queue.table.committed() == at(4));
    CHECK(queue.table.next() == at(8));
    CHECK(queue.table.leases() == 4);
    queue.table.fit(at(50), at(60), queue.changes);
    CHECK(queue.table.leases() == 0);
    CHECK(queue.table.next() == at(50));
    queue.table.reset(at(3), queue.changes);
    CHECK(queue.changes.forget);
    CHECK(queue.changes.next == at(3));
    CHECK(queue.popped(rules(1, 1)) == offsets{3});
}

// Goal: no sequence of events loses a message, hands one out that is out or acknowledged, or leaves a change unsaid.
// How:  random events on a table and on a model that knows nothing but, of each message, whether it is new, done, or out until when; a
//       copy is kept from the changes alone, and the table is made anew from it now and then.
TEST_CASE("pop_table: does what a simple model does, whatever happens") {
    const auto seed = test_support::random_seed("pop_table", 20'261'129);
    std::mt19937_64 random{seed};
    const auto below = [&random](std::int64_t bound) { return static_cast<std::int64_t>(random() % static_cast<std::uint64_t>(bound)); };
    struct model_message {
        std::int64_t visible = 0;
        std::int64_t popped = 0;
        std::int32_t deliveries = 0;
    };
    for (int run = 0; run < 200; ++run) {
        CAPTURE(run);
        std::map<std::int64_t, model_message> out;
        std::int64_t next = 0;
        std::int64_t max = 0;
        std::int64_t now = 1'000;
        popped_queue_state copy{{"g", {"t", queue_id{0}}}, at(0), {}};
        std::map<queue_offset, pop_lease> copied;
        pop_table table{at(0)};
        const auto apply = [&](const popped_queue_changes& changes) {
            if (changes.forget)
                copied.clear();
            if (changes.next)
                copy.next = *changes.next;
            for (const auto& [offset, lease] : changes.leases) {
                if (lease)
                    copied.insert_or_assign(offset, *lease);
                else
                    copied.erase(offset);
            }
        };
        for (int step = 0; step < 300; ++step) {
            CAPTURE(step);
            popped_queue_changes changes;
            switch (below(10)) {
            case 0: max += below(8); break;
            case 1: now += below(40); break;
            case 2:
            case 3:
            case 4: { // a pop
                auto given = rules(now, static_cast<std::int32_t>(1 + below(6)), 1 + below(60));
                given.deliveries_max = 5;
                given.queue_leases_max = 12;
                given.ordered = below(4) == 0;
                const auto offer = table.look(given);
                const bool is_blocked =
                    std::any_of(out.begin(), out.end(), [now](const auto& one) { return now < one.second.visible; }) && given.ordered;
                if (is_blocked)
                    CHECK((offer.again.empty() && offer.fresh_max == 0));
                for (const auto dead : offer.dead) {
                    REQUIRE(out.contains(dead.value()));
                    CHECK(out[dead.value()].deliveries >= 5);
                    CHECK(out[dead.value()].visible <= now);
                    table.bury(dead);
                    if (below(2) == 0) {
                        table.remove(dead, changes);
                        out.erase(dead.value());
                    } else {
                        out[dead.value()].visible = now + 7;
                        table.unbury(dead, ms(now + 7), changes);
                    }
                }
                std::vector<queue_offset> again;
                for (const auto& lease : offer.again)
                    again.push_back(lease.offset);
                std::vector<queue_offset> fresh;
                auto behind = next;
                for (; behind < max && static_cast<std::int32_t>(fresh.size()) < offer.fresh_max; ++behind)
                    if (below(5) != 0) // the others are what a filter does not want
                        fresh.push_back(at(behind));
                const auto taken = table.take(given, again, fresh, at(behind), changes);
                CHECK(taken.size() <= static_cast<std::size_t>(given.messages_max));
                CHECK(std::is_sorted(taken.begin(), taken.end(), [](const auto& x, const auto& y) { return x.offset < y.offset; }));
                for (const auto& lease : taken) {
                    auto& message = out[lease.offset.value()];
                    if (lease.offset.value() < next)
                        CHECK((message.deliveries > 0 && message.deliveries < 5 && message.visible <= now));
                    else
                        CHECK(message.deliveries == 0);
                    CHECK(message.popped < lease.popped.value());
                    message = {now + given.invisible_ms, now, message.deliveries + 1};
                    CHECK(lease.deliveries == message.deliveries);
                }
                next = std::max(next, behind);
                break;
            }
            case 5:
            case 6:
            case 7: { // an acknowledgement, right, old or of nothing
                const auto offset = below(next + 2);
                const auto known = out.find(offset);
                const auto popped = known == out.end() ? now : known->second.popped - below(2);
                const auto said = table.acknowledge(at(offset), ms(popped), changes);
                if (known == out.end()) {
                    CHECK(said == (offset < next ? outcome::stale : outcome::unknown));
                } else if (popped == known->second.popped) {
                    CHECK(said == outcome::done);
                    out.erase(known);
                } else {
                    CHECK(said == outcome::stale);
                }
                break;
            }
            case 8: { // longer, or back
                if (out.empty())
                    break;
                auto& chosen = *std::next(out.begin(), below(static_cast<std::int64_t>(out.size())));
                auto& message = chosen.second;
                const auto changed = table.change_visibility(at(chosen.first), ms(message.popped), ms(now), below(50), changes);
                REQUIRE(changed.has_value());
                CHECK(changed->popped.value() > message.popped);
                message.popped = changed->popped.value();
                message.visible = changed->visible.value();
                break;
            }
            case 9:
                if (below(10) == 0) {
                    next = below(max + 1);
                    out.clear();
                    table.reset(at(next), changes);
                } else if (below(4) == 0) { // a restart
                    auto stored = copy;
                    for (const auto& one : copied)
                        stored.leases.push_back(one.second);
                    table = pop_table{stored};
                }
                break;
            }
            apply(changes);
            // What the table says, the copy has, and both say what the model says.
            auto stored = copy;
            for (const auto& one : copied)
                stored.leases.push_back(one.second);
            REQUIRE(table.state(copy.key) == stored);
            REQUIRE(table.next() == at(next));
            REQUIRE(table.leases() == out.size());
            for (const auto& one : out) {
                const auto* lease = table.lease(at(one.first));
                REQUIRE(lease != nullptr);
                REQUIRE(lease->visible == ms(one.second.visible));
                REQUIRE(lease->popped == ms(one.second.popped));
                REQUIRE(lease->popped < lease->visible);
            }
            REQUIRE(table.committed() == at(out.empty() ? next : out.begin()->first));
        }
    }
}
