#include "actors/broker/broker_state.hpp"
#include "actors/broker/joint_answer.hpp"
#include "actors/messages/dead_letters.hpp"
#include "actors/schedule/message_return.hpp"
#include "protocol/vocabulary/names.hpp"

#include <algorithm>
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

caf::result<dead_letters_resent> broker_state::handle(const resend_dead_letters& order) {
    if (!groups_.contains(order.group))
        return make_caf_error(errc::group_not_found, "group " + order.group + " does not exist on this broker");
    if (const auto taken = check_takes_messages(); !taken)
        return make_caf_error(taken.failure());
    if (const auto known = check_queue({dead_letter_topic_of(order.group), order.queue}); !known)
        return make_caf_error(known.failure());
    auto promise = self_->make_response_promise<dead_letters_resent>();
    resends_.begin(order, deliver_to(promise));
    return promise;
}

dead_letter_resends::steps broker_state::resend_steps() {
    return {[this](const std::string& group, continuation done) {
                ensure_topic(topic_for_returned(retry_topic_of(group), group), std::move(done));
            },
            questions_.to<list_offsets, offsets_listed>(setup_.offset_keeper),
            questions_.to<read_page, page_read>(background_reader()),
            [this](const std::string& group) { return choose_queue(retry_topic_of(group)); },
            [this](storage::unplaced_records records, continuation done) { append_copy(std::move(records), std::move(done)); },
            questions_.to<commit_offset, offset_committed>(setup_.offset_keeper)};
}

} // namespace troupe::actors
