#include "actors/broker/throttle.hpp"

#include <algorithm>

namespace troupe::actors {

result<void> throttle::hold(throttled_pull pull, clock_time now) {
    return hold_in(pulls_, std::move(pull), now);
}

result<void> throttle::hold(throttled_pop pop, clock_time now) {
    return hold_in(pops_, std::move(pop), now);
}

template <class Held>
result<void> throttle::hold_in(throttled<Held>& all, Held one, clock_time now) {
    if (!holds_->try_acquire(1))
        return error{errc::busy, "too many pulls are held (" + std::to_string(holds_->amount_max()) + "); pull again later"};
    const auto due = due_of(one.group, one.deadline, now);
    all.add(std::move(one), due);
    return {};
}

clock_time throttle::due_of(const std::string& group, clock_time deadline, clock_time now) const {
    return std::min(now + std::chrono::duration_cast<clock_time::duration>(shares_->wait(group, now)), deadline);
}

std::vector<throttle::released<throttled_pull>> throttle::take_due_pulls(clock_time now) {
    return take_due_of(pulls_, now);
}

std::vector<throttle::released<throttled_pop>> throttle::take_due_pops(clock_time now) {
    return take_due_of(pops_, now);
}

template <class Held>
std::vector<throttle::released<Held>> throttle::take_due_of(throttled<Held>& all, clock_time now) {
    std::vector<released<Held>> due;
    for (auto& one : all.take_due(now)) {
        if (shares_->wait(one.group, now).count() > 0 && now < one.deadline) {
            const auto again = due_of(one.group, one.deadline, now);
            all.add(std::move(one), again);
            continue;
        }
        std::optional<std::chrono::milliseconds> left;
        if (now < one.deadline)
            left = std::chrono::duration_cast<std::chrono::milliseconds>(one.deadline - now);
        due.push_back({std::move(one), left});
    }
    holds_->release(due.size());
    return due;
}

std::vector<throttled_pull> throttle::take_all_pulls() {
    return take_all_of(pulls_);
}

std::vector<throttled_pop> throttle::take_all_pops() {
    return take_all_of(pops_);
}

template <class Held>
std::vector<Held> throttle::take_all_of(throttled<Held>& all) {
    auto taken = all.take_all();
    holds_->release(taken.size());
    return taken;
}

void throttle::drop_pulls(const ticket_holder_actor& holder, const std::vector<std::uint64_t>& tickets) {
    holds_->release(pulls_.drop(holder, tickets));
}

void throttle::drop_pops(const pop_holder_actor& holder, const std::vector<std::uint64_t>& tickets) {
    holds_->release(pops_.drop(holder, tickets));
}

std::optional<throttle::alarm> throttle::set_alarm() {
    auto next = pulls_.next_due();
    if (const auto pop = pops_.next_due(); pop && (!next || *pop < *next))
        next = pop;
    if (!next || (rings_at_ && *rings_at_ <= *next))
        return std::nullopt;
    rings_at_ = next;
    return alarm{*next, ++alarms_};
}

bool throttle::ring(std::uint64_t number) {
    if (number != alarms_)
        return false;
    rings_at_.reset();
    return true;
}

} // namespace troupe::actors
