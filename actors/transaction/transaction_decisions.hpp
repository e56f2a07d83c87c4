#pragma once

#include "actors/base/topic_directory.hpp"
#include "actors/base/wall_clock.hpp"
#include "actors/messages/internal_roles.hpp"
#include "actors/messages/transaction_messages.hpp"
#include "actors/transaction/transaction_finder.hpp"
#include "actors/transaction/transaction_table.hpp"
#include "protocol/message_codec.hpp"
#include "protocol/vocabulary/ids.hpp"
#include "protocol/vocabulary/result.hpp"

#include <caf/typed_response_promise.hpp>

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <unordered_map>
#include <vector>

namespace troupe::actors {

struct transaction_decisions_options {
    std::shared_ptr<const storage::message_store> store;
    std::shared_ptr<const topic_directory> topics;
    protocol::host_address store_host;
    wall_clock now = system_wall_clock;
    std::size_t waiting_max = 100'000;
};

/// Decisions of transactions: which record is the outcome of each, and who waits until it is in the log. Which are under way, and what was
/// decided lately, is the table's knowledge.
///
/// Threads  not synchronised. Blocks on the disk.
/// Bounded  at most `waiting_max` are under way, and as many wait for them; beyond it the answer is busy. What the broker itself decides
///          comes on top: it is given up at most once for each half message, whose number the broker bounds.
/// Always   1. Nothing is appended for a half message that has an outcome, or a decision under way.
///          2. Who was kept as waiting is given back exactly once, by take, for their owner to answer.
/// States   docs/states/transaction.md
class transaction_decisions {
public:
    /// Who waits for a decision: with a promise, or with a ticket.
    struct waiter {
        caf::typed_response_promise<transaction_ended> promise;
        ticket_holder_actor holder; ///< null: the promise
        std::uint64_t ticket = 0;
    };
    /// One on its way to the log.
    struct decision {
        log_position half;
        std::optional<transaction_decision> what; ///< none: it is given up
        std::string group;
        queue_offset offset;
        std::vector<waiter> waiting;
    };

    /// `table` outlives this.
    transaction_decisions(transaction_decisions_options options, transaction_table& table);

    /// Whether another decision of the transaction at `half` is under way: join it then, else ask for its outcome.
    [[nodiscard]] bool is_under_way(log_position half) const { return table_->is_deciding(half); }
    /// `waiting` shares what comes of the decision that is under way. Fails as end_transaction, when that is another one, too.
    result<void> join(const end_transaction& order, const waiter& waiting);
    /// What is to be appended so that the transaction is decided; sent() is to be called then. Nothing: it was decided like this before.
    /// Fails as end_transaction.
    [[nodiscard]] result<std::optional<protocol::message>> outcome_of(const end_transaction& order) const;
    /// The outcome is on its way to the log. None of the same half message is.
    void sent(decision next);
    /// The log writer has answered: the outcome of the half message there is in the log, or `failure` says why it is not. Nothing: no decision
    /// of it was under way.
    [[nodiscard]] std::optional<decision> take(log_position half, const error& failure);

    /// None is on its way.
    [[nodiscard]] bool is_idle() const { return under_way_.empty(); }

private:
    [[nodiscard]] error crowded() const;
    [[nodiscard]] result<void> check_may_begin(log_position half) const;
    [[nodiscard]] result<void> check_decided(const end_transaction& order) const;
    [[nodiscard]] result<protocol::message> record_of(protocol::message half, transaction_decision what) const;
    [[nodiscard]] result<void> place(protocol::message& message) const;

    transaction_decisions_options options_;
    transaction_table* table_;
    transaction_finder finder_;
    std::unordered_map<std::int64_t, decision> under_way_; ///< by position of the half message
    std::size_t waiting_ = 0;                              ///< in under_way_
};

} // namespace troupe::actors
