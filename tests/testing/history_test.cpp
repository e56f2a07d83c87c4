#include "testing/history.hpp"

#include <doctest/doctest.h>

using troupe::testing::check;
using troupe::testing::history;

namespace {

void send(history& notes, const std::string& id, std::int64_t offset, int attempts = 1) {
    notes.sending(id);
    notes.acknowledged(id, {"q", offset}, attempts);
}

} // namespace

TEST_CASE("history: nothing sent and nothing delivered is good and complete") {
    const history empty;
    CHECK(check(empty).good());
    CHECK(empty.complete());
}

TEST_CASE("history: an acknowledged message that never arrives is lost") {
    history notes;
    send(notes, "a", 0);
    CHECK_FALSE(notes.complete());
    CHECK(check(notes).lost.size() == 1);
    notes.delivered("a", {"q", 0});
    CHECK(notes.complete());
    CHECK(check(notes).good());
}

TEST_CASE("history: complete only when each message came from the place where it was acknowledged") {
    history notes;
    notes.sending("a");
    notes.delivered("a", {"q", 3}); // an attempt whose answer was lost
    notes.acknowledged("a", {"q", 5}, 2);
    CHECK_FALSE(notes.complete());
    notes.delivered("a", {"q", 5});
    CHECK(notes.complete());
    CHECK(check(notes).good());
    CHECK(check(notes).stored_twice == 1);
}

TEST_CASE("history: a delivery before the acknowledgement counts") {
    history notes;
    notes.sending("a");
    notes.delivered("a", {"q", 3});
    notes.acknowledged("a", {"q", 3}, 1);
    CHECK(notes.complete());
    CHECK(check(notes).good());
}

TEST_CASE("history: a delivery that nobody sent is a phantom, one whose send failed is not") {
    history notes;
    notes.delivered("ghost", {"q", 0});
    notes.sending("unsure");
    notes.failed("unsure");
    notes.delivered("unsure", {"q", 1});
    const auto verdict = check(notes);
    CHECK(verdict.phantoms.size() == 1);
    CHECK(verdict.lost.empty());
}

TEST_CASE("history: two messages at one place, or one elsewhere than acknowledged, contradict each other") {
    history notes;
    send(notes, "a", 0);
    notes.delivered("b", {"q", 0});
    CHECK(check(notes).contradictions.size() == 1);

    history replaced;
    send(replaced, "a", 0);
    replaced.sending("b");
    replaced.delivered("b", {"q", 0});
    CHECK(check(replaced).contradictions.size() >= 1);

    history moved;
    send(moved, "a", 0);
    moved.delivered("a", {"q", 7});
    CHECK(check(moved).contradictions.size() == 1);
}

TEST_CASE("history: a message stored twice is counted when a retry explains it and wrong otherwise") {
    history explained;
    send(explained, "a", 1, 2);
    explained.delivered("a", {"q", 0});
    explained.delivered("a", {"q", 1});
    CHECK(check(explained).good());
    CHECK(check(explained).stored_twice == 1);

    history unexplained;
    send(unexplained, "a", 1);
    unexplained.delivered("a", {"q", 0});
    unexplained.delivered("a", {"q", 1});
    CHECK_FALSE(check(unexplained).good());
}

TEST_CASE("history: the same place delivered again is a redelivery, not a second copy") {
    history notes;
    send(notes, "a", 0);
    notes.delivered("a", {"q", 0});
    notes.delivered("a", {"q", 0});
    const auto verdict = check(notes);
    CHECK(verdict.good());
    CHECK(verdict.redeliveries == 1);
}
