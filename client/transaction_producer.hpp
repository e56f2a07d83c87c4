#pragma once

#include "client/connection.hpp"
#include "client/message.hpp"
#include "client/producer.hpp"
#include "protocol/vocabulary/result.hpp"

#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <vector>

namespace troupe::client {

struct transaction_receipt {
    send_receipt half;
    transaction_outcome outcome = transaction_outcome::unknown;
    /// The broker has stored the outcome. False: it was not reached, or the outcome is unknown; it asks `check`.
    bool is_stored = false;
    error failure; ///< why it was not stored; code none if there was nothing to store
};

struct transaction_producer_options {
    /// `group` names the producers that can answer for each other: each of its clients must know what became of a message of any.
    producer_options sending;
    /// Topics that will be sent to: their brokers can ask this client from the start, instead of from its first send to them on.
    std::vector<std::string> topics;
    std::size_t questions_max = 2'000; ///< waiting for `check`; more are dropped, and the broker asks again
};

/// Sends messages that consumers see only if a transaction of the program succeeds.
///
///     auto sent = producer.send(order_paid, [&](const send_receipt&) {
///         return database.commit() ? transaction_outcome::commit : transaction_outcome::roll_back;
///     });
///
/// `check` answers brokers that do not know what became of a message: this client, or one of its group, sent it and said nothing. It
/// must look at what the transaction left behind (in the database), not at what this process remembers, and say `unknown` while the
/// transaction still runs. It runs on a thread of its own, one call at a time; an exception that leaves it counts as `unknown`.
///
/// Threads  safe to use from any thread, not from `check` or a producer's callback.
/// Retries  a half message as other sends: a repeated one may be stored twice, and the broker asks about the other one.
///          An outcome until the request timeout of the connection; after that the broker asks.
/// Fails    open() with group_illegal, argument_illegal, already_exists (the connection has such a producer of this group);
///          send() as producer::send, and with message_illegal for a message with a delay or a time.
class transaction_producer {
public:
    using local_transaction = std::function<transaction_outcome(const send_receipt& half)>;
    using check_function = std::function<transaction_outcome(const received_message& half)>;
    using completion = std::function<void(result<transaction_receipt>)>;

    static result<transaction_producer> open(const connection& via, check_function check, transaction_producer_options options = {});
    transaction_producer(transaction_producer&&) noexcept;
    transaction_producer& operator=(transaction_producer&&) noexcept;
    transaction_producer(const transaction_producer&) = delete;
    transaction_producer& operator=(const transaction_producer&) = delete;
    ~transaction_producer(); ///< close()

    /// Stores the half message, runs `local` on the calling thread, and tells the broker what it returned. If `local` throws, the
    /// message is rolled back and the exception goes on. A failure means that no half message is known to be stored, and `local` did
    /// not run.
    result<transaction_receipt> send(message m, const local_transaction& local, const queue_choice& choice = {});
    /// The same without waiting. `local` and `done` run on threads of the client: neither may block. If `local` throws, the message is
    /// rolled back.
    void send_async(message m, local_transaction local, completion done, const queue_choice& choice = {});

    /// Ends it: brokers ask other clients of the group from now on. Waits for a `check` that runs, unless called from it; none is called
    /// after that. Completions with shutting_down may come when it has returned, until the connection's last copy is gone.
    void close();

private:
    class state;
    explicit transaction_producer(std::shared_ptr<state> s);
    std::shared_ptr<state> state_;
};

} // namespace troupe::client
