#pragma once

#include "actors/base/metrics.hpp"
#include "actors/base/topic_directory.hpp"
#include "actors/broker/question.hpp"
#include "actors/group/consumer_groups.hpp"
#include "actors/group/pull_positions.hpp"
#include "actors/log/traffic_statistics.hpp"
#include "actors/messages/admin_messages.hpp"
#include "actors/messages/internal_roles.hpp"
#include "actors/messages/messages.hpp"
#include "actors/messages/pop_messages.hpp"
#include "protocol/vocabulary/result.hpp"
#include "protocol/vocabulary/topic_config.hpp"

#include <chrono>
#include <cstddef>
#include <functional>
#include <map>
#include <memory>
#include <set>
#include <string>

namespace troupe::actors {

/// Tells people and tools how far groups are: what there is, what they have committed, and what is with their consumers.
///
/// Threads  not synchronised; `clock` tells the time when an answer comes.
/// Bounded  at most walks_max reports on all groups at a time; beyond them the answer is busy. What one question and one answer may hold is
///          bounded, too: beyond it the answer is argument_illegal, and says what to ask for instead.
/// Always   1. Whoever asks is answered once.
///          2. A report on all groups goes from one to the next, so that it never has more than one question under way.
class progress_reports {
public:
    using group_map = std::map<std::string, group_config, std::less<>>;
    using group_answer = std::function<void(result<group_described> described)>;
    using walk_answer = std::function<void(result<consumption_described> described)>;
    static constexpr std::size_t walks_max = 4;

    /// What it goes by. The references outlive it.
    struct books {
        const group_map& groups;
        const consumer_groups& members;
        const pull_positions& pulls;
        std::shared_ptr<const topic_directory> topics;
        std::shared_ptr<const traffic_statistics> traffic;
        std::shared_ptr<broker_metrics> metrics;
    };
    /// Whom it asks. Offsets that came with pulls are on their way to the offset keeper before somebody asks here.
    struct questions {
        question<list_offsets, offsets_listed> committed;
        question<describe_progress, group_described> progress;
        question<list_popped, popped_listed> popped; ///< null: this broker serves no pops
    };
    struct options {
        std::string broker_name;
        std::string broker_address;
        std::chrono::milliseconds walk_deadline; ///< of a report on all groups
    };

    progress_reports(options how, std::function<clock_time()> clock, books by, questions ask);
    progress_reports(const progress_reports&) = delete; // its questions know where it is
    progress_reports& operator=(const progress_reports&) = delete;
    ~progress_reports() = default;

    /// What is stored and what is committed. Fails with group_not_found when there is nothing of the group.
    void describe(const describe_group& order, const group_answer& told);
    /// The same of one topic, for a name that is no group's: what the broker itself keeps.
    void describe_own(const std::string& name, const std::string& topic, const group_answer& told);
    /// What describe_group tells, with what has been pulled and popped, and how fast.
    void describe(const describe_group_state& order, const group_answer& told);
    /// That of all groups, with one table for each topic. Fails with timed_out when there is too much to look at.
    void describe(const describe_consumption& order, walk_answer told);

private:
    struct consumption_walk;
    using walk_ptr = std::shared_ptr<consumption_walk>;
    using continuation = std::function<void(const error& failure)>;

    /// Of every queue to read of `topics`.
    void ask_progress(const std::set<std::string>& topics, const offsets_listed& committed, const continuation& fail,
                      std::function<void(group_described& described)> then);
    [[nodiscard]] result<describe_progress> question_of(const std::set<std::string>& topics, const offsets_listed& committed) const;
    void complete(protocol::consume_stats& stats, const std::string& group) const;
    void add_popped(group_described described, const std::string& group, const group_answer& told);
    void walk_on(const walk_ptr& walk);
    void describe_next(const walk_ptr& walk, const std::string& group, const offsets_listed& committed);
    void add_group(consumption_walk& walk, const std::string& group, protocol::consume_stats stats) const;
    void end(const walk_ptr& walk, result<consumption_described> outcome);

    options options_;
    std::function<clock_time()> clock_;
    books by_;
    questions ask_;
    std::size_t walks_ = 0; ///< under way
};

} // namespace troupe::actors
