#include "client/push_consumer.hpp"

#include "actors/schedule/message_return.hpp"
#include "client/internal/connection_core.hpp"
#include "client/internal/handler_pool.hpp"
#include "client/internal/offset_saver.hpp"
#include "client/internal/reader.hpp"
#include "client/internal/subscription_filter.hpp"
#include "protocol/vocabulary/names.hpp"

#include <caf/send.hpp>

#include <mutex>
#include <utility>

namespace troupe::client {

namespace {

reader_options make_reader_options(const connection& via, const push_consumer_options& from) {
    reader_options to;
    to.client_id = via.client_id();
    to.group = from.group;
    to.name_servers = via.options().name_servers;
    to.request_timeout = via.options().request_timeout;
    to.fetch = from.fetch;
    to.in_group = true;
    to.model = from.model;
    to.from = from.from;
    to.from_time = from.from_time;
    to.allocation = from.allocation;
    to.ordered = from.ordered;
    to.handler_threads = from.handler_threads;
    to.redelivery = {from.redelivery_delay_min, from.redelivery_delay_max, from.redeliveries_max};
    to.send_back = from.model == message_model::clustering && (!from.ordered || from.redeliveries_max.has_value());
    to.commit_interval = from.commit_interval;
    to.rebalance_interval = from.rebalance_interval;
    return to;
}

result<void> check_options(const push_consumer_options& options, bool has_handler) {
    if (auto legal = check_group_name(options.group); !legal)
        return legal;
    if (!has_handler)
        return error{errc::argument_illegal, "a push consumer needs a handler"};
    if (options.handler_threads == 0 || options.fetch.prefetch_messages_max == 0 || options.fetch.prefetch_span_max == 0 ||
        options.fetch.pull_messages_max <= 0)
        return error{errc::argument_illegal,
                     "handler_threads, prefetch_messages_max, prefetch_span_max and pull_messages_max must be above 0"};
    if (options.redeliveries_max && *options.redeliveries_max < 0)
        return error{errc::argument_illegal, "redeliveries_max is " + std::to_string(*options.redeliveries_max) +
                                                 "; give 0 or more, or leave it to the group's configuration"};
    return {};
}

} // namespace

class push_consumer::state {
public:
    state(connection via, const push_consumer_options& options, handler handle, std::map<message_queue, queue_offset> local_offsets);
    state(const state&) = delete;
    state& operator=(const state&) = delete;
    ~state() { stop(std::chrono::milliseconds{3000}); }

