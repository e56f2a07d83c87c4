#pragma once

#include "protocol/admin_bodies.hpp"
#include "protocol/config_text.hpp"
#include "protocol/pop_bodies.hpp"
#include "protocol/vocabulary/topic_config.hpp"

#include <cstdint>
#include <string>
#include <vector>

/// Messages of broker_admin_actor about topics, groups, statistics and settings. What they answer when all is well stands
/// behind each of them.
namespace troupe::actors {

// ---- topics ---------------------------------------------------------------------------------------------------------

/// Create or change a topic (17); attributes that are not named stay. Answered with topic_put.
struct change_topic {
    protocol::topic_change change;
    template <class Inspector>
    friend auto inspect(Inspector& f, change_topic& x) {
        return f(x.change);
    }
};
/// Several at once (18). All are checked before the first is changed; then each is changed by itself, and the first failure is
/// the answer.
struct change_topics {
    std::vector<protocol::topic_change> changes;
    template <class Inspector>
    friend auto inspect(Inspector& f, change_topics& x) {
        return f(x.changes);
    }
};
struct topics_put {
    template <class Inspector>
    friend auto inspect(Inspector& f, topics_put&) {
        return f();
    }
};
/// One topic (351); topic_not_found.
struct find_topic_config {
    std::string topic;
    template <class Inspector>
    friend auto inspect(Inspector& f, find_topic_config& x) {
        return f(x.topic);
    }
};
struct topic_config_found {
    topic_config topic;
    template <class Inspector>
    friend auto inspect(Inspector& f, topic_config_found& x) {
        return f(x.topic);
    }
};
/// Names that belong to the system, whether or not there is a topic of that name (305).
struct list_system_topics {
    template <class Inspector>
    friend auto inspect(Inspector& f, list_system_topics&) {
        return f();
    }
};
struct system_topics_listed {
    std::vector<std::string> names; ///< sorted
    template <class Inspector>
    friend auto inspect(Inspector& f, system_topics_listed& x) {
        return f(x.names);
    }
};
/// Bounds of each queue of a topic, and what is sent to it (202); topic_not_found.
struct describe_topic_state {
    std::string topic;
    template <class Inspector>
    friend auto inspect(Inspector& f, describe_topic_state& x) {
        return f(x.topic);
    }
};
struct topic_state_described {
    protocol::topic_stats stats;
    double put_tps = 0;
    template <class Inspector>
    friend auto inspect(Inspector& f, topic_state_described& x) {
        return f(x.stats, x.put_tps);
    }
};

// ---- groups ---------------------------------------------------------------------------------------------------------

/// Create or replace several groups (225), in the way of change_topics.
struct put_groups {
    std::vector<group_config> groups;
    template <class Inspector>
    friend auto inspect(Inspector& f, put_groups& x) {
        return f(x.groups);
    }
};
struct groups_put {
    template <class Inspector>
    friend auto inspect(Inspector& f, groups_put&) {
        return f();
    }
};
/// Progress of a group (208), without errors for what is not there: the table is empty then. Answered with group_described.
struct describe_group_state {
    std::string group;
    std::vector<std::string> topics; ///< empty: every topic the group has offsets on
    /// A group that is online is shown only the topics it subscribes to.
    bool subscribed_only = true;
    template <class Inspector>
    friend auto inspect(Inspector& f, describe_group_state& x) {
        return f(x.group, x.topics, x.subscribed_only);
    }
};
/// Progress of every group (317).
struct describe_consumption {
    bool ordered_only = false; ///< only topics that are marked as ordered
    template <class Inspector>
    friend auto inspect(Inspector& f, describe_consumption& x) {
        return f(x.ordered_only);
    }
};
struct consumption_described {
    protocol::broker_consume_stats stats;
    template <class Inspector>
    friend auto inspect(Inspector& f, consumption_described& x) {
        return f(x.stats);
    }
};
/// May a group read a topic (353)? To forbid it is not_supported; to allow it changes nothing.
struct query_forbidden {
    std::string group;
    std::string topic;
    bool forbid = false;
    template <class Inspector>
    friend auto inspect(Inspector& f, query_forbidden& x) {
        return f(x.group, x.topic, x.forbid);
    }
};
struct forbidden_found {
    std::string group;
    std::string topic;
    bool readable = true;
    template <class Inspector>
    friend auto inspect(Inspector& f, forbidden_found& x) {
        return f(x.group, x.topic, x.readable);
    }
};
/// How a group's clients ask for messages of a topic (401, 402): "PULL", which is what they do anyway, or "POP".
struct set_request_mode {
    protocol::message_request_mode mode;
    template <class Inspector>
    friend auto inspect(Inspector& f, set_request_mode& x) {
        return f(x.mode);
    }
};
struct request_mode_set {
    template <class Inspector>
    friend auto inspect(Inspector& f, request_mode_set&) {
        return f();
    }
};
struct list_request_modes {
    template <class Inspector>
    friend auto inspect(Inspector& f, list_request_modes&) {
        return f();
    }
};
struct request_modes_listed {
    std::vector<protocol::message_request_mode> modes; ///< that were set
    template <class Inspector>
    friend auto inspect(Inspector& f, request_modes_listed& x) {
        return f(x.modes);
    }
};
/// Which queues of a topic does this client read, and how (400)? Fails with topic_not_found, argument_illegal.
struct query_assignment {
    protocol::assignment_request request;
    template <class Inspector>
    friend auto inspect(Inspector& f, query_assignment& x) {
        return f(x.request);
    }
};
struct assignment_found {
    bool is_known = false; ///< false: go on with what you have
    std::vector<protocol::queue_assignment> queues;
    template <class Inspector>
    friend auto inspect(Inspector& f, assignment_found& x) {
        return f(x.is_known, x.queues);
    }
};

// ---- the broker -----------------------------------------------------------------------------------------------------

/// Look now for what may go (306, 316, 329), instead of at the next interval. Retention takes a segment and its part of the
/// index together, so 306 and 329 are the same here; 316 finishes deletions of topics that failed before.
struct clean_store {
    bool unused_topics = false; ///< 316; else expired messages
    template <class Inspector>
    friend auto inspect(Inspector& f, clean_store& x) {
        return f(x.unused_topics);
    }
};
struct clean_begun {
    template <class Inspector>
    friend auto inspect(Inspector& f, clean_begun&) {
        return f();
    }
};
/// One counter of traffic_statistics (315); not_found when nothing was counted.
struct view_statistics {
    std::string name;
    std::string key;
    template <class Inspector>
    friend auto inspect(Inspector& f, view_statistics& x) {
        return f(x.name, x.key);
    }
};
struct statistics_viewed {
    protocol::counter_statistics statistics;
    template <class Inspector>
    friend auto inspect(Inspector& f, statistics_viewed& x) {
        return f(x.statistics);
    }
};
/// The settings in RocketMQ's names (26).
struct list_broker_config {
    template <class Inspector>
    friend auto inspect(Inspector& f, list_broker_config&) {
        return f();
    }
};
struct broker_config_listed {
    protocol::config_values values;
    protocol::data_version version; ///< rises with every change
    template <class Inspector>
    friend auto inspect(Inspector& f, broker_config_listed& x) {
        return f(x.values, x.version);
    }
};
/// Change settings until the next start (25): all of them, or none. not_permitted for a key nobody may change,
/// argument_illegal for one that cannot change at run time or has a value that is not allowed.
struct change_broker_config {
    protocol::config_values values;
    template <class Inspector>
    friend auto inspect(Inspector& f, change_broker_config& x) {
        return f(x.values);
    }
};
struct broker_config_changed {
    template <class Inspector>
    friend auto inspect(Inspector& f, broker_config_changed&) {
        return f();
    }
};

} // namespace troupe::actors
