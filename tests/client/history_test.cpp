#include "testing/history.hpp"

#include <doctest/doctest.h>

using namespace troupe::testing;

namespace {

history::place at(std::int64_t offset) {
    return {"t/a/0", offset};
}

} // namespace

TEST_CASE("history: complete only when each message came from the place where it was acknowledged") {
    history notes;
    notes.sending("m");
    notes.delivered("m", at(3)); // an attempt whose answer was lost
    notes.acknowledged("m", at(5), 2);
    CHECK_FALSE(notes.complete());
    notes.delivered("m", at(5));
    CHECK(notes.complete());
    const auto found = check(notes);
    CHECK(found.good());
    CHECK(found.stored_twice == 1);
}

TEST_CASE("history: a delivery before the acknowledgement counts") {
    history notes;
    notes.sending("m");
    notes.delivered("m", at(3));
    notes.acknowledged("m", at(3), 1);
    CHECK(notes.complete());
    CHECK(check(notes).good());
}

TEST_CASE("history: what is lost, never sent, at the wrong place or twice without a reason is found") {
    history lost;
    lost.sending("m");
    lost.acknowledged("m", at(0), 1);
    CHECK_FALSE(lost.complete());
    CHECK(check(lost).lost.size() == 1);

    history phantom;
    phantom.delivered("m", at(0));
    CHECK(check(phantom).phantoms.size() == 1);

    history elsewhere;
    elsewhere.sending("m");
    elsewhere.acknowledged("m", at(0), 1);
    elsewhere.delivered("m", at(1));
    CHECK_FALSE(check(elsewhere).good());

    history replaced;
    replaced.sending("m");
    replaced.sending("n");
    replaced.acknowledged("m", at(0), 1);
    replaced.delivered("n", at(0));
    CHECK(check(replaced).contradictions.size() >= 1);

    history twice;
    twice.sending("m");
    twice.acknowledged("m", at(0), 1);
    twice.delivered("m", at(0));
    twice.delivered("m", at(1));
    CHECK(check(twice).stored_twice_unexplained.size() == 1);
}

TEST_CASE("history: the same place again is a redelivery, not a second copy") {
    history notes;
    notes.sending("m");
    notes.acknowledged("m", at(0), 1);
    notes.delivered("m", at(0));
    notes.delivered("m", at(0));
    const auto found = check(notes);
    CHECK(found.good());
    CHECK(found.redeliveries == 1);
}
