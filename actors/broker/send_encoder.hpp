#pragma once

#include "actors/base/topic_directory.hpp"
#include "actors/base/transaction_room.hpp"
#include "actors/base/wall_clock.hpp"
#include "actors/messages/messages.hpp"
#include "actors/schedule/timer_message.hpp"
#include "storage/message_store.hpp"

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <vector>

namespace troupe::actors {

struct broker_options;

struct send_encoder_options {
    std::string cluster = "DefaultCluster";
    std::string region = "DefaultRegion";
    protocol::host_address store_host;      ///< written into records and message ids: the address that clients dial
    std::size_t batch_bytes_max = 7u << 20; ///< of a batch once each message is a record; see storage::batch_bytes_max
    std::int32_t delay_levels = 18;         ///< levels that a message may be delayed by; a higher one counts as the last
    std::shared_ptr<const transaction_room> transactions = nullptr;  ///< null: as many as come
    std::string broker_name = {};                                    ///< in recall handles
    std::chrono::milliseconds timer_horizon = timer_horizon_default; ///< how far ahead a message may be timed
    wall_clock now = system_wall_clock;                              ///< for timed messages
};

/// As the options of the broker say.
[[nodiscard]] send_encoder_options encoder_options(const broker_options& options);

/// What the answer to a send needs to know besides where the records went. Keep it with the ticket.
struct send_receipt {
    std::string transaction_id;              ///< the unique key; empty for a batch
    std::string recall_handle;               ///< of a timed message that waits
    queue_id queue;                          ///< that the sender asked for, also of one that waits in another
    std::vector<std::uint32_t> record_bytes; ///< size of each record, in order
};
struct encoded_send {
    storage::unplaced_records records;
    send_receipt receipt;
};

/// Checks a send against the broker's topics and limits, and encodes it as records that only lack their place. The one
/// way in for messages: gateways use it for frames, the broker for embedded clients.
///
/// Threads  not synchronised; one per gateway.
/// Source   order and outcome of checks: RocketMQ's SendMessageProcessor. Stricter in one thing: a topic or broker
///          without write permission refuses sends (RocketMQ only takes it out of the publish route).
///          A message with DELAY waits in the schedule topic (delayed_message.hpp), one with a TIMER_... property among the timers
///          (timer_message.hpp), one of a transaction in the half topic (transaction_record.hpp).
class send_encoder {
public:
    explicit send_encoder(send_encoder_options options);

    /// Fails with topic_illegal, topic_not_found, queue_not_found, not_permitted, body_too_large, properties_too_large,
    /// message_illegal, property_illegal. What would be delivered too early is refused with message_illegal: a message for a time that
    /// is too far ahead, one with a delay or a time in a batch or in a transaction, a transactional one in a batch. A half message is
    /// refused with busy when too many have no outcome, and with not_permitted when the broker takes none.
    /// On topic_not_found a gateway forwards the send to the broker, which may create the topic.
    result<encoded_send> encode(const send_messages& send, const topic_snapshot& topics);

    /// The answer, once the records have their place.
    [[nodiscard]] messages_stored describe(const send_receipt& receipt, const storage::placed_records& placed) const;

private:
    queue_id choose_queue(const topic_config& topic, queue_id wanted);
    std::string next_unique_key();
    [[nodiscard]] result<void> check_half(const send_messages& send, std::int32_t level) const;
    result<encoded_send> encode_single(const send_messages& send, queue_id queue);
    result<encoded_send> encode_batch(const send_messages& send, queue_id queue) const;

    send_encoder_options options_;
    std::string unique_prefix_; ///< hex of address, process and encoder
    std::uint64_t next_unique_ = 0;
    std::uint32_t next_queue_ = 0;
};

} // namespace troupe::actors
