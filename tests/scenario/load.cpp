#include "tests/scenario/load.hpp"

#include <algorithm>
#include <set>
#include <stdexcept>

namespace troupe::scenario {

namespace {

template <class T>
T must(result<T> made, const char* what) {
    if (!made) {
        throw std::runtime_error{std::string{what} + ": " + to_string(made.failure())};
    }
    return std::move(made).value();
}

client::producer_options patient() {
    client::producer_options options;
    options.group = "scenario-producers";
    options.send_timeout = std::chrono::milliseconds{10'000};
    options.retries_max = 20;
    return options;
}

client::pull_consumer_options reading_as(std::string group) {
    client::pull_consumer_options options;
    options.group = std::move(group);
    options.fetch.pull_hold = std::chrono::milliseconds{1000};
    options.fetch.pull_timeout = std::chrono::milliseconds{3000};
    return options;
}

std::string id_of(const client::received_message& message) {
    const auto body = message.body.view();
    return std::string{body.substr(0, body.find('.'))};
}

} // namespace

std::string to_text(const client::message_queue& queue) {
    return queue.topic + "/" + queue.broker_name + "/" + std::to_string(queue.queue);
}

// ---- senders --------------------------------------------------------------------------------------------------------

senders::senders(client::connection via, std::string topic, int threads, testing::history& notes, testing::history& reread)
    : notes_{&notes, &reread}, topic_{std::move(topic)}, producer_{must(client::producer::open(via, patient()), "producer")} {
    for (int thread = 0; thread < threads; ++thread) {
        threads_.emplace_back([this, thread] { run(thread); });
    }
}

senders::~senders() {
    stop();
}

void senders::stop() {
    stopping_ = true;
    for (auto& each : threads_) {
        each.join();
    }
    threads_.clear();
}

void senders::run(int thread) {
    const auto choice = client::queue_choice::by_key("thread-" + std::to_string(thread));
    for (int i = 0; !stopping_; ++i) {
        const auto id = std::to_string(thread) + "-" + std::to_string(i);
        client::message message;
        message.topic = topic_;
        message.body = id + std::string(200, '.');
        message.keys = {id};
        for (auto* each : notes_) {
            each->sending(id);
        }
        note(thread, id, producer_.send(std::move(message), choice));
    }
}

void senders::note(int thread, const std::string& id, const result<client::send_receipt>& outcome) {
    if (!outcome) {
        for (auto* each : notes_) {
            each->failed(id);
        }
        ++failed_;
        return;
    }
    const auto queue = to_text(outcome->queue);
    for (auto* each : notes_) {
        each->acknowledged(id, {queue, outcome->offset.value()}, outcome->attempts);
    }
    ++acknowledged_;
    const std::lock_guard lock{mutex_};
    const auto [last, is_first] = last_offset_.emplace(std::pair{thread, queue}, outcome->offset.value());
    if (!is_first && outcome->offset.value() <= last->second) {
        out_of_order_.push_back(id + " in " + queue + " at " + std::to_string(outcome->offset.value()) + " after " +
                                std::to_string(last->second));
    }
    last->second = outcome->offset.value();
}

std::vector<std::string> senders::out_of_order() const {
    const std::lock_guard lock{mutex_};
    return out_of_order_;
}

// ---- reader ---------------------------------------------------------------------------------------------------------

reader::reader(client::connection via, std::string topic, std::string group, testing::history& notes)
    : notes_{notes}, topic_{std::move(topic)}, consumer_{must(client::pull_consumer::open(via, reading_as(std::move(group))), "consumer")} {
    thread_ = std::thread{[this] { run(); }};
}

reader::~reader() {
    stop();
}

void reader::stop() {
    stopping_ = true;
    if (thread_.joinable()) {
        thread_.join();
    }
}

void reader::assign_all() {
    auto queues = consumer_.queues(topic_);
    if (!queues || queues->size() <= assigned_) {
        return;
    }
    if (consumer_.assign(*queues, client::seek_target::first()).ok()) {
        assigned_ = queues->size();
    }
}

void reader::run() {
    for (int round = 0; !stopping_; ++round) {
        if (assigned_ == 0 || round % 100 == 0) {
            assign_all();
        }
        for (const auto& message : consumer_.poll(std::chrono::milliseconds{50})) {
            notes_.delivered(id_of(message), {to_text(message.queue), message.offset.value()});
        }
        if (round % 20 == 0) {
            commit();
        }
    }
}

void reader::commit() {
    auto queues = consumer_.queues(topic_);
    if (!queues) {
        return;
    }
    std::map<client::message_queue, std::int64_t> positions;
    for (const auto& queue : *queues) {
        if (auto position = consumer_.position(queue)) {
            positions[queue] = position->value();
        }
    }
    if (!consumer_.commit().ok()) {
        return;
    }
    const std::lock_guard lock{mutex_};
    for (const auto& [queue, position] : positions) {
        committed_[queue] = std::max(committed_[queue], position);
    }
}

std::map<client::message_queue, std::int64_t> reader::committed() const {
    const std::lock_guard lock{mutex_};
    return committed_;
}

// ---- reading everything ---------------------------------------------------------------------------------------------

namespace {

/// Looks at one queue's messages as they come.
class queue_reading {
public:
    explicit queue_reading(std::int64_t first) : next_{first} {}

