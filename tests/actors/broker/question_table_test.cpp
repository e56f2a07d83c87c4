#include "actors/broker/question_table.hpp"

#include <doctest/doctest.h>

#include <utility>
#include <vector>

using namespace troupe;
using namespace troupe::actors;

namespace {

using outcomes = std::vector<std::pair<int, errc>>;

/// Who is told of a failure, and which.
struct listeners {
    outcomes told;
    question_table::continuation listener(int number) {
        return [this, number](const error& failure) { told.emplace_back(number, failure.code); };
    }
};

} // namespace

TEST_CASE("question_table: a question that is answered has not failed, and one that has failed is not answered") {
    question_table table{10};
    listeners all;
    CHECK(table.is_empty());
    const auto first = table.add(all.listener(1)).value();
    const auto second = table.add(all.listener(2)).value();
    CHECK(first != second);
    CHECK(table.end(first));
    CHECK_FALSE(table.end(first));
    table.fail(first, {errc::timed_out, {}});
    CHECK(all.told.empty());
    table.fail(second, {errc::timed_out, {}});
    table.fail(second, {errc::timed_out, {}});
    CHECK_FALSE(table.end(second));
    CHECK(all.told == outcomes{{2, errc::timed_out}});
    CHECK(table.is_empty());
}

TEST_CASE("question_table: one question too many is told busy, and takes no place") {
    question_table table{1};
    listeners all;
    const auto first = table.add(all.listener(1)).value();
    CHECK_FALSE(table.add(all.listener(2)));
    CHECK(all.told == outcomes{{2, errc::busy}});
    CHECK(table.end(first));
    CHECK(table.add(all.listener(3)));
    CHECK(all.told.size() == 1);
}

TEST_CASE("question_table: an owner that ends fails what is under way, once") {
    question_table table{10};
    listeners all;
    const auto first = table.add(all.listener(1)).value();
    CHECK(table.add(all.listener(2)));
    table.fail_all({errc::shutting_down, {}});
    table.fail_all({errc::shutting_down, {}});
    CHECK(all.told == outcomes{{1, errc::shutting_down}, {2, errc::shutting_down}});
    CHECK_FALSE(table.end(first)); // the answer is late
    CHECK(table.is_empty());
}

// Goal: whoever is told of a failure may ask anew at once: the next name server, the next client of the group.
TEST_CASE("question_table: a question that is asked because another has failed finds the place of that free") {
    question_table table{1};
    listeners all;
    const auto first = table.add([&table, &all](const error&) { CHECK(table.add(all.listener(2))); }).value();
    table.fail(first, {errc::timed_out, {}});
    CHECK(all.told.empty());
    CHECK_FALSE(table.is_empty());
    table.fail_all({errc::shutting_down, {}});
    CHECK(all.told == outcomes{{2, errc::shutting_down}});
}

TEST_CASE("question_table: an owner that ends also fails what is asked because of that") {
    question_table table{10};
    listeners all;
    CHECK(table.add([&table, &all](const error&) { CHECK(table.add(all.listener(2))); }));
    table.fail_all({errc::shutting_down, {}});
    CHECK(all.told == outcomes{{2, errc::shutting_down}});
    CHECK(table.is_empty());
}
