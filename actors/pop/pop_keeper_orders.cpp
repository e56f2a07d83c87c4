#include "actors/messages/type_ids.hpp"
#include "actors/pop/pop_keeper_state.hpp"

// What operators do: offsets are set, groups and topics are deleted, a group changes how it takes messages.

namespace troupe::actors {

pop_keeper_state::continuation pop_keeper_state::answer_of(caf::typed_response_promise<pops_changed> promise) {
    return [promise](const error& failure) mutable {
        if (failure.code != errc::none)
            promise.deliver(make_caf_error(failure));
        else
            promise.deliver(pops_changed{});
    };
}

caf::result<pops_changed> pop_keeper_state::handle(const reset_pops& order) {
    note_offsets told;    // once more, behind what was noted before: later notes only go forward
    commit_offsets again; // of queues just closed: what was committed then may have come behind what was set, and the row is gone
    for (const auto& [queue, offset] : order.offsets) {
        const progress_key key{order.group, queue};
        if (book_->is_open(key))
            told.offsets.emplace_back(key, offset);
        else if (closed_.contains(key))
            again.offsets.emplace_back(key, offset);
        book_->reset(key, offset);
        notes_.erase(key);
        serve_soon({queue.topic, order.group});
    }
    send_notes(std::move(told));
    auto promise = self_->make_response_promise<pops_changed>();
    const auto done = answer_of(promise);
    write_soon();
    if (again.offsets.empty()) {
        waiting_.push_back(done);
        return promise;
    }
    self_->request(options_.offset_keeper, options_.request_deadline, std::move(again))
        .then(
            [this, done](offset_committed) {
                if (finishing_)
                    return done({errc::shutting_down, "the broker is stopping"});
                waiting_.push_back(done);
                write_soon();
            },
            [done](const caf::error& failure) { done(to_error(failure)); });
    return promise;
}

caf::result<pops_changed> pop_keeper_state::handle(const forget_pops& order) {
    auto promise = self_->make_response_promise<pops_changed>();
    const auto done = answer_of(promise);
    commit_offsets commit;
    commit.offsets = book_->progress_of(order.group, order.topic);
    commit.only_forward = true; // pulls may have gone on
    for (const auto& entry : commit.offsets)
        notes_.erase(entry.first);
    // Where they are is stored first: should the disk fail then, nothing is forgotten.
    self_->request(options_.offset_keeper, options_.request_deadline, std::move(commit))
        .then([this, order, done](offset_committed) { forget(order, done); },
              [done](const caf::error& failure) { done(to_error(failure)); });
    return promise;
}

void pop_keeper_state::forget(const forget_pops& order, const continuation& done) {
    if (finishing_)
        return done({errc::shutting_down, "the broker is stopping"});
    for (const auto& entry : book_->progress_of(order.group, order.topic))
        notes_.erase(entry.first);
    book_->forget(order.group, order.topic);
    book_->end_glimpses(order.group, order.topic);
    openings_.forget(order.group, order.topic);
    // Whoever asks again is told what has become of it.
    waiting_.push_back([this, done, held = hold_->take(order.group, order.topic)](const error& failure) {
        for (const auto& one : held)
            answer_nothing(one.pop, pop_status::nothing);
        done(failure);
    });
    write_soon();
}

caf::result<pops_changed> pop_keeper_state::handle(const follow_commits& order) {
    auto promise = self_->make_response_promise<pops_changed>();
    const auto done = answer_of(promise);
    self_->request(options_.offset_keeper, options_.request_deadline, list_offsets{order.group, order.topic})
        .then(
            [this, order, done](const offsets_listed& committed) {
                if (finishing_)
                    return done({errc::shutting_down, "the broker is stopping"});
                for (const auto& [queue, offset] : committed.offsets)
                    book_->follow({order.group, queue}, offset);
                serve_soon({order.topic, order.group});
                waiting_.push_back(done);
                write_soon();
            },
            [done](const caf::error& failure) { done(to_error(failure)); });
    return promise;
}

} // namespace troupe::actors
