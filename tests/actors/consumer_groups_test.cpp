#include "actors/consumer_groups.hpp"

#include <doctest/doctest.h>

using namespace troupe;
using namespace troupe::actors;
using namespace std::chrono_literals;

namespace {

using names = std::set<std::string>;

protocol::heartbeat_data beat(std::string client, std::string group, std::vector<protocol::subscription_data> subscriptions) {
    protocol::consumer_data consumer;
    consumer.group = std::move(group);
    consumer.subscriptions = std::move(subscriptions);
    return {std::move(client), {}, {std::move(consumer)}};
}

protocol::subscription_data subscribed(std::string topic, std::string expression = "*", std::int64_t version = 1) {
    return {std::move(topic), std::move(expression), "TAG", version};
}

} // namespace

TEST_CASE("consumer_groups: a new member is announced once, a repeated heartbeat is not") {
    consumer_groups groups{120s};
    CHECK_FALSE(groups.has_members("g"));
    CHECK(groups.heartbeat(beat("a", "g", {subscribed("t")}), 1, clock_time{0s}) == names{"g"});
    CHECK(groups.heartbeat(beat("a", "g", {subscribed("t")}), 1, clock_time{30s}).empty());
    CHECK(groups.heartbeat(beat("b", "g", {subscribed("t")}), 2, clock_time{30s}) == names{"g"});
    CHECK(groups.members("g") == std::vector<std::string>{"a", "b"});
    CHECK(groups.sessions("g") == std::set<session_number>{1, 2});
}

TEST_CASE("consumer_groups: a client counts once for each group it is in, until it leaves") {
    consumer_groups groups{120s};
    groups.heartbeat(beat("a", "g", {}), 1, clock_time{0s});
    groups.heartbeat(beat("a", "h", {}), 1, clock_time{0s});
    groups.heartbeat(beat("a", "h", {}), 1, clock_time{1s});
    groups.heartbeat(beat("b", "h", {}), 2, clock_time{1s});
    CHECK(groups.member_count() == 3);
    groups.unregister("a", "g");
    CHECK(groups.member_count() == 2);
    groups.session_lost(1);
    CHECK(groups.member_count() == 1);
    groups.expire(clock_time{200s});
    CHECK(groups.member_count() == 0);
}

TEST_CASE("consumer_groups: the last heartbeat decides the topics of a group") {
    consumer_groups groups{120s};
    groups.heartbeat(beat("a", "g", {subscribed("t"), subscribed("u")}), 1, clock_time{0s});
    CHECK(groups.heartbeat(beat("a", "g", {subscribed("t"), subscribed("v")}), 1, clock_time{1s}) == names{"g"});
    CHECK(groups.subscription("g", "u") == nullptr);
    CHECK(groups.subscription("g", "v") != nullptr);
    CHECK(groups.subscription("h", "v") == nullptr);
}

TEST_CASE("consumer_groups: an older subscription does not replace a newer one") {
    consumer_groups groups{120s};
    groups.heartbeat(beat("a", "g", {subscribed("t", "TagA", 5)}), 1, clock_time{0s});
    groups.heartbeat(beat("b", "g", {subscribed("t", "TagB", 4)}), 2, clock_time{0s});
    CHECK(groups.subscription("g", "t")->expression == "TagA");
    groups.heartbeat(beat("b", "g", {subscribed("t", "TagB", 6)}), 2, clock_time{0s});
    CHECK(groups.subscription("g", "t")->expression == "TagB");
}

