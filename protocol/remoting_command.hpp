#pragma once

#include "protocol/vocabulary/payload.hpp"
#include "protocol/vocabulary/result.hpp"

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

/// The remoting frame and its two header forms, as pure functions.
///
/// Frame, big-endian:  u32 frame_bytes | u8 header codec, u24 header_bytes | header | body
/// frame_bytes counts everything after itself; at most limits::frame_bytes_max with the length word.
/// Source: RocketMQ's RemotingCommand, RocketMQSerializable; checked against real clients by the interop suite.
namespace troupe::protocol {

/// Form of a frame's header; the numbers are the wire's.
enum class header_codec : std::uint8_t { json = 0, binary = 1 };

/// Language codes of the wire (RocketMQ: LanguageCode).
enum class language : std::uint8_t {
    java = 0,
    cpp = 1,
    dotnet = 2,
    python = 3,
    delphi = 4,
    erlang = 5,
    ruby = 6,
    other = 7,
    http = 8,
    go = 9,
    php = 10,
    oms = 11,
    rust = 12,
    node_js = 13
};

/// The RocketMQ version this implementation speaks as (ordinal of V5_3_3).
inline constexpr std::int32_t protocol_version = 479;

namespace command_flag {
inline constexpr std::int32_t response = 1;
inline constexpr std::int32_t oneway = 2;
} // namespace command_flag

/// Most header fields one frame may have; more are refused, as no operation comes near.
inline constexpr std::size_t extension_fields_max = 1024;

/// Header fields of an operation: text to text, few, in the order they were set. Later duplicates win on reading.
class extension_fields {
public:
    void set(std::string name, std::string value);
    void set(std::string name, std::int64_t value);
    [[nodiscard]] const std::string* find(std::string_view name) const;
    [[nodiscard]] std::size_t size() const { return fields_.size(); }
    [[nodiscard]] auto begin() const { return fields_.begin(); }
    [[nodiscard]] auto end() const { return fields_.end(); }
    friend bool operator==(const extension_fields&, const extension_fields&) = default;

private:
    std::vector<std::pair<std::string, std::string>> fields_;
};

/// One request or response.
struct remoting_command {
    std::int32_t code = 0;
    language from = language::cpp;
    std::int32_t version = protocol_version;
    std::int32_t opaque = 0;
    std::int32_t flag = 0;
    std::string remark;
    extension_fields fields;
    payload body;
    header_codec codec = header_codec::json; ///< as received; answers mirror it

    [[nodiscard]] bool is_response() const { return (flag & command_flag::response) != 0; }
    [[nodiscard]] bool is_oneway() const { return (flag & command_flag::oneway) != 0; }
};

/// Looks at the first bytes of a stream. nullopt: more bytes are needed. Otherwise the size of the whole first frame with
/// its length word. Fails with protocol_error for a length that is too small or over limits::frame_bytes_max, before
/// anything is allocated.
result<std::optional<std::size_t>> frame_size(std::string_view stream);

/// Takes one whole frame apart; the body shares `frame`'s buffer. Fails with protocol_error; never trusts a length.
result<remoting_command> decode_frame(const payload& frame);

/// The bytes before the body: length word, header length, header. `body_bytes` is what will follow. Fails with
/// argument_illegal when header and body do not fit into limits::frame_bytes_max. The header takes the command's form, but JSON when the code or a field name is
/// too long for the binary form. Every field is written as a JSON string, as C++ and Go clients need it.
result<std::string> encode_frame_head(const remoting_command& command, std::size_t body_bytes);
/// The whole frame of a command that is known to fit.
std::string encode_frame(const remoting_command& command);

} // namespace troupe::protocol
