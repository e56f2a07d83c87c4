#pragma once

#include "actors/messages/type_ids.hpp"
#include "actors/name_server/name_server.hpp"
#include "actors/name_server/route_table.hpp"

#include <caf/stateful_actor.hpp>
#include <caf/typed_event_based_actor.hpp>
#include <caf/typed_response_promise.hpp>

#include <map>
#include <optional>
#include <string>
#include <vector>

/// What the sources of the name server share.
namespace troupe::actors {

/// A name server to itself: look for brokers that fell silent.
struct scan_tick {
    template <class Inspector>
    friend auto inspect(Inspector& f, scan_tick&) {
        return f();
    }
};

using name_server_impl = local_name_server_actor::extend<caf::reacts_to<scan_tick>>;

struct name_server_state {
    static inline const char* name = "name_server";
    static constexpr std::size_t kv_changes_waiting_max = 1'024; ///< beyond: busy

    struct kv_change {
        std::string name_space;
        std::string key;
        std::optional<std::string> value; ///< none: the key is deleted
        caf::typed_response_promise<kv_config_changed> promise;
    };

    name_server_options options;
    route_table routes;
    std::map<caf::actor_addr, route_table::live_key> sessions;   ///< who vouches for which broker
    std::map<route_table::live_key, caf::actor_addr> vouched_by; ///< only the session of the last registration counts
    name_server_kv kv;
    bool kv_writing = false;           ///< the keeper has a write under way
    bool kv_in_doubt = false;          ///< the last write failed: the disk may have what it would have written
    std::vector<kv_change> kv_waiting; ///< for the end of it
};

using name_server_pointer = name_server_impl::stateful_pointer<name_server_state>;

result<void> accept_broker(name_server_pointer self, const register_broker& broker, const route_table::broker_details& details);
result<protocol::topic_route> route_of(const name_server_state& state, const std::string& topic);

caf::result<broker_announced> handle(name_server_pointer self, const announce_broker& order);
caf::result<route_described> handle(name_server_pointer self, const describe_route& order);
route_forgotten handle(name_server_pointer self, const drop_route& order);
caf::result<route_added> handle(name_server_pointer self, const add_route& order);
write_perm_changed handle(name_server_pointer self, const change_write_perm& order);
version_found handle(name_server_pointer self, const query_version& order);
broker_members_found handle(name_server_pointer self, const find_broker_members& order);
topics_found handle(name_server_pointer self, const list_filtered_topics& order);
topics_found handle(name_server_pointer self, const list_cluster_topics& order);
name_topics_listed handle(name_server_pointer self, const list_name_topics& order);
caf::result<kv_config_changed> handle(name_server_pointer self, const put_kv_config& order);
caf::result<kv_config_changed> handle(name_server_pointer self, const delete_kv_config& order);
caf::result<kv_config_found> handle(name_server_pointer self, const find_kv_config& order);
caf::result<kv_config_listed> handle(name_server_pointer self, const list_kv_config& order);
name_server_config_listed handle(name_server_pointer self, const list_name_server_config& order);
caf::result<name_server_config_changed> handle(name_server_pointer self, const change_name_server_config& order);

} // namespace troupe::actors
