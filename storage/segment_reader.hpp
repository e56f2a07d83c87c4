#pragma once

#include "protocol/vocabulary/ids.hpp"
#include "protocol/vocabulary/result.hpp"
#include "storage/batch_header.hpp"
#include "storage/segment.hpp"

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace troupe::storage {

/// What stands at one position of a segment.
struct log_item {
    enum class kind : std::uint8_t { record, batch, filler, invalid };
    kind what = kind::invalid;
    std::size_t bytes = 0;   ///< of a record or header; of a filler all it stands for
    std::string_view record; ///< valid until the reader's next call
    batch_header batch;
    std::string reason; ///< why invalid
};

/// Takes one segment apart through a buffer; trusts no byte. What lies behind the end of the file counts as zeros.
///
/// Threads  one at a time.
class segment_reader {
public:
    explicit segment_reader(const segment& from) : from_{from} {}

    /// What is at `position`. Fails with io.
    result<log_item> item_at(log_position position);
    /// The first position at or after `from` where a header, a record or a filler is whole and agrees with its position.
    result<std::optional<log_position>> find_item(log_position from);
    /// The last valid batch header that begins below `before`.
    result<std::optional<batch_header>> last_batch_below(log_position before);
    /// Just past the last byte at or after `from` that is not zero; `from` when there is none.
    result<log_position> end_of_data(log_position from);
    /// Up to `bytes` bytes at `position`; fewer at the end of the file or segment.
    result<std::string_view> bytes_at(log_position position, std::size_t bytes);

private:
    result<log_item> record_at(log_position position, item_words words);
    result<log_position> skip_hole(log_position position);
    /// Some bytes at or behind `begin`: only zeros are passed over, and only few bytes mean the end.
    struct window {
        log_position begin;
        std::string_view bytes;
    };
    result<window> window_from(log_position position);

    const segment& from_;
    std::string buffer_;
    log_position buffer_begin_;
    bool buffer_is_last_ = false; ///< nothing follows the buffer
};

} // namespace troupe::storage
