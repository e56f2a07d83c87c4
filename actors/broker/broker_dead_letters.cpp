#include "actors/broker/broker_state.hpp"
#include "actors/messages/dead_letters.hpp"
#include "actors/schedule/message_return.hpp"
#include "protocol/message_codec.hpp"
#include "protocol/property_edit.hpp"
#include "protocol/vocabulary/limits.hpp"
#include "protocol/vocabulary/names.hpp"

#include <algorithm>
#include <memory>
#include <string>
#include <utility>

namespace troupe::actors {

namespace {

/// Of one question. The store looks at one queue after the other, and keeps something in memory for each.
constexpr std::size_t queues_per_question_max = 16'384;

std::string group_of(std::string_view dead_letter_topic) {
    return std::string{dead_letter_topic.substr(dead_letter_topic_of({}).size())};
}

} // namespace

protocol::message revive(protocol::message dead, const std::string& group) {
    protocol::remove_property(dead.properties, protocol::property_name::delay);
    dead.topic = retry_topic_of(group);
    dead.reconsume_times = 0;
    dead.offset = {};
    dead.position = {};
    dead.stored = {};
    return dead;
}

// ---- looking --------------------------------------------------------------------------------------------------------

caf::result<dead_letters_listed> broker_state::handle(const list_dead_letters& order) {
    describe_ages question;
    const auto add_topic = [&question](const topic_config& topic) {
        for (std::int32_t i = 0; i < std::max(topic.read_queues, topic.write_queues); ++i)
            question.queues.push_back({topic.name, queue_id{i}});
    };
    if (!order.group.empty()) {
        if (const auto* topic = topics_->find(dead_letter_topic_of(order.group)))
            add_topic(*topic);
    } else {
        for (const auto& entry : topics_->table().topics)
            if (is_dead_letter_topic(entry.first))
                add_topic(entry.second);
    }
    if (question.queues.size() > queues_per_question_max)
        return make_caf_error(errc::argument_illegal, "the dead letter topics of this broker have more than " +
                                                          std::to_string(queues_per_question_max) + " queues; ask for one group");
    auto promise = self_->make_response_promise<dead_letters_listed>();
    const continuation fail = [promise](const error& failure) mutable { promise.deliver(make_caf_error(failure)); };
    questions_.ask<offsets_listed>(setup_.offset_keeper, list_offsets{std::string{resent_group}, {}}, fail,
                                   [this, promise, fail, question](const offsets_listed& resent) {
                                       questions_.ask<ages_described>(
                                           background_reader(), question, fail,
                                           [promise, queues = question.queues,
                                            offsets = std::map<topic_queue, queue_offset>{resent.offsets.begin(), resent.offsets.end()}](
                                               const ages_described& described) mutable {
                                               dead_letters_listed listed;
                                               for (std::size_t i = 0; i < queues.size(); ++i) {
                                                   const auto& age = described.ages.at(i);
                                                   const auto known = offsets.find(queues[i]);
                                                   listed.queues.push_back({group_of(queues[i].topic), queues[i].queue, age.bounds.min,
                                                                            age.bounds.max, age.first_stored, age.last_stored,
                                                                            known == offsets.end() ? queue_offset{0} : known->second});
                                               }
                                               promise.deliver(std::move(listed));
                                           });
                                   });
    return promise;
}

caf::result<page_read> broker_state::handle(const read_page& order) {
    if (const auto known = check_queue(order.queue); !known)
        return make_caf_error(known.failure());
    return questions_.pass_on<page_read>(background_reader(), order);
}

// ---- giving them back -----------------------------------------------------------------------------------------------

/// What the steps of one order have in common. While it lives, no other order for the queue is taken.
struct broker_state::resending {
    resend_dead_letters order;
    progress_key remembered; ///< under which it is kept up to where messages were put back
    queue_offset from;
    std::shared_ptr<void> place;
    caf::typed_response_promise<dead_letters_resent> promise;

