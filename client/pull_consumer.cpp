#include "client/pull_consumer.hpp"

#include "client/internal/connection_core.hpp"
#include "client/internal/poll_buffer.hpp"
#include "client/internal/reader.hpp"
#include "client/internal/subscription_filter.hpp"
#include "client/internal/while_away.hpp"
#include "protocol/vocabulary/names.hpp"

#include <caf/send.hpp>

#include <atomic>
#include <utility>

namespace troupe::client {

class pull_consumer::state {
public:
    state(connection via, const pull_consumer_options& options);
    state(const state&) = delete;
    state& operator=(const state&) = delete;
    ~state() { close(); }

    /// Sends the order with a promise for its answer, and waits. Look-ups may go over several silent name servers.
    template <class T, class Order>
    result<T> ask(Order order, const char* what) {
        auto answer = std::make_shared<std::promise<result<T>>>();
        auto known = answer->get_future();
        order.answer = std::move(answer);
        caf::anon_send(reader_, std::move(order));
        return wait_for(known, via_.options().request_timeout * 2, what);
    }
    /// As ask(), and asks again within the request timeout while a broker or all name servers are away, as during a restart.
    template <class T, class Order>
    result<T> ask_again(const Order& order, const char* what) {
        const auto is_away = [this](errc code) {
            return !closed_ && (hints_at_lost_broker(code) || code == errc::no_route || code == errc::no_name_server);
        };
        return ask_while_away(via_.options().request_timeout, is_away, [&](milliseconds) { return ask<T>(order, what); });
    }
    [[nodiscard]] poll_buffer& buffer() { return *buffer_; }
    void close();

private:
    connection via_; // keeps the actor system alive
    std::shared_ptr<report_inbox> reports_ = std::make_shared<report_inbox>();
    std::shared_ptr<poll_buffer> buffer_;
    reader_actor reader_;
    std::atomic<bool> closed_{false};
};

pull_consumer::state::state(connection via, const pull_consumer_options& options) : via_{std::move(via)} {
    reader_options reader_setup;
    reader_setup.client_id = via_.client_id();
    reader_setup.group = options.group;
    reader_setup.request_timeout = via_.options().request_timeout;
    reader_setup.fetch = options.fetch;
    reader_setup.pull_expression = options.expression;
    buffer_ = std::make_shared<poll_buffer>([this](delivery_report r) {
        if (reports_->put(std::move(r)))
            caf::anon_send(reader_, inbox_filled{});
    });
    reader_ = spawn_reader(via_.core().system(), std::move(reader_setup), via_.core().hub(), buffer_, reports_,
                           std::make_shared<reader_counters>());
}

void pull_consumer::state::close() {
    closed_ = true;
    buffer_->close();
    caf::anon_send_exit(reader_, caf::exit_reason::user_shutdown);
}

pull_consumer::pull_consumer(std::shared_ptr<state> s) : state_{std::move(s)} {}
pull_consumer::pull_consumer(pull_consumer&&) noexcept = default;
pull_consumer& pull_consumer::operator=(pull_consumer&&) noexcept = default;
pull_consumer::~pull_consumer() = default;

result<pull_consumer> pull_consumer::open(const connection& via, pull_consumer_options options) {
    if (auto legal = check_group_name(options.group); !legal)
        return legal.failure();
    if (auto filter = subscription_filter::parse(options.expression); !filter)
        return filter.failure();
    return pull_consumer{std::make_shared<state>(via, options)};
}

result<std::vector<message_queue>> pull_consumer::queues(const std::string& topic) {
    if (auto legal = check_topic_name(topic); !legal)
        return legal.failure();
    return state_->ask_again<std::vector<message_queue>>(list_queues{topic, nullptr}, "asking for the queues of the topic");
}

result<void> pull_consumer::assign(std::vector<message_queue> queues, seek_target from) {
    auto done = state_->ask<std::size_t>(assign_queues{std::move(queues), from, nullptr}, "assigning queues");
    return done ? result<void>{} : done.failure();
}

result<void> pull_consumer::seek(const message_queue& queue, seek_target target) {
    auto done = state_->ask<std::size_t>(seek_queue{queue, target, nullptr}, "seeking");
    return done ? result<void>{} : done.failure();
}

std::vector<received_message> pull_consumer::poll(std::chrono::milliseconds timeout, std::size_t messages_max) {
    return state_->buffer().poll(std::chrono::steady_clock::now() + bounded(timeout), messages_max);
}

result<queue_offset> pull_consumer::position(const message_queue& queue) const {
    return state_->ask<queue_offset>(ask_position{queue, nullptr}, "asking for the position");
}

result<void> pull_consumer::commit() {
    auto done = state_->ask_again<std::size_t>(commit_positions{nullptr}, "committing");
    return done ? result<void>{} : done.failure();
}

result<queue_offset> pull_consumer::committed(const message_queue& queue) {
    return state_->ask_again<queue_offset>(ask_committed{queue, nullptr}, "asking for the committed offset");
}

void pull_consumer::close() {
    state_->close();
}

} // namespace troupe::client
