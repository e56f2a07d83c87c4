#pragma once

#include "protocol/vocabulary/topic_config.hpp"

#include <caf/replies_to.hpp>
#include <caf/typed_actor.hpp>

#include <string>

/// What only operators and their tools ask of a broker. The broker role serves it beside `broker_actor`; no proxy does, because
/// our own client has no use for it.
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

using broker_admin_actor = caf::typed_actor<caf::replies_to<find_group_config>::with<group_config_found>>;

} // namespace troupe::actors
