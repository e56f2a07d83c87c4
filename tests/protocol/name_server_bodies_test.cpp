#include "protocol/admin_bodies.hpp"
#include "protocol/name_server_bodies.hpp"

#include <doctest/doctest.h>
#include <nlohmann/json.hpp>

using namespace troupe;
using namespace troupe::protocol;

namespace {

/// Each proper prefix of a body must be refused.
template <class Decode>
void check_truncations(const std::string& body, Decode decode) {
    REQUIRE(decode(body).ok());
    for (std::size_t bytes = 0; bytes < body.size(); ++bytes)
        CHECK(decode(std::string_view{body}.substr(0, bytes)).code() == errc::protocol_error);
}

} // namespace

TEST_CASE("a route has the queues of an ordered topic, and not the member when there are none") {
    const topic_route route{{{"C", "b1", {{0, "10.0.0.1:10911"}}}}, {{"b1", 8, 8, 6, 0}}};
    const auto ordered = encode_topic_route(route, "b1:8");
    CHECK(nlohmann::json::parse(ordered)["orderTopicConf"] == "b1:8");
    CHECK(decode_topic_route(ordered).value() == route);
    CHECK(encode_topic_route(route, {}) == encode_topic_route(route));
    CHECK(encode_topic_route(route).find("orderTopicConf") == std::string::npos);
}

TEST_CASE("a list of names says where a broker is, and leaves it out when there is none") {
    CHECK(encode_topic_list({"C", "b1"}, "10.0.0.1:10911") == R"({"brokerAddr":"10.0.0.1:10911","topicList":["C","b1"]})");
    CHECK(encode_topic_list({}, {}) == R"({"topicList":[]})");
}

TEST_CASE("members of a broker set stand as Java writes them, and come back") {
    const broker_data members{"c", "b", {{0, "10.0.0.1:10911"}, {1, "10.0.0.2:10911"}}};
    const auto body = encode_broker_members(members);
    CHECK(body == R"({"brokerMemberGroup":{"brokerAddrs":{"0":"10.0.0.1:10911","1":"10.0.0.2:10911"},"brokerName":"b","cluster":"c"}})");
    CHECK(decode_broker_members(body).value() == members);
    // As fastjson writes keys that are numbers.
    CHECK(decode_broker_members(R"({"brokerMemberGroup":{"brokerAddrs":{0:"a:1"},"brokerName":"b","cluster":"c"}})")->addresses.at(0) ==
          "a:1");
    check_truncations(body, decode_broker_members);
}

TEST_CASE("a data version comes back with every field") {
    const data_version version{1, 1700000000000, 3};
    CHECK(decode_data_version(encode_data_version(version)).value() == version);
    CHECK(decode_data_version(R"({"counter":3,"stateVersion":1,"timestamp":1700000000000})").value() == version);
    CHECK(decode_data_version("[]").code() == errc::protocol_error);
    check_truncations(encode_data_version(version), decode_data_version);
}

TEST_CASE("the KV config is written as RocketMQ's file, and read back") {
    const kv_namespaces all{{"ORDER_TOPIC_CONFIG", {{"orders", "b1:8;b2:8"}}}, {"n", {{"k", "\"v\"\n"}, {"l", ""}}}};
    const auto body = encode_kv_namespaces(all);
    CHECK(decode_kv_namespaces(body).value() == all);
    CHECK(encode_kv_namespaces({{"n", {{"k", "v"}}}}) == R"({"configTable":{"n":{"k":"v"}}})");
    CHECK(decode_kv_namespaces("{\n\t\"configTable\":{\n\t\t\"n\":{\"k\":\"v\"\n\t\t}\n\t}\n}").value() ==
          kv_namespaces{{"n", {{"k", "v"}}}});
    CHECK(decode_kv_namespaces("{}").value().empty());
    check_truncations(body, decode_kv_namespaces);
}
