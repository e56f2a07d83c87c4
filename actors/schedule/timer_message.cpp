#include "actors/schedule/timer_message.hpp"

#include "actors/schedule/delayed_message.hpp"
#include "protocol/property_edit.hpp"
#include "protocol/vocabulary/big_endian.hpp"
#include "protocol/vocabulary/names.hpp"

#include <algorithm>
#include <array>
#include <charconv>
#include <limits>
#include <utility>

namespace troupe::actors {

namespace {

namespace name = protocol::property_name;

constexpr std::uint8_t done_note_version = 1;
constexpr std::size_t done_note_timer_bytes = 16;

std::optional<std::int64_t> parse_number(std::string_view text) {
    std::int64_t number = 0;
    const auto* end = text.data() + text.size();
    const auto parsed = std::from_chars(text.data(), end, number);
    return parsed.ec == std::errc{} && parsed.ptr == end ? std::optional{number} : std::nullopt;
}

/// One of the ways to say when: the property, and what its number counts.
struct spelling {
    std::string_view property;
    std::int64_t unit_ms;
    bool is_relative;
};
constexpr std::array<spelling, 4> spellings{{{name::timer_delay_sec, 1'000, true},
                                             {name::timer_delay_ms, 1, true},
                                             {name::timer_deliver_ms, 1, false},
                                             {name::start_deliver_time, 1, false}}};

} // namespace

const topic_queue& timer_queue() {
    static const topic_queue queue{std::string{timer_topic}, queue_id{0}};
    return queue;
}

const topic_queue& timer_done_queue() {
    static const topic_queue queue{std::string{timer_done_topic}, queue_id{0}};
    return queue;
}

result<std::optional<timestamp_ms>> timer_due_of(std::string_view properties, timestamp_ms now, std::chrono::milliseconds horizon) {
    const std::optional<timestamp_ms> at_once;
    std::array<std::optional<std::string_view>, spellings.size()> texts;
    bool is_recall = false;
    bool was_delivered = false;
    protocol::for_each_property(properties, [&](std::string_view property, std::string_view value) {
        for (std::size_t i = 0; i < spellings.size(); ++i)
            if (property == spellings[i].property)
                texts[i] = value;
        is_recall = is_recall || property == name::timer_delete_key;
        was_delivered = was_delivered || property == name::timer_out_ms;
    });
    const auto* const text = std::find_if(texts.begin(), texts.end(), [](const auto& one) { return one.has_value(); });
    if (text == texts.end() || was_delivered)
        return at_once;
    const auto& said = spellings[static_cast<std::size_t>(text - texts.begin())];
    const auto number = parse_number(**text);
    if (!number)
        return error{errc::message_illegal, "property " + std::string{said.property} + " is \"" + std::string{(*text)->substr(0, 32)} +
                                                "\"; it must be a whole number"};
    // In this order nothing overflows.
    const auto ahead = said.is_relative ? *number : std::max(*number, std::int64_t{0}) - now.value();
    if (ahead > horizon.count() / said.unit_ms)
        return error{errc::message_illegal, "timer message illegal: property " + std::string{said.property} + " is " +
                                                std::to_string(*number) + ", the delay time should not be bigger than the max delay " +
                                                std::to_string(horizon.count()) + "ms (option broker.timer_max_delay)"};
    if (ahead > 0)
        return std::optional{now + ahead * said.unit_ms};
    if (is_recall)
        return error{errc::message_illegal, "timer message illegal: the time of an order to delete a timer is over"};
    return at_once;
}

void park_timer(protocol::message& message, timestamp_ms due) {
    protocol::set_property(message.properties, name::timer_out_ms, to_string(due));
    protocol::set_property(message.properties, name::real_topic, message.topic);
    protocol::set_property(message.properties, name::real_queue, to_string(message.queue));
    message.topic = timer_topic;
    message.queue = queue_id{0};
}

result<void> unpark_timer(protocol::message& message, const topic_snapshot& topics, timestamp_ms now) {
    if (auto home = send_home(message, topics); !home)
        return home;
    protocol::remove_property(message.properties, name::real_topic);
    protocol::remove_property(message.properties, name::real_queue);
    // Where they do not fit, the message is worth more than they are.
    auto whole = message.properties;
    protocol::set_property(whole, name::timer_enqueue_ms, to_string(message.stored));
    protocol::set_property(whole, name::timer_dequeue_ms, to_string(now));
    if (whole.size() + protocol::checksum_property_bytes < limits::properties_bytes_max)
        message.properties = std::move(whole);
    return {};
}

protocol::message make_recall(std::string_view topic, std::string_view unique_key, timestamp_ms due) {
    protocol::message message;
    message.topic = topic;
    message.body = payload{"0"};
    // With the topic in front no key can be taken for something else.
    protocol::set_property(message.properties, name::timer_delete_key, std::string{topic} + "+" + std::string{unique_key});
    park_timer(message, due);
    return message;
}

timer_facts timer_facts_of(std::string_view properties) {
    timer_facts facts;
    std::string_view recalled;
    protocol::for_each_property(properties, [&](std::string_view property, std::string_view value) {
        if (property == name::timer_out_ms) {
            const auto due = parse_number(value);
            facts.due = due && *due >= 0 ? std::optional{timestamp_ms{*due}} : std::nullopt;
        } else if (property == name::real_topic) {
            facts.topic = value;
        } else if (property == name::unique_key) {
            facts.unique_key = value;
        } else if (property == name::timer_delete_key) {
            recalled = value;
        }
    });
    facts.is_recall = !recalled.empty() && !is_retry_topic(facts.topic);
    if (!facts.is_recall)
        return facts;
    // One of two spellings has the topic and '+' in front. Keys may hold '+', too; topics cannot.
    const auto topic_bytes = facts.topic.size();
    const bool has_topic = recalled.size() > topic_bytes && recalled.starts_with(facts.topic) && recalled[topic_bytes] == '+';
    facts.unique_key = has_topic ? recalled.substr(topic_bytes + 1) : recalled;
    return facts;
}

std::string encode_done_note(std::span<const storage::timer_key> timers) {
    std::string body;
    body.reserve(1 + timers.size() * done_note_timer_bytes);
    body.push_back(static_cast<char>(done_note_version));
    for (const auto& timer : timers) {
        append_be(body, timer.due.value());
        append_be(body, timer.position.value());
    }
    return body;
}

protocol::message make_done_note(std::span<const storage::timer_key> timers) {
    protocol::message message;
    message.topic = timer_done_topic;
    message.body = payload{encode_done_note(timers)};
    return message;
}

result<std::vector<storage::timer_key>> decode_done_note(std::string_view body) {
    byte_reader in{body};
    if (in.number<std::uint8_t>() != done_note_version || in.left() % done_note_timer_bytes != 0)
        return error{errc::corrupt, "a note of delivered timers of " + std::to_string(body.size()) + " bytes makes no sense"};
    std::vector<storage::timer_key> timers;
    while (in.left() > 0) {
        const auto due = in.number<std::int64_t>();
        const auto position = in.number<std::int64_t>();
        timers.push_back({timestamp_ms{*due}, log_position{*position}});
    }
    return timers;
}

} // namespace troupe::actors