    void take(const std::string& queue, std::int64_t offset, const std::string& id, reading& found) {
        ++found.messages;
        if (offset != next_) {
            found.gaps.push_back(queue + ": " + std::to_string(offset) + " came where " + std::to_string(next_) + " belongs");
        }
        next_ = offset + 1;
        const auto dash = id.find('-');
        if (dash == std::string::npos || !seen_.insert(id).second) {
            return; // not ours, which the history notices, or a retry's second copy
        }
        const auto number = std::stoll(id.substr(dash + 1));
        const auto [last, is_first] = last_of_sender_.emplace(id.substr(0, dash), number);
        if (!is_first && number < last->second) {
            found.out_of_order.push_back(queue + ": " + id + " at " + std::to_string(offset) + " behind number " +
                                         std::to_string(last->second));
        }
        last->second = std::max<long long>(last->second, number);
    }
    [[nodiscard]] std::int64_t next() const { return next_; }

private:
    std::int64_t next_;
    std::set<std::string> seen_;
    std::map<std::string, long long> last_of_sender_;
};

} // namespace

reading read_everything(const client::connection& via, const std::string& topic, testing::history& notes, std::chrono::milliseconds limit) {
    const auto described = must(client::admin{via}.describe_topic(topic), "describe the topic");
    auto consumer = must(client::pull_consumer::open(via, reading_as("scenario-reread")), "consumer");
    std::map<client::message_queue, queue_reading> states;
    std::vector<client::message_queue> queues;
    for (const auto& [queue, stats] : described.queues) {
        states.emplace(queue, queue_reading{stats.min_offset});
        queues.push_back(queue);
    }
    if (const auto assigned = consumer.assign(queues, client::seek_target::first()); !assigned) {
        throw std::runtime_error{"assign: " + to_string(assigned.failure())};
    }
    const auto is_done = [&] {
        return std::all_of(described.queues.begin(), described.queues.end(),
                           [&](const auto& queue) { return states.at(queue.first).next() >= queue.second.max_offset; });
    };
    reading found;
    const auto deadline = std::chrono::steady_clock::now() + limit;
    while (!is_done() && std::chrono::steady_clock::now() < deadline) {
        for (const auto& message : consumer.poll(std::chrono::milliseconds{50})) {
            const auto id = id_of(message);
            notes.delivered(id, {to_text(message.queue), message.offset.value()});
            states.at(message.queue).take(to_text(message.queue), message.offset.value(), id, found);
        }
    }
    for (const auto& [queue, stats] : described.queues) {
        if (states.at(queue).next() < stats.max_offset) {
            found.unread.push_back(to_text(queue) + " from " + std::to_string(states.at(queue).next()) + " to " +
                                   std::to_string(stats.max_offset));
        }
    }
    return found;
}

} // namespace troupe::scenario
