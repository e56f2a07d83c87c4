#pragma once

#include "actors/messages/messages.hpp"
#include "protocol/admin_bodies.hpp"
#include "protocol/vocabulary/ids.hpp"
#include "protocol/vocabulary/result.hpp"

#include <array>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <deque>
#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

namespace troupe::actors {

/// Part of a group commit: records of one queue.
struct stored_count {
    const topic_queue* queue = nullptr; ///< valid during the call
    std::int64_t messages = 0;
    std::int64_t bytes = 0; ///< as stored
};

/// What tools want to know of a broker's traffic as a whole.
struct traffic_summary {
    /// Events a second over about the last 10, 60 and 600 seconds; nothing while the broker is younger than that.
    using rates = std::array<std::optional<double>, 3>;
    rates put;         ///< messages
    rates transferred; ///< messages
    rates found;       ///< pulls answered with messages
    rates missed;      ///< pulls answered without
    rates total;       ///< both
    rates timers_in;   ///< timed messages that were put among those that wait
    rates timers_out;  ///< and that were delivered

    struct days {
        std::int64_t yesterday_morning = 0; ///< the total at the start of yesterday
        std::int64_t today_morning = 0;
        std::int64_t now = 0;
    };
    days put_messages;
    days get_messages;

    /// Upper ends in milliseconds: 0, 10, 50, 100, 200, 500, 1000, 2000, 3000, 4000, 5000, 10000, none.
    std::array<std::int64_t, 13> put_times{}; ///< messages by the time that storing them took, in the last whole minute
    double put_p99_ms = 0;                    ///< likewise
    double put_p999_ms = 0;
    std::int64_t put_max_ms = 0;  ///< since the start
    std::int64_t read_max_ms = 0; ///< since the start
    std::int64_t keys = 0;        ///< counters in memory
    std::int64_t keys_refused = 0;
};

/// What others have counted since the start of the broker.
struct other_counts {
    std::int64_t pulls_missed = 0; ///< that were answered without messages
    std::int64_t timers_in = 0;
    std::int64_t timers_out = 0;
};

/// Counts messages per topic, queue and group, and looks at the counts through windows of time (RocketMQ: BrokerStatsManager,
/// StoreStatsService).
///
/// Threads  safe from any thread. Counting takes one uncontended lock and one hash look-up per run of records of one queue.
/// Bounded  at most keys_max counters; traffic of further topics, queues and groups counts in the totals only, and keys_refused
///          says how often that happened. What had no traffic for a day leaves.
/// Always   sums are exact: a window ends now, not at the last sample.
/// Source   names, keys and windows are RocketMQ's: VIEW_BROKER_STATS_DATA, GET_BROKER_RUNTIME_INFO.
class traffic_statistics {
public:
    using time_point = std::chrono::steady_clock::time_point;
    static constexpr std::size_t keys_max = 20'000;

    explicit traffic_statistics(std::string cluster = {}, std::size_t counters_max = keys_max);

    // ---- counting ---------------------------------------------------------------------------------------------------

    /// A group commit is written. Records of one queue that follow each other should be one element.
    void stored(std::span<const stored_count> counts);
    /// It took so long until all of these were safe.
    void put_took(std::chrono::microseconds took, std::int64_t messages);
    /// A pull was answered with messages.
    void handed_out(std::string_view group, const topic_queue& queue, std::int64_t messages, std::int64_t bytes);
    /// A consumer gave a message back, to get it again later.
    void sent_back(std::string_view group, std::string_view topic, std::int64_t messages);
    /// A read of the log took so long.
    void read_took(std::chrono::microseconds took);

    void forget_topic(std::string_view topic);
    void forget_group(std::string_view group);

    // ---- looking ----------------------------------------------------------------------------------------------------

    /// Call once before everything else, then about once a second. `local_day` is the number of today, and rises at midnight.
    void sample(time_point now, std::int64_t local_day, const other_counts& others);

