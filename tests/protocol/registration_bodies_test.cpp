#include "protocol/bodies.hpp"
#include "protocol/inflate.hpp"
#include "protocol/vocabulary/big_endian.hpp"
#include "protocol/vocabulary/limits.hpp"

#include <doctest/doctest.h>
#include <nlohmann/json.hpp>
#include <zlib.h>

using namespace troupe;
using namespace troupe::protocol;

namespace {

constexpr std::int32_t version_now = 479;
constexpr std::int32_t version_bare = 36;

topic_table full_table() {
    topic_table table;
    table.version = {1, 1700000000000, 3};
    table.topics["T"] = {"T", 8, 4, 7, 2, true, {{"message.type", "FIFO"}, {"reserve.time", "3600"}}};
    table.topics["U"] = {"U", 1, 1, 6, 0, false, {}};
    return table;
}

std::string deflated(std::string_view plain) {
    auto bytes = compressBound(plain.size());
    std::string out(bytes, '\0');
    REQUIRE(compress2(reinterpret_cast<Bytef*>(out.data()), &bytes, reinterpret_cast<const Bytef*>(plain.data()), plain.size(), 9) == Z_OK);
    out.resize(bytes);
    return out;
}

std::string prefixed(std::string_view text) {
    std::string out;
    append_be(out, static_cast<std::uint32_t>(text.size()));
    return out.append(text);
}

/// The inflated form of a compressed register body (RocketMQ: RegisterBrokerBody).
std::string compressed_form(const std::vector<std::string>& topics) {
    auto out = prefixed(R"({"counter":3,"stateVersion":1,"timestamp":1700000000000})");
    append_be(out, static_cast<std::uint32_t>(topics.size()));
    for (const auto& topic : topics)
        out += prefixed(topic);
    out += prefixed("[]");
    append_be(out, std::uint32_t{0});
    return out;
}

} // namespace

TEST_CASE("a register body comes back with every field, and has the members Java needs") {
    const auto body = encode_register_broker_body(full_table());
    CHECK(decode_register_broker_body(body, version_now).value() == full_table());
    const auto json = nlohmann::json::parse(body);
    CHECK(json["filterServerList"].is_array());
    const auto& wrapper = json["topicConfigSerializeWrapper"];
    CHECK(wrapper["dataVersion"] == nlohmann::json::parse(R"({"counter":3,"stateVersion":1,"timestamp":1700000000000})"));
    CHECK(
        wrapper["topicConfigTable"]["U"] ==
        nlohmann::json::parse(R"({"attributes":{},"order":false,"perm":6,"readQueueNums":1,"topicFilterType":"SINGLE_TAG","topicName":"U",)"
                              R"("topicSysFlag":0,"writeQueueNums":1})"));
    for (const char* member : {"mappingDataVersion", "topicQueueMappingInfoMap", "topicQueueMappingDetailMap"})
        CHECK_MESSAGE(wrapper.contains(member), member);
}

TEST_CASE("a register body of an old broker has no outer object, and none at all means no topics") {
    CHECK(decode_register_broker_body(encode_topic_table(full_table()), version_bare).value() == full_table());
    CHECK(decode_register_broker_body("", version_now).value() == topic_table{});
    CHECK(decode_register_broker_body(R"({"topicConfigSerializeWrapper":null})", version_now).value() == topic_table{});
}

TEST_CASE("members of a topic that are missing have Java's defaults") {
    const auto table = decode_topic_table(R"({"topicConfigTable":{"T":{}}})").value();
    CHECK(table.topics.at("T") == topic_config{"T", 16, 16, permission::read_write, 0, false, {}});
}

TEST_CASE("a topic stands under its key, whatever name it claims") {
    CHECK(decode_topic_table(R"({"topicConfigTable":{"T":{"topicName":"other"}}})").value().topics.at("T").name == "T");
}

TEST_CASE("references among static topics, which nobody here reads, do no harm") {
    const auto table =
        decode_register_broker_body(R"({"topicConfigSerializeWrapper":{"dataVersion":{"counter":1,"stateVersion":0,"timestamp":5},)"
                                    R"("mappingDataVersion":{"$ref":"$.topicConfigSerializeWrapper.dataVersion"}}})",
                                    version_now);
    CHECK(table.value().version == data_version{0, 5, 1});
}

TEST_CASE("a compressed register body is read: attributes, and topics without them") {
    const auto body = deflated(compressed_form({"T 8 4 7 SINGLE_TAG {\"message.type\":\"FIFO\"}", "U 1 2 6 SINGLE_TAG"}));
    CHECK(body.substr(0, 2) == "\x78\xda");
    const auto table = decode_register_broker_body(body, version_now).value();
    CHECK(table.version == data_version{1, 1700000000000, 3});
    CHECK(table.topics.at("T") == topic_config{"T", 8, 4, 7, 0, false, {{"message.type", "FIFO"}}});
    CHECK(table.topics.at("U") == topic_config{"U", 1, 2, 6, 0, false, {}});
}

