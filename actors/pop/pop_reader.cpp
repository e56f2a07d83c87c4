#include "actors/pop/pop_reader.hpp"

#include "actors/schedule/message_return.hpp"
#include "protocol/message_codec.hpp"
#include "protocol/property_edit.hpp"

#include <algorithm>
#include <span>

namespace troupe::actors {

result<std::optional<payload>> read_one(const storage::message_store& store, const topic_queue& queue, queue_offset offset) {
    auto read = store.read(queue, offset, {}, {1, 1});
    if (!read)
        return read.failure();
    const bool is_there =
        read->status == storage::read_status::found && read->count == 1 && protocol::record_offset(read->records.view()) == offset;
    return is_there ? std::optional{std::move(read->records)} : std::nullopt;
}

result<std::string> redelivered_record(const payload& record, const storage::pop_lease& lease) {
    auto message = protocol::decode_record(record);
    if (!message)
        return message.failure();
    // Whoever sends a message says how often it was tried; see message_return.
    message->reconsume_times =
        std::clamp(message->reconsume_times, 0, reconsume_times_max) + std::min(lease.deliveries - 1, reconsume_times_max);
    const auto properties = message->properties;
    protocol::set_property(message->properties, protocol::property_name::first_pop_time, to_string(lease.first_popped));
    auto copy = protocol::encode_record(*message);
    if (!copy) { // no room for one more property: clients do without
        message->properties = properties;
        copy = protocol::encode_record(*message);
    }
    if (!copy)
        return error{errc::corrupt, copy.failure().text};
    protocol::place_record(std::span{*copy}, message->offset, message->position, message->stored);
    return copy;
}

std::vector<queue_offset> offsets_of_records(std::string_view records) {
    std::vector<queue_offset> offsets;
    while (!records.empty()) {
        const auto bytes = protocol::record_size(records);
        if (!bytes)
            break; // the store has checked them
        offsets.push_back(protocol::record_offset(records));
        records.remove_prefix(*bytes);
    }
    return offsets;
}

} // namespace troupe::actors
