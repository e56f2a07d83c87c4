#pragma once

#include "protocol/vocabulary/ids.hpp"
#include "protocol/vocabulary/result.hpp"

#include <string>
#include <string_view>

namespace troupe::protocol {

/// Names a message that waits for its time, for whoever may want it back: the answer to its send carries it as text.
/// Text: "v1 topic broker time key" in the base64 of URLs. Source: RocketMQ's RecallMessageHandle.
struct recall_handle {
    std::string topic; ///< that the message is for
    std::string broker_name;
    timestamp_ms time; ///< one millisecond after the message is due, as RocketMQ writes it
    std::string unique_key;
    friend bool operator==(const recall_handle&, const recall_handle&) = default;
};

/// None of the texts may be empty or hold what separates properties, and only the key may hold a space.
[[nodiscard]] std::string encode_recall_handle(const recall_handle& handle);
/// Padding may be missing. Fails with operation_illegal, as RocketMQ answers.
result<recall_handle> decode_recall_handle(std::string_view text);

} // namespace troupe::protocol
