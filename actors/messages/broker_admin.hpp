#pragma once

#include "actors/messages/admin_messages.hpp"
#include "actors/messages/messages.hpp"
#include "protocol/vocabulary/topic_config.hpp"

#include <caf/replies_to.hpp>
#include <caf/typed_actor.hpp>

#include <string>

/// What only operators and their tools ask of a broker. The broker role serves it beside `broker_actor`; proxies serve group_config_actor of
/// it, as our own client has no use for the rest.
namespace troupe::actors {

/// Settings of one group (code 352); group_not_found when it does not exist.
struct find_group_config {
    std::string group;
    template <class Inspector>
    friend auto inspect(Inspector& f, find_group_config& x) {
        return f(x.group);
    }
};
struct group_config_found {
    group_config group;
    template <class Inspector>
    friend auto inspect(Inspector& f, group_config_found& x) {
        return f(x.group);
    }
};

/// Another interface of whatever actor serves as a broker: the broker role, and the proxy of a remote one.
using group_config_actor = caf::typed_actor<caf::replies_to<find_group_config>::with<group_config_found>>;

using broker_admin_actor = group_config_actor::extend<
    // topics
    caf::replies_to<change_topic>::with<topic_put>, caf::replies_to<change_topics>::with<topics_put>,
    caf::replies_to<find_topic_config>::with<topic_config_found>, caf::replies_to<list_system_topics>::with<system_topics_listed>,
    caf::replies_to<describe_topic_state>::with<topic_state_described>,
    // groups
    caf::replies_to<put_groups>::with<groups_put>, caf::replies_to<describe_group_state>::with<group_described>,
    caf::replies_to<describe_consumption>::with<consumption_described>, caf::replies_to<query_forbidden>::with<forbidden_found>,
    caf::replies_to<set_request_mode>::with<request_mode_set>, caf::replies_to<list_request_modes>::with<request_modes_listed>,
    caf::replies_to<query_assignment>::with<assignment_found>,
    // the broker
    caf::replies_to<clean_store>::with<clean_begun>, caf::replies_to<view_statistics>::with<statistics_viewed>,
    caf::replies_to<list_broker_config>::with<broker_config_listed>, caf::replies_to<change_broker_config>::with<broker_config_changed>>;

} // namespace troupe::actors
