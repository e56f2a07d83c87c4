#pragma once

#include "actors/messages/transaction_messages.hpp"
#include "protocol/vocabulary/ids.hpp"
#include "storage/pending_transaction.hpp"

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <deque>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <unordered_map>
#include <utility>
#include <vector>

namespace troupe::actors {

/// How long a transaction may take. RocketMQ: transactionTimeOut, transactionCheckInterval, transactionCheckMax.
struct transaction_rules {
    std::chrono::milliseconds timeout{6'000};   ///< no question before this age, unless the message says otherwise
    std::chrono::milliseconds interval{30'000}; ///< between questions
    std::int32_t checks_max = 15;               ///< questions; when the last has had its interval, the message is given up
    std::chrono::milliseconds age_max{0};       ///< older ones are given up, asked or not; 0: never
};

/// Which half messages need something now, and which are being decided. What has an outcome is not kept here: the log says it.
///
/// Threads  not synchronised. Time is an argument.
/// Bounded  one entry for each pending half message that is older than look_after(), whose number the broker bounds, and the last
///          `recent_max` decisions.
/// Always   1. At most one decision of a transaction is under way.
///          2. Nothing is due before its time; what is due is handed out once, until asked(), not_asked() or failed() puts it back.
///          3. Only questions that reached a producer count.
/// States   docs/states/transaction.md
class transaction_table {
public:
    static constexpr std::size_t recent_max = 16'384;

    /// What the record of a half message says.
    struct facts {
        std::string group;
        std::optional<std::chrono::milliseconds> immunity; ///< its own time-out
    };
    enum class step : std::uint8_t { ask, give_up };
    struct need {
        log_position position;
        step what = step::ask;
        std::string group;
        std::int32_t number = 0; ///< of the question
    };

    explicit transaction_table(transaction_rules rules) : rules_{rules} {}

    // ---- half messages -----------------------------------------------------------------------------------------------

    /// Half messages younger than this need not be looked at: most have an outcome before it.
    [[nodiscard]] std::chrono::milliseconds look_after() const;
    /// Behind this nothing was added yet.
    [[nodiscard]] log_position seen() const { return seen_; }
    /// Adds one behind seen().
    void add(const storage::pending_transaction& pending, const facts& of, timestamp_ms now);
    /// It is gone: it has an outcome, or the log has lost it.
    void forget(log_position position);
    [[nodiscard]] bool contains(log_position position) const { return entries_.contains(position); }
    [[nodiscard]] std::size_t size() const { return entries_.size(); }

    // ---- questions ---------------------------------------------------------------------------------------------------

    /// What is due, the earliest first.
    [[nodiscard]] std::vector<need> take_due(timestamp_ms now, std::size_t count_max);
    /// The question has reached a producer.
    void asked(log_position position, timestamp_ms now);
    /// Nobody of the group is there: this is tried again after the interval, and does not count.
    void not_asked(log_position position, timestamp_ms now);
    [[nodiscard]] std::optional<timestamp_ms> next_due() const;

    // ---- decisions ---------------------------------------------------------------------------------------------------

    enum class verdict : std::uint8_t { begin, same_under_way, other_under_way };
    /// `decision` is none when the broker gives it up.
    [[nodiscard]] verdict begin(log_position position, std::optional<transaction_decision> decision);
    /// Its outcome is in the log.
    void decided(log_position position);
    /// It is not: the transaction is pending as before.
    void failed(log_position position, timestamp_ms now);
    [[nodiscard]] std::size_t deciding() const { return deciding_.size(); }
    [[nodiscard]] bool is_deciding(log_position position) const { return deciding_.contains(position); }
    /// What a transaction was decided to, if that was lately; `given_up` as an empty decision.
    struct outcome {
        std::optional<transaction_decision> decision; ///< none: given up
    };
    [[nodiscard]] std::optional<outcome> recent(log_position position) const;

private:
    struct entry {
        const std::string* group = nullptr; ///< in groups_
        timestamp_ms stored;
        std::int32_t checks = 0;
        timestamp_ms due;
        bool is_waiting = false; ///< its due is in due_
    };
    void wait(std::map<log_position, entry>::iterator known, timestamp_ms due);
    void remember(log_position position, std::optional<transaction_decision> decision);
    [[nodiscard]] bool is_over(const entry& one, timestamp_ms now) const;
    void clock_set_back(timestamp_ms now);

    transaction_rules rules_;
    log_position seen_;
    std::map<log_position, entry> entries_;
    std::set<std::pair<timestamp_ms, log_position>> due_;
    std::map<std::string, std::size_t> groups_; ///< entries by group: each name is kept once
    timestamp_ms latest_;                       ///< of take_due()
    std::map<log_position, std::optional<transaction_decision>> deciding_;
    std::unordered_map<std::int64_t, std::optional<transaction_decision>> recent_;
    std::deque<log_position> recent_order_;
};

} // namespace troupe::actors
