#include "storage/index_rows.hpp"

#include "storage/rocksdb_support.hpp"

#include <algorithm>

namespace troupe::storage {
namespace {

constexpr char separator = '\0';
constexpr std::size_t key_row_head_bytes = 24;
constexpr std::size_t key_row_entry_bytes = 16;
constexpr std::size_t transaction_row_bytes = 32;
constexpr std::size_t resumed_row_bytes = 16;

} // namespace

std::string blocks_of(std::string_view topic, char end) {
    std::string key{block_kind};
    key.append(topic).push_back(end);
    return key;
}

std::string block_key(const topic_queue& queue, std::int64_t number) {
    auto key = blocks_of(queue.topic);
    append_be(key, queue.queue.value());
    append_be(key, number);
    return key;
}

std::string key_row_key(std::uint16_t partition, log_position first) {
    std::string key{key_kind};
    append_be(key, partition);
    append_be(key, first.value());
    return key;
}

std::optional<std::pair<topic_queue, std::int64_t>> parse_block_key(std::string_view key) {
    const auto end = key.find(separator);
    if (end == std::string_view::npos || key.size() != end + 1 + sizeof(std::int32_t) + sizeof(std::int64_t)) {
        return std::nullopt;
    }
    value_reader in{key.substr(end + 1)};
    const queue_id queue{in.number<std::int32_t>()};
    return std::pair{topic_queue{std::string{key.substr(1, end - 1)}, queue}, in.number<std::int64_t>()};
}

std::string encode_key_row(std::span<const key_entry> entries) {
    const auto [least, most] =
        std::minmax_element(entries.begin(), entries.end(), [](const auto& x, const auto& y) { return x.stored < y.stored; });
    std::string value;
    value.reserve(key_row_head_bytes + entries.size() * key_row_entry_bytes);
    append_be(value, entries.back().position.value());
    append_be(value, least->stored.value());
    append_be(value, most->stored.value());
    for (const auto& entry : entries) {
        append_be(value, entry.hash);
        append_be(value, entry.position.value());
    }
    return value;
}

std::optional<key_row> decode_key_row(std::string_view value) {
    if (value.size() < key_row_head_bytes + key_row_entry_bytes || (value.size() - key_row_head_bytes) % key_row_entry_bytes != 0) {
        return std::nullopt;
    }
    value_reader in{value.substr(sizeof(std::int64_t))}; // the last position is there for the compaction filter
    key_row row;
    row.stored_min = timestamp_ms{in.number<std::int64_t>()};
    row.stored_max = timestamp_ms{in.number<std::int64_t>()};
    row.entries.resize((value.size() - key_row_head_bytes) / key_row_entry_bytes);
    for (auto& [hash, position] : row.entries) {
        hash = in.number<std::uint64_t>();
        position = log_position{in.number<std::int64_t>()};
    }
    return row;
}

std::string transaction_key(log_position half) {
    std::string key{transaction_kind};
    append_be(key, half.value());
    return key;
}

std::string encode_transaction(const pending_transaction& pending) {
    std::string value;
    append_be(value, pending.offset.value());
    append_be(value, pending.bytes);
    append_be(value, pending.stored.value());
    append_be(value, pending.checks);
    append_be(value, pending.asked.value());
    return value;
}

std::optional<pending_transaction> decode_transaction(std::string_view key, std::string_view value) {
    if (key.size() != 1 + sizeof(std::int64_t) || key.front() != transaction_kind || value.size() != transaction_row_bytes) {
        return std::nullopt;
    }
    value_reader in{value};
    pending_transaction pending;
    pending.position = log_position{load_be<std::int64_t>(key.data() + 1)};
    pending.offset = queue_offset{in.number<std::int64_t>()};
    pending.bytes = in.number<std::int32_t>();
    pending.stored = timestamp_ms{in.number<std::int64_t>()};
    pending.checks = in.number<std::int32_t>();
    pending.asked = timestamp_ms{in.number<std::int64_t>()};
    return pending;
}

std::string resumed_key(log_position given_up) {
    std::string key{resumed_kind};
    append_be(key, given_up.value());
    return key;
}

std::string encode_resumed(const resumed_transaction& resumed) {
    std::string value;
    append_be(value, resumed.half.value());
    append_be(value, resumed.offset.value());
    return value;
}

std::optional<resumed_transaction> decode_resumed(std::string_view key, std::string_view value) {
    if (key.size() != 1 + sizeof(std::int64_t) || key.front() != resumed_kind || value.size() != resumed_row_bytes) {
        return std::nullopt;
    }
    value_reader in{value};
    resumed_transaction resumed;
    resumed.given_up = log_position{load_be<std::int64_t>(key.data() + 1)};
    resumed.half = log_position{in.number<std::int64_t>()};
    resumed.offset = queue_offset{in.number<std::int64_t>()};
    return resumed;
}

} // namespace troupe::storage
