#include "client/internal/handler_pool.hpp"

#include <chrono>
#include <exception>
#include <utility>

namespace troupe::client {

namespace {

constexpr std::chrono::milliseconds report_interval{50}; // slow handlers: let commits follow

} // namespace

handler_pool::handler_pool(options all, push_consumer::handler handle, std::function<void(delivery_report)> report)
    : options_{all}, handle_{std::move(handle)}, report_{std::move(report)} {
    for (std::size_t i = 0; i < options_.threads; ++i)
        threads_.emplace_back([this] { run(); });
}

handler_pool::~handler_pool() {
    stop();
}

void handler_pool::put(std::function<void()> job) {
    {
        const std::lock_guard lock{mutex_};
        if (stopping_)
            return;
        jobs_.push_back(std::move(job));
    }
    changed_.notify_one();
}

void handler_pool::deliver(delivery d) {
    put([this, held = std::make_shared<delivery>(std::move(d))] { handle_all(std::move(*held)); });
}

void handler_pool::run_blocking(std::function<void()> job) {
    put(std::move(job));
}

bool handler_pool::consume(std::shared_ptr<direct_consumption> one) {
    {
        const std::lock_guard lock{mutex_};
        std::erase_if(direct_, [](const auto& each) { return each->is_over(); });
        if (stopping_ || direct_.size() >= direct_max)
            return false;
        direct_.push_back(std::move(one));
    }
    changed_.notify_one();
    return true;
}

void handler_pool::run() {
    std::unique_lock lock{mutex_};
    for (;;) {
        changed_.wait(lock, [this] { return stopping_ || !jobs_.empty() || !direct_.empty(); });
        if (stopping_)
            return;
        if (!direct_.empty()) {
            const auto one = std::move(direct_.front());
            direct_.pop_front();
            lock.unlock();
            consume_now(*one);
            lock.lock();
            continue;
        }
        auto job = std::move(jobs_.front());
        jobs_.pop_front();
        lock.unlock();
        job();
        job = nullptr;
        lock.lock();
    }
}

void handler_pool::consume_now(direct_consumption& one) {
    if (!one.begin())
        return;
    protocol::direct_result result;
    result.ordered = options_.ordered;
    const auto begun = std::chrono::steady_clock::now();
    try {
        result.outcome =
            ask_handler(one.message()) == consume_outcome::done ? protocol::direct_outcome::done : protocol::direct_outcome::retry_later;
    } catch (const std::exception& problem) {
        result.outcome = protocol::direct_outcome::threw;
        result.remark = problem.what();
    } catch (...) {
        result.outcome = protocol::direct_outcome::threw;
        result.remark = "the handler threw something that is no std::exception";
    }
    result.spent_ms = std::chrono::duration_cast<std::chrono::milliseconds>(std::chrono::steady_clock::now() - begun).count();
    one.end(std::move(result));
}

consume_outcome handler_pool::ask_handler(const stored_message& m) {
    return m.message.compressed ? handle_(unpacked(m)) : handle_(m.message);
}

bool handler_pool::handle_one(const stored_message& m) {
    try {
        return ask_handler(m) == consume_outcome::done;
    } catch (...) {
        return false; // the user's exceptions end here: the message comes again
    }
}

void handler_pool::handle_all(delivery d) {
    const auto fresh = [&d] { return delivery_report{d.queue, d.generation, {}, {}, false, false, 0, {}}; };
    auto report = fresh();
    auto now = std::chrono::steady_clock::now();
    auto reported = now;
    bool blocked = false;
    for (auto& m : d.messages) {
        if (stopping_ || d.revoked->load())
            break;
        // The reader may not have noticed yet: this process may have stood still.
        blocked = blocked || (d.lock && !d.lock->holds(lock_moment::at(std::chrono::steady_clock::now())));
        if (blocked) {
            report.again.push_back(std::move(m));
            continue;
        }
        if (handle_one(m)) {
            report.done.emplace_back(m.message.offset, window_bytes(m));
        } else {
            ++m.message.local_redeliveries;
            report.failed = true;
            ++report.failures;
            report.again.push_back(std::move(m));
            blocked = options_.ordered;
        }
        const auto begun = std::exchange(now, std::chrono::steady_clock::now());
        report.spent += now - begun;
        if (!blocked && now - reported > report_interval) {
            reported = now;
            report_(std::exchange(report, fresh()));
        }
    }
    report.finished = true;
    report_(std::move(report));
}

void handler_pool::stop() {
    {
        const std::lock_guard lock{mutex_};
        stopping_ = true;
        jobs_.clear();
        direct_.clear();
    }
    changed_.notify_all();
    for (auto& thread : threads_)
        if (thread.joinable())
            thread.join();
}

} // namespace troupe::client
