#include "actors/group/queue_assignment.hpp"

#include <algorithm>
#include <set>
#include <utility>

namespace troupe::actors {

namespace {

using queues = std::vector<protocol::message_queue>;

template <class T>
void sort_unique(std::vector<T>& values) {
    std::sort(values.begin(), values.end());
    values.erase(std::unique(values.begin(), values.end()), values.end());
}

/// The share of member number `index`.
queues share_of(const queues& all, std::size_t members, std::size_t index, bool by_circle) {
    queues share;
    const auto rest = all.size() % members;
    const auto begin = index * (all.size() / members) + std::min(index, rest);
    const auto end = begin + all.size() / members + (index < rest ? 1 : 0);
    for (std::size_t i = 0; i < all.size(); ++i)
        if (by_circle ? i % members == index : begin <= i && i < end)
            share.push_back(all[i]);
    return share;
}

/// Each client reads its own share and those of the clients after it, so that a slow one does not hold up its queues.
queues shared(const assignment_question& question, std::size_t index, bool by_circle) {
    const auto members = question.members.size();
    if (question.queues.size() < members)
        return question.queues.empty() ? queues{} : queues{question.queues[index % question.queues.size()]};
    queues all;
    for (std::size_t i = 0; i <= static_cast<std::size_t>(question.mode.share_queues); ++i)
        for (auto& queue : share_of(question.queues, members, (index + i) % members, by_circle))
            all.push_back(std::move(queue));
    sort_unique(all);
    return all;
}

queues one_per_broker(const queues& all) {
    queues every;
    for (const auto& queue : all)
        every.push_back({queue.topic, queue.broker_name, -1});
    sort_unique(every);
    return every;
}

} // namespace

result<std::vector<protocol::queue_assignment>> assign_queues(assignment_question question) {
    const bool by_circle = question.strategy == "AVG_BY_CIRCLE";
    if (!by_circle && question.strategy != "AVG")
        return error{errc::argument_illegal,
                     "queues are assigned by AVG or AVG_BY_CIRCLE, there is no strategy " + question.strategy.substr(0, 64)};
    sort_unique(question.queues);
    sort_unique(question.members);
    const auto own = std::lower_bound(question.members.begin(), question.members.end(), question.client_id);
    if (own == question.members.end() || *own != question.client_id)
        return error{errc::group_not_found,
                     "client " + question.client_id.substr(0, 255) + " is no member of the group; send a heartbeat first"};
    const auto index = static_cast<std::size_t>(own - question.members.begin());
    const bool is_pop = question.mode.is_pop;
    const auto share = question.mode.share_queues;
    const bool everybody = share <= 0 || static_cast<std::size_t>(share) + 1 >= question.members.size();
    queues chosen;
    if (!is_pop)
        chosen = share_of(question.queues, question.members.size(), index, by_circle);
    else
        chosen = everybody ? one_per_broker(question.queues) : shared(question, index, by_circle);
    std::vector<protocol::queue_assignment> assigned;
    for (auto& queue : chosen)
        assigned.push_back({std::move(queue), is_pop});
    return assigned;
}

std::vector<protocol::message_queue> readable_queues(const std::string& topic, const std::vector<protocol::queue_data>& route) {
    queues all;
    for (const auto& broker : route)
        if ((broker.perm & permission::read) != 0)
            for (std::int32_t i = 0; i < std::min(broker.read_queues, 65'536); ++i)
                all.push_back({topic, broker.broker_name, i});
    return all;
}

} // namespace troupe::actors
