#pragma once

#include "actors/messages/roles.hpp"
#include "protocol/config_text.hpp"
#include "protocol/name_server_bodies.hpp"

#include <caf/replies_to.hpp>
#include <caf/typed_actor.hpp>

#include <cstdint>
#include <string>
#include <vector>

/// What RocketMQ's own brokers, operators and their tools ask of a name server. The name server role serves it beside
/// `name_server_actor`; no proxy does, because our own broker and client have no use for it.
namespace troupe::actors {

// ---- brokers and routes ---------------------------------------------------------------------------------------------

/// register_broker (103) with what only RocketMQ's brokers say and want to know.
struct announce_broker {
    register_broker registration;
    std::string ha_address;       ///< where its replicas connect
    bool is_acting_known = false; ///< whether it says the next: only brokers of RocketMQ 5 do
    bool acting_master = false;   ///< a replica may stand in for its master
    template <class Inspector>
    friend auto inspect(Inspector& f, announce_broker& x) {
        return f(x.registration, x.ha_address, x.is_acting_known, x.acting_master);
    }
};
struct broker_announced {
    std::string ha_address;     ///< of the master, for a replica; else empty
    std::string master_address; ///< likewise
    bool has_order_topics = false;
    protocol::key_value_table order_topics; ///< queues of ordered topics by topic
    template <class Inspector>
    friend auto inspect(Inspector& f, broker_announced& x) {
        return f(x.ha_address, x.master_address, x.has_order_topics, x.order_topics);
    }
};
/// find_route (105) with the queues of an ordered topic; topic_not_found.
struct describe_route {
    std::string topic;
    template <class Inspector>
    friend auto inspect(Inspector& f, describe_route& x) {
        return f(x.topic);
    }
};
struct route_described {
    protocol::topic_route route;
    std::string order_topic_conf; ///< "broker-a:4;broker-b:4"; empty: none is set, or orderMessageEnable is off
    template <class Inspector>
    friend auto inspect(Inspector& f, route_described& x) {
        return f(x.route, x.order_topic_conf);
    }
};
/// forget_route (216) in one cluster. Answered with route_forgotten, also when there is no such topic.
struct drop_route {
    std::string topic;
    std::string cluster; ///< empty: of all clusters
    template <class Inspector>
    friend auto inspect(Inspector& f, drop_route& x) {
        return f(x.topic, x.cluster);
    }
};
/// Add or change the queues of one topic (217). Changes nothing when one of the brokers is not registered, and that is a success;
/// argument_illegal, busy.
struct add_route {
    std::string topic;
    std::vector<protocol::queue_data> queues;
    template <class Inspector>
    friend auto inspect(Inspector& f, add_route& x) {
        return f(x.topic, x.queues);
    }
};
struct route_added {
    template <class Inspector>
    friend auto inspect(Inspector& f, route_added&) {
        return f();
    }
};
/// Take all topics of a broker out of writing (205) or back in (327), until the broker registers a change.
struct change_write_perm {
    std::string broker_name;
    bool writable = false;
    template <class Inspector>
    friend auto inspect(Inspector& f, change_write_perm& x) {
        return f(x.broker_name, x.writable);
    }
};
struct write_perm_changed {
    std::int64_t topics = 0; ///< that the broker has
    bool writable = false;
    template <class Inspector>
    friend auto inspect(Inspector& f, write_perm_changed& x) {
        return f(x.topics, x.writable);
    }
};
/// Whether a broker's topics have this version here (322); also a sign of life.
struct query_version {
    std::string cluster;
    std::string address;
    protocol::data_version version;
    template <class Inspector>
    friend auto inspect(Inspector& f, query_version& x) {
        return f(x.cluster, x.address, x.version);
    }
};
struct version_found {
    bool changed = true;
    bool is_known = false; ///< false: no such broker
    protocol::data_version known;
    template <class Inspector>
    friend auto inspect(Inspector& f, version_found& x) {
        return f(x.changed, x.is_known, x.known);
    }
};
/// The addresses of one broker set (901).
struct find_broker_members {
    std::string cluster;
    std::string broker_name;
    template <class Inspector>
    friend auto inspect(Inspector& f, find_broker_members& x) {
        return f(x.cluster, x.broker_name);
    }
};
struct broker_members_found {
    protocol::broker_data members; ///< without addresses if it is not known
    template <class Inspector>
    friend auto inspect(Inspector& f, broker_members_found& x) {
        return f(x.members);
    }
};

// ---- names ----------------------------------------------------------------------------------------------------------

enum class topic_filter : std::uint8_t {
    unit,                   ///< made for a unit (311)
    unit_subscription,      ///< subscribed to from units (312)
    only_unit_subscription, ///< the second without the first (313)
};
/// Topics by the flags of their first broker.
struct list_filtered_topics {
    topic_filter filter = topic_filter::unit;
    template <class Inspector>
    friend auto inspect(Inspector& f, list_filtered_topics& x) {
        return f(x.filter);
    }
};
/// Topics that a broker of the cluster has (224).
struct list_cluster_topics {
    std::string cluster;
    template <class Inspector>
    friend auto inspect(Inspector& f, list_cluster_topics& x) {
        return f(x.cluster);
    }
};
/// Answer to both.
struct topics_found {
    std::vector<std::string> names; ///< sorted
    template <class Inspector>
    friend auto inspect(Inspector& f, topics_found& x) {
        return f(x.names);
    }
};
/// Topics that are named after clusters and brokers (304).
struct list_name_topics {
    template <class Inspector>
    friend auto inspect(Inspector& f, list_name_topics&) {
        return f();
    }
};
struct name_topics_listed {
    std::vector<std::string> names;
    std::string broker_address; ///< of any broker; empty: there is none
    template <class Inspector>
    friend auto inspect(Inspector& f, name_topics_listed& x) {
        return f(x.names, x.broker_address);
    }
};

// ---- KV config ------------------------------------------------------------------------------------------------------

/// Set one key (100). On disk when it is answered, if the name server has a file for it; argument_illegal, busy, io, disk_full.
struct put_kv_config {
    std::string name_space;
    std::string key;
    std::string value;
    template <class Inspector>
    friend auto inspect(Inspector& f, put_kv_config& x) {
        return f(x.name_space, x.key, x.value);
    }
};
/// Forget one key (102); a success also when there is none.
struct delete_kv_config {
    std::string name_space;
    std::string key;
    template <class Inspector>
    friend auto inspect(Inspector& f, delete_kv_config& x) {
        return f(x.name_space, x.key);
    }
};
/// Answer to both.
struct kv_config_changed {
    template <class Inspector>
    friend auto inspect(Inspector& f, kv_config_changed&) {
        return f();
    }
};
/// One key (101); not_found.
struct find_kv_config {
    std::string name_space;
    std::string key;
    template <class Inspector>
    friend auto inspect(Inspector& f, find_kv_config& x) {
        return f(x.name_space, x.key);
    }
};
struct kv_config_found {
    std::string value;
    template <class Inspector>
    friend auto inspect(Inspector& f, kv_config_found& x) {
        return f(x.value);
    }
};
/// A namespace (219); not_found.
struct list_kv_config {
    std::string name_space;
    template <class Inspector>
    friend auto inspect(Inspector& f, list_kv_config& x) {
        return f(x.name_space);
    }
};
struct kv_config_listed {
    protocol::key_value_table table;
    template <class Inspector>
    friend auto inspect(Inspector& f, kv_config_listed& x) {
        return f(x.table);
    }
};

// ---- settings -------------------------------------------------------------------------------------------------------

/// Settings under RocketMQ's names (319).
struct list_name_server_config {
    template <class Inspector>
    friend auto inspect(Inspector& f, list_name_server_config&) {
        return f();
    }
};
struct name_server_config_listed {
    protocol::config_values values;
    template <class Inspector>
    friend auto inspect(Inspector& f, name_server_config_listed& x) {
        return f(x.values);
    }
};
/// Change settings while it runs (318), all or none; not_permitted, argument_illegal.
struct change_name_server_config {
    protocol::config_values values;
    template <class Inspector>
    friend auto inspect(Inspector& f, change_name_server_config& x) {
        return f(x.values);
    }
};
struct name_server_config_changed {
    template <class Inspector>
    friend auto inspect(Inspector& f, name_server_config_changed&) {
        return f();
    }
};

using name_server_admin_actor = caf::typed_actor<
    // brokers and routes
    caf::replies_to<announce_broker>::with<broker_announced>, caf::replies_to<describe_route>::with<route_described>,
    caf::replies_to<drop_route>::with<route_forgotten>, caf::replies_to<add_route>::with<route_added>,
    caf::replies_to<change_write_perm>::with<write_perm_changed>, caf::replies_to<query_version>::with<version_found>,
    caf::replies_to<find_broker_members>::with<broker_members_found>,
    // names
    caf::replies_to<list_filtered_topics>::with<topics_found>, caf::replies_to<list_cluster_topics>::with<topics_found>,
    caf::replies_to<list_name_topics>::with<name_topics_listed>,
    // KV config
    caf::replies_to<put_kv_config>::with<kv_config_changed>, caf::replies_to<delete_kv_config>::with<kv_config_changed>,
    caf::replies_to<find_kv_config>::with<kv_config_found>, caf::replies_to<list_kv_config>::with<kv_config_listed>,
    // settings
    caf::replies_to<list_name_server_config>::with<name_server_config_listed>,
    caf::replies_to<change_name_server_config>::with<name_server_config_changed>>;

/// A name server in this process: a handle of it can be given where either of its interfaces is wanted.
using local_name_server_actor = name_server_actor::extend_with<name_server_admin_actor>;

} // namespace troupe::actors
