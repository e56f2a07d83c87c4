#include "actors/broker/send_encoder.hpp"
#include "actors/wire/wire.hpp"
#include "protocol/remoting_command.hpp"
#include "protocol/request_code.hpp"
#include "tests/fuzz/fuzz_target.hpp"

#include <algorithm>
#include <span>
#include <string>

// What a client says of a message, from the fields of the frame to the record in the log. Input: one byte of kind, then the producer
// group, a line feed, and the properties, or the body of a batch.

namespace {

using namespace troupe;

protocol::remoting_command send_of(std::string_view bytes) {
    const auto kind = bytes.empty() ? 0 : static_cast<unsigned char>(bytes[0]);
    bytes.remove_prefix(std::min<std::size_t>(1, bytes.size()));
    const bool is_batch = (kind & 1) != 0;
    const auto line = std::min(bytes.find('\n'), bytes.size());
    const std::string rest{bytes.substr(std::min(line + 1, bytes.size()))};
    protocol::remoting_command command;
    command.code = protocol::request_code::send_message_v2;
    auto& fields = command.fields;
    fields.set("a", std::string{bytes.substr(0, line)});
    fields.set("b", "orders");
    fields.set("e", 0);
    fields.set("i", is_batch ? std::string{} : rest);
    fields.set("j", (kind & 2) != 0 ? 1 : 0);
    fields.set("m", is_batch ? "true" : "false");
    command.body = payload{is_batch ? rest : std::string{"body"}};
    return command;
}

} // namespace

FUZZ_TARGET(bytes) {
    const auto send = actors::net::decode_request<actors::send_messages>(send_of(bytes));
    if (!send)
        return;
    topic_config topic;
    topic.name = "orders";
    const actors::topic_snapshot topics{permission::read_write, 1, {topic}};
    actors::send_encoder_options options;
    options.now = [] { return timestamp_ms{1}; };
    actors::send_encoder encoder{options};
    auto encoded = encoder.encode(*send, topics);
    if (!encoded)
        return;
    std::size_t at = 0;
    for (const auto record_bytes : encoded->receipt.record_bytes) {
        protocol::place_record(std::span{encoded->records.bytes}.subspan(at, record_bytes), queue_offset{0},
                               log_position{static_cast<std::int64_t>(at)}, timestamp_ms{1});
        at += record_bytes;
    }
    fuzz::require(at == encoded->records.bytes.size(), "the records are as long as was said");
    const auto records = protocol::decode_records(payload{encoded->records.bytes});
    fuzz::require(records.ok() && records->size() == encoded->receipt.record_bytes.size(), "what is stored can be read");
    for (const auto& one : *records)
        fuzz::require(one.topic == encoded->records.queue.topic, "a record is of the queue that it goes to");
}
