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

/// What a pop wants at its place. Who wants the same as somebody who found nothing finds nothing either, but for a repeated attempt of an
/// ordered pop.
struct pop_wish {
    queue_id queue; ///< -1: any of `queues`
    std::int32_t queues = 0;
    const storage::record_filter* filter = nullptr; ///< null: every message
    bool ordered = false;
    pop_kind kind = pop_kind::take;
    friend auto operator<=>(const pop_wish&, const pop_wish&) = default;
};
[[nodiscard]] pop_place place_of(const checked_pop& pop);
[[nodiscard]] pop_wish wish_of(const checked_pop& pop);

/// Pops that wait for messages, found by what they wait for, in the order in which they came; and when to look at their queues again because
/// leases end.
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
    /// Whether add would find room.
    [[nodiscard]] bool has_room_for(const checked_pop& pop) const;
    [[nodiscard]] bool has_waiting(const pop_place& place) const { return places_.contains(place); }
    [[nodiscard]] bool has_waiting(const pop_place& place, const pop_wish& wish) const;
    /// Groups of which somebody waits for this queue, or for any queue of its topic.
    [[nodiscard]] std::set<std::string> groups_waiting(const topic_queue& queue) const;
    [[nodiscard]] bool has_waiting(const pop_place& place, queue_id queue) const {
        return count(place, queue) > 0 || count(place, queue_id{-1}) > 0;
    }
    [[nodiscard]] std::vector<pop_place> places() const; ///< at which somebody waits
    /// Ordered pops that wait at a place under this attempt id, the oldest first.
    [[nodiscard]] std::vector<std::uint64_t> of_attempt(const pop_place& place, const std::string& attempt) const;
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
    /// The same, but never later than what was set before.
    void advance_alarm(const pop_place& place, std::optional<timestamp_ms> when);
    /// Places whose time has come; their alarms are gone.
    [[nodiscard]] std::vector<pop_place> take_alarms(timestamp_ms now);

    /// When take_due or take_alarms has something next.
    [[nodiscard]] std::optional<timestamp_ms> next_due() const;
    [[nodiscard]] std::size_t size() const { return pops_.size(); }
    /// How many wait for this queue; `queue` below 0: for any.
    [[nodiscard]] std::size_t count(const pop_place& place, queue_id queue) const;

private:
    friend class pop_turns;
    using line = std::set<std::uint64_t>; ///< who wants the same, the oldest first; never empty
    using line_map = std::map<pop_wish, line>;
    using count_key = std::tuple<std::string, queue_id, std::string>; ///< topic, queue (-1: any), group

    std::size_t per_queue_max_;
    std::size_t total_max_;
    std::uint64_t next_number_ = 1;
    std::map<std::uint64_t, held> pops_;
    std::multimap<std::uint64_t, std::uint64_t> by_ticket_; ///< numbers; holders count their tickets each for itself
    std::map<pop_place, line_map> places_;
    std::map<std::pair<pop_place, std::string>, line> attempts_; ///< of ordered pops that have one
    std::map<count_key, std::size_t> counts_;
    std::set<std::pair<timestamp_ms, std::uint64_t>> due_;
    std::map<pop_place, timestamp_ms> alarms_;
    std::set<std::pair<timestamp_ms, pop_place>> alarm_times_;
};

/// The order in which those who wait at one place try to pop: the longest waiting first, and of those who want the same nobody after one who
/// found nothing. So a message that comes has as many pops looked at as it serves, and at most one more for each wish, however many wait.
///
/// Threads  not synchronised. Between two calls only the pop whose turn it was may leave the hold, and with it others of its attempt, which
///          get the same messages; others may come. So next() may name one that has left: pass it over.
class pop_turns {
public:
    /// Everybody who waits there.
    pop_turns(const pop_hold& hold, const pop_place& place);
    /// Those who wait for one of these queues, or for any.
    pop_turns(const pop_hold& hold, const pop_place& place, const std::set<queue_id>& queues);

    /// Whose turn it is, in the hold or just gone from it; nothing: everybody had a turn, or need not have one.
    std::optional<std::uint64_t> next();
    /// There is nothing (more) for those who want the same as the one whose turn it is.
    void nothing_left() { current_.reset(); }

private:
    void add_line(const pop_hold::line_map::value_type& line) { heads_.emplace(*line.second.begin(), line.first); }

    const pop_hold& hold_;
    pop_place place_;
    std::map<std::uint64_t, pop_wish> heads_; ///< of each line, the first who had no turn yet
    std::optional<std::pair<std::uint64_t, pop_wish>> current_;
};

} // namespace troupe::actors