TEST_CASE("consumer_groups: members leave by unregister, lost session and expiry, and the rest hear of it") {
    consumer_groups groups{120s};
    for (const auto* client : {"a", "b", "c", "d"})
        groups.heartbeat(beat(client, "g", {subscribed("t")}), static_cast<session_number>(client[0]), clock_time{0s});
    CHECK(groups.unregister("a", "g") == names{"g"});
    CHECK(groups.unregister("a", "g").empty());
    CHECK(groups.session_lost('b') == names{"g"});
    groups.heartbeat(beat("c", "g", {subscribed("t")}), 'c', clock_time{60s});
    CHECK(groups.expire(clock_time{119s}).empty());
    CHECK(groups.expire(clock_time{120s}) == names{"g"});
    CHECK(groups.members("g") == std::vector<std::string>{"c"});
    CHECK(groups.expire(clock_time{180s}).empty()); // nobody is left to hear of it
    CHECK_FALSE(groups.has_members("g"));
    CHECK(groups.subscription("g", "t") == nullptr);
}

TEST_CASE("consumer_groups: a client that came back by another connection survives the end of the first") {
    consumer_groups groups{120s};
    groups.heartbeat(beat("a", "g", {subscribed("t")}), 1, clock_time{0s});
    CHECK(groups.heartbeat(beat("a", "g", {subscribed("t")}), 2, clock_time{1s}) == names{"g"});
    CHECK(groups.session_lost(1).empty());
    CHECK(groups.members("g") == std::vector<std::string>{"a"});
}

TEST_CASE("consumer_groups: broadcasting groups are never notified") {
    consumer_groups groups{120s};
    auto data = beat("a", "g", {subscribed("t")});
    data.consumers[0].model = protocol::message_model::broadcasting;
    CHECK(groups.heartbeat(data, 1, clock_time{0s}).empty());
    data.client_id = "b";
    CHECK(groups.heartbeat(data, 2, clock_time{0s}).empty());
    CHECK(groups.session_lost(1).empty());
    CHECK(groups.is_broadcasting("g"));
}

TEST_CASE("consumer_groups: a short heartbeat refreshes the member and keeps what the group has subscribed to") {
    consumer_groups groups{120s};
    groups.heartbeat(beat("a", "g", {subscribed("t")}), 1, clock_time{0s});
    CHECK(groups.heartbeat(beat("a", "g", {}), 1, clock_time{60s}, false).empty());
    CHECK(groups.subscription("g", "t") != nullptr);
    CHECK(groups.expire(clock_time{120s}).empty());
    CHECK(groups.has_members("g"));
    CHECK(groups.heartbeat(beat("b", "g", {}), 2, clock_time{60s}, false) == names{"g"}); // a new member all the same
    CHECK(groups.heartbeat(beat("a", "g", {}), 1, clock_time{61s}) == names{"g"});
    CHECK(groups.subscription("g", "t") == nullptr);
}

TEST_CASE("consumer_groups: a group is seen as a whole, and topics know who subscribes to them") {
    consumer_groups groups{120s};
    CHECK_FALSE(groups.view("g"));
    auto data = beat("a", "g", {subscribed("t", "TagA", 5), subscribed("u")});
    data.consumers[0].type = protocol::consume_type::pop;
    data.consumers[0].model = protocol::message_model::broadcasting;
    data.consumers[0].from = protocol::consume_from::timestamp;
    groups.heartbeat(data, 7, clock_time{0s});
    data.client_id = "b";
    groups.heartbeat(data, 0, clock_time{0s});
    groups.heartbeat(beat("c", "h", {subscribed("t")}), 8, clock_time{0s});
    const auto seen = groups.view("g");
    REQUIRE(seen);
    CHECK(seen->members == std::map<std::string, session_number>{{"a", 7}, {"b", 0}});
    CHECK(seen->subscriptions.at("t") == subscribed("t", "TagA", 5));
    CHECK(seen->subscriptions.size() == 2);
    CHECK(seen->type == protocol::consume_type::pop);
    CHECK(seen->model == protocol::message_model::broadcasting);
    CHECK(seen->from == protocol::consume_from::timestamp);
    CHECK(groups.subscribers("t") == std::vector<std::string>{"g", "h"});
    CHECK(groups.subscribers("u") == std::vector<std::string>{"g"});
    CHECK(groups.subscribers("v").empty());
}