    void fail(const error& failure) { promise.deliver(make_caf_error(failure)); }
    void succeed(const dead_letters_resent& outcome) { promise.deliver(outcome); }
};

caf::result<dead_letters_resent> broker_state::handle(const resend_dead_letters& order) {
    if (!groups_.contains(order.group))
        return make_caf_error(errc::group_not_found, "group " + order.group + " does not exist on this broker");
    if (const auto taken = check_takes_messages(); !taken)
        return make_caf_error(taken.failure());
    const topic_queue queue{dead_letter_topic_of(order.group), order.queue};
    if (const auto known = check_queue(queue); !known)
        return make_caf_error(known.failure());
    if (resends_.size() >= resends_max || !resends_.insert(queue).second) {
        add(setup_.metrics->busy_answers);
        return make_caf_error(errc::busy, "dead letters of group " + order.group +
                                              " are being put back already, or those of too many others; repeat this order later");
    }
    auto work = std::make_shared<resending>();
    work->order = order;
    work->remembered = {std::string{resent_group}, queue};
    work->place = {nullptr, [this, queue](void*) { resends_.erase(queue); }};
    work->promise = self_->make_response_promise<dead_letters_resent>();
    auto promise = work->promise;
    ensure_topic(topic_for_returned(retry_topic_of(order.group), order.group), [this, work](const error& failure) {
        if (failure.code != errc::none)
            return work->fail(failure);
        questions_.ask<offsets_listed>(
            setup_.offset_keeper, list_offsets{std::string{resent_group}, work->remembered.queue.topic},
            [work](const error& problem) { work->fail(problem); },
            [this, work](const offsets_listed& known) {
                work->from = work->order.from;
                if (work->order.from.value() < 0) {
                    const auto place = std::find_if(known.offsets.begin(), known.offsets.end(),
                                                    [&work](const auto& entry) { return entry.first == work->remembered.queue; });
                    work->from = place == known.offsets.end() ? queue_offset{0} : place->second;
                }
                read_dead_letters(work);
            });
    });
    return promise;
}

void broker_state::read_dead_letters(const std::shared_ptr<resending>& work) {
    questions_.ask<page_read>(
        background_reader(), read_page{work->remembered.queue, work->from, work->order.messages_max},
        [work](const error& failure) { work->fail(failure); }, [this, work](const page_read& page) { put_back(work, page); });
}

void broker_state::put_back(const std::shared_ptr<resending>& work, const page_read& page) {
    auto letters = protocol::decode_records(page.records);
    if (!letters)
        return work->fail(letters.failure());
    const bool exactly = work->order.from.value() >= 0;
    if (exactly && (letters->empty() || letters->front().offset != work->from))
        return work->fail({errc::message_not_found, "queue " + to_string(work->order.queue) + " of topic " + work->remembered.queue.topic +
                                                        " has no message at offset " + to_string(work->from) + ", or not any more"});
    const dead_letters_resent outcome{static_cast<std::int32_t>(letters->size()), page.next, page.max};
    if (letters->empty() && page.next == work->from)
        return work->succeed(outcome);
    if (letters->empty()) // nothing but damage, or what retention has taken: not to be looked at again
        return remember_resent(work, outcome);
    auto records = copies_of(std::move(*letters), work->order.group);
    if (!records)
        return work->fail(records.failure());
    append_copy(std::move(*records), [this, work, outcome, exactly](const error& failure) {
        if (failure.code != errc::none)
            return work->fail(failure);
        add(setup_.metrics->dead_letters_resent, static_cast<std::uint64_t>(outcome.resent));
        if (exactly)
            return work->succeed(outcome);
        remember_resent(work, outcome);
    });
}

void broker_state::remember_resent(const std::shared_ptr<resending>& work, const dead_letters_resent& outcome) {
    questions_.ask<offset_committed>(
        setup_.offset_keeper, commit_offset{work->remembered, outcome.next},
        [work, outcome](const error& problem) {
            work->fail({problem.code, std::to_string(outcome.resent) + " messages were put back, which could not be remembered: " +
                                          problem.text + "; the next order puts them back again"});
        },
        [work, outcome](offset_committed) { work->succeed(outcome); });
}

/// All of a page go into one queue, so that they are one write: all or none.
result<storage::unplaced_records> broker_state::copies_of(std::vector<protocol::message> letters, const std::string& group) {
    storage::unplaced_records records;
    records.queue.topic = retry_topic_of(group);
    const auto* topic = topics_->find(records.queue.topic);
    if (topic == nullptr || (topic->perm & permission::write) == 0 || topic->write_queues < 1)
        return error{errc::not_permitted, "topic " + records.queue.topic + " takes no messages"};
    records.queue.queue = queue_id{static_cast<std::int32_t>(next_returned_++ % static_cast<std::uint64_t>(topic->write_queues))};
    records.count = 0;
    for (auto& letter : letters) {
        auto copy = revive(std::move(letter), group);
        copy.queue = records.queue.queue;
        copy.store_host = setup_.options.store_host;
        if (const auto added = protocol::append_record(records.bytes, copy); !added)
            return added.failure();
        ++records.count;
    }
    return records;
}

} // namespace troupe::actors
