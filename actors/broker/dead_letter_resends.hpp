#pragma once

#include "actors/base/metrics.hpp"
#include "actors/broker/question.hpp"
#include "actors/messages/dead_letters.hpp"
#include "actors/messages/internal_roles.hpp"
#include "protocol/message_codec.hpp"
#include "protocol/vocabulary/result.hpp"
#include "storage/message_store.hpp"

#include <cstddef>
#include <functional>
#include <memory>
#include <set>
#include <string>
#include <vector>

namespace troupe::actors {

/// Gives dead letters to their group again, by the order of people: a page is read, its copies are stored, then it is remembered how far
/// that was. docs/states/retry.md has the states of such a message.
///
/// Threads  not synchronised.
/// Bounded  at most `resends_max` orders at a time, each with a page in memory; beyond them the answer is busy.
/// Always   1. Each order is answered once.
///          2. Of one queue one order at a time is under way, so that no two of them put back the same page at once.
///          3. What is remembered has been stored: after a crash between the two, or when one of them came after its deadline, the next
///             order repeats a page.
class dead_letter_resends {
public:
    using continuation = std::function<void(const error& failure)>;
    using answer = std::function<void(result<dead_letters_resent> outcome)>;
    static constexpr std::size_t resends_max = 16;

    /// What the steps need of others.
    struct steps {
        std::function<void(const std::string& group, continuation done)> ensure_retry_topic;
        question<list_offsets, offsets_listed> remembered;
        question<read_page, page_read> read;
        std::function<result<topic_queue>(const std::string& group)> choose_queue; ///< of its retry topic
        std::function<void(storage::unplaced_records records, continuation done)> append;
        question<commit_offset, offset_committed> remember;
    };

    /// `store_host` is written into the copies.
    dead_letter_resends(protocol::host_address store_host, std::shared_ptr<broker_metrics> metrics, steps by);
    dead_letter_resends(const dead_letter_resends&) = delete; // its questions know where it is
    dead_letter_resends& operator=(const dead_letter_resends&) = delete;
    ~dead_letter_resends() = default;

    /// The group, and the queue of its dead letter topic, exist.
    void begin(const resend_dead_letters& order, answer told);

private:
    struct resending;
    using work_ptr = std::shared_ptr<resending>;

    void find_place(const work_ptr& work);
    void read(const work_ptr& work);
    void put_back(const work_ptr& work, const page_read& page);
    void store(const work_ptr& work, std::vector<protocol::message> letters, const dead_letters_resent& outcome);
    void remember(const work_ptr& work, const dead_letters_resent& outcome);
    void end(const resending& work, const result<dead_letters_resent>& outcome);
    [[nodiscard]] result<storage::unplaced_records> copies_of(std::vector<protocol::message> letters, const std::string& group) const;

    protocol::host_address store_host_;
    std::shared_ptr<broker_metrics> metrics_;
    steps by_;
    std::set<topic_queue> under_way_;
};

} // namespace troupe::actors
