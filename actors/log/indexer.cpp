#include "actors/log/indexer.hpp"

#include "actors/base/log.hpp"
#include "actors/base/spawn_role.hpp"

#include <caf/typed_event_based_actor.hpp>

#include <utility>

namespace troupe::actors {

namespace {

class indexer_state {
public:
    static inline const char* name = "indexer";

    void start(indexer_actor::pointer self, indexer_options options);
    void handle(index_tick tick);
    void handle(const finish& order);

private:
    /// True when there is more to write. A failure is reported once per row of failures.
    bool persist(bool force);

    indexer_actor::pointer self_ = nullptr;
    indexer_options options_;
    bool failing_ = false;
};

void indexer_state::start(indexer_actor::pointer self, indexer_options options) {
    self_ = self;
    options_ = std::move(options);
    self_->delayed_send(self_, options_.interval, index_tick{true});
}

bool indexer_state::persist(bool force) {
    const auto more = options_.store->persist_index(force);
    if (!more && !failing_)
        write_log(log_level::error, "indexer: " + to_string(more.failure()));
    failing_ = !more.ok();
    return more.ok() && *more;
}

void indexer_state::handle(index_tick tick) {
    const bool more = persist(false);
    if (more && !tick.repeat)
        self_->send(self_, index_tick{});
    if (tick.repeat)
        self_->delayed_send(self_, more ? std::chrono::milliseconds{1} : options_.interval, tick);
}

void indexer_state::handle(const finish&) {
    while (persist(true)) {
    }
    self_->quit();
}

indexer_actor::behavior_type indexer(indexer_actor::stateful_pointer<indexer_state> self, indexer_options options) {
    self->state.start(self, std::move(options));
    return {
        [self](index_tick tick) { self->state.handle(tick); },
        [self](const finish& order) { self->state.handle(order); },
    };
}

} // namespace

indexer_actor spawn_indexer(caf::actor_system& system, indexer_options options) {
    return spawn_blocking_role(system, indexer, std::move(options));
}

} // namespace troupe::actors
