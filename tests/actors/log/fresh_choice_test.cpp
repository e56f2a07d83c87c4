#include "actors/log/fresh_choice.hpp"

#include "actors/base/message_filter.hpp"
#include "protocol/message_codec.hpp"

#include <doctest/doctest.h>

#include <memory>
#include <string>
#include <string_view>
#include <vector>

using namespace troupe;
using namespace troupe::actors;

namespace {

/// Records at offsets 10, 11, ... whose bodies and values of property a are their numbers: 0, 1, ...
fresh_records numbered(std::int32_t count) {
    std::string records;
    for (std::int32_t i = 0; i < count; ++i) {
        protocol::message m;
        m.topic = "orders";
        m.body = payload{std::to_string(i)};
        m.properties = protocol::encode_properties({{"a", std::to_string(i)}, {"TAGS", i % 2 == 0 ? "even" : "odd"}}).value();
        auto record = protocol::encode_record(m).value();
        protocol::place_record(record, queue_offset{10 + i}, log_position{0}, timestamp_ms{1});
        records += record;
    }
    return {queue_offset{10}, count, payload{std::move(records)}};
}

std::string bodies(const fresh_choice& chosen) {
    const auto messages = protocol::decode_records(chosen.records);
    REQUIRE(messages);
    CHECK(messages->size() == static_cast<std::size_t>(chosen.count));
    std::string all;
    for (const auto& one : *messages)
        all += std::string{one.body.view()} + ' ';
    return all;
}

pull_from_queue wishing(const std::string& expression, const std::string& type = "SQL92", storage::read_limits limits = {}) {
    pull_from_queue pull;
    pull.filter = parse_message_filter(expression, type).value();
    pull.limits = limits;
    return pull;
}

} // namespace

TEST_CASE("fresh_choices: a filter takes its records, whole and in order") {
    const auto fresh = numbered(6);
    fresh_choices choices{fresh};
    const auto* chosen = choices.choose(wishing("a > 1 AND a <> 3"));
    REQUIRE(chosen != nullptr);
    CHECK(bodies(*chosen) == "2 4 5 ");
    CHECK(chosen->next == queue_offset{16});
    chosen = choices.choose(wishing("odd", "TAG"));
    REQUIRE(chosen != nullptr);
    CHECK(bodies(*chosen) == "1 3 5 ");
    chosen = choices.choose(wishing("b = 1"));
    REQUIRE(chosen != nullptr);
    CHECK(chosen->count == 0);
    CHECK(chosen->next == queue_offset{16});
}

TEST_CASE("fresh_choices: limits hold, and what has no place is next") {
    const auto fresh = numbered(6);
    fresh_choices choices{fresh};
    const auto* chosen = choices.choose(wishing("a > 1", "SQL92", {2, 1u << 20}));
    REQUIRE(chosen != nullptr);
    CHECK(bodies(*chosen) == "2 3 ");
    CHECK(chosen->next == queue_offset{14});
    chosen = choices.choose(wishing("a > 1", "SQL92", {32, 1})); // one always comes
    REQUIRE(chosen != nullptr);
    CHECK(bodies(*chosen) == "2 ");
    CHECK(chosen->next == queue_offset{13});
}

TEST_CASE("fresh_choices: pulls with one filter share the work, and beyond the bound they read") {
    const auto fresh = numbered(6);
    fresh_choices choices{fresh, 12};
    const auto wish = wishing("a > 1");
    const auto* chosen = choices.choose(wish);
    REQUIRE(chosen != nullptr);
    for (int i = 0; i < 100; ++i)
        CHECK(choices.choose(wish) == chosen);
    REQUIRE(choices.choose(wishing("a > 2")) != nullptr);
    CHECK(choices.choose(wishing("a > 3")) == nullptr);
    CHECK(choices.choose(wish) != nullptr);
}

TEST_CASE("fresh_choices: the work of different filters is bounded by what they compare, not by their number") {
    protocol::message m;
    m.topic = "orders";
    m.body = payload{"x"};
    m.properties = protocol::encode_properties({{"a", std::string(30'000, 'x')}}).value();
    auto record = protocol::encode_record(m).value();
    protocol::place_record(record, queue_offset{10}, log_position{0}, timestamp_ms{1});
    const fresh_records fresh{queue_offset{10}, 2, payload{record + record}};
    fresh_choices choices{fresh};
    std::size_t evaluations = 0;
    std::size_t served = 0;
    std::vector<pull_from_queue> pulls; // a filter that is gone could leave its address to the next
    for (int i = 0; i < 100; ++i) {
        auto filter = std::make_shared<storage::record_filter>();
        filter->work = 4'000;
        filter->wants = [&evaluations](std::string_view) { return ++evaluations > 0; };
        pull_from_queue pull;
        pull.filter = filter;
        pulls.push_back(pull);
        served += choices.choose(pull) != nullptr ? 1u : 0u;
    }
    CHECK(served == 1);
    CHECK(evaluations == 2);
    // Ordinary ones all have their turn.
    const auto small = numbered(6);
    fresh_choices others{small};
    for (int i = 0; i < 1'000; ++i)
        CHECK(others.choose(wishing("a > " + std::to_string(i))) != nullptr);
    CHECK(parse_message_filter("a > 1", "SQL92").value()->work == 5);
}

TEST_CASE("fresh_choices: from records that are not all there nothing is chosen") {
    auto fresh = numbered(2);
    fresh.records = fresh.records.slice(0, fresh.records.size() - 1);
    CHECK(fresh_choices{fresh}.choose(wishing("a = 0")) == nullptr);
    fresh.records = {};
    CHECK(fresh_choices{fresh}.choose(wishing("a = 0")) == nullptr);
}
