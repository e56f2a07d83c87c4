#pragma once

#include "actors/messages/transaction_messages.hpp"
#include "protocol/message_codec.hpp"
#include "protocol/transaction_bodies.hpp"
#include "protocol/vocabulary/ids.hpp"
#include "protocol/vocabulary/result.hpp"

#include <memory>
#include <optional>
#include <string>
#include <utility>

namespace troupe::storage {
class message_store;
}

namespace troupe::actors {

/// Finds what the log says of transactions: half messages, what became of them, and which there are.
///
/// Threads  as the store's readers: any. Blocks on the disk.
/// Bounded  one search looks at 64 MiB of messages, about, and one list at 1,024 messages or 4 MiB.
class transaction_finder {
public:
    /// `store` is not null.
    explicit transaction_finder(std::shared_ptr<const storage::message_store> store) : store_{std::move(store)} {}

    // ---- single ones -------------------------------------------------------------------------------------------------

    /// The message at a position. Fails with what the store fails with; see is_damage.
    [[nodiscard]] result<protocol::message> read(log_position position) const;
    /// What became of a half message that is not pending; none: it was given up. Fails with io, corrupt, and with message_not_found when no
    /// record says so any more, or too many have its key.
    [[nodiscard]] result<std::optional<transaction_decision>> find_outcome(const protocol::message& half) const;
    /// Where the record is that it was given up. Nothing: there is none. Fails as find_outcome.
    [[nodiscard]] result<std::optional<log_position>> find_given_up(const protocol::message& half) const;

    // ---- lists -------------------------------------------------------------------------------------------------------

    /// Those without an outcome, of `order.group`, behind `order.after`: at most `order.transactions_max`, which is at least 1.
    [[nodiscard]] protocol::transaction_list list_pending(const list_transactions& order) const;
    /// Likewise, those that were given up and not resumed, from `order.from` on. Fails with io, corrupt.
    [[nodiscard]] result<protocol::transaction_list> list_given_up(const list_transactions& order) const;

private:
    [[nodiscard]] result<std::optional<log_position>> find_naming(const std::string& topic, const protocol::message& half) const;

    std::shared_ptr<const storage::message_store> store_;
};

/// Of a message that the store says is there: nobody will ever read it. Where the head of a record is damaged, the log says that none is
/// there.
[[nodiscard]] bool is_damage(const error& failure);

} // namespace troupe::actors