    /// One counter by RocketMQ's name and key, as "GROUP_GET_NUMS" and "topic@group". Fails with not_found when nothing was
    /// counted there, or the name is unknown.
    [[nodiscard]] result<protocol::counter_statistics> view(std::string_view name, std::string_view key, time_point now) const;
    /// Messages a second of the last minute; 0 when nothing was counted.
    [[nodiscard]] double put_tps(std::string_view topic, time_point now) const;
    [[nodiscard]] double get_tps(std::string_view topic, std::string_view group, time_point now) const;
    [[nodiscard]] traffic_summary summarize(time_point now, const other_counts& others) const;

private:
    struct sample_point {
        time_point at;
        std::int64_t sum = 0;
        std::int64_t times = 0;
    };
    /// One counter and its samples, oldest first.
    struct counter {
        std::int64_t sum = 0;
        std::int64_t times = 0;
        std::vector<sample_point> minute;
        std::vector<sample_point> hour;
        std::vector<sample_point> day;
    };
    /// What is counted together.
    struct volume {
        counter messages;
        counter bytes;
    };
    struct hash {
        using is_transparent = void;
        std::size_t operator()(std::string_view text) const { return std::hash<std::string_view>{}(text); }
    };
    template <class Value>
    using name_map = std::unordered_map<std::string, Value, hash, std::equal_to<>>;
    struct group_traffic {
        volume got;
        counter sent_back;
        std::vector<std::unique_ptr<volume>> queues;
        time_point active;
    };
    struct topic_traffic {
        volume put;
        std::vector<std::unique_ptr<volume>> queues;
        name_map<group_traffic> groups;
        bool is_system = false;
        time_point active;
    };
    struct totals {
        time_point at;
        std::int64_t put = 0;
        std::int64_t transferred = 0;
        std::int64_t found = 0;
        std::int64_t missed = 0;
        std::int64_t timers_in = 0;
        std::int64_t timers_out = 0;
    };
    /// Times in microseconds, with an error of an eighth.
    struct time_histogram {
        std::array<std::int64_t, 13> coarse{};
        std::array<std::int64_t, 320> fine{};
        std::int64_t count = 0;
        void add(std::int64_t us, std::int64_t times);
        [[nodiscard]] double quantile_ms(double part) const;
    };

    topic_traffic* topic_of(std::string_view topic);
    group_traffic* group_of(topic_traffic& topic, std::string_view group);
    volume* queue_of(std::vector<std::unique_ptr<volume>>& queues, queue_id queue);
    bool reserve(std::size_t counters);
    void begin(counter& one) const;
    void begin(volume& one) const;
    void remove_idle();
    std::size_t size_of(const group_traffic& group) const;
    std::size_t size_of(const topic_traffic& topic) const;
    template <class Visit>
    void for_each_counter(Visit visit);
    [[nodiscard]] const counter* find(std::string_view name, std::string_view key) const;
    [[nodiscard]] const counter* find_in_topic(std::string_view name, std::string_view key) const;
    [[nodiscard]] totals totals_of(time_point now, const other_counts& others) const;
    static protocol::window_statistics window(const counter& one, const std::vector<sample_point>& samples, std::chrono::seconds length,
                                              time_point now);

    const std::string cluster_;
    const std::size_t counters_max_;
    mutable std::mutex mutex_;
    name_map<topic_traffic> topics_;
    std::size_t counters_ = 0; ///< in topics_
    std::int64_t refused_ = 0;

    // Of the broker.
    counter put_;
    counter got_;
    counter put_without_system_;
    counter got_without_system_;

    time_point last_minute_; ///< samples of this kind were last taken then
    time_point last_hour_;
    time_point last_day_;
    bool is_sampled_ = false;
    std::deque<totals> seconds_; ///< one a second, the last ten minutes
    std::int64_t day_ = 0;
    traffic_summary::days put_days_;
    traffic_summary::days got_days_;
    time_histogram put_times_; ///< of the minute that has begun at times_since_
    std::optional<time_histogram> last_put_times_;
    time_point times_since_;
    std::int64_t put_max_us_ = 0;
    std::int64_t read_max_us_ = 0;
};

} // namespace troupe::actors
