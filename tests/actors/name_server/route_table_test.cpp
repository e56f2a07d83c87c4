#include "actors/name_server/route_table.hpp"

#include <doctest/doctest.h>

#include <limits>

using namespace troupe;
using namespace troupe::actors;
using namespace std::chrono_literals;

namespace {

const route_table::time_point start{};

register_broker broker(const std::string& name, std::int64_t id, const std::string& address, std::vector<std::string> topics = {"orders"},
                       std::int64_t version = 1) {
    register_broker order{"DefaultCluster", name, broker_id{id}, address, 0, {}, {}};
    order.topics.version.counter = version;
    for (const auto& topic : topics)
        order.topics.topics[topic] = topic_config{topic, 4, 4, permission::read_write, 0, false, {}};
    return order;
}

} // namespace

TEST_CASE("a topic is routed to every broker that registered it") {
    route_table table;
    REQUIRE(table.register_broker(broker("a", 0, "10.0.0.1:10911"), start).ok());
    REQUIRE(table.register_broker(broker("b", 0, "10.0.0.2:10911"), start).ok());
    const auto route = table.find("orders");
    REQUIRE(route);
    CHECK(route->brokers.size() == 2);
    CHECK(route->queues.size() == 2);
    CHECK(route->queues[1] == protocol::queue_data{"b", 4, 4, 6, 0});
    CHECK_FALSE(table.find("unknown"));
    CHECK(table.clusters().clusters.at("DefaultCluster") == std::vector<std::string>{"a", "b"});
}

TEST_CASE("a broker without a sign of life leaves the routes after its expiry and not before") {
    route_table table;
    REQUIRE(table.register_broker(broker("a", 0, "10.0.0.1:10911"), start).ok());
    CHECK(table.expire(start + 120s).empty());
    CHECK(table.heartbeat({"DefaultCluster", "10.0.0.1:10911"}, start + 60s));
    CHECK(table.expire(start + 180s).empty());
    CHECK(table.expire(start + 181s).size() == 1);
    CHECK_FALSE(table.find("orders"));
    CHECK(table.topics().empty());
    CHECK_FALSE(table.heartbeat({"DefaultCluster", "10.0.0.1:10911"}, start + 182s));
}

TEST_CASE("a broker may ask for an expiry of its own") {
    route_table table;
    auto order = broker("a", 0, "10.0.0.1:10911");
    order.expire_ms = 1'000;
    REQUIRE(table.register_broker(order, start).ok());
    CHECK(table.expire(start + 2s).size() == 1);
}

TEST_CASE("an expiry without end is cut to an hour, and one below zero is the default") {
    route_table table;
    auto order = broker("a", 0, "10.0.0.1:10911");
    order.expire_ms = std::numeric_limits<std::int64_t>::max();
    REQUIRE(table.register_broker(order, start).ok());
    CHECK(table.expire(start + 1h).empty());
    CHECK(table.expire(start + 1h + 1ms).size() == 1);
    order.expire_ms = -1;
    REQUIRE(table.register_broker(order, start).ok());
    CHECK(table.expire(start + 121s).size() == 1);
}

TEST_CASE("beyond the bound of brokers a newcomer is refused, also under a known name, and one that is known may return") {
    route_table table{{2, 100}};
    REQUIRE(table.register_broker(broker("a", 0, "10.0.0.1:10911"), start).ok());
    REQUIRE(table.register_broker(broker("a", 1, "10.0.0.2:10911"), start).ok());
    CHECK(table.register_broker(broker("a", 2, "10.0.0.3:10911"), start).code() == errc::busy);
    CHECK(table.register_broker(broker("a", 1, "10.0.0.2:10911"), start).ok());
    table.remove({"DefaultCluster", "10.0.0.1:10911"});
    CHECK(table.register_broker(broker("a", 2, "10.0.0.3:10911"), start).ok());
    CHECK(table.broker_count() == 2);
}

TEST_CASE("beyond the bound of topics a registration is refused, until topics are forgotten or their broker leaves") {
    route_table table{{10, 3}};
    REQUIRE(table.register_broker(broker("a", 0, "10.0.0.1:10911", {"one", "two"}), start).ok());
    CHECK(table.register_broker(broker("b", 0, "10.0.0.2:10911", {"one", "two"}), start).code() == errc::busy);
    REQUIRE(table.register_broker(broker("b", 0, "10.0.0.2:10911", {"one"}), start).ok());
    CHECK(table.register_broker(broker("a", 0, "10.0.0.1:10911", {"one", "two"}, 2), start).ok());
    table.forget_topic("one");
    CHECK(table.register_broker(broker("b", 0, "10.0.0.2:10911", {"one", "two"}), start).ok());
    table.remove({"DefaultCluster", "10.0.0.2:10911"});
    CHECK(table.register_broker(broker("a", 0, "10.0.0.1:10911", {"one", "two", "three"}), start).ok());
}

