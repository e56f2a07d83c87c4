#include "actors/log/traffic_statistics.hpp"

#include "protocol/message_codec.hpp"
#include "protocol/vocabulary/limits.hpp"
#include "protocol/vocabulary/names.hpp"

#include <algorithm>
#include <bit>
#include <charconv>
#include <cmath>
#include <utility>

namespace troupe::actors {

namespace {

using namespace std::chrono_literals;

constexpr auto minute_step = 10s;
constexpr auto hour_step = 10min;
constexpr auto day_step = 1h;
constexpr std::size_t minute_samples = 7;
constexpr std::size_t hour_samples = 7;
constexpr std::size_t day_samples = 25;
constexpr auto idle_time = 25h; ///< then nothing is left in the longest window

constexpr std::array<std::int64_t, 12> put_time_ends_ms{0, 10, 50, 100, 200, 500, 1000, 2000, 3000, 4000, 5000, 10'000};

/// A sample that comes a little early, because its timer did, is one in time.
constexpr auto slack = 500ms;

template <class Counter>
void count(Counter& counter, std::int64_t amount) {
    counter.sum += amount;
    ++counter.times;
}

template <class Samples, class Sample>
void push(Samples& samples, Sample sample, std::size_t samples_max) {
    if (samples.size() >= samples_max)
        samples.erase(samples.begin());
    samples.push_back(std::move(sample));
}

std::optional<queue_id> to_queue(std::string_view text) {
    std::int32_t number = 0;
    const auto [end, problem] = std::from_chars(text.data(), text.data() + text.size(), number);
    if (problem != std::errc{} || end != text.data() + text.size())
        return std::nullopt;
    return queue_id{number};
}

/// "a@b" as a and b; b is empty when there is no '@', which no name contains.
std::pair<std::string_view, std::string_view> split(std::string_view key) {
    const auto at = std::min(key.find('@'), key.size());
    return {key.substr(0, at), key.substr(std::min(at + 1, key.size()))};
}

} // namespace

traffic_statistics::traffic_statistics(std::string cluster, std::size_t counters_max)
    : cluster_{std::move(cluster)}, counters_max_{counters_max} {}

// ---- counting -------------------------------------------------------------------------------------------------------

bool traffic_statistics::reserve(std::size_t counters) {
    if (counters_ + counters > counters_max_) {
        ++refused_;
        return false;
    }
    counters_ += counters;
    return true;
}

/// A new counter was 0 when samples were last taken: its windows begin there.
void traffic_statistics::begin(counter& one) const {
    one.minute.push_back({last_minute_, 0, 0});
    one.hour.push_back({last_hour_, 0, 0});
    one.day.push_back({last_day_, 0, 0});
}

void traffic_statistics::begin(volume& one) const {
    begin(one.messages);
    begin(one.bytes);
}

traffic_statistics::topic_traffic* traffic_statistics::topic_of(std::string_view topic) {
    if (const auto known = topics_.find(topic); known != topics_.end()) {
        known->second.active = last_minute_;
        return &known->second;
    }
    if (!reserve(2))
        return nullptr;
    auto& added = topics_[std::string{topic}];
    begin(added.put);
    added.is_system = is_system_topic(topic);
    added.active = last_minute_;
    return &added;
}

traffic_statistics::group_traffic* traffic_statistics::group_of(topic_traffic& topic, std::string_view group) {
    if (const auto known = topic.groups.find(group); known != topic.groups.end()) {
        known->second.active = last_minute_;
        return &known->second;
    }
    if (!reserve(3))
        return nullptr;
    auto& added = topic.groups[std::string{group}];
    begin(added.got);
    begin(added.sent_back);
    added.active = last_minute_;
    return &added;
}

traffic_statistics::volume* traffic_statistics::queue_of(std::vector<std::unique_ptr<volume>>& queues, queue_id queue) {
    const auto place = static_cast<std::size_t>(queue.value());
    if (queue.value() < 0 || queue.value() >= limits::queues_per_topic_max)
        return nullptr;
    if (place < queues.size() && queues[place])
        return queues[place].get();
    if (!reserve(2))
        return nullptr;
    if (place >= queues.size())
        queues.resize(place + 1);
    queues[place] = std::make_unique<volume>();
    begin(*queues[place]);
    return queues[place].get();
}

void traffic_statistics::stored(std::span<const stored_count> counts) {
    const std::lock_guard guard{mutex_};
    for (const auto& one : counts) {
        count(put_, one.messages);
        auto* topic = topic_of(one.queue->topic);
        if (topic == nullptr ? !is_system_topic(one.queue->topic) : !topic->is_system)
            count(put_without_system_, one.messages);
        if (topic == nullptr)
            continue;
        count(topic->put.messages, one.messages);
        count(topic->put.bytes, one.bytes);
        if (auto* queue = queue_of(topic->queues, one.queue->queue)) {
            count(queue->messages, one.messages);
            count(queue->bytes, one.bytes);
        }
    }
}

void traffic_statistics::put_took(std::chrono::microseconds took, std::int64_t messages) {
    const std::lock_guard guard{mutex_};
    put_times_.add(took.count(), messages);
    put_max_us_ = std::max<std::int64_t>(put_max_us_, took.count());
}

void traffic_statistics::handed_out(std::string_view group, const topic_queue& queue, std::int64_t messages, std::int64_t bytes) {
    const std::lock_guard guard{mutex_};
    count(got_, messages);
    auto* topic = topic_of(queue.topic);
    if (topic == nullptr ? !is_system_topic(queue.topic) : !topic->is_system)
        count(got_without_system_, messages);
    auto* reader = topic == nullptr ? nullptr : group_of(*topic, group);
    if (reader == nullptr)
        return;
    count(reader->got.messages, messages);
    count(reader->got.bytes, bytes);
    if (auto* part = queue_of(reader->queues, queue.queue)) {
        count(part->messages, messages);
        count(part->bytes, bytes);
    }
}

void traffic_statistics::sent_back(std::string_view group, std::string_view topic, std::int64_t messages) {
    const std::lock_guard guard{mutex_};
    auto* counted = topic_of(topic);
    if (auto* reader = counted == nullptr ? nullptr : group_of(*counted, group))
        count(reader->sent_back, messages);
}

void traffic_statistics::read_took(std::chrono::microseconds took) {
    const std::lock_guard guard{mutex_};
    read_max_us_ = std::max<std::int64_t>(read_max_us_, took.count());
}

std::size_t traffic_statistics::size_of(const group_traffic& group) const {
    return 3 + 2 * static_cast<std::size_t>(std::count_if(group.queues.begin(), group.queues.end(), [](const auto& one) { return !!one; }));
}

std::size_t traffic_statistics::size_of(const topic_traffic& topic) const {
    std::size_t counters =
        2 + 2 * static_cast<std::size_t>(std::count_if(topic.queues.begin(), topic.queues.end(), [](const auto& one) { return !!one; }));
    for (const auto& entry : topic.groups)
        counters += size_of(entry.second);
    return counters;
}

void traffic_statistics::forget_topic(std::string_view topic) {
    const std::lock_guard guard{mutex_};
    const auto known = topics_.find(topic);
    if (known == topics_.end())
        return;
    counters_ -= size_of(known->second);
    topics_.erase(known);
}

void traffic_statistics::forget_group(std::string_view group) {
    const std::lock_guard guard{mutex_};
    for (auto& topic : topics_)
        if (const auto known = topic.second.groups.find(group); known != topic.second.groups.end()) {
            counters_ -= size_of(known->second);
            topic.second.groups.erase(known);
        }
}

// ---- times ----------------------------------------------------------------------------------------------------------

void traffic_statistics::time_histogram::add(std::int64_t us, std::int64_t times) {
    us = std::max<std::int64_t>(us, 0);
    const auto ms = us / 1000;
    const auto* end = std::lower_bound(put_time_ends_ms.begin(), put_time_ends_ms.end(), ms);
    coarse[static_cast<std::size_t>(end - put_time_ends_ms.begin())] += times;
    const auto width = std::bit_width(static_cast<std::uint64_t>(us));
    const auto shift = std::max(static_cast<int>(width) - 4, 0);
    fine[std::min(static_cast<std::size_t>(shift) * 8 + static_cast<std::size_t>(us >> shift), fine.size() - 1)] += times;
    count += times;
}

double traffic_statistics::time_histogram::quantile_ms(double part) const {
    const auto wanted = static_cast<std::int64_t>(std::ceil(part * static_cast<double>(count)));
    std::int64_t seen = 0;
    for (std::size_t i = 0; i < fine.size(); ++i) {
        seen += fine[i];
        if (seen < wanted || fine[i] == 0)
            continue;
        const auto shift = i < 16 ? 0 : i / 8 - 1;
        const auto upper_us = (((i < 16 ? i : i % 8 + 8) + 1) << shift) - 1;
        return static_cast<double>(upper_us) / 1000;
    }
    return 0;
}

// ---- sampling -------------------------------------------------------------------------------------------------------

template <class Visit>
void traffic_statistics::for_each_counter(Visit visit) {
    const auto visit_volume = [&visit](volume& one) {
        visit(one.messages);
        visit(one.bytes);
    };
    const auto visit_queues = [&visit_volume](const std::vector<std::unique_ptr<volume>>& queues) {
        for (const auto& queue : queues)
            if (queue)
                visit_volume(*queue);
    };
    for (auto* one : {&put_, &got_, &put_without_system_, &got_without_system_})
        visit(*one);
    for (auto& topic : topics_) {
        visit_volume(topic.second.put);
        visit_queues(topic.second.queues);
        for (auto& group : topic.second.groups) {
            visit_volume(group.second.got);
            visit(group.second.sent_back);
            visit_queues(group.second.queues);
        }
    }
}

traffic_statistics::totals traffic_statistics::totals_of(time_point now, const other_counts& others) const {
    return {now, put_.sum, got_.sum, got_.times, others.pulls_missed, others.timers_in, others.timers_out};
}

void traffic_statistics::sample(time_point now, std::int64_t local_day, const other_counts& others) {
    const std::lock_guard guard{mutex_};
    if (!std::exchange(is_sampled_, true)) {
        last_minute_ = last_hour_ = last_day_ = times_since_ = now;
        day_ = local_day;
        for (auto* one : {&put_, &got_, &put_without_system_, &got_without_system_})
            begin(*one);
    }
    seconds_.push_back(totals_of(now, others));
    while (seconds_.size() > 1 && now - seconds_[1].at >= 600s)
        seconds_.pop_front();
    if (local_day != day_) {
        for (auto* days : {&put_days_, &got_days_})
            days->yesterday_morning = days->today_morning;
        put_days_.today_morning = put_.sum;
        got_days_.today_morning = got_.sum;
        day_ = local_day;
    }
    if (now - times_since_ >= 60s) {
        last_put_times_ = std::exchange(put_times_, {});
        times_since_ = now;
    }
    if (now - last_minute_ < minute_step - slack)
        return;
    const bool is_hour = now - last_hour_ >= hour_step - slack;
    const bool is_day = now - last_day_ >= day_step - slack;
    for_each_counter([&](counter& one) {
        const sample_point point{now, one.sum, one.times};
        push(one.minute, point, minute_samples);
        if (is_hour)
            push(one.hour, point, hour_samples);
        if (is_day)
            push(one.day, point, day_samples);
    });
    last_minute_ = now;
    last_hour_ = is_hour ? now : last_hour_;
    last_day_ = is_day ? now : last_day_;
    if (is_hour)
        remove_idle();
}

void traffic_statistics::remove_idle() {
    const auto is_idle = [this](const auto& entry) { return last_minute_ - entry.second.active > idle_time; };
    for (auto& topic : topics_)
        std::erase_if(topic.second.groups, [this, &is_idle](const auto& entry) {
            if (!is_idle(entry))
                return false;
            counters_ -= size_of(entry.second);
            return true;
        });
    std::erase_if(topics_, [this, &is_idle](const auto& entry) {
        if (!is_idle(entry) || !entry.second.groups.empty())
            return false;
        counters_ -= size_of(entry.second);
        return true;
    });
}

// ---- looking --------------------------------------------------------------------------------------------------------

protocol::window_statistics traffic_statistics::window(const counter& one, const std::vector<sample_point>& samples,
                                                       std::chrono::seconds length, time_point now) {
    if (samples.empty())
        return {};
    auto first = std::find_if(samples.begin(), samples.end(), [&](const auto& point) { return now - point.at <= length + slack; });
    if (first == samples.end())
        --first;
    protocol::window_statistics seen;
    seen.sum = one.sum - first->sum;
    const auto times = one.times - first->times;
    const auto ms = std::chrono::duration_cast<std::chrono::milliseconds>(now - first->at).count();
    if (ms > 0)
        seen.tps = static_cast<double>(seen.sum) * 1000 / static_cast<double>(ms);
    if (times > 0)
        seen.average = static_cast<double>(seen.sum) / static_cast<double>(times);
    return seen;
}

const traffic_statistics::counter* traffic_statistics::find_in_topic(std::string_view name, std::string_view key) const {
    const auto [topic_name, rest] = split(key);
    const auto topic = topics_.find(topic_name);
    if (topic == topics_.end())
        return nullptr;
    const bool is_size = name.ends_with("_SIZE");
    const auto part = [is_size](const volume& one) { return is_size ? &one.bytes : &one.messages; };
    const auto part_of_queue = [&part](const std::vector<std::unique_ptr<volume>>& queues, std::string_view queue) -> const counter* {
        const auto number = to_queue(queue);
        if (!number || number->value() < 0 || static_cast<std::size_t>(number->value()) >= queues.size())
            return nullptr;
        const auto& one = queues[static_cast<std::size_t>(number->value())];
        return one ? part(*one) : nullptr;
    };
    if (name == "TOPIC_PUT_NUMS" || name == "TOPIC_PUT_SIZE")
        return rest.empty() ? part(topic->second.put) : nullptr;
    if (name == "QUEUE_PUT_NUMS" || name == "QUEUE_PUT_SIZE")
        return part_of_queue(topic->second.queues, rest);
    const bool is_of_queue = name == "QUEUE_GET_NUMS" || name == "QUEUE_GET_SIZE";
    const auto [queue, group_of_queue] = split(rest);
    const auto group = topic->second.groups.find(is_of_queue ? group_of_queue : rest);
    if (group == topic->second.groups.end())
        return nullptr;
    if (is_of_queue)
        return part_of_queue(group->second.queues, queue);
    if (name == "GROUP_GET_NUMS" || name == "GROUP_GET_SIZE")
        return part(group->second.got);
    return name == "SNDBCK_PUT_NUMS" ? &group->second.sent_back : nullptr;
}

const traffic_statistics::counter* traffic_statistics::find(std::string_view name, std::string_view key) const {
    if (!name.starts_with("BROKER_"))
        return find_in_topic(name, key);
    if (key != cluster_)
        return nullptr;
    if (name == "BROKER_PUT_NUMS")
        return &put_;
    if (name == "BROKER_GET_NUMS")
        return &got_;
    if (name == "BROKER_PUT_NUMS_WITHOUT_SYSTEM_TOPIC")
        return &put_without_system_;
    return name == "BROKER_GET_NUMS_WITHOUT_SYSTEM_TOPIC" ? &got_without_system_ : nullptr;
}

result<protocol::counter_statistics> traffic_statistics::view(std::string_view name, std::string_view key, time_point now) const {
    const std::lock_guard guard{mutex_};
    const auto* found = find(name, key);
    if (found == nullptr || found->times == 0)
        return error{errc::not_found, "nothing was counted as " + std::string{name.substr(0, 64)} + " of " +
                                          std::string{key.substr(0, 512)} + " since this broker started"};
    return protocol::counter_statistics{window(*found, found->minute, 60s, now), window(*found, found->hour, 1h, now),
                                        window(*found, found->day, 24h, now)};
}

double traffic_statistics::put_tps(std::string_view topic, time_point now) const {
    const std::lock_guard guard{mutex_};
    const auto known = topics_.find(topic);
    return known == topics_.end() ? 0 : window(known->second.put.messages, known->second.put.messages.minute, 60s, now).tps;
}

double traffic_statistics::get_tps(std::string_view topic, std::string_view group, time_point now) const {
    const std::lock_guard guard{mutex_};
    const auto known = topics_.find(topic);
    if (known == topics_.end())
        return 0;
    const auto reader = known->second.groups.find(group);
    return reader == known->second.groups.end() ? 0 : window(reader->second.got.messages, reader->second.got.messages.minute, 60s, now).tps;
}

traffic_summary traffic_statistics::summarize(time_point now, const other_counts& others) const {
    const std::lock_guard guard{mutex_};
    traffic_summary all;
    const auto last = totals_of(now, others);
    const std::array<std::chrono::seconds, 3> lengths{10s, 60s, 600s};
    for (std::size_t i = 0; i < lengths.size(); ++i) {
        // The newest that is old enough, so that the window is as short as it can be.
        const auto first = std::find_if(seconds_.rbegin(), seconds_.rend(), [&](const auto& one) { return now - one.at >= lengths[i]; });
        if (first == seconds_.rend())
            continue;
        const auto seconds = std::chrono::duration<double>(now - first->at).count();
        // Pulls that are being answered count as missed for a moment: a rate below zero is that, and no rate.
        const auto rate = [seconds](std::int64_t amount) { return std::max(0.0, static_cast<double>(amount) / seconds); };
        all.put[i] = rate(last.put - first->put);
        all.transferred[i] = rate(last.transferred - first->transferred);
        all.found[i] = rate(last.found - first->found);
        all.missed[i] = rate(last.missed - first->missed);
        all.total[i] = rate(last.found + last.missed - first->found - first->missed);
        all.timers_in[i] = rate(last.timers_in - first->timers_in);
        all.timers_out[i] = rate(last.timers_out - first->timers_out);
    }
    all.put_messages = put_days_;
    all.put_messages.now = put_.sum;
    all.get_messages = got_days_;
    all.get_messages.now = got_.sum;
    const auto& times = last_put_times_ ? *last_put_times_ : put_times_;
    all.put_times = times.coarse;
    all.put_p99_ms = times.quantile_ms(0.99);
    all.put_p999_ms = times.quantile_ms(0.999);
    all.put_max_ms = put_max_us_ / 1000;
    all.read_max_ms = read_max_us_ / 1000;
    all.keys = static_cast<std::int64_t>(counters_);
    all.keys_refused = refused_;
    return all;
}

} // namespace troupe::actors
