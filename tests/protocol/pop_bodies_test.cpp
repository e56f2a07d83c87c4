#include "protocol/pop_bodies.hpp"

#include <doctest/doctest.h>

#include <string>
#include <vector>

// Vectors: RocketMQ's ExtraInfoUtil, BatchAckMessageRequestBody and others.

using namespace troupe;
using namespace troupe::protocol;

namespace {

std::vector<queue_offset> offsets(std::initializer_list<std::int64_t> numbers) {
    std::vector<queue_offset> all;
    for (const auto number : numbers)
        all.emplace_back(number);
    return all;
}

} // namespace

TEST_CASE("receipt_handle: is written as RocketMQ writes it, and read back") {
    const receipt_handle handle{queue_offset{100}, timestamp_ms{1'700'000'000'000}, 60'000, 3, 0, "broker-a", queue_id{0},
                                queue_offset{101}};
    const std::string text = "100 1700000000000 60000 3 0 broker-a 0 101";
    CHECK(encode_receipt_handle(handle) == text);
    CHECK(decode_receipt_handle(text).value() == handle);
}

TEST_CASE("receipt_handle: what is none is refused") {
    for (const std::string text : {"", " ", "1 2 3 4 5 b 7", "1 2 3 4 5 b 7 8 9", "1 2 3 4 5 b 7 -8", "1 2 3 4 5  7 8", "1 x 3 4 5 b 7 8",
                                   "1 2 3 4 5 b 99999999999 8", "1 -2 3 4 5 b 7 8", "1 2 3 4 5 b 7 8 "}) {
        const auto refused = decode_receipt_handle(text);
        REQUIRE_MESSAGE(!refused.ok(), text);
        CHECK(refused.code() == errc::protocol_error);
    }
}

TEST_CASE("offsets of a pop: are written as RocketMQ writes them, and read back") {
    std::vector<popped_queue> queues{{queue_id{0}, queue_offset{100}, offsets({100, 101, 103}), {}},
                                     {queue_id{2}, queue_offset{5}, offsets({5}), {}}};
    CHECK(encode_start_offsets(queues) == "0 0 100;0 2 5");
    CHECK(encode_message_offsets(queues) == "0 0 100,101,103;0 2 5");
    CHECK(decode_popped_queues("0 0 100;0 2 5", "0 0 100,101,103;0 2 5").value() == queues);
    queues = {{queue_id{0}, queue_offset{100}, offsets({100, 101}), {2, 0}}};
    CHECK(encode_order_counts(queues) == "0 0 0;0 qo0%100 2;0 qo0%101 0");
    CHECK(decode_popped_queues("0 0 100", "0 0 100,101", "0 0 0;0 qo0%100 2;0 qo0%101 0").value() == queues);
    // RocketMQ counts only what was delivered before, and what it does not count came as often as it says of the queue.
    CHECK(decode_popped_queues("0 0 100", "0 0 100,101", "0 qo0%100 2;0 0 0").value() == queues);
    CHECK(decode_popped_queues("0 0 100", "0 0 100,101", "0 qo0%100 2;1 0 7;1 qo0%101 7").value() == queues);
    CHECK(decode_popped_queues("0 0 100", "0 0 100,101", "0 0 3")->at(0).deliveries == std::vector<std::int32_t>{3, 3});
    for (const std::string counts :
         {"0", "0 0", "0 0 x", "0 0 -1", "0 x 1", "0 qo0 1", "0 qo0% 1", "0 qo%1 1", "0 qo0%1", "0 0 1;;0 0 1", "0 0 1 1"}) {
        const auto refused = decode_popped_queues("0 0 100", "0 0 100", counts);
        REQUIRE_MESSAGE(!refused.ok(), counts);
        CHECK(refused.code() == errc::protocol_error);
    }
    // What comes from retry topics of RocketMQ's is left out.
    CHECK(decode_popped_queues("0 0 100;1 0 5", "0 0 100;1 0 5").value() ==
          std::vector<popped_queue>{{queue_id{0}, queue_offset{100}, offsets({100}), {}}});
    CHECK(decode_popped_queues("", "")->empty());
    for (const std::string text : {"0", "0 0", "0 x 1", "0 0 1,", "0 0 1 2", "0 0 1;;0 1 2"})
        CHECK_MESSAGE((!decode_popped_queues(text, {}).ok() || !decode_popped_queues("0 0 1", text).ok()), text);
}

TEST_CASE("batch of acks: is written as RocketMQ writes it, and read in both spellings") {
    const std::string text = R"({"acks":[{"b":"CQI=","c":"CG","it":60000,"pt":1700,"q":2,"r":"0","rq":3,"so":100,"t":"T"}],)"
                             R"("brokerName":"broker-a"})";
    const batch_ack_request request{
        "broker-a", {{"CG", "T", 0, queue_offset{100}, queue_id{2}, 3, timestamp_ms{1'700}, 60'000, offsets({100, 103, 109})}}};
    CHECK(encode_batch_ack_request(request) == text);
    CHECK(decode_batch_ack_request(text).value() == request);
    CHECK(decode_batch_ack_request(R"({"acks":[{"bitSet":"CQI","consumerGroup":"CG","invisibleTime":60000,"popTime":1700,"queueId":2,)"
                                   R"("retry":"0","reviveQueueId":3,"startOffset":100,"topic":"T"}],"brokerName":"broker-a"})")
              .value() == request);
    CHECK(decode_batch_ack_request("{}")->acks.empty());
}

TEST_CASE("batch of acks: sets that are wrong, too wide or too full are refused") {
    const auto refused = [](const std::string& set, const std::string& start = "0") {
        return decode_batch_ack_request(R"({"acks":[{"b":")" + set + R"(","so":)" + start + "}]}").code() == errc::protocol_error;
    };
    CHECK(refused("!"));
    CHECK(refused("A"));
    CHECK(refused("CQI=", "-1"));
    CHECK(refused("CQI=", "9223372036854775807"));
    CHECK(refused(std::string(200'000, 'A')));
    CHECK(refused(std::string(100'000, '/')));
    CHECK(refused(std::string(1'368, '/'))); // 8,208 messages from 1,368 bytes
    CHECK_FALSE(refused(std::string(1'364, '/')));
    CHECK_FALSE(refused(""));
}

TEST_CASE("assignment: question and answer are RocketMQ's, and are read back") {
    const assignment_request request{"T", "CG", "client-1", "AVG", false};
    const std::string question =
        R"({"clientId":"client-1","consumerGroup":"CG","messageModel":"CLUSTERING","strategyName":"AVG","topic":"T"})";
    CHECK(encode_assignment_request(request) == question);
    CHECK(decode_assignment_request(question).value() == request);
    auto broadcasting = request;
    broadcasting.is_broadcasting = true;
    broadcasting.strategy = "AVG_BY_CIRCLE";
    CHECK(decode_assignment_request(encode_assignment_request(broadcasting)).value() == broadcasting);

    const std::vector<queue_assignment> assigned{{{"T", "b", -1}, true}, {{"T", "c", 3}, false}};
    const std::string answer = R"({"messageQueueAssignments":[{"messageQueue":{"brokerName":"b","queueId":-1,"topic":"T"},"mode":"POP"},)"
                               R"({"messageQueue":{"brokerName":"c","queueId":3,"topic":"T"},"mode":"PULL"}]})";
    CHECK(encode_assignments(assigned) == answer);
    CHECK(decode_assignments(answer).value() == assigned);
    CHECK_FALSE(decode_assignments(answer.substr(0, 40)).ok());
    CHECK_FALSE(decode_assignment_request("[]").ok());
}