    void start();
    void stop(std::chrono::milliseconds timeout);
    template <class Order>
    void tell(Order order) {
        caf::anon_send(reader_, std::move(order));
    }
    [[nodiscard]] std::map<message_queue, queue_offset> positions() const;
    [[nodiscard]] const reader_counters& counters() const { return *counters_; }
    [[nodiscard]] std::uint64_t saves_failed() const { return saver_ ? saver_->failures() : 0; }
    [[nodiscard]] static bool keeps_offsets(const push_consumer_options& options) {
        return options.model == message_model::broadcasting && !options.local_offsets_directory.empty();
    }
    [[nodiscard]] static offset_file file_of(const connection& via, const push_consumer_options& options) {
        return offset_file{options.local_offsets_directory / file_name_of(via.client_id()) / (file_name_of(options.group) + ".offsets")};
    }

private:
    connection via_; // keeps the actor system alive
    push_consumer_options options_;
    std::shared_ptr<offset_saver> saver_; ///< only if it keeps offsets
    std::shared_ptr<report_inbox> reports_ = std::make_shared<report_inbox>();
    std::shared_ptr<reader_counters> counters_ = std::make_shared<reader_counters>();
    std::shared_ptr<handler_pool> pool_;
    reader_actor reader_;
    std::mutex stopping_;
    bool stopped_ = false;
};

push_consumer::state::state(connection via, const push_consumer_options& options, handler handle,
                            std::map<message_queue, queue_offset> local_offsets)
    : via_{std::move(via)}, options_{options} {
    auto reader_setup = make_reader_options(via_, options);
    reader_setup.local_offsets = std::move(local_offsets);
    if (keeps_offsets(options)) {
        saver_ = std::make_shared<offset_saver>(file_of(via_, options), options.group);
        reader_setup.save_local = [saver = saver_](const queue_positions& all) { saver->save(all); };
    }
    // The reader is spawned after the pool, which reports to it: the pool has nothing to report before that.
    const auto report = [this](delivery_report r) {
        counters_->messages_failed.fetch_add(r.failures, std::memory_order_relaxed);
        if (reports_->put(std::move(r)))
            caf::anon_send(reader_, inbox_filled{});
    };
    pool_ = std::make_shared<handler_pool>(handler_pool::options{options.handler_threads, options.ordered}, std::move(handle), report);
    reader_ = spawn_reader(via_.core().system(), std::move(reader_setup), via_.core().hub(), pool_, reports_, counters_);
}

void push_consumer::state::start() {
    // With `ordered` too: other members of the group may read without order, and brokers bring back there what tools reset.
    if (options_.model == message_model::clustering)
        tell(change_subscription{actors::retry_topic_of(options_.group), message_selector{}});
    tell(begin_reading{});
}

void push_consumer::state::stop(std::chrono::milliseconds timeout) {
    const std::lock_guard lock{stopping_};
    if (std::exchange(stopped_, true))
        return;
    pool_->stop();
    auto answer = std::make_shared<std::promise<result<queue_positions>>>();
    auto ended = answer->get_future();
    tell(end_reading{std::move(answer)});
    const auto last = wait_for(ended, timeout, "stopping the consumer");
    if (last && saver_)
        saver_->save(*last);
    caf::anon_send_exit(reader_, caf::exit_reason::user_shutdown);
    via_.core().release_group(options_.group);
}

std::map<message_queue, queue_offset> push_consumer::state::positions() const {
    auto answer = std::make_shared<std::promise<result<queue_positions>>>();
    auto known = answer->get_future();
    caf::anon_send(reader_, ask_positions{std::move(answer)});
    auto all = wait_for(known, via_.options().request_timeout, "asking for the assignment");
    if (!all)
        return {};
    std::erase_if(*all, [](const auto& entry) { return is_retry_topic(entry.first.topic); });
    return std::move(*all);
}

push_consumer::push_consumer(std::shared_ptr<state> s) : state_{std::move(s)} {}
push_consumer::push_consumer(push_consumer&&) noexcept = default;
push_consumer& push_consumer::operator=(push_consumer&&) noexcept = default;
push_consumer::~push_consumer() = default;

namespace {

/// What is in the file, which then can be written, too: a member that finds out later has handled messages that come again.
result<std::map<message_queue, queue_offset>> load_writable(const offset_file& file) {
    auto loaded = file.load();
    if (!loaded)
        return loaded;
    if (const auto saved = file.save(*loaded); !saved)
        return error{saved.code(), "local_offsets_directory: " + saved.failure().text +
                                       "; name a directory that this process may write, or none, to keep offsets in memory"};
    return loaded;
}

} // namespace

result<push_consumer> push_consumer::open(const connection& via, push_consumer_options options, handler handle) {
    if (auto good = check_options(options, static_cast<bool>(handle)); !good)
        return good.failure();
    if (!via.core().claim_group(options.group))
        return error{errc::already_exists, "this connection has a consumer of group " + options.group +
                                               " already, and both would read the same queues; stop it first, or open the other on a "
                                               "connection of its own"};
    std::map<message_queue, queue_offset> local_offsets;
    if (state::keeps_offsets(options)) { // claimed first: the file is not another consumer's
        auto loaded = load_writable(state::file_of(via, options));
        if (!loaded) {
            via.core().release_group(options.group);
            return loaded.failure();
        }
        local_offsets = std::move(*loaded);
    }
    return push_consumer{std::make_shared<state>(via, options, std::move(handle), std::move(local_offsets))};
}

result<void> push_consumer::subscribe(std::string topic, message_selector wanted) {
    if (auto legal = check_topic_name(topic); !legal)
        return legal;
    if (const auto filter = subscription_filter::parse(wanted); !filter)
        return filter.failure();
    state_->tell(change_subscription{std::move(topic), std::move(wanted)});
    return {};
}

result<void> push_consumer::unsubscribe(const std::string& topic) {
    state_->tell(change_subscription{topic, std::nullopt});
    return {};
}

result<void> push_consumer::start() {
    state_->start();
    return {};
}

void push_consumer::stop(std::chrono::milliseconds timeout) {
    state_->stop(timeout);
}

std::map<message_queue, queue_offset> push_consumer::assignment() const {
    return state_->positions();
}

push_consumer_counters push_consumer::counters() const {
    const auto& c = state_->counters();
    return {c.messages_done, c.messages_failed,    c.messages_sent_back, c.send_backs_failed, c.pulls,      c.pulls_failed,
            c.rebalances,    c.allocations_failed, c.commits_failed,     c.locks_failed,      c.locks_lost, state_->saves_failed()};
}

} // namespace troupe::client
