#include "actors/wire/wire.hpp"

#include "protocol/request_code.hpp"
#include "protocol/response_code.hpp"

#include <utility>

namespace troupe::actors::net {

namespace {

constexpr std::size_t remark_bytes_max = 1'024;

/// Cuts `text` at the end of a UTF-8 character.
void cut(std::string& text, std::size_t bytes_max) {
    if (text.size() <= bytes_max)
        return;
    while (bytes_max > 0 && (static_cast<unsigned char>(text[bytes_max]) & 0xc0u) == 0x80u)
        --bytes_max;
    text.resize(bytes_max);
    text += "...";
}

} // namespace

protocol::remoting_command encode_failure(const error& failure) {
    protocol::remoting_command command;
    command.code = protocol::to_response_code(failure.code);
    command.remark = protocol::to_remark(failure);
    cut(command.remark, remark_bytes_max);
    return command;
}

protocol::remoting_command encode_pull_failure(const error& failure, forbidden_by forbidden) {
    auto command = encode_failure(failure);
    if (forbidden != forbidden_by::nothing)
        command.fields.set("forbiddenType", static_cast<std::int32_t>(forbidden));
    if (failure.code == errc::not_supported)
        command.code = protocol::response_code::system_error;
    return command;
}

std::string encode_answer_head(protocol::remoting_command& answer) {
    auto head = protocol::encode_frame_head(answer, answer.body.size());
    if (head)
        return std::move(*head);
    auto failure = encode_failure(head.failure());
    address_answer(failure, answer.opaque, answer.codec);
    answer = std::move(failure);
    return protocol::encode_frame_head(answer, 0).value();
}

error failure_of(std::int32_t request_code, const protocol::remoting_command& answer) {
    namespace code = protocol::response_code;
    if (answer.code == code::success)
        return {};
    const bool is_pull = request_code == protocol::request_code::pull_message || request_code == protocol::request_code::lite_pull_message;
    if (is_pull &&
        (answer.code == code::pull_not_found || answer.code == code::pull_retry_immediately || answer.code == code::pull_offset_moved))
        return {};
    const bool is_pop = request_code == protocol::request_code::pop_message || request_code == protocol::request_code::peek_message;
    if (is_pop && (answer.code == code::pull_not_found || answer.code == code::polling_full || answer.code == code::polling_timeout))
        return {};
    return protocol::to_error(answer.code, answer.remark);
}

void address_answer(protocol::remoting_command& answer, std::int32_t opaque, protocol::header_codec codec) {
    answer.opaque = opaque;
    answer.codec = codec;
    answer.flag = protocol::command_flag::response;
}

} // namespace troupe::actors::net
