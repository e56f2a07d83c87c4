#include "actors/broker/broker.hpp"

#include "actors/group/member_notices.hpp"
#include "protocol/vocabulary/limits.hpp"
#include "tests/actors/broker_world.hpp"
#include "tests/support/random_seed.hpp"

#include <caf/actor_cast.hpp>

#include <doctest/doctest.h>

#include <random>
#include <set>
#include <utility>

using namespace troupe;
using namespace troupe::actors;
using namespace troupe::test_support;

namespace {

/// A client session that writes down what it is told.
struct session_record {
    std::vector<std::string> changes;
};
client_session_actor spawn_session(caf::actor_system& system, std::shared_ptr<session_record> record) {
    return system.spawn([record](client_session_actor::pointer) -> client_session_actor::behavior_type {
        return {[record](const consumers_changed& event) { record->changes.push_back(event.group); }};
    });
}

client_heartbeat beat(const std::string& client, client_session_actor session, const std::string& expression = "*",
                      const std::string& topic = "orders") {
    protocol::consumer_data consumer;
    consumer.group = "readers";
    consumer.subscriptions = {{topic, expression, "TAG", 1}};
    return {{client, {}, {consumer}}, std::move(session)};
}

std::uint64_t value(const broker_described& described, const std::string& name) {
    return std::stoull(described.values.at(name));
}

} // namespace

TEST_CASE_FIXTURE(broker_world, "broker: what is sent can be pulled, in order") {
    make_topic("orders");
    for (int i = 0; i < 5; ++i)
        send("m" + std::to_string(i));
    const auto pulled = answer<messages_pulled>(pull(1));
    REQUIRE(pulled);
    CHECK(pulled->status == pull_status::found);
    CHECK(bodies(*pulled) == std::vector<std::string>{"m1", "m2", "m3", "m4"});
    CHECK(pulled->next == queue_offset{5});
    CHECK(pulled->max == queue_offset{5});
    const auto limited = answer<messages_pulled>([] {
        auto one = pull(0);
        one.messages_max = 2;
        return one;
    }());
    CHECK(bodies(*limited) == std::vector<std::string>{"m0", "m1"});
}

