#pragma once

#include "protocol/vocabulary/payload.hpp"
#include "protocol/vocabulary/result.hpp"

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <vector>

/// The body of a batch send: messages for one queue, one after the other.
///
/// Element, big-endian:  u32 bytes | u32 magic 0 | u32 checksum 0 | i32 flag | u32 body_bytes, body | u16 properties_bytes, properties
/// bytes counts the whole element. Source: RocketMQ's MessageDecoder.encodeMessages.
namespace troupe::protocol {

/// One message of a batch; topic, queue and times come from the header of the request.
struct batch_element {
    std::int32_t flag = 0;
    payload body;
    std::string properties; ///< encoded, see properties.hpp
    friend bool operator==(const batch_element&, const batch_element&) = default;
};

/// Bytes of an element beside its body and properties.
inline constexpr std::size_t batch_element_head_bytes = 22;

/// Fails with message_illegal (no element, an empty body), properties_too_large, or body_too_large: all together may have
/// limits::body_bytes_max bytes.
result<std::string> encode_batch(std::span<const batch_element> elements);

/// The bodies share `body`'s buffer. Fails with message_illegal, naming what and where; body_too_large as above.
result<std::vector<batch_element>> decode_batch(const payload& body);

} // namespace troupe::protocol
