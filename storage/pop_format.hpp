#pragma once

#include "storage/pop_store.hpp"

#include <optional>
#include <string>
#include <string_view>
#include <utility>

/// Rows of the pop directory: docs/formats/pop.md. Included by sources of `storage/` and by tests. What is decoded comes from the disk:
/// nullopt for anything that is not made here.
namespace troupe::storage {

inline constexpr char popped_queue_kind = 'q';
inline constexpr char pop_lease_kind = 'l';

/// Of the row that holds `next`. Names hold no zero byte.
[[nodiscard]] std::string popped_queue_row_key(const progress_key& key);
[[nodiscard]] std::optional<progress_key> popped_queue_of_row(std::string_view row_key);
[[nodiscard]] std::string encode_next(queue_offset next);
[[nodiscard]] std::optional<queue_offset> decode_next(std::string_view value);

[[nodiscard]] std::string pop_lease_row_key(const progress_key& key, queue_offset offset);
[[nodiscard]] std::optional<std::pair<progress_key, queue_offset>> pop_lease_of_row(std::string_view row_key);
/// Of everything but its offset.
[[nodiscard]] std::string encode(const pop_lease& lease);
[[nodiscard]] std::optional<pop_lease> decode_pop_lease(queue_offset offset, std::string_view value);

} // namespace troupe::storage
