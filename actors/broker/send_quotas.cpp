#include "actors/broker/send_quotas.hpp"

#include "protocol/topic_attributes.hpp"

#include <algorithm>

namespace troupe::actors {

namespace {

error over(std::string_view topic, std::int64_t rate, const char* unit, const char* attribute) {
    return {errc::busy, "topic " + std::string{topic} + " takes " + std::to_string(rate) + " " + unit +
                            " a second at most (its attribute " + attribute + "); back off and send again"};
}

} // namespace

send_rates send_rates_of(const topic_config& topic) {
    namespace name = protocol::topic_attribute;
    return {protocol::number_attribute(topic.attributes, name::send_messages),
            protocol::number_attribute(topic.attributes, name::send_bytes)};
}

void send_quotas::set(const std::string& topic, const send_rates& rates) {
    const std::lock_guard lock{mutex_};
    if (rates == send_rates{}) {
        topics_.erase(topic);
    } else {
        auto& limits = topics_[topic];
        limits.messages.set_rate(rates.messages);
        limits.bytes.set_rate(rates.bytes);
    }
    any_.store(!topics_.empty(), std::memory_order_relaxed);
}

std::chrono::nanoseconds send_quotas::wait(std::string_view topic, clock_time now) const {
    if (!any_.load(std::memory_order_relaxed))
        return {};
    const std::lock_guard lock{mutex_};
    const auto known = topics_.find(topic);
    return known == topics_.end() ? std::chrono::nanoseconds{} : std::max(known->second.messages.wait(now), known->second.bytes.wait(now));
}

void send_quotas::charge(std::string_view topic, std::int64_t messages, std::int64_t bytes, clock_time now) {
    if (!any_.load(std::memory_order_relaxed))
        return;
    const std::lock_guard lock{mutex_};
    if (const auto known = topics_.find(topic); known != topics_.end()) {
        known->second.messages.charge(messages, now);
        known->second.bytes.charge(bytes, now);
    }
}

result<void> send_quotas::admit(std::string_view topic, std::int64_t messages, std::int64_t bytes, clock_time now) {
    if (!any_.load(std::memory_order_relaxed))
        return {};
    const std::lock_guard lock{mutex_};
    const auto known = topics_.find(topic);
    if (known == topics_.end())
        return {};
    auto& limits = known->second;
    if (limits.messages.wait(now).count() > 0)
        return over(topic, limits.messages.per_second(), "messages", "quota.send.messages");
    if (limits.bytes.wait(now).count() > 0)
        return over(topic, limits.bytes.per_second(), "bytes", "quota.send.bytes");
    limits.messages.charge(messages, now);
    limits.bytes.charge(bytes, now);
    return {};
}

} // namespace troupe::actors
