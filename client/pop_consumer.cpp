#include "client/pop_consumer.hpp"

#include "actors/messages/pop_messages.hpp"
#include "actors/net/broker_proxy.hpp"
#include "actors/schedule/message_return.hpp"
#include "client/internal/asker.hpp"
#include "client/internal/known_brokers.hpp"
#include "client/internal/pop_agent.hpp"
#include "client/internal/pop_round.hpp"
#include "client/internal/subscription_filter.hpp"
#include "client/internal/to_received.hpp"
#include "client/internal/unique_key.hpp"
#include "protocol/message_codec.hpp"
#include "protocol/pop_bodies.hpp"
#include "protocol/properties.hpp"
#include "protocol/property_edit.hpp"
#include "protocol/vocabulary/names.hpp"

#include <caf/send.hpp>

#include <algorithm>
#include <condition_variable>
#include <cstdint>
#include <deque>
#include <map>
#include <mutex>
#include <set>
#include <tuple>
#include <utility>

namespace troupe::client {

namespace {

using actors::net::role_of;

constexpr std::int32_t messages_per_pop_max = 32;
constexpr std::chrono::milliseconds wait_max{30'000};
/// Few messages are ever put back: the retry topic is looked at so often while its group pops.
constexpr std::chrono::milliseconds retry_topic_interval{1'000};
/// So long this consumer keeps away from the retry topic when it found another topic's message there, which it gives back much sooner: each
/// look costs the message one of its tries.
constexpr std::chrono::milliseconds others_first{10'000};
constexpr std::chrono::milliseconds give_back_pause{100};

bool says_that_view_is_old(errc code) {
    return hints_at_lost_broker(code) || hints_at_old_route(code) || code == errc::timed_out;
}

/// Of a message of a retry topic that has its own topic's name again, RocketMQ's brokers write the handle into the message; of the others
/// the pop says where in their queue it began, or it began with the first that came.
protocol::receipt_handle handle_of(const std::string& broker, const std::vector<protocol::popped_queue>& queues,
                                   const actors::messages_popped& popped, const protocol::message& record, queue_offset first) {
    if (const auto written = protocol::find_property(record.properties, protocol::property_name::receipt_handle))
        if (auto handle = protocol::decode_receipt_handle(*written);
            handle && handle->retry_flag != 0 && handle->queue == record.queue && handle->offset == record.offset)
            return std::move(*handle);
    protocol::receipt_handle handle;
    handle.start = first;
    for (const auto& queue : queues)
        if (queue.queue == record.queue && std::binary_search(queue.offsets.begin(), queue.offsets.end(), record.offset))
            handle.start = queue.start;
    if (handle.start.value() < 0 || handle.start > record.offset)
        handle.start = record.offset;
    handle.popped = popped.popped;
    handle.invisible_ms = popped.invisible_ms;
    handle.revive_queue = popped.revive_queue;
    handle.broker_name = broker;
    handle.queue = record.queue;
    handle.offset = record.offset;
    return handle;
}

actors::pop_handle to_pop_handle(const protocol::receipt_handle& handle) {
    return {handle.start, handle.popped, handle.invisible_ms, handle.revive_queue, handle.retry_flag};
}

/// RocketMQ's brokers write into no record how often it came in order, but beside them.
std::int32_t times_delivered(const std::vector<protocol::popped_queue>& queues, const protocol::message& record) {
    for (const auto& queue : queues) {
        const auto found = std::lower_bound(queue.offsets.begin(), queue.offsets.end(), record.offset);
        const auto place = static_cast<std::size_t>(found - queue.offsets.begin());
        if (queue.queue == record.queue && found != queue.offsets.end() && *found == record.offset && place < queue.deliveries.size())
            return std::max(queue.deliveries[place], record.reconsume_times);
    }
    return record.reconsume_times;
}

/// A message as it came. Its body is unpacked on the thread that pops: what a broker answers is taken on threads of the scheduler, which all
/// actors of the process share, and a few kilobytes may unpack to many megabytes.
struct packed_message {
    popped_message given;
    std::int32_t sys_flag = 0; ///< of its record
};

/// Those whose bodies may become large together, from the first on; what is beyond that stays.
std::vector<popped_message> take_unpacked(std::vector<packed_message>& packed) {
    std::vector<popped_message> given;
    unpacking_room room;
    auto each = packed.begin();
    for (; each != packed.end() && unpack(each->given.message, each->sys_flag, room); ++each)
        given.push_back(std::move(each->given));
    packed.erase(packed.begin(), each);
    return given;
}

/// `topic` was popped: what the answer says of queues is of its own.
result<std::vector<packed_message>> to_messages(const std::string& broker, const std::string& topic,
                                                const actors::messages_popped& popped) {
    auto records = protocol::decode_records(popped.records);
    if (!records)
        return at_broker(broker, records.failure());
    std::vector<packed_message> messages;
    const std::vector<protocol::popped_queue> none;
    std::map<std::pair<std::string, queue_id>, queue_offset> first; // of what came of each queue
    for (auto& record : *records) {
        const message_queue queue{record.topic, broker, record.queue.value()};
        const auto start = first.try_emplace({record.topic, record.queue}, record.offset).first->second;
        const auto& queues = record.topic == topic ? popped.queues : none;
        auto handle = handle_of(broker, queues, popped, record, start);
        record.reconsume_times = times_delivered(queues, record);
        const auto sys_flag = record.sys_flag;
        messages.push_back(
            {{to_received_packed(queue, std::move(record)), popped.popped, protocol::encode_receipt_handle(handle), queue.topic},
             sys_flag});
    }
    return messages;
}

result<protocol::receipt_handle> read_handle(const popped_message& message) {
    auto handle = protocol::decode_receipt_handle(message.handle);
    if (!handle || handle->start.value() < 0 || handle->start > handle->offset)
        return error{errc::argument_illegal, "\"" + message.handle + "\" is no handle of a popped message"};
    return handle;
}

/// One request's worth of acknowledgements, with the messages that were popped together in one part.
class ack_orders {
public:
    ack_orders(std::string group, std::string broker) : group_{std::move(group)}, broker_{std::move(broker)} {}

    void add(const std::string& topic, const protocol::receipt_handle& handle) {
        const part_key key{topic, handle.queue, handle.start, handle.popped, handle.invisible_ms, handle.revive_queue, handle.retry_flag};
        // So far behind where its pop began, a message has no place in a set of offsets: it goes by itself.
        const bool is_alone = handle.offset.value() - handle.start.value() >= protocol::ack_span_max;
        if (orders_.empty() || is_alone || weight_ + 2 > protocol::acks_per_request_max) {
            orders_.emplace_back();
            orders_.back().broker_name = broker_;
            parts_.clear();
            weight_ = 0;
        }
        auto& order = orders_.back();
        const auto [at, is_new] = parts_.try_emplace(key, order.parts.size());
        if (is_new) {
            order.parts.push_back({group_, {topic, handle.queue}, to_pop_handle(handle), {}});
            ++weight_;
        }
        order.parts[at->second].offsets.push_back(handle.offset);
        weight_ = is_alone ? protocol::acks_per_request_max : weight_ + 1;
    }
    std::vector<actors::acknowledge_messages> take() && {
        for (auto& order : orders_)
            for (auto& part : order.parts) {
                std::sort(part.offsets.begin(), part.offsets.end());
                part.offsets.erase(std::unique(part.offsets.begin(), part.offsets.end()), part.offsets.end());
            }
        return std::move(orders_);
    }

private:
    using part_key = std::tuple<std::string, queue_id, queue_offset, timestamp_ms, std::int64_t, std::int32_t, std::int32_t>;

    const std::string group_;
    const std::string broker_;
    std::vector<actors::acknowledge_messages> orders_;
    std::map<part_key, std::size_t> parts_; ///< of the last order, with their places
    std::size_t weight_ = 0;                ///< in a request a message counts, and so does what says where it lies
};

actors::change_invisible_time change_of(const std::string& group, const popped_message& message, const protocol::receipt_handle& handle,
                                        std::chrono::milliseconds invisible) {
    return {
        group, {message.lies_in, handle.queue}, handle.offset, to_pop_handle(handle), invisible.count(), message.message.queue.broker_name};
}

/// Whether it works or not is nobody's business: if not, they come when their time is over.
std::vector<actors::change_invisible_time> all_back(const std::string& group, const std::vector<packed_message>& messages,
                                                    std::chrono::milliseconds pause) {
    std::vector<actors::change_invisible_time> orders;
    for (const auto& one : messages)
        if (const auto handle = read_handle(one.given))
            orders.push_back(change_of(group, one.given, *handle, pause));
    return orders;
}

/// Messages of one broker, to be handed out while whoever gets them has at least half of the time that was asked for. Never empty, where they
/// are kept for the next pop().
struct taken_messages {
    std::vector<packed_message> messages;
    time_point fresh_until;
};
/// What became of one question of a pop().
struct pop_event {
    std::string broker;
    pop_round::question what = pop_round::question::take;
    std::string attempt; ///< under which it was asked, in order
    bool found = false;  ///< a notice that there is something
    taken_messages taken;
    error failure;
};
/// One pop() that waits, for those who bring it answers.
struct pop_call {
    std::deque<pop_event> events;
    bool has_ended = false;
};

/// Where the answers of brokers meet the threads that pop.
///
/// Size     what is kept came too late for the pop() that asked, or is what that one had no room for; and no broker is asked by another one
///          meanwhile: one pop's messages for each broker and thread that popped at the same time. One notice of each broker is awaited,
///          whoever waits for it.
struct pop_desk {
    std::mutex mutex;
    std::condition_variable changed;
    bool is_closed = false;
    std::size_t inside = 0;                       ///< calls that may still have something to give back
    std::vector<std::shared_ptr<pop_call>> calls; ///< under way
    std::set<std::string> notices;                ///< of these brokers are awaited
    std::deque<taken_messages> kept;
    /// What ended calls have asked and is unanswered.
    std::multiset<std::pair<std::string, pop_round::question>> strays;
    std::map<std::string, std::string> lost_attempts; ///< in order, by broker: whose answer was lost, and may be asked for once more
    time_point retry_topic_due;
    std::size_t next_broker = 0; ///< brokers take turns
};

/// Brings one answer to the desk. Destroyed without one, it says so.
class pop_answer {
public:
    pop_answer(std::shared_ptr<pop_desk> desk, std::shared_ptr<pop_call> call, actors::pop_messages order, pop_options options,
               pop_event event)
        : desk_{std::move(desk)},
          call_{std::move(call)},
          order_{std::move(order)},
          options_{std::move(options)},
          event_{std::move(event)} {}
    ~pop_answer() {
        if (!is_told_)
            static_cast<void>(tell(error{errc::shutting_down, "the connection was closed"}));
    }
    pop_answer(const pop_answer&) = delete;
    pop_answer& operator=(const pop_answer&) = delete;

    /// What is to be given back.
    std::vector<actors::change_invisible_time> tell(const result<actors::messages_popped>& popped);

private:
    void put_others_back(std::vector<actors::change_invisible_time>& orders);

    const std::shared_ptr<pop_desk> desk_;
    const std::shared_ptr<pop_call> call_;
    const actors::pop_messages order_;
    const pop_options options_;
    pop_event event_;
    bool is_told_ = false;
};

/// The group's retry topic has messages of all its topics.
void pop_answer::put_others_back(std::vector<actors::change_invisible_time>& orders) {
    auto& all = event_.taken.messages;
    const auto others = std::stable_partition(
        all.begin(), all.end(), [this](const packed_message& one) { return one.given.message.queue.topic == options_.topic; });
    if (others == all.end())
        return;
    orders = all_back(options_.group, {others, all.end()}, give_back_pause);
    all.erase(others, all.end());
    const std::lock_guard lock{desk_->mutex};
    desk_->retry_topic_due = std::chrono::steady_clock::now() + others_first;
}

std::vector<actors::change_invisible_time> pop_answer::tell(const result<actors::messages_popped>& popped) {
    is_told_ = true;
    std::vector<actors::change_invisible_time> back;
    const bool is_notice = event_.what == pop_round::question::notice;
    if (popped && is_notice) {
        event_.found = popped->status == actors::pop_status::found;
    } else {
        auto messages = popped ? to_messages(event_.broker, order_.topic, *popped) : at_broker(event_.broker, popped.failure());
        if (messages)
            event_.taken = {std::move(*messages), std::chrono::steady_clock::now() + options_.invisible / 2};
        else
            event_.failure = messages.failure();
    }
    if (event_.what == pop_round::question::put_back)
        put_others_back(back);
    const std::lock_guard lock{desk_->mutex};
    if (is_notice) {
        desk_->notices.erase(event_.broker);
        for (const auto& each : desk_->calls)
            each->events.push_back(event_);
        desk_->changed.notify_all();
        return back;
    }
    if (!event_.attempt.empty() && says_that_view_is_old(event_.failure.code))
        desk_->lost_attempts[event_.broker] = event_.attempt;
    if (!call_->has_ended && !desk_->is_closed) {
        call_->events.push_back(std::move(event_));
        desk_->changed.notify_all();
        return back;
    }
    if (const auto stray = desk_->strays.find({event_.broker, event_.what}); stray != desk_->strays.end())
        desk_->strays.erase(stray);
    if (desk_->is_closed) {
        const auto rest = all_back(options_.group, event_.taken.messages, std::chrono::milliseconds{0});
        back.insert(back.end(), rest.begin(), rest.end());
    } else if (!event_.taken.messages.empty()) {
        desk_->kept.push_back(std::move(event_.taken));
    }
    desk_->changed.notify_all();
    return back;
}

} // namespace

/// What copies of a consumer share.
class pop_consumer::state {
public:
    state(connection via, pop_options options, subscription_filter filter)
        : via_{std::move(via)},
          options_{std::move(options)},
          filter_{std::move(filter)},
          brokers_{route_times(via_)},
          agent_{spawn_pop_agent(via_.core().system(), via_.core().hub(), via_.options().request_timeout)} {}
    state(const state&) = delete;
    state& operator=(const state&) = delete;
    ~state() { close(); }

    result<std::vector<popped_message>> pop(std::chrono::milliseconds wait);
    result<void> acknowledge(const std::vector<popped_message>& messages);
    result<void> change_invisible_time(popped_message& message, std::chrono::milliseconds invisible);
    void close();

private:
    static known_brokers::options route_times(const connection& via) {
        known_brokers::options times;
        times.refresh = via.options().route_refresh;
        return times;
    }
    using broker_maps = std::map<pop_round::question, known_brokers::broker_map>;
    [[nodiscard]] pop_round::brokers whom(const broker_maps& brokers);
    [[nodiscard]] bool is_retry_topic_due();
    [[nodiscard]] actors::pop_messages order_of(const pop_round::step& step);
    void ask(const pop_round::step& step, const actors::broker_actor& broker, const std::shared_ptr<pop_call>& call);
    [[nodiscard]] bool enter();
    void leave();
    taken_messages take_kept(std::deque<taken_messages>& stale);
    taken_messages heed(pop_round& round, pop_call& call);
    std::vector<popped_message> hand_out(taken_messages taken);
    void give_back(const std::deque<taken_messages>& all);
    void end(const pop_round& round, pop_call& call);
    [[nodiscard]] static pop_round::question broker_map_of(pop_round::question what) {
        return what == pop_round::question::put_back ? what : pop_round::question::take;
    }
    struct visit {
        state& visited;
        ~visit() { visited.leave(); }
    };
    template <class Answer, class Order>
    result<Answer> ask_broker(asker& ask, const std::string& name, const Order& order);

    const connection via_;
    const pop_options options_;
    const subscription_filter filter_;
    known_brokers brokers_;
    pop_agent_actor agent_;
    std::shared_ptr<pop_desk> desk_ = std::make_shared<pop_desk>();
    unique_key_generator attempts_;
};

void pop_consumer::state::close() {
    std::deque<taken_messages> kept;
    {
        const std::lock_guard lock{desk_->mutex};
        if (std::exchange(desk_->is_closed, true))
            return;
        ++desk_->inside; // else a pop() that ends meanwhile would end the agent first
        kept.swap(desk_->kept);
        // With what pops under way have not seen yet.
        for (const auto& call : desk_->calls)
            for (auto& event : call->events)
                if (!event.taken.messages.empty())
                    kept.push_back(std::exchange(event.taken, {}));
        desk_->changed.notify_all();
    }
    give_back(kept);
    leave();
    via_.core().pops().leave(via_, options_.group, options_.topic);
}

/// False: it was closed.
bool pop_consumer::state::enter() {
    const std::lock_guard lock{desk_->mutex};
    if (desk_->is_closed)
        return false;
    ++desk_->inside;
    return true;
}

/// The agent ends behind the last one who may give it something to carry.
void pop_consumer::state::leave() {
    bool is_last = false;
    {
        const std::lock_guard lock{desk_->mutex};
        is_last = --desk_->inside == 0 && desk_->is_closed;
    }
    if (is_last)
        caf::anon_send(agent_, end_carrying{});
}

/// Each is visible again at once, to whoever pops.
void pop_consumer::state::give_back(const std::deque<taken_messages>& all) {
    if (all.empty())
        return;
    asker ask{via_};
    for (const auto& some : all)
        if (const auto broker = brokers_.named(ask, some.messages.front().given.message.queue.broker_name))
            caf::anon_send(agent_, carry_back{role_of<actors::pop_actor>(*broker),
                                              all_back(options_.group, some.messages, std::chrono::milliseconds{0})});
}

// ---- taking ---------------------------------------------------------------------------------------------------------

/// Another one first each time.
pop_round::brokers pop_consumer::state::whom(const broker_maps& brokers) {
    pop_round::brokers all;
    for (const auto& [name, broker] : brokers.at(pop_round::question::take)) {
        all.in_turn.push_back(name);
        if (brokers_.is_suspect(name))
            all.suspects.insert(name);
    }
    const std::lock_guard lock{desk_->mutex};
    const auto first = desk_->next_broker++ % all.in_turn.size();
    std::rotate(all.in_turn.begin(), all.in_turn.begin() + static_cast<std::ptrdiff_t>(first), all.in_turn.end());
    for (const auto& name : all.in_turn)
        if (desk_->strays.contains({name, pop_round::question::take}))
            all.busy.insert(name);
    for (const auto& [name, broker] : brokers.at(pop_round::question::put_back))
        if (!brokers_.is_suspect(name) && !desk_->strays.contains({name, pop_round::question::put_back}))
            all.of_retry_topic.push_back(name);
    return all;
}

/// Dead letters that were put back are there.
bool pop_consumer::state::is_retry_topic_due() {
    const auto now = std::chrono::steady_clock::now();
    const std::lock_guard lock{desk_->mutex};
    if (now < desk_->retry_topic_due)
        return false;
    desk_->retry_topic_due = now + retry_topic_interval;
    return true;
}

actors::pop_messages pop_consumer::state::order_of(const pop_round::step& step) {
    actors::pop_messages order;
    order.kind = step.what == pop_round::question::notice ? actors::pop_kind::notify : actors::pop_kind::take;
    order.group = options_.group;
    order.topic = options_.topic;
    order.messages_max = options_.messages_max;
    order.invisible_ms = options_.invisible.count();
    order.poll_ms = step.wait.count();
    if (step.what == pop_round::question::put_back) { // all of it was wanted when it was delivered first, and it has lost its place
        order.topic = actors::retry_topic_of(options_.group);
        return order;
    }
    order.from_end = options_.from_end;
    order.expression = filter_.expression();
    order.expression_type = filter_.type();
    order.ordered = options_.ordered;
    if (options_.ordered && step.what == pop_round::question::take) {
        const std::lock_guard lock{desk_->mutex};
        const auto lost = desk_->lost_attempts.extract(step.broker);
        order.attempt = lost.empty() ? attempts_.next(wall_clock_ms()) : lost.mapped();
    }
    return order;
}

void pop_consumer::state::ask(const pop_round::step& step, const actors::broker_actor& broker, const std::shared_ptr<pop_call>& call) {
    if (step.what == pop_round::question::notice) {
        const std::lock_guard lock{desk_->mutex};
        if (!desk_->notices.insert(step.broker).second)
            return; // it will come to this call, too
    }
    auto order = order_of(step);
    pop_event event;
    event.broker = step.broker;
    event.what = step.what;
    event.attempt = order.attempt;
    const auto answer = std::make_shared<pop_answer>(desk_, call, order, options_, std::move(event));
    carry_pop work;
    work.broker = role_of<actors::pop_actor>(broker);
    work.timeout = via_.options().request_timeout + step.wait;
    work.order = std::move(order);
    work.answered = [answer](const result<actors::messages_popped>& popped) { return answer->tell(popped); };
    caf::anon_send(agent_, std::move(work));
}

/// Whoever would get the stale ones now may not have the time that was asked for: they are to be given back.
taken_messages pop_consumer::state::take_kept(std::deque<taken_messages>& stale) {
    auto& kept = desk_->kept;
    const auto now = std::chrono::steady_clock::now();
    for (; !kept.empty() && kept.front().fresh_until <= now; kept.pop_front())
        stale.push_back(std::move(kept.front()));
    if (kept.empty())
        return {};
    auto taken = std::move(kept.front());
    kept.pop_front();
    return taken;
}

/// What fits of them. The rest comes with the next pop(): given back, it would have one try less of those that its group has. In order, whoever
/// gets the first of a queue gets all: another pop() must not pass what fails of them, nor have them at the same time.
std::vector<popped_message> pop_consumer::state::hand_out(taken_messages taken) {
    auto given = take_unpacked(taken.messages);
    if (options_.ordered)
        for (auto& rest : std::exchange(taken.messages, {}))
            given.push_back(std::move(rest.given));
    if (taken.messages.empty())
        return given;
    std::deque<taken_messages> back;
    {
        const std::lock_guard lock{desk_->mutex};
        auto& to = desk_->is_closed ? back : desk_->kept;
        to.push_front(std::move(taken));
        desk_->changed.notify_all();
    }
    give_back(back);
    return given;
}

/// Tells the round what has come. The first messages.
taken_messages pop_consumer::state::heed(pop_round& round, pop_call& call) {
    while (!call.events.empty()) {
        auto event = std::move(call.events.front());
        call.events.pop_front();
        if (event.failure.code == errc::none) {
            brokers_.answered(event.broker);
            round.answered(event.broker, event.what, event.found, std::chrono::steady_clock::now());
        } else {
            const bool is_away = says_that_view_is_old(event.failure.code);
            if (is_away && event.what != pop_round::question::put_back)
                brokers_.failed(event.broker);
            round.failed(event.broker, event.what, event.failure, is_away);
        }
        if (!event.taken.messages.empty())
            return std::move(event.taken);
    }
    return {};
}

/// From here on what comes is kept for the next call. When the consumer is closed, close() has taken it.
void pop_consumer::state::end(const pop_round& round, pop_call& call) {
    call.has_ended = true;
    std::erase_if(desk_->calls, [&call](const auto& each) { return each.get() == &call; });
    for (auto& stray : round.unanswered())
        desk_->strays.insert(std::move(stray));
    for (auto& event : call.events) {
        if (const auto answered = desk_->strays.find({event.broker, event.what}); answered != desk_->strays.end())
            desk_->strays.erase(answered);
        if (!event.taken.messages.empty())
            desk_->kept.push_back(std::move(event.taken));
    }
    call.events.clear();
}

result<std::vector<popped_message>> pop_consumer::state::pop(std::chrono::milliseconds wait) {
    const error closed{errc::shutting_down, "the pop consumer was closed"};
    if (!enter())
        return closed;
    const visit inside{*this};
    std::deque<taken_messages> stale;
    taken_messages taken;
    {
        const std::lock_guard lock{desk_->mutex};
        taken = take_kept(stale);
    }
    give_back(std::exchange(stale, {}));
    if (!taken.messages.empty())
        return hand_out(std::move(taken));
    asker ask_names{via_};
    broker_maps brokers;
    if (is_retry_topic_due())
        if (auto found = brokers_.of_topic(ask_names, actors::retry_topic_of(options_.group)))
            brokers[pop_round::question::put_back] = std::move(*found);
    auto found = brokers_.of_topic(ask_names, options_.topic);
    if (!found)
        return found.failure();
    brokers[pop_round::question::take] = std::move(*found);
    brokers.try_emplace(pop_round::question::put_back);

    const auto call = std::make_shared<pop_call>();
    auto asked = whom(brokers);
    auto busy = asked.busy;
    pop_round round{std::move(asked), std::chrono::steady_clock::now(), std::clamp(wait, std::chrono::milliseconds{0}, wait_max)};
    std::unique_lock lock{desk_->mutex};
    desk_->calls.push_back(call);
    for (;;) {
        if (desk_->is_closed) {
            end(round, *call);
            return closed;
        }
        taken = heed(round, *call);
        if (taken.messages.empty())
            taken = take_kept(stale);
        if (!taken.messages.empty()) {
            end(round, *call);
            lock.unlock();
            give_back(stale);
            return hand_out(std::move(taken));
        }
        const auto is_free = [this](const std::string& name) { return !desk_->strays.contains({name, pop_round::question::take}); };
        for (auto name = busy.begin(); name != busy.end();) {
            if (!is_free(*name)) {
                ++name;
                continue;
            }
            round.freed(*name);
            name = busy.erase(name);
        }
        const auto now = std::chrono::steady_clock::now();
        const auto steps = round.next(now);
        if (round.is_over(now)) {
            end(round, *call);
            lock.unlock();
            give_back(stale);
            if (const auto outcome = round.outcome(); !outcome)
                return outcome.failure();
            return std::vector<popped_message>{};
        }
        lock.unlock();
        give_back(std::exchange(stale, {}));
        for (const auto& step : steps)
            ask(step, brokers.at(broker_map_of(step.what)).at(step.broker), call);
        lock.lock();
        const auto has_news = [&] {
            return desk_->is_closed || !call->events.empty() || !desk_->kept.empty() || std::any_of(busy.begin(), busy.end(), is_free);
        };
        if (const auto due = round.due(std::chrono::steady_clock::now()); due == time_point::max())
            desk_->changed.wait(lock, has_news);
        else
            desk_->changed.wait_until(lock, due, has_news);
    }
}

// ---- what becomes of them -------------------------------------------------------------------------------------------

template <class Answer, class Order>
result<Answer> pop_consumer::state::ask_broker(asker& ask, const std::string& name, const Order& order) {
    const auto broker = brokers_.named(ask, name);
    if (!broker)
        return broker.failure();
    auto answer = ask.ask<Answer>(role_of<actors::pop_actor>(*broker), order);
    if (!answer && says_that_view_is_old(answer.code()))
        brokers_.failed(name);
    return answer ? std::move(answer) : at_broker(name, answer.failure());
}

result<void> pop_consumer::state::acknowledge(const std::vector<popped_message>& messages) {
    std::map<std::string, ack_orders> brokers;
    for (const auto& one : messages) {
        const auto handle = read_handle(one);
        if (!handle)
            return handle.failure();
        const auto& name = one.message.queue.broker_name;
        brokers.try_emplace(name, options_.group, name).first->second.add(one.lies_in, *handle);
    }
    asker ask{via_};
    result<void> outcome;
    for (auto& [name, orders] : brokers) // each, whatever became of the others
        for (const auto& order : std::move(orders).take())
            if (const auto done = ask_broker<actors::messages_acknowledged>(ask, name, order); !done)
                outcome = done.failure();
    return outcome;
}

result<void> pop_consumer::state::change_invisible_time(popped_message& message, std::chrono::milliseconds invisible) {
    auto handle = read_handle(message);
    if (!handle)
        return handle.failure();
    asker ask{via_};
    const auto changed = ask_broker<actors::invisible_time_changed>(ask, message.message.queue.broker_name,
                                                                    change_of(options_.group, message, *handle, invisible));
    if (!changed)
        return changed.failure();
    handle->start = handle->offset; // it is out by itself from now on
    handle->popped = message.popped = changed->popped;
    handle->invisible_ms = changed->invisible_ms;
    handle->revive_queue = changed->revive_queue;
    message.handle = protocol::encode_receipt_handle(*handle);
    return {};
}

pop_consumer::pop_consumer(std::shared_ptr<state> s) : state_{std::move(s)} {}

result<pop_consumer> pop_consumer::open(connection via, pop_options options) {
    if (auto legal = check_group_name(options.group); !legal)
        return legal.failure();
    if (auto legal = check_topic_name(options.topic); !legal)
        return legal.failure();
    auto filter = subscription_filter::parse(options.selector);
    if (!filter)
        return filter.failure();
    if (options.messages_max < 1 || options.messages_max > messages_per_pop_max)
        return error{errc::argument_illegal,
                     "messages_max " + std::to_string(options.messages_max) + " is outside 1 to " + std::to_string(messages_per_pop_max)};
    if (options.invisible < std::chrono::milliseconds{1})
        return error{errc::argument_illegal, "messages that are invisible for no time would be delivered again at once"};
    if (auto joined = via.core().pops().join(via, options.group, options.topic, *filter, options.from_end); !joined)
        return joined.failure();
    return pop_consumer{std::make_shared<state>(std::move(via), std::move(options), std::move(*filter))};
}

result<std::vector<popped_message>> pop_consumer::pop(std::chrono::milliseconds wait) {
    return state_->pop(wait);
}

void pop_consumer::close() {
    state_->close();
}

result<void> pop_consumer::acknowledge(const popped_message& message) {
    return acknowledge(std::vector{message});
}

result<void> pop_consumer::acknowledge(const std::vector<popped_message>& messages) {
    return state_->acknowledge(messages);
}

result<void> pop_consumer::change_invisible_time(popped_message& message, std::chrono::milliseconds invisible) {
    return state_->change_invisible_time(message, invisible);
}

} // namespace troupe::client
