#include "client/transaction_producer.hpp"

#include "client/internal/connection_core.hpp"
#include "client/internal/transaction_agent.hpp"
#include "protocol/message_codec.hpp"

#include <caf/send.hpp>

#include <atomic>
#include <chrono>
#include <functional>
#include <future>
#include <string>
#include <utility>

namespace troupe::client {

namespace {

/// Among the groups that the connection's consumers claim; no group has a space in its name.
std::string claim_of(const std::string& group) {
    return "transactions of " + group;
}

result<actors::end_transaction> order_of(const std::string& group, const send_receipt& half, transaction_outcome outcome) {
    const auto place = protocol::parse_offset_message_id(half.offset_message_id);
    if (!place)
        return place.failure();
    const auto decision =
        outcome == transaction_outcome::commit ? actors::transaction_decision::commit : actors::transaction_decision::roll_back;
    return actors::end_transaction{group, place->second, half.offset, decision, false, half.message_id, half.queue.topic};
}

/// Tells the caller what became of an outcome; at the latest when nobody can do so any more.
class told_once {
public:
    told_once(std::function<void(transaction_receipt)> done, transaction_receipt receipt)
        : done_{std::move(done)}, receipt_{std::move(receipt)} {}
    ~told_once() { tell({errc::shutting_down, "the producer was closed; the broker asks another one of its group"}); }
    told_once(const told_once&) = delete;
    told_once& operator=(const told_once&) = delete;

    void tell(const error& failure) {
        const auto done = std::exchange(done_, nullptr);
        if (!done)
            return;
        receipt_.is_stored = failure.code == errc::none;
        receipt_.failure = failure;
        try {
            done(std::move(receipt_));
        } catch (...) { // NOLINT(bugprone-empty-catch): the caller's exceptions end here
        }
    }

private:
    std::function<void(transaction_receipt)> done_;
    transaction_receipt receipt_;
};

/// Tells brokers. Copies go with what is under way: nothing there may keep the producer, and with it the actor system, alive.
struct ender {
    std::string group;
    transaction_agent_actor agent;

    /// Calls `done` once, with what became of it.
    void end(const send_receipt& half, transaction_outcome outcome, const std::function<void(transaction_receipt)>& done) const {
        transaction_receipt receipt{half, outcome, false, {}};
        if (outcome == transaction_outcome::unknown)
            return done(receipt);
        auto order = order_of(group, half, outcome);
        if (!order) {
            receipt.failure = order.failure();
            return done(receipt);
        }
        const auto told = std::make_shared<told_once>(done, std::move(receipt));
        caf::anon_send(agent, end_half{std::move(*order), half.queue.broker_name, [told](const error& failure) { told->tell(failure); }});
    }
};

} // namespace

class transaction_producer::state {
public:
    state(connection via, producer sender, transaction_agent_options options)
        : via_{std::move(via)},
          timeout_{options.request_timeout},
          sender_{std::move(sender)},
          gate_{options.gate},
          ender_{options.group, {}} {
        ender_.agent = spawn_transaction_agent(via_.core().system(), std::move(options));
    }
    state(const state&) = delete;
    state& operator=(const state&) = delete;
    ~state() { close(); }

    [[nodiscard]] producer& sender() { return sender_; }
    [[nodiscard]] const ender& how_to_end() const { return ender_; }
    [[nodiscard]] std::chrono::milliseconds timeout() const { return timeout_; }

    void close() {
        if (!closed_.exchange(true)) {
            sender_.close();
            caf::anon_send_exit(ender_.agent, caf::exit_reason::user_shutdown);
            via_.core().release_group(claim_of(ender_.group));
        }
        gate_->close(); // each time: somebody else may still wait, too
    }

private:
    connection via_; // keeps the actor system alive
    std::chrono::milliseconds timeout_;
    producer sender_;
    std::shared_ptr<call_gate> gate_;
    ender ender_;
    std::atomic<bool> closed_{false};
};

transaction_producer::transaction_producer(std::shared_ptr<state> s) : state_{std::move(s)} {}
transaction_producer::transaction_producer(transaction_producer&&) noexcept = default;
transaction_producer& transaction_producer::operator=(transaction_producer&&) noexcept = default;
transaction_producer::~transaction_producer() = default;

result<transaction_producer> transaction_producer::open(const connection& via, check_function check, transaction_producer_options options) {
    if (!check)
        return error{errc::argument_illegal, "a transactional producer needs a function that says what became of a message"};
    if (options.questions_max == 0)
        return error{errc::argument_illegal, "questions_max must be above 0"};
    auto sender = producer::open(via, options.sending);
    if (!sender)
        return sender.failure();
    if (!via.core().claim_group(claim_of(options.sending.group)))
        return error{errc::already_exists, "the connection has a transactional producer of group " + options.sending.group + " already"};
    transaction_agent_options agent;
    agent.hub = via.core().hub();
    agent.group = options.sending.group;
    agent.topics = std::move(options.topics);
    agent.check = std::move(check);
    agent.request_timeout = via.options().request_timeout;
    agent.questions_max = options.questions_max;
    return transaction_producer{std::make_shared<state>(via, std::move(*sender), std::move(agent))};
}

result<transaction_receipt> transaction_producer::send(message m, const local_transaction& local, const queue_choice& choice) {
    auto stored = std::make_shared<std::promise<result<send_receipt>>>();
    auto half = stored->get_future();
    state_->sender().send_half(
        std::move(m), [stored](result<send_receipt> outcome) { stored->set_value(std::move(outcome)); }, choice);
    const auto receipt = half.get(); // the sender answers each message by its deadline
    if (!receipt)
        return receipt.failure();
    auto outcome = transaction_outcome::unknown;
    try {
        outcome = local(*receipt);
    } catch (...) {
        state_->how_to_end().end(*receipt, transaction_outcome::roll_back, [](const transaction_receipt&) {});
        throw;
    }
    auto ended = std::make_shared<std::promise<transaction_receipt>>();
    auto answer = ended->get_future();
    state_->how_to_end().end(*receipt, outcome, [ended](transaction_receipt told) { ended->set_value(std::move(told)); });
    // The agent ends each within its timeout, and tells all that are left when it ends itself.
    if (answer.wait_for(state_->timeout() + std::chrono::seconds{1}) == std::future_status::ready)
        return answer.get();
    return transaction_receipt{*receipt, outcome, false, {errc::timed_out, "the broker was not told in time; it asks"}};
}

void transaction_producer::send_async(message m, local_transaction local, completion done, const queue_choice& choice) {
    state_->sender().send_half(
        std::move(m),
        [by = state_->how_to_end(), local = std::move(local), done = std::move(done)](result<send_receipt> stored) {
            if (!stored)
                return done(stored.failure());
            auto outcome = transaction_outcome::roll_back;
            try {
                outcome = local(*stored);
            } catch (...) { // NOLINT(bugprone-empty-catch): rolled back
            }
            by.end(*stored, outcome, [done](transaction_receipt told) { done(std::move(told)); });
        },
        choice);
}

void transaction_producer::close() {
    state_->close();
}

} // namespace troupe::client
