#pragma once

#include "protocol/vocabulary/errc.hpp"

#include <algorithm>
#include <chrono>
#include <cstdint>
#include <optional>

namespace troupe::client {

using time_point = std::chrono::steady_clock::time_point;
using std::chrono::milliseconds;

/// A time that a caller gives, fit for sums: somebody's "without limit" ends after a year.
inline milliseconds bounded(milliseconds wait) {
    return std::min<milliseconds>(wait, std::chrono::hours{24 * 365});
}

/// What a failed attempt to send means for the next one.
enum class retry_kind : std::uint8_t {
    never,        ///< the message is wrong: the caller must know
    counted,      ///< another queue may do; each such attempt counts against retries_max
    until_timeout ///< the broker is away (restarting): go on until the send timeout
};
retry_kind classify_send_failure(errc code);
/// The failure says that the route is old: ask a name server at once.
bool hints_at_old_route(errc code);
/// The failure says that the connection to the broker was or is broken: its membership table forgot us.
bool hints_at_lost_broker(errc code);

/// A pause that doubles with each failure in a row.
class backoff {
public:
    backoff(milliseconds min, milliseconds max) : min_{min}, max_{max}, next_{min} {}

    /// The pause after one more failure.
    milliseconds fail();
    void succeed() { next_ = min_; }

private:
    milliseconds min_;
    milliseconds max_;
    milliseconds next_;
};

/// When a message on which the handler has failed comes again in this process, and how often it may.
struct redelivery_policy {
    milliseconds delay_min{1000};
    milliseconds delay_max{60'000};
    std::optional<std::int32_t> redeliveries_max; ///< after the first delivery, the broker's and this process's together; none: no limit

    /// The pause after so many failures here: doubled each time, up to the maximum.
    [[nodiscard]] milliseconds delay(std::int32_t failures) const;
    /// The delivery that has just failed was the last one. `reconsume_times`: of the message; `failures`: here, this one included, at least 1.
    [[nodiscard]] bool is_over(std::int32_t reconsume_times, std::int32_t failures) const;
    /// How often it had been delivered before the delivery that has just failed.
    [[nodiscard]] static std::int32_t tries_before(std::int32_t reconsume_times, std::int32_t failures);
};

/// One send, with all its attempts.
class send_attempts {
public:
    send_attempts(time_point deadline, std::int32_t retries_max) : deadline_{deadline}, retries_left_{retries_max} {}

    struct verdict {
        bool again = false;
        time_point when; ///< not before this
    };
    /// `elsewhere`: the next attempt goes to another broker, so there is no need to wait.
    verdict fail(errc code, time_point now, bool elsewhere);

    void begin() { ++attempts_; }
    /// How long an attempt that begins now may take. With a retry left and another broker to try, half of what remains.
    [[nodiscard]] milliseconds budget(time_point now, bool elsewhere_possible) const;
    [[nodiscard]] bool expired(time_point now) const { return now >= deadline_; }
    [[nodiscard]] time_point deadline() const { return deadline_; }
    [[nodiscard]] std::int32_t attempts() const { return attempts_; }

private:
    time_point deadline_;
    std::int32_t retries_left_;
    std::int32_t attempts_ = 0;
    backoff pause_{milliseconds{20}, milliseconds{500}};
};

} // namespace troupe::client
