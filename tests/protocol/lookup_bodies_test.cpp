#include "protocol/lookup_bodies.hpp"

#include <doctest/doctest.h>

using namespace troupe::protocol;

// Forms: RocketMQ's QueryConsumeQueueResponseBody, QueryConsumeTimeSpanBody.

TEST_CASE("a page of a queue has Java's members, without messages too") {
    CHECK(encode_queue_page({1, 9, {{4'096, 123, 2598919}, {5'000, 91, -7}}}) ==
          R"({"maxQueueIndex":9,"minQueueIndex":1,"queueData":[{"eval":true,"physicOffset":4096,"physicSize":123,"tagsCode":2598919},)"
          R"({"eval":true,"physicOffset":5000,"physicSize":91,"tagsCode":-7}]})");
    CHECK(encode_queue_page({1, 9, {{4'096, 123, 0, false}}, {}, "nobody"}) ==
          R"({"filterData":"nobody","maxQueueIndex":9,"minQueueIndex":1,)"
          R"("queueData":[{"eval":false,"physicOffset":4096,"physicSize":123,"tagsCode":0}]})");
    const auto page = encode_queue_page({1, 9, {}, subscription_data{"T", "A", "TAG", 3}, {}});
    CHECK(page.starts_with(R"({"maxQueueIndex":9,"minQueueIndex":1,"queueData":[],"subscriptionData":{)"));
    CHECK(page.find(R"("subString":"A")") != std::string::npos);
    CHECK(encode_queue_page({}) == R"({"maxQueueIndex":0,"minQueueIndex":0,"queueData":[]})");
}

TEST_CASE("time spans have Java's members, for no queue too") {
    CHECK(encode_time_spans({{{"T", "b", 2}, 10, 40, 20, 5}}) ==
          R"({"consumeTimeSpanSet":[{"consumeTimeStamp":20,"delayTime":5,"maxTimeStamp":40,)"
          R"("messageQueue":{"brokerName":"b","queueId":2,"topic":"T"},"minTimeStamp":10}]})");
    CHECK(encode_time_spans({}) == R"({"consumeTimeSpanSet":[]})");
}
