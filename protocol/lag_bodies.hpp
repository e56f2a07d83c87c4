#pragma once

#include "protocol/vocabulary/ids.hpp"
#include "protocol/vocabulary/result.hpp"

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

/// The JSON body of a request about slow consumers that RocketMQ does not have.
namespace troupe::protocol {

/// How far a group is behind on one broker, when it was measured last.
struct group_lag_entry {
    std::string group;
    std::int32_t members = 0;
    std::int64_t messages = 0; ///< stored and not committed
    timestamp_ms oldest;       ///< when the first of them was stored; 0: there is none
    timestamp_ms measured;     ///< 0: not yet, or the group has no offsets
    bool is_slow = false;      ///< over the broker's threshold
    friend bool operator==(const group_lag_entry&, const group_lag_entry&) = default;
    template <class Inspector>
    friend auto inspect(Inspector& f, group_lag_entry& x) {
        return f(x.group, x.members, x.messages, x.oldest, x.measured, x.is_slow);
    }
};
std::string encode_group_lags(const std::vector<group_lag_entry>& lags);
/// Fails with protocol_error.
result<std::vector<group_lag_entry>> decode_group_lags(std::string_view json);

} // namespace troupe::protocol
