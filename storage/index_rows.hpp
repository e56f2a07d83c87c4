#pragma once

#include "protocol/vocabulary/ids.hpp"
#include "storage/index_entry.hpp"
#include "storage/pending_transaction.hpp"

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

/// Keys of the index database, and its rows of keys, as bytes; blocks are in index_entry.hpp. docs/formats/index.md describes them.
/// What is decoded comes from the disk: nullopt for anything that is not made here.
namespace troupe::storage {

// First byte of a key.
inline constexpr char block_kind = 'q';
inline constexpr char key_kind = 'k';
inline constexpr char transaction_kind = 't';
inline constexpr char resumed_kind = 'r';

/// Front of the keys of all blocks of `topic`; with 1 in place of `end` the first key past them.
std::string blocks_of(std::string_view topic, char end = '\0');
std::string block_key(const topic_queue& queue, std::int64_t number);
std::optional<std::pair<topic_queue, std::int64_t>> parse_block_key(std::string_view key);

/// Where some keys of one partition stand.
struct key_row {
    timestamp_ms stored_min;
    timestamp_ms stored_max;
    std::vector<std::pair<std::uint64_t, log_position>> entries; ///< hash and position, ascending by position
};
std::string key_row_key(std::uint16_t partition, log_position first);
/// `entries` ascend by position and are not empty.
std::string encode_key_row(std::span<const key_entry> entries);
std::optional<key_row> decode_key_row(std::string_view value);

/// A half message without an outcome.
std::string transaction_key(log_position half);
std::string encode_transaction(const pending_transaction& pending);
std::optional<pending_transaction> decode_transaction(std::string_view key, std::string_view value);

/// A given-up record that goes on.
std::string resumed_key(log_position given_up);
std::string encode_resumed(const resumed_transaction& resumed);
std::optional<resumed_transaction> decode_resumed(std::string_view key, std::string_view value);

} // namespace troupe::storage
