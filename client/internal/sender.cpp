#include "client/internal/sender.hpp"

#include "actors/messages/type_ids.hpp"
#include "client/internal/queue_selector.hpp"

#include <caf/actor_system.hpp>
#include <caf/stateful_actor.hpp>
#include <caf/typed_event_based_actor.hpp>

#include <algorithm>
#include <deque>
#include <random>
#include <utility>

namespace troupe::client {

namespace {

/// CAF looks through all outstanding requests for each answer: more than this is slower, not faster.
constexpr std::size_t requests_max = 512;
constexpr milliseconds tick_interval{20};
constexpr milliseconds sweep_interval{60'000};
constexpr milliseconds topic_idle_max{300'000};
/// So many topics are kept however idle: their routes outlive name servers that are away.
constexpr std::size_t idle_topics_max = 256;

thread_local bool in_callback = false;

struct callback_scope {
    callback_scope() : before{std::exchange(in_callback, true)} {}
    ~callback_scope() { in_callback = before; }
    callback_scope(const callback_scope&) = delete;
    callback_scope& operator=(const callback_scope&) = delete;
    const bool before;
};

using send_ptr = std::unique_ptr<pending_send>;

struct lane {
    std::deque<send_ptr> waiting;
    std::size_t requests = 0;
    bool queued = false; // in the list of lanes that have something to send
};

struct topic_state {
    routing_ptr routing;
    queue_selector selector{std::random_device{}()};
    std::vector<send_ptr> waiting; // for the route
    time_point used;
};

struct sender_state {
    static inline const char* name = "producer";
    using pointer = producer_actor::stateful_pointer<sender_state>;

    explicit sender_state(pointer actor) : self{actor} {}
    ~sender_state();

    void take_incoming();
    void handle(const route_known& news);
    void handle(const producer_tick&);
    void handle(const producer_sweep&);

    void accept(send_ptr send);
    void place(topic_state& topic, send_ptr send);
    void misplaced(const topic_state& topic, send_ptr send, const error& failure);
    void queue_lane(const message_queue& queue, lane& to);
    void send_ready();
    void send_from(const message_queue& queue, lane& from);
    std::vector<send_ptr> take_together(const message_queue& queue, lane& from);
    void request(const message_queue& queue, std::vector<send_ptr> together);
    void stored(const message_queue& queue, std::vector<send_ptr>& together, const actors::messages_stored& answer);
    void refused(const message_queue& queue, std::vector<send_ptr>& together, const error& failure);
    void retry_or_fail(const message_queue& queue, send_ptr send, const error& failure);
    void expire(std::vector<send_ptr>& waiting, const error& reason);
    void arm();
    void arm_sweep();
    [[nodiscard]] bool has_other_broker(const pending_send& send, const message_queue& queue);
    [[nodiscard]] time_point now() const { return self->clock().now(); }

    pointer self;
    std::shared_ptr<sender_shared> shared;
    hub_actor hub;
    std::map<std::string, topic_state> topics;
    std::map<message_queue, lane> lanes;
    std::deque<message_queue> ready; // lanes with waiting messages and room for a request
    std::vector<send_ptr> paused;    // until not_before
    std::size_t requests = 0;
    std::size_t waiting_in_lanes = 0;
    bool armed = false;
    bool sweep_armed = false;
};

error timeout_error(const pending_send& send, const std::string& topic) {
    if (send.last_failure.code != errc::none)
        return {send.last_failure.code,
                send.last_failure.text + " (gave up after " + std::to_string(send.attempts.attempts()) + " attempts, at the send timeout)"};
    return {errc::timed_out, "a message to topic " + topic + " was not sent within the send timeout"};
}

sender_state::~sender_state() {
    if (!shared)
        return;
    shared->closed = true;
    const error ending{errc::shutting_down, "the producer was closed"};
    const auto end_all = [&](auto& sends) {
        for (auto& send : sends)
            if (send)
                shared->finish(*send, ending);
        sends.clear();
    };
    for (auto& [topic, state] : topics)
        end_all(state.waiting);
    for (auto& [queue, state] : lanes)
        end_all(state.waiting);
    end_all(paused);
    auto rest = shared->incoming.take_all();
    end_all(rest);
}

// ---- in -------------------------------------------------------------------------------------------------------------

void sender_state::take_incoming() {
    for (auto& send : shared->incoming.take_all())
        accept(std::move(send));
    send_ready();
    arm();
}

void sender_state::accept(send_ptr send) {
    const auto& topic = send->messages.front().topic;
    auto at = topics.find(topic);
    if (at == topics.end()) {
        at = topics.try_emplace(topic).first;
        self->send(hub, watch_topic{topic, true, hub_listener_actor{self}});
        arm_sweep();
    }
    at->second.used = now();
    if (at->second.routing) {
        place(at->second, std::move(send));
        return;
    }
    at->second.waiting.push_back(std::move(send));
    arm();
}

void sender_state::handle(const route_known& news) {
    const auto at = topics.find(news.topic);
    if (at == topics.end())
        return;
    auto& topic = at->second;
    auto waiting = std::exchange(topic.waiting, {});
    if (news.routing) {
        topic.routing = news.routing;
        for (auto& send : waiting)
            place(topic, std::move(send));
        send_ready();
        return;
    }
    // Name servers that are away may come back in time; a topic that does not exist will not.
    const bool may_come = news.failure.code == errc::no_name_server;
    for (auto& send : waiting) {
        send->last_failure = news.failure;
        if (may_come)
            topic.waiting.push_back(std::move(send));
        else
            shared->finish(*send, news.failure);
    }
    if (may_come)
        return;
    topics.erase(at);
    self->send(hub, unwatch_topic{news.topic, hub_listener_actor{self}});
}

void sender_state::place(topic_state& topic, send_ptr send) {
    const auto& first = send->messages.front();
    if (topic.routing->writable.empty()) {
        retry_or_fail({first.topic, "", 0}, std::move(send),
                      {errc::not_permitted, "topic " + first.topic + " has no writable queue on any broker"});
        return;
    }
    auto queue = topic.selector.select(topic.routing->writable, send->choice, first.sharding_key, send->failed_broker);
    if (!queue) {
        misplaced(topic, std::move(send), queue.failure());
        return;
    }
    auto& to = lanes[*queue];
    to.waiting.push_back(std::move(send));
    ++waiting_in_lanes;
    queue_lane(*queue, to);
}

void sender_state::misplaced(const topic_state& topic, send_ptr send, const error& failure) {
    const auto& wanted = send->choice.queue();
    if (!wanted || topic.routing->brokers.contains(wanted->broker_name)) {
        shared->finish(*send, failure);
        return;
    }
    // A broker that restarts leaves the routes for a while.
    const auto queue = *wanted;
    self->send(hub, suspect_route{send->messages.front().topic});
    retry_or_fail(queue, std::move(send),
                  {errc::connect_failed, "no name server knows a broker " + queue.broker_name + " for topic " + queue.topic});
}

// ---- out ------------------------------------------------------------------------------------------------------------

void sender_state::queue_lane(const message_queue& queue, lane& to) {
    if (to.queued || to.waiting.empty() || to.requests >= shared->options.requests_per_queue_max)
        return;
    to.queued = true;
    ready.push_back(queue);
}

void sender_state::send_ready() {
    while (!ready.empty() && requests < requests_max) {
        const auto queue = std::move(ready.front());
        ready.pop_front();
        auto& from = lanes[queue];
        from.queued = false;
        send_from(queue, from);
        queue_lane(queue, from);
    }
}

void sender_state::send_from(const message_queue& queue, lane& from) {
    auto together = take_together(queue, from);
    if (!together.empty())
        request(queue, std::move(together));
}

std::vector<send_ptr> sender_state::take_together(const message_queue& queue, lane& from) {
    const auto& options = shared->options;
    std::vector<send_ptr> together;
    std::size_t bytes = 0;
    auto shortest = milliseconds::max();
    milliseconds longest{0};
    while (!from.waiting.empty() && together.size() < std::max<std::size_t>(options.coalesce_messages_max, 1)) {
        auto& next = from.waiting.front();
        if (next->attempts.expired(now())) {
            const auto failure = timeout_error(*next, next->messages.front().topic);
            shared->finish(*next, failure);
            from.waiting.pop_front();
            --waiting_in_lanes;
            continue;
        }
        const bool single = next->alone || next->messages.size() > 1;
        bytes += batch_bytes(next->messages.front());
        // They share one request, and so the shortest time: one that is almost over must not take the time of the others.
        const auto budget = next->attempts.budget(now(), has_other_broker(*next, queue));
        shortest = std::min(shortest, budget);
        longest = std::max(longest, budget);
        if (!together.empty() && (single || bytes > options.coalesce_bytes_max || shortest * 2 < longest))
            break;
        together.push_back(std::move(next));
        from.waiting.pop_front();
        --waiting_in_lanes;
        if (single)
            break;
    }
    return together;
}

actors::send_messages make_request(const std::string& group, const message_queue& queue, const std::vector<send_ptr>& together) {
    std::vector<const encoded_message*> messages;
    for (const auto& send : together)
        for (const auto& m : send->messages)
            messages.push_back(&m);
    actors::send_messages order;
    order.producer_group = group;
    order.topic = queue.topic;
    order.queue = queue_id{queue.queue};
    order.born = timestamp_ms{std::chrono::duration_cast<milliseconds>(std::chrono::system_clock::now().time_since_epoch()).count()};
    order.batch = messages.size() > 1;
    if (order.batch) {
        order.body = encode_batch(messages);
    } else {
        order.body = messages.front()->body;
        order.properties = messages.front()->properties;
        order.flag = messages.front()->flag;
        order.sys_flag = messages.front()->compression_flags | (messages.front()->half ? protocol::message_sys_flag::prepared : 0);
    }
    return order;
}

void sender_state::request(const message_queue& queue, std::vector<send_ptr> together) {
    const auto topic = topics.find(queue.topic);
    const auto routing = topic != topics.end() ? topic->second.routing : nullptr;
    if (!routing || !routing->brokers.contains(queue.broker_name)) { // the route has changed since the queue was chosen
        for (auto& send : together)
            retry_or_fail(queue, std::move(send), {errc::connect_failed, "broker " + queue.broker_name + " has left the route"});
        return;
    }
    auto budget = milliseconds::max();
    for (auto& send : together) {
        send->attempts.begin();
        budget = std::min(budget, send->attempts.budget(now(), has_other_broker(*send, queue)));
    }
    ++requests;
    ++lanes[queue].requests;
    shared->requests.fetch_add(1, std::memory_order_relaxed);
    auto order = make_request(shared->options.group, queue, together);
    // Shared, because CAF copies continuations; the guard answers for an actor that ends before the request does.
    auto held = std::shared_ptr<std::vector<send_ptr>>(
        new std::vector<send_ptr>{std::move(together)}, [shared = shared](std::vector<send_ptr>* rest) {
            for (auto& send : *rest)
                if (send)
                    shared->finish(*send, error{errc::shutting_down, "the producer was closed; the outcome is unknown"});
            delete rest;
        });
    self->request(routing->brokers.at(queue.broker_name), budget, std::move(order))
        .then([this, queue, held](const actors::messages_stored& answer) { stored(queue, *held, answer); },
              [this, queue, held](const caf::error& failure) { refused(queue, *held, actors::to_error(failure)); });
}

void sender_state::stored(const message_queue& queue, std::vector<send_ptr>& together, const actors::messages_stored& answer) {
    --requests;
    auto& from = lanes[queue];
    --from.requests;
    std::size_t count = 0;
    for (const auto& send : together)
        count += send->messages.size();
    const auto ids = split_ids(answer.message_ids, count);
    const message_queue where{queue.topic, queue.broker_name, answer.queue.value()};
    std::size_t i = 0;
    for (auto& send : together) {
        std::vector<send_receipt> receipts;
        receipts.reserve(send->messages.size());
        for (const auto& m : send->messages) {
            receipts.push_back({m.message_id, ids[i], where, answer.offset + static_cast<std::int64_t>(i), send->attempts.attempts(),
                                answer.recall_handle});
            ++i;
        }
        shared->finish(*send, std::move(receipts));
        send.reset();
    }
    queue_lane(queue, from);
    send_ready();
}

bool is_about_one_message(errc code) {
    return code == errc::message_illegal || code == errc::body_too_large || code == errc::properties_too_large ||
           code == errc::property_illegal || code == errc::not_supported || code == errc::argument_illegal;
}

void sender_state::refused(const message_queue& queue, std::vector<send_ptr>& together, const error& failure) {
    --requests;
    auto& from = lanes[queue];
    --from.requests;
    if (hints_at_old_route(failure.code))
        self->send(hub, suspect_route{queue.topic});
    if (hints_at_lost_broker(failure.code))
        self->send(hub, suspect_broker{queue.broker_name});
    if (together.size() > 1 && is_about_one_message(failure.code)) {
        // One bad message must not fail those that happened to travel with it.
        for (auto send = together.rbegin(); send != together.rend(); ++send) {
            (*send)->alone = true;
            from.waiting.push_front(std::move(*send));
            ++waiting_in_lanes;
        }
    } else {
        for (auto& send : together)
            retry_or_fail(queue, std::move(send), failure);
    }
    queue_lane(queue, lanes[queue]);
    send_ready();
}

// ---- failures -------------------------------------------------------------------------------------------------------

bool sender_state::has_other_broker(const pending_send& send, const message_queue& queue) {
    if (is_pinned(send.choice, send.messages.front().sharding_key))
        return false;
    const auto topic = topics.find(queue.topic);
    const auto routing = topic != topics.end() ? topic->second.routing : nullptr;
    return routing && std::any_of(routing->writable.begin(), routing->writable.end(),
                                  [&](const message_queue& x) { return x.broker_name != queue.broker_name; });
}

void sender_state::retry_or_fail(const message_queue& queue, send_ptr send, const error& failure) {
    const bool elsewhere = has_other_broker(*send, queue);
    const auto verdict = send->once ? send_attempts::verdict{} : send->attempts.fail(failure.code, now(), elsewhere);
    if (!verdict.again) {
        shared->finish(*send, failure);
        return;
    }
    shared->attempts_retried.fetch_add(1, std::memory_order_relaxed);
    send->last_failure = failure;
    send->failed_broker = queue.broker_name;
    send->not_before = verdict.when;
    paused.push_back(std::move(send));
    arm();
}

void sender_state::expire(std::vector<send_ptr>& waiting, const error& reason) {
    std::erase_if(waiting, [&](send_ptr& send) {
        if (!send->attempts.expired(now()))
            return false;
        if (send->last_failure.code == errc::none)
            send->last_failure = reason;
        const auto& topic = send->messages.front().topic;
        auto failure = send->last_failure.code == errc::no_name_server ? send->last_failure : timeout_error(*send, topic);
        shared->finish(*send, std::move(failure));
        return true;
    });
}

void sender_state::handle(const producer_tick&) {
    armed = false;
    auto due = std::exchange(paused, {});
    for (auto& send : due) {
        if (send->not_before > now() && !send->attempts.expired(now())) {
            paused.push_back(std::move(send));
        } else if (send->attempts.expired(now())) {
            shared->finish(*send, timeout_error(*send, send->messages.front().topic));
        } else {
            accept(std::move(send));
        }
    }
    for (auto& [topic, state] : topics)
        expire(state.waiting, {errc::no_name_server, "no name server has told the route of topic " + topic + " in time"});
    for (auto& [queue, state] : lanes)
        while (!state.waiting.empty() && state.waiting.front()->attempts.expired(now())) {
            shared->finish(*state.waiting.front(), timeout_error(*state.waiting.front(), queue.topic));
            state.waiting.pop_front();
            --waiting_in_lanes;
        }
    send_ready();
    arm();
}

void sender_state::arm() {
    const auto waits = [](const auto& item) { return !item.second.waiting.empty(); };
    if (armed || (paused.empty() && waiting_in_lanes == 0 && std::none_of(topics.begin(), topics.end(), waits)))
        return;
    armed = true;
    self->delayed_send(self, tick_interval, producer_tick{});
}

void sender_state::handle(const producer_sweep&) {
    sweep_armed = false;
    // A message ends at its send timeout at the latest: of a topic unused for longer than that, nothing is on its way.
    const auto old = now() - std::max(topic_idle_max, shared->options.send_timeout * 2);
    std::vector<std::pair<time_point, std::string>> idle;
    for (const auto& [topic, state] : topics)
        if (state.used <= old)
            idle.emplace_back(state.used, topic);
    std::sort(idle.begin(), idle.end());
    for (const auto& [used, topic] : idle) {
        if (topics.size() <= idle_topics_max)
            break;
        self->send(hub, unwatch_topic{topic, hub_listener_actor{self}});
        topics.erase(topic);
    }
    std::erase_if(lanes, [](const auto& item) {
        const lane& x = item.second;
        return x.waiting.empty() && x.requests == 0 && !x.queued;
    });
    arm_sweep();
}

void sender_state::arm_sweep() {
    if (sweep_armed || topics.empty())
        return;
    sweep_armed = true;
    self->delayed_send(self, sweep_interval, producer_sweep{});
}

producer_actor::behavior_type sender(sender_state::pointer self, std::shared_ptr<sender_shared> shared, hub_actor hub) {
    self->state.shared = std::move(shared);
    self->state.hub = std::move(hub);
    self->set_error_handler([](caf::error&) {});
    return {
        [self](const route_known& news) { self->state.handle(news); },      [](const membership_changed&) {},
        [self](const inbox_filled&) { self->state.take_incoming(); },       [self](const producer_tick& tick) { self->state.handle(tick); },
        [self](const producer_sweep& sweep) { self->state.handle(sweep); },
    };
}

} // namespace

bool inside_callback() {
    return in_callback;
}

void sender_shared::finish(pending_send& send, result<std::vector<send_receipt>> outcome) {
    auto& counter = outcome.ok() ? messages_sent : messages_failed;
    counter.fetch_add(send.messages.size(), std::memory_order_relaxed);
    auto done = std::exchange(send.done, nullptr);
    window.release(send.messages.size(), send.bytes, static_cast<bool>(done)); // before the callback, which may send
    if (!done)
        return;
    {
        const callback_scope scope;
        try {
            done(std::move(outcome));
        } catch (...) { // NOLINT(bugprone-empty-catch): the caller's exceptions end here; the producer goes on
        }
    }
    done = nullptr; // with what it captured
    window.callback_ended();
}

producer_actor spawn_sender(caf::actor_system& system, std::shared_ptr<sender_shared> shared, hub_actor hub) {
    return system.spawn(sender, std::move(shared), std::move(hub));
}

} // namespace troupe::client
