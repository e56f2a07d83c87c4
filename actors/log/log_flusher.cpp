#include "actors/log/log_flusher.hpp"

#include "actors/base/log.hpp"
#include "actors/base/spawn_role.hpp"

#include <caf/typed_event_based_actor.hpp>

#include <utility>

namespace troupe::actors {

namespace {

class log_flusher_state {
public:
    static inline const char* name = "log_flusher";

    void start(log_flusher_actor::pointer self, log_flusher_options options);
    void handle(sync_tick tick);
    void handle(const finish& order);

private:
    void flush();

    log_flusher_actor::pointer self_ = nullptr;
    log_flusher_options options_;
    bool failing_ = false;
};

void log_flusher_state::start(log_flusher_actor::pointer self, log_flusher_options options) {
    self_ = self;
    options_ = std::move(options);
    self_->delayed_send(self_, options_.interval, sync_tick{true});
}

void log_flusher_state::flush() {
    const auto durable = options_.store->flush();
    if (!durable && !failing_)
        write_log(log_level::error, "log flusher: " + to_string(durable.failure()));
    failing_ = !durable.ok();
}

void log_flusher_state::handle(sync_tick tick) {
    flush();
    if (tick.repeat)
        self_->delayed_send(self_, options_.interval, tick);
}

void log_flusher_state::handle(const finish&) {
    self_->quit();
}

log_flusher_actor::behavior_type log_flusher(log_flusher_actor::stateful_pointer<log_flusher_state> self, log_flusher_options options) {
    self->state.start(self, std::move(options));
    return {
        [self](sync_tick tick) { self->state.handle(tick); },
        [self](const finish& order) { self->state.handle(order); },
    };
}

} // namespace

log_flusher_actor spawn_log_flusher(caf::actor_system& system, log_flusher_options options) {
    return spawn_blocking_role(system, log_flusher, std::move(options));
}

} // namespace troupe::actors
