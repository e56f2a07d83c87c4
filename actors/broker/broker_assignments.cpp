#include "actors/broker/broker_state.hpp"
#include "protocol/vocabulary/names.hpp"

#include <string>
#include <utility>

// Which queues a client reads, and how. RocketMQ: QueryAssignmentProcessor.

namespace troupe::actors {

namespace {

constexpr std::chrono::seconds route_fresh_for{5};
constexpr std::chrono::seconds route_deadline{2};
constexpr std::size_t routes_max = 10'000;

} // namespace

void broker_state::handle(const use_name_servers& order) {
    name_servers_ = order.name_servers;
}

caf::result<assignment_found> broker_state::handle(const query_assignment& order) {
    const auto& request = order.request;
    if (request.strategy != "AVG" && request.strategy != "AVG_BY_CIRCLE")
        return make_caf_error(errc::argument_illegal,
                              "queues are assigned by AVG or AVG_BY_CIRCLE, there is no strategy " + request.strategy.substr(0, 64));
    if (const auto legal = check_topic_name(request.topic); !legal && !is_retry_topic(request.topic))
        return make_caf_error(legal.failure());
    auto promise = self_->make_response_promise<assignment_found>();
    if (name_servers_.empty()) {
        const auto* topic = topics_->find(request.topic);
        const bool is_readable = topic != nullptr && (topic->perm & permission::read) != 0;
        promise.deliver(assign(request, is_readable ? std::vector<protocol::queue_data>{{setup_.options.broker_name, topic->read_queues,
                                                                                         topic->write_queues, topic->perm, 0}}
                                                    : std::vector<protocol::queue_data>{}));
        return promise;
    }
    if (const auto known = routes_.find(request.topic); known != routes_.end() && now() < known->second.fresh_until) {
        promise.deliver(assign(request, known->second.queues));
        return promise;
    }
    find_topic_route(request, 0, promise);
    return promise;
}

/// Asks one name server after the other. When none knows the topic what was known counts, and else nobody should change anything: a
/// name server that has just started knows little.
void broker_state::find_topic_route(const protocol::assignment_request& request, std::size_t server,
                                    caf::typed_response_promise<assignment_found> promise) {
    if (server >= name_servers_.size()) {
        const auto known = routes_.find(request.topic);
        promise.deliver(known == routes_.end() ? assignment_found{} : assign(request, known->second.queues));
        return;
    }
    questions_.ask_within<route_found>(
        route_deadline, name_servers_[server], find_route{request.topic},
        [this, request, server, promise](const error&) {
            find_topic_route(request, finishing_ ? name_servers_.size() : server + 1, promise);
        },
        [this, request, promise](route_found& found) mutable {
            if (routes_.size() >= routes_max)
                routes_.clear();
            auto& known = routes_[request.topic];
            known = {std::move(found.route.queues), now() + route_fresh_for};
            promise.deliver(assign(request, known.queues));
        });
}

assignment_found broker_state::assign(const protocol::assignment_request& request, const std::vector<protocol::queue_data>& route) const {
    auto queues = readable_queues(request.topic, route);
    assignment_found found;
    if (request.is_broadcasting) {
        found.is_known = true;
        for (auto& queue : queues)
            found.queues.push_back({std::move(queue), false});
        return found;
    }
    assignment_question question;
    question.client_id = request.client_id;
    question.strategy = request.strategy;
    if (!is_retry_topic(request.topic)) // those are always pulled
        question.mode = modes_.find(request.topic, request.group);
    question.queues = std::move(queues);
    question.members = members_.members(request.group);
    auto assigned = assign_queues(std::move(question));
    if (assigned) // a client that is no member yet keeps what it has
        found = {true, std::move(*assigned)};
    return found;
}

} // namespace troupe::actors