TEST_CASE("a compressed register body cut at any length, or with topics that are none, is refused") {
    const auto body = deflated(compressed_form({"T 8 4 7 SINGLE_TAG"}));
    for (std::size_t bytes = 1; bytes < body.size(); ++bytes)
        CHECK(decode_register_broker_body(std::string_view{body}.substr(0, bytes), version_now).code() == errc::protocol_error);
    for (const char* wrong :
         {"", "T", "T 8", "T x 4 7 SINGLE_TAG", "T 8 4 7 SINGLE_TAG {", "T -1 4 7 SINGLE_TAG", "T 8 99999999 7 SINGLE_TAG"})
        CHECK_MESSAGE(decode_register_broker_body(deflated(compressed_form({wrong})), version_now).code() == errc::protocol_error, wrong);
    const auto plain = compressed_form({"T 8 4 7 SINGLE_TAG"});
    for (std::size_t bytes = 1; bytes < plain.size() - 10; ++bytes) // the end holds nothing of ours
        CHECK(decode_register_broker_body(deflated(plain.substr(0, bytes)), version_now).code() == errc::protocol_error);
    auto lying = plain;
    store_be(lying.data() + lying.find("{") + 56, std::uint32_t{0x7FFFFFFF}); // the number of topics
    CHECK(decode_register_broker_body(deflated(lying), version_now).code() == errc::protocol_error);
}

