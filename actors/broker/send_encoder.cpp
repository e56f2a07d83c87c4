#include "actors/broker/send_encoder.hpp"

#include "actors/broker/broker_options.hpp"
#include "actors/schedule/delayed_message.hpp"
#include "actors/transaction/transaction_record.hpp"
#include "protocol/batch_codec.hpp"
#include "protocol/message_codec.hpp"
#include "protocol/property_edit.hpp"
#include "protocol/recall_handle.hpp"
#include "protocol/vocabulary/limits.hpp"
#include "protocol/vocabulary/names.hpp"

#include <unistd.h>

#include <algorithm>
#include <array>
#include <atomic>
#include <chrono>
#include <utility>

namespace troupe::actors {

namespace {

using protocol::find_property;
namespace name = protocol::property_name;

constexpr std::array timers{name::timer_delay_sec, name::timer_delay_ms, name::timer_deliver_ms, name::start_deliver_time};

/// Topics that only the broker itself writes to (RocketMQ: TopicValidator).
constexpr std::array<std::string_view, 6> broker_only_topics{
    "SCHEDULE_TOPIC_XXXX",        "RMQ_SYS_TRANS_HALF_TOPIC", "RMQ_SYS_TRANS_OP_HALF_TOPIC",
    "TRANS_CHECK_MAX_TIME_TOPIC", "SELF_TEST_TOPIC",          "OFFSET_MOVED_EVENT"};

void append_hex(std::string& out, std::uint64_t number, int bytes) {
    constexpr std::string_view digits = "0123456789ABCDEF";
    for (int shift = bytes * 8 - 4; shift >= 0; shift -= 4)
        out.push_back(digits[(number >> shift) & 15]);
}

/// Bytes that no other encoder uses now: address, process, and the moment and number of the encoder.
std::string make_unique_prefix(const protocol::host_address& host) {
    static std::atomic<std::uint32_t> encoders{0};
    std::string prefix;
    for (std::size_t i = 0; i < (host.is_ipv6 ? 16u : 4u); ++i)
        append_hex(prefix, host.address[i], 1);
    append_hex(prefix, static_cast<std::uint64_t>(::getpid()), 2);
    const auto seconds = std::chrono::duration_cast<std::chrono::seconds>(std::chrono::system_clock::now().time_since_epoch());
    append_hex(prefix, static_cast<std::uint64_t>(seconds.count()) * 64 + encoders.fetch_add(1), 4);
    return prefix;
}

bool is_set(std::string_view properties, std::string_view property) {
    const auto value = find_property(properties, property);
    return value && *value != "0" && *value != "false";
}

/// Whether the message begins a transaction. One given back that is delayed, or dead, may carry TRAN_MSG: it was committed long ago
/// (RocketMQ: SendMessageProcessor).
bool begins_transaction(const send_messages& send) {
    const auto level = delay_level_of(send.properties);
    return is_half_message(send.properties) && !(send.reconsume_times > 0 && level && *level != 0);
}

/// The level by which the message is delayed; 0: not at all.
result<std::int32_t> check_delay(std::string_view properties) {
    const auto level = delay_level_of(properties);
    if (!level)
        return level.failure();
    return std::max(*level, 0);
}

/// What a message of a batch may not have.
result<void> check_element(std::string_view properties) {
    if (is_half_message(properties))
        return error{errc::message_illegal, "messages of a batch cannot be transactional: send it alone"};
    const auto level = check_delay(properties);
    if (!level)
        return level.failure();
    if (*level > 0)
        return error{errc::message_illegal, "messages of a batch cannot be delayed: send it alone, or without property DELAY"};
    for (const auto timer : timers)
        if (is_set(properties, timer))
            return error{errc::message_illegal,
                         "messages of a batch cannot be timed: send it alone, or without property " + std::string{timer}};
    return {};
}

/// Texts of the sender that the broker copies into properties: one with a separator would be read as something else.
result<void> check_copied(const std::string& what, std::string_view text) {
    if (protocol::holds_property_end(text))
        return error{errc::property_illegal, what + " holds byte 0x01 or 0x02, which separate properties; take it out"};
    return {};
}

result<const topic_config*> check_topic(const send_messages& send, const topic_snapshot& topics) {
    if (auto legal = check_topic_name(send.topic); !legal)
        return legal.failure();
    if (std::find(broker_only_topics.begin(), broker_only_topics.end(), send.topic) != broker_only_topics.end())
        return error{errc::not_permitted, "sending messages to topic " + send.topic + " is forbidden: it belongs to the system"};
    const auto* topic = topics.find(send.topic);
    if (topic == nullptr)
        return error{errc::topic_not_found, "topic " + send.topic + " does not exist on this broker; create it first"};
    if ((topics.broker_perm() & permission::write) == 0)
        return error{errc::not_permitted, "this broker takes no messages (its permission lacks write)"};
    if ((topic->perm & permission::write) == 0)
        return error{errc::not_permitted, "topic " + send.topic + " takes no messages (its permission lacks write)"};
    const auto queues = std::max(topic->read_queues, topic->write_queues);
    if (send.queue.value() >= queues || (send.queue.value() < 0 && topic->write_queues <= 0))
        return error{errc::queue_not_found,
                     "topic " + send.topic + " has " + std::to_string(queues) + " queues, there is no queue " + to_string(send.queue)};
    return topic;
}

protocol::message message_of(const send_messages& send, queue_id queue, const protocol::host_address& store_host) {
    protocol::message message;
    message.topic = send.topic;
    message.queue = queue;
    message.flag = send.flag;
    message.sys_flag = send.sys_flag;
    message.born = send.born;
    message.born_host = send.born_host;
    message.store_host = store_host;
    message.reconsume_times = send.reconsume_times;
    return message;
}

} // namespace

send_encoder_options encoder_options(const broker_options& options) {
    send_encoder_options made;
    made.cluster = options.cluster;
    made.region = options.region;
    made.store_host = options.store_host;
    made.batch_bytes_max = storage::batch_bytes_max(options.store);
    made.delay_levels = static_cast<std::int32_t>(options.delay_levels.size());
    made.broker_name = options.broker_name;
    made.timer_horizon = options.timer_horizon;
    made.now = options.now;
    return made;
}

send_encoder::send_encoder(send_encoder_options options)
    : options_{std::move(options)}, unique_prefix_{make_unique_prefix(options_.store_host)} {}

std::string send_encoder::next_unique_key() {
    auto key = unique_prefix_;
    append_hex(key, next_unique_++, 6);
    return key;
}

queue_id send_encoder::choose_queue(const topic_config& topic, queue_id wanted) {
    if (wanted.value() >= 0)
        return wanted;
    return queue_id{static_cast<std::int32_t>(next_queue_++ % static_cast<std::uint32_t>(topic.write_queues))};
}

result<encoded_send> send_encoder::encode(const send_messages& send, const topic_snapshot& topics) {
    const auto topic = check_topic(send, topics);
    if (!topic)
        return topic.failure();
    if (send.body.size() > limits::body_bytes_max)
        return error{errc::body_too_large, "message body of " + std::to_string(send.body.size()) + " bytes; the limit is " +
                                               std::to_string(limits::body_bytes_max)};
    const auto queue = choose_queue(**topic, send.queue);
    auto encoded = send.batch ? encode_batch(send, queue) : encode_single(send, queue);
    if (encoded)
        encoded->receipt.queue = queue;
    return encoded;
}

/// RocketMQ's clients strip the delay of a transactional message, and its broker would lose the message: here it is refused.
result<void> send_encoder::check_half(const send_messages& send, std::int32_t level) const {
    if (level > 0)
        return error{errc::message_illegal, "a transactional message cannot be delayed: send it without property DELAY"};
    for (const auto timer : timers)
        if (is_set(send.properties, timer))
            return error{errc::message_illegal, "a transactional message cannot be timed: send it without property " + std::string{timer}};
    if (auto immunity = immunity_of(send.properties); !immunity)
        return immunity.failure();
    if (auto fine = check_copied("the producer group", send.producer_group); !fine)
        return fine;
    return options_.transactions ? options_.transactions->check() : result<void>{};
}

result<encoded_send> send_encoder::encode_single(const send_messages& send, queue_id queue) {
    const auto level = check_delay(send.properties);
    if (!level)
        return level.failure();
    const bool is_half = begins_transaction(send);
    if (is_half)
        if (auto fine = check_half(send, *level); !fine)
            return fine.failure();
    const auto key = find_property(send.properties, name::unique_key);
    if (auto fine = check_copied("property UNIQ_KEY", key.value_or("")); !fine)
        return fine.failure();
    auto message = message_of(send, queue, options_.store_host);
    message.body = send.body;
    message.properties = send.properties;
    encoded_send encoded;
    if (key && !key->empty()) {
        encoded.receipt.transaction_id = *key;
    } else {
        encoded.receipt.transaction_id = next_unique_key();
        protocol::set_property(message.properties, name::unique_key, encoded.receipt.transaction_id);
    }
    // Also of a message that comes from another broker, where they said something else.
    protocol::set_property(message.properties, name::region, options_.region);
    protocol::set_property(message.properties, name::trace_on, "true");
    protocol::set_property(message.properties, name::cluster, options_.cluster);
    protocol::remove_property(message.properties, name::receipt_handle);
    if (*level > 0) {
        for (const auto timer : timers)
            protocol::remove_property(message.properties, timer);
        park(message, *level, options_.delay_levels);
    } else if (!is_half) {
        const auto now = options_.now();
        const auto due = timer_due_of(send.properties, now, options_.timer_horizon);
        if (!due)
            return due.failure();
        if (*due) {
            if (!is_retry_topic(message.topic))
                encoded.receipt.recall_handle =
                    protocol::encode_recall_handle({message.topic, options_.broker_name, **due + 1, encoded.receipt.transaction_id});
            park_timer(message, **due);
        }
    }
    if (is_half)
        prepare(message, send.producer_group);
    auto record = protocol::encode_record(message);
    if (!record)
        return record.failure();
    encoded.records.queue = {message.topic, message.queue};
    encoded.receipt.record_bytes.push_back(static_cast<std::uint32_t>(record->size()));
    encoded.records.bytes = std::move(*record);
    return encoded;
}

result<encoded_send> send_encoder::encode_batch(const send_messages& send, queue_id queue) const {
    if (is_retry_topic(send.topic) || send.topic.size() > limits::topic_bytes_max)
        return error{errc::message_illegal, "topic " + send.topic + " takes no batches"};
    auto elements = protocol::decode_batch(send.body);
    if (!elements)
        return elements.failure();
    auto message = message_of(send, queue, options_.store_host);
    encoded_send encoded;
    encoded.records.queue = {send.topic, queue};
    encoded.records.count = 0;
    constexpr std::size_t record_head_bytes = 128; // about; the topic comes on top
    encoded.records.bytes.reserve(send.body.size() + elements->size() * (record_head_bytes + send.topic.size()));
    encoded.receipt.record_bytes.reserve(elements->size());
    for (auto& element : *elements) {
        if (const auto fine = check_element(element.properties); !fine)
            return error{errc::message_illegal,
                         "message " + std::to_string(encoded.records.count) + " of the batch: " + fine.failure().text};
        message.flag = element.flag;
        message.body = std::move(element.body);
        message.properties = std::move(element.properties);
        const auto bytes = protocol::append_record(encoded.records.bytes, message);
        if (!bytes)
            return bytes.failure();
        encoded.receipt.record_bytes.push_back(static_cast<std::uint32_t>(*bytes));
        ++encoded.records.count;
        if (encoded.records.bytes.size() > options_.batch_bytes_max)
            return error{errc::body_too_large, "a batch of " + std::to_string(elements->size()) + " messages takes more than the " +
                                                   std::to_string(options_.batch_bytes_max) +
                                                   " bytes of a segment once each has its topic and header; send fewer at once"};
    }
    return encoded;
}

messages_stored send_encoder::describe(const send_receipt& receipt, const storage::placed_records& placed) const {
    messages_stored stored;
    stored.queue = receipt.queue;
    stored.offset = placed.first;
    stored.transaction_id = receipt.transaction_id;
    stored.recall_handle = receipt.recall_handle;
    auto position = placed.position;
    for (const auto bytes : receipt.record_bytes) {
        if (!stored.message_ids.empty())
            stored.message_ids.push_back(',');
        stored.message_ids += protocol::offset_message_id(options_.store_host, position);
        position = position + static_cast<std::int64_t>(bytes);
    }
    return stored;
}

} // namespace troupe::actors
