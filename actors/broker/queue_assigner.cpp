#include "actors/broker/queue_assigner.hpp"

#include "actors/group/queue_assignment.hpp"
#include "protocol/vocabulary/names.hpp"

#include <utility>

namespace troupe::actors {

namespace {

result<void> check_request(const protocol::assignment_request& request) {
    if (request.strategy != "AVG" && request.strategy != "AVG_BY_CIRCLE")
        return error{errc::argument_illegal,
                     "queues are assigned by AVG or AVG_BY_CIRCLE, there is no strategy " + request.strategy.substr(0, 64)};
    if (auto legal = check_topic_name(request.topic); !legal && !is_retry_topic(request.topic))
        return legal;
    return {};
}

} // namespace

queue_assigner::queue_assigner(std::string broker_name, std::function<clock_time()> clock, const request_modes& modes,
                               const consumer_groups& members, std::shared_ptr<const topic_directory> topics)
    : broker_name_{std::move(broker_name)}, clock_{std::move(clock)}, modes_{modes}, members_{members}, topics_{std::move(topics)} {}

void queue_assigner::assign(const protocol::assignment_request& request, const answer& told) {
    if (const auto legal = check_request(request); !legal)
        return told(legal.failure());
    if (name_servers_.empty())
        return told(assigned(request, own_route(request.topic)));
    if (const auto known = routes_.find(request.topic); known != routes_.end() && clock_() < known->second.fresh_until)
        return told(assigned(request, known->second.queues));
    find_topic_route(request, 0, told);
}

queue_assigner::route queue_assigner::own_route(const std::string& name) const {
    const auto topics = topics_->current();
    const auto* topic = topics->find(name);
    if (topic == nullptr || (topic->perm & permission::read) == 0)
        return {};
    return {{broker_name_, topic->read_queues, topic->write_queues, topic->perm, 0}};
}

/// Asks one name server after the other.
void queue_assigner::find_topic_route(const protocol::assignment_request& request, std::size_t server, const answer& told) {
    if (is_stopped_ || server >= name_servers_.size()) {
        const auto known = routes_.find(request.topic);
        return told(known == routes_.end() ? assignment_found{} : assigned(request, known->second.queues));
    }
    const auto ask = name_servers_[server]; // it may be replaced while it is asked
    ask(
        {request.topic}, [this, request, server, told](const error&) { find_topic_route(request, server + 1, told); },
        [this, request, told](route_found& found) {
            if (routes_.size() >= routes_max)
                routes_.clear();
            auto& known = routes_[request.topic];
            known = {std::move(found.route.queues), clock_() + route_fresh_for};
            told(assigned(request, known.queues));
        });
}

assignment_found queue_assigner::assigned(const protocol::assignment_request& request, const route& route_queues) const {
    auto queues = readable_queues(request.topic, route_queues);
    assignment_found found;
    if (request.is_broadcasting) {
        found.is_known = true;
        for (auto& queue : queues)
            found.queues.push_back({std::move(queue), false});
        return found;
    }
    assignment_question asked;
    asked.client_id = request.client_id;
    asked.strategy = request.strategy;
    if (!is_retry_topic(request.topic)) // those are always pulled
        asked.mode = modes_.find(request.topic, request.group);
    asked.queues = std::move(queues);
    asked.members = members_.members(request.group);
    auto given = assign_queues(std::move(asked));
    if (given) // a client that is no member yet keeps what it has
        found = {true, std::move(*given)};
    return found;
}

} // namespace troupe::actors
