#include "actors/broker/registrar.hpp"

#include "actors/base/log.hpp"
#include "actors/messages/type_ids.hpp"

#include <caf/actor_system.hpp>
#include <caf/event_based_actor.hpp>
#include <caf/stateful_actor.hpp>
#include <caf/typed_event_based_actor.hpp>

#include <algorithm>
#include <utility>

namespace troupe::actors {

namespace {

/// The registrar to itself: something is due. Older ticks than the newest are ignored: CAF cannot cancel them.
struct beat_tick {
    std::uint64_t number = 0;
    template <class Inspector>
    friend auto inspect(Inspector& f, beat_tick& x) {
        return f(x.number);
    }
};

/// A stop must not wait long for a name server that is gone: it drops the broker by itself.
constexpr std::chrono::milliseconds farewell_timeout_max{1'000};

using registrar_impl = registrar_actor::extend<caf::reacts_to<beat_tick>>;
using time_point = caf::actor_clock::time_point;

/// What the registrar knows of one name server.
struct server {
    name_server_actor handle;
    bool asking = false; ///< one request at a time
    bool registered = false;
    bool warned = false;
    time_point next_registration;
    time_point next_beat;
    std::chrono::milliseconds retry{0};
};

struct registrar_state {
    static inline const char* name = "registrar";

    registrar_options options;
    std::vector<server> servers;
    std::shared_ptr<const topic_directory> topics;
    std::uint64_t tick = 0;
    bool leaving = false;
    std::size_t farewells = 0; ///< unregistrations not yet answered
};

using registrar_pointer = registrar_impl::stateful_pointer<registrar_state>;

void work(registrar_pointer self);

/// Sleeps until the first thing that is due.
void arm(registrar_pointer self) {
    auto& state = self->state;
    auto due = time_point::max();
    for (const auto& each : state.servers)
        if (!each.asking)
            due = std::min(due, each.registered ? std::min(each.next_beat, each.next_registration) : each.next_registration);
    if (due == time_point::max())
        return;
    const auto now = self->clock().now();
    const auto wait = due > now ? due - now : time_point::duration{0};
    self->delayed_send(self, std::chrono::ceil<std::chrono::milliseconds>(wait), beat_tick{++state.tick});
}

std::string to_text(const registrar_state& state) {
    return "broker " + state.options.broker_name + " at " + state.options.address;
}

void registration_done(registrar_pointer self, std::size_t index, const protocol::data_version& sent) {
    auto& state = self->state;
    auto& each = state.servers[index];
    const auto now = self->clock().now();
    if (!each.registered)
        write_log(log_level::info, to_text(state) + " is registered with name server " + std::to_string(index + 1));
    each.asking = false;
    each.registered = true;
    each.warned = false;
    each.retry = state.options.retry_min;
    each.next_beat = now + state.options.heartbeat_interval;
    each.next_registration = sent == state.topics->current()->version() ? now + state.options.register_interval : now;
    work(self);
}

void request_failed(registrar_pointer self, std::size_t index, const caf::error& failure) {
    auto& state = self->state;
    auto& each = state.servers[index];
    each.asking = false;
    if (!each.warned)
        write_log(log_level::warning, to_text(state) + " cannot reach name server " + std::to_string(index + 1) + ": " +
                                          to_string(to_error(failure)) + "; it keeps trying");
    each.warned = true;
    // A lost connection is made again at once: most often the name server was only restarted.
    each.next_registration = self->clock().now() + (each.registered ? std::chrono::milliseconds{0} : each.retry);
    if (!each.registered)
        each.retry = std::min(each.retry * 2, state.options.retry_max);
    each.registered = false;
    work(self);
}

void send_registration(registrar_pointer self, std::size_t index) {
    auto& state = self->state;
    auto& each = state.servers[index];
    each.asking = true;
    register_broker order;
    order.cluster = state.options.cluster;
    order.broker_name = state.options.broker_name;
    order.id = state.options.id;
    order.address = state.options.address;
    order.expire_ms = state.options.expire.count();
    order.topics = state.topics->current()->table();
    const auto version = order.topics.version;
    order.session = registrar_actor{self};
    self->request(each.handle, state.options.request_timeout, std::move(order))
        .then([self, index, version](const broker_registered&) { registration_done(self, index, version); },
              [self, index](const caf::error& failure) { request_failed(self, index, failure); });
}

void send_heartbeat(registrar_pointer self, std::size_t index) {
    auto& state = self->state;
    auto& each = state.servers[index];
    each.asking = true;
    self->request(each.handle, state.options.request_timeout,
                  broker_heartbeat{state.options.cluster, state.options.broker_name, state.options.address})
        .then(
            [self, index](const broker_registered&) {
                auto& answered = self->state.servers[index];
                answered.asking = false;
                answered.next_beat = self->clock().now() + self->state.options.heartbeat_interval;
                work(self);
            },
            [self, index](const caf::error& failure) { request_failed(self, index, failure); });
}

/// Does whatever is due, then sleeps.
void work(registrar_pointer self) {
    auto& state = self->state;
    if (state.leaving)
        return;
    const auto now = self->clock().now();
    for (std::size_t index = 0; index < state.servers.size(); ++index) {
        const auto& each = state.servers[index];
        if (each.asking)
            continue;
        if (now >= each.next_registration)
            send_registration(self, index);
        else if (each.registered && now >= each.next_beat)
            send_heartbeat(self, index);
    }
    arm(self);
}

void farewell_answered(registrar_pointer self) {
    if (--self->state.farewells == 0)
        self->quit(caf::exit_reason::user_shutdown);
}

void leave(registrar_pointer self) {
    auto& state = self->state;
    if (std::exchange(state.leaving, true))
        return;
    for (const auto& each : state.servers) {
        if (!each.registered)
            continue;
        ++state.farewells;
        self->request(each.handle, std::min(state.options.request_timeout, farewell_timeout_max),
                      unregister_broker{state.options.cluster, state.options.broker_name, state.options.id, state.options.address})
            .then([self](const broker_unregistered&) { farewell_answered(self); }, [self](const caf::error&) { farewell_answered(self); });
    }
    if (state.farewells == 0)
        self->quit(caf::exit_reason::user_shutdown);
}

registrar_impl::behavior_type registrar(registrar_pointer self, registrar_options options, const local_broker_actor& broker,
                                        std::shared_ptr<const topic_directory> topics, std::vector<name_server_actor> name_servers) {
    const auto now = self->clock().now();
    self->send(broker, use_name_servers{name_servers});
    for (auto& handle : name_servers)
        self->state.servers.push_back({std::move(handle), false, false, false, now, now, options.retry_min});
    self->state.topics = std::move(topics);
    self->monitor(broker);
    self->set_down_handler([self](const caf::down_msg&) { leave(self); });
    self->send(broker, watch_topics{registrar_actor{self}});
    self->state.options = std::move(options);
    self->set_exit_handler([self](caf::exit_msg& message) {
        if (message.reason == caf::exit_reason::user_shutdown)
            leave(self);
        else if (message.reason)
            self->quit(std::move(message.reason));
    });
    self->delayed_send(self, std::chrono::milliseconds{0}, beat_tick{++self->state.tick});
    return {
        [self](const topics_changed&) {
            for (auto& each : self->state.servers)
                each.next_registration = self->clock().now();
            work(self);
        },
        [](const consumers_changed&) {}, // only here because a session can receive it
        [self](const beat_tick& tick) {
            if (tick.number == self->state.tick)
                work(self);
        },
    };
}

} // namespace

registrar_actor spawn_registrar(caf::actor_system& system, registrar_options options, local_broker_actor broker,
                                std::shared_ptr<const topic_directory> topics, std::vector<name_server_actor> name_servers) {
    return system.spawn(registrar, std::move(options), std::move(broker), std::move(topics), std::move(name_servers));
}

} // namespace troupe::actors
