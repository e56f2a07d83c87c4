#include "actors/base/lag_book.hpp"

#include <doctest/doctest.h>

using namespace troupe;
using namespace troupe::actors;
using namespace std::chrono_literals;

namespace {

using change = lag_book::change;

group_lag behind(std::int64_t messages, std::int64_t oldest_ms) {
    return {messages, timestamp_ms{oldest_ms}};
}

} // namespace

TEST_CASE("lag_book: a group is slow when its oldest message is too old, and is told once, until it has caught up") {
    lag_book book{10s};
    CHECK_FALSE(book.find("g"));
    CHECK(book.note("g", behind(3, 90'001), true, timestamp_ms{100'000}) == change::none);
    CHECK(book.find("g")->age_ms() == 9'999);
    CHECK(book.note("g", behind(3, 90'000), true, timestamp_ms{100'001}) == change::became_slow);
    CHECK(book.find("g")->is_slow);
    CHECK(book.slow_count() == 1);
    CHECK(book.note("g", behind(9, 90'000), true, timestamp_ms{120'000}) == change::none);
    CHECK(book.note("g", behind(2, 121'000), true, timestamp_ms{130'000}) == change::none); // at the edge
    CHECK(book.note("g", behind(2, 125'000), true, timestamp_ms{130'000}) == change::caught_up);
    CHECK(book.slow_count() == 0);
    CHECK(book.note("g", behind(0, 0), true, timestamp_ms{140'000}) == change::none);
    CHECK(book.find("g")->age_ms() == 0);
}

TEST_CASE("lag_book: nobody is slow who is not there, or without a threshold") {
    lag_book book{10s};
    CHECK(book.note("g", behind(3, 1), false, timestamp_ms{100'000}) == change::none);
    CHECK(book.messages_max() == 0);
    CHECK(book.note("g", behind(3, 1), true, timestamp_ms{100'000}) == change::became_slow);
    CHECK(book.note("g", behind(3, 1), false, timestamp_ms{100'000}) == change::none); // it left
    CHECK(book.slow_count() == 0);
    lag_book without;
    CHECK(without.note("g", behind(3, 1), true, timestamp_ms{100'000}) == change::none);
}

TEST_CASE("lag_book: says the most of all groups, and forgets those that are gone") {
    lag_book book{10s};
    CHECK(book.age_ms_max() == 0);
    book.note("g", behind(30, 60'000), true, timestamp_ms{100'000});
    book.note("h", behind(500, 99'000), true, timestamp_ms{100'000});
    CHECK(book.messages_max() == 500);
    CHECK(book.age_ms_max() == 40'000);
    CHECK(book.slow_count() == 1);
    book.forget("g");
    book.forget("never there");
    CHECK(book.slow_count() == 0);
    CHECK(book.age_ms_max() == 1'000);
    CHECK_FALSE(book.find("g"));
}
