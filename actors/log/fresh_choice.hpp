#pragma once

#include "actors/messages/internal_roles.hpp"

#include <cstddef>
#include <map>
#include <memory>
#include <optional>
#include <tuple>

namespace troupe::actors {

/// What one filter takes of fresh records.
struct fresh_choice {
    queue_offset next; ///< the first that was not looked at or has no place
    std::int32_t count = 0;
    payload records;
};

/// Chooses from the records of one records_arrived, for all pulls that wait for them. Pulls that want the same share the work.
///
/// Threads  not synchronised.
/// Bounds   looks at `looks_max` records in all, and compares `work_max` bytes for their filters (bytes of properties times
///          record_filter::work), a few milliseconds; who comes later reads instead. A queue runs on the shared scheduler, a read does not.
class fresh_choices {
public:
    /// `fresh` must outlive this.
    explicit fresh_choices(const fresh_records& fresh, std::size_t looks_max = 16'384, std::size_t work_max = 256u << 20)
        : fresh_{fresh}, looks_left_{looks_max}, work_left_{work_max} {}

    /// Nothing when the pull must read: the bound is reached, or the records are not all that they should be. The answer of a read with
    /// these limits is the same. Valid until the next call.
    [[nodiscard]] const fresh_choice* choose(const pull_from_queue& pull);

private:
    using wish = std::tuple<std::shared_ptr<const storage::record_filter>, std::int32_t, std::size_t>;

    [[nodiscard]] std::optional<fresh_choice> choose_by(const storage::record_filter& filter, const storage::read_limits& limits);

    const fresh_records& fresh_;
    std::size_t looks_left_;
    std::size_t work_left_;
    std::map<wish, std::optional<fresh_choice>> known_;
};

} // namespace troupe::actors
