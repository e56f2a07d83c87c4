#pragma once

#include "actors/log/pull_hold.hpp"
#include "actors/messages/internal_roles.hpp"
#include "protocol/vocabulary/result.hpp"

#include <cstdint>
#include <functional>
#include <map>

namespace troupe::actors {

/// What the broker itself has sent to the log writer and to queues, by ticket, and who waits for it: sends and pulls of embedded clients,
/// and the copies that it makes. The way there is one message and the way back another, so nobody but this knows that something is late.
///
/// Threads  not synchronised. Time is an argument.
/// Bounded  by the admissions of appended bytes and of held pulls.
/// Always   whoever waits is told once: of the outcome, or that its deadline has come, or by fail_all.
class pending_requests {
public:
    using append_continuation = std::function<void(const append_outcome& outcome)>;
    using pull_continuation = std::function<void(const pull_answered& answer)>;

    /// Never given twice.
    [[nodiscard]] std::uint64_t next_ticket() { return next_ticket_++; }
    void await_append(std::uint64_t ticket, append_continuation done, clock_time deadline);
    void await_pull(std::uint64_t ticket, pull_continuation done, clock_time deadline);

    /// What comes for a ticket that nobody waits for any more means nothing.
    void end(const append_outcome& outcome);
    void end(const pull_answered& answer);
    /// Tells those whose deadline has come that they are late, and that nobody knows what became of it.
    void fail_overdue(clock_time now);
    /// Tells all, for an owner that ends.
    void fail_all(const error& failure);

    [[nodiscard]] bool is_empty() const { return appends_.empty() && pulls_.empty(); }

private:
    template <class Outcome>
    struct waiting {
        std::function<void(const Outcome& outcome)> done;
        clock_time deadline;
    };
    template <class Outcome>
    using waiting_by_ticket = std::map<std::uint64_t, waiting<Outcome>>;

    template <class Outcome>
    static void end_in(waiting_by_ticket<Outcome>& all, const Outcome& outcome);
    template <class Outcome>
    static void fail_in(waiting_by_ticket<Outcome>& all, const error& failure);
    template <class Outcome>
    static waiting_by_ticket<Outcome> take_overdue(waiting_by_ticket<Outcome>& all, clock_time now);

    std::uint64_t next_ticket_ = 1;
    waiting_by_ticket<append_outcome> appends_;
    waiting_by_ticket<pull_answered> pulls_;
};

} // namespace troupe::actors
