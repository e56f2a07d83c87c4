#include "actors/broker/broker_config.hpp"

#include <doctest/doctest.h>

using namespace troupe;
using namespace troupe::actors;

TEST_CASE("broker config: options stand under RocketMQ's names") {
    broker_options options;
    options.cluster = "C";
    options.broker_name = "b";
    options.store_host = {{10, 0, 0, 1}, false, 10911};
    options.store.flush = storage::flush_mode::async;
    options.store.retention_age = std::chrono::hours{48};
    options.store.directory = "/store";
    options.store.disk_clean_ratio = 0.29; // a hundred times that is a little less than 29 in binary
    options.delay_levels = {std::chrono::milliseconds{1'500}, std::chrono::seconds{90}, std::chrono::minutes{5}, std::chrono::hours{2}};
    const auto values = describe_config(options);
    CHECK(values.at("brokerClusterName") == "C");
    CHECK(values.at("brokerName") == "b");
    CHECK(values.at("brokerId") == "0");
    CHECK(values.at("brokerIP1") == "10.0.0.1");
    CHECK(values.at("listenPort") == "10911");
    CHECK(values.at("flushDiskType") == "ASYNC_FLUSH");
    CHECK(values.at("fileReservedTime") == "48");
    CHECK(values.at("diskMaxUsedSpaceRatio") == "29");
    CHECK(values.at("maxMessageSize") == "4194304");
    CHECK(values.at("brokerPermission") == "6");
    CHECK(values.at("messageDelayLevel") == "1500ms 90s 5m 2h");
    CHECK(describe_config({}).at("messageDelayLevel") == "1s 5s 10s 30s 1m 2m 3m 4m 5m 6m 7m 8m 9m 10m 20m 30m 1h 2h");
    CHECK(values.at("transactionTimeOut") == "6000");
    CHECK(values.at("transactionCheckInterval") == "30000");
    CHECK(values.at("transactionCheckMax") == "15");
    CHECK(values.at("rejectTransactionMessage") == "false");
    CHECK(values.at("storePathCommitLog") == "/store/commitlog");
}

TEST_CASE("broker config: what can change while the broker runs changes") {
    const auto changed = change_config({}, {{"brokerPermission", "4"},
                                            {"autoCreateTopicEnable", "true"},
                                            {"autoCreateSubscriptionGroup", "false"},
                                            {"enablePropertyFilter", "false"},
                                            {"defaultTopicQueueNums", "3"},
                                            {"maxTransferCountOnMessageInMemory", "7"},
                                            {"maxTransferBytesOnMessageInMemory", "8192"}});
    REQUIRE(changed.ok());
    CHECK(changed->perm == permission::read);
    CHECK(changed->auto_create_topics);
    CHECK_FALSE(changed->auto_create_groups);
    CHECK_FALSE(changed->property_filter);
    CHECK(describe_config({}).at("enablePropertyFilter") == "true");
    CHECK(describe_config(*changed).at("enablePropertyFilter") == "false");
    CHECK(changed->default_topic_queues == 3);
    CHECK(changed->messages_per_pull_max == 7);
    CHECK(changed->bytes_per_pull_max == 8192);
    // Everything that is shown may be sent back.
    CHECK(change_config({}, describe_config({})).ok());
}

TEST_CASE("broker config: what cannot change is refused by name") {
    for (const auto& [key, value] : protocol::config_values{{"fileReservedTime", "1"}, {"maxMessageSize", "1"}, {"noSuchKey", "1"}}) {
        const auto outcome = change_config({}, {{key, value}});
        CHECK(outcome.code() == errc::argument_illegal);
        CHECK(outcome.failure().text.find(key) != std::string::npos);
    }
    for (const char* key : {"rocketmqHome", "brokerConfigPath", "configBlackList"})
        CHECK(change_config({}, {{key, "x"}}).code() == errc::not_permitted);
    for (const auto& one : std::initializer_list<std::pair<const char*, const char*>>{{"brokerPermission", "1"},
                                                                                      {"brokerPermission", "7"},
                                                                                      {"brokerPermission", "-2"},
                                                                                      {"brokerPermission", "6x"},
                                                                                      {"brokerPermission", ""},
                                                                                      {"autoCreateTopicEnable", "yes"},
                                                                                      {"defaultTopicQueueNums", "0"},
                                                                                      {"defaultTopicQueueNums", "1025"}})
        CHECK_MESSAGE(change_config({}, {{one.first, one.second}}).code() == errc::argument_illegal, one.first, "=", one.second);
}
