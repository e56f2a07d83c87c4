#include "client/internal/consume_statistics.hpp"

#include <algorithm>

namespace troupe::client {

namespace {

double mean_ms(std::chrono::nanoseconds all, std::uint64_t count) {
    return count == 0 ? 0 : std::chrono::duration<double, std::milli>{all}.count() / static_cast<double>(count);
}

} // namespace

void consume_statistics::sums::add(const sums& other) {
    pulls += other.pulls;
    pulled += other.pulled;
    done += other.done;
    failed += other.failed;
    pull_time += other.pull_time;
    handle_time += other.handle_time;
}

void consume_statistics::sliding_sums::add(const sums& more, time_point now) {
    const auto current = number_of(now);
    while (!slots_.empty() && slots_.front().first <= current - count_)
        slots_.pop_front();
    if (slots_.empty() || slots_.back().first != current)
        slots_.emplace_back(current, sums{});
    slots_.back().second.add(more);
}

consume_statistics::sums consume_statistics::sliding_sums::total(time_point now) const {
    sums all;
    for (const auto& [number, some] : slots_)
        if (number > number_of(now) - count_)
            all.add(some);
    return all;
}

void consume_statistics::add(const std::string& topic, const sums& more, time_point now) {
    auto& all = topics_.try_emplace(topic, topic_sums{now}).first->second;
    all.minute.add(more, now);
    all.hour.add(more, now);
}

void consume_statistics::pulled(const std::string& topic, std::size_t messages, std::chrono::nanoseconds took, time_point now) {
    sums more;
    more.pulls = 1;
    more.pulled = messages;
    more.pull_time = took;
    add(topic, more, now);
}

void consume_statistics::handled(const std::string& topic, std::size_t done, std::size_t failed, std::chrono::nanoseconds spent,
                                 time_point now) {
    sums more;
    more.done = done;
    more.failed = failed;
    more.handle_time = spent;
    add(topic, more, now);
}

protocol::consume_rates consume_statistics::rates_of(const std::string& topic, time_point now) const {
    const auto at = topics_.find(topic);
    if (at == topics_.end())
        return {};
    const auto& all = at->second;
    const auto last = all.minute.total(now);
    const auto counted = now - std::max(all.minute.begin(now), all.first);
    const auto seconds = std::max(std::chrono::duration<double>{counted}.count(), 1.0);
    protocol::consume_rates rates;
    rates.pull_ms = mean_ms(last.pull_time, last.pulls);
    rates.pulled_per_second = static_cast<double>(last.pulled) / seconds;
    rates.handle_ms = mean_ms(last.handle_time, last.done + last.failed);
    rates.done_per_second = static_cast<double>(last.done) / seconds;
    rates.failed_per_second = static_cast<double>(last.failed) / seconds;
    rates.failed_last_hour = static_cast<std::int64_t>(all.hour.total(now).failed);
    return rates;
}

} // namespace troupe::client
