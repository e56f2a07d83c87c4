#include "actors/schedule/delayed_message.hpp"

#include "actors/base/topic_directory.hpp"
#include "actors/schedule/timer_message.hpp"
#include "protocol/property_edit.hpp"

#include <algorithm>
#include <array>
#include <charconv>
#include <optional>
#include <string>

namespace troupe::actors {

namespace {

namespace name = protocol::property_name;

std::optional<std::int32_t> parse_number(std::string_view text) {
    std::int32_t number = 0;
    const auto* end = text.data() + text.size();
    const auto parsed = std::from_chars(text.data(), end, number);
    return parsed.ec == std::errc{} && parsed.ptr == end ? std::optional{number} : std::nullopt;
}

} // namespace

std::vector<std::chrono::milliseconds> default_delay_levels() {
    using namespace std::chrono_literals;
    return {1s, 5s, 10s, 30s, 1min, 2min, 3min, 4min, 5min, 6min, 7min, 8min, 9min, 10min, 20min, 30min, 1h, 2h};
}

std::string format_delay_levels(const std::vector<std::chrono::milliseconds>& levels) {
    struct unit {
        std::int64_t ms;
        const char* name;
    };
    constexpr std::array<unit, 4> units{{{3'600'000, "h"}, {60'000, "m"}, {1'000, "s"}, {1, "ms"}}};
    std::string text;
    for (const auto level : levels) {
        const auto* exact = std::find_if(units.begin(), units.end(), [level](const unit& one) { return level.count() % one.ms == 0; });
        text += text.empty() ? "" : " ";
        text += std::to_string(level.count() / exact->ms) + exact->name;
    }
    return text;
}

result<std::int32_t> delay_level_of(std::string_view properties) {
    const auto text = protocol::find_property(properties, name::delay);
    if (!text)
        return 0;
    const auto level = parse_number(*text);
    if (!level)
        return error{errc::property_illegal,
                     "property DELAY is \"" + std::string{text->substr(0, 32)} + "\"; it must be a level, 1 or more"};
    return *level;
}

void park(protocol::message& message, std::int32_t level, std::int32_t levels) {
    const auto kept = std::clamp(level, 1, levels);
    protocol::set_property(message.properties, name::delay, std::to_string(kept));
    protocol::set_property(message.properties, name::real_topic, message.topic);
    protocol::set_property(message.properties, name::real_queue, to_string(message.queue));
    message.topic = schedule_topic;
    message.queue = queue_id{kept - 1};
}

result<void> unpark(protocol::message& message) {
    const auto topic = protocol::find_property(message.properties, name::real_topic);
    const auto text = protocol::find_property(message.properties, name::real_queue);
    const auto queue = text ? parse_number(*text) : std::nullopt;
    if (!topic || !queue || *queue < 0)
        return error{errc::corrupt, "offset " + to_string(message.offset) + " of queue " + to_string(message.queue) + " of topic " +
                                        message.topic + " names no topic and queue to deliver it to"};
    message.topic = *topic;
    message.queue = queue_id{*queue};
    return {};
}

result<void> send_home(protocol::message& message, const topic_snapshot& topics) {
    if (auto unparked = unpark(message); !unparked)
        return unparked;
    const auto* topic = topics.find(message.topic);
    if (topic == nullptr || message.topic == schedule_topic || message.topic == timer_topic)
        return error{errc::topic_not_found, "topic " + message.topic + " does not exist on this broker any more"};
    // A topic may have fewer queues by now.
    message.queue = queue_id{message.queue.value() % std::max({topic->read_queues, topic->write_queues, 1})};
    return {};
}

} // namespace troupe::actors
