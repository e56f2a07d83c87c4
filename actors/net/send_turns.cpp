#include "actors/net/send_turns.hpp"

#include <utility>

namespace troupe::actors::net {

void send_turns::list(const topic_queue& queue, lane& of) {
    const bool may_begin = keeps_order_.value_or(false) || of.under_way == 0;
    if (of.listed || of.waiting.empty() || !may_begin)
        return;
    of.listed = true;
    ready_.push_back(queue);
}

void send_turns::add(send next) {
    const auto queue = next.queue;
    auto& to = lanes_[queue];
    to.waiting.push_back(std::move(next));
    ++waiting_;
    list(queue, to);
}

std::optional<send_turns::send> send_turns::take() {
    if (ready_.empty())
        return std::nullopt;
    const auto queue = std::move(ready_.front());
    ready_.pop_front();
    auto& from = lanes_.at(queue);
    from.listed = false;
    auto first = std::move(from.waiting.front());
    from.waiting.pop_front();
    --waiting_;
    ++from.under_way;
    list(queue, from);
    return first;
}

void send_turns::ended(const topic_queue& queue) {
    const auto at = lanes_.find(queue);
    if (at == lanes_.end())
        return;
    auto& of = at->second;
    --of.under_way;
    list(queue, of);
    if (of.under_way == 0 && of.waiting.empty())
        lanes_.erase(at);
}

} // namespace troupe::actors::net
