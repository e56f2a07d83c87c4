#include "actors/broker/pending_requests.hpp"

#include <iterator>
#include <utility>

namespace troupe::actors {

void pending_requests::await_append(std::uint64_t ticket, append_continuation done, clock_time deadline) {
    appends_.emplace(ticket, waiting<append_outcome>{std::move(done), deadline});
}

void pending_requests::await_pull(std::uint64_t ticket, pull_continuation done, clock_time deadline) {
    pulls_.emplace(ticket, waiting<pull_answered>{std::move(done), deadline});
}

void pending_requests::end(const append_outcome& outcome) {
    end_in(appends_, outcome);
}

void pending_requests::end(const pull_answered& answer) {
    end_in(pulls_, answer);
}

void pending_requests::fail_overdue(clock_time now) {
    const error late{errc::timed_out, "no answer within the deadline; the outcome is unknown"};
    auto appends = take_overdue(appends_, now);
    auto pulls = take_overdue(pulls_, now);
    fail_in(appends, late);
    fail_in(pulls, late);
}

void pending_requests::fail_all(const error& failure) {
    auto appends = std::exchange(appends_, {});
    auto pulls = std::exchange(pulls_, {});
    fail_in(appends, failure);
    fail_in(pulls, failure);
}

/// Whoever is told may begin something new at once: it is out of the table before.
template <class Outcome>
void pending_requests::end_in(waiting_by_ticket<Outcome>& all, const Outcome& outcome) {
    if (const auto found = all.extract(outcome.ticket); !found.empty())
        found.mapped().done(outcome);
}

template <class Outcome>
void pending_requests::fail_in(waiting_by_ticket<Outcome>& all, const error& failure) {
    for (const auto& [ticket, one] : all)
        one.done({ticket, failure, {}});
}

template <class Outcome>
pending_requests::waiting_by_ticket<Outcome> pending_requests::take_overdue(waiting_by_ticket<Outcome>& all, clock_time now) {
    waiting_by_ticket<Outcome> overdue;
    for (auto entry = all.begin(); entry != all.end();) {
        const auto next = std::next(entry);
        if (entry->second.deadline <= now)
            overdue.insert(all.extract(entry));
        entry = next;
    }
    return overdue;
}

} // namespace troupe::actors
