#include "client/producer.hpp"

#include "actors/net/broker_proxy.hpp"
#include "actors/schedule/timer_keeper.hpp"
#include "client/internal/asker.hpp"
#include "client/internal/connection_core.hpp"
#include "client/internal/sender.hpp"
#include "protocol/recall_handle.hpp"
#include "protocol/vocabulary/limits.hpp"
#include "protocol/vocabulary/names.hpp"

#include <caf/send.hpp>

#include <algorithm>
#include <cstdint>
#include <utility>

namespace troupe::client {

queue_choice queue_choice::by_key(std::string key) {
    queue_choice choice;
    choice.key_ = std::move(key);
    return choice;
}

queue_choice queue_choice::exactly(message_queue queue) {
    queue_choice choice;
    choice.queue_ = std::move(queue);
    return choice;
}

queue_choice queue_choice::by(std::function<std::size_t(std::span<const message_queue>)> choose) {
    queue_choice choice;
    choice.choose_ = std::move(choose);
    return choice;
}

namespace {

using batch_outcome = result<std::vector<send_receipt>>;

result<send_receipt> single(batch_outcome outcome) {
    if (!outcome)
        return outcome.failure();
    return std::move(outcome->front());
}

/// For a message that is refused at once; as sender_shared::finish for the others.
void tell(const producer::completion& done, const error& failure) {
    try {
        done(failure);
    } catch (...) { // NOLINT(bugprone-empty-catch): the same for every outcome
    }
}

} // namespace

class producer::state {
public:
    state(connection via, const producer_options& options)
        : via_{std::move(via)},
          shared_{std::make_shared<sender_shared>(options)},
          actor_{spawn_sender(via_.core().system(), shared_, via_.core().hub())} {}
    state(const state&) = delete;
    state& operator=(const state&) = delete;
    ~state() { close(); }

