#include "actors/type_ids.hpp"
#include "client/internal/allocation.hpp"
#include "client/internal/reader_state.hpp"

#include <algorithm>
#include <utility>

namespace troupe::client {

namespace {

constexpr milliseconds share_retry{500};
/// A queue that somebody else may just be giving up is not begun at once: its offset is being committed.
constexpr milliseconds handover_pause{200};

} // namespace

protocol::consumer_data reader_state::membership() const {
    protocol::consumer_data data;
    data.group = options.group;
    data.type = protocol::consume_type::passively;
    data.model = options.model;
    data.from = options.from;
    for (const auto& [topic, interest] : topics)
        if (interest.subscribed)
            data.subscriptions.push_back({topic, interest.filter.to_expression(), "TAG", interest.version});
    return data;
}

void reader_state::announce_membership() {
    if (reading && !ending && options.in_group)
        self->send(hub, join_group{membership(), hub_listener_actor{self}});
}

void reader_state::rebalance() {
    counters->rebalances.fetch_add(1, std::memory_order_relaxed);
    for (auto& [topic, interest] : topics)
        if (interest.subscribed && interest.routing)
            share_out(topic, interest);
}

void reader_state::share_out(const std::string& topic, topic_interest& interest) {
    if (options.model == message_model::broadcasting) {
        apply_queues(topic, interest, interest.routing->readable);
        return;
    }
    interest.share_again = interest.sharing_out;
    if (interest.sharing_out)
        return;
    interest.sharing_out = true;
    ask_members(topic, interest.generation, 0);
}

void reader_state::ask_members(const std::string& topic, std::uint64_t generation, std::size_t broker_index) {
    const auto* interest = current(topic, generation);
    if (interest == nullptr)
        return;
    const auto& brokers = interest->routing->brokers;
    if (broker_index >= brokers.size()) {
        share_failed(topic, generation);
        return;
    }
    // Every member asks the brokers in the same order, so that all see the same list.
    const auto broker = std::next(brokers.begin(), static_cast<std::ptrdiff_t>(broker_index))->second;
    self->request(broker, options.request_timeout, actors::list_group_members{options.group})
        .then([this, topic, generation](const actors::group_members& members) { apply_share(topic, generation, members.client_ids); },
              [this, topic, generation, broker_index](const caf::error&) { ask_members(topic, generation, broker_index + 1); });
}

void reader_state::share_ended(topic_interest& interest) {
    interest.sharing_out = false;
    if (std::exchange(interest.share_again, false))
        rebalance_due = now();
}

void reader_state::share_failed(const std::string& topic, std::uint64_t generation) {
    auto* interest = current(topic, generation);
    if (interest == nullptr)
        return;
    // Brokers have not heard our heartbeat (yet, or since they restarted), or are away: keep what we have.
    for (const auto& [broker_name, handle] : interest->routing->brokers)
        self->send(hub, suspect_broker{broker_name});
    share_ended(*interest);
    rebalance_due = std::min(rebalance_due, now() + share_retry);
    arm();
}

void reader_state::apply_share(const std::string& topic, std::uint64_t generation, const std::vector<std::string>& members) {
    auto* known = current(topic, generation);
    if (known == nullptr || !known->subscribed || ending)
        return;
    auto& interest = *known;
    if (std::find(members.begin(), members.end(), options.client_id) == members.end()) {
        share_failed(topic, generation);
        return;
    }
    share_ended(interest);
    apply_queues(topic, interest, allocate_average(interest.routing->readable, members, options.client_id),
                 members.size() > 1 ? handover_pause : milliseconds{0});
    work();
}

void reader_state::apply_queues(const std::string& topic, topic_interest& interest, const std::vector<message_queue>& share,
                                milliseconds pause) {
    std::vector<message_queue> held;
    for (const auto& [queue, progress] : queues)
        if (queue.topic == topic)
            held.push_back(queue);
    take_reports();
    const auto change = compare_assignments(std::move(held), share);
    for (const auto& queue : change.released)
        release(queue);
    for (const auto& queue : change.acquired)
        acquire(queue, std::nullopt).not_before = now() + pause;
    if (interest.routing && !interest.shared_out) {
        interest.shared_out = true;
        interest.known.insert(interest.routing->readable.begin(), interest.routing->readable.end());
    }
}

bool reader_state::is_new_queue(const message_queue& queue) const {
    const auto at = topics.find(queue.topic);
    return at != topics.end() && at->second.shared_out && !at->second.known.contains(queue);
}

} // namespace troupe::client
