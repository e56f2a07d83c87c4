#pragma once

#include "actors/base/topic_directory.hpp"
#include "actors/base/wall_clock.hpp"
#include "actors/broker/name_round.hpp"
#include "actors/broker/question.hpp"
#include "actors/messages/lag_messages.hpp"
#include "protocol/vocabulary/topic_config.hpp"

#include <chrono>
#include <map>
#include <memory>
#include <string>

namespace troupe::actors {

/// Sees to it that topics keep no more than they are to: which topic is trimmed next, and when all of them are. The trimming itself is the
/// work of a log reader (storage/topic_retention.hpp).
///
/// Use      note for each topic that is there, is changed, or goes; tick every second or so; stop when the owner ends.
/// Threads  not synchronised. Time is an argument; `wall` is what the stored times of messages are compared with.
/// Bounded  by the number of topics. One question is under way for the round, and one for each topic that has lost its rule.
/// Always   one topic is trimmed after the other, each once a round; one that is not done at once goes on, so that no step keeps a reader
///          for long. What fails is tried again with the next round.
class retention_rounds {
public:
    /// `interval` lies between the beginnings of two rounds.
    retention_rounds(std::chrono::milliseconds interval, wall_clock wall, std::shared_ptr<const topic_directory> topics,
                     question<trim_topic, topic_trimmed> trim);
    retention_rounds(const retention_rounds&) = delete; // its questions know where it is
    retention_rounds& operator=(const retention_rounds&) = delete;
    ~retention_rounds() = default;

    /// A topic that goes has no attributes, so no rule.
    void note(const topic_config& topic, clock_time now);
    void tick(clock_time now);
    /// The round goes no further.
    void stop() { is_stopped_ = true; }

private:
    void trim_next();
    void trim(const std::string& topic, std::int32_t queues, const storage::topic_rule& rule);
    void restore(const std::string& topic);

    std::chrono::milliseconds interval_;
    wall_clock wall_;
    std::shared_ptr<const topic_directory> topics_;
    question<trim_topic, topic_trimmed> trim_;
    std::map<std::string, storage::topic_rule> rules_; ///< of topics that keep less than the log
    name_round round_;                                 ///< over those topics
    bool is_stopped_ = false;
};

} // namespace troupe::actors
