#include "protocol/member_bodies.hpp"

#include <doctest/doctest.h>

using namespace troupe;
using namespace troupe::protocol;

// What mqadmin's consumerStatus and its like read: the names are those of RocketMQ's classes, queues stand in the place of keys.

TEST_CASE("running info has RocketMQ's names, with queues as keys") {
    running_info info;
    info.properties = {{"PROP_CONSUMEORDERLY", "true"}, {"PROP_NAMESERVER_ADDR", "a:1;b:2"}};
    info.subscriptions = {{"T", "TagA || TagB", "TAG", 9}};
    info.queues[{"T", "broker-a", 1}] = {13, 14, 20, 6, (3 << 20) + 5, true, 1'001, 1'002, 1'003};
    info.queues[{"T", "broker-b", 0}] = {};
    info.rates["T"] = {1.5, 2, 3, 4, 0.25, 6};
    CHECK(
        encode_running_info(info) ==
        R"({"mqTable":{{"brokerName":"broker-a","queueId":1,"topic":"T"}:{"cachedMsgCount":6,"cachedMsgMaxOffset":20,)"
        R"("cachedMsgMinOffset":14,"cachedMsgSizeInMiB":3,"commitOffset":13,"droped":false,"lastConsumeTimestamp":1003,)"
        R"("lastLockTimestamp":1001,"lastPullTimestamp":1002,"locked":true,"transactionMsgCount":0,"transactionMsgMaxOffset":0,)"
        R"("transactionMsgMinOffset":0,"tryUnlockTimes":0},)"
        R"({"brokerName":"broker-b","queueId":0,"topic":"T"}:{"cachedMsgCount":0,"cachedMsgMaxOffset":0,)"
        R"("cachedMsgMinOffset":0,"cachedMsgSizeInMiB":0,"commitOffset":-1,"droped":false,"lastConsumeTimestamp":0,)"
        R"("lastLockTimestamp":0,"lastPullTimestamp":0,"locked":false,"transactionMsgCount":0,"transactionMsgMaxOffset":0,)"
        R"("transactionMsgMinOffset":0,"tryUnlockTimes":0}},)"
        R"("properties":{"PROP_CONSUMEORDERLY":"true","PROP_NAMESERVER_ADDR":"a:1;b:2"},)"
        R"("statusTable":{"T":{"consumeFailedMsgs":6,"consumeFailedTPS":0.25,"consumeOKTPS":4.0,"consumeRT":3.0,"pullRT":1.5,"pullTPS":2.0}},)"
        R"("subscriptionSet":[{"classFilterMode":false,"codeSet":[2598919,2598920],"expressionType":"TAG",)"
        R"("subString":"TagA || TagB","subVersion":9,"tagsSet":["TagA","TagB"],"topic":"T"}]})");
    CHECK(encode_running_info({}) == R"({"mqTable":{},"properties":{},"statusTable":{},"subscriptionSet":[]})");
}

TEST_CASE("what became of a message that was consumed directly has RocketMQ's names") {
    CHECK(encode_direct_result({direct_outcome::done, false, {}, 7}) ==
          R"({"autoCommit":true,"consumeResult":"CR_SUCCESS","order":false,"spentTimeMills":7})");
    CHECK(encode_direct_result({direct_outcome::retry_later, true, {}, 0}) ==
          R"({"autoCommit":true,"consumeResult":"CR_LATER","order":true,"spentTimeMills":0})");
    CHECK(encode_direct_result({direct_outcome::threw, false, "no \"price\"", 1}) ==
          R"({"autoCommit":true,"consumeResult":"CR_THROW_EXCEPTION","order":false,"remark":"no \"price\"","spentTimeMills":1})");
}
