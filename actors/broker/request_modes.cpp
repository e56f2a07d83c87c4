#include "actors/broker/request_modes.hpp"

namespace troupe::actors {

request_mode request_modes::find(const std::string& topic, const std::string& group) const {
    const auto set = modes_.find({topic, group});
    return set == modes_.end() ? request_mode{topic, group} : set->second;
}

result<void> request_modes::check_room(const std::string& topic, const std::string& group) const {
    if (modes_.size() >= modes_max_ && !modes_.contains({topic, group}))
        return error{errc::busy, "this broker keeps the modes of at most " + std::to_string(modes_max_) + " groups and topics"};
    return {};
}

void request_modes::set(request_mode mode) {
    std::pair key{mode.topic, mode.group};
    modes_.insert_or_assign(std::move(key), std::move(mode));
}

void request_modes::forget(const std::string& topic, const std::string& group) {
    std::erase_if(modes_, [&topic, &group](const auto& entry) { return entry.first.first == topic || entry.first.second == group; });
}

std::vector<request_mode> request_modes::list() const {
    std::vector<request_mode> all;
    for (const auto& entry : modes_)
        all.push_back(entry.second);
    return all;
}

} // namespace troupe::actors
