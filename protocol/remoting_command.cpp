#include "protocol/remoting_command.hpp"

#include "protocol/header_codec.hpp"
#include "protocol/vocabulary/big_endian.hpp"
#include "protocol/vocabulary/limits.hpp"

#include <algorithm>

namespace troupe::protocol {

namespace {

constexpr std::size_t length_word_bytes = 4;
constexpr std::size_t header_at = 8; ///< after length word, codec and header length
constexpr std::size_t header_bytes_max = (1u << 24) - 1;
constexpr std::uint32_t header_length_mask = header_bytes_max;

error not_a_frame(std::string what) {
    return {errc::protocol_error, "frame: " + std::move(what)};
}

std::size_t header_estimate_bytes(const remoting_command& command) {
    std::size_t bytes = 160 + command.remark.size();
    for (const auto& [name, value] : command.fields)
        bytes += name.size() + value.size() + 8;
    return bytes;
}

} // namespace

void extension_fields::set(std::string name, std::string value) {
    if (fields_.empty())
        fields_.reserve(16); // sends have 13 fields: growing step by step would cost as much as reading them
    fields_.emplace_back(std::move(name), std::move(value));
}

void extension_fields::set(std::string name, std::int64_t value) {
    set(std::move(name), std::to_string(value));
}

const std::string* extension_fields::find(std::string_view name) const {
    const auto found = std::find_if(fields_.rbegin(), fields_.rend(), [&](const auto& field) { return field.first == name; });
    return found == fields_.rend() ? nullptr : &found->second;
}

result<std::optional<std::size_t>> frame_size(std::string_view stream) {
    if (stream.size() < length_word_bytes)
        return std::optional<std::size_t>{};
    const std::size_t bytes = length_word_bytes + load_be<std::uint32_t>(stream.data());
    if (bytes < header_at)
        return not_a_frame("its length word says " + std::to_string(bytes - length_word_bytes) + " bytes, too few for a header");
    if (bytes > limits::frame_bytes_max)
        return not_a_frame("its length word says " + std::to_string(bytes) + " bytes in all, at most " +
                           std::to_string(limits::frame_bytes_max) + " are allowed");
    return std::optional{bytes};
}

result<remoting_command> decode_frame(const payload& frame) {
    const auto bytes = frame.view();
    const auto size = frame_size(bytes);
    if (!size)
        return size.failure();
    if (*size != bytes.size())
        return not_a_frame("it has " + std::to_string(bytes.size()) + " bytes, which is not what its length word says");
    const auto word = load_be<std::uint32_t>(bytes.data() + length_word_bytes);
    const std::uint32_t codec = word >> 24;
    const std::size_t header_bytes = word & header_length_mask;
    if (codec > static_cast<std::uint32_t>(header_codec::binary))
        return not_a_frame("it has a header of form " + std::to_string(codec) + ", only 0 (JSON) and 1 (binary) are known");
    if (header_bytes > bytes.size() - header_at)
        return not_a_frame("its header of " + std::to_string(header_bytes) + " bytes does not fit into it");
    remoting_command command;
    command.codec = static_cast<header_codec>(codec);
    const auto header = bytes.substr(header_at, header_bytes);
    const auto decoded = command.codec == header_codec::json ? decode_json_header(header, command) : decode_binary_header(header, command);
    if (!decoded)
        return decoded.failure();
    if (header_at + header_bytes < bytes.size())
        command.body = frame.slice(header_at + header_bytes, bytes.size() - header_at - header_bytes);
    return command;
}

result<std::string> encode_frame_head(const remoting_command& command, std::size_t body_bytes) {
    const bool binary = command.codec == header_codec::binary && fits_binary_header(command);
    std::string head;
    head.reserve(header_at + header_estimate_bytes(command));
    head.resize(header_at);
    if (binary)
        append_binary_header(head, command);
    else
        append_json_header(head, command);
    const std::size_t header_bytes = head.size() - header_at;
    const auto frame_bytes = head.size() + body_bytes;
    if (header_bytes > header_bytes_max || frame_bytes > limits::frame_bytes_max)
        return error{errc::argument_illegal, "command " + std::to_string(command.code) + " would be a frame of " +
                                                 std::to_string(frame_bytes) + " bytes, at most " +
                                                 std::to_string(limits::frame_bytes_max) +
                                                 " are allowed; ask for less, or send less, at once"};
    store_be(head.data(), static_cast<std::uint32_t>(frame_bytes - length_word_bytes));
    store_be(head.data() + length_word_bytes, static_cast<std::uint32_t>(header_bytes) | (binary ? 1u << 24 : 0u));
    return head;
}

std::string encode_frame(const remoting_command& command) {
    std::string frame = encode_frame_head(command, command.body.size()).value();
    frame.append(command.body.view());
    return frame;
}

} // namespace troupe::protocol
