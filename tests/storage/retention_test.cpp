#include "storage/retention.hpp"

#include <doctest/doctest.h>

#include <vector>

using namespace troupe;
using namespace troupe::storage;
using namespace std::chrono_literals;

namespace {

constexpr disk_space roomy{.total_bytes = 10'000, .free_bytes = 9'000};
constexpr timestamp_ms now{1'000'000};

/// Segments of 100 bytes, the last one active, whose last records are `ages_ms` old.
std::vector<segment_summary> segments_of_age(const std::vector<std::int64_t>& ages_ms) {
    std::vector<segment_summary> all;
    for (const auto age : ages_ms)
        all.push_back(
            {log_position{static_cast<std::int64_t>(all.size()) * 100}, 100, timestamp_ms{1}, timestamp_ms{now.value() - age}, false});
    if (!all.empty())
        all.back().is_active = true;
    return all;
}

} // namespace

TEST_CASE("retention: nothing goes when no rule says so") {
    const auto decision = decide_retention(segments_of_age({500, 400, 300}), roomy, {.age = 500ms}, now);
    CHECK(decision.segments == 0);
    CHECK(decision.keep_from == log_position{0});
    CHECK(decision.reason == retention_reason::none);
    CHECK(decide_retention({}, roomy, {}, now).segments == 0);
}

TEST_CASE("retention: segments go by the age of their last record, and never one behind a younger one") {
    auto segments = segments_of_age({900, 501, 100, 900, 0});
    const auto decision = decide_retention(segments, roomy, {.age = 500ms}, now);
    CHECK(decision.segments == 2);
    CHECK(decision.keep_from == log_position{200});
    CHECK(decision.reason == retention_reason::age);
}

TEST_CASE("retention: a segment whose times are not known does not go by age") {
    auto segments = segments_of_age({900, 900});
    segments[0].last_stored = timestamp_ms{0};
    CHECK(decide_retention(segments, roomy, {.age = 500ms}, now).segments == 0);
}

TEST_CASE("retention: the oldest go until the total fits, but never the active one") {
    const auto segments = segments_of_age({4, 3, 2, 1});
    CHECK(decide_retention(segments, roomy, {.bytes_max = 400}, now).segments == 0);
    const auto some = decide_retention(segments, roomy, {.bytes_max = 250}, now);
    CHECK(some.keep_from == log_position{200});
    CHECK(some.reason == retention_reason::bytes);
    CHECK(decide_retention(segments, roomy, {.bytes_max = 1}, now).keep_from == log_position{300});
    CHECK(decide_retention(segments_of_age({900}), roomy, {.age = 1ms, .bytes_max = 1}, now).segments == 0);
}

TEST_CASE("retention: a full disk takes just enough of the oldest") {
    const auto segments = segments_of_age({5, 4, 3, 2, 1});
    const disk_space full{.total_bytes = 1000, .free_bytes = 0};
    const auto decision = decide_retention(segments, full, {.disk_clean_ratio = 0.85}, now);
    CHECK(decision.segments == 2);
    CHECK(decision.reason == retention_reason::disk);
    CHECK(decide_retention(segments, {.total_bytes = 1000, .free_bytes = 150}, {.disk_clean_ratio = 0.85}, now).segments == 0);
}

TEST_CASE("retention: of many that are due the oldest go, so many at once") {
    const auto segments = segments_of_age({900, 800, 700, 600, 0});
    const auto some = decide_retention(segments, roomy, {.age = 500ms, .segments_max = 3}, now);
    CHECK(some.segments == 3);
    CHECK(some.keep_from == log_position{300});
    CHECK(some.reason == retention_reason::age);
    CHECK(decide_retention(segments, roomy, {.age = 500ms, .segments_max = 9}, now).segments == 4);
    CHECK(decide_retention(segments, roomy, {.age = 500ms, .segments_max = 0}, now).segments == 0);
}
