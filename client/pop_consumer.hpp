#pragma once

#include "client/connection.hpp"
#include "client/message.hpp"
#include "client/message_selector.hpp"
#include "protocol/vocabulary/result.hpp"

#include <chrono>
#include <cstdint>
#include <memory>
#include <string>
#include <vector>

namespace troupe::client {

struct pop_options {
    std::string group;
    std::string topic;
    message_selector selector;
    std::int32_t messages_max = 32; ///< of one pop; 1 to 32
    /// How long the messages of a pop are this consumer's: those that it has not acknowledged then are delivered again, to any member.
    std::chrono::milliseconds invisible{60'000};
    bool from_end = false; ///< where a group begins that never read the topic
    bool ordered = false;  ///< see Order; all consumers of the group need the same
};

/// A message, and the handle of this delivery. `message.reconsume_times` says how often it was delivered before.
struct popped_message {
    received_message message;
    timestamp_ms popped; ///< by its broker's clock
    std::string handle;  ///< of this delivery, in the words of its broker (RocketMQ: the property POP_CK)
    std::string lies_in; ///< the consumer's topic, or the retry topic of its group
};

/// Takes messages of any queue for a while, each to be acknowledged by itself. Members of a group need not know each other, and a slow one
/// holds up nobody. Messages of one queue come in no order, unless `ordered` is set.
///
/// A message that is not acknowledged in time is delivered again; after the group's number of tries its broker moves it to the topic
/// "%DLQ%<group>". Dead letters that an operator puts back are in the group's retry topic, which is popped beside, so that they come within
/// seconds. Of several consumers of a group with different topics each hands out what belongs to its own and gives the rest back, which
/// costs that one try: let a group that pops several topics have more tries than topics. Members that pull (Java's push consumers, also in
/// pop mode) get what is put back, too.
///
/// Order    with `ordered` (RocketMQ: order, fifo), a pop takes messages of a queue by their order, and no pop of the group takes further
///          ones of that queue before each of them is acknowledged or its time is over. What was not acknowledged then, or was given back
///          with change_invisible_time, comes first, before anything new of the queue. So a queue's messages are with one consumer at a
///          time, and each is delivered only after all before it were delivered and are done, or were given up by their broker. What it
///          does not say: a consumer that is too slow has its messages delivered to another one meanwhile. Between messages of one pop the
///          order is the caller's to keep. Messages that come out of the retry topic have lost their place. A pop whose answer was lost is
///          repeated as the same attempt, and gets the same messages.
/// Brokers  that have nothing, are away or do not answer delay no messages of another: see pop_round. What a slow one hands out when pop()
///          has returned already is kept for the next call, and so is what a pop() leaves of an answer because its compressed bodies become
///          more than 64 MiB together; a call that comes when half of `invisible` is over gives it back instead. That is at most one pop's
///          messages of each broker for each thread that pops. With `ordered` such a rest is not kept: it comes with the others as it is
///          stored, and received_message::compressed says so; given back with the message before it, it is first once, and unpacks.
/// Group    heartbeats tell the brokers, so that they list the connection as a member of the group (mqadmin consumerConnection), until the
///          last consumer of the group on it is closed. The connection can have no push consumer of the group beside.
///          Connections whose consumers of a group pop different topics, or with different selectors, are members that differ for Troupe's
///          brokers: they report it, and each gets its own all the same.
/// Threads  safe to use from any thread, never from an actor or a callback. Every call blocks. Copies are one consumer. Compressed bodies are
///          unpacked on the thread that pops.
/// Fails    with shutting_down after close(), and with no_name_server, no_route, connect_failed, timed_out, and what brokers answer.
/// Works    with brokers of Troupe and of RocketMQ from 5.1 on, over the network; not from inside the brokers' process. RocketMQ's keep what
///          was not acknowledged in a retry topic of the group of their own; in order they deliver it again from its queue, with what was
///          acknowledged behind it.
class pop_consumer {
public:
    /// Fails with topic_illegal, group_illegal, subscription_illegal, argument_illegal; with already_exists while `via` or a copy has a
    /// push consumer of the group. Waits for no broker itself, but for pop consumers of the connection that are just leaving their
    /// groups, each up to the request timeout.
    static result<pop_consumer> open(connection via, pop_options options);

    /// Waits up to `wait` for messages; none is no failure. Several brokers are waited for side by side; those that do not answer are
    /// passed over, and it fails only if none does.
    result<std::vector<popped_message>> pop(std::chrono::milliseconds wait);
    /// It will not be delivered again. A message that was delivered once more since is not affected, and that is no failure. Fails with
    /// argument_illegal when the message has no handle of a pop.
    result<void> acknowledge(const popped_message& message);
    /// Of one pop or several; one request for each broker and up to 8,191 messages.
    result<void> acknowledge(const std::vector<popped_message>& messages);
    /// Deliver it again when `invisible` is over, counted from now; 0: at once. `message` has the handle from then on. Fails with
    /// message_illegal when it was acknowledged, or delivered once more since.
    result<void> change_invisible_time(popped_message& message, std::chrono::milliseconds invisible);
    /// Ends pop() of other threads and leaves the group, which waits for the brokers, up to the request timeout. What was popped may still
    /// be acknowledged; what no pop() has returned yet, or brokers hand out from now on, is given back. Called by the last copy.
    void close();

private:
    class state;
    explicit pop_consumer(std::shared_ptr<state> s);

    std::shared_ptr<state> state_;
};

} // namespace troupe::client
