#include "actors/log/message_finder.hpp"

#include "actors/base/message_filter.hpp"
#include "actors/base/spawn_role.hpp"
#include "actors/messages/type_ids.hpp"
#include "protocol/message_codec.hpp"
#include "protocol/properties.hpp"

#include <caf/typed_event_based_actor.hpp>

#include <algorithm>
#include <limits>
#include <map>
#include <memory>
#include <utility>

namespace troupe::actors {

namespace {

// RocketMQ's maxMsgsNumBatch and defaultQueryMaxNum.
constexpr std::int32_t found_max = 64;
constexpr std::int32_t found_by_unique_key_max = 32;
/// Tools look for a unique key from the time on that is written in it, which is the producer's. Its clock may be ahead of ours.
constexpr std::int64_t producer_clock_ahead_ms = 600'000;
/// Of a page of a queue: RocketMQ has no bounds there.
constexpr std::int32_t page_entries_max = 1'024;
constexpr std::size_t page_bytes_max = 4u << 20;

/// Gives back one unit when the order is done: answered, or given up.
class lookup_unit {
public:
    explicit lookup_unit(std::shared_ptr<admission> lookups) : lookups_{std::move(lookups)} {}
    ~lookup_unit() { lookups_->release(1); }
    lookup_unit(const lookup_unit&) = delete;
    lookup_unit& operator=(const lookup_unit&) = delete;

private:
    std::shared_ptr<admission> lookups_;
};

timestamp_ms earlier(timestamp_ms time, std::int64_t by_ms) {
    return timestamp_ms{std::max(time.value(), std::numeric_limits<std::int64_t>::min() + by_ms) - by_ms};
}

class message_finder_state {
public:
    static inline const char* name = "message_finder";

    void start(message_finder_actor::pointer self, message_finder_options options) {
        self_ = self;
        options_ = std::move(options);
    }
    caf::result<message_found> handle(const find_message& order);
    caf::result<messages_found> handle(const find_messages& order);
    caf::result<first_stored_found> handle(const find_first_stored& order);
    caf::result<queue_browsed> handle(const browse_queue& order);
    caf::result<time_spans_described> serve(const describe_time_spans& order);
    /// Every other order comes through here (below what it calls, as its type needs that).
    template <class Order>
    auto serve(const Order& order) -> decltype(this->handle(order)) {
        const lookup_unit unit{options_.lookups};
        return handle(order);
    }

private:
    [[nodiscard]] result<topic_config> find_topic(const std::string& topic) const;
    [[nodiscard]] result<storage::queue_bounds> bounds_of(const topic_queue& queue) const;
    /// `otherwise` when there is no such message (any more).
    [[nodiscard]] std::int64_t stored_ms(const topic_queue& queue, queue_offset offset, std::int64_t otherwise) const;
    [[nodiscard]] result<protocol::queue_time_span> span_of(const topic_queue& queue, queue_offset consumed) const;
    [[nodiscard]] result<time_spans_described> spans_of(const topic_config& topic, const offsets_listed& committed) const;

