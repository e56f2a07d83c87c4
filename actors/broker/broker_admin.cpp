#include "actors/messages/broker_admin.hpp"

#include "actors/broker/broker_state.hpp"

namespace troupe::actors {

caf::result<group_config_found> broker_state::handle(const find_group_config& order) {
    const auto found = groups_.find(order.group);
    if (found == groups_.end())
        return make_caf_error(errc::group_not_found, "group " + order.group + " does not exist on this broker");
    return group_config_found{found->second};
}

} // namespace troupe::actors
