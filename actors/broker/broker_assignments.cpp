#include "actors/broker/broker_state.hpp"
#include "actors/broker/joint_answer.hpp"

#include <chrono>
#include <utility>
#include <vector>

// Which queues a client reads, and how: what queue_assigner asks and answers. RocketMQ: QueryAssignmentProcessor.

namespace troupe::actors {

namespace {

constexpr std::chrono::seconds route_deadline{2};

} // namespace

void broker_state::handle(const use_name_servers& order) {
    std::vector<queue_assigner::route_question> name_servers;
    for (const auto& name_server : order.name_servers)
        name_servers.push_back(questions_.to<find_route, route_found>(name_server, route_deadline));
    assigner_.use(std::move(name_servers));
}

caf::result<assignment_found> broker_state::handle(const query_assignment& order) {
    auto promise = self_->make_response_promise<assignment_found>();
    assigner_.assign(order.request, deliver_to(promise));
    return promise;
}

} // namespace troupe::actors
