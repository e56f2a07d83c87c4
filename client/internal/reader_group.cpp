#include "actors/messages/type_ids.hpp"
#include "client/internal/assignment_change.hpp"
#include "client/internal/reader_state.hpp"

#include <algorithm>
#include <utility>

namespace troupe::client {

namespace {

constexpr milliseconds share_retry{500};
/// So long a broker that has lost its members is given until it counts as knowing all of them: heartbeats are repeated every half
/// a second while a broker is away.
constexpr milliseconds regroup_pause{5000};
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
            data.subscriptions.push_back({topic, interest.filter.expression(), interest.filter.type(), interest.version});
    return data;
}

void reader_state::announce_membership() {
    if (reading && !ending && options.in_group)
        self->send(hub, join_group{membership(), member_listener_actor{self}});
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
    // All brokers, because one that has restarted knows only those members that have found back to it.
    const auto routing = interest.routing;
    const auto generation = interest.generation;
    const auto round = std::make_shared<member_round>();
    round->left = routing->brokers.size();
    if (round->left == 0)
        share_failed(topic, generation);
    for (const auto& item : routing->brokers)
        self->request(item.second, options.request_timeout, actors::list_group_members{options.group})
            .then([this, topic, generation, round, broker_name = item.first](
                      const actors::group_members& answer) { members_told(topic, generation, broker_name, answer.client_ids, *round); },
                  [this, topic, generation, round, broker_name = item.first](const caf::error&) {
                      members_told(topic, generation, broker_name, {}, *round);
                  });
}

void reader_state::members_told(const std::string& topic, std::uint64_t generation, const std::string& broker_name,
                                const std::vector<std::string>& told, member_round& round) {
    const auto* interest = current(topic, generation);
    if (interest == nullptr)
        return;
    round.members.insert(told.begin(), told.end());
    const auto lost = lost_brokers.find(broker_name);
    if (std::find(told.begin(), told.end(), options.client_id) == told.end()) {
        if (!interest->members.empty()) // else it has not heard of us yet
            broker_lost(broker_name);
        else
            self->send(hub, suspect_broker{broker_name});
    } else if (lost == lost_brokers.end()) {
        round.is_whole = true;
    } else {
        const auto whole_at = lost->second.value_or(now() + regroup_pause);
        lost->second = whole_at;
        if (whole_at <= now()) {
            round.is_whole = true;
            lost_brokers.erase(lost);
        } else {
            round.whole_at = std::min(whole_at, round.whole_at.value_or(whole_at));
        }
    }
    if (--round.left == 0)
        apply_share(topic, generation, round);
}

void reader_state::broker_lost(const std::string& broker_name) {
    lost_brokers[broker_name].reset();
    locks.doubt(broker_name, now());
    self->send(hub, suspect_broker{broker_name});
}

void reader_state::share_ended(const std::string& topic, topic_interest& interest) {
    interest.sharing_out = false;
    // This topic alone: with a rebalance of all, two topics would each give the other its next reason, for ever.
    if (std::exchange(interest.share_again, false) && interest.subscribed && !ending)
        share_out(topic, interest);
}

void reader_state::share_failed(const std::string& topic, std::uint64_t generation) {
    auto* interest = current(topic, generation);
    if (interest == nullptr)
        return;
    // Brokers have not heard our heartbeat (yet, or since they restarted), or are away: keep what we have.
    share_ended(topic, *interest);
    rebalance_due = std::min(rebalance_due, now() + share_retry);
    arm();
}

void reader_state::apply_share(const std::string& topic, std::uint64_t generation, const member_round& round) {
    auto* known = current(topic, generation);
    if (known == nullptr || !known->subscribed || ending)
        return;
    auto& interest = *known;
    if (!round.members.contains(options.client_id)) {
        share_failed(topic, generation);
        return;
    }
    share_ended(topic, interest);
    auto members = round.members;
    if (!round.is_whole) { // the others need a moment to find back, too; their queues are theirs until then
        members.insert(interest.members.begin(), interest.members.end());
        rebalance_due = std::min(rebalance_due, round.whole_at.value_or(now() + regroup_pause));
    }
    interest.members = std::move(members);
    if (const auto share = own_share(interest))
        apply_queues(topic, interest, *share, interest.members.size() > 1 ? handover_pause : milliseconds{0});
    work();
}

std::optional<std::vector<message_queue>> reader_state::own_share(const topic_interest& interest) {
    try {
        return options.allocation.allocate(interest.routing->readable, {interest.members.begin(), interest.members.end()},
                                           options.client_id);
    } catch (...) { // the user's own function: what is read now goes on, and the next rebalance asks again
        counters->allocations_failed.fetch_add(1, std::memory_order_relaxed);
        return std::nullopt;
    }
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
