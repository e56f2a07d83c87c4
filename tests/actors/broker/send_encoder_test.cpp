#include "actors/broker/send_encoder.hpp"

#include "protocol/properties.hpp"
#include "protocol/recall_handle.hpp"
#include "protocol/vocabulary/big_endian.hpp"
#include "protocol/vocabulary/limits.hpp"

#include <doctest/doctest.h>

using namespace troupe;
using namespace troupe::actors;

namespace {

const protocol::host_address here{{127, 0, 0, 1}, false, 10911};

topic_snapshot topics(std::int32_t perm = permission::read_write, std::int32_t broker_perm = permission::read_write) {
    topic_config topic;
    topic.name = "orders";
    topic.read_queues = topic.write_queues = 4;
    topic.perm = perm;
    topic_config retry;
    retry.name = "%RETRY%g";
    topic_config half;
    half.name = "RMQ_SYS_TRANS_HALF_TOPIC";
    return topic_snapshot{broker_perm, 1, {topic, retry, half}};
}

send_encoder make_encoder() {
    return send_encoder{{"c1", "DefaultRegion", here}};
}

send_messages order(std::string body = "hello") {
    send_messages send;
    send.topic = "orders";
    send.queue = queue_id{2};
    send.born = timestamp_ms{123};
    send.flag = 7;
    send.body = payload{std::move(body)};
    return send;
}

std::string batch_element(const std::string& body, const std::string& properties) {
    std::string out;
    append_be<std::int32_t>(out, static_cast<std::int32_t>(22 + body.size() + properties.size()));
    append_be<std::int32_t>(out, 0);
    append_be<std::int32_t>(out, 0);
    append_be<std::int32_t>(out, 5);
    append_be<std::int32_t>(out, static_cast<std::int32_t>(body.size()));
    out += body;
    append_be<std::int16_t>(out, static_cast<std::int16_t>(properties.size()));
    return out + properties;
}

/// The records as they are after the log writer has placed them.
std::vector<protocol::message> placed_messages(encoded_send& encoded, std::int64_t offset, std::int64_t position) {
    std::size_t at = 0;
    for (const auto bytes : encoded.receipt.record_bytes) {
        protocol::place_record(std::span{encoded.records.bytes}.subspan(at, bytes), queue_offset{offset++},
                               log_position{position + static_cast<std::int64_t>(at)}, timestamp_ms{1});
        at += bytes;
    }
    REQUIRE(at == encoded.records.bytes.size());
    auto messages = protocol::decode_records(payload{encoded.records.bytes});
    REQUIRE(messages);
    return *messages;
}

} // namespace

TEST_CASE("send_encoder: a single message gets the broker's properties and keeps its own") {
    auto encoder = make_encoder();
    auto send = order();
    send.properties = "TAGS\x01TagA\x02";
    auto encoded = encoder.encode(send, topics());
    REQUIRE(encoded);
    CHECK(encoded->records.queue == topic_queue{"orders", queue_id{2}});
    CHECK(encoded->records.count == 1);
    const auto messages = placed_messages(*encoded, 9, 4096);
    REQUIRE(messages.size() == 1);
    CHECK(messages[0].body.view() == "hello");
    CHECK(messages[0].flag == 7);
    CHECK(messages[0].born == timestamp_ms{123});
    const auto properties = protocol::decode_properties(messages[0].properties);
    CHECK(properties.at("TAGS") == "TagA");
    CHECK(properties.at("CLUSTER") == "c1");
    CHECK(properties.at("MSG_REGION") == "DefaultRegion");
    CHECK(properties.at("TRACE_ON") == "true");
    CHECK(properties.at("UNIQ_KEY") == encoded->receipt.transaction_id);
    CHECK(encoded->receipt.transaction_id.size() == 32);
}

TEST_CASE("send_encoder: a sender's unique key stays, made ones differ") {
    auto encoder = make_encoder();
    auto other = make_encoder();
    const auto first = encoder.encode(order(), topics());
    const auto second = encoder.encode(order(), topics());
    const auto third = other.encode(order(), topics());
    CHECK(first->receipt.transaction_id != second->receipt.transaction_id);
    CHECK(first->receipt.transaction_id != third->receipt.transaction_id);
    auto send = order();
    send.properties = "UNIQ_KEY\x01mine\x02";
    CHECK(encoder.encode(send, topics())->receipt.transaction_id == "mine");
}

TEST_CASE("send_encoder: a negative queue means any writable one") {
    auto encoder = make_encoder();
    auto send = order();
    send.queue = queue_id{-1};
    std::set<std::int32_t> queues;
    for (int i = 0; i < 4; ++i)
        queues.insert(encoder.encode(send, topics())->receipt.queue.value());
    CHECK(queues == std::set<std::int32_t>{0, 1, 2, 3});
}

