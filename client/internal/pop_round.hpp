#pragma once

#include "client/internal/retry_policy.hpp"
#include "protocol/vocabulary/result.hpp"

#include <chrono>
#include <cstdint>
#include <map>
#include <set>
#include <string>
#include <utility>
#include <vector>

namespace troupe::client {

/// One pop() of a consumer over the brokers of its topic: whom to ask what, and when, so that none delays the messages of another.
///
/// With one broker, its messages are taken with a wait. With several, what is there is taken from one after the other, and the next one is
/// asked when the last has said that it has nothing, has failed, or has said nothing for `patience`. Then all are waited for side by side
/// by asking for a notice (RocketMQ: NOTIFICATION), which takes nothing: of what comes to several at once, only what is handed out is taken.
///
/// Threads  not synchronised. Time is an argument.
/// Always   each broker has at most one unanswered question of the round, and one about the group's retry topic.
class pop_round {
public:
    static constexpr milliseconds patience{100};
    static constexpr milliseconds pace{100}; ///< between two looks at a broker that gave notice and had nothing then

    enum class question : std::uint8_t {
        take,     ///< messages of the topic
        notice,   ///< tell when there is something to take
        put_back, ///< messages of the group's retry topic
    };
    struct step {
        std::string broker;
        question what = question::take;
        milliseconds wait{0}; ///< at the broker
        friend bool operator==(const step&, const step&) = default;
    };
    struct brokers {
        std::vector<std::string> in_turn;
        std::set<std::string> suspects;          ///< they have just failed: asked only when no other answers
        std::set<std::string> busy;              ///< a question of an earlier round is unanswered: not asked before it is
        std::vector<std::string> of_retry_topic; ///< each is asked once, beside everything else
    };

    pop_round(brokers whom, time_point now, milliseconds wait);

    /// What is to be asked now. It counts as asked.
    std::vector<step> next(time_point now);
    /// A question was answered without messages; `found`: a notice that there are some. Notices may be answers to somebody else's question.
    void answered(const std::string& broker, question what, bool found, time_point now);
    /// `is_away`: the broker itself is the reason.
    void failed(const std::string& broker, question what, const error& failure, bool is_away);
    /// A broker that was busy is not any more.
    void freed(const std::string& broker);

    /// Nothing more is to be waited for.
    [[nodiscard]] bool is_over(time_point now) const;
    /// When to look again if nothing is answered until then.
    [[nodiscard]] time_point due(time_point now) const;
    /// Of a round that is over without messages: why, if no broker has answered.
    [[nodiscard]] result<void> outcome() const;
    /// What was asked that takes messages and is not answered.
    [[nodiscard]] std::vector<std::pair<std::string, question>> unanswered() const;

private:
    enum class stage : std::uint8_t {
        fresh,   ///< to be asked for what is there
        taking,  ///< asked
        empty,   ///< it had nothing
        waiting, ///< asked to give notice, or to take what comes
        away,
        busy,
        suspect,
    };
    struct target {
        std::string broker;
        stage at = stage::fresh;
        time_point since;         ///< asked then
        time_point not_before;    ///< empty: waited for from then on
        bool gives_notice = true; ///< false: it is waited for by taking what comes
        bool takes = false;       ///< what is unanswered takes messages
    };
    struct retry_target {
        bool is_asked = false;
        bool is_open = false; ///< asked, and not answered
        time_point since;
    };

    target* find(const std::string& broker);
    [[nodiscard]] static bool awaits_notice(const target& one) { return one.at == stage::waiting && !one.takes; }
    [[nodiscard]] bool has(stage at) const;
    [[nodiscard]] bool is_patient(time_point now) const;
    [[nodiscard]] bool is_put_back_young(time_point now) const;
    void consider_suspects(time_point now);

    std::vector<target> targets_;
    std::map<std::string, retry_target> put_back_;
    time_point deadline_;
    bool any_ = false; ///< a broker has answered
    error failure_;    ///< the last one
};

} // namespace troupe::client
