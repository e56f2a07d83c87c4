#include "actors/transaction/transaction_record.hpp"

#include "actors/schedule/delayed_message.hpp"
#include "protocol/property_edit.hpp"

#include <algorithm>
#include <array>
#include <charconv>

namespace troupe::actors {

namespace {

namespace name = protocol::property_name;
namespace flag = protocol::message_sys_flag;
using protocol::find_property;

/// More than any transaction takes, and far from what a number of milliseconds can hold.
constexpr std::int64_t immunity_seconds_max = 10LL * 365 * 24 * 3'600;

void set_kind(protocol::message& message, std::int32_t kind) {
    message.sys_flag = (message.sys_flag & ~flag::transaction_mask) | kind;
}

/// A small record that is no message of anybody.
protocol::message note_about(log_position half, queue_offset offset, std::int32_t kind) {
    protocol::message note;
    note.topic = storage::transaction_operation_topic;
    note.body = payload{to_string(offset)}; // as RocketMQ's, for people who look at the topic
    note.prepared_transaction = half;
    set_kind(note, kind);
    return note;
}

} // namespace

std::string text_of(std::string_view properties, std::string_view property) {
    return std::string{find_property(properties, property).value_or("")};
}

std::string transaction_at(log_position half) {
    return "the transaction at log position " + to_string(half);
}

bool is_half_message(std::string_view properties) {
    const auto value = find_property(properties, name::transaction);
    constexpr std::string_view word = "true";
    return value && std::equal(value->begin(), value->end(), word.begin(), word.end(),
                               [](char x, char small) { return (x >= 'A' && x <= 'Z' ? x - 'A' + 'a' : x) == small; });
}

void prepare(protocol::message& message, std::string_view group) {
    protocol::set_property(message.properties, name::real_topic, message.topic);
    protocol::set_property(message.properties, name::real_queue, to_string(message.queue));
    if (const auto key = find_property(message.properties, name::unique_key))
        protocol::set_property(message.properties, name::transaction_id, std::string{*key});
    if (!find_property(message.properties, name::producer_group))
        protocol::set_property(message.properties, name::producer_group, group);
    message.topic = storage::half_topic;
    message.queue = queue_id{0};
    set_kind(message, 0);
}

result<std::optional<std::chrono::milliseconds>> immunity_of(std::string_view properties) {
    const auto text = find_property(properties, name::transaction_immunity);
    if (!text)
        return std::optional<std::chrono::milliseconds>{};
    std::int64_t seconds = 0;
    const auto parsed = std::from_chars(text->data(), text->data() + text->size(), seconds);
    if (parsed.ec != std::errc{} || parsed.ptr != text->data() + text->size() || seconds > immunity_seconds_max)
        return error{errc::property_illegal, "property " + std::string{name::transaction_immunity} + " is \"" +
                                                 std::string{text->substr(0, 32)} + "\"; it must be a number of seconds"};
    if (seconds < 0) // as RocketMQ: none of its own
        return std::optional<std::chrono::milliseconds>{};
    return std::optional{std::chrono::milliseconds{std::chrono::seconds{seconds}}};
}

result<void> check_order(const end_transaction& order, const protocol::message& half) {
    const auto what = transaction_at(order.position);
    if (half.topic != storage::half_topic)
        return error{errc::message_not_found, "there is no half message at log position " + to_string(order.position)};
    if (const auto group = find_property(half.properties, name::producer_group); group.value_or("") != order.producer_group)
        return error{errc::argument_illegal, what + " belongs to producer group " + std::string{group.value_or("")} + ", not to " +
                                                 order.producer_group.substr(0, 64)};
    if (half.offset != order.offset)
        return error{errc::argument_illegal, what + " has offset " + to_string(half.offset) + ", not " + to_string(order.offset)};
    return {};
}

result<void> check_in_time(const end_transaction& order, const protocol::message& half, timestamp_ms now) {
    if (order.is_asked_for)
        return {};
    const auto immunity = immunity_of(half.properties);
    if (immunity && *immunity && half.stored + (*immunity)->count() < now)
        return error{errc::not_permitted, transaction_at(order.position) + " is older than the " +
                                              std::to_string((*immunity)->count() / 1'000) +
                                              " seconds that its message asks for; answer the broker's question instead"};
    return {};
}

result<protocol::message> committed_message(protocol::message half) {
    const auto position = half.position;
    if (auto unparked = unpark(half); !unparked)
        return unparked.failure();
    set_kind(half, flag::committed);
    half.prepared_transaction = position;
    return half;
}

protocol::message rolled_back_message(log_position half, queue_offset offset, std::string_view unique_key) {
    auto note = note_about(half, offset, flag::rolled_back);
    protocol::set_property(note.properties, name::tags, "d");
    protocol::set_property(note.properties, name::unique_key, unique_key);
    return note;
}

protocol::message given_up_message(protocol::message half) {
    half.prepared_transaction = half.position;
    half.topic = storage::transaction_given_up_topic;
    half.queue = queue_id{0};
    set_kind(half, 0);
    return half;
}

protocol::message resumed_message(protocol::message given_up) {
    given_up.prepared_transaction = given_up.position;
    given_up.topic = storage::half_topic;
    given_up.queue = queue_id{0};
    set_kind(given_up, 0);
    return given_up;
}

protocol::message question_message(log_position half, queue_offset offset, std::int32_t number) {
    auto note = note_about(half, offset, flag::prepared);
    protocol::set_property(note.properties, name::tags, "c");
    note.reconsume_times = number;
    return note;
}

result<protocol::message> asked_message(protocol::message half) {
    if (auto unparked = unpark(half); !unparked)
        return unparked.failure();
    half.prepared_transaction = {}; // of one that was resumed: nobody's business
    return half;
}

} // namespace troupe::actors
