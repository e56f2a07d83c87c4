#include "actors/wire/wire_pop.hpp"

#include "actors/wire/wire_codec.hpp"
#include "protocol/request_code.hpp"
#include "protocol/response_code.hpp"
#include "protocol/vocabulary/limits.hpp"

#include <array>
#include <utility>

namespace troupe::actors::net {

namespace {

using protocol::remoting_command;
namespace code = protocol::request_code;
namespace answers = protocol::response_code;

/// By pop_kind.
constexpr std::array codes{code::pop_message, code::peek_message, code::notification, code::polling_info};

pop_kind kind_of(std::int32_t request) {
    for (std::size_t i = 0; i < codes.size(); ++i)
        if (codes.at(i) == request)
            return static_cast<pop_kind>(i);
    return pop_kind::take;
}

pop_handle handle_from(const protocol::receipt_handle& text) {
    return {text.start, text.popped, text.invisible_ms, text.revive_queue, text.retry_flag};
}

/// Where a message lies that a handle of RocketMQ's names by its own topic (KeyBuilder.buildPopRetryTopic).
std::string real_topic_of(const std::string& group, const std::string& topic, std::int32_t retry_flag) {
    return retry_flag == 0 ? topic : "%RETRY%" + group + (retry_flag == 1 ? "_" : "+") + topic;
}

std::string text_of(const pop_handle& handle, const std::string& broker_name, queue_id queue, queue_offset offset) {
    return protocol::encode_receipt_handle(
        {handle.start, handle.popped, handle.invisible_ms, handle.revive_queue, handle.retry_flag, broker_name, queue, offset});
}

/// One message, so far behind the start of its pop that the set of offsets of a batch cannot hold it.
bool is_too_far_for_a_batch(const acknowledge_messages& order) {
    return order.parts.size() == 1 && order.parts[0].offsets.size() == 1 &&
           order.parts[0].offsets[0].value() - order.parts[0].handle.start.value() >= protocol::ack_span_max;
}

error no_messages() {
    return {errc::message_not_found, "the order names no messages"};
}

} // namespace

// ---- pops -----------------------------------------------------------------------------------------------------------

template <>
result<pop_messages> decode_request(const remoting_command& command) {
    field_reader in{command};
    pop_messages order;
    order.kind = kind_of(command.code);
    order.group = in.text("consumerGroup");
    order.topic = in.text("topic");
    order.queue = queue_id{in.int32("queueId")};
    const bool is_take = order.kind == pop_kind::take;
    const bool waits = is_take || order.kind == pop_kind::notify;
    if (is_take || order.kind == pop_kind::peek)
        order.messages_max = in.int32("maxMsgNums");
    if (waits) {
        order.poll_ms = in.int64("pollTime");
        order.born = timestamp_ms{in.int64("bornTime")};
        order.ordered = in.boolean_or("order", false);
        order.attempt = in.text_or("attemptId");
        order.expression = in.text_or("exp");
        order.expression_type = in.text_or("expType");
    }
    if (is_take) {
        order.invisible_ms = in.int64("invisibleTime");
        order.from_end = in.int32("initMode") != 0;
    }
    return in.finish(std::move(order));
}

template <>
remoting_command encode_request(const pop_messages& order) {
    auto command = request_of(codes.at(static_cast<std::size_t>(order.kind)));
    auto& fields = command.fields;
    fields.set("consumerGroup", order.group);
    fields.set("topic", order.topic);
    fields.set("queueId", order.queue.value());
    const bool is_take = order.kind == pop_kind::take;
    if (is_take || order.kind == pop_kind::peek)
        fields.set("maxMsgNums", order.messages_max);
    if (is_take || order.kind == pop_kind::notify) {
        fields.set("pollTime", order.poll_ms);
        fields.set("bornTime", order.born.value());
        fields.set("order", text_of(order.ordered));
        if (!order.attempt.empty())
            fields.set("attemptId", order.attempt);
        if (!order.expression.empty()) {
            fields.set("exp", order.expression);
            fields.set("expType", order.expression_type);
        }
    }
    if (is_take) {
        fields.set("invisibleTime", order.invisible_ms);
        fields.set("initMode", order.from_end ? 1 : 0);
    }
    return command;
}

template <>
remoting_command encode_answer(const messages_popped& answer) {
    remoting_command command;
    auto& fields = command.fields;
    const bool is_found = answer.status == pop_status::found;
    if (answer.kind == pop_kind::notify) {
        fields.set("hasMsg", text_of(is_found));
        fields.set("pollingFull", text_of(answer.status == pop_status::full));
        return command;
    }
    if (answer.kind == pop_kind::count) {
        fields.set("pollingNum", answer.rest);
        return command;
    }
    fields.set("popTime", answer.popped.value());
    fields.set("invisibleTime", answer.invisible_ms);
    fields.set("reviveQid", answer.revive_queue);
    fields.set("restNum", answer.rest);
    if (is_found) {
        fields.set("startOffsetInfo", protocol::encode_start_offsets(answer.queues));
        fields.set("msgOffsetInfo", protocol::encode_message_offsets(answer.queues));
        if (answer.revive_queue == protocol::ordered_revive_queue)
            fields.set("orderCountInfo", protocol::encode_order_counts(answer.queues));
        command.body = answer.records;
    } else if (answer.kind == pop_kind::peek) {
        command.code = answers::pull_not_found;
        command.remark = "there are no messages to look at";
    } else if (answer.status == pop_status::full) {
        command.code = answers::polling_full;
        command.remark = "too many wait for messages of this topic already; wait a while before asking again";
    } else {
        command.code = answers::polling_timeout;
        command.remark = "no message came in time, or the request itself came when its time was over: then compare the clocks";
    }
    return command;
}

template <>
result<messages_popped> decode_answer(const remoting_command& command) {
    messages_popped answer;
    if (command.code == answers::polling_full || command.code == answers::polling_timeout || command.code == answers::pull_not_found) {
        answer.status = command.code == answers::polling_full ? pop_status::full : pop_status::nothing;
        return answer;
    }
    field_reader in{command};
    if (command.fields.find("hasMsg") != nullptr) {
        answer.kind = pop_kind::notify;
        if (in.boolean_or("hasMsg", false))
            answer.status = pop_status::found;
        else if (in.boolean_or("pollingFull", false))
            answer.status = pop_status::full;
        return in.finish(std::move(answer));
    }
    answer.status = pop_status::found;
    answer.popped = in.number<timestamp_ms>("popTime");
    answer.invisible_ms = in.int64("invisibleTime");
    answer.revive_queue = in.int32("reviveQid");
    answer.rest = in.int64_or("restNum", 0);
    auto queues = protocol::decode_popped_queues(in.text_or("startOffsetInfo"), in.text_or("msgOffsetInfo"), in.text_or("orderCountInfo"));
    if (!queues)
        return queues.failure();
    answer.queues = std::move(*queues);
    answer.records = command.body;
    return in.finish(std::move(answer));
}

// ---- handles --------------------------------------------------------------------------------------------------------

template <>
result<acknowledge_messages> decode_request(const remoting_command& command) {
    acknowledge_messages order;
    if (command.code == code::batch_ack_message) {
        auto batch = protocol::decode_batch_ack_request(command.body.view());
        if (!batch)
            return batch.failure();
        if (batch->acks.empty())
            return no_messages();
        order.is_batch = true;
        order.broker_name = std::move(batch->broker_name);
        for (auto& ack : batch->acks)
            order.parts.push_back({std::move(ack.group),
                                   {std::move(ack.topic), ack.queue},
                                   {ack.start, ack.popped, ack.invisible_ms, ack.revive_queue, ack.retry_flag},
                                   std::move(ack.offsets)});
        return order;
    }
    field_reader in{command};
    acknowledge_messages::part part;
    part.group = in.text("consumerGroup");
    part.queue.topic = in.text("topic");
    part.queue.queue = queue_id{in.int32("queueId")};
    part.offsets.push_back(in.number<queue_offset>("offset"));
    const auto text = in.text("extraInfo");
    if (auto read = in.finish(true); !read)
        return read.failure();
    const auto handle = protocol::decode_receipt_handle(text);
    if (!handle)
        return handle.failure();
    part.handle = handle_from(*handle);
    order.broker_name = handle->broker_name;
    order.parts.push_back(std::move(part));
    return order;
}

template <>
remoting_command encode_request(const acknowledge_messages& order) {
    if (is_too_far_for_a_batch(order)) {
        const auto& part = order.parts[0];
        auto single = request_of(code::ack_message);
        single.fields.set("consumerGroup", part.group);
        single.fields.set("topic", real_topic_of(part.group, part.queue.topic, part.handle.retry_flag));
        single.fields.set("queueId", part.queue.queue.value());
        single.fields.set("offset", part.offsets[0].value());
        single.fields.set("extraInfo", text_of(part.handle, order.broker_name, part.queue.queue, part.offsets[0]));
        return single;
    }
    auto command = request_of(code::batch_ack_message);
    protocol::batch_ack_request batch;
    batch.broker_name = order.broker_name;
    for (const auto& part : order.parts) {
        protocol::batch_ack ack;
        ack.group = part.group;
        ack.topic = part.queue.topic;
        ack.retry_flag = part.handle.retry_flag;
        ack.start = part.handle.start;
        ack.queue = part.queue.queue;
        ack.revive_queue = part.handle.revive_queue;
        ack.popped = part.handle.popped;
        ack.invisible_ms = part.handle.invisible_ms;
        ack.offsets = part.offsets;
        batch.acks.push_back(std::move(ack));
    }
    command.body = payload{protocol::encode_batch_ack_request(batch)};
    return command;
}

template <>
result<change_invisible_time> decode_request(const remoting_command& command) {
    field_reader in{command};
    change_invisible_time order;
    order.group = in.text("consumerGroup");
    order.queue.topic = in.text("topic");
    order.queue.queue = queue_id{in.int32("queueId")};
    order.offset = in.number<queue_offset>("offset");
    order.invisible_ms = in.int64("invisibleTime");
    const auto text = in.text("extraInfo");
    if (auto read = in.finish(true); !read)
        return read.failure();
    const auto handle = protocol::decode_receipt_handle(text);
    if (!handle)
        return handle.failure();
    order.handle = handle_from(*handle);
    order.broker_name = handle->broker_name;
    return order;
}

template <>
remoting_command encode_request(const change_invisible_time& order) {
    auto command = request_of(code::change_message_invisible_time);
    auto& fields = command.fields;
    fields.set("consumerGroup", order.group);
    fields.set("topic", real_topic_of(order.group, order.queue.topic, order.handle.retry_flag));
    fields.set("queueId", order.queue.queue.value());
    fields.set("offset", order.offset.value());
    fields.set("invisibleTime", order.invisible_ms);
    fields.set("extraInfo", text_of(order.handle, order.broker_name, order.queue.queue, order.offset));
    return command;
}

template <>
remoting_command encode_answer(const invisible_time_changed& answer) {
    remoting_command command;
    command.fields.set("popTime", answer.popped.value());
    command.fields.set("invisibleTime", answer.invisible_ms);
    command.fields.set("reviveQid", answer.revive_queue);
    return command;
}
template <>
result<invisible_time_changed> decode_answer(const remoting_command& command) {
    field_reader in{command};
    invisible_time_changed answer;
    answer.popped = in.number<timestamp_ms>("popTime");
    answer.invisible_ms = in.int64("invisibleTime");
    answer.revive_queue = in.int32("reviveQid");
    return in.finish(std::move(answer));
}

remoting_command encode_handle_failure(const error& failure) {
    auto answer = encode_failure(failure);
    if (failure.code == errc::message_not_found)
        answer.code = answers::no_message;
    return answer;
}

} // namespace troupe::actors::net
