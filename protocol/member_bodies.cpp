#include "protocol/member_bodies.hpp"

#include "protocol/client_body_codec.hpp"
#include "protocol/queue_codec.hpp"

#include <array>
#include <string_view>

namespace troupe::protocol {

namespace {

constexpr std::int64_t bytes_per_mib = std::int64_t{1} << 20;
constexpr std::array<std::string_view, 3> outcome_names{"CR_SUCCESS", "CR_LATER", "CR_THROW_EXCEPTION"};

void real_member(json_writer& json, std::string_view name, double value) {
    json.key(name);
    json.real(value);
}

/// What RocketMQ has for messages of its ordered consumers that wait for a commit is always nothing: there is no such wait here.
void write_held_queue(json_writer& json, const held_queue& queue) {
    json.begin_object();
    json.number_member("cachedMsgCount", queue.messages);
    json.number_member("cachedMsgMaxOffset", queue.last_offset);
    json.number_member("cachedMsgMinOffset", queue.first_offset);
    json.number_member("cachedMsgSizeInMiB", queue.bytes / bytes_per_mib);
    json.number_member("commitOffset", queue.position);
    json.boolean_member("droped", false); // RocketMQ's spelling
    json.number_member("lastConsumeTimestamp", queue.last_handled_ms);
    json.number_member("lastLockTimestamp", queue.locked_ms);
    json.number_member("lastPullTimestamp", queue.last_pull_ms);
    json.boolean_member("locked", queue.locked);
    json.number_member("transactionMsgCount", 0);
    json.number_member("transactionMsgMaxOffset", 0);
    json.number_member("transactionMsgMinOffset", 0);
    json.number_member("tryUnlockTimes", 0);
    json.end_object();
}

void write_rates(json_writer& json, const consume_rates& rates) {
    json.begin_object();
    json.number_member("consumeFailedMsgs", rates.failed_last_hour);
    real_member(json, "consumeFailedTPS", rates.failed_per_second);
    real_member(json, "consumeOKTPS", rates.done_per_second);
    real_member(json, "consumeRT", rates.handle_ms);
    real_member(json, "pullRT", rates.pull_ms);
    real_member(json, "pullTPS", rates.pulled_per_second);
    json.end_object();
}

} // namespace

std::string encode_running_info(const running_info& info) {
    std::string out;
    json_writer json{out};
    json.begin_object();
    json.key("mqTable");
    json.begin_object();
    for (const auto& [queue, held] : info.queues) {
        write_queue_key(json, queue);
        write_held_queue(json, held);
    }
    json.end_object();
    json.key("properties");
    json.begin_object();
    for (const auto& [name, value] : info.properties)
        json.text_member(name, value);
    json.end_object();
    json.key("statusTable");
    json.begin_object();
    for (const auto& [topic, rates] : info.rates) {
        json.key(topic);
        write_rates(json, rates);
    }
    json.end_object();
    write_array(json, "subscriptionSet", info.subscriptions,
                [&](const subscription_data& subscription) { write_subscription(json, subscription); });
    json.end_object();
    return out;
}

std::string encode_direct_result(const direct_result& result) {
    std::string out;
    json_writer json{out};
    json.begin_object();
    json.boolean_member("autoCommit", true);
    json.text_member("consumeResult", enum_name(outcome_names, result.outcome));
    json.boolean_member("order", result.ordered);
    if (!result.remark.empty())
        json.text_member("remark", result.remark);
    json.number_member("spentTimeMills", result.spent_ms);
    json.end_object();
    return out;
}

} // namespace troupe::protocol
