#pragma once

#include "actors/base/lag_book.hpp"
#include "protocol/lag_bodies.hpp"
#include "protocol/vocabulary/ids.hpp"
#include "storage/topic_rule.hpp"

#include <string>
#include <utility>
#include <vector>

/// What is asked about slow consumers, and of the log readers for them and for what topics keep.
namespace troupe::actors {

/// How far are the groups behind? As of the last measurement, seconds ago with few groups.
struct list_lags {
    std::string group = {}; ///< empty: all
    template <class Inspector>
    friend auto inspect(Inspector& f, list_lags& x) {
        return f(x.group);
    }
};
struct lags_listed {
    std::vector<protocol::group_lag_entry> groups; ///< by name
    template <class Inspector>
    friend auto inspect(Inspector& f, lags_listed& x) {
        return f(x.groups);
    }
};

/// To a log reader: how much lies behind these committed offsets?
struct measure_lag {
    std::vector<std::pair<topic_queue, queue_offset>> committed;
    template <class Inspector>
    friend auto inspect(Inspector& f, measure_lag& x) {
        return f(x.committed);
    }
};
struct lag_measured {
    group_lag lag;
    template <class Inspector>
    friend auto inspect(Inspector& f, lag_measured&) {
        return f();
    }
};

/// To a log reader: one step of what a topic keeps; without a rule it keeps what the log keeps again.
struct trim_topic {
    std::string topic;
    std::int32_t queues = 0;
    storage::topic_rule rule;
    timestamp_ms now;
    template <class Inspector>
    friend auto inspect(Inspector& f, trim_topic& x) {
        return f(x.topic, x.queues, x.now);
    }
};
struct topic_trimmed {
    bool has_more = false;
    template <class Inspector>
    friend auto inspect(Inspector& f, topic_trimmed& x) {
        return f(x.has_more);
    }
};

} // namespace troupe::actors
