#pragma once

#include <mutex>
#include <utility>
#include <vector>

namespace troupe::client {

/// Where threads leave items for an actor, which takes all of them at once: one wake-up for many.
///
/// Threads  safe from any thread.
/// Size     not bounded here: whoever puts something in has taken room in a window first.
template <class T>
class inbox {
public:
    /// True: the inbox was empty, so the actor must be woken.
    bool put(T item) {
        const std::lock_guard lock{mutex_};
        items_.push_back(std::move(item));
        return items_.size() == 1;
    }
    std::vector<T> take_all() {
        const std::lock_guard lock{mutex_};
        return std::exchange(items_, {});
    }

private:
    std::mutex mutex_;
    std::vector<T> items_;
};

} // namespace troupe::client
