#include "client/internal/retry_policy.hpp"

#include <algorithm>
#include <limits>

namespace troupe::client {

retry_kind classify_send_failure(errc code) {
    switch (code) {
    case errc::connect_failed:
    case errc::connection_lost:
    case errc::shutting_down: return retry_kind::until_timeout;
    case errc::busy:
    case errc::disk_full:
    case errc::store_read_only:
    case errc::timed_out:
    case errc::topic_not_found:
    case errc::queue_not_found:
    case errc::not_permitted: return retry_kind::counted;
    default: return retry_kind::never;
    }
}

bool hints_at_old_route(errc code) {
    return code == errc::topic_not_found || code == errc::queue_not_found || code == errc::not_permitted || hints_at_lost_broker(code);
}

bool hints_at_lost_broker(errc code) {
    return code == errc::connect_failed || code == errc::connection_lost || code == errc::shutting_down;
}

milliseconds backoff::fail() {
    const auto pause = next_;
    next_ = std::min(next_ * 2, max_);
    return pause;
}

milliseconds redelivery_policy::delay(std::int32_t failures) const {
    auto pause = delay_min;
    for (std::int32_t i = 1; i < failures && pause.count() > 0 && pause < delay_max; ++i)
        pause *= 2;
    return std::min(pause, delay_max);
}

std::int32_t redelivery_policy::tries_before(std::int32_t reconsume_times, std::int32_t failures) {
    const auto tries = std::int64_t{std::max(reconsume_times, 0)} + std::max(failures - 1, 0); // anybody may have written the count
    return static_cast<std::int32_t>(std::min<std::int64_t>(tries, std::numeric_limits<std::int32_t>::max()));
}

bool redelivery_policy::is_over(std::int32_t reconsume_times, std::int32_t failures) const {
    return redeliveries_max && tries_before(reconsume_times, failures) >= *redeliveries_max;
}

send_attempts::verdict send_attempts::fail(errc code, time_point now, bool elsewhere) {
    const auto kind = classify_send_failure(code);
    if (kind == retry_kind::never || expired(now))
        return {};
    if (kind == retry_kind::counted && --retries_left_ < 0)
        return {};
    const auto pause = pause_.fail();
    const auto when = elsewhere && attempts_ <= 1 ? now : now + pause;
    if (when >= deadline_)
        return {};
    return {true, when};
}

milliseconds send_attempts::budget(time_point now, bool elsewhere_possible) const {
    const auto left = std::chrono::ceil<milliseconds>(deadline_ - now);
    const auto whole = std::max(left, milliseconds{1});
    return elsewhere_possible && retries_left_ > 0 ? std::max(whole / 2, milliseconds{1}) : whole;
}

} // namespace troupe::client
