#include "actors/net/connection_table.hpp"

#include <algorithm>

namespace troupe::actors::net {

std::size_t connection_table::connections_beside(std::size_t wanted, std::size_t descriptors_max) {
    const bool has_room = descriptors_max > 2 * descriptors_reserved;
    return std::min(wanted, has_room ? descriptors_max - descriptors_reserved : descriptors_max / 2);
}

connection_table::verdict connection_table::look_at(caf::io::connection_handle newcomer, std::size_t descriptors_max) const {
    if (static_cast<std::size_t>(newcomer.id()) + descriptors_reserved / 2 > descriptors_max)
        return verdict::scarce;
    return connections_.size() < limits_.connections_max ? verdict::welcome : verdict::full;
}

port_connection& connection_table::add(connection_id id, caf::io::connection_handle handle, time_point now) {
    auto& each = connections_[id];
    each.handle = handle;
    each.last_seen = now;
    ids_[handle] = id;
    return each;
}

void connection_table::remove(connection_id id) {
    const auto found = connections_.find(id);
    if (found == connections_.end())
        return;
    kept_ -= found->second.kept;
    if (id_of(found->second.handle) == id)
        ids_.erase(found->second.handle);
    connections_.erase(found);
}

port_connection* connection_table::find(connection_id id) {
    const auto found = connections_.find(id);
    return found == connections_.end() ? nullptr : &found->second;
}

std::optional<connection_id> connection_table::id_of(caf::io::connection_handle handle) const {
    const auto found = ids_.find(handle);
    return found == ids_.end() ? std::nullopt : std::optional{found->second};
}

std::vector<connection_id> connection_table::all() const {
    std::vector<connection_id> ids;
    for (const auto& entry : connections_)
        ids.push_back(entry.first);
    return ids;
}

void connection_table::count_kept(connection_id id, std::size_t waiting_bytes) {
    auto* each = find(id);
    if (each == nullptr)
        return;
    const auto planned = each->in.plan().bytes;
    const auto read_buffer = planned > connection_buffer::small_read_bytes ? planned : 0; // CAF allocates all of it
    const auto now_kept = each->in.size() + read_buffer + each->unsent + waiting_bytes;
    kept_ += now_kept - std::exchange(each->kept, now_kept);
}

std::optional<std::pair<connection_id, std::size_t>> connection_table::greediest() const {
    if (kept_ <= limits_.kept_bytes_max || connections_.empty())
        return std::nullopt;
    const auto most = std::max_element(connections_.begin(), connections_.end(),
                                       [](const auto& left, const auto& right) { return left.second.kept < right.second.kept; });
    return std::pair{most->first, most->second.kept};
}

std::vector<std::pair<connection_id, std::string_view>> connection_table::overdue(time_point now) const {
    std::vector<std::pair<connection_id, std::string_view>> found;
    for (const auto& [id, each] : connections_) {
        if (each.last_seen + limits_.idle_timeout < now)
            found.emplace_back(id, "nothing was sent or read for too long");
        else if (!each.halted && each.in.is_inside_frame() && each.frame_began + limits_.half_frame_timeout < now)
            found.emplace_back(id, "a frame began and did not end");
    }
    return found;
}

} // namespace troupe::actors::net