    /// Checks and encodes; the caller fills in how to go on.
    result<std::unique_ptr<pending_send>> prepare(std::vector<message> messages, const queue_choice& choice, bool half = false);
    /// Fails with busy or shutting_down, and then `send` was not taken.
    result<void> admit(std::unique_ptr<pending_send>& send, milliseconds timeout);
    result<void> admit(std::unique_ptr<pending_send>& send) { return admit(send, shared_->options.send_timeout); }
    void close();
    [[nodiscard]] sender_shared& shared() const { return *shared_; }
    [[nodiscard]] const connection& via() const { return via_; }

private:
    connection via_; // keeps the actor system alive
    std::shared_ptr<sender_shared> shared_;
    producer_actor actor_;
};

result<std::unique_ptr<pending_send>> producer::state::prepare(std::vector<message> messages, const queue_choice& choice, bool half) {
    if (messages.empty())
        return error{errc::message_illegal, "the batch holds no message"};
    auto send = std::make_unique<pending_send>();
    send->choice = choice;
    const auto& options = shared_->options;
    const auto compress_from = messages.size() == 1 && options.compress_from_bytes > 0 ? options.compress_from_bytes : SIZE_MAX;
    std::size_t together = 0;
    for (auto& m : messages) {
        auto encoded = half ? encode_half(std::move(m), shared_->options.group, shared_->ids, wall_clock_ms())
                            : encode_send(std::move(m), shared_->ids, wall_clock_ms());
        if (!encoded)
            return encoded.failure();
        if (encoded->body.size() >= compress_from)
            compress(*encoded, options.compress_with, options.compress_level);
        send->bytes += encoded->bytes();
        together += batch_bytes(*encoded);
        send->messages.push_back(std::move(*encoded));
    }
    for (const auto& m : send->messages)
        if (m.topic != send->messages.front().topic)
            return error{errc::message_illegal,
                         "a batch goes to one topic; this one names " + send->messages.front().topic + " and " + m.topic};
    const bool has_delayed = std::any_of(send->messages.begin(), send->messages.end(), [](const auto& m) { return m.delayed; });
    if (send->messages.size() > 1 && has_delayed)
        return error{errc::message_illegal, "messages of a batch cannot be delayed; send those with a delay or a time one by one"};
    send->alone = has_delayed || half || send->messages.front().compression_flags != 0;
    if (send->messages.size() > 1 && together > limits::body_bytes_max)
        return error{errc::body_too_large,
                     "batch of " + std::to_string(together) + " bytes; the limit is " + std::to_string(limits::body_bytes_max)};
    return send;
}

result<void> producer::state::admit(std::unique_ptr<pending_send>& send, milliseconds timeout) {
    const auto& options = shared_->options;
    const error closed{errc::shutting_down, "the producer was closed"};
    if (shared_->closed)
        return closed;
    // Virtual in tests: the actor's clock decides about deadlines, the real one about how long a thread is held up.
    send->attempts = send_attempts{via_.core().system().clock().now() + timeout, options.retries_max};
    const bool may_wait = options.full == when_full::block && !inside_callback();
    const auto count = send->messages.size();
    if (!shared_->window.try_take(count, send->bytes) &&
        !(may_wait && shared_->window.take(count, send->bytes, std::chrono::steady_clock::now() + timeout))) {
        if (shared_->closed)
            return closed;
        return error{errc::busy, "the producer has " + std::to_string(shared_->window.messages()) + " messages of " +
                                     std::to_string(shared_->window.bytes()) + " bytes unanswered, which is its bound"};
    }
    if (shared_->incoming.put(std::move(send)))
        caf::anon_send(actor_, inbox_filled{});
    if (shared_->closed) // the actor may have ended before it saw the inbox
        for (auto& left : shared_->incoming.take_all())
            shared_->finish(*left, closed);
    return {};
}

void producer::state::close() {
    shared_->closed = true;
    shared_->window.close();
    caf::anon_send_exit(actor_, caf::exit_reason::user_shutdown);
}

producer::producer(std::shared_ptr<state> s) : state_{std::move(s)} {}
producer::producer(producer&&) noexcept = default;
producer& producer::operator=(producer&&) noexcept = default;
producer::~producer() = default;

result<producer> producer::open(const connection& via, producer_options options) {
    if (auto legal = check_group_name(options.group); !legal)
        return legal.failure();
    if (options.send_timeout <= milliseconds{0} || options.requests_per_queue_max == 0)
        return error{errc::argument_illegal, "send_timeout and requests_per_queue_max must be above 0"};
    if (const auto levels = protocol::levels_of(options.compress_with);
        options.compress_level && (*options.compress_level < levels.min || *options.compress_level > levels.max))
        return error{errc::argument_illegal, "compress_level is " + std::to_string(*options.compress_level) + "; " +
                                                 std::string{protocol::name_of(options.compress_with)} + " has " +
                                                 std::to_string(levels.min) + " to " + std::to_string(levels.max)};
    options.send_timeout = bounded(options.send_timeout);
    return producer{std::make_shared<state>(via, options)};
}

void producer::send_async(message m, completion done, const queue_choice& choice) {
    send_one(std::move(m), std::move(done), choice, false, state_->shared().options.send_timeout);
}

void producer::send_within(std::chrono::milliseconds timeout, message m, completion done, const queue_choice& choice) {
    send_one(std::move(m), std::move(done), choice, false, std::min(timeout, state_->shared().options.send_timeout));
}

void producer::send_half(message m, completion done, const queue_choice& choice) {
    send_one(std::move(m), std::move(done), choice, true, state_->shared().options.send_timeout);
}

void producer::send_one(message m, completion done, const queue_choice& choice, bool half, std::chrono::milliseconds timeout) {
    std::vector<message> one;
    one.push_back(std::move(m));
    auto send = state_->prepare(std::move(one), choice, half);
    if (!send) {
        tell(done, send.failure());
        return;
    }
    auto shared_done = std::make_shared<completion>(std::move(done));
    (*send)->done = [shared_done](batch_outcome outcome) { (*shared_done)(single(std::move(outcome))); };
    if (auto taken = state_->admit(*send, timeout); !taken)
        tell(*shared_done, taken.failure());
}

std::future<result<send_receipt>> producer::send_async(message m, const queue_choice& choice) {
    auto promise = std::make_shared<std::promise<result<send_receipt>>>();
    auto answer = promise->get_future();
    send_async(
        std::move(m), [promise](result<send_receipt> outcome) { promise->set_value(std::move(outcome)); }, choice);
    return answer;
}

result<send_receipt> producer::send(message m, const queue_choice& choice) {
    return send_async(std::move(m), choice).get(); // the sender answers each message by its deadline
}

result<void> producer::send_oneway(message m, const queue_choice& choice) {
    std::vector<message> one;
    one.push_back(std::move(m));
    auto send = state_->prepare(std::move(one), choice);
    if (!send)
        return send.failure();
    (*send)->once = true;
    return state_->admit(*send);
}

result<std::vector<send_receipt>> producer::send_batch(std::vector<message> batch, const queue_choice& choice) {
    auto send = state_->prepare(std::move(batch), choice);
    if (!send)
        return send.failure();
    auto promise = std::make_shared<std::promise<batch_outcome>>();
    auto answer = promise->get_future();
    (*send)->done = [promise](batch_outcome outcome) { promise->set_value(std::move(outcome)); };
    if (auto taken = state_->admit(*send); !taken)
        return taken.failure();
    return answer.get();
}

result<std::string> producer::recall(const std::string& topic, const std::string& handle) {
    if (auto legal = check_topic_name(topic); !legal)
        return legal.failure();
    const auto decoded = protocol::decode_recall_handle(handle);
    if (!decoded)
        return decoded.failure();
    asker ask{state_->via()};
    auto brokers = ask.brokers({decoded->broker_name});
    if (!brokers)
        return brokers.failure();
    const auto& broker = brokers->begin()->second;
    auto recalled = ask.ask<actors::message_recalled>(actors::net::role_of<actors::timers_actor>(broker),
                                                      actors::recall_message{topic, handle, state_->shared().options.group});
    if (!recalled)
        return recalled.failure();
    return std::move(recalled->unique_key);
}

bool producer::flush(std::chrono::milliseconds timeout) {
    return !inside_callback() && state_->shared().window.wait_empty(std::chrono::steady_clock::now() + bounded(timeout));
}

void producer::close() {
    state_->close();
}

producer_counters producer::counters() const {
    const auto& shared = state_->shared();
    return {shared.messages_sent, shared.messages_failed, shared.attempts_retried, shared.requests};
}

} // namespace troupe::client
