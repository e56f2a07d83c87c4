#include "bench/load_support.hpp"
#include "protocol/bodies.hpp"

namespace troupe::bench {

protocol::remoting_command binary_command(std::int32_t code) {
    protocol::remoting_command command;
    command.code = code;
    command.codec = protocol::header_codec::binary;
    return command;
}

std::string pull_frame(const consume_load& load, std::int32_t queue, std::int64_t offset, std::chrono::milliseconds hold) {
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
    return protocol::encode_frame(command);
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
