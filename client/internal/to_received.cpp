#include "client/internal/to_received.hpp"

#include "protocol/body_compression.hpp"
#include "protocol/property_edit.hpp"
#include "protocol/vocabulary/names.hpp"

#include <optional>
#include <string>
#include <utility>

namespace troupe::client {

namespace {

std::optional<std::string> unpack(const protocol::message& record, unpacking_room& room) {
    const auto how = protocol::compression_of(record.sys_flag);
    if (!how)
        return std::nullopt;
    auto unpacked = protocol::unpack_body(*how, record.body.view(), room.for_one());
    if (!unpacked)
        return std::nullopt;
    room.take(unpacked->size());
    return std::move(*unpacked);
}

} // namespace

received_message to_received(const message_queue& queue, protocol::message record) {
    unpacking_room room;
    return to_received(queue, std::move(record), room);
}

received_message to_received(const message_queue& queue, protocol::message record, unpacking_room& room) {
    received_message m;
    m.queue = queue;
    m.offset = record.offset;
    m.compressed = (record.sys_flag & protocol::message_sys_flag::compressed) != 0;
    if (auto unpacked = m.compressed ? unpack(record, room) : std::nullopt) {
        m.body = payload{std::move(*unpacked)};
        m.compressed = false;
    } else {
        m.body = std::move(record.body);
    }
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

} // namespace troupe::client
