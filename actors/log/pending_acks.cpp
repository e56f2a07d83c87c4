#include "actors/log/pending_acks.hpp"

#include <cassert>
#include <utility>

namespace troupe::actors {

void pending_acks::add(pending_ack ack) {
    assert(waiting_.empty() || waiting_.back().end <= ack.end);
    waiting_.push_back(std::move(ack));
}

std::vector<pending_ack> pending_acks::release(log_position watermark) {
    std::vector<pending_ack> released;
    while (!waiting_.empty() && waiting_.front().end <= watermark) {
        released.push_back(std::move(waiting_.front()));
        waiting_.pop_front();
    }
    return released;
}

std::vector<pending_ack> pending_acks::fail_all(const error& failure) {
    std::vector<pending_ack> failed{std::make_move_iterator(waiting_.begin()), std::make_move_iterator(waiting_.end())};
    waiting_.clear();
    for (auto& ack : failed)
        ack.outcome.failure = failure;
    return failed;
}

} // namespace troupe::actors
