#include "bench/load_support.hpp"
#include "protocol/bodies.hpp"

namespace troupe::bench {

protocol::remoting_command binary_command(std::int32_t code) {
    protocol::remoting_command command;
    command.code = code;
    command.codec = protocol::header_codec::binary;
    return command;
}

protocol::remoting_command pull_command(const consume_load& load, std::int32_t queue, std::int64_t offset, std::chrono::milliseconds hold) {
    auto command = binary_command(code_pull);
    command.opaque = queue;
    command.fields.set("consumerGroup", load.group);
    command.fields.set("topic", load.topic);
    command.fields.set("queueId", std::int64_t{queue});
    command.fields.set("queueOffset", offset);
    command.fields.set("maxMsgNums", std::int64_t{load.messages_max});
    command.fields.set("maxMsgBytes", std::int64_t{load.bytes_max});
    command.fields.set("sysFlag", std::int64_t{2 | 4});
    command.fields.set("commitOffset", std::int64_t{0});
    command.fields.set("suspendTimeoutMillis", static_cast<std::int64_t>(hold.count()));
    command.fields.set("subscription", load.expression);
    command.fields.set("subVersion", std::int64_t{0});
    command.fields.set("expressionType", load.expression_type);
    return command;
}

std::string pull_frame(const consume_load& load, std::int32_t queue, std::int64_t offset, std::chrono::milliseconds hold) {
    return protocol::encode_frame(pull_command(load, queue, offset, hold));
}

std::string header_only(std::string_view frame) {
    const auto head = get_be32(frame.data() + 4) & 0xffffffu;
    std::string cut{frame.substr(0, 8 + head)};
    put_be32(cut.data(), 4 + head);
    return cut;
}

std::string_view frame_body(std::string_view frame) {
    const auto head = get_be32(frame.data() + 4) & 0xffffffu;
    return frame.substr(std::min<std::size_t>(8 + head, frame.size()));
}

std::optional<record_head> next_record(std::string_view& records) {
    // Of an IPv4 record, docs/formats/record.md.
    constexpr std::size_t queue_at = 12;
    constexpr std::size_t offset_at = 20;
    constexpr std::size_t tries_at = 72;
    constexpr std::size_t body_length_at = 84;
    constexpr std::size_t body_at = body_length_at + 4;
    if (records.size() < body_at) {
        return std::nullopt;
    }
    const auto size = get_be32(records.data());
    if (size > records.size() || size < body_at) {
        return std::nullopt;
    }
    record_head head;
    head.queue = static_cast<std::int32_t>(get_be32(records.data() + queue_at));
    head.offset = static_cast<std::int64_t>(get_be64(records.data() + offset_at));
    head.tries = static_cast<std::int32_t>(get_be32(records.data() + tries_at));
    if (get_be32(records.data() + body_length_at) >= 8 && size >= body_at + 8) {
        head.sent_ns = static_cast<std::int64_t>(get_be64(records.data() + body_at));
    }
    records.remove_prefix(size);
    return head;
}

result<void> announce_group(peer& connection, const std::string& group, const std::string& topic) {
    auto command = binary_command(code_heartbeat);
    protocol::heartbeat_data data;
    data.client_id = "bench@" + std::to_string(::getpid());
    protocol::consumer_data consumer;
    consumer.group = group;
    consumer.subscriptions.push_back(protocol::subscription_data{topic, "*", "TAG", 1});
    data.consumers.push_back(consumer);
    command.body = payload{protocol::encode_heartbeat(data)};
    auto answer = connection.call(command, std::chrono::seconds{10});
    if (!answer) {
        return answer.failure();
    }
    if (answer->code != answer_success) {
        return error{errc::internal, "heartbeat refused: " + answer->remark};
    }
    return {};
}

} // namespace troupe::bench
