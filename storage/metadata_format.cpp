#include "storage/metadata_format.hpp"

#include "storage/rocksdb_support.hpp"

#include <cstdint>

namespace troupe::storage {
namespace {

constexpr std::uint8_t value_version = 1;
/// Of a group with a quota: versions before it cannot read it, and need not unless there is one.
constexpr std::uint8_t group_with_quota_version = 2;
/// Of a group with other settings than a new group has. Likewise.
constexpr std::uint8_t group_with_settings_version = 3;

void put_text(std::string& out, std::string_view text) {
    append_be(out, static_cast<std::uint32_t>(text.size()));
    out.append(text);
}

/// Whether anything is set that versions 1 and 2 have no place for.
bool has_settings(const group_config& group) {
    group_config plain;
    plain.name = group.name;
    plain.consume_enable = group.consume_enable;
    plain.consume_broadcast_enable = group.consume_broadcast_enable;
    plain.retry_queues = group.retry_queues;
    plain.retry_max = group.retry_max;
    plain.deliver_messages = group.deliver_messages;
    return group != plain;
}

void put_settings(std::string& out, const group_config& group) {
    append_be(out, static_cast<std::uint8_t>(group.consume_from_min_enable));
    append_be(out, static_cast<std::uint8_t>(group.consume_message_orderly));
    append_be(out, group.read_broker_id);
    append_be(out, group.slow_read_broker_id);
    append_be(out, static_cast<std::uint8_t>(group.notify_members_changed));
    append_be(out, group.sys_flag);
    append_be(out, group.consume_timeout_minutes);
    const auto& retries = group.retries;
    append_be(out, static_cast<std::uint8_t>(retries.is_exponential));
    append_be(out, static_cast<std::uint8_t>(retries.has_growth));
    append_be(out, retries.initial_ms);
    append_be(out, retries.max_ms);
    append_be(out, retries.multiplier);
    append_be(out, static_cast<std::uint32_t>(retries.delays_ms.size()));
    for (const auto delay : retries.delays_ms) {
        append_be(out, delay);
    }
}

void take_settings(value_reader& in, group_config& group) {
    group.consume_from_min_enable = in.number<std::uint8_t>() != 0;
    group.consume_message_orderly = in.number<std::uint8_t>() != 0;
    group.read_broker_id = in.number<std::int64_t>();
    group.slow_read_broker_id = in.number<std::int64_t>();
    group.notify_members_changed = in.number<std::uint8_t>() != 0;
    group.sys_flag = in.number<std::int32_t>();
    group.consume_timeout_minutes = in.number<std::int32_t>();
    auto& retries = group.retries;
    retries.is_exponential = in.number<std::uint8_t>() != 0;
    retries.has_growth = in.number<std::uint8_t>() != 0;
    retries.initial_ms = in.number<std::int64_t>();
    retries.max_ms = in.number<std::int64_t>();
    retries.multiplier = in.number<std::int64_t>();
    for (auto left = in.number<std::uint32_t>(); left > 0 && in.ok(); --left) {
        retries.delays_ms.push_back(in.number<std::int64_t>());
    }
}

std::string take_text(value_reader& in) {
    const auto bytes = in.number<std::uint32_t>();
    return std::string{in.text(bytes)};
}

} // namespace

std::string key_of(char kind, std::string_view name) {
    return std::string{kind}.append(name);
}

std::string offsets_of(std::string_view topic, char end) {
    auto key = key_of(offset_kind, topic);
    key.push_back(end);
    return key;
}

std::string key_of(const progress_key& key) {
    auto out = offsets_of(key.queue.topic);
    out.append(key.group).push_back(separator);
    append_be(out, key.queue.queue.value());
    return out;
}

std::string modes_of(std::string_view topic, char end) {
    auto key = key_of(mode_kind, topic);
    key.push_back(end);
    return key;
}

std::string key_of(const request_mode& mode) {
    return modes_of(mode.topic).append(mode.group);
}

std::optional<progress_key> progress_key_of(std::string_view stored) {
    const auto topic_end = stored.find(separator);
    const auto group_end = topic_end == std::string_view::npos ? topic_end : stored.find(separator, topic_end + 1);
    if (group_end == std::string_view::npos || stored.size() != group_end + 1 + sizeof(std::int32_t)) {
        return std::nullopt;
    }
    value_reader queue{stored.substr(group_end + 1)};
    return progress_key{std::string{stored.substr(topic_end + 1, group_end - topic_end - 1)},
                        {std::string{stored.substr(1, topic_end - 1)}, queue_id{queue.number<std::int32_t>()}}};
}

std::string encode(const topic_config& topic) {
    std::string out;
    append_be(out, value_version);
    append_be(out, topic.read_queues);
    append_be(out, topic.write_queues);
    append_be(out, topic.perm);
    append_be(out, topic.sys_flag);
    append_be(out, static_cast<std::uint8_t>(topic.order));
    append_be(out, static_cast<std::uint32_t>(topic.attributes.size()));
    for (const auto& [name, value] : topic.attributes) {
        put_text(out, name);
        put_text(out, value);
    }
    return out;
}

std::string encode(queue_offset offset) {
    std::string out;
    append_be(out, value_version);
    append_be(out, offset.value());
    return out;
}

std::string encode(timestamp_ms seen) {
    std::string out;
    append_be(out, value_version);
    append_be(out, seen.value());
    return out;
}

std::string encode_deleted() {
    std::string out;
    append_be(out, value_version);
    return out;
}

std::string encode(const request_mode& mode) {
    std::string out;
    append_be(out, value_version);
    append_be(out, static_cast<std::uint8_t>(mode.is_pop));
    append_be(out, mode.share_queues);
    return out;
}

std::optional<topic_config> decode_topic(std::string_view name, std::string_view value) {
    value_reader in{value};
    if (in.number<std::uint8_t>() != value_version) {
        return std::nullopt;
    }
    topic_config topic;
    topic.name = name;
    topic.read_queues = in.number<std::int32_t>();
    topic.write_queues = in.number<std::int32_t>();
    topic.perm = in.number<std::int32_t>();
    topic.sys_flag = in.number<std::int32_t>();
    topic.order = in.number<std::uint8_t>() != 0;
    for (auto left = in.number<std::uint32_t>(); left > 0 && in.ok(); --left) {
        auto attribute = take_text(in);
        topic.attributes[std::move(attribute)] = take_text(in);
    }
    return in.at_end() ? std::optional{std::move(topic)} : std::nullopt;
}

std::string encode(const group_config& group) {
    std::string out;
    const bool has_quota = group.deliver_messages != 0;
    const bool is_full = has_settings(group);
    append_be(out, is_full ? group_with_settings_version : has_quota ? group_with_quota_version : value_version);
    append_be(out, static_cast<std::uint8_t>(group.consume_enable));
    append_be(out, static_cast<std::uint8_t>(group.consume_broadcast_enable));
    append_be(out, group.retry_queues);
    append_be(out, group.retry_max);
    if (has_quota || is_full) {
        append_be(out, group.deliver_messages);
    }
    if (is_full) {
        put_settings(out, group);
    }
    return out;
}

std::optional<group_config> decode_group(std::string_view name, std::string_view value) {
    value_reader in{value};
    const auto version = in.number<std::uint8_t>();
    if (version < value_version || version > group_with_settings_version) {
        return std::nullopt;
    }
    group_config group;
    group.name = name;
    group.consume_enable = in.number<std::uint8_t>() != 0;
    group.consume_broadcast_enable = in.number<std::uint8_t>() != 0;
    group.retry_queues = in.number<std::int32_t>();
    group.retry_max = in.number<std::int32_t>();
    if (version >= group_with_quota_version) {
        group.deliver_messages = in.number<std::int64_t>();
    }
    if (version >= group_with_settings_version) {
        take_settings(in, group);
    }
    return in.at_end() ? std::optional{std::move(group)} : std::nullopt;
}

std::optional<request_mode> decode_mode(std::string_view key, std::string_view value) {
    const auto topic_end = key.find(separator);
    value_reader in{value};
    const auto version = in.number<std::uint8_t>();
    request_mode mode;
    mode.is_pop = in.number<std::uint8_t>() != 0;
    mode.share_queues = in.number<std::int32_t>();
    if (version != value_version || !in.at_end() || topic_end == std::string_view::npos || topic_end < 2 || topic_end + 1 == key.size()) {
        return std::nullopt;
    }
    mode.topic = key.substr(1, topic_end - 1);
    mode.group = key.substr(topic_end + 1);
    return mode;
}

std::optional<std::pair<progress_key, queue_offset>> decode_offset(std::string_view key, std::string_view value) {
    auto of = progress_key_of(key);
    value_reader in{value};
    const auto version = in.number<std::uint8_t>();
    const auto offset = in.number<std::int64_t>();
    if (!of || version != value_version || !in.at_end()) {
        return std::nullopt;
    }
    return std::pair{*std::move(of), queue_offset{offset}};
}

std::optional<std::pair<std::string, timestamp_ms>> decode_seen(std::string_view key, std::string_view value) {
    value_reader in{value};
    const auto version = in.number<std::uint8_t>();
    const auto seen = in.number<std::int64_t>();
    if (version != value_version || !in.at_end() || seen < 0 || key.size() < 2) {
        return std::nullopt;
    }
    return std::pair{std::string{key.substr(1)}, timestamp_ms{seen}};
}

std::optional<std::string> decode_deleted(std::string_view key, std::string_view value) {
    if (key.size() < 2 || value != encode_deleted()) {
        return std::nullopt;
    }
    return std::string{key.substr(1)};
}

error unreadable(const std::string& directory, std::string_view key, std::string_view value) {
    const auto what = directory + ": the value of \"" + shown(key) + "\" ";
    const unsigned newest = key.starts_with(group_kind) ? group_with_settings_version : value_version;
    const unsigned version = value.empty() ? 0 : static_cast<unsigned char>(value.front());
    if (version > newest) {
        return {errc::not_supported, what + "was written by a newer Troupe (version " + std::to_string(version) +
                                         " of it, this one knows up to " + std::to_string(newest) + "); start that Troupe again"};
    }
    return {errc::corrupt, what + "(" + std::to_string(value.size()) + " bytes) makes no sense; restore the directory from a copy"};
}

} // namespace troupe::storage