TEST_CASE("a compressed register body does not grow into more than a name server can hold") {
    const std::string attributes(100'000, 'x');
    const auto wide = deflated(compressed_form({"T 8 4 7 SINGLE_TAG {\"a\":\"" + attributes + "\"}"}));
    CHECK(decode_register_broker_body(wide, version_now).code() == errc::protocol_error);
    const auto many = deflated(compressed_form(std::vector<std::string>(200'001, "T 8 4 7 SINGLE_TAG")));
    CHECK(decode_register_broker_body(many, version_now).code() == errc::protocol_error);
}

TEST_CASE("a body that inflates out of proportion is refused before it is all there") {
    const auto bomb = deflated(std::string(8u << 20, '\0')); // a thousand times its size
    CHECK(bomb.size() * inflation_factor_max < (8u << 20));
    CHECK(inflate_bounded(bomb).failure().text.find("inflates to more than") != std::string::npos);
    CHECK(inflate_bounded(deflated("plain text")).value() == "plain text");
    CHECK(inflate_bounded(deflated("plain text") + "x").code() == errc::protocol_error);
    CHECK(inflate_bounded("").code() == errc::protocol_error);
    CHECK(inflate_bounded("x no zlib").code() == errc::protocol_error);
}

TEST_CASE("groups come back with every field, alone and in a table") {
    const group_config group{"G", false, false, 3, 5};
    CHECK(decode_group_config(encode_group_config(group)).value() == group);
    const group_table table{{1, 2, 3}, {{"G", group}, {"H", {"H", true, true, 1, 16}}}};
    CHECK(decode_group_table(encode_group_table(table)).value() == table);
    CHECK(decode_group_config(R"({"groupName":"G"})").value() == group_config{"G", true, true, 1, 16});
    const group_config limited{"G", true, true, 1, 16, 100};
    CHECK(decode_group_config(encode_group_config(limited)).value() == limited);
    CHECK(decode_group_config(R"({"groupName":"G","attributes":{"+quota.deliver.messages":"100"}})").value() == limited);
    auto foreign = limited;
    foreign.unknown_attributes = {{"other", "x"}};
    CHECK(decode_group_config(R"({"groupName":"G","attributes":{"+quota.deliver.messages":"100","+other":"x"}})").value() == foreign);
    CHECK(decode_group_config(encode_group_config(foreign)).value() == foreign);
    CHECK(decode_group_config(R"({"groupName":"G","attributes":{"++other":"x"}})").code() == errc::protocol_error);
    CHECK(decode_group_config(R"({"groupName":"G","attributes":{"-quota.deliver.messages":""}})").value().deliver_messages == 0);
    CHECK(decode_group_config(R"({"groupName":"G","attributes":{"+quota.deliver.messages":"-1"}})").code() == errc::protocol_error);
    const auto json = nlohmann::json::parse(encode_group_config(group));
    CHECK(json["whichBrokerWhenConsumeSlowly"] == 1);
    CHECK(json["groupRetryPolicy"] == nlohmann::json{{"type", "CUSTOMIZED"}});

    group_config full{"G", false, false, 3, 5, 7, false, true, 2, 3, false, 4, 20, {}, {}};
    full.retries = {false, {10'000, 20'000}, true, 1, 2, 3};
    CHECK(decode_group_config(encode_group_config(full)).value() == full);
    const auto written = nlohmann::json::parse(encode_group_config(full));
    CHECK(written["consumeFromMinEnable"] == false);
    CHECK(written["consumeMessageOrderly"] == true);
    CHECK(written["brokerId"] == 2);
    CHECK(written["whichBrokerWhenConsumeSlowly"] == 3);
    CHECK(written["notifyConsumerIdsChangedEnable"] == false);
    CHECK(written["groupSysFlag"] == 4);
    CHECK(written["consumeTimeoutMinute"] == 20);
    CHECK(written["groupRetryPolicy"]["customizedRetryPolicy"]["next"] == nlohmann::json{10'000, 20'000});
    full.retries = {true, {}, true, 5'000, 7'200'000, 2};
    CHECK(nlohmann::json::parse(encode_group_config(full))["groupRetryPolicy"] ==
          nlohmann::json{{"exponentialRetryPolicy", {{"initial", 5'000}, {"max", 7'200'000}, {"multiplier", 2}}}, {"type", "EXPONENTIAL"}});
    CHECK(decode_group_config(encode_group_config(full)).value() == full);
    const auto retries_of = [](const std::string& policy) {
        return decode_group_config(R"({"groupName":"G","groupRetryPolicy":)" + policy + "}").value().retries;
    };
    CHECK(retries_of(R"({"type":"EXPONENTIAL","exponentialRetryPolicy":{}})") == full.retries);
    // Nobody said how the delays grow, and nobody is shown that somebody did.
    group_config unsaid{"G", true, true, 1, 16};
    unsaid.retries.is_exponential = true;
    CHECK(retries_of(R"({"type":"EXPONENTIAL"})") == unsaid.retries);
    CHECK(retries_of(R"({"exponentialRetryPolicy":null,"type":"EXPONENTIAL"})") == unsaid.retries);
    CHECK(nlohmann::json::parse(encode_group_config(unsaid))["groupRetryPolicy"] == nlohmann::json{{"type", "EXPONENTIAL"}});
    CHECK(decode_group_config(R"({"groupName":"G","groupRetryPolicy":null})").value().retries == retry_policy{});
    for (const char* bad : {R"({"type":"SOMETIMES"})", R"({"$ref":"$.other"})", R"({"customizedRetryPolicy":{"next":["x"]}})"})
        CHECK_MESSAGE(
            decode_group_config(R"({"groupName":"G","groupRetryPolicy":)" + std::string{bad} + "}").code() == errc::protocol_error, bad);
    full.retries.delays_ms.assign(limits::retry_delays_max + 1, 1);
    CHECK(decode_group_config(encode_group_config(full)).code() == errc::protocol_error);
}

TEST_CASE("the list of as many groups as a broker may have, with all that each may have, fits into a frame and is read") {
    group_config group{"", true, true, 1, 16, 1'000, false, false, 0, 1, true, 0, 15, {}, {}};
    group.retries = {true, std::vector<std::int64_t>(limits::retry_delays_max, 7'200'000), true, 5'000, 7'200'000, 2};
    group_table table;
    for (std::size_t i = 0; i < limits::groups_per_broker_max; ++i) {
        group.name = "consumers-of-orders-" + std::to_string(i);
        table.groups.emplace(group.name, group);
    }
    const auto body = encode_group_table(table);
    CHECK(body.size() + 1'024 < limits::frame_bytes_max);
    const auto again = decode_group_table(body);
    REQUIRE_MESSAGE(again.ok(), (again ? std::string{} : again.failure().text));
    CHECK(again->groups.size() == table.groups.size());
}

TEST_CASE("attributes without end are refused while they are read, of topics and of groups") {
    std::string attributes = R"("+a":"1")";
    for (int i = 0; i < 1'000; ++i)
        attributes += ",\"+attribute-" + std::to_string(i) + R"(":"x")";
    const auto group = decode_group_config(R"({"groupName":"G","attributes":{)" + attributes + "}}");
    REQUIRE(group);
    CHECK(group->unknown_attributes == std::map<std::string, std::string>{{"a", "1"}}); // enough to refuse it
    const std::string large(limits::attributes_bytes_max + 1, 'x');
    for (const auto& one : {"\"+" + large + R"(":"1")", R"("+a":")" + large + "\""}) {
        const auto refused = decode_group_config(R"({"groupName":"G","attributes":{)" + one + "}}");
        CHECK(refused.code() == errc::protocol_error);
        CHECK(refused.failure().text.size() < 1'000);
    }
    const auto topics = decode_topic_table(R"({"topicConfigTable":{"T":{"attributes":{)" + attributes + "}}}}");
    CHECK(topics.code() == errc::protocol_error);
    CHECK_MESSAGE(topics.failure().text.find("the attributes of a topic have more than 4096 bytes") != std::string::npos,
                  topics.failure().text);
    CHECK(decode_topic_table(R"({"topicConfigTable":{"T":{"attributes":{"a":"1"}}}})").ok());
}

TEST_CASE("topic and group tables cut at any length are refused") {
    const auto topics = encode_register_broker_body(full_table());
    for (std::size_t bytes = 1; bytes < topics.size(); ++bytes)
        CHECK(decode_register_broker_body(std::string_view{topics}.substr(0, bytes), version_now).code() == errc::protocol_error);
    const auto groups = encode_group_table({{1, 2, 3}, {{"G", {"G", false, false, 3, 5}}}});
    for (std::size_t bytes = 0; bytes < groups.size(); ++bytes)
        CHECK(decode_group_table(std::string_view{groups}.substr(0, bytes)).code() == errc::protocol_error);
}
