#pragma once

#include "client/internal/unique_key.hpp"
#include "client/message.hpp"
#include "protocol/body_compression.hpp"
#include "protocol/vocabulary/payload.hpp"
#include "protocol/vocabulary/result.hpp"

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <vector>

namespace troupe::client {

/// A message as it travels: checked, with its id among its properties.
struct encoded_message {
    std::string topic;
    std::string properties;
    std::string sharding_key;
    std::string message_id;
    std::int32_t flag = 0;
    payload body;
    std::int32_t compression_flags = 0; ///< of the sys flag
    bool delayed = false;
    bool half = false; ///< begins a transaction
    [[nodiscard]] std::size_t bytes() const { return body.size() + properties.size(); }
};

/// Checks everything that a broker would refuse. Fails with topic_illegal, body_too_large, message_illegal (empty body),
/// property_illegal (reserved name, separator byte, a key with a space, a delay that is none or several), properties_too_large.
result<encoded_message> encode_send(message m, unique_key_generator& ids, std::int64_t now_ms);
/// As a half message of the producer group; with a delay it fails with message_illegal.
result<encoded_message> encode_half(message m, const std::string& group, unique_key_generator& ids, std::int64_t now_ms);

/// Compresses the body, if that makes it smaller. Such a message cannot share a request with others: those have no sys flag each.
void compress(encoded_message& m, protocol::compression how, std::optional<int> level);

/// Several messages as the body of one batch request. RocketMQ: MessageBatch, MessageDecoder.encodeMessages.
payload encode_batch(std::span<const encoded_message* const> messages);
/// What a message takes in a batch body.
std::size_t batch_bytes(const encoded_message& m);

/// Splits the comma-joined ids of a batch's answer; missing ones are empty.
std::vector<std::string> split_ids(std::string_view joined, std::size_t count);

} // namespace troupe::client
