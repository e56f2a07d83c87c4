#include "actors/broker/dead_letter_resends.hpp"

#include "actors/schedule/message_return.hpp"
#include "protocol/property_edit.hpp"
#include "protocol/vocabulary/names.hpp"

#include <algorithm>
#include <utility>

namespace troupe::actors {

protocol::message revive(protocol::message dead, const std::string& group) {
    protocol::remove_property(dead.properties, protocol::property_name::delay);
    dead.topic = retry_topic_of(group);
    dead.reconsume_times = 0;
    dead.offset = {};
    dead.position = {};
    dead.stored = {};
    return dead;
}

/// What the steps of one order have in common. Until it has ended no other order for the queue is taken.
struct dead_letter_resends::resending {
    resend_dead_letters order;
    progress_key remembered; ///< under which it is kept up to where messages were put back
    queue_offset from;
    answer told;

    /// One letter is wanted, and nothing is remembered.
    [[nodiscard]] bool is_exact() const { return order.from.value() >= 0; }
};

dead_letter_resends::dead_letter_resends(protocol::host_address store_host, std::shared_ptr<broker_metrics> metrics, steps by)
    : store_host_{std::move(store_host)}, metrics_{std::move(metrics)}, by_{std::move(by)} {}

void dead_letter_resends::begin(const resend_dead_letters& order, answer told) {
    const topic_queue queue{dead_letter_topic_of(order.group), order.queue};
    if (under_way_.size() >= resends_max || !under_way_.insert(queue).second) {
        add(metrics_->busy_answers);
        return told(error{errc::busy, "dead letters of group " + order.group +
                                          " are being put back already, or those of too many others; repeat this order later"});
    }
    auto work = std::make_shared<resending>();
    work->order = order;
    work->remembered = {std::string{resent_group}, queue};
    work->told = std::move(told);
    by_.ensure_retry_topic(order.group, [this, work](const error& failure) {
        if (failure.code != errc::none)
            return end(*work, failure);
        find_place(work);
    });
}

void dead_letter_resends::find_place(const work_ptr& work) {
    by_.remembered(
        {std::string{resent_group}, work->remembered.queue.topic}, [this, work](const error& failure) { end(*work, failure); },
        [this, work](const offsets_listed& known) {
            work->from = work->order.from;
            if (!work->is_exact()) {
                const auto place = std::find_if(known.offsets.begin(), known.offsets.end(),
                                                [&work](const auto& entry) { return entry.first == work->remembered.queue; });
                work->from = place == known.offsets.end() ? queue_offset{0} : place->second;
            }
            read(work);
        });
}

void dead_letter_resends::read(const work_ptr& work) {
    by_.read(
        {work->remembered.queue, work->from, work->order.messages_max}, [this, work](const error& failure) { end(*work, failure); },
        [this, work](const page_read& page) { put_back(work, page); });
}

void dead_letter_resends::put_back(const work_ptr& work, const page_read& page) {
    auto letters = protocol::decode_records(page.records);
    if (!letters)
        return end(*work, letters.failure());
    if (work->is_exact() && (letters->empty() || letters->front().offset != work->from))
        return end(*work,
                   error{errc::message_not_found, "queue " + to_string(work->order.queue) + " of topic " + work->remembered.queue.topic +
                                                      " has no message at offset " + to_string(work->from) + ", or not any more"});
    const dead_letters_resent outcome{static_cast<std::int32_t>(letters->size()), page.next, page.max};
    if (letters->empty() && page.next == work->from)
        return end(*work, outcome);
    if (letters->empty()) // nothing but damage, or what retention has taken: not to be looked at again
        return remember(work, outcome);
    store(work, std::move(*letters), outcome);
}

void dead_letter_resends::store(const work_ptr& work, std::vector<protocol::message> letters, const dead_letters_resent& outcome) {
    auto records = copies_of(std::move(letters), work->order.group);
    if (!records)
        return end(*work, records.failure());
    by_.append(std::move(*records), [this, work, outcome](const error& failure) {
        if (failure.code != errc::none)
            return end(*work, failure);
        add(metrics_->dead_letters_resent, static_cast<std::uint64_t>(outcome.resent));
        if (work->is_exact())
            return end(*work, outcome);
        remember(work, outcome);
    });
}

void dead_letter_resends::remember(const work_ptr& work, const dead_letters_resent& outcome) {
    by_.remember(
        {work->remembered, outcome.next},
        [this, work, outcome](const error& problem) {
            end(*work, error{problem.code, std::to_string(outcome.resent) + " messages were put back, which could not be remembered: " +
                                               problem.text + "; the next order puts them back again"});
        },
        [this, work, outcome](offset_committed&) { end(*work, outcome); });
}

/// Whoever is told may give the next order for the queue at once.
void dead_letter_resends::end(const resending& work, const result<dead_letters_resent>& outcome) {
    under_way_.erase(work.remembered.queue);
    work.told(outcome);
}

/// All of a page go into one queue, so that they are one write: all or none.
result<storage::unplaced_records> dead_letter_resends::copies_of(std::vector<protocol::message> letters, const std::string& group) const {
    auto queue = by_.choose_queue(group);
    if (!queue)
        return queue.failure();
    storage::unplaced_records records;
    records.queue = std::move(*queue);
    records.count = 0;
    for (auto& letter : letters) {
        auto copy = revive(std::move(letter), group);
        copy.queue = records.queue.queue;
        copy.store_host = store_host_;
        if (const auto added = protocol::append_record(records.bytes, copy); !added)
            return added.failure();
        ++records.count;
    }
    return records;
}

} // namespace troupe::actors
