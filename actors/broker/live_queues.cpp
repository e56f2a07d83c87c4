#include "actors/broker/live_queues.hpp"

namespace troupe::actors {

live_queues::entered live_queues::enter(const topic_queue& queue) {
    auto& live = queues_[queue];
    if (live.actor)
        return {live.actor, false};
    const auto instance = next_instance_++;
    live = {spawn_(queue, instance), instance};
    addresses_.emplace(live.actor.address(), std::pair{queue, instance});
    return {live.actor, true};
}

queue_actor live_queues::take_idle(const queue_idle& event) {
    const auto live = queues_.find(event.queue);
    if (live == queues_.end() || live->second.instance != event.instance)
        return {};
    return queues_.extract(live).mapped().actor;
}

std::vector<queue_actor> live_queues::take(std::string_view topic) {
    std::vector<queue_actor> taken;
    std::erase_if(queues_, [&taken, topic](const auto& entry) {
        if (!topic.empty() && entry.first.topic != topic)
            return false;
        taken.push_back(entry.second.actor);
        return true;
    });
    return taken;
}

bool live_queues::ended(const caf::actor_addr& address) {
    const auto known = addresses_.extract(address);
    if (known.empty())
        return false;
    const auto& [queue, instance] = known.mapped();
    if (const auto live = queues_.find(queue); live != queues_.end() && live->second.instance == instance)
        queues_.erase(live);
    return true;
}

std::vector<queue_actor> live_queues::all() const {
    std::vector<queue_actor> actors;
    actors.reserve(queues_.size());
    for (const auto& entry : queues_)
        actors.push_back(entry.second.actor);
    return actors;
}

queue_actor live_queues::find(const topic_queue& queue) const {
    const auto live = queues_.find(queue);
    return live == queues_.end() ? queue_actor{} : live->second.actor;
}

} // namespace troupe::actors
