#include "actors/net/wire.hpp"

#include "protocol/request_code.hpp"
#include "protocol/response_code.hpp"

namespace troupe::actors::net {

protocol::remoting_command encode_failure(const error& failure) {
    protocol::remoting_command command;
    command.code = protocol::to_response_code(failure.code);
    command.remark = protocol::to_remark(failure);
    return command;
}

error failure_of(std::int32_t request_code, const protocol::remoting_command& answer) {
    namespace code = protocol::response_code;
    if (answer.code == code::success)
        return {};
    const bool is_pull = request_code == protocol::request_code::pull_message;
    if (is_pull &&
        (answer.code == code::pull_not_found || answer.code == code::pull_retry_immediately || answer.code == code::pull_offset_moved))
        return {};
    return protocol::to_error(answer.code, answer.remark);
}

void address_answer(protocol::remoting_command& answer, std::int32_t opaque, protocol::header_codec codec) {
    answer.opaque = opaque;
    answer.codec = codec;
    answer.flag = protocol::command_flag::response;
}

} // namespace troupe::actors::net
