#pragma once

#include "actors/messages/pop_messages.hpp"

#include <cstddef>
#include <cstdint>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <tuple>
#include <utility>
#include <vector>

namespace troupe::actors {

/// A topic and a group that reads it: who waits there is served together.
struct pop_place {
    std::string topic;
    std::string group;
    friend auto operator<=>(const pop_place&, const pop_place&) = default;
};

/// Pops that wait for messages, in the order in which they came, and when to look at their queues again because leases end.
///
/// Threads  not synchronised. Time is an argument.
/// Always   a pop added leaves exactly once: by remove, or by one of the take functions.
/// Bounds   `per_queue_max` for one group and queue (any queue is one of its own), `total_max` together.
class pop_hold {
public:
    struct held {
        checked_pop pop;
        timestamp_ms deadline; ///< of the client
        timestamp_ms until;    ///< answered then, whatever happens; behind the deadline while its queues are being opened
    };

    pop_hold(std::size_t per_queue_max, std::size_t total_max) : per_queue_max_{per_queue_max}, total_max_{total_max} {}

    /// False: there is no room.
    [[nodiscard]] bool add(held pop);
    /// Numbers of those that wait at a place, the oldest first.
    [[nodiscard]] std::vector<std::uint64_t> waiting(const pop_place& place) const;
    [[nodiscard]] bool has_waiting(const pop_place& place) const { return places_.contains(place); }
    /// Places of a topic at which somebody waits.
    [[nodiscard]] std::vector<pop_place> places_of(const std::string& topic) const;
    /// nullptr: it has left.
    [[nodiscard]] const held* find(std::uint64_t number) const;
    held remove(std::uint64_t number);
    /// Those whose `until` is over.
    [[nodiscard]] std::vector<held> take_due(timestamp_ms now);
    /// Those of `holder` whose ticket is in `tickets`, which is sorted. How many.
    std::size_t abandon(const pop_holder_actor& holder, const std::vector<std::uint64_t>& tickets);
    /// Of a group, a topic or both; empty: any.
    [[nodiscard]] std::vector<held> take(const std::string& group, const std::string& topic);
    [[nodiscard]] std::vector<held> take_all() { return take({}, {}); }

    /// Look at the place at `when`, or never if there is none; replaces what was set before. Forgotten when nobody waits there.
    void set_alarm(const pop_place& place, std::optional<timestamp_ms> when);
    /// Places whose time has come; their alarms are gone.
    [[nodiscard]] std::vector<pop_place> take_alarms(timestamp_ms now);

    /// When take_due or take_alarms has something next.
    [[nodiscard]] std::optional<timestamp_ms> next_due() const;
    [[nodiscard]] std::size_t size() const { return pops_.size(); }
    /// How many wait for this queue; `queue` below 0: for any.
    [[nodiscard]] std::size_t count(const pop_place& place, queue_id queue) const;

private:
    static pop_place place_of(const checked_pop& pop) { return {pop.pop.topic, pop.pop.group}; }

    std::size_t per_queue_max_;
    std::size_t total_max_;
    std::uint64_t next_number_ = 1;
    std::map<std::uint64_t, held> pops_;
    std::multimap<std::uint64_t, std::uint64_t> by_ticket_; ///< numbers; holders count their tickets each for itself
    std::map<pop_place, std::set<std::uint64_t>> places_;
    std::map<std::pair<pop_place, queue_id>, std::size_t> counts_;
    std::set<std::pair<timestamp_ms, std::uint64_t>> due_;
    std::map<pop_place, timestamp_ms> alarms_;
    std::set<std::pair<timestamp_ms, pop_place>> alarm_times_;
};

} // namespace troupe::actors
