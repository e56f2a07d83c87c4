#pragma once

#include "protocol/remoting_command.hpp"
#include "protocol/vocabulary/result.hpp"

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <map>

namespace troupe::actors::net {

/// The requests that one connection's client has been sent and has not answered. Numbers of our own go to the client, whose
/// requests have numbers of its own: the response bit tells them apart.
///
/// Threads  not synchronised. Time is an argument.
/// Bounded  at most `pushes_max` and, if there is more than one, `bytes_max`; beyond that the answer is busy.
/// Always   each push added has exactly one outcome: the client's answer, timed_out, or what fail_all says. An answer to a push
///          that is over, or never was, changes nothing.
class push_table {
public:
    using time_point = std::chrono::steady_clock::time_point;
    using continuation = std::function<void(const result<protocol::remoting_command>& answer)>;

    push_table(std::size_t pushes_max, std::size_t bytes_max) : pushes_max_{pushes_max}, bytes_max_{bytes_max} {}

    /// The opaque number of the new push, whose frame keeps `bytes` until it is over. On a failure `done` is not called.
    result<std::int32_t> add(std::size_t bytes, time_point deadline, continuation done);
    /// The client's answer; false when nobody waits for it.
    bool answered(const protocol::remoting_command& answer);
    /// It could not be sent.
    void fail(std::int32_t opaque, const error& failure);
    /// Those whose deadline is `now` or earlier have timed out.
    void expire(time_point now);
    void fail_all(const error& failure);
    [[nodiscard]] std::size_t size() const { return pushes_.size(); }

private:
    struct push {
        std::size_t bytes = 0;
        time_point deadline;
        continuation done;
    };
    bool finish(std::int32_t opaque, const result<protocol::remoting_command>& outcome);

    std::size_t pushes_max_;
    std::size_t bytes_max_;
    std::size_t bytes_ = 0;
    std::int32_t next_opaque_ = 1;
    std::map<std::int32_t, push> pushes_; ///< by opaque
};

} // namespace troupe::actors::net