TEST_CASE_FIXTURE(broker_world, "broker: a held pull is answered by the next send to its queue") {
    make_topic("orders");
    const auto waiting = ask<messages_pulled>(pull(0, 15'000));
    world.advance(1s, 100ms);
    CHECK_FALSE(waiting->has_value());
    send("other queue", 1);
    CHECK_FALSE(waiting->has_value());
    send("here");
    REQUIRE(waiting->has_value());
    CHECK(bodies(***waiting) == std::vector<std::string>{"here"});
}

TEST_CASE_FIXTURE(broker_world, "broker: a held pull that nothing arrives for ends at its deadline") {
    make_topic("orders");
    const auto waiting = ask<messages_pulled>(pull(0, 15'000));
    world.advance(15'100ms, 50ms);
    REQUIRE(waiting->has_value());
    REQUIRE((*waiting)->ok());
    CHECK((**waiting)->status == pull_status::no_new);
}

TEST_CASE_FIXTURE(broker_world, "broker: tags select what a pull gets and what wakes it") {
    make_topic("orders");
    send("a", 0, "TAGS\x01TagA\x02");
    send("b", 0, "TAGS\x01TagB\x02");
    const auto first = answer<messages_pulled>(pull(0, 0, "TagB"));
    CHECK(bodies(*first) == std::vector<std::string>{"b"});
    const auto waiting = ask<messages_pulled>(pull(2, 15'000, "TagB || TagC"));
    send("a", 0, "TAGS\x01TagA\x02");
    CHECK_FALSE(waiting->has_value());
    send("c", 0, "TAGS\x01TagC\x02");
    REQUIRE(waiting->has_value());
    CHECK(bodies(***waiting) == std::vector<std::string>{"c"});
}

TEST_CASE_FIXTURE(broker_world, "broker: SQL92 selects what a pull gets and what wakes it") {
    make_topic("orders");
    for (int i = 0; i < 10; ++i)
        send(std::to_string(i), 0, "price\x01" + std::to_string(i * 10) + "\x02region\x01" + (i % 2 == 0 ? "eu" : "us") + "\x02");
    const auto sql = [](std::int64_t from, std::int64_t hold_ms, const std::string& expression) {
        auto one = pull(from, hold_ms, expression);
        one.expression_type = "SQL92";
        return one;
    };
    const auto first = answer<messages_pulled>(sql(0, 0, "price BETWEEN 35 AND 75.5 AND region = 'eu'"));
    REQUIRE(first);
    CHECK(bodies(*first) == std::vector<std::string>{"4", "6"});
    CHECK(first->next == queue_offset{10});
    CHECK(answer<messages_pulled>(sql(0, 0, "price > 1000"))->status == pull_status::no_match);
    const auto waiting = ask<messages_pulled>(sql(10, 15'000, "price > 100"));
    send("cheap", 0,
         "price\x01"
         "99\x02");
    send("none");
    CHECK_FALSE(waiting->has_value());
    send("dear", 0,
         "price\x01"
         "101\x02");
    REQUIRE(waiting->has_value());
    CHECK(bodies(***waiting) == std::vector<std::string>{"dear"});
    CHECK((**waiting)->next == queue_offset{13});
}

TEST_CASE_FIXTURE(broker_world,
                  "broker: an SQL92 expression that does not compile is refused with its column, from a pull and from a heartbeat") {
    make_topic("orders");
    auto inline_pull = pull(0, 0, "price > 5 5");
    inline_pull.expression_type = "SQL92";
    const auto refused = answer<messages_pulled>(inline_pull);
    CHECK(refused.code() == errc::subscription_illegal);
    CHECK(refused.failure().text == "subscription to topic orders: SQL92 expression: column 11: expected AND, OR or the end, found 5");
    auto heartbeat = beat("a", {}, "price >");
    heartbeat.data.consumers[0].subscriptions[0].expression_type = "SQL92";
    REQUIRE(answer<heartbeat_accepted>(heartbeat));
    auto one = pull(0);
    one.has_expression = false;
    const auto later = answer<messages_pulled>(one);
    CHECK(later.code() == errc::subscription_illegal);
    CHECK(later.failure().text.find("column 8") != std::string::npos);
    heartbeat.data.consumers[0].subscriptions[0].expression = "price > 5";
    ++heartbeat.data.consumers[0].subscriptions[0].version;
    REQUIRE(answer<heartbeat_accepted>(heartbeat));
    send("dear", 0,
         "price\x01"
         "6\x02");
    send("cheap", 0,
         "price\x01"
         "5\x02");
    CHECK(bodies(*answer<messages_pulled>(one)) == std::vector<std::string>{"dear"});
}

TEST_CASE_FIXTURE(broker_world, "broker: what failed comes back to a group with SQL92 whatever its properties") {
    make_topic("orders");
    REQUIRE(answer<heartbeat_accepted>(beat("a", {})));
    const auto retry = "%RETRY%readers";
    auto again = message("failed");
    again.topic = retry;
    REQUIRE(answer<messages_stored>(again));
    auto one = pull(0, 0, "price > 5");
    one.topic = retry;
    one.expression_type = "SQL92";
    CHECK(bodies(*answer<messages_pulled>(one)) == std::vector<std::string>{"failed"});
    one.expression = "price >";
    CHECK(answer<messages_pulled>(one).code() == errc::subscription_illegal);
}

TEST_CASE_FIXTURE(broker_world, "broker: with the property filter off SQL92 is not supported, at once and until it is on again") {
    make_topic("orders");
    auto one = pull(0, 0, "price > 5");
    one.expression_type = "SQL92";
    REQUIRE(answer<messages_pulled>(one));
    const auto set = [this](const char* value) {
        const auto place = world.ask<broker_config_changed>(node->broker_admin(), change_broker_config{{{"enablePropertyFilter", value}}});
        world.run();
        REQUIRE(place->has_value());
        REQUIRE((*place)->ok());
    };
    set("false");
    const auto refused = answer<messages_pulled>(one);
    CHECK(refused.code() == errc::not_supported);
    CHECK(refused.failure().text.find("SQL92") != std::string::npos);
    CHECK(answer<messages_pulled>(pull(0)).ok());
    set("true");
    CHECK(answer<messages_pulled>(one).ok());
}

TEST_CASE_FIXTURE(broker_world, "broker: what other roles serve is refused at once, by its name") {
    pop_messages order;
    order.group = "billing";
    order.topic = "orders";
    const auto place = world.ask<messages_popped>(caf::actor_cast<pop_actor>(node->broker()), order);
    world.run();
    REQUIRE(place->has_value());
    REQUIRE_FALSE((*place)->ok());
    CHECK((*place)->code() == errc::not_supported);
    CHECK((*place)->failure().text.find("does not serve pop_messages") != std::string::npos);
}

TEST_CASE_FIXTURE(broker_world, "broker: each wrong pull is refused by its own code") {
    make_topic("orders", 2);
    const auto code = [this](auto change) {
        auto one = pull(0);
        change(one);
        return answer<messages_pulled>(one).code();
    };
    CHECK(code([](auto& p) { p.topic = "missing"; }) == errc::topic_not_found);
    CHECK(code([](auto& p) { p.queue = queue_id{2}; }) == errc::queue_not_found);
    CHECK(code([](auto& p) { p.queue = queue_id{-1}; }) == errc::queue_not_found);
    CHECK(code([](auto& p) { p.group = "no such group"; }) == errc::group_not_found);
    CHECK(code([](auto& p) { p.expression_type = "SQL92"; }) == errc::subscription_illegal); // "*" is no condition
    CHECK(code([](auto& p) { p.expression = p.expression_type = "REGEX"; }) == errc::subscription_illegal);
    CHECK(code([](auto& p) { p.expression = "||"; }) == errc::subscription_illegal);
    CHECK(code([](auto& p) { p.expression.assign(limits::expression_bytes_max, 'x'); }) == errc::none);
    CHECK(code([](auto& p) { p.expression.assign(limits::expression_bytes_max + 1, 'x'); }) == errc::subscription_illegal);
    CHECK(code([](auto& p) { p.has_expression = false; }) == errc::subscription_not_found);
    CHECK(code([](auto& p) { p.offset = queue_offset{-1}; }) == errc::none);
    CHECK(answer<messages_pulled>(pull(5))->status == pull_status::offset_moved);
    CHECK(answer<messages_pulled>(pull(5))->next == queue_offset{0});
    group_config closed;
    closed.name = "closed";
    closed.consume_enable = false;
    REQUIRE(answer<group_put>(put_group{closed}));
    CHECK(code([](auto& p) { p.group = "closed"; }) == errc::not_permitted);
    topic_config unreadable;
    unreadable.name = "unreadable";
    unreadable.perm = permission::write;
    REQUIRE(answer<topic_put>(put_topic{unreadable}));
    CHECK(code([](auto& p) { p.topic = "unreadable"; }) == errc::not_permitted);
}

TEST_CASE_FIXTURE(broker_world, "broker: a send without a topic is refused, also a second time") {
    for (int i = 0; i < 2; ++i)
        CHECK(answer<messages_stored>(message("x")).code() == errc::topic_not_found);
    auto bad = message("x");
    bad.topic = "not legal!";
    CHECK(answer<messages_stored>(bad).code() == errc::topic_illegal);
}

TEST_CASE("broker: a send to the retry topic of a group that may not exist is refused, not forgotten") {
    auto options = small_broker();
    options.auto_create_groups = false;
    broker_world broker{options};
    auto send = broker_world::message("x");
    send.topic = "%RETRY%strangers";
    const auto refused = broker.answer<messages_stored>(send);
    CHECK(refused.code() == errc::group_not_found);
}

TEST_CASE("broker: the groups that tools pull with need not be made, others do") {
    auto options = small_broker();
    options.auto_create_groups = false;
    broker_world broker{options};
    broker.make_topic("orders");
    auto pull = broker_world::pull(0);
    pull.group = "TOOLS_CONSUMER";
    CHECK(broker.answer<messages_pulled>(pull).ok());
    pull.group = "strangers";
    CHECK(broker.answer<messages_pulled>(pull).code() == errc::group_not_found);
}

TEST_CASE_FIXTURE(broker_world, "broker: the topic of RocketMQ's benchmark programs is made and deleted like any other") {
    make_topic("BenchmarkTest", 2);
    CHECK(answer<topics_listed>(list_topics{})->table.topics.contains("BenchmarkTest"));
    CHECK(answer<topic_deleted>(delete_topic{"BenchmarkTest"}).ok());
}

TEST_CASE("broker: with auto_create_topics the first send makes the topic, durably") {
    auto options = small_broker();
    options.auto_create_topics = true;
    options.default_topic_queues = 3;
    broker_world broker{options};
    CHECK(broker.node->directory()->current()->find("TBW102") != nullptr);
    const auto first = broker.ask<messages_stored>(broker_world::message("x"));
    const auto second = broker.ask<messages_stored>(broker_world::message("y"));
    broker.world.advance(100ms);
    CHECK((*first)->ok());
    CHECK((*second)->ok());
    CHECK(broker.node->directory()->current()->find("orders")->read_queues == 3);
    broker.stop();
    broker.start();
    CHECK(broker.node->directory()->current()->find("orders") != nullptr);
    CHECK(broker.node->directory()->current()->find("TBW102") == nullptr);
}

TEST_CASE("broker: a topic is made from the template that its sender names, with no more queues than both say") {
    auto options = small_broker();
    options.auto_create_topics = true;
    broker_world broker{options};
    topic_config audited;
    audited.name = "audited";
    audited.read_queues = 5;
    audited.write_queues = 6;
    audited.perm = permission::write | permission::inherit;
    REQUIRE(broker.answer<topic_put>(put_topic{audited}));
    broker.make_topic("closed");
    const auto send = [&broker](const char* topic, const char* from, std::int32_t queues) {
        auto order = broker_world::message("x");
        order.topic = topic;
        order.topic_template = from;
        order.topic_template_queues = queues;
        order.unit_mode = queues == 7;
        return broker.answer<messages_stored>(order);
    };
    const auto made = [&broker](const char* topic) {
        const auto* found = broker.node->directory()->current()->find(topic);
        REQUIRE(found != nullptr);
        return *found;
    };
    REQUIRE(send("few", "TBW102", 4));
    CHECK(made("few").read_queues == 4);
    CHECK(made("few").write_queues == 4);
    CHECK(made("few").perm == permission::read_write);
    CHECK(made("few").sys_flag == 0);
    REQUIRE(send("many", "TBW102", 100));
    CHECK(made("many").write_queues == options.default_topic_queues);
    for (const auto& usual : {options.cluster, options.broker_name, std::string{}}) {
        CAPTURE(usual);
        const auto name = "from-" + usual;
        REQUIRE(send(name.c_str(), usual.c_str(), 4));
        CHECK(made(name.c_str()).write_queues == 4);
        CHECK(made(name.c_str()).perm == permission::read_write);
    }
    REQUIRE(send("like audited", "audited", 7).code() == errc::topic_illegal);
    REQUIRE(send("like-audited", "audited", 7));
    CHECK(made("like-audited").read_queues == 6);
    CHECK(made("like-audited").write_queues == 6);
    CHECK(made("like-audited").perm == permission::write);
    CHECK(made("like-audited").sys_flag == 1);
    for (const auto& from : {std::pair{"closed", 4}, std::pair{"nowhere", 4}, std::pair{"TBW102", 0}}) {
        const auto refused = send("other", from.first, from.second);
        CHECK(refused.code() == errc::topic_not_found);
        CHECK_MESSAGE(refused.failure().text.find(from.first) != std::string::npos, refused.failure().text);
        CHECK(broker.node->directory()->current()->find("other") == nullptr);
    }
}

TEST_CASE("broker: one that takes no messages makes no topics for them either") {
    auto options = small_broker();
    options.auto_create_topics = true;
    options.perm = permission::read;
    broker_world broker{options};
    auto order = broker_world::message("x");
    for (const std::string topic : {"fresh", "%RETRY%billing"}) {
        order.topic = topic;
        const auto refused = broker.answer<messages_stored>(order);
        CHECK(refused.code() == errc::not_permitted);
        CHECK(broker.node->directory()->current()->find(topic) == nullptr);
    }
    REQUIRE(broker.answer<groups_listed>(list_groups{})->table.groups.empty());
}

TEST_CASE("broker: where sends make no topics, no template does") {
    broker_world broker;
    topic_config open;
    open.name = "open";
    open.perm = permission::read_write | permission::inherit;
    REQUIRE(broker.answer<topic_put>(put_topic{open}));
    auto order = broker_world::message("x");
    order.topic_template = "open";
    CHECK(broker.answer<messages_stored>(order).code() == errc::topic_not_found);
}

TEST_CASE("broker: beyond the bytes under way a send is busy at once") {
    auto options = small_broker();
    options.append_pending_bytes_max = 1'000;
    broker_world broker{options};
    broker.make_topic("orders");
    REQUIRE(broker.node->append_admission()->try_acquire(1'000));
    CHECK(broker.answer<messages_stored>(broker_world::message("x")).code() == errc::busy);
    broker.node->append_admission()->release(1'000);
    CHECK(broker.answer<messages_stored>(broker_world::message("x")).ok());
}

TEST_CASE_FIXTURE(broker_world, "broker: topics are made, listed, described, deleted") {
    make_topic("orders", 2);
    make_topic("orders", 3); // replaced
    auto bad = topic_config{};
    bad.name = "many";
    bad.read_queues = 2'000;
    CHECK(answer<topic_put>(put_topic{bad}).code() == errc::argument_illegal);
    bad.name = "TBW102";
    CHECK(answer<topic_put>(put_topic{bad}).code() == errc::system_name);
    bad.name = "";
    CHECK(answer<topic_put>(put_topic{bad}).code() == errc::topic_illegal);
    CHECK(answer<topics_listed>(list_topics{})->table.topics.at("orders").read_queues == 3);
    send("a", 1);
    send("b", 1);
    const auto described = answer<topic_described>(describe_topic{"orders"});
    REQUIRE(described);
    REQUIRE(described->stats.size() == 3);
    const auto& stats = described->stats.at({"orders", "broker-a", 1});
    CHECK(stats.max_offset == 2);
    CHECK(stats.min_offset == 0);
    CHECK(stats.last_stored_ms >= 1'700'000'000'000);
    CHECK(answer<topic_described>(describe_topic{"missing"}).code() == errc::topic_not_found);

    REQUIRE(answer<offset_committed>(commit_offset{{"readers", {"orders", queue_id{1}}}, queue_offset{2}}));
    REQUIRE(answer<topic_deleted>(delete_topic{"orders"}));
    CHECK(answer<topic_deleted>(delete_topic{"orders"}).ok());
    CHECK(answer<messages_stored>(message("x")).code() == errc::topic_not_found);
    make_topic("orders", 2);
    CHECK(answer<offset_found>(find_max_offset{{"orders", queue_id{1}}})->offset == queue_offset{0});
    CHECK(answer<offset_found>(query_offset{{"readers", {"orders", queue_id{1}}}, false}).code() == errc::offset_not_found);
}

TEST_CASE("broker: beyond its bounds there are no new topics and groups, but those there are can be changed and replaced") {
    auto options = small_broker();
    options.topics_max = 2;
    options.groups_max = 1;
    options.auto_create_topics = false;
    broker_world broker{options};
    broker.make_topic("orders", 1);
    broker.make_topic("bills", 1);
    topic_config topic;
    topic.name = "more";
    CHECK(broker.answer<topic_put>(put_topic{topic}).code() == errc::busy);
    broker.make_topic("orders", 3);
    REQUIRE(broker.answer<topic_deleted>(delete_topic{"bills"}));
    CHECK(broker.answer<topic_put>(put_topic{topic}).ok());

    group_config group;
    group.name = "readers";
    REQUIRE(broker.answer<group_put>(put_group{group}));
    group.retry_max = 3;
    CHECK(broker.answer<group_put>(put_group{group}).ok());
    group.name = "others";
    CHECK(broker.answer<group_put>(put_group{group}).code() == errc::busy);
    CHECK(broker.answer<group_deleted>(delete_group{"not legal!", true}).code() == errc::group_illegal);
}

TEST_CASE_FIXTURE(broker_world, "broker: the attributes of a topic have a limit") {
    topic_config topic;
    topic.name = "orders";
    topic.attributes["name"].assign(limits::attributes_bytes_max - 4, '\x01');
    CHECK(answer<topic_put>(put_topic{topic}).ok());
    topic.attributes["name"].push_back('x');
    CHECK(answer<topic_put>(put_topic{topic}).code() == errc::argument_illegal);
}

TEST_CASE_FIXTURE(broker_world, "broker: a topic whose pull is held can be deleted, and the pull is answered") {
    make_topic("orders");
    const auto waiting = ask<messages_pulled>(pull(0, 15'000));
    REQUIRE(answer<topic_deleted>(delete_topic{"orders"}));
    CHECK(waiting->has_value());
}

TEST_CASE_FIXTURE(broker_world, "broker: a topic that cannot be made durable does not exist") {
    files->set_hook([](const call_info& call) -> std::optional<call_fault> {
        return call.kind == call_kind::write || call.kind == call_kind::sync ? std::optional{call_fault::io} : std::nullopt;
    });
    topic_config topic;
    topic.name = "orders";
    CHECK_FALSE(answer<topic_put>(put_topic{topic}).ok());
    files->set_hook(nullptr);
    CHECK(node->directory()->current()->find("orders") == nullptr);
}

TEST_CASE_FIXTURE(broker_world, "broker: watchers of topics hear of every change") {
    const auto heard = std::make_shared<int>(0);
    const auto watcher = world.system().spawn([heard](topics_watcher_actor::pointer) -> topics_watcher_actor::behavior_type {
        return {[heard](const topics_changed&) { ++*heard; }};
    });
    caf::anon_send(node->broker(), watch_topics{watcher});
    world.run();
    CHECK(*heard == 1);
    make_topic("orders");
    CHECK(*heard == 2);
    make_topic("orders"); // nothing new
    CHECK(*heard == 2);
}

TEST_CASE_FIXTURE(broker_world, "broker: bounds and offsets by time of a queue") {
    make_topic("orders");
    send("a");
    const auto between = world.wall_clock()() + 5'000;
    world.advance(10s, 1s);
    send("b");
    const topic_queue queue{"orders", queue_id{0}};
    CHECK(answer<offset_found>(find_max_offset{queue})->offset == queue_offset{2});
    CHECK(answer<offset_found>(find_min_offset{queue})->offset == queue_offset{0});
    CHECK(answer<offset_found>(search_offset{queue, between, false})->offset == queue_offset{1});
    CHECK(answer<offset_found>(search_offset{queue, between, true})->offset == queue_offset{0});
    CHECK(answer<offset_found>(find_max_offset{{"orders", queue_id{9}}}).code() == errc::queue_not_found);
    CHECK(answer<offset_found>(find_min_offset{{"missing", queue_id{0}}}).code() == errc::topic_not_found);
    CHECK(answer<offset_found>(search_offset{{"missing", queue_id{0}}, between, false}).code() == errc::topic_not_found);
}

TEST_CASE_FIXTURE(broker_world, "broker: a heartbeat makes the group and its retry topic, and the members are told of each other") {
    make_topic("orders");
    const auto first = std::make_shared<session_record>();
    const auto second = std::make_shared<session_record>();
    auto session = spawn_session(world.system(), first);
    REQUIRE(answer<heartbeat_accepted>(beat("a", session)));
    CHECK(node->directory()->current()->find("%RETRY%readers") != nullptr);
    CHECK(answer<groups_listed>(list_groups{})->table.groups.contains("readers"));
    auto other = spawn_session(world.system(), second);
    world.advance(member_notices::window);
    first->changes.clear();
    REQUIRE(answer<heartbeat_accepted>(beat("b", other)));
    CHECK(first->changes == std::vector<std::string>{"readers"});
    CHECK(second->changes == std::vector<std::string>{"readers"});
    CHECK(answer<group_members>(list_group_members{"readers"})->client_ids == std::vector<std::string>{"a", "b"});
    CHECK(answer<group_members>(list_group_members{"nobody"}).code() == errc::group_not_found);
    REQUIRE(answer<heartbeat_accepted>(beat("b", other))); // nothing new
    world.advance(1s);
    CHECK(first->changes.size() == 1);
}

TEST_CASE_FIXTURE(broker_world, "broker: of many members that join together each is told a few times, and after the last one") {
    make_topic("orders");
    constexpr int members = 60;
    std::vector<std::shared_ptr<session_record>> records;
    std::vector<client_session_actor> sessions;
    const auto begin = world.system().clock().now();
    for (int i = 0; i < members; ++i) {
        records.push_back(std::make_shared<session_record>());
        sessions.push_back(spawn_session(world.system(), records.back()));
        REQUIRE(answer<heartbeat_accepted>(beat("member-" + std::to_string(i), sessions.back())));
        world.advance(5ms);
    }
    const auto windows = static_cast<std::size_t>((world.system().clock().now() - begin) / member_notices::window) + 2;
    const auto before_end = records.front()->changes.size();
    REQUIRE(answer<heartbeat_accepted>(beat("last", {})));
    world.advance(member_notices::window);
    for (const auto& record : records) {
        CHECK(record->changes.size() >= 1);
        CHECK(record->changes.size() <= windows);
    }
    CHECK(records.front()->changes.size() > before_end); // of the last one, too
    world.advance(10s, 100ms);
    CHECK(records.front()->changes.size() <= windows); // and then it is quiet
}

TEST_CASE_FIXTURE(broker_world, "broker: a heartbeat that would make it keep too much is refused, and one at the bounds is not") {
    const auto outcome = [this](auto change) {
        auto one = beat("a", {});
        change(one.data);
        return answer<heartbeat_accepted>(one).code();
    };
    const auto consumers = [](std::size_t count) {
        std::vector<protocol::consumer_data> all(count);
        for (std::size_t i = 0; i < count; ++i)
            all[i].group = "group-" + std::to_string(i);
        return all;
    };
    const auto subscriptions = [](std::size_t count) {
        std::vector<protocol::subscription_data> all(count);
        for (std::size_t i = 0; i < count; ++i)
            all[i].topic = "topic-" + std::to_string(i);
        return all;
    };
    CHECK(outcome([](auto& data) { data.client_id.assign(limits::client_id_bytes_max + 1, 'c'); }) == errc::argument_illegal);
    CHECK(outcome([&](auto& data) { data.consumers = consumers(limits::consumers_per_heartbeat_max + 1); }) == errc::argument_illegal);
    CHECK(outcome([&](auto& data) { data.consumers[0].subscriptions = subscriptions(limits::subscriptions_per_consumer_max + 1); }) ==
          errc::argument_illegal);
    CHECK(outcome([](auto& data) { data.consumers[0].subscriptions[0].topic = "not legal!"; }) == errc::topic_illegal);
    CHECK(outcome([](auto& data) { data.consumers[0].subscriptions[0].expression.assign(limits::expression_bytes_max + 1, 'x'); }) ==
          errc::subscription_illegal);
    CHECK(answer<groups_listed>(list_groups{})->table.groups.empty());

    CHECK(outcome([](auto& data) { data.client_id.assign(limits::client_id_bytes_max, 'c'); }) == errc::none);
    CHECK(outcome([&](auto& data) { data.consumers[0].subscriptions = subscriptions(limits::subscriptions_per_consumer_max); }) ==
          errc::none);
    CHECK(outcome([&](auto& data) { data.consumers = consumers(limits::consumers_per_heartbeat_max); }) == errc::none);
    CHECK(answer<groups_listed>(list_groups{})->table.groups.size() == 1 + limits::consumers_per_heartbeat_max);
}

TEST_CASE_FIXTURE(broker_world, "broker: beyond the changes that may wait for the disk a heartbeat is busy") {
    // Asked without running in between, so that all of them wait at once: each heartbeat of 500 new groups waits for 1,000.
    std::vector<virtual_system::awaited<heartbeat_accepted>> all;
    for (std::size_t beats = 0; beats < 5; ++beats) {
        auto one = beat("client-" + std::to_string(beats), {});
        one.data.consumers.resize(500);
        for (std::size_t i = 0; i < one.data.consumers.size(); ++i)
            one.data.consumers[i].group = "group-" + std::to_string(beats) + "-" + std::to_string(i);
        auto place = std::make_shared<std::optional<result<heartbeat_accepted>>>();
        all.push_back(place);
        world.system().spawn([broker = node->broker(), one, place](caf::event_based_actor* self) {
            self->request(broker, caf::infinite, one)
                .then([place](heartbeat_accepted) { *place = result<heartbeat_accepted>{heartbeat_accepted{}}; },
                      [place](caf::error& failure) { *place = result<heartbeat_accepted>{to_error(failure)}; });
        });
    }
    world.run();
    std::size_t busy = 0;
    for (const auto& place : all) {
        REQUIRE(place->has_value());
        busy += (*place)->code() == errc::busy ? 1u : 0u;
    }
    CHECK(busy == 1);
}

TEST_CASE_FIXTURE(broker_world, "broker: a member leaves with its session, by unregister, or by silence") {
    make_topic("orders");
    const auto record = std::make_shared<session_record>();
    const auto stays = spawn_session(world.system(), record);
    auto goes = spawn_session(world.system(), std::make_shared<session_record>());
    REQUIRE(answer<heartbeat_accepted>(beat("a", stays)));
    REQUIRE(answer<heartbeat_accepted>(beat("b", goes)));
    REQUIRE(answer<heartbeat_accepted>(beat("c", {})));
    REQUIRE(answer<heartbeat_accepted>(beat("d", {})));
    world.advance(1s, 100ms);
    record->changes.clear();
    caf::anon_send_exit(goes, caf::exit_reason::user_shutdown);
    world.run();
    CHECK(record->changes.size() == 1);
    REQUIRE(answer<client_unregistered>(unregister_client{"c", "", "readers"}));
    world.advance(member_notices::window);
    CHECK(record->changes.size() == 2);
    CHECK(answer<group_members>(list_group_members{"readers"})->client_ids == std::vector<std::string>{"a", "d"});
    world.advance(100s, 1s);
    REQUIRE(answer<heartbeat_accepted>(beat("a", stays)));
    world.advance(40s, 1s);
    CHECK(record->changes.size() == 3);
    CHECK(answer<group_members>(list_group_members{"readers"})->client_ids == std::vector<std::string>{"a"});
}

TEST_CASE_FIXTURE(broker_world, "broker: a pull without an expression uses the subscription of the group") {
    make_topic("orders");
    send("a", 0, "TAGS\x01TagA\x02");
    send("b", 0, "TAGS\x01TagB\x02");
    auto one = pull(0);
    one.has_expression = false;
    REQUIRE(answer<heartbeat_accepted>(beat("a", {}, "TagB")));
    CHECK(bodies(*answer<messages_pulled>(one)) == std::vector<std::string>{"b"});
    one.subscription_version = 2;
    CHECK(answer<messages_pulled>(one).code() == errc::subscription_outdated);
    REQUIRE(answer<heartbeat_accepted>(beat("a", {}, "*", "elsewhere")));
    one.subscription_version = 0;
    CHECK(answer<messages_pulled>(one).code() == errc::subscription_not_found);
}

TEST_CASE_FIXTURE(broker_world, "broker: offsets are committed, by order or with a pull, and describe the group's lag") {
    make_topic("orders", 2);
    for (int i = 0; i < 5; ++i)
        send("m");
    const progress_key key{"readers", {"orders", queue_id{0}}};
    REQUIRE(answer<group_put>(put_group{[] {
        group_config group;
        group.name = "readers";
        return group;
    }()}));
    REQUIRE(answer<offset_committed>(commit_offset{key, queue_offset{2}}));
    CHECK(answer<offset_found>(query_offset{key, true})->offset == queue_offset{2});
    auto one = pull(4);
    one.commit = true;
    one.commit_offset = queue_offset{4};
    REQUIRE(answer<messages_pulled>(one));
    CHECK(answer<offset_found>(query_offset{key, true})->offset == queue_offset{4});
    const auto described = answer<group_described>(describe_group{"readers", ""});
    REQUIRE(described);
    REQUIRE(described->stats.queues.size() == 2);
    const auto& progress = described->stats.queues.at({"orders", "broker-a", 0});
    CHECK(progress.broker_offset == 5);
    CHECK(progress.consumer_offset == 4);
    CHECK(progress.last_stored_ms > 0);
    CHECK(described->stats.queues.at({"orders", "broker-a", 1}).consumer_offset == 0);
    CHECK(answer<group_described>(describe_group{"nobody", ""}).code() == errc::group_not_found);
    CHECK(answer<group_described>(describe_group{"readers", "missing"}).code() == errc::topic_not_found);
    CHECK(answer<offset_committed>(commit_offset{{"readers", {"missing", queue_id{0}}}, queue_offset{1}}).code() == errc::topic_not_found);
    CHECK(answer<offset_committed>(commit_offset{{"readers", {"orders", queue_id{7}}}, queue_offset{1}}).code() == errc::queue_not_found);
    CHECK(answer<offset_committed>(commit_offset{key, queue_offset{-1}}).code() == errc::argument_illegal);
    CHECK(answer<offset_found>(query_offset{{"readers", {"missing", queue_id{0}}}, true}).code() == errc::topic_not_found);
}

TEST_CASE_FIXTURE(broker_world, "broker: groups are put and deleted, with or without their offsets") {
    make_topic("orders");
    group_config group;
    group.name = "readers";
    group.retry_max = 3;
    REQUIRE(answer<group_put>(put_group{group}));
    CHECK(answer<groups_listed>(list_groups{})->table.groups.at("readers").retry_max == 3);
    group.name = "bad name";
    CHECK(answer<group_put>(put_group{group}).code() == errc::group_illegal);
    group.name = "patient";
    group.retry_queues = limits::queues_per_topic_max + 1;
    CHECK(answer<group_put>(put_group{group}).code() == errc::argument_illegal);
    const progress_key key{"readers", {"orders", queue_id{0}}};
    REQUIRE(answer<offset_committed>(commit_offset{key, queue_offset{1}}));
    REQUIRE(answer<group_deleted>(delete_group{"readers", false}));
    CHECK(answer<groups_listed>(list_groups{})->table.groups.empty());
    CHECK(answer<offset_found>(query_offset{key, false}).ok());
    REQUIRE(answer<group_deleted>(delete_group{"readers", true}));
    CHECK(answer<offset_found>(query_offset{key, false}).code() == errc::offset_not_found);
}

TEST_CASE_FIXTURE(broker_world,
                  "broker: a group's settings are all kept, also over a restart, and what would be without effect is refused") {
    group_config group{"readers", false, false, 3, 5, 7, false, true, 2, 3, false, 4, 20, {}, {}};
    group.retries.delays_ms = {10'000, 20'000, 30'000};
    group.retries.has_growth = true;
    group.retries.max_ms = 60'000;
    REQUIRE(answer<group_put>(put_group{group}));
    CHECK(answer<groups_listed>(list_groups{})->table.groups.at("readers") == group);
    stop();
    start();
    CHECK(answer<groups_listed>(list_groups{})->table.groups.at("readers") == group);
    auto bad = group;
    bad.unknown_attributes["priority.factor"] = "1";
    auto refused = answer<group_put>(put_group{bad});
    CHECK(refused.code() == errc::argument_illegal);
    CHECK_MESSAGE(refused.failure().text.find("priority.factor") != std::string::npos, refused.failure().text);
    bad = group;
    bad.retries.multiplier = 0;
    refused = answer<group_put>(put_group{bad});
    CHECK(refused.code() == errc::argument_illegal);
    CHECK_MESSAGE(refused.failure().text.find("readers: groupRetryPolicy: multiplier") != std::string::npos, refused.failure().text);
    CHECK(answer<groups_listed>(list_groups{})->table.groups.at("readers") == group);
}

TEST_CASE_FIXTURE(broker_world, "broker: members of a group that wants no notices are not told who joins and leaves") {
    group_config quiet;
    quiet.name = "readers";
    quiet.notify_members_changed = false;
    REQUIRE(answer<group_put>(put_group{quiet}));
    const auto first = std::make_shared<session_record>();
    const auto one = spawn_session(world.system(), first);
    const auto others = spawn_session(world.system(), std::make_shared<session_record>());
    REQUIRE(answer<heartbeat_accepted>(beat("a", one)));
    REQUIRE(answer<heartbeat_accepted>(beat("b", others)));
    REQUIRE(answer<client_unregistered>(unregister_client{"b", "", "readers"}));
    world.run();
    CHECK(first->changes.empty());
    const auto lost = spawn_session(world.system(), std::make_shared<session_record>());
    REQUIRE(answer<heartbeat_accepted>(beat("lost", lost)));
    caf::anon_send_exit(lost, caf::exit_reason::kill);
    world.run();
    world.advance(member_notices::window);
    CHECK(first->changes == std::vector<std::string>{"readers"}); // nobody said that it leaves
    first->changes.clear();
    quiet.notify_members_changed = true;
    REQUIRE(answer<group_put>(put_group{quiet}));
    REQUIRE(answer<heartbeat_accepted>(beat("c", others)));
    world.run();
    CHECK(first->changes == std::vector<std::string>{"readers"});
}

TEST_CASE_FIXTURE(broker_world, "broker: describes itself by its counters") {
    make_topic("orders");
    send("a");
    send("b");
    const auto waiting = ask<messages_pulled>(pull(2, 15'000));
    const auto described = answer<broker_described>(describe_broker{});
    REQUIRE(described);
    CHECK(value(*described, "putMessageTimesTotal") == 2);
    CHECK(value(*described, "pullsHeld") == 1);
    CHECK(value(*described, "queueActors") == 1);
    CHECK(value(*described, "appendPendingBytes") == 0);
    CHECK(described->values.at("storeState") == "open");
}

TEST_CASE_FIXTURE(broker_world, "broker: an idle queue goes away and comes back without losing a pull") {
    make_topic("orders");
    send("a");
    REQUIRE(answer<messages_pulled>(pull(0)));
    CHECK(node->metrics()->queue_actors == 1);
    world.advance(61s, 1s);
    CHECK(node->metrics()->queue_actors == 0);
    const auto waiting = ask<messages_pulled>(pull(1, 15'000));
    CHECK(node->metrics()->queue_actors == 1);
    send("b");
    REQUIRE(waiting->has_value());
    CHECK(bodies(***waiting) == std::vector<std::string>{"b"});
}

TEST_CASE_FIXTURE(broker_world, "broker: tickets of a gateway are answered to it, abandoned ones are not") {
    make_topic("orders");
    const auto record = std::make_shared<recorded_tickets>();
    const auto holder = spawn_recorder(world.system(), record);
    caf::anon_send(node->broker(), pull_ticketed{11, pull(0, 15'000), holder});
    caf::anon_send(node->broker(), pull_ticketed{12, pull(0, 15'000), holder});
    auto wrong = pull(0);
    wrong.topic = "missing";
    caf::anon_send(node->broker(), pull_ticketed{13, wrong, holder});
    world.run();
    CHECK(record->pulled.at(13).failure.code == errc::topic_not_found);
    caf::anon_send(node->broker(), pull_abandoned{{11}, holder, {{"orders", queue_id{1}}}}); // no queue of these pulls
    world.run();
    CHECK(node->metrics()->pulls_held == 2);
    SUBCASE("with the queue they are for") {
        caf::anon_send(node->broker(), pull_abandoned{{11}, holder, {{"orders", queue_id{0}}, {"orders", queue_id{3}}}});
    }
    SUBCASE("without it") {
        caf::anon_send(node->broker(), pull_abandoned{{11}, holder, {}});
    }
    send("a");
    CHECK(record->pulled.contains(12));
    CHECK_FALSE(record->pulled.contains(11));
    CHECK(node->metrics()->pulls_held == 0);
}

TEST_CASE_FIXTURE(broker_world, "broker: a pull that is forbidden says by what, as RocketMQ numbers it") {
    make_topic("orders");
    const auto record = std::make_shared<recorded_tickets>();
    const auto holder = spawn_recorder(world.system(), record);
    std::uint64_t ticket = 0;
    const auto forbidden = [&](const pull_messages& order) {
        caf::anon_send(node->broker(), pull_ticketed{++ticket, order, holder});
        world.run();
        CHECK(record->pulled.at(ticket).failure.code == errc::not_permitted);
        return static_cast<int>(record->pulled.at(ticket).forbidden);
    };
    group_config group;
    group.name = "closed";
    group.consume_enable = false;
    REQUIRE(answer<group_put>(put_group{group}));
    topic_config unreadable;
    unreadable.name = "unreadable";
    unreadable.perm = permission::write;
    REQUIRE(answer<topic_put>(put_topic{unreadable}));
    auto order = pull(0);
    order.topic = "unreadable";
    CHECK(forbidden(order) == 3);
    order.group = "closed";
    CHECK(forbidden(order) == 2);

    group.name = "alone";
    group.consume_enable = true;
    group.consume_broadcast_enable = false;
    REQUIRE(answer<group_put>(put_group{group}));
    auto heartbeat = beat("a", {});
    heartbeat.data.consumers[0].group = "alone";
    heartbeat.data.consumers[0].model = protocol::message_model::broadcasting;
    REQUIRE(answer<heartbeat_accepted>(heartbeat));
    order = pull(0);
    order.group = "alone";
    order.has_expression = false;
    CHECK(forbidden(order) == 4);

    auto missing = pull(0);
    missing.topic = "missing";
    caf::anon_send(node->broker(), pull_ticketed{++ticket, missing, holder});
    world.run();
    CHECK(record->pulled.at(ticket).forbidden == forbidden_by::nothing);
}

TEST_CASE_FIXTURE(broker_world, "broker: when it ends, everything held is answered and everything new is refused") {
    make_topic("orders");
    const auto waiting = ask<messages_pulled>(pull(0, 15'000));
    const auto broker = node->broker();
    caf::anon_send(broker, finish{});
    const auto late = world.ask<messages_stored>(broker, message("x"));
    world.advance(3s, 100ms);
    REQUIRE(waiting->has_value());
    CHECK((*waiting)->code() == errc::shutting_down);
    REQUIRE(late->has_value());
    CHECK((*late)->code() == errc::shutting_down);
}

TEST_CASE("broker: whichever role below it dies, what waits is answered, the broker ends and says why, and a restart goes on") {
    auto options = small_broker();
    options.store.flush = storage::flush_mode::async; // with a log flusher
    for (std::size_t role = 1; role < 16; ++role) {
        CAPTURE(role);
        broker_world broker{options};
        broker.make_topic("orders");
        broker.send("a");
        error ended;
        broker.node->on_end([&ended](const error& reason) { ended = reason; });
        const auto waiting = broker.ask<messages_pulled>(broker_world::pull(1, 15'000));
        const auto roles = broker.node->finish_order(); // the broker, then those below it
        REQUIRE(roles.size() == 16);
        caf::anon_send_exit(roles[role], caf::exit_reason::kill);
        broker.world.run();
        REQUIRE(waiting->has_value());
        CHECK((*waiting)->code() == errc::internal);
        CHECK(ended.code == errc::internal);
        CHECK(ended.text.find("restart this broker") != std::string::npos);
        CHECK(broker.node->metrics()->queue_actors == 0);
        CHECK(broker.answer<topics_listed>(list_topics{}).code() == errc::shutting_down);
        broker.stop();
        broker.start();
        CHECK(broker_world::bodies(*broker.answer<messages_pulled>(broker_world::pull(0))) == std::vector<std::string>{"a"});
    }
}

TEST_CASE_FIXTURE(broker_world, "broker: one that ends in order says so, without a reason to worry") {
    error ended{errc::internal, "not yet"};
    node->on_end([&ended](const error& reason) { ended = reason; });
    stop();
    CHECK(ended.code == errc::none);
}

TEST_CASE_FIXTURE(broker_world, "broker: a crash loses nothing that was acknowledged") {
    make_topic("orders");
    send("a");
    send("b");
    REQUIRE(answer<offset_committed>(commit_offset{{"readers", {"orders", queue_id{0}}}, queue_offset{1}}));
    crash(crash_mode::drop_unsynced);
    start();
    const auto pulled = answer<messages_pulled>(pull(0));
    REQUIRE(pulled);
    CHECK(bodies(*pulled) == std::vector<std::string>{"a", "b"});
    CHECK(answer<offset_found>(query_offset{{"readers", {"orders", queue_id{0}}}, false})->offset == queue_offset{1});
}

TEST_CASE_FIXTURE(broker_world, "broker: when the store turns read-only sends fail and pulls go on") {
    make_topic("orders");
    send("a");
    files->set_hook([](const call_info& call) -> std::optional<call_fault> {
        return call.kind == call_kind::sync && call.path.find("commitlog") != std::string::npos ? std::optional{call_fault::io}
                                                                                                : std::nullopt;
    });
    CHECK_FALSE(answer<messages_stored>(message("b")).ok());
    files->set_hook(nullptr);
    CHECK(answer<messages_stored>(message("c")).code() == errc::store_read_only);
    CHECK(bodies(*answer<messages_pulled>(pull(0))) == std::vector<std::string>{"a"});
    CHECK(answer<broker_described>(describe_broker{})->values.at("storeState") == "read_only");
}

// Goal: whatever the order in which roles run, a consumer that pulls, is held, gives up, and pulls again sees each
//       message once and in order, and no question stays open.
// How:  the next role to run is drawn from the seed; sends, pulls, abandoned pulls and passing time are mixed at random.
TEST_CASE("broker: under any schedule a consumer sees each message once, in order") {
    const auto first_seed = random_seed("broker schedule", 1);
    for (std::uint64_t seed = first_seed; seed < first_seed + 20; ++seed) {
        CAPTURE(seed);
        auto options = small_broker();
        options.queue_idle = 300ms; // so that queues come and go
        broker_world broker{options};
        broker.make_topic("orders", 1);
        std::mt19937_64 random{seed};
        const auto record = std::make_shared<recorded_tickets>();
        const auto holder = spawn_recorder(broker.world.system(), record);
        const auto& roles = *broker.node;
        const auto encoder = std::make_shared<send_encoder>(roles.make_encoder());
        std::vector<std::string> received;
        std::uint64_t pulls = 0;
        std::uint64_t sends = 0;
        std::int64_t next = 0;
        std::optional<std::uint64_t> open;
        std::set<std::uint64_t> abandoned;
        const auto step = [&] {
            auto& jobs = broker.world.scheduler().jobs;
            if (jobs.size() > 1)
                std::swap(jobs.front(), jobs[random() % jobs.size()]);
            broker.world.scheduler().try_run_once();
        };
        const auto take_answer = [&] {
            if (!open || !record->pulled.contains(*open))
                return;
            const auto& one = record->pulled.at(*open);
            REQUIRE(one.failure.code == errc::none);
            for (auto& body : broker_world::bodies(one.answer))
                received.push_back(std::move(body));
            next = one.answer.next.value();
            open.reset();
        };
        for (int i = 0; i < 2'000; ++i) {
            step();
            take_answer();
            const auto what = random() % 20;
            if (what == 0 && sends < 100) {
                auto encoded = encoder->encode(broker_world::message(std::to_string(sends)), *roles.directory()->current());
                REQUIRE(encoded);
                REQUIRE(roles.append_admission()->try_acquire(encoded->records.bytes.size()));
                append_records work;
                work.entries.push_back({++sends, std::move(encoded->records)});
                work.reply_to = holder;
                caf::anon_send(roles.log_writer(), std::move(work));
            } else if (what <= 3 && !open) {
                open = ++pulls;
                caf::anon_send(roles.broker(), pull_ticketed{*open, broker_world::pull(next, 200), holder});
            } else if (what == 4 && open && random() % 4 == 0) {
                caf::anon_send(roles.broker(), pull_abandoned{{*open}, holder, {{"orders", queue_id{0}}}});
                abandoned.insert(*open);
                open.reset();
            } else if (what == 5) {
                broker.world.scheduler().advance_time(std::chrono::milliseconds{random() % 100});
            }
        }
        for (int i = 0; i < 100; ++i) { // drain
            broker.world.advance(50ms);
            take_answer();
            if (!open && received.size() < sends) {
                open = ++pulls;
                caf::anon_send(roles.broker(), pull_ticketed{*open, broker_world::pull(next, 200), holder});
            }
        }
        REQUIRE(received.size() == sends);
        for (std::uint64_t i = 0; i < sends; ++i)
            CHECK(received[i] == std::to_string(i));
        CHECK(record->repeated == 0);
        CHECK(record->appended.size() == sends);
        for (std::uint64_t ticket = 1; ticket <= pulls; ++ticket)
            CHECK((record->pulled.contains(ticket) || abandoned.contains(ticket)));
        CHECK(roles.metrics()->pulls_held == 0);
        CHECK(roles.append_admission()->under_way() == 0);
    }
}
