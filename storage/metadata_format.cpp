#include "storage/metadata_format.hpp"

#include "storage/rocksdb_support.hpp"

#include <cstdint>

namespace troupe::storage {
namespace {

constexpr std::uint8_t value_version = 1;
/// Of a group with a quota: versions before it cannot read it, and need not unless there is one.
constexpr std::uint8_t group_with_quota_version = 2;

void put_text(std::string& out, std::string_view text) {
    append_be(out, static_cast<std::uint32_t>(text.size()));
    out.append(text);
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
    append_be(out, has_quota ? group_with_quota_version : value_version);
    append_be(out, static_cast<std::uint8_t>(group.consume_enable));
    append_be(out, static_cast<std::uint8_t>(group.consume_broadcast_enable));
    append_be(out, group.retry_queues);
    append_be(out, group.retry_max);
    if (has_quota) {
        append_be(out, group.deliver_messages);
    }
    return out;
}

std::optional<group_config> decode_group(std::string_view name, std::string_view value) {
    value_reader in{value};
    const auto version = in.number<std::uint8_t>();
    if (version != value_version && version != group_with_quota_version) {
        return std::nullopt;
    }
    group_config group;
    group.name = name;
    group.consume_enable = in.number<std::uint8_t>() != 0;
    group.consume_broadcast_enable = in.number<std::uint8_t>() != 0;
    group.retry_queues = in.number<std::int32_t>();
    group.retry_max = in.number<std::int32_t>();
    if (version == group_with_quota_version) {
        group.deliver_messages = in.number<std::int64_t>();
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

} // namespace troupe::storage
