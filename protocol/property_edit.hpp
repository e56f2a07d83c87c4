#pragma once

#include <string>
#include <string_view>

/// Changes of single properties in an encoded property string (see properties.hpp), for brokers: what else a message carries
/// stays byte for byte, whoever wrote it.
namespace troupe::protocol {

/// Properties that a broker reads or writes. RocketMQ: MessageConst.
namespace property_name {
inline constexpr std::string_view delay = "DELAY"; ///< level, from 1; on a dead letter 0 or less
inline constexpr std::string_view real_topic = "REAL_TOPIC";
inline constexpr std::string_view real_queue = "REAL_QID";
inline constexpr std::string_view retry_topic = "RETRY_TOPIC"; ///< of the first delivery
inline constexpr std::string_view origin_message_id = "ORIGIN_MESSAGE_ID";
inline constexpr std::string_view origin_queue = "ORIGIN_QUEUE_ID"; ///< of the first delivery; Troupe's own, RocketMQ keeps none
inline constexpr std::string_view transaction = "TRAN_MSG";
inline constexpr std::string_view producer_group = "PGROUP";
inline constexpr std::string_view transaction_id = "__transactionId__"; ///< the unique key
inline constexpr std::string_view transaction_immunity = "CHECK_IMMUNITY_TIME_IN_SECONDS";
inline constexpr std::string_view receipt_handle = "POP_CK";
inline constexpr std::string_view first_pop_time = "1ST_POP_TIME"; ///< of a message that is delivered again
inline constexpr std::string_view region = "MSG_REGION";
inline constexpr std::string_view trace_on = "TRACE_ON";
inline constexpr std::string_view cluster = "CLUSTER";
inline constexpr std::string_view correlation_id = "CORRELATION_ID";   ///< of a request and its reply
inline constexpr std::string_view reply_to_client = "REPLY_TO_CLIENT"; ///< client id of whoever sent the request
inline constexpr std::string_view time_to_live = "TTL";                ///< how long it waits for the reply, ms
inline constexpr std::string_view message_type = "MSG_TYPE";           ///< "reply" on replies
inline constexpr std::string_view timer_delay_sec = "TIMER_DELAY_SEC";
inline constexpr std::string_view timer_delay_ms = "TIMER_DELAY_MS";
inline constexpr std::string_view timer_deliver_ms = "TIMER_DELIVER_MS";
/// The same as timer_deliver_ms from clients of Alibaba's ONS (Node's ali-ons: setStartDeliverTime); RocketMQ's brokers ignore it.
inline constexpr std::string_view start_deliver_time = "__STARTDELIVERTIME";
inline constexpr std::string_view timer_out_ms = "TIMER_OUT_MS";          ///< when a parked message is due
inline constexpr std::string_view timer_enqueue_ms = "TIMER_ENQUEUE_MS";  ///< when it was stored to wait
inline constexpr std::string_view timer_dequeue_ms = "TIMER_DEQUEUE_MS";  ///< when it was delivered
inline constexpr std::string_view timer_delete_key = "TIMER_DEL_UNIQKEY"; ///< the timer of this unique key shall not be delivered
} // namespace property_name

/// Takes out every property of that name.
void remove_property(std::string& encoded, std::string_view name);
/// Makes this the only property of that name. An empty value takes it out. Neither text may hold 0x01 or 0x02: who
/// takes one from a frame, a file or a stored record asks holds_property_end() first, or the process ends here.
void set_property(std::string& encoded, std::string_view name, std::string_view value);

} // namespace troupe::protocol
