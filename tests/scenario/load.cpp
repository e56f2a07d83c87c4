#include "tests/scenario/load.hpp"

#include <algorithm>
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

client::pull_consumer_options reading(std::string group) {
    client::pull_consumer_options options;
    options.group = std::move(group);
    options.fetch.pull_hold = std::chrono::milliseconds{1000};
    options.fetch.pull_timeout = std::chrono::milliseconds{3000};
    return options;
}

} // namespace

std::string to_text(const client::message_queue& queue) {
    return queue.topic + "/" + queue.broker_name + "/" + std::to_string(queue.queue);
}

// ---- senders --------------------------------------------------------------------------------------------------------

senders::senders(client::connection via, std::string topic, int threads, testing::history& notes)
    : notes_{notes}, topic_{std::move(topic)}, producer_{must(client::producer::open(via, patient()), "producer")} {
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
        notes_.sending(id);
        note(thread, id, producer_.send(std::move(message), choice));
    }
}

void senders::note(int thread, const std::string& id, const result<client::send_receipt>& outcome) {
    if (!outcome) {
        notes_.failed(id);
        ++failed_;
        return;
    }
    const auto queue = to_text(outcome->queue);
    notes_.acknowledged(id, {queue, outcome->offset.value()}, outcome->attempts);
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
    : notes_{notes}, topic_{std::move(topic)}, consumer_{must(client::pull_consumer::open(via, reading(std::move(group))), "consumer")} {
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
            const auto body = message.body.view();
            notes_.delivered(std::string{body.substr(0, body.find('.'))}, {to_text(message.queue), message.offset.value()});
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

} // namespace troupe::scenario
