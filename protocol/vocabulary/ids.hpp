#pragma once

#include <compare>
#include <cstdint>
#include <functional>
#include <string>

/// The numbers of a broker, as types that do not mix.
namespace troupe {

/// A number that means one thing: arithmetic stays inside one tag, and turning it into a bare number is spelled out
/// with value(). Works as a map key and in CAF messages (`inspect` needs no CAF header).
template <class Tag, class Rep>
class tagged_number {
public:
    using rep = Rep;

    constexpr tagged_number() = default;
    constexpr explicit tagged_number(Rep value) : value_{value} {}

    [[nodiscard]] constexpr Rep value() const { return value_; }

    friend constexpr auto operator<=>(tagged_number, tagged_number) = default;
    friend constexpr tagged_number operator+(tagged_number x, Rep n) { return tagged_number{static_cast<Rep>(x.value_ + n)}; }
    friend constexpr Rep operator-(tagged_number x, tagged_number y) { return static_cast<Rep>(x.value_ - y.value_); }
    constexpr tagged_number& operator++() {
        ++value_;
        return *this;
    }

    friend std::string to_string(tagged_number x) { return std::to_string(x.value_); }

    template <class Inspector>
    friend auto inspect(Inspector& f, tagged_number& x) {
        return f(x.value_);
    }

private:
    Rep value_{};
};

/// Place of a message in its queue: 0, 1, 2, ... without reuse (RocketMQ: queueOffset).
using queue_offset = tagged_number<struct queue_offset_tag, std::int64_t>;
/// Byte position in the commit log of one broker (RocketMQ: physicalOffset).
using log_position = tagged_number<struct log_position_tag, std::int64_t>;
/// Number of a queue inside its topic on one broker (RocketMQ: queueId).
using queue_id = tagged_number<struct queue_id_tag, std::int32_t>;
/// Number of a broker inside its broker set; 0 is the master (RocketMQ: brokerId).
using broker_id = tagged_number<struct broker_id_tag, std::int64_t>;
/// Generation of a log's writer; rises whenever another process or role starts to write.
using log_epoch = tagged_number<struct log_epoch_tag, std::int32_t>;
/// Milliseconds since 1970-01-01 UTC, as every RocketMQ time stamp.
using timestamp_ms = tagged_number<struct timestamp_ms_tag, std::int64_t>;

/// One queue of one broker.
struct topic_queue {
    std::string topic;
    queue_id queue;

    friend auto operator<=>(const topic_queue&, const topic_queue&) = default;

    template <class Inspector>
    friend auto inspect(Inspector& f, topic_queue& x) {
        return f(x.topic, x.queue);
    }
};

/// One queue as one consumer group sees it: the key of a committed offset.
struct progress_key {
    std::string group;
    topic_queue queue;

    friend auto operator<=>(const progress_key&, const progress_key&) = default;

    template <class Inspector>
    friend auto inspect(Inspector& f, progress_key& x) {
        return f(x.group, x.queue);
    }
};

} // namespace troupe

template <class Tag, class Rep>
struct std::hash<troupe::tagged_number<Tag, Rep>> {
    std::size_t operator()(troupe::tagged_number<Tag, Rep> x) const noexcept { return std::hash<Rep>{}(x.value()); }
};

template <>
struct std::hash<troupe::topic_queue> {
    std::size_t operator()(const troupe::topic_queue& x) const noexcept {
        return std::hash<std::string>{}(x.topic) * 31 + static_cast<std::size_t>(x.queue.value());
    }
};
