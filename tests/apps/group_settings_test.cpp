#include "apps/commands/group_settings.hpp"

#include <doctest/doctest.h>

#include <algorithm>

using namespace troupe;
using namespace troupe::apps;

namespace {

const group_setting& setting(std::string_view name) {
    const auto all = group_settings();
    const auto found = std::ranges::find(all, name, &group_setting::name);
    REQUIRE(found != all.end());
    return *found;
}

std::string refusal(std::string_view name, std::string_view text) {
    group_config group;
    const auto set = setting(name).set(group, text);
    CHECK(group == group_config{});
    return set ? std::string{} : set.failure().text;
}

} // namespace

TEST_CASE("group settings: each changes one member of a group, and is shown as it was written") {
    const std::pair<std::string_view, std::string_view> values[] = {{"consume_enable", "no"},
                                                                    {"consume_broadcast_enable", "no"},
                                                                    {"retry_queue_nums", "4"},
                                                                    {"retry_max_times", "-1"},
                                                                    {"group_retry_policy", "customized:1s,500ms,2h"},
                                                                    {"notify_consumer_ids_changed_enable", "no"},
                                                                    {"deliver_rate", "9223372036854775807"},
                                                                    {"consume_from_min_enable", "no"},
                                                                    {"consume_message_orderly", "yes"},
                                                                    {"consume_timeout_minute", "30"},
                                                                    {"broker_id", "2"},
                                                                    {"which_broker_when_consume_slowly", "3"},
                                                                    {"group_sys_flag", "4"}};
    CHECK(std::size(values) == group_settings().size());
    group_config all;
    for (const auto& value : values) {
        CAPTURE(value.first);
        group_config one;
        REQUIRE(setting(value.first).set(one, value.second));
        const auto changes = changes_between({}, one);
        REQUIRE(changes.size() == 1);
        CHECK(changes[0].name == value.first);
        CHECK(changes[0].to == value.second);
        REQUIRE(setting(value.first).set(all, value.second));
    }
    CHECK(changes_between({}, all).size() == group_settings().size());
    CHECK(changes_between(all, all).empty());
    CHECK(all.retry_max == -1);
    CHECK(all.deliver_messages == 9'223'372'036'854'775'807);
    CHECK(all.retries.delays_ms == std::vector<std::int64_t>{1'000, 500, 7'200'000});
    CHECK_FALSE(all.notify_members_changed);
    CHECK(all.consume_message_orderly);
    CHECK(all.sys_flag == 4);
}

TEST_CASE("group settings: options have RocketMQ's names") {
    CHECK(option_of(setting("retry_max_times")) == "--retry-max-times");
    CHECK(option_of(setting("which_broker_when_consume_slowly")) == "--which-broker-when-consume-slowly");
}

TEST_CASE("group settings: what cannot be is refused with what can, and changes nothing") {
    CHECK(refusal("consume_enable", "maybe") == "\"maybe\" is none of true, false");
    CHECK(refusal("retry_queue_nums", "1025") == "\"1025\" is no whole number from 0 to 1024");
    CHECK(refusal("retry_queue_nums", "-1") == "\"-1\" is no whole number from 0 to 1024");
    CHECK(refusal("retry_max_times", "-2") == "\"-2\" is no whole number from -1 on");
    CHECK(refusal("retry_max_times", "5 times") == "\"5 times\" is no whole number from -1 on");
    CHECK(refusal("deliver_rate", "9223372036854775808") == "\"9223372036854775808\" is no whole number from 0 on");
    CHECK(refusal("deliver_rate", "") == "\"\" is no whole number from 0 on");
    CHECK(refusal("group_retry_policy", "fixed:5s") ==
          "\"fixed:5s\" is none of levels, customized:DELAY,..., exponential, exponential:FIRST,LONGEST,TIMES");
    CHECK(refusal("group_retry_policy", "customized:5s,soon").find("\"soon\" is no duration") == 0);
    CHECK(refusal("group_retry_policy", "customized:").find("\"\" is no duration") == 0);
    CHECK(refusal("group_retry_policy", "exponential:5s,2h").find("exponential:FIRST,LONGEST,TIMES") != std::string::npos);
    CHECK(refusal("group_retry_policy", "exponential:5s,2h,0") == "\"0\" is no whole number from 1 on");
    CHECK(refusal("group_retry_policy", "exponential:2h,5s,2").find("initial is 7200000 ms; allowed are 1 to max") != std::string::npos);
    CHECK(refusal("group_retry_policy", "exponentially").find("is no policy") != std::string::npos);
    std::string many = "customized:1s";
    for (int i = 0; i < 20; ++i) {
        many += ",1s";
    }
    CHECK(refusal("group_retry_policy", many).find("21 delays; at most 20 are allowed") != std::string::npos);
}

TEST_CASE("group settings: policies read back as they print") {
    for (const std::string text : {"levels", "customized:0ms", "customized:1s,1m,1d", "exponential:5s,2h,2", "exponential:1ms,1ms,1"}) {
        CAPTURE(text);
        const auto policy = parse_retry_policy(text);
        REQUIRE(policy.ok());
        CHECK(format_retry_policy(*policy) == text);
    }
    CHECK(format_retry_policy(*parse_retry_policy("exponential")) == "exponential:5s,2h,2");
    retry_policy unsaid; // as RocketMQ's tools can make one: it is none
    unsaid.is_exponential = true;
    CHECK(format_retry_policy(unsaid) == "levels (type EXPONENTIAL without a policy)");
}