    message_finder_actor::pointer self_ = nullptr;
    message_finder_options options_;
};

result<topic_config> message_finder_state::find_topic(const std::string& topic) const {
    const auto topics = options_.topics->current();
    const auto* known = topics->find(topic);
    if (known == nullptr)
        return error{errc::topic_not_found, "topic " + topic + " does not exist on this broker"};
    return *known;
}

result<storage::queue_bounds> message_finder_state::bounds_of(const topic_queue& queue) const {
    const auto topic = find_topic(queue.topic);
    if (!topic)
        return topic.failure();
    const auto queues = std::max(topic->read_queues, topic->write_queues);
    if (queue.queue.value() < 0 || queue.queue.value() >= queues)
        return error{errc::queue_not_found,
                     "topic " + queue.topic + " has " + std::to_string(queues) + " queues, there is no queue " + to_string(queue.queue)};
    return options_.store->bounds(queue);
}

std::int64_t message_finder_state::stored_ms(const topic_queue& queue, queue_offset offset, std::int64_t otherwise) const {
    const auto time = options_.store->stored_at(queue, offset);
    return time ? time->value() : otherwise;
}

caf::result<message_found> message_finder_state::handle(const find_message& order) {
    auto record = options_.store->record_at(order.position);
    if (record.code() == errc::message_not_found)
        return message_found{{}, record.failure().text};
    if (!record)
        return make_caf_error(record.failure());
    return message_found{std::move(*record), {}};
}

caf::result<messages_found> message_finder_state::handle(const find_messages& order) {
    // Searches may read much. Without this, those that nobody waits for any more would make the next ones late as well.
    if (order.given_up <= self_->clock().now())
        return make_caf_error(errc::timed_out, "other searches took so long that this one was given up; repeat it later");
    if (const auto topic = find_topic(order.topic); !topic)
        return make_caf_error(topic.failure());
    if (order.key.empty())
        return make_caf_error(errc::argument_illegal, "the key to look for in topic " + order.topic + " is empty");
    const auto begin = order.by_unique_key ? earlier(order.begin, producer_clock_ahead_ms) : order.begin;
    const auto wanted = order.by_unique_key ? found_by_unique_key_max : std::clamp(order.messages_max, 1, found_max);
    const auto found = options_.store->find_by_key(order.topic, order.key, begin, order.end, wanted);
    if (!found)
        return make_caf_error(found.failure());
    if (found->empty())
        return make_caf_error(errc::message_not_found, "no message of topic " + order.topic + " with this key was stored in that time");
    std::string records;
    for (const auto& record : *found)
        records += record.view();
    return messages_found{payload{std::move(records)}, options_.now(), options_.store->stats().log_end};
}

caf::result<first_stored_found> message_finder_state::handle(const find_first_stored& order) {
    const auto bounds = bounds_of(order.queue);
    if (!bounds)
        return make_caf_error(bounds.failure());
    return first_stored_found{timestamp_ms{stored_ms(order.queue, bounds->min, -1)}};
}

caf::result<queue_browsed> message_finder_state::handle(const browse_queue& order) {
    const auto bounds = bounds_of(order.queue);
    if (!bounds)
        return make_caf_error(bounds.failure());
    if (order.from < bounds->min || order.from >= bounds->max)
        return queue_browsed{};
    const storage::read_limits limits{std::clamp(order.count, 1, page_entries_max), page_bytes_max};
    const auto read = options_.store->read(order.queue, order.from, {}, limits);
    if (!read)
        return make_caf_error(read.failure());
    protocol::queue_page page{bounds->min.value(), bounds->max.value(), {}};
    message_filter filter; // null: everything
    if (order.wanted) {
        // As the broker does it for pulls. A group that cannot pull is no reason to hide the queue.
        page.subscription = order.wanted;
        page.missing = order.refusal;
        const auto& type = order.wanted->expression_type;
        if (page.missing.empty() && is_filtered(order.queue.topic, type)) {
            auto parsed = parse_message_filter(order.wanted->expression, type);
            page.missing = parsed ? std::string{} : parsed.failure().text;
            filter = parsed ? std::move(*parsed) : nullptr;
        }
    } else if (!order.group.empty()) {
        page.missing = "no member of group " + order.group + " subscribes to topic " + order.queue.topic + " at this broker";
    }
    auto rest = read->records.view();
    while (!rest.empty()) {
        const auto bytes = protocol::record_size(rest);
        if (!bytes)
            return make_caf_error(bytes.failure());
        const auto record = rest.substr(0, *bytes);
        const auto properties = protocol::view_record(record).properties;
        const auto tags = protocol::find_property(properties, protocol::property_name::tags);
        page.entries.push_back({protocol::record_position(record).value(), static_cast<std::int32_t>(*bytes),
                                protocol::tag_hash(tags.value_or(std::string_view{})),
                                page.missing.empty() && (filter == nullptr || filter->matches(properties))});
        rest.remove_prefix(*bytes);
    }
    return queue_browsed{std::move(page)};
}

result<protocol::queue_time_span> message_finder_state::span_of(const topic_queue& queue, queue_offset consumed) const {
    const auto bounds = options_.store->bounds(queue);
    if (!bounds)
        return bounds.failure();
    protocol::queue_time_span span;
    span.queue = {queue.topic, options_.broker_name, queue.queue.value()};
    if (bounds->min == bounds->max)
        return span;
    span.first_stored_ms = stored_ms(queue, bounds->min, 0);
    span.last_stored_ms = stored_ms(queue, bounds->max + -1, 0);
    span.consumed_ms = stored_ms(queue, consumed + -1, span.first_stored_ms);
    if (consumed < bounds->max) {
        const auto next = stored_ms(queue, std::max(consumed, bounds->min), span.last_stored_ms);
        span.delay_ms = std::max<std::int64_t>(options_.now().value() - next, 0);
    }
    return span;
}

/// Queues to write to, as RocketMQ: those that are only read from are being emptied.
result<time_spans_described> message_finder_state::spans_of(const topic_config& topic, const offsets_listed& committed) const {
    const std::map<topic_queue, queue_offset> offsets{committed.offsets.begin(), committed.offsets.end()};
    time_spans_described described;
    for (std::int32_t i = 0; i < topic.write_queues; ++i) {
        const topic_queue queue{topic.name, queue_id{i}};
        const auto known = offsets.find(queue);
        auto span = span_of(queue, known == offsets.end() ? queue_offset{0} : known->second);
        if (!span)
            return span.failure();
        described.spans.push_back(std::move(*span));
    }
    return described;
}

/// Not done before the offset keeper has answered.
caf::result<time_spans_described> message_finder_state::serve(const describe_time_spans& order) {
    const auto unit = std::make_shared<const lookup_unit>(options_.lookups);
    auto topic = find_topic(order.topic);
    if (!topic)
        return make_caf_error(topic.failure());
    auto promise = self_->make_response_promise<time_spans_described>();
    self_->request(options_.offset_keeper, options_.keeper_deadline, list_offsets{order.group, order.topic})
        .then(
            [this, promise, unit, config = std::move(*topic)](const offsets_listed& committed) mutable {
                auto described = spans_of(config, committed);
                if (described)
                    promise.deliver(std::move(*described));
                else
                    promise.deliver(make_caf_error(described.failure()));
            },
            [promise](caf::error& failure) mutable { promise.deliver(std::move(failure)); });
    return promise;
}

message_finder_actor::behavior_type message_finder(message_finder_actor::stateful_pointer<message_finder_state> self,
                                                   message_finder_options options) {
    self->state.start(self, std::move(options));
    return {
        [self](const find_message& order) { return self->state.serve(order); },
        [self](const find_messages& order) { return self->state.serve(order); },
        [self](const find_first_stored& order) { return self->state.serve(order); },
        [self](const browse_queue& order) { return self->state.serve(order); },
        [self](const describe_time_spans& order) { return self->state.serve(order); },
        [self](const finish&) { self->quit(); },
    };
}

} // namespace

message_finder_actor spawn_message_finder(caf::actor_system& system, message_finder_options options) {
    return spawn_blocking_role(system, message_finder, std::move(options));
}

} // namespace troupe::actors
