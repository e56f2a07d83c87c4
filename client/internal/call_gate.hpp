#pragma once

#include <condition_variable>
#include <mutex>
#include <thread>
#include <utility>

namespace troupe::client {

/// Stands before a function of the user's that a thread of the client calls, so that its owner can say: no further call.
///
/// Threads  pass() from one thread, the rest from any.
class call_gate {
public:
    /// Calls `work`, unless the gate is closed.
    template <class Work>
    void pass(const Work& work) {
        if (!enter())
            return;
        struct leaver {
            call_gate& gate;
            ~leaver() { gate.leave(); }
        } leaving{*this};
        work();
    }
    /// From its return on nothing is called and no call runs; but from inside a call it returns at once.
    void close() {
        std::unique_lock lock{mutex_};
        closed_ = true;
        changed_.wait(lock, [this] { return running_ == std::thread::id{} || running_ == std::this_thread::get_id(); });
    }
    [[nodiscard]] bool is_closed() const {
        const std::lock_guard lock{mutex_};
        return closed_;
    }

private:
    bool enter() {
        const std::lock_guard lock{mutex_};
        if (!closed_)
            running_ = std::this_thread::get_id();
        return !closed_;
    }
    void leave() {
        {
            const std::lock_guard lock{mutex_};
            running_ = {};
        }
        changed_.notify_all();
    }

    mutable std::mutex mutex_;
    std::condition_variable changed_;
    std::thread::id running_; ///< the thread that is inside
    bool closed_ = false;
};

} // namespace troupe::client
