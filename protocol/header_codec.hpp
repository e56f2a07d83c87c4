#pragma once

#include "protocol/remoting_command.hpp"

#include <string>
#include <string_view>

/// The two forms of a frame's header. Only remoting_command.cpp uses this: it puts the frame around them.
namespace troupe::protocol {

/// Appends the JSON form: compact, without empty remark and fields.
void append_json_header(std::string& out, const remoting_command& command);
/// Fills everything but body and codec. Fails with protocol_error.
result<void> decode_json_header(std::string_view header, remoting_command& command);

/// Whether the binary form can hold the command: code and version in 16 bits, field names under 32 KiB.
bool fits_binary_header(const remoting_command& command);
/// Appends the binary form (RocketMQ: RocketMQSerializable).
void append_binary_header(std::string& out, const remoting_command& command);
/// Fills everything but body and codec. Fails with protocol_error.
result<void> decode_binary_header(std::string_view header, remoting_command& command);

} // namespace troupe::protocol
