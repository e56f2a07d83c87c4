#include "actors/schedule/timer_keeper.hpp"

#include "actors/base/log.hpp"
#include "actors/base/spawn_role.hpp"
#include "actors/messages/type_ids.hpp"
#include "protocol/properties.hpp"
#include "protocol/recall_handle.hpp"
#include "protocol/vocabulary/names.hpp"

#include <caf/actor_system.hpp>
#include <caf/typed_event_based_actor.hpp>

#include <algorithm>
#include <map>
#include <optional>
#include <utility>
#include <variant>
#include <vector>

namespace troupe::actors {

namespace {

/// What one answer to list_timers may hold; its bytes are bounded by the book.
constexpr std::int32_t list_timers_max = 1'000;
/// Timers that one list_timers looks at: those of other topics come in between.
constexpr std::int32_t list_scan_max = 10'000;
constexpr std::uint64_t batch_ticket = 0;

error not_now() {
    return {errc::busy, "the timers cannot be changed now; repeat it later"};
}

/// What an operator calls a timer by: it is written into the properties of an order to recall it.
template <class Order>
result<void> check_named(const Order& order) {
    if (auto legal = check_topic_name(order.topic); !legal)
        return legal;
    if (order.unique_key.empty() || protocol::holds_property_end(order.unique_key))
        return error{errc::argument_illegal, "a unique key is not empty, and holds no byte 0x01 or 0x02; take it from the list of timers"};
    return {};
}

/// Where what waits is the broker's: messages of groups that were given back, dead letters, what the system writes.
bool is_brokers_own(std::string_view topic) {
    return is_retry_topic(topic) || is_dead_letter_topic(topic) || is_system_topic(topic);
}

class timer_keeper_state {
public:
    static inline const char* name = "timer_keeper";

    void start(timer_keeper_actor::pointer self, timer_keeper_options options, std::unique_ptr<storage::timer_store> store);
    void handle(const records_arrived& event);
    void handle(const records_appended& result);
    void handle(timer_tick tick);
    caf::result<message_recalled> handle(const recall_message& order);
    caf::result<timers_listed> handle(const list_timers& order);
    caf::result<timer_found> handle(const find_timer& order);
    caf::result<timer_cancelled> handle(const cancel_timer& order);
    void handle(const finish& order);

private:
    using recall_promise = caf::typed_response_promise<message_recalled>;
    using cancel_promise = caf::typed_response_promise<timer_cancelled>;
    /// An order on its way to the log.
    struct recall {
        std::string topic;
        std::string unique_key;
        std::variant<recall_promise, cancel_promise> promise;
    };
    /// A cancellation of what may be among the timers that are not taken in yet.
    struct waiting_cancel {
        recall order;
        queue_offset known_at;
    };

    void work();
    void arm(timestamp_ms when);
    bool append(timer_book::batch batch);
    void settle_batch(const append_outcome& outcome);
    void settle_recall(recall& done, const error& failure);
    result<bool> begin_recall(recall& order, timestamp_ms due);
    void cancel(recall& order, queue_offset known_at);
    void go_on_cancelling();
    [[nodiscard]] static error no_such_timer(const recall& order);
    void release_order() {
        if (options_.orders)
            options_.orders->release(1);
    }
    void publish_metrics();
    void end_if_idle();

