#include "client/internal/known_brokers.hpp"

#include "client/internal/route_cache.hpp"

#include <utility>

namespace troupe::client {

result<known_brokers::broker_map> known_brokers::of_topic(asker& ask, const std::string& topic) {
    {
        const std::lock_guard lock{mutex_};
        if (const auto at = topics_.find(topic); at != topics_.end() && clock::now() < at->second.fresh_until) {
            if (at->second.failure.code != errc::none)
                return at->second.failure;
            return at->second.brokers;
        }
    }
    auto found = look_up(ask, topic);
    const std::lock_guard lock{mutex_};
    auto& known = topics_[topic];
    if (found) {
        known = {std::move(*found), {}, clock::now() + options_.refresh};
        return known.brokers;
    }
    if (found.code() == errc::topic_not_found)
        known = {{}, found.failure(), clock::now() + options_.retry};
    else if (!known.brokers.empty()) { // name servers are away: what was known goes on, and not each call waits for them
        known.fresh_until = clock::now() + options_.retry;
        return known.brokers;
    }
    return found.failure();
}

result<known_brokers::broker_map> known_brokers::look_up(asker& ask, const std::string& topic) {
    auto found = ask.ask_any_name_server<actors::route_found>(actors::find_route{topic});
    if (!found)
        return found.failure();
    const auto addresses = addresses_of(found->route);
    broker_map brokers;
    result<void> outcome;
    for (const auto& queue : queues_of(topic, found->route).readable) {
        if (brokers.contains(queue.broker_name))
            continue;
        auto dialed = ask.dial(queue.broker_name, addresses.at(queue.broker_name));
        if (dialed)
            brokers.emplace(queue.broker_name, std::move(*dialed));
        else // the others have messages, too
            outcome = dialed.failure();
    }
    if (brokers.empty() && !outcome)
        return outcome.failure();
    if (brokers.empty())
        return error{errc::no_route, "no broker hands out messages of topic " + topic};
    return brokers;
}

result<actors::broker_actor> known_brokers::named(asker& ask, const std::string& broker_name) {
    {
        const std::lock_guard lock{mutex_};
        for (const auto& [topic, known] : topics_)
            if (const auto at = known.brokers.find(broker_name); at != known.brokers.end())
                return at->second;
    }
    return ask.broker(broker_name);
}

void known_brokers::failed(const std::string& broker_name) {
    const std::lock_guard lock{mutex_};
    suspects_[broker_name] = clock::now() + options_.pause;
    for (auto& [topic, known] : topics_)
        if (known.brokers.contains(broker_name))
            known.fresh_until = {};
}

void known_brokers::answered(const std::string& broker_name) {
    const std::lock_guard lock{mutex_};
    suspects_.erase(broker_name);
}

bool known_brokers::is_suspect(const std::string& broker_name) const {
    const std::lock_guard lock{mutex_};
    const auto at = suspects_.find(broker_name);
    return at != suspects_.end() && clock::now() < at->second;
}

} // namespace troupe::client
