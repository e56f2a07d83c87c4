#include "storage/retention.hpp"

namespace troupe::storage {

std::string_view to_string_view(retention_reason reason) {
    switch (reason) {
    case retention_reason::none: return "none";
    case retention_reason::age: return "age";
    case retention_reason::bytes: return "bytes";
    case retention_reason::disk: return "disk";
    }
    return "unknown";
}

retention_decision decide_retention(std::span<const segment_summary> segments, disk_space space, const retention_rules& rules,
                                    timestamp_ms now) {
    retention_decision decision;
    if (segments.empty())
        return decision;
    decision.keep_from = segments.front().base;
    std::uint64_t total_bytes = 0;
    for (const auto& one : segments)
        total_bytes += one.capacity_bytes;
    for (const auto& one : segments) {
        if (one.is_active || decision.segments == rules.segments_max)
            break;
        const bool is_old = one.last_stored.value() != 0 && now - one.last_stored > rules.age.count();
        const bool is_over_total = rules.bytes_max != 0 && total_bytes > rules.bytes_max;
        const bool is_over_disk = space.used_ratio() > rules.disk_clean_ratio;
        if (!is_old && !is_over_total && !is_over_disk)
            break;
        decision.reason = is_old ? retention_reason::age : is_over_total ? retention_reason::bytes : retention_reason::disk;
        decision.keep_from = one.base + static_cast<std::int64_t>(one.capacity_bytes);
        ++decision.segments;
        total_bytes -= one.capacity_bytes;
        space.free_bytes += one.capacity_bytes;
    }
    return decision;
}

} // namespace troupe::storage
