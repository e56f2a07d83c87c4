#pragma once

#include "protocol/remoting_command.hpp"
#include "protocol/vocabulary/ids.hpp"
#include "protocol/vocabulary/result.hpp"

#include <chrono>
#include <cstddef>
#include <deque>
#include <functional>
#include <map>
#include <optional>

namespace troupe::actors::net {

/// Which sends may go to a broker now. Ours stores the requests of a connection in the order in which they come. Apache's hands
/// them to several threads, so that of two requests under way for one queue the later may be stored first: there, and until a
/// broker's first answer says what it is, a queue's next send waits for the answer to the one before.
///
/// State  per queue with a send under way: how many, and those that wait
/// Always sends of a queue begin in the order in which they were added; a send that waits begins when an answer comes.
class send_turns {
public:
    using time_point = std::chrono::steady_clock::time_point;
    using completion = std::function<void(result<protocol::remoting_command>)>;

    struct send {
        topic_queue queue;
        protocol::remoting_command command;
        time_point deadline; ///< begun later, nobody would wait for its answer any more
        completion done;
    };

    /// What an answer shows of the broker.
    void learn(bool keeps_order) { keeps_order_ = keeps_order; }
    /// Nothing is to be decided: a send may go past this class.
    [[nodiscard]] bool needless() const { return keeps_order_.value_or(false) && lanes_.empty(); }

    void add(send next);
    /// The next send whose turn has come; it is under way from now on. Nothing: all others wait for an answer.
    std::optional<send> take();
    /// A send of this queue that was taken has an answer, or never gets one.
    void ended(const topic_queue& queue);

    /// Sends that wait.
    [[nodiscard]] std::size_t waiting() const { return waiting_; }

private:
    struct lane {
        std::deque<send> waiting;
        std::size_t under_way = 0;
        bool listed = false;
    };
    void list(const topic_queue& queue, lane& of);

    std::map<topic_queue, lane> lanes_;
    std::deque<topic_queue> ready_; ///< queues of which the first that waits may begin
    std::size_t waiting_ = 0;
    std::optional<bool> keeps_order_; ///< nothing: no answer yet
};

} // namespace troupe::actors::net
