#pragma once

#include "actors/base/topic_directory.hpp"
#include "actors/broker/question.hpp"
#include "actors/broker/request_modes.hpp"
#include "actors/group/consumer_groups.hpp"
#include "actors/messages/admin_messages.hpp"
#include "actors/messages/messages.hpp"
#include "protocol/bodies.hpp"
#include "protocol/pop_bodies.hpp"
#include "protocol/vocabulary/result.hpp"

#include <chrono>
#include <cstddef>
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <utility>
#include <vector>

namespace troupe::actors {

/// Says which queues of a topic, on all of its brokers, a member of a group reads, and whether by pull or by pop. It goes by the members
/// that this broker knows, and by the topic's route, which a name server knows; without one there is this broker alone.
///
/// Threads  not synchronised; `clock` tells the time when a route comes.
/// Bounded  at most routes_max routes are kept. One question at a time for each that asks.
/// Always   1. Whoever asks is answered once.
///          2. While no name server knows the topic, what was known counts; when nothing was, nobody is told to change anything: a name
///             server that has just started knows little.
/// Source   RocketMQ's QueryAssignmentProcessor.
class queue_assigner {
public:
    using answer = std::function<void(result<assignment_found> found)>;
    using route_question = question<find_route, route_found>;
    static constexpr std::size_t routes_max = 10'000;
    static constexpr std::chrono::seconds route_fresh_for{5}; ///< then it is asked for again

    /// `modes` and `members` outlive this.
    queue_assigner(std::string broker_name, std::function<clock_time()> clock, const request_modes& modes, const consumer_groups& members,
                   std::shared_ptr<const topic_directory> topics);
    queue_assigner(const queue_assigner&) = delete; // its questions know where it is
    queue_assigner& operator=(const queue_assigner&) = delete;
    ~queue_assigner() = default;

    /// Which name servers there are now, in the order in which they are asked.
    void use(std::vector<route_question> name_servers) { name_servers_ = std::move(name_servers); }
    /// Fails with argument_illegal for a strategy that there is not, and topic_illegal.
    void assign(const protocol::assignment_request& request, const answer& told);
    /// The topic was deleted here.
    void forget_topic(const std::string& topic) { routes_.erase(topic); }
    /// No further name server is asked.
    void stop() { is_stopped_ = true; }

private:
    struct known_route {
        std::vector<protocol::queue_data> queues;
        clock_time fresh_until;
    };
    using route = std::vector<protocol::queue_data>;

    void find_topic_route(const protocol::assignment_request& request, std::size_t server, const answer& told);
    [[nodiscard]] route own_route(const std::string& topic) const;
    [[nodiscard]] assignment_found assigned(const protocol::assignment_request& request, const route& queues) const;

    std::string broker_name_;
    std::function<clock_time()> clock_;
    const request_modes& modes_;
    const consumer_groups& members_;
    std::shared_ptr<const topic_directory> topics_;
    std::vector<route_question> name_servers_;
    std::map<std::string, known_route> routes_; ///< by topic
    bool is_stopped_ = false;
};

} // namespace troupe::actors
