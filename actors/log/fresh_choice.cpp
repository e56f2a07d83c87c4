#include "actors/log/fresh_choice.hpp"

#include "protocol/message_codec.hpp"

#include <utility>

namespace troupe::actors {

const fresh_choice* fresh_choices::choose(const pull_from_queue& pull) {
    const wish wanted{pull.filter, pull.limits.messages_max, pull.limits.bytes_max};
    auto known = known_.find(wanted);
    if (known == known_.end())
        known = known_.emplace(wanted, choose_by(*pull.filter, pull.limits)).first;
    return known->second ? &*known->second : nullptr;
}

std::optional<fresh_choice> fresh_choices::choose_by(const storage::record_filter& filter, const storage::read_limits& limits) {
    const auto count = static_cast<std::size_t>(fresh_.count);
    if (count > looks_left_ || work_left_ == 0)
        return std::nullopt;
    looks_left_ -= count;
    fresh_choice chosen{fresh_.first, 0, {}};
    std::string records;
    auto rest = fresh_.records.view();
    for (std::size_t i = 0; i < count; ++i, ++chosen.next) {
        const auto size = protocol::record_size(rest);
        if (!size)
            return std::nullopt;
        const auto record = rest.substr(0, *size);
        rest.remove_prefix(*size);
        const auto properties = protocol::view_record(record).properties;
        const auto work = properties.size() * filter.work;
        if (work > work_left_) {
            work_left_ = 0; // for the others, too: their turn would cost as much as this one did
            return std::nullopt;
        }
        work_left_ -= work;
        if (!filter.matches(properties))
            continue;
        const bool is_full = chosen.count >= limits.messages_max || records.size() + record.size() > limits.bytes_max;
        if (is_full && chosen.count > 0)
            break;
        records += record;
        ++chosen.count;
    }
    chosen.records = payload{std::move(records)};
    return chosen;
}

} // namespace troupe::actors
