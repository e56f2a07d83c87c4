#include "protocol/consumer_bodies.hpp"

#include <doctest/doctest.h>

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

TEST_CASE("a lock request has Java's members, and comes back with every field") {
    // Form: RocketMQ's LockBatchRequestBody.
    const std::string text =
        R"({"clientId":"10.0.0.9@1#2","consumerGroup":"CG","mqSet":[{"brokerName":"b","queueId":1,"topic":"T"}],"onlyThisBroker":true})";
    const queue_lock_request request{"CG", "10.0.0.9@1#2", true, {{"T", "b", 1}}};
    CHECK(encode_queue_lock_request(request) == text);
    CHECK(decode_queue_lock_request(text).value() == request);
    check_truncations(text, decode_queue_lock_request);
}

TEST_CASE("a lock request without members, or with unknown ones, is read") {
    CHECK(decode_queue_lock_request("{}").value() == queue_lock_request{});
    CHECK(decode_queue_lock_request(R"({"consumerGroup":"CG","mqSet":[{"queueId":"3","topic":"T","x":1}],"y":{}})").value() ==
          queue_lock_request{"CG", "", false, {{"T", "", 3}}});
    for (const char* wrong : {R"({"mqSet":{}})", R"({"mqSet":[{"queueId":"x"}]})", R"({"mqSet":[1]})"})
        CHECK_MESSAGE(decode_queue_lock_request(wrong).code() == errc::protocol_error, wrong);
}

TEST_CASE("a lock request of more queues than anybody has is refused") {
    queue_lock_request request;
    request.queues.resize(queues_per_lock_request_max);
    CHECK(decode_queue_lock_request(encode_queue_lock_request(request)).ok());
    request.queues.emplace_back();
    CHECK(decode_queue_lock_request(encode_queue_lock_request(request)).code() == errc::protocol_error);
}

TEST_CASE("the queues that are locked come back, none as well") {
    const std::string text = R"({"lockOKMQSet":[{"brokerName":"b","queueId":1,"topic":"T"},{"brokerName":"b","queueId":2,"topic":"T"}]})";
    const std::vector<message_queue> queues{{"T", "b", 1}, {"T", "b", 2}};
    CHECK(encode_locked_queues(queues) == text);
    CHECK(decode_locked_queues(text).value() == queues);
    CHECK(encode_locked_queues({}) == R"({"lockOKMQSet":[]})");
    CHECK(decode_locked_queues(R"({"lockOKMQSet":[]})").value().empty());
    check_truncations(text, decode_locked_queues);
}

TEST_CASE("a client's question about its configuration comes back with every field") {
    const client_config_check check{"c@1", "CG", "ns", {"T", "a > 1", "SQL92", 17}};
    const auto text = encode_client_config_check(check);
    CHECK(text == R"({"clientId":"c@1","group":"CG","namespace":"ns","subscriptionData":{"classFilterMode":false,"codeSet":[],)"
                  R"("expressionType":"SQL92","subString":"a > 1","subVersion":17,"tagsSet":[],"topic":"T"}})");
    CHECK(decode_client_config_check(text).value() == check);
    check_truncations(text, decode_client_config_check);
    CHECK(decode_client_config_check(R"({"clientId":"c@1","group":"CG"})").value() == client_config_check{"c@1", "CG", "", {}});
}
