#include "actors/throttled_pulls.hpp"

#include <algorithm>

namespace troupe::actors {

std::size_t throttled_pulls::drop(const ticket_holder_actor& holder, const std::vector<std::uint64_t>& tickets) {
    return std::erase_if(pulls_, [&holder, &tickets](const auto& entry) {
        const auto& pull = entry.second.pull;
        return pull.reply_to == holder && std::binary_search(tickets.begin(), tickets.end(), pull.ticket);
    });
}

std::vector<throttled_pull> throttled_pulls::take(pull_map::iterator first, pull_map::iterator last) {
    std::vector<throttled_pull> taken;
    for (auto entry = first; entry != last; ++entry)
        taken.push_back(std::move(entry->second));
    pulls_.erase(first, last);
    return taken;
}

} // namespace troupe::actors
