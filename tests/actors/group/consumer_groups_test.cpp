#include "actors/group/consumer_groups.hpp"

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

TEST_CASE("consumer_groups: each member keeps what it subscribes to, whatever others say after it") {
    consumer_groups groups{120s};
    groups.heartbeat(beat("a", "g", {subscribed("t", "TagA"), subscribed("u")}), 1, clock_time{0s});
    groups.heartbeat(beat("b", "g", {subscribed("t", "TagB")}), 2, clock_time{0s});
    CHECK(groups.heartbeat(beat("a", "g", {subscribed("t", "TagA"), subscribed("u")}), 1, clock_time{1s}).empty()); // no news for b
    CHECK(groups.subscription("g", "t", 1)->expression == "TagA");
    CHECK(groups.subscription("g", "t", 2)->expression == "TagB");
    CHECK(groups.subscription("g", "u", 1) != nullptr);
    CHECK(groups.subscription("g", "u", 2) == nullptr);
    CHECK(groups.subscription("g", "t", 3) == nullptr);
    CHECK(groups.subscription("h", "t", 1) == nullptr);
    CHECK(groups.is_told("g", 1));
    CHECK_FALSE(groups.is_told("g", 3));
    CHECK_FALSE(groups.is_told("h", 1));
    CHECK(groups.view("g")->subscriptions.size() == 2);

    groups.heartbeat(beat("a", "g", {subscribed("t", "TagC", 0)}), 9, clock_time{2s}); // another process, another clock
    CHECK(groups.subscription("g", "t", 9)->expression == "TagC");
    CHECK(groups.subscription("g", "t", 1) == nullptr);
    CHECK_FALSE(groups.is_told("g", 1));
    groups.heartbeat(beat("c", "g", {}), 4, clock_time{2s}, false);
    CHECK_FALSE(groups.is_told("g", 4));
    groups.session_lost(9);
    CHECK_FALSE(groups.is_told("g", 9));
}

TEST_CASE("consumer_groups: two clients of one session are told apart by their topics, and the newer expression wins") {
    consumer_groups groups{120s};
    groups.heartbeat(beat("a", "g", {subscribed("t", "TagA", 5)}), 1, clock_time{0s});
    groups.heartbeat(beat("b", "g", {subscribed("t", "TagB", 4), subscribed("u")}), 1, clock_time{0s});
    CHECK(groups.subscription("g", "t", 1)->expression == "TagA");
    CHECK(groups.subscription("g", "u", 1) != nullptr);
    groups.unregister("a", "g");
    CHECK(groups.subscription("g", "t", 1)->expression == "TagB");
}

TEST_CASE("consumer_groups: members that differ are news once, and so is that they agree again") {
    consumer_groups groups{120s};
    const auto news_at = [&groups](std::chrono::seconds time) { return groups.take_news(clock_time{time}, 10); };
    groups.heartbeat(beat("a", "g", {subscribed("t", "TagA")}), 1, clock_time{0s});
    groups.heartbeat(beat("b", "g", {subscribed("t", "TagA", 7)}), 2, clock_time{0s});
    CHECK(news_at(0s).empty());
    CHECK_FALSE(groups.differs("g"));
    groups.heartbeat(beat("b", "g", {subscribed("t", "TagB", 8)}), 2, clock_time{1s});
    CHECK(groups.differs("g"));
    CHECK(groups.differing_count() == 1);
    const std::vector<consumer_groups::news> differing{{"g", "topic t: TagA (a), TagB (b)"}};
    CHECK(news_at(1s) == differing);
    groups.heartbeat(beat("b", "g", {subscribed("t", "TagB", 8)}), 2, clock_time{31s});
    groups.heartbeat(beat("a", "g", {subscribed("t", "TagA")}), 1, clock_time{31s});
    CHECK(news_at(100s).empty()); // nothing new

    groups.heartbeat(beat("b", "g", {subscribed("t", "TagA", 9)}), 2, clock_time{101s});
    CHECK(groups.differing_count() == 0);
    CHECK(news_at(101s) == std::vector<consumer_groups::news>{{"g", ""}});
    CHECK(news_at(500s).empty());
}

TEST_CASE("consumer_groups: what changes every second is news once a minute, and of so many groups at a time") {
    consumer_groups groups{120s};
    std::size_t lines = 0;
    for (int second = 0; second < 180; ++second) {
        groups.heartbeat(beat("a", "g", {subscribed("t", "TagA", second)}), 1, clock_time{second * 1s});
        groups.heartbeat(beat("b", "g", {subscribed("t", "Tag" + std::to_string(second), second)}), 2, clock_time{second * 1s});
        lines += groups.take_news(clock_time{second * 1s}, 10).size();
    }
    CHECK(lines == 3);

    consumer_groups many{120s};
    for (int i = 0; i < 7; ++i)
        for (const auto* client : {"a", "b"})
            many.heartbeat(beat(client, "g" + std::to_string(i), {subscribed("t", client)}), 1, clock_time{0s});
    CHECK(many.differing_count() == 7);
    CHECK(many.take_news(clock_time{0s}, 4).size() == 4);
    CHECK(many.take_news(clock_time{1s}, 4).size() == 3);
    CHECK(many.take_news(clock_time{2s}, 4).empty());
}

TEST_CASE("consumer_groups: a difference ends with the member that made it, and a group that is gone is no news") {
    consumer_groups groups{120s};
    groups.heartbeat(beat("a", "g", {subscribed("t")}), 1, clock_time{0s});
    auto data = beat("b", "g", {subscribed("t")});
    data.consumers[0].from = protocol::consume_from::first_offset;
    groups.heartbeat(data, 2, clock_time{0s});
    CHECK(groups.take_news(clock_time{0s}, 10).size() == 1);
    SUBCASE("the others agree") {
        groups.session_lost(2);
        CHECK(groups.take_news(clock_time{60s}, 10) == std::vector<consumer_groups::news>{{"g", ""}});
    }
    SUBCASE("nobody is left") {
        groups.expire(clock_time{120s});
        CHECK(groups.take_news(clock_time{120s}, 10).empty());
    }
    CHECK(groups.differing_count() == 0);
}

TEST_CASE("consumer_groups: a client id that two connections use by turns is seen with both, until one ends") {
    consumer_groups groups{120s};
    for (int turn = 0; turn < 3; ++turn) {
        groups.heartbeat(beat("a", "g", {subscribed("t")}), 1, clock_time{turn * 30s});
        CHECK(groups.shared_id_count() == (turn == 2 ? 1u : 0u));
        groups.heartbeat(beat("a", "g", {subscribed("t")}), 2, clock_time{turn * 30s + 1s});
        groups.heartbeat(beat("b", "g", {subscribed("t")}), 3, clock_time{turn * 30s + 1s});
    }
    CHECK(groups.shared_id_count() == 1);
    CHECK(groups.take_shared_ids(10) == std::vector<shared_client_ids::news>{{"g", "a", {1, 2}}});
    const auto seen = groups.view_members("g");
    REQUIRE(seen.size() == 2);
    CHECK(seen[0].session == 2);
    CHECK(seen[0].others == std::vector<session_number>{1});
    CHECK(seen[1].others.empty());
    SUBCASE("that which has the member") {
        groups.session_lost(2);
    }
    SUBCASE("the other one") {
        CHECK(groups.session_lost(1).empty());
        CHECK(groups.members("g").size() == 2);
    }
    SUBCASE("by unregister") {
        groups.unregister("a", "g");
    }
    SUBCASE("by silence") {
        groups.expire(clock_time{200s});
    }
    CHECK(groups.shared_id_count() == 0);
}
