#include "client/internal/to_received.hpp"

#include "protocol/body_compression.hpp"
#include "protocol/property_edit.hpp"
#include "protocol/vocabulary/names.hpp"

#include <optional>
#include <utility>

namespace troupe::client {

received_message to_received(const message_queue& queue, protocol::message record) {
    unpacking_room room;
    return to_received(queue, std::move(record), room);
}

received_message to_received(const message_queue& queue, protocol::message record, unpacking_room& room) {
    const auto sys_flag = record.sys_flag;
    auto m = to_received_packed(queue, std::move(record));
    unpack(m, sys_flag, room);
    return m;
}

received_message to_received_packed(const message_queue& queue, protocol::message record) {
    received_message m;
    m.queue = queue;
    m.offset = record.offset;
    m.compressed = (record.sys_flag & protocol::message_sys_flag::compressed) != 0;
    m.body = std::move(record.body);
    m.flag = record.flag;
    m.born = record.born;
    m.stored = record.stored;
    m.reconsume_times = record.reconsume_times;
    m.offset_message_id = protocol::offset_message_id(record.store_host, record.position);
    m.encoded_properties = std::move(record.properties);
    if (is_retry_topic(queue.topic))
        if (const auto own = m.property(protocol::property_name::retry_topic); !own.empty())
            m.queue.topic = own;
    return m;
}

bool unpack(received_message& m, std::int32_t sys_flag, unpacking_room& room) {
    const auto how = m.compressed ? protocol::compression_of(sys_flag) : std::nullopt;
    if (!how)
        return true;
    auto unpacked = protocol::unpack_body(*how, m.body.view(), room.for_one());
    if (!unpacked)
        return room.for_one() == unpacked_bytes_max;
    room.take(unpacked->size());
    m.body = payload{std::move(*unpacked)};
    m.compressed = false;
    return true;
}

received_message unpacked(const stored_message& stored) {
    auto m = stored.message;
    unpacking_room room;
    unpack(m, stored.sys_flag, room);
    return m;
}

} // namespace troupe::client
