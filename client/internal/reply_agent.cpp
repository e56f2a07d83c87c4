#include "client/internal/reply_agent.hpp"

#include "actors/messages/type_ids.hpp"
#include "client/internal/retry_policy.hpp"
#include "client/internal/to_received.hpp"
#include "protocol/properties.hpp"
#include "protocol/property_edit.hpp"

#include <caf/actor_system.hpp>
#include <caf/stateful_actor.hpp>
#include <caf/typed_event_based_actor.hpp>

#include <map>
#include <set>
#include <utility>

namespace troupe::client {

void awaited_reply::tell(result<received_message> outcome) {
    const auto done = std::exchange(done_, nullptr);
    if (!done)
        return;
    waiting_->fetch_sub(1, std::memory_order_relaxed);
    try {
        done(std::move(outcome));
    } catch (...) { // NOLINT(bugprone-empty-catch): the caller's exceptions end here
    }
}

namespace {

received_message received(const actors::deliver_reply& from) {
    const auto& sent = from.reply.message;
    protocol::message record;
    record.topic = sent.topic;
    record.queue = sent.queue;
    record.flag = sent.flag;
    record.sys_flag = sent.sys_flag;
    record.born = sent.born;
    record.stored = from.stored;
    record.reconsume_times = sent.reconsume_times;
    record.properties = sent.properties;
    record.body = sent.body;
    auto reply = to_received({sent.topic, {}, sent.queue.value()}, std::move(record));
    reply.offset_message_id.clear(); // it is nowhere
    return reply;
}

struct agent_state {
    static inline const char* name = "reply_agent";
    using pointer = reply_agent_actor::stateful_pointer<agent_state>;

    explicit agent_state(pointer actor) : self{actor} {}

    void handle(const await_reply& order);
    void handle(const request_failed& event);
    void handle(const reply_arrived& event);
    void handle(const reply_tick& tick);
    void finish(const std::string& correlation_id, result<received_message> outcome);
    void arm();

    struct waiting_request {
        std::shared_ptr<awaited_reply> who;
        time_point deadline;
    };
    pointer self;
    std::map<std::string, waiting_request> waiting; ///< by correlation id
    std::set<std::pair<time_point, std::string>> deadlines;
    /// Those on their way. One is sent only for a time before all others, so that few requests that wait for long do not gather many.
    std::set<time_point> ticks;
};

void agent_state::handle(const await_reply& order) {
    const auto deadline = self->clock().now() + order.timeout;
    waiting.emplace(order.correlation_id, waiting_request{order.who, deadline});
    deadlines.emplace(deadline, order.correlation_id);
    arm();
}

void agent_state::finish(const std::string& correlation_id, result<received_message> outcome) {
    auto found = waiting.extract(correlation_id);
    if (found.empty())
        return;
    deadlines.erase({found.mapped().deadline, correlation_id});
    found.mapped().who->tell(std::move(outcome));
}

void agent_state::handle(const request_failed& event) {
    finish(event.correlation_id, event.failure);
}

void agent_state::handle(const reply_arrived& event) {
    const auto id = protocol::find_property(event.reply.reply.message.properties, protocol::property_name::correlation_id);
    if (id)
        finish(std::string{*id}, received(event.reply));
}

void agent_state::handle(const reply_tick& tick) {
    ticks.erase(tick.when);
    while (!deadlines.empty() && deadlines.begin()->first <= self->clock().now())
        finish(std::string{deadlines.begin()->second}, error{errc::timed_out, "nobody answered the request in time"});
    arm();
}

void agent_state::arm() {
    if (deadlines.empty())
        return;
    const auto when = deadlines.begin()->first;
    if (!ticks.empty() && *ticks.begin() <= when)
        return;
    ticks.insert(when);
    const auto pause = std::max(std::chrono::ceil<milliseconds>(when - self->clock().now()), milliseconds{1});
    self->delayed_send(self, pause, reply_tick{when});
}

reply_agent_actor::behavior_type reply_agent(agent_state::pointer self, const hub_actor& hub, const std::string& group,
                                             const std::vector<std::string>& topics) {
    self->monitor(hub);
    self->set_down_handler([self](const caf::down_msg&) { self->quit(); });
    self->set_error_handler([](caf::error&) {}); // answers to one-way messages concern nobody
    const producer_listener_actor listener{self};
    self->send(hub, join_producers{group, producer_kind::requesting, listener});
    for (const auto& topic : topics)
        self->send(hub, watch_topic{topic, false, listener});
    return {
        [](const route_known&) {},
        [](const membership_changed&) {},
        [](const transaction_asked&) {},
        [self](const reply_arrived& event) { self->state.handle(event); },
        [self](const await_reply& order) { self->state.handle(order); },
        [self](const request_failed& event) { self->state.handle(event); },
        [self](const reply_tick& tick) { self->state.handle(tick); },
    };
}

} // namespace

reply_agent_actor spawn_reply_agent(caf::actor_system& system, const hub_actor& hub, const std::string& group,
                                    const std::vector<std::string>& topics) {
    return system.spawn(reply_agent, hub, group, topics);
}

} // namespace troupe::client
