#pragma once

#include "actors/messages/internal_roles.hpp"
#include "protocol/vocabulary/ids.hpp"

#include <caf/actor_addr.hpp>

#include <cstdint>
#include <functional>
#include <map>
#include <string_view>
#include <unordered_map>
#include <utility>
#include <vector>

namespace troupe::actors {

/// The queues of topics that somebody pulls from, each an actor of its own; and those that were told to finish, until they have ended.
/// The owner monitors them, sends them what it has to say, and tells this of their ends.
///
/// Threads  not synchronised.
/// Bounded  by the queues of all topics, and those that were taken out and have not ended.
/// Always   a queue has one actor at most that is given pulls. One that is taken out is given none any more: whoever pulls next meets
///          another, with another instance.
class live_queues {
public:
    /// Spawns the actor of a queue. `instance` comes back with its queue_idle, and is never given twice.
    using spawner = std::function<queue_actor(const topic_queue& queue, std::uint64_t instance)>;
    explicit live_queues(spawner spawn) : spawn_{std::move(spawn)} {}
    live_queues(const live_queues&) = delete; // its spawner knows where the owner is
    live_queues& operator=(const live_queues&) = delete;
    ~live_queues() = default;

    struct entered {
        queue_actor actor;
        bool is_new = false; ///< to be monitored
    };
    entered enter(const topic_queue& queue);
    /// Takes out one that has nothing to do. Null: another has its place, or none.
    [[nodiscard]] queue_actor take_idle(const queue_idle& event);
    /// Takes out those of one topic; of all topics when it is empty.
    [[nodiscard]] std::vector<queue_actor> take(std::string_view topic);
    /// An actor has ended. False: it was none of these.
    bool ended(const caf::actor_addr& address);

    [[nodiscard]] std::vector<queue_actor> all() const;
    /// Null: nobody pulls from it.
    [[nodiscard]] queue_actor find(const topic_queue& queue) const;
    /// Also none that was taken out and has not ended.
    [[nodiscard]] bool is_empty() const { return addresses_.empty(); }

private:
    struct live_queue {
        queue_actor actor;
        std::uint64_t instance = 0;
    };
    spawner spawn_;
    std::uint64_t next_instance_ = 1;
    std::unordered_map<topic_queue, live_queue> queues_;
    std::map<caf::actor_addr, std::pair<topic_queue, std::uint64_t>> addresses_; ///< with their instance; also of those taken out
};

} // namespace troupe::actors
