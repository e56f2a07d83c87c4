#include "actors/net/push_table.hpp"

#include <limits>
#include <string>
#include <utility>
#include <vector>

namespace troupe::actors::net {

result<std::int32_t> push_table::add(std::size_t bytes, time_point deadline, continuation done) {
    const bool large = !pushes_.empty() && bytes_ + bytes > bytes_max_;
    if (large || pushes_.size() >= pushes_max_)
        return error{errc::busy, "the client has not yet answered " + std::to_string(pushes_.size()) +
                                     " earlier requests of this broker (" + std::to_string(bytes_) + " bytes); repeat this one later"};
    while (pushes_.contains(next_opaque_))
        next_opaque_ = next_opaque_ == std::numeric_limits<std::int32_t>::max() ? 1 : next_opaque_ + 1;
    const auto opaque = next_opaque_;
    next_opaque_ = opaque == std::numeric_limits<std::int32_t>::max() ? 1 : opaque + 1;
    bytes_ += bytes;
    pushes_.emplace(opaque, push{bytes, deadline, std::move(done)});
    return opaque;
}

bool push_table::finish(std::int32_t opaque, const result<protocol::remoting_command>& outcome) {
    const auto ended = pushes_.extract(opaque);
    if (ended.empty())
        return false;
    bytes_ -= ended.mapped().bytes;
    ended.mapped().done(outcome);
    return true;
}

bool push_table::answered(const protocol::remoting_command& answer) {
    return finish(answer.opaque, answer);
}

void push_table::fail(std::int32_t opaque, const error& failure) {
    finish(opaque, failure);
}

void push_table::expire(time_point now) {
    std::vector<std::int32_t> overdue;
    for (const auto& [opaque, waiting] : pushes_)
        if (waiting.deadline <= now)
            overdue.push_back(opaque);
    for (const auto opaque : overdue)
        fail(opaque, {errc::timed_out, "the client did not answer in time; whether it has acted is unknown"});
}

void push_table::fail_all(const error& failure) {
    for (const auto& entry : std::exchange(pushes_, {}))
        entry.second.done(failure);
    bytes_ = 0;
}

} // namespace troupe::actors::net
