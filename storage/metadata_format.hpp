#pragma once

#include "protocol/vocabulary/ids.hpp"
#include "protocol/vocabulary/result.hpp"
#include "protocol/vocabulary/topic_config.hpp"

#include <optional>
#include <string>
#include <string_view>
#include <utility>

/// Keys and values of the metadata database, as bytes. docs/formats/metadata.md describes them. What is decoded comes from the
/// disk: nullopt for anything that encode() does not make.
namespace troupe::storage {

// First byte of a key.
inline constexpr char topic_kind = 't';
inline constexpr char group_kind = 'g';
inline constexpr char offset_kind = 'o';
inline constexpr char mode_kind = 'm';
inline constexpr char deleted_kind = 'd'; ///< of a topic that is gone, but for its index
inline constexpr char seen_kind = 's';    ///< of a group without configuration: when it was seen last
inline constexpr char separator = '\0';   ///< names hold none, so that keys sort by name

/// Of a topic or group, or of when a group was seen.
std::string key_of(char kind, std::string_view name);
/// Of a committed offset.
std::string key_of(const progress_key& key);
std::optional<progress_key> progress_key_of(std::string_view key);
/// Front of the keys of all offsets in `topic`. With `separator + 1` instead it is the first key past them.
std::string offsets_of(std::string_view topic, char end = separator);

/// Of a group's mode on a topic, and the front of those of a topic.
std::string key_of(const request_mode& mode);
std::string modes_of(std::string_view topic, char end = separator);

std::string encode(const topic_config& topic);
std::string encode(const group_config& group);
std::string encode(queue_offset offset);
std::string encode(timestamp_ms seen);
std::string encode_deleted();
std::string encode(const request_mode& mode);
std::optional<topic_config> decode_topic(std::string_view name, std::string_view value);
std::optional<group_config> decode_group(std::string_view name, std::string_view value);
std::optional<request_mode> decode_mode(std::string_view key, std::string_view value);
std::optional<std::pair<progress_key, queue_offset>> decode_offset(std::string_view key, std::string_view value);
std::optional<std::pair<std::string, timestamp_ms>> decode_seen(std::string_view key, std::string_view value);

/// The name of a topic that was deleted.
std::optional<std::string> decode_deleted(std::string_view key, std::string_view value);

/// Why decoding gave nothing, for a row of the database in `directory`: not_supported for a version above those that are known, which is
/// whole and nothing to restore; otherwise corrupt.
error unreadable(const std::string& directory, std::string_view key, std::string_view value);

} // namespace troupe::storage
