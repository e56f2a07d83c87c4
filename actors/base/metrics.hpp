#pragma once

#include <atomic>
#include <cstdint>

namespace troupe::actors {

/// What a broker counts since its start. Written by any role (relaxed), read by describe_broker; never reset.
struct broker_metrics {
    using counter = std::atomic<std::uint64_t>;

    counter put_messages{0}; ///< written to the log; in flush mode sync acknowledged only after the sync
    counter put_bytes{0};    ///< of records, as stored
    counter put_failures{0}; ///< appends answered with an error by the log writer
    counter commits{0};      ///< group commits: batches written
    counter commit_us{0};    ///< time spent writing and syncing them

    counter pulls{0};                   ///< pull requests that reached a queue
    counter pulls_found{0};             ///< answered with records
    counter pull_bytes{0};              ///< record bytes handed out
    counter pulls_held{0};              ///< held now
    counter pulls_expired{0};           ///< answered at their deadline
    counter pulls_throttled{0};         ///< that waited for their group's share
    counter reads{0};                   ///< reads done by the log readers
    counter read_failures{0};           ///< reads that ended in an error
    counter queue_actors{0};            ///< alive now
    counter offset_commits{0};          ///< committed offsets made durable
    counter offsets_moved_back{0};      ///< commits and resets below the offset that was known
    counter offset_groups_unclaimed{0}; ///< groups with offsets and without configuration, now
    counter offset_groups_expired{0};   ///< whose offsets went because nobody had used them
    counter busy_answers{0};            ///< requests refused because a bound was reached, whichever

    counter sends_throttled{0}; ///< sends refused because their topic has a limit

    counter messages_returned{0};   ///< copies of failed messages that will be delivered again
    counter dead_letters{0};        ///< copies of failed messages for dead letter topics
    counter dead_letters_resent{0}; ///< copies of dead letters that their groups get again
    counter transactions_committed{0};
    counter transactions_rolled_back{0};
    counter transactions_given_up{0};      ///< nobody decided them
    counter transactions_resumed{0};       ///< of those: an operator had them go on
    counter transaction_checks{0};         ///< questions that reached a producer
    counter transaction_checks_unheard{0}; ///< questions that found nobody of their group
    counter scheduled_delivered{0};        ///< delayed messages brought to their topics
    counter scheduled_dropped{0};          ///< delayed messages whose topic was gone
    counter scheduled_lost{0};             ///< delayed messages that retention or damage took before they were due

    counter pop_leases{0};      ///< messages that are popped and not acknowledged, now
    counter pops_held{0};       ///< pops that wait for messages, now
    counter pops{0};            ///< requests to take messages
    counter popped{0};          ///< messages handed out by them
    counter pop_redelivered{0}; ///< of those: not for the first time
    counter pop_acked{0};       ///< acknowledged
    counter pop_stale_acks{0};  ///< acknowledgements of a delivery that another one followed, or of nothing
    counter pop_dead{0};        ///< went to a dead letter topic
    counter pop_dropped{0};     ///< were dead, and could not be stored there

    counter timers_pending{0};   ///< now
    counter timers_behind{0};    ///< stored, and not taken in by the timer keeper yet
    counter timers_late_ms{0};   ///< of the earliest that is due and not delivered, when the timer keeper looked last
    counter timers_taken_in{0};  ///< messages with a time of their own that were put among the pending ones
    counter timers_delivered{0}; ///< brought to their topics
    counter timers_recalled{0};  ///< taken back before
    counter timers_dropped{0};   ///< whose topic was gone
    counter timers_lost{0};      ///< that retention took before they were taken in, or damage
};

inline void add(broker_metrics::counter& counter, std::uint64_t amount = 1) noexcept {
    counter.fetch_add(amount, std::memory_order_relaxed);
}
inline void subtract(broker_metrics::counter& counter, std::uint64_t amount = 1) noexcept {
    counter.fetch_sub(amount, std::memory_order_relaxed);
}

} // namespace troupe::actors
