#include "config/nearest.hpp"

#include <doctest/doctest.h>

using namespace troupe::config;

TEST_CASE("nearest: distance counts insertions, deletions, replacements and swaps") {
    CHECK(edit_distance("", "") == 0);
    CHECK(edit_distance("", "abc") == 3);
    CHECK(edit_distance("abc", "abc") == 0);
    CHECK(edit_distance("abc", "abd") == 1);
    CHECK(edit_distance("abc", "ab") == 1);
    CHECK(edit_distance("abc", "acb") == 1);
    CHECK(edit_distance("kitten", "sitting") == 3);
}

TEST_CASE("nearest: a mistyped word finds what was meant") {
    const std::vector<std::string> words{"topic", "group", "send", "consume", "cluster"};
    CHECK(nearest("topci", words) == "topic");
    CHECK(nearest("Topic", words) == "topic");
    CHECK(nearest("consmue", words) == "consume");
    CHECK(nearest("clustre", words) == "cluster");
}

TEST_CASE("nearest: an unrelated word finds nothing") {
    const std::vector<std::string> words{"topic", "group", "id"};
    CHECK(nearest("banana", words).empty());
    CHECK(nearest("xy", words).empty());
    CHECK(nearest("", words).empty());
    CHECK(nearest(std::string(1'000'000, 'a'), words).empty());
    CHECK(nearest("topic", {}).empty());
}
