#include "actors/messages/type_ids.hpp"
#include "client/internal/reader_state.hpp"
#include "client/internal/to_received.hpp"
#include "client/internal/unique_key.hpp"
#include "protocol/message_codec.hpp"
#include "protocol/request_code.hpp"
#include "protocol/response_code.hpp"

#include <caf/actor_cast.hpp>
#include <caf/send.hpp>

#include <utility>

namespace troupe::client {

namespace {

/// "V5_3_3": tools show it as the client's version.
constexpr const char* client_version = "V5_3_3";

actors::client_answered too_slow(const std::string& text) {
    return {protocol::response_code::consume_msg_timeout, text, {}};
}

} // namespace

caf::result<actors::client_answered> reader_state::handle(const actors::forward_to_client& order) {
    namespace code = protocol::request_code;
    switch (order.code) {
    case code::get_consumer_running_info:
        take_reports();
        return actors::client_answered{protocol::response_code::success, {}, payload{protocol::encode_running_info(running_info())}};
    case code::consume_message_directly: return consume_directly(order);
    default: return actors::make_caf_error(errc::not_supported, "a consumer does not answer request " + std::to_string(order.code));
    }
}

// ---- running info ---------------------------------------------------------------------------------------------------

protocol::running_info reader_state::running_info() const {
    protocol::running_info info;
    info.properties = {
        {"PROP_CLIENT_VERSION", client_version},
        {"PROP_CONSUMEORDERLY", options.ordered ? "true" : "false"},
        {"PROP_CONSUMER_START_TIMESTAMP", std::to_string(started_ms)},
        {"PROP_CONSUME_TYPE", "CONSUME_PASSIVELY"},
        {"PROP_NAMESERVER_ADDR", options.name_servers},
        {"PROP_THREADPOOL_CORE_SIZE", std::to_string(options.handler_threads)},
    };
    info.subscriptions = membership().subscriptions;
    for (const auto& [queue, progress] : queues)
        info.queues.emplace(queue, held(queue, progress));
    for (const auto& [topic, interest] : topics)
        if (interest.subscribed)
            info.rates.emplace(topic, statistics.rates_of(topic, now()));
    return info;
}

protocol::held_queue reader_state::held(const message_queue& queue, const queue_progress& progress) const {
    protocol::held_queue told;
    const auto& tracker = progress.tracker;
    if (progress.located)
        told.position = tracker.position().value();
    if (const auto newest = tracker.newest()) {
        told.first_offset = tracker.position().value();
        told.last_offset = newest->value();
        told.messages = static_cast<std::int64_t>(tracker.outstanding());
        told.bytes = static_cast<std::int64_t>(progress.window.bytes());
    }
    told.last_pull_ms = progress.last_pull_ms;
    told.last_handled_ms = progress.last_handled_ms;
    const auto belief = needs_locks() ? locks.belief_in(queue) : nullptr;
    if (const auto asked = belief ? belief->asked() : std::nullopt; asked && belief->holds(lock_now())) {
        told.locked = true;
        told.locked_ms = wall_clock_ms() - std::chrono::duration_cast<milliseconds>(now() - asked->steady).count();
    }
    return told;
}

caf::result<actors::client_status_told> reader_state::handle(const actors::ask_client_status& order) {
    take_reports();
    actors::client_status_told told;
    for (const auto& [queue, position] : positions())
        if (queue.topic == order.topic)
            told.offsets.emplace(queue, position.value());
    return told;
}

// ---- one message at a tool's word -----------------------------------------------------------------------------------

caf::result<actors::client_answered> reader_state::consume_directly(const actors::forward_to_client& order) {
    if (ending)
        return actors::make_caf_error(errc::shutting_down, "the consumer is being stopped");
    auto record = protocol::decode_record(order.body);
    if (!record)
        return actors::make_caf_error(record.failure());
    const auto* broker_name = order.fields.find("brokerName");
    const message_queue queue{record->topic, broker_name != nullptr ? *broker_name : "", record->queue.value()};
    const auto number = ++direct_number;
    const auto report = [reader = self->address(), number](protocol::direct_result result) {
        if (auto strong = caf::actor_cast<reader_actor>(reader))
            caf::anon_send(strong, directly_consumed{number, std::move(result)});
    };
    const auto sys_flag = record->sys_flag;
    const auto one = std::make_shared<direct_consumption>(stored_message{to_received_packed(queue, std::move(*record)), sys_flag}, report);
    if (!sink->consume(one))
        return actors::make_caf_error(errc::busy,
                                      "the consumer takes no message at a tool's word now: it is being stopped, or too many wait");
    auto promise = self->make_response_promise<actors::client_answered>();
    direct.emplace(number, open_consumption{promise, one, now() + direct_consumption_timeout});
    arm();
    return promise;
}

void reader_state::handle(const directly_consumed& event) {
    auto open = direct.extract(event.number);
    if (!open.empty()) // else it was too slow
        open.mapped().promise.deliver(
            actors::client_answered{protocol::response_code::success, {}, payload{protocol::encode_direct_result(event.result)}});
}

void reader_state::give_up_direct() {
    while (!direct.empty() && direct.begin()->second.deadline <= now()) {
        auto open = direct.extract(direct.begin());
        const auto waited = std::to_string(direct_consumption_timeout.count()) + " ms";
        open.mapped().promise.deliver(too_slow(
            open.mapped().one->give_up()
                ? "the handler has had the message for up to " + waited + " and is not through with it; what it will say is not told"
                : "no handler thread was free within " + waited + "; the handler did not get the message"));
    }
}

void reader_state::end_direct() {
    for (auto& [number, open] : std::exchange(direct, {})) {
        open.one->give_up();
        open.promise.deliver(actors::make_caf_error(errc::shutting_down, "the consumer was stopped meanwhile"));
    }
}

// ---- offsets from outside -------------------------------------------------------------------------------------------

void reader_state::handle(const actors::adopt_offsets& order) {
    if (ending)
        return;
    take_reports();
    const auto begin_at = [this](queue_progress& progress, queue_offset offset) {
        progress.start_at(offset, false);
        // Committed whatever was committed before: a commit of how far it was may be on its way to the broker.
        progress.committed.reset();
        commit_due = now();
    };
    for (const auto& [queue, offset] : order.offsets) {
        if (queue.topic != order.topic || offset < 0)
            continue;
        if (const auto left = leaving.find(queue); left != leaving.end()) // what its handler still does counts no more
            begin_at(left->second.progress, queue_offset{offset});
        const auto at = queues.find(queue);
        if (at == queues.end()) // another member's
            continue;
        at->second.given_up.clear(); // an operator wants to have them again, perhaps
        restart(queue, at->second, std::nullopt);
        begin_at(at->second, queue_offset{offset});
        if (needs_locks())
            at->second.adopted = queue_offset{offset};
    }
    work();
}

} // namespace troupe::client
