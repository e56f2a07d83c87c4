#include "apps/commands/client_support.hpp"

#include "config/nearest.hpp"
#include "config/units.hpp"
#include "protocol/properties.hpp"
#include "protocol/vocabulary/limits.hpp"
#include "protocol/vocabulary/topic_config.hpp"

#include <algorithm>
#include <array>
#include <charconv>
#include <chrono>
#include <optional>

namespace troupe::apps {

namespace {

error illegal(std::string text) {
    return error{errc::argument_illegal, std::move(text)};
}

std::optional<std::int64_t> whole_number(std::string_view text) {
    std::int64_t number = 0;
    const auto [rest, failure] = std::from_chars(text.data(), text.data() + text.size(), number);
    return failure == std::errc{} && rest == text.data() + text.size() ? std::optional{number} : std::nullopt;
}

/// Takes exactly `digits` digits off the front.
std::optional<int> take_digits(std::string_view& text, std::size_t digits) {
    if (text.size() < digits ||
        !std::all_of(text.begin(), text.begin() + static_cast<std::ptrdiff_t>(digits), [](char c) { return c >= '0' && c <= '9'; })) {
        return std::nullopt;
    }
    int number = 0;
    std::from_chars(text.data(), text.data() + digits, number);
    text.remove_prefix(digits);
    return number;
}

/// "2026-11-22[T10[:30[:05]]][Z]", UTC.
std::optional<timestamp_ms> calendar_time(std::string_view text) {
    if (text.ends_with('Z')) {
        text.remove_suffix(1);
    }
    // year, month, day, hour, minute, second; a separator stands before each but the first.
    std::array<int, 6> parts{0, 1, 1, 0, 0, 0};
    constexpr std::array<char, 6> before{0, '-', '-', 'T', ':', ':'};
    std::size_t count = 0;
    while (count < parts.size() && !text.empty()) {
        if (count > 0) {
            if (text.front() != before[count]) {
                return std::nullopt;
            }
            text.remove_prefix(1);
        }
        const auto number = take_digits(text, count == 0 ? 4 : 2);
        if (!number) {
            return std::nullopt;
        }
        parts[count++] = *number;
    }
    using namespace std::chrono;
    const year_month_day day{year{parts[0]}, month{static_cast<unsigned>(parts[1])}, std::chrono::day{static_cast<unsigned>(parts[2])}};
    if (!text.empty() || count < 3 || !day.ok() || parts[3] > 23 || parts[4] > 59 || parts[5] > 59) {
        return std::nullopt;
    }
    const auto since = sys_days{day}.time_since_epoch() + hours{parts[3]} + minutes{parts[4]} + seconds{parts[5]};
    return timestamp_ms{duration_cast<milliseconds>(since).count()};
}

result<start_point> parse_time(std::string_view text, timestamp_ms now) {
    start_point start{.kind = start_point::kind_type::time, .time = {}, .offset = {}};
    if (text.starts_with('-')) {
        const auto before = config::parse_duration(text.substr(1));
        if (!before) {
            return before.failure();
        }
        start.time = timestamp_ms{now.value() - before->count()};
        return start;
    }
    if (const auto number = whole_number(text)) {
        start.time = timestamp_ms{*number};
        return start;
    }
    if (const auto moment = calendar_time(text)) {
        start.time = *moment;
        return start;
    }
    return illegal("\"" + std::string{text} +
                   "\" is no time; write 2026-11-22T10:00:00Z, milliseconds since 1970, or -15m for 15 minutes ago");
}

} // namespace

result<client::connection> connect(const command_context& context) {
    return connect(context, context.name_servers);
}

std::vector<std::string> name_server_addresses(const command_context& context) {
    std::vector<std::string> addresses;
    std::string_view rest = context.name_servers;
    while (!rest.empty()) {
        const auto end = std::min(rest.find_first_of(";,"), rest.size());
        if (end > 0) {
            addresses.emplace_back(rest.substr(0, end));
        }
        rest.remove_prefix(std::min(end + 1, rest.size()));
    }
    return addresses;
}

result<client::connection> connect(const command_context& context, const std::string& name_servers) {
    client::client_options options;
    options.name_servers = name_servers;
    std::replace(options.name_servers.begin(), options.name_servers.end(), ',', ';');
    options.request_timeout = context.timeout;
    return client::connection::open(std::move(options));
}

result<client::message_queue> parse_queue(const std::string& topic, std::string_view text) {
    const std::size_t colon = text.rfind(':');
    const auto number = colon == std::string_view::npos ? std::nullopt : whole_number(text.substr(colon + 1));
    if (!number || colon == 0 || *number < 0 || *number >= limits::queues_per_topic_max) {
        return illegal("\"" + std::string{text} + "\" is no queue; write BROKER:NUMBER, like broker-a:0");
    }
    return client::message_queue{topic, std::string{text.substr(0, colon)}, static_cast<std::int32_t>(*number)};
}

result<std::int32_t> parse_permission(std::string_view text) {
    if (text == "rw" || text == "wr") {
        return permission::read_write;
    }
    if (text == "r") {
        return permission::read;
    }
    if (text == "w") {
        return permission::write;
    }
    return illegal("\"" + std::string{text} + "\" is none of rw, r, w");
}

std::string format_permission(std::int32_t bits) {
    std::string text = (bits & permission::read) != 0 ? "r" : "";
    text += (bits & permission::write) != 0 ? "w" : "";
    return text.empty() ? "none" : text;
}

result<start_point> parse_start_point(std::string_view text, timestamp_ms now) {
    if (text == "first") {
        return start_point{.kind = start_point::kind_type::first, .time = {}, .offset = {}};
    }
    if (text == "last") {
        return start_point{.kind = start_point::kind_type::last, .time = {}, .offset = {}};
    }
    if (text.starts_with("time:")) {
        return parse_time(text.substr(5), now);
    }
    if (text.starts_with("offset:")) {
        const auto number = whole_number(text.substr(7));
        if (!number || *number < 0) {
            return illegal("\"" + std::string{text.substr(7)} + "\" is no offset; write a whole number from 0 on");
        }
        return start_point{.kind = start_point::kind_type::offset, .time = {}, .offset = queue_offset{*number}};
    }
    const std::string meant = config::nearest(text, {"first", "last"});
    return illegal("\"" + std::string{text} + "\" is none of first, last, time:T, offset:N" +
                   (meant.empty() ? "" : "; did you mean \"" + meant + "\"?"));
}

client::seek_target to_seek_target(const start_point& start) {
    switch (start.kind) {
    case start_point::kind_type::first: return client::seek_target::first();
    case start_point::kind_type::last: return client::seek_target::last();
    case start_point::kind_type::time: return client::seek_target::at(start.time);
    case start_point::kind_type::offset: return client::seek_target::at(start.offset);
    }
    return client::seek_target::first();
}

result<timestamp_ms> parse_moment(std::string_view text) {
    if (const auto number = whole_number(text); number && *number >= 0) {
        return timestamp_ms{*number};
    }
    if (const auto moment = calendar_time(text)) {
        return *moment;
    }
    return illegal("\"" + std::string{text} + "\" is no time; write 2026-11-22T10:00:00Z, or milliseconds since 1970");
}

void erase_added(std::map<std::string, std::string>& properties) {
    namespace name = protocol::property_name;
    // The last three are what Apache's brokers and clients add to every message.
    for (const auto added : {name::tags, name::keys, name::unique_key, name::wait, name::checksum, std::string_view{"CLUSTER"},
                             std::string_view{"MSG_REGION"}, std::string_view{"TRACE_ON"}}) {
        properties.erase(std::string{added});
    }
}

timestamp_ms now() {
    using namespace std::chrono;
    return timestamp_ms{duration_cast<milliseconds>(system_clock::now().time_since_epoch()).count()};
}

} // namespace troupe::apps
