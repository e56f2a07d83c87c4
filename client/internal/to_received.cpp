#include "client/internal/to_received.hpp"

#include "protocol/inflate.hpp"
#include "protocol/property_edit.hpp"
#include "protocol/vocabulary/names.hpp"

#include <optional>
#include <string>
#include <utility>

namespace troupe::client {

namespace {

/// Bits 8 to 10 of a message's sys flag: how its body is compressed, 0 for clients from before there was a choice. RocketMQ:
/// MessageSysFlag. LZ4 and Zstandard are 0x100 and 0x200.
constexpr std::int32_t compression_mask = 0x700;
constexpr std::int32_t compression_zlib = 0x300;

std::optional<std::string> unpack(const protocol::message& record) {
    const auto method = record.sys_flag & compression_mask;
    if (method != 0 && method != compression_zlib)
        return std::nullopt;
    auto unpacked = protocol::inflate_bounded(record.body.view(), unpacked_bytes_max);
    return unpacked ? std::optional{std::move(*unpacked)} : std::nullopt;
}

} // namespace

received_message to_received(const message_queue& queue, protocol::message record) {
    received_message m;
    m.queue = queue;
    m.offset = record.offset;
    m.compressed = (record.sys_flag & protocol::message_sys_flag::compressed) != 0;
    if (auto unpacked = m.compressed ? unpack(record) : std::nullopt) {
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
