#include "storage/pop_format.hpp"

#include "storage/rocksdb_support.hpp"

namespace troupe::storage {
namespace {

constexpr std::uint8_t value_version = 1;
constexpr char separator = '\0';

std::string row_key(char kind, const progress_key& key) {
    std::string row{kind};
    row.append(key.group).push_back(separator);
    row.append(key.queue.topic).push_back(separator);
    append_be(row, key.queue.queue.value());
    return row;
}

/// Takes the key behind the kind off the front of `row`; the rest stays.
std::optional<progress_key> take_key(std::string_view& row, char kind) {
    if (row.empty() || row[0] != kind) {
        return std::nullopt;
    }
    const auto group_end = row.find(separator);
    const auto topic_end = group_end == std::string_view::npos ? group_end : row.find(separator, group_end + 1);
    if (topic_end == std::string_view::npos || group_end == 1 || topic_end == group_end + 1) {
        return std::nullopt;
    }
    value_reader in{row.substr(topic_end + 1)};
    const queue_id queue{in.number<std::int32_t>()};
    if (!in.ok() || queue.value() < 0) {
        return std::nullopt;
    }
    progress_key key{std::string{row.substr(1, group_end - 1)}, {std::string{row.substr(group_end + 1, topic_end - group_end - 1)}, queue}};
    row = in.rest();
    return key;
}

} // namespace

std::string popped_queue_row_key(const progress_key& key) {
    return row_key(popped_queue_kind, key);
}

std::optional<progress_key> popped_queue_of_row(std::string_view row) {
    auto key = take_key(row, popped_queue_kind);
    return row.empty() ? key : std::nullopt;
}

std::string encode_next(queue_offset next) {
    std::string value;
    append_be(value, value_version);
    append_be(value, next.value());
    return value;
}

std::optional<queue_offset> decode_next(std::string_view value) {
    value_reader in{value};
    const auto version = in.number<std::uint8_t>();
    const queue_offset next{in.number<std::int64_t>()};
    return in.at_end() && version == value_version && next.value() >= 0 ? std::optional{next} : std::nullopt;
}

std::string pop_lease_row_key(const progress_key& key, queue_offset offset) {
    auto row = row_key(pop_lease_kind, key);
    append_be(row, offset.value());
    return row;
}

std::optional<std::pair<progress_key, queue_offset>> pop_lease_of_row(std::string_view row) {
    auto key = take_key(row, pop_lease_kind);
    value_reader in{row};
    const queue_offset offset{in.number<std::int64_t>()};
    if (!key || !in.at_end() || offset.value() < 0) {
        return std::nullopt;
    }
    return std::pair{*std::move(key), offset};
}

std::string encode(const pop_lease& lease) {
    std::string value;
    append_be(value, value_version);
    append_be(value, lease.visible.value());
    append_be(value, lease.popped.value());
    append_be(value, lease.first_popped.value());
    append_be(value, lease.deliveries);
    return value;
}

std::optional<pop_lease> decode_pop_lease(queue_offset offset, std::string_view value) {
    value_reader in{value};
    const auto version = in.number<std::uint8_t>();
    pop_lease lease;
    lease.offset = offset;
    lease.visible = timestamp_ms{in.number<std::int64_t>()};
    lease.popped = timestamp_ms{in.number<std::int64_t>()};
    lease.first_popped = timestamp_ms{in.number<std::int64_t>()};
    lease.deliveries = in.number<std::int32_t>();
    const bool is_possible = version == value_version && lease.deliveries > 0 && lease.popped < lease.visible;
    return in.at_end() && is_possible ? std::optional{lease} : std::nullopt;
}

} // namespace troupe::storage
