#pragma once

#include "actors/base/transaction_room.hpp"
#include "actors/messages/transaction_messages.hpp"
#include "actors/transaction/transaction_finder.hpp"
#include "actors/transaction/transaction_table.hpp"
#include "protocol/message_codec.hpp"
#include "protocol/vocabulary/ids.hpp"
#include "protocol/vocabulary/result.hpp"

#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <unordered_map>
#include <vector>

namespace troupe::actors {

struct transaction_resumptions_options {
    std::shared_ptr<const storage::message_store> store;
    std::shared_ptr<const transaction_room> room; ///< null: as many as come
    protocol::host_address store_host;
    std::size_t waiting_max = 1'000;
};

/// Given-up transactions that are to go on: the half message of each, and who waits until it is in the log.
///
/// Threads  not synchronised. Blocks on the disk.
/// Bounded  at most `waiting_max` wait; beyond it the answer is busy.
/// Always   1. Of one given-up message at most one half message is on its way to the log, and none if the log has one. Whoever asks
///             meanwhile, or later, is told of that one.
///          2. A continuation that was kept is given back exactly once, by take, for its owner to call.
/// States   docs/states/transaction.md
class transaction_resumptions {
public:
    using continuation = std::function<void(const result<transaction_resumed>& outcome)>;

    explicit transaction_resumptions(transaction_resumptions_options options);

    /// What one goes on as.
    struct half_message {
        log_position given_up;
        protocol::message message; ///< names the given-up one
    };
    /// What is to be appended; sent() is to be called then. Nothing: `done` has heard what it goes on as (or corrupt, when nobody can tell what
    /// became of that), or is kept until it is known. `decisions` says which half messages are just being decided. Fails as resume_transaction
    /// and, after stop(), with shutting_down; `done` is neither called nor kept then.
    result<std::optional<half_message>> begin(const resume_transaction& order, const transaction_table& decisions,
                                              const continuation& done);
    /// The half message is on its way to the log, as `ticket`. Keeps `done`. Nothing else may begin between begin() and this.
    void sent(std::uint64_t ticket, log_position given_up, const continuation& done);

    struct resumption {
        log_position given_up;
        std::vector<continuation> waiting;
    };
    /// The log writer has answered. Nothing: the ticket is not one of these.
    [[nodiscard]] std::optional<resumption> take(std::uint64_t ticket);

    /// None begins any more.
    void stop() { is_stopped_ = true; }
    /// None is on its way.
    [[nodiscard]] bool is_idle() const { return under_way_.empty(); }

private:
    [[nodiscard]] result<void> check_ours(const std::string& message_id, const protocol::host_address& host, log_position position) const;
    [[nodiscard]] result<void> check_may_begin() const;
    [[nodiscard]] bool goes_on(log_position given_up, const continuation& done);
    [[nodiscard]] result<log_position> given_up_of(const protocol::message& half, const transaction_table& decisions) const;

    transaction_resumptions_options options_;
    transaction_finder finder_;
    std::unordered_map<std::uint64_t, resumption> under_way_; ///< by ticket
    std::size_t waiting_ = 0;                                 ///< in under_way_
    bool is_stopped_ = false;
};

} // namespace troupe::actors
