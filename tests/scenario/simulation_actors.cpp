#include "tests/scenario/simulation_actors.hpp"

#include "actors/messages/type_ids.hpp"
#include "protocol/message_codec.hpp"

#include <caf/event_based_actor.hpp>
#include <caf/stateful_actor.hpp>

#include <algorithm>

namespace troupe::test_support {

namespace {

using namespace actors;

constexpr std::chrono::seconds patience{20}; // proxies answer earlier, by their own deadlines
constexpr std::chrono::milliseconds pause{100};

/// A queue is due again.
struct again_tick {
    std::size_t lane = 0;
    template <class Inspector>
    friend auto inspect(Inspector& f, again_tick& x) {
        return f(x.lane);
    }
};

std::string name_of(const sim_queue& queue) {
    return queue.first + " queue " + std::to_string(queue.second);
}

// ---- producer -------------------------------------------------------------------------------------------------------

struct producer_lane {
    sim_queue queue;
    int next = 0;
};
struct producer_state {
    static inline const char* name = "sim_producer";
    sim_handles handles;
    std::vector<producer_lane> lanes;
    int messages = 0;
    sim_history* history = nullptr;
};
using producer_pointer = caf::stateful_actor<producer_state>*;

void failed(producer_pointer self, std::size_t lane) {
    ++self->state.history->failures;
    self->delayed_send(self, pause, again_tick{lane});
}

void send_next(producer_pointer self, std::size_t index) {
    auto& lane = self->state.lanes[index];
    if (lane.next >= self->state.messages)
        return;
    const auto body = name_of(lane.queue) + " message " + std::to_string(lane.next);
    self->state.history->sent.insert(body);
    send_messages order;
    order.producer_group = "producers";
    order.topic = self->state.handles.topic;
    order.queue = queue_id{lane.queue.second};
    order.body = payload{body};
    self->request(self->state.handles.brokers.at(lane.queue.first), patience, std::move(order))
        .then(
            [self, index, body](const messages_stored& stored) {
                auto& done = self->state.lanes[index];
                auto& history = *self->state.history;
                const auto [place, is_new] = history.acknowledged[done.queue].emplace(stored.offset.value(), body);
                if (!is_new)
                    history.violations.push_back("offset " + to_string(stored.offset) + " of " + name_of(done.queue) +
                                                 " was given twice: to \"" + place->second + "\" and to \"" + body + "\"");
                history.sent_in_order[done.queue].push_back(body);
                ++done.next;
                send_next(self, index);
            },
            [self, index](const caf::error&) { failed(self, index); });
}

/// Sends only to brokers that the name server knows, as a client does.
void find_and_send(producer_pointer self, std::size_t index) {
    self->request(self->state.handles.name_server, patience, find_route{self->state.handles.topic})
        .then(
            [self, index](const route_found& found) {
                const auto& wanted = self->state.lanes[index].queue.first;
                const bool known = std::any_of(found.route.brokers.begin(), found.route.brokers.end(), [&](const auto& broker) {
                    return broker.addresses.contains(0) && broker.addresses.at(0) == wanted;
                });
                if (known)
                    send_next(self, index);
                else
                    failed(self, index);
            },
            [self, index](const caf::error&) { failed(self, index); });
}

caf::behavior producer(producer_pointer self, sim_handles handles, const std::vector<sim_queue>& queues, int messages,
                       sim_history* history) {
    self->state.handles = std::move(handles);
    self->state.messages = messages;
    self->state.history = history;
    for (const auto& queue : queues)
        self->state.lanes.push_back({queue, 0});
    for (std::size_t lane = 0; lane < queues.size(); ++lane)
        find_and_send(self, lane);
    return {[self](const again_tick& tick) { find_and_send(self, tick.lane); }};
}

// ---- consumer -------------------------------------------------------------------------------------------------------

struct consumer_lane {
    sim_queue queue;
    std::int64_t next = 0;
};
struct consumer_state {
    static inline const char* name = "sim_consumer";
    sim_handles handles;
    std::vector<consumer_lane> lanes;
    sim_history* history = nullptr;
};
using consumer_pointer = caf::stateful_actor<consumer_state>*;

void take(consumer_pointer self, consumer_lane& lane, const protocol::message& message) {
    auto& history = *self->state.history;
    if (message.offset.value() != lane.next)
        history.violations.push_back(name_of(lane.queue) + " gave offset " + to_string(message.offset) + " where " +
                                     std::to_string(lane.next) + " was due");
    history.consumed[lane.queue][message.offset.value()] = std::string{message.body.view()};
    lane.next = message.offset.value() + 1;
}

void pull_next(consumer_pointer self, std::size_t index);

void take_all(consumer_pointer self, std::size_t index, const messages_pulled& pulled) {
    auto& lane = self->state.lanes[index];
    auto& history = *self->state.history;
    if (pulled.status == pull_status::offset_moved)
        history.violations.push_back(name_of(lane.queue) + " does not know offset " + std::to_string(lane.next) + " any more");
    if (pulled.status == pull_status::found) {
        const auto messages = protocol::decode_records(pulled.records);
        if (!messages)
            history.violations.push_back(name_of(lane.queue) + ": " + messages.failure().text);
        else
            for (const auto& message : *messages)
                take(self, lane, message);
    }
    pull_next(self, index);
}

void pull_next(consumer_pointer self, std::size_t index) {
    const auto& lane = self->state.lanes[index];
    pull_messages order;
    order.group = "consumers";
    order.topic = self->state.handles.topic;
    order.queue = queue_id{lane.queue.second};
    order.offset = queue_offset{lane.next};
    order.hold_ms = 1'000;
    order.has_expression = true;
    order.expression = "*";
    order.expression_type = "TAG";
    self->request(self->state.handles.brokers.at(lane.queue.first), patience, std::move(order))
        .then([self, index](const messages_pulled& pulled) { take_all(self, index, pulled); },
              [self, index](const caf::error&) {
                  ++self->state.history->failures;
                  self->delayed_send(self, pause, again_tick{index});
              });
}

caf::behavior consumer(consumer_pointer self, sim_handles handles, const std::vector<sim_queue>& queues, sim_history* history) {
    self->state.handles = std::move(handles);
    self->state.history = history;
    for (const auto& queue : queues)
        self->state.lanes.push_back({queue, 0});
    for (std::size_t lane = 0; lane < queues.size(); ++lane)
        pull_next(self, lane);
    return {[self](const again_tick& tick) { pull_next(self, tick.lane); }};
}

} // namespace

caf::actor spawn_sim_producer(caf::actor_system& system, sim_handles handles, std::vector<sim_queue> queues, int messages,
                              sim_history& history) {
    return system.spawn(producer, std::move(handles), std::move(queues), messages, &history);
}

caf::actor spawn_sim_consumer(caf::actor_system& system, sim_handles handles, std::vector<sim_queue> queues, sim_history& history) {
    return system.spawn(consumer, std::move(handles), std::move(queues), &history);
}

} // namespace troupe::test_support