    timer_keeper_actor::pointer self_ = nullptr;
    timer_keeper_options options_;
    std::unique_ptr<timer_book> book_;
    // The batch on its way: its records have tickets from batch_ticket on, all in one answer or several.
    std::size_t batch_open_ = 0;
    std::size_t batch_records_ = 0;
    std::optional<error> batch_failure_;
    storage::placed_records note_;
    std::map<std::uint64_t, recall> recalls_; ///< by ticket
    std::vector<waiting_cancel> cancels_;     ///< bounded by options_.orders
    std::uint64_t next_recall_ = std::uint64_t{1} << 32;
    std::uint64_t epoch_ = 0;
    std::optional<timestamp_ms> armed_; ///< when the tick on its way comes
    bool is_failing_ = false;           ///< a row of failures is reported once
    bool finishing_ = false;
};

void timer_keeper_state::start(timer_keeper_actor::pointer self, timer_keeper_options options,
                               std::unique_ptr<storage::timer_store> store) {
    self_ = self;
    options_ = std::move(options);
    if (!options_.book.warn)
        options_.book.warn = [](const std::string& text) { write_log(log_level::warning, "timers: " + text); };
    book_ = std::make_unique<timer_book>(options_.book, std::move(store));
    self_->monitor(options_.log_writer);
    self_->set_down_handler([this](const caf::down_msg& event) { self_->quit(event.reason); });
    self_->set_error_handler([](caf::error& failure) { write_log(log_level::warning, "timers: " + to_string(to_error(failure))); });
    // What the log holds already is taken in at the first look; this tells of what comes.
    self_->send(options_.log_writer, watch_queue{timer_queue(), records_watcher_actor{self_}, false});
}

void timer_keeper_state::handle(const records_arrived&) {
    work();
}

void timer_keeper_state::handle(timer_tick tick) {
    if (tick.epoch != epoch_)
        return;
    armed_.reset();
    work();
}

/// A bounded part of the work; the rest comes behind what is in the mailbox.
void timer_keeper_state::work() {
    if (finishing_)
        return;
    auto step = book_->next(options_.now());
    if (step.append && !append(std::move(*step.append)))
        step.wake = std::min(step.wake, options_.now() + timer_schedule::pause_after_failure.count());
    go_on_cancelling();
    publish_metrics();
    arm(step.again ? timestamp_ms{0} : step.wake);
}

/// Keeps one tick on its way, at `when` or before.
void timer_keeper_state::arm(timestamp_ms when) {
    const auto now = options_.now();
    if (armed_ && *armed_ <= when && *armed_ <= now + timer_schedule::sleep_max.count())
        return;
    armed_ = when;
    const timer_tick tick{++epoch_};
    if (when <= now)
        self_->send(self_, tick);
    else
        self_->delayed_send(self_, std::chrono::milliseconds{when - now}, tick);
}

/// False: it must wait.
bool timer_keeper_state::append(timer_book::batch batch) {
    if (!options_.append_admission->try_acquire(batch.bytes)) {
        book_->not_appended(options_.now());
        return false;
    }
    append_records work;
    work.together = true;
    work.reply_to = ticket_holder_actor{self_};
    work.entries.reserve(batch.records.size());
    batch_open_ = batch_records_ = batch.records.size();
    batch_failure_.reset();
    for (auto& records : batch.records)
        work.entries.push_back({batch_ticket + work.entries.size(), std::move(records)});
    self_->send(options_.log_writer, std::move(work));
    return true;
}

void timer_keeper_state::handle(const records_appended& result) {
    for (const auto& outcome : result.outcomes) {
        if (const auto found = recalls_.find(outcome.ticket); found != recalls_.end()) {
            auto done = std::move(found->second);
            recalls_.erase(found);
            if (outcome.failure.code != errc::none)
                book_->recall_failed(done.topic, done.unique_key);
            settle_recall(done, outcome.failure);
        } else {
            settle_batch(outcome);
        }
    }
    work();
    end_if_idle();
}

void timer_keeper_state::settle_batch(const append_outcome& outcome) {
    if (outcome.failure.code != errc::none && !batch_failure_)
        batch_failure_ = outcome.failure;
    if (outcome.ticket == batch_ticket + batch_records_ - 1)
        note_ = outcome.placed;
    if (batch_open_ == 0 || --batch_open_ > 0)
        return;
    if (!batch_failure_) {
        is_failing_ = false;
        book_->appended(note_);
        return;
    }
    if (!std::exchange(is_failing_, true))
        write_log(log_level::warning, "timers: what is due is tried again: " + to_string(*batch_failure_));
    book_->not_appended(options_.now());
}

// ---- taking back ------------------------------------------------------------------------------------------------------

error timer_keeper_state::no_such_timer(const recall& order) {
    return {errc::message_not_found, "no timer for topic " + order.topic + " with unique key " + order.unique_key + " is pending"};
}

/// True: the order is on its way, and its answer with it. False: there is nothing to take back.
result<bool> timer_keeper_state::begin_recall(recall& order, timestamp_ms due) {
    if (finishing_)
        return error{errc::shutting_down, "the broker is stopping"};
    switch (book_->recall(order.topic, order.unique_key)) {
    case timer_book::recall_outcome::busy: return not_now();
    case timer_book::recall_outcome::too_late: return error{errc::operation_illegal, "message " + order.unique_key + " is being delivered"};
    case timer_book::recall_outcome::not_there: return false;
    case timer_book::recall_outcome::accepted: break;
    }
    auto message = make_recall(order.topic, order.unique_key, due);
    message.born = options_.now();
    message.born_host = message.store_host = options_.book.store_host;
    auto record = protocol::encode_record(message);
    const bool has_room = record.ok() && options_.append_admission->try_acquire(record->size());
    if (!has_room) {
        book_->recall_failed(order.topic, order.unique_key);
        return record.ok() ? error{errc::busy, "too many bytes wait to be written"} : record.failure();
    }
    const auto ticket = next_recall_++;
    append_records work;
    work.reply_to = ticket_holder_actor{self_};
    work.entries.push_back({ticket, {timer_queue(), std::move(*record), 1}});
    recalls_.emplace(ticket, std::move(order));
    self_->send(options_.log_writer, std::move(work));
    return true;
}

/// Answers; the book has been told.
void timer_keeper_state::settle_recall(recall& done, const error& failure) {
    release_order();
    if (auto* const producer = std::get_if<recall_promise>(&done.promise)) {
        if (failure.code != errc::none)
            producer->deliver(make_caf_error(failure));
        else
            producer->deliver(message_recalled{done.unique_key, options_.region});
        return;
    }
    auto& operators = std::get<cancel_promise>(done.promise);
    if (failure.code != errc::none)
        operators.deliver(make_caf_error(failure));
    else
        operators.deliver(timer_cancelled{});
}

/// Checks in the order of RocketMQ's RecallMessageProcessor.
caf::result<message_recalled> timer_keeper_state::handle(const recall_message& order) {
    const auto refuse = [this](errc code, const std::string& text) -> caf::result<message_recalled> {
        release_order();
        return make_caf_error(code, "recall failed, " + text);
    };
    const auto topics = options_.book.topics->current();
    if (!options_.recall_enabled)
        return refuse(errc::not_permitted, "this broker does not take messages back (option broker.recall_messages)");
    if ((topics->broker_perm() & permission::write) == 0)
        return refuse(errc::shutting_down, "this broker takes no messages (its permission lacks write)");
    if (topics->find(order.topic) == nullptr)
        return refuse(errc::topic_not_found, "the topic[" + order.topic + "] not exist");
    if (is_brokers_own(order.topic))
        return refuse(errc::operation_illegal, "messages of topic " + order.topic + " are no producer's to take back");
    const auto handle = protocol::decode_recall_handle(order.handle);
    if (!handle)
        return refuse(handle.code(), handle.failure().text);
    if (handle->topic != order.topic)
        return refuse(errc::operation_illegal, "topic not match");
    if (handle->broker_name != options_.broker_name)
        return refuse(errc::operation_illegal, "the message is at broker " + handle->broker_name);
    const auto left = handle->time.value() <= options_.now().value() ? 0 : handle->time - options_.now();
    if (left <= 0 || left > options_.horizon.count() + 1)
        return refuse(errc::operation_illegal, "timestamp invalid: the message was due, or can never be");
    const auto promise = self_->make_response_promise<message_recalled>(); // from here on it has the answer
    recall begun{order.topic, handle->unique_key, promise};
    const auto is_under_way = begin_recall(begun, handle->time);
    if (!is_under_way)
        settle_recall(begun, {is_under_way.code(), "recall failed, " + is_under_way.failure().text});
    else if (!*is_under_way)
        settle_recall(begun, {}); // taken back before, or never there: RocketMQ does not say which either
    return promise;
}

/// One that was sent just now may not be taken in yet: then the answer waits until it is.
caf::result<timer_cancelled> timer_keeper_state::handle(const cancel_timer& order) {
    const auto promise = self_->make_response_promise<timer_cancelled>();
    recall begun{order.topic, order.unique_key, promise};
    if (auto named = check_named(order); !named)
        settle_recall(begun, named.failure());
    else if (is_retry_topic(order.topic))
        settle_recall(begun, {errc::operation_illegal, "the message waits for the next try of the group of " + order.topic +
                                                           ", and is not to be lost; let a consumer of that group take it when it comes"});
    else
        cancel(begun, book_->taken_in() + book_->behind());
    return promise;
}

/// `known_at`: when everything before it is taken in, a timer that is not there is not there.
void timer_keeper_state::cancel(recall& order, queue_offset known_at) {
    if (finishing_ || !book_->is_ready())
        return settle_recall(order, finishing_ ? error{errc::shutting_down, "the broker is stopping"} : not_now());
    const auto timer = book_->find(order.topic, order.unique_key);
    if (timer.code() == errc::message_not_found && book_->taken_in() < known_at) {
        cancels_.push_back({std::move(order), known_at});
        return;
    }
    const auto is_under_way = timer ? begin_recall(order, timer->key.due) : result<bool>{timer.failure()};
    if (!is_under_way || !*is_under_way)
        settle_recall(order, is_under_way ? no_such_timer(order) : is_under_way.failure());
}

void timer_keeper_state::go_on_cancelling() {
    for (auto& waiting : std::exchange(cancels_, {}))
        cancel(waiting.order, waiting.known_at);
}

// ---- looking at timers --------------------------------------------------------------------------------------------------

caf::result<timers_listed> timer_keeper_state::handle(const list_timers& order) {
    release_order();
    // Those that nobody waits for any more would hold up deliveries, and the next lists as well.
    if (order.given_up <= self_->clock().now())
        return make_caf_error(errc::timed_out, "other orders took so long that this list was given up; repeat it later");
    if (order.timers_max <= 0)
        return make_caf_error(errc::argument_illegal, "a list of " + std::to_string(order.timers_max) + " timers; ask for one at least");
    const auto page = book_->list(order.from, order.topic, std::min(order.timers_max, list_timers_max), list_scan_max);
    if (!page)
        return make_caf_error(page.failure());
    timers_listed listed;
    listed.next = page->next;
    listed.pending = book_->pending();
    std::string records;
    for (const auto& timer : page->timers)
        records += timer.record.view();
    listed.records = payload{std::move(records)};
    return listed;
}

caf::result<timer_found> timer_keeper_state::handle(const find_timer& order) {
    release_order();
    if (auto named = check_named(order); !named)
        return make_caf_error(named.failure());
    auto timer = book_->find(order.topic, order.unique_key);
    if (!timer)
        return make_caf_error(timer.failure());
    return timer_found{std::move(timer->record)};
}

void timer_keeper_state::publish_metrics() {
    auto& metrics = *options_.metrics;
    const auto& counts = book_->counts();
    const auto set = [](broker_metrics::counter& counter, std::uint64_t value) { counter.store(value, std::memory_order_relaxed); };
    set(metrics.timers_taken_in, counts.taken_in);
    set(metrics.timers_delivered, counts.delivered);
    set(metrics.timers_recalled, counts.recalled);
    set(metrics.timers_dropped, counts.dropped);
    set(metrics.timers_lost, counts.lost);
    set(metrics.timers_pending, book_->pending());
    set(metrics.timers_behind, static_cast<std::uint64_t>(book_->behind()));
    set(metrics.timers_late_ms, static_cast<std::uint64_t>(book_->late_ms(options_.now())));
}

void timer_keeper_state::handle(const finish&) {
    finishing_ = true;
    go_on_cancelling();
    end_if_idle();
}

void timer_keeper_state::end_if_idle() {
    if (!finishing_ || batch_open_ > 0 || !recalls_.empty())
        return;
    book_->close();
    self_->quit();
}

timer_keeper_actor::behavior_type timer_keeper(timer_keeper_actor::stateful_pointer<timer_keeper_state> self, timer_keeper_options options,
                                               std::shared_ptr<std::unique_ptr<storage::timer_store>> store) {
    self->state.start(self, std::move(options), std::move(*store));
    return {
        [self](const recall_message& order) { return self->state.handle(order); },
        [self](const list_timers& order) { return self->state.handle(order); },
        [self](const find_timer& order) { return self->state.handle(order); },
        [self](const cancel_timer& order) { return self->state.handle(order); },
        [self](const records_arrived& event) { self->state.handle(event); },
        [self](const records_appended& result) { self->state.handle(result); },
        [](const pull_answered&) {}, // it pulls nothing
        [self](timer_tick tick) { self->state.handle(tick); },
        [self](const finish& order) { self->state.handle(order); },
    };
}

} // namespace

timer_keeper_actor spawn_timer_keeper(caf::actor_system& system, timer_keeper_options options,
                                      std::unique_ptr<storage::timer_store> store) {
    // Copyable, as CAF asks of what it hands to a new actor.
    auto handed = std::make_shared<std::unique_ptr<storage::timer_store>>(std::move(store));
    return spawn_blocking_role(system, timer_keeper, std::move(options), std::move(handed));
}

} // namespace troupe::actors
