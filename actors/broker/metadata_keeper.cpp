#include "actors/broker/metadata_keeper.hpp"

#include "actors/base/log.hpp"
#include "actors/base/spawn_role.hpp"
#include "actors/messages/type_ids.hpp"
#include "storage/metadata_store.hpp"

#include <caf/typed_event_based_actor.hpp>

#include <utility>

namespace troupe::actors {

namespace {

struct metadata_keeper_state {
    static inline const char* name = "metadata_keeper";

    caf::result<topic_put> handle(const put_topic& order) const {
        if (const auto written = metadata->put_topic(order.topic); !written)
            return make_caf_error(written.failure());
        return topic_put{};
    }
    caf::result<group_put> handle(const put_group& order) const {
        if (const auto written = metadata->put_group(order.group); !written)
            return make_caf_error(written.failure());
        return group_put{};
    }

    caf::result<request_mode_put> handle(const put_request_mode& order) const {
        if (const auto written = metadata->put_mode(order.mode); !written)
            return make_caf_error(written.failure());
        return request_mode_put{};
    }

    void handle(const forget_deleted_topic& order) const {
        if (const auto forgotten = metadata->forget_deleted(order.topic); !forgotten)
            write_log(log_level::warning, "metadata keeper: topic " + order.topic + " is deleted, which could not be noted (" +
                                              forgotten.failure().text + "); the next start deletes it once more");
    }

    std::shared_ptr<storage::metadata_store> metadata;
};

metadata_keeper_actor::behavior_type metadata_keeper(metadata_keeper_actor::stateful_pointer<metadata_keeper_state> self,
                                                     std::shared_ptr<storage::metadata_store> metadata) {
    self->state.metadata = std::move(metadata);
    return {
        [self](const put_topic& order) { return self->state.handle(order); },
        [self](const put_group& order) { return self->state.handle(order); },
        [self](const put_request_mode& order) { return self->state.handle(order); },
        [self](const forget_deleted_topic& order) { self->state.handle(order); },
        [self](const finish&) { self->quit(); },
    };
}

} // namespace

metadata_keeper_actor spawn_metadata_keeper(caf::actor_system& system, std::shared_ptr<storage::metadata_store> metadata) {
    return spawn_blocking_role(system, metadata_keeper, std::move(metadata));
}

} // namespace troupe::actors
