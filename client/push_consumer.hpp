#pragma once

#include "client/allocation_strategy.hpp"
#include "client/connection.hpp"
#include "client/consumer_options.hpp"
#include "client/message.hpp"
#include "client/message_selector.hpp"
#include "protocol/vocabulary/result.hpp"

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

namespace troupe::client {

/// What a handler says of a message.
enum class consume_outcome : std::uint8_t {
    done,       ///< never deliver it again
    retry_later ///< deliver it again, later
};

struct push_consumer_options {
    std::string group; ///< required
    message_model model = message_model::clustering;
    /// Where a group starts on a queue for which it has no committed offset. The place is committed before the first message is
    /// delivered, so that it is the same for whoever reads the queue next.
    consume_from from = consume_from::last_offset;
    timestamp_ms from_time; ///< for consume_from::timestamp
    /// Clustering only. All members of the group need the same.
    allocation_strategy allocation;
    std::size_t handler_threads = 4;
    bool ordered = false; ///< messages of a queue one after the other, a failed one again before the next: see Order
    /// How often a failed message is delivered again before it goes to the group's dead letter topic (RocketMQ:
    /// maxReconsumeTimes). None: what the group is configured with; with `ordered`: without limit, as in RocketMQ, so that a message that
    /// never succeeds holds its queue until somebody mends what it fails on. Clustering only.
    std::optional<std::int32_t> redeliveries_max;
    std::chrono::milliseconds redelivery_delay_min{1000}; ///< in this process, see Failures: doubled up to the maximum
    std::chrono::milliseconds redelivery_delay_max{60'000};
    std::chrono::milliseconds commit_interval{5000};
    std::chrono::milliseconds rebalance_interval{20'000};
    /// Broadcasting only: offsets are kept in "<directory>/<client id>/<group>.offsets"; empty: in memory, so that each start
    /// begins at `from`. Give the connection a client id of its own, or the file is not found again. A place that cannot be written
    /// is refused by open(); one that fails later counts in saves_failed and is told in the log, and the member goes on.
    std::filesystem::path local_offsets_directory;
    fetch_options fetch;
};

struct push_consumer_counters {
    std::uint64_t messages_done = 0;
    std::uint64_t messages_failed = 0;    ///< handler said retry_later or threw
    std::uint64_t messages_sent_back = 0; ///< of these, taken back by their broker, to be delivered again or as dead
    std::uint64_t send_backs_failed = 0;  ///< refused or not answered by it: delivered again from here
    std::uint64_t pulls = 0;
    std::uint64_t pulls_failed = 0;
    std::uint64_t rebalances = 0;
    std::uint64_t allocations_failed = 0; ///< a function given to the allocation strategy threw: the member keeps what it has
    std::uint64_t commits_failed = 0;
    std::uint64_t locks_failed = 0; ///< ordered: questions for locks that no broker answered
    std::uint64_t locks_lost = 0;   ///< ordered: held, and then not renewed in time or given to another member
    std::uint64_t saves_failed = 0; ///< broadcasting: offsets that could not be written to local_offsets_directory
};

/// Gets the messages of its subscriptions, shared with the other members of its group, and hands them to a handler.
///
/// Threads   the handler runs on handler_threads threads at once. The other functions are safe from any thread but not
///           from inside the handler (stop() there would wait for itself).
/// Delivery  at least once: an offset is committed (every commit_interval, on rebalance and on stop) only when every
///           message below it is done. After a crash or when a queue moves to another member, messages that are not
///           committed come again.
/// Failures  a message on which the handler says retry_later or throws goes back to its broker, which delivers it again to some
///           member of the group: by default after 10 s, then ever later; after redeliveries_max times it goes to the topic
///           "%DLQ%<group>". Then it has its own topic in `queue`, the number of a queue of the group's retry topic, and
///           reconsume_times above 0. While the broker does not take it, and in broadcasting and with `ordered` always, it comes
///           again in this process after a pause that doubles; one that never succeeds there holds back its queue's committed
///           offset, and after prefetch_span_max messages the queue. With `ordered` and redeliveries_max it comes so often; then it goes
///           to the broker as dead, and the next one of its queue comes when the broker has taken it. While the broker does not, its
///           handler gets it again. Tries in this process are counted in its memory: with another member, or after the queue has been
///           begun anew, they begin anew. RocketMQ's brokers count them as one in the dead letter, and drop the message if the group
///           has no retry queues.
/// Order    with `ordered`, in clustering, a member reads a queue only while the queue's broker has locked it for this member, and gives
///           the lock back when no handler is busy with the queue: a handler that never returns keeps its queue from the others. A lock
///           that cannot be renewed ends after 30 s here and after 60 s at the broker. A broker that restarts has forgotten its locks
///           until they are renewed, within 20 s; members that are shared out anew just then may for a moment have one queue twice.
/// Tools    may ask a member through its broker what it is doing (mqadmin consumerStatus), tell it to continue elsewhere, and hand it one
///           message (queryMsgById -d): the handler then gets a message of any topic once, before what is queued, and no offset moves.
/// Rebalance by RocketMQ's rules (see allocation_strategy), so that a group may mix these and Java clients; at once when a broker
///           says that members changed, else every rebalance_interval. A member is one that any broker of the topic knows; after
///           all of them have restarted, those seen before have five seconds to come back before their queues are taken.
class push_consumer {
public:
    using handler = std::function<consume_outcome(const received_message&)>;

    /// Fails with group_illegal, argument_illegal; with already_exists while `via` or a copy has a consumer of the group that was
    /// not stopped; with io, corrupt for local offsets that cannot be read, or could not be saved.
    static result<push_consumer> open(const connection& via, push_consumer_options options, handler handle);
    push_consumer(push_consumer&&) noexcept;
    push_consumer& operator=(push_consumer&&) noexcept;
    push_consumer(const push_consumer&) = delete;
    push_consumer& operator=(const push_consumer&) = delete;
    ~push_consumer(); ///< stop()

    /// `wanted` is "*", tags ("TagA || TagB") or message_selector::sql92(...). All members of a group need the same subscriptions.
    /// Before or after start(). A topic's new subscription replaces the old one and counts from each queue's oldest message that is
    /// not done; messages after that may be delivered again. Fails with topic_illegal, subscription_illegal (the text has the column).
    /// What failed and comes again is not chosen again.
    result<void> subscribe(std::string topic, message_selector wanted = {});
    result<void> unsubscribe(const std::string& topic);

    /// Returns at once; the topic may come into being later.
    result<void> start();
    /// No further handler call is begun; waits for running ones, commits, leaves the group. At most `timeout` for the commit; the
    /// group is left in any case.
    void stop(std::chrono::milliseconds timeout = std::chrono::milliseconds{3000});

    /// Queues that this member reads now, with the offset below which everything is done; but for those of the retry topic.
    [[nodiscard]] std::map<message_queue, queue_offset> assignment() const;
    [[nodiscard]] push_consumer_counters counters() const;

private:
    class state;
    explicit push_consumer(std::shared_ptr<state> s);
    std::shared_ptr<state> state_;
};

} // namespace troupe::client