TEST_CASE("send_encoder: every wrong send is refused by its own code") {
    auto encoder = make_encoder();
    const auto code = [&encoder](const send_messages& send, const topic_snapshot& snapshot) {
        return encoder.encode(send, snapshot).code();
    };
    auto send = order();
    send.topic = "no such topic";
    CHECK(code(send, topics()) == errc::topic_illegal);
    send.topic = "other";
    CHECK(code(send, topics()) == errc::topic_not_found);
    send.topic = "RMQ_SYS_TRANS_HALF_TOPIC";
    CHECK(code(send, topics()) == errc::not_permitted);
    CHECK(code(order(), topics(permission::read)) == errc::not_permitted);
    CHECK(code(order(), topics(permission::read_write, permission::read)) == errc::not_permitted);
    send = order();
    send.queue = queue_id{4};
    CHECK(code(send, topics()) == errc::queue_not_found);
    CHECK(code(order(""), topics()) == errc::message_illegal);
    CHECK(code(order(std::string(limits::body_bytes_max, 'x')), topics()) == errc::none);
    CHECK(code(order(std::string(limits::body_bytes_max + 1, 'x')), topics()) == errc::body_too_large);
    send = order();
    send.properties = "k\x01" + std::string(40'000, 'x') + "\x02";
    CHECK(code(send, topics()) == errc::properties_too_large);
    send.properties = "TIMER_DELAY_SEC\x01"
                      "300000\x02";
    CHECK(code(send, topics()) == errc::message_illegal);
    send.properties = "DELAY\x01soon\x02";
    CHECK(code(send, topics()) == errc::property_illegal);
}

TEST_CASE("send_encoder: what a broker copies into properties holds nothing that separates them") {
    auto encoder = make_encoder();
    auto send = order();
    for (const std::string group : {"x\x02y", "x\x01y", "\x02"}) {
        send.producer_group = group;
        send.properties = "TRAN_MSG\x01true\x02";
        const auto refused = encoder.encode(send, topics());
        REQUIRE(!refused);
        CHECK(refused.code() == errc::property_illegal);
        CHECK(refused.failure().text.find("producer group") != std::string::npos);
        send.properties = {}; // then the group goes nowhere
        CHECK(encoder.encode(send, topics()).ok());
    }
    send.producer_group = "g";
    for (const std::string kind : {"", "TRAN_MSG\x01true\x02",
                                   "TIMER_DELAY_MS\x01"
                                   "5\x02"}) {
        send.properties = kind + "UNIQ_KEY\x01"
                                 "a\x01"
                                 "b\x02";
        const auto refused = encoder.encode(send, topics());
        REQUIRE(!refused);
        CHECK(refused.code() == errc::property_illegal);
        CHECK(refused.failure().text.find("UNIQ_KEY") != std::string::npos);
    }
}

TEST_CASE("send_encoder: what a message says of the broker is replaced, and a receipt of an earlier delivery is taken out") {
    auto encoder = make_encoder();
    auto send = order();
    send.properties = "CLUSTER\x01other\x02POP_CK\x01handle\x02MSG_REGION\x01other\x02TRACE_ON\x01"
                      "false\x02";
    auto encoded = encoder.encode(send, topics());
    REQUIRE(encoded);
    const auto properties = protocol::decode_properties(placed_messages(*encoded, 0, 0)[0].properties);
    CHECK(properties.at("CLUSTER") == "c1");
    CHECK(properties.at("MSG_REGION") == "DefaultRegion");
    CHECK(properties.at("TRACE_ON") == "true");
    CHECK_FALSE(properties.contains("POP_CK"));
}

TEST_CASE("send_encoder: a delayed message waits in the queue of its level, and is answered for the queue that was asked for") {
    auto encoder = make_encoder();
    auto send = order();
    send.properties = "DELAY\x01"
                      "3\x02TIMER_DELAY_SEC\x01"
                      "9\x02";
    auto encoded = encoder.encode(send, topics());
    REQUIRE(encoded);
    CHECK(encoded->records.queue == topic_queue{"SCHEDULE_TOPIC_XXXX", queue_id{2}});
    CHECK(encoded->receipt.queue == queue_id{2});
    const auto message = placed_messages(*encoded, 0, 0)[0];
    CHECK(message.topic == "SCHEDULE_TOPIC_XXXX");
    const auto properties = protocol::decode_properties(message.properties);
    CHECK(properties.at("REAL_TOPIC") == "orders");
    CHECK(properties.at("REAL_QID") == "2");
    CHECK(properties.at("DELAY") == "3");
    CHECK_FALSE(properties.contains("TIMER_DELAY_SEC"));
    send.properties = "DELAY\x01"
                      "0\x02";
    CHECK(encoder.encode(send, topics())->records.queue == topic_queue{"orders", queue_id{2}});
    // What comes again was committed before.
    send.properties = "TRAN_MSG\x01true\x02"
                      "DELAY\x01"
                      "3\x02";
    CHECK(encoder.encode(send, topics()).code() == errc::message_illegal);
    send.reconsume_times = 1;
    CHECK(encoder.encode(send, topics())->records.queue.topic == "SCHEDULE_TOPIC_XXXX");
}

TEST_CASE("send_encoder: a transactional message waits in the half topic, and is answered for the queue that was asked for") {
    auto encoder = make_encoder();
    auto send = order();
    send.producer_group = "payers";
    send.sys_flag = protocol::message_sys_flag::prepared | protocol::message_sys_flag::compressed;
    send.properties = "TRAN_MSG\x01TRUE\x02UNIQ_KEY\x01u1\x02";
    auto encoded = encoder.encode(send, topics());
    REQUIRE(encoded);
    CHECK(encoded->records.queue == topic_queue{"RMQ_SYS_TRANS_HALF_TOPIC", queue_id{0}});
    CHECK(encoded->receipt.queue == queue_id{2});
    CHECK(encoded->receipt.transaction_id == "u1");
    const auto message = placed_messages(*encoded, 0, 0)[0];
    CHECK(message.sys_flag == protocol::message_sys_flag::compressed);
    const auto properties = protocol::decode_properties(message.properties);
    CHECK(properties.at("REAL_TOPIC") == "orders");
    CHECK(properties.at("REAL_QID") == "2");
    CHECK(properties.at("PGROUP") == "payers");
    CHECK(properties.at("__transactionId__") == "u1");
    CHECK(properties.at("TRAN_MSG") == "TRUE");
    send.properties = "TRAN_MSG\x01true\x02PGROUP\x01said by the client\x02";
    encoded = encoder.encode(send, topics());
    CHECK(protocol::decode_properties(placed_messages(*encoded, 0, 0)[0].properties).at("PGROUP") == "said by the client");
    send.properties = "TRAN_MSG\x01"
                      "false\x02";
    CHECK(encoder.encode(send, topics())->records.queue.topic == "orders");
    send.properties = "TRAN_MSG\x01true\x02"
                      "CHECK_IMMUNITY_TIME_IN_SECONDS\x01soon\x02";
    CHECK(encoder.encode(send, topics()).code() == errc::property_illegal);
}

TEST_CASE("send_encoder: whatever says that a message is for later is refused in transactions and in batches, by its name") {
    auto encoder = make_encoder();
    for (const std::string name : {"DELAY", "TIMER_DELAY_SEC", "TIMER_DELAY_MS", "TIMER_DELIVER_MS", "__STARTDELIVERTIME"}) {
        CAPTURE(name);
        const auto when = name + '\x01' + (name == "DELAY" ? "3" : "1700000000009") + '\x02';
        const auto check_refused = [&](const send_messages& send, const std::string& why) {
            const auto refused = encoder.encode(send, topics());
            REQUIRE_FALSE(refused.ok());
            CHECK(refused.code() == errc::message_illegal);
            const auto& text = refused.failure().text;
            CHECK_MESSAGE(text.find(why) != std::string::npos, text);
            CHECK_MESSAGE(text.find("without property " + name) != std::string::npos, text);
        };
        auto half = order();
        half.properties = "TRAN_MSG\x01true\x02" + when;
        check_refused(half, "a transactional message cannot be ");
        auto batch = order(batch_element("one", "") + batch_element("two", "TAGS\x01TagA\x02" + when));
        batch.batch = true;
        check_refused(batch, "message 1 of the batch: messages of a batch cannot be ");
    }
}

TEST_CASE("send_encoder: a time of 0 says nothing, in transactions and in batches, too") {
    auto encoder = make_encoder();
    const std::string at_once{"__STARTDELIVERTIME\x01"
                              "0\x02"};
    auto half = order();
    half.properties = "TRAN_MSG\x01true\x02" + at_once;
    CHECK(encoder.encode(half, topics()).ok());
    auto batch = order(batch_element("one", at_once));
    batch.batch = true;
    CHECK(encoder.encode(batch, topics()).ok());
}

TEST_CASE("send_encoder: a transactional message is refused while too many have no outcome, and where none are taken") {
    const auto room = std::make_shared<transaction_room>(2);
    send_encoder encoder{{"c1", "DefaultRegion", here, 7u << 20, 18, room}};
    auto send = order();
    send.properties = "TRAN_MSG\x01true\x02";
    room->pending = 1;
    CHECK(encoder.encode(send, topics()).ok());
    room->pending = 2;
    const auto refused = encoder.encode(send, topics());
    CHECK(refused.code() == errc::busy);
    CHECK(refused.failure().text.find("2 transactions") != std::string::npos);
    CHECK(encoder.encode(order(), topics()).ok());
    send_encoder without{{"c1", "DefaultRegion", here, 7u << 20, 18, std::make_shared<transaction_room>(0)}};
    CHECK(without.encode(send, topics()).code() == errc::not_permitted);
}

TEST_CASE("send_encoder: a timed message waits among the timers, and its answer says how to take it back") {
    send_encoder_options options;
    options.broker_name = "b1";
    options.now = [] { return timestamp_ms{1'000}; };
    send_encoder encoder{options};
    auto send = order();
    send.properties = "TIMER_DELAY_MS\x01"
                      "500\x02UNIQ_KEY\x01u1\x02";
    auto encoded = encoder.encode(send, topics());
    REQUIRE(encoded);
    CHECK(encoded->records.queue == topic_queue{"rmq_sys_wheel_timer", queue_id{0}});
    CHECK(encoded->receipt.queue == queue_id{2});
    const auto properties = protocol::decode_properties(placed_messages(*encoded, 0, 0)[0].properties);
    CHECK(properties.at("TIMER_OUT_MS") == "1500");
    CHECK(properties.at("REAL_TOPIC") == "orders");
    CHECK(properties.at("REAL_QID") == "2");
    const auto stored = encoder.describe(encoded->receipt, {queue_offset{5}, log_position{1000}, {}, {}});
    CHECK(stored.recall_handle == protocol::encode_recall_handle({"orders", "b1", timestamp_ms{1'501}, "u1"}));
    send.properties = "TIMER_DELIVER_MS\x01"
                      "1000\x02";
    encoded = encoder.encode(send, topics());
    REQUIRE(encoded);
    CHECK(encoded->records.queue == topic_queue{"orders", queue_id{2}}); // its time has come
    CHECK(encoded->receipt.recall_handle.empty());
}

TEST_CASE("send_encoder: a batch becomes one record per message, with an id for each") {
    auto encoder = make_encoder();
    auto send = order(batch_element("one", "TAGS\x01"
                                           "A\x02") +
                      batch_element("two", "") + batch_element("three", "KEYS\x01k\x02"));
    send.batch = true;
    auto encoded = encoder.encode(send, topics());
    REQUIRE(encoded);
    CHECK(encoded->records.count == 3);
    const auto stored = encoder.describe(encoded->receipt, {queue_offset{5}, log_position{1000}, {}, {}});
    CHECK(stored.offset == queue_offset{5});
    CHECK(stored.queue == queue_id{2});
    CHECK(stored.transaction_id.empty());
    const auto messages = placed_messages(*encoded, 5, 1000);
    REQUIRE(messages.size() == 3);
    CHECK(messages[1].body.view() == "two");
    CHECK(messages[2].offset == queue_offset{7});
    CHECK(messages[0].flag == 5);
    CHECK(messages[0].properties == "TAGS\x01"
                                    "A\x02");
    std::string ids;
    for (const auto& one : messages)
        ids += (ids.empty() ? "" : ",") + protocol::offset_message_id(here, one.position);
    CHECK(stored.message_ids == ids);
}

TEST_CASE("send_encoder: a batch of many small messages is measured as the records it becomes") {
    send_encoder encoder{{"c1", "DefaultRegion", here, 8'000}};
    std::string body;
    while (body.size() < 4'000)
        body += batch_element("x", "");
    auto send = order(body);
    send.batch = true;
    const auto encoded = encoder.encode(send, topics());
    REQUIRE(!encoded);
    CHECK(encoded.code() == errc::body_too_large);
    CHECK(encoded.failure().text.find("send fewer") != std::string::npos);
}

TEST_CASE("send_encoder: a batch that cannot be taken apart is refused whole") {
    auto encoder = make_encoder();
    const auto good = batch_element("one", "");
    auto lying = good;
    lying[3] = static_cast<char>(lying[3] + 1);
    auto negative = good;
    negative[16] = '\xff';
    for (const auto& body :
         {good.substr(0, 10), good + "x", lying, negative, std::string{}, batch_element("", ""), batch_element("x", "TRAN_MSG\x01true\x02"),
          batch_element("x", "DELAY\x01"
                             "1\x02")}) {
        auto send = order(body);
        send.batch = true;
        CHECK(encoder.encode(send, topics()).code() == errc::message_illegal);
    }
    auto send = order(good);
    send.batch = true;
    send.topic = "%RETRY%g";
    CHECK(encoder.encode(send, topics()).code() == errc::message_illegal);
}
