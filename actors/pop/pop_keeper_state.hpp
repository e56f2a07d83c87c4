#pragma once

#include "actors/group/offset_notes.hpp"
#include "actors/pop/pop_book.hpp"
#include "actors/pop/pop_hold.hpp"
#include "actors/pop/pop_keeper.hpp"
#include "actors/pop/pop_openings.hpp"

#include <caf/actor_system.hpp>
#include <caf/typed_event_based_actor.hpp>

#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <utility>
#include <vector>

/// The inside of the pop keeper, whose parts are in several sources: pop_keeper.cpp (pops, the disk, time), pop_keeper_handles.cpp
/// (acknowledgements and dead letters), pop_keeper_orders.cpp (what operators do). Only they include this.
namespace troupe::actors {

/// So long after a failure it is tried again.
inline constexpr std::int64_t pop_pause_after_failure_ms = 1'000;

class pop_keeper_state {
public:
    static inline const char* name = "pop_keeper";

    void start(pop_keeper_actor::pointer self, pop_keeper_options options, std::unique_ptr<pop_book> book);
    void handle(const checked_pop& order);
    void handle(const pops_abandoned& order);
    void handle(const queues_grew& event);
    caf::result<messages_acknowledged> handle(const acknowledge_messages& order);
    caf::result<invisible_time_changed> handle(const change_invisible_time& order);
    caf::result<pops_changed> handle(const reset_pops& order);
    caf::result<pops_changed> handle(const forget_pops& order);
    caf::result<pops_changed> handle(const follow_commits& order);
    popped_listed handle(const list_popped& order) const { return {book_->next_of(order.group)}; }
    popped_found handle(const find_popped& order) const { return {book_->find(order.queue, order.offset)}; }
    void handle(const begin_dead_letters& order);
    void handle(pop_write_tick);
    void handle(pop_tick tick);
    void handle(pop_sweep_tick);
    void handle(const finish& order);

private:
    using continuation = std::function<void(const error& failure)>; ///< code none: it is written

    [[nodiscard]] timestamp_ms now() const { return options_.now(); }
    [[nodiscard]] timestamp_ms deadline_of(const pop_messages& pop) const;
    void answer(const checked_pop& order, messages_popped given, std::shared_ptr<const admitted> kept = nullptr);
    void answer_nothing(const checked_pop& order, pop_status status);
    void fail(const checked_pop& order, const error& failure);
    struct tried {
        bool is_answered = false; ///< or will be with the next write; else it may wait
        bool is_opening = false;  ///< its queues are being opened
        bool is_last = false;     ///< nobody who wants the same finds anything now
    };
    void take_turn(const checked_pop& order, timestamp_ms deadline);
    tried try_pop(const checked_pop& order, timestamp_ms deadline);
    /// Room for what a pop may read; an empty optional when there is none.
    [[nodiscard]] std::optional<std::shared_ptr<admitted>> reserve(pop_kind kind);
    [[nodiscard]] std::optional<timestamp_ms> next_look(const pop_place& place, timestamp_ms looked) const;
    [[nodiscard]] std::optional<timestamp_ms> room_look(const pop_place& place) const;
    void hold(checked_pop order, timestamp_ms deadline, bool opening, timestamp_ms looked);
    /// Lets those who wait there try, in their order: all, or those who wait for one of `queues`.
    void serve(const pop_place& place);
    void serve(const pop_place& place, const std::set<queue_id>& queues);
    void serve(pop_turns turns);
    /// An ordered pop has its messages: so has whoever waits under the same attempt id.
    void serve_repeated(const checked_pop& first);
    void serve_soon(const pop_place& place);
    void open(const progress_key& key, const pop_messages& pop);
    void opened(const progress_key& key, std::optional<queue_offset> committed);
    void opening_ended(const progress_key& key);
    void bury(const pop_book::dead_letter& letter);
    void buried(const pop_book::dead_letter& letter, const error& failure);
    static continuation answer_of(caf::typed_response_promise<pops_changed> promise);
    void forget(const forget_pops& order, const continuation& done);
    /// Of a queue that may be read.
    [[nodiscard]] result<storage::queue_bounds> bounds_of(const topic_queue& queue) const;
    error acknowledge(const acknowledge_messages::part& part, bool is_batch);
    void changed(const progress_key& key);
    void write_soon();
    void write();
    void recover();
    void note_committed(const std::vector<std::pair<progress_key, queue_offset>>& committed);
    void close_idle(std::vector<std::pair<progress_key, queue_offset>> idle);
    void send_notes();
    void send_notes(note_offsets order);
    void publish_metrics();
    void arm();
    void release_order() {
        if (options_.orders)
            options_.orders->release(1);
    }

    pop_keeper_actor::pointer self_ = nullptr;
    pop_keeper_options options_;
    std::unique_ptr<pop_book> book_;
    std::optional<pop_hold> hold_;
    message_back_actor dead_letters_;
    pop_openings openings_; ///< asked of the offset keeper
    std::set<topic_queue> watched_;
    std::set<pop_place> soon_;                  ///< to be looked at again at once
    std::set<pop_place> crowded_;               ///< where pops wait because too much is out
    std::map<pop_place, timestamp_ms> starved_; ///< where pops wait for room for records, and when to look again
    std::vector<continuation> waiting_;         ///< for the next write
    std::size_t waiting_bytes_ = 0;             ///< of records in waiting_
    bool write_tick_sent_ = false;
    offset_notes notes_; ///< committed offsets
    std::uint64_t epoch_ = 0;
    std::optional<timestamp_ms> armed_;
    bool dead_letters_fail_ = false; ///< a row of failures is reported once
    bool full_told_ = false;         ///< likewise
    std::set<progress_key> closed_;  ///< idle queues that were closed last
    bool closing_ = false;           ///< what is committed of idle queues is on its way to the offset keeper
    bool finishing_ = false;
};

} // namespace troupe::actors