TEST_CASE("an address that registers under another name gives up the first") {
    route_table table;
    REQUIRE(table.register_broker(broker("a", 0, "10.0.0.1:10911"), start).ok());
    REQUIRE(table.register_broker(broker("b", 0, "10.0.0.1:10911"), start).ok());
    CHECK(table.clusters().brokers.size() == 1);
    CHECK(table.clusters().brokers.contains("b"));
}

TEST_CASE("the last address of a broker takes the topics along; an earlier one does not") {
    route_table table;
    REQUIRE(table.register_broker(broker("a", 0, "10.0.0.1:10911"), start).ok());
    REQUIRE(table.register_broker(broker("a", 1, "10.0.0.2:10911"), start).ok());
    table.unregister_broker({"DefaultCluster", "a", broker_id{0}, "10.0.0.1:10911"});
    REQUIRE(table.find("orders"));
    CHECK(table.find("orders")->brokers[0].addresses == std::map<std::int64_t, std::string>{{1, "10.0.0.2:10911"}});
    table.unregister_broker({"DefaultCluster", "a", broker_id{1}, "10.0.0.2:10911"});
    CHECK_FALSE(table.find("orders"));
}

TEST_CASE("an address that registers under another id gives up the first") {
    route_table table;
    REQUIRE(table.register_broker(broker("a", 1, "10.0.0.1:10911"), start).ok());
    REQUIRE(table.register_broker(broker("a", 0, "10.0.0.1:10911"), start).ok());
    CHECK(table.find("orders")->brokers[0].addresses == std::map<std::int64_t, std::string>{{0, "10.0.0.1:10911"}});
}

TEST_CASE("the late end of a broker that was replaced does not remove its successor") {
    route_table table;
    REQUIRE(table.register_broker(broker("a", 0, "10.0.0.1:10911"), start).ok());
    REQUIRE(table.register_broker(broker("a", 0, "10.0.0.2:10911"), start).ok());
    table.remove({"DefaultCluster", "10.0.0.1:10911"});
    REQUIRE(table.find("orders"));
    CHECK(table.find("orders")->brokers[0].addresses.at(0) == "10.0.0.2:10911");
}

TEST_CASE("a broker of an older state version does not take the place of a live newer one") {
    route_table table;
    auto newer = broker("a", 0, "10.0.0.2:10911");
    newer.topics.version.state_version = 2;
    REQUIRE(table.register_broker(newer, start).ok());
    REQUIRE(table.register_broker(broker("a", 0, "10.0.0.1:10911"), start).ok());
    CHECK(table.find("orders")->brokers[0].addresses.at(0) == "10.0.0.2:10911");
}

TEST_CASE("topics change with a new version, stay when missing, and go when forgotten") {
    route_table table;
    REQUIRE(table.register_broker(broker("a", 0, "10.0.0.1:10911", {"orders", "bills"}), start).ok());
    auto changed = broker("a", 0, "10.0.0.1:10911", {"orders"}, 2);
    changed.topics.topics["orders"].write_queues = 9;
    REQUIRE(table.register_broker(changed, start).ok());
    CHECK(table.find("orders")->queues[0].write_queues == 9);
    CHECK(table.find("bills"));
    table.forget_topic("bills");
    CHECK_FALSE(table.find("bills"));
    CHECK(table.topics() == std::vector<std::string>{"orders"});
}

TEST_CASE("a registration without a name or address, or with a negative id, is refused") {
    route_table table;
    CHECK(table.register_broker(broker("", 0, "10.0.0.1:10911"), start).code() == errc::argument_illegal);
    CHECK(table.register_broker(broker("a", 0, ""), start).code() == errc::argument_illegal);
    CHECK(table.register_broker(broker("a", -1, "10.0.0.1:10911"), start).code() == errc::argument_illegal);
    const std::string line_break = "a\nb";
    const std::string long_name(256, 'a');
    for (const auto& bad : {line_break, long_name}) {
        CHECK(table.register_broker(broker(bad, 0, "10.0.0.1:10911"), start).code() == errc::argument_illegal);
        CHECK(table.register_broker(broker("a", 0, bad), start).code() == errc::argument_illegal);
        CHECK(table.register_broker(broker("a", 0, "10.0.0.1:10911", {bad}), start).code() == errc::argument_illegal);
    }
    CHECK(table.broker_count() == 0);
}
